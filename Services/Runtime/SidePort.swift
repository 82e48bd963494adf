public import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import Synchronization

/// The HTTP port beside a service's own: it tells how the process is, and acts on nothing.
///
/// | path | answers |
/// |---|---|
/// | `/livez`, `/health` | 200 while the process handles requests |
/// | `/readyz` | 200 when all checks are well, else 503 with those that are not; `?verbose` lists all |
/// | `/metrics` | Prometheus text |
/// | others | what the role adds with `get` |
///
/// GET and HEAD only. It has a thread of its own, so it answers while the role is busy. Limits: 16 KiB of headers, 256
/// connections, and a minute of idleness or of a reader that reads nothing.
public final class SidePort: Sendable {
    /// Answers one request; runs as a task of its own, never on an event loop of a role.
    public typealias Handler = @Sendable (SideRequest) async throws -> SideResponse

    /// The most headers of one request.
    ///
    /// Bytes.
    static let maxHeaderBytes = 16 << 10
    /// The most connections at one time.
    static let maxConnections = 256

    /// The numbers shown.
    public let metrics: Metrics
    /// The checks shown.
    public let readiness: Readiness
    let idleTimeout: TimeAmount
    let logger: Logger

    private struct State {
        var routes: [(prefix: String, handler: Handler)] = []
        var group: MultiThreadedEventLoopGroup?
        var listener: (any Channel)?
        var connections: [ObjectIdentifier: any Channel] = [:]
    }

    private let state = Mutex(State())

    /// A side port that does not listen yet.
    public init(metrics: Metrics, readiness: Readiness, logger: Logger, idleTimeout: Duration = .seconds(60)) {
        self.metrics = metrics
        self.readiness = readiness
        self.logger = logger
        self.idleTimeout = .nanoseconds(idleTimeout.nanoseconds)
    }

    /// Adds a route.
    ///
    /// A path that ends in `/` stands for everything below it; the longest that fits is taken.
    public func get(_ path: String, _ handler: @escaping Handler) {
        self.state.withLock { state in
            state.routes.append((path, handler))
            state.routes.sort { $0.prefix.utf8.count > $1.prefix.utf8.count }
        }
    }

    /// Adds a route that answers those alone who may ask.
    public func get(_ path: String, for access: AccessGuard, _ handler: @escaping Handler) {
        self.get(path) { request in
            if let refusal = access.refusal(of: request) { return refusal }
            return try await handler(request)
        }
    }

    /// Begins to answer.
    ///
    /// - Parameter port: Zero for any that is free.
    /// - Returns: The port bound.
    /// - Throws: What the kernel says, as `SidePortUnavailable`.
    public func listen(host: String, port: Int) async throws -> Int {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 128)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in self.initialize(channel) }
        do {
            let channel = try await bootstrap.bind(host: host, port: port).get()
            self.state.withLock { state in
                state.group = group
                state.listener = channel
            }
            return channel.localAddress?.port ?? port
        } catch {
            try? await group.shutdownGracefully()
            throw SidePortUnavailable(host: host, port: port, reason: "\(error)")
        }
    }

    /// Stops answering and closes every connection.
    public func close() async {
        let (group, listener, connections) = self.state.withLock { state in
            defer {
                state.group = nil
                state.listener = nil
            }
            return (state.group, state.listener, Array(state.connections.values))
        }
        try? await listener?.close().get()
        for connection in connections { connection.close(promise: nil) }
        try? await group?.shutdownGracefully()
    }

    private func initialize(_ channel: any Channel) -> EventLoopFuture<Void> {
        let key = ObjectIdentifier(channel)
        let isWelcome = self.state.withLock { state in
            guard state.connections.count < Self.maxConnections else { return false }
            state.connections[key] = channel
            return true
        }
        guard isWelcome else { return channel.close() }
        channel.closeFuture.whenComplete { _ in
            self.state.withLock { $0.connections[key] = nil }
        }
        return channel.eventLoop.makeCompletedFuture {
            var limits = NIOHTTPDecoderLimitConfiguration()
            limits.maxHeaderListSize = Self.maxHeaderBytes
            limits.maxHeaderFieldSize = Self.maxHeaderBytes
            try channel.pipeline.syncOperations.configureHTTPServerPipeline(
                withEncoderConfiguration: .init(), withDecoderLimitConfiguration: limits)
            try channel.pipeline.syncOperations.addHandler(SideConnection(port: self))
        }
    }

    // MARK: - Routes

    /// What answers that path: at once, or as a task; nil if nothing does.
    enum Answer {
        case now(SideResponse)
        case later(Handler)
    }

    func answer(to request: SideRequest) -> Answer? {
        switch request.path {
        case "/livez", "/health":
            return .now(.text("alive"))
        case "/readyz":
            let report = self.readiness.report(verbose: request.parameter("verbose") != nil)
            return .now(.text(report.text, status: report.isReady ? 200 : 503))
        case "/metrics":
            let type = "text/plain; version=0.0.4; charset=utf-8"
            return .now(SideResponse(headers: [("content-type", type)], body: .bytes(Array(self.metrics.text().utf8))))
        default:
            let handler = self.state.withLock { state in
                state.routes.first { route in
                    route.prefix.hasSuffix("/") ? request.path.hasPrefix(route.prefix) : request.path == route.prefix
                }?.handler
            }
            return handler.map { .later($0) }
        }
    }
}

/// The side port's address cannot be had.
public struct SidePortUnavailable: Error, Sendable, CustomStringConvertible {
    /// What was to be listened on.
    public let host: String
    /// What was to be listened on.
    public let port: Int
    /// What the kernel says.
    public let reason: String

    /// For people.
    public var description: String { "cannot listen on \(self.host):\(self.port) for the side port: \(self.reason)" }
}
