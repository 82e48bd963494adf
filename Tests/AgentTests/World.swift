import Model

@testable import AgentCore

/// One agent and all that it deals with, driven by chance: supervisors that outlive it, executors, a relay, a scheduler
/// that acknowledges, a master that confirms.
///
/// Watches that nothing is done before it is on disk, and nothing twice.
struct World {
    struct Executor {
        var id: ExecutorID
        var peer: PeerID?
        /// Received, in order; those with an acknowledged update are not listed when subscribing.
        var tasks: [TaskID] = []
        var ended: Set<TaskID> = []
        var told: Set<TaskID> = []
        var unacknowledged: [TaskStatus] = []
    }

    var machine: Machine
    var random: SeededGenerator
    var violations: [String] = []
    /// What the supervisors' journals have.
    var runs: [RunID: RecoveredRun.Fate] = [:]
    /// Reports of supervisors on their way to the agent.
    var reports: [ContainerEvent] = []
    /// Limits on their way to a container; nil: they cannot be set.
    var changes: [(run: RunID, limits: Resources?)] = []
    var executors: [RunID: Executor] = [:]
    var timers: [AgentTimer: Instant] = [:]
    /// Looks at tasks under way.
    var probes: [ProbeID] = []
    var relay: PeerID?
    var isEpochOf: Epoch = 1
    /// Highest sequence that the scheduler has of each task number's stream, by uuid order.
    var unconfirmed: [(key: TaskKey, uuid: Bytes)] = []
    var seen: Set<Bytes> = []
    var launchedTasks: [TaskID] = []
    var nextTask = 0
    var nextPeer: UInt32 = 100
    var nextUpdate: UInt64 = 0
    var boot = 1
    /// What tasks and containers may use, the latter as last brought about.
    var promised: [TaskID: Resources] = [:]
    var limits: [RunID: Resources] = [:]
    /// Records of earlier lives.
    var base = 0
    /// Events that are being handled, one within the other.
    var depth = 0

    init(seed: UInt64) {
        self.random = SeededGenerator(seed: seed)
        self.machine = Machine(total: "cpus:16;mem:4096;ports:[31000-31099]")
        self.machine.isSyncing = false
        self.machine.isUpdating = false
        self.carryOut(self.machine.boot())
        self.sync()
        self.connect()
    }

    // MARK: The agent's effects

    /// Records of all lives that are on disk for certain.
    var durable: ArraySlice<AgentLogRecord> { self.machine.disk.prefix(self.base + Int(self.machine.agent.logged)) }

    mutating func handle(_ event: AgentState.Event) {
        self.carryOut(self.machine.handle(event))
    }

    mutating func sync() {
        self.carryOut(self.machine.sync())
    }

    mutating func carryOut(_ effects: [AgentState.Effect]) {
        self.depth += 1
        for effect in effects { self.carryOut(effect) }
        self.depth -= 1
        // What others do about an effect at once comes before the effects after it.
        guard self.depth == 0 else { return }
        for broken in self.machine.agent.checkInvariants() { self.violations.append(broken) }
        self.checkInsistence()
        self.checkWatches()
        self.checkDrain()
    }

    /// On an agent that is known to drain nothing runs that nobody has told to end.
    private mutating func checkDrain() {
        guard self.machine.agent.loggedMode.drain != nil, self.machine.agent.mode.drain != nil else { return }
        for task in self.machine.agent.tasks.values where task.isLive && task.kill == nil {
            if task.stage == .ending { continue }
            self.violations.append("\(task.key) runs on while the agent drains")
        }
    }

    /// A task with a health check is looked at, or will be, as long as nobody wants it dead.
    private mutating func checkWatches() {
        for task in self.machine.agent.tasks.values where task.info?.healthCheck != nil && task.isCommand {
            let isWatched =
                self.timers[.probe(task.number, .health)] != nil || self.probes.contains { $0.number == task.number }
            if task.stage == .running, task.kill == nil, !isWatched {
                self.violations.append("nobody looks at \(task.key)")
            }
            if task.stage == .ended, self.timers[.probe(task.number, .health)] != nil {
                self.violations.append("\(task.key) has ended and is to be looked at")
            }
        }
    }

    mutating func answerProbe() {
        guard !self.probes.isEmpty else { return }
        let results: [ProbeResult] = [.connected, .connected, .failed("no"), .timedOut, .skipped("no")]
        self.handle(.probed(self.probes.removeFirst(), results.randomElement(using: &self.random)!))
    }

    /// A task that has to go is waited for, or its executor ends.
    private mutating func checkInsistence() {
        for task in self.machine.agent.tasks.values where task.isLive && task.kill?.insistence != nil {
            guard let key = task.executorKey, let executor = self.machine.agent.executor(key) else {
                self.violations.append("\(task.key) has to go, and has no executor")
                continue
            }
            if case .stopping = executor.stage { continue }
            if task.stage == .ending { continue }
            if self.timers[.kill(task.number)] != task.kill?.deadline {
                self.violations.append("\(task.key) has to go, and nobody looks whether it does")
            }
        }
    }

