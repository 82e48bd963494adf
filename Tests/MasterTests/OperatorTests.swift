import MasterCore
import Model
import Testing

@Suite("Operators")
struct OperatorTests {
    private func ask(_ stage: Stage, _ peer: PeerID, _ kind: OperatorRequest.Kind) -> [OperatorResponse.Kind] {
        stage.step(.operator(peer, OperatorRequest(id: 5, kind)))
        return stage.answers(to: peer)
    }

    @Test("The numbers of the cluster")
    func status() {
        let small = Small()
        small.run("t1")
        _ = small.offer("cpus:1")
        small.stage.wait(.seconds(3))
        let peer = small.stage.operatorPeer()
        let answers = self.ask(small.stage, peer, .status)
        guard answers.count == 2, case .status(let status) = answers[0], answers[1] == .done else {
            return #expect(Bool(false), "\(answers)")
        }
        #expect(status.name == "m1" && status.epoch == 7 && status.address == "m1:5050")
        #expect((status.agents, status.relays, status.allocators, status.frameworks) == (1, 1, 1, 1))
        #expect(status.tasks == 1 && status.offers == 1)
        #expect(status.total == "cpus:4;mem:4096" && status.used == "cpus:1;mem:1024" && status.offered == "cpus:1")
        #expect(status.leadingFor == .seconds(3))
    }

