internal import Foundation
internal import Model
public import PaperWorkloads

/// One seed: the mix on the shared cluster, and on four partitions.
public struct SharingOutcome: Sendable {
    /// What all chance was drawn from.
    public var seed: UInt64
    /// In the order of `WorkloadMix.names`.
    public var shared: [FrameworkAccount]
    /// In the order of `WorkloadMix.names`, each alone on a quarter.
    public var dedicated: [FrameworkAccount]
    /// Of the whole cluster.
    public var cpus: Double
    /// Of the whole cluster, in MB.
    public var memory: Double

    /// What was seen, however it was run.
    public init(seed: UInt64, mix: WorkloadMix, shared: [FrameworkAccount], dedicated: [FrameworkAccount]) {
        self.seed = seed
        self.shared = shared
        self.dedicated = dedicated
        let resources = mix.agentResources.value
        self.cpus = Double(resources.cpus) / 1000 * Double(mix.agents)
        self.memory = Double(resources.mem) / 1000 * Double(mix.agents)
    }

    /// The mix of a seed, simulated; the weights are of the shared cluster.
    public static func simulated(
        _ mix: WorkloadMix, seed: UInt64, weights: [String: Double]? = nil
    ) throws(ExperimentFailure) -> SharingOutcome {
        var dedicated: [FrameworkAccount] = []
        for name in WorkloadMix.names { dedicated.append(try Self.alone(name, mix, seed: seed)) }
        let cluster = SimulatedRun(
            agents: mix.agents, resources: mix.agentResources.value, seed: seed, weights: weights)
        let shared = try cluster.run(
            WorkloadMix.names.map { mix.framework($0, seed: seed) }, patience: Self.patience)
        return SharingOutcome(seed: seed, mix: mix, shared: shared.map(\.account), dedicated: dedicated)
    }

    /// One framework of it on its partition.
    public static func alone(
        _ name: String, _ mix: WorkloadMix, seed: UInt64
    ) throws(ExperimentFailure) -> FrameworkAccount {
        try SimulatedRun(agents: mix.agents / 4, resources: mix.agentResources.value, seed: seed)
            .run([mix.framework(name, seed: seed)], patience: Self.patience)[0].account
    }

    /// Of virtual time; the paper's longest took 3200 s.
    private static let patience = Duration.seconds(50_000)

    /// Sums of the times of all jobs, in seconds.
    public static func sum(_ account: FrameworkAccount) -> Double { account.jobs.compactMap(\.seconds).reduce(0, +) }

    /// For each framework, the sum of the times of its jobs, dedicated by shared.
    public var speedups: [Double] { zip(self.dedicated, self.shared).map { Self.sum($0) / Self.sum($1) } }

    /// The mean time of the jobs of a kind, in seconds.
    public static func mean(of kind: String, in accounts: [FrameworkAccount]) -> Double {
        let times = accounts.flatMap(\.jobs).filter { $0.kind == kind }.compactMap(\.seconds)
        return times.reduce(0, +) / Double(max(1, times.count))
    }

    /// What is allocated of the shared cluster.
    public var sharedSeries: AllocationSeries { self.series(self.shared) }
    /// What is allocated of the partitions, together.
    public var dedicatedSeries: AllocationSeries { self.series(self.dedicated) }

    /// What these have of the whole cluster.
    public func series(_ accounts: [FrameworkAccount]) -> AllocationSeries {
        AllocationSeries(accounts, cpus: self.cpus, memory: self.memory)
    }

    /// Means until the shared cluster is done.
    public var allocation: (shared: (cpus: Double, memory: Double), dedicated: (cpus: Double, memory: Double)) {
        let shared = self.sharedSeries
        return (shared.mean(from: 0, to: shared.end), self.dedicatedSeries.mean(from: 0, to: shared.end))
    }

    /// The mean part of the processors of the shared cluster that is allocated until a framework is done; 0 if it never is.
    public func load(until name: String) -> Double {
        guard let account = self.shared.first(where: { $0.name == name }),
            let end = account.jobs.compactMap(\.finished).max()
        else { return 0 }
        return self.sharedSeries.mean(from: 0, to: end).cpus
    }

    /// By which part more is allocated of the shared cluster than of the partitions, until the shared cluster is done.
    public var gain: (cpus: Double, memory: Double) {
        let (shared, dedicated) = self.allocation
        return (shared.cpus / dedicated.cpus - 1, shared.memory / dedicated.memory - 1)
    }
}
