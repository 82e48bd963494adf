import Logging
import Messages
import Model
import NIOCore
import ZooKeeper

/// Knows where masters are: as the user said, or as ZooKeeper lists them.
///
/// It holds no session there: it looks when there is no master, and only then.
///
/// `stop` may be called from any thread; everything else happens on the event loop.
final class MasterFinder: @unchecked Sendable {  // All mutable state is confined to `loop`.
    /// How long one look may take.
    private static let patience: Duration = .seconds(3)
    /// Between two looks.
    private static let pause = TimeAmount.milliseconds(500)

    let address: MasterAddress
    /// host:port of each, the leader first.
    private(set) var candidates: [String] = []
    /// Called when they are others than before.
    var changed: () -> Void = {}

    private let loop: any EventLoop
    private let logger: Logger
    private let guid: String
    private var isLooking = false
    private var isStopped = false

    init(_ address: MasterAddress, loop: any EventLoop, logger: Logger) {
        self.address = address
        self.loop = loop
        self.logger = logger
        var generator = SystemRandomNumberGenerator()
        self.guid = String(generator.next(), radix: 16)
        if case .list(let addresses) = address { self.candidates = addresses }
    }

    func start() { self.look() }

    /// A connection to a master is gone: another one may lead.
    func lost() { self.look() }

    /// An address was tried in vain.
    func looked() { self.look() }

    func stop() { self.loop.execute { self.isStopped = true } }

    private func look() {
        guard case .zooKeeper(let servers, let path) = self.address, !self.isLooking, !self.isStopped else { return }
        self.isLooking = true
        let (guid, logger) = (self.guid, self.logger)
        Task {
            let found = await Directory.read(
                servers: servers, path: path, guid: guid, timeout: Self.patience, codec: ProtobufCodec(), logger: logger
            )
            self.loop.execute { self.found(found.masters.map(\.address)) }
        }
    }

    private func found(_ addresses: [String]) {
        // A look without result leaves what was known: a service out of reach is no reason to forget the masters.
        if !addresses.isEmpty, addresses != self.candidates {
            self.candidates = addresses
            self.changed()
        }
        self.loop.assumeIsolatedUnsafeUnchecked().scheduleTask(in: Self.pause) { [weak self] in
            guard let self else { return }
            self.isLooking = false
            if self.candidates.isEmpty { self.look() }
        }
    }
}
