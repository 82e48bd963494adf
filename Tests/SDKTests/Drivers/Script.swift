import Frames
import Logging
import Messages
import Model
import NIOCore
import NIOPosix
import Synchronization

@testable import MesetaSDK

/// The other end of a driver, as a test writes it: a real listener on loopback that hands over what comes.
final class Script<Received: WireMessage & Sendable>: @unchecked Sendable {  // Peers are touched on `node.loop`.
    /// What a driver did.
    enum Input: Sendable {
        case connected(Hello)
        case received(Received)
        case disconnected
    }

    let node: Node
    private(set) var port = 0
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private var inputs: AsyncStream<Input>.AsyncIterator
    private let stream: AsyncStream<Input>.Continuation
    private var peer: Peer?

    var address: String { "127.0.0.1:\(self.port)" }

    /// - Parameter admit: What callers are answered.
    init(
        as role: PeerRole, epoch: Epoch = 1, admit: @escaping @Sendable (Hello) -> Refusal? = { _ in nil }
    ) async throws {
        let (inputs, stream) = AsyncStream.makeStream(of: Input.self)
        self.inputs = inputs.makeAsyncIterator()
        self.stream = stream
        self.node = Node(
            settings: NodeSettings(role: role, name: "script"), eventLoop: self.group.next(),
            logger: Logger(label: "script", factory: { _ in SwiftLogNoOpLogHandler() }))
        self.node.admit = { hello in
            if let refusal = admit(hello) { return .failure(refusal) }
            var welcome = Welcome(role: role, name: "script")
            welcome.epoch = epoch
            return .success(welcome)
        }
        self.node.onConnected = { peer in
            self.peer = peer
            if let hello = peer.hello { stream.yield(.connected(hello)) }
        }
        self.node.onMessage = { (_, bytes, arena) throws(MessageError) in
            stream.yield(.received(try Received(message: bytes, in: arena)))
        }
        self.node.onDisconnected = { _, _ in stream.yield(.disconnected) }
        self.port = try await self.node.listen(host: "127.0.0.1", port: 0)
    }

    /// The next thing that the driver did; nil if it did nothing for 10 s.
    func next() async -> Input? {
        let waited = Task {
            try await Task.sleep(for: .seconds(10))
            self.stream.finish()
        }
        defer { waited.cancel() }
        return await self.inputs.next()
    }

    /// The next message of the driver; what else it did before is skipped.
    func message() async -> Received? {
        while let input = await self.next() {
            if case .received(let message) = input { return message }
        }
        return nil
    }

    /// How the next connection introduced itself; what else was done before is skipped.
    func hello() async -> Hello? {
        while let input = await self.next() {
            if case .connected(let hello) = input { return hello }
        }
        return nil
    }

    /// Waits for the end of the connection.
    func disconnected() async -> Bool {
        while let input = await self.next() {
            if case .disconnected = input { return true }
        }
        return false
    }

    /// What is sent together arrives together.
    func send<Message: WireMessage & Sendable>(_ messages: Message...) {
        self.node.loop.execute { for message in messages { self.peer?.send(message) } }
    }

    func hangUp() {
        self.node.loop.execute { self.peer?.close() }
    }

    func close() async {
        await self.node.close()
        try? await self.group.shutdownGracefully()
    }
}

typealias MasterScript = Script<SchedulerCall>
typealias AgentScript = Script<ExecutorCall>

extension Script where Received == SchedulerCall {
    /// Answers SUBSCRIBE.
    func accept(
        _ id: FrameworkID = "1-F1", epoch: UInt64 = 1, counter: UInt64 = 1, relays: [RelayInfo] = []
    ) {
        self.send(
            SchedulerEvent.subscribed(
                .init(
                    frameworkID: id, heartbeatInterval: .seconds(15),
                    master: MasterInfo(id: "m", address: self.address), relays: relays,
                    subscription: subscription(epoch, counter))))
    }
}

/// What a scheduler was told, for a test to look at.
actor Recorder: Scheduler {
    enum Told: Hashable, Sendable {
        case registered(FrameworkID)
        case reregistered
        case disconnected
        case offers([Offer])
        case status(TaskStatus)
        case message(Bytes)
        case error(String)
    }

    /// Has an element for each registration, the first and those after it.
    nonisolated let registrations: AsyncStream<Void>
    private let registration: AsyncStream<Void>.Continuation
    private let told: AsyncStream<Told>
    private let stream: AsyncStream<Told>.Continuation
    private let onOffers: @Sendable (SchedulerDriver, [Offer]) -> Void
    private let onStatus: @Sendable (SchedulerDriver, TaskStatus) async -> Void

    init(
        onOffers: @escaping @Sendable (SchedulerDriver, [Offer]) -> Void = { _, _ in },
        onStatus: @escaping @Sendable (SchedulerDriver, TaskStatus) async -> Void = { _, _ in }
    ) {
        (self.told, self.stream) = AsyncStream.makeStream(of: Told.self)
        (self.registrations, self.registration) = AsyncStream.makeStream(of: Void.self)
        self.onOffers = onOffers
        self.onStatus = onStatus
    }

    /// All it was told once the driver has ended.
    func all() async -> [Told] {
        self.stream.finish()
        var all: [Told] = []
        for await one in self.told { all.append(one) }
        return all
    }

    func registered(_ driver: SchedulerDriver, _ framework: FrameworkID, _ master: MasterInfo) {
        self.stream.yield(.registered(framework))
        self.registration.yield()
    }

    /// Waits until the driver has registered, or registered again since the last wait.
    nonisolated func isRegistered() async { for await _ in self.registrations { return } }

    func reregistered(_ driver: SchedulerDriver, _ master: MasterInfo) {
        self.stream.yield(.reregistered)
        self.registration.yield()
    }
    func disconnected(_ driver: SchedulerDriver) { self.stream.yield(.disconnected) }
    func resourceOffers(_ driver: SchedulerDriver, _ offers: [Offer]) {
        self.stream.yield(.offers(offers))
        self.onOffers(driver, offers)
    }
    func statusUpdate(_ driver: SchedulerDriver, _ status: TaskStatus) async {
        self.stream.yield(.status(status))
        await self.onStatus(driver, status)
    }
    func frameworkMessage(
        _ driver: SchedulerDriver, _ data: Bytes, from executor: ExecutorID, on agent: AgentID
    ) { self.stream.yield(.message(data)) }
    func error(_ driver: SchedulerDriver, _ message: String) { self.stream.yield(.error(message)) }
}
