internal import FairSharing
internal import Messages
public import Model
internal import SDKCore

/// What a simulated framework wants to run.
public struct Workload: Sendable {
    /// How many tasks in all.
    public var tasks: Int
    /// Of each.
    public var resources: Resources
    /// How long each runs, in milliseconds.
    public var milliseconds: ClosedRange<Int64>
    /// In an executor, or as commands.
    public var usesExecutor: Bool
    /// Straight from the relays, or all on one connection.
    public var usesRelays: Bool
    /// The one that it is in.
    public var role = "*"
    /// Of its tasks.
    public var priorities: ClosedRange<Int32> = 0...0
    /// For how long it refuses what it declines.
    public var refuse: Duration = .milliseconds(500)
    /// It says so when it has no tasks left to launch; one that does not is taken to want more until it declines something.
    public var suppresses = false
    /// When its scheduler comes.
    public var startsAfter: Duration = .zero
    /// Whether it has a second scheduler, which stands by.
    public var hasStandby = false
    /// What becomes of its tasks on agents that are away for too long.
    public var partitionPolicy = PartitionPolicy.replace
    /// It knows that a task may be unreachable, and not lost.
    public var isPartitionAware = true

    /// With everything given; by default command tasks, with updates straight from the relays.
    public init(
        tasks: Int, resources: Resources, milliseconds: ClosedRange<Int64>, usesExecutor: Bool = false,
        usesRelays: Bool = true
    ) {
        self.tasks = tasks
        self.resources = resources
        self.milliseconds = milliseconds
        self.usesExecutor = usesExecutor
        self.usesRelays = usesRelays
    }
}

/// A framework's scheduler, with the SDK's core and a workload or a behaviour; it keeps what must not be lost over its
/// own death.
public final class SimulatedScheduler: SimulatedProcess {
    let workload: Workload
    let role: String
    private let behaviour: (any FrameworkBehaviour)?
    /// The framework has been asked to end.
    private var isEnding = false
    private var state: SchedulerState?
    private let timers = SimulatedTimers<SchedulerState.Timer>()
    private let ownTimers = SimulatedTimers<String>()
    private var master: SimulatedFollower?
    private var relays: [String: SimulatedDialer] = [:]

    /// What a careful framework has on disk, and all its schedulers see.
    private let memory: FrameworkMemory
    /// It waits for another scheduler of its framework to go.
    let isStandby: Bool
    /// What it has said, in this life.
    private var isSuppressed = false

    var frameworkID: FrameworkID? { self.memory.frameworkID }
    /// The last state of each task it was told.
    public var tasks: [TaskID: TaskState] { self.memory.tasks }
    /// Tasks that finished.
    public var finished: Int { self.memory.finished }
    /// When it last had tasks to launch.
    var lastWanting: Instant? { self.memory.lastWanting }
    /// From its first start until it ran, at once, what is guaranteed to it.
    public var guaranteeMet: Duration? { self.memory.guaranteeMet }
    /// Tells the lives of all schedulers of a framework apart.
    var driver: Int { self.index << 20 | self.life }

    init(name: String, workload: Workload, in cluster: SimulatedCluster) {
        self.workload = workload
        self.behaviour = nil
        self.role = workload.role
        self.memory = FrameworkMemory(name: name, wanted: workload.tasks)
        self.isStandby = false
        super.init(name: name, in: cluster)
    }

    /// Another scheduler of the same framework, which stands by.
    init(standbyOf first: SimulatedScheduler, in cluster: SimulatedCluster) {
        self.workload = first.workload
        self.behaviour = nil
        self.role = first.role
        self.memory = first.memory
        self.isStandby = true
        super.init(name: "\(first.name)-standby", in: cluster)
    }

    init(name: String, role: String, behaviour: any FrameworkBehaviour, in cluster: SimulatedCluster) {
        self.workload = Workload(tasks: 0, resources: .init(), milliseconds: 0...0)
        self.behaviour = behaviour
        self.role = role
        self.memory = FrameworkMemory(name: name, wanted: 0)
        self.isStandby = false
        super.init(name: name, in: cluster)
    }

