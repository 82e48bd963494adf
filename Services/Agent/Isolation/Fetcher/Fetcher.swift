internal import Logging
internal import Model
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// Brings what commands want into their sandboxes, on threads of its own.
///
/// Confined to one event loop, as the containerizer that owns it.
final class Fetcher {
    /// Something that is to be fetched, all of it, before a container starts.
    struct Order: Sendable {
        var runID: RunID
        var uris: [CommandInfo.URI]
        var sandbox: String
        /// Nil: whoever the agent runs as.
        var user: SupervisorStart.User?
        var home: String?
    }

    /// A fetch that is under way, or waits.
    final class Job: Sendable {
        private let isCancelledFlag = Atomic(false)
        fileprivate init() {}
        /// It ends soon, as one that failed.
        func cancel() { self.isCancelledFlag.store(true, ordering: .relaxed) }
        var isCancelled: Bool { self.isCancelledFlag.load(ordering: .relaxed) }
    }

    private let settings: FetchSettings
    private let pool: NIOThreadPool
    private let store: FetchStore
    private let eventLoop: any EventLoop
    private let logger: Logger
    private var jobs: [RunID: Job] = [:]
    /// For numbers; called on the loop.
    var onOutcome: (FetchOutcome) -> Void = { _ in }

    init(settings: FetchSettings, directory: String, eventLoop: any EventLoop, logger: Logger) {
        self.settings = settings
        self.eventLoop = eventLoop
        self.logger = logger
        self.store = FetchStore(directory: directory + "/fetch-cache", limit: settings.cacheSize)
        self.pool = NIOThreadPool(numberOfThreads: max(1, settings.concurrency))
        self.pool.start()
    }

    /// Fetches everything of an order, or fails.
    ///
    /// - Parameter done: Called on the loop, once; with nil if all is there, else with why not.
    func fetch(_ order: Order, done: @escaping (FetchError?) -> Void) {
        let job = Job()
        self.jobs[order.runID] = job
        let this = NIOLoopBound(self, eventLoop: self.eventLoop), done = NIOLoopBound(done, eventLoop: self.eventLoop)
        let loop = self.eventLoop
        let work = FetchWork(order: order, job: job, settings: self.settings, store: self.store, logger: self.logger) {
            outcome in loop.execute { this.value.onOutcome(outcome) }
        }
        self.pool.runIfActive(eventLoop: loop) { work.run() }.whenComplete { result in
            this.value.jobs[order.runID] = nil
            switch result {
            case .success(let error): done.value(error)
            case .failure: done.value(FetchError("The agent is ending."))
            }
        }
    }

    func cancel(_ runID: RunID) { self.jobs[runID]?.cancel() }

    /// - Returns: When its threads have ended.
    func shutdown() -> EventLoopFuture<Void> {
        for job in self.jobs.values { job.cancel() }
        let done = self.eventLoop.makePromise(of: Void.self)
        self.pool.shutdownGracefully { error in if let error { done.fail(error) } else { done.succeed() } }
        return done.futureResult
    }
}

@available(*, unavailable)
extension Fetcher: Sendable {}
