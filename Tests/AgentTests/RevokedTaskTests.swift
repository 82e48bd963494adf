import Model
import Testing

@testable import AgentCore

/// Tasks that have to go, whatever their executor does about it.
struct RevokedTaskTests {
    /// Two tasks in one executor, which has said that both run.
    private static func running(
        _ framework: FrameworkInfo = .modern, executor: ExecutorInfo = .sample, bound: Duration? = nil
    ) -> Machine {
        var machine = Machine.registered()
        var first = TaskInfo.custom("t", executor)
        first.maxCompletionTime = bound
        machine.launch(first, .custom("u", executor), framework: framework)
        machine.started(1)
        machine.subscribe()
        machine.update("t", .running, uuid: 1)
        machine.update("u", .running, uuid: 2)
        return machine
    }

    @Test("An executor that does not heed the kill is told to shut down, then destroyed; its tasks say why")
    func escalates() {
        var machine = Self.running()
        #expect(
            machine.revoke("t") == [
                .setTimer(.kill(1), at: machine.now + .seconds(3)),
                .sendToExecutor(PeerID(9), .kill("t", grace: .seconds(3))),
            ])
        #expect(
            machine.fire(.kill(1), after: .seconds(3)) == [
                .sendToExecutor(PeerID(9), .shutdown), .setTimer(.executorShutdown(1), at: machine.now + .seconds(5)),
            ])
        #expect(machine.facts.last == .executorDefied(Machine.key("t"), reason: "revoked"))
        #expect(machine.fire(.executorShutdown(1), after: .seconds(5)) == [.destroy(1)])
        machine.exited(1, .init(status: 9))
        let (revoked, other) = (machine.last("t")!, machine.last("u")!)
        #expect(revoked.state == .killed && revoked.reason == .containerPreempted)
        #expect(other.state == .gone && other.reason == .containerPreempted)
        #expect(revoked.message == "Executor e did not end task t in time, and was ended: revoked.")
        #expect(other.message == revoked.message)
        #expect(machine.agent.used.isEmpty)
        #expect(machine.agent.checkInvariants() == [])
    }

    @Test("A framework that does not know GONE hears that the other tasks are lost")
    func othersAreLost() {
        var machine = Self.running(.plain)
        machine.revoke("t")
        machine.fire(.kill(1), after: .seconds(3))
        machine.exited(1)
        #expect(machine.last("t")?.state == .killed)
        #expect(machine.last("u")?.state == .lost)
    }

    @Test("An executor that ends the task in time stays, with its other tasks")
    func heeded() {
        var machine = Self.running()
        machine.revoke("t")
        #expect(machine.update("t", .killed, uuid: 3).contains(.cancelTimer(.kill(1))))
        #expect(machine.fire(.kill(1), after: .seconds(3)).isEmpty)
        #expect(machine.agent.executors[1]?.stage == .subscribed(PeerID(9)))
        #expect(machine.last("t")?.source == .executor)
        #expect(machine.last("u")?.state == .running)
    }

    @Test("What a scheduler asks of its own executor is never forced")
    func schedulersKill() {
        var machine = Self.running()
        #expect(machine.kill("t", grace: .seconds(1)) == [.sendToExecutor(PeerID(9), .kill("t", grace: .seconds(1)))])
        // Asked before it, it does not put the force off.
        machine.revoke("t")
        let deadline = machine.now + .seconds(3)
        machine.now = machine.now + .seconds(1)
        #expect(machine.kill("t", grace: .seconds(60)).count == 1)
        #expect(machine.agent.tasks[1]?.kill?.deadline == deadline)
        #expect(machine.revoke("t").allSatisfy { if case .setTimer = $0 { false } else { true } })
    }

    @Test(
        "The time to go is the task's own policy, within what the order or the agent allows",
        arguments: [
            (Duration?.none, Duration?.none, Duration.seconds(3)), (.seconds(10), .seconds(7), .seconds(7)),
            (.seconds(10), .seconds(600), .seconds(10)), (.zero, .seconds(600), .seconds(3)),
            (.seconds(10), nil, .seconds(3)), (.seconds(10), .seconds(1), .seconds(1)),
        ])
    func grace(order: Duration?, own: Duration?, expected: Duration) {
        for isCommand in [true, false] {
            var machine = Machine.registered()
            var task = isCommand ? TaskInfo.command("t") : .custom("t")
            task.killGracePeriod = own
            machine.launch(task)
            machine.started(1)
            if !isCommand { machine.subscribe() }
            #expect(
                machine.revoke("t", grace: order).contains(.setTimer(.kill(1), at: machine.now + expected)),
                "command: \(isCommand)")
        }
    }

    @Test("A long farewell of the executor is cut to the agent's usual time")
    func longShutdown() {
        var executor = ExecutorInfo.sample
        executor.shutdownGracePeriod = .seconds(3600)
        var machine = Self.running(executor: executor)
        machine.revoke("t")
        let effects = machine.fire(.kill(1), after: .seconds(3))
        #expect(effects.contains(.setTimer(.executorShutdown(1), at: machine.now + .seconds(5))))
        // So is one that began for another reason.
        machine = Self.running(executor: executor)
        machine.order(.shutdownExecutor(ExecutorKey(Machine.framework, "e")))
        machine.revoke("t")
        #expect(
            machine.fire(.kill(1), after: .seconds(3))
                == [.setTimer(.executorShutdown(1), at: machine.now + .seconds(5))])
        machine.fire(.executorShutdown(1), after: .seconds(5))
        machine.exited(1, .init(status: 9))
        #expect(machine.last("t")?.message == "The executor was shut down. (revoked)")
        #expect(machine.last("u")?.reason == .executorTerminated)
    }

    @Test("Two that have to go cost one executor; the second does not shorten its farewell")
    func both() {
        var machine = Self.running()
        machine.revoke("t")
        machine.revoke("u", grace: .seconds(1))
        machine.fire(.kill(1), after: .seconds(3))
        #expect(machine.fire(.kill(2), after: .seconds(1)).isEmpty)
        machine.exited(1)
        #expect(machine.last("t")?.state == .killed)
        #expect(machine.last("u")?.state == .killed)
    }

    @Test("While its executor is away the time runs; then there is nobody to ask, and the container goes at once")
    func away() {
        var machine = Self.running()
        machine.handle(.executorDisconnected(PeerID(9)))
        #expect(machine.revoke("t") == [.setTimer(.kill(1), at: machine.now + .seconds(3))])
        #expect(machine.fire(.kill(1), after: .seconds(3)) == [.cancelTimer(.executorRegistration(1)), .destroy(1)])
        machine.exited(1, .init(status: 9))
        #expect(machine.last("t")?.state == .killed)
        #expect(machine.last("u")?.state == .gone)
    }

    @Test("An executor that returns within the time is told what has to go, and how soon")
    func returns() {
        var machine = Self.running()
        machine.handle(.executorDisconnected(PeerID(9)))
        machine.revoke("t")
        let effects = machine.subscribe(over: PeerID(10), tasks: ["t", "u"])
        #expect(effects.toExecutor.contains(.kill("t", grace: .seconds(3))))
        #expect(machine.fire(.kill(1), after: .seconds(3)).toExecutor == [.shutdown])
    }

    @Test("Before its executor has subscribed a task just goes")
    func notRegistered() {
        var machine = Machine.registered()
        machine.launch(.custom("t"))
        machine.started(1)
        #expect(machine.revoke("t").contains(.destroy(1)))
        #expect(machine.last("t")?.state == .killed)
        #expect(machine.last("t")?.reason == .taskKilledDuringLaunch)
        #expect(machine.agent.checkInvariants() == [])
    }

    @Test("The next registration says which tasks will end, whatever their executor does")
    func registration() {
        var machine = Self.running()
        func ending(_ effects: [AgentState.Effect]) -> [TaskID] {
            effects.registration?.tasks.filter(\.isEnding).map(\.key.task) ?? []
        }
        machine.kill("u")
        #expect(ending(machine.attach()) == [])
        machine.revoke("t")
        #expect(ending(machine.attach()) == ["t"])
        machine.update("t", .killed, uuid: 3)
        #expect(ending(machine.attach()) == [])
    }

    @Test("After a restart the master asks again, and the time begins anew")
    func restart() {
        var machine = Self.running()
        machine.revoke("t")
        machine.now = machine.now + .seconds(2)
        machine.restart(runs: [RecoveredRun(runID: 1, .running(pid: 7))])
        machine.attach(PeerID(1))
        machine.subscribe(over: PeerID(10))
        #expect(
            machine.revoke("t") == [
                .setTimer(.kill(1), at: machine.now + .seconds(3)),
                .sendToExecutor(PeerID(10), .kill("t", grace: .seconds(3))),
            ])
        #expect(machine.fire(.kill(1), after: .seconds(3)).toExecutor == [.shutdown])
        // It dies again while the executor is shutting down: nothing of that is on disk, and asking again helps again.
        machine.restart(runs: [RecoveredRun(runID: 1, .running(pid: 7))])
        machine.attach(PeerID(1))
        machine.revoke("t")
        #expect(machine.fire(.kill(1), after: .seconds(3)).contains(.destroy(1)))
        machine.exited(1, .init(status: 9))
        #expect(machine.last("t")?.state == .killed)
        #expect(machine.agent.checkInvariants() == [])
    }

    @Test("A task that may run for so long only is asked to go then, and its executor goes if it does not")
    func maxCompletionTime() {
        var machine = Self.running(bound: .seconds(60))
        #expect(machine.fire(.completion(1), after: .seconds(60)).toExecutor == [.kill("t", grace: .seconds(3))])
        #expect(machine.fire(.kill(1), after: .seconds(3)).toExecutor == [.shutdown])
        machine.exited(1)
        #expect(machine.last("t")?.state == .failed)
        #expect(machine.last("t")?.reason == .maxCompletionTimeReached)
        #expect(machine.last("u")?.state == .gone)
    }

    @Test("That time runs from when the executor has the task, over its connections and the agent's restarts")
    func boundedTime() {
        var machine = Machine.registered()
        var task = TaskInfo.custom("t")
        task.maxCompletionTime = .seconds(60)
        machine.launch(task)
        machine.started(1)
        machine.now = machine.now + .seconds(9)
        let begin = machine.now
        #expect(machine.subscribe().contains(.setTimer(.completion(1), at: begin + .seconds(60))))
        machine.now = machine.now + .seconds(9)
        machine.handle(.executorDisconnected(PeerID(9)))
        let again = machine.subscribe(over: PeerID(10), tasks: ["t"])
        #expect(!again.contains { if case .setTimer(.completion, _) = $0 { true } else { false } })
        var running = Machine.status("t", .running, uuid: 1)
        running.timestamp = machine.now.seconds
        machine.call(.update(running), over: PeerID(10))
        let started = machine.now
        machine.now = machine.now + .seconds(9)
        let effects = machine.restart(runs: [RecoveredRun(runID: 1, .running(pid: 7))])
        #expect(effects.contains(.setTimer(.completion(1), at: started + .seconds(60))))
    }
}
