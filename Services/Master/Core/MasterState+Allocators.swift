import Model

// Allocators: they hear all facts, each proposes for the agents that it owns, and every proposal is checked.

extension MasterState.Cluster {
    func allocatorConnected(_ peer: PeerID, _ hello: Hello) {
        for (_, old) in self.allocators where old.name == hello.name && (old.shadow != nil) == hello.isShadow {
            self.drop(old.peer, Refusal(.stale, "Allocator \(hello.name) has connected again", epoch: self.epoch))
            break
        }
        let allocator = self.allocators.insert(
            AllocatorEntry(peer: peer, name: hello.name, hash: Rendezvous.hash(hello.name)))
        self.peers[peer] = .allocator(allocator)
        if hello.isShadow {
            self.beginShadow(of: allocator)
        } else {
            self.observe(.allocatorConnected(peer, name: hello.name))
        }
        self.send(.policy(self.policyFacts), toAllocator: allocator)
        for facts in self.roles.decided { self.send(.role(facts), toAllocator: allocator) }
        for (row, _) in self.frameworks {
            self.send(.framework(self.facts(ofFramework: row)), toAllocator: allocator)
            if hello.isShadow { self.tellShadows(whatHolds: row) }
        }
        if self.isGuaranteed {
            for message in self.idleDemands { self.send(message, toAllocator: allocator) }
        }
        self.continueSync(peer)
    }

    /// Tells an allocator the next agents.
    ///
    /// In between it hears every change of those it has been told of.
    func continueSync(_ peer: PeerID) {
        guard case .allocator(let allocator)? = self.peers[peer], !self.allocators[allocator].isSynced else { return }
        var left = self.settings.chunk
        var next = self.allocators[allocator].told
        while left > 0, next < self.agents.endIndex {
            if let agent = self.agents.row(next), !agent.isUnreachable {
                self.send(.agent(self.facts(of: next, for: allocator)), toAllocator: allocator)
                left -= 1
            }
            next += 1
        }
        self.allocators[allocator].told = next
        if next < self.agents.endIndex {
            self.effects.append(.setTimer(.allocatorSync(peer), at: self.now))
            return
        }
        self.allocators[allocator].told = .max
        self.allocators[allocator].isSynced = true
        for (row, framework) in self.frameworks {
            for (agent, filter) in framework.filters.live(at: self.now) {
                let holding = AgentHolding(
                    agent: agent, framework: row, role: filter.role, resources: filter.resources)
                self.send(.filter(holding, remaining: filter.until - self.now), toAllocator: allocator)
            }
        }
        self.send(.synced, toAllocator: allocator)
    }

    func received(_ message: AllocatorToMaster, fromAllocator peer: PeerID) {
        guard case .allocator(let allocator)? = self.peers[peer] else { return }
        if let shadow = self.allocators[allocator].shadow { return shadow.received(message, at: self.now) }
        switch message {
        case .allocation(let allocation): self.allocate(allocation, by: allocator)
        case .revocation(let revocation): self.revoke(revocation, by: allocator)
        case .tasksWanted(let framework): self.tellRevocable(framework, to: allocator)
        case .ready:
            guard self.allocators[allocator].isSynced, !self.allocators[allocator].isReady else { return }
            self.allocators[allocator].isReady = true
            self.observe(.allocatorReady(peer, name: self.allocators[allocator].name))
            self.divideAgents()
        }
    }

    func allocatorLost(_ allocator: Row) {
        let entry = self.allocators.remove(allocator)
        self.effects.append(.cancelTimer(.allocatorSync(entry.peer)))
        self.observe(.allocatorDisconnected(entry.peer, name: entry.name))
        if entry.isReady { self.divideAgents() }
        if let shadow = entry.shadow { self.endShadow(shadow, of: entry.peer) }
    }
}

// MARK: Who proposes for which agent

extension MasterState.Cluster {
    /// Gives every agent to the allocator that it belongs to, after one came or went.
    ///
    /// - Complexity: O(agents · ready allocators).
    private func divideAgents() {
        for agent in self.agents.indices where !self.agents[agent].isUnreachable {
            if self.assignOwner(of: agent) { self.tellFacts(of: agent) }
        }
    }

    /// Gives an agent to the ready allocator that weighs most for it.
    ///
    /// True if that is another than before.
    @discardableResult
    func assignOwner(of agent: Row) -> Bool {
        let hash = self.agents[agent].hash
        var best: (weight: UInt64, name: String, row: Row)?
        for (row, allocator) in self.allocators where allocator.isReady {
            let weight = Rendezvous.weight(of: allocator.hash, for: hash)
            if let present = best, (present.weight, present.name) >= (weight, allocator.name) { continue }
            best = (weight, allocator.name, row)
        }
        if self.agents[agent].owner == best?.row { return false }
        self.agents[agent].owner = best?.row
        self.agents[agent].ownership += 1
        return true
    }

    /// Tells every allocator an agent anew.
    func tellFacts(of agent: Row) {
        guard self.adopting != agent else { return }
        for (row, allocator) in self.allocators where agent < allocator.told {
            self.send(.agent(self.facts(of: agent, for: row)), toAllocator: row)
        }
    }

    /// Tells every allocator a framework anew.
    func tellFacts(ofFramework framework: Row) {
        guard !self.allocators.isEmpty else { return }
        self.sendToAllocators(.framework(self.facts(ofFramework: framework)))
    }

