public import Model

/// All that is known from outside of a run: what schedulers wrote down, what tasks left on disk, what agents held.
public struct History: Sendable {
    /// What a scheduler of the workload wrote down, in the order in which it did.
    public enum Entry: Hashable, Sendable {
        /// It started, for the first time or again.
        case began
        /// It is about to launch a task.
        case launch(task: String)
        /// It is about to have a task killed.
        case kill(task: String)
        /// It heard how a task is: by an update that was made then, or, if nil, in answer to a question.
        case status(task: String, state: TaskState, made: Double?)
    }

    /// An entry with the time at which it was made, in seconds since the run began.
    public struct Line: Hashable, Sendable {
        /// In seconds since the run began.
        public var at: Double
        /// What happened.
        public var entry: Entry

        /// An entry at a time.
        public init(at: Double, _ entry: Entry) { (self.at, self.entry) = (at, entry) }
    }

    /// How often a task began and came to its end, by its own marks.
    public struct Marks: Hashable, Sendable {
        /// How often it began.
        public var starts: Int
        /// How often it came to its end.
        public var ends: Int

        /// So many of both.
        public init(starts: Int, ends: Int) { (self.starts, self.ends) = (starts, ends) }
    }

    /// What each scheduler wrote.
    public var frameworks: [String: [Line]] = [:]
    /// By task.
    public var marks: [String: Marks] = [:]
    /// An agent that held more than it has, each time that it was seen.
    public var overCommitments: [String] = []
    /// What was to be there again after healing and was not, as sentences.
    public var unhealed: [String] = []
    /// Processes that ended though nothing was done to them, as sentences.
    public var unexpectedEnds: [String] = []
    /// When the last fault was over, in seconds since the run began.
    public var healedAt: Double = 0
    /// Whether a task may fail: agents without room on their disk start none.
    public var mayFail = false

    /// Nothing yet.
    public init() {}
}

/// How long something took, in seconds.
public struct Delays: Hashable, Codable, Sendable {
    /// Half took at most this.
    public var median: Double = 0
    /// 99 of 100 took at most this.
    public var p99: Double = 0
    /// None took more.
    public var longest: Double = 0

    /// Of nothing.
    init() {}

    /// Of some; in any order.
    init(_ seconds: [Double]) {
        let sorted = seconds.sorted()
        guard let longest = sorted.last else { return }
        (self.median, self.p99, self.longest) = (sorted[sorted.count / 2], sorted[sorted.count * 99 / 100], longest)
    }
}

/// What a history amounts to.
public struct Verdict: Hashable, Codable, Sendable {
    /// How many tasks were launched.
    public var launched = 0
    /// How many began, by their marks.
    public var started = 0
    /// How many schedulers heard that they finished.
    public var finished = 0
    /// How many were killed because their scheduler wanted it.
    public var killed = 0
    /// How many ended without having begun: dropped, lost or failed, and said so.
    public var neverRan = 0
    /// How many began more than once.
    public var startedTwice = 0
    /// How many have no end, or one that is not what happened.
    public var lost = 0
    /// How many of those that never began have an end that was only told when their scheduler asked.
    public var toldWhenAsked = 0
    /// How many are without a word of their end at last, or began and no update told of it: an answer to a question does not count.
    public var undelivered = 0
    /// How often an agent was seen with more than it has.
    public var overCommitments = 0
    /// From an update to its delivery, of those made while faults went on.
    public var delays = Delays()
    /// The longest time in seconds in which nobody launched a task, from the first launch until the last.
    public var longestPause: Double = 0
    /// What was promised and not kept; a line each.
    public var breaches: [String] = []

    /// Nothing found yet.
    public init() {}
}

extension History {
    private static let neverRanStates: Set<TaskState> = [.dropped, .lost, .error, .gone, .goneByOperator]

