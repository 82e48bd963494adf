import MasterCore
import Model
import Testing

@Suite("Tasks")
struct TaskTests {
    @Test("A task's resources are free when it ends, whatever becomes of its statuses")
    func endFreesOnce() {
        let small = Small()
        small.run("t1")
        small.stage.book(small.relay, 11, .task(record(1, small.framework, "t1", .finished)))
        #expect(small.stage.recovered(small.allocator) == ["cpus:1;mem:1024"])
        // Told twice, and acknowledged: free once.
        small.stage.book(small.relay, 12, .task(record(1, small.framework, "t1", .finished)))
        small.stage.book(small.relay, 13, .taskRemoved(number: 1))
        #expect(small.stage.recovered(small.allocator) == [])
        #expect(small.stage.master.status(at: small.stage.now)?.tasks == 0)
    }

    @Test("Entries of an agent's books are applied in order, once; what the agent keeps until then is confirmed")
    func booksAreConfirmed() {
        let small = Small()
        let attachment = Attachment(starts: 1, connects: 1)
        small.stage.book(small.relay, 5, .task(record(1, small.framework, "t1", .running)))
        small.stage.book(small.relay, 4, .task(record(1, small.framework, "t1", .finished)))
        #expect(small.stage.messages(toRelay: small.relay) == [])
        #expect(small.stage.recovered(small.allocator) == [])
        small.stage.book(small.relay, 6, .task(record(1, small.framework, "t1", .finished)))
        small.stage.book(small.relay, 7, .taskRemoved(number: 1))
        #expect(small.stage.messages(toRelay: small.relay) == [.bookConfirmed(index: 0, attachment, 7)])
        small.stage.book(small.relay, 7, .taskRemoved(number: 1))
        #expect(small.stage.messages(toRelay: small.relay) == [.bookConfirmed(index: 0, attachment, 7)])
        // Of an earlier attachment: not even confirmed.
        small.stage.book(small.relay, connects: 0, 6, .task(record(1, small.framework, "t1", .finished)))
        #expect(small.stage.said == [])
    }

