import Model

// Which agents are looked at, and who is given what.

extension AllocatorState {
    // MARK: What to look at

    /// Something of an agent changed: it is looked at in the next turn, if there is anything to give.
    mutating func look(at agent: UInt32) {
        self.noteCandidate(agent)
        guard self.candidates[agent], !self.agents[Int(agent)]!.isDirty else { return }
        self.agents[Int(agent)]!.isDirty = true
        self.dirty.append(agent)
    }

    /// Somebody came or woke up: every agent that has something free is looked at once more, in as many turns as it takes.
    mutating func lookAtAll() {
        self.sweepLeft = self.agents.count
    }

    /// Keeps the set of agents of which something can be proposed.
    mutating func noteCandidate(_ agent: UInt32) {
        let isCandidate = self.agents[safe: agent].map { !$0.available.isEmpty } ?? false
        if self.candidates[agent] != isCandidate { self.candidates[agent] = isCandidate }
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
            guard self.agents[safe: agent]?.isDirty == true else { continue }
            self.agents[Int(agent)]!.isDirty = false
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
    /// Returns how many frameworks were looked at, at least 1.
    private mutating func decide(_ agent: UInt32, at now: Instant, into effects: inout [Effect]) -> Int {
        self.counters.decisions += 1
        guard let entry = self.agents[safe: agent] else { return 1 }
        let available = entry.available
        guard !available.isEmpty else { return 1 }
        // Most frameworks have the same floor, and most of a busy agent's rests are below it: seen without asking each.
        let isEnough = self.floors.map { $0.isEmpty || $0.contains(where: available.contains) }
        guard isEnough.contains(true) else { return 1 }
        self.policy.settle()
        var looks = 1
        func wants(_ client: UInt32) -> Bool {
            looks += 1
            guard let framework = self.frameworks[Int(self.clients[client].framework)] else { return false }
            return isEnough[framework.floor] && !self.refusals.blocks(available, of: agent, for: client, at: now)
        }
        var chosen = self.policy.first { !entry.declined.contains($0) && wants($0) }
        if chosen == nil, !entry.declined.isEmpty {
            self.agents[Int(agent)]!.declined = []
            chosen = self.policy.first { wants($0) }
        }
        if let chosen { self.propose(available, of: agent, to: chosen, into: &effects) }
        return looks
    }

    private mutating func propose(
        _ resources: Resources, of agent: UInt32, to client: UInt32, into effects: inout [Effect]
    ) {
        guard let link = self.link else { return }
        let entry = self.clients[client]
        let ownership = self.agents[Int(agent)]!.ownership
        let number = self.nextProposal
        self.nextProposal += 1
        let holding = AgentHolding(
            agent: agent, framework: entry.framework, role: self.roleNames[Int(entry.role)], resources: resources)
        self.agents[Int(agent)]!.proposals.append(
            AgentEntry.Proposal(
                number: number, client: client, serial: entry.serial, holding: holding, madeAfter: self.messages))
        self.policy.hold(resources.scalars, by: client)
        self.policy.served(client)
        self.candidates[agent] = false
        self.counters.proposals += 1
        effects.append(
            .propose(link.peer, .allocation(Allocation(proposal: number, ownership: ownership, holding: holding))))
    }

    /// The master did not book a proposal, and says what is free.
    mutating func allocationRefused(
        _ number: UInt64, of agent: UInt32, free: Resources, message: String, at now: Instant,
        into effects: inout [Effect]
    ) {
        guard let entry = self.agents[safe: agent],
            let index = entry.proposals.firstIndex(where: { $0.number == number })
        else { return }
        self.counters.refusals += 1
        let proposal = self.agents[Int(agent)]!.proposals.remove(at: index)
        let proposed = proposal.holding.resources
        self.agents[Int(agent)]!.free = free
        guard self.clients.contains(proposal.client), self.clients[proposal.client].serial == proposal.serial else {
            self.look(at: agent)
            return
        }
        self.policy.release(proposed.scalars, by: proposal.client)
        let client = self.clients[proposal.client]
        if let framework = self.frameworks[Int(client.framework)] {
            effects.append(
                .observe(.allocationRefused(entry.id, framework.id, proposed, message: message)))
        }
        // If nothing that was told meanwhile explains it, a rule does that only the master knows, and it would say the same
        // again at once.
        let isExplained = max(entry.changed, client.changed) > proposal.madeAfter
        if !isExplained, free.contains(proposed) {
            self.refusals.insert(
                proposed, of: agent, by: proposal.client, until: now + self.settings.refusalPause)
        }
        self.look(at: agent)
    }

    // MARK: Refusals

    /// A framework does not want this of an agent: for a time, or just not now.
    mutating func refused(_ holding: AgentHolding, for remaining: Duration, at now: Instant) {
        guard let client = self.knownClient(of: holding), self.agents[safe: holding.agent] != nil else { return }
        self.agents[Int(holding.agent)]!.isRefused = true
        self.agents[Int(holding.agent)]!.changed = self.messages
        if remaining > .zero {
            self.refusals.insert(holding.resources, of: holding.agent, by: client, until: now + remaining)
        } else if !self.agents[Int(holding.agent)]!.declined.contains(client) {
            self.agents[Int(holding.agent)]!.declined.append(client)
        }
    }

    /// A framework wants offers in these roles again, of everything; no roles: in all.
    mutating func revived(_ framework: UInt32, roles: [String]) {
        guard framework < self.frameworks.count, let entry = self.frameworks[Int(framework)] else { return }
        let named = roles.compactMap { self.roles[$0] }
        for (role, client) in entry.clients where roles.isEmpty || named.contains(role) {
            self.refusals.removeAll(ofClient: client)
        }
        self.lookAtAll()
    }

    /// Refusals that have run out make their agents worth another look.
    mutating func endRefusals(at now: Instant) {
        while let agent = self.refusals.popEnded(at: now) { self.look(at: agent) }
    }
}
