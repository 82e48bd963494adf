import Messages
import Model

@testable import AgentCore

let codec: any EntityCodec = ProtobufCodec()

/// An agent with a disk: what the host does, without a host.
struct Machine {
    static let framework: FrameworkID = "1-F0"
    static let relay = PeerID(1)
    static let start = Instant(nanoseconds: 1_000_000_000)

    var agent: AgentState
    var now = Machine.start
    /// Every record appended by any life of the agent, in order.
    var disk: [AgentLogRecord] = []
    /// Records of this life.
    var appended: UInt64 = 0
    /// Each event is followed by the news that all records are on disk.
    var isSyncing = true
    /// Limits of containers change as soon as they are to.
    var isUpdating = true
    /// Containers whose limits are to change.
    private var changing: [RunID] = []
    var facts: [AgentFact] = []
    var settings: AgentSettings
    var lives: UInt64 = 0

    init(total: Resources = "cpus:8;mem:1024;ports:[31000-31009]", configure: (inout AgentSettings) -> Void = { _ in })
    {
        var settings = AgentSettings(name: "agent-1", hostname: "host-1", total: total)
        settings.bookDelay = .zero
        configure(&settings)
        self.settings = settings
        self.agent = Self.makeAgent(settings, life: 0)
    }

    private static func makeAgent(_ settings: AgentSettings, life: UInt64) -> AgentState {
        AgentState(settings: settings, codec: codec, random: SeededGenerator(seed: 42 + life))
    }

    /// A machine whose agent is attached to a relay, and known to a master of epoch 1.
    static func registered(
        total: Resources = "cpus:8;mem:1024;ports:[31000-31009]", configure: (inout AgentSettings) -> Void = { _ in }
    ) -> Machine {
        var machine = Machine(total: total, configure: configure)
        machine.boot()
        machine.attach()
        return machine
    }

    // MARK: What happens

    /// What the agent does about an event, save writing records and telling facts.
    @discardableResult
    mutating func handle(_ event: AgentState.Event) -> [AgentState.Effect] {
        var effects = self.take(self.agent.handle(event, at: self.now))
        if self.isSyncing { effects += self.sync() }
        return effects + self.changeLimits()
    }

    /// The limits of a container were changed, or could not be.
    @discardableResult
    mutating func updated(_ run: RunID, problem: String? = nil) -> [AgentState.Effect] {
        self.changing.removeAll { $0 == run }
        return self.handle(.container(.updated(run, problem: problem)))
    }

    /// All records are on disk.
    @discardableResult
    mutating func sync() -> [AgentState.Effect] {
        var effects: [AgentState.Effect] = []
        var synced = self.agent.logged
        while synced < self.appended {
            synced = self.appended
            effects += self.take(self.agent.handle(.logged(upTo: self.appended), at: self.now))
        }
        return effects + self.changeLimits()
    }

    private mutating func changeLimits() -> [AgentState.Effect] {
        var effects: [AgentState.Effect] = []
        while self.isUpdating, !self.changing.isEmpty {
            effects += self.handle(.container(.updated(self.changing.removeFirst(), problem: nil)))
        }
        return effects
    }

    private mutating func take(_ effects: [AgentState.Effect]) -> [AgentState.Effect] {
        effects.filter { effect in
            switch effect {
            case .append(let record):
                self.disk.append(record)
                self.appended += 1
                return false
            case .observe(let fact):
                self.facts.append(fact)
                return false
            case .update(let run, _):
                self.changing.append(run)
                return true
            case .adopt(let spec):
                self.changing.append(spec.runID)
                return true
            default: return true
            }
        }
    }

    @discardableResult
    mutating func boot(_ boot: String = "boot-1", runs: [RecoveredRun] = []) -> [AgentState.Effect] {
        self.handle(.recovered(self.disk, boot: boot, runs: runs))
    }

