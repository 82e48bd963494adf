import Model

/// A framework that something was launched of.
struct FrameworkEntry {
    var record: FrameworkRecord
    /// What `record.info` says; nil if it cannot be read.
    @Apart var info: FrameworkInfo?
    /// Tasks in the table, terminal ones included.
    var tasks = 0
    /// Executors in the table, exits that the master has not confirmed included.
    var executors = 0
    /// Removed from the cluster: what runs is being ended, and nobody hears of it.
    var isShuttingDown = false

    init(record: FrameworkRecord, info: FrameworkInfo? = nil) {
        self.record = record
        self.info = info
    }

    var isIdle: Bool { self.tasks == 0 && self.executors == 0 }
    var isPartitionAware: Bool { self.info?.capabilities.contains(.partitionAware) ?? false }
    var wantsTaskKilling: Bool { self.info?.capabilities.contains(.taskKillingState) ?? false }
    /// For what never ran here.
    var droppedState: TaskState { self.isPartitionAware ? .dropped : .lost }
    /// For what ran here and is no more, nobody knows how.
    var goneState: TaskState { self.isPartitionAware ? .gone : .lost }
}

/// A task, from its acceptance until the master knows that it was removed.
///
/// One object, changed in place: it has too much to say to be copied for each look at it.
final class TaskEntry {
    enum Stage: Hashable {
        /// Its acceptance is being written. Leaves for `queued`, `launching` or `running` when that is on disk.
        case accepted
        /// Waits for its executor to subscribe. Leaves for `running`.
        case queued
        /// Its container was ordered. Leaves for `running` when it started.
        case launching
        /// Its process runs, or its executor has it. Leaves for `ended`, through `ending` if it has an executor.
        case running
        /// Its terminal status waits until its executor's container is the smaller for it. Leaves for `ended`.
        case ending
        /// Terminal.
        case ended
    }

    /// Somebody wants it dead.
    struct Kill: Hashable {
        var requestedAt: Instant
        /// As asked for; nil: the task's own policy.
        var grace: Duration?
        /// A command task gets SIGKILL then; another goes with its executor, if it has to go.
        var deadline: Instant
        /// Why it goes even if its executor does not end it; nil: the executor decides.
        var insistence: String?
    }

    let acceptance: TaskAcceptance
    /// Nil if `acceptance.info` cannot be read.
    let info: TaskInfo?
    var stage: Stage = .accepted
    /// Whether the acceptance is on disk.
    var isLogged = false
    /// Its resources count as used.
    ///
    /// Not those of a task that is refused.
    var isHolding = false
    /// Of the last status made, on disk or not.
    var state: TaskState = .staging
    /// Of the last status made, on disk or not.
    var sequence: StatusSequence = 0
    /// Not acknowledged by the scheduler, oldest first; those above `loggedSequence` are not on disk yet.
    var statuses: [LoggedStatus] = []
    var loggedSequence: StatusSequence = 0
    /// The latest on disk.
    var latest: LoggedStatus?
    /// The latest that the scheduler acknowledged; the record of that may be on its way to disk.
    var acknowledged: LoggedStatus?
    /// Of updates from the executor, newest last: it sends again what it missed our acknowledgement of.
    var recentUUIDs: [Bytes] = []
    var kill: Kill?
    /// It ran longer than it may.
    var isOvertime = false
    /// It has to go because the agent is being emptied.
    var isDrained = false
    /// Of a task of an executor: until when it may run; nil while it was not handed over, or without a bound.
    var runsUntil: Instant?
    /// Its terminal status, from when it is `ending`.
    var outcome: AgentState.Draft?
    /// The first RUNNING, if times are counted from it.
    var running: LoggedStatus?
    /// As last told.
    var healthy: Bool?
    /// As last told.
    var checkStatus: CheckStatus?
    /// While somebody looks whether it is well.
    var health: HealthMonitor?
    /// While somebody looks and tells what is seen.
    var isChecked = false
    /// Looks under way, and how many there were.
    var probes: [ProbeID.Kind: UInt32] = [:]
    var attempts: [ProbeID.Kind: UInt32] = [:]
    /// Why it is killed, if that is for its health.
    var sickness: String?
    /// Of the record that the terminal status was acknowledged, from when that is appended.
    var removal: BookPosition?
    /// That record is on disk.
    var isRemoved = false
    var retryInterval: Duration = .zero
    /// When its unacknowledged statuses are sent again; nil while none was sent.
    var retryAt: Instant?

    init(acceptance: TaskAcceptance, info: TaskInfo?) {
        self.acceptance = acceptance
        self.info = info
    }

    var number: UInt64 { self.acceptance.number }
    var key: TaskKey { self.acceptance.key }
    var isCommand: Bool { self.acceptance.executorID == nil }
    var isLive: Bool { self.stage != .ended }
    /// Whether times are counted from its first RUNNING.
    var isTimed: Bool {
        self.info.map { $0.maxCompletionTime != nil || $0.healthCheck != nil || $0.check != nil } ?? false
    }
    var resources: Resources { self.info?.resources ?? .init() }
    var executorKey: ExecutorKey? { self.acceptance.executorID.map { ExecutorKey(self.key.framework, $0) } }

    /// How many UUIDs are remembered of an executor's updates of one task.
    static let recentUUIDLimit = 32

    func remember(_ uuid: Bytes) {
        if self.recentUUIDs.count == Self.recentUUIDLimit { self.recentUUIDs.removeFirst() }
        self.recentUUIDs.append(uuid)
    }

