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

    @Test("Entries of an agent's books are applied in order, once, and confirmed")
    func booksAreConfirmed() {
        let small = Small()
        let attachment = Attachment(starts: 1, connects: 1)
        small.stage.book(small.relay, 5, .task(record(1, small.framework, "t1", .running)))
        #expect(small.stage.messages(toRelay: small.relay) == [.bookConfirmed(index: 0, attachment, 5)])
        small.stage.book(small.relay, 4, .task(record(1, small.framework, "t1", .finished)))
        #expect(small.stage.messages(toRelay: small.relay) == [.bookConfirmed(index: 0, attachment, 5)])
        #expect(small.stage.recovered(small.allocator) == [])
        // Of an earlier attachment: not even confirmed.
        small.stage.book(small.relay, connects: 0, 6, .task(record(1, small.framework, "t1", .finished)))
        #expect(small.stage.said == [])
    }

    @Test("Changes of a short time are confirmed together")
    func booksAreConfirmedTogether() {
        let small = Small { $0.confirmationDelay = .milliseconds(10) }
        for position in 5...7 {
            small.stage.book(
                small.relay, BookPosition(position),
                .task(record(UInt64(position), small.framework, TaskID("t\(position)"), .running)))
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
        small.stage.wait(.seconds(15))
        #expect(small.call(.kill("t9", nil, grace: nil)) == [])
        _ = small.call(.kill("t9", small.agent, grace: nil))
        #expect(small.stage.statuses(to: small.scheduler).map(\.line) == ["t9 TASK_GONE 9"])
        small.stage.wait(.seconds(75))
        _ = small.call(.kill("t9", nil, grace: nil))
        #expect(small.stage.statuses(to: small.scheduler).map(\.line) == ["t9 TASK_UNKNOWN 9"])
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
            small.run("t1")
            func asked(_ id: TaskID, on agent: AgentID? = nil) -> [String] {
                _ = small.call(.reconcile([.init(id, on: agent)]))
                return small.stage.statuses(to: small.scheduler).map(\.line)
            }
            #expect(asked("t1") == ["t1 TASK_RUNNING 9"])
            // An agent that this master does not know may still return with it.
            #expect(asked("t9") == [])
            #expect(asked("t9", on: "6-A1") == [])
            // Its relay may not have noticed that it is elsewhere.
            #expect(asked("t9", on: small.agent) == [])
            small.stage.wait(.seconds(15))
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
