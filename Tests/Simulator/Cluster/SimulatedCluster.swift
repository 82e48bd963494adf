public import MasterCore
public import Model

/// What a simulated cluster consists of, and what befalls it.
public struct SimulationSettings: Sendable {
    /// How many masters there are, one of them leading; default 2.
    public var masters = 2
    /// How many allocators share the agents; default 2.
    public var allocators = 2
    /// How many of them lie; default none.
    public var liars = 0
    /// How many relays hold the agents; default 2.
    public var relays = 2
    /// How many agents there are; default 5.
    public var agents = 5
    /// What each agent has.
    public var agentResources: Resources = "cpus:4;mem:4096"
    /// The frameworks, one for each; none by default.
    public var workloads: [Workload] = []
    /// How often what goes wrong, on average; by default nothing does.
    public var faults: [Fault.Kind.Name: Duration] = [:]
    /// Whether a standby that sees the leader die deletes its node; default true.
    public var witnesses = true
    /// How long ZooKeeper waits for a silent owner; default 4 s.
    public var sessionTimeout: Duration = .seconds(4)
    /// How long a peer may be silent before a connection is given up; default 45 s.
    public var silenceLimit: Duration = .seconds(45)
    /// So long after the last fault all agents are registered and all updates told; nil: not looked at.
    public var convergesWithin: Duration?
    /// Faults stop after so long; then everything must settle.
    public var faultyFor: Duration = .seconds(60)
    /// When all work is done in fewer events, as much work and other faults come again; default 0.
    public var leastEvents = 0
    /// How long settling may take.
    public var patience: Duration = .seconds(600)
    /// Roles of processes that something befalls.
    public var victims: Set<PeerRole> = [.master, .allocator, .relay, .agent, .scheduler]
    /// One-way delay of a frame, in microseconds.
    public var delay: ClosedRange<Int64> = 50...2000
    /// What every master is started with.
    public var master = MasterSettings()
    /// All books of a master are checked after one in so many events; default 1.
    ///
    /// A check looks at everything, so a large cluster can afford it only now and then.
    public var eventsPerCheck = 1
    /// The books that an event of a master has changed are checked after it, whatever `eventsPerCheck` says; default true.
    public var checksEachEvent = true
    /// Whether an operator empties agents, one after the other, and puts them back; default false.
    public var drains = false
    /// Whether agents come back with more or less to share out, as far as it holds what runs; default false.
    public var reconfigures = false
    /// There is no ZooKeeper: one master leads, with its epoch in a file; default false.
    public var isLone = false
    /// How long a relay is without a master before it asks the others; default 10 s.
    public var cutOffDelay: Duration = .seconds(10)
    /// How many bytes of status updates a relay holds for each framework; default 16 MiB.
    public var heldBytesPerFramework = 16 << 20

    /// After how long agents send a status again that nobody has acknowledged; default 30 s.
    public var statusRetryInterval: Duration = .seconds(30)

    /// Every second relay is to its masters, and every second agent to its relays, of one of the versions before this
    /// (`ProtocolRevision`), as in the middle of an upgrade; default false.
    public var hasOlderPeers = false

    /// Two of each role, five agents, no frameworks and no faults.
    public init() {}

    /// For experiments of which the outcome counts: one master and one allocator, and the books are checked by nobody.
    public static var experiment: SimulationSettings {
        var settings = SimulationSettings()
        settings.masters = 1
        settings.allocators = 1
        settings.eventsPerCheck = .max
        settings.checksEachEvent = false
        return settings
    }
}

