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
        self.window.turnBegan(at: now, self.settings)
        let decisions = self.counters.decisions
        defer { self.window.took(self.counters.decisions - decisions) }
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
        self.lookAgainIfAllowed()
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

    /// Gives what an agent has free to the client that the policy prefers among those that want it, if there is one; and what
    /// that may not have to the next.
    ///
    /// Returns how many clients were looked at, at least 1.
    private mutating func decide(_ agent: UInt32, at now: Instant, into effects: inout [Effect]) -> Int {
        self.counters.decisions += 1
        var looks = 1
        while self.knows(agent: agent) {
            let available = self.available(of: agent)
            guard !available.isEmpty else { break }
            if self.agents[Int(agent)].hasMinimum, let least = self.profiles[Int(agent)]?.minimumOffer,
                !available.contains(least)
            {
                break
            }
            self.kinds.admitted(
                available, by: self.agents[Int(agent)].admission, into: &self.tree.walk.kinds)
            guard !self.tree.walk.kinds.isEmpty else { break }
            self.tree.settle()
            guard let (client, resources) = self.choose(available, of: agent, at: now, &looks) else { break }
            self.propose(resources, of: agent, to: client, into: &effects)
            if resources == available {
                self.candidates[agent] = false
                break
            }
            self.noteCandidate(agent)
        }
        return looks
    }

    /// Who is to be offered how much: one below a guarantee, or the first in the policy's order; and of those that have declined
    /// it only when all have.
    private mutating func choose(
        _ available: Resources, of agent: UInt32, at now: Instant, _ looks: inout Int
    ) -> (client: UInt32, resources: Resources)? {
        for client in self.agents[Int(agent)].declined { self.passedOver[Int(client)] = self.counters.decisions }
        while true {
            for claimant in self.tree.belowGuarantee() where self.tree.deficit(of: claimant).overlaps(available) {
                self.tree.startWalk(below: claimant)
                if let choice = self.choiceOfWalk(available, of: agent, at: now, &looks) { return choice }
            }
            self.tree.startWalk()
            if let choice = self.choiceOfWalk(available, of: agent, at: now, &looks) { return choice }
            guard !self.agents[Int(agent)].declined.isEmpty else { return nil }
            for client in self.agents[Int(agent)].declined { self.passedOver[Int(client)] = 0 }
            self.agents[Int(agent)].declined = []
        }
    }

    /// The first of a walk that can be offered some of this; of several that are equal, one that asked for it.
    private mutating func choiceOfWalk(
        _ available: Resources, of agent: UInt32, at now: Instant, _ looks: inout Int
    ) -> (client: UInt32, resources: Resources)? {
        guard let first = self.nextOfWalk(available, of: agent, at: now, &looks) else { return nil }
        return self.preferWish(to: first, of: agent, at: now, &looks) {
            $0.nextOfWalk(available, of: agent, at: now, &$1)
        }
    }

    /// The next of a walk that can be offered some of this, and how much.
    private mutating func nextOfWalk(
        _ available: Resources, of agent: UInt32, at now: Instant, _ looks: inout Int
    ) -> (client: UInt32, resources: Resources)? {
        while let client = self.tree.nextClient() {
            looks += 1
            if self.passedOver[Int(client)] == self.counters.decisions { continue }
            guard let resources = self.allowed(available, for: client) else { continue }
            if !self.refusals.blocks(resources, of: agent, for: client, at: now) { return (client, resources) }
        }
        return nil
    }

    private mutating func propose(
        _ resources: Resources, of agent: UInt32, to client: UInt32, into effects: inout [Effect]
    ) {
        guard let link = self.link, let entry = self.clients[Int(client)] else { return }
        let number = self.nextProposal
        self.nextProposal += 1
        let proposal = ProposalTable.Proposal(
            number: number, client: client, serial: entry.serial, framework: entry.framework,
            roleName: entry.roleName, resources: resources, madeAfter: self.messages)
        self.changeFree(of: agent) { $0.proposals.append(proposal, to: &$0.agents[Int(agent)].firstProposal) }
        self.tree.hold(resources.scalars, by: client)
        self.tree.served(client)
        if self.wishesUntil > Instant(nanoseconds: 0) {
            self.answerWishes(of: entry.framework, with: resources, of: agent)
        }
        self.counters.proposals += 1
        let holding = AgentHolding(
            agent: agent, framework: entry.framework, role: entry.roleName, resources: resources)
        let allocation = Allocation(
            proposal: number, ownership: self.agents[Int(agent)].ownership, holding: holding)
        effects.append(.propose(link.peer, .allocation(allocation)))
    }

    /// The master did not book a proposal, and says what is free.
    mutating func allocationRefused(
        _ number: UInt64, of agent: UInt32, free: Resources, message: String, at now: Instant,
        into effects: inout [Effect]
    ) {
        guard self.knows(agent: agent) else { return }
        var taken: ProposalTable.Proposal?
        self.changeFree(of: agent) {
            taken = $0.proposals.take(numbered: number, from: &$0.agents[Int(agent)].firstProposal)
            if taken != nil { $0.agents[Int(agent)].free = free }
        }
        guard let proposal = taken else { return }
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
        guard self.frameworks[safe: framework] != nil else { return }
        for membership in self.memberships[Int(framework)] where roles.isEmpty || roles.contains(membership.roleName) {
            self.refusals.removeAll(ofClient: membership.client)
        }
        self.lookAtAll()
    }

    /// Refusals that have run out make their agents worth another look.
    mutating func endRefusals(at now: Instant) {
        while let agent = self.refusals.popEnded(at: now) { self.look(at: agent) }
    }
}
