import ArgumentParser
import Foundation
import PaperWorkloads
import SharingExperiments

/// `sharing calibrate`: how long tasks are.
struct CalibrateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "calibrate",
        abstract: "Find the lengths of tasks from the paper's times on dedicated partitions.",
        discussion: """
            The paper says how many tasks a job has, and how long such a job took on its partition, but not how long a task takes. Here each \
            workload is run on its partition, again and again, and the lengths of its tasks are corrected until jobs take as long as in the \
            paper. The shared cluster has no part in it. Prints the mix with these lengths, as mix.json has them.
            """)

    @Option(
        parsing: .upToNextOption, help: "Workloads: \(Calibration.names.joined(separator: ", ")).")
    var workloads = Calibration.names
    @Option(help: "Seeds of each round.") var runs: UInt64 = 10
    @Option(help: "The first seed: others than those of the experiment.") var seed: UInt64 = 1001
    @Option(help: "Rounds at most.") var rounds = 12
    @Option(help: "Ends when no kind of job is off by more than this part.") var tolerance = 0.01
    @Option(help: "The workloads to begin with, in the form of mix.json (default: the paper's).") var mix: String?

    func validate() throws {
        guard self.runs > 0, self.rounds > 0, Set(self.workloads).isSubset(of: Calibration.names) else {
            throw ValidationError("--runs and --rounds are at least 1; workloads are \(Calibration.names)")
        }
    }

    func run() throws {
        var mix = try WorkloadMix.read(self.mix)
        for round in 1...self.rounds {
            let (corrected, rows) = try Calibration.round(
                mix, self.workloads, seeds: self.seed...(self.seed + self.runs - 1))
            let worst = rows.map { abs($0.seen / $0.paper - 1) }.max() ?? 0
            var text = String(format: "round %d: off by %.1f %% at most\n", round, worst * 100)
            for row in rows {
                text += "  \(row.kind): " + String(format: "%.1f s, in the paper %.0f s\n", row.seen, row.paper)
            }
            FileHandle.standardError.write(Data(text.utf8))
            if worst <= self.tolerance { break }
            mix = corrected
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        print(String(decoding: try encoder.encode(mix), as: UTF8.self))
    }
}