/// A whole cluster in one thread and on virtual time: the cores and codecs of production over a simulated network.
///
/// The same seed, the same history.
public final class SimulatedCluster {
    /// What it was made with.
    public let settings: SimulationSettings
    /// What all chance is drawn from.
    public let seed: UInt64
    /// When every history begins.
    static let epoch = Instant(nanoseconds: 1_767_225_600_000_000_000)
    let queue = EventQueue(start: SimulatedCluster.epoch)
    private(set) var network: Network
    /// What was sent so far, between all processes.
    public var traffic: (frames: Int, bytes: Int) { (self.network.frames, self.network.bytes) }
    var random: SeededGenerator
    /// By number, those that are down included.
    public private(set) var masters: [SimulatedMaster] = []
    private(set) var allocators: [SimulatedAllocator] = []
    private(set) var relays: [SimulatedRelay] = []
    /// By number, those that are down included.
    public private(set) var agents: [SimulatedAgent] = []
    /// By number, one for each workload.
    public private(set) var schedulers: [SimulatedScheduler] = []
    /// Second schedulers of some of them.
    private(set) var standbys: [SimulatedScheduler] = []
    /// What the checkers found; empty if all is well.
    public private(set) var violations: [String] = []
    /// By agent, what has stood free at each look of `watchOffers` in this round, and was not offered; nil before the first.
    var standingFree: [AgentID: Set<String>]?
    /// What happened, if it is wanted.
    public var tracer: ((String) -> Void)?

    /// Who empties agents; nil if nobody does.
    public private(set) var drainer: SimulatedDrainer?
    private(set) lazy var guarantees = GuaranteeChecker(self)
    /// How many tasks were asked for because of a guarantee, and how many of them were ordered to end.
    public var revocations: (admitted: Int, carriedOut: Int) {
        (self.guarantees.admitted, self.guarantees.carriedOut)
    }

    private(set) lazy var zooKeeper = ZooKeeperModel(sessionTimeout: self.settings.sessionTimeout, in: self)
    private(set) lazy var faults = FaultInjector(self)
    private(set) lazy var promises = PromiseChecker(self)
    /// How often what happened.
    public let coverage = Coverage()
    /// What goes wrong, in order, as far as it is known yet; those left out do not.
    public private(set) var plan: [Fault] = []
    private var isKept: (Int) -> Bool = { _ in true }
    /// How many faults were drawn, and in how many rounds.
    private var drawn = (faults: 0, rounds: 0 as UInt64)
    /// Events so far.
    public private(set) var events = 0
    private var byName: [String: SimulatedProcess] = [:]
    private var processCount = 0
    private var numbers = 0
    private lazy var offerRandom = SeededGenerator(key: [self.seed, 0x0FFE, 2, 5])
    private var eventsSinceCheck = 0
    private var usage: [ObjectIdentifier: Resources] = [:]
    /// Frameworks that do not start with the cluster, by the name of their schedulers.
    private var arrivals: [String: Duration] = [:]

    /// Builds the cluster; `run` starts it.
    public init(settings: SimulationSettings, seed: UInt64) {
        self.settings = settings
        self.seed = seed
        self.random = SeededGenerator(seed: seed)
        let networkRandom = SeededGenerator(key: [self.random.next(), 1, 2, 3])
        self.network = Network(
            queue: self.queue, random: networkRandom, delay: settings.delay, silenceLimit: settings.silenceLimit)
        self.masters = (1...settings.masters).map { SimulatedMaster(name: "master-\($0)", in: self) }
        self.allocators = (1...settings.allocators).map {
            SimulatedAllocator(name: "allocator-\($0)", lies: $0 <= settings.liars, in: self)
        }
        func revision(_ number: Int) -> UInt32 {
            guard settings.hasOlderPeers, number % 2 == 0 else { return ProtocolRevision.current }
            return UInt32(number / 2 - 1) % ProtocolRevision.current
        }
        self.relays = (1...settings.relays).map {
            SimulatedRelay(name: "relay-\($0)", revision: revision($0), in: self)
        }
        self.agents = (1...settings.agents).map {
            SimulatedAgent(name: "agent-\($0)", total: settings.agentResources, revision: revision($0), in: self)
        }
        self.schedulers = settings.workloads.enumerated().map {
            SimulatedScheduler(name: "framework-\($0.offset + 1)", workload: $0.element, in: self)
        }
        if settings.drains { self.drainer = SimulatedDrainer(name: "drainer", in: self) }
        for process in self.processes { self.byName[process.name] = process }
        // Executors call their agent, which is found as it was made.
        self.network.find = { [unowned self] in self.byName[$0] }
        self.standbys = self.schedulers.filter(\.workload.hasStandby).map {
            SimulatedScheduler(standbyOf: $0, in: self)
        }
        for process in self.standbys { self.byName[process.name] = process }
    }

