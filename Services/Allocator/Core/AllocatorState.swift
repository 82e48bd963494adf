public import Model

/// An allocator: it decides which framework is offered which agent's free resources.
///
/// It owns no facts. The master tells what there is and every change of it; the allocator proposes, and counts what it
/// proposed as held until the master answers. A wrong, late or doubled proposal does no harm: the master checks each.
///
/// Nothing happens by period. An agent of which something comes free is put in a queue, and at once, or where much comes
/// free a batching window later, each queued agent's whole free amount goes to the client that the policy prefers and that
/// wants it.
/// An agent that nobody wants is left alone until a reason comes up: more of it comes free, a refusal runs out, or a
/// framework comes, wakes up or changes its wishes. The last makes all agents with something free candidates; those are
/// gone through in turns.
///
/// What an event costs does not grow with the number of agents. A message touches its agent, its client and the clock of
/// one turn; a turn looks at `AllocatorSettings.looksPerTurn` frameworks and leaves the rest to the next.
public struct AllocatorState: Role {
    /// The connection to the leading master.
    struct Link {
        let peer: PeerID
        let epoch: Epoch
        var isSynced = false
    }

    let settings: AllocatorSettings
    let codec: (any EntityCodec)?
    /// Which policy orders the tree.
    private(set) var sharing: SharingPolicy
    var link: Link?
    var tree: RoleTree

    /// Numbers in the tree by name.
    var roles: [String: UInt32] = [:]
    var frameworks: [FrameworkEntry?] = []
    var frameworkCount = 0
    /// By framework; what every message asks for, so apart from what none does.
    var memberships: [[Membership]] = []
    /// By number in the tree.
    var clients: [ClientEntry?] = []
    var kinds = KindTable()
    var agents: [AgentEntry] = []
    /// By the same numbers as `agents`.
    var profiles: [AgentProfile?] = []
    var proposals = ProposalTable()
    var agentCount = 0
    var ownedCount = 0
    var total = Resources()
    var refusals = RefusalTable()
    var free = FreeResources()
    /// The least that was free beyond guarantees when something was held back from somebody, since all was looked at.
    var heldBackAt: Resources?
    /// What is free has changed while something is held back.
    var isSpareMoved = false

    /// By the operator's policy; before that is known nothing is taken back.
    var revocation = RevocationRules(wait: nil)
    var waits = GuaranteeWaits()

    /// When the last wish of a framework ends.
    var wishesUntil = Instant(nanoseconds: 0)
    /// By client: the decision in which it was passed over last because it had declined.
    var passedOver: [UInt64] = []
    /// Agents of which something changed, in the order in which it did; those before `dirtyHead` are done.
    var dirty: [UInt32] = []
    var dirtyHead = 0
    /// Agents of which something can be proposed.
    var candidates = AgentSet()
    /// Where the walk through all candidates goes on, and how many more agents belong to it.
    var sweepCursor: UInt32 = 0
    var sweepLeft = 0

    var isBatchTimerSet = false
    var window = BatchWindow()
    var filterTimer: Instant?
    var nextProposal: UInt64 = 1
    var nextSerial: UInt32 = 1
    /// How many messages of the master were read.
    var messages: UInt64 = 0

    /// The highest epoch that a master showed.
    ///
    /// No master below it is followed.
    public internal(set) var highestEpoch: Epoch = .none

    /// What it has done.
    public internal(set) var counters = AllocatorCounters()

    /// An allocator that knows no master yet.
    ///
    /// Without a codec it sees no attributes of agents.
    public init(settings: AllocatorSettings, codec: (any EntityCodec)? = nil) {
        self.settings = settings
        self.codec = codec
        self.sharing = settings.policy ?? .fair
        self.tree = RoleTree((settings.policy ?? .fair).make(settings.random))
    }

    /// The allocator's first frame to a master.
    public var hello: Hello {
        var hello = Hello(role: .allocator, name: self.settings.name)
        hello.epoch = self.highestEpoch
        hello.isShadow = self.settings.isShadow
        return hello
    }

