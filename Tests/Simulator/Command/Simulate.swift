import ArgumentParser
import FairSharing
import Simulator
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// `swift run simulate`: runs a cluster on virtual time, with faults drawn from a seed.
@main
struct Simulate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a whole cluster in one thread on virtual time, with faults drawn from a seed.",
        discussion: """
            The cores and codecs of production over a simulated network, with a model of ZooKeeper. Checkers watch every step:
            no agent over-committed, no task started twice, each agent obeys one leader, statuses in order and none lost, books
            consistent; after healing, the cluster converges and all work is done. The same seed, the same history.

            EXAMPLES
              swift run -c release simulate --seeds 1000 --jobs 2
              swift run -c release simulate --minutes 30 --jobs 2   # control-C: finishes what has begun, and sums up
              swift run simulate --seed 42 --trace
              swift run simulate --seed 42 --shrink
              swift run -c release simulate --scenario fair-sharing --seed 7
            """)

    /// Five frameworks that want everything, and the allocators die: what `five-frameworks` does to real processes.
    private static let sharing = "fair-sharing"
    private static let scenarios = (Scenario.allCases.map(\.rawValue) + [Self.sharing]).joined(separator: ", ")

    @Option(help: "\(Self.scenarios).") var scenario = Scenario.swarm.rawValue
    @Option(help: "The one seed to run.") var seed: UInt64?
    @Option(help: "Run that many seeds, from --first on.") var seeds: UInt64 = 20
    @Option(help: "The first seed of many.") var first: UInt64 = 1
    @Option(help: "Run seeds from --first on for so long, instead of a number of them.") var minutes: Double?
    @Option(help: "How many seeds are run at a time.") var jobs = 1
    @Option(help: "Events of each seed at least: as much work and other faults come again until then; swarm: 20000.")
    var events: Int?
    @Flag(help: "End at the first seed that fails.") var untilFailure = false
    @Flag(help: "Print every event and effect (with --seed).") var trace = false
    @Flag(help: "Leave out faults that a failure does not need, and print the rest (with --seed).") var shrink = false

    func validate() throws {
        guard self.scenario == Self.sharing || Scenario(rawValue: self.scenario) != nil else {
            throw ValidationError("no scenario '\(self.scenario)': use \(Self.scenarios)")
        }
        guard self.jobs > 0 else { throw ValidationError("--jobs is at least 1") }
    }

    func run() async throws {
        guard let scenario = Scenario(rawValue: self.scenario) else {
            return try self.runSharing(self.seed.map { $0...$0 } ?? self.first...(self.first + max(1, self.seeds) - 1))
        }
        if let seed { return try self.runOne(scenario, seed) }
        try await self.runMany(scenario)
    }

    private func runOne(_ scenario: Scenario, _ seed: UInt64) throws {
        let outcome = SimulationOutcome.run(
            scenario, seed: seed, tracer: self.trace ? { print($0) } : nil, leastEvents: self.events)
        guard !outcome.violations.isEmpty else {
            return print("seed \(seed): \(outcome.events) events, every promise kept")
        }
        self.report(outcome)
        if self.shrink {
            let shrunk = outcome.shrunk(scenario, leastEvents: self.events)
            print("\(shrunk.faults.count) of \(outcome.faults.count) faults are enough, in \(shrunk.events) events:")
            for fault in shrunk.faults { print("    \(fault)") }
            self.report(shrunk)
        }
        throw ExitCode(1)
    }

    private func report(_ outcome: SimulationOutcome) {
        let scenario = self.scenario == Scenario.swarm.rawValue ? "" : " --scenario \(self.scenario)"
        print(
            "seed \(outcome.seed): FAILED: \(outcome.violations.first ?? ""); again with\(scenario) --seed \(outcome.seed) --trace"
        )
        fflush(nil)  // Somebody may wait for the first, and end this then.
    }

    /// As many at a time as there are jobs.
    private func runMany(_ scenario: Scenario) async throws {
        let clock = ContinuousClock(), start = clock.now
        let coverage = Coverage()
        Progress.begin()
        var next = self.first, failures = 0, events = 0, runs = 0, fewest = Int.max
        func isWanted() -> Bool {
            if Progress.isStopped || self.untilFailure && failures > 0 { return false }
            if let minutes { return clock.now - start < .seconds(minutes * 60) }
            return next < self.first + self.seeds
        }
        await withTaskGroup(of: SimulationOutcome.self) { group in
            func add() {
                guard isWanted() else { return }
                let seed = next
                next += 1
                group.addTask { [events = self.events] in
                    SimulationOutcome.run(scenario, seed: seed, leastEvents: events)
                }
            }
            for _ in 0..<self.jobs { add() }
            for await outcome in group {
                runs += 1
                events += outcome.events
                fewest = min(fewest, outcome.events)
                coverage.add(outcome.coverage)
                if !outcome.violations.isEmpty {
                    failures += 1
                    self.report(outcome)
                }
                Progress.say("\(runs) seeds, \(events) events, \(failures) failed")
                add()
            }
        }
        Progress.say("")
        let seconds = Double((clock.now - start).components.seconds) + 0.001
        print(coverage.table)
        print(
            "\(runs) seeds, \(events) events (the shortest \(fewest)), \(Int(Double(events) / seconds)) a second, "
                + "\(failures) failed")
        if failures > 0 { throw ExitCode(1) }
    }

    private func runSharing(_ seeds: ClosedRange<UInt64>) throws {
        var failures = 0
        for seed in seeds {
            let simulation = SharingSimulation(plan: SharingPlan(seed: seed))
            if self.trace, self.seed != nil { simulation.cluster.tracer = { print($0) } }
            if self.seed != nil { simulation.say = { print($0) } }
            let report = simulation.run()
            print("seed \(seed): \(report.problems.isEmpty ? "shared fairly" : "FAILED")")
            if self.seed != nil || !report.problems.isEmpty { print(report.text) } else { print(report.summary) }
            if !report.problems.isEmpty { failures += 1 }
        }
        if failures > 0 { throw ExitCode(1) }
    }
}

/// Says on a terminal how far it is, and whether somebody has asked for the end: then what has begun is finished and told.
private enum Progress {
    private static let stopped = Atomic(false)

    static func begin() {
        self.stopped.store(false, ordering: .relaxed)
        for number in [SIGINT, SIGTERM] {
            signal(number) { number in
                Progress.stopped.store(true, ordering: .relaxed)
                signal(number, SIG_DFL)  // Asked again, it does not wait for a seed that may never end.
            }
        }
    }

    static var isStopped: Bool { self.stopped.load(ordering: .relaxed) }

    /// In the place of what was said before.
    static func say(_ text: String) {
        guard isatty(STDERR_FILENO) == 1 else { return }
        let bytes = Array("\r\u{1B}[K\(text)".utf8)
        _ = write(STDERR_FILENO, bytes, bytes.count)
    }
}