    private func drawPlan() -> [Fault] {
        var plan = FaultPlan(seed: self.seed, round: self.drawn.rounds)
        let victims = self.settings.victims
        plan.masters = victims.contains(.master) ? self.masters.map(\.name) : []
        plan.relays = victims.contains(.relay) ? self.relays.map(\.name) : []
        plan.agents = victims.contains(.agent) ? self.agents.map(\.name) : []
        plan.schedulers = victims.contains(.scheduler) ? (self.schedulers + self.standbys).map(\.name) : []
        let allocators = victims.contains(.allocator) ? self.allocators.map(\.name) : []
        plan.victims = plan.masters + allocators + plan.relays + plan.agents + plan.schedulers
        plan.loneMasters = self.settings.isLone ? plan.masters : []
        return plan.draw(self.settings.faults, until: self.settings.faultyFor)
    }

    /// Leaves some of the faults out.
    public func keep(_ isKept: @escaping (Int) -> Bool) { self.isKept = isKept }

    /// Draws the faults of another round, which begins now.
    private func planRound() {
        let since = self.queue.now - Self.epoch
        var round: [Fault] = []
        let all = self.drawPlan()
        for (index, fault) in all.enumerated() where self.isKept(self.drawn.faults + index) {
            round.append(fault)
            round[round.count - 1].after += since
        }
        self.drawn.faults += all.count
        self.drawn.rounds += 1
        self.plan += round
        self.faults.plan(round)
    }

    /// Has something go wrong beside what is drawn.
    public func befall(_ fault: Fault) { self.faults.plan([fault]) }

    /// Adds a framework that behaves by itself; its scheduler starts so long after the cluster.
    public func add(
        _ name: String, role: String, behaviour: any FrameworkBehaviour, after delay: Duration = .zero
    ) {
        self.arrivals[name] = delay
        self.schedulers.append(SimulatedScheduler(name: name, role: role, behaviour: behaviour, in: self))
    }

    /// The instant on its virtual clock.
    public var now: Instant { self.queue.now }

    /// Runs `body` after so long.
    public func schedule(after delay: Duration, _ body: @escaping () -> Void) {
        self.queue.schedule(after: delay, body)
    }

    /// A generator of its own for one process.
    func fork() -> SeededGenerator { SeededGenerator(key: (0..<4).map { _ in self.random.next() }) }

    func nextProcessIndex() -> Int {
        self.processCount += 1
        return self.processCount
    }

    func nextNumber() -> Int {
        self.numbers += 1
        return self.numbers
    }

    func trace(_ name: String, _ what: @autoclosure () -> Any) {
        guard let tracer else { return }
        let micros = (self.queue.now - Self.epoch).nanoseconds / 1000
        tracer("\(micros) us  \(name)  \(what())")
    }

    /// Records what a checker found.
    func check(_ name: String, _ found: [String]) {
        guard !found.isEmpty else { return }
        for violation in found {
            self.trace(name, "VIOLATION: \(violation)")
            if self.violations.count < 20 { self.violations.append("\(name): \(violation)") }
        }
    }

    /// Whether it is the turn of an event to be followed by a check of all books.
    func isCheckDue() -> Bool {
        self.eventsSinceCheck += 1
        guard self.eventsSinceCheck >= self.settings.eventsPerCheck else { return false }
        self.eventsSinceCheck = 0
        return true
    }