    /// Whether the facts are complete.
    public var isSynced: Bool { self.link?.isSynced ?? false }

    /// How many agents the cluster has.
    public var knownAgents: Int { self.agentCount }

    /// For how many of them it proposes.
    public var ownedAgents: Int { self.ownedCount }

    /// How many frameworks the cluster has.
    public var knownFrameworks: Int { self.frameworkCount }

    /// Refusals that have not run out.
    public var activeFilters: Int { self.refusals.count }

    /// The dominant share of a framework in a role, unweighted; 0 if it holds nothing.
    public func share(of framework: FrameworkID, role: String) -> Double {
        guard let row = self.frameworks.firstIndex(where: { $0?.id == framework }),
            let client = self.client(of: UInt32(row), in: role)
        else { return 0 }
        return self.tree.dominantShare(self.tree[client].held)
    }

    /// Takes one event; see `Role`.
    public mutating func handle(_ event: Event, at now: Instant, into effects: inout [Effect]) {
        switch event {
        case .masterConnected(let peer, let welcome): self.masterConnected(peer, welcome, into: &effects)
        case .master(let peer, let message):
            guard self.link?.peer == peer else { return }
            self.messages += 1
            if let trial = self.settings.trial {
                for message in trial.replacing(message) { self.master(message, at: now, into: &effects) }
            } else {
                self.master(message, at: now, into: &effects)
            }
            self.setTimers(at: now, into: &effects)
        case .masterDisconnected(let peer):
            guard let link = self.link, link.peer == peer else { return }
            self.forgetAll(into: &effects)
            effects.append(.observe(.masterLost(link.epoch)))
        case .timerFired(.batch):
            self.isBatchTimerSet = false
            self.allocate(at: now, into: &effects)
            self.updateWaits(at: now, into: &effects)
            self.setTimers(at: now, into: &effects)
        case .timerFired(.filters):
            self.filterTimer = nil
            self.endRefusals(at: now)
            self.setTimers(at: now, into: &effects)
        case .timerFired(.revocation): self.waitEnded(at: now, into: &effects)
        }
    }

    private mutating func masterConnected(_ peer: PeerID, _ welcome: Welcome, into effects: inout [Effect]) {
        guard welcome.epoch >= self.highestEpoch else {
            let refusal = Refusal(
                .stale, "epoch \(welcome.epoch) is over: \(self.highestEpoch) has been seen", epoch: self.highestEpoch)
            effects += [.close(peer, refusal), .observe(.masterStale(welcome.epoch, highest: self.highestEpoch))]
            return
        }
        if let old = self.link {
            let refusal = Refusal(.stale, "another master is followed", epoch: welcome.epoch)
            effects.append(.close(old.peer, refusal))
        }
        self.forgetAll(into: &effects)
        self.highestEpoch = welcome.epoch
        self.link = Link(peer: peer, epoch: welcome.epoch)
        effects.append(.observe(.masterFollowed(welcome.epoch)))
    }

    /// The next master tells everything anew.
    ///
    /// Proposals keep their count, so that no late answer is taken for another's.
    private mutating func forgetAll(into effects: inout [Effect]) {
        var fresh = AllocatorState(settings: self.settings, codec: self.codec)
        fresh.tree = RoleTree(self.tree.policy)
        fresh.sharing = self.sharing
        fresh.highestEpoch = self.highestEpoch
        fresh.counters = self.counters
        fresh.nextProposal = self.nextProposal
        fresh.nextSerial = self.nextSerial
        if self.isBatchTimerSet { effects.append(.cancelTimer(.batch)) }
        if self.filterTimer != nil { effects.append(.cancelTimer(.filters)) }
        if self.waits.timer != nil { effects.append(.cancelTimer(.revocation)) }
        self = fresh
    }

