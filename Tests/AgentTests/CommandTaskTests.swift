import Model
import Testing

@testable import AgentCore

/// Tasks that are a command: accepted, launched, ended, told.
struct CommandTaskTests {
    @Test("A command task is launched when it is on disk, and not before")
    func launchesAfterLogging() {
        var machine = Machine.registered()
        machine.isSyncing = false
        #expect(machine.launch(.command("t")).isEmpty)
        #expect(machine.disk.suffix(2).map(\.kind) == ["frameworkSeen", "taskAccepted"])
        let effects = machine.sync()
        #expect(effects.books.map(\.position) == [1])
        #expect(effects.launched.map(\.taskID) == ["t"])
        #expect(effects.launched.first?.resources == "cpus:1;mem:32")
        #expect(effects.launched.first?.user == "nobody")
        #expect(effects.launched.first?.sandbox == ["frameworks", "1-F0", "tasks", "t.1"])
        #expect(effects.launched.first?.environment["MESETA_TASK_ID"] == "t")
        #expect(effects.launched.first?.environment["MESETA_AGENT_ID"] == "1-A0")
        #expect(machine.agent.checkInvariants() == [])
    }

    @Test("A status is sent when it is on disk, and not before")
    func sendsAfterLogging() {
        var machine = Machine.registered()
        machine.launch(.command("t"))
        machine.isSyncing = false
        #expect(machine.started(1).isEmpty)
        let running = machine.sync()
        #expect(running.sentStates == [.running])
        #expect(running.books.count == 1)
        #expect(machine.exited(1).filter { $0 != .cancelTimer(.kill(1)) }.isEmpty)
        let finished = machine.sync()
        #expect(finished.sentStates == [.finished])
        #expect(finished.contains(.forget(1)))
    }

    @Test(
        "A command that exits finishes or fails, and says how",
        arguments: [
            (ContainerExit(status: 0), TaskState.finished, StatusReason?.none, "Command exited with status 0"),
            (ContainerExit(status: 3 << 8), .failed, nil, "Command exited with status 3"),
            (ContainerExit(status: 11), .failed, nil, "Command terminated with signal SIGSEGV"),
            (ContainerExit(status: 9, cause: .memoryLimit, message: "too much"), .failed, .memoryLimit, "too much"),
            (ContainerExit(status: 9, cause: .diskLimit, message: "disk"), .failed, .diskLimit, "disk"),
            (ContainerExit(status: 9, cause: .limitation, message: "ports"), .failed, .containerLimitation, "ports"),
            (
                ContainerExit(status: 9, cause: .supervisorLost), .failed, .executorTerminated,
                "Its supervisor died."
            ),
        ])
    func outcomes(exit: ContainerExit, state: TaskState, reason: StatusReason?, message: String) {
        var machine = Machine.registered()
        machine.launch(.command("t"))
        machine.started(1)
        machine.exited(1, exit)
        #expect(machine.statuses(of: "t").map(\.state) == [.running, state])
        #expect(machine.last("t")?.reason == reason)
        #expect(machine.last("t")?.message == message)
        #expect(machine.last("t")?.waitStatus == (exit.cause == .supervisorLost ? nil : exit.status))
        #expect(machine.last("t")?.sequence == 2)
        #expect(machine.last("t")?.uuid?.count == 16)
        #expect(machine.agent.used.isEmpty)
    }

    @Test("A container that cannot start fails its task")
    func launchFails() {
        var machine = Machine.registered()
        machine.launch(.command("t"))
        machine.handle(.container(.launchFailed(1, message: "no such user")))
        #expect(machine.last("t")?.state == .failed)
        #expect(machine.last("t")?.reason == .containerLaunchFailed)
        #expect(machine.last("t")?.source == .agent)
        #expect(machine.last("t")?.message == "no such user")
    }

    @Test("An order that comes twice starts one task")
    func duplicateLaunch() {
        var machine = Machine.registered()
        #expect(machine.launch(.command("t")).launched.count == 1)
        #expect(machine.launch(.command("t")).isEmpty)
        machine.started(1)
        machine.exited(1)
        #expect(machine.launch(.command("t")).isEmpty)
        #expect(machine.agent.tasks.count == 1)
    }

    @Test("A task id may be used again when the terminal status is acknowledged")
    func idIsUsedAgain() {
        var machine = Machine.registered()
        machine.launch(.command("t"))
        machine.started(1)
        machine.exited(1)
        machine.acknowledge("t")
        let effects = machine.launch(.command("t"))
        #expect(effects.launched.map(\.runID) == [2])
        #expect(machine.agent.numbers[Machine.key("t")] == 2)
        #expect(machine.agent.checkInvariants() == [])
    }

