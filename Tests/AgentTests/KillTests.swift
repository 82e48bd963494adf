import Model
import Testing

@testable import AgentCore

/// Kills, and the end of frameworks.
struct KillTests {
    @Test("A kill is SIGTERM, then SIGKILL after the grace period; the task ends KILLED")
    func killsInTwoSteps() {
        var machine = Machine.registered()
        machine.launch(.command("t", "sleep 100"))
        machine.started(1)
        #expect(
            machine.kill("t").doings == [.signal(1, 15), .setTimer(.kill(1), at: machine.now + .seconds(3))])
        #expect(machine.fire(.kill(1), after: .seconds(3)) == [.destroy(1)])
        machine.exited(1, .init(status: 9))
        #expect(machine.statuses(of: "t").map(\.state) == [.running, .killed])
        #expect(machine.last("t")?.message == "Command terminated with signal SIGKILL")
    }

    @Test("A framework that can take it hears TASK_KILLING first")
    func killingState() {
        var machine = Machine.registered()
        machine.launch(.command("t"), framework: .modern)
        machine.started(1)
        machine.kill("t")
        machine.exited(1, .init(status: 15))
        #expect(machine.statuses(of: "t").map(\.state) == [.running, .killing, .killed])
    }

    @Test(
        "The grace of the order beats that of the task, which beats the agent's",
        arguments: [
            (Duration?.none, Duration?.none, Duration.seconds(3)), (nil, .seconds(7), .seconds(7)),
            (.seconds(1), .seconds(7), .seconds(1)), (.seconds(20), .seconds(7), .seconds(20)),
        ])
    func precedence(order: Duration?, task: Duration?, expected: Duration) {
        var machine = Machine.registered()
        var info = TaskInfo.command("t")
        info.killGracePeriod = task
        machine.launch(info)
        machine.started(1)
        #expect(machine.kill("t", grace: order).contains(.setTimer(.kill(1), at: machine.now + expected)))
    }

    @Test("A second kill can shorten the grace period, never lengthen it")
    func repeatedKill() {
        var machine = Machine.registered()
        machine.launch(.command("t"))
        machine.started(1)
        let first = machine.now
        machine.kill("t", grace: .seconds(10))
        machine.now = first + .seconds(2)
        #expect(machine.kill("t", grace: .seconds(60)).isEmpty)
        #expect(machine.kill("t").isEmpty)
        #expect(machine.kill("t", grace: .seconds(5)) == [.setTimer(.kill(1), at: first + .seconds(5))])
        #expect(machine.kill("t", grace: .zero) == [.setTimer(.kill(1), at: machine.now)])
    }

    @Test("The wish is on disk before the signal is sent")
    func logsFirst() {
        var machine = Machine.registered()
        machine.launch(.command("t"))
        machine.started(1)
        machine.isSyncing = false
        #expect(machine.kill("t").isEmpty)
        #expect(machine.sync().contains(.signal(1, 15)))
    }

    @Test("A task killed while its acceptance is being written is never launched")
    func killedBeforeLaunch() {
        var machine = Machine.registered()
        machine.isSyncing = false
        machine.launch(.command("t"))
        machine.kill("t")
        let effects = machine.sync()
        #expect(effects.launched.isEmpty)
        #expect(effects.sentStates == [.killed])
        #expect(machine.last("t")?.reason == .taskKilledDuringLaunch)
        #expect(machine.agent.checkInvariants() == [])
    }

    @Test("A task killed while its container starts is signalled when that is done")
    func killedWhileStarting() {
        var machine = Machine.registered()
        machine.launch(.command("t"))
        #expect(machine.kill("t").doings == [.setTimer(.kill(1), at: machine.now + .seconds(3))])
        let effects = machine.started(1)
        #expect(effects.contains(.signal(1, 15)))
        #expect(effects.sentStates == [.running])
    }

    @Test("A kill of what is not live here changes nothing")
    func unknownTask() {
        var machine = Machine.registered()
        #expect(machine.kill("t").isEmpty)
        machine.launch(.command("t"))
        machine.exited(1)
        #expect(machine.kill("t").isEmpty)
    }

    @Test("When a framework is removed its tasks are ended, and nothing is kept for it")
    func shutdownFramework() {
        var machine = Machine.registered()
        machine.launch(.command("a"))
        machine.launch(.command("b"))
        machine.launch(.command("c"))
        machine.launch(.custom("d"))
        machine.started(1)
        machine.started(2)
        machine.exited(2)
        machine.subscribe()
        let effects = machine.order(.shutdownFramework(Machine.framework))
        #expect(effects.contains(.signal(1, 15)))
        #expect(effects.toExecutor == [.shutdown])
        #expect(effects.books.contains { $0.change == .taskRemoved(number: 2) })
        #expect(machine.exited(1, .init(status: 15)).envelopes.isEmpty)
        #expect(machine.exited(3, .init(status: 9)).envelopes.isEmpty)
        let last = machine.exited(4, .init(status: 9))
        #expect(last.envelopes.isEmpty)
        #expect(last.books.contains { if case .executorExited = $0.change { true } else { false } })
        #expect(machine.agent.used.isEmpty)
        #expect(!machine.agent.tasks.values.contains { !$0.isRemoved })
        machine.handle(.relay(Machine.relay, .bookConfirmed(machine.agent.attachment, machine.agent.position)))
        #expect(machine.agent.tasks.isEmpty)
        #expect(machine.agent.unconfirmedExits.isEmpty)
        #expect(machine.launch(.command("e")).launched.isEmpty)
        #expect(machine.agent.checkInvariants() == [])
    }
}
