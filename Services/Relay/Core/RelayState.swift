public import Model

/// A status-update relay: the door through which agents speak with the leading master and with schedulers.
///
/// It holds no durable state. What it knows of an agent the agent told it, and tells the next relay again; what it holds
/// for a scheduler the agent holds in its log. So a relay may end at any moment and nothing is lost.
///
/// The cost of an event does not grow with the number of agents, frameworks or held statuses, except for what happens
/// once per leadership: a new master is told of all agents, in turns of `RelaySettings.bulkBytesPerTurn`; and agents are
/// told of other relays and masters, in turns of `RelaySettings.directoryPerTurn`.
///
/// Orders are given to the host in the turn in which they come, and none is kept here. An order of an old master that
/// is still on its way to an agent when a new one is followed arrives before the agent hears of the new epoch; if it was
/// a launch, the snapshot names it as `sent`.
public struct RelayState: Role {
    /// A connection of a scheduler.
    struct SchedulerPeer {
        let framework: UInt32
        let subscription: Subscription
        /// A notice said that its subscription is the one in force.
        var isActive: Bool
    }

    /// A connection of an agent.
    struct AgentPeer {
        let incarnation: Bytes
        /// What it knows of the protocol; see `ProtocolRevision`.
        let revision: UInt32
        /// Nil until it registered.
        var index: UInt32?
        /// The pieces of its registration so far.
        var partial: AgentRegistration?
        /// What those hold.
        var partialBytes = 0
    }

    /// The connection to the leading master.
    struct Link {
        let peer: PeerID
        /// From 1 on, each once; numbers of connections are used again.
        let number: UInt64
        let epoch: Epoch
        /// The next agent of the snapshot; nil: it was told all.
        var snapshotCursor: UInt32? = 0
        var agentsTold = 0
        /// By index, the highest attachment that the master was told of and that is over.
        ///
        /// What it still says about that one must not reach another agent: the next of that index has a higher one.
        var over: [UInt32: Attachment] = [:]
    }

    let settings: RelaySettings
    var agents = Slab<AgentEntry>()
    var agentPeers: [PeerID: AgentPeer] = [:]
    var agentsByID: [AgentID: UInt32] = [:]
    /// By the incarnation of their process: an agent that no master has named yet is known by it.
    var agentsByIncarnation: [Bytes: UInt32] = [:]
    var frameworks = Slab<FrameworkEntry>()
    var frameworksByID: [FrameworkID: UInt32] = [:]
    /// Frameworks that a master removed, longest ago first; bounded.
    var removed: [FrameworkID] = []
    var schedulerPeers: [PeerID: SchedulerPeer] = [:]
    var held = HeldStatuses()
    /// Of the last link to a master.
    var lastLink: UInt64 = 0
    var outboxes = OutboxQueue()
    /// Changes of the books that the master is told soon, in their order.
    var untoldBooks: [RelayToMaster] = []
    var isBookTimerSet = false
    var link: Link?
    /// Nil while a master is followed, and where there is no other relay.
    var cutOff: CutOff?
    /// Frameworks whose target is being given what is held, in turn.
    var redeliveries: [UInt32] = []
    var isBulkTimerSet = false
    var isInBulkTurn = false
    var isShuttingDown = false
    var directory = Directory()
    /// Relays that the coordination service or the flags name, this one perhaps among them.
    var listed: [String] = []

    /// The highest epoch that a master or an agent showed.
    ///
    /// No master below it is obeyed.
    public internal(set) var highestEpoch: Epoch = .none
    /// What it has carried.
    public internal(set) var counters = RelayCounters()

    /// How many removed frameworks are remembered.
    static let removedLimit = 4096

    /// A relay that nobody has connected to.
    public init(settings: RelaySettings) {
        self.settings = settings
    }

    /// How many agents are attached.
    public var attachedAgents: Int { self.agents.count }

    /// How many schedulers of a subscription in force are connected.
    public internal(set) var connectedSchedulers = 0

    /// Statuses that wait for an acknowledgement.
    public var heldStatuses: Int { self.held.count }

    /// What they take.
    public var heldBytes: Int { self.held.bytes }

    /// The leadership that is followed, once it was told of all agents.
    public var followedEpoch: Epoch? { self.link.flatMap { $0.snapshotCursor == nil ? $0.epoch : nil } }

