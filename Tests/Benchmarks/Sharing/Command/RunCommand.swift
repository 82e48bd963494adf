import ArgumentParser
import Foundation
import PaperWorkloads
import SharingExperiments
import TestSupport

/// `sharing run`: simulated, many seeds.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Simulate the mix with the real cores, once for each seed.",
        discussion: """
            A Hadoop instance with a mix of jobs, one with a series of large jobs, Spark and Torque share 96 machines under fair sharing; \
            then each has 24 of them for itself. All cores and codecs run, on virtual time. A seed draws when jobs come, in which order, \
            and how long tasks are; both clusters get the same. A speed-up is the sum of the times of a framework's jobs on its \
            partition by that on the shared cluster. Exits with 1 if a mean is below the paper's.

            EXAMPLES
              sharing --runs 10 --jobs 2 --plot sharing.svg
              sharing --seed 4 --runs 1 --json sharing.jsonl
              sharing --weights large=10 spark=10
            """)

    @Option(help: "Seeds.") var runs: UInt64 = 10
    @Option(help: "The first seed.") var seed: UInt64 = 1
    @Option(help: "How many seeds are run at a time.") var jobs = 1
    @Option(help: "What all times are multiplied by.") var timeScale = 1.0
    @Option(help: "The workloads, in the form of mix.json (default: the paper's).") var mix: String?
    @Option(
        parsing: .upToNextOption,
        help: """
            Give each framework a role of its own, with weights such as large=10 on the shared cluster; 1 for those not named. \
            Default: all have the role *.
            """)
    var weights: [RoleWeight] = []
    @Option(help: "Add the figures to this file, a line of JSON for each seed.") var json: String?
    @Option(help: "Draw figures 5 to 7 of the paper for the first seed into this file, as SVG.") var plot: String?

    func validate() throws {
        guard self.runs > 0, self.jobs > 0, self.timeScale > 0 else {
            throw ValidationError("--runs and --jobs are at least 1, --time-scale is above 0")
        }
    }

    func run() async throws {
        let mix = try WorkloadMix.read(self.mix).scaled(by: self.timeScale)
        let outcomes = try await self.simulate(mix)
        let report = SharingReport(mix, outcomes)
        print(report.table)
        if let json { for row in report.rows { try JSONLines.append(row, to: json) } }
        if let plot { try SharingPlots(outcomes[0]).svg.write(toFile: plot, atomically: true, encoding: .utf8) }
        if !report.misses.isEmpty {
            FileHandle.standardError.write(Data("below the paper's: \(report.misses.joined(separator: ", "))\n".utf8))
            throw ExitCode(1)
        }
    }

    /// The outcomes, in the order of the seeds.
    private func simulate(_ mix: WorkloadMix) async throws -> [SharingOutcome] {
        let weights =
            self.weights.isEmpty ? nil : Dictionary(self.weights.map { ($0.name, $0.weight) }) { $1 }
        return try await forEachSeed(self.seed..<self.seed + self.runs, jobs: self.jobs) {
            try SharingOutcome.simulated(mix, seed: $0, weights: weights)
        }
    }
}

/// `NAME=WEIGHT` of a framework of the mix.
struct RoleWeight: ExpressibleByArgument {
    var name: String
    var weight: Double

    init?(argument: String) {
        let parts = argument.split(separator: "=")
        guard parts.count == 2, WorkloadMix.names.contains(String(parts[0])), let weight = Double(parts[1]), weight > 0
        else { return nil }
        (self.name, self.weight) = (String(parts[0]), weight)
    }
}

extension WorkloadMix {
    /// The mix of a file, or the paper's.
    static func read(_ file: String?) throws -> WorkloadMix {
        guard let file else { return try .ofThePaper() }
        return try JSONDecoder().decode(WorkloadMix.self, from: Data(contentsOf: URL(fileURLWithPath: file)))
    }
}
