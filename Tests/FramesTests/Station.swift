import Frames
import Logging
import Messages
import Model
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// All tests with sockets, one at a time: some block a thread while they read.
@Suite("Frames on TCP", .serialized)
enum FramesOnTCP {}

/// A node on a loop of its own, and what has happened to it.
final class Station: Sendable {
    struct Record: Sendable {
        var connected: [String] = []
        var disconnected: [Disconnect] = []
        var messages: [Bytes] = []
        var undecodable = 0
        var batches = 0
        var dialEvents: [DialEvent] = []
        var names: [String] = []
    }

    let node: Node
    let record = Mutex(Record())
    let logs: LogCollector
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    /// Living peers in order of arrival; on the loop only.
    private let peers: NIOLoopBoundBox<[Peer]>

    init(
        _ role: PeerRole, name: String = "station", secret: Secret? = nil,
        change: (inout NodeSettings) -> Void = { _ in }
    ) {
        var settings = NodeSettings(role: role, name: name, secret: secret)
        settings.backoffMin = .milliseconds(10)
        settings.backoffMax = .milliseconds(100)
        settings.credentialsBackoff = .milliseconds(100)
        change(&settings)
        let loop = self.group.next()
        let logs = LogCollector()
        self.logs = logs
        self.node = Node(settings: settings, eventLoop: loop, logger: Logger(label: name) { _ in logs.handler })
        self.peers = .makeBoxSendingValue([], eventLoop: loop)
        self.node.admit = { _ in .success(Welcome(role: role, name: name)) }
        self.node.onConnected = { [unowned self] peer in
            self.peers.value.append(peer)
            self.record.withLock {
                $0.connected.append(peer.name)
                $0.names.append("\(peer)")
            }
        }
        self.node.onDisconnected = { [unowned self] peer, _ in
            self.peers.value.removeAll { $0 === peer }
            self.record.withLock { $0.disconnected.append(peer.disconnect!) }
        }
        self.node.onMessage = { [unowned self] _, bytes, _ throws(MessageError) in
            self.record.withLock { $0.messages.append(Bytes(bytes)) }
        }
        self.node.onUndecodable = { [unowned self] _, _ in self.record.withLock { $0.undecodable += 1 } }
        self.node.onBatchEnd = { [unowned self] in self.record.withLock { $0.batches += 1 } }
    }

    var now: Record { self.record.withLock { $0 } }

    func listen(host: String = "127.0.0.1") async throws -> Int { try await self.node.listen(host: host, port: 0) }

    /// Closes the node, and ends its thread.
    func close() async {
        await self.node.close()
        try? await self.group.shutdownGracefully()
    }

    func onLoop<T: Sendable>(_ body: @escaping @Sendable (Station) throws -> T) async throws -> T {
        try await self.node.loop.submit { try body(self) }.get()
    }

    func withPeer<T: Sendable>(_ body: @escaping @Sendable (Peer) -> T) async throws -> T {
        try await self.onLoop { body(try #require($0.peers.value.first)) }
    }

    func dial(_ addresses: [String], as role: PeerRole, change: @escaping @Sendable (inout Hello) -> Void = { _ in })
        async throws
    {
        try await self.onLoop { station in
            _ = station.node.dial(
                as: {
                    var hello = Hello(role: role, name: station.node.settings.name)
                    change(&hello)
                    return hello
                },
                candidates: { addresses }
            ) { [unowned station] event in station.record.withLock { $0.dialEvents.append(event) } }
        }
    }

    /// Waits until it is so; fails the test after ten seconds.
    func until(
        _ what: String, _ location: SourceLocation = #_sourceLocation, _ isSo: (Record) -> Bool
    ) async throws {
        for _ in 0..<2000 {
            if isSo(self.now) { return }
            try await Task.sleep(for: .milliseconds(5))
        }
        Issue.record("never happened: \(what); \(self.now)", sourceLocation: location)
        throw CancellationError()
    }
}

/// Runs a test with stations that are closed afterwards, whatever happens, so no listener outlives it.
func withStations(_ stations: Station..., test: () async throws -> Void) async throws {
    let result: Result<Void, any Error>
    do { result = .success(try await test()) } catch { result = .failure(error) }
    for station in stations { await station.close() }
    try result.get()
}

/// Keeps what is logged.
final class LogCollector: Sendable {
    private let lines = Mutex<[String]>([])

    var handler: any LogHandler { Handler(collector: self) }

    var all: [String] { self.lines.withLock { $0 } }

    private struct Handler: LogHandler {
        let collector: LogCollector
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.debug

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { self.metadata[key] }
            set { self.metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let facts = (event.metadata ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            let line = "\(event.level) \(event.message) \(facts.joined(separator: " "))"
            self.collector.lines.withLock { $0.append(line) }
        }
    }
}
