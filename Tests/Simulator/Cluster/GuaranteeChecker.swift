internal import MasterCore
internal import Model

/// Watches every step of a revocation: that it has a reason, and that nobody falls below a guarantee by it.
///
/// It counts for itself, from what masters hold and from the orders that reached agents; so it sees, too, what a master
/// forgets that takes over from another one.
final class GuaranteeChecker {
    private unowned let cluster: SimulatedCluster
    /// Tasks that agents were ordered to end, by whatever master.
    private var doomed: Set<TaskKey> = []
    /// The same by the present leader, whether the orders have arrived or not.
    private var ordered: Set<TaskKey> = []
    /// Asked for by the present leader, by task.
    private var pending: [TaskKey: FrameworkID] = [:]
    /// How many tasks were asked for.
    private(set) var admitted = 0
    /// How many were ordered to end.
    private(set) var carriedOut = 0

    init(_ cluster: SimulatedCluster) { self.cluster = cluster }

    func masterElected() {
        self.ordered = []
        self.pending = [:]
    }

    /// An agent has the order.
    func ordered(_ key: TaskKey) { self.doomed.insert(key) }

    func observed(_ fact: MasterFact, by master: SimulatedMaster) {
        switch fact {
        case .revocationAdmitted(let key, let reason, _):
            guard let beneficiary = Self.beneficiary(reason) else { return }
            self.admitted += 1
            self.checkNeed(of: beneficiary, key, master)
            self.pending[key] = beneficiary
        case .revocationWithdrawn(let key, _): self.pending[key] = nil
        case .killOrdered(let key, let reason):
            guard Self.beneficiary(reason) != nil else { return }
            self.carriedOut += 1
            self.ordered.insert(key)
            self.checkVictim(of: key, master)
        default: break
        }
    }

    private static func beneficiary(_ reason: String) -> FrameworkID? {
        let prefix = "revoked for framework "
        return reason.hasPrefix(prefix) ? FrameworkID(String(reason.dropFirst(prefix.count))) : nil
    }

    private func scheduler(_ id: FrameworkID) -> SimulatedScheduler? {
        self.cluster.schedulers.first { $0.frameworkID == id }
    }

    /// What is guaranteed to a framework itself, and to its role.
    private func guarantees(of scheduler: SimulatedScheduler) -> (own: Resources?, role: Resources?) {
        let policy = self.cluster.settings.master.policy
        return (
            policy.frameworks.first { $0.framework == scheduler.name }?.guarantee,
            policy.roles.first { $0.role == scheduler.role }?.guarantee
        )
    }

    private func held(
        _ holdings: [FrameworkID: [String: Resources]], by scheduler: SimulatedScheduler
    ) -> (own: Resources, role: Resources) {
        let own = scheduler.frameworkID.flatMap { holdings[$0] } ?? [:]
        let role = holdings.values.reduce(Resources()) { $0 + ($1[scheduler.role] ?? .init()) }
        return (own.values.reduce(Resources(), +), role)
    }

    /// The victim keeps its guarantee, whatever else was ordered; unless the beneficiary is of the same role, which then
    /// loses nothing.
    private func checkVictim(of key: TaskKey, _ master: SimulatedMaster) {
        guard let victim = self.scheduler(key.framework) else { return }
        let rest = self.held(master.holdings(without: self.doomed.union(self.ordered)), by: victim)
        let (own, role) = self.guarantees(of: victim)
        if let own, !rest.own.contains(own) {
            self.cluster.check(victim.name, ["left with \(rest.own) of \(own) without \(key)"])
        }
        let isShared = self.pending[key].flatMap { self.scheduler($0) }?.role == victim.role
        if let role, !isShared, !rest.role.contains(role) {
            self.cluster.check(victim.role, ["left with \(rest.role) of \(role) without \(key)"])
        }
    }

    /// The beneficiary wants something, and lacks more than is under way to it.
    private func checkNeed(of id: FrameworkID, _ key: TaskKey, _ master: SimulatedMaster) {
        guard let scheduler = self.scheduler(id) else {
            return self.cluster.check(master.name, ["\(key) is taken back for \(id), which nobody knows"])
        }
        if !scheduler.wantsMore, let wanting = scheduler.lastWanting, self.cluster.queue.now - wanting > .seconds(5) {
            self.cluster.check(scheduler.name, ["\(key) is taken back for it, and it wants nothing"])
        }
        let holdings = master.holdings()
        let held = self.held(holdings, by: scheduler)
        let (own, role) = self.guarantees(of: scheduler)
        var missing = (own ?? .init()) - held.own
        if role == nil {
            let others = self.pending.filter { $0.value == id }.keys
            for other in others {
                let with = holdings[other.framework] ?? [:]
                let without = master.holdings(without: [other])[other.framework] ?? [:]
                missing -= with.values.reduce(Resources(), +) - without.values.reduce(Resources(), +)
            }
        }
        let lacks = !missing.isEmpty || !((role ?? .init()) - held.role).isEmpty
        if !lacks {
            self.cluster.check(scheduler.name, ["\(key) is taken back for it, and it lacks nothing"])
        }
    }
}
