import MasterCore
import Model
import Testing

/// A master with everybody who talks to it played by the test: what a step makes it say is kept until the next step.
///
/// Timers are kept, too, and fire when the test waits. After every step the master's books are checked.
final class Stage {
    typealias Event = MasterState.Event
    typealias Effect = MasterState.Effect

    let codec = TableCodec()
    private(set) var master: MasterState
    private(set) var now = Instant(nanoseconds: 1_700_000_000_000_000_000)
    /// The effects of the last step, its timers included.
    private(set) var said: [Effect] = [] {
        didSet { if self.said.isEmpty { self.steps += 1 } }
    }
    /// How many steps there were.
    private(set) var steps = 0
    private(set) var timers: [MasterTimer: Instant] = [:]
    private var lastPeer: UInt32 = 0
    private var lastProposal: UInt64 = 0
    /// What each allocator was told last about an agent.
    private(set) var facts: [PeerID: [AgentID: AgentFacts]] = [:]
    private(set) var frameworkRows: [FrameworkID: UInt32] = [:]
    /// The scheduler that subscribed last, by framework.
    private(set) var schedulers: [FrameworkID: PeerID] = [:]

    init(_ change: (inout MasterSettings) -> Void = { _ in }, epoch: Epoch? = 7) {
        var settings = MasterSettings()
        settings.minimumOffers = []
        settings.confirmationDelay = .zero
        change(&settings)
        self.master = MasterState(
            settings: settings, codec: self.codec, generator: SeededGenerator(seed: 1), name: "m1", address: "m1:5050")
        if let epoch { self.step(.elected(epoch)) }
    }

    // MARK: Steps

    @discardableResult
    func step(_ event: Event) -> [Effect] {
        self.said = []
        self.handle(event)
        while let due = self.dueTimer(at: self.now) { self.handle(.timerFired(due)) }
        return self.said
    }

    private func handle(_ event: Event) {
        let effects: [Effect] = self.master.handle(event, at: self.now)
        for case .setTimer(let timer, let at) in effects { self.timers[timer] = at }
        for effect in effects {
            if case .cancelTimer(let timer) = effect { self.timers[timer] = nil }
            if case .sendToAllocator(let peer, let message) = effect { self.learn(message, peer) }
        }
        self.said += effects
        #expect(self.master.checkInvariants() == [], "after \(event)")
    }

    private func learn(_ message: MasterToAllocator, _ peer: PeerID) {
        switch message {
        case .agent(let facts): self.facts[peer, default: [:]][facts.id] = facts
        case .framework(let facts): self.frameworkRows[facts.id] = facts.index
        default: break
        }
    }

    private func dueTimer(at now: Instant) -> MasterTimer? {
        let due = self.timers.filter { $0.value <= now }.min { ($0.value, "\($0.key)") < ($1.value, "\($1.key)") }
        guard let due else { return nil }
        self.timers[due.key] = nil
        return due.key
    }

    /// Lets time pass; timers fire on the way.
    @discardableResult
    func wait(_ duration: Duration) -> [Effect] {
        let end = self.now + duration
        self.said = []
        while let next = self.timers.values.min(), next <= end {
            self.now = max(self.now, next)
            while let due = self.dueTimer(at: self.now) { self.handle(.timerFired(due)) }
        }
        self.now = end
        return self.said
    }

    // MARK: Peers

    func connect(_ hello: Hello) -> PeerID {
        self.lastPeer += 1
        let peer = PeerID(self.lastPeer)
        self.step(.peerConnected(peer, hello))
        return peer
    }

    func relay(_ name: String = "r1", revision: UInt32 = ProtocolRevision.current) -> PeerID {
        var hello = Hello(role: .relay, name: name)
        hello.revision = revision
        hello.address = "\(name):5052"
        return self.connect(hello)
    }

    /// An allocator that has said that it is ready.
    func allocator(_ name: String = "a1") -> PeerID {
        let peer = self.connect(Hello(role: .allocator, name: name))
        let synchronisation = self.said
        self.step(.allocator(peer, .ready))
        self.said = synchronisation + self.said
        return peer
    }

    /// An allocator that only watches.
    func shadow(_ name: String = "s1") -> PeerID {
        var hello = Hello(role: .allocator, name: name)
        hello.isShadow = true
        let peer = self.connect(hello)
        let synchronisation = self.said
        self.step(.allocator(peer, .ready))
        self.said = synchronisation + self.said
        return peer
    }

    func operatorPeer() -> PeerID { self.connect(Hello(role: .operator, name: "cli")) }

