import Model
import Testing

@testable import AgentCore

/// The container of an executor grows before a task comes and shrinks before its end is told.
struct ContainerLimitsTests {
    /// A machine on which executor e runs task t, and limits change when the test says so.
    private static func running(framework: FrameworkInfo = .plain) -> Machine {
        var machine = Machine.registered()
        machine.launch(.custom("t"), framework: framework)
        machine.started(1)
        machine.subscribe()
        machine.update("t", .running, uuid: 1)
        machine.isUpdating = false
        return machine
    }

    @Test("A task is handed over when the container of its executor has grown")
    func grownBeforeDelivery() {
        var machine = Self.running()
        #expect(machine.launch(.custom("u")).doings == [.update(1, "cpus:2.5;mem:128")])
        #expect(machine.updated(1).toExecutor.map(\.launchedTasks) == [["u"]])
        #expect(machine.agent.checkInvariants() == [])
    }

    @Test("The end of a task is neither logged nor told before the container has shrunk")
    func shrunkBeforeTheEnd() {
        var machine = Self.running()
        #expect(machine.update("t", .finished, uuid: 2) == [.update(1, "cpus:0.5;mem:64")])
        #expect(machine.last("t")?.state == .running)
        // What the executor repeats meanwhile is not acknowledged: it would be lost with the agent.
        #expect(machine.update("t", .finished, uuid: 2).isEmpty)
        #expect(machine.kill("t").isEmpty)
        let effects = machine.updated(1)
        #expect(effects.sentStates == [.finished])
        #expect(effects.toExecutor == [.acknowledged("t", uuid: Bytes(repeating: 2, count: 16))])
        #expect(machine.agent.used == "cpus:0.5;mem:64")
        #expect(machine.agent.checkInvariants() == [])
    }

    @Test("What comes while limits change shares the next change, and nothing waits for more than that")
    func changesShareOrders() {
        var machine = Self.running()
        #expect(machine.launch(.custom("a")).doings == [.update(1, "cpus:2.5;mem:128")])
        #expect(machine.launch(.custom("b")).doings.isEmpty)
        #expect(machine.launch(.custom("c")).doings.isEmpty)
        #expect(machine.update("t", .finished, uuid: 2).isEmpty)
        let first = machine.updated(1)
        #expect(first.toExecutor.map(\.launchedTasks) == [["a"]])
        #expect(first.contains(.update(1, "cpus:3.5;mem:160")))
        let second = machine.updated(1)
        #expect(second.toExecutor.map(\.launchedTasks).filter { !$0.isEmpty } == [["b"], ["c"]])
        #expect(second.sentStates == [.finished])
        #expect(machine.agent.checkInvariants() == [])
    }

    @Test("A task as large as the one that ended meanwhile needs no second change")
    func changesThatCancelOut() {
        var machine = Self.running()
        machine.launch(.custom("a"))
        machine.launch(.custom("b"))
        machine.update("t", .finished, uuid: 2)
        let effects = machine.updated(1)
        #expect(effects.toExecutor.flatMap(\.launchedTasks) == ["a", "b"])
        #expect(!effects.contains { if case .update = $0 { true } else { false } })
        #expect(effects.sentStates == [.finished])
    }

    @Test(
        "A container that cannot grow is destroyed, and all of its tasks are lost with the cause",
        arguments: [(FrameworkInfo.plain, TaskState.lost), (.modern, .gone)])
    func cannotGrow(framework: FrameworkInfo, state: TaskState) {
        var machine = Self.running(framework: framework)
        machine.launch(.custom("u"), framework: framework)
        let effects = machine.updated(1, problem: "no such group")
        #expect(effects.contains(.destroy(1)))
        #expect(effects.toExecutor.isEmpty)
        machine.exited(1, .init(status: 9))
        for task in ["t", "u"] as [TaskID] {
            #expect(machine.last(task)?.state == state)
            #expect(machine.last(task)?.reason == .containerUpdateFailed)
            #expect(machine.last(task)?.message?.contains("no such group") == true)
        }
        #expect(machine.agent.used.isEmpty)
        #expect(machine.agent.checkInvariants() == [])
    }

    @Test("A container that cannot shrink is destroyed; the task that ended ends as its executor said")
    func cannotShrink() {
        var machine = Self.running()
        machine.launch(.custom("u"))
        machine.updated(1)
        machine.update("t", .finished, uuid: 2)
        #expect(machine.updated(1, problem: "busy").contains(.destroy(1)))
        #expect(machine.last("t")?.state == .running)
        machine.exited(1, .init(status: 9))
        #expect(machine.last("t")?.state == .finished)
        #expect(machine.last("u")?.state == .lost)
        #expect(machine.last("u")?.reason == .containerUpdateFailed)
        #expect(machine.agent.checkInvariants() == [])
    }

    @Test("An executor that exits while its container shrinks leaves the end that it told")
    func exitsMeanwhile() {
        var machine = Self.running()
        machine.update("t", .finished, uuid: 2)
        machine.exited(1)
        #expect(machine.statuses(of: "t").map(\.state) == [.running, .finished])
        #expect(machine.updated(1).isEmpty)
        #expect(machine.agent.checkInvariants() == [])
    }

    @Test("An executor that is away while its container grows gets its task when it is back")
    func awayMeanwhile() {
        var machine = Self.running()
        machine.launch(.custom("u"))
        machine.handle(.executorDisconnected(PeerID(9)))
        #expect(machine.updated(1).toExecutor.isEmpty)
        let effects = machine.subscribe(updates: [Machine.status("t", .running, uuid: 1)])
        #expect(effects.toExecutor.flatMap(\.launchedTasks) == ["u"])
    }

    @Test("After a restart nothing is handed over before the limits are set again")
    func restarted() {
        var machine = Self.running()
        machine.launch(.custom("u"))
        machine.restart(runs: [RecoveredRun(runID: 1, .running(pid: 100))])
        machine.attach()
        #expect(machine.subscribe().toExecutor.flatMap(\.launchedTasks).isEmpty)
        #expect(machine.updated(1).toExecutor.flatMap(\.launchedTasks) == ["u"])
    }

    @Test("A task that is killed before it was handed over ends with its executor told nothing of it")
    func killedWhileGrowing() {
        var machine = Self.running()
        machine.launch(.custom("u"))
        #expect(machine.kill("u").isEmpty)
        #expect(machine.updated(1).contains(.update(1, "cpus:1.5;mem:96")))
        let effects = machine.updated(1)
        #expect(effects.sentStates == [.killed])
        #expect(effects.toExecutor.isEmpty)
        #expect(machine.last("u")?.reason == .taskKilledDuringLaunch)
    }

    @Test("A command task, whose limits never change, waits for nothing")
    func commands() {
        var machine = Self.running()
        machine.launch(.command("c"))
        machine.started(2)
        #expect(machine.exited(2).sentStates == [.finished])
    }
}