    private mutating func carryOut(_ effect: AgentState.Effect) {
        switch effect {
        case .append, .observe, .seekRelay, .leaveRelay, .endLife: break
        case .launch(let spec): self.launch(spec)
        case .update(let run, let resources): self.changeLimits(of: run, resources, canFail: true)
        case .adopt(let spec):
            if case .running = self.runs[spec.runID] {
                return self.changeLimits(of: spec.runID, spec.resources, canFail: false)
            }
            self.violations.append("run \(spec.runID) is adopted and does not run")
        case .signal(let run, _): self.end(run, .init(status: 15))
        case .destroy(let run): self.end(run, .init(status: 9))
        case .forget(let run):
            if case .running = self.runs[run] { self.violations.append("run \(run) is forgotten while it runs") }
            self.runs[run] = nil
        case .probe(let id, _, _): self.probes.append(id)
        case .setTimer(let timer, let at): self.timers[timer] = at
        case .cancelTimer(let timer): self.timers[timer] = nil
        case .close(let peer, _):
            if self.relay == peer { self.relay = nil }
            for run in self.executors.keys where self.executors[run]?.peer == peer { self.executors[run]?.peer = nil }
        case .sendToRelay(_, let message): self.heard(message)
        case .sendToExecutor(let peer, let event): self.heard(event, at: peer)
        }
    }

    private mutating func launch(_ spec: ContainerSpec) {
        let isAccepted = self.durable.contains { record in
            switch record {
            case .taskAccepted(let acceptance): acceptance.runID == spec.runID && acceptance.executorID == nil
            case .executorAccepted(let acceptance): acceptance.runID == spec.runID
            default: false
            }
        }
        if !isAccepted { self.violations.append("run \(spec.runID) is launched before it is on disk") }
        if self.runs[spec.runID] != nil { self.violations.append("run \(spec.runID) is launched twice") }
        if Int.random(in: 0..<20, using: &self.random) == 0 {
            self.runs[spec.runID] = .launchFailed(message: "no luck")
            return self.reports.append(.launchFailed(spec.runID, message: "no luck"))
        }
        self.runs[spec.runID] = .running(pid: 1)
        self.limits[spec.runID] = spec.resources
        self.reports.append(.started(spec.runID, pid: 1))
        if let executor = spec.executorID { self.executors[spec.runID] = Executor(id: executor) }
    }

    /// Takes its time, as a look at the reports does.
    private mutating func changeLimits(of run: RunID, _ resources: Resources, canFail: Bool) {
        guard case .running = self.runs[run] else { return }
        let isFailing = canFail && Int.random(in: 0..<40, using: &self.random) == 0
        self.changes.append((run, isFailing ? nil : resources))
    }

    /// The oldest change of limits is done.
    mutating func finishChange() {
        guard !self.changes.isEmpty else { return }
        let (run, resources) = self.changes.removeFirst()
        guard case .running = self.runs[run] else { return }
        if let resources { self.limits[run] = resources }
        self.handle(.container(.updated(run, problem: resources == nil ? "no luck" : nil)))
    }

    /// What an executor runs fits into its container.
    private mutating func checkLimits(of run: RunID) {
        guard let executor = self.executors[run], let limits = self.limits[run] else { return }
        var sum = ExecutorInfo.sample.resources
        for task in executor.tasks where !executor.ended.contains(task) { sum += self.promised[task] ?? .init() }
        if !limits.contains(sum) { self.violations.append("run \(run) has \(limits) for \(sum)") }
    }

    private mutating func end(_ run: RunID, _ exit: ContainerExit) {
        guard case .running = self.runs[run] else { return }
        self.runs[run] = .exited(exit)
        self.reports.append(.exited(run, exit))
        if let peer = self.executors.removeValue(forKey: run)?.peer { self.handle(.executorDisconnected(peer)) }
    }

    private mutating func heard(_ message: AgentToRelay) {
        guard case .status(let envelope) = message else { return }
        let isLogged = self.durable.contains {
            if case .taskStatus(let status) = $0 { status.uuid == envelope.uuid } else { false }
        }
        if !isLogged { self.violations.append("a status of \(envelope.key) is sent before it is on disk") }
        self.seen.insert(envelope.uuid)
        self.unconfirmed.append((envelope.key, envelope.uuid))
    }

