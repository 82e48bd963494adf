import Foundation
import PaperWorkloads
import SharingExperiments
import TestSupport

/// What came of some seeds, beside what the paper saw.
struct SharingReport {
    /// One seed.
    struct Row: Codable {
        var seed: UInt64
        /// Sum of the times of all jobs on the partition by that on the shared cluster.
        var speedups: [String: Double]
        /// Sums of the times of all jobs, in seconds.
        var dedicatedSeconds: [String: Double]
        var sharedSeconds: [String: Double]
        /// Of each kind of job, the mean time on the partition by that on the shared cluster.
        var kinds: [String: Double]
        /// Parts allocated until the shared cluster was done.
        var sharedCPUs: Double
        var dedicatedCPUs: Double
        var sharedMemory: Double
        var dedicatedMemory: Double
        /// How much more of the shared cluster was allocated, as a part.
        var cpuGain: Double
        var memoryGain: Double
        /// The part of the shared cluster's processors that was allocated until the large jobs were done.
        var cpusUntilLarge: Double
        /// When the last job ended, in seconds.
        var sharedEnd: Double
        var dedicatedEnd: Double
    }

    let mix: WorkloadMix
    let rows: [Row]
    private let outcomes: [SharingOutcome]

    init(_ mix: WorkloadMix, _ outcomes: [SharingOutcome]) {
        self.mix = mix
        self.outcomes = outcomes
        self.rows = outcomes.map { outcome in
            func named(_ values: [Double]) -> [String: Double] {
                Dictionary(uniqueKeysWithValues: zip(WorkloadMix.names, values))
            }
            let (shared, dedicated) = outcome.allocation
            let kinds = Set(outcome.shared.flatMap(\.jobs).map(\.kind)).map { kind in
                let times = [outcome.dedicated, outcome.shared].map { SharingOutcome.mean(of: kind, in: $0) }
                return (kind, times[0] / times[1])
            }
            return Row(
                seed: outcome.seed, speedups: named(outcome.speedups),
                dedicatedSeconds: named(outcome.dedicated.map(SharingOutcome.sum)),
                sharedSeconds: named(outcome.shared.map(SharingOutcome.sum)),
                kinds: Dictionary(uniqueKeysWithValues: kinds), sharedCPUs: shared.cpus, dedicatedCPUs: dedicated.cpus,
                sharedMemory: shared.memory, dedicatedMemory: dedicated.memory, cpuGain: outcome.gain.cpus,
                memoryGain: outcome.gain.memory, cpusUntilLarge: outcome.load(until: "large"),
                sharedEnd: outcome.sharedSeries.end,
                dedicatedEnd: outcome.dedicatedSeries.end)
        }
    }

    /// What is below the paper's on average.
    var misses: [String] {
        var misses = WorkloadMix.names.filter { name in
            self.rows.map { $0.speedups[name] ?? 0 }.mean < self.mix.paper.speedups[name] ?? 0
        }
        if self.rows.map(\.cpuGain).mean < self.mix.paper.cpuGain { misses.append("processors") }
        if self.rows.map(\.memoryGain).mean < self.mix.paper.memoryGain { misses.append("memory") }
        return misses
    }