    /// The process dies and starts again: what is not on disk is gone.
    @discardableResult
    mutating func restart(boot: String = "boot-1", runs: [RecoveredRun] = [], keeping records: Int? = nil)
        -> [AgentState.Effect]
    {
        let lost = Int(self.appended - self.agent.logged)
        self.disk.removeLast(lost)
        if let records { self.disk.removeLast(max(0, self.disk.count - records)) }
        self.appended = 0
        self.lives += 1
        self.agent = Self.makeAgent(self.settings, life: self.lives)
        return self.boot(boot, runs: runs)
    }

    @discardableResult
    mutating func attach(_ peer: PeerID = Machine.relay, at address: String = "relay-1:5060", epoch: Epoch = 1)
        -> [AgentState.Effect]
    {
        let effects = self.handle(.relayConnected(peer, address: address, Welcome(role: .relay, name: "relay-1")))
        return effects + self.handle(.relay(peer, .registered(self.agent.attachment, "1-A0", epoch)))
    }

    @discardableResult
    mutating func order(_ order: AgentOrder, epoch: Epoch = 1) -> [AgentState.Effect] {
        self.handle(.relay(Self.relay, .order(epoch, self.agent.attachment, order)))
    }

    @discardableResult
    mutating func launch(_ tasks: TaskInfo..., framework: FrameworkInfo = .plain, group: ExecutorInfo? = nil)
        -> [AgentState.Effect]
    {
        self.order(
            .launch(
                LaunchOrder(
                    frameworkID: Self.framework, role: "*", frameworkInfo: codec.encode(framework),
                    tasks: tasks.map { .init(taskID: $0.taskID, info: codec.encode($0)) },
                    groupExecutor: group.map { codec.encode($0) } ?? [])))
    }

    @discardableResult
    mutating func kill(_ task: TaskID, grace: Duration? = nil) -> [AgentState.Effect] {
        self.order(.kill(Self.key(task), grace: grace, reason: "test"))
    }

    /// A kill that its executor may not ignore.
    @discardableResult
    mutating func revoke(_ task: TaskID, grace: Duration? = nil) -> [AgentState.Effect] {
        self.order(.kill(Self.key(task), grace: grace, reason: "revoked", endsExecutor: true))
    }

    @discardableResult
    mutating func started(_ run: RunID) -> [AgentState.Effect] {
        self.handle(.container(.started(run, pid: 100)))
    }

    @discardableResult
    mutating func exited(_ run: RunID, _ exit: ContainerExit = .init(status: 0)) -> [AgentState.Effect] {
        self.handle(.container(.exited(run, exit)))
    }

    @discardableResult
    mutating func fire(_ timer: AgentTimer, after duration: Duration = .zero) -> [AgentState.Effect] {
        self.now = self.now + duration
        return self.handle(.timerFired(timer))
    }

    // MARK: Executors

    /// As the executor introduces itself, with its token.
    func hello(of executor: ExecutorID = "e") -> Hello {
        var hello = Hello(role: .executor, name: executor.rawValue)
        hello.frameworkID = Self.framework
        hello.executorID = executor
        hello.subscription = Subscription(epoch: .none, counter: 0, token: self.token(of: executor))
        return hello
    }

    /// The executor connects with its token, and subscribes.
    @discardableResult
    mutating func subscribe(
        _ executor: ExecutorID = "e", over peer: PeerID = PeerID(9), tasks: [TaskID] = [], updates: [TaskStatus] = []
    ) -> [AgentState.Effect] {
        self.handle(.executorConnected(peer, self.hello(of: executor)))
            + self.call(
                .subscribe(unacknowledgedTasks: tasks, unacknowledgedUpdates: updates), by: executor, over: peer)
    }

    func token(of executor: ExecutorID) -> Bytes {
        for case .executorAccepted(let acceptance) in self.disk.reversed() where acceptance.key.executor == executor {
            return Array(acceptance.token.utf8)
        }
        return []
    }

    @discardableResult
    mutating func call(_ kind: ExecutorCall.Kind, by executor: ExecutorID = "e", over peer: PeerID = PeerID(9))
        -> [AgentState.Effect]
    {
        self.handle(.executor(peer, ExecutorCall(frameworkID: Self.framework, executorID: executor, kind)))
    }