    @Test("What is missing is said, with what it means: allocators, relays, agents, schedulers, and time")
    func notes() {
        let small = Small()
        let client = small.stage.operatorPeer()
        func notes() -> [String] {
            small.stage.step(.operator(client, OperatorRequest(id: 1, .status)))
            for case .status(let status) in small.stage.answers(to: client) { return status.notes }
            return ["no answer"]
        }
        #expect(
            notes() == [
                "this master is new: for 75 s more it waits for agents that its predecessor knew, and does not answer for "
                    + "tasks that nobody has told it of"
            ])
        small.stage.wait(.seconds(75))
        #expect(notes() == [])
        small.stage.step(.peerDisconnected(small.allocator))
        #expect(
            notes() == ["no allocator is connected: tasks run on, and nothing new is offered until one is"])
        _ = small.stage.allocator()
        small.stage.step(.peerDisconnected(small.scheduler))
        small.stage.step(.peerDisconnected(small.relay))
        #expect(
            notes() == [
                "no relay is connected: tasks run on, but no agent can be reached until one is",
                "1 of the agents are away: each is given up 75 s after it left",
                "1 of the frameworks have no scheduler: their tasks run on until their failover timeout is over",
            ])
        small.stage.wait(.seconds(76))
        #expect(notes() == ["no relay is connected: tasks run on, but no agent can be reached until one is"])
    }

    @Test("Listings are rows, then the end; long ones come in chunks")
    func listings() {
        let small = Small { $0.chunk = 2 }
        small.run("t1", number: 1)
        small.run("t2", "cpus:1;mem:512", number: 2)
        var failed = record(1, small.framework, "t1", .failed)
        var status = TaskStatus(taskID: "t1", state: .failed)
        status.message = "exited with 1"
        failed.latestStatus = small.stage.codec.encode(status)
        small.stage.book(small.relay, 30, .task(failed))
        small.stage.book(small.relay, 31, .taskRemoved(number: 1))
        _ = small.offer("cpus:1")
        let peer = small.stage.operatorPeer()

        guard case .agent(let agent)? = self.ask(small.stage, peer, .agents).first else { return #expect(Bool(false)) }
        #expect(agent.id == small.agent && agent.relay == "r1" && agent.allocator == "a1" && agent.isAttached)
        #expect(agent.used == "cpus:1;mem:512" && agent.offered == "cpus:1" && agent.tasks == 1)

        guard case .framework(let framework)? = self.ask(small.stage, peer, .frameworks).first else {
            return #expect(Bool(false))
        }
        #expect(framework.name == "pi" && framework.user == "ann" && framework.isConnected && framework.tasks == 1)
        #expect(framework.dominantShare == 0.5)

        let tasks = self.ask(small.stage, peer, .tasks)
        guard tasks.count == 3, case .task(let live) = tasks[0], case .task(let past) = tasks[1] else {
            return #expect(Bool(false), "\(tasks)")
        }
        #expect(live.key.task == "t2" && !live.isHistory && live.started > 0 && live.hostname == "h1")
        #expect(past.key.task == "t1" && past.isHistory && past.message == "exited with 1" && past.state == .failed)
        #expect(tasks[2] == .done)

        guard case .offer(let offer)? = self.ask(small.stage, peer, .offers).first else { return #expect(Bool(false)) }
        #expect(offer.frameworkID == small.framework && offer.hostname == "h1" && offer.age == .zero)

        for index in 1..<8 { small.stage.attach("h\(index)", via: small.relay, at: UInt32(index)) }
        #expect(self.ask(small.stage, peer, .agents).count == 9)
    }

    @Test("The history of tasks is bounded; the oldest are forgotten")
    func history() {
        let small = Small { $0.taskHistory = 2 }
        for number in 1...4 as ClosedRange<UInt64> {
            small.run(TaskID("t\(number)"), number: number)
            small.stage.book(
                small.relay, number * 10 + 1, .task(record(number, small.framework, TaskID("t\(number)"), .finished)))
            small.stage.book(small.relay, number * 10 + 2, .taskRemoved(number: number))
        }
        let rows = self.ask(small.stage, small.stage.operatorPeer(), .tasks)
        let ids = rows.compactMap { if case .task(let row) = $0 { row.key.task.rawValue } else { nil } }
        #expect(ids == ["t3", "t4"])
    }

    @Test("An operator kills a task by its id, if that says which")
    func kill() {
        let small = Small()
        small.run("t1")
        let peer = small.stage.operatorPeer()
        #expect(self.ask(small.stage, peer, .kill(nil, "t1")) == [.done])
        #expect(small.stage.orders(small.relay).count == 1)
        #expect(self.ask(small.stage, peer, .kill(small.framework, "t1")) == [.done])
        guard case .failure? = self.ask(small.stage, peer, .kill(nil, "t9")).first else { return #expect(Bool(false)) }

        let (other, otherID) = small.stage.scheduler("other")
        let offer = small.stage.propose(small.allocator, small.agent, "cpus:1;mem:1024", for: otherID)!
        small.stage.call(other, otherID, launch(task("t1", on: small.agent), from: offer.id))
        guard case .failure(let message)? = self.ask(small.stage, peer, .kill(nil, "t1")).first else {
            return #expect(Bool(false))
        }
        #expect(message.contains("7-F1, 7-F2"))
    }

    @Test("An operator ends a framework, once, even one that has not come back yet")
    func teardown() {
        let small = Small()
        let peer = small.stage.operatorPeer()
        #expect(self.ask(small.stage, peer, .teardown(small.framework)) == [.done])
        #expect(small.stage.isClosed(small.scheduler))
        guard case .failure? = self.ask(small.stage, peer, .teardown(small.framework)).first else {
            return #expect(Bool(false))
        }
        small.stage.attach(
            "h2", id: "6-A1", via: small.relay, at: 1, tasks: [record(1, "6-F1", "t1", .running)])
        #expect(self.ask(small.stage, peer, .teardown("6-F1")) == [.done])
        #expect(small.stage.orders(small.relay) == [.shutdownFramework("6-F1")])
        #expect(self.ask(small.stage, peer, .teardown("6-F7")).count == 1)
    }

    @Test("What cannot be read is answered; the connection stays")
    func undecodable() {
        let stage = Stage()
        let peer = stage.operatorPeer()
        stage.step(.undecodable(peer, "no such request"))
        #expect(stage.answers(to: peer) == [.failure("no such request")])
        #expect(!stage.isClosed(peer))
    }
}
