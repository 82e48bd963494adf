public import Logging
public import Messages
public import Model
public import NIOCore
internal import NIOPosix

/// A process's end of all its connections: listens, dials, and hands over what arrives.
///
/// Confined to one event loop: callbacks come on it, and every member is used on it, except where a comment says that
/// any thread may. Callbacks are set before `listen` and `dial`. Nothing here takes a lock or starts a task per connection.
///
/// What is sent during a loop turn leaves in one write per connection at the turn's end. What ends during a turn is told
/// (`onDisconnected`) at its end, so no callback comes from within `send` or `close`.
public final class Node: @unchecked Sendable {
    // Unchecked: state is only touched on `loop`, which `listen`, `dial` and `close` see to; see above.

    /// How much one read takes from the kernel: little at first, for most connections carry little, and each keeps its buffer;
    /// more as long as reads fill it.
    ///
    /// Bytes.
    static let receiving = AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 1 << 10, maximum: 64 << 10)
    private static let backlog: Int32 = 4096
    private static let keptBuffers = 32
    private static let keptBufferBytes = 256 << 10

    /// As given.
    public let settings: NodeSettings
    /// The event loop that everything happens on.
    public let loop: any EventLoop
    /// Gives connections their numbers.
    public let peerIDs: PeerIDs
    let logger: Logger

    /// Decides whether a caller is welcome; its secret has been checked, unless its role shows a token instead.
    ///
    /// Of the welcome, the node fills in version, heartbeat interval, frame limit, and the incarnation if it is empty.
    /// Default: everybody is refused.
    public var admit: (Hello) -> Result<Welcome, Refusal> = { _ in
        .failure(Refusal(.role, "this process answers nobody"))
    }

    /// A connection is open, dialled or accepted; messages may be sent at once.
    public var onConnected: (Peer) -> Void = { _ in }

    /// A connection that was open is gone, and why; `Peer.disconnect` says it in a form for programs.
    public var onDisconnected: (Peer, String) -> Void = { _, _ in }

    /// A message has come.
    ///
    /// The bytes and the arena are valid during the call.
    ///
    /// What it throws goes to `onUndecodable`; that item is skipped and the connection stays.
    public var onMessage: (Peer, UnsafeRawBufferPointer, MessageArena) throws(MessageError) -> Void = { _, _, _ in }

    /// A message could not be read.
    ///
    /// The host answers schedulers, executors and operators; it is logged in any case.
    public var onUndecodable: (Peer, MessageError) -> Void = { _, _ in }

    /// A peer of this role has connected for the first time; from now on that is counted.
    public var onTraffic: (Traffic) -> Void = { _ in }

    /// All frames of one read have been handed over.
    public var onBatchEnd: () -> Void = {}

    /// For messages being read; reset after each.
    let readingArena = MessageArena()
    /// For messages being written; reset after each.
    let writingArena = MessageArena()
    /// The time at the last tick, a few per heartbeat interval.
    private(set) var coarseNow = NIODeadline.now()
    private(set) var acceptedConnections = 0

    private var connections: [Connection] = []
    private var dialers: [Dialer] = []
    private var listeners: [any Channel] = []
    private var unflushed: [Connection] = []
    private var gone: [(Peer, Disconnect)] = []
    private var endsTurn = false
    private var buffers: [ByteBuffer] = []
    private var tick: TimeAmount
    private var ticking: Scheduled<Void>?
    private var warnings = (since: NIODeadline.now(), count: 0)
    private var traffic: [Traffic?] = []
    private var isClosed = false
    private var closing: EventLoopPromise<Void>?

    /// A node that neither listens nor dials yet.
    ///
    /// Any thread may make one.
    ///
    /// - Parameters:
    ///   - settings: What it is, and its limits.
    ///   - eventLoop: Where everything will happen.
    ///   - logger: Where connections made, refused and lost are told.
    ///   - peerIDs: Shared by the nodes of one host; its own by default.
    public init(settings: NodeSettings, eventLoop: any EventLoop, logger: Logger, peerIDs: PeerIDs = PeerIDs()) {
        self.settings = settings
        self.loop = eventLoop
        self.logger = logger
        self.peerIDs = peerIDs
        self.tick = Self.tick(for: settings.heartbeatInterval)
    }

    /// The connections that are open.
    public var openConnections: Int { self.connections.count }

    // MARK: - Listening and dialling

    /// Accepts connections.
    ///
    /// Any thread may call it.
    ///
    /// - Parameter host: An IP address or a name that is one; `0.0.0.0` and `::` are all of this machine.
    /// - Parameter port: Zero for any that is free.
    /// - Returns: The port bound.
    /// - Throws: `ListenProblem`: `unprotected` without a secret beyond loopback, `unavailable` if the address is taken.
    public func listen(host: String, port: Int) async throws -> Int {
        guard let address = try Self.resolve(host: host, port: port) else {
            throw ListenProblem.unavailable(host: host, port: port, reason: "no such address")
        }
        try self.settings.checkProtection(host: host)
        let bootstrap = ServerBootstrap(group: self.loop)
            .serverChannelOption(.backlog, value: Self.backlog)
            .serverChannelOption(.maxMessagesPerRead, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.socketOption(.so_keepalive), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(Self.userTimeout, value: self.userTimeoutMilliseconds)
            .childChannelOption(.recvAllocator, value: Self.receiving)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Connection(node: self, attempt: nil))
                }
            }
        let channel: any Channel
        do { channel = try await bootstrap.bind(to: address).get() } catch {
            throw ListenProblem.unavailable(host: host, port: port, reason: Self.reason(of: error))
        }
        let bound = channel.localAddress?.port ?? port
        try await self.loop.submit {
            guard !self.isClosed else { return channel.close(promise: nil) }
            self.listeners.append(channel)
            self.startTicking()
        }.get()
        self.logger.info(
            "Listening", metadata: [FrameLogKey.address: "\(host)", FrameLogKey.port: "\(bound)"])
        return bound
    }

    /// Keeps a connection to one of the candidates, for ever.
    ///
    /// - Parameters:
    ///   - hello: How to introduce oneself; asked before each attempt, since epoch and subscription change. The node
    ///     fills in the nonce, and the incarnation if it is empty.
    ///   - candidates: Addresses as host:port, the best first; asked before each attempt.
    ///   - onEvent: Told everything that happens to the dialler; may be changed later.
    public func dial(
        as hello: @escaping () -> Hello, candidates: @escaping () -> [String],
        onEvent: @escaping (DialEvent) -> Void = { _ in }
    ) -> Dialer {
        self.loop.preconditionInEventLoop()
        let dialer = Dialer(node: self, hello: hello, candidates: candidates)
        dialer.onEvent = onEvent
        if !self.isClosed {
            self.dialers.append(dialer)
            self.startTicking()
            dialer.begin()
        }
        return dialer
    }

    /// Stops listening and dialling, and ends every connection after what was sent has left.
    ///
    /// Any thread may call it.
    ///
    /// Returns when the last connection is closed: at most a second, or so.
    public func close(_ refusal: Refusal = Refusal(.shuttingDown, "the process is ending")) async {
        let done = self.loop.makePromise(of: Void.self)
        self.loop.execute {
            if self.isClosed { return done.succeed() }
            self.isClosed = true
            self.ticking?.cancel()
            for listener in self.listeners { listener.close(promise: nil) }
            self.listeners = []
            for dialer in self.dialers { dialer.stop(refusal) }
            for connection in self.connections {
                connection.finish(Disconnect(.closedHere, "\(refusal)", refusal: refusal), telling: refusal)
            }
            self.closing = done
            self.finishClosing()
        }
        try? await done.futureResult.get()
    }

    private func finishClosing() {
        guard let closing = self.closing, self.connections.isEmpty, !self.endsTurn else { return }
        self.closing = nil
        closing.succeed()
    }

    /// What is exchanged with peers of a role.
    func traffic(with role: PeerRole) -> Traffic {
        let index = Int(role.rawValue)
        while self.traffic.count <= index { self.traffic.append(nil) }
        if let traffic = self.traffic[index] { return traffic }
        let traffic = Traffic(with: role)
        self.traffic[index] = traffic
        self.onTraffic(traffic)
        return traffic
    }

    func forget(_ dialer: Dialer) {
        if !self.isClosed { self.dialers.removeAll { $0 === dialer } }
    }

    // MARK: - Connections

    var isolated: NIOIsolatedEventLoop { self.loop.assumeIsolatedUnsafeUnchecked() }

    func add(_ connection: Connection) {
        connection.listIndex = self.connections.count
        self.connections.append(connection)
        if connection.attempt == nil { self.acceptedConnections += 1 }
        if self.isClosed {
            connection.finish(Disconnect(.closedHere, "the process is ending"), telling: Refusal(.shuttingDown, ""))
        }
    }

    func remove(_ connection: Connection) {
        let index = connection.listIndex
        connection.listIndex = -1
        if connection.attempt == nil { self.acceptedConnections -= 1 }
        self.connections.swapAt(index, self.connections.count - 1)
        self.connections.removeLast()
        if index < self.connections.count { self.connections[index].listIndex = index }
        self.finishClosing()
    }

    func opened(_ connection: Connection, _ peer: Peer) {
        self.logger.info("Connected", metadata: connection.metadata())
        peer.dialer?.opened(peer)
        guard peer.isOpen else { return }
        peer.isAnnounced = true
        self.onConnected(peer)
    }

    /// The peer is gone; the host hears of it at the end of this loop turn.
    func closed(_ peer: Peer, _ end: Disconnect) {
        self.gone.append((peer, end))
        self.endTurnLater()
    }

    /// Says in the log how a connection ended.
    ///
    /// Of strangers, ten a second are worth a warning.
    func report(_ end: Disconnect, of connection: Connection) {
        let metadata = connection.metadata([FrameLogKey.reason: "\(end)"])
        let isStranger = connection.attempt == nil && !connection.wasOpen
        if end.kind == .malformed || end.kind == .tooSlow {
            let level = isStranger && !self.mayWarn() ? Logger.Level.debug : .warning
            self.logger.log(level: level, "Connection closed", metadata: metadata)
        } else if connection.wasOpen {
            self.logger.info("Disconnected", metadata: metadata)
        } else if isStranger, let refusal = end.refusal {
            let level = refusal.code == .credentials && self.mayWarn() ? Logger.Level.warning : .debug
            self.logger.log(level: level, "Caller refused", metadata: metadata)
        } else if isStranger, end.kind == .silent {
            self.logger.log(level: self.mayWarn() ? .info : .debug, "Handshake not completed", metadata: metadata)
        } else {
            self.logger.debug("Handshake not completed", metadata: metadata)
        }
    }

    private func mayWarn() -> Bool {
        let now = NIODeadline.now()
        if now - self.warnings.since > .seconds(1) { self.warnings = (now, 0) }
        self.warnings.count += 1
        return self.warnings.count <= 10
    }

    /// A message could not be read.
    ///
    /// Logged the first, second, fourth, eighth time, and so on, per connection.
    func undecodable(_ peer: Peer, _ error: MessageError, count: Int) {
        if count & (count - 1) == 0 {
            self.logger.warning(
                "Message skipped: it cannot be read",
                metadata: [
                    FrameLogKey.peer: "\(peer.name)", FrameLogKey.peerRole: "\(peer.role)",
                    FrameLogKey.address: "\(peer.remoteAddress)", FrameLogKey.reason: "\(error)",
                    FrameLogKey.count: "\(count)",
                ])
        }
        self.onUndecodable(peer, error)
    }

    // MARK: - The end of a loop turn

    func flushLater(_ connection: Connection) {
        self.unflushed.append(connection)
        self.endTurnLater()
    }

    /// A task given to the loop during a turn runs when all of the turn's reads have been handled.
    private func endTurnLater() {
        if self.endsTurn { return }
        self.endsTurn = true
        self.isolated.execute { self.endTurn() }
    }

    private func endTurn() {
        var index = 0
        while index < self.unflushed.count {  // Flushing may find a peer too slow, which gathers its last words.
            self.unflushed[index].flush()
            index += 1
        }
        self.unflushed.removeAll(keepingCapacity: true)
        self.endsTurn = false
        let gone = self.gone
        self.gone = []
        for (peer, end) in gone {
            if peer.isAnnounced { self.onDisconnected(peer, end.message) }
            self.peerIDs.give(back: peer.id)
            peer.dialer?.lost(peer, end)
        }
        self.finishClosing()
    }

    func takeBuffer() -> ByteBuffer {
        guard var buffer = self.buffers.popLast() else { return ByteBuffer() }
        buffer.clear()
        return buffer
    }

    func give(back buffer: ByteBuffer) {
        guard self.buffers.count < Self.keptBuffers, buffer.capacity <= Self.keptBufferBytes else { return }
        self.buffers.append(buffer)
    }

    // MARK: - Heartbeats

    private static func tick(for interval: Duration) -> TimeAmount {
        max(TimeAmount(interval / 8), .milliseconds(5))
    }

    private func startTicking() {
        if self.ticking == nil { self.tickLater() }
    }

    /// A called side whose heartbeats come more often than this side's is watched more often.
    func watch(interval: Duration) {
        let tick = Self.tick(for: interval)
        guard tick < self.tick else { return }
        self.tick = tick
        self.ticking?.cancel()
        self.tickLater()
    }

    private func tickLater() {
        let due = NIODeadline.now() + self.tick
        self.ticking = self.isolated.scheduleTask(deadline: due) { self.ticked(due: due) }
    }

    private func ticked(due: NIODeadline) {
        let now = NIODeadline.now()
        let hasSlept = now - due > self.tick * 2
        self.coarseNow = now
        var silent: [Connection] = []
        for connection in self.connections where connection.stage == .open {
            if hasSlept { connection.excuseSilence() }
            // Both times were taken at ticks, so they are up to one tick earlier than what they tell of.
            if now + self.tick - connection.lastSent > connection.heartbeatInterval { connection.sendHeartbeat() }
            if let limit = connection.silenceLimit, now - connection.lastReceived - self.tick > limit {
                silent.append(connection)
            }
        }
        for connection in silent {
            let reason = "nothing was heard for \(Double((now - connection.lastReceived).nanoseconds) / 1e9) s"
            connection.finish(Disconnect(.silent, reason), telling: Refusal(.tooSlow, reason))
        }
        self.tickLater()
    }
}
