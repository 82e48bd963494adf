public import Logging
public import Model
public import NIOCore
internal import NIOPosix

/// Starts, watches and ends the containers of an agent.
///
/// Confined to one event loop: every method is called on it, and every callback comes on it. What may block (the disk,
/// control groups, the user database, starting a supervisor) is done by one thread beside it, in order, many at a
/// time when many wait. A container's first process is started by its framework's supervisor, which outlives the agent:
///
///     launch -> sandbox, control groups -> supervisor: start -> started
///                                          supervisor: exited -> limits looked at, control groups removed -> exited
public final class Containerizer {
    /// What becomes of containers.
    public var onEvent: (ContainerEvent) -> Void = { _ in }
    /// `usage` is new.
    public var onUsage: () -> Void {
        get { self.sampler.onLooked }
        set { self.sampler.onLooked = newValue }
    }
    /// A container is being ended for a limit that the kernel does not hold it to.
    public var onBreach: (ContainerExit.Cause) -> Void = { _ in }

    /// Something was fetched, or could not be.
    public var onFetch: (FetchOutcome) -> Void {
        get { self.fetcher.onOutcome }
        set { self.fetcher.onOutcome = newValue }
    }

    let settings: ContainerizerSettings
    let isolator: Isolator
    let eventLoop: any EventLoop
    let logger: Logger
    let pool: NIOThreadPool
    let marks: LimitMarks
    let sampler: UsageSampler
    let fetcher: Fetcher
    let provisioner: Provisioner
    /// Why containers are being ended that broke a limit.
    var limits: [RunID: Limitation] = [:]
    var containers: [RunID: Container] = [:]
    var supervisors: [FrameworkID: Supervisor] = [:]
    var queue: [Chore] = []
    var isWorking = false
    private var updateBudget = UpdateBudget()
    var recovery: Recovery?
    /// Those that have not been told of, by number.
    var probes: [UInt64: PendingProbe] = [:]
    var lastProbe: UInt64 = 0

    /// A container from its launch until it is forgotten.
    struct Container {
        let frameworkID: FrameworkID
        /// Brought into its sandbox before it starts.
        var uris: [CommandInfo.URI] = []
        var stage: Stage
        /// Ordered before the supervisor could be told.
        var signals: [Int32] = []
        var isDestroyed = false

        /// Its limits, as this agent wants them, are being set the first time.
        var isBeingAdopted = false
        /// They could not be: an agent with other isolation started it, and it goes on as it is.
        var isAsFound = false
        /// Its end was told while its control groups are still being removed.
        var isTold = false
        /// And is in the agent's log.
        var isForgotten = false
        /// It has a root of its own, which goes when it ends.
        var hasImage = false
        /// That root; nil as long as the image is not ready.
        var root: ProvisionedRoot?

        var isFetching: Bool { if case .fetching = self.stage { true } else { false } }
        var isRunning: Bool { if case .running = self.stage { true } else { false } }
        /// Whether its end is not being told yet.
        var isAlive: Bool {
            switch self.stage {
            case .preparing, .fetching, .starting, .running: true
            case .ending, .ended: false
            }
        }

        enum Stage {
            /// Its image is made ready, then the thread makes its sandbox and control groups. Leaves for `fetching` or
            /// `starting`, or for `ended` if it cannot.
            case preparing
            /// What it wants is brought into its sandbox. Leaves for `starting`, or for `ending` if that cannot be had.
            case fetching(SupervisorStart)
            /// The supervisor is told, or will be when it is reached. Leaves for `running`, or for `ending`.
            case starting(SupervisorStart)
            /// Leaves for `ending` when the supervisor says so, or has never heard of it.
            case running
            /// The thread looks at its limits and removes its control groups.
            case ending
            /// Told; remembered until it is forgotten.
            case ended
        }
    }

    /// A framework's supervisor, and how much it is needed.
    struct Supervisor {
        let client: SupervisorClient
        /// Containers that are not forgotten.
        var containers = 0
        var hasReported = false
        /// As it reported last: an earlier version of the agent may have started it.
        var version: UInt32 = 0
        /// While nothing needs it: when it is sent away.
        var linger: Scheduled<Void>?
        var isFinishing = false
    }

    /// A containerizer without containers: `recover` finds those of earlier lives.
    public init(settings: ContainerizerSettings, isolator: Isolator, eventLoop: any EventLoop, logger: Logger) {
        self.settings = settings
        self.isolator = isolator
        self.eventLoop = eventLoop
        self.logger = logger
        self.pool = NIOThreadPool(numberOfThreads: 1)
        self.pool.start()
        self.marks = LimitMarks(below: settings.directory)
        self.sampler = UsageSampler(isolator: isolator, directory: settings.directory, eventLoop: eventLoop)
        self.fetcher = Fetcher(
            settings: settings.fetch, directory: settings.directory, eventLoop: eventLoop, logger: logger)
        self.provisioner = Provisioner(
            directory: settings.directory, settings: settings.images, eventLoop: eventLoop)
        self.sampler.onBreach = { [unowned self] run, limitation in self.breached(run, limitation) }
    }

