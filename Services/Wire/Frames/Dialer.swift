internal import Logging
public import Model
internal import NIOCore
internal import NIOPosix

/// Keeps one connection to one of several addresses: dials until it is welcomed, and again when the connection is lost.
///
/// It goes through the candidates one after the other, and waits between two rounds: 50 ms, doubling to 2 s, each wait
/// shortened by a random part so that many callers do not come at once. A refusal that names a leader is followed at
/// once, a few times. After a loss it begins with the first candidate again.
///
/// Confined to the event loop of its node.
public final class Dialer {
    /// How often leaders are followed before the next wait.
    private static let mostHops = 4
    /// How often, after a loss, an attempt that is reset is made again without a wait.
    private static let mostRetriesOfReset = 3
    /// A connection that lived this long begins with the shortest wait when it is lost.
    private static let settled = TimeAmount.seconds(1)
    /// The longest wait if somebody answered: it is the leader that is missing, and that may change any moment.
    private static let answeredBackoffMax: Duration = .milliseconds(250)
    /// A refusal of the credentials is logged this often.
    private static let complaintInterval = TimeAmount.minutes(1)

    private enum State {
        /// Waiting for the next round.
        case waiting(Scheduled<Void>)
        /// Connecting, or in the handshake.
        case trying(DialAttempt)
        /// Welcomed.
        case connected(DialAttempt, since: NIODeadline)
        /// For ever.
        case stopped
    }

    /// Told everything that happens, in order; the host's witness and its readiness check listen here.
    public var onEvent: (DialEvent) -> Void = { _ in }

    /// The connection; nil while there is none.
    public private(set) var peer: Peer?

    let node: Node
    let hello: () -> Hello
    private let candidates: () -> [String]
    private var state: State = .stopped
    /// Which candidate comes next.
    private var position = 0
    /// Addresses tried since the last wait.
    private var triedInRound = 0
    /// One of them answered: that no leader is found may change any moment.
    private var isAnswered = false
    private var backoff: Duration
    private var hops = 0
    private var lastComplaint: NIODeadline?
    /// How often an attempt that is reset is made again at once.
    private var retriesOfReset = 0

    init(node: Node, hello: @escaping () -> Hello, candidates: @escaping () -> [String]) {
        self.node = node
        self.hello = hello
        self.candidates = candidates
        self.backoff = node.settings.backoffMin
    }

    /// The candidates have changed, or one of them is known to be back: dials now instead of at the end of the wait.
    ///
    /// A connection stays as it is; an attempt at an address that is no candidate any more is given up.
    public func nudge() {
        self.node.loop.preconditionInEventLoop()
        switch self.state {
        case .waiting(let task):
            task.cancel()
            self.begin()
        case .trying(let attempt):
            guard !self.candidates().contains(attempt.address), !attempt.isFollowing else { return }
            attempt.abandon()
            self.begin()
        case .connected, .stopped:
            return
        }
    }

    /// Ends the connection and dials no more.
    public func stop(_ refusal: Refusal? = nil) {
        self.node.loop.preconditionInEventLoop()
        let state = self.state
        self.state = .stopped
        switch state {
        case .waiting(let task): task.cancel()
        case .trying(let attempt): attempt.abandon()
        case .connected: self.peer?.close(refusal)
        case .stopped: return
        }
        self.node.forget(self)
    }

    // MARK: - Rounds

    func begin() {
        self.position = 0
        self.triedInRound = 0
        self.isAnswered = false
        self.hops = 0
        self.backoff = self.node.settings.backoffMin
        self.tryNext()
    }

    private func tryNext() {
        let candidates = self.candidates()
        guard self.triedInRound < candidates.count else {
            self.wait(atMost: self.isAnswered ? Self.answeredBackoffMax : self.node.settings.backoffMax)
            return
        }
        let address = candidates[self.position % candidates.count]
        self.position += 1
        self.triedInRound += 1
        self.attempt(address, isFollowing: false)
    }

    private func attempt(_ address: String, isFollowing: Bool) {
        let attempt = DialAttempt(dialer: self, address: address, isFollowing: isFollowing)
        self.state = .trying(attempt)
        attempt.start()
    }

    private func wait(atMost longest: Duration) {
        let wait = min(self.backoff, longest)
        self.backoff = min(self.backoff * 2, self.node.settings.backoffMax)
        self.wait(exactly: wait)
    }

    private func wait(exactly wait: Duration) {
        self.retriesOfReset = 0
        let nanoseconds = wait.nanoseconds
        let shortened = Int64.random(in: nanoseconds / 2...max(nanoseconds, 1))
        let task = self.node.isolated.scheduleTask(in: .nanoseconds(shortened)) { [weak self] in
            guard let self, case .waiting = self.state else { return }
            self.triedInRound = 0
            self.isAnswered = false
            self.hops = 0
            self.tryNext()
        }
        self.state = .waiting(task)
    }

    // MARK: - What becomes of an attempt

    /// The current attempt found nobody.
    func failed(_ attempt: DialAttempt, _ failure: DialFailure) {
        guard case .trying(let current) = self.state, current === attempt else { return }
        self.node.logger.debug(
            "Dialling failed",
            metadata: [FrameLogKey.address: "\(attempt.address)", FrameLogKey.reason: "\(failure)"])
        self.onEvent(.failed(address: attempt.address, failure))
        guard case .trying(let still) = self.state, still === attempt else { return }
        if failure == .reset, self.retriesOfReset > 0 {
            self.retriesOfReset -= 1
            self.attempt(attempt.address, isFollowing: attempt.isFollowing)
        } else {
            self.tryNext()
        }
    }

