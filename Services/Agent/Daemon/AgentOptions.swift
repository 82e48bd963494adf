import AgentCore
import ArgumentParser
import Isolation
import Model
import Runtime

/// The flags of an agent beside those of every daemon.
struct AgentOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("Relays to begin with; more are learned from them.", valueName: "host:port,..."),
        transform: { $0.split(separator: ",").map(String.init) })
    var relay: [String] = []

    @Option(
        help: ArgumentHelp(
            "What to share out. Default: what the machine has, less a reserve.",
            valueName: "cpus:N;mem:MB;disk:MB;ports:[a-b];..."))
    var resources: String?

    @Option(
        help: ArgumentHelp("What schedulers may choose this agent by.", valueName: "name:value;..."))
    var attributes = ""

    @Option(
        help: ArgumentHelp("Where tasks and the side port are reached. Default: as --advertise.", valueName: "host"))
    var hostname: String?

    @Option(
        help: ArgumentHelp(
            """
            How containers are kept apart, by modules: \(IsolationName.allCases.map(\.rawValue).joined(separator: ", ")). \
            Or cgroups: process, and of cgroup-cpu, cgroup-memory and cgroup-pids what the machine has; or processes: process alone.
            """,
            valueName: "cgroups|processes|module,..."),
        transform: {
            do throws(IsolationChoice.Invalid) { return try IsolationChoice($0) } catch {
                throw ValidationError("\(error)")
            }
        })
    var isolation = IsolationChoice.cgroups

    @Flag(help: "Hold each container to its cpus even where others leave some idle.")
    var cpuQuota = false

    @Option(
        help: ArgumentHelp("Processes and threads that one container may have. Default: no bound.", valueName: "count"))
    var pidsLimit: Int?

    @Option(
        help: ArgumentHelp("How many URIs are fetched at a time; others wait.", valueName: "count"))
    var fetchConcurrency = FetchSettings().concurrency

    @Option(
        help: ArgumentHelp(
            """
            A program that fetches URIs of a scheme other than http, https and file, with {uri} and {path} among its arguments; may be \
            repeated. It runs as the task's user, without a shell.
            """, valueName: "scheme=program argument ..."),
        transform: {
            do throws(FetchClient.Invalid) { return try FetchClient($0) } catch { throw ValidationError("\(error)") }
        })
    var fetchClient: [FetchClient] = []

    @Option(
        help: ArgumentHelp("How much is kept of what tasks want cached.", valueName: "bytes"))
    var fetchCacheSize = ByteCountFlag(Int(FetchSettings().cacheSize))

    @Option(
        help: ArgumentHelp(
            """
            With cgroup-io: what one container may read and write in a second, on the disk of --dir. Default: no bound.
            """, valueName: "read-bps=N,write-bps=N,read-iops=N,write-iops=N"),
        transform: {
            do throws(IOLimit.Invalid) { return try IOLimit($0) } catch { throw ValidationError("\(error)") }
        })
    var ioLimit: IOLimit?

    @Option(
        help: ArgumentHelp(
            "With ports: how often it is looked whether a container listens on a port that is not its own.",
            valueName: "duration"))
    var portsCheckInterval = DurationFlag(IsolationSettings().portsInterval)

    @Flag(help: "With ports: a container listens on its own ports alone, not also on those that nobody shares out.")
    var portsStrict = false

    @Option(
        help: ArgumentHelp(
            "With gpu: the devices to give away. Default: /dev/nvidia0 and on, as far as there are.",
            valueName: "path,..."),
        transform: { text in
            do throws(GPUDevice.Invalid) {
                return try GPUDevice.find(text.split(separator: ",").map(String.init))
            } catch {
                throw ValidationError("\(error)")
            }
        })
    var gpuDevices: [GPUDevice]?

    @Option(
        help: ArgumentHelp(
            "Directories that tasks may take root file systems from. Default: none, and such tasks are refused.",
            valueName: "directory,..."),
        transform: { $0.split(separator: ",").map(String.init) })
    var imageDirs: [String] = []

    @Option(
        help: ArgumentHelp("How much unpacked images take on disk; those in use always stay.", valueName: "bytes"))
    var imageCacheSize = ByteCountFlag(ImageSettings().cacheBytes)

    @Option(
        help: ArgumentHelp(
            "Directories that host paths of volumes may lie in. Default: none, and tasks with such volumes are refused.",
            valueName: "directory,..."),
        transform: { $0.split(separator: ",").map(String.init) })
    var volumeDirs: [String] = []

    @Option(
        help: ArgumentHelp(
            "With capabilities: what tasks may ask for, by names as CHOWN, or all. Default: the 14 that root keeps anyway.",
            valueName: "name,..."),
        transform: { text in
            try text.split(separator: ",", omittingEmptySubsequences: false).reduce(into: UInt64(0)) { set, name in
                guard let one = Capabilities.set(named: name) else {
                    throw ValidationError("\"\(name)\" is no capability; write names as in capabilities(7), or all")
                }
                set |= one
            }
        })
    var allowedCapabilities: UInt64?

    @Option(
        help: ArgumentHelp(
            """
            Which changes of --resources and --attributes this agent starts with: none, more of them, or any. What runs has to \
            fit in any case.
            """, valueName: "equal|additive|any"))
    var reconfigurationPolicy = ReconfigurationFlag.any

    @Option(
        help: ArgumentHelp(
            """
            What becomes of the tasks that run already: this agent goes on with them; or it ends them, tells their schedulers, \
            forgets all of its past, and exits.
            """, valueName: "reconnect|cleanup"))
    var recover = RecoverFlag.reconnect

    @Option(
        help: ArgumentHelp(
            "How long an executor may have nothing to run before it is shut down. 0: for ever.", valueName: "duration"))
    var executorIdleTimeout = DurationFlag(.zero)

    @Option(
        help: ArgumentHelp("An executor that has not subscribed by then is destroyed.", valueName: "duration"))
    var executorRegistrationTimeout = DurationFlag(.seconds(60))

    @Option(
        help: ArgumentHelp(
            "How long executors have to subscribe again after this agent restarted; at most 15s.", valueName: "duration"
        ))
    var executorReregistrationTimeout = DurationFlag(.seconds(2))

    @Option(
        help: ArgumentHelp("From SHUTDOWN to the end of an executor that names no time.", valueName: "duration"))
    var executorShutdownGracePeriod = DurationFlag(.seconds(5))

    @Option(
        help: ArgumentHelp("From SIGTERM to SIGKILL for tasks that name no time.", valueName: "duration"))
    var killGracePeriod = DurationFlag(.seconds(3))

    @Option(
        help: ArgumentHelp(
            "How far a record must get before it counts: to the disk, or to the kernel (not safe if the machine ends).",
            valueName: "host|process"))
    var sync = SyncFlag.host

    @Option(
        help: ArgumentHelp(
            "What becomes of tasks when this agent is told to stop: kept for its next start, or ended. A crash always keeps them.",
            valueName: "keep|end"))
    var tasksOnStop = TasksOnStop.keep

    @Option(
        help: ArgumentHelp(
            "How much of stdout, and of stderr, of a task is kept: the newest. 0: all of it.", valueName: "bytes"))
    var logLimit = ByteCountFlag(10 << 20)

    @Option(
        help: ArgumentHelp("How long sandboxes stay, on an empty disk, after their tasks ended.", valueName: "duration")
    )
    var gcDelay = DurationFlag(SandboxRetention().delay)

    @Option(
        help: ArgumentHelp(
            "Part of the disk to be left free: sandboxes go sooner as it fills, and at once if less is free.",
            valueName: "0...1"))
    var gcDiskHeadroom = SandboxRetention().headroom

    @Option(help: ArgumentHelp("Sandboxes of ended tasks that are kept; of more, the oldest go.", valueName: "count"))
    var gcMaxSandboxes = SandboxRetention().most

    @Option(
        help: ArgumentHelp(
            "How long the token holds that a task is given to read its framework's sandboxes.", valueName: "duration"))
    var fileTokenTtl = DurationFlag(.seconds(7 * 86400))

    @Option(
        help: ArgumentHelp("The program meseta-supervisor. Default: the one beside this program.", valueName: "path"))
    var supervisor: String?

    @Option(
        help: ArgumentHelp(
            """
            How long a supervisor without live tasks waits for this agent to come back before it ends; nothing is lost by that. \
            In whole seconds, at most a year; 0: for ever.
            """, valueName: "duration"))
    var supervisorPatience = DurationFlag(.seconds(300))

    func validate() throws {
        if let resources {
            do throws(Resources.Invalid) { _ = try Resources(text: resources) } catch {
                throw ValidationError("--resources: \(error)")
            }
        }
        do throws(AttributeText.Invalid) { _ = try AttributeText(self.attributes) } catch {
            throw ValidationError("--attributes: \(error)")
        }
        guard self.executorReregistrationTimeout.duration <= AgentSettings.executorReregistrationTimeoutMax else {
            throw ValidationError("--executor-reregistration-timeout is at most 15s")
        }
        guard (0...1).contains(self.gcDiskHeadroom) else {
            throw ValidationError("--gc-disk-headroom is from 0 to 1")
        }
        guard self.gcMaxSandboxes >= 0 else { throw ValidationError("--gc-max-sandboxes is at least 0") }
        guard self.fileTokenTtl.duration >= .seconds(1) else {
            throw ValidationError("--file-token-ttl is at least 1s")
        }
        for (flag, directories) in [("--image-dirs", self.imageDirs), ("--volume-dirs", self.volumeDirs)] {
            if let wrong = directories.first(where: { !$0.hasPrefix("/") || $0.split(separator: "/").contains("..") }) {
                throw ValidationError("\(flag): '\(wrong)' is no absolute path without '..'")
            }
        }
        if let pidsLimit, pidsLimit < 1 { throw ValidationError("--pids-limit is at least 1") }
        if self.isolation.required.contains(.cgroupPids), self.pidsLimit == nil {
            throw ValidationError("--isolation: cgroup-pids needs --pids-limit")
        }
        guard (1...1000).contains(self.fetchConcurrency) else {
            throw ValidationError("--fetch-concurrency is from 1 to 1000")
        }
        if Set(self.fetchClient.map(\.scheme)).count < self.fetchClient.count {
            throw ValidationError("--fetch-client names two clients for one scheme")
        }
        if self.ioLimit != nil, !self.isolation.required.contains(.cgroupIO) {
            throw ValidationError("--io-limit needs --isolation with cgroup-io, such as cgroups,cgroup-io")
        }
        guard self.portsCheckInterval.duration >= .seconds(1) else {
            throw ValidationError("--ports-check-interval is at least 1s")
        }
        if self.portsStrict, !self.isolation.required.contains(.ports) {
            throw ValidationError("--ports-strict needs --isolation with ports, such as cgroups,ports")
        }
        if self.allowedCapabilities != nil, !self.isolation.required.contains(.capabilities) {
            throw ValidationError("--allowed-capabilities needs --isolation with capabilities")
        }
        if self.gpuDevices != nil, !self.isolation.required.contains(.gpu) {
            throw ValidationError("--gpu-devices needs --isolation with gpu, such as cgroups,gpu")
        }
    }

    /// The settings that these flags make.
    ///
    /// - Parameter total: What is shared out.
    func settings(name: String, hostname: String, total: Resources) throws -> AgentSettings {
        var settings = AgentSettings(name: name, hostname: self.hostname ?? hostname, total: total)
        settings.attributes = try AttributeText(self.attributes).attributes
        settings.relays = self.relay
        settings.reconfigurationPolicy = self.reconfigurationPolicy.policy
        settings.recovery = self.recover.mode
        settings.executorIdleTimeout = self.executorIdleTimeout.duration
        settings.executorRegistrationTimeout = self.executorRegistrationTimeout.duration
        settings.executorReregistrationTimeout = self.executorReregistrationTimeout.duration
        settings.executorShutdownGracePeriod = self.executorShutdownGracePeriod.duration
        settings.killGracePeriod = self.killGracePeriod.duration
        return settings
    }

    var fetchSettings: FetchSettings {
        var settings = FetchSettings()
        settings.concurrency = self.fetchConcurrency
        settings.clients = self.fetchClient
        settings.cacheSize = Int64(self.fetchCacheSize.bytes)
        return settings
    }

    /// Those to be given away.
    var gpus: [GPUDevice] { self.isolation.required.contains(.gpu) ? self.gpuDevices ?? GPUDevice.detect() : [] }

    var retention: SandboxRetention {
        var retention = SandboxRetention()
        retention.delay = self.gcDelay.duration
        retention.headroom = self.gcDiskHeadroom
        retention.most = self.gcMaxSandboxes
        return retention
    }

    var imageSettings: ImageSettings {
        var settings = ImageSettings()
        settings.imageDirectories = self.imageDirs
        settings.volumeDirectories = self.volumeDirs
        settings.cacheBytes = self.imageCacheSize.bytes
        return settings
    }

    /// - Parameters:
    ///   - total: What is shared out.
    ///   - directory: The agent's, whole.
    func isolationSettings(total: Resources, directory: String) -> IsolationSettings {
        var settings = IsolationSettings()
        settings.choice = self.isolation
        settings.enforcesCPUQuota = self.cpuQuota
        settings.pidsLimit = self.pidsLimit
        settings.ioLimit = self.ioLimit
        settings.directory = directory
        settings.total = total
        settings.portsInterval = self.portsCheckInterval.duration
        settings.guardsAllPorts = self.portsStrict
        settings.gpuDevices = self.gpus
        settings.allowedCapabilities = self.allowedCapabilities ?? Capabilities.usual
        return settings
    }
}

/// Which changes of what it shares out an agent starts with.
enum ReconfigurationFlag: String, ExpressibleByArgument, CaseIterable {
    case equal
    case additive
    case any

    var policy: ReconfigurationPolicy {
        switch self {
        case .equal: .equal
        case .additive: .additive
        case .any: .any
        }
    }
}

/// What becomes of what earlier lives left running.
enum RecoverFlag: String, ExpressibleByArgument, CaseIterable {
    case reconnect
    case cleanup

    var mode: RecoveryMode {
        switch self {
        case .reconnect: .reconnect
        case .cleanup: .cleanup
        }
    }
}

/// What becomes of tasks when the agent is told to stop.
enum TasksOnStop: String, ExpressibleByArgument, CaseIterable {
    /// They run on, and the next start finds them.
    case keep
    /// They are killed, and nothing is left of them but their sandboxes.
    case end
}

/// How far a record must get before it counts as written.
enum SyncFlag: String, ExpressibleByArgument, CaseIterable {
    case host
    case process

    var sync: LogSync {
        switch self {
        case .host: .host
        case .process: .process
        }
    }
}