    /// Takes one event; see `Role`.
    public mutating func handle(_ event: Event, at now: Instant, into effects: inout [Effect]) {
        switch event {
        case .agentConnected(let peer, let hello): self.agentConnected(peer, hello, at: now, into: &effects)
        case .agent(let peer, .registration(let registration)):
            self.registrationCame(registration, from: peer, at: now, into: &effects)
        case .agent(let peer, .status(let envelope)): self.status(envelope, from: peer, at: now, into: &effects)
        case .agent(let peer, .book(let entry)): self.book(entry, from: peer, at: now, into: &effects)
        case .agent(let peer, .message(let key, let data)): self.message(key, data, from: peer, into: &effects)
        case .agent(let peer, .resending(let framework)): self.resending(framework, from: peer, into: &effects)
        case .agentDisconnected(let peer): self.agentDisconnected(peer, into: &effects)
        case .schedulerConnected(let peer, let hello):
            self.schedulerConnected(peer, hello, at: now, into: &effects)
        case .scheduler(let peer, let call): self.call(call, from: peer, at: now, into: &effects)
        case .schedulerDisconnected(let peer): self.schedulerDisconnected(peer, at: now, into: &effects)
        case .masterConnected(let peer, let welcome): self.masterConnected(peer, welcome, at: now, into: &effects)
        case .master(let peer, let message): self.master(message, from: peer, at: now, into: &effects)
        case .masterDisconnected(let peer): self.masterDisconnected(peer, at: now, into: &effects)
        case .relayAnswered(let address, let epoch): self.relayAnswered(address, epoch, at: now, into: &effects)
        case .relaysListed(let relays): self.relaysListed(relays, at: now, into: &effects)
        case .undecodable(let peer, let problem):
            guard self.schedulerPeers[peer] != nil else { return }
            effects.append(.sendToScheduler(peer, .error("this is no call: \(problem)", leader: nil)))
        case .timerFired(.fallback(let id)): self.fallBack(id, at: now, into: &effects)
        case .timerFired(.fence(let peer)): self.fenceExpired(peer, into: &effects)
        case .timerFired(.bulk):
            self.isBulkTimerSet = false
            self.runBulk(at: now, into: &effects)
        case .timerFired(.cutOff): self.askOthers(at: now, into: &effects)
        case .timerFired(.leaving): self.sendNextAway(at: now, into: &effects)
        case .timerFired(.directory): self.spreadDirectory(at: now, into: &effects)
        case .timerFired(.outbox): self.outboxTimerFired(at: now, into: &effects)
        case .timerFired(.books):
            self.isBookTimerSet = false
            self.tellBooks(into: &effects)
        case .timerFired(.resend(let id)): self.resendTimerFired(id, at: now, into: &effects)
        case .shuttingDown: self.shutDown(into: &effects)
        }
    }

    /// The relay's first frame to a master.
    public var hello: Hello {
        var hello = Hello(role: .relay, name: self.settings.name)
        hello.epoch = self.highestEpoch
        hello.address = self.settings.address
        return hello
    }

    /// Whether a caller may connect.
    public func admit(_ hello: Hello) -> Result<Welcome, Refusal> {
        if self.isShuttingDown { return .failure(Refusal(.shuttingDown, "this relay ends: use another")) }
        switch hello.role {
        case .agent:
            guard self.agentPeers.count < self.settings.maxAgents else {
                return .failure(Refusal(.full, "this relay has its \(self.settings.maxAgents) agents: use another"))
            }
            if self.isSendingAway {
                return .failure(Refusal(.full, "this relay is cut off from the master, as others are not: use another"))
            }
        case .scheduler:
            if let refusal = self.refusal(ofScheduler: hello) { return .failure(refusal) }
        case .relay: return .success(self.answerToRelay)
        case .master, .allocator, .executor, .operator:
            return .failure(
                Refusal(
                    .role, "a relay serves agents and schedulers; masters serve the rest",
                    leader: self.directory.masters.first))
        }
        var welcome = Welcome(role: .relay, name: self.settings.name)
        welcome.epoch = self.highestEpoch
        welcome.relays = self.link == nil ? self.knownRelays : self.directory.relays
        welcome.masters = self.directory.masters
        return .success(welcome)
    }

    /// What another relay learns that has no master: whether this one has.
    private var answerToRelay: Welcome {
        var welcome = Welcome(role: .relay, name: self.settings.name)
        welcome.epoch = self.link?.epoch ?? .none
        return welcome
    }

    /// All agents and schedulers are sent away.
    private mutating func shutDown(into effects: inout [Effect]) {
        self.isShuttingDown = true
        for row in self.agents.indices { self.goElsewhere(row, because: "this relay ends", into: &effects) }
        for peer in self.schedulerPeers.keys.sorted() {
            effects.append(.close(peer, Refusal(.shuttingDown, "this relay ends")))
        }
        for peer in self.schedulerPeers.keys.sorted() { self.forgetScheduler(peer) }
    }

    /// The framework's row, made if it is new.
    mutating func row(of id: FrameworkID) -> UInt32 {
        if let row = self.frameworksByID[id] { return row }
        let row = self.frameworks.insert(FrameworkEntry(id: id))
        self.frameworksByID[id] = row
        return row
    }

    /// Remembers a framework's description; the latest wins.
    mutating func remember(_ id: FrameworkID, info: Bytes, replacing: Bool) {
        let row = self.row(of: id)
        guard !info.isEmpty, replacing || self.frameworks[row].info.isEmpty else { return }
        if self.frameworks[row].info != info { self.frameworks[row].info = info }
    }

    /// Takes a framework out of all tables.
    mutating func forget(_ row: UInt32) {
        self.held.removeAll(ofFramework: row)
        let entry = self.frameworks.remove(row)
        self.frameworksByID[entry.id] = nil
        self.redeliveries.removeAll { $0 == row }
    }
}
