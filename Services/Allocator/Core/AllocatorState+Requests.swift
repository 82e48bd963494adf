import Model

// Requests: what frameworks say they would like to be offered. Hints, no more: they decide between clients that are equal in
// share, and never keep resources from anybody.

/// What a framework asked for.
struct ResourceWish {
    let resources: Resources
    /// Nil: of any agent.
    let agentID: AgentID?
    let until: Instant

    func isMet(by resources: Resources, of agent: AgentID) -> Bool {
        (self.agentID ?? agent) == agent && resources.contains(self.resources)
    }
}

extension AllocatorState {
    /// How many wishes of a framework are kept; the oldest make room.
    private static let wishesPerFramework = 8
    /// How many clients beyond the first are looked at for one whose wish is met.
    private static let looksForWish = 32

    /// A framework asks for something: kept until it is offered, or for `AllocatorSettings.requestLifetime`.
    mutating func requested(_ resources: Resources, of agentID: AgentID?, by framework: UInt32, at now: Instant) {
        guard self.frameworks[safe: framework] != nil, !resources.isEmpty else { return }
        let until = now + self.settings.requestLifetime
        var wishes = self.frameworks[Int(framework)]!.wishes.filter { $0.until > now }
        if wishes.count >= Self.wishesPerFramework { wishes.removeFirst() }
        wishes.append(ResourceWish(resources: resources, agentID: agentID, until: until))
        self.frameworks[Int(framework)]!.wishes = wishes
        self.wishesUntil = until
    }

    /// Of the clients that stand equal with `first`, which begins the rest of a walk: one whose wish this meets, else one that
    /// wishes nothing in particular.
    ///
    /// So who asked for more than an agent has is not the first choice for scraps.
    mutating func preferWish(
        to first: (client: UInt32, resources: Resources), of agent: UInt32, at now: Instant, _ looks: inout Int,
        next: (inout Self, inout Int) -> (client: UInt32, resources: Resources)?
    ) -> (client: UInt32, resources: Resources) {
        guard now < self.wishesUntil else { return first }
        var best = first
        var bestRank = self.wishRank(first.client, first.resources, of: agent, at: now)
        let limit = looks + Self.looksForWish
        while bestRank > 0, looks < limit, let other = next(&self, &looks),
            self.tree.areEqual(first.client, other.client)
        {
            let rank = self.wishRank(other.client, other.resources, of: agent, at: now)
            if rank < bestRank { (best, bestRank) = (other, rank) }
        }
        return best
    }

    /// 0: it wishes for this; 1: for nothing; 2: for something else.
    private func wishRank(_ client: UInt32, _ resources: Resources, of agent: UInt32, at now: Instant) -> Int {
        guard let framework = self.clients[Int(client)]?.framework, let id = self.profiles[Int(agent)]?.id else {
            return 1
        }
        var rank = 1
        for wish in self.frameworks[Int(framework)]!.wishes where wish.until > now {
            if wish.isMet(by: resources, of: id) { return 0 }
            rank = 2
        }
        return rank
    }

    /// A framework is offered something: what it wished of that is settled.
    mutating func answerWishes(of framework: UInt32, with resources: Resources, of agent: UInt32) {
        guard let id = self.profiles[Int(agent)]?.id, !self.frameworks[Int(framework)]!.wishes.isEmpty else { return }
        self.frameworks[Int(framework)]!.wishes.removeAll { $0.isMet(by: resources, of: id) }
    }
}
