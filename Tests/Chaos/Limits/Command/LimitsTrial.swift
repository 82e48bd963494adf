import Foundation
import LimitsFigures
import MesetaSDK
import TestSupport

/// A cluster with one agent, a neighbour on it that works all the time, and one hog after the other.
final class LimitsTrial: Sendable {
    /// How long everything takes, and what is allowed.
    struct Plan: Sendable {
        /// How often each hog comes.
        var visits: Int
        /// The time without a hog before each visit, and after it.
        var quiet: Duration
        /// The time that a hog has until it reaches its limit, or until it is killed.
        var visit: Duration
        /// The same for the one that computes.
        var processorVisit: Duration
        /// The part that the neighbour may lose.
        var loss: Double
        /// The part of its cpus by which the one that computes may be above them.
        var processorTolerance: Double
        /// The part by which it may be below.
        var processorShortfall: Double
        /// From the block above the quota to the status.
        var notice: Duration
        /// The neighbour, which has whole cpus, has them to itself.
        var pinsNeighbour: Bool
    }

    static let cpus = 0.5
    static let memory = 64
    static let disk = 64
    static let processes = 48

    private let plan: Plan
    private let cluster: UpCluster
    private let loads: Loads
    private let driver: SchedulerDriver
    private let reports: URL

    init(_ plan: Plan, programs: URL) throws {
        self.plan = plan
        var modules = "process,cgroup-cpu,cgroup-memory,cgroup-pids,disk"
        if plan.pinsNeighbour { modules += ",cgroup-cpuset" }
        self.cluster = try UpCluster(
            named: "limits", programs: programs,
            environment: [
                // By name, so that the agent does not start if one of them cannot be had.
                "MESETA_ISOLATION": modules, "MESETA_CPU_QUOTA": "true",
                "MESETA_PIDS_LIMIT": "\(Self.processes)",
            ]
        ) { _ in
            [
                "--agents", "1", "--resources", "cpus:2;mem:512;disk:512", "--restart-delay", "never", "--log-level",
                "notice",
            ]
        }
        self.reports = self.cluster.directory.appendingPathComponent("reports")
        try FileManager.default.createDirectory(at: self.reports, withIntermediateDirectories: true)
        self.loads = Loads(program: programs.appendingPathComponent("limits-load").path)
        self.driver = SchedulerDriver(
            framework: FrameworkInfo("limits"), master: self.cluster.master, scheduler: self.loads)
        let driver = self.driver
        Task { try await driver.run() }
    }

    func stop(keepingFiles: Bool) {
        self.driver.stop()
        self.cluster.stop(keepingFiles: keepingFiles)
    }

    /// All hogs.
    func run() async throws -> LimitsReport {
        let neighbour = try await self.start(self.load("work", "neighbour", "cpus:1;mem:32")).id
        var report = LimitsReport()
        for hog in Hog.allCases {
            var seen: [Seen] = []
            try await self.rest()
            for number in 1...self.plan.visits {
                seen.append(try await self.visit(hog, number))
                try await self.rest()
            }
            if let end = await self.loads.end(of: neighbour) {
                throw Failure("the neighbour has ended: \(end.status.state.name) \(end.status.message ?? "")")
            }
            try self.judge(hog, seen, into: &report)
        }
        return report
    }

    private func rest() async throws { try await Task.sleep(for: self.plan.quiet) }

    private func load(_ kind: String, _ name: String, _ resources: Resources, _ more: [String] = []) -> Loads.Load {
        Loads.Load(resources: resources, arguments: [kind, self.path(name)] + more)
    }

    private func path(_ name: String) -> String { self.reports.appendingPathComponent(name).path }

    private func report(_ name: String) -> String {
        (try? String(contentsOfFile: self.path(name), encoding: .utf8)) ?? ""
    }

    /// The number behind a word at the beginning of a line of a report.
    private func number(_ word: String, in name: String) -> Int64? {
        let line = self.report(name).split(separator: "\n").first { $0.hasPrefix(word + " ") }
        return line.flatMap { Int64($0.dropFirst(word.count + 1)) }
    }

    // MARK: A visit