    /// Leaves the containers and their supervisors as they are, and sends away those supervisors that have nothing.
    ///
    /// - Returns: When the thread has ended, and nothing is called back any more.
    public func shutdown() -> EventLoopFuture<Void> {
        self.eventLoop.preconditionInEventLoop()
        self.onEvent = { _ in }
        for supervisor in self.supervisors.values {
            supervisor.linger?.cancel()
            if supervisor.hasReported, supervisor.containers == 0 { supervisor.client.send(.finish) }
            supervisor.client.close()
        }
        let done = self.eventLoop.makePromise(of: Void.self)
        self.pool.shutdownGracefully { error in if let error { done.fail(error) } else { done.succeed() } }
        return self.sampler.shutdown().and(done.futureResult).and(self.provisioner.shutdown()).and(
            self.fetcher.shutdown()
        )
        .map { _ in }
    }

    // MARK: - Orders

    /// Starts a container; `started` or `launchFailed` follows.
    public func launch(_ spec: ContainerSpec) {
        self.eventLoop.preconditionInEventLoop()
        // Of an earlier order, which is being carried out.
        guard self.containers[spec.runID] == nil else { return }
        self.containers[spec.runID] = Container(
            frameworkID: spec.frameworkID, uris: spec.command.uris, stage: .preparing)
        self.supervisor(of: spec.frameworkID) {
            $0.containers += 1
            $0.isFinishing = false
            $0.linger?.cancel()
            $0.linger = nil
        }
        self.sampler.watch(spec)
        if let image = spec.container?.image { self.provision(image, spec) } else { self.add(.prepare(spec, nil)) }
    }

    /// An earlier life launched it: `recover` has found that it runs; `updated` follows.
    ///
    /// An agent with other isolation may have started it, so that its limits cannot be set: it then goes on as it is, which
    /// the log says.
    public func adopt(_ spec: ContainerSpec) {
        self.eventLoop.preconditionInEventLoop()
        guard self.containers[spec.runID]?.isRunning == true else { return }
        self.containers[spec.runID]?.isBeingAdopted = true
        if let image = spec.container?.image { self.find(image, spec.runID) }
        self.sampler.watch(spec)
        self.add(.update(spec.runID, spec.resources))
    }

    /// Changes what a container may use; `updated` follows, unless it ends: within the call where nothing has to be waited for.
    public func update(_ runID: RunID, _ resources: Resources) {
        self.eventLoop.preconditionInEventLoop()
        guard self.containers[runID]?.isAlive == true else { return }
        self.sampler.update(runID, resources)
        guard self.isolator.setsLimits else { return self.updated(runID, nil) }
        // The thread does one thing after the other; what it has to do may be for this container.
        guard !self.isWorking, self.queue.isEmpty, self.updateBudget.take(at: .now()),
            self.isolator.isQuick(toUpdate: runID, resources)
        else { return self.add(.update(runID, resources)) }
        do throws(IsolationError) {
            try self.isolator.update(runID, resources)
            self.updated(runID, nil)
        } catch {
            self.updated(runID, error)
        }
    }

    /// Changes of limits that the loop makes itself, to spare the way to the thread and back: so few that nobody waits for them.
    struct UpdateBudget {
        private static let interval = TimeAmount.milliseconds(2), most = 4
        private var begin = NIODeadline.distantPast
        private var left = 0

        mutating func take(at now: NIODeadline) -> Bool {
            if now - self.begin >= Self.interval { (self.begin, self.left) = (now, Self.most) }
            guard self.left > 0 else { return false }
            self.left -= 1
            return true
        }
    }

    /// A signal to every process of a container.
    public func signal(_ runID: RunID, _ signal: Int32) {
        self.eventLoop.preconditionInEventLoop()
        guard let container = self.containers[runID] else { return }
        switch container.stage {
        case .preparing: self.containers[runID]?.signals.append(signal)
        case .fetching: self.destroy(runID)
        case .starting, .running:
            // What is said while a supervisor is away, or before a start is certain, is said again.
            if self.supervisors[container.frameworkID]?.hasReported != true || !container.isRunning {
                self.containers[runID]?.signals.append(signal)
            }
            self.send(.signal(runID, signal, everything: true), to: container.frameworkID)
        case .ending, .ended: break
        }
    }

