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

    /// Whether no other state follows.
    ///
    /// `unreachable` and `unknown` are not: such a task may come back.
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
    /// As in the message; values that are not listed here are kept, too.
    public let rawValue: Int32
    /// A reason by its number, known or not.
    public init(rawValue: Int32) { self.rawValue = rawValue }

    /// Not given here; an agent of an older Mesos gave it with `failed`.
    public static let commandExecutorFailed = Self(rawValue: 0)
    /// By the agent: its executor exited (`failed`), or had done so before the task started (`dropped`).
    public static let executorTerminated = Self(rawValue: 1)
    /// By the master: its framework is no more (`killed`).
    public static let frameworkRemoved = Self(rawValue: 3)
    /// By the master: an offer was rescinded, used already, or another framework's (`dropped`).
    public static let invalidOffers = Self(rawValue: 6)
    /// By the driver, as if the master: there was no master to send the launch to (`dropped`).
    public static let masterDisconnected = Self(rawValue: 7)
    /// By the agent: used more memory than it may (`failed`).
    public static let memoryLimit = Self(rawValue: 8)
    /// By the master in answer to RECONCILE, or by the agent for a task that it does not find (`dropped`).
    public static let reconciliation = Self(rawValue: 9)
    /// By the master: the agent's connection broke (`dropped` for a launch).
    public static let agentDisconnected = Self(rawValue: 10)
    /// By the master: the agent was silent for too long (`unreachable`, or `dropped` for a launch).
    public static let agentRemoved = Self(rawValue: 11)
    /// By the agent: it or its machine restarted, and the task had not started or did not survive.
    public static let agentRestarted = Self(rawValue: 12)
    /// Not given; kept for its number.
    public static let agentUnknown = Self(rawValue: 13)
    /// By the master or the agent: the description is not valid (`error`).
    public static let taskInvalid = Self(rawValue: 14)
    /// By the master: it would run as a user as whom its framework may not run tasks (`error`).
    public static let taskUnauthorized = Self(rawValue: 15)
    /// Not given; kept for its number.
    public static let taskUnknown = Self(rawValue: 16)
    /// By the agent: what it ran on was taken back (`killed`), and its executor had to end for that (`gone` or `lost`).
    public static let containerPreempted = Self(rawValue: 17)
    /// With `dropped`: the agent does not have what the task wants.
    public static let resourcesUnknown = Self(rawValue: 18)
    /// By the agent: used more than it may of something other than memory and disk (`failed`).
    public static let containerLimitation = Self(rawValue: 19)
    /// By the agent: used more disk than it may (`failed`).
    public static let diskLimit = Self(rawValue: 20)
    /// By the agent: the container could not be made (`failed`).
    public static let containerLaunchFailed = Self(rawValue: 21)
    /// By the agent: the limits of its executor's container could not be changed (`gone` or `lost`).
    public static let containerUpdateFailed = Self(rawValue: 22)
    /// By the agent: its executor started and never subscribed (`failed`).
    public static let executorRegistrationTimeout = Self(rawValue: 23)
    /// By the agent: its executor did not return in time after the agent's restart.
    public static let executorReregistrationTimeout = Self(rawValue: 24)
    /// By the master or the agent: one of its group is not valid (`error`).
    public static let taskGroupInvalid = Self(rawValue: 25)
    /// By the master: one of its group would run as a user as whom its framework may not run tasks (`error`).
    public static let taskGroupUnauthorized = Self(rawValue: 26)
    /// By the agent: a check of the task sees something else than before (`running`).
    public static let taskCheckStatusUpdated = Self(rawValue: 28)
    /// By the agent: the task has become well, or has ceased to be (`running`).
    public static let taskHealthCheckStatusUpdated = Self(rawValue: 29)
    /// By the master or the agent: killed before it was started (`killed`).
    public static let taskKilledDuringLaunch = Self(rawValue: 30)
    /// By the master: the agent is back, and so is the state that it reports.
    public static let agentReregistered = Self(rawValue: 32)
    /// By the agent or an executor: ran for longer than its `maxCompletionTime` (`failed`).
    public static let maxCompletionTimeReached = Self(rawValue: 33)
    /// By the agent: an operator empties it (`killing`, `killed`).
    public static let agentDraining = Self(rawValue: 34)
}

/// What became of a task, as its scheduler learns it: `meseta.v1.TaskStatus`.
public struct TaskStatus: Hashable, Sendable {
    /// The task that it is about.
    public var taskID: TaskID
    /// What the task is now.
    public var state: TaskState
    /// From the executor to the scheduler; nobody on the way reads it.
    public var data: Bytes?
    /// For people.
    public var message: String?
    /// Where the task is or was; nil if unknown.
    public var agentID: AgentID?
    /// The executor that it runs in; nil if none was named.
    public var executorID: ExecutorID?
    /// Who made this status; nil if it does not say.
    public var source: StatusSource?
    /// Why the task is in this state; nil if that needs no reason.
    public var reason: StatusReason?
    /// 16 bytes; what the scheduler acknowledges.
    ///
    /// Nil: made by the master, sent once, not acknowledged.
    public var uuid: Bytes?
    /// Seconds since 1970.
    public var timestamp: Double?
    /// What the task's health check says; nil: it has none, or that has not said yet.
    public var healthy: Bool?
    /// What the task's check saw; nil: it has none.
    public var checkStatus: CheckStatus?
    /// Within the task, from 1; 0 if unknown.
    public var sequence: StatusSequence = 0
    /// How the process of a command task ended, as waitpid() gives it; nil: there was none, or nobody saw its end.
    public var waitStatus: Int32?
    /// What the task had used up when it was ended for using more than it may; nil: it was not, or nobody knows.
    public var limitation: Resources?
    /// Fields that no role reads, as they came; they are sent on behind the others.
    public var unread: Bytes = []

