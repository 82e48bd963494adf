public import Logging
public import Model
internal import NIOCore
internal import SDKCore
internal import Synchronization

/// Runs a scheduler: keeps it registered with the cluster, whichever master leads, and carries its calls out.
///
/// Calls return at once and may be made from any thread. They are carried out in their order.
public final class SchedulerDriver: Sendable {
    /// What a driver can be told, with what it does when it is not.
    public struct Options: Sendable {
        /// A file with the secret that the cluster shares.
        ///
        /// Default: `MESETA_SECRET_FILE`, else none.
        public var secretFile: String?

        /// Where the framework's id is kept from one life of the scheduler to the next: who finds one there takes
        /// that framework over, with its tasks.
        ///
        /// Give the framework a `failoverTimeout`, too. Default none.
        public var frameworkIDFile: String?

        /// Whether `acknowledge` is called by the scheduler.
        ///
        /// Default false: when `statusUpdate` has returned.
        public var acknowledgesExplicitly = false

        /// Whether to hear of tasks through relays.
        ///
        /// Default true; false makes do with the connection to the master.
        public var usesRelays = true

        /// Wait until the active scheduler of the framework is gone, then take over.
        ///
        /// Default false.
        public var isStandby = false

        /// Roles that start without offers.
        public var suppressedRoles: [String] = []

        /// Which agents to be offered, by role; a role that is not there: all.
        public var constraints: [String: OfferConstraints] = [:]

        /// How long to look for a master that accepts the framework, at first.
        ///
        /// Default nil: for ever.
        public var registrationPatience: Duration?

        /// Runs callbacks on the thread that keeps the driver's connections: what comes, and what a callback calls, changes
        /// threads no more.
        ///
        /// For callbacks that never block, whose tasks are short: while one computes, or waits otherwise than by `await`, this
        /// driver and others of the process do nothing else, and after 45 s they lose their connections. Default false.
        public var runsCallbacksInline = false

        /// Where the driver logs.
        ///
        /// Default: standard error, from `warning` on, or from what `MESETA_LOG_LEVEL` says.
        public var logger: Logger = Environment.logger("meseta.scheduler")

        /// Everything as said above.
        public init() {}
    }

    /// What the user's code is run for.
    enum Item: Sendable {
        case callback(SchedulerState.Callback)
        /// `stop` was called; what is before it is not delivered.
        case stopRequested
        case stopped(MesetaError?)
    }

    private struct Shared {
        /// Set by `run`; calls made before are kept.
        var host: SchedulerHost?
        var early: [SchedulerState.UserCall] = []
        var hasRun = false
        var hasEnded = false
        var stop: Stop?
    }

    private enum Stop {
        case requested(failover: Bool)
        case passedOn
    }

    private let framework: FrameworkInfo
    private let master: String?
    private let options: Options
    private let scheduler: any Scheduler
    private let shared = Mutex(Shared())
    private let items: AsyncStream<Item>
    private let queue: AsyncStream<Item>.Continuation

    /// Prepares; nothing happens before `run`.
    ///
    /// - Parameters:
    ///   - framework: What it says of itself. With an `id`, it takes that framework over.
    ///   - master: `host:port`, several of them with commas, or `zk://host:port[,host:port...]/path`. Nil:
    ///     `MESETA_MASTER`, else 127.0.0.1:5050.
    ///   - scheduler: Whose callbacks are run.
    public init(
        framework: FrameworkInfo, master: String? = nil, options: Options = Options(), scheduler: any Scheduler
    ) {
        self.framework = framework
        self.master = master
        self.options = options
        self.scheduler = scheduler
        (self.items, self.queue) = AsyncStream.makeStream(of: Item.self)
    }