    /// Judges the history: whether each promise was kept.
    ///
    /// - Complexity: O(n log n) in entries.
    public func judged() -> Verdict {
        var verdict = Verdict()
        var known: Set<String> = []
        var launches: [Double] = [], delays: [Double] = []
        for (framework, lines) in self.frameworks.sorted(by: { $0.key < $1.key }) {
            let tasks = self.tasks(of: framework, lines, into: &verdict)
            for line in lines {
                switch line.entry {
                case .launch: launches.append(line.at)
                case .status(_, _, let made?) where made < self.healedAt: delays.append(max(0, line.at - made))
                case .began, .kill, .status: break
                }
            }
            for (task, report) in tasks.sorted(by: { $0.key < $1.key }) {
                if !known.insert(task).inserted { verdict.breaches.append("\(task): launched by two frameworks") }
                self.judge(task, report, into: &verdict)
            }
        }
        for task in self.marks.keys.sorted() where !known.contains(task) {
            verdict.breaches.append("\(task): it ran, and was never launched")
        }
        if verdict.launched == 0, !self.frameworks.isEmpty {
            verdict.breaches.append("no task was launched: there is nothing to judge")
        }
        verdict.overCommitments = self.overCommitments.count
        verdict.breaches += self.overCommitments + self.unhealed + self.unexpectedEnds
        verdict.delays = Delays(delays)
        launches.sort()
        verdict.longestPause = zip(launches, launches.dropFirst()).map { $1 - $0 }.max() ?? 0
        return verdict
    }

    /// What a scheduler knows of a task that it launched.
    private struct Report {
        /// In the order in which it heard of them.
        var ends: [TaskState] = []
        var wasUpdated = false
        var wasToBeKilled = false
    }

    /// What a scheduler knows of each task that it launched; with what is wrong about the order.
    private func tasks(of framework: String, _ lines: [Line], into verdict: inout Verdict) -> [String: Report] {
        var reports: [String: Report] = [:]
        var endedInThisLife: Set<String> = []
        for line in lines {
            switch line.entry {
            case .began: endedInThisLife = []
            case .kill(let task): reports[task]?.wasToBeKilled = true
            case .launch(let task):
                if reports.updateValue(Report(), forKey: task) != nil {
                    verdict.breaches.append("\(task): launched twice by the scheduler itself")
                }
            case .status(let task, let state, let made):
                guard reports[task] != nil else {
                    verdict.breaches.append("\(task): \(framework) heard of it and never launched it")
                    continue
                }
                // An answer may cross the update, and be repeated.
                if made != nil, endedInThisLife.contains(task) {
                    verdict.breaches.append("\(task): \(state.name) after its end, in one life of the scheduler")
                }
                guard state.isTerminal else { continue }
                reports[task]?.ends.append(state)
                guard made != nil else { continue }
                reports[task]?.wasUpdated = true
                endedInThisLife.insert(task)
            }
        }
        return reports
    }

    /// One task: how it is reported against what it did.
    private func judge(_ task: String, _ report: Report, into verdict: inout Verdict) {
        let marks = self.marks[task] ?? Marks(starts: 0, ends: 0)
        verdict.launched += 1
        if marks.starts > 0 { verdict.started += 1 }
        if marks.starts > 1 {
            verdict.startedTwice += 1
            verdict.breaches.append("\(task): started \(marks.starts) times")
        }
        guard let end = report.ends.first else {
            verdict.undelivered += 1
            verdict.lost += 1
            verdict.breaches.append("\(task): no end was heard of (\(marks.starts) starts, \(marks.ends) ends)")
            return
        }
        if let other = report.ends.first(where: { $0 != end }) {
            verdict.breaches.append("\(task): reported as \(end.name), then as \(other.name)")
        }
        if !report.wasUpdated {
            if marks.starts > 0 {
                verdict.undelivered += 1
                verdict.breaches.append("\(task): \(end.name) was an answer, and no update came")
            } else {
                verdict.toldWhenAsked += 1
            }
        }
        switch end {
        case .finished:
            verdict.finished += 1
            guard marks.starts == 0 || marks.ends != 1 else { return }
            verdict.lost += 1
            verdict.breaches.append("\(task): \(end.name) with \(marks.starts) starts and \(marks.ends) ends")
        case .killed where report.wasToBeKilled: verdict.killed += 1
        case _ where marks.starts > 0:
            verdict.lost += 1
            verdict.breaches.append("\(task): \(end.name), and it started")
        case _ where Self.neverRanStates.contains(end) || (end == .failed && self.mayFail):
            verdict.neverRan += 1
        default:
            verdict.lost += 1
            verdict.breaches.append("\(task): \(end.name), and nothing was done to it")
        }
    }
}
