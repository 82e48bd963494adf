import Model

/// What frameworks refused for a time: of an agent, this much or less, in one role.
///
/// Refusals are found by agent and client together, and stand in a list of their agent and one of their client, for when
/// either is gone or wants offers again. A heap orders them by the time at which they run out. Every change costs
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
        /// Where it stands in the heap.
        var place = 0
        var nextOfPair = RefusalTable.none
        var previousOfAgent = RefusalTable.none
        var nextOfAgent = RefusalTable.none
        var previousOfClient = RefusalTable.none
        var nextOfClient = RefusalTable.none
    }

    private struct Pair: Hashable {
        let agent: UInt32
        let client: UInt32
    }

    private var refusals = Slab<Refusal>()
    private var pairs: [Pair: UInt32] = [:]
    private var ofAgents: [UInt32] = []
    private var ofClients: [UInt32] = []
    private var heap: [UInt32] = []

    var count: Int { self.refusals.count }

    /// When the first runs out; nil if there is none.
    var nextEnd: Instant? { self.heap.first.map { self.refusals[$0].until } }

    /// Whether the client refuses this much of the agent at `now`.
    func blocks(_ resources: Resources, of agent: UInt32, for client: UInt32, at now: Instant) -> Bool {
        guard var index = self.pairs[Pair(agent: agent, client: client)] else { return false }
        while index != Self.none {
            if self.refusals[index].until > now, self.refusals[index].resources.contains(resources) { return true }
            index = self.refusals[index].nextOfPair
        }
        return false
    }

    /// Remembers a refusal.
    ///
    /// Those of the same pair that it covers are forgotten.
    mutating func insert(_ resources: Resources, of agent: UInt32, by client: UInt32, until: Instant) {
        var kept: [UInt32] = []
        var index = self.pairs[Pair(agent: agent, client: client)] ?? Self.none
        while index != Self.none {
            let next = self.refusals[index].nextOfPair
            if self.refusals[index].until <= until, resources.contains(self.refusals[index].resources) {
                self.remove(index)
            } else {
                kept.append(index)
            }
            index = next
        }
        if kept.count >= Self.perPair {
            if let first = kept.min(by: { self.refusals[$0].until < self.refusals[$1].until }) { self.remove(first) }
        }
        while self.ofAgents.count <= agent { self.ofAgents.append(Self.none) }
        while self.ofClients.count <= client { self.ofClients.append(Self.none) }
        var refusal = Refusal(agent: agent, client: client, resources: resources, until: until)
        refusal.nextOfPair = self.pairs[Pair(agent: agent, client: client)] ?? Self.none
        refusal.nextOfAgent = self.ofAgents[Int(agent)]
        refusal.nextOfClient = self.ofClients[Int(client)]
        refusal.place = self.heap.count
        let (nextOfAgent, nextOfClient) = (refusal.nextOfAgent, refusal.nextOfClient)
        let row = self.refusals.insert(refusal)
        if nextOfAgent != Self.none { self.refusals[nextOfAgent].previousOfAgent = row }
        if nextOfClient != Self.none { self.refusals[nextOfClient].previousOfClient = row }
        self.ofAgents[Int(agent)] = row
        self.ofClients[Int(client)] = row
        self.pairs[Pair(agent: agent, client: client)] = row
        self.heap.append(row)
        self.rise(from: self.heap.count - 1)
    }

    /// Takes out the first that has run out, and says of which agent it was.
    mutating func popEnded(at now: Instant) -> UInt32? {
        guard let first = self.heap.first, self.refusals[first].until <= now else { return nil }
        let agent = self.refusals[first].agent
        self.remove(first)
        return agent
    }

    /// Forgets what a client refused.
    mutating func removeAll(ofClient client: UInt32) {
        guard client < self.ofClients.count else { return }
        while self.ofClients[Int(client)] != Self.none { self.remove(self.ofClients[Int(client)]) }
    }

    /// Forgets what was refused of an agent.
    mutating func removeAll(ofAgent agent: UInt32) {
        guard agent < self.ofAgents.count else { return }
        while self.ofAgents[Int(agent)] != Self.none { self.remove(self.ofAgents[Int(agent)]) }
    }

    private mutating func remove(_ row: UInt32) {
        let refusal = self.refusals[row]
        if refusal.previousOfAgent == Self.none {
            self.ofAgents[Int(refusal.agent)] = refusal.nextOfAgent
        } else {
            self.refusals[refusal.previousOfAgent].nextOfAgent = refusal.nextOfAgent
        }
        if refusal.nextOfAgent != Self.none {
            self.refusals[refusal.nextOfAgent].previousOfAgent = refusal.previousOfAgent
        }
        if refusal.previousOfClient == Self.none {
            self.ofClients[Int(refusal.client)] = refusal.nextOfClient
        } else {
            self.refusals[refusal.previousOfClient].nextOfClient = refusal.nextOfClient
        }
        if refusal.nextOfClient != Self.none {
            self.refusals[refusal.nextOfClient].previousOfClient = refusal.previousOfClient
        }
        self.removeFromPair(row, refusal)
        self.removeFromHeap(refusal.place)
        self.refusals.remove(row)
    }

    private mutating func removeFromPair(_ row: UInt32, _ refusal: Refusal) {
        let pair = Pair(agent: refusal.agent, client: refusal.client)
        guard var index = self.pairs[pair] else { return }
        if index == row {
            self.pairs[pair] = refusal.nextOfPair == Self.none ? nil : refusal.nextOfPair
            return
        }
        while self.refusals[index].nextOfPair != row { index = self.refusals[index].nextOfPair }
        self.refusals[index].nextOfPair = refusal.nextOfPair
    }

    private mutating func removeFromHeap(_ place: Int) {
        let last = self.heap.removeLast()
        guard place < self.heap.count else { return }
        self.heap[place] = last
        self.refusals[last].place = place
        self.rise(from: place)
        self.sink(from: self.refusals[last].place)
    }

    private mutating func rise(from start: Int) {
        var place = start
        while place > 0 {
            let parent = (place - 1) / 2
            guard self.refusals[self.heap[place]].until < self.refusals[self.heap[parent]].until else { return }
            self.exchange(place, parent)
            place = parent
        }
    }

    private mutating func sink(from start: Int) {
        var place = start
        while true {
            var least = place
            for child in [2 * place + 1, 2 * place + 2] where child < self.heap.count {
                if self.refusals[self.heap[child]].until < self.refusals[self.heap[least]].until { least = child }
            }
            guard least != place else { return }
            self.exchange(place, least)
            place = least
        }
    }

    private mutating func exchange(_ left: Int, _ right: Int) {
        self.heap.swapAt(left, right)
        self.refusals[self.heap[left]].place = left
        self.refusals[self.heap[right]].place = right
    }
}
