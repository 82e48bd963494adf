import Model

// Guarantees that are not met because others hold what they would be met with: after a time, tasks of others are taken
// back (section 3.4 of the paper).
//
// While nobody lacks a guarantee this costs nothing. Who does waits, since tasks end by themselves; then the frameworks that
// hold most are asked for, one after the other, which of their tasks could go, and as many are proposed as make up for what
// is missing. The master checks each: nobody falls below a guarantee, and nothing is taken twice for one lack.

/// Who waits for a guarantee, and what is being done about it.
struct GuaranteeWaits {
    /// Those that lack something, since when, or since something was last done about it.
    ///
    /// Few, so a list.
    var since: [(claimant: UInt32, since: Instant)] = []
    /// The master was asked for the tasks of a framework.
    var inquiry: Inquiry?
    /// When the timer fires; nil: it is not set.
    var timer: Instant?

    struct Inquiry {
        let claimant: UInt32
        /// What is to be taken back still.
        var missing: Resources
        /// The framework whose tasks were asked for.
        var victim: UInt32
        /// Those to ask next, the last first.
        var others: [UInt32]
    }
}

extension AllocatorState {
    /// Looks who lacks a guarantee now, and sets the timer for the one that has waited longest.
    mutating func updateWaits(at now: Instant, into effects: inout [Effect]) {
        guard let patience = self.revocation.wait, !self.tree.unmet.isEmpty else {
            return self.endWaits(into: &effects)
        }
        let before = self.waits.since
        self.waits.since = self.tree.belowGuarantee().filter { !self.missing(of: $0).isEmpty && self.wants($0) != nil }
            .map { claimant in (claimant, before.first { $0.claimant == claimant }?.since ?? now) }
        guard let first = self.waits.since.map(\.since).min() else { return self.endWaits(into: &effects) }
        let due = max(first + patience, now)
        guard self.waits.timer != due else { return }
        self.waits.timer = due
        effects.append(.setTimer(.revocation, at: due))
    }

    private mutating func endWaits(into effects: inout [Effect]) {
        if self.waits.timer != nil { effects.append(.cancelTimer(.revocation)) }
        self.waits = GuaranteeWaits()
    }

    /// Somebody has waited long enough: asks for the tasks of who holds most.
    mutating func waitEnded(at now: Instant, into effects: inout [Effect]) {
        self.waits.timer = nil
        guard self.isSynced, let patience = self.revocation.wait else { return }
        let overdue = self.waits.since.first { $0.since + patience <= now }
        // Whatever comes of it, the next time is after the tasks have had their grace.
        for index in self.waits.since.indices where self.waits.since[index].claimant == overdue?.claimant {
            self.waits.since[index].since = now + self.revocation.grace
        }
        if let claimant = overdue?.claimant, self.tree.isGuaranteed(claimant), self.wants(claimant) != nil {
            let missing = self.missing(of: claimant)
            let victims = self.victims(of: claimant, missing)
            if !missing.isEmpty, let first = victims.first {
                self.waits.inquiry = .init(
                    claimant: claimant, missing: missing, victim: first, others: victims.dropFirst().reversed())
                self.ask(for: first, into: &effects)
            }
        }
        self.updateWaits(at: now, into: &effects)
    }

    private func ask(for framework: UInt32, into effects: inout [Effect]) {
        if let link = self.link { effects.append(.propose(link.peer, .tasksWanted(framework: framework))) }
    }

    /// The master names the tasks of a framework that could be taken back, in the order in which they should be.
    mutating func revocable(_ framework: UInt32, _ tasks: [RevocableTask], into effects: inout [Effect]) {
        guard var inquiry = self.waits.inquiry, inquiry.victim == framework, let link = self.link,
            let (beneficiary, client) = self.wants(inquiry.claimant)
        else { return }
        for task in tasks where !inquiry.missing.isEmpty {
            guard inquiry.missing.overlaps(task.resources), self.knows(agent: task.agent),
                self.agents[Int(task.agent)].isOwned, self.canUse(task.agent, client)
            else { continue }
            inquiry.missing -= task.resources.scalars
            let number = self.nextProposal
            self.nextProposal += 1
            self.counters.revocations += 1
            effects.append(
                .propose(
                    link.peer,
                    .revocation(
                        Revocation(
                            proposal: number, agent: task.agent, ownership: self.agents[Int(task.agent)].ownership,
                            victim: framework, taskID: task.taskID, beneficiary: beneficiary,
                            grace: self.revocation.grace))))
        }
        guard !inquiry.missing.isEmpty, let next = inquiry.others.popLast() else { return self.waits.inquiry = nil }
        inquiry.victim = next
        self.waits.inquiry = inquiry
        self.ask(for: next, into: &effects)
    }

    /// A framework wants more in a role, or declined what it lacks of a guarantee and has asked for nothing since.
    mutating func demand(of framework: UInt32, in role: String, is isWanting: Bool) {
        guard let client = self.client(of: framework, in: role) else { return }
        self.clients[Int(client)]!.isIdle = !isWanting
    }

    // MARK: Who wants, who gives

    /// What a role or framework lacks, beyond what is free: that it can be offered.
    private func missing(of claimant: UInt32) -> Resources { self.tree.deficit(of: claimant) - self.free.ofAll }

    /// A framework that would use what a claimant lacks, by its client; nil if nobody would.
    private func wants(_ claimant: UInt32) -> (framework: UInt32, client: UInt32)? {
        for index in self.clients.indices {
            guard let client = self.clients[index], !client.isIdle, self.tree[UInt32(index)].isListed,
                self.tree.counts(UInt32(index), in: claimant)
            else { continue }
            return (client.framework, UInt32(index))
        }
        return nil
    }

    /// The frameworks that hold some of what is missing and not for the claimant: the lowest priority first, then the
    /// largest share by weight.
    private func victims(of claimant: UInt32, _ missing: Resources) -> [UInt32] {
        var shares: [UInt32: (priority: Int32, share: Double)] = [:]
        for index in self.clients.indices {
            guard let client = self.clients[index], !self.tree.counts(UInt32(index), in: claimant) else { continue }
            let contender = self.tree[UInt32(index)]
            guard missing.overlaps(contender.held) else { continue }
            let share = self.tree.dominantShare(contender.held) / contender.standing.weight
            let sum = (shares[client.framework]?.share ?? 0) + share
            shares[client.framework] = (contender.standing.priority, sum)
        }
        return shares.sorted { left, right in
            (left.value.priority, -left.value.share, left.key) < (right.value.priority, -right.value.share, right.key)
        }.map(\.key)
    }

    /// Whether a client's framework takes offers of an agent.
    private func canUse(_ agent: UInt32, _ client: UInt32) -> Bool {
        guard let entry = self.clients[Int(client)], let profile = self.profiles[Int(agent)] else { return false }
        let constraints = self.frameworks[Int(entry.framework)]?.constraints[entry.roleName]
        return constraints?.admits(attributes: profile.attributes, hostname: profile.hostname) ?? true
    }
}

extension RoleTree {
    /// Whether what a client holds counts for the guarantee of a role, or of a framework by its primary client.
    func counts(_ client: UInt32, in claimant: UInt32) -> Bool {
        if !self[claimant].isRole { return self.claims[Int(client)].primary == claimant }
        var id = client
        while id != Self.root {
            id = self[id].parent
            if id == claimant { return true }
        }
        return false
    }

    /// Whether anything is guaranteed to it.
    func isGuaranteed(_ contender: UInt32) -> Bool { self.guaranteed.contains(contender) }
}
