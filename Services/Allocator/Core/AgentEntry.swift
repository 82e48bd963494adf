import Model

/// What an agent is, which seldom changes and is seldom asked for.
struct AgentProfile {
    var id: AgentID
    var total: Resources
    var hostname: String
    var attributes: [Attribute]
    /// Nothing of it is proposed while less than this is free.
    var minimumOffer: Resources
}

/// What is free of an agent, who holds the rest, and what is proposed.
///
/// Every decision touches one of these, in a table that does not fit in the processor's caches: so it is small, and what is
/// seldom asked for is elsewhere.
struct AgentEntry {
    /// Of one agent, held by one client, by the master's word.
    struct Holding {
        let client: UInt32
        let serial: UInt32
        var resources: Resources
    }

    /// False: the number stands for no agent at present.
    var isKnown = false
    var isOwned = false
    var isActive = false
    /// Its profile has a minimum offer.
    var hasMinimum = false
    /// It stands in the queue of agents to look at.
    var isDirty = false
    /// Its last message was a refusal: what comes free next is what was refused.
    var isRefused = false
    /// The oldest proposal that is not answered yet: a row of the `ProposalTable`.
    var firstProposal = ProposalTable.none
    /// Whose constraints it meets: a row of the `KindTable`.
    var admission: UInt32 = 0
    /// By the master's books: what is proposed is free in them until the master has booked it.
    var free = Resources()
    private(set) var holdings: [Holding] = []
    /// Clients that had it offered and gave it back untouched, without asking to be left alone.
    ///
    /// Others go first, until all have had it.
    var declined: [UInt32] = []
    /// Which message of the master was the last about it.
    var changed: UInt64 = 0
    var ownership: Ownership = 0

    mutating func addHolding(_ resources: Resources, of client: UInt32, serial: UInt32) {
        for index in self.holdings.indices
        where self.holdings[index].client == client && self.holdings[index].serial == serial {
            self.holdings[index].resources += resources
            return
        }
        self.holdings.append(Holding(client: client, serial: serial, resources: resources))
    }

    /// Less is held by a client; says how much less, which is what it held at most.
    mutating func reduceHolding(of client: UInt32, serial: UInt32, by resources: Resources) -> Resources {
        for index in self.holdings.indices
        where self.holdings[index].client == client && self.holdings[index].serial == serial {
            let before = self.holdings[index].resources
            if before == resources {
                self.holdings.remove(at: index)
                return resources.scalars
            }
            self.holdings[index].resources -= resources
            let after = self.holdings[index].resources
            if after.isEmpty { self.holdings.remove(at: index) }
            return before.scalars - after.scalars
        }
        return .init()
    }
}
