import Model

// Revocation: a task that a framework above its guarantee gives back for one below, after a time to leave by itself.

extension MasterState.Cluster {
    func revoke(_ revocation: Revocation, by allocator: Row) {
        switch self.check(revocation, by: allocator) {
        case .failure(let refusal):
            self.observe(.revocationRefused(self.allocators[allocator].peer, reason: refusal.reason))
            self.send(
                .revocationRefused(proposal: revocation.proposal, message: refusal.reason), toAllocator: allocator)
        case .success(let entry): self.admit(entry)
        }
    }

    /// How many tasks are named in one answer.
    private static let revocableLimit = 1000

    /// Tells an allocator which tasks of a framework could be taken back on its agents, in the order in which they
    /// should be: those that are to end anyway first, then the lowest priority, then the youngest.
    ///
    /// - Complexity: O(t log t) in the framework's tasks.
    func tellRevocable(_ framework: Row, to allocator: Row) {
        guard let victim = self.frameworks.row(framework) else { return }
        let candidates = victim.tasks.filter { row in
            let task = self.tasks[row]
            return task.isOccupying && task.revocation == nil && task.kill?.endsExecutor != true && !task.isEnding
                && self.agents[task.agent].owner == allocator
        }
        // What has not run yet is youngest; the agent's number tells those apart that started in one instant.
        func age(_ row: Row) -> (Int, Int32, Double, UInt64) {
            let task = self.tasks[row]
            let started = task.started == 0 ? Double.infinity : task.started
            return (task.kill == nil ? 1 : 0, task.priority, -started, UInt64.max - (task.number ?? UInt64.max))
        }
        let ordered = candidates.sorted { age($0) < age($1) }.prefix(Self.revocableLimit)
        let tasks = ordered.map { row in
            let task = self.tasks[row]
            return RevocableTask(
                agent: task.agent, taskID: task.key.task, role: task.role, resources: task.resources,
                priority: task.priority)
        }
        self.send(.revocable(framework: framework, tasks), toAllocator: allocator)
    }

    private struct Refused: Error { var reason: String }

    private func check(_ revocation: Revocation, by allocator: Row) -> Result<RevocationEntry, Refused> {
        func refused(_ reason: String) -> Result<RevocationEntry, Refused> { .failure(Refused(reason: reason)) }
        guard let agent = self.agents.row(revocation.agent), !agent.isUnreachable else {
            return refused("no such agent")
        }
        if let problem = self.problem(withOwnership: revocation.ownership, of: agent, by: allocator) {
            return refused(problem)
        }
        guard let victim = self.frameworks.row(revocation.victim) else { return refused("no such victim") }
        guard let beneficiary = self.frameworks.row(revocation.beneficiary) else {
            return refused("no such beneficiary")
        }
        guard beneficiary.peer != nil else { return refused("the beneficiary has no scheduler") }
        guard let row = victim.taskIDs[revocation.taskID], self.tasks[row].agent == revocation.agent else {
            return refused("the victim has no such task on that agent")
        }
        let task = self.tasks[row]
        if !task.isOccupying { return refused("the task is over") }
        if task.revocation != nil { return refused("the task is being revoked already") }
        if task.isEnding { return refused("the task is being ended already") }
        let deserving = self.wantedRoles(of: revocation.beneficiary).lazy.compactMap { role in
            self.deservingAccount(of: revocation.beneficiary, role: role, against: task).map { (role, $0) }
        }.first
        guard let (role, account) = deserving else {
            return refused("neither the beneficiary nor a role of it has less than it is guaranteed")
        }
        let shared = self.accounts(of: revocation.beneficiary, role: role)
        if let poor = self.accountLeftShort(by: task, unless: shared, withPlans: true) {
            return refused("\(poor) would have less than it is guaranteed")
        }
        let grace = min(
            max(revocation.grace, self.settings.revocationGrace.lowerBound), self.settings.revocationGrace.upperBound)
        return .success(
            RevocationEntry(
                task: row, victim: revocation.victim, victimRole: task.role,
                purpose: .guarantee(beneficiary.id, account: account), resources: task.resources.summable,
                agentID: agent.id, deadline: self.now + grace, grace: grace))
    }

    /// The roles in which a framework would use more.
    private func wantedRoles(of framework: Row) -> [String] {
        let entry = self.frameworks[framework]
        return entry.info.roles.filter { !entry.suppressedRoles.contains($0) && !entry.idleRoles.contains($0) }
    }

    /// The first account of the beneficiary that lacks something of its guarantee, beyond what is being taken back for
    /// it, and that does not hold the task already; nil if there is none.
    private func deservingAccount(of framework: Row, role: String, against task: TaskEntry) -> String? {
        let holders = Set(self.accounts(of: task.framework, role: task.role))
        for account in self.accounts(of: framework, role: role) where !holders.contains(account) {
            var missing = account.deficit
            for serial in self.revocationOrder {
                guard let under = self.revocations[serial], case .guarantee(_, account.name) = under.purpose else {
                    continue
                }
                missing -= under.resources
            }
            if !missing.isEmpty { return account.name }
        }
        return nil
    }

