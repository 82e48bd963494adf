import Model

// Offers: made of allocations, sent in one event per framework, answered, rescinded, expired; and what frameworks say
// about what they want to be offered.

extension MasterState.Cluster {
    /// An offer's name for the scheduler.
    func offerID(_ serial: UInt64) -> OfferID { OfferID(self.offerPrefix + String(serial)) }

    /// The offer of that name, if there is one.
    func offer(_ id: OfferID) -> Row? {
        guard id.rawValue.hasPrefix(self.offerPrefix) else { return nil }
        let digits = id.rawValue.utf8.dropFirst(self.offerPrefix.utf8.count)
        // No sign, and no zero in front: an offer has one name.
        guard let first = digits.first, UInt8(ascii: "1")...UInt8(ascii: "9") ~= first,
            let serial = UInt64(Substring(digits))
        else { return nil }
        return self.offerRows[serial]
    }

    /// Makes an offer of free resources; it goes out with the others made meanwhile.
    func makeOffer(_ holding: AgentHolding) {
        self.lastOffer += 1
        let (agent, framework) = (holding.agent, holding.framework)
        let offer = self.insert(
            OfferEntry(
                serial: self.lastOffer, framework: framework, agent: agent, role: holding.role,
                resources: holding.resources, made: self.now))
        self.hold(holding.resources, of: agent, for: framework, role: holding.role, as: .offer)
        if self.frameworks[framework].unsentOffers.isEmpty {
            if self.frameworksWithOffers.isEmpty { self.effects.append(.setTimer(.offersDue, at: self.now)) }
            self.frameworksWithOffers.append(framework)
        }
        self.frameworks[framework].unsentOffers.append(self.lastOffer)
        guard let timeout = self.settings.offerTimeout else { return }
        let wasEmpty = self.offerDeadlines.nextDeadline == nil
        self.offerDeadlines.append(index: offer, stamp: self.lastOffer, deadline: self.now + timeout)
        if wasEmpty { self.effects.append(.setTimer(.offerTimeout, at: self.now + timeout)) }
    }

    /// Sends what was offered since the last time: one event per framework, in chunks well below what a frame may hold.
    func sendOffers() {
        let frameworks = self.frameworksWithOffers
        self.frameworksWithOffers.removeAll(keepingCapacity: true)
        for framework in frameworks where self.frameworks.contains(framework) {
            let serials = self.frameworks[framework].unsentOffers
            self.frameworks[framework].unsentOffers = []
            guard let peer = self.frameworks[framework].peer else { continue }
            var chunk: [Offer] = []
            var bytes = 0
            var sent = 0
            for serial in serials {
                guard let row = self.offerRows[serial] else { continue }  // Withdrawn before it went out.
                self.offers[row].isSent = true
                let offer = self.describe(row)
                bytes += 512 + offer.attributes.count
                chunk.append(offer)
                sent += 1
                if bytes > 1 << 20 {
                    self.effects.append(.sendToScheduler(peer, .offers(chunk)))
                    chunk = []
                    bytes = 0
                }
            }
            if !chunk.isEmpty { self.effects.append(.sendToScheduler(peer, .offers(chunk))) }
            if sent > 0 { self.observe(.offersMade(self.frameworks[framework].id, sent)) }
        }
    }

    private func describe(_ row: Row) -> Offer {
        let entry = self.offers[row]
        let agent = self.agents[entry.agent]
        let executors = agent.executors.filter { self.executors[$0].framework == entry.framework }
        return Offer(
            id: self.offerID(entry.serial), frameworkID: self.frameworks[entry.framework].id, agentID: agent.id,
            hostname: agent.hostname, sidePort: agent.sidePort, resources: entry.resources, role: entry.role,
            executorIDs: executors.map { self.executors[$0].key.executor }.sorted(), attributes: agent.attributes)
    }

    func expireOffers() {
        var expired = 0
        while let entry = self.offerDeadlines.popExpired(at: self.now) {
            guard self.offerRows[entry.stamp] == entry.index else { continue }
            let offer = self.offers[entry.index]
            self.tellDeclined(offer.resources, of: offer.agent, role: offer.role, for: offer.framework)
            self.rescind(entry.index)
            self.noteDeclined(offer.resources, of: offer.agent, for: offer.framework, role: offer.role)
            self.tellShadows(answerOf: offer.framework, tasks: 0, left: offer.resources, refusing: .zero)
            expired += 1
        }
        if expired > 0 { self.observe(.offersExpired(expired)) }
        self.offerDeadlines.dropFirst { self.offerRows[$0.stamp] != $0.index }
        if let next = self.offerDeadlines.nextDeadline { self.effects.append(.setTimer(.offerTimeout, at: next)) }
    }

    /// Takes an offer back: its framework is told, if it knows of it, and its resources are free.
    func rescind(_ offer: Row) {
        let entry = self.remove(offer: offer)
        if entry.isSent, let peer = self.frameworks[entry.framework].peer {
            self.effects.append(.sendToScheduler(peer, .rescind(self.offerID(entry.serial))))
        }
        self.release(entry.resources, of: entry.agent, for: entry.framework, role: entry.role, as: .offer)
    }

    /// Lets allocators know that a framework had this and did not use it, so that others come first the next time.
    private func tellDeclined(_ resources: Resources, of agent: Row, role: String, for framework: Row) {
        self.tell(about: agent) {
            .filter(
                AgentHolding(agent: agent, framework: framework, role: role, resources: resources), remaining: .zero)
        }
    }

    func rescindOffers(ofAgent agent: Row) {
        for offer in self.agents[agent].offers.sorted() { self.rescind(offer) }
    }