    /// A scheduler that has subscribed, and the id of its framework.
    func scheduler(
        _ name: String = "pi", id: FrameworkID? = nil, _ capabilities: Set<FrameworkCapability> = [],
        relays: Bool = false, standby: Bool = false, shown: Subscription? = nil,
        _ change: (inout FrameworkInfo) -> Void = { _ in }
    ) -> (PeerID, FrameworkID) {
        let peer = self.connect(Hello(role: .scheduler, name: name))
        var info = FrameworkInfo(user: "ann", name: name)
        info.capabilities = capabilities
        info.id = id
        change(&info)
        var subscribe = SchedulerCall.Subscribe(framework: info, relays: relays, standby: standby)
        subscribe.subscription = shown
        self.step(.scheduler(peer, SchedulerCall(frameworkID: id, .subscribe(subscribe))))
        for case .subscribed(let subscribed) in self.events(to: peer) {
            self.schedulers[subscribed.frameworkID] = peer
            return (peer, subscribed.frameworkID)
        }
        return (peer, id ?? "")
    }

    @discardableResult
    func call(_ peer: PeerID, _ id: FrameworkID?, _ kind: SchedulerCall.Kind) -> [SchedulerEvent] {
        self.step(.scheduler(peer, SchedulerCall(frameworkID: id, kind)))
        return self.events(to: peer)
    }

    /// An agent that registers through a relay, and the id that it is given.
    @discardableResult
    func attach(
        _ hostname: String, _ total: Resources = "cpus:4;mem:4096", id: AgentID? = nil, via relay: PeerID,
        at index: UInt32 = 0, connects: UInt64 = 1, tasks: [TaskRecord] = [], executors: [ExecutorRecord] = [],
        frameworks: [FrameworkRecord] = [], position: BookPosition = 0, sent: [AgentOrder] = [],
        epoch: Epoch = .none
    ) -> AgentID? {
        let registration = AgentRegistration(
            attachment: Attachment(starts: 1, connects: connects), agentID: id, hostname: hostname, sidePort: 5051,
            total: total, position: position, tasks: tasks, executors: executors, frameworks: frameworks,
            epoch: epoch)
        self.step(.relay(relay, .agentAttached(index: index, registration, sent: sent, issuedEpoch: .none)))
        for case .agentAccepted(_, _, let id) in self.messages(toRelay: relay) { return id }
        return nil
    }

    /// A change of an agent's books.
    func book(
        _ relay: PeerID, at index: UInt32 = 0, connects: UInt64 = 1, _ position: BookPosition,
        _ change: BookEntry.Change
    ) {
        self.step(
            .relay(
                relay,
                .book(
                    index: index, Attachment(starts: 1, connects: connects), BookEntry(position: position, change))))
    }

    /// The allocator proposes some of an agent for a framework; the offer, if one was made of it.
    @discardableResult
    func propose(
        _ allocator: PeerID, _ agent: AgentID, _ resources: Resources, for framework: FrameworkID, role: String = "*"
    ) -> Offer? {
        guard let facts = self.facts[allocator]?[agent] else { return nil }
        self.lastProposal += 1
        let holding = AgentHolding(
            agent: facts.index, framework: self.frameworkRows[framework] ?? 999, role: role, resources: resources)
        self.step(
            .allocator(
                allocator,
                .allocation(Allocation(proposal: self.lastProposal, ownership: facts.ownership, holding: holding))))
        for case .sendToScheduler(_, .offers(let offers)) in self.said { return offers.first }
        return nil
    }

    // MARK: What was said in the last step

    func events(to peer: PeerID) -> [SchedulerEvent] {
        self.said.compactMap { if case .sendToScheduler(peer, let event) = $0 { event } else { nil } }
    }

    /// What SUBSCRIBED said to a scheduler.
    func subscription(of peer: PeerID) -> Subscription? {
        for case .subscribed(let subscribed) in self.events(to: peer) { return subscribed.subscription }
        return nil
    }

    func messages(toRelay peer: PeerID) -> [MasterToRelay] {
        self.said.compactMap { if case .sendToRelay(peer, let message) = $0 { message } else { nil } }
    }

    func messages(toAllocator peer: PeerID) -> [MasterToAllocator] {
        self.said.compactMap { if case .sendToAllocator(peer, let message) = $0 { message } else { nil } }
    }

    func answers(to peer: PeerID) -> [OperatorResponse.Kind] {
        self.said.compactMap { if case .sendToOperator(peer, let response) = $0 { response.kind } else { nil } }
    }

    /// Orders to agents of that relay.
    func orders(_ relay: PeerID) -> [AgentOrder] {
        self.messages(toRelay: relay).compactMap { if case .order(_, _, let order) = $0 { order } else { nil } }
    }

