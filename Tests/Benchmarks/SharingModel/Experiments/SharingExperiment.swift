internal import Model
internal import Simulator
internal import TestSupport

/// The model's numbers.
public struct SharingSetting: Sendable {
    /// Slots that the newcomer is entitled to: k; a multiple of `slotsPerAgent`.
    public var entitlement = 32
    /// The cluster has so many times as many slots; at least 2.
    public var crowd = 3
    /// How many slots one machine has.
    public var slotsPerAgent = 4
    /// The newcomer's job takes so many times the mean task when it has all its slots: beta; at least 1.
    public var work = 2.0
    /// The mean length of the others' tasks: T.
    public var mean = Duration.seconds(100)
    /// Into how many tasks an elastic job divides a slot's work for T.
    ///
    /// The model lets the last tasks of a job end together; with many small ones they nearly do.
    public var tasksPerMean = 10

    /// The defaults.
    public init() {}

    var slots: Int { self.entitlement * self.crowd }
    var grain: Duration { self.mean / self.tasksPerMean }
    var tasksOfJob: Int { Int((self.work * Double(self.entitlement * self.tasksPerMean)).rounded()) }

    /// What makes no sense, in words.
    public var problem: String? {
        if self.slotsPerAgent < 1 || self.entitlement < 1 || self.entitlement % self.slotsPerAgent != 0 {
            return "the entitlement must be whole agents of \(self.slotsPerAgent) slots"
        }
        if self.crowd < 2 { return "there must be others in the cluster: a crowd of at least 2" }
        if self.work < 1 { return "the work must be at least 1, or the job is over before all slots are there" }
        return self.tasksPerMean < 1 ? "an elastic job has at least one task in T" : nil
    }
}

/// Which slots the newcomer takes.
public enum Demand: String, CaseIterable, Sendable {
    /// These k and no others, as the model assumes: each has to become free.
    case certain
    /// The first k that become free in the cluster.
    case any
}

/// What one run showed; times in T.
struct SharingSample {
    var rampUp: Double
    var completion: Double
    /// Slot-time used, and what could have been.
    var used: Double
    var held: Double
}

/// A run that did not come to its end.
public struct ExperimentFailure: Error, CustomStringConvertible {
    /// What was the matter.
    public let description: String
}

/// A newcomer in a cluster that another framework has filled with tasks: section 4.2 of the paper.
struct SharingExperiment {
    var setting: SharingSetting
    var lengths: TaskLengths
    var isRigid: Bool
    var demand: Demand

    /// One run on virtual time, through all cores and their codecs.
    func run(seed: UInt64) throws -> SharingSample {
        let setting = self.setting
        var policy = ClusterPolicy()
        policy.roles = [Self.role("newcomer", 1), Self.role("others", Double(setting.crowd - 1))]
        let cluster = Self.cluster(slots: setting.slots, setting, policy, seed: seed)
        let others = Consumer(
            self.lengths, setting.mean, cut: setting.slots, random: SeededGenerator(key: [seed, 1, 0, 0]))
        let preferred = Set((1...setting.entitlement / setting.slotsPerAgent).map { "agent-\($0)" })
        let newcomer = Newcomer(setting, isRigid: self.isRigid, wanted: self.demand == .certain ? preferred : nil)
        // By then every slot runs a task that was not cut.
        let delay = setting.mean * 1.25
        let arrival = cluster.now + delay
        cluster.add("others", role: "others", behaviour: others)
        cluster.add("newcomer", role: "newcomer", behaviour: newcomer, after: delay)
        let isOver = cluster.run(until: { newcomer.isDone }, patience: setting.mean * (100 + setting.work))
        guard isOver, let rampedUp = newcomer.rampedUp, let completed = newcomer.completed else {
            throw ExperimentFailure(description: "seed \(seed): \(cluster.violations) \(cluster.summary)")
        }
        let mean = setting.mean.asSeconds
        var sample = SharingSample(
            rampUp: (rampedUp - arrival).asSeconds / mean, completion: (completed - arrival).asSeconds / mean,
            used: Double(setting.entitlement) * setting.work * mean, held: newcomer.held)
        // A rigid job wastes slots of its own; with elastic ones no slot of the cluster is to be idle.
        if !self.isRigid {
            sample.used =
                others.ledger.use(from: arrival, to: completed) + newcomer.ledger.use(from: arrival, to: completed)
            sample.held = Double(setting.slots) * (completed - arrival).asSeconds
        }
        return sample
    }

    static func role(_ name: String, _ weight: Double) -> RoleFacts {
        var facts = RoleFacts(role: name)
        facts.weight = weight
        return facts
    }

    /// One master, one allocator, two relays; nothing goes wrong.
    static func cluster(
        slots: Int, _ setting: SharingSetting, _ policy: ClusterPolicy, seed: UInt64
    ) -> SimulatedCluster {
        var settings = SimulationSettings.experiment
        settings.agents = slots / setting.slotsPerAgent
        settings.agentResources = Resources(
            milliCPU: slot.cpus * Int64(setting.slotsPerAgent), milliMB: 1_024_000 * Int64(setting.slotsPerAgent))
        settings.master.policy = policy
        return SimulatedCluster(settings: settings, seed: seed)
    }
}
