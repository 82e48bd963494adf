import Messages
import Model
import Testing

@testable import MesetaSDK

/// Finishes each task at once, with its data.
private final class Echo: Executor {
    private let isInline: Bool

    init(isInline: Bool) { self.isInline = isInline }

    func launchTask(_ driver: ExecutorDriver, _ task: TaskInfo) {
        #expect(driver.loop?.inEventLoop == self.isInline)
        driver.sendStatusUpdate(task.taskID, .running)
        driver.sendStatusUpdate(task.taskID, .finished, data: task.text)
    }

    func killTask(_ driver: ExecutorDriver, _ task: TaskID, grace: Duration?) {
        driver.sendStatusUpdate(task, .killed)
    }

    func frameworkMessage(_ driver: ExecutorDriver, _ data: Bytes) { driver.sendFrameworkMessage(data) }
}

@Suite("The executor's driver on real connections")
struct ExecutorDriverTests {
    func subscribed() -> ExecutorEvent {
        .subscribed(
            ExecutorInfo(executorID: "e", command: CommandInfo(shell: "x")), FrameworkInfo(user: "u", name: "f"),
            "1-A1", hostname: "h")
    }

    func updates(_ agent: AgentScript) async -> TaskStatus? {
        guard case .update(let status)? = await agent.message()?.kind else { return nil }
        return status
    }

    @Test(
        "An executor runs tasks, survives its agent's restart, and ends when it is told",
        .timeLimit(.minutes(1)), arguments: [false, true])
    func wholeLife(isInline: Bool) async throws {
        let agent = try await AgentScript(as: .agent)
        let place = ExecutorPlace(endpoint: agent.address, framework: "1-F1", executor: "e", token: [0xab, 0xcd])
        let driver = ExecutorDriver(
            executor: Echo(isInline: isInline), place: place, runsCallbacksInline: isInline)
        let run = Task { try await driver.run() }

        let hello = await agent.hello()
        #expect(hello?.executorID == "e")
        #expect(hello?.frameworkID == "1-F1")
        #expect(hello?.subscription?.token == [0xab, 0xcd])
        #expect(
            await agent.message()
                == ExecutorCall(
                    frameworkID: "1-F1", executorID: "e",
                    .subscribe(unacknowledgedTasks: [], unacknowledgedUpdates: [])))
        agent.send(self.subscribed())
        agent.send(ExecutorEvent.message([1, 2]))
        #expect(await agent.message()?.kind == .message([1, 2]))

        var work = task("t").data("in")
        work.executor = nil
        agent.send(ExecutorEvent.launch(work))
        let running = try #require(await self.updates(agent))
        let finished = try #require(await self.updates(agent))
        #expect(running.state == .running)
        #expect(finished.state == .finished)
        #expect(finished.text == "in")
        agent.send(ExecutorEvent.acknowledged("t", uuid: running.uuid ?? []))

        agent.hangUp()
        guard case .subscribe(let tasks, let updates)? = await agent.message()?.kind else {
            return #expect(Bool(false))
        }
        #expect(tasks.isEmpty)
        #expect(updates.map(\.uuid) == [finished.uuid])
        agent.send(self.subscribed())
        agent.send(ExecutorEvent.acknowledged("t", uuid: finished.uuid ?? []))
        agent.send(ExecutorEvent.shutdown)
        try await run.value
        #expect(await agent.disconnected())
        await agent.close()
    }

    @Test("Tokens are hexadecimal")
    func tokens() {
        #expect(ExecutorPlace.bytes(hexadecimal: "00ffA1") == [0, 255, 0xa1])
        #expect(ExecutorPlace.bytes(hexadecimal: "0") == nil)
        #expect(ExecutorPlace.bytes(hexadecimal: "zz") == nil)
    }
}

@Suite("Short forms for authors of frameworks")
struct BuilderTests {
    let offer = Offer(
        id: "1-O1", frameworkID: "1-F1", agentID: "1-A1", hostname: "h", sidePort: 1, resources: "cpus:2;mem:64",
        role: "*")

    @Test("A task on an offer takes its agent, and says the rest in one line")
    func tasks() {
        let shell = TaskInfo("t", on: self.offer, resources: "cpus:1").command("echo $A", environment: ["A": "1"])
        #expect(shell.agentID == "1-A1")
        #expect(shell.name == "t")
        #expect(shell.command?.shell == true)
        #expect(shell.command?.environment == ["A": "1"])
        let program = TaskInfo("t", on: self.offer, resources: "cpus:1", name: "n")
            .command(program: "/bin/echo", arguments: ["a"])
        #expect(program.name == "n")
        #expect(program.command?.shell == false)
        #expect(program.command?.arguments == ["/bin/echo", "a"])
    }

    @Test("Amounts are written as people think of them, and are exact")
    func resources() {
        #expect(Resources(cpus: 0.1, mem: 32) == "cpus:0.1;mem:32")
        #expect(Resources(cpus: 1.0005) == "cpus:1.001")
        #expect(self.offer.fits(Resources(cpus: 2, mem: 64)))
        #expect(!self.offer.fits(Resources(cpus: 2.001)))
    }

    @Test("A framework is named by one word, and belongs to who runs it")
    func framework() {
        let framework = FrameworkInfo("Pi", failoverTimeout: .seconds(5), roles: ["a", "b"])
        #expect(!framework.user.isEmpty)
        #expect(!framework.hostname.isEmpty)
        #expect(framework.capabilities == [.multiRole])
        #expect(framework.failoverTimeout == .seconds(5))
    }
}
