public import ChaosCore
internal import Glibc
internal import Model
internal import NIOCore
internal import NIOPosix

/// A proxy on loopback: what is dialled at `host` goes to the same port of 127.0.0.1, under toxics.
public final class ToxicProxy: Sendable {
    /// Where proxies listen: the same port there and at 127.0.0.1 needs no table of ports.
    public static let host = "127.0.0.2"

    private let core: ProxyCore
    private let channel: any Channel

    /// Listens; returns when it does.
    ///
    /// - Throws: If the port of `host` is taken.
    public init(port: Int) throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let core = ProxyCore(port: port, loop: loop)
        self.core = core
        self.channel = try ServerBootstrap(group: loop)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { client in
                core.accepted(client)
                return client.eventLoop.makeSucceededVoidFuture()
            }
            .bind(host: Self.host, port: port).wait()
    }

    /// Adds a toxic, for connections that are there and those to come.
    public func add(_ toxic: ActiveToxic) { self.core.loop.execute { self.core.add(toxic) } }

    /// Takes all toxics away; what they hold back comes when it would have come.
    public func heal() { self.core.loop.execute { self.core.toxics = [] } }

    /// Closes all connections, and listens no more.
    public func close() {
        try? self.channel.close().wait()
        self.core.loop.execute { self.core.closeAll() }
    }
}

/// Confined to its event loop.
private final class ProxyCore: @unchecked Sendable {
    let loop: any EventLoop
    private let port: Int
    private let start: NIODeadline = .now()
    private var links: [ObjectIdentifier: Link] = [:]
    var toxics: [ActiveToxic] = []
    var chance = SeededGenerator(seed: 1)

    init(port: Int, loop: any EventLoop) { (self.port, self.loop) = (port, loop) }

    var now: Duration { .nanoseconds((NIODeadline.now() - self.start).nanoseconds) }

    func accepted(_ client: any Channel) {
        ClientBootstrap(group: self.loop).channelOption(.autoRead, value: false)
            .connect(host: "127.0.0.1", port: self.port)
            .whenComplete { result in
                guard case .success(let server) = result else { return client.close(promise: nil) }
                self.join(client, server)
            }
    }

    private func join(_ client: any Channel, _ server: any Channel) {
        let link = Link(client, server, core: self)
        let id = ObjectIdentifier(link)
        self.links[id] = link
        client.closeFuture.whenComplete { _ in self.links[id] = nil }
        do {
            try client.pipeline.syncOperations.addHandler(Pump(link, .upstream, to: server))
            try server.pipeline.syncOperations.addHandler(Pump(link, .downstream, to: client))
        } catch { return link.close() }
        for toxic in self.toxics { link.begin(toxic) }
        for channel in [client, server] { channel.setOption(.autoRead, value: true).whenFailure { _ in link.close() } }
    }

    func add(_ toxic: ActiveToxic) {
        self.toxics.append(toxic)
        for link in self.links.values { link.begin(toxic) }
    }

    func closeAll() { for link in self.links.values { link.close() } }
}

/// A connection through the proxy: both of its sockets.
private final class Link: @unchecked Sendable {
    let core: ProxyCore
    private let channels: [any Channel]
    /// Whom a toxic is for is decided once for each connection.
    private let dice: Double

    init(_ client: any Channel, _ server: any Channel, core: ProxyCore) {
        self.core = core
        self.channels = [client, server]
        self.dice = .random(in: 0..<1, using: &core.chance)
    }

    func toxics(_ stream: ActiveToxic.Stream) -> [Toxic] {
        self.core.toxics.filter { self.dice < $0.toxicity && $0.streams.contains(stream) }.map(\.toxic)
    }

    /// Does what a toxic does by itself, without a byte that passes.
    func begin(_ toxic: ActiveToxic) {
        guard self.dice < toxic.toxicity else { return }
        switch toxic.toxic {
        case .resetPeer(let delay): self.core.loop.scheduleTask(in: TimeAmount(delay)) { self.reset() }
        case .timeout(let delay) where delay > .zero:
            self.core.loop.scheduleTask(in: TimeAmount(delay)) { self.close() }
        case .timeout, .latency, .bandwidth, .slowClose, .slicer, .limitData: break
        }
    }

    func close() { for channel in self.channels { channel.close(promise: nil) } }

    /// Closes with RST instead of FIN.
    private func reset() {
        for channel in self.channels {
            guard let options = channel as? any SocketOptionProvider else { return channel.close(promise: nil) }
            options.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenComplete { _ in channel.close(promise: nil) }
        }
    }
}

/// One way of a connection.
private final class Pump: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer

    /// Held back bytes beyond this stop the reading.
    private static let most = 1 << 20

    private let link: Link
    private let way: ActiveToxic.Stream
    private let peer: any Channel
    private var stream = ToxicStream()
    /// What waits for its time, in order: nothing overtakes what is before it.
    private var waiting = CircularBuffer<(at: Duration, part: ByteBuffer)>()
    private var held = 0
    /// When the connection is to be closed, once nothing waits.
    private var end: Duration?
    private var isPaused = false
    /// Whether a timer will pass on what waits.
    private var isTimed = false
    private var source: (any Channel)?

    init(_ link: Link, _ way: ActiveToxic.Stream, to peer: any Channel) {
        (self.link, self.way, self.peer) = (link, way, peer)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = self.unwrapInboundIn(data)
        let core = self.link.core, toxics = self.link.toxics(self.way)
        for piece in self.stream.arrived(bytes.readableBytes, at: core.now, under: toxics, &core.chance) {
            guard let part = bytes.readSlice(length: piece.count) else { break }
            self.held += piece.count
            self.waiting.append((piece.at, part))
        }
        if self.stream.isExhausted(under: toxics) { self.end = self.stream.last }
        if self.held > Self.most, !self.isPaused {
            self.isPaused = true
            self.source = context.channel
            context.channel.setOption(.autoRead, value: false).whenFailure { _ in }
        }
        self.passOn()
    }

    /// Sends what is due, and comes back for the rest.
    private func passOn() {
        let now = self.link.core.now
        while let next = self.waiting.first, next.at <= now {
            self.waiting.removeFirst()
            self.held -= next.part.readableBytes
            self.peer.write(next.part, promise: nil)
        }
        self.peer.flush()
        if self.isPaused, self.held < Self.most / 2 {
            self.isPaused = false
            self.source?.setOption(.autoRead, value: true).whenFailure { _ in }
        }
        guard let due = self.waiting.first?.at ?? self.end else { return }
        guard due > now else { return self.peer.close(promise: nil) }
        guard !self.isTimed else { return }
        self.isTimed = true
        self.link.core.loop.scheduleTask(in: TimeAmount(due - now)) {
            self.isTimed = false
            self.passOn()
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.end = self.stream.ends(at: self.link.core.now, under: self.link.toxics(self.way))
        self.passOn()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
