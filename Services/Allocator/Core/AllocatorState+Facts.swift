import Model

// Frameworks, agents, and who holds what: told by the master, never decided here.

extension AllocatorState {
    // MARK: Roles

    mutating func update(_ facts: RoleFacts) {
        let role = self.role(facts.role)
        self.tree.set(weight: facts.weight, priority: facts.priority, of: role)
        if self.tree.set(guarantee: facts.guarantee, limit: facts.limit, of: role) { self.claimsChanged() }
    }

    /// What was held back or denied may not be any more.
    private mutating func claimsChanged() {
        self.recountFree()
        self.lookAtAll()
    }

    /// The number of a role, which is made with all above it if it is new.
    private mutating func role(_ name: String) -> UInt32 {
        if let known = self.roles[name] { return known }
        let parent = name.lastIndex(of: "/").map { self.role(String(name[..<$0])) } ?? RoleTree.root
        let role = self.tree.addRole(below: parent)
        self.roles[name] = role
        return role
    }

    // MARK: Frameworks

    mutating func update(_ facts: FrameworkFacts) {
        let row = Int(facts.index)
        while self.frameworks.count <= row {
            self.frameworks.append(nil)
            self.memberships.append([])
        }
        if self.frameworks[row] == nil {
            self.frameworks[row] = FrameworkEntry(id: facts.id)
            self.frameworkCount += 1
        }
        self.frameworks[row]!.floor = facts.minimumOffers
        self.frameworks[row]!.constraints = facts.constraints
        var isAwake = false
        for role in facts.roles { _ = self.makeClient(of: facts.index, in: role) }
        for membership in self.memberships[row] {
            let client = membership.client
            let isEligible =
                facts.isActive && facts.roles.contains(membership.roleName)
                && !facts.suppressedRoles.contains(membership.roleName)
            // Who goes away has refused nothing when it comes back.
            if !facts.isActive { self.refusals.removeAll(ofClient: client) }
            let kind = self.acquireKind(of: facts.index, in: membership.roleName)
            self.kinds.release(self.tree[client].kind)
            if kind != self.tree[client].kind {
                self.tree.set(kind: kind, of: client)
                self.clients[Int(client)]!.changed = self.messages
                isAwake = isAwake || isEligible
            }
            self.tree.set(weight: facts.weight, priority: facts.priority, of: client)
            guard self.tree[client].isListed != isEligible else { continue }
            self.tree.setEligible(client, isEligible)
            self.clients[Int(client)]!.changed = self.messages
            isAwake = isAwake || isEligible
        }
        if let primary = self.memberships[row].first?.client,
            self.tree.set(guarantee: facts.guarantee, limit: facts.limit, of: primary)
        {
            self.claimsChanged()
        }
        if isAwake { self.lookAtAll() }
    }

    mutating func removeFramework(_ framework: UInt32) {
        guard self.frameworks[safe: framework] != nil else { return }
        var isClaimant = false
        for membership in self.memberships[Int(framework)] {
            isClaimant = self.tree.set(guarantee: .init(), limit: nil, of: membership.client) || isClaimant
            self.refusals.removeAll(ofClient: membership.client)
            self.kinds.release(self.tree[membership.client].kind)
            self.tree.removeClient(membership.client)
            self.clients[Int(membership.client)] = nil
        }
        self.frameworks[Int(framework)] = nil
        self.memberships[Int(framework)] = []
        self.frameworkCount -= 1
        if isClaimant { self.claimsChanged() }
    }

    /// The client that a holding names; nil if there is none.
    func knownClient(of holding: AgentHolding) -> UInt32? { self.client(of: holding.framework, in: holding.role) }

    /// A framework's client in a role; nil if there is none.
    func client(of framework: UInt32, in roleName: String) -> UInt32? {
        guard framework < self.memberships.count else { return nil }
        let row = Int(framework)
        for index in self.memberships[row].indices where self.memberships[row][index].roleName == roleName {
            return self.memberships[row][index].client
        }
        return nil
    }

