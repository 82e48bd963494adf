/// The state of a task; raw values are those of `meseta.v1.TaskState`.
public enum TaskState: Int32, Hashable, Sendable, CaseIterable {
    case staging = 6
    case starting = 0
    case running = 1
    case killing = 8
    case finished = 2
    case failed = 3
    case killed = 4
    case error = 7
    case lost = 5
    case dropped = 9
    case unreachable = 10
    case gone = 11
    case goneByOperator = 12
    case unknown = 13

    /// Whether no other state follows. `unreachable` and `unknown` are not: such a task may come back.
    public var isTerminal: Bool {
        switch self {
        case .finished, .failed, .killed, .error, .lost, .dropped, .gone, .goneByOperator: true
        case .staging, .starting, .running, .killing, .unreachable, .unknown: false
        }
    }

    /// As the API names it: `TASK_RUNNING`.
    public var name: String {
        switch self {
        case .staging: "TASK_STAGING"
        case .starting: "TASK_STARTING"
        case .running: "TASK_RUNNING"
        case .killing: "TASK_KILLING"
        case .finished: "TASK_FINISHED"
        case .failed: "TASK_FAILED"
        case .killed: "TASK_KILLED"
        case .error: "TASK_ERROR"
        case .lost: "TASK_LOST"
        case .dropped: "TASK_DROPPED"
        case .unreachable: "TASK_UNREACHABLE"
        case .gone: "TASK_GONE"
        case .goneByOperator: "TASK_GONE_BY_OPERATOR"
        case .unknown: "TASK_UNKNOWN"
        }
    }
}

/// Who made a status.
public enum StatusSource: Int32, Hashable, Sendable {
    case master = 0
    case agent = 1
    case executor = 2
}

/// Why a task is in its state; raw values are those of `meseta.v1.TaskStatus.Reason`.
public struct StatusReason: RawRepresentable, Hashable, Sendable {
    public let rawValue: Int32
    public init(rawValue: Int32) { self.rawValue = rawValue }

    public static let commandExecutorFailed = Self(rawValue: 0)
    public static let executorTerminated = Self(rawValue: 1)
    public static let frameworkRemoved = Self(rawValue: 3)
    public static let invalidOffers = Self(rawValue: 6)
    public static let masterDisconnected = Self(rawValue: 7)
    public static let memoryLimit = Self(rawValue: 8)
    public static let reconciliation = Self(rawValue: 9)
    public static let agentDisconnected = Self(rawValue: 10)
    public static let agentRemoved = Self(rawValue: 11)
    public static let agentRestarted = Self(rawValue: 12)
    public static let agentUnknown = Self(rawValue: 13)
    public static let taskInvalid = Self(rawValue: 14)
    public static let taskUnknown = Self(rawValue: 16)
    public static let resourcesUnknown = Self(rawValue: 18)
    public static let containerLimitation = Self(rawValue: 19)
    public static let containerLaunchFailed = Self(rawValue: 21)
    public static let executorRegistrationTimeout = Self(rawValue: 23)
    public static let executorReregistrationTimeout = Self(rawValue: 24)
    public static let taskGroupInvalid = Self(rawValue: 25)
    public static let taskKilledDuringLaunch = Self(rawValue: 30)
    public static let agentReregistered = Self(rawValue: 32)
    public static let maxCompletionTimeReached = Self(rawValue: 33)
}

/// What became of a task, as its scheduler learns it: `meseta.v1.TaskStatus`.
public struct TaskStatus: Hashable, Sendable {
    public var taskID: TaskID
    public var state: TaskState
    public var data: Bytes?
    public var message: String?
    public var agentID: AgentID?
    public var executorID: ExecutorID?
    public var source: StatusSource?
    public var reason: StatusReason?
    /// 16 bytes; what the scheduler acknowledges. Nil: made by the master, sent once, not acknowledged.
    public var uuid: Bytes?
    /// Seconds since 1970.
    public var timestamp: Double?
    public var healthy: Bool?
    /// Within the task, from 1; 0 if unknown.
    public var sequence: StatusSequence = 0
    /// Fields that no role reads, as they came; they are sent on behind the others.
    public var unread: Bytes = []

    public init(taskID: TaskID, state: TaskState) {
        self.taskID = taskID
        self.state = state
    }
}

/// A process to start: `meseta.v1.CommandInfo`.
public struct CommandInfo: Hashable, Sendable {
    /// A shell command (`shell`), or the program to run.
    public var value: String?
    /// Whether `value` is given to `/bin/sh -c`.
    public var shell: Bool = true
    /// The argument vector, program name first, if not `shell`.
    public var arguments: [String] = []
    public var environment: [String: String] = [:]
    public var user: String?
    /// What to bring into the sandbox before the start.
    public var uris: [URI] = []

    /// Something to fetch.
    public struct URI: Hashable, Sendable {
        public var value: String
        public var executable: Bool
        public var extract: Bool
        public var outputFile: String?

        public init(value: String, executable: Bool = false, extract: Bool = true, outputFile: String? = nil) {
            self.value = value
            self.executable = executable
            self.extract = extract
            self.outputFile = outputFile
        }
    }

    public init(shell command: String) { self.value = command }

    /// A program with its arguments; the first is its own name.
    public init(program: String, arguments: [String]) {
        self.value = program
        self.shell = false
        self.arguments = arguments
    }

    public init() {}
}

/// A program of the framework's that runs its tasks on an agent: `meseta.v1.ExecutorInfo`.
public struct ExecutorInfo: Hashable, Sendable {
    public var executorID: ExecutorID
    public var frameworkID: FrameworkID?
    public var name: String = ""
    public var command: CommandInfo?
    public var resources: Resources = .init()
    public var data: Bytes?
    /// Between SHUTDOWN and the end of the container; nil: the agent's default.
    public var shutdownGracePeriod: Duration?
    /// The message as it came, all its fields; empty if made here.
    public var encoded: Bytes = []

    public init(executorID: ExecutorID, command: CommandInfo?) {
        self.executorID = executorID
        self.command = command
    }
}

/// A task to run: `meseta.v1.TaskInfo`. Has a command, or an executor that knows what to do.
public struct TaskInfo: Hashable, Sendable {
    public var name: String
    public var taskID: TaskID
    public var agentID: AgentID
    public var resources: Resources
    public var executor: ExecutorInfo?
    public var command: CommandInfo?
    public var data: Bytes?
    /// Between SIGTERM and SIGKILL; nil: the agent's default.
    public var killGracePeriod: Duration?
    /// From RUNNING on; nil: no bound.
    public var maxCompletionTime: Duration?
    /// The message as it came, all its fields; empty if made here. What is carried on is this.
    public var encoded: Bytes = []

    public init(name: String, taskID: TaskID, agentID: AgentID, resources: Resources) {
        self.name = name
        self.taskID = taskID
        self.agentID = agentID
        self.resources = resources
    }
}

/// One entry of a list of tasks to launch. An entry that cannot be read fails alone.
public enum TaskLaunch: Hashable, Sendable {
    case task(TaskInfo)
    /// Why it cannot be launched, with as much of its identity as could be read.
    case unreadable(TaskID?, reason: String)
}
