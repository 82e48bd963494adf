import MasterCore
import Model
import Testing

@Suite("Agents")
struct AgentTests {
    @Test("A new agent gets an id, and allocators hear of it")
    func registration() {
        let stage = Stage()
        let relay = stage.relay()
        let allocator = stage.allocator()
        #expect(stage.attach("h1", "cpus:2;mem:512", via: relay) == "7-A1")
        #expect(
            stage.messages(toRelay: relay).first == .agentAccepted(index: 0, Attachment(starts: 1, connects: 1), "7-A1")
        )
        let facts = stage.facts[allocator]!["7-A1"]!
        #expect(facts.total == "cpus:2;mem:512" && facts.isActive && facts.isOwned && facts.holdings == [])
    }

    @Test("A registration in pieces counts when its last piece is there")
    func pieces() {
        let small = Small()
        let life = Attachment(starts: 1, connects: 2)
        var registration = AgentRegistration(
            attachment: life, agentID: small.agent, hostname: "h1", total: "cpus:4;mem:4096",
            tasks: (1...50).map { record($0, small.framework, TaskID("t\($0)"), .running, "cpus:0.01;mem:1") })
        registration.position = 60
        let sent = [
            AgentOrder.launch(LaunchOrder(frameworkID: small.framework, role: "*", frameworkInfo: [], tasks: []))
        ]
        let pieces = RelayToMaster.agentAttached(
            index: 0, registration, sent: sent, issuedEpoch: .none, pieceBytes: 2000)
        #expect(pieces.count > 3)
        for piece in pieces.dropLast() {
            small.stage.step(.relay(small.relay, piece))
            #expect(small.stage.messages(toRelay: small.relay) == [])
        }
        small.stage.step(.relay(small.relay, pieces.last!))
        #expect(small.stage.messages(toRelay: small.relay).first == .agentAccepted(index: 0, life, small.agent))
        #expect(small.stage.master.status(at: small.stage.now)?.tasks == 50)
    }

    @Test("Taking over an agent costs the same messages however many there are, and no line in the log")
    func takeover() {
        let stage = Stage()
        let (relay, _, _) = (stage.relay(), stage.allocator("a1"), stage.allocator("a2"))
        for index in 0..<300 as Range<UInt32> {
            let tasks = (1...2).map { record($0, "6-F1", TaskID("t\(index).\($0)"), .running) }
            stage.attach(
                "h\(index)", id: AgentID("6-A\(index)"), via: relay, at: index, tasks: tasks,
                frameworks: index == 0 ? [FrameworkRecord(id: "6-F1", info: [])] : [])
            guard index > 0 else { continue }  // The first brings the framework.
            #expect(stage.messages(toRelay: relay).count == 2, "accepted, confirmed")
            #expect(stage.said.count { if case .sendToAllocator = $0 { true } else { false } } == 2, "one each")
            guard case .agentAttached(_, _, _, _, inSnapshot: true)? = stage.facts_.first else {
                Issue.record("\(stage.facts_)")
                break
            }
            #expect(stage.said.count == 5)
        }
        stage.step(.relay(relay, .snapshotDone))
        #expect(stage.facts_ == [.relaySynced(relay, name: "r1", agents: 300)])
        stage.attach("late", via: relay, at: 300)
        #expect(
            stage.facts_ == [
                .agentAttached(
                    "7-A1", hostname: "late", relay: "r1", Attachment(starts: 1, connects: 1), inSnapshot: false)
            ])
    }

    @Test("An agent whose first answer was lost gets the same id again")
    func lostAnswer() {
        let stage = Stage()
        let (first, second) = (stage.relay("r1"), stage.relay("r2"))
        #expect(stage.attach("h1", via: first) == "7-A1")
        #expect(stage.attach("h1", via: second, connects: 2) == "7-A1")
        // Once it has shown the id, another agent in its place is another agent.
        stage.attach("h1", id: "7-A1", via: second, connects: 3)
        #expect(stage.attach("h1", via: first, connects: 4) == "7-A2")
    }

    @Test("An answer that was lost between master and relay is given again, with the same id")
    func answerLostToRelay() {
        let stage = Stage()
        let relay = stage.relay("r1")
        #expect(stage.attach("h1", via: relay) == "7-A1")
        stage.step(.peerDisconnected(relay))
        let again = stage.relay("r1")
        #expect(stage.attach("h1", via: again) == "7-A1")
        // As often attached, but there already, or by another relay: that is another agent.
        #expect(stage.attach("h1", via: again, at: 1) == "7-A2")
        #expect(stage.attach("h1", via: stage.relay("r2")) == "7-A3")
    }

    @Test("An agent that moves to another relay is followed; what the old relay still says is ignored")
    func moves() {
        let small = Small()
        small.run("t1")
        let second = small.stage.relay("r2")
        let records = [record(1, small.framework, "t1", .running)]
        small.stage.attach("h1", id: small.agent, via: second, connects: 2, tasks: records, position: 10)
        #expect(small.stage.events(to: small.scheduler) == [])
        small.stage.step(.relay(small.relay, .agentDetached(index: 0, Attachment(starts: 1, connects: 1))))
        small.stage.book(small.relay, 11, .task(record(1, small.framework, "t1", .failed)))
        small.stage.step(.peerDisconnected(small.relay))
        #expect(small.stage.events(to: small.scheduler) == [])
        _ = small.call(.kill("t1", nil, grace: nil))
        guard case .order(0, Attachment(starts: 1, connects: 2), .kill)? = small.stage.messages(toRelay: second).first
        else { return #expect(Bool(false), "\(small.stage.said)") }
    }

    @Test("A registration under an old attachment is refused, by whatever relay")
    func staleAttachment() {
        let stage = Stage()
        let (first, second) = (stage.relay("r1"), stage.relay("r2"))
        stage.attach("h1", id: "6-A1", via: first, connects: 5)
        for connects in [4, 5] as [UInt64] {
            #expect(stage.attach("h1", id: "6-A1", via: second, connects: connects) == nil)
            guard
                case .agentRefused(0, Attachment(starts: 1, connects: connects), _)? =
                    stage.messages(toRelay: second).first
            else { return #expect(Bool(false), "\(stage.said)") }
        }
        stage.step(.peerDisconnected(first))
        #expect(stage.attach("h1", id: "6-A1", via: second, connects: 5) == nil)
        // The relay that had it may bring it again.
        let again = stage.relay("r1")
        #expect(stage.attach("h1", id: "6-A1", via: again, connects: 5) == "6-A1")
    }

    @Test("A relay that connects twice is one relay: the old connection ends, its agents come again")
    func doubleRelay() {
        let small = Small()
        small.run("t1")
        let again = small.stage.relay("r1")
        #expect(small.stage.isClosed(small.relay))
        #expect(small.stage.facts[small.allocator]![small.agent]!.isActive == false)
        small.stage.attach(
            "h1", id: small.agent, via: again, tasks: [record(1, small.framework, "t1", .running)], position: 10)
        #expect(small.stage.facts[small.allocator]![small.agent]!.isActive == true)
        // Frames of the old connection that were on their way.
        small.stage.step(.relay(small.relay, .agentDetached(index: 0, Attachment(starts: 1, connects: 1))))
        #expect(small.stage.said == [])
    }

    @Test("An agent that stays away is given up after 75 seconds: tasks, offers, failure")
    func unreachable() {
        for (capabilities, state) in [
            ([FrameworkCapability.partitionAware], "TASK_UNREACHABLE"), ([], "TASK_LOST"),
        ] {
            let small = Small(Set(capabilities))
            let (other, _) = small.stage.scheduler("other")
            small.run("t1")
            small.stage.step(.peerDisconnected(small.relay))
            small.stage.wait(.seconds(74))
            #expect(small.stage.statuses(to: small.scheduler) == [])
            small.stage.wait(.seconds(1))
            let statuses = small.stage.statuses(to: small.scheduler)
            #expect(statuses.map(\.line) == ["t1 \(state) 11"])
            #expect(statuses[0].source == .master)
            for peer in [small.scheduler, other] {
                #expect(small.stage.events(to: peer).contains(.failure(small.agent, nil, status: nil)))
            }
            #expect(small.stage.messages(toAllocator: small.allocator) == [.agentRemoved(0)])
            #expect(small.stage.master.status(at: small.stage.now)?.used == "")
            #expect(small.stage.master.status(at: small.stage.now)?.agents == 0)
        }
    }

    @Test("An agent that returns in time costs nothing")
    func returnsInTime() {
        let small = Small()
        small.run("t1")
        small.stage.step(.peerDisconnected(small.relay))
        small.stage.wait(.seconds(70))
        let relay = small.stage.relay()
        small.stage.attach(
            "h1", id: small.agent, via: relay, connects: 2, tasks: [record(1, small.framework, "t1", .running)],
            position: 10)
        small.stage.wait(.seconds(100))
        #expect(small.stage.statuses(to: small.scheduler) == [])
    }

    @Test("An agent that was given up and returns brings its tasks back")
    func returnsLate() {
        for capabilities in [[FrameworkCapability.partitionAware], []] {
            let small = Small(Set(capabilities))
            let (doomed, doomedID) = small.stage.scheduler("doomed")
            small.run("t1", number: 1)
            small.run("t2", number: 2)
            small.stage.step(.peerDisconnected(small.relay))
            small.stage.wait(.seconds(75))
            small.stage.call(doomed, doomedID, .teardown)
            // Still the id of a task that may come back.
            let relay = small.stage.relay()
            let h2 = small.stage.attach("h2", via: relay, at: 1)!
            let offer = small.stage.propose(small.allocator, h2, "cpus:2;mem:2048", for: small.framework)!
            _ = small.call(launch(task("t1", on: h2), from: offer.id))
            #expect(small.stage.statuses(to: small.scheduler).map(\.line) == ["t1 TASK_ERROR 14"])

            small.stage.attach(
                "h1", id: small.agent, via: relay, connects: 2,
                tasks: [
                    record(1, small.framework, "t1", .running), record(3, doomedID, "d1", .running, "cpus:0.5"),
                ], position: 20)
            let statuses = small.stage.statuses(to: small.scheduler).map(\.line)
            #expect(
                statuses == (capabilities.isEmpty ? [] : ["t2 TASK_GONE 9"]) + ["t1 TASK_RUNNING 32"])
            #expect(small.stage.orders(relay) == [.shutdownFramework(doomedID)])
            #expect(small.stage.master.status(at: small.stage.now)?.used == "cpus:1.5;mem:1024")
            small.stage.book(relay, connects: 2, 21, .task(record(3, doomedID, "d1", .killed, "cpus:0.5")))
            #expect(small.stage.master.status(at: small.stage.now)?.used == "cpus:1;mem:1024")
        }
    }

    @Test("Of tasks that were ordered together those are ordered again that the agent has not shown")
    func partsOfLaunchesAreRepeated() {
        let small = Small()
        let tasks = ["t1", "t2", "t3"].map { task(TaskID($0), on: small.agent) }
        _ = small.call(launch(tasks[0], tasks[1], tasks[2], from: small.offer("cpus:3;mem:3072")))
        #expect(small.stage.orders(small.relay).count == 1)
        // One has come and is over, one runs, one got lost.
        small.stage.book(small.relay, 1, .task(record(1, small.framework, "t1", .finished)))
        small.stage.book(small.relay, 2, .taskRemoved(number: 1))
        small.stage.step(.relay(small.relay, .agentDetached(index: 0, Attachment(starts: 1, connects: 1))))
        small.stage.attach(
            "h1", id: small.agent, via: small.relay, connects: 2,
            tasks: [record(2, small.framework, "t2", .running)], position: 3)
        let repeated = small.stage.orders(small.relay).map { order -> [TaskID] in
            if case .launch(let launch) = order { launch.tasks.map(\.taskID) } else { [] }
        }
        #expect(repeated == [["t3"]])
    }

    @Test("A launch that never arrived is ordered again under the new attachment; one that arrived is not")
    func launchesAreRepeated() {
        let small = Small()
        _ = small.call(launch(task("t1", on: small.agent), from: small.offer("cpus:1;mem:1024")))
        let first = small.stage.orders(small.relay)
        _ = small.call(launch(task("t2", on: small.agent), from: small.offer("cpus:1;mem:1024")))
        small.stage.step(.relay(small.relay, .agentDetached(index: 0, Attachment(starts: 1, connects: 1))))
        small.stage.attach(
            "h1", id: small.agent, via: small.relay, connects: 2,
            tasks: [record(1, small.framework, "t2", .staging)], position: 1)
        #expect(small.stage.orders(small.relay) == first)
        #expect(small.stage.statuses(to: small.scheduler) == [])
        #expect(small.stage.facts_.contains(.launchRepeated(TaskKey(small.framework, "t1"), small.agent)))
        // Written by the relay after the registration that it passes on: on its way.
        small.stage.step(.peerDisconnected(small.relay))
        let relay = small.stage.relay()
        small.stage.attach(
            "h1", id: small.agent, via: relay, connects: 2, tasks: [record(1, small.framework, "t2", .staging)],
            position: 1, sent: first)
        #expect(small.stage.orders(relay) == [])
    }

    @Test("A launch that never arrived and was killed meanwhile is over")
    func killedDuringLaunch() {
        let small = Small()
        _ = small.call(launch(task("t1", on: small.agent), from: small.offer("cpus:1;mem:1024")))
        small.stage.step(.relay(small.relay, .agentDetached(index: 0, Attachment(starts: 1, connects: 1))))
        _ = small.call(.kill("t1", nil, grace: nil))
        small.stage.attach("h1", id: small.agent, via: small.relay, connects: 2)
        #expect(small.stage.statuses(to: small.scheduler).map(\.line) == ["t1 TASK_KILLED 30"])
        #expect(small.stage.orders(small.relay) == [])
        #expect(small.stage.master.status(at: small.stage.now)?.used == "")
    }

    @Test("A task that an agent had and has no more is lost, and its resources are free")
    func forgottenTasks() {
        for (capabilities, state) in [([FrameworkCapability.partitionAware], "TASK_GONE"), ([], "TASK_LOST")] {
            let small = Small(Set(capabilities))
            small.run("t1")
            small.stage.attach("h1", id: small.agent, via: small.relay, connects: 2, position: 20)
            #expect(small.stage.statuses(to: small.scheduler).map(\.line) == ["t1 \(state) 9"])
            #expect(small.stage.facts[small.allocator]![small.agent]!.holdings == [])
        }
    }

    @Test("An agent that comes back under another name and address is the same one")
    func renamed() {
        let small = Small()
        small.run("t1")
        let tasks = [record(1, small.framework, "t1", .running)]
        let id = small.stage.attach(
            "another", id: small.agent, via: small.relay, connects: 2, tasks: tasks, position: 10)
        #expect(id == small.agent)
        #expect(small.offer("cpus:3;mem:3072") != "none", "what its task leaves over is offered")
        #expect(small.stage.master.status(at: small.stage.now)?.agents == 1)
    }

    @Test("An agent that comes back smaller has its offers rescinded")
    func smallerAgent() {
        let small = Small()
        let offer = small.offer("cpus:4;mem:4096")
        small.stage.attach("h1", "cpus:2;mem:4096", id: small.agent, via: small.relay, connects: 2)
        #expect(small.stage.events(to: small.scheduler) == [.rescind(offer)])
        #expect(small.stage.propose(small.allocator, small.agent, "cpus:3", for: small.framework) == nil)
        #expect(small.stage.propose(small.allocator, small.agent, "cpus:2", for: small.framework) != nil)
    }

    @Test("An agent that is deactivated runs what it runs and is offered to nobody")
    func deactivated() {
        let small = Small()
        let offer = small.offer("cpus:1")
        var registration = AgentRegistration(
            attachment: Attachment(starts: 2, connects: 1), agentID: small.agent, hostname: "h1",
            total: "cpus:4;mem:4096")
        registration.mode = .deactivated
        small.stage.step(.relay(small.relay, .agentAttached(index: 0, registration, sent: [], issuedEpoch: 7)))
        #expect(small.stage.events(to: small.scheduler) == [.rescind(offer)])
        #expect(small.stage.facts[small.allocator]![small.agent]!.isActive == false)
        #expect(small.stage.propose(small.allocator, small.agent, "cpus:1", for: small.framework) == nil)
    }

    @Test("The memory of unreachable agents is bounded")
    func unreachableAreForgotten() {
        let small = Small { $0.unreachableAgents = 1 }
        let second = small.stage.attach("h2", via: small.relay, at: 1)!
        small.run("t1")
        small.stage.step(.relay(small.relay, .agentDetached(index: 0, Attachment(starts: 1, connects: 1))))
        small.stage.wait(.seconds(76))
        #expect(small.stage.statuses(to: small.scheduler).count == 1)
        small.stage.step(.relay(small.relay, .agentDetached(index: 1, Attachment(starts: 1, connects: 1))))
        small.stage.wait(.seconds(76))
        _ = small.call(.reconcile([.init("t1", on: small.agent), .init("t8", on: second)]))
        #expect(small.stage.statuses(to: small.scheduler).count == 2)
        #expect(small.stage.master.status(at: small.stage.now)?.tasks == 0)
        #expect(small.stage.attach("h1", id: small.agent, via: small.relay, connects: 2) == small.agent)
    }

    @Test("An index beyond what a relay may use ends its connection")
    func wildIndex() {
        let small = Small { $0.agentsPerRelay = 10 }
        #expect(small.stage.attach("h2", via: small.relay, at: 4_000_000_000) == nil)
        #expect(small.stage.isClosed(small.relay))
    }

    @Test("A task of the same id on another agent is killed, and never counts as the first one")
    func duplicateAcrossAgents() {
        let small = Small()
        small.run("t1")
        small.stage.attach(
            "h2", id: "6-A1", via: small.relay, at: 1, tasks: [record(1, small.framework, "t1", .running)])
        #expect(small.stage.orders(small.relay).count == 1)
        small.stage.book(small.relay, at: 1, 1, .task(record(1, small.framework, "t1", .killed)))
        small.stage.book(small.relay, at: 1, 2, .taskRemoved(number: 1))
        _ = small.call(.reconcile([.init("t1")]))
        #expect(small.stage.statuses(to: small.scheduler).map(\.line) == ["t1 TASK_RUNNING 9"])
    }
}