    /// What is done to a limit.
    enum Hog: String, CaseIterable, Sendable {
        case memory, cpu, forks, disk
    }

    /// What was seen of one visit.
    private struct Seen {
        var visit: Throughput.Visit
        var end: TaskStatus
        /// Cores that it used.
        var cores: Double?
        /// The most processes and threads that it had.
        var count: Int64?
        /// Nanoseconds from the block above the quota to the status.
        var notice: Int64?
    }

    private func visit(_ hog: Hog, _ number: Int) async throws -> Seen {
        let name = "\(hog.rawValue)-\(number)", seconds = "\(self.plan.visit / .seconds(1))"
        let load =
            switch hog {
            case .memory:
                self.load(
                    "memory", name, Resources(cpus: Self.cpus, mem: Double(Self.memory)), ["\(Self.memory)", seconds])
            case .cpu: self.load("spin", name, Resources(cpus: Self.cpus, mem: 32))
            case .forks: self.load("forks", name, Resources(cpus: Self.cpus, mem: 64))
            case .disk:
                self.load(
                    "disk", name, Resources(cpus: Self.cpus, mem: 64, disk: Double(Self.disk)),
                    ["\(Self.disk)", seconds])
            }
        let launched = Monotonic.now
        let (id, running) = try await self.start(load)
        var (cores, count): (Double?, Int64?)
        switch hog {
        case .cpu: cores = try await self.measure(name)
        case .forks: count = try await self.watch(name)
        case .memory, .disk: break
        }
        if cores != nil || count != nil { self.driver.killTask(id) }
        let end = try await self.within(.seconds(30), "\(name) does not end") { await self.loads.end(of: id) }
        let crossed = hog == .disk ? self.number("crossed", in: name) : nil
        return Seen(
            visit: .init(launched: launched, running: running, ended: end.instant), end: end.status, cores: cores,
            count: count, notice: crossed.map { end.instant - $0 })
    }

    /// Launches a load, and waits until it runs.
    private func start(_ load: Loads.Load) async throws -> (id: TaskID, running: Int64) {
        let id = await self.loads.launch(load, with: self.driver)
        let running = try await self.within(.seconds(30), "\(id) does not start") {
            if let end = await self.loads.end(of: id) {
                throw Failure("\(id) has ended: \(end.status.state.name) \(end.status.message ?? "")")
            }
            return await self.loads.start(of: id)
        }
        return (id, running)
    }

    private func account(_ name: String) async throws -> KernelAccount {
        try await self.within(.seconds(10), "\(name) does not say its process id") {
            try self.number("pid", in: name).map { try KernelAccount(of: Int32($0)) }
        }
    }