    private func facts(of agent: Row, for allocator: Row) -> AgentFacts {
        let entry = self.agents[agent]
        var facts = AgentFacts(
            index: agent, id: entry.id, hostname: entry.hostname, total: entry.total,
            isOwned: entry.owner == allocator, ownership: entry.ownership)
        facts.attributes = entry.attributes
        facts.isActive = entry.isActive
        facts.minimumOffer = self.minimumOffer(of: agent)
        // One row per framework and role; what two hold of the same port stays two.
        for holding in self.holdings(of: agent) {
            let same = facts.holdings.firstIndex {
                $0.framework == holding.framework && $0.role == holding.role
                    && $0.resources.isDisjoint(with: holding.resources)
            }
            if let same { facts.holdings[same].resources += holding.resources } else { facts.holdings.append(holding) }
        }
        return facts
    }

    private func facts(ofFramework framework: Row) -> FrameworkFacts {
        let entry = self.frameworks[framework]
        var facts = FrameworkFacts(index: framework, id: entry.id, name: entry.info.name, roles: entry.info.roles)
        facts.suppressedRoles = entry.suppressedRoles
        facts.isActive = entry.peer != nil
        facts.constraints = entry.constraints
        if let rule = self.rule(of: framework) {
            facts.weight = rule.weight
            facts.priority = rule.priority
            facts.guarantee = rule.guarantee
            facts.limit = rule.limit
        }
        // With different floors for its roles, those of all: the master holds each offer against that of its role.
        let floors = entry.info.roles.map { self.minimumOffers(of: entry.info, role: $0) }
        if !floors.contains([]) {
            for floor in floors.joined() where !facts.minimumOffers.contains(floor) {
                facts.minimumOffers.append(floor)
            }
        }
        return facts
    }

    func minimumOffers(of info: FrameworkInfo, role: String) -> [Resources] {
        info.minimumOffers[role] ?? self.settings.minimumOffers
    }
}

// MARK: Allocations

extension MasterState.Cluster {
    /// Offers what an allocator proposes, if the books allow it.
    private func allocate(_ allocation: Allocation, by allocator: Row) {
        if let problem = self.problem(with: allocation, by: allocator) {
            let agent = self.agents.row(allocation.holding.agent)
            self.observe(.allocationRefused(self.allocators[allocator].peer, reason: problem))
            self.send(
                .allocationRefused(
                    proposal: allocation.proposal, agent: allocation.holding.agent, free: agent?.free ?? .init(),
                    message: problem),
                toAllocator: allocator)
            return
        }
        self.makeOffer(allocation.holding)
    }

    func problem(with allocation: Allocation, by allocator: Row) -> String? {
        let holding = allocation.holding
        guard let agent = self.agents.row(holding.agent), !agent.isUnreachable else { return "no such agent" }
        if let problem = self.problem(withOwnership: allocation.ownership, of: agent, by: allocator) { return problem }
        if !agent.isActive { return "agent \(agent.id) is \(agent.isAttached ? agent.mode.word : "disconnected")" }
        guard let framework = self.frameworks.row(holding.framework) else { return "no such framework" }
        guard framework.peer != nil else { return "framework \(framework.id) has no scheduler" }
        guard framework.info.roles.contains(holding.role) else {
            return "framework \(framework.id) is not in role \(Validation.printable(holding.role))"
        }
        if framework.suppressedRoles.contains(holding.role) {
            return "framework \(framework.id) wants no offers in role \(holding.role)"
        }
        if holding.resources.isEmpty { return "the allocation is empty" }
        if !agent.free.contains(holding.resources) { return "the agent has only \(agent.free) free" }
        if holding.resources.gpus > 0, !framework.info.capabilities.contains(.gpuResources) {
            return "framework \(framework.id) does not take GPUs"
        }
        if !self.admits(holding.agent, to: framework, role: holding.role) {
            return "agent \(agent.id) does not meet the offer constraints of framework \(framework.id)"
        }
        let floors = self.minimumOffers(of: framework.info, role: holding.role)
        if !floors.isEmpty, !floors.contains(where: holding.resources.contains) {
            return "too little to be of use to framework \(framework.id)"
        }
        if framework.filters.blocks(holding.resources, of: holding.agent, role: holding.role, at: self.now) {
            return "framework \(framework.id) has refused this for a time"
        }
        if !self.policy.minimumOffer.isEmpty {
            let least = self.minimumOffer(of: holding.agent)
            if !agent.free.contains(least) { return "the agent has \(agent.free) free; it is offered from \(least) on" }
        }
        return self.excess(of: holding.resources, for: holding.framework, role: holding.role)
    }

    /// Whether a framework takes offers of an agent, by its constraints.
    func admits(_ agent: Row, to framework: FrameworkEntry, role: String) -> Bool {
        guard let constraints = framework.constraints[role] else { return true }
        let entry = self.agents[agent]
        return constraints.admits(attributes: entry.attributeList, hostname: entry.hostname)
    }

    /// The agent must be the allocator's, now and not earlier.
    func problem(withOwnership ownership: Ownership, of agent: AgentEntry, by allocator: Row) -> String? {
        if agent.owner != allocator { return "agent \(agent.id) is another allocator's" }
        if agent.ownership != ownership {
            return "agent \(agent.id) has changed hands since: ownership \(ownership) is not \(agent.ownership)"
        }
        return nil
    }
}