    /// A framework's client in a role, made if it is new; nil if there is no such framework.
    private mutating func makeClient(of framework: UInt32, in roleName: String) -> UInt32? {
        if let known = self.client(of: framework, in: roleName) { return known }
        guard self.frameworks[safe: framework] != nil else { return nil }
        let role = self.role(roleName)
        let kind = self.acquireKind(of: framework, in: roleName)
        let client = self.tree.addClient(in: role, tie: framework, kind: kind)
        while self.clients.count <= client { self.clients.append(nil) }
        while self.passedOver.count <= client { self.passedOver.append(0) }
        self.clients[Int(client)] = ClientEntry(
            framework: framework, role: role, roleName: roleName, serial: self.nextSerial)
        self.nextSerial += 1
        if let primary = self.memberships[Int(framework)].first?.client {
            self.tree.set(primary: primary, of: client)
        }
        self.memberships[Int(framework)].append(Membership(roleName: roleName, client: client))
        return client
    }

    /// The kind of a framework's client in a role, with one more of it.
    ///
    /// - Complexity: O(agents) if its constraints are new.
    private mutating func acquireKind(of framework: UInt32, in role: String) -> UInt32 {
        let entry = self.frameworks[Int(framework)]!
        let acquired = self.kinds.acquire(floor: entry.floor, constraints: entry.constraints[role] ?? .init())
        guard let added = acquired.newConstraints else { return acquired.kind }
        for row in self.agents.indices {
            guard let profile = self.profiles[row] else { continue }
            self.agents[row].admission = self.kinds.readmit(
                self.agents[row].admission, added, attributes: profile.attributes, hostname: profile.hostname)
        }
        return acquired.kind
    }

    // MARK: Agents

    mutating func update(_ facts: AgentFacts, into effects: inout [Effect]) {
        let row = Int(facts.index)
        while self.agents.count <= row {
            self.agents.append(AgentEntry())
            self.profiles.append(nil)
            // A walk under way passes the new place, too, before it is round.
            if self.sweepLeft > 0 { self.sweepLeft += 1 }
        }
        let before = self.profiles[row]
        let wasOwned = self.agents[row].isOwned
        if before == nil { self.agentCount += 1 }
        if facts.isOwned, !wasOwned { effects.append(.observe(.agentOwned(facts.id, facts.ownership))) }
        if wasOwned, !facts.isOwned { effects.append(.observe(.agentLost(facts.id))) }
        self.ownedCount += (facts.isOwned ? 1 : 0) - (wasOwned ? 1 : 0)
        if before?.total != facts.total {
            self.total -= before?.total.scalars ?? .init()
            self.total += facts.total.scalars
            self.tree.setTotal(self.total)
        }
        let attributes = facts.attributes.isEmpty ? [] : self.codec?.attributes(facts.attributes) ?? []
        self.profiles[row] = AgentProfile(
            id: facts.id, total: facts.total, hostname: facts.hostname, attributes: attributes,
            minimumOffer: facts.minimumOffer)
        self.forgetHoldings(of: facts.index)
        var entry = AgentEntry()
        entry.isKnown = true
        entry.admission = self.kinds.acquireAdmission(attributes: attributes, hostname: facts.hostname)
        if before != nil { self.kinds.releaseAdmission(self.agents[row].admission) }
        entry.isOwned = facts.isOwned
        entry.isActive = facts.isActive
        entry.hasMinimum = !facts.minimumOffer.isEmpty
        entry.ownership = facts.ownership
        entry.free = facts.total
        entry.changed = self.messages
        // Proposals on their way will be answered still.
        entry.firstProposal = self.agents[row].firstProposal
        entry.isDirty = self.agents[row].isDirty
        self.changeFree(of: facts.index) { $0.agents[row] = entry }
        for holding in facts.holdings {
            self.changeFree(of: facts.index) { $0.agents[row].free -= holding.resources }
            self.add(holding)
        }
        self.look(at: facts.index)
    }

