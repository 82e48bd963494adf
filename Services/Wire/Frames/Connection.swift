internal import Logging
internal import Messages
internal import Model
internal import NIOCore

/// One TCP connection: frames in, frames out, from the first byte to the last.
///
/// The one handler of its channel. Frames are parsed in place from each read; what is sent during a loop turn is gathered
/// in one buffer and flushed once.
///
/// Where a side ends a connection it says why, in whatever language the link is spoken, with a last frame that no message
/// can be mistaken for: no protobuf message begins with a zero byte, since zero is no field number.
///
///     | length | 0x00 | Answer{refusal} as in handshake.proto |
///
/// Before the welcome the called side sends the bare `Answer{refusal}` instead. After its last frame a side shuts down its
/// sending half and throws away what still comes, so that the reason is not lost in a reset, for at most a second.
final class Connection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// The first byte of the frame that says why a connection ends.
    static let closingByte: UInt8 = 0
    /// The longest answer to a hello: it may list relays.
    ///
    /// Bytes.
    private static let answerBytes = 64 << 10
    /// Above this the frames of a loop turn leave before its end.
    private static let flushBytes = 1 << 20
    /// How long a side that has said its last word waits for the other to end.
    private static let linger = TimeAmount.seconds(1)

    let node: Node
    /// What this connection is for; nil if the other side called.
    let attempt: DialAttempt?
    /// Where it stands in its node's list.
    var listIndex = -1
    var stage: HandshakeStage
    private(set) var peer: Peer?
    /// Nil until the handshake is done.
    private var traffic: Traffic?
    /// Of `output`, what ends the handshake: the welcome leaves with the first messages.
    private var handshakeBytes = 0
    /// The handshake was done, whether or not the connection is still there.
    private(set) var wasOpen = false

    /// When frames came and went last, by the node's coarse clock.
    private(set) var lastReceived: NIODeadline
    private(set) var lastSent: NIODeadline
    /// Heartbeats are due this often, and three of the other side's must be missing before it counts as dead.
    private(set) var heartbeatInterval: TimeAmount
    private(set) var silenceLimit: TimeAmount?

    private(set) var context: ChannelHandlerContext?
    private(set) var remoteAddress: String
    private var reader = FrameReader()
    private var frameLimit: Int
    private var sendLimit: Int
    private var output = ByteBuffer()
    private var isGathering = false
    private var hasDelivered = false
    private var deadline: Scheduled<Void>?
    private var end: Disconnect?
    private var undecodable = 0

    init(node: Node, attempt: DialAttempt?) {
        self.node = node
        self.attempt = attempt
        self.stage = attempt == nil ? .awaitingHello : .connecting
        self.frameLimit = attempt == nil ? node.settings.maxHandshakeFrameBytes : Self.answerBytes
        self.sendLimit = node.settings.maxFrameBytes
        self.lastReceived = node.coarseNow
        self.lastSent = node.coarseNow
        self.heartbeatInterval = TimeAmount(node.settings.heartbeatInterval)
        self.remoteAddress = attempt?.address ?? ""
    }

    // MARK: - Channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { self.begin(context) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.ended()
        self.context = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        self.begin(context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.ended()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if case .closing = self.stage {} else if self.end == nil { self.end = Disconnect(error: error) }
        context.close(promise: nil)
    }

    /// The other side will send nothing more, so the connection is of no use any more, whatever it would still take.
    ///
    /// The channel allows half-closure so that the socket is still there to be asked what it was: NIO has used up the
    /// error that would have told.
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .some(.inputClosed) = event as? ChannelEvent else { return }
        if self.end == nil, let state = try? context.channel.syncOptions?.getOption(Node.tcpInfo) {
            self.end = state & 0xFF == Node.tcpClosed ? .reset : .ended
        }
        context.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if self.stage == .closing { return }
        self.lastReceived = self.node.coarseNow
        self.unwrapInboundIn(data).withUnsafeReadableBytes { bytes in
            if let traffic = self.traffic {
                traffic.reads.add(1)
                traffic.bytesReceived.add(bytes.count)
            }
            self.consume(bytes)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if self.hasDelivered {
            self.hasDelivered = false
            self.node.onBatchEnd()
        }
    }

    private func begin(_ context: ChannelHandlerContext) {
        guard self.listIndex < 0 else { return }
        if let attempt, !attempt.adopt(self) {
            self.stage = .closing
            context.close(promise: nil)
            return
        }
        if self.attempt == nil {
            self.remoteAddress = context.remoteAddress.map(Node.text(of:)) ?? "unknown"
        }
        self.node.add(self)
        let timeout = TimeAmount(self.node.settings.handshakeTimeout)
        self.deadline = self.node.isolated.scheduleTask(in: timeout) { self.handshakeTimedOut() }
        if let attempt = self.attempt {
            self.sayHello(for: attempt)
        } else if self.node.acceptedConnections > self.node.settings.maxConnections {
            self.refuse(Refusal(.full, "\(self.node.settings.maxConnections) connections are open, which is the limit"))
        }
    }

    private func handshakeTimedOut() {
        guard self.peer == nil, self.stage != .closing else { return }
        let seconds = self.node.settings.handshakeTimeout.asSeconds
        self.finish(
            Disconnect(.silent, "the handshake took longer than \(seconds) s"),
            telling: self.attempt == nil ? Refusal(.malformed, "the handshake took longer than \(seconds) s") : nil)
    }

    // MARK: - Receiving

    private func consume(_ bytes: UnsafeRawBufferPointer) {
        if self.stage == .awaitingHello, !self.reader.holdsPartialFrame, WebAnswer.isRequest(bytes) {
            self.answerBrowser()
            return
        }
        var offset = 0
        do throws(FrameProblem) {
            if self.reader.holdsPartialFrame {
                guard let frame = try self.reader.complete(from: bytes, offset: &offset, limit: self.frameLimit) else {
                    return
                }
                frame.withUnsafeReadableBytes { self.received($0) }
            }
            while self.stage != .closing {
                guard case .frame(let range) = try FrameReader.step(bytes, at: offset, limit: self.frameLimit) else {
                    break
                }
                offset = range.upperBound
                self.received(UnsafeRawBufferPointer(rebasing: bytes[range]))
            }
            if self.stage != .closing, offset < bytes.count {
                self.reader.keep(UnsafeRawBufferPointer(rebasing: bytes[offset...]))
            }
        } catch {
            self.malformed("\(error)")
        }
    }

    @inline(__always)
    private func received(_ frame: UnsafeRawBufferPointer) {
        guard let peer = self.peer, self.stage == .open else {
            self.handshake(frame)
            return
        }
        guard let first = frame.first else { return }  // A heartbeat.
        if first == Self.closingByte {
            self.receivedClosing(UnsafeRawBufferPointer(rebasing: frame.dropFirst()))
            return
        }
        self.hasDelivered = true
        self.traffic?.messagesReceived.add(1)
        do throws(MessageError) {
            try self.node.onMessage(peer, frame, self.node.readingArena)
        } catch {
            self.undecodable += 1
            self.node.undecodable(peer, error, count: self.undecodable)
        }
        self.node.readingArena.reset()
    }

    private func receivedClosing(_ answer: UnsafeRawBufferPointer) {
        defer { self.node.readingArena.reset() }
        do throws(MessageError) {
            guard case .refusal(let refusal) = try HandshakeAnswer(message: answer, in: self.node.readingArena) else {
                self.malformed("a closing frame without a refusal")
                return
            }
            self.finish(Disconnect(.refused, "\(refusal)", refusal: refusal), telling: nil)
        } catch {
            self.malformed("\(error)")
        }
    }

    /// What came is no frame, or not what belongs here: this connection ends, no other is touched.
    func malformed(_ reason: String) {
        let refusal = Refusal(.malformed, reason)
        self.finish(Disconnect(.malformed, reason, refusal: refusal), telling: refusal)
    }

    /// Somebody has pointed a browser here: the words of a refusal, in the language that it understands.
    private func answerBrowser() {
        self.gather()
        self.output.writeBytes(WebAnswer.bytes)
        self.finish(Disconnect(.malformed, "an HTTP request, on a port that speaks frames"), telling: nil)
    }

    // MARK: - Sending

    func send(_ message: some WireMessage) -> Bool {
        let packed = message.packed(in: self.node.writingArena)
        defer { self.node.writingArena.reset() }
        guard self.mayClaim(packed.size) else { return false }
        self.gather()
        self.output.writeFrame(packed.size) { packed.pack(into: $0) }
        self.traffic?.messagesSent.add(1)
        self.flushIfLong()
        return true
    }

    func send(encoded bytes: UnsafeRawBufferPointer) -> Bool {
        guard self.mayClaim(bytes.count) else { return false }
        self.gather()
        self.output.writeFrame(bytes.count) { $0.copyMemory(from: bytes.baseAddress!, byteCount: bytes.count) }
        self.traffic?.messagesSent.add(1)
        self.flushIfLong()
        return true
    }

    func sendHeartbeat() {
        self.gather()
        self.output.writeFrame(0) { _ in }
    }

    private func mayClaim(_ size: Int) -> Bool {
        guard size > self.sendLimit else { return true }
        self.node.logger.error(
            "Message not sent: longer than the other side takes",
            metadata: self.metadata([FrameLogKey.bytes: "\(size)", FrameLogKey.limitBytes: "\(self.sendLimit)"]))
        return false
    }

    /// Sees to it that what is written to `output` leaves at the end of this loop turn.
    @inline(__always)
    private func gather() {
        if self.isGathering { return }
        self.isGathering = true
        self.output = self.node.takeBuffer()
        self.node.flushLater(self)
    }

    @inline(__always)
    private func flushIfLong() {
        if self.output.readableBytes > Self.flushBytes { self.flush() }
    }

    /// Hands what was gathered to the kernel, or as much as it takes now.
    func flush() {
        guard self.isGathering, let context = self.context else { return }
        self.isGathering = false
        let frames = self.output
        self.output = ByteBuffer()
        guard frames.readableBytes > 0 else { return self.node.give(back: frames) }
        self.lastSent = self.node.coarseNow
        if let traffic = self.traffic, frames.readableBytes > self.handshakeBytes {
            traffic.writes.add(1)
            traffic.bytesSent.add(frames.readableBytes - self.handshakeBytes)
        }
        self.handshakeBytes = 0
        context.writeAndFlush(self.wrapOutboundOut(frames), promise: nil)
        self.node.give(back: frames)
        if self.stage == .open, !context.channel.isWritable, self.queuedBytes > self.node.settings.queueLimitBytes {
            let limit = self.node.settings.queueLimitBytes
            self.finish(
                Disconnect(.tooSlow, "more than \(limit) bytes wait for it to read"),
                telling: Refusal(.tooSlow, "more than \(limit) bytes waited to be read"))
        }
    }

    var queuedBytes: Int {
        let waiting = (try? self.context?.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
        return waiting + self.output.readableBytes
    }

    // MARK: - The ends of the handshake

    /// The handshake is done: what comes from now on are messages.
    func open(_ peer: Peer, frameLimit: Int, sendLimit: Int, interval: Duration, silenceLimit: Duration?) {
        self.deadline?.cancel()
        self.deadline = nil
        self.frameLimit = frameLimit
        self.sendLimit = sendLimit
        self.heartbeatInterval = TimeAmount(interval)
        self.silenceLimit = silenceLimit.map { TimeAmount($0) }
        self.stage = .open
        self.wasOpen = true
        self.peer = peer
        self.traffic = self.node.traffic(with: peer.role)
        self.handshakeBytes = self.output.readableBytes
        self.lastReceived = self.node.coarseNow
        self.node.watch(interval: interval)
        if let silenceLimit { self.node.watch(interval: silenceLimit / 3) }
        self.node.opened(self, peer)
    }

    /// Answers with a refusal instead of a welcome, and ends.
    func refuse(_ refusal: Refusal) {
        self.finish(Disconnect(.closedHere, "refused: \(refusal)", refusal: refusal), telling: refusal)
    }

    /// A process that was itself stopped cannot say who was silent meanwhile.
    func excuseSilence() {
        self.lastReceived = self.node.coarseNow
    }

    /// Ends the connection: after what was sent, and after the reason if one is to be told, has left.
    func finish(_ end: Disconnect, telling refusal: Refusal?) {
        guard self.stage != .closing else { return }
        self.stage = .closing
        self.reader.discard()
        self.deadline?.cancel()
        self.deadline = nil
        self.end = self.end ?? end
        self.node.report(end, of: self)
        self.notifyEnd(end)
        guard let context = self.context else { return }
        if let refusal, self.wasOpen || self.attempt == nil {
            var frame = self.wasOpen ? [Self.closingByte] : []
            frame += HandshakeAnswer.refusal(refusal).encoded()
            self.gather()
            self.output.writeFrame(frame.count) { target in
                frame.withUnsafeBytes { target.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
            }
        }
        switch end.kind {
        case .refused, .ended, .reset, .failed:
            self.flush()
            context.close(promise: nil)
        case .tooSlow, .malformed, .closedHere, .silent:
            self.flush()
            context.close(mode: .output, promise: nil)
            self.deadline = self.node.isolated.scheduleTask(in: Self.linger) { self.context?.close(promise: nil) }
        }
    }

    /// The channel is closed, whoever closed it.
    private func ended() {
        self.deadline?.cancel()
        self.deadline = nil
        if self.stage != .closing {
            if self.stage == .connecting { return }  // Never was a connection; the bootstrap says why.
            self.stage = .closing
            let end = self.end ?? .ended
            self.node.report(end, of: self)
            self.notifyEnd(end)
        }
        if self.listIndex >= 0 { self.node.remove(self) }
    }

    private func notifyEnd(_ end: Disconnect) {
        if let peer = self.peer {
            self.peer = nil
            peer.disconnected(end)
            self.node.closed(peer, end)
        }
        self.attempt?.ended(end)
    }

    /// Who this is, for a line in the log.
    func metadata(_ more: Logger.Metadata = [:]) -> Logger.Metadata {
        var metadata = more
        metadata[FrameLogKey.address] = "\(self.remoteAddress)"
        if let peer = self.peer {
            metadata[FrameLogKey.peer] = "\(peer.name)"
            metadata[FrameLogKey.peerRole] = "\(peer.role)"
        }
        return metadata
    }
}

/// The keys of what this module logs.
enum FrameLogKey {
    /// Where the other side is.
    static let address = "address"
    /// What the other side calls itself.
    static let peer = "peer"
    /// What the other side is.
    static let peerRole = "peer_role"
    /// What happened, for people.
    static let reason = "reason"
    /// How long something is.
    static let bytes = "bytes"
    /// How long it may be.
    static let limitBytes = "limit_bytes"
    /// How often it has happened.
    static let count = "count"
    /// The port listened on.
    static let port = "port"
}

extension TimeAmount {
    /// The same length of time.
    init(_ duration: Duration) { self = .nanoseconds(duration.nanoseconds) }
}
