/// One record of an agent's log: what must survive its death.
///
/// Replayed in order, the records rebuild the agent. Records that change the books carry the position they raise them to.
public enum AgentLogRecord: Hashable, Sendable {
    /// The agent started. `boot` names the machine's boot: processes do not outlive it.
    case started(starts: UInt64, boot: String)
    /// The id the master gave.
    case identity(AgentID)
    /// The highest epoch seen so far.
    case epochSeen(Epoch)
    /// Before the first task or executor of a framework, and when its info changes.
    case frameworkSeen(FrameworkRecord)
    /// Before its container is started or its executor hears of it.
    case taskAccepted(TaskAcceptance)
    /// Before its container is started.
    case executorAccepted(ExecutorAcceptance)
    /// Somebody wants it dead: so it ends KILLED, and the next life of the agent goes on killing. `grace` nil: the
    /// task's own policy.
    case killRequested(number: UInt64, grace: Duration?)
    /// Before the status is sent, and before the executor hears that it is in safe hands.
    case taskStatus(LoggedStatus)
    /// The scheduler has this status and those before it. `position` if it was terminal: the task is removed.
    case acknowledged(number: UInt64, sequence: StatusSequence, position: BookPosition?)
    /// Its container is gone, and its resources are free.
    case executorExited(ExecutorExit)
    /// The master has the books up to here.
    case bookConfirmed(BookPosition)
    /// The operator wants no offers of this agent, or wants them again; written by earlier versions.
    case deactivated(Bool)
    /// What the operator wants of this agent.
    case mode(AgentMode)
    /// The first record of a compacted log: what was counted before it.
    case counters(AgentCounters)
    /// What it was given to share out; written when that is new.
    case configured(AgentConfiguration)

    /// Whether nothing waits for it to be on disk, so that it can share the write of what comes next.
    ///
    /// Without it a later life says again what was heard, which is recognised.
    public var canWait: Bool {
        switch self {
        case .bookConfirmed, .acknowledged(_, _, position: nil): true
        default: false
        }
    }
}

/// What an operator gives an agent to share out.
public struct AgentConfiguration: Hashable, Sendable {
    /// All of it, in use or not.
    public var total: Resources
    /// As listings show them, in ascending order.
    public var attributes: [String]

    /// With everything given.
    public init(total: Resources, attributes: [String]) {
        self.total = total
        self.attributes = attributes.sorted()
    }
}

/// A task that the agent answers for from here on.
public struct TaskAcceptance: Hashable, Sendable {
    /// The agent's own, from 1, never used twice.
    public var number: UInt64
    /// Its framework and id.
    public var key: TaskKey
    /// Whose share it counts in.
    public var role: String
    /// `meseta.v1.TaskInfo` as it came.
    public var info: Bytes
    /// Nil for a command task.
    public var executorID: ExecutorID?
    /// Of a command task's own container; 0 with an executor.
    public var runID: RunID
    /// Nil if it is alone.
    public var group: Group?
    /// It does not run here; a terminal status follows at once.
    public var isRefused: Bool
    /// Of the books with it.
    public var position: BookPosition

    /// Tasks that start all or none; their numbers follow each other.
    public struct Group: Hashable, Sendable {
        /// The number of the first.
        public var first: UInt64
        /// How many there are.
        public var count: UInt32

        /// A group.
        public init(first: UInt64, count: UInt32) {
            self.first = first
            self.count = count
        }
    }

    /// A task, alone and not refused unless said otherwise.
    public init(
        number: UInt64, key: TaskKey, role: String, info: Bytes, executorID: ExecutorID?, runID: RunID,
        group: Group? = nil, isRefused: Bool = false, position: BookPosition
    ) {
        self.number = number
        self.key = key
        self.role = role
        self.info = info
        self.executorID = executorID
        self.runID = runID
        self.group = group
        self.isRefused = isRefused
        self.position = position
    }
}

/// An executor that the agent starts.
public struct ExecutorAcceptance: Hashable, Sendable {
    /// Its framework and id.
    public var key: ExecutorKey
    /// Whose share it counts in.
    public var role: String
    /// `meseta.v1.ExecutorInfo`.
    public var info: Bytes
    /// Of its container.
    public var runID: RunID
    /// What it must show to subscribe: 32 hexadecimal digits.
    public var token: String
    /// Of the books with it.
    public var position: BookPosition

    /// An executor.
    public init(
        key: ExecutorKey, role: String, info: Bytes, runID: RunID, token: String, position: BookPosition
    ) {
        self.key = key
        self.role = role
        self.info = info
        self.runID = runID
        self.token = token
        self.position = position
    }
}

/// A status that the agent delivers until it is acknowledged.
public struct LoggedStatus: Hashable, Sendable {
    /// Of the task.
    public var number: UInt64
    /// Within its task.
    public var sequence: StatusSequence
    /// That it tells.
    public var state: TaskState
    /// 16 bytes.
    public var uuid: Bytes
    /// `meseta.v1.TaskStatus`.
    public var status: Bytes
    /// Of the books with it.
    public var position: BookPosition

    /// A status.
    public init(
        number: UInt64, sequence: StatusSequence, state: TaskState, uuid: Bytes, status: Bytes, position: BookPosition
    ) {
        self.number = number
        self.sequence = sequence
        self.state = state
        self.uuid = uuid
        self.status = status
        self.position = position
    }
}

/// The end of an executor.
public struct ExecutorExit: Hashable, Sendable {
    /// Its framework and id.
    public var key: ExecutorKey
    /// Of its container.
    public var runID: RunID
    /// As waitpid() gives it.
    public var status: Int32
    /// For people.
    public var message: String
    /// Of the books without it.
    public var position: BookPosition

    /// An end.
    public init(key: ExecutorKey, runID: RunID, status: Int32, message: String, position: BookPosition) {
        self.key = key
        self.runID = runID
        self.status = status
        self.message = message
        self.position = position
    }
}

/// Counts that only grow, as far as the remaining records do not show them.
public struct AgentCounters: Hashable, Sendable {
    /// The last task number given out.
    public var number: UInt64
    /// The last run given out.
    public var runID: RunID
    /// Of the books.
    public var position: BookPosition
    /// As far as the master has them.
    public var confirmed: BookPosition

    /// Counts.
    public init(number: UInt64, runID: RunID, position: BookPosition, confirmed: BookPosition) {
        self.number = number
        self.runID = runID
        self.position = position
        self.confirmed = confirmed
    }
}
