import Model

// Frameworks, agents, and who holds what: told by the master, never decided here.

extension AllocatorState {
    // MARK: Frameworks

    mutating func update(_ facts: FrameworkFacts) {
        let row = Int(facts.index)
        while self.frameworks.count <= row { self.frameworks.append(nil) }
        let floor = self.floor(facts.minimumOffers)
        if self.frameworks[row] == nil {
            self.frameworks[row] = FrameworkEntry(id: facts.id, floor: floor)
            self.frameworkCount += 1
        }
        var isAwake = self.frameworks[row]!.floor != floor
        self.frameworks[row]!.floor = floor
        for role in facts.roles { _ = self.client(of: facts.index, role: self.role(role)) }
        let wanted = Set(facts.roles).subtracting(facts.suppressedRoles).map { self.role($0) }
        for (role, client) in self.frameworks[row]!.clients {
            let isEligible = facts.isActive && wanted.contains(role)
            // Who goes away has refused nothing when it comes back.
            if !facts.isActive { self.refusals.removeAll(ofClient: client) }
            guard self.clients[client].isEligible != isEligible else { continue }
            self.clients[client].isEligible = isEligible
            self.clients[client].changed = self.messages
            self.policy.setEligible(client, isEligible)
            isAwake = isAwake || isEligible
        }
        if isAwake { self.lookAtAll() }
    }

    mutating func removeFramework(_ framework: UInt32) {
        guard framework < self.frameworks.count, let entry = self.frameworks[Int(framework)] else { return }
        for (_, client) in entry.clients {
            self.refusals.removeAll(ofClient: client)
            self.policy.remove(client)
            self.clients.remove(client)
        }
        self.frameworks[Int(framework)] = nil
        self.frameworkCount -= 1
    }

    /// A framework's client in a role, made if it is new.
    private mutating func client(of framework: UInt32, role: UInt32) -> UInt32? {
        guard framework < self.frameworks.count, let entry = self.frameworks[Int(framework)] else { return nil }
        if let known = entry.clients.first(where: { $0.role == role }) { return known.client }
        let client = self.clients.insert(ClientEntry(framework: framework, role: role, serial: self.nextSerial))
        self.nextSerial += 1
        self.policy.add(client, role: role, tie: framework)
        self.frameworks[Int(framework)]!.clients.append((role, client))
        return client
    }

    /// The number of a list of minimum offers.
    private mutating func floor(_ minimumOffers: [Resources]) -> Int {
        if let known = self.floors.firstIndex(of: minimumOffers) { return known }
        // Lists come and go with frameworks; those that nobody has any more are used again.
        let used = Set(self.frameworks.lazy.compactMap { $0?.floor })
        if self.floors.count > 2 * used.count + 8, let free = self.floors.indices.first(where: { !used.contains($0) }) {
            self.floors[free] = minimumOffers
            return free
        }
        self.floors.append(minimumOffers)
        return self.floors.count - 1
    }

    // MARK: Agents

    mutating func update(_ facts: AgentFacts, into effects: inout [Effect]) {
        let row = Int(facts.index)
        while self.agents.count <= row { self.agents.append(nil) }
        var entry = AgentEntry(
            id: facts.id, total: facts.total, free: facts.total, isOwned: facts.isOwned, ownership: facts.ownership,
            isActive: facts.isActive)
        entry.changed = self.messages
        let before = self.agents[row]
        if let before {
            // Proposals on their way will be answered still.
            entry.proposals = before.proposals
            entry.isDirty = before.isDirty
            self.forgetHoldings(of: before)
            self.total -= before.total.scalars
            self.ownedCount -= before.isOwned ? 1 : 0
        } else {
            self.agentCount += 1
        }
        let wasOwned = before?.isOwned ?? false
        if entry.isOwned, !wasOwned { effects.append(.observe(.agentOwned(facts.id, facts.ownership))) }
        if wasOwned, !entry.isOwned { effects.append(.observe(.agentLost(facts.id))) }
        self.agents[row] = entry
        self.total += facts.total.scalars
        if before?.total != facts.total { self.policy.setTotal(self.total) }
        self.ownedCount += entry.isOwned ? 1 : 0
        for holding in facts.holdings { self.add(holding) }
        self.look(at: facts.index)
    }

