import Model

// Which agents are looked at, and who is given what.

extension AllocatorState {
    // MARK: What to look at

    /// Something of an agent changed: it is looked at in the next turn, if there is anything to give.
    mutating func look(at agent: UInt32) {
        guard self.noteCandidate(agent), !self.agents[Int(agent)].isDirty else { return }
        self.agents[Int(agent)].isDirty = true
        self.dirty.append(agent)
    }

    /// Somebody came or woke up: every agent that has something free is looked at once more, in as many turns as it takes.
    mutating func lookAtAll() {
        self.sweepLeft = self.agents.count
    }

    /// Keeps the set of agents of which something can be proposed, and says whether this one is in it.
    @discardableResult
    mutating func noteCandidate(_ agent: UInt32) -> Bool {
        let isCandidate = self.knows(agent: agent) && !self.available(of: agent).isEmpty
        if self.candidates[agent] != isCandidate { self.candidates[agent] = isCandidate }
        return isCandidate
    }

    /// What can be proposed of an agent.
    func available(of agent: UInt32) -> Resources {
        let row = Int(agent)
        guard self.agents[row].isOwned, self.agents[row].isActive else { return .init() }
        var available = self.agents[row].free
        self.proposals.subtract(from: &available, startingAt: self.agents[row].firstProposal)
        return available
    }

    /// One turn: agents that changed first, then the next of all that have something free.
    ///
    /// A quarter of the turn belongs to the latter, so that a busy cluster does not keep newcomers from what lies idle.
    mutating func allocate(at now: Instant, into effects: inout [Effect]) {
        guard self.isSynced else { return }
        self.counters.turns += 1
        let budget = self.settings.looksPerTurn
        var looks = 0
        let share = self.sweepLeft > 0 ? budget - budget / 4 : budget
        while self.dirtyHead < self.dirty.count, looks < share {
            let agent = self.dirty[self.dirtyHead]
            self.dirtyHead += 1
            guard self.knows(agent: agent), self.agents[Int(agent)].isDirty else { continue }
            self.agents[Int(agent)].isDirty = false
            looks += self.decide(agent, at: now, into: &effects)
        }
        if self.dirtyHead == self.dirty.count {
            self.dirty.removeAll(keepingCapacity: self.dirty.count < 4096)
            self.dirtyHead = 0
        } else if self.dirtyHead > 4096, self.dirtyHead * 2 > self.dirty.count {
            self.dirty.removeSubrange(..<self.dirtyHead)
            self.dirtyHead = 0
        }
        while self.sweepLeft > 0, looks < budget {
            guard let agent = self.nextOfSweep() else { break }
            looks += self.decide(agent, at: now, into: &effects)
        }
        self.counters.looks += UInt64(looks)
        guard self.hasWork, !self.isBatchTimerSet else { return }
        self.isBatchTimerSet = true
        effects.append(.setTimer(.batch, at: now))
    }

    /// The next candidate of the walk through all agents, which goes in a circle from where it was.
    private mutating func nextOfSweep() -> UInt32? {
        while self.sweepLeft > 0 {
            guard let agent = self.candidates.next(from: self.sweepCursor) else {
                if self.sweepCursor == 0 { break }
                self.sweepLeft -= self.agents.count - Int(self.sweepCursor)
                self.sweepCursor = 0
                continue
            }
            self.sweepLeft -= Int(agent - self.sweepCursor) + 1
            self.sweepCursor = agent + 1
            return agent
        }
        self.sweepLeft = 0
        return nil
    }

    // MARK: Who is given it

    /// Gives what an agent has free to the client that the policy prefers among those that want it, if there is one.
    ///
    /// Returns how many clients were looked at, at least 1.
    private mutating func decide(_ agent: UInt32, at now: Instant, into effects: inout [Effect]) -> Int {
        self.counters.decisions += 1
        guard self.knows(agent: agent) else { return 1 }
        let available = self.available(of: agent)
        guard !available.isEmpty else { return 1 }
        self.kinds.admitted(available, into: &self.tree.walk.kinds)
        guard !self.tree.walk.kinds.isEmpty else { return 1 }
        self.tree.settle()
        for client in self.agents[Int(agent)].declined { self.passedOver[Int(client)] = self.counters.decisions }
        var looks = 1
        var chosen = self.choose(available, of: agent, at: now, &looks)
        if chosen == nil, !self.agents[Int(agent)].declined.isEmpty {
            // All have had it: the next round begins.
            for client in self.agents[Int(agent)].declined { self.passedOver[Int(client)] = 0 }
            self.agents[Int(agent)].declined.removeAll(keepingCapacity: true)
            chosen = self.choose(available, of: agent, at: now, &looks)
        }
        if let chosen { self.propose(available, of: agent, to: chosen, into: &effects) }
        return looks
    }

