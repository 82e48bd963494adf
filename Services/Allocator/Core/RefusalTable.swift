import Model

/// What frameworks refused for a time: of an agent, this much or less, in one role.
///
/// Refusals are found by agent and client together, and stand in a list of their agent and one of their client, for when
/// either is gone or wants offers again. A queue orders them by the time at which they run out. Every change costs
/// O(log refusals); a question costs O(1), however many there are.
struct RefusalTable {
    private static let none = UInt32.max
    /// How many of one client for one agent are kept; beyond, the one that ends first makes room.
    private static let perPair = 8

    private struct Refusal {
        let agent: UInt32
        let client: UInt32
        let resources: Resources
        let until: Instant
        /// 0: the row is vacant.
        var serial: UInt64
        var nextOfPair = RefusalTable.none
        var previousOfAgent = RefusalTable.none
        var nextOfAgent = RefusalTable.none
        var previousOfClient = RefusalTable.none
        var nextOfClient = RefusalTable.none
    }

    private var refusals: [Refusal] = []
    private var vacant: [UInt32] = []
    private var pairs = PairIndex()
    private var ofAgents: [UInt32] = []
    private var ofClients: [UInt32] = []
    private var queue = DeadlineQueue()
    private var lastSerial: UInt64 = 0

    var count: Int { self.refusals.count - self.vacant.count }

    /// When the first runs out; nil if there is none.
    var nextEnd: Instant? { self.queue.first?.end }

    /// Whether the client refuses this much of the agent at `now`.
    func blocks(_ resources: Resources, of agent: UInt32, for client: UInt32, at now: Instant) -> Bool {
        guard !self.pairs.isEmpty, var index = self.pairs[agent, client] else { return false }
        while index != Self.none {
            let row = Int(index)
            if self.refusals[row].until > now, self.refusals[row].resources.contains(resources) { return true }
            index = self.refusals[row].nextOfPair
        }
        return false
    }

    /// Remembers a refusal.
    ///
    /// Those of the same pair that it covers are forgotten.
    mutating func insert(_ resources: Resources, of agent: UInt32, by client: UInt32, until: Instant) {
        self.makeRoom(for: resources, of: agent, by: client, until: until)
        while self.ofAgents.count <= agent { self.ofAgents.append(Self.none) }
        while self.ofClients.count <= client { self.ofClients.append(Self.none) }
        self.lastSerial += 1
        let nextOfAgent = self.ofAgents[Int(agent)]
        let nextOfClient = self.ofClients[Int(client)]
        var refusal = Refusal(
            agent: agent, client: client, resources: resources, until: until, serial: self.lastSerial)
        refusal.nextOfPair = self.pairs[agent, client] ?? Self.none
        refusal.nextOfAgent = nextOfAgent
        refusal.nextOfClient = nextOfClient
        let row = self.vacant.popLast() ?? UInt32(self.refusals.count)
        if row < self.refusals.count { self.refusals[Int(row)] = refusal } else { self.refusals.append(refusal) }
        if nextOfAgent != Self.none { self.refusals[Int(nextOfAgent)].previousOfAgent = row }
        if nextOfClient != Self.none { self.refusals[Int(nextOfClient)].previousOfClient = row }
        self.ofAgents[Int(agent)] = row
        self.ofClients[Int(client)] = row
        self.pairs[agent, client] = row
        self.queue.insert(DeadlineQueue.Entry(end: until, serial: self.lastSerial, row: row))
    }

    /// Forgets what the new refusal of a pair covers, and the first to end of too many.
    private mutating func makeRoom(for resources: Resources, of agent: UInt32, by client: UInt32, until: Instant) {
        var kept = 0
        var firstToEnd = Self.none
        var index = self.pairs[agent, client] ?? Self.none
        while index != Self.none {
            let row = index
            let end = self.refusals[Int(row)].until
            index = self.refusals[Int(row)].nextOfPair
            if end <= until, resources.contains(self.refusals[Int(row)].resources) {
                self.remove(row)
                continue
            }
            kept += 1
            if firstToEnd == Self.none || end < self.refusals[Int(firstToEnd)].until { firstToEnd = row }
        }
        if kept >= Self.perPair { self.remove(firstToEnd) }
        self.prune()
    }

    /// Takes out the first that has run out, and says of which agent it was.
    mutating func popEnded(at now: Instant) -> UInt32? {
        guard let first = self.queue.first, first.end <= now else { return nil }
        let agent = self.refusals[Int(first.row)].agent
        self.remove(first.row)
        self.prune()
        return agent
    }

    /// Forgets what a client refused.
    mutating func removeAll(ofClient client: UInt32) {
        guard client < self.ofClients.count, self.ofClients[Int(client)] != Self.none else { return }
        while self.ofClients[Int(client)] != Self.none { self.remove(self.ofClients[Int(client)]) }
        self.prune()
    }

    /// Forgets what was refused of an agent.
    mutating func removeAll(ofAgent agent: UInt32) {
        guard agent < self.ofAgents.count, self.ofAgents[Int(agent)] != Self.none else { return }
        while self.ofAgents[Int(agent)] != Self.none { self.remove(self.ofAgents[Int(agent)]) }
        self.prune()
    }

    private mutating func prune() {
        let refusals = self.refusals
        self.queue.prune(live: self.count) { refusals[Int($0.row)].serial != $0.serial }
    }

    private mutating func remove(_ row: UInt32) {
        let refusal = self.refusals[Int(row)]
        if refusal.previousOfAgent == Self.none {
            self.ofAgents[Int(refusal.agent)] = refusal.nextOfAgent
        } else {
            self.refusals[Int(refusal.previousOfAgent)].nextOfAgent = refusal.nextOfAgent
        }
        if refusal.nextOfAgent != Self.none {
            self.refusals[Int(refusal.nextOfAgent)].previousOfAgent = refusal.previousOfAgent
        }
        if refusal.previousOfClient == Self.none {
            self.ofClients[Int(refusal.client)] = refusal.nextOfClient
        } else {
            self.refusals[Int(refusal.previousOfClient)].nextOfClient = refusal.nextOfClient
        }
        if refusal.nextOfClient != Self.none {
            self.refusals[Int(refusal.nextOfClient)].previousOfClient = refusal.previousOfClient
        }
        self.removeFromPair(row, refusal)
        self.refusals[Int(row)].serial = 0
        self.vacant.append(row)
    }

    private mutating func removeFromPair(_ row: UInt32, _ refusal: Refusal) {
        guard var index = self.pairs[refusal.agent, refusal.client] else { return }
        if index == row {
            self.pairs[refusal.agent, refusal.client] = refusal.nextOfPair == Self.none ? nil : refusal.nextOfPair
            return
        }
        while self.refusals[Int(index)].nextOfPair != row { index = self.refusals[Int(index)].nextOfPair }
        self.refusals[Int(index)].nextOfPair = refusal.nextOfPair
    }
}
