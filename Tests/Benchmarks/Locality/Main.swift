import ArgumentParser
import Foundation
import PaperWorkloads
import SharingExperiments
import TestSupport

/// `locality`: how often tasks run where their data is.
@main
struct Locality: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "locality",
        abstract: "Measure how many tasks run where their data is, by how the cluster is shared.",
        discussion: """
            Hadoop instances scan a file each, whose blocks are spread over the whole cluster: on static partitions, sharing all machines, and \
            sharing with delay scheduling, where an instance declines offers of nodes without its data for up to the delay. All cores and \
            codecs run, on virtual time. Exits with 1 if less than 90 % of the tasks are local with a delay of 1 s, or 95 % with 5 s.

            EXAMPLES
              locality --plot locality.svg
              locality --delays 0 0.5 1 2 5 10 --remote 1.5
            """)

    @Option(help: "Seeds: each places the blocks anew.") var runs: UInt64 = 10
    @Option(help: "The first seed.") var seed: UInt64 = 1
    @Option(help: "How many runs are made at a time.") var jobs = 1
    @Option(parsing: .upToNextOption, help: "Delays in seconds.") var delays = [0.0, 1, 5]
    @Option(help: "Machines.") var agents = ScanSettings().agents
    @Option(help: "Hadoop instances.") var instances = ScanSettings().instances
    @Option(help: "Blocks of the file of each.") var blocks = ScanSettings().blocks
    @Option(help: "Nodes that have a block.") var replicas = ScanSettings().replicas
    @Option(help: "Mean seconds of a task that reads its own node.") var local = ScanSettings().localSeconds
    @Option(help: "A task that reads from another node takes so many times as long.") var remote = ScanSettings()
        .remoteFactor
    @Option(help: "Add the figures to this file, a line of JSON for each run.") var json: String?
    @Option(help: "Draw figure 8 of the paper into this file, as SVG.") var plot: String?

    /// What the paper has, by delay in seconds.
    private static let bounds = [1.0: 0.90, 5.0: 0.95]

    private var settings: ScanSettings {
        var settings = ScanSettings()
        settings.agents = self.agents
        settings.instances = self.instances
        settings.blocks = self.blocks
        settings.replicas = self.replicas
        settings.localSeconds = self.local
        settings.remoteFactor = self.remote
        return settings
    }

    func validate() throws {
        guard self.runs > 0, self.jobs > 0, self.blocks > 0, (1...self.agents).contains(self.instances),
            (1...self.agents).contains(self.replicas), self.local > 0, self.remote > 0
        else { throw ValidationError("all numbers are at least 1; instances and replicas are no more than machines") }
    }

    func run() async throws {
        let scenarios = [.partitions] + self.delays.map { LocalityExperiment.Scenario.shared(delay: .seconds($0)) }
        var rows: [(scenario: LocalityExperiment.Scenario, outcomes: [LocalityExperiment.Outcome])] = []
        print(
            "\(self.instances) instances, \(self.blocks) blocks each on \(self.replicas) of \(self.agents) machines; ",
            terminator: "")
        print("\(self.runs) runs from seed \(self.seed); mean, and spread of the runs\n")
        print(Self.columns("", ["local, %", "spread", "least", "job, s", "spread", "speed-up"]))
        for scenario in scenarios {
            let outcomes = try await self.outcomes(of: scenario)
            rows.append((scenario, outcomes))
            let (localities, times) = (outcomes.map { $0.locality * 100 }, outcomes.map(\.meanTime))
            let numbers = [localities.mean, localities.spread, localities.min() ?? 0, times.mean, times.spread]
            let speedup = rows[0].outcomes.map(\.meanTime).mean / times.mean
            print(
                Self.columns(
                    scenario.name, numbers.map { String(format: "%.1f", $0) } + [String(format: "%.2f", speedup)]))
            fflush(nil)
            if let json { for outcome in outcomes { try JSONLines.append(outcome, to: json) } }
        }
        if let plot { try self.chart(rows).svg.write(toFile: plot, atomically: true, encoding: .utf8) }
        for (scenario, outcomes) in rows {
            guard case .shared(let delay) = scenario, let bound = Self.bounds[delay.asSeconds],
                outcomes.map(\.locality).mean < bound
            else { continue }
            FileHandle.standardError.write(Data("\(scenario.name): less than \(bound) of the tasks are local\n".utf8))
            throw ExitCode(1)
        }
    }

    private func outcomes(of scenario: LocalityExperiment.Scenario) async throws -> [LocalityExperiment.Outcome] {
        let settings = self.settings
        return try await forEachSeed(self.seed..<self.seed + self.runs, jobs: self.jobs) {
            try LocalityExperiment.run(scenario, settings, seed: $0)
        }
    }

    private static func columns(_ name: String, _ cells: [String]) -> String {
        name + String(repeating: " ", count: max(1, 24 - name.count))
            + cells.map { String(repeating: " ", count: max(0, 10 - $0.count)) + $0 }.joined()
    }

    private func chart(
        _ rows: [(scenario: LocalityExperiment.Scenario, outcomes: [LocalityExperiment.Outcome])]
    ) -> BarPlot {
        let slowest = rows.map { $0.outcomes.map(\.meanTime).mean }.max() ?? 1
        var chart = BarPlot(
            title: "Data locality and job times (figure 8)", unit: "%",
            series: ["local tasks", "job time, of the longest"])
        chart.groups = rows.map { row in
            let time = row.outcomes.map(\.meanTime).mean
            return .init(
                row.scenario.name, [row.outcomes.map(\.locality).mean * 100, time / slowest * 100],
                notes: [
                    String(format: "%.1f %% local", row.outcomes.map(\.locality).mean * 100),
                    String(format: "%.0f s", time),
                ])
        }
        return chart
    }
}
