import ArgumentParser
import MesetaSDK
import Synchronization

/// What agents start: holds any number of tasks, each of which is a timer.
struct RunExecutor: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "executor", abstract: "Run tasks that only wait; agents start this.", shouldDisplay: false)

    func run() async throws { try await ExecutorDriver(executor: TimerExecutor()).run() }
}

/// Runs each task for as many milliseconds as its data says.
final class TimerExecutor: Executor {
    private let timers = Mutex<[TaskID: Task<Void, Never>]>([:])

    func launchTask(_ driver: ExecutorDriver, _ task: TaskInfo) {
        guard let milliseconds = task.text.flatMap({ Int64($0) }) else {
            return driver.sendStatusUpdate(task.taskID, .error, message: "The task's data is no number of milliseconds")
        }
        driver.sendStatusUpdate(task.taskID, .running)
        self.timers.withLock { timers in
            timers[task.taskID] = Task {
                do { try await Task.sleep(for: .milliseconds(milliseconds)) } catch { return }
                let isMine = self.timers.withLock { $0.removeValue(forKey: task.taskID) != nil }
                if isMine { driver.sendStatusUpdate(task.taskID, .finished) }
            }
        }
    }

    func killTask(_ driver: ExecutorDriver, _ task: TaskID, grace: Duration?) {
        guard let timer = self.timers.withLock({ $0.removeValue(forKey: task) }) else { return }
        timer.cancel()
        driver.sendStatusUpdate(task, .killed)
    }
}