    /// Statuses that a scheduler was sent and that the master made, as "t1 TASK_LOST invalidOffers".
    func statuses(to peer: PeerID) -> [TaskStatus] {
        self.events(to: peer).compactMap { if case .update(.status(let status)) = $0 { status } else { nil } }
    }

    /// Resources that allocators were told are free again.
    func recovered(_ allocator: PeerID) -> [Resources] {
        self.messages(toAllocator: allocator)
            .compactMap { if case .recovered(let holding) = $0 { holding.resources } else { nil } }
    }

    var facts_: [MasterFact] { self.said.compactMap { if case .observe(let fact) = $0 { fact } else { nil } } }

    func isClosed(_ peer: PeerID) -> Bool {
        self.said.contains { if case .close(peer, _) = $0 { true } else { false } }
    }
}

// MARK: Things that read as text

func task(_ id: TaskID, on agent: AgentID, _ resources: Resources = "cpus:1;mem:1024") -> TaskInfo {
    var task = TaskInfo(name: "task \(id)", taskID: id, agentID: agent, resources: resources)
    task.command = CommandInfo(shell: "true")
    return task
}

func task(_ id: TaskID, on agent: AgentID, _ resources: Resources, in executor: ExecutorInfo) -> TaskInfo {
    var task = TaskInfo(name: "task \(id)", taskID: id, agentID: agent, resources: resources)
    task.executor = executor
    return task
}

func executor(_ id: ExecutorID, _ resources: Resources = "cpus:0.1;mem:32", command: String = "./run") -> ExecutorInfo {
    var executor = ExecutorInfo(executorID: id, command: CommandInfo(shell: command))
    executor.resources = resources
    return executor
}

func launch(_ tasks: TaskInfo..., from offers: OfferID..., refuse: Duration = .seconds(5)) -> SchedulerCall.Kind {
    .accept(
        .init(offerIDs: offers, operations: [.launch(tasks.map(TaskLaunch.task))], filters: .init(refuse: refuse)))
}

func group(_ executor: ExecutorInfo, _ tasks: TaskInfo..., from offer: OfferID) -> SchedulerCall.Kind {
    .accept(.init(offerIDs: [offer], operations: [.launchGroup(executor: executor, tasks.map(TaskLaunch.task))]))
}

func record(
    _ number: UInt64, _ framework: FrameworkID, _ id: TaskID, _ state: TaskState,
    _ resources: Resources = "cpus:1;mem:1024", executor: ExecutorID? = nil, isRemoved: Bool = false
) -> TaskRecord {
    TaskRecord(
        number: number, key: TaskKey(framework, id), name: "task \(id)", executorID: executor, resources: resources,
        state: state, isRemoved: isRemoved)
}

extension TaskStatus {
    /// What matters of a status, in a line.
    var line: String { "\(self.taskID) \(self.state.name) \(self.reason?.rawValue ?? -1)" }
}

/// One relay, one allocator, one agent of 4 CPUs, one framework.
struct Small {
    let stage: Stage
    let relay: PeerID
    let allocator: PeerID
    let agent: AgentID
    let scheduler: PeerID
    let framework: FrameworkID

    init(
        _ capabilities: Set<FrameworkCapability> = [], total: Resources = "cpus:4;mem:4096",
        _ change: (inout MasterSettings) -> Void = { _ in }
    ) {
        self.stage = Stage(change)
        self.relay = self.stage.relay()
        self.allocator = self.stage.allocator()
        self.agent = self.stage.attach("h1", total, via: self.relay)!
        (self.scheduler, self.framework) = self.stage.scheduler("pi", capabilities)
    }

    /// An offer of some of the agent to the framework.
    func offer(_ resources: Resources = "cpus:4;mem:4096") -> OfferID {
        if let offer = self.stage.propose(self.allocator, self.agent, resources, for: self.framework) {
            return offer.id
        }
        Issue.record("\(resources) is not offered: \(self.stage.said)")
        return "none"
    }

    /// Launches a command task and lets the agent's books show it running.
    func run(_ id: TaskID, _ resources: Resources = "cpus:1;mem:1024", number: UInt64 = 1, connects: UInt64 = 1) {
        let offer = self.offer(resources)
        self.stage.call(self.scheduler, self.framework, launch(task(id, on: self.agent, resources), from: offer))
        self.stage.book(
            self.relay, connects: connects, number * 10,
            .task(record(number, self.framework, id, .running, resources)))
    }

    func call(_ kind: SchedulerCall.Kind) -> [SchedulerEvent] {
        self.stage.call(self.scheduler, self.framework, kind)
    }
}
