/// What an agent asks of the supervisor of a framework.
public enum SupervisorCommand: Hashable, Sendable {
    case start(SupervisorStart)
    /// To the process group of the run's first process, or to every process of it.
    case signal(RunID, Int32, everything: Bool)
    /// SIGKILL everything of it, also what left its session.
    case destroy(RunID)
    /// Its end is in the agent's log.
    case forget(RunID)
    /// End once no run is left.
    case finish
    /// A process beside a run that looks whether it is well.
    case probe(SupervisorProbe)
}

/// A process beside a run: `meseta.wire.SupervisorProbe`.
public struct SupervisorProbe: Hashable, Sendable {
    /// Chosen by the agent, once in a connection.
    public var id: UInt64
    /// Names the run, and says how to start the process; its output goes nowhere.
    public var start: SupervisorStart
    /// Zero: no bound.
    public var timeout: Duration

    /// All of it.
    public init(id: UInt64, start: SupervisorStart, timeout: Duration) {
        self.id = id
        self.start = start
        self.timeout = timeout
    }
}

/// What came of it: `meseta.wire.SupervisorProbed`.
public struct SupervisorProbed: Hashable, Sendable {
    /// Chosen by the agent.
    public var id: UInt64
    /// As waitpid() gives it.
    public var status: Int32
    /// It was killed because its time was over.
    public var isTimedOut: Bool
    /// `errno` if nothing was executed; else 0.
    public var error: Int32
    /// Where it failed.
    public var stage: SupervisorFailure.Stage
    /// The end of what it wrote.
    public var output: Bytes

    /// An end.
    public init(
        id: UInt64, status: Int32, isTimedOut: Bool = false, error: Int32 = 0,
        stage: SupervisorFailure.Stage = .unknown, output: Bytes = []
    ) {
        self.id = id
        self.status = status
        self.isTimedOut = isTimedOut
        self.error = error
        self.stage = stage
        self.output = output
    }
}

/// A process to start, with everything resolved: `meseta.wire.SupervisorStart`.
public struct SupervisorStart: Hashable, Sendable {
    /// Chosen by the agent.
    public var runID: RunID
    /// Looked up in PATH of `environment` unless it contains a slash.
    public var program: String
    /// The whole vector, the program's own name first.
    public var arguments: [String]
    /// NAME=value.
    public var environment: [String]
    /// Where it runs.
    public var directory: String
    /// Appended to.
    public var outputPath: String
    /// Appended to.
    public var errorPath: String
    /// Nil: as the supervisor.
    public var user: User?
    /// Directories of control groups to join.
    public var cgroups: [String] = []
    /// The one of `cgroups` by which every process of the run is found; nil if there is none.
    public var tracking: String?
    /// The entry of `environment` that no other run has.
    public var mark: String
    /// Set before the program is executed.
    public var limits: [Limit] = []
    /// `CLONE_NEW` flags: the namespaces made for it.
    public var namespaces: UInt32 = 0
    /// In order, in its own namespace of mounts.
    public var mounts: [Mount] = []
    /// All that it keeps, a bit for each; nil: what the supervisor has.
    public var capabilities: UInt64?
    /// No program that it executes gives it privileges.
    public var hasNoNewPrivileges = false
    /// System calls that no task needs are refused.
    public var isFiltered = false
    /// A root file system of its own; nil: the machine's.
    public var root: Root?
    /// In order, when its root is there.
    public var volumes: [Volume] = []
    /// Nil: the machine's.
    public var hostname: String?
    /// Whether another user than root has `capabilities`, too.
    public var hasAmbientCapabilities = false
    /// Device nodes of the machine's that are in `/dev` of its own root: at the same place if they are below the
    /// machine's `/dev`, else by the last part of their names.
    public var devices: [String] = []

    /// The version of a supervisor that knows all that is in this: an older one would leave it out.
    public var version: UInt32 {
        if !self.devices.isEmpty { return 4 }
        if self.root != nil || !self.volumes.isEmpty || self.hostname != nil || self.hasAmbientCapabilities { return 3 }
        let isPlain =
            self.namespaces == 0 && self.mounts.isEmpty && self.capabilities == nil && !self.hasNoNewPrivileges
            && !self.isFiltered
        return isPlain ? 1 : 2
    }

    /// Whom a process runs as.
    public struct User: Hashable, Sendable {
        /// Of the user.
        public var uid: UInt32
        /// Of the user's first group.
        public var gid: UInt32
        /// Supplementary.
        public var groups: [UInt32]

        /// All of it.
        public init(uid: UInt32, gid: UInt32, groups: [UInt32]) {
            self.uid = uid
            self.gid = gid
            self.groups = groups
        }
    }

    /// One `mount`.
    public struct Mount: Hashable, Sendable {
        /// What is mounted; `.` is `directory`, even where a mount hides it by now.
        public var source: String
        /// Where.
        public var target: String
        /// The kind of file system; empty for a bind.
        public var type: String
        /// `MS_` of this kernel.
        public var flags: UInt64
        /// The file system's own options.
        public var data: String

        /// All of it.
        public init(source: String, target: String, type: String = "", flags: UInt64, data: String = "") {
            self.source = source
            self.target = target
            self.type = type
            self.flags = flags
            self.data = data
        }
    }

