import Model
import Testing

@testable import AgentCore

/// Executors that have nothing to run.
struct IdleExecutorTests {
    private static func running() -> Machine { ExecutorTests.running { $0.executorIdleTimeout = .seconds(30) } }

    @Test("An executor that has had no task for so long is shut down, with its grace")
    func idle() {
        var machine = Self.running()
        #expect(
            machine.update("t", .finished, uuid: 2).contains(
                .setTimer(.executorIdle(1), at: machine.now + .seconds(30))))
        let effects = machine.fire(.executorIdle(1), after: .seconds(30))
        #expect(effects.toExecutor == [.shutdown])
        #expect(effects.contains(.setTimer(.executorShutdown(1), at: machine.now + .seconds(5))))
        #expect(machine.exited(1).contains(.cancelTimer(.executorIdle(1))))
        #expect(machine.agent.used.isEmpty)
        #expect(machine.agent.checkInvariants() == [])
    }

    @Test("A task that came meanwhile keeps it, and the time counts anew from that task's end")
    func busy() {
        var machine = Self.running()
        machine.update("t", .finished, uuid: 2)
        machine.launch(.custom("u"))
        #expect(machine.fire(.executorIdle(1), after: .seconds(30)).isEmpty)
        machine.now = machine.now + .seconds(7)
        let effects = machine.update("u", .finished, uuid: 3)
        #expect(effects.contains(.setTimer(.executorIdle(1), at: machine.now + .seconds(30))))
    }

    @Test("One whose only task is killed before it was handed over is not kept waiting")
    func neverHadOne() {
        var machine = Machine.registered { $0.executorIdleTimeout = .seconds(30) }
        machine.launch(.custom("t"))
        machine.started(1)
        machine.kill("t")
        machine.exited(1)
        #expect(machine.agent.executorRuns.isEmpty)
    }

    @Test("After a restart of the agent, or while it is away, the time begins when it subscribes")
    func restarted() {
        var machine = Self.running()
        machine.update("t", .finished, uuid: 2)
        machine.handle(.executorDisconnected(PeerID(9)))
        #expect(machine.fire(.executorIdle(1), after: .seconds(30)).isEmpty)
        machine.restart(runs: [RecoveredRun(runID: 1, .running(pid: 100))])
        machine.attach()
        machine.now = machine.now + .seconds(1)
        #expect(machine.subscribe().contains(.setTimer(.executorIdle(1), at: machine.now + .seconds(30))))
    }

    @Test("As a rule an executor may wait for ever")
    func never() {
        var machine = ExecutorTests.running()
        let effects = machine.update("t", .finished, uuid: 2)
        #expect(!effects.contains { if case .setTimer(.executorIdle, _) = $0 { true } else { false } })
    }
}