    /// Every task it wanted has finished; what was lost was launched again under another name.
    public var isDone: Bool { self.finished >= self.memory.wanted }
    /// It would launch more.
    var wantsMore: Bool { self.finished + self.memory.outstanding < self.memory.wanted }

    /// As much work as there was at first comes to its framework once more.
    func addWork() { self.memory.wanted += self.workload.tasks }

    /// There may be more to do than before.
    func lookForWork() { if self.isUp { self.noteWanting() } }

    override func begin() {
        if self.isStandby, self.frameworkID == nil {
            // It learns whom to stand by for when there is a framework.
            return self.later(after: .seconds(1)) { self.begin() }
        }
        var framework = FrameworkInfo(user: "", name: self.memory.name)
        framework.id = self.frameworkID
        framework.failoverTimeout = .seconds(3600)
        framework.roles = [self.role]
        self.memory.firstStart = self.memory.firstStart ?? self.cluster.queue.now
        self.isSuppressed = false
        // A set of two prints in one order or the other, and two histories of one seed are compared as they print.
        framework.capabilities =
            self.role != "*" ? [.multiRole] : self.workload.isPartitionAware ? [.partitionAware] : []
        framework.partitionPolicy = self.workload.partitionPolicy
        var settings = SchedulerSettings(framework: framework)
        settings.usesRelays = self.workload.usesRelays
        settings.isStandby = self.workload.hasStandby
        self.state = SchedulerState(settings: settings, codec: ProtobufCodec())
        self.master = SimulatedFollower(
            self, by: .looks,
            hello: { [unowned self] in
                var hello = Hello(role: .scheduler, name: self.name)
                hello.epoch = self.state?.epoch ?? .none
                hello.frameworkID = self.state?.frameworkID
                return hello
            }
        ) { [unowned self] in self.masterHappened($0) }
    }

    override func died() {
        self.state = nil
        self.master = nil
        self.relays = [:]
    }

    // MARK: Connections

    private func masterHappened(_ event: SimulatedDialer.Event) {
        switch event {
        case .welcomed(let endpoint, let welcome):
            endpoint.received = { bytes in
                self.handle(.masterEvent(self.decode(SchedulerEvent.self, bytes), from: endpoint.peer))
            }
            if welcome.epoch < self.state?.epoch ?? .none { self.cluster.coverage.count(.staleLeadersRefused) }
            self.handle(.masterConnected(endpoint.peer, welcome.epoch))
        case .lost(let endpoint): self.handle(.masterDisconnected(endpoint.peer))
        case .failed: break
        }
    }

    /// Dials a relay until it is not wanted any more.
    private func connect(_ info: RelayInfo, _ subscription: Subscription) {
        var hello = Hello(role: .scheduler, name: self.name)
        hello.frameworkID = self.frameworkID
        hello.subscription = subscription
        let dialer = SimulatedDialer(self, hello: { hello }, candidates: { [info.address] }) { [unowned self] event in
            switch event {
            case .welcomed(let endpoint, _):
                endpoint.received = { bytes in
                    self.handle(.relayEvent(self.decode(SchedulerEvent.self, bytes), from: endpoint.peer))
                }
                self.handle(.relayConnected(info.name, endpoint.peer))
            case .lost(let endpoint): self.handle(.relayDisconnected(endpoint.peer))
            case .failed: break
            }
        }
        self.relays[info.name] = dialer
        dialer.start()
    }

    // MARK: Events and effects

    func handle(_ event: SchedulerState.Event) {
        guard self.isUp, self.state != nil else { return }
        self.cluster.trace(self.name, event)
        var effects: [SchedulerState.Effect] = []
        self.state?.handle(event, at: self.now, into: &effects)
        for effect in effects where self.survivesEffect() { self.perform(effect) }
    }

