/// A task as the books of agent and master hold it.
public struct TaskRecord: Hashable, Sendable {
    /// The agent's own dense number of the task.
    public var number: UInt64
    /// Framework and task id.
    public var key: TaskKey
    /// As its scheduler calls it; for people, not unique.
    public var name: String
    /// Nil for a command task.
    public var executorID: ExecutorID?
    /// What it holds of the agent until it ends.
    public var resources: Resources
    /// The role whose share it counts in; default `*`.
    public var role: String
    /// The latest.
    public var state: TaskState
    /// The latest that the scheduler acknowledged.
    public var acknowledgedState: TaskState?
    /// Of the latest status.
    public var sequence: StatusSequence
    /// A status waits for the scheduler.
    public var isUnacknowledged: Bool
    /// Terminal and acknowledged: listed only until the master has confirmed it.
    public var isRemoved: Bool
    /// The `meseta.v1.TaskStatus` last sent; empty if none was, or if it is longer than `largestStatus`.
    public var latestStatus: Bytes

    /// As its scheduler said; default 0.
    public var priority: Int32 = 0
    /// As its scheduler said; nil: no bound.
    public var maxCompletionTime: Duration?
    /// It was ordered to end, and will, whatever its executor does.
    public var isEnding = false

    /// Books and registrations tell what a task is, not what it computed: 16 KiB.
    public static let largestStatus = 16 << 10

    /// With everything given; by default a task that was just accepted.
    public init(
        number: UInt64, key: TaskKey, name: String, executorID: ExecutorID? = nil, resources: Resources,
        role: String = "*", state: TaskState = .staging, acknowledgedState: TaskState? = nil,
        sequence: StatusSequence = 0, isUnacknowledged: Bool = false, isRemoved: Bool = false,
        latestStatus: Bytes = []
    ) {
        self.number = number
        self.key = key
        self.name = name
        self.executorID = executorID
        self.resources = resources
        self.role = role
        self.state = state
        self.acknowledgedState = acknowledgedState
        self.sequence = sequence
        self.isUnacknowledged = isUnacknowledged
        self.isRemoved = isRemoved
        self.latestStatus = latestStatus
    }
}

/// An executor as the books hold it.
public struct ExecutorRecord: Hashable, Sendable {
    /// Framework and executor id.
    public var key: ExecutorKey
    /// What it holds beside its tasks.
    public var resources: Resources
    /// The role whose share it counts in; default `*`.
    public var role: String
    /// `meseta.v1.ExecutorInfo`.
    public var info: Bytes

    /// With everything given.
    public init(key: ExecutorKey, resources: Resources, role: String = "*", info: Bytes = []) {
        self.key = key
        self.resources = resources
        self.role = role
        self.info = info
    }
}

/// A framework that an agent runs something of.
public struct FrameworkRecord: Hashable, Sendable {
    /// The framework that the tasks belong to.
    public var id: FrameworkID
    /// `meseta.v1.FrameworkInfo` as launched with.
    public var info: Bytes

    /// With everything given.
    public init(id: FrameworkID, info: Bytes) {
        self.id = id
        self.info = info
    }
}

/// One change of an agent's books.
public struct BookEntry: Hashable, Sendable {
    /// The agent's count of changes, this one included.
    public var position: BookPosition
    /// The new fact.
    public var change: Change

    /// What changed.
    public enum Change: Hashable, Sendable {
        /// Added or changed: the whole record.
        case task(TaskRecord)
        /// Its terminal status was acknowledged.
        case taskRemoved(number: UInt64)
        case executor(ExecutorRecord)
        /// `status` as waitpid() gives it.
        case executorExited(ExecutorKey, status: Int32, message: String)

        /// Something is free again, so it is told without delay.
        public var isEnd: Bool {
            switch self {
            case .task(let record): record.state.isTerminal
            case .executorExited: true
            case .taskRemoved, .executor: false
            }
        }
    }

    /// The agent keeps what ended until the master confirms this; nothing waits for the confirmation of another.
    public var isKeptUntilConfirmed: Bool {
        switch self.change {
        case .taskRemoved, .executorExited: true
        case .task, .executor: false
        }
    }

    /// The change that brought the books to this position.
    public init(position: BookPosition, _ change: Change) {
        self.position = position
        self.change = change
    }
}

/// Everything an agent is and runs, under a new attachment.
///
/// It is the truth: what is not listed does not run there. One that is long travels in pieces, see
/// `AgentRegistration+Pieces.swift`.
public struct AgentRegistration: Hashable, Sendable {
    /// The life of the agent that this begins; what comes under a lower one is dropped.
    public var attachment: Attachment
    /// Nil the first time.
    public var agentID: AgentID?
    /// Where others reach its sandboxes, and what people know it by.
    public var hostname: String
    /// The port that sandboxes are served on; 0 if none.
    public var sidePort: UInt16
    /// All it has, free or not.
    public var total: Resources
    /// `meseta.v1.AgentInfo` with attributes alone.
    public var attributes: Bytes
    /// The last change that the lists below include.
    public var position: BookPosition
    /// Every task that it runs, or whose end is not yet acknowledged and confirmed.
    public var tasks: [TaskRecord]
    /// Every executor that lives there.
    public var executors: [ExecutorRecord]
    /// The frameworks that these tasks and executors belong to.
    public var frameworks: [FrameworkRecord]
    /// The highest epoch the agent has seen and has on its disk: across restarts it obeys no lower one.
    public var epoch: Epoch
    /// What the operator wants of it.
    public var mode: AgentMode
    /// A piece, and another follows.
    public var isContinued = false