    /// Asks every 10 ms until there is an answer.
    private func within<T>(
        _ patience: Duration, _ problem: String, _ body: () async throws -> T?
    ) async throws -> T {
        let deadline = ContinuousClock.now + patience
        while ContinuousClock.now < deadline {
            if let answer = try await body() { return answer }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw Failure(problem)
    }

    /// Cores used in the time of a visit, by the kernel's count and the clock.
    private func measure(_ name: String) async throws -> Double {
        let account = try await self.account(name)
        // Its first period has its quota from before it ran.
        try await Task.sleep(for: .milliseconds(500))
        guard let first = account.time else { throw Failure("nothing counts the processor time of \(name)") }
        let begin = Monotonic.now
        try await Task.sleep(for: self.plan.processorVisit)
        guard let last = account.time else { throw Failure("\(name) has ended by itself") }
        return Double(last - first) / Double(Monotonic.now - begin)
    }

    /// The most processes in the time of a visit, by the kernel's count.
    private func watch(_ name: String) async throws -> Int64 {
        let account = try await self.account(name)
        let end = Monotonic.now + Int64(self.plan.visit / .nanoseconds(1))
        var most: Int64 = 0
        while Monotonic.now < end {
            guard let count = account.count else { throw Failure("nothing counts the processes of \(name)") }
            most = max(most, count)
            try await Task.sleep(for: .milliseconds(20))
        }
        return most
    }

    // MARK: The verdict

    private func judge(_ hog: Hog, _ seen: [Seen], into report: inout LimitsReport) throws {
        let throughput = Throughput(report: self.report("neighbour"))
        let quiet = Int64(self.plan.quiet / .nanoseconds(1))
        guard let rates = throughput.comparison(of: seen.map(\.visit), quiet: quiet) else {
            throw Failure("the neighbour reported no work around the visits of \(hog.rawValue)")
        }
        var checks: [LimitsReport.Check]
        switch hog {
        case .memory:
            checks = Self.checkEnds(seen, .memoryLimit, ["the limit is \(Self.memory) MB", "the peak was "]) {
                ($0.limitation?.mem ?? 0) > 0
            }
        case .disk:
            checks = Self.checkEnds(seen, .diskLimit, ["the limit is \(Self.disk) MB", "it had "]) {
                ($0.limitation?.disk ?? 0) > Int64(Self.disk) * 1000
            }
            checks.append(self.checkNotice(seen))
        case .cpu: checks = [Self.checkKilled(seen), self.checkCores(seen)]
        case .forks: checks = [Self.checkKilled(seen), Self.checkCount(seen)]
        }
        report.add(hog.rawValue, visits: seen.count, rates, maxLoss: self.plan.loss, checks)
    }

    /// A limit ended each, and the status says which, with numbers for people and for programs.
    private static func checkEnds(
        _ seen: [Seen], _ reason: StatusReason, _ phrases: [String], _ isTold: (TaskStatus) -> Bool
    ) -> [LimitsReport.Check] {
        let name = reason == .memoryLimit ? "MEMORY" : "DISK"
        let right = seen.filter { $0.end.state == .failed && $0.end.reason == reason }
        let told = seen.filter { one in
            phrases.allSatisfy { one.end.message?.contains($0) ?? false } && isTold(one.end)
        }
        let last = seen.last?.end
        return [
            .init(
                "FAILED, REASON_CONTAINER_LIMITATION_\(name)", seen: "\(right.count) of \(seen.count)",
                bound: "all", isKept: right.count == seen.count),
            .init(
                "limit and use are told", seen: "\(told.count) of \(seen.count), \"\(last?.message ?? "")\"",
                bound: "all", isKept: told.count == seen.count),
        ]
    }

    private static func checkKilled(_ seen: [Seen]) -> LimitsReport.Check {
        let killed = seen.count { $0.end.state == .killed }
        return .init(
            "it runs until it is killed, and ends KILLED", seen: "\(killed) of \(seen.count)", bound: "all",
            isKept: killed == seen.count)
    }

    private func checkNotice(_ seen: [Seen]) -> LimitsReport.Check {
        let times = seen.compactMap(\.notice), bound = Int64(self.plan.notice / .nanoseconds(1))
        return .init(
            "from the block above the quota to the status, at most",
            seen: times.max().map { "\($0 / 1_000_000) ms" } ?? "it was never above", bound: "\(bound / 1_000_000) ms",
            isKept: times.count == seen.count && times.allSatisfy { $0 <= bound })
    }

    private func checkCores(_ seen: [Seen]) -> LimitsReport.Check {
        let cores = seen.compactMap(\.cores)
        let (least, most) = (cores.min() ?? 0, cores.max() ?? 0)
        func shown(_ cores: Double) -> String { "\((cores * 1000).rounded() / 1000)" }
        let floor = Self.cpus * (1 - self.plan.processorShortfall)
        let ceiling = Self.cpus * (1 + self.plan.processorTolerance)
        return .init(
            "cores used, by the kernel's count", seen: "\(shown(least)) to \(shown(most))",
            bound: "\(shown(floor)) to \(shown(ceiling))", isKept: floor <= least && most <= ceiling)
    }

    private static func checkCount(_ seen: [Seen]) -> LimitsReport.Check {
        let counts = seen.compactMap(\.count)
        return .init(
            "processes and threads, by the kernel's count", seen: "\(counts.max() ?? 0)",
            bound: "exactly \(Self.processes)", isKept: counts.allSatisfy { $0 == Int64(Self.processes) })
    }
}
