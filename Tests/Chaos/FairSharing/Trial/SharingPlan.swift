public import Model

/// What a trial of fair sharing consists of, and what it has to show.
public struct SharingPlan: Sendable {
    /// Of the frameworks, one for each; each is due its part of the sum.
    public var weights: [Double] = [1, 2, 3, 4, 5]
    /// How many agents there are.
    public var agents = 15
    /// How many tasks fit on an agent at once.
    public var slotsPerAgent = 100
    /// What each task takes, and all that agents have.
    public var slot: Resources = "cpus:0.1"
    /// How many allocators divide the agents.
    public var allocators = 3
    /// How long each task runs, in milliseconds.
    public var taskMilliseconds: ClosedRange<Int64> = 5_000...15_000
    /// How long allocators are killed.
    public var duration: Duration = .seconds(120)
    /// The last part of that, over which shares are averaged.
    public var window: Duration = .seconds(60)
    /// From one kill to the next, in milliseconds.
    public var calmMilliseconds: ClosedRange<Int64> = 500...5_000
    /// How long a killed allocator stays away, in milliseconds.
    public var outageMilliseconds: ClosedRange<Int64> = 100...5_000
    /// One in so many kills takes all allocators at once.
    public var allAtOnceOneIn = 4
    /// If a kill leaves no allocator, one is back within so many milliseconds.
    public var blackoutMilliseconds: ClosedRange<Int64> = 50...500
    /// How often the master's books are read.
    public var readingInterval: Duration = .milliseconds(50)
    /// How far a framework's average share may be from what it is due, as a part of the cluster.
    public var tolerance = 0.02
    /// How long something free that fits may stand beside frameworks that want it.
    public var idleBound: Duration = .seconds(1)
    /// What chance is drawn from.
    public var seed: UInt64

    /// Five frameworks, 1,500 slots, two minutes.
    public init(seed: UInt64) { self.seed = seed }

    /// What an agent has.
    public var agentResources: Resources { Resources(milliCPU: self.slot.cpus * Int64(self.slotsPerAgent)) }

    /// What the frameworks call themselves.
    public var frameworkNames: [String] { self.weights.indices.map { "framework-\($0 + 1)" } }

    /// What the newcomer calls itself that is offered everything at the end.
    public static let newcomerName = "newcomer"

    /// The parts of the cluster that the frameworks are due.
    public var dueShares: [Double] {
        let sum = self.weights.reduce(0, +)
        return self.weights.map { $0 / sum }
    }

    /// The weights as a policy.
    public var policy: ClusterPolicy {
        var policy = ClusterPolicy()
        policy.frameworks = zip(self.frameworkNames, self.weights).map { name, weight in
            var rule = FrameworkRule(framework: name)
            rule.weight = weight
            return rule
        }
        return policy
    }
}