    /// Lets go of everything, once it has run and been looked at: a cluster holds itself by its connections and timers.
    public func dismantle() {
        self.queue.removeAll()
        self.network.dismantle()
        self.zooKeeper.dismantle()
        for process in self.processes { process.dismantle() }
    }

    // MARK: The run

    /// Every process, those that are down included.
    var processes: [SimulatedProcess] {
        var all: [SimulatedProcess] = self.masters
        all += self.allocators as [SimulatedProcess]
        all += self.relays as [SimulatedProcess]
        all += self.agents as [SimulatedProcess]
        all += self.schedulers as [SimulatedProcess]
        all += self.standbys as [SimulatedProcess]
        if let drainer { all.append(drainer) }
        return all
    }

    /// Starts everything in an order of chance, lets faults happen, heals, and waits until all work is done.
    ///
    /// - Returns: How long it took on virtual time; nil if it did not settle or something was violated.
    public func run() -> Duration? {
        let start = self.queue.now
        self.startAll()
        defer { self.countNetwork() }
        while self.runRound() {
            if self.events >= self.settings.leastEvents { return self.queue.now - start }
            for scheduler in self.schedulers { scheduler.addWork() }
            for scheduler in self.schedulers + self.standbys { scheduler.lookForWork() }
        }
        return nil
    }

    /// Lets faults happen, heals, and waits until all work is done.
    ///
    /// - Returns: Whether that came, and no checker found anything.
    private func runRound() -> Bool {
        let start = self.queue.now
        let calm = start + self.settings.faultyFor
        let hasFaults = !self.settings.faults.isEmpty
        let deadline = (hasFaults ? calm : start) + self.settings.patience
        self.planRound()
        var hasConverged = false
        self.watchOffers(until: calm)
        while self.violations.isEmpty {
            if !hasFaults || self.queue.now > calm, self.isSettled { return true }
            if let converges = self.settings.convergesWithin, !hasConverged, self.queue.now > calm + converges {
                hasConverged = true
                self.checkConvergence(after: calm)
                self.check("cluster", Array((self.standingFree ?? [:]).values.joined().sorted().prefix(3)))
            }
            self.events += 1
            if !self.queue.step(until: deadline) {
                self.check("cluster", ["did not settle: \(self.summary)"])
            }
        }
        return false
    }

    /// Starts everything and lets time pass until `isDone`; nothing befalls the cluster meanwhile.
    ///
    /// - Returns: Whether that came within `patience`, and no checker found anything.
    public func run(until isDone: () -> Bool, patience: Duration) -> Bool {
        self.startAll()
        return self.resume(until: isDone, patience: patience)
    }

    /// Lets more time pass after that.
    public func resume(until isDone: () -> Bool, patience: Duration) -> Bool {
        let deadline = self.queue.now + patience
        while self.violations.isEmpty {
            if isDone() { return true }
            if !self.queue.step(until: deadline) { return false }
        }
        return false
    }

    private func startAll() {
        for process in self.processes.shuffled(using: &self.random) {
            let jitter = Duration.milliseconds(Int64.random(in: 0...300, using: &self.random))
            let delay = (process as? SimulatedScheduler)?.workload.startsAfter ?? .zero
            self.queue.schedule(after: self.arrivals[process.name] ?? delay + jitter) { process.start() }
        }
    }

    /// All work is done, and nobody holds anything any more.
    private var isSettled: Bool {
        guard self.schedulers.allSatisfy(\.isDone), self.drainer?.isDone ?? true, let status = self.leader?.status
        else { return false }
        return status.tasks == 0 && status.used.isEmpty && self.promises.isAllTold
    }

    /// Some time after the last fault all agents are registered, and all that was accepted has been told.
    private func checkConvergence(after calm: Instant) {
        guard let status = self.leader?.status else { return self.check("cluster", ["nobody leads"]) }
        if Int(status.agents) != self.agents.count {
            self.check("cluster", ["only \(status.agents) of \(self.agents.count) agents are registered"])
        }
        if Int(status.allocators) != self.allocators.count || Int(status.relays) != self.relays.count {
            self.check("cluster", ["only \(status.relays) relays and \(status.allocators) allocators are connected"])
        }
        self.check("cluster", Array(self.promises.undelivered(acceptedBy: calm).prefix(3)))
    }

