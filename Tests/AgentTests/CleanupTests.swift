import Model
import Testing

@testable import AgentCore

/// `--recover cleanup`: the last life of an agent.
struct CleanupTests {
    /// An agent of which a command task and an executor with a task are left, started again to clean up.
    private static func cleaning() -> (machine: Machine, effects: [AgentState.Effect]) {
        var machine = ExecutorTests.running()
        machine.launch(.command("c"))
        machine.started(2)
        machine.acknowledge("t")
        machine.acknowledge("c")
        machine.settings.recovery = .cleanup
        let effects = machine.restart(runs: [1, 2].map { RecoveredRun(runID: $0, .running(pid: 100)) })
        return (machine, effects)
    }

    private static func endsLife(_ effects: [AgentState.Effect]) -> Bool { effects.contains(.endLife) }

    @Test("Commands are terminated, executors asked for their tasks and shut down; then the agent ends")
    func ends() {
        var (machine, effects) = Self.cleaning()
        #expect(effects.contains(.signal(2, 15)))
        #expect(machine.attach().registration?.mode.drain != nil)
        #expect(machine.subscribe().toExecutor.contains(.kill("t", grace: .seconds(3))))
        #expect(machine.update("t", .killed, uuid: 2).toExecutor.contains(.shutdown))
        machine.acknowledge("t")
        machine.exited(1)
        #expect(!Self.endsLife(machine.exited(2, .init(status: 15))))
        #expect(machine.last("c")?.state == .killed)
        #expect(Self.endsLife(machine.acknowledge("c")))
        #expect(!Self.endsLife(machine.handle(.relayDisconnected(Machine.relay))))
        #expect(machine.agent.checkInvariants() == [])
    }

    @Test("An executor without tasks is told when it is back, and has its grace")
    func idleExecutor() {
        var machine = ExecutorTests.running()
        machine.update("t", .finished, uuid: 2)
        machine.acknowledge("t")
        machine.settings.recovery = .cleanup
        let effects = machine.restart(runs: [RecoveredRun(runID: 1, .running(pid: 100))])
        #expect(!effects.contains(.destroy(1)) && !Self.endsLife(effects))
        machine.attach()
        #expect(machine.subscribe().toExecutor.contains(.shutdown))
        #expect(machine.fire(.executorShutdown(1), after: .seconds(5)).contains(.destroy(1)))
        #expect(Self.endsLife(machine.exited(1, .init(status: 9))))
    }

    @Test("Statuses that nobody acknowledges are waited for 10 s and no longer")
    func untold() {
        var (machine, _) = Self.cleaning()
        machine.fire(.executorRegistration(1), after: .seconds(2))
        machine.exited(1, .init(status: 9))
        let effects = machine.exited(2, .init(status: 15))
        #expect(effects.contains(.setTimer(.cleanup, at: machine.now + .seconds(10))))
        #expect(Self.endsLife(machine.fire(.cleanup, after: .seconds(10))))
    }

    @Test("Nothing is taken meanwhile, and an agent with nothing to end ends at once")
    func takesNothing() {
        var (machine, _) = Self.cleaning()
        machine.attach()
        machine.launch(.command("new"))
        #expect(machine.last("new")?.reason == .agentDraining)
        var idle = Machine.registered()
        idle.settings.recovery = .cleanup
        #expect(Self.endsLife(idle.restart()))
    }

    @Test("What had not been launched never is")
    func notLaunched() {
        var machine = Machine.registered()
        machine.launch(.command("c"), .custom("t"))
        machine.settings.recovery = .cleanup
        #expect(machine.restart().launched.isEmpty)
        #expect(machine.last("c")?.state == .killed && machine.last("t")?.state == .killed)
        #expect(machine.agent.checkInvariants() == [])
    }

    @Test("A cleanup that is broken off leaves the agent as it was; one that is done leaves a new one")
    func logs() {
        var (machine, _) = Self.cleaning()
        var brokenOff = machine
        brokenOff.settings.recovery = .reconnect
        brokenOff.restart(runs: [1, 2].map { RecoveredRun(runID: $0, .running(pid: 100)) })
        #expect(brokenOff.agent.mode == .active)
        #expect(brokenOff.attach().registration?.agentID == "1-A0")

        machine.exited(1)
        machine.exited(2)
        let life = machine.agent.attachment.starts
        machine.disk = machine.agent.recordsOfNewLife
        machine.settings.recovery = .reconnect
        machine.restart()
        let registration = machine.attach().registration
        #expect(registration?.agentID == nil && registration?.tasks.isEmpty == true && registration?.mode == .active)
        #expect(machine.agent.attachment.starts == life + 1)
        // Neither a sandbox nor a journal is taken for that of an earlier run.
        #expect(machine.launch(.command("again")).launched.map(\.runID) == [3])
        #expect(machine.agent.checkInvariants() == [])
    }
}
