public import Model

/// What a trial has shown.
public struct SharingReport: Sendable {
    /// A framework's part.
    public struct Row: Sendable {
        /// As it calls itself.
        public var name: String
        /// By the policy.
        public var weight: Double
        /// The part of the cluster that it is due.
        public var due: Double
        /// The part that its tasks held, on average over the window.
        public var seen: Double
        /// What became of its tasks.
        public var counts = GreedyFramework.Counts()
    }

    /// A kill.
    public struct Strike: Sendable {
        /// Since the trial began.
        public var at: Duration
        /// Numbers of allocators, and how long each stays away.
        public var victims: [(allocator: Int, away: Duration)]
        /// How many allocators it left.
        public var left: Int
    }

    /// The frameworks.
    public var rows: [Row] = []
    /// Everything that was killed.
    public var strikes: [Strike] = []
    /// The longest that something free that fits stood beside demand, between two looks at the most.
    public var longestFree: Duration = .zero
    /// The part of that in which an allocator lived: how long others take to take over, or one to start.
    public var longestNeglected: Duration = .zero
    /// As `longestFree`, of what no task uses: free, or in an offer that waits for its answer.
    public var longestUnused: Duration = .zero
    /// The part of the cluster that tasks held over the window.
    public var utilization = 0.0
    /// How often the books were read, and the longest time between two answers.
    public var readings: (count: Int, longestGap: Duration) = (0, .zero)
    /// How often agents were asked themselves what they run.
    public var agentReadings = 0
    /// What all agents have.
    public var total = Resources()
    /// What was free when the frameworks' tasks had ended; nil if it did not come so far.
    public var freeAtEnd: Resources?
    /// What a newcomer was offered then; nil if it did not come so far.
    public var offeredAtEnd: Resources?
    /// Shares over time, in seconds since the trial began.
    public var curve: [(seconds: Double, shares: [Double])] = []
    /// Bounds that were broken, and whatever else must not be.
    public var problems: [String] = []

    /// Of a trial that has not begun.
    public init() {}

    /// The figures that matter most, in a line.
    public var summary: String {
        let off = self.rows.map { abs($0.seen - $0.due) }.max() ?? 1
        return
            "  shares off by \(Self.fixed(off, 4)) at most, idle beside demand for \(Self.seconds(self.longestFree)) "
            + "(\(Self.seconds(self.longestNeglected)) while an allocator lived), "
            + "\(Self.fixed(100 * self.utilization, 2)) % in use, \(self.strikes.count) kills"
    }

    /// Everything, for people.
    public var text: String {
        var lines = ["framework     weight     due    seen  difference    tasks"]
        for row in self.rows {
            let parts = [row.due, row.seen, row.seen - row.due].map { Self.fixed($0, 4) }
            lines.append(
                Self.left(row.name, 14) + Self.right(Self.fixed(row.weight, 0), 6) + Self.right(parts[0], 8)
                    + Self.right(parts[1], 8) + Self.right(parts[2], 12) + Self.right("\(row.counts.launched)", 9))
        }
        lines.append("kills:")
        for strike in self.strikes {
            let victims = strike.victims.map { "allocator-\($0.allocator + 1) for \(Self.seconds($0.away))" }
            lines.append(
                "  at \(Self.seconds(strike.at)): \(victims.joined(separator: ", "))"
                    + (strike.left == 0 ? " (none was left)" : ""))
        }
        lines += [
            "tasks held \(Self.fixed(100 * self.utilization, 2)) % of the cluster over the window",
            "longest that demand stood beside something free that fits: \(Self.seconds(self.longestFree))",
            "longest that it did while an allocator lived, starting included: \(Self.seconds(self.longestNeglected))",
            "longest that it was not in use, answers of frameworks included: \(Self.seconds(self.longestUnused))",
            "books read \(self.readings.count) times, at most \(Self.seconds(self.readings.longestGap)) apart; "
                + "agents asked \(self.agentReadings) times",
            "at the end free: \(self.freeAtEnd.map(\.description) ?? "not reached") of \(self.total)",
            "then offered to a newcomer: \(self.offeredAtEnd.map(\.description) ?? "not reached")",
        ]
        lines += self.problems.isEmpty ? ["all bounds kept"] : self.problems.map { "BROKEN: \($0)" }
        return lines.joined(separator: "\n")
    }

    static func seconds(_ duration: Duration) -> String { Self.fixed(duration.asSeconds, 3) + " s" }

    /// Decimal, with so many digits after the point.
    static func fixed(_ value: Double, _ digits: Int) -> String {
        var unit: Int64 = 1
        for _ in 0..<digits { unit *= 10 }
        let scaled = Int64((abs(value) * Double(unit)).rounded())
        let sign = value < 0 && scaled != 0 ? "-" : ""
        guard digits > 0 else { return "\(sign)\(scaled)" }
        return "\(sign)\(scaled / unit).\(String(unit + scaled % unit).dropFirst())"
    }

    static func left(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
