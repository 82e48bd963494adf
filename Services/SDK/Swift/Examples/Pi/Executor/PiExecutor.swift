import MesetaSDK
import Synchronization

/// Runs each task in a thread of its own, in case one machine is given several.
final class PiExecutor: Executor {
    /// Tasks that were asked to end.
    private let killed = Mutex<Set<TaskID>>([])

    func launchTask(_ driver: ExecutorDriver, _ task: TaskInfo) {
        guard let (samples, seed) = Self.parse(task.text) else {
            driver.sendStatusUpdate(task.taskID, .error, message: "The task's data is not 'SAMPLES SEED'")
            return
        }
        let isStarted = startThread {
            driver.sendStatusUpdate(task.taskID, .running)
            let estimate = estimatePi(samples: samples, seed: seed) { self.isKilled(task.taskID) }
            if let estimate {
                driver.sendStatusUpdate(task.taskID, .finished, data: "\(estimate)")
            } else {
                driver.sendStatusUpdate(task.taskID, .killed)
            }
            self.killed.withLock { _ = $0.remove(task.taskID) }
        }
        if !isStarted { driver.sendStatusUpdate(task.taskID, .failed, message: "No thread could be started") }
    }

    func killTask(_ driver: ExecutorDriver, _ task: TaskID, grace: Duration?) {
        self.killed.withLock { _ = $0.insert(task) }
    }

    private func isKilled(_ task: TaskID) -> Bool { self.killed.withLock { $0.contains(task) } }

    private static func parse(_ text: String?) -> (Int, UInt64)? {
        let parts = (text ?? "").split(separator: " ")
        guard parts.count == 2, let samples = Int(parts[0]), samples > 0, let seed = UInt64(parts[1])
        else { return nil }
        return (samples, seed)
    }
}
