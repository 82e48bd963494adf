import Model

extension MasterState {
    /// The tables of a leading master.
    ///
    /// What it does with them is in the files `MasterState+….swift`.
    ///
    /// One object for one leadership, changed in place: at 100,000 agents a copy per event would cost more than the event.
    final class Cluster {
        let epoch: Epoch
        let settings: MasterSettings
        let codec: any EntityCodec
        let name: String
        let address: String
        let elected: Instant
        /// What the names of its offers begin with.
        let offerPrefix: String

        var agents = Slab<AgentEntry>()
        var frameworks = Slab<FrameworkEntry>()
        var tasks = Slab<TaskEntry>()
        var executors = Slab<ExecutorEntry>()
        var offers = Slab<OfferEntry>()
        var launches = Slab<LaunchEntry>()
        var relays = Slab<RelayEntry>()
        var allocators = Slab<AllocatorEntry>()
        /// Of the allocators that only watch.
        var shadows: [ShadowLedger] = []

        /// Names to rows, for what comes from outside.
        var agentRows: [AgentID: Row] = [:]
        var frameworkRows: [FrameworkID: Row] = [:]
        var offerRows: [UInt64: Row] = [:]
        var peers: [PeerID: Peer] = [:]
        /// Agents that were given an id but have not shown that they know it, by where they serve.
        var newcomers: [Endpoint: Row] = [:]

        /// Removed frameworks, oldest first, as far as they are remembered.
        var removed: Set<FrameworkID> = []
        var removedOrder = Ring<FrameworkID>()
        var history = Ring<PastTask>()
        var listings: [Listing] = []
        var inquiries: [Inquiry] = []
        var revocations: [UInt64: RevocationEntry] = [:]
        var revocationOrder: [UInt64] = []
        /// Tasks whose time on a short slot runs.
        var slots: [UInt64: Row] = [:]
        var lastSlot: UInt64 = 0

        var offerDeadlines = ExpiryQueue()
        var agentDeadlines = ExpiryQueue()
        var unreachableOrder = ExpiryQueue()
        var unreachableCount = 0
        /// Frameworks with offers that were not sent yet.
        var frameworksWithOffers: [Row] = []
        /// Agents whose books have changed since they were confirmed.
        var unconfirmedAgents: [Row] = []

        /// The four scalars of all agents that are not given up, and of what is held of them.
        var total: Resources = .init()
        var used: Resources = .init()
        var offered: Resources = .init()
        var policy = ClusterPolicy()
        /// The file that says it; empty if none does.
        var policySource: Bytes = []
        var roles = RoleTable()
        /// The policy limits somebody: proposals are held against limits only then.
        var isLimited = false
        /// It guarantees something to somebody: who wants what is told only then.
        var isGuaranteed = false
        /// What the policy says of frameworks, by id or name.
        var rules: [String: FrameworkRule] = [:]

        var masters: [String]
        var generator: SeededGenerator
        var lastAgent: UInt64 = 0
        var lastFramework: UInt64 = 0
        var lastOffer: UInt64 = 0
        var lastSubscription: UInt64 = 0
        var lastArrival: UInt64 = 0
        /// Counts registrations, so that what one of them lists can be told from what an earlier one did.
        var registrations: UInt64 = 0
        /// The agent whose registration is being adopted: allocators hear of it as a whole, afterwards.
        var adopting: Row?
        /// A later epoch that an agent or a relay has shown: this leadership is over.
        var higherEpoch: Epoch?

        var now: Instant
        var effects: [Effect] = []

        /// What a connection is.
        enum Peer: Hashable {
            case relay(Row)
            case allocator(Row)
            /// Has not subscribed yet; which of all connections of schedulers it is.
            case newScheduler(arrival: UInt64)
            /// Speaks for that framework.
            case scheduler(Row)
            /// Waits to speak for that framework.
            case standbyScheduler(Row, arrival: UInt64)
            case `operator`
            /// Stands by, and watches whether this master lives. Nothing is said to it.
            case witness
        }

        /// Where an agent serves its sandboxes: unique as long as it lives.
        struct Endpoint: Hashable {
            var hostname: String
            var sidePort: UInt16
        }

        /// A task that has ended, for listings.
        struct PastTask {
            var row: TaskRow
            var latestStatus: Bytes
        }

        init(
            epoch: Epoch, settings: MasterSettings, codec: any EntityCodec, name: String, address: String,
            masters: [String], generator: SeededGenerator, at now: Instant
        ) {
            self.epoch = epoch
            self.offerPrefix = "\(epoch)-O"
            self.settings = settings
            self.codec = codec
            self.name = name
            self.address = address
            self.masters = masters
            self.generator = generator
            self.elected = now
            self.now = now
        }
    }
}

/// The last so many of something.
struct Ring<Element> {
    private var elements: [Element] = []
    private var oldest = 0

    var count: Int { self.elements.count }