    @Test("What does not fit is refused, whatever the master's books say")
    func totalsGuard() {
        var machine = Machine.registered()
        machine.launch(.command("a", "true", "cpus:6;mem:32"))
        #expect(machine.launch(.command("b", "true", "cpus:3;mem:32")).launched.isEmpty)
        #expect(machine.last("b")?.state == .lost)
        #expect(machine.last("b")?.reason == .resourcesUnknown)
        #expect(machine.last("b")?.source == .agent)
        #expect(
            machine.last("b")?.message
                == "cpus:3;mem:32 is wanted, and the agent has cpus:2;mem:992;ports:[31000-31009] free.")
        machine.launch(.command("c", "true", "cpus:3;mem:32"), framework: .modern)
        #expect(machine.last("c")?.state == .dropped)
        #expect(machine.launch(.command("d", "true", "cpus:2;mem:32")).launched.count == 1)
        #expect(machine.agent.checkInvariants() == [])
    }

    @Test("A port is given to one task at a time")
    func portsAreExclusive() {
        var machine = Machine.registered()
        machine.launch(.command("a", "true", "cpus:1;ports:[31000-31001]"))
        machine.launch(.command("b", "true", "cpus:1;ports:[31001-31002]"))
        #expect(machine.last("b")?.reason == .resourcesUnknown)
        machine.exited(1)
        #expect(machine.launch(.command("c", "true", "cpus:1;ports:[31001-31002]")).launched.count == 1)
        #expect(machine.agent.used == "cpus:1;ports:[31001-31002]")
    }

    @Test("A task that is refused is told to the master, and kept until acknowledged")
    func refusedTaskIsBooked() {
        var machine = Machine.registered()
        let effects = machine.launch(.command("t", "true", "cpus:100"))
        #expect(effects.books.count == 2)
        #expect(effects.sentStates == [.lost])
        machine.acknowledge("t")
        #expect(machine.agent.tasks[1]?.isRemoved == true)
    }

    @Test("URIs are not fetched by this version, and the task says so")
    func uris() {
        var machine = Machine.registered()
        var info = TaskInfo.command("t")
        info.command?.uris = [.init(value: "http://example.org/x")]
        #expect(machine.launch(info).launched.isEmpty)
        #expect(machine.last("t")?.state == .failed)
        #expect(machine.last("t")?.reason == .containerLaunchFailed)
        #expect(machine.last("t")?.message?.contains("URIs") == true)
    }

    @Test("A task that cannot be read, or asks for nothing, is an error")
    func invalid() {
        var machine = Machine.registered()
        machine.order(
            .launch(
                LaunchOrder(
                    frameworkID: Machine.framework, role: "*", frameworkInfo: codec.encode(.plain),
                    tasks: [.init(taskID: "t", info: [0xff])])))
        #expect(machine.last("t")?.state == .error)
        #expect(machine.last("t")?.reason == .taskInvalid)
        var info = TaskInfo.command("u")
        info.command = nil
        machine.launch(info)
        #expect(machine.last("u")?.message == "The task has neither a command nor an executor.")
    }

    @Test("A task meant for another agent is ignored")
    func otherAgent() {
        var machine = Machine.registered()
        var info = TaskInfo.command("t")
        info.agentID = "1-A7"
        #expect(machine.launch(info).isEmpty)
        #expect(machine.agent.tasks.isEmpty)
    }

    @Test("A task that runs longer than it may is destroyed and fails")
    func maxCompletionTime() {
        var machine = Machine.registered()
        var info = TaskInfo.command("t")
        info.maxCompletionTime = .seconds(60)
        machine.launch(info)
        #expect(machine.started(1).contains(.setTimer(.completion(1), at: machine.now + .seconds(60))))
        #expect(machine.fire(.completion(1), after: .seconds(60)) == [.destroy(1)])
        machine.exited(1, .init(status: 9))
        #expect(machine.last("t")?.state == .failed)
        #expect(machine.last("t")?.reason == .maxCompletionTimeReached)
    }

    @Test("The container of a run that nobody knows is destroyed")
    func orphan() {
        var machine = Machine.registered()
        #expect(machine.started(77) == [.destroy(77)])
    }

    @Test("Names that schedulers choose cannot leave the sandbox")
    func sandboxNames() {
        #expect(SandboxPath.name("web.3-a_b") == "web.3-a_b")
        #expect(SandboxPath.name("../x/y") == "..%2Fx%2Fy")
        #expect(SandboxPath.name("..") == "%2E%2E%")
        #expect(SandboxPath.name("") == "%")
        #expect(SandboxPath.name("ä\n") == "%C3%A4%0A")
        #expect(SandboxPath.name(String(repeating: "/", count: 1000)).utf8.count <= 255)
    }
}

extension AgentLogRecord {
    /// The name of the case.
    var kind: String { Mirror(reflecting: self).children.first?.label ?? "\(self)" }
}
