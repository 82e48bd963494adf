public import Logging
public import Model
internal import NIOCore
internal import SDKCore
internal import Synchronization

/// Runs an executor: connects it to the agent that started it, and to that agent again after it was restarted.
///
/// Calls return at once and may be made from any thread. They are carried out in their order.
public final class ExecutorDriver: Sendable {
    /// What the user's code is run for.
    enum Item: Sendable {
        case callback(ExecutorState.Callback)
        case stopped(MesetaError?)
    }

    private struct Shared {
        var host: ExecutorHost?
        var early: [ExecutorState.Event] = []
        var hasRun = false
        var hasEnded = false
    }

    private let executor: any Executor
    private let place: ExecutorPlace?
    private let runsCallbacksInline: Bool
    private let logger: Logger
    private let shared = Mutex(Shared())
    private let items: AsyncStream<Item>
    private let queue: AsyncStream<Item>.Continuation

    /// Prepares; nothing happens before `run`.
    ///
    /// - Parameters:
    ///   - runsCallbacksInline: As in `SchedulerDriver.Options`: for callbacks that never block.
    ///   - logger: Nil: standard error, from `warning` on, or from what `MESETA_LOG_LEVEL` says.
    public convenience init(executor: any Executor, runsCallbacksInline: Bool = false, logger: Logger? = nil) {
        self.init(executor: executor, place: nil, runsCallbacksInline: runsCallbacksInline, logger: logger)
    }

    init(
        executor: any Executor, place: ExecutorPlace?, runsCallbacksInline: Bool = false, logger: Logger? = nil
    ) {
        self.executor = executor
        self.place = place
        self.runsCallbacksInline = runsCallbacksInline
        self.logger = logger ?? Environment.logger("meseta.executor")
        (self.items, self.queue) = AsyncStream.makeStream(of: Item.self)
    }

    /// Where the executor may keep files: its sandbox.
    ///
    /// Nil outside of an agent.
    public static var sandbox: String? { Environment.value("MESETA_SANDBOX") }

    /// Subscribes with the agent that the environment names and runs the callbacks until `stop` or `shutdown`.
    ///
    /// - Throws: `MesetaError`: `configuration`, `subscriptionEnded`, `incomplete`, `alreadyRunning`.
    public func run() async throws(MesetaError) {
        let isFirst = self.shared.withLock { shared in
            defer { shared.hasRun = true }
            return !shared.hasRun
        }
        guard isFirst else { throw MesetaError(.alreadyRunning, "This driver has run: make another one") }
        let queue = self.queue
        let place = if let given = self.place { given } else { try ExecutorPlace() }
        let host = ExecutorHost(place, logger: self.logger, queue: { queue.yield($0) })
        host.start()
        self.shared.withLock { shared in
            shared.host = host
            for event in shared.early { host.post(event) }
            shared.early = []
        }
        let executor = self.runsCallbacksInline ? LoopExecutor(host.loop) : nil
        let deliveries = Task(executorPreference: executor) { await self.deliver() }
        let failure = await withTaskCancellationHandler {
            await deliveries.value
        } onCancel: {
            self.stop()
        }
        self.shared.withLock { shared in
            shared.host = nil
            shared.hasEnded = true
        }
        await host.close()
        if let failure { throw failure }
    }

    /// Where its connection is, while it runs.
    var loop: (any EventLoop)? { self.shared.withLock { $0.host?.loop } }

    private func deliver() async -> MesetaError? {
        for await item in self.items {
            switch item {
            case .callback(let callback):
                // A shutdown that hangs must not keep the driver from ending in time.
                if case .shutdown = callback {
                    Task {
                        await self.executor.shutdown(self)
                        self.post(.shutdownReturned)
                    }
                } else {
                    await self.run(callback)
                }
            case .stopped(let failure): return failure
            }
        }
        return nil
    }

    private func run(_ callback: ExecutorState.Callback) async {
        let executor = self.executor
        switch callback {
        case .registered(let info, let framework, let agent, let hostname):
            await executor.registered(self, info, framework: framework, agent: agent, hostname: hostname)
        case .reregistered(let agent): await executor.reregistered(self, agent)
        case .disconnected: await executor.disconnected(self)
        case .launchTask(let task): await executor.launchTask(self, task)
        case .launchTaskGroup(let tasks): await executor.launchTaskGroup(self, tasks)
        case .killTask(let task, let grace): await executor.killTask(self, task, grace: grace)
        case .frameworkMessage(let data): await executor.frameworkMessage(self, data)
        case .shutdown: await executor.shutdown(self)
        case .error(let message): await executor.error(self, message)
        }
    }

    /// Reports the state of a task.
    ///
    /// Kept, and sent again if need be, until the agent has it on disk.
    ///
    /// After a terminal state, or for a task that was not launched here, nothing is sent.
    public func sendStatusUpdate(_ status: TaskStatus) { self.call(.update(status)) }

    /// Reports the state of a task.
    ///
    /// - Parameters:
    ///   - data: What the scheduler is to have of it, as text.
    ///   - message: What people are to know of it.
    public func sendStatusUpdate(_ task: TaskID, _ state: TaskState, data: String? = nil, message: String? = nil) {
        var status = TaskStatus(taskID: task, state: state)
        status.data = data.map { Bytes($0.utf8) }
        status.message = message
        self.sendStatusUpdate(status)
    }

    /// Says something to the scheduler.
    ///
    /// Sent once; may be lost.
    public func sendFrameworkMessage(_ data: Bytes) { self.call(.message(data)) }

    /// Ends `run` once the agent has every status.
    public func stop() { self.call(.stop) }

    private func call(_ call: ExecutorState.UserCall) { self.post(.called(call)) }

    private func post(_ event: ExecutorState.Event) {
        self.shared.withLock { shared in
            if let host = shared.host {
                host.post(event)
            } else if !shared.hasEnded {
                shared.early.append(event)
            }
        }
    }
}

/// Which executor this process is, and where its agent is, as that told it.
struct ExecutorPlace: Sendable {
    let endpoint: String
    let framework: FrameworkID
    let executor: ExecutorID
    let token: Bytes

    /// Says it outright.
    init(endpoint: String, framework: FrameworkID, executor: ExecutorID, token: Bytes) {
        self.endpoint = endpoint
        self.framework = framework
        self.executor = executor
        self.token = token
    }

    /// Reads the environment.
    ///
    /// - Throws: `configuration`.
    init() throws(MesetaError) {
        let why = "executors are started by an agent, which sets it"
        self.endpoint = try Environment.required("MESETA_AGENT_ENDPOINT", why)
        self.framework = FrameworkID(try Environment.required("MESETA_FRAMEWORK_ID", why))
        self.executor = ExecutorID(try Environment.required("MESETA_EXECUTOR_ID", why))
        let token = try Environment.required("MESETA_EXECUTOR_TOKEN", why)
        guard let bytes = Self.bytes(hexadecimal: token) else {
            throw MesetaError(.configuration, "MESETA_EXECUTOR_TOKEN is not hexadecimal: \(why)")
        }
        self.token = bytes
    }

    static func bytes(hexadecimal text: String) -> Bytes? {
        let digits = text.compactMap { $0.isASCII ? $0.hexDigitValue : nil }
        guard digits.count == text.count, digits.count % 2 == 0 else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] * 16 + digits[$0 + 1]) }
    }
}
