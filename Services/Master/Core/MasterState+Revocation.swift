import Model

// Revocation: a task that a framework above its guarantee gives back for one below, after a time to leave by itself.

extension MasterState.Cluster {
    func revoke(_ revocation: Revocation, by allocator: Row) {
        switch self.check(revocation, by: allocator) {
        case .failure(let refusal):
            let peer = self.allocators[allocator].peer
            self.observe(.revocationRefused(peer, reason: refusal.reason))
            self.effects.append(
                .sendToAllocator(
                    peer, .revocationRefused(proposal: revocation.proposal, message: refusal.reason)))
        case .success(let entry): self.admit(entry)
        }
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
        // In the first of its roles that wants offers and has less than it is guaranteed.
        let deserving = beneficiary.info.roles.first {
            !beneficiary.suppressedRoles.contains($0) && $0 != task.role && !self.deficit(of: $0).isEmpty
        }
        guard let role = deserving else {
            return refused("no role of the beneficiary has less than it is guaranteed")
        }
        if !self.staysGuaranteed(task.role, without: task.resources.scalars) {
            return refused("role \(task.role) would have less than it is guaranteed")
        }
        let grace = min(
            max(revocation.grace, self.settings.revocationGrace.lowerBound), self.settings.revocationGrace.upperBound)
        return .success(
            RevocationEntry(
                task: row, victim: revocation.victim, victimRole: task.role, beneficiary: beneficiary.id,
                beneficiaryRole: role, resources: task.resources.scalars, agentID: agent.id,
                deadline: self.now + grace, grace: grace))
    }

    /// What a role lacks of its guarantee, beyond what is being taken back for it.
    private func deficit(of role: String) -> Resources {
        guard let guarantee = self.policies[role]?.guarantee.scalars else { return .init() }
        var missing = guarantee - (self.roleUse[role] ?? .init())
        for serial in self.revocationOrder {
            if let under = self.revocations[serial], under.beneficiaryRole == role { missing -= under.resources }
        }
        return missing
    }

    /// Whether a role has its guarantee when these resources and those under revocation are gone.
    private func staysGuaranteed(_ role: String, without resources: Resources) -> Bool {
        guard let guarantee = self.policies[role]?.guarantee.scalars, !guarantee.isEmpty else { return true }
        var rest = (self.roleUse[role] ?? .init()) - resources
        for serial in self.revocationOrder {
            if let under = self.revocations[serial], under.victimRole == role { rest -= under.resources }
        }
        return rest.contains(guarantee)
    }

    private func admit(_ entry: RevocationEntry) {
        self.lastOffer += 1
        let serial = self.lastOffer
        self.revocations[serial] = entry
        self.revocationOrder.append(serial)
        self.tasks[entry.task].revocation = serial
        self.observe(
            .revocationAdmitted(self.tasks[entry.task].key, beneficiary: entry.beneficiary, grace: entry.grace))
        if let peer = self.frameworks[entry.victim].peer {
            let offer = InverseOffer(
                id: self.offerID(serial), frameworkID: self.frameworks[entry.victim].id, agentID: entry.agentID,
                resources: self.tasks[entry.task].resources, start: entry.deadline)
            self.effects.append(.sendToScheduler(peer, .inverseOffers([offer])))
        }
        self.effects.append(.setTimer(.revocation(serial), at: entry.deadline))
    }

    /// The grace is over and the task still runs: it is killed.
    func carryOutRevocation(_ serial: UInt64) {
        guard let entry = self.revocations[serial], !entry.isKilling, entry.deadline <= self.now else { return }
        self.revocations[serial]?.isKilling = true
        self.kill(entry.task, grace: nil, reason: "revoked for framework \(entry.beneficiary)")
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
