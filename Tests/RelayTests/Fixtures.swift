import Model

@testable import RelayCore

let start = Instant(nanoseconds: 0)
let masterLink = PeerID(1)
let f1: FrameworkID = "7-F1"
let a1: AgentID = "7-A1"

func at(_ seconds: Double) -> Instant { start + .milliseconds(Int64(seconds * 1000)) }

func settings(
    heldBytes: Int = 16 << 20, maxAgents: Int = 100, bulkBytes: Int = 1 << 20, acknowledgementDelay: Duration = .zero,
    bookDelay: Duration = .zero
) -> RelaySettings {
    var settings = RelaySettings(name: "relay-1", address: "r1:1")
    settings.bookDelay = bookDelay
    settings.acknowledgementDelay = acknowledgementDelay
    settings.launchPatience = .zero
    settings.quietDelay = acknowledgementDelay
    settings.heldBytesPerFramework = heldBytes
    settings.maxAgents = maxAgents
    settings.bulkBytesPerTurn = bulkBytes
    return settings
}

func welcome(_ epoch: Epoch) -> Welcome {
    var welcome = Welcome(role: .master, name: "m")
    welcome.epoch = epoch
    return welcome
}

func agentHello(_ name: String, revision: UInt32 = ProtocolRevision.current) -> Hello {
    var hello = Hello(role: .agent, name: name)
    hello.revision = revision
    hello.incarnation = Bytes(name.utf8)
    return hello
}

func schedulerHello(_ subscription: Subscription, of framework: FrameworkID = f1) -> Hello {
    var hello = Hello(role: .scheduler, name: "s")
    hello.frameworkID = framework
    hello.subscription = subscription
    return hello
}

func subscription(_ epoch: Epoch, _ counter: UInt64, token: UInt8? = nil) -> Subscription {
    Subscription(epoch: epoch, counter: counter, token: [token ?? UInt8(truncatingIfNeeded: counter)])
}

func notice(
    _ subscription: Subscription, of framework: FrameworkID = f1, relays: Bool = true, connected: Bool = true
) -> MasterToRelay {
    .subscription(
        SubscriptionNotice(
            frameworkID: framework, subscription: subscription, usesRelays: relays, isConnected: connected))
}

func registration(
    _ attachment: Attachment, id: AgentID? = nil, tasks: [TaskRecord] = [], position: BookPosition = 0,
    frameworks: [FrameworkRecord] = [], epoch: Epoch = .none
) -> AgentRegistration {
    AgentRegistration(
        attachment: attachment, agentID: id, hostname: "h", total: "cpus:4;mem:4096", position: position,
        tasks: tasks, frameworks: frameworks, epoch: epoch)
}

func life(_ starts: UInt64, _ connects: UInt64) -> Attachment { Attachment(starts: starts, connects: connects) }

func task(_ number: UInt64, _ id: TaskID, state: TaskState = .running, of framework: FrameworkID = f1) -> TaskRecord {
    TaskRecord(number: number, key: TaskKey(framework, id), name: "t", resources: "cpus:1", state: state)
}

/// A status whose bytes are no TaskStatus: a relay does not look.
func status(_ task: String, _ uuid: UInt8, size: Int = 2, of framework: FrameworkID = f1) -> StatusEnvelope {
    StatusEnvelope(
        key: TaskKey(framework, TaskID(task)), uuid: [uuid], status: [0xff] + Bytes(repeating: uuid, count: size - 1))
}

func update(_ envelope: StatusEnvelope) -> SchedulerEvent { .update(.encoded(envelope.status)) }

func launch(_ ids: TaskID..., of framework: FrameworkID = f1, inGroup: Bool = false) -> LaunchOrder {
    LaunchOrder(
        frameworkID: framework, role: "*", frameworkInfo: [1, 2, 3],
        tasks: ids.map { LaunchOrder.Task(taskID: $0, info: [9]) }, groupExecutor: inGroup ? [8] : [])
}

func acknowledgement(_ task: String, _ uuid: UInt8, on agent: AgentID = a1) -> SchedulerCall {
    SchedulerCall(frameworkID: f1, .acknowledge(agent, TaskID(task), uuid: [uuid]))
}

/// A relay and what it orders, without what it only tells the log.
struct Transcript {
    var relay: RelayState

    init(_ settings: RelaySettings = settings()) { self.relay = RelayState(settings: settings) }

    mutating func on(_ event: RelayState.Event, at now: Instant = start) -> [RelayState.Effect] {
        self.relay.handle(event, at: now).filter {
            if case .observe = $0 { return false }
            return true
        }
    }

    mutating func facts(_ event: RelayState.Event, at now: Instant = start) -> [RelayFact] {
        self.relay.handle(event, at: now).compactMap {
            if case .observe(let fact) = $0 { return fact }
            return nil
        }
    }

    /// Master 7 is followed, and the agent of peer 10 is attached as 7-A1, index 0.
    static func attached(_ settings: RelaySettings = settings()) -> Transcript {
        var transcript = Transcript(settings)
        _ = transcript.on(.masterConnected(masterLink, welcome(7)))
        transcript.attach(PeerID(10), "a1", index: 0, id: a1)
        return transcript
    }

    mutating func attach(
        _ peer: PeerID, _ name: String, index: UInt32, id: AgentID, connects: UInt64 = 1,
        revision: UInt32 = ProtocolRevision.current
    ) {
        let life = life(1, connects)
        _ = self.on(.agentConnected(peer, agentHello(name, revision: revision)))
        _ = self.on(.agent(peer, .registration(registration(life, id: connects > 1 ? id : nil))))
        _ = self.on(.master(masterLink, .agentAccepted(index: index, life, id)))
    }

    /// As `attached`, with the scheduler of subscription 7.1 on peer 20.
    static func subscribed(_ settings: RelaySettings = settings()) -> Transcript {
        var transcript = Transcript.attached(settings)
        _ = transcript.on(.master(masterLink, notice(subscription(7, 1))))
        _ = transcript.on(.schedulerConnected(PeerID(20), schedulerHello(subscription(7, 1))))
        return transcript
    }
}
