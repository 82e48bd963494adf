public import Model
public import PaperWorkloads
internal import Simulator

/// A run that did not come to its end.
public struct ExperimentFailure: Error, CustomStringConvertible {
    /// What was the matter.
    public let description: String
}

/// A framework of the paper on the simulator.
private final class SimulatedFramework: FrameworkBehaviour {
    var framework: any PaperFramework
    private let start: Instant
    private unowned let cluster: SimulatedCluster
    var scheduler: SimulatedScheduler?

    init(_ framework: any PaperFramework, start: Instant, in cluster: SimulatedCluster) {
        self.framework = framework
        self.start = start
        self.cluster = cluster
    }

    private var now: Duration { self.cluster.now - self.start }

    func begin() {
        self.framework.wake(at: self.now)
        self.carryOut()
    }

    func offered(_ offer: Offer, to scheduler: SimulatedScheduler) -> OfferAnswer? {
        let plan = self.framework.answer(offer, at: self.now)
        var answer = OfferAnswer(refusal: plan.refusal)
        answer.tasks = plan.tasks.map { .running(for: $0.length, $0.id, $0.resources, on: offer) }
        self.carryOut()
        return answer
    }

    func updated(_ status: TaskStatus, of scheduler: SimulatedScheduler) {
        self.framework.updated(status, at: self.now)
        self.carryOut()
    }

    private func carryOut() {
        for order in self.framework.takeOrders() {
            switch order {
            case .suppress: self.scheduler?.suppress()
            case .revive: self.scheduler?.revive()
            case .kill(let task): self.scheduler?.kill(task)
            case .wake(let at):
                // Virtual time has whole nanoseconds: not before.
                self.cluster.schedule(after: max(.zero, at - self.now) + .nanoseconds(1)) { [unowned self] in
                    self.begin()
                }
            }
        }
    }
}

/// Frameworks that share one simulated cluster until all their jobs are over.
public struct SimulatedRun {
    /// Machines.
    public var agents: Int
    /// What each has.
    public var resources: Resources
    /// Of everything that is left to chance in the cluster itself.
    public var seed: UInt64
    /// Of the role that each framework has for itself, 1 for those that are not named; nil: all have one role.
    public var weights: [String: Double]?

    /// A cluster of so many machines.
    public init(agents: Int, resources: Resources, seed: UInt64, weights: [String: Double]? = nil) {
        self.agents = agents
        self.resources = resources
        self.seed = seed
        self.weights = weights
    }

    /// Runs them, with all cores and codecs on virtual time: one master, one allocator, two relays, and nothing goes wrong.
    ///
    /// - Returns: The frameworks as they are in the end.
    /// - Throws: `ExperimentFailure`: a task ended otherwise than it should, or not everything within `patience`.
    public func run(
        _ frameworks: [any PaperFramework], patience: Duration
    ) throws(ExperimentFailure) -> [any PaperFramework] {
        var settings = SimulationSettings.experiment
        settings.agents = self.agents
        settings.agentResources = self.resources
        if let weights {
            settings.master.policy.roles = frameworks.map { framework in
                var facts = RoleFacts(role: framework.account.name)
                facts.weight = weights[framework.account.name] ?? 1
                return facts
            }
        }
        let cluster = SimulatedCluster(settings: settings, seed: self.seed)
        defer { cluster.dismantle() }
        // By then everybody is registered.
        let lead = Duration.seconds(5)
        let behaviours = frameworks.map { SimulatedFramework($0, start: cluster.now + lead, in: cluster) }
        for behaviour in behaviours {
            let name = behaviour.framework.account.name
            cluster.add(name, role: self.weights == nil ? "*" : name, behaviour: behaviour)
            behaviour.scheduler = cluster.schedulers.last
            cluster.schedule(after: lead) { behaviour.begin() }
        }
        // Whether all is over is looked at now and then.
        var isOver = false
        func look() {
            isOver = behaviours.allSatisfy(\.framework.isDone)
            if !isOver { cluster.schedule(after: .milliseconds(100), look) }
        }
        cluster.schedule(after: lead, look)
        let hasEnded = cluster.run(until: { isOver }, patience: lead + patience)
        let problems = behaviours.flatMap(\.framework.account.problems)
        guard hasEnded, problems.isEmpty, cluster.violations.isEmpty else {
            let what = (problems.prefix(3) + cluster.violations.prefix(3)).joined(separator: "; ")
            throw ExperimentFailure(description: "seed \(self.seed): \(what) \(cluster.summary)")
        }
        return behaviours.map(\.framework)
    }
}