    /// For people.
    var table: String {
        let count = self.rows.count
        var lines = [
            "\(count) seeds from \(self.rows[0].seed), \(self.mix.agents) machines; mean, spread and range of the seeds",
            "",
            Self.columns("", ["paper", "mean", "spread", "least", "most", "dedicated", "shared"]),
        ]
        for name in WorkloadMix.names {
            let values = self.rows.map { $0.speedups[name] ?? 0 }
            lines.append(
                Self.line(
                    "speed-up, \(name)", self.mix.paper.speedups[name] ?? 0, values,
                    [\.dedicatedSeconds, \.sharedSeconds].map { (path: KeyPath<Row, [String: Double]>) in
                        String(format: "%.0f s", self.rows.map { $0[keyPath: path][name] ?? 0 }.mean)
                    }))
        }
        func percent(_ path: KeyPath<Row, Double>) -> String {
            String(format: "%.1f %%", self.rows.map { $0[keyPath: path] }.mean * 100)
        }
        lines.append(
            Self.line(
                "more processors allocated", self.mix.paper.cpuGain, self.rows.map(\.cpuGain),
                [percent(\.dedicatedCPUs), percent(\.sharedCPUs)]))
        lines.append(
            Self.line(
                "more memory allocated", self.mix.paper.memoryGain, self.rows.map(\.memoryGain),
                [percent(\.dedicatedMemory), percent(\.sharedMemory)]))
        lines.append(
            Self.columns(
                "processors while large runs", ["", "", "", "", "", "", percent(\.cpusUntilLarge)]))
        lines.append(
            Self.columns(
                "all jobs done",
                ["", "", "", "", ""]
                    + [\Row.dedicatedEnd, \Row.sharedEnd].map { path in
                        String(format: "%.0f s", self.rows.map { $0[keyPath: path] }.mean)
                    }))
        lines += [
            "",
            Self.columns(
                "speed-up of a kind of job", ["paper", "mean", "spread", "least", "most", "dedicated", "shared"]),
        ]
        for (kind, paper) in self.kinds {
            let times = [self.outcomes.flatMap(\.dedicated), self.outcomes.flatMap(\.shared)].map {
                String(format: "%.1f s", SharingOutcome.mean(of: kind, in: $0))
            }
            lines.append(Self.line(kind, paper, self.rows.compactMap { $0.kinds[kind] }, times))
        }
        return lines.joined(separator: "\n")
    }

    private var kinds: [(kind: String, paper: Double)] {
        (self.mix.facebook.kinds + self.mix.large.kinds).map { ($0.name, $0.paperSpeedup) }
            + [(self.mix.spark.name, self.mix.spark.paperSpeedup)]
            + self.mix.torque.kinds.map { ($0.name, $0.paperSpeedup) }
    }

    private static func line(_ name: String, _ paper: Double, _ values: [Double], _ rest: [String]) -> String {
        let numbers = [paper, values.mean, values.spread, values.min() ?? 0, values.max() ?? 0]
        return Self.columns(name, numbers.map { String(format: "%.2f", $0) } + rest)
    }

    static func columns(_ name: String, _ cells: [String]) -> String {
        name + String(repeating: " ", count: max(1, 28 - name.count))
            + cells.enumerated().map { index, cell in
                String(repeating: " ", count: max(0, (index < 5 ? 8 : 11) - cell.count)) + cell
            }.joined()
    }
}

/// Figures 5 to 7 of the paper for one seed, one below the other.
struct SharingPlots {
    private let outcome: SharingOutcome
    private static let points = 240

    init(_ outcome: SharingOutcome) { self.outcome = outcome }

    /// The text of an SVG file.
    var svg: String {
        let outcome = self.outcome
        let end = outcome.sharedSeries.end
        func shares(_ account: FrameworkAccount, to end: Double) -> [(x: Double, y: Double)] {
            outcome.series([account]).points(Self.points, to: end).cpus
        }
        var plots = [
            LinePlot(
                title: "Framework shares on the shared cluster (figure 6), seed \(outcome.seed)", xLabel: "s",
                yLabel: "part of all processors",
                series: outcome.shared.map { .init($0.name, shares($0, to: end)) })
        ]
        for (shared, dedicated) in zip(outcome.shared, outcome.dedicated) {
            let last = max(outcome.series([shared]).end, outcome.series([dedicated]).end)
            plots.append(
                LinePlot(
                    title: "\(shared.name) (figure 5)", xLabel: "s", yLabel: "part of all processors",
                    series: [
                        .init("shared", shares(shared, to: last)),
                        .init("static partition", shares(dedicated, to: last)),
                    ]))
        }
        let (shared, dedicated) = (outcome.sharedSeries, outcome.dedicatedSeries)
        let last = max(shared.end, dedicated.end)
        let (one, four) = (shared.points(Self.points, to: last), dedicated.points(Self.points, to: last))
        func plot(_ what: String, _ shared: [(x: Double, y: Double)], _ dedicated: [(x: Double, y: Double)]) -> LinePlot
        {
            LinePlot(
                title: "\(what) allocated, all machines (figure 7)", xLabel: "s", yLabel: "part",
                series: [.init("shared", shared), .init("static partitions", dedicated)])
        }
        plots += [plot("Processors", one.cpus, four.cpus), plot("Memory", one.memory, four.memory)]
        return LinePlot.column(plots)
    }
}
