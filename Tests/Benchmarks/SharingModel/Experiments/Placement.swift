internal import Model
internal import Simulator
internal import TestSupport

/// How the slots are divided before frameworks get their preferences.
public enum PlacementStart: String, CaseIterable, Sendable {
    /// As fair sharing made it when nobody cared.
    case mixed
    /// Everybody has the slots that another will prefer.
    case rotated
}

extension SharingModel {
    /// Section 4.3, first case: a configuration exists in which each framework has all its preferred slots.
    ///
    /// Tasks are of constant length. The row is the slowest run: none may take longer than T.
    public static func convergence(
        _ setting: SharingSetting, from start: PlacementStart, runs: Int, seed: UInt64
    ) throws -> ModelRow {
        let times = try (0..<UInt64(runs)).map { try Self.convergence(setting, from: start, seed: seed + $0) }
        let slots = Double(setting.slots)
        return ModelRow(
            experiment: "placement, \(start.rawValue) start", quantity: "until all preferred, slowest run (T)",
            paper: 1,
            exact: slots / (slots + 1), measured: times.max() ?? .infinity, spread: times.spread, tolerance: 0.01,
            isBound: true, count: runs)
    }

    private static func convergence(
        _ setting: SharingSetting, from start: PlacementStart, seed: UInt64
    ) throws -> Double {
        let share = setting.entitlement / setting.slotsPerAgent
        let groups = (0..<setting.crowd).map { group in
            Set((1...share).map { "agent-\(group * share + $0)" })
        }
        var policy = ClusterPolicy()
        policy.roles = groups.indices.map { SharingExperiment.role("role-\($0)", 1) }
        let cluster = SharingExperiment.cluster(slots: setting.slots, setting, policy, seed: seed)
        let frameworks = groups.indices.map { index in
            Consumer(
                .constant, setting.mean, cut: setting.entitlement,
                wanted: start == .mixed ? nil : groups[(index + 1) % groups.count],
                random: SeededGenerator(key: [seed, UInt64(index), 1, 0]))
        }
        for (index, framework) in frameworks.enumerated() {
            cluster.add("framework-\(index)", role: "role-\(index)", behaviour: framework)
        }
        let delay = setting.mean * 1.25
        let change = cluster.now + delay
        cluster.schedule(after: delay) {
            for (index, framework) in frameworks.enumerated() {
                framework.prefer(groups[index], demand: setting.entitlement, cluster.schedulers[index])
            }
        }
        let isOver = cluster.run(
            until: { frameworks.allSatisfy { $0.satisfied != nil } }, patience: setting.mean * 20)
        guard isOver, let last = frameworks.compactMap(\.satisfied).max() else {
            throw ExperimentFailure(description: "seed \(seed): \(cluster.violations) \(cluster.summary)")
        }
        return (last - change).asSeconds / setting.mean.asSeconds
    }

    /// Section 4.3, second case: more preferred slots are wanted than there are, and a lottery divides them by weight.
    ///
    /// One framework more takes part in the lottery and declines the preferred slots.
    public static func contention(_ setting: SharingSetting, grants: Int, seed: UInt64) throws -> [ModelRow] {
        let weights = [1.0, 2, 3]
        let preferredAgents = setting.entitlement / setting.slotsPerAgent
        let preferred = Set((1...preferredAgents).map { "agent-\($0)" })
        let others = Set((1...preferredAgents).map { "agent-\(preferredAgents + $0)" })
        var policy = ClusterPolicy()
        policy.sharing = .lottery
        policy.roles = (weights + [4]).enumerated().map { SharingExperiment.role("role-\($0.offset)", $0.element) }
        let cluster = SharingExperiment.cluster(slots: 2 * setting.entitlement, setting, policy, seed: seed)
        let frameworks = (weights + [4]).indices.map { index in
            Consumer(
                .exponential, setting.mean, cut: 0, wanted: index < weights.count ? preferred : others,
                random: SeededGenerator(key: [seed, UInt64(index), 2, 0]))
        }
        for (index, framework) in frameworks.enumerated() {
            cluster.add("framework-\(index)", role: "role-\(index)", behaviour: framework)
        }
        // At first whole machines are given away; from then on single slots.
        var before: [Int] = []
        var from = cluster.now
        cluster.schedule(after: setting.mean * 3) {
            before = frameworks.map(\.launched)
            from = cluster.now
        }
        func drawn() -> [Int] { zip(frameworks, before).prefix(weights.count).map { $0.launched - $1 } }
        let isOver = cluster.run(
            until: { !before.isEmpty && drawn().reduce(0, +) >= grants }, patience: never)
        guard isOver else { throw ExperimentFailure(description: "lottery: \(cluster.violations) \(cluster.summary)") }
        let counts = drawn().map(Double.init)
        let times = frameworks.prefix(weights.count).map { $0.ledger.use(from: from, to: cluster.now) }
        return weights.indices.flatMap { index in
            let share = weights[index] / weights.reduce(0, +)
            let deviation = (share * (1 - share) / Double(grants)).squareRoot()
            func row(_ quantity: String, _ values: [Double], _ deviation: Double) -> ModelRow {
                ModelRow(
                    experiment: "lottery, weight \(Int(weights[index])) of 6", quantity: quantity, paper: share,
                    exact: share, measured: values[index] / values.reduce(0, +), spread: deviation,
                    tolerance: deviations * deviation, count: grants)
            }
            // Slot-time varies with the lengths of tasks, too, which vary as much as they are long.
            return [
                row("of preferred slots drawn", counts, deviation),
                row("of preferred slot-time", times, deviation * 2.0.squareRoot()),
            ]
        }
    }
}
