public import ArgumentParser
public import Foundation
internal import MesetaSDK
internal import Synchronization
public import TestSupport

/// `load`: the frameworks that keep every slot in use, in a process of their own, so that what they take is seen apart.
///
/// It tells its figures every second, and at once when it is told `now`.
public struct LoadCommand: AsyncParsableCommand {
    /// Of programs that start themselves for it.
    public static let configuration = CommandConfiguration(
        commandName: "load", abstract: "Frameworks that keep every slot in use; others start this.",
        shouldDisplay: false)

    @Option(help: "Schedulers, each with its own connections.") var frameworks = 200
    @Option(help: "What the schedulers dial.") var master: String
    @Option(help: "What a task takes.") var slot = "cpus:1;mem:512"
    @Option(help: "What a task runs.") var command: String

    /// For the parser.
    public init() {}

    /// For ever.
    public func run() async throws {
        let counts = LoadCounts()
        let slot = try Resources(text: self.slot)
        for number in 1...self.frameworks {
            let scheduler = SlotFiller(slot: slot, command: CommandInfo(shell: self.command), counts: counts)
            let driver = SchedulerDriver(
                framework: FrameworkInfo("load-\(number)"), master: self.master, scheduler: scheduler)
            Task {
                do { try await driver.run() } catch { counts.failed("load-\(number): \(error)") }
            }
        }
        Task.detached {
            while let line = readLine() {
                let words = line.split(separator: " ")
                if line == "now" { Self.tell(counts.line) }
                guard words.count == 2, words[0] == "freed", let moment = Double(words[1]) else { continue }
                Self.tell(LoadLine(event: "freed", at: counts.firstEnd(after: moment)))
            }
            Self.exit()  // Whoever started it is gone.
        }
        while true {
            try await Task.sleep(for: .seconds(1))
            Self.tell(counts.line)
        }
    }

    private static func tell(_ line: LoadLine) {
        guard let data = try? JSONEncoder().encode(line) else { return }
        try? FileHandle.standardOutput.write(contentsOf: data + Data("\n".utf8))
    }
}

/// What the load says.
public struct LoadLine: Codable, Sendable {
    /// `load` or `freed`.
    public var event: String
    /// Of `freed`: when the first task ended after the moment that was asked about; nil: none yet.
    ///
    /// Else when it was said; in seconds since 1970.
    public var at: Double?
    /// Schedulers that a master has registered.
    public var registered = 0
    /// Tasks.
    public var launched = 0
    /// Tasks that were told to run, and not to have ended.
    public var running = 0
    /// Tasks.
    public var finished = 0
    /// Tasks that ended otherwise, and why the first did.
    public var otherwise = 0
    /// Offers that came.
    public var offers = 0
    /// What went wrong first.
    public var problem: String?
}

/// The process of a `load`.
public final class LoadProcess: Sendable {
    private let process: LineProcess<LoadLine>

    /// Starts it: this program, or another that has the command.
    public init(_ arguments: [String], program: URL = UpCluster.ownProgram) throws {
        self.process = try LineProcess(program, ["load"] + arguments)
    }

    /// What it said.
    public var lines: [LoadLine] { self.process.lines }

    /// What it said last of its figures.
    public var last: LoadLine? { self.lines.last { $0.event == "load" } }

    /// Its figures as they are now.
    public func now() async throws -> LoadLine {
        try await self.answer(to: "now", event: "load")
    }

    /// When the first task ended after a moment; nil: none yet.
    public func firstEnd(after moment: Double) async throws -> Double? {
        try await self.answer(to: "freed \(moment)", event: "freed").at
    }

    private func answer(to question: String, event: String) async throws -> LoadLine {
        let known = self.lines.count { $0.event == event }
        try self.process.say(question)
        for _ in 0..<2000 {
            let answers = self.lines.filter { $0.event == event }
            if answers.count > known { return answers[answers.count - 1] }
            try await Task.sleep(for: .milliseconds(5))
        }
        throw TestFailure("the load does not answer")
    }

    /// Which process it is.
    public var pid: Int32 { self.process.pid }

    /// Ends it.
    public func stop() { self.process.stop() }
}

/// What all schedulers of the load have counted.
final class LoadCounts: Sendable {
    private struct State {
        var line = LoadLine(event: "load")
        /// When tasks ended, by their agents' clocks; the last of many.
        var ends: [Double] = []
        var next = 0
    }

    private static let kept = 1 << 18
    private let state = Mutex(State())

    var line: LoadLine {
        self.state.withLock { state in
            state.line.at = Date().timeIntervalSince1970
            return state.line
        }
    }

    func registered() { self.state.withLock { $0.line.registered += 1 } }

    func offered(_ offers: Int, launching tasks: Int) {
        self.state.withLock {
            $0.line.offers += offers
            $0.line.launched += tasks
        }
    }

    func began() { self.state.withLock { $0.line.running += 1 } }

    func ended(_ status: TaskStatus, hasRun: Bool) {
        self.state.withLock { state in
            if hasRun { state.line.running -= 1 }
            if status.state == .finished {
                state.line.finished += 1
            } else {
                state.line.otherwise += 1
                let why = "\(status.taskID): \(status.state.name) \(status.message ?? "")"
                state.line.problem = state.line.problem ?? why
            }
            guard let end = status.timestamp else { return }
            if state.ends.count < Self.kept { state.ends.append(end) } else { state.ends[state.next] = end }
            state.next = (state.next + 1) % Self.kept
        }
    }

    func failed(_ problem: String) { self.state.withLock { $0.line.problem = problem } }

    /// When the first task ended after a moment.
    func firstEnd(after moment: Double) -> Double? {
        self.state.withLock { state in state.ends.lazy.filter { $0 >= moment }.min() }
    }
}

/// Launches a task on each slot that it is offered.
private actor SlotFiller: Scheduler {
    private let slot: Resources
    private let command: CommandInfo
    private let counts: LoadCounts
    private var launched = 0
    private var running: Set<TaskID> = []

    init(slot: Resources, command: CommandInfo, counts: LoadCounts) {
        (self.slot, self.command, self.counts) = (slot, command, counts)
    }

    func registered(_ driver: SchedulerDriver, _ framework: FrameworkID, _ master: MasterInfo) {
        self.counts.registered()
    }

    func resourceOffers(_ driver: SchedulerDriver, _ offers: [Offer]) {
        let before = self.launched
        for offer in offers {
            var free = offer.resources, tasks: [TaskInfo] = []
            while free.contains(self.slot) {
                free -= self.slot
                self.launched += 1
                var task = TaskInfo(TaskID("t\(self.launched)"), on: offer, resources: self.slot)
                task.command = self.command
                tasks.append(task)
            }
            driver.launchTasks(tasks, on: [offer])
        }
        self.counts.offered(offers.count, launching: self.launched - before)
    }

    func statusUpdate(_ driver: SchedulerDriver, _ status: TaskStatus) {
        if status.state == .running {
            if self.running.insert(status.taskID).inserted { self.counts.began() }
        } else if status.state.isTerminal {
            self.counts.ended(status, hasRun: self.running.remove(status.taskID) != nil)
        }
    }
}
