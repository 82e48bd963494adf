internal import ChaosCore
internal import Foundation
internal import Model
internal import Synchronization

/// One run: faults as the schedule says, then healing, then the judge.
struct ChaosRun {
    /// How long after the last fault everything has to be as it should be.
    static let healing = 60.0

    let cluster: ChaosCluster
    let schedule: FaultSchedule
    let duration: Double
    let seed: UInt64
    let directory: String
    let frameworks: Int
    let agents: Int
    let options: ClusterOptions
    let say: (String) -> Void

    /// What goes on, as the loop sees it.
    private struct Course {
        var waiting: ArraySlice<Fault>
        var active: [Fault] = []
        var done: [Fault] = []
        var chance: SeededGenerator
        var history = History()
        var readers: [JournalReader]
        var open: Set<String> = []
        var launched = 0
    }

    /// Runs it; the cluster has started, and is not ended.
    ///
    /// - Throws: `Complaint` if a fault cannot be done, or somebody wants an end.
    func run() async throws -> ChaosReport {
        let start = Date().timeIntervalSince1970
        var course = Course(
            waiting: self.schedule.faults[...], chance: SeededGenerator(seed: self.seed &+ 1),
            readers: (0..<self.frameworks).map {
                JournalReader("\(self.directory)/workload/framework-\($0 + 1).journal")
            })
        // Also those that never write a word.
        for number in 0..<self.frameworks {
            course.history.frameworks["framework-\(number + 1)"] = []
        }
        course.history.mayFail = self.schedule.faults.contains { $0.kind == .fullDisk }
        let books = BooksWatch(self.options)
        let watching = Task { await books.watch() }
        defer { watching.cancel() }
        var lastLook = 0.0, lastWord = 0.0
        while true {
            let now = Date().timeIntervalSince1970 - start
            try self.step(&course, at: .seconds(now), isOver: now >= self.duration)
            if now >= self.duration { break }
            if StopSignals.isRequested { throw Complaint("ended before its time") }
            if now - lastLook >= 1 {
                lastLook = now
                try self.look(&course, since: start)
            }
            if now - lastWord >= 5 {
                lastWord = now
                self.say(self.word(course, at: now))
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        course.history.healedAt = Date().timeIntervalSince1970 - start
        let settled = try await self.settle(&course, books, since: start)
        course.history.marks = self.marks()
        course.history.overCommitments = books.overCommitments
        return ChaosReport(
            seed: self.seed, seconds: self.duration, faults: course.done, history: course.history,
            settledAfter: settled)
    }

    /// Ends the faults that are over and begins those that are due.
    private func step(_ course: inout Course, at now: Duration, isOver: Bool) throws {
        for fault in course.active where isOver || fault.end <= now { try self.cluster.end(fault) }
        course.active.removeAll { isOver || $0.end <= now }
        while !isOver, let fault = course.waiting.first, fault.start <= now {
            course.waiting.removeFirst()
            try self.cluster.begin(fault, &course.chance)
            course.active.append(fault)
            course.done.append(fault)
        }
    }

    /// What schedulers wrote since the last look, and who ended by itself.
    private func look(_ course: inout Course, since start: Double) throws {
        course.history.unexpectedEnds += try self.cluster.startAgainWhoEnded()
        for index in course.readers.indices {
            for line in course.readers[index].next() {
                guard let line = line.entry(since: start) else { continue }
                course.history.frameworks["framework-\(index + 1)", default: []].append(line)
                switch line.entry {
                case .launch(let task):
                    course.open.insert(task)
                    course.launched += 1
                // One that began owes an update: an answer of the master does not do.
                case .status(let task, let state, let made)
                where state.isTerminal && (made != nil || !self.hasBegun(task)):
                    course.open.remove(task)
                case .began, .kill, .status: break
                }
            }
        }
    }

    /// Waits until every agent is registered and every task has an end.
    ///
    /// - Returns: After how many seconds; nil: not in time, and the history says what was missing.
    private func settle(_ course: inout Course, _ books: BooksWatch, since start: Double) async throws -> Double? {
        _ = FileManager.default.createFile(atPath: "\(self.directory)/workload/stop", contents: nil)
        self.say("healed; waiting until every agent is registered and every task has an end")
        let begun = Date()
        // Wishes that were under way when the file came may still be launched.
        try await Task.sleep(for: .seconds(2))
        while true {
            try self.look(&course, since: start)
            let attached = books.attached(since: begun.timeIntervalSince1970 + 1)
            let after = Date().timeIntervalSince(begun)
            if course.open.isEmpty, attached == self.agents { return after }
            if StopSignals.isRequested { throw Complaint("ended before its time") }
            if after > Self.healing {
                if attached != self.agents {
                    course.history.unhealed.append("\(attached ?? 0) of \(self.agents) agents are registered")
                }
                return nil
            }
            try await Task.sleep(for: .milliseconds(200))
        }
    }

    private func word(_ course: Course, at now: Double) -> String {
        let active = course.active.map { "\($0.kind.rawValue) \($0.target)" }.joined(separator: ", ")
        return
            "\(Int(now)) s of \(Int(self.duration)): \(course.done.count) faults, \(course.launched) tasks launched, "
            + "\(course.open.count) open\(active.isEmpty ? "" : "; now \(active)")"
    }

    private func hasBegun(_ task: String) -> Bool { access("\(self.directory)/workload/marks/\(task)", F_OK) == 0 }

    /// What tasks left on disk.
    private func marks() -> [String: History.Marks] {
        let directory = "\(self.directory)/workload/marks"
        var marks: [String: History.Marks] = [:]
        for task in (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? [] {
            let text = (try? String(contentsOfFile: "\(directory)/\(task)", encoding: .utf8)) ?? ""
            let lines = text.split(separator: "\n")
            marks[task] = History.Marks(
                starts: lines.count { $0.hasPrefix("start ") }, ends: lines.count { $0.hasPrefix("end ") })
        }
        return marks
    }
}

/// Looks at the master's listing of agents, again and again.
private final class BooksWatch: Sendable {
    private struct Seen {
        var at: Double = 0
        var attached = 0
        var overCommitments: [String] = []
    }

    private let options: @Sendable () -> ClusterOptions
    private let seen = Mutex(Seen())

    init(_ options: ClusterOptions) {
        let (master, secret) = (options.master, options.secretFile)
        self.options = {
            var options = ClusterOptions()
            (options.master, options.secretFile) = (master, secret)
            return options
        }
    }

    /// Until it is cancelled; while no master answers there is nothing to see.
    func watch() async {
        while !Task.isCancelled {
            if let answers = try? await OperatorClient.ask(.agents, self.options()) {
                let rows = answers.compactMap { if case .agent(let row) = $0 { row } else { nil } }
                self.seen.withLock { seen in
                    seen.at = Date().timeIntervalSince1970
                    seen.attached = rows.count { $0.isAttached }
                    for row in rows where !row.total.contains(row.used + row.offered) {
                        seen.overCommitments.append(
                            "agent \(row.id) holds \(row.used) and offers \(row.offered) of \(row.total)")
                    }
                }
            }
            try? await Task.sleep(for: .seconds(1))
        }
    }

    /// How many agents are registered; nil if nobody has said since then, in seconds since 1970.
    func attached(since time: Double) -> Int? { self.seen.withLock { $0.at > time ? $0.attached : nil } }

    var overCommitments: [String] { self.seen.withLock { $0.overCommitments } }
}
