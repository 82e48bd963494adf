public import Model
public import NIOCore
internal import NIOPosix

/// Looks at a task from the agent: whether its port answers.
public enum NetworkProbe {
    /// Whether something accepts a connection.
    ///
    /// - Parameter timeout: Zero: as long as the kernel tries.
    /// - Returns: `connected`, `failed` or `timedOut`; never fails.
    public static func connect(
        port: UInt16, isIPv6: Bool, timeout: Duration, on loop: any EventLoop
    ) -> EventLoopFuture<ProbeResult> {
        Attempt(port: port, isIPv6: isIPv6, timeout: timeout, on: loop).run { promise in
            ConnectHandler(promise)
        }
    }

    /// What GET answers; redirects are answers like others.
    ///
    /// - Parameter timeout: Until the status of the answer is there; zero: no bound.
    /// - Returns: `answered`, `failed` or `timedOut`; never fails.
    public static func get(_ http: Probe.HTTP, timeout: Duration, on loop: any EventLoop) -> EventLoopFuture<
        ProbeResult
    > {
        let host = http.isIPv6 ? "[::1]" : "127.0.0.1"
        let path = http.path.isEmpty ? "/" : http.path
        let request =
            "GET \(path) HTTP/1.1\r\nHost: \(host):\(http.port)\r\nUser-Agent: meseta-agent\r\n"
            + "Accept: */*\r\nConnection: close\r\n\r\n"
        return Attempt(port: UInt16(clamping: http.port), isIPv6: http.isIPv6, timeout: timeout, on: loop)
            .run { promise in GetHandler(request, promise) }
    }
}

/// One connection to a task, for one look.
private struct Attempt {
    let address: SocketAddress?
    let timeout: Duration
    let loop: any EventLoop

    init(port: UInt16, isIPv6: Bool, timeout: Duration, on loop: any EventLoop) {
        self.address = try? SocketAddress(ipAddress: isIPv6 ? "::1" : "127.0.0.1", port: Int(port))
        self.timeout = timeout
        self.loop = loop
    }

    func run(
        _ handler: @escaping @Sendable (EventLoopPromise<ProbeResult>) -> any ChannelHandler
    ) -> EventLoopFuture<ProbeResult> {
        guard let address else { return self.loop.makeSucceededFuture(.failed("it has no address")) }
        let promise = self.loop.makePromise(of: ProbeResult.self)
        let bound = self.timeout > .zero ? TimeAmount.nanoseconds(self.timeout.nanoseconds) : nil
        let connection = ClientBootstrap(group: self.loop)
            // A little more than ours, which tells what it was.
            .connectTimeout(bound.map { $0 + .seconds(1) } ?? .hours(1))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(handler(promise))
                }
            }
            .connect(to: address)
        connection.whenFailure { promise.succeed(.failed("it does not connect: \($0)")) }
        let alarm = bound.map { self.loop.scheduleTask(in: $0) { promise.succeed(.timedOut) } }
        promise.futureResult.whenComplete { _ in
            alarm?.cancel()
            connection.whenSuccess { $0.close(promise: nil) }
        }
        return promise.futureResult
    }
}

/// Is content with the connection.
private final class ConnectHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let promise: EventLoopPromise<ProbeResult>

    init(_ promise: EventLoopPromise<ProbeResult>) { self.promise = promise }

    func channelActive(context: ChannelHandlerContext) { self.promise.succeed(.connected) }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { self.promise.succeed(.failed("\(error)")) }
}

/// Asks, and reads the first line of the answer.
private final class GetHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
    private let request: String
    private let promise: EventLoopPromise<ProbeResult>
    private var answer: Bytes = []
    private static let longestLine = 1024

    init(_ request: String, _ promise: EventLoopPromise<ProbeResult>) {
        self.request = request
        self.promise = promise
    }

    func channelActive(context: ChannelHandlerContext) {
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(string: self.request)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard self.answer.count < Self.longestLine else { return }
        self.answer += self.unwrapInboundIn(data).readableBytesView.prefix(Self.longestLine - self.answer.count)
        guard self.answer.contains(0x0a) || self.answer.count == Self.longestLine else { return }
        self.promise.succeed(Self.status(in: self.answer).map { .answered($0) } ?? .failed("its answer is not HTTP"))
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.promise.succeed(.failed("it closed the connection without an answer"))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.promise.succeed(.failed("\(error)"))
        context.close(promise: nil)
    }

    /// Of `HTTP/1.1 200 OK`.
    private static func status(in answer: Bytes) -> UInt32? {
        let line = answer.prefix { $0 != 0x0a && $0 != 0x0d }
        let words = line.split(separator: 0x20, maxSplits: 2)
        guard words.count >= 2, words[0].starts(with: Array("HTTP/1.".utf8)), words[1].count == 3 else { return nil }
        return UInt32(String(decoding: words[1], as: UTF8.self))
    }
}