    mutating func removeAgent(_ agent: UInt32, into effects: inout [Effect]) {
        guard self.knows(agent: agent), let profile = self.profiles[Int(agent)] else { return }
        if self.agents[Int(agent)].isOwned {
            effects.append(.observe(.agentLost(profile.id)))
            self.ownedCount -= 1
        }
        self.forgetHoldings(of: agent)
        self.changeFree(of: agent) { $0.agents[Int(agent)].isActive = false }
        for proposal in self.proposals.takeAll(from: &self.agents[Int(agent)].firstProposal) {
            self.release(proposal.resources.scalars, by: proposal.client, serial: proposal.serial)
        }
        self.refusals.removeAll(ofAgent: agent)
        self.candidates[agent] = false
        self.total -= profile.total.scalars
        self.tree.setTotal(self.total)
        self.agentCount -= 1
        self.kinds.releaseAdmission(self.agents[Int(agent)].admission)
        self.agents[Int(agent)] = AgentEntry()
        self.profiles[Int(agent)] = nil
    }

    private mutating func forgetHoldings(of agent: UInt32) {
        for holding in self.agents[Int(agent)].holdings {
            self.release(holding.resources.scalars, by: holding.client, serial: holding.serial)
        }
    }

    // MARK: Holdings

    /// Held from now on.
    ///
    /// If it is the answer to a proposal of this allocator, it is counted already.
    mutating func held(_ holding: AgentHolding) {
        guard self.knows(agent: holding.agent) else { return }
        let row = Int(holding.agent)
        var taken: ProposalTable.Proposal?
        self.changeFree(of: holding.agent) {
            taken = $0.proposals.take(answeredBy: holding, from: &$0.agents[row].firstProposal)
            $0.agents[row].free -= holding.resources
        }
        self.agents[row].changed = self.messages
        let proposal = taken
        if let proposal, proposal.client == self.knownClient(of: holding),
            proposal.serial == self.clients[Int(proposal.client)]?.serial
        {
            self.agents[row].addHolding(holding.resources, of: proposal.client, serial: proposal.serial)
        } else {
            self.add(holding)
            if let proposal {
                self.release(proposal.resources.scalars, by: proposal.client, serial: proposal.serial)
            }
            self.noteCandidate(holding.agent)
        }
    }

    /// Free again.
    mutating func recovered(_ holding: AgentHolding) {
        guard self.knows(agent: holding.agent) else { return }
        let row = Int(holding.agent)
        self.changeFree(of: holding.agent) { $0.agents[row].free += holding.resources }
        self.agents[row].changed = self.messages
        // Who takes something of it ends the round of those that declined it.
        if !self.agents[row].isRefused, !self.agents[row].declined.isEmpty { self.agents[row].declined = [] }
        self.agents[row].isRefused = false
        if let client = self.knownClient(of: holding) {
            let serial = self.clients[Int(client)]!.serial
            let less = self.agents[row].reduceHolding(of: client, serial: serial, by: holding.resources)
            self.tree.release(less, by: client)
        }
        self.look(at: holding.agent)
    }

    /// Counts what is not free any more for who holds it.
    private mutating func add(_ holding: AgentHolding) {
        let row = Int(holding.agent)
        guard let client = self.makeClient(of: holding.framework, in: holding.role) else { return }
        let serial = self.clients[Int(client)]!.serial
        self.agents[row].addHolding(holding.resources, of: client, serial: serial)
        self.tree.hold(holding.resources.scalars, by: client)
    }

    /// A client holds less, unless it is gone with all it held; scalars only.
    mutating func release(_ resources: Resources, by client: UInt32, serial: UInt32) {
        guard self.clients[safe: client]?.serial == serial else { return }
        self.tree.release(resources, by: client)
    }
}
