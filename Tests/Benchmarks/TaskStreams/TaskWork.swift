public import ArgumentParser
internal import Foundation
internal import MesetaSDK

/// What each task of a stream is.
public enum TaskWork: Sendable {
    /// A program, run without a shell.
    case program(String, arguments: [String] = [])
    /// Nothing: an executor, the same for all tasks, says RUNNING and FINISHED of each at once; inline: on the thread of its
    /// driver.
    case nothing(isInline: Bool = false)

    /// A task that does it.
    func task(_ id: TaskID, on offer: Offer, _ resources: Resources) -> TaskInfo {
        var task = TaskInfo(id, on: offer, resources: resources)
        switch self {
        case .program(let path, let arguments):
            task.command = CommandInfo(program: path, arguments: [path] + arguments)
        case .nothing(isInline: false): task.executor = Self.noOp
        case .nothing(isInline: true): task.executor = Self.inlineNoOp
        }
        return task
    }

    /// This program, with the word `executor`.
    private static let noOp = noOp(["executor"])
    private static let inlineNoOp = noOp(["executor", "--inline"])

    private static func noOp(_ arguments: [String]) -> ExecutorInfo {
        let path = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().path
        return ExecutorInfo("no-op", program: path, arguments: arguments)
    }
}

/// `executor`: started by an agent, runs tasks that do nothing.
public struct ExecutorCommand: AsyncParsableCommand {
    /// Of programs whose streams have tasks that do nothing.
    public static let configuration = CommandConfiguration(
        commandName: "executor", abstract: "An executor whose tasks do nothing; agents start it.",
        shouldDisplay: false)

    /// Whether its callbacks stay on the thread of its driver.
    @Flag public var inline = false

    /// For the parser.
    public init() {}

    /// Until the agent ends it.
    public func run() async throws {
        try await ExecutorDriver(executor: NoOpExecutor(), runsCallbacksInline: self.inline).run()
    }
}

/// Ends each task as soon as it is told of it.
private struct NoOpExecutor: Executor {
    func launchTask(_ driver: ExecutorDriver, _ task: TaskInfo) {
        driver.sendStatusUpdate(task.taskID, .running)
        driver.sendStatusUpdate(task.taskID, .finished)
    }

    func killTask(_ driver: ExecutorDriver, _ task: TaskID, grace: Duration?) {}
}