    /// Kills every process of a container; its end follows.
    public func destroy(_ runID: RunID) {
        self.eventLoop.preconditionInEventLoop()
        guard let container = self.containers[runID] else { return }
        self.containers[runID]?.isDestroyed = true
        switch container.stage {
        case .fetching: self.fetcher.cancel(runID)
        case .starting, .running: self.send(.destroy(runID), to: container.frameworkID)
        case .preparing where container.hasImage && container.root == nil:
            // What makes its image ready may take minutes.
            self.prepared(runID, .failure(IsolationError("It was killed before it was started.")))
        case .preparing, .ending, .ended: break
        }
    }

    /// The end of a container is in the agent's log: nobody need remember it.
    public func forget(_ runID: RunID) {
        self.eventLoop.preconditionInEventLoop()
        guard let container = self.containers[runID] else { return }
        switch container.stage {
        case .ended: self.drop(runID, container)
        case .ending where container.isTold: self.containers[runID]?.isForgotten = true
        case .preparing, .fetching, .starting, .running, .ending: break
        }
    }

    func drop(_ runID: RunID, _ container: Container) {
        self.containers[runID] = nil
        self.send(.forget(runID), to: container.frameworkID)
        self.supervisor(of: container.frameworkID) { $0.containers -= 1 }
        self.letGo(container.frameworkID)
    }

    /// Those of the runs whose containers are not forgotten.
    ///
    /// A run is known before its sandbox is made, so one whose sandbox is there and which is not known has ended.
    public func live(of runs: [RunID]) -> Set<RunID> {
        self.eventLoop.preconditionInEventLoop()
        return Set(runs.filter { self.containers[$0] != nil })
    }

    /// What a container uses now.
    public func usage(of runID: RunID) -> EventLoopFuture<ContainerUsage> {
        let isolator = self.isolator
        return self.pool.runIfActive(eventLoop: self.eventLoop) { isolator.usage(of: runID) }
    }

    /// What all containers use, as last looked at.
    public var usage: UsageReport {
        self.eventLoop.preconditionInEventLoop()
        return self.sampler.report
    }

    // MARK: - Supervisors

    /// Changes what is known of a framework's supervisor, starting it if it is new.
    func supervisor(of frameworkID: FrameworkID, _ change: (inout Supervisor) -> Void) {
        if self.supervisors[frameworkID] == nil {
            self.addSupervisor(SupervisorDirectory(of: frameworkID, below: self.settings.directory))
        }
        change(&self.supervisors[frameworkID]!)
    }

    func addSupervisor(_ directory: SupervisorDirectory) {
        let frameworkID = directory.frameworkID
        let client = SupervisorClient(
            directory, settings: self.settings, cgroups: self.isolator.supervisorGroups(), eventLoop: self.eventLoop,
            pool: self.pool, logger: self.logger,
            onEvent: { [unowned self] event in self.supervisorSaid(event, frameworkID) },
            onEnd: { [unowned self] in self.supervisorEnded(frameworkID) })
        self.supervisors[frameworkID] = Supervisor(client: client)
        client.connect()
    }

    func send(_ command: SupervisorCommand, to frameworkID: FrameworkID) {
        guard let supervisor = self.supervisors[frameworkID], supervisor.hasReported else { return }
        supervisor.client.send(command)
    }

    /// Sends a supervisor away that nothing has needed for a while.
    func letGo(_ frameworkID: FrameworkID) {
        guard let supervisor = self.supervisors[frameworkID], supervisor.containers == 0, supervisor.linger == nil,
            !supervisor.isFinishing
        else { return }
        let this = NIOLoopBound(self, eventLoop: self.eventLoop)
        let pause = TimeAmount.nanoseconds(self.settings.supervisorLinger.nanoseconds)
        self.supervisors[frameworkID]?.linger = self.eventLoop.scheduleTask(in: pause) {
            this.value.supervisors[frameworkID]?.linger = nil
            this.value.supervisors[frameworkID]?.isFinishing = true
            this.value.send(.finish, to: frameworkID)
        }
    }

    /// The connection has ended, and the supervisor perhaps too.
    ///
    /// - Returns: Whether it is wanted back.
    private func supervisorEnded(_ frameworkID: FrameworkID) -> Bool {
        guard let supervisor = self.supervisors[frameworkID] else { return false }
        self.supervisors[frameworkID]?.hasReported = false
        self.giveUpProbes(of: frameworkID)
        guard supervisor.isFinishing, supervisor.containers == 0 else {
            self.logger.warning(
                "The connection to a supervisor ended; it is started again if it is gone",
                metadata: [LogKey.frameworkID: "\(frameworkID)"])
            return true
        }
        self.supervisors[frameworkID] = nil
        // At once, so that it comes before the start of another one there.
        let directory = supervisor.client.directory
        _ = self.pool.runIfActive(eventLoop: self.eventLoop) { directory.remove() }
        return false
    }
}

@available(*, unavailable)
extension Containerizer: Sendable {}
