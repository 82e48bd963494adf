import Foundation
import MesetaSDK

/// Launches tasks that leave marks on disk, and writes down all that it does and hears, for the judge.
///
/// A task makes a file of its name in the directory of marks: one line when it starts, one when it ends.
actor MarkedTasks: Scheduler {
    /// What a task is to be.
    enum Kind: String, CaseIterable, Sendable {
        /// A command that ends by itself.
        case command
        /// A command that would not, and is killed when it runs.
        case killed
        /// Run by an executor, which serves all of them.
        case executor
    }

    private struct Wish {
        let id: TaskID
        let kind: Kind
        let milliseconds: Int
        let done: CheckedContinuation<TaskStatus, Never>
    }

    private let marks: URL
    private let log: FileHandle
    private let executor: ExecutorInfo
    private var waiting: [Wish] = []
    private var running: [TaskID: Wish] = [:]
    private var counter = 0

    /// - Parameters:
    ///   - marks: The directory of marks.
    ///   - log: Where to write; a line of JSON for each thing.
    ///   - programs: Where `meseta` is, whose executor for marked tasks is used.
    init(marks: URL, log: URL, programs: URL) throws {
        self.marks = marks
        guard FileManager.default.createFile(atPath: log.path, contents: nil) else {
            throw Failure("cannot make \(log.path)")
        }
        self.log = try FileHandle(forWritingTo: log)
        self.executor = ExecutorInfo(
            "marker", program: programs.appendingPathComponent("meseta").path,
            arguments: ["chaos-executor", marks.path], resources: "cpus:0.1;mem:64")
    }

    /// Runs a task and returns how it ended.
    func run(_ kind: Kind, for milliseconds: Int, with driver: SchedulerDriver) async -> TaskStatus {
        await withCheckedContinuation { done in
            self.counter += 1
            let id = TaskID("\(kind.rawValue)-\(self.counter)")
            self.waiting.append(Wish(id: id, kind: kind, milliseconds: milliseconds, done: done))
            if self.waiting.count == 1 { driver.reviveOffers() }
        }
    }

    /// Tasks without an end.
    var open: [String] { (self.waiting.map(\.id) + self.running.keys).map(\.rawValue).sorted() }

    private func write(_ fields: [String: String]) {
        let data = (try? JSONSerialization.data(withJSONObject: fields, options: .sortedKeys)) ?? Data()
        self.log.write(data + Data("\n".utf8))
    }

    func resourceOffers(_ driver: SchedulerDriver, _ offers: [Offer]) {
        for offer in offers {
            var free = offer.resources, tasks: [TaskInfo] = []
            while let wish = self.waiting.first, free.contains(self.need(wish, in: offer)) {
                free -= self.need(wish, in: offer)
                self.waiting.removeFirst()
                self.running[wish.id] = wish
                self.write(["event": "launch", "task": wish.id.rawValue])
                tasks.append(self.task(wish, on: offer))
                // A second one finds the executor there, which no offer says before the first has begun.
                if wish.kind == .executor { break }
            }
            driver.launchTasks(tasks, on: [offer], refusing: self.waiting.isEmpty ? .seconds(3600) : .zero)
        }
    }

    private static let size: Resources = "cpus:0.1;mem:32"

    private func need(_ wish: Wish, in offer: Offer) -> Resources {
        guard wish.kind == .executor, !offer.executorIDs.contains(self.executor.executorID) else { return Self.size }
        return Self.size + self.executor.resources
    }

    private func task(_ wish: Wish, on offer: Offer) -> TaskInfo {
        let task = TaskInfo(wish.id, on: offer, resources: Self.size)
        let file = self.marks.appendingPathComponent(wish.id.rawValue).path
        let seconds = String(format: "%d.%03d", wish.milliseconds / 1000, wish.milliseconds % 1000)
        let body = wish.kind == .killed ? "exec sleep 3600" : "sleep \(seconds); echo end $$ >> '\(file)'"
        switch wish.kind {
        case .command, .killed:
            return task.command("echo start $$ >> '\(file)'; \(body)", environment: ["TRIAL_MARKS": self.marks.path])
        case .executor: return task.executor(self.executor).data("\(wish.milliseconds)")
        }
    }

    func statusUpdate(_ driver: SchedulerDriver, _ status: TaskStatus) {
        self.write([
            "event": "status", "task": status.taskID.rawValue, "state": status.state.name,
            "message": status.message ?? "",
        ])
        guard let wish = self.running[status.taskID] else { return }
        if wish.kind == .killed, status.state == .running { driver.killTask(status.taskID) }
        guard status.state.isTerminal else { return }
        self.running[status.taskID] = nil
        wish.done.resume(returning: status)
    }
}
