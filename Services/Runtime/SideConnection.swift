internal import Logging
internal import NIOCore
internal import NIOHTTP1

/// One connection to the side port: a request, its answer, the next request.
final class SideConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let port: SidePort
    private var head: HTTPRequestHead?
    /// The task that writes the answer.
    private var answering: Task<Void, Never>?
    private var idle: Scheduled<Void>?
    /// Bytes sent and taken by the kernel since the last look.
    private var queuedAtLastLook = 0

    init(port: SidePort) { self.port = port }

    func channelActive(context: ChannelHandlerContext) {
        self.watch(context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.idle?.cancel()
        self.answering?.cancel()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .head(let head):
            self.idle?.cancel()
            self.idle = nil
            self.head = head
        case .body:
            return  // A GET's body means nothing.
        case .end:
            guard let head = self.head else { return }
            self.head = nil
            self.answer(head, context)
        }
    }

    // MARK: - Answers

    private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard head.method == .GET || head.method == .HEAD else {
            var response = SideResponse.text("only GET and HEAD", status: 405)
            response.headers.append(("allow", "GET, HEAD"))
            self.send(response, to: head, context)
            return
        }
        let headers = head.headers.map { (name: $0.name, value: $0.value) }
        guard let request = SideRequest(target: head.uri, headers: headers) else {
            self.send(.text("the path cannot be read", status: 400), to: head, context)
            return
        }
        switch self.port.answer(to: request) {
        case nil:
            self.send(.text("nothing is at \(request.path)", status: 404), to: head, context)
        case .now(let response):
            self.send(response, to: head, context)
        case .later(let handler):
            self.run(handler, request, head, context)
        }
    }

    private func run(
        _ handler: @escaping SidePort.Handler, _ request: SideRequest, _ head: HTTPRequestHead,
        _ context: ChannelHandlerContext
    ) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let loop = context.eventLoop
        let logger = self.port.logger
        self.answering = Task {
            let response: SideResponse
            do { response = try await handler(request) } catch let error as OpenFile.Problem where error.isMissing {
                response = .text("nothing is at \(request.path)", status: 404)
            } catch {
                logger.warning(
                    "Side port could not answer",
                    metadata: [LogKey.path: "\(request.path)", LogKey.error: "\(error)"])
                response = .text("\(error)", status: 500)
            }
            if Task.isCancelled { return }
            loop.execute {
                let (connection, context) = bound.value
                connection.send(response, to: head, context)
            }
        }
    }

    private func send(_ response: SideResponse, to head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        self.answering = nil
        guard context.channel.isActive else { return }
        var headers = HTTPHeaders(response.headers.map { ($0.name, $0.value) })
        var length: Int?
        switch response.body {
        case .bytes(let bytes): length = bytes.count
        case .stream(let known, _): length = known
        }
        if let length { headers.replaceOrAdd(name: "content-length", value: "\(length)") }
        let isKept = head.isKeepAlive && (length != nil || head.version == .http1_1)
        if !isKept { headers.replaceOrAdd(name: "connection", value: "close") }
        let status = HTTPResponseStatus(statusCode: response.status)
        context.write(
            self.wrapOutboundOut(.head(HTTPResponseHead(version: head.version, status: status, headers: headers))),
            promise: nil)
        switch response.body {
        case .bytes(let bytes):
            if head.method != .HEAD {
                context.write(self.wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: bytes)))), promise: nil)
            }
            self.finish(isKept: isKept, context)
        case .stream(_, let write):
            guard head.method != .HEAD else { return self.finish(isKept: isKept, context) }
            self.stream(write, isKept: isKept, context)
        }
    }

    private func stream(
        _ write: @escaping @Sendable (BodyWriter) async throws -> Void, isKept: Bool, _ context: ChannelHandlerContext
    ) {
        context.flush()
        self.watch(context)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let loop = context.eventLoop
        let writer = BodyWriter(channel: context.channel)
        self.answering = Task {
            var isWhole = true
            do { try await write(writer) } catch { isWhole = false }
            let ended = isWhole
            loop.execute {
                let (connection, context) = bound.value
                connection.answering = nil
                guard context.channel.isActive else { return }
                // A body that breaks off must not look whole, so the connection ends without its last chunk.
                if ended { connection.finish(isKept: isKept, context) } else { context.close(promise: nil) }
            }
        }
    }

    private func finish(isKept: Bool, _ context: ChannelHandlerContext) {
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(self.wrapOutboundOut(.end(nil))).assumeIsolated().whenComplete { _ in
            if !isKept { bound.value.close(promise: nil) }
        }
        self.watch(context)
    }

    // MARK: - Idleness

    /// Closes the connection if for a minute no request comes, or what is sent is not taken.
    private func watch(_ context: ChannelHandlerContext) {
        self.idle?.cancel()
        self.queuedAtLastLook = 0
        self.look(context)
    }

    private func look(_ context: ChannelHandlerContext) {
        let loop = context.eventLoop.assumeIsolated()
        self.idle = loop.scheduleTask(in: self.port.idleTimeout) { [weak self] () -> Void in
            guard let self, context.channel.isActive else { return }
            let queued = (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
            let isStuck = queued > 0 && queued == self.queuedAtLastLook
            if isStuck || (self.answering == nil && queued == 0) { return context.close(promise: nil) }
            self.queuedAtLastLook = queued
            self.look(context)
        }
    }
}