    private mutating func heard(_ event: ExecutorEvent, at peer: PeerID) {
        guard let run = self.executors.keys.first(where: { self.executors[$0]?.peer == peer }) else { return }
        switch event {
        case .launch, .launchGroup:
            for task in event.launchedTasks {
                if self.executors[run]!.tasks.contains(task) { self.violations.append("\(task) is delivered twice") }
                self.executors[run]?.tasks.append(task)
            }
            self.checkLimits(of: run)
        case .acknowledged(let task, let uuid):
            self.executors[run]?.unacknowledged.removeAll { $0.uuid == uuid }
            self.executors[run]?.told.insert(task)
            let isLogged = self.durable.contains {
                if case .taskStatus(let status) = $0 { status.uuid == uuid } else { false }
            }
            if !isLogged, self.machine.facts.last?.isDropped != true {
                self.violations.append("an update of \(task) is acknowledged before it is on disk")
            }
        case .kill(let task, _):
            // Some do not hear it.
            if Int.random(in: 0..<3, using: &self.random) > 0 { self.update(run, task, .killed) }
        case .shutdown: self.end(run, .init(status: 0))
        case .subscribed, .message, .error, .heartbeat: break
        }
    }

    // MARK: What others do

    mutating func connect() {
        guard self.relay == nil else { return }
        self.nextPeer += 1
        self.relay = PeerID(self.nextPeer)
        self.unconfirmed = []
        self.handle(.relayConnected(self.relay!, address: "r:1", Welcome(role: .relay, name: "r")))
        self.handle(.relay(self.relay!, .registered(self.machine.agent.attachment, "1-A0", self.isEpochOf)))
    }

    mutating func order(_ order: AgentOrder) {
        guard let relay = self.relay else { return }
        self.handle(.relay(relay, .order(self.isEpochOf, self.machine.agent.attachment, order)))
    }

    mutating func launchSomething() {
        let count = [1, 1, 1, 2][Int.random(in: 0..<4, using: &self.random)]
        let executor = Int.random(in: 0..<3, using: &self.random)
        let size: Resources = ["cpus:1;mem:10", "cpus:1;mem:10", "cpus:2;mem:10", "cpus:9;mem:10"][
            Int.random(in: 0..<4, using: &self.random)]
        var info = ExecutorInfo.sample
        info.executorID = ExecutorID("e\(executor)")
        let isCustom = count > 1 || Bool.random(using: &self.random)
        let tasks = (0..<count).map { _ -> TaskInfo in
            self.nextTask += 1
            let id = TaskID("t\(self.nextTask)")
            self.launchedTasks.append(id)
            self.promised[id] = size
            if isCustom { return .custom(id, count > 1 ? nil : info, size) }
            var task = TaskInfo.command(id, "x", size)
            if self.nextTask.isMultiple(of: 3) {
                task.healthCheck = HealthCheck(.tcp(port: 80))
                task.check = Check(.tcp(port: 80))
            }
            return task
        }
        guard self.relay != nil else { return self.launchedTasks.removeLast(count) }
        self.order(
            .launch(
                LaunchOrder(
                    frameworkID: Machine.framework, role: "*", frameworkInfo: codec.encode(.modern),
                    tasks: tasks.map { .init(taskID: $0.taskID, info: codec.encode($0)) },
                    groupExecutor: count > 1 ? codec.encode(info) : [])))
    }

    mutating func report() {
        guard !self.reports.isEmpty else { return }
        self.handle(.container(self.reports.removeFirst()))
    }

    mutating func subscribe(_ run: RunID) {
        guard var executor = self.executors[run], executor.peer == nil else { return }
        self.nextPeer += 1
        let peer = PeerID(self.nextPeer)
        executor.peer = peer
        self.executors[run] = executor
        var hello = Hello(role: .executor, name: executor.id.rawValue)
        hello.frameworkID = Machine.framework
        hello.executorID = executor.id
        hello.subscription = Subscription(epoch: .none, counter: 0, token: self.machine.token(of: executor.id))
        self.handle(.executorConnected(peer, hello))
        let listed = executor.tasks.filter { !executor.told.contains($0) }
        let call = ExecutorCall(
            frameworkID: Machine.framework, executorID: executor.id,
            .subscribe(unacknowledgedTasks: listed, unacknowledgedUpdates: executor.unacknowledged))
        self.handle(.executor(peer, call))
    }

    mutating func update(_ run: RunID, _ task: TaskID, _ state: TaskState) {
        guard var executor = self.executors[run], executor.tasks.contains(task), !executor.ended.contains(task) else {
            return
        }
        self.nextUpdate += 1
        var status = TaskStatus(taskID: task, state: state)
        status.uuid = (0..<16).map { UInt8(truncatingIfNeeded: self.nextUpdate >> (4 * $0)) }
        executor.unacknowledged.append(status)
        if state.isTerminal { executor.ended.insert(task) }
        self.executors[run] = executor
        guard let peer = executor.peer else { return }
        self.handle(
            .executor(peer, ExecutorCall(frameworkID: Machine.framework, executorID: executor.id, .update(status))))
    }

