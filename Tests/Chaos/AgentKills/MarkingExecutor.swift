import ArgumentParser
import Foundation
import MesetaSDK

/// What the agent starts for tasks of the kind `executor`.
struct RunExecutor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "executor", abstract: "Run tasks that leave marks; agents start this.", shouldDisplay: false)

    @Argument(help: "The directory of marks.") var marks: String

    func run() async throws {
        try await ExecutorDriver(executor: MarkingExecutor(marks: URL(fileURLWithPath: self.marks))).run()
    }
}

/// Leaves a mark, waits, leaves another.
struct MarkingExecutor: Executor {
    let marks: URL

    func launchTask(_ driver: ExecutorDriver, _ task: TaskInfo) {
        let milliseconds = task.text.flatMap { Int($0) } ?? 0
        do {
            try self.mark(task.taskID, "start")
        } catch {
            return driver.sendStatusUpdate(task.taskID, .failed, message: "\(error)")
        }
        driver.sendStatusUpdate(task.taskID, .running)
        Task {
            try await Task.sleep(for: .milliseconds(milliseconds))
            try self.mark(task.taskID, "end")
            driver.sendStatusUpdate(task.taskID, .finished)
        }
    }

    private func mark(_ task: TaskID, _ word: String) throws {
        let path = self.marks.appendingPathComponent(task.rawValue).path
        let file = open(path, O_WRONLY | O_APPEND | O_CREAT, 0o644)
        guard file >= 0 else { throw Failure("cannot open \(path)") }
        defer { close(file) }
        let line = "\(word) \(getpid())\n"
        guard Foundation.write(file, line, line.utf8.count) == line.utf8.count else {
            throw Failure("cannot write \(path)")
        }
    }

    func killTask(_ driver: ExecutorDriver, _ task: TaskID, grace: Duration?) {}
}