    @Test("Changes of a short time are confirmed together")
    func booksAreConfirmedTogether() {
        let small = Small { $0.confirmationDelay = .milliseconds(10) }
        for position in 5...7 {
            small.stage.book(small.relay, BookPosition(position), .taskRemoved(number: UInt64(position)))
            #expect(small.stage.messages(toRelay: small.relay) == [])
        }
        _ = small.stage.wait(.milliseconds(10))
        #expect(
            small.stage.messages(toRelay: small.relay) == [
                .bookConfirmed(index: 0, Attachment(starts: 1, connects: 1), 7)
            ])
        _ = small.stage.wait(.seconds(1))
        #expect(
            !small.stage.messages(toRelay: small.relay).contains { if case .bookConfirmed = $0 { true } else { false } }
        )
    }

    @Test("Executors hold their resources until they exit, and their framework hears of it")
    func executors() {
        let small = Small()
        let info = task("t1", on: small.agent, "cpus:1", in: executor("e1", "cpus:0.5"))
        _ = small.call(launch(info, from: small.offer("cpus:2")))
        let key = ExecutorKey(small.framework, "e1")
        let running = record(1, small.framework, "t1", .running, "cpus:1", executor: "e1")
        small.stage.book(small.relay, 1, .task(running))
        small.stage.book(small.relay, 2, .executor(ExecutorRecord(key: key, resources: "cpus:0.5")))
        small.stage.book(
            small.relay, 3, .task(record(1, small.framework, "t1", .finished, "cpus:1", executor: "e1")))
        #expect(small.stage.recovered(small.allocator) == ["cpus:1"])
        small.stage.book(small.relay, 4, .executorExited(key, status: 256, message: "exited with 1"))
        #expect(small.stage.recovered(small.allocator) == ["cpus:0.5"])
        #expect(small.stage.events(to: small.scheduler) == [.failure(small.agent, "e1", status: 256)])
    }

    @Test("An executor that exits while a task for it is on its way stays booked: it will be started again")
    func executorRestarts() {
        let small = Small()
        let info = executor("e1", "cpus:0.5")
        _ = small.call(launch(task("t1", on: small.agent, "cpus:1", in: info), from: small.offer("cpus:1.5")))
        let key = ExecutorKey(small.framework, "e1")
        small.stage.book(small.relay, 1, .task(record(1, small.framework, "t1", .running, "cpus:1", executor: "e1")))
        small.stage.book(small.relay, 2, .executor(ExecutorRecord(key: key, resources: "cpus:0.5")))
        _ = small.call(launch(task("t2", on: small.agent, "cpus:1", in: info), from: small.offer("cpus:1")))
        small.stage.book(small.relay, 3, .executorExited(key, status: 9, message: "killed"))
        #expect(small.stage.recovered(small.allocator) == [])
        small.stage.book(small.relay, 4, .task(record(2, small.framework, "t2", .staging, "cpus:1", executor: "e1")))
        small.stage.book(small.relay, 5, .executor(ExecutorRecord(key: key, resources: "cpus:0.5")))
        #expect(small.stage.master.status(at: small.stage.now)?.used == "cpus:2.5")
        small.stage.book(small.relay, 6, .task(record(2, small.framework, "t2", .failed, "cpus:1", executor: "e1")))
        small.stage.book(small.relay, 7, .executorExited(key, status: 9, message: "killed"))
        #expect(small.stage.recovered(small.allocator) == ["cpus:0.5"])
    }

    @Test("An executor that was never started, its only task being killed before, holds nothing")
    func executorNeverStarted() {
        let small = Small()
        let info = task("t1", on: small.agent, "cpus:1", in: executor("e1", "cpus:0.5"))
        _ = small.call(launch(info, from: small.offer("cpus:2")))
        small.stage.book(
            small.relay, 1, .task(record(1, small.framework, "t1", .killed, "cpus:1", executor: "e1")))
        #expect(small.stage.recovered(small.allocator) == ["cpus:1", "cpus:0.5"])
    }

    @Test("Statuses that a relay cannot deliver go through the master; acknowledgements go back")
    func statusesThroughMaster() {
        let small = Small()
        small.run("t1")
        let key = TaskKey(small.framework, "t1")
        let envelope = StatusEnvelope(key: key, uuid: [9], status: [1, 2, 3])
        small.stage.step(.relay(small.relay, .status(index: 0, envelope)))
        #expect(small.stage.events(to: small.scheduler) == [.update(.encoded([1, 2, 3]))])
        _ = small.call(.acknowledge(small.agent, "t1", uuid: [9]))
        #expect(small.stage.orders(small.relay) == [.acknowledge(key, uuid: [9])])
        // Nobody there to take it: the agent keeps it.
        small.stage.step(.peerDisconnected(small.scheduler))
        small.stage.step(.relay(small.relay, .status(index: 0, envelope)))
        #expect(small.stage.said == [])
        // Of an agent that this relay has not brought.
        small.stage.step(.relay(small.relay, .status(index: 8, envelope)))
        #expect(small.stage.said == [])
    }

    @Test("A status that was on its way to a scheduler is not given to its successor before all that its relay holds")
    func statusForAnotherScheduler() {
        let small = Small()
        small.run("t1")
        let envelope = StatusEnvelope(key: TaskKey(small.framework, "t1"), uuid: [9], status: [1, 2, 3])
        small.stage.step(.relay(small.relay, .status(index: 0, envelope, subscription: 1)))
        #expect(small.stage.events(to: small.scheduler) == [.update(.encoded([1, 2, 3]))])
        small.stage.step(.relay(small.relay, .status(index: 0, envelope, subscription: 7)))
        #expect(small.stage.said == [])
    }

    @Test("A relay of an earlier version, which does not say for whom, connects again when a scheduler has a successor")
    func statusForAnySchedulerOfEarlierRelay() {
        let small = Small()
        let old = small.stage.relay("r2", revision: ProtocolRevision.first)
        let agent = small.stage.attach("h2", via: old)!
        let key = TaskKey(small.framework, "t1")
        let status = RelayToMaster.status(
            index: 0, StatusEnvelope(key: key, uuid: [9], status: [1, 2, 3]), subscription: 0)
        small.stage.step(.relay(old, status))
        #expect(small.stage.events(to: small.scheduler) == [.update(.encoded([1, 2, 3]))])
        let (next, _) = small.stage.scheduler("pi", id: small.framework)
        let first = small.stage.events(to: next).first
        #expect({ if case .subscribed? = first { true } else { false } }(), "nothing comes before SUBSCRIBED: \(first)")
        #expect(small.stage.isClosed(old) && !small.stage.isClosed(small.relay))
        #expect(
            !small.stage.messages(toRelay: old).contains { if case .subscription = $0 { true } else { false } },
            "it would begin with what it holds, which could not be told from what was under way")
        // What was on its way when the link ended, and what comes over the next.
        small.stage.step(.relay(old, status))
        #expect(small.stage.said == [])
        let again = small.stage.relay("r2", revision: ProtocolRevision.first)
        #expect(
            small.stage.messages(toRelay: again).contains { if case .subscription = $0 { true } else { false } })
        #expect(small.stage.attach("h2", id: agent, via: again, connects: 1) == agent)
        small.stage.step(.relay(again, status))
        #expect(small.stage.events(to: next) == [.update(.encoded([1, 2, 3]))])
        // The first scheduler of another framework mixes with nobody.
        _ = small.stage.scheduler("e")
        #expect(!small.stage.isClosed(again))
    }

    @Test("A kill reaches the agent; nothing is forced")
    func kill() {
        let small = Small()
        small.run("t1")
        #expect(small.call(.kill("t1", small.agent, grace: .seconds(2))) == [])
        #expect(
            small.stage.orders(small.relay)
                == [
                    .kill(
                        TaskKey(small.framework, "t1"), grace: .seconds(2), reason: "its scheduler wants it so")
                ])
        #expect(small.stage.recovered(small.allocator) == [])
    }

    @Test("A kill follows a launch that is still on its way")
    func killBeforeDelivery() {
        let small = Small()
        _ = small.call(launch(task("t1", on: small.agent), from: small.offer()))
        _ = small.call(.kill("t1", nil, grace: nil))
        #expect(small.stage.orders(small.relay).count == 1)
        small.stage.book(small.relay, 1, .task(record(1, small.framework, "t1", .killed)))
        #expect(small.stage.recovered(small.allocator) == ["cpus:1;mem:1024"])
    }

    @Test("A kill while the agent is away is remembered, and sent when it is back with the task alive")
    func killIsRemembered() {
        let small = Small()
        small.run("t1")
        small.stage.step(.peerDisconnected(small.relay))
        #expect(small.call(.kill("t1", nil, grace: nil)) == [])
        let relay = small.stage.relay()
        small.stage.attach(
            "h1", id: small.agent, via: relay, connects: 2, tasks: [record(1, small.framework, "t1", .running)],
            position: 10)
        #expect(
            small.stage.orders(relay)
                == [.kill(TaskKey(small.framework, "t1"), grace: nil, reason: "its scheduler wants it so")])
    }

    @Test("Killing an unknown task is asking what became of it")
    func killUnknown() {
        let small = Small([.partitionAware])
        small.stage.attach("h1", id: small.agent, via: small.relay, connects: 2, epoch: 7)
        #expect(small.call(.kill("t9", nil, grace: nil)) == [])
        _ = small.call(.kill("t9", small.agent, grace: nil))
        #expect(small.stage.statuses(to: small.scheduler).map(\.line) == ["t9 TASK_GONE 9"])
        small.stage.wait(.seconds(75))
        _ = small.call(.kill("t9", nil, grace: nil))
        #expect(small.stage.statuses(to: small.scheduler).map(\.line) == ["t9 TASK_UNKNOWN 9"])
    }

    @Test("What an agent does not list is said to be gone on its own word: when it has registered under this leader")
    func restatement() {
        let small = Small([.partitionAware])
        small.stage.wait(.seconds(15))
        for _ in 1...2 { _ = small.call(.reconcile([.init("t8", on: small.agent), .init("t9", on: small.agent)])) }
        #expect(small.stage.statuses(to: small.scheduler) == [])
        // It had registered anew just before it was asked.
        small.stage.attach("h1", id: small.agent, via: small.relay, connects: 2)
        #expect(small.stage.orders(small.relay) == [.restate])
        #expect(small.stage.statuses(to: small.scheduler) == [])
        small.stage.attach(
            "h1", id: small.agent, via: small.relay, connects: 3,
            tasks: [record(1, small.framework, "t9", .running)], position: 10, epoch: 7)
        #expect(small.stage.statuses(to: small.scheduler).map(\.line) == ["t8 TASK_GONE 9", "t9 TASK_RUNNING 9"])
        #expect(small.stage.orders(small.relay) == [])
        _ = small.call(.reconcile([.init("t7", on: small.agent)]))
        #expect(small.stage.statuses(to: small.scheduler).map(\.line) == ["t7 TASK_GONE 9"])
        #expect(small.stage.orders(small.relay) == [], "once is enough")
    }

    @Test("A kill asks as well, once for all that is asked; what the agent then has is killed")
    func killOfWhatIsAskedFor() {
        let small = Small([.partitionAware])
        _ = small.call(.reconcile([.init("t8", on: small.agent)]))
        #expect(small.stage.orders(small.relay) == [.restate])
        _ = small.call(.kill("t8", small.agent, grace: nil))
        _ = small.call(.kill("t9", small.agent, grace: .seconds(3)))
        _ = small.call(.reconcile([.init("t9", on: small.agent)]))
        #expect(small.stage.orders(small.relay) == [])
        small.stage.attach(
            "h1", id: small.agent, via: small.relay, connects: 2,
            tasks: [record(1, small.framework, "t9", .running)], position: 10, epoch: 7)
        #expect(small.stage.statuses(to: small.scheduler).map(\.line) == ["t8 TASK_GONE 9"])
        let key = TaskKey(small.framework, "t9")
        #expect(
            small.stage.orders(small.relay) == [.kill(key, grace: .seconds(3), reason: "its scheduler wants it so")])
    }

    @Test("The id of a task that is wanted dead may be used again: the new task is not the one that is killed")
    func killOfAnEarlierTask() {
        for (isBack, isElsewhere) in [(true, true), (false, true), (true, false)] {
            let small = Small()
            let other = small.stage.attach("h2", via: small.relay, at: 1)!
            if isElsewhere {
                small.stage.step(.relay(small.relay, .agentDetached(index: 0, Attachment(starts: 1, connects: 1))))
            }
            _ = small.call(.kill("t9", small.agent, grace: nil))
            let agent = isElsewhere ? other : small.agent
            let offer = small.stage.propose(small.allocator, agent, "cpus:1;mem:1024", for: small.framework)!.id
            _ = small.call(launch(task("t9", on: agent), from: offer))
            if isBack {
                small.stage.attach("h1", id: small.agent, via: small.relay, connects: 2, epoch: 7)
            } else {
                small.stage.wait(.seconds(75))
            }
            let kills = small.stage.orders(small.relay).filter { if case .kill = $0 { true } else { false } }
            #expect(kills == [])
            #expect(small.stage.master.status(at: small.stage.now)?.tasks == 1)
        }
    }

    @Test("What is wanted dead on an agent that is unreachable is killed when the agent is back with it")
    func killWhileUnreachable() {
        for isAsked in ["before", "after"] {
            let small = Small([.partitionAware])
            small.stage.step(.relay(small.relay, .agentDetached(index: 0, Attachment(starts: 1, connects: 1))))
            if isAsked == "before" { _ = small.call(.kill("t9", small.agent, grace: nil)) }
            small.stage.wait(.seconds(75))
            if isAsked == "after" { _ = small.call(.kill("t9", small.agent, grace: nil)) }
            #expect(small.stage.statuses(to: small.scheduler).map(\.line) == ["t9 TASK_UNREACHABLE 9"])
            small.stage.attach(
                "h1", id: small.agent, via: small.relay, connects: 2,
                tasks: [record(1, small.framework, "t9", .running)], position: 10, epoch: 7)
            let key = TaskKey(small.framework, "t9")
            #expect(
                small.stage.orders(small.relay) == [.kill(key, grace: nil, reason: "its scheduler wants it so")])
        }
    }

    @Test("Who asks about a task of an agent that is away is answered when it is back, or is unreachable")
    func betweenAttachments() {
        for isBack in [true, false] {
            let small = Small([.partitionAware])
            small.stage.attach("h1", id: small.agent, via: small.relay, connects: 2, epoch: 7)
            small.stage.step(.relay(small.relay, .agentDetached(index: 0, Attachment(starts: 1, connects: 2))))
            _ = small.call(.reconcile([.init("t9", on: small.agent)]))
            #expect(small.stage.statuses(to: small.scheduler) == [])
            if isBack {
                small.stage.attach("h1", id: small.agent, via: small.relay, connects: 3, epoch: 7)
            } else {
                small.stage.wait(.seconds(75))
            }
            #expect(
                small.stage.statuses(to: small.scheduler).map(\.line)
                    == [isBack ? "t9 TASK_GONE 9" : "t9 TASK_UNREACHABLE 9"])
        }
    }

    @Test("What a framework asked that is removed meanwhile is answered to nobody, and kills nothing")
    func askedByARemovedFramework() {
        let small = Small([.partitionAware])
        small.stage.step(.relay(small.relay, .agentDetached(index: 0, Attachment(starts: 1, connects: 1))))
        _ = small.call(.reconcile([.init("t8", on: small.agent)]))
        _ = small.call(.kill("t9", small.agent, grace: nil))
        _ = small.call(.teardown)
        let (other, _) = small.stage.scheduler("other", [.partitionAware])
        small.stage.attach("h1", id: small.agent, via: small.relay, connects: 2, epoch: 7)
        #expect(small.stage.statuses(to: small.scheduler) == [] && small.stage.statuses(to: other) == [])
        let kills = small.stage.orders(small.relay).filter { if case .kill = $0 { true } else { false } }
        #expect(kills == [])
    }

    @Test("Questions about one agent are bounded: what is beyond is answered when it is asked again")
    func boundOnQuestions() {
        let small = Small([.partitionAware])
        let most = 10_000
        _ = small.call(.reconcile((0...most).map { .init(TaskID("t\($0)"), on: small.agent) }))
        // Who has asked already may say more.
        _ = small.call(.reconcile([.init("t0", on: small.agent)]))
        small.stage.attach("h1", id: small.agent, via: small.relay, connects: 2, epoch: 7)
        #expect(small.stage.statuses(to: small.scheduler).count == most)
        _ = small.call(.reconcile([.init(TaskID("t\(most)"), on: small.agent)]))
        #expect(small.stage.statuses(to: small.scheduler).map(\.line) == ["t\(most) TASK_GONE 9"])
    }

    @Test("A relay of an earlier version asks no agent: gone is said when the other relays have had the time to come")
    func relayPatience() {
        func asked(after time: Duration, _ change: (inout MasterSettings) -> Void = { _ in }) -> [String] {
            let stage = Stage(change)
            let relay = stage.relay("r1", revision: ProtocolRevision.ordered)
            let agent = stage.attach("h1", via: relay)!
            let (peer, framework) = stage.scheduler("pi", [.partitionAware])
            stage.wait(time)
            _ = stage.call(peer, framework, .reconcile([.init("t9", on: agent)]))
            let reconciled = stage.statuses(to: peer).map(\.line)
            _ = stage.call(peer, framework, .kill("t9", agent, grace: nil))
            #expect(stage.statuses(to: peer).map(\.line) == reconciled, "a kill asks, too")
            #expect(stage.orders(relay) == [])
            return reconciled
        }
        #expect(asked(after: .seconds(15) - .nanoseconds(1)) == [])
        #expect(asked(after: .seconds(15)) == ["t9 TASK_GONE 9"])
        #expect(asked(after: .seconds(29)) { $0.relayPatience = .seconds(30) } == [])
        #expect(asked(after: .seconds(30)) { $0.relayPatience = .seconds(30) } == ["t9 TASK_GONE 9"])
        // Who waits for no agent that might return waits for no relay either.
        #expect(asked(after: .seconds(3)) { $0.recoveryTimeout = .seconds(3) } == ["t9 TASK_GONE 9"])
        #expect(asked(after: .zero) { $0.relayPatience = .zero } == ["t9 TASK_GONE 9"])
    }

    @Test("What was asked by way of a relay of an earlier version is not forgotten until the agent is with another")
    func throughAnOldRelay() {
        let stage = Stage()
        let agent = stage.attach("h1", via: stage.relay("r1", revision: ProtocolRevision.ordered))!
        let (peer, framework) = stage.scheduler("pi", [.partitionAware])
        _ = stage.call(peer, framework, .reconcile([.init("t8", on: agent)]))
        _ = stage.call(peer, framework, .kill("t9", agent, grace: nil))
        let relay = stage.relay("r2")
        stage.attach("h1", id: agent, via: relay, connects: 2)
        #expect(stage.orders(relay) == [.restate])
        stage.attach(
            "h1", id: agent, via: relay, connects: 3, tasks: [record(1, framework, "t9", .running)], position: 10,
            epoch: 7)
        #expect(stage.statuses(to: peer).map(\.line) == ["t8 TASK_GONE 9"])
        #expect(
            stage.orders(relay) == [.kill(TaskKey(framework, "t9"), grace: nil, reason: "its scheduler wants it so")])
    }

    @Test("What a relay tells of an earlier life of an agent ends nothing that the later one brings, however late")
    func earlierLifeFirst() {
        let stage = Stage()
        // The relay has not noticed that the agent, which has been launched t1 since, is elsewhere.
        let late = stage.relay("late")
        stage.attach("h1", id: "6-A1", via: late, connects: 1)
        let (peer, framework) = stage.scheduler("pi", id: "6-F1", [.partitionAware])
        stage.wait(.seconds(40))
        _ = stage.call(peer, framework, .reconcile([.init("t1", on: "6-A1")]))
        #expect(stage.statuses(to: peer) == [])
        let own = stage.relay("own")
        stage.attach(
            "h1", id: "6-A1", via: own, connects: 2, tasks: [record(1, framework, "t1", .running)], position: 10)
        #expect(stage.statuses(to: peer).map(\.line) == ["t1 TASK_RUNNING 9"])
    }

    @Test("Asking for everything brings the latest state of each task that is not settled")
    func implicitReconciliation() {
        let small = Small()
        small.run("t1", number: 1)
        small.run("t2", number: 2)
        small.run("t3", number: 3)
        small.stage.book(small.relay, 40, .task(record(2, small.framework, "t2", .finished)))
        small.stage.book(small.relay, 41, .task(record(3, small.framework, "t3", .failed)))
        small.stage.book(small.relay, 42, .taskRemoved(number: 3))
        _ = small.call(launch(task("t4", on: small.agent), from: small.offer("cpus:1;mem:1024")))
        _ = small.call(.reconcile([]))
        let statuses = small.stage.statuses(to: small.scheduler)
        #expect(
            Set(statuses.map(\.line)) == ["t1 TASK_RUNNING 9", "t2 TASK_FINISHED 9", "t4 TASK_STAGING 9"])
        #expect(statuses.allSatisfy { $0.uuid == nil && $0.source == .master && $0.agentID == small.agent })
    }

    @Test("Asking for tasks is answered with what can be known of each, or not at all")
    func explicitReconciliation() {
        for (capabilities, gone, unreachable, unknown) in [
            ([FrameworkCapability.partitionAware], "TASK_GONE", "TASK_UNREACHABLE", "TASK_UNKNOWN"),
            ([], "TASK_LOST", "TASK_LOST", "TASK_LOST"),
        ] {
            let small = Small(Set(capabilities))
            small.stage.attach("h1", id: small.agent, via: small.relay, connects: 2, epoch: 7)
            small.run("t1", connects: 2)
            func asked(_ id: TaskID, on agent: AgentID? = nil) -> [String] {
                _ = small.call(.reconcile([.init(id, on: agent)]))
                return small.stage.statuses(to: small.scheduler).map(\.line)
            }
            #expect(asked("t1") == ["t1 TASK_RUNNING 9"])
            // An agent that this master does not know may still return with it.
            #expect(asked("t9") == [])
            #expect(asked("t9", on: "6-A1") == [])
            #expect(asked("t9", on: small.agent) == ["t9 \(gone) 9"])
            small.stage.step(.peerDisconnected(small.relay))
            small.stage.wait(.seconds(75))
            #expect(asked("t1") == ["t1 \(unreachable) 9"])
            #expect(asked("t9", on: small.agent) == ["t9 \(unreachable) 9"])
            #expect(asked("t9") == ["t9 \(unknown) 9"])
            #expect(asked("t9", on: "6-A1") == ["t9 \(unknown) 9"])
        }
    }
}
