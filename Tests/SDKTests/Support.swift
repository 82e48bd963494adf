import Model
import SDKCore

let start = Instant(nanoseconds: 0)
let master = PeerID(1)
let standby = PeerID(2)
let leader = MasterInfo(id: "m1", address: "10.0.0.1:5050")
let one = RelayInfo(name: "r1", address: "10.0.0.2:5052")
let two = RelayInfo(name: "r2", address: "10.0.0.3:5052")

func seconds(_ count: Int) -> Instant { start + .seconds(count) }

func subscription(_ epoch: UInt64, _ counter: UInt64) -> Subscription {
    Subscription(epoch: Epoch(epoch), counter: counter, token: [UInt8](repeating: UInt8(counter), count: 16))
}

/// SUBSCRIBE of a driver that was granted that before.
func subscribe(_ info: FrameworkInfo, showing subscription: Subscription) -> SchedulerCall.Subscribe {
    var subscribe = SchedulerCall.Subscribe(framework: info, relays: true, guarantees: true)
    subscribe.subscription = subscription
    return subscribe
}

func call(_ kind: SchedulerCall.Kind, of framework: FrameworkID? = "1-F1") -> SchedulerCall {
    SchedulerCall(frameworkID: framework, kind)
}

/// A status with a uuid that follows from its sequence, as an agent makes it.
func update(_ task: TaskID, _ state: TaskState, _ sequence: StatusSequence, agent: AgentID = "1-A1") -> TaskStatus {
    var status = TaskStatus(taskID: task, state: state)
    status.agentID = agent
    status.source = .executor
    status.sequence = sequence
    status.uuid = uuid(task, sequence)
    return status
}

/// A status without uuid, as a master makes it.
func answer(_ task: TaskID, _ state: TaskState, _ reason: StatusReason, agent: AgentID? = "1-A1") -> TaskStatus {
    var status = TaskStatus(taskID: task, state: state)
    status.agentID = agent
    status.source = .master
    status.reason = reason
    return status
}

func uuid(_ task: TaskID, _ sequence: StatusSequence) -> Bytes {
    Bytes("\(task)#\(sequence)".utf8)
}

func task(_ id: TaskID, on agent: AgentID = "1-A1") -> TaskInfo {
    var task = TaskInfo(name: "\(id)", taskID: id, agentID: agent, resources: "cpus:1;mem:32")
    task.command = CommandInfo(shell: "true")
    return task
}

func launch(_ tasks: TaskInfo..., from offer: OfferID = "1-O1") -> SchedulerCall.Accept {
    SchedulerCall.Accept(offerIDs: [offer], operations: [.launch(tasks.map { .task($0) })])
}

func settings(_ change: (inout SchedulerSettings) -> Void = { _ in }) -> SchedulerSettings {
    var settings = SchedulerSettings(framework: FrameworkInfo(user: "u", name: "test"))
    settings.acknowledgementDelay = .zero
    change(&settings)
    return settings
}

/// Reads no bytes: tests hand statuses over as values.
struct NoCodec: EntityCodec {
    func task(_ bytes: Bytes) -> TaskInfo? { nil }
    func executor(_ bytes: Bytes) -> ExecutorInfo? { nil }
    func framework(_ bytes: Bytes) -> FrameworkInfo? { nil }
    func status(_ bytes: Bytes) -> TaskStatus? { nil }
    func attributes(_ bytes: Bytes) -> [Attribute] { [] }
    func encode(_ task: TaskInfo) -> Bytes { [] }
    func encode(_ executor: ExecutorInfo) -> Bytes { [] }
    func encode(_ framework: FrameworkInfo) -> Bytes { [] }
    func encode(_ status: TaskStatus) -> Bytes { [] }
    func encode(attributes: [Attribute], hostname: String) -> Bytes { [] }
}

extension SchedulerState {
    init(_ settings: SchedulerSettings) { self.init(settings: settings, codec: NoCodec()) }

    /// Subscribes with a master; the effects are those of SUBSCRIBED.
    @discardableResult
    mutating func subscribe(
        at peer: PeerID = master, epoch: UInt64 = 1, counter: UInt64 = 1, relays: [RelayInfo] = [],
        id: FrameworkID = "1-F1", _ now: Instant = start
    ) -> [Effect] {
        _ = self.handle(.masterConnected(peer, Epoch(epoch)), at: now)
        let subscribed = SchedulerEvent.Subscribed(
            frameworkID: id, heartbeatInterval: .seconds(15), master: leader, relays: relays,
            subscription: subscription(epoch, counter))
        return self.handle(.masterEvent(.subscribed(subscribed), from: peer), at: now)
    }

    mutating func update(_ status: TaskStatus, from peer: PeerID = master, _ now: Instant = start) -> [Effect] {
        self.handle(.masterEvent(.update(.status(status)), from: peer), at: now)
    }

    mutating func relayUpdate(_ status: TaskStatus, from peer: PeerID, _ now: Instant = start) -> [Effect] {
        self.handle(.relayEvent(.update(.status(status)), from: peer), at: now)
    }

    mutating func returned(_ status: TaskStatus, _ now: Instant = start) -> [Effect] {
        self.handle(.statusUpdateReturned(status.taskID, uuid: status.uuid ?? []), at: now)
    }

    mutating func call(_ call: UserCall, _ now: Instant = start) -> [Effect] { self.handle(.called(call), at: now) }
}

extension [SchedulerState.Effect] {
    /// What the user is told by them.
    var callbacks: [SchedulerState.Callback] {
        self.compactMap { if case .callBack(let callback) = $0 { callback } else { nil } }
    }

    /// What the master is sent by them.
    var calls: [SchedulerCall.Kind] {
        self.compactMap { if case .sendToMaster(let call) = $0 { call.kind } else { nil } }
    }
}
