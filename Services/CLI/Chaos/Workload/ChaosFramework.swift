internal import ArgumentParser
internal import Foundation
internal import MesetaSDK

/// A scheduler of the checking workload: a process of its own, so that it can be killed.
struct ChaosFramework: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chaos-framework", abstract: "Run marked tasks; 'meseta chaos' starts this.", shouldDisplay: false)

    @OptionGroup var cluster: ClusterOptions
    @Option(help: "Its name; begins the names of its tasks.") var name: String
    @Option(help: "Where journals, marks and ids are.") var dir: String
    @Option(help: "Tasks a second.") var rate: Double
    @Option(help: "The longest task, in milliseconds.") var longest = 1500
    @Option(help: "The part of tasks that an executor runs.") var executors = 0.25
    @Option(help: "The part of tasks that are killed.") var kills = 0.1

    func run() async throws {
        let scheduler = try ChaosScheduler(
            name: self.name, directory: self.dir,
            mix: .init(longest: self.longest, executors: self.executors, kills: self.kills))
        var options = SchedulerDriver.Options()
        options.secretFile = self.cluster.secret
        options.frameworkIDFile = "\(self.dir)/\(self.name).id"
        let driver = SchedulerDriver(
            framework: FrameworkInfo(self.name, failoverTimeout: .seconds(3600)),
            master: try self.cluster.masterAddress(), options: options, scheduler: scheduler)
        let period = Duration.seconds(1 / self.rate)
        let wishes = Task { await scheduler.wish(every: period, driver) }
        defer { wishes.cancel() }
        do { try await driver.run() } catch { throw Complaint(error.message) }
    }
}

/// Launches short tasks that leave marks on disk, at a steady rate, and writes down all that it does and hears.
actor ChaosScheduler: Scheduler {
    /// What a task takes.
    static let size: Resources = "cpus:0.1;mem:16"
    /// How many tasks at most wait for an offer: an outage is not followed by a flood.
    private static let patience = 5

    /// Which tasks it launches.
    struct Mix {
        /// The longest, in milliseconds.
        var longest: Int
        /// The part that an executor runs, from 0 to 1; the others are commands.
        var executors: Double
        /// The part that is killed at a moment of chance within the longest time.
        var kills: Double
    }

    private struct Open {
        var agent: AgentID
        var since: ContinuousClock.Instant
    }

    private let name: String
    private let directory: String
    private let mix: Mix
    private let executor: ExecutorInfo
    private let journal: Journal
    private var counter = 0
    private var wanted = 0
    private var open: [TaskID: Open] = [:]

    /// Takes up what an earlier life left in the journal.
    init(name: String, directory: String, mix: Mix) throws {
        (self.name, self.directory, self.mix) = (name, directory, mix)
        self.executor = ExecutorInfo(
            "marker", program: URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().path,
            arguments: ["chaos-executor", "\(directory)/marks"], resources: Self.size)
        let path = "\(directory)/\(name).journal"
        var reader = JournalReader(path)
        for line in reader.next() {
            guard let task = line.task.map({ TaskID($0) }) else { continue }
            if line.event == .launch {
                self.counter += 1
                self.open[task] = Open(agent: AgentID(line.agent ?? ""), since: .now)
            } else if let state = line.entry(since: 0), case .status(_, let state, _) = state.entry, state.isTerminal {
                self.open[task] = nil
            }
        }
        self.journal = try Journal(path)
        try self.journal.append(JournalLine(event: .began, at: Self.now))
    }

    private static var now: Double { Date().timeIntervalSince1970 }

    /// Wants one task more each time, until the file `stop` is there; asks for the state of those that run for long.
    func wish(every period: Duration, _ driver: SchedulerDriver) async {
        var lastQuestion = ContinuousClock.now
        while !Task.isCancelled {
            if access("\(self.directory)/stop", F_OK) == 0 {
                self.wanted = 0
            } else {
                self.wanted = min(self.wanted + 1, Self.patience)
                if self.wanted == 1 { driver.reviveOffers() }
            }
            if ContinuousClock.now - lastQuestion > .seconds(5) {
                lastQuestion = .now
                self.askForOld(driver)
            }
            try? await Task.sleep(for: period)
        }
    }

    /// A launch that was written down may not have been sent before this scheduler, or a master, was killed.
    private func askForOld(_ driver: SchedulerDriver) {
        let old = self.open.filter { ContinuousClock.now - $0.value.since > .seconds(10) }.sorted { $0.key < $1.key }
        guard !old.isEmpty else { return }
        driver.reconcileTasks(old.map { .init($0.key, on: $0.value.agent) })
    }

    func resourceOffers(_ driver: SchedulerDriver, _ offers: [Offer]) {
        for offer in offers {
            var rest = offer.resources
            var tasks: [TaskInfo] = []
            // Room is left for the executor, whether it runs there or not.
            while self.wanted > 0, rest.contains(Self.size + self.executor.resources) {
                rest -= Self.size
                self.wanted -= 1
                self.counter += 1
                tasks.append(self.task(self.counter, on: offer, driver))
            }
            driver.launchTasks(tasks, on: [offer], refusing: self.wanted > 0 ? .zero : .seconds(3600))
        }
    }

    private func task(_ number: Int, on offer: Offer, _ driver: SchedulerDriver) -> TaskInfo {
        let id = TaskID("\(self.name)-\(number)")
        self.open[id] = Open(agent: offer.agentID, since: .now)
        self.write(JournalLine(event: .launch, at: Self.now, task: id.rawValue, agent: offer.agentID.rawValue))
        if Double.random(in: 0..<1) < self.mix.kills { self.killSoon(id, on: offer.agentID, driver) }
        let milliseconds = Int.random(in: 0...self.mix.longest)
        let task = TaskInfo(id, on: offer, resources: Self.size)
        if Double.random(in: 0..<1) < self.mix.executors { return task.executor(self.executor).data("\(milliseconds)") }
        let seconds = String(format: "%d.%03d", milliseconds / 1000, milliseconds % 1000)
        let mark = "\(self.directory)/marks/\(id.rawValue)"
        return task.command("echo start $$ >> '\(mark)'; sleep \(seconds); echo end $$ >> '\(mark)'")
    }

    private func killSoon(_ task: TaskID, on agent: AgentID, _ driver: SchedulerDriver) {
        let delay = Duration.milliseconds(Int.random(in: 0...self.mix.longest))
        Task {
            try? await Task.sleep(for: delay)
            guard self.open[task] != nil else { return }
            self.write(JournalLine(event: .kill, at: Self.now, task: task.rawValue))
            driver.killTask(task, on: agent)
        }
    }

    func statusUpdate(_ driver: SchedulerDriver, _ status: TaskStatus) {
        self.write(
            JournalLine(
                event: .status, at: Self.now, task: status.taskID.rawValue, state: status.state.name,
                made: status.uuid == nil ? nil : status.timestamp, message: status.message))
        if status.state.isTerminal { self.open[status.taskID] = nil }
    }

    func error(_ driver: SchedulerDriver, _ message: String) { print("meseta: \(message)", to: &standardError) }

    /// What cannot be written down must not be done: the next life begins where the journal ends.
    private func write(_ line: JournalLine) {
        do { try self.journal.append(line) } catch {
            print("meseta: \(self.name) cannot write its journal: \(error)", to: &standardError)
            Foundation.exit(1)
        }
    }
}