    mutating func acknowledgeSomething() {
        guard !self.unconfirmed.isEmpty else { return }
        let (key, uuid) = self.unconfirmed.removeFirst()
        self.order(.acknowledge(key, uuid: uuid))
    }

    mutating func confirm() {
        guard let relay = self.relay else { return }
        self.handle(.relay(relay, .bookConfirmed(self.machine.agent.attachment, self.machine.agent.loggedPosition)))
    }

    mutating func fireTimer() {
        guard let next = self.timers.min(by: { ($0.value, "\($0.key)") < ($1.value, "\($1.key)") }) else { return }
        self.timers[next.key] = nil
        self.machine.now = max(self.machine.now, next.value)
        self.handle(.timerFired(next.key))
    }

    /// The agent dies.
    ///
    /// Of what it appended since the last sync, some reached the disk. With `isBoot` the machine goes too.
    mutating func crash(isBoot: Bool) {
        let durable = Int(self.machine.agent.logged)
        let kept = Int.random(in: durable...Int(self.machine.appended), using: &self.random)
        self.machine.disk.removeLast(Int(self.machine.appended) - kept)
        self.machine.appended = self.machine.agent.logged  // Nothing more is to be cut off.
        self.base = self.machine.disk.count
        self.relay = nil
        self.timers = [:]
        self.probes = []
        self.reports = []
        self.changes = []
        for run in self.executors.keys { self.executors[run]?.peer = nil }
        if isBoot {
            self.boot += 1
            self.executors = [:]
            self.runs = self.runs.filter { if case .running = $0.value { false } else { true } }
        }
        let fates = self.runs.sorted { $0.key < $1.key }.map { RecoveredRun(runID: $0.key, $0.value) }
        self.carryOut(self.machine.restart(boot: "boot-\(self.boot)", runs: fates))
    }

    // MARK: Chance

    mutating func step() {
        let runs = self.executors.keys.sorted()
        switch Int.random(in: 0..<100, using: &self.random) {
        case 0..<14: self.launchSomething()
        case 14..<34: self.sync()
        case 34..<44: self.report()
        case 44..<49: self.finishChange()
        case 49..<52: self.answerProbe()
        case 52..<58: if let run = runs.randomElement(using: &self.random) { self.subscribe(run) }
        case 58..<68: self.updateSomething(runs)
        case 68..<78: self.acknowledgeSomething()
        case 78..<82: self.confirm()
        case 82..<85:
            if let task = self.launchedTasks.randomElement(using: &self.random) {
                let isRevoked = Bool.random(using: &self.random)
                self.order(.kill(Machine.key(task), grace: nil, reason: "storm", endsExecutor: isRevoked))
            }
        case 85..<88:
            let live = self.runs.filter { if case .running = $0.value { true } else { false } }.keys.sorted()
            if let run = live.randomElement(using: &self.random) { self.end(run, .init(status: 0)) }
        case 88..<90: self.fireTimer()
        case 90..<93: self.connect()
        case 93..<95:
            if let relay = self.relay {
                self.relay = nil
                self.handle(.relayDisconnected(relay))
            }
        case 95..<96 where Bool.random(using: &self.random):
            let modes: [AgentMode] = [
                .active, .active, .deactivated, .draining(.init(bound: nil)), .draining(.init(bound: .seconds(1))),
            ]
            self.order(.setMode(modes.randomElement(using: &self.random)!))
        case 95..<96:
            self.order(.shutdownExecutor(ExecutorKey(Machine.framework, "e1")))
        case 96..<99: self.crash(isBoot: false)
        default: self.crash(isBoot: true)
        }
    }

    private mutating func updateSomething(_ runs: [RunID]) {
        guard let run = runs.randomElement(using: &self.random),
            let task = self.executors[run]?.tasks.randomElement(using: &self.random)
        else { return }
        let states: [TaskState] = [.starting, .running, .running, .finished, .failed]
        self.update(run, task, states.randomElement(using: &self.random)!)
    }

    /// Everything heals: what runs ends, what is sent arrives, everybody answers.
    mutating func settle() {
        for _ in 0..<60 {
            self.connect()
            self.sync()
            while !self.reports.isEmpty { self.report() }
            while !self.changes.isEmpty { self.finishChange() }
            for run in self.executors.keys.sorted() { self.subscribe(run) }
            self.sync()
            for (run, fate) in self.runs.sorted(by: { $0.key < $1.key }) {
                if case .running = fate { self.end(run, .init(status: 0)) }
            }
            while !self.unconfirmed.isEmpty { self.acknowledgeSomething() }
            self.sync()
            self.confirm()
            self.sync()
        }
    }
}

extension AgentFact {
    var isDropped: Bool { if case .updateDropped = self { true } else { false } }
}