    /// Looks, from some time after the last fault on until the cluster must be whole, what stands free all that time although
    /// somebody may be offered it.
    ///
    /// What is declined as soon as it is offered stands free at most looks, so an offer takes its agent off the list.
    private func watchOffers(until calm: Instant) {
        guard let converges = self.settings.convergesWithin else { return }
        func look() {
            let now = self.leader?.offerable ?? [:]
            let before = self.standingFree ?? now
            self.standingFree = before.reduce(into: [:]) { $0[$1.key] = now[$1.key]?.intersection($1.value) }
            // Not in time with anything that happens in the cluster.
            let next = self.queue.now + .microseconds(Int64.random(in: 20_000...200_000, using: &self.offerRandom))
            if next < calm + converges { self.queue.schedule(at: next, look) }
        }
        // What a master once refused is proposed again after five seconds.
        self.queue.schedule(at: calm + (converges - .seconds(6))) {
            self.standingFree = nil
            look()
        }
    }

    private func countNetwork() {
        self.coverage.count(.framesLost, times: self.network.framesLost)
        self.coverage.count(.silentPeersGivenUp, times: self.network.silences)
    }

    /// What the leading master takes the cluster to have; nil if none leads.
    public var knownTotal: Resources? { self.leader?.status?.total }

    /// Where things stand, in a line.
    public var summary: String {
        let status = self.leader?.status
        let work = self.schedulers.map { "\($0.name) \($0.finished) finished of \($0.tasks.count)" }
        let open = self.schedulers.flatMap { scheduler in
            scheduler.tasks.filter { !$0.value.isTerminal }.map { "\($0.key) \($0.value.name)" }.sorted().prefix(3)
        }
        return "leader \(self.leader?.name ?? "none"), agents \(status?.agents ?? 0), tasks \(status?.tasks ?? 0), "
            + "used \(status?.used.description ?? "-"), \(work.joined(separator: ", ")); open: \(open)"
    }

    // MARK: The election

    /// The master that leads, if one does; of several that mean to, the one with the highest epoch.
    var leader: SimulatedMaster? {
        self.masters.filter(\.isLeading).max { ($0.leadingEpoch ?? .none) < ($1.leadingEpoch ?? .none) }
    }

    func elected(_ master: SimulatedMaster, _ epoch: Epoch) {
        self.trace(master.name, "ELECTED \(epoch)")
        self.coverage.count(.elections)
        if self.masters.contains(where: { $0 !== master && $0.isLeading }) { self.coverage.count(.leadersAtATime) }
        self.guarantees.masterElected()
    }

    // MARK: What machines see

    func containerStarted(_ spec: ContainerSpec, on agent: SimulatedAgent) {
        if self.drainer?.drained.contains(agent.name) == true {
            self.check(agent.name, ["starts \(spec.taskID?.rawValue ?? "an executor") though it drains"])
        }
        if let task = spec.taskID { self.promises.started(TaskKey(spec.frameworkID, task)) }
        self.containerHolds(spec, on: agent)
    }

    func containerHolds(_ spec: ContainerSpec, on agent: SimulatedAgent) {
        self.usage[ObjectIdentifier(agent), default: .init()] += spec.resources
        let used = self.usage[ObjectIdentifier(agent)] ?? .init()
        if !agent.total.contains(used) {
            self.check(agent.name, ["over-committed: \(used) of \(agent.total)"])
        }
    }

    func containerEnded(_ spec: ContainerSpec, on agent: SimulatedAgent) {
        self.usage[ObjectIdentifier(agent), default: .init()] -= spec.resources
    }

    func taskEnded(_ spec: ContainerSpec) {
        if let task = spec.taskID { self.promises.ended(TaskKey(spec.frameworkID, task)) }
    }
}
