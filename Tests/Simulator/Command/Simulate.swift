import ArgumentParser
import FairSharing
import Simulator

/// `swift run simulate`: runs a cluster on virtual time, with faults drawn from a seed.
@main
struct Simulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a whole cluster in one thread on virtual time, with faults drawn from a seed.",
        discussion: """
            The cores and codecs of production over a simulated network. Checkers watch every step: no agent over-committed,
            no task started twice, statuses in order, books consistent, nobody below a guarantee by what is taken back; after
            healing, all work is done. The same seed, the same history.

            EXAMPLES
              swift run -c release simulate --scenario everything --seeds 1000
              swift run simulate --scenario masters --seed 42 --trace
              swift run -c release simulate --scenario fair-sharing --seed 7
            """)

    /// Five frameworks that want everything, and the allocators die: what `five-frameworks` does to real processes.
    private static let sharing = "fair-sharing"
    private static let scenarios = (Scenario.allCases.map(\.rawValue) + [Self.sharing]).joined(separator: ", ")

    @Option(help: "\(Self.scenarios).") var scenario = "everything"
    @Option(help: "The one seed to run.") var seed: UInt64?
    @Option(help: "Run that many seeds, from --first on.") var seeds: UInt64 = 20
    @Option(help: "The first seed of many.") var first: UInt64 = 1
    @Flag(help: "Print every event and effect (with --seed).") var trace = false

    func validate() throws {
        guard self.scenario == Self.sharing || Scenario(rawValue: self.scenario) != nil else {
            throw ValidationError("no scenario '\(self.scenario)': use \(Self.scenarios)")
        }
    }

    func run() throws {
        let seeds = self.seed.map { $0...$0 } ?? self.first...(self.first + max(1, self.seeds) - 1)
        guard let scenario = Scenario(rawValue: self.scenario) else { return try self.runSharing(seeds) }
        var failures = 0
        for seed in seeds {
            let cluster = SimulatedCluster(settings: scenario.settings(seed: seed), seed: seed)
            if self.trace, self.seed != nil { cluster.tracer = { print($0) } }
            if let duration = cluster.run() {
                print("seed \(seed): settled after \(duration)")
            } else {
                failures += 1
                print("seed \(seed): FAILED; again with --scenario \(self.scenario) --seed \(seed) --trace")
                for violation in cluster.violations { print("    \(violation)") }
            }
        }
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