    /// The exit code of a command task, as a shell gives it: 128 and the signal's number if a signal ended it.
    public var exitCode: Int32? {
        self.waitStatus.map { $0 & 0x7f == 0 ? ($0 >> 8) & 0xff : 128 + ($0 & 0x7f) }
    }

    /// A status without anything else, as whoever makes one starts.
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
    /// Variables that the process gets, by name.
    public var environment: [String: String] = [:]
    /// The Unix user to run as; nil: the framework's.
    public var user: String?
    /// What to bring into the sandbox before the start.
    public var uris: [URI] = []

    /// Something to fetch.
    public struct URI: Hashable, Sendable {
        /// Where it is: a URL, or a path on the agent.
        public var value: String
        /// Whether to make it executable; default false.
        public var executable: Bool
        /// Whether to unpack it if it is an archive; default true.
        public var extract: Bool
        /// Whether the agent keeps it for the next task of the same user to ask; default false.
        public var cache: Bool
        /// What to call it in the sandbox; nil: the last part of `value`.
        public var outputFile: String?
        /// What its bytes have to sum up to, as `Checksum` reads it; nil: whatever comes is taken.
        public var checksum: String?

        /// With everything given; by default an archive is unpacked, and anything else is put there as it is.
        public init(
            value: String, executable: Bool = false, extract: Bool = true, cache: Bool = false,
            outputFile: String? = nil, checksum: String? = nil
        ) {
            self.value = value
            self.executable = executable
            self.extract = extract
            self.cache = cache
            self.outputFile = outputFile
            self.checksum = checksum
        }
    }

    /// A line for `/bin/sh -c`.
    public init(shell command: String) { self.value = command }

    /// A program with its arguments; the first is its own name.
    public init(program: String, arguments: [String]) {
        self.value = program
        self.shell = false
        self.arguments = arguments
    }

    /// No command; for codecs to fill in.
    public init() {}
}

/// A program of the framework's that runs its tasks on an agent: `meseta.v1.ExecutorInfo`.
public struct ExecutorInfo: Hashable, Sendable {
    /// Names it within its framework and agent; tasks that name the same one share it.
    public var executorID: ExecutorID
    /// Whose executor it is; nil: the framework's that launches the task.
    public var frameworkID: FrameworkID?
    /// For people, not unique.
    public var name: String = ""
    /// How to start it; nil: there is nothing to start.
    public var command: CommandInfo?
    /// What it holds beside its tasks.
    public var resources: Resources = .init()
    /// From the scheduler to the executor; nobody on the way reads it.
    public var data: Bytes?
    /// Between SHUTDOWN and the end of the container; nil: the agent's default.
    public var shutdownGracePeriod: Duration?
    /// What it says of its container; nil: nothing.
    @Apart public var container: ContainerInfo? = nil
    /// The message as it came, all its fields; empty if made here.
    public var encoded: Bytes = []

    /// An executor without resources of its own.
    public init(executorID: ExecutorID, command: CommandInfo?) {
        self.executorID = executorID
        self.command = command
    }
}

/// A task to run: `meseta.v1.TaskInfo`.
///
/// Has a command, or an executor that knows what to do.
public struct TaskInfo: Hashable, Sendable {
    /// For people, not unique.
    public var name: String
    /// Chosen by the scheduler; not that of a task that still lives.
    public var taskID: TaskID
    /// The agent whose offer it uses.
    public var agentID: AgentID
    /// What it holds until it ends.
    public var resources: Resources
    /// The executor that is to run it; nil for a command task.
    @Apart public var executor: ExecutorInfo? = nil
    /// What to run; nil if an executor is given.
    public var command: CommandInfo?
    /// From the scheduler to the executor; nobody on the way reads it.
    public var data: Bytes?
    /// Between SIGTERM and SIGKILL; nil: the agent's default.
    public var killGracePeriod: Duration?
    /// From RUNNING on; nil: no bound.
    public var maxCompletionTime: Duration?
    /// Kills the task if it is not well; nil: nobody looks.
    @Apart public var healthCheck: HealthCheck? = nil
    /// Tells what it sees; nil: nobody looks.
    @Apart public var check: Check? = nil
    /// What a command task says of its container; with an executor that executor's business.
    @Apart public var container: ContainerInfo? = nil
    /// Where tasks have to be given back, those of the lowest go first; default 0.
    public var priority: Int32 = 0
    /// The message as it came, all its fields; empty if made here.
    ///
    /// What is carried on is this.
    public var encoded: Bytes = []

    /// A task without a command or an executor; one of them is to follow.
    public init(name: String, taskID: TaskID, agentID: AgentID, resources: Resources) {
        self.name = name
        self.taskID = taskID
        self.agentID = agentID
        self.resources = resources
    }
}

/// One entry of a list of tasks to launch.
///
/// An entry that cannot be read fails alone.
public enum TaskLaunch: Hashable, Sendable {
    case task(TaskInfo)
    /// Why it cannot be launched, with as much of its identity as could be read.
    case unreadable(TaskID?, reason: String)
}