    /// The first in the policy's order that can be offered this.
    private mutating func choose(
        _ resources: Resources, of agent: UInt32, at now: Instant, _ looks: inout Int
    ) -> UInt32? {
        self.tree.startWalk()
        while let client = self.tree.nextClient() {
            looks += 1
            if self.passedOver[Int(client)] == self.counters.decisions { continue }
            if !self.refusals.blocks(resources, of: agent, for: client, at: now) { return client }
        }
        return nil
    }

    private mutating func propose(
        _ resources: Resources, of agent: UInt32, to client: UInt32, into effects: inout [Effect]
    ) {
        guard let link = self.link, let entry = self.clients[Int(client)],
            let ownership = self.profiles[Int(agent)]?.ownership
        else { return }
        let number = self.nextProposal
        self.nextProposal += 1
        self.proposals.append(
            ProposalTable.Proposal(
                number: number, client: client, serial: entry.serial, framework: entry.framework,
                roleName: entry.roleName, resources: resources, madeAfter: self.messages),
            to: &self.agents[Int(agent)].firstProposal)
        self.tree.hold(resources.scalars, by: client)
        self.tree.served(client)
        self.noteCandidate(agent)
        self.counters.proposals += 1
        let holding = AgentHolding(
            agent: agent, framework: entry.framework, role: entry.roleName, resources: resources)
        effects.append(
            .propose(link.peer, .allocation(Allocation(proposal: number, ownership: ownership, holding: holding))))
    }

    /// The master did not book a proposal, and says what is free.
    mutating func allocationRefused(
        _ number: UInt64, of agent: UInt32, free: Resources, message: String, at now: Instant,
        into effects: inout [Effect]
    ) {
        guard self.knows(agent: agent),
            let proposal = self.proposals.take(numbered: number, from: &self.agents[Int(agent)].firstProposal)
        else { return }
        self.agents[Int(agent)].free = free
        self.counters.refusals += 1
        self.look(at: agent)
        guard let client = self.clients[safe: proposal.client], client.serial == proposal.serial else { return }
        self.tree.release(proposal.resources.scalars, by: proposal.client)
        if let framework = self.frameworks[safe: client.framework], let id = self.profiles[Int(agent)]?.id {
            effects.append(.observe(.allocationRefused(id, framework.id, proposal.resources, message: message)))
        }
        // If nothing that was told meanwhile explains it, a rule does that only the master knows, and it would say the same
        // again at once.
        let isExplained = max(self.agents[Int(agent)].changed, client.changed) > proposal.madeAfter
        if !isExplained, free.contains(proposal.resources) {
            self.refusals.insert(
                proposal.resources, of: agent, by: proposal.client, until: now + self.settings.refusalPause)
        }
    }

    // MARK: Refusals

    /// A framework does not want this of an agent: for a time, or just not now.
    mutating func refused(_ holding: AgentHolding, for remaining: Duration, at now: Instant) {
        guard self.knows(agent: holding.agent), let client = self.knownClient(of: holding) else { return }
        self.agents[Int(holding.agent)].isRefused = true
        self.agents[Int(holding.agent)].changed = self.messages
        if remaining > .zero {
            self.refusals.insert(holding.resources, of: holding.agent, by: client, until: now + remaining)
        } else if !self.agents[Int(holding.agent)].declined.contains(client) {
            self.agents[Int(holding.agent)].declined.append(client)
        }
    }

    /// A framework wants offers in these roles again, of everything; no roles: in all.
    mutating func revived(_ framework: UInt32, roles: [String]) {
        guard let entry = self.frameworks[safe: framework] else { return }
        for membership in entry.memberships where roles.isEmpty || roles.contains(membership.roleName) {
            self.refusals.removeAll(ofClient: membership.client)
        }
        self.lookAtAll()
    }

    /// Refusals that have run out make their agents worth another look.
    mutating func endRefusals(at now: Instant) {
        while let agent = self.refusals.popEnded(at: now) { self.look(at: agent) }
    }
}