    /// A root file system: `meseta.wire.SupervisorRoot`.
    public struct Root: Hashable, Sendable {
        /// What relative paths in `options` begin at.
        public var within: String
        /// Of an overlay file system.
        public var options: String
        /// An empty directory of the machine's, where it is mounted.
        public var target: String
        /// Where the process runs, as seen inside.
        public var directory: String

        /// All of it.
        public init(within: String, options: String, target: String, directory: String) {
            self.within = within
            self.options = options
            self.target = target
            self.directory = directory
        }
    }

    /// A directory or file made visible: `meseta.wire.SupervisorVolume`.
    public struct Volume: Hashable, Sendable {
        /// The directory that it lies in, whatever links lead there.
        public var within: String
        /// Below that; empty: itself.
        public var path: String
        /// Directories of `path` that are missing are made.
        public var makesPath = false
        /// The directory of the machine's that `target` lies in; nil: it is seen from inside.
        public var targetWithin: String?
        /// Where.
        public var target: String
        /// Nothing can be written there.
        public var isReadOnly = false

        /// One that can be written, and is there.
        public init(within: String, path: String, target: String) {
            self.within = within
            self.path = path
            self.target = target
        }
    }

    /// One `setrlimit`; all ones mean unlimited.
    public struct Limit: Hashable, Sendable {
        /// `RLIMIT_` of this kernel.
        public var resource: UInt32
        /// What holds.
        public var soft: UInt64
        /// What the process may raise it to.
        public var hard: UInt64

        /// All of it.
        public init(resource: UInt32, soft: UInt64, hard: UInt64) {
            self.resource = resource
            self.soft = soft
            self.hard = hard
        }
    }

    /// All of it.
    public init(
        runID: RunID, program: String, arguments: [String], environment: [String], directory: String,
        outputPath: String, errorPath: String, user: User? = nil, mark: String
    ) {
        self.runID = runID
        self.program = program
        self.arguments = arguments
        self.environment = environment
        self.directory = directory
        self.outputPath = outputPath
        self.errorPath = errorPath
        self.user = user
        self.mark = mark
    }
}

/// A run whose end is not known yet: `meseta.wire.SupervisorRun`.
public struct SupervisorRun: Hashable, Sendable {
    /// Chosen by the agent.
    public var runID: RunID
    /// Of its first process; 0 before the fork, and when that process is gone.
    public var pid: Int32

    /// All of it.
    public init(runID: RunID, pid: Int32) {
        self.runID = runID
        self.pid = pid
    }
}

/// The end of a run: `meseta.wire.SupervisorExit`.
public struct SupervisorExit: Hashable, Sendable {
    /// Chosen by the agent.
    public var runID: RunID
    /// As waitpid() gives it.
    public var status: Int32
    /// After a `destroy`.
    public var isDestroyed: Bool
    /// The supervisor that had started it died, and it with it; `status` is that of SIGKILL.
    public var isLost: Bool

    /// All of it.
    public init(runID: RunID, status: Int32, isDestroyed: Bool = false, isLost: Bool = false) {
        self.runID = runID
        self.status = status
        self.isDestroyed = isDestroyed
        self.isLost = isLost
    }
}

/// A start that came to nothing: `meseta.wire.SupervisorFailure`.
public struct SupervisorFailure: Hashable, Sendable {
    /// Chosen by the agent.
    public var runID: RunID
    /// What was being done.
    public var stage: Stage
    /// `errno`.
    public var error: Int32

    /// Where it failed; raw values are those of `meseta.wire.SupervisorStage`.
    public enum Stage: UInt32, Hashable, Sendable {
        case unknown = 0
        case fork = 1
        case cgroup = 2
        case directory = 3
        case output = 4
        case limit = 5
        case user = 6
        case exec = 7
        case journal = 8
        case namespace = 9
        case mount = 10
        case network = 11
        case capabilities = 12
        case filter = 13
        case root = 14
        case volume = 15
    }

    /// All of it.
    public init(runID: RunID, stage: Stage, error: Int32) {
        self.runID = runID
        self.stage = stage
        self.error = error
    }
}

/// All that a supervisor knows: `meseta.wire.SupervisorSnapshot`.
public struct SupervisorSnapshot: Hashable, Sendable {
    /// Of the supervisor.
    public var pid: Int32
    /// Of these messages; 3 knows everything of a start.
    public var version: UInt32
    /// Whose end is not known.
    public var runs: [SupervisorRun]
    /// Not forgotten yet.
    public var exits: [SupervisorExit]
    /// Not forgotten yet.
    public var failures: [SupervisorFailure]

    /// All of it.
    public init(
        pid: Int32, version: UInt32 = 3, runs: [SupervisorRun], exits: [SupervisorExit],
        failures: [SupervisorFailure]
    ) {
        self.pid = pid
        self.version = version
        self.runs = runs
        self.exits = exits
        self.failures = failures
    }
}

/// What a supervisor tells.
public enum SupervisorEvent: Hashable, Sendable {
    /// First on each connection.
    case snapshot(SupervisorSnapshot)
    /// Its program runs.
    case started(SupervisorRun)
    /// None of its processes is left.
    case exited(SupervisorExit)
    case failed(SupervisorFailure)
    /// A signal or a `destroy` was for a run that is not here.
    case unknown(RunID)
    case probed(SupervisorProbed)
}