    mutating func removeAgent(_ agent: UInt32, into effects: inout [Effect]) {
        guard agent < self.agents.count, let entry = self.agents[Int(agent)] else { return }
        if entry.isOwned { effects.append(.observe(.agentLost(entry.id))) }
        self.forgetHoldings(of: entry)
        for proposal in entry.proposals {
            self.release(proposal.holding.resources, by: proposal.client, serial: proposal.serial)
        }
        self.refusals.removeAll(ofAgent: agent)
        self.candidates[agent] = false
        self.total -= entry.total.scalars
        self.policy.setTotal(self.total)
        self.agentCount -= 1
        self.ownedCount -= entry.isOwned ? 1 : 0
        self.agents[Int(agent)] = nil
    }

    // MARK: Holdings

    /// Held from now on.
    ///
    /// If it is the answer to a proposal of this allocator, it is counted already.
    mutating func held(_ holding: AgentHolding) {
        self.add(holding)
        // The master answers in order, and only the owner's proposals are accepted; so the first that matches is meant.
        if let answered = self.agents[safe: holding.agent]?.proposals.firstIndex(where: { $0.holding == holding }) {
            let proposal = self.agents[Int(holding.agent)]!.proposals.remove(at: answered)
            self.release(proposal.holding.resources, by: proposal.client, serial: proposal.serial)
        }
        self.noteCandidate(holding.agent)
    }

    /// Free again.
    mutating func recovered(_ holding: AgentHolding) {
        guard self.agents[safe: holding.agent] != nil else { return }
        let row = Int(holding.agent)
        self.agents[row]!.free += holding.resources
        self.agents[row]!.changed = self.messages
        // Who takes something of it ends the round of those that declined it.
        if !self.agents[row]!.isRefused { self.agents[row]!.declined = [] }
        self.agents[row]!.isRefused = false
        if let client = self.knownClient(of: holding) {
            let serial = self.clients[client].serial
            let holdings = self.agents[row]!.holdings
            if let index = holdings.firstIndex(where: { $0.client == client && $0.serial == serial }) {
                let before = holdings[index].resources
                let after = before - holding.resources
                self.release(before.scalars - after.scalars, by: client, serial: serial)
                if after.isEmpty {
                    self.agents[row]!.holdings.remove(at: index)
                } else {
                    self.agents[row]!.holdings[index].resources = after
                }
            }
        }
        self.look(at: holding.agent)
    }

    private mutating func add(_ holding: AgentHolding) {
        guard self.agents[safe: holding.agent] != nil else { return }
        let row = Int(holding.agent)
        self.agents[row]!.free -= holding.resources
        self.agents[row]!.changed = self.messages
        guard let client = self.client(of: holding.framework, role: self.role(holding.role)) else { return }
        let serial = self.clients[client].serial
        self.policy.hold(holding.resources.scalars, by: client)
        if let index = self.agents[row]!.holdings.firstIndex(where: { $0.client == client && $0.serial == serial }) {
            self.agents[row]!.holdings[index].resources += holding.resources
        } else {
            self.agents[row]!.holdings.append(
                AgentEntry.Holding(client: client, serial: serial, resources: holding.resources))
        }
    }

    private mutating func forgetHoldings(of agent: AgentEntry) {
        for holding in agent.holdings { self.release(holding.resources, by: holding.client, serial: holding.serial) }
    }

    /// A client holds less, unless it is gone with all it held.
    mutating func release(_ resources: Resources, by client: UInt32, serial: UInt64) {
        guard self.clients.contains(client), self.clients[client].serial == serial else { return }
        self.policy.release(resources.scalars, by: client)
    }

    /// The client that a holding names; nil if there is none.
    func knownClient(of holding: AgentHolding) -> UInt32? {
        guard let role = self.roles[holding.role], holding.framework < self.frameworks.count else { return nil }
        return self.frameworks[Int(holding.framework)]?.clients.first { $0.role == role }?.client
    }
}

extension Array {
    /// The row of that index, or nil if there is none.
    subscript<Row>(safe index: UInt32) -> Row? where Element == Row? {
        index < self.count ? self[Int(index)] : nil
    }
}