    /// Registers the framework and runs its callbacks until `stop`.
    ///
    /// A cancelled task stops like `stop(failover: true)`.
    ///
    /// - Throws: `MesetaError`: `configuration`, `masterNotFound`, `credentials`, `subscriptionEnded`, `incomplete`,
    ///   `alreadyRunning`.
    public func run() async throws(MesetaError) {
        let isFirst = self.shared.withLock { shared in
            defer { shared.hasRun = true }
            return !shared.hasRun
        }
        guard isFirst else { throw MesetaError(.alreadyRunning, "This driver has run: make another one") }
        let queue = self.queue
        let host = try SchedulerHost(
            settings: try self.settings(), options: self.options, master: try MasterAddress(self.master),
            queue: { queue.yield($0) })
        host.start()
        self.shared.withLock { shared in
            shared.host = host
            for call in shared.early { host.call(call) }
            shared.early = []
            if shared.stop != nil { queue.yield(.stopRequested) }
        }
        // Of its own, so that a cancelled `run` still ends in good order.
        let executor = self.options.runsCallbacksInline ? LoopExecutor(host.loop) : nil
        let deliveries = Task(executorPreference: executor) { await self.deliver(host) }
        let failure = await withTaskCancellationHandler {
            await deliveries.value
        } onCancel: {
            self.stop(failover: true)
        }
        self.shared.withLock { shared in
            shared.host = nil
            shared.hasEnded = true
        }
        await host.close()
        if let failure { throw failure }
    }

    private func settings() throws(MesetaError) -> SchedulerSettings {
        var settings = SchedulerSettings(framework: self.framework)
        if let path = self.options.frameworkIDFile, let kept = try IdentityFile(path: path).read() {
            settings.framework.id = kept
        }
        settings.acknowledgesExplicitly = self.options.acknowledgesExplicitly
        settings.usesRelays = self.options.usesRelays
        settings.isStandby = self.options.isStandby
        settings.suppressedRoles = self.options.suppressedRoles
        settings.constraints = self.options.constraints
        return settings
    }

    private func deliver(_ host: SchedulerHost) async -> MesetaError? {
        for await item in self.items {
            self.passStopOn(host)
            switch item {
            case .stopRequested: break
            case .stopped(let failure): return failure
            case .callback(let callback):
                if self.isStopping { continue }
                await self.run(callback)
                if case .statusUpdate(let status) = callback, let uuid = status.uuid {
                    host.updateReturned(.init(status.taskID, uuid: uuid, isEnd: status.state.isTerminal))
                }
                self.passStopOn(host)
            }
        }
        return nil
    }

    /// Where its connections are, while it runs.
    var loop: (any EventLoop)? { self.shared.withLock { $0.host?.loop } }

    private var isStopping: Bool { self.shared.withLock { $0.stop != nil } }

    /// Only between two callbacks: the acknowledgement of the last one goes first.
    private func passStopOn(_ host: SchedulerHost) {
        let failover: Bool? = self.shared.withLock { shared in
            guard case .requested(let failover)? = shared.stop else { return nil }
            shared.stop = .passedOn
            return failover
        }
        if let failover { host.call(.stop(failover: failover)) }
    }

    private func run(_ callback: SchedulerState.Callback) async {
        let scheduler = self.scheduler
        switch callback {
        case .registered(let id, let master): await scheduler.registered(self, id, master)
        case .reregistered(let master): await scheduler.reregistered(self, master)
        case .disconnected: await scheduler.disconnected(self)
        case .offers(let offers): await scheduler.resourceOffers(self, offers)
        case .offerRescinded(let offer): await scheduler.offerRescinded(self, offer)
        case .statusUpdate(let status): await scheduler.statusUpdate(self, status)
        case .frameworkMessage(let agent, let executor, let data):
            await scheduler.frameworkMessage(self, data, from: executor, on: agent)
        case .agentLost(let agent): await scheduler.agentLost(self, agent)
        case .executorLost(let executor, let agent, let status):
            await scheduler.executorLost(self, executor, on: agent, status: status)
        case .inverseOffers(let offers): await scheduler.inverseOffers(self, offers)
        case .inverseOfferRescinded(let offer): await scheduler.inverseOfferRescinded(self, offer)
        case .guarantees(let guarantees): await scheduler.guaranteesChanged(self, guarantees)
        case .standby(let standby): await scheduler.waits(self, standby)
        case .error(let message): await scheduler.error(self, message)
        }
    }

    /// Ends `run`.
    ///
    /// Callbacks end now; the one that is running is waited for.
    ///
    /// - Parameter failover: True: the tasks run on for a scheduler that takes them over within the framework's
    ///   `failoverTimeout`. False: the framework ends, with all its tasks.
    public func stop(failover: Bool = false) {
        self.shared.withLock { if $0.stop == nil { $0.stop = .requested(failover: failover) } }
        self.queue.yield(.stopRequested)
    }

    func call(_ call: SchedulerState.UserCall) {
        self.shared.withLock { shared in
            if let host = shared.host {
                host.call(call)
            } else if !shared.hasEnded {
                shared.early.append(call)
            }
        }
    }
}