    /// The operator's policy; its way to share only if this allocator was not started with one of its own.
    private mutating func follow(_ facts: PolicyFacts) {
        self.revocation = facts.revocation
        guard self.settings.policy == nil, facts.sharing != self.sharing else { return }
        self.sharing = facts.sharing
        self.tree.follow(facts.sharing.make(self.settings.random))
        self.lookAtAll()
    }

    private mutating func master(_ message: MasterToAllocator, at now: Instant, into effects: inout [Effect]) {
        switch message {
        case .policy(let facts):
            self.follow(facts)
            self.updateWaits(at: now, into: &effects)
        case .role(let facts): self.update(facts)
        case .framework(let facts): self.update(facts)
        case .frameworkRemoved(let framework): self.removeFramework(framework)
        case .agent(let facts): self.update(facts, into: &effects)
        case .agentRemoved(let agent): self.removeAgent(agent, into: &effects)
        case .synced: self.synced(into: &effects)
        case .held(let holding): self.held(holding)
        case .recovered(let holding): self.recovered(holding)
        case .filter(let holding, let remaining): self.refused(holding, for: remaining, at: now)
        case .revived(let framework, let roles): self.revived(framework, roles: roles)
        case .allocationRefused(let proposal, let agent, let free, let message):
            self.allocationRefused(proposal, of: agent, free: free, message: message, at: now, into: &effects)
        case .request(let framework, let resources, let agentID):
            self.requested(resources, of: agentID, by: framework, at: now)
        case .revocable(let framework, let tasks): self.revocable(framework, tasks, into: &effects)
        case .revocationRefused(_, let message): effects.append(.observe(.revocationRefused(message)))
        case .demand(let framework, let role, let isWanting):
            self.demand(of: framework, in: role, is: isWanting)
            self.updateWaits(at: now, into: &effects)
        }
    }

    private mutating func synced(into effects: inout [Effect]) {
        guard let link = self.link, !link.isSynced else { return }
        self.link!.isSynced = true
        effects.append(.propose(link.peer, .ready))
        effects.append(.observe(.synced(agents: self.agentCount, frameworks: self.frameworkCount)))
        self.lookAtAll()
    }

    /// Sets the timers that what has happened asks for.
    private mutating func setTimers(at now: Instant, into effects: inout [Effect]) {
        guard self.isSynced else { return }
        if !self.isBatchTimerSet, self.hasWork {
            self.isBatchTimerSet = true
            effects.append(.setTimer(.batch, at: max(now, self.window.nextTurn(self.settings))))
        }
        guard let end = self.refusals.nextEnd, end < self.filterTimer ?? .distantFuture else { return }
        self.filterTimer = end
        effects.append(.setTimer(.filters, at: end))
    }

    /// Whether the master has told of an agent of that number.
    func knows(agent: UInt32) -> Bool { agent < self.agents.count && self.agents[Int(agent)].isKnown }

    /// Whether a turn would find anything to look at.
    var hasWork: Bool {
        self.dirtyHead < self.dirty.count || self.sweepLeft > 0 || self.isSpareMoved || !self.tree.relaxed.isEmpty
    }
}

/// Turns that follow each other closely, and how many decisions they took.
struct BatchWindow {
    private var start = Instant(nanoseconds: 0)
    private var decisions: UInt64 = 0
    /// There were so many decisions in the window before, which has just ended, that all of this one is gathered.
    private var followsMany = false

    /// When the next turn may be, at the earliest.
    func nextTurn(_ settings: AllocatorSettings) -> Instant {
        let waits = self.followsMany || self.decisions >= settings.decisionsAtOnce
        return waits ? self.start + settings.batchWindow : self.start
    }

    /// A turn begins: of this window, or of the next.
    mutating func turnBegan(at now: Instant, _ settings: AllocatorSettings) {
        let end = self.start + settings.batchWindow
        guard now >= end else { return }
        self.followsMany = self.decisions > settings.decisionsAtOnce && now < end + settings.batchWindow
        self.start = now
        self.decisions = 0
    }

    /// That turn took so many decisions.
    mutating func took(_ decisions: UInt64) { self.decisions += decisions }
}
