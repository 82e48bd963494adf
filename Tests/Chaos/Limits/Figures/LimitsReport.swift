/// What became of each kind of hog, and of its neighbour; what is printed, and written as JSON.
public struct LimitsReport: Encodable, Sendable {
    /// A bound and what was seen.
    public struct Check: Encodable, Sendable {
        var what: String
        var seen: String
        var bound: String
        var isKept: Bool

        /// - Parameters:
        ///   - what: What was looked at.
        ///   - seen: For people.
        ///   - bound: For people.
        public init(_ what: String, seen: String, bound: String, isKept: Bool) {
            self.what = what
            self.seen = seen
            self.bound = bound
            self.isKept = isKept
        }
    }

    /// One kind of hog.
    private struct Trial: Encodable, Sendable {
        var hog: String
        var visits: Int
        /// Units of work per second of the neighbour: medians.
        var before: Double
        var during: Double
        var after: Double
        /// The part that the neighbour lost.
        var loss: Double
        var checks: [Check]
    }

    private var trials: [Trial] = []

    /// Nothing yet.
    public init() {}

    /// Adds a kind of hog.
    ///
    /// - Parameter maxLoss: The part of its work that the neighbour may lose; a check of its own.
    public mutating func add(
        _ hog: String, visits: Int, _ rates: Throughput.Comparison, maxLoss: Double, _ checks: [Check]
    ) {
        let loss = Check(
            "the neighbour's loss", seen: Self.percent(rates.loss), bound: "less than \(Self.percent(maxLoss))",
            isKept: rates.loss < maxLoss)
        self.trials.append(
            Trial(
                hog: hog, visits: visits, before: rates.before, during: rates.during, after: rates.after,
                loss: rates.loss, checks: checks + [loss]))
    }

    /// Whether every bound was kept.
    public var isKept: Bool { self.trials.allSatisfy { $0.checks.allSatisfy(\.isKept) } }

    /// The table of the neighbour, then a line for each bound.
    public var text: String {
        func column(_ text: String, _ width: Int) -> String {
            text + String(repeating: " ", count: max(1, width - text.count))
        }
        var lines = [
            "neighbour, units of work a second (medians of windows of 100 ms)",
            column("hog", 10) + column("visits", 8) + column("before", 10) + column("during", 10) + column("after", 10)
                + "loss",
        ]
        for trial in self.trials {
            let rates = [trial.before, trial.during, trial.after].map { column("\(Int($0.rounded()))", 10) }.joined()
            lines.append(column(trial.hog, 10) + column("\(trial.visits)", 8) + rates + Self.percent(trial.loss))
        }
        lines.append("")
        for trial in self.trials {
            for check in trial.checks {
                let verdict = check.isKept ? "kept  " : "BROKEN"
                lines.append("\(verdict)  \(trial.hog): \(check.what): \(check.seen); bound: \(check.bound)")
            }
        }
        return lines.joined(separator: "\n")
    }

    /// A part of 1 for people.
    public static func percent(_ part: Double) -> String { "\((part * 1000).rounded() / 10) %" }
}
