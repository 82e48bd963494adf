import TestSupport

/// When what happened after a kill, in seconds from it.
struct RecoveryTimes: Encodable {
    /// Another master leads.
    var elected: Double
    /// It has heard all relays tell their agents.
    var relays: Double
    /// The first agent knows that it is registered with it.
    var firstAgent: Double
    /// So does the last.
    var agents: Double
    /// So does the last framework.
    var frameworks: Double
    /// The first offer of the new leader is at its framework.
    var offer: Double
    /// The framework hears that a task runs that it launched on such an offer.
    var task: Double

    /// All agents and frameworks are registered, and a task launched by the new leader runs.
    var all: Double { max(self.agents, self.frameworks, self.task) }

    /// Rows of the table, in the order in which they mostly happen.
    static let rows: [(name: String, value: @Sendable (RecoveryTimes) -> Double)] = [
        ("another master leads", { $0.elected }), ("all relays have told it their agents", { $0.relays }),
        ("first agent registered", { $0.firstAgent }), ("last agent registered", { $0.agents }),
        ("last framework registered", { $0.frameworks }), ("first offer", { $0.offer }),
        ("first task of the new leader runs", { $0.task }), ("all of that", { $0.all }),
    ]
}

/// A number of kills.
struct RecoverySeries: Encodable {
    var takeover: String
    var agents: Int
    var frameworks: Int
    var runs: [RecoveryTimes] = []

    /// Milliseconds: median, nine tenths, and the longest, of each row.
    var summary: [(name: String, median: Double, ninth: Double, longest: Double)] {
        RecoveryTimes.rows.map { row in
            let values = self.runs.map { row.value($0) * 1000 }
            return (row.name, values.median, values.quantile(0.9), values.max() ?? 0)
        }
    }

    var table: String {
        func pad(_ text: String, _ width: Int) -> String {
            String(repeating: " ", count: max(0, width - text.count)) + text
        }
        let head = "ms after the kill".padded(to: 38) + pad("median", 8) + pad("p90", 8) + pad("max", 8)
        let rows = self.summary.map { row in
            let values = [row.median, row.ninth, row.longest].map { pad("\(Int($0.rounded()))", 8) }
            return row.name.padded(to: 38) + values.joined()
        }
        let title = "\(self.agents) agents, \(self.frameworks) frameworks, by \(self.takeover), \(self.runs.count) runs"
        return ([title, "", head] + rows).joined(separator: "\n")
    }

    var plot: BarPlot {
        var plot = BarPlot(
            title: "After kill -9 of the leading master: \(self.agents) agents, by \(self.takeover)", unit: "ms",
            series: ["median", "p90", "max"])
        plot.groups = self.summary.map { .init($0.name, [$0.median, $0.ninth, $0.longest]) }
        return plot
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String {
        self + String(repeating: " ", count: Swift.max(0, width - self.count))
    }
}
