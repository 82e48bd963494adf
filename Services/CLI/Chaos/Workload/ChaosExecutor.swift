internal import ArgumentParser
internal import Foundation
internal import MesetaSDK

/// What agents start for those tasks of the checking workload that are an executor's.
struct ChaosExecutor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chaos-executor", abstract: "Run marked tasks; agents start this.", shouldDisplay: false)

    @Argument(help: "The directory of marks.") var marks: String

    func run() async throws {
        do { try await ExecutorDriver(executor: MarkingExecutor(marks: self.marks)).run() } catch {
            throw Complaint(error.message)
        }
    }
}

/// Leaves a mark, waits as many milliseconds as the task's data says, and leaves another, unless the task is killed before.
private actor MarkingExecutor: Executor {
    private let marks: String
    private var running: [TaskID: Task<Void, any Error>] = [:]

    init(marks: String) { self.marks = marks }

    func launchTask(_ driver: ExecutorDriver, _ task: TaskInfo) {
        do { try self.mark(task.taskID, "start") } catch {
            return driver.sendStatusUpdate(task.taskID, .failed, message: "\(error)")
        }
        driver.sendStatusUpdate(task.taskID, .running)
        let milliseconds = task.text.flatMap { Int($0) } ?? 0
        self.running[task.taskID] = Task {
            try await Task.sleep(for: .milliseconds(milliseconds))
            guard self.running.removeValue(forKey: task.taskID) != nil else { return }
            try self.mark(task.taskID, "end")
            driver.sendStatusUpdate(task.taskID, .finished)
        }
    }

    func killTask(_ driver: ExecutorDriver, _ task: TaskID, grace: Duration?) {
        guard let run = self.running.removeValue(forKey: task) else { return }
        run.cancel()
        driver.sendStatusUpdate(task, .killed)
    }

    private func mark(_ task: TaskID, _ word: String) throws {
        let path = "\(self.marks)/\(task.rawValue)"
        let file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw Complaint("cannot open \(path): \(String(cString: strerror(errno)))") }
        defer { close(file) }
        let line = "\(word) \(getpid())\n"
        guard Foundation.write(file, line, line.utf8.count) == line.utf8.count else {
            throw Complaint("cannot write \(path): \(String(cString: strerror(errno)))")
        }
    }
}