    /// The first account that would have less than its guarantee without the task and all that was ordered to end; those
    /// that the beneficiary counts in too get it back at once.
    ///
    /// `withPlans`: and without all that is asked for, too.
    private func accountLeftShort(by task: TaskEntry, unless shared: [Account], withPlans: Bool) -> String? {
        for account in self.accounts(of: task.framework, role: task.role) where !shared.contains(account) {
            guard !account.guarantee.isEmpty else { continue }
            var rest = account.held - account.leaving
            if !task.isLeaving { rest -= task.resources.summable }
            for serial in withPlans ? self.revocationOrder : [] {
                guard let under = self.revocations[serial], !self.tasks[under.task].isLeaving else { continue }
                if self.accounts(of: under.victim, role: under.victimRole).contains(account) { rest -= under.resources }
            }
            if !rest.contains(account.guarantee) { return account.name }
        }
        return nil
    }

    /// Asks for a task back.
    func admit(_ entry: RevocationEntry) {
        self.lastOffer += 1
        let serial = self.lastOffer
        self.revocations[serial] = entry
        self.revocationOrder.append(serial)
        self.tasks[entry.task].revocation = serial
        self.observe(
            .revocationAdmitted(self.tasks[entry.task].key, reason: entry.purpose.reason, grace: entry.grace))
        if let peer = self.frameworks[entry.victim].peer {
            let offer = InverseOffer(
                id: self.offerID(serial), frameworkID: self.frameworks[entry.victim].id, agentID: entry.agentID,
                resources: self.tasks[entry.task].resources, start: entry.deadline)
            self.effects.append(.sendToScheduler(peer, .inverseOffers([offer])))
        }
        self.effects.append(.setTimer(.revocation(serial), at: entry.deadline))
    }

    /// The grace is over and the task still runs: it is killed, whatever its executor does.
    ///
    /// A task whose policy asks for a long farewell has no more than the revocation's grace once more.
    func carryOutRevocation(_ serial: UInt64) {
        guard let entry = self.revocations[serial], !entry.isKilling, entry.deadline <= self.now else { return }
        if let reason = self.whatMakesNeedless(entry) { return self.withdraw(serial, because: reason) }
        self.revocations[serial]?.isKilling = true
        self.kill(entry.task, grace: entry.grace, reason: entry.purpose.reason, endsExecutor: true)
    }

    /// Why a task should not be taken back any more; nil if it should.
    ///
    /// Much can have happened in its grace: tasks end by themselves, on both sides.
    private func whatMakesNeedless(_ entry: RevocationEntry) -> String? {
        guard case .guarantee(let id, let name) = entry.purpose else { return nil }
        guard let beneficiary = self.frameworkRows[id], self.frameworks[beneficiary].peer != nil else {
            return "the beneficiary has no scheduler"
        }
        let wanted = self.wantedRoles(of: beneficiary).lazy.map { self.accounts(of: beneficiary, role: $0) }
        guard let accounts = wanted.first(where: { $0.contains { $0.name == name } }),
            let account = accounts.first(where: { $0.name == name })
        else { return "nobody wants it" }
        var missing = account.deficit
        for serial in self.revocationOrder {
            guard let under = self.revocations[serial], under.isKilling, case .guarantee(_, name) = under.purpose else {
                continue
            }
            missing -= under.resources
        }
        if missing.isEmpty { return "\(name) has what it is guaranteed" }
        let task = self.tasks[entry.task]
        return self.accountLeftShort(by: task, unless: accounts, withPlans: false).map {
            "\($0) would have less than it is guaranteed"
        }
    }

    /// A task stays after all.
    private func withdraw(_ serial: UInt64, because reason: String) {
        guard let entry = self.revocations.removeValue(forKey: serial) else { return }
        self.revocationOrder.removeAll { $0 == serial }
        self.tasks[entry.task].revocation = nil
        self.observe(.revocationWithdrawn(self.tasks[entry.task].key, reason: reason))
        if let peer = self.frameworks[entry.victim].peer {
            self.effects.append(.sendToScheduler(peer, .rescindInverseOffer(self.offerID(serial))))
        }
    }

    /// The task is over: what was asked of its framework is settled.
    func revocationEnded(of task: Row) {
        guard let serial = self.tasks[task].revocation else { return }
        self.tasks[task].revocation = nil
        guard let entry = self.revocations.removeValue(forKey: serial) else { return }
        self.revocationOrder.removeAll { $0 == serial }
        self.effects.append(.cancelTimer(.revocation(serial)))
        if !entry.isKilling, let peer = self.frameworks[entry.victim].peer {
            self.effects.append(.sendToScheduler(peer, .rescindInverseOffer(self.offerID(serial))))
        }
    }

    /// A scheduler says whether it will leave.
    ///
    /// The time runs in either case.
    func answered(_ ids: [OfferID], accepted: Bool, by framework: Row) {
        let own = ids.filter { id in
            self.revocationOrder.contains { self.offerID($0) == id && self.revocations[$0]?.victim == framework }
        }
        if !own.isEmpty { self.observe(.inverseOfferAnswered(self.frameworks[framework].id, accepted: accepted)) }
    }
}