    /// The current attempt was answered by a refusal.
    func refused(_ attempt: DialAttempt, _ refusal: Refusal) {
        guard case .trying(let current) = self.state, current === attempt else { return }
        self.onEvent(.refused(address: attempt.address, refusal))
        guard case .trying(let still) = self.state, still === attempt else { return }
        switch refusal.code {
        case .credentials, .protocolVersion:
            self.complain(attempt.address, refusal)
            if self.triedInRound < self.candidates().count {
                self.tryNext()
            } else {
                self.wait(exactly: self.node.settings.credentialsBackoff)
            }
        default:
            self.isAnswered = true
            self.node.logger.debug(
                "Refused", metadata: [FrameLogKey.address: "\(attempt.address)", FrameLogKey.reason: "\(refusal)"])
            if !self.follow(refusal, from: attempt.address) { self.tryNext() }
        }
    }

    private func follow(_ refusal: Refusal, from address: String) -> Bool {
        guard let leader = refusal.leader, leader != address, self.hops < Self.mostHops else { return false }
        self.hops += 1
        self.attempt(leader, isFollowing: true)
        return true
    }

    /// The current attempt is welcomed; its peer is about to be opened.
    func welcomed(_ attempt: DialAttempt, _ welcome: Welcome) {
        guard case .trying(let current) = self.state, current === attempt else { return }
        self.state = .connected(attempt, since: .now())
        self.hops = 0
        self.lastComplaint = nil
        self.onEvent(.welcomed(address: attempt.address, welcome))
    }

    func opened(_ peer: Peer) {
        guard case .connected = self.state else {
            peer.close()  // Stopped by whoever heard of the welcome.
            return
        }
        self.peer = peer
    }

    /// The connection is gone.
    ///
    /// Called at the end of a loop turn, after `onDisconnected`.
    func lost(_ peer: Peer, _ end: Disconnect) {
        guard self.peer === peer else { return }
        self.peer = nil
        guard case .connected(let attempt, let since) = self.state else { return }
        self.onEvent(.lost(address: attempt.address, end))
        guard case .connected(let still, _) = self.state, still === attempt else { return }
        if NIODeadline.now() - since >= Self.settled { self.backoff = self.node.settings.backoffMin }
        self.position = 0
        self.triedInRound = 0
        self.isAnswered = false
        self.hops = 0
        if let refusal = end.refusal, end.kind == .refused, self.follow(refusal, from: attempt.address) { return }
        if NIODeadline.now() - since >= Self.settled, end.kind != .tooSlow {
            // The port of a killed process may be closed last: whoever calls before gets in, and is reset.
            self.retriesOfReset = Self.mostRetriesOfReset
            self.tryNext()
        } else {
            self.wait(atMost: self.node.settings.backoffMax)
        }
    }

    private func complain(_ address: String, _ refusal: Refusal) {
        let now = NIODeadline.now()
        if let last = self.lastComplaint, now - last < Self.complaintInterval { return }
        self.lastComplaint = now
        self.node.logger.error(
            "Refused, and waiting does not help; still trying",
            metadata: [FrameLogKey.address: "\(address)", FrameLogKey.reason: "\(refusal)"])
    }
}

@available(*, unavailable)
extension Dialer: Sendable {}

/// One try at one address.
final class DialAttempt {
    let dialer: Dialer
    let address: String
    /// The address was named by a refusal and need not be a candidate.
    let isFollowing: Bool
    private var isAbandoned = false
    private var connection: Connection?

    init(dialer: Dialer, address: String, isFollowing: Bool) {
        self.dialer = dialer
        self.address = address
        self.isFollowing = isFollowing
    }

    func hello() -> Hello { self.dialer.hello() }

    func start() {
        let node = self.dialer.node
        guard let (host, port) = Node.split(self.address) else {
            node.isolated.execute { self.dialer.failed(self, .badAddress) }
            return
        }
        let bound = NIOLoopBound(self, eventLoop: node.loop)
        var bootstrap = ClientBootstrap(group: node.loop)
            .connectTimeout(TimeAmount(node.settings.connectTimeout))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(Node.userTimeout, value: node.userTimeoutMilliseconds)
            .channelOption(.recvAllocator, value: Node.receiving)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Connection(node: node, attempt: bound.value))
                }
            }
        if let source = node.settings.sourceAddress {
            guard let address = Node.literal(host: source, port: 0) else {
                node.isolated.execute { self.dialer.failed(self, .badAddress) }
                return
            }
            bootstrap = bootstrap.channelOption(Node.bindAddressNoPort, value: 1).bind(to: address)
        }
        let future =
            if let literal = Node.literal(host: host, port: port) {
                bootstrap.connect(to: literal)
            } else {
                bootstrap.connect(host: host, port: port)
            }
        future.assumeIsolated().whenFailure { error in
            if !self.isAbandoned { self.dialer.failed(self, DialFailure(connectError: error)) }
        }
    }

    /// A connection is there, and says whether it is to be used: not if nobody waits any more, or if a name with several
    /// addresses has given another one already.
    func adopt(_ connection: Connection) -> Bool {
        guard !self.isAbandoned, self.connection == nil else { return false }
        self.connection = connection
        return true
    }

    /// Nobody waits for this attempt any more.
    func abandon() {
        self.isAbandoned = true
        self.connection?.finish(Disconnect(.closedHere, "no longer needed"), telling: nil)
        self.connection = nil
    }

    /// The connection ended before its handshake was done.
    func ended(_ end: Disconnect) {
        guard let connection = self.connection else { return }
        self.connection = nil
        if self.isAbandoned || connection.wasOpen { return }
        if let refusal = end.refusal, end.kind == .refused {
            self.dialer.refused(self, refusal)
        } else {
            self.dialer.failed(self, DialFailure(duringHandshake: end))
        }
    }
}
