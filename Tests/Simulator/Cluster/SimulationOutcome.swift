/// What came of one seed.
public struct SimulationOutcome: Sendable {
    /// The seed.
    public var seed: UInt64
    /// What the checkers found; empty if every promise was kept.
    public var violations: [String]
    /// How many events there were.
    public var events: Int
    /// By `Coverage.Event`.
    public var coverage: [Int]
    /// Which faults there were.
    public var faults: [Fault]

    /// Runs a scenario from a seed.
    ///
    /// - Parameters:
    ///   - isKept: Says of each fault by its number whether it happens; by default all do.
    ///   - tracer: Told every event and effect.
    ///   - leastEvents: In place of what the scenario says.
    public static func run(
        _ scenario: Scenario, seed: UInt64, tracer: ((String) -> Void)? = nil, leastEvents: Int? = nil,
        isKept: @escaping (Int) -> Bool = { _ in true }
    ) -> SimulationOutcome {
        var settings = scenario.settings(seed: seed)
        settings.leastEvents = leastEvents ?? settings.leastEvents
        let cluster = SimulatedCluster(settings: settings, seed: seed)
        cluster.keep(isKept)
        cluster.tracer = tracer
        _ = cluster.run()
        defer { cluster.dismantle() }
        return SimulationOutcome(
            seed: seed, violations: cluster.violations, events: cluster.events, coverage: cluster.coverage.all,
            faults: cluster.plan)
    }

    /// Leaves out faults as long as something is still violated: halves, quarters, and so on down to single ones.
    public func shrunk(_ scenario: Scenario, leastEvents: Int? = nil) -> SimulationOutcome {
        var kept = Array(self.faults.indices)
        var best = self
        var size = max(1, kept.count / 2)
        while true {
            var start = 0
            while start < kept.count {
                let rest = Set<Int>(Array(kept[..<start]) + Array(kept[min(start + size, kept.count)...]))
                let outcome = Self.run(
                    scenario, seed: self.seed, leastEvents: leastEvents, isKept: { rest.contains($0) })
                if outcome.violations.isEmpty {
                    start += size
                } else {
                    best = outcome
                    kept = rest.sorted()
                }
            }
            if size == 1 { return best }
            size /= 2
        }
    }
}