    /// Takes back the offers of a framework that has nobody to tell.
    func withdrawOffers(of framework: Row) {
        for offer in self.frameworks[framework].offers.sorted() {
            let entry = self.remove(offer: offer)
            self.release(entry.resources, of: entry.agent, for: framework, role: entry.role, as: .offer)
        }
        self.frameworks[framework].unsentOffers = []
    }

    func decline(_ ids: [OfferID], _ filters: OfferFilters, for framework: Row) {
        var declined = 0
        for id in ids {
            // One of another framework, or one that is gone, is none of its business.
            guard let offer = self.offer(id), self.offers[offer].framework == framework else { continue }
            let entry = self.remove(offer: offer)
            self.returnUnused(entry.resources, of: entry.agent, role: entry.role, for: framework, filters)
            self.noteDeclined(entry.resources, of: entry.agent, for: framework, role: entry.role)
            self.tellShadows(answerOf: framework, tasks: 0, left: entry.resources, refusing: filters.refuse)
            declined += 1
        }
        if declined > 0 { self.observe(.offersDeclined(self.frameworks[framework].id, declined)) }
    }

    /// Frees offered resources that the framework does not want, and remembers for how long it does not.
    func returnUnused(
        _ resources: Resources, of agent: Row, role: String, for framework: Row, _ filters: OfferFilters
    ) {
        guard !resources.isEmpty else { return }
        let refuse = min(max(filters.refuse, .zero), OfferFilters.longestRefusal)
        if refuse > .zero {
            let filter = FilterTable.Filter(role: role, resources: resources, until: self.now + refuse)
            let isKept = self.frameworks[framework].filters.insert(
                filter, agent: agent, at: self.now, limit: self.settings.filtersPerFramework)
            if isKept {
                // Before the resources come free, so that nobody offers them in between.
                self.tell(about: agent) {
                    .filter(
                        AgentHolding(agent: agent, framework: framework, role: role, resources: resources),
                        remaining: refuse)
                }
            } else {
                self.observe(.filterForgotten(self.frameworks[framework].id))
            }
        } else {
            self.tellDeclined(resources, of: agent, role: role, for: framework)
        }
        self.release(resources, of: agent, for: framework, role: role, as: .offer)
    }
}

// MARK: What a framework wants

extension MasterState.Cluster {
    /// Offers in these roles again, of everything: refusals and suppression are gone.
    func revive(_ framework: Row, roles: [String]) {
        let entry = self.frameworks[framework]
        guard roles.allSatisfy(entry.info.roles.contains) else {
            return self.dropCall(of: framework, "REVIVE names a role that is none of the framework's")
        }
        self.frameworks[framework].suppressedRoles.removeAll { roles.isEmpty || roles.contains($0) }
        self.tellFacts(ofFramework: framework)
        self.forgetFilters(of: framework, roles: roles)
        for role in roles.isEmpty ? entry.info.roles : roles {
            self.noteDemand(of: framework, in: role, isWanting: true)
        }
    }

    /// A framework used nothing of an offer.
    ///
    /// It wants nothing more of its guarantee if it was offered as much of that as the
    /// agent could give, or as it lacks: declining scraps tells nothing.
    func noteDeclined(_ resources: Resources, of agent: Row, for framework: Row, role: String) {
        guard self.isGuaranteed else { return }
        let total = self.agents[agent].total.summable
        let lacks = self.accounts(of: framework, role: role).map(\.deficit).filter { !$0.isEmpty }
        guard !lacks.isEmpty, lacks.allSatisfy({ resources.contains($0 - ($0 - total)) }) else { return }
        self.noteDemand(of: framework, in: role, isWanting: false)
    }

    /// Whether a framework would use more in a role, as far as its answers tell.
    func noteDemand(of framework: Row, in role: String, isWanting: Bool) {
        let isChanged =
            isWanting
            ? self.frameworks[framework].idleRoles.remove(role) != nil
            : self.frameworks[framework].idleRoles.insert(role).inserted
        guard isChanged, self.isGuaranteed else { return }
        self.sendToAllocators(.demand(framework: framework, role: role, isWanting: isWanting))
    }

    /// What an allocator has to hear that takes all frameworks to want.
    var idleDemands: [MasterToAllocator] {
        self.frameworks.flatMap { row, framework in
            framework.idleRoles.sorted().map { .demand(framework: row, role: $0, isWanting: false) }
        }
    }

    /// No offers in these roles until revived.
    func suppress(_ framework: Row, roles: [String]) {
        let entry = self.frameworks[framework]
        guard roles.allSatisfy(entry.info.roles.contains) else {
            return self.dropCall(of: framework, "SUPPRESS names a role that is none of the framework's")
        }
        self.frameworks[framework].suppressedRoles = entry.info.roles.filter {
            roles.isEmpty || roles.contains($0) || entry.suppressedRoles.contains($0)
        }
        self.tellFacts(ofFramework: framework)
    }

    private func dropCall(of framework: Row, _ reason: String) {
        if let peer = self.frameworks[framework].peer { self.observe(.callRefused(peer, reason: reason)) }
    }

    /// Forgets refusals, here and in the allocators.
    func forgetFilters(of framework: Row, roles: [String] = []) {
        self.frameworks[framework].filters.removeAll(roles: roles)
        self.sendToAllocators(.revived(framework: framework, roles: roles))
    }

    /// Passes wishes on; policies may heed them.
    func request(_ requests: [SchedulerCall.ResourceRequest], for framework: Row) {
        for role in self.frameworks[framework].info.roles {
            self.noteDemand(of: framework, in: role, isWanting: true)
        }
        for request in requests {
            self.sendToAllocators(.request(framework: framework, request.resources, request.agentID))
        }
    }
}
