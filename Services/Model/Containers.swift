/// One start of a container on an agent: counted in its log, never used twice under one `--dir`.
public typealias RunID = UInt64

/// A container to start: one for each command task, one for each executor.
public struct ContainerSpec: Hashable, Sendable {
    /// A supervisor that has this run already answers with what became of it, and starts nothing.
    public var runID: RunID
    /// Whose it is.
    public var frameworkID: FrameworkID
    /// Nil for a command task.
    public var executorID: ExecutorID?
    /// Nil for an executor.
    public var taskID: TaskID?
    /// What its first process is.
    public var command: CommandInfo
    /// Everything the process finds in its environment besides what the agent's host passes on (`PATH`).
    ///
    /// `MESETA_SANDBOX`, `MESOS_SANDBOX` and `MESOS_DIRECTORY` are added by the host, which alone knows the path.
    public var environment: [String: String]
    /// What the container may use at first.
    public var resources: Resources
    /// What its task or executor says of it; nil: nothing.
    public var container: ContainerInfo?
    /// Whom the processes run as; nil: whoever the agent runs as.
    public var user: String?
    /// The directory it runs in, below the agent's `--dir`: names without slashes, safe to use.
    public var sandbox: [String]

    /// Whether there is no executor in between.
    public var isCommandTask: Bool { self.taskID != nil }

    /// A container.
    public init(
        runID: RunID, frameworkID: FrameworkID, executorID: ExecutorID? = nil, taskID: TaskID? = nil,
        command: CommandInfo, environment: [String: String] = [:], resources: Resources, user: String? = nil,
        container: ContainerInfo? = nil, sandbox: [String]
    ) {
        self.runID = runID
        self.frameworkID = frameworkID
        self.executorID = executorID
        self.taskID = taskID
        self.command = command
        self.environment = environment
        self.resources = resources
        self.user = user
        self.container = container
        self.sandbox = sandbox
    }
}

/// How a container ended.
public struct ContainerExit: Hashable, Sendable {
    /// As waitpid() gives it.
    public var status: Int32
    /// Why, beyond that.
    public var cause: Cause
    /// For people; empty if `status` says it all.
    public var message: String

    /// Why, beyond the wait status.
    public enum Cause: Hashable, Sendable {
        /// It exited, or a signal ended it that no limit sent.
        case itself
        /// Out of memory.
        case memoryLimit
        /// Its sandbox outgrew its disk.
        case diskLimit
        /// Another limit.
        case limitation
        /// Its supervisor died, and it with it; `status` is that of SIGKILL.
        case supervisorLost
    }

    /// An end, by itself unless said otherwise.
    public init(status: Int32, cause: Cause = .itself, message: String = "") {
        self.status = status
        self.cause = cause
        self.message = message
    }

    /// The exit code, if it exited.
    public var code: Int32? { self.status & 0x7f == 0 ? (self.status >> 8) & 0xff : nil }
    /// The signal that ended it, if one did.
    public var signal: Int32? { self.status & 0x7f == 0 ? nil : self.status & 0x7f }
}

/// What becomes of containers.
public enum ContainerEvent: Hashable, Sendable {
    case started(RunID, pid: Int32)
    /// Every process of it is gone. Comes once, and is the last of its run.
    case exited(RunID, ContainerExit)
    /// Nothing of it ran. The last of its run.
    case launchFailed(RunID, message: String)
    /// It may use what it was last allowed; or why that could not be brought about. Not told of a run that has ended.
    case updated(RunID, problem: String?)
}

/// What the supervisors' journals tell of a run when the agent starts.
///
/// A supervisor journals a run before it forks. So, within one boot, a run that no journal has was never started.
public struct RecoveredRun: Hashable, Sendable {
    /// Of which container.
    public var runID: RunID
    /// What became of it.
    public var fate: Fate

    /// What became of it while the agent was away.
    public enum Fate: Hashable, Sendable {
        case running(pid: Int32)
        case exited(ContainerExit)
        case launchFailed(message: String)
    }

    /// A run and its fate.
    public init(runID: RunID, _ fate: Fate) {
        self.runID = runID
        self.fate = fate
    }
}