    /// As the books show it: what is on disk, and acceptances on their way there.
    var record: TaskRecord {
        let status = self.latest?.status ?? []
        var record = TaskRecord(
            number: self.number, key: self.key, name: self.info?.name ?? "", executorID: self.acceptance.executorID,
            resources: self.resources, role: self.acceptance.role, state: self.latest?.state ?? .staging,
            acknowledgedState: self.acknowledged?.state, sequence: self.latest?.sequence ?? 0,
            isUnacknowledged: self.statuses.first.map { $0.sequence <= self.loggedSequence } ?? false,
            isRemoved: self.isRemoved, latestStatus: status.count > TaskRecord.largestStatus ? [] : status)
        record.priority = self.info?.priority ?? 0
        record.maxCompletionTime = self.info?.maxCompletionTime
        record.isEnding = self.isLive && self.kill.map { self.isCommand || $0.insistence != nil } ?? false
        return record
    }
}

/// One run of an executor.
struct ExecutorEntry {
    enum Stage: Hashable {
        /// Its acceptance is being written. Leaves for `registering` when that is on disk.
        case accepted
        /// Its container was ordered; it has not subscribed. Leaves for `subscribed`, or `exited` when too late.
        case registering
        /// Leaves for `away` when the connection breaks.
        case subscribed(PeerID)
        /// It was subscribed, here or in an earlier life of the agent. Leaves for `subscribed`, or `exited` when too late.
        case away
        /// Told to shut down, or being destroyed. Leaves for `exited`.
        case stopping(PeerID?)
        /// Its container is gone; the record of that is being written.
        case exited
    }

    /// What waits until its container may use what it has to run.
    enum Step {
        /// Tasks, of one order, that it is to be given.
        case handOver([UInt64])
        /// A task that no longer counts.
        case end(UInt64)
    }

    /// What its tasks end as, if the agent itself ends it.
    struct End: Hashable {
        var isLost = false
        var reason: StatusReason
        var message: String
    }

    let acceptance: ExecutorAcceptance
    let info: ExecutorInfo
    /// It has until then to subscribe, the first time or again.
    var subscribesBy: Instant?
    /// It had connected when that time was over, and was given some more.
    var wasAtTheDoor = false
    var stage: Stage = .accepted
    /// Live tasks, in the order of acceptance.
    var tasks: [UInt64] = []
    var hasReceivedTasks = false
    /// Its own resources and those of its live tasks, without those that are ending.
    var load: Resources
    /// What its container may use, as last ordered.
    var limits: Resources = .init()
    /// What follows when that is so; nil while no order is being carried out.
    var updating: [Step]?
    /// What waits for the order after that.
    var waiting: [Step] = []
    var end: End?
    /// When its container is destroyed, if it was told to shut down.
    var stopsBy: Instant?
    /// From when its record is appended.
    var exit: ExecutorExit?

    init(acceptance: ExecutorAcceptance, info: ExecutorInfo) {
        self.acceptance = acceptance
        self.info = info
        self.load = info.resources
    }

    var key: ExecutorKey { self.acceptance.key }
    var runID: RunID { self.acceptance.runID }

    var peer: PeerID? {
        switch self.stage {
        case .subscribed(let peer): peer
        case .stopping(let peer): peer
        case .accepted, .registering, .away, .exited: nil
        }
    }

    /// Whether that is its token: the text of its environment, or the bytes that the text spells.
    func isShown(by token: Bytes) -> Bool {
        let spelled = token.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        return token == Array(self.acceptance.token.utf8) || spelled == self.acceptance.token
    }

    var record: ExecutorRecord {
        ExecutorRecord(
            key: self.key, resources: self.info.resources, role: self.acceptance.role, info: self.acceptance.info)
    }
}

/// Tasks that only the master has yet to hear are removed, by the positions in the books at which it is told.
struct RemovedTasks {
    /// Of ascending positions; those before `head` are taken.
    private var tasks: [(number: UInt64, position: BookPosition)] = []
    private var head = 0

    var all: ArraySlice<(number: UInt64, position: BookPosition)> { self.tasks[self.head...] }

    /// - Complexity: O(1) for the highest position, as all are but those of a log that was rewritten.
    mutating func add(_ number: UInt64, at position: BookPosition) {
        let index = self.tasks[self.head...].lastIndex { $0.position < position }.map { $0 + 1 } ?? self.head
        self.tasks.insert((number, position), at: index)
    }

    /// Takes out those whose position is not above `position`.
    mutating func take(upTo position: BookPosition) -> [UInt64] {
        let end = self.tasks[self.head...].firstIndex { $0.position > position } ?? self.tasks.count
        let taken = self.tasks[self.head..<end].map(\.number)
        self.head = end
        if self.head * 2 >= self.tasks.count {
            self.tasks.removeFirst(self.head)
            self.head = 0
        }
        return taken
    }
}

/// The end of an executor that the master has not confirmed.
struct UnconfirmedExit {
    var exit: ExecutorExit
    let acceptance: ExecutorAcceptance
    let record: ExecutorRecord
}

/// What is to be done when a record is on disk.
enum Consequence {
    case taskAccepted(UInt64)
    /// To its executor: one task, or all of a group.
    case deliver([UInt64])
    case executorAccepted(RunID)
    case status(LoggedStatus, fromExecutor: Bool)
    /// The terminal status of a task was acknowledged.
    case removed(UInt64)
    case kill(UInt64)
    case executorExited(RunID, ExecutorExit)
    case tell(BookEntry)
    /// The number of this life of the agent is on disk: it may be shown.
    case started
    /// What the operator wants is on disk: it is told, and done.
    case mode(AgentMode)
    /// An epoch that was seen is on disk: it may be shown.
    case epoch(Epoch)
    /// The master waits for a registration that shows its epoch.
    case restate
}