    /// Adds the newest; gives back the oldest if that falls out.
    mutating func append(_ element: Element, limit: Int) -> Element? {
        guard limit > 0 else { return element }
        if self.elements.count < limit {
            self.elements.append(element)
            return nil
        }
        let dropped = self.elements[self.oldest]
        self.elements[self.oldest] = element
        self.oldest = (self.oldest + 1) % limit
        return dropped
    }

    /// Counted from the oldest.
    subscript(position: Int) -> Element { self.elements[(self.oldest + position) % self.elements.count] }
}

// MARK: The handle table

extension MasterState.Cluster {
    /// Takes one event of a leading master.
    func handle(_ event: MasterState.Event, at now: Instant, into effects: inout [MasterState.Effect]) {
        self.now = now
        swap(&self.effects, &effects)
        defer {
            if !self.shadows.isEmpty { self.sendFromShadows() }
            swap(&self.effects, &effects)
        }
        switch event {
        case .peerConnected(let peer, let hello): self.peerConnected(peer, hello)
        case .peerDisconnected(let peer): self.peerDisconnected(peer)
        case .relay(let peer, let message): self.received(message, fromRelay: peer)
        case .allocator(let peer, let message): self.received(message, fromAllocator: peer)
        case .scheduler(let peer, let call): self.received(call, from: peer)
        case .operator(let peer, let request): self.received(request, fromOperator: peer)
        case .undecodable(let peer, let message): self.receivedUndecodable(message, from: peer)
        case .timerFired(let timer): self.fired(timer)
        case .mastersChanged(let masters): self.mastersChanged(to: masters)
        case .policyRead(let policy, let source):
            self.policySource = source
            self.adopt(policy)
        case .elected, .deposed, .leaderChanged, .higherEpochSeen: break  // Of the mode, not of the cluster.
        }
    }

    private func fired(_ timer: MasterTimer) {
        switch timer {
        case .offersDue: self.sendOffers()
        case .confirmations: self.sendConfirmations()
        case .offerTimeout: self.expireOffers()
        case .agentTimeout: self.expireAgents()
        case .failover(let id): self.failoverTimeoutPassed(id)
        case .schedulerHeartbeat(let peer): self.heartbeat(peer)
        case .standbys: self.endAwaitingActiveSchedulers()
        case .allocatorSync(let peer): self.continueSync(peer)
        case .shadow(let peer): self.advanceShadow(peer)
        case .listing: self.continueListings()
        case .inquiry: self.continueInquiries()
        case .revocation(let serial): self.carryOutRevocation(serial)
        case .slot(let serial): self.slotEnded(serial)
        }
    }

    private func peerConnected(_ peer: PeerID, _ hello: Hello) {
        switch hello.role {
        case .relay: self.relayConnected(peer, hello)
        case .allocator: self.allocatorConnected(peer, hello)
        case .scheduler: self.peers[peer] = .newScheduler(arrival: self.nextArrival())
        case .operator: self.peers[peer] = .operator
        case .master: self.peers[peer] = .witness
        case .agent, .executor:
            self.effects.append(.close(peer, Refusal(.role, "The master does not serve this role")))
        }
    }

    func nextArrival() -> UInt64 {
        self.lastArrival += 1
        return self.lastArrival
    }

    private func peerDisconnected(_ peer: PeerID) {
        switch self.peers.removeValue(forKey: peer) {
        case .relay(let relay): self.relayLost(relay)
        case .allocator(let allocator): self.allocatorLost(allocator)
        case .scheduler(let framework): self.schedulerLost(framework)
        case .standbyScheduler(let framework, _): self.standbyLeft(peer, framework)
        case .operator:
            self.listings.removeAll { $0.peer == peer }
            self.inquiries.removeAll { $0.peer == peer }
        case .newScheduler, .witness, nil: break
        }
    }

    private func receivedUndecodable(_ message: String, from peer: PeerID) {
        self.observe(.callRefused(peer, reason: message))
        switch self.peers[peer] {
        case .newScheduler, .scheduler, .standbyScheduler:
            self.effects.append(.sendToScheduler(peer, .error(message, leader: nil)))
        case .operator: self.effects.append(.sendToOperator(peer, OperatorResponse(id: 0, .failure(message))))
        case .relay, .allocator, .witness, nil: break
        }
    }

    private func mastersChanged(to masters: [String]) {
        let ordered = [self.address] + masters.filter { $0 != self.address }
        guard ordered != self.masters else { return }
        self.masters = ordered
        self.sendDirectory()
    }

    /// Ends the leadership: everybody has to look for the next leader.
    func end(because reason: String, into effects: inout [MasterState.Effect]) {
        let refusal = Refusal(.notLeader, "This master leads no longer: \(reason)", epoch: self.epoch)
        for peer in self.peers.keys.sorted() { effects.append(.close(peer, refusal)) }
        effects.append(.observe(.deposed(self.epoch, reason: reason)))
    }

    func observe(_ fact: MasterFact) { self.effects.append(.observe(fact)) }

    /// Ends a connection from this side, as if it had been lost.
    func drop(_ peer: PeerID, _ refusal: Refusal?) {
        self.effects.append(.close(peer, refusal))
        self.peerDisconnected(peer)
    }
}
