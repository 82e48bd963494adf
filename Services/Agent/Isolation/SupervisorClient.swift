internal import Logging
internal import Messages
internal import Model
internal import NIOCore
internal import NIOPosix
#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// The connection to the supervisor of one framework.
///
/// Starts the supervisor where there is none, again and again.
///
/// Confined to its event loop. It keeps nothing that was not delivered: each connection begins with the supervisor's
/// snapshot, from which the owner sees what to say again.
final class SupervisorClient {
    let directory: SupervisorDirectory
    private let settings: ContainerizerSettings
    private let cgroups: [String]
    private let eventLoop: any EventLoop
    private let pool: NIOThreadPool
    private let logger: Logger
    private let onEvent: (SupervisorEvent) -> Void
    private let onEnd: () -> Bool
    private let arena = MessageArena()

    private var stage = Stage.idle
    private var outgoing: Bytes = []
    private var isFlushScheduled = false
    private var pause: Duration

    private enum Stage {
        case idle
        /// A start, a connection attempt or a pause is under way.
        case connecting
        /// Leaves for `connecting` when the connection ends.
        case connected(any Channel)
        /// For good.
        case closed
    }

    /// What the supervisor says goes to `onEvent`; `onEnd` is asked whether a connection that ended is to be
    /// followed by another.
    init(
        _ directory: SupervisorDirectory, settings: ContainerizerSettings, cgroups: [String], eventLoop: any EventLoop,
        pool: NIOThreadPool, logger: Logger, onEvent: @escaping (SupervisorEvent) -> Void,
        onEnd: @escaping () -> Bool
    ) {
        self.directory = directory
        self.settings = settings
        self.cgroups = cgroups
        self.eventLoop = eventLoop
        self.pool = pool
        self.logger = logger
        self.onEvent = onEvent
        self.onEnd = onEnd
        self.pause = settings.retryMin
    }

    var isConnected: Bool { if case .connected = self.stage { true } else { false } }

    /// Reaches the supervisor, starting it if it does not run.
    func connect() {
        guard case .idle = self.stage else { return }
        self.stage = .connecting
        self.start()
    }

    private func start() {
        let directory = self.directory, settings = self.settings, cgroups = self.cgroups
        let done = self.pool.runIfActive(eventLoop: self.eventLoop) {
            Result { () throws(IsolationError) in
                try directory.start(
                    settings.supervisorPath, cgroups: cgroups, patience: settings.supervisorPatience)
            }
        }
        let this = NIOLoopBound(self, eventLoop: self.eventLoop)
        done.whenComplete { result in
            let this = this.value
            guard case .connecting = this.stage else { return }
            switch result.flatMap({ $0.mapError { $0 as any Error } }) {
            case .success: this.open()
            case .failure(let error): this.tryAgain("Cannot start a supervisor", "\(error)")
            }
        }
    }

    private func open() {
        // By way of an open directory, since a socket's address is no longer than 107 bytes.
        let directory: Descriptor
        do throws(SystemError) {
            directory = try Descriptor(opening: self.directory.path, O_RDONLY | O_DIRECTORY)
        } catch {
            return self.tryAgain("Cannot reach a supervisor", "\(error)")
        }
        let descriptor = directory.release()
        let this = NIOLoopBound(self, eventLoop: self.eventLoop)
        let loop = self.eventLoop
        let bootstrap = ClientBootstrap(group: loop).channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(SupervisorHandler(this.value))
            }
        }
        bootstrap.connect(unixDomainSocketPath: "/proc/self/fd/\(descriptor)/socket").hop(to: loop).whenComplete {
            result in
            _ = Descriptor(owning: descriptor)
            let this = this.value
            switch (result, this.stage) {
            case (.success(let channel), .closed): channel.close(promise: nil)
            case (.success, _): break  // `activated` has told.
            case (.failure(let error), .connecting): this.tryAgain("Cannot reach a supervisor", "\(error)")
            case (.failure, _): break
            }
        }
    }

    private func tryAgain(_ what: Logger.Message, _ reason: String) {
        self.logger.warning(
            what,
            metadata: [
                LogKey.frameworkID: "\(self.directory.frameworkID)", LogKey.error: "\(reason)",
                LogKey.pause: "\(self.pause)",
            ])
        self.stage = .connecting
        let this = NIOLoopBound(self, eventLoop: self.eventLoop)
        self.eventLoop.scheduleTask(in: .nanoseconds(self.pause.nanoseconds)) {
            guard case .connecting = this.value.stage else { return }
            this.value.start()
        }
        self.pause = min(self.pause * 2, self.settings.retryMax)
    }

    /// Says something, if there is a connection; what is said in one turn of the loop goes out at once.
    func send(_ command: SupervisorCommand) {
        guard case .connected = self.stage else { return }
        Delimited.append(command, to: &self.outgoing, in: self.arena)
        self.arena.reset()
        guard !self.isFlushScheduled else { return }
        self.isFlushScheduled = true
        let this = NIOLoopBound(self, eventLoop: self.eventLoop)
        self.eventLoop.execute { this.value.flush() }
    }

    private func flush() {
        self.isFlushScheduled = false
        guard case .connected(let channel) = self.stage else {
            self.outgoing.removeAll()
            return
        }
        channel.writeAndFlush(ByteBuffer(bytes: self.outgoing), promise: nil)
        self.outgoing.removeAll(keepingCapacity: self.outgoing.count < 64 << 10)
    }

    /// Leaves the supervisor, which lives on.
    func close() {
        self.flush()
        let former = self.stage
        // Before the connection ends, which is told at once, and would have the supervisor started again.
        self.stage = .closed
        if case .connected(let channel) = former { channel.close(promise: nil) }
    }

    // MARK: - What the handler says

    fileprivate func received(_ message: UnsafeRawBufferPointer) throws(MessageError) {
        if case .closed = self.stage { return }
        let event = try SupervisorEvent(message: message, in: self.arena)
        self.arena.reset()
        if case .snapshot = event { self.pause = self.settings.retryMin }
        self.onEvent(event)
    }

    fileprivate func activated(_ channel: any Channel) {
        if case .connecting = self.stage { self.stage = .connected(channel) } else { channel.close(promise: nil) }
    }

    fileprivate func disconnected(_ reason: String) {
        guard case .connected = self.stage else { return }
        self.outgoing.removeAll()
        guard self.onEnd() else {
            self.stage = .closed
            return
        }
        self.stage = .connecting
        if reason.isEmpty { self.start() } else { self.tryAgain("A supervisor's connection broke", reason) }
    }
}

/// Takes frames apart and hands them to the client.
private final class SupervisorHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let client: SupervisorClient
    private var pending = ByteBuffer()
    private var failure = ""

    init(_ client: SupervisorClient) { self.client = client }

    func channelActive(context: ChannelHandlerContext) { self.client.activated(context.channel) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var read = self.unwrapInboundIn(data)
        if self.pending.readableBytes == 0 { self.pending = read } else { self.pending.writeBuffer(&read) }
        do {
            let used = try self.pending.withUnsafeReadableBytes { bytes in
                var offset = 0
                while let range = try Delimited.next(in: bytes, at: &offset, limit: 64 << 20) {
                    if !range.isEmpty { try self.client.received(UnsafeRawBufferPointer(rebasing: bytes[range])) }
                }
                return offset
            }
            self.pending.moveReaderIndex(forwardBy: used)
            if self.pending.readableBytes == 0 { self.pending.clear() } else { self.pending.discardReadBytes() }
        } catch {
            self.failure = "\(error)"
            context.close(promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.failure = "\(error)"
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { self.client.disconnected(self.failure) }
}