    private func perform(_ effect: SchedulerState.Effect) {
        switch effect {
        case .sendToMaster(let call):
            if let endpoint = self.master?.endpoint { self.cluster.network.send(call, from: endpoint) }
        case .sendToRelay(let peer, let call):
            if let relay = self.relays.values.first(where: { $0.endpoint?.peer == peer })?.endpoint {
                self.cluster.network.send(call, from: relay)
            }
        case .disconnectMaster:
            self.master?.hangUp()
        case .connectRelay(let info, let subscription):
            self.relays.removeValue(forKey: info.name)?.stop()
            self.connect(info, subscription)
        case .disconnectRelay(let name):
            self.relays.removeValue(forKey: name)?.stop()
        case .callBack(let callback): self.later(after: .zero) { self.called(back: callback) }
        case .rememberFrameworkID(let id): self.memory.frameworkID = id
        case .setTimer(let timer, let instant):
            self.timers.set(timer, of: self, at: instant) { self.handle(.timerFired(timer)) }
        case .cancelTimer(let timer): self.timers.cancel(timer)
        case .stopped(let failure):
            if self.isEnding, failure == nil { return self.hangUp() }
            if case .subscriptionEnded = failure, self.workload.hasStandby { return self.startAgain() }
            self.cluster.check(self.name, ["the driver stopped: \(String(describing: failure))"])
        }
    }

    // MARK: The framework

    private func called(back callback: SchedulerState.Callback) {
        self.cluster.trace(self.name, callback)
        self.noteWanting()
        defer { self.noteWanting() }
        switch callback {
        case .offers(let offers):
            for offer in offers {
                self.cluster.standingFree?[offer.agentID] = nil
                self.answer(offer)
            }
        case .statusUpdate(let status): self.updated(status)
        case .error("Framework failed over") where self.workload.hasStandby: break
        case .error(let message): self.cluster.check(self.name, ["ERROR: \(message)"])
        case .registered, .reregistered:
            if let active = self.memory.active, active != self.index { self.cluster.coverage.count(.standbysTookOver) }
            self.memory.active = self.index
            self.reconcile()
        case .disconnected, .offerRescinded, .frameworkMessage, .agentLost, .executorLost,
            .inverseOffers, .inverseOfferRescinded, .guarantees, .standby:
            break
        }
    }

    private func noteWanting() {
        if self.wantsMore { self.memory.lastWanting = self.cluster.queue.now }
        guard self.workload.suppresses, self.isSuppressed == self.wantsMore else { return }
        self.isSuppressed.toggle()
        self.handle(.called(self.isSuppressed ? .suppress(roles: []) : .revive(roles: [])))
    }

    /// Looks whether it runs what is guaranteed to it.
    private func noteGuarantee() {
        let rule = self.cluster.settings.master.policy.frameworks.first { $0.framework == self.name }
        guard self.guaranteeMet == nil, let rule, let firstStart = self.memory.firstStart else { return }
        var running = Resources()
        for state in self.tasks.values where state == .running { running += self.workload.resources }
        if running.contains(rule.guarantee) { self.memory.guaranteeMet = self.cluster.queue.now - firstStart }
    }

    /// Another scheduler of its framework has taken over: it stands by in a new life.
    private func startAgain() {
        self.cluster.coverage.count(.schedulersOutlived)
        self.cluster.queue.schedule(after: .zero) { self.kill() }
        self.cluster.queue.schedule(after: .milliseconds(500)) { self.start() }
    }

    /// Leaves the cluster.
    func end() {
        self.isEnding = true
        self.handle(.called(.stop(failover: false)))
    }

    /// What was said last arrives before the connections end.
    private func hangUp() {
        self.master?.stop()
        for relay in self.relays.values { relay.stop() }
        self.died()
    }

