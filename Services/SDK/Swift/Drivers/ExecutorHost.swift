import Frames
import Logging
import Messages
import Model
import NIOCore
import NIOPosix
import Runtime
import SDKCore

/// The two switches between an executor's core and its agent.
///
/// `post`, `start` and `close` may be called from any thread; everything else happens on the event loop.
final class ExecutorHost: @unchecked Sendable {  // All mutable state is confined to `loop`.
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let loop: any EventLoop
    private let node: Node
    private let role: RoleHost<ExecutorState>
    private let place: ExecutorPlace
    private let logger: Logger
    private let queue: @Sendable (ExecutorDriver.Item) -> Void
    private var dialer: Dialer?
    private var lastProblem = ""

    init(_ place: ExecutorPlace, logger: Logger, queue: @escaping @Sendable (ExecutorDriver.Item) -> Void) {
        self.loop = self.group.next()
        var settings = NodeSettings(role: .executor, name: place.executor.rawValue)
        // An agent that restarted waits only 2 s for its executors.
        settings.backoffMax = .milliseconds(500)
        self.node = Node(settings: settings, eventLoop: self.loop, logger: logger)
        var system = SystemRandomNumberGenerator()
        let generator = SeededGenerator(key: (0..<4).map { _ in system.next() })
        self.role = RoleHost(
            ExecutorState(
                settings: ExecutorSettings(frameworkID: place.framework, executorID: place.executor),
                generator: generator), on: self.loop, logger: logger)
        self.place = place
        self.logger = logger
        self.queue = queue
    }

    // MARK: From any thread

    func start() {
        self.loop.execute { self.begin() }
    }

    /// In the order of the calls, on the loop as well.
    func post(_ event: ExecutorState.Event) {
        self.loop.execute { self.role.post(event) }
    }

    /// Returns when everything that was said has been sent.
    func close() async {
        await self.node.close(Refusal(.shuttingDown, "the executor has ended"))
        try? await self.group.shutdownGracefully()
    }

    // MARK: Events

    private func begin() {
        self.role.perform = { [unowned self] in self.perform($0) }
        self.node.onConnected = { [unowned self] in self.role.post(.agentConnected($0.id)) }
        self.node.onDisconnected = { [unowned self] peer, reason in
            self.lastProblem = reason
            self.role.post(.agentDisconnected(peer.id))
        }
        self.node.onMessage = { [unowned self] (peer, bytes, arena) throws(MessageError) in
            self.role.post(.agentEvent(try ExecutorEvent(message: bytes, in: arena), from: peer.id))
        }
        self.role.post(.started)
        self.dialer = self.node.dial(
            as: { [place = self.place] in
                var hello = Hello(role: .executor, name: place.executor.rawValue)
                hello.frameworkID = place.framework
                hello.executorID = place.executor
                hello.subscription = Subscription(epoch: .none, counter: 0, token: place.token)
                return hello
            }, candidates: { [place = self.place] in [place.endpoint] },
            onEvent: { [unowned self] event in
                switch event {
                case .failed(_, let failure): self.lastProblem = "\(failure)"
                case .refused(_, let refusal): self.lastProblem = "\(refusal)"
                case .welcomed, .lost: break
                }
            })
    }

    // MARK: Effects

    private func perform(_ effect: ExecutorState.Effect) {
        switch effect {
        case .send(let call): self.dialer?.peer?.send(call)
        case .callBack(let callback): self.callBack(callback)
        case .setTimer(let timer, let time): self.role.setTimer(timer, at: time, .timerFired(timer))
        case .cancelTimer(let timer): self.role.cancelTimer(timer)
        case .stopped(let failure):
            self.queue(.stopped(failure.map(MesetaError.init)))
        }
    }

    private func callBack(_ callback: ExecutorState.Callback) {
        switch callback {
        case .disconnected: self.logger.warning("No agent", metadata: [LogKey.reason: "\(self.lastProblem)"])
        case .error(let message):
            self.logger.error("The agent reports an error", metadata: [LogKey.error: "\(message)"])
        default: break
        }
        self.queue(.callback(callback))
    }
}

extension MesetaError {
    /// As the user sees why an executor ended.
    init(_ failure: ExecutorState.Failure) {
        switch failure {
        case .subscriptionEnded(let message): self.init(.subscriptionEnded, message)
        case .shutdownTooSlow: self.init(.incomplete, "Shutting down took longer than the grace period")
        case .updatesUnacknowledged: self.init(.incomplete, "The agent did not confirm the last status updates in time")
        }
    }
}