    @discardableResult
    mutating func update(_ task: TaskID, _ state: TaskState, uuid: UInt8, over peer: PeerID = PeerID(9))
        -> [AgentState.Effect]
    {
        self.call(.update(Self.status(task, state, uuid: uuid)), over: peer)
    }

    // MARK: Names

    static func key(_ task: TaskID) -> TaskKey { TaskKey(Self.framework, task) }

    static func status(_ task: TaskID, _ state: TaskState, uuid: UInt8) -> TaskStatus {
        var status = TaskStatus(taskID: task, state: state)
        status.uuid = Bytes(repeating: uuid, count: 16)
        status.timestamp = 5
        return status
    }

    /// The statuses of a task on disk, oldest first.
    func statuses(of task: TaskID) -> [TaskStatus] {
        let numbers = self.disk.compactMap { record -> UInt64? in
            if case .taskAccepted(let acceptance) = record, acceptance.key.task == task { return acceptance.number }
            return nil
        }
        return self.disk.compactMap { record in
            guard case .taskStatus(let status) = record, numbers.contains(status.number) else { return nil }
            return codec.status(status.status)
        }
    }

    func last(_ task: TaskID) -> TaskStatus? { self.statuses(of: task).last }

    @discardableResult
    mutating func acknowledge(_ task: TaskID) -> [AgentState.Effect] {
        guard let uuid = self.last(task)?.uuid else { return [] }
        return self.order(.acknowledge(Self.key(task), uuid: uuid))
    }
}

extension FrameworkInfo {
    static let plain = FrameworkInfo(user: "nobody", name: "plain")
    static var modern: FrameworkInfo {
        var info = FrameworkInfo(user: "nobody", name: "modern")
        info.capabilities = [.partitionAware, .taskKillingState]
        return info
    }
}

extension TaskInfo {
    static func command(_ id: TaskID, _ command: String = "true", _ resources: Resources = "cpus:1;mem:32") -> TaskInfo
    {
        var info = TaskInfo(name: id.rawValue, taskID: id, agentID: "1-A0", resources: resources)
        info.command = CommandInfo(shell: command)
        return info
    }

    static func custom(
        _ id: TaskID, _ executor: ExecutorInfo? = .sample, _ resources: Resources = "cpus:1;mem:32"
    ) -> TaskInfo {
        var info = TaskInfo(name: id.rawValue, taskID: id, agentID: "1-A0", resources: resources)
        info.executor = executor
        return info
    }
}

extension ExecutorInfo {
    static var sample: ExecutorInfo {
        var info = ExecutorInfo(executorID: "e", command: CommandInfo(shell: "./executor"))
        info.resources = "cpus:0.5;mem:64"
        return info
    }
}

extension [AgentState.Effect] {
    /// What went to the relay.
    var toRelay: [AgentToRelay] {
        self.compactMap { if case .sendToRelay(_, let message) = $0 { message } else { nil } }
    }

    var envelopes: [StatusEnvelope] {
        self.toRelay.compactMap { if case .status(let status) = $0 { status } else { nil } }
    }
    var sentStates: [TaskState] { self.envelopes.compactMap { codec.status($0.status)?.state } }
    var books: [BookEntry] { self.toRelay.compactMap { if case .book(let entry) = $0 { entry } else { nil } } }

    var registration: AgentRegistration? {
        self.toRelay.lazy.compactMap { if case .registration(let value) = $0 { value } else { nil } }.first
    }

    /// What went to executors.
    var toExecutor: [ExecutorEvent] {
        self.compactMap { if case .sendToExecutor(_, let event) = $0 { event } else { nil } }
    }

    var adopted: [ContainerSpec] { self.compactMap { if case .adopt(let spec) = $0 { spec } else { nil } } }
    var launched: [ContainerSpec] { self.compactMap { if case .launch(let spec) = $0 { spec } else { nil } } }

    /// Everything that is not said to the relay.
    var doings: [AgentState.Effect] {
        self.filter { if case .sendToRelay = $0 { false } else { true } }
    }
}