    /// With everything given; by default an agent that runs nothing and was never registered.
    public init(
        attachment: Attachment, agentID: AgentID? = nil, hostname: String, sidePort: UInt16 = 0, total: Resources,
        attributes: Bytes = [], position: BookPosition = 0, tasks: [TaskRecord] = [],
        executors: [ExecutorRecord] = [], frameworks: [FrameworkRecord] = [], epoch: Epoch = .none,
        mode: AgentMode = .active
    ) {
        self.attachment = attachment
        self.agentID = agentID
        self.hostname = hostname
        self.sidePort = sidePort
        self.total = total
        self.attributes = attributes
        self.position = position
        self.tasks = tasks
        self.executors = executors
        self.frameworks = frameworks
        self.epoch = epoch
        self.mode = mode
    }
}

/// What the master wants of an agent.
public enum AgentOrder: Hashable, Sendable {
    case launch(LaunchOrder)
    /// `endsExecutor`: the task goes in any case. If its executor has not ended it after the grace, the executor is ended
    /// with all that it runs; the grace is then the task's own policy, bounded by `grace` or the agent's usual time,
    /// whichever is longer.
    case kill(TaskKey, grace: Duration?, reason: String, endsExecutor: Bool = false)
    case shutdownExecutor(ExecutorKey)
    case shutdownFramework(FrameworkID)
    case message(ExecutorKey, Bytes)
    case acknowledge(TaskKey, uuid: Bytes)
    /// The operator wants it so.
    case setMode(AgentMode)
    /// Register anew. Who has done so knows the epoch of the order, so no earlier leader has launched anything since that the
    /// registration does not list.
    case restate
}

/// Tasks to start, as their scheduler described them.
public struct LaunchOrder: Hashable, Sendable {
    /// The framework whose tasks they are.
    public var frameworkID: FrameworkID
    /// The role that the resources were offered to.
    public var role: String
    /// `meseta.v1.FrameworkInfo`.
    public var frameworkInfo: Bytes
    /// Those of one ACCEPT, which start each for itself; or a group, which starts all or none.
    public var tasks: [Task]
    /// `meseta.v1.ExecutorInfo` of a group; empty otherwise.
    public var groupExecutor: Bytes

    /// One task: its id, and the `meseta.v1.TaskInfo`.
    public struct Task: Hashable, Sendable {
        /// The scheduler's id of it.
        public var taskID: TaskID
        /// `meseta.v1.TaskInfo`, all its fields, as the scheduler sent it.
        public var info: Bytes

        /// With everything given.
        public init(taskID: TaskID, info: Bytes) {
            self.taskID = taskID
            self.info = info
        }
    }

    /// With everything given.
    public init(
        frameworkID: FrameworkID, role: String, frameworkInfo: Bytes, tasks: [Task], groupExecutor: Bytes = []
    ) {
        self.frameworkID = frameworkID
        self.role = role
        self.frameworkInfo = frameworkInfo
        self.tasks = tasks
        self.groupExecutor = groupExecutor
    }
}

/// A status on its way, with what routes it beside it.
public struct StatusEnvelope: Hashable, Sendable {
    /// The task that it is about.
    public var key: TaskKey
    /// Names the status; 16 bytes that its acknowledgement repeats.
    public var uuid: Bytes
    /// `meseta.v1.TaskStatus`.
    public var status: Bytes

    /// With everything given.
    public init(key: TaskKey, uuid: Bytes, status: Bytes) {
        self.key = key
        self.uuid = uuid
        self.status = status
    }
}

/// What an agent says to its relay.
public enum AgentToRelay: Hashable, Sendable {
    case registration(AgentRegistration)
    case status(StatusEnvelope)
    case book(BookEntry)
    case message(ExecutorKey, Bytes)
    /// Asked to: what this framework's scheduler has not acknowledged follows.
    case resending(FrameworkID)
}

/// What a relay says to an agent.
public enum RelayToAgent: Hashable, Sendable {
    case order(Epoch, Attachment, AgentOrder)
    case registered(Attachment, AgentID, Epoch)
    /// The master does not want it.
    case refused(Attachment, message: String)
    case bookConfirmed(Attachment, BookPosition)
    /// Send again what this framework's scheduler has not acknowledged.
    case resend(FrameworkID)
    case directory(relays: [String], masters: [String])
    case goElsewhere(message: String)
}