    private func answer(_ offer: Offer) {
        if let behaviour {
            guard let answer = behaviour.offered(offer, to: self) else { return }
            for task in answer.tasks { self.memory.set(.staging, of: task.taskID) }
            return self.reply(answer.tasks.map { .task($0) }, refusing: answer.refusal, to: offer)
        }
        var launches: [TaskLaunch] = []
        var rest = offer.resources
        while self.wantsMore, rest.contains(self.workload.resources) {
            self.memory.launched += 1
            let id = TaskID("\(self.memory.name)-\(self.memory.launched)")
            var task = TaskInfo(
                name: "task", taskID: id, agentID: offer.agentID, resources: self.workload.resources)
            let milliseconds = Int64.random(in: self.workload.milliseconds, using: &self.cluster.random)
            if self.workload.priorities.count > 1 {
                task.priority = Int32.random(in: self.workload.priorities, using: &self.cluster.random)
            }
            if self.workload.usesExecutor {
                task.executor = ExecutorInfo(
                    executorID: ExecutorID("executor"), command: CommandInfo(shell: "executor"))
                task.data = Array("\(milliseconds)".utf8)
            } else {
                task.command = CommandInfo(shell: "run \(milliseconds) 0")
            }
            self.memory.set(.staging, of: id)
            launches.append(.task(task))
            rest -= self.workload.resources
        }
        self.reply(launches, refusing: self.workload.refuse, to: offer)
    }

    private func reply(_ launches: [TaskLaunch], refusing time: Duration, to offer: Offer) {
        let filters = OfferFilters(refuse: time)
        guard !launches.isEmpty else { return self.handle(.called(.decline([offer.id], filters))) }
        self.handle(
            .called(.accept(.init(offerIDs: [offer.id], operations: [.launch(launches)], filters: filters))))
    }

    /// Asks about everything that is open, now and from time to time: what was launched by an earlier life may never have
    /// reached the master.
    private func reconcile() {
        guard self.behaviour == nil else { return }
        let open = self.tasks.filter { !$0.value.isTerminal }.keys.sorted()
        if !open.isEmpty { self.handle(.called(.reconcile(open.map { .init($0) }))) }
        self.ownTimers.set("reconcile", of: self, at: self.now + .seconds(10)) { self.reconcile() }
    }

    private func updated(_ status: TaskStatus) {
        self.cluster.promises.told(self, status)
        // The master knows of no such task, and of no agent that could still tell of it.
        if status.state == .unknown {
            if self.tasks[status.taskID]?.isTerminal == false {
                self.memory.set(.dropped, of: status.taskID)
                // The driver knows of no end: it may tell of one yet.
                self.memory.presumed[status.taskID] = -1
            }
            return
        }
        let known = self.tasks[status.taskID]
        // After its own death a scheduler is told again what it had not acknowledged.
        let isOld = status.sequence > 0 && status.sequence < self.memory.lastSequence[status.taskID] ?? 0
        if isOld {
            if let uuid = status.uuid { self.handle(.statusUpdateReturned(status.taskID, uuid: uuid)) }
            return
        }
        // One who was stopped, and outlived, may tell what the master said before the end.
        if let known, known.isTerminal, !status.state.isTerminal, status.uuid == nil { return }
        // A driver does not tell of a task after its end; the driver of a later life may know better than the master did.
        let isCorrected = self.memory.presumed[status.taskID].map { $0 != self.driver } ?? false
        if status.state.isTerminal { self.memory.presumed[status.taskID] = status.uuid == nil ? self.driver : nil }
        if let known, known.isTerminal, known != status.state, status.uuid != nil {
            if isCorrected { self.cluster.coverage.count(.endsCorrected) }
            if !isCorrected {
                self.cluster.check(
                    self.name,
                    ["\(status.taskID) was \(known.name), and then \(status.state.name) (\(status.message ?? ""))"])
            }
        }
        if status.sequence > 0 { self.memory.lastSequence[status.taskID] = status.sequence }
        self.memory.set(status.state, of: status.taskID)
        self.behaviour?.updated(status, of: self)
        if status.state == .running { self.noteGuarantee() }
        if let uuid = status.uuid { self.handle(.statusUpdateReturned(status.taskID, uuid: uuid)) }
    }
}
