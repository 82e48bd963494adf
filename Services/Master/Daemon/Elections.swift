import Frames
import Logging
import Messages
import Model
import Runtime
import ZooKeeper

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What an election tells its master.
enum ElectionChange: Sendable {
    case lead(Epoch)
    case stepDown(reason: String)
    /// host:port of the leader, if there is one and it is another.
    case leader(String?)
    /// host:port of all masters, the leader first.
    case masters([String])
}

/// One of the ways to become the leader.
protocol Election: Sendable {
    /// Begins, on the host's loop; what comes of it is told to the host there.
    func start()
    /// Somebody has seen a leadership above ours: contend anew, above it.
    func higherEpochSeen(_ epoch: Epoch)
    /// Gives up what is held, so that the next leader need not wait.
    func stop() async
}

/// Where the leader is elected, as `--election` and `--dir` say.
enum ElectionKind: Sendable {
    case alone(EpochFile)
    case zooKeeper(servers: String, path: String)

    /// - Throws: What is wrong with the flags, or with the directory.
    init(_ options: DaemonOptions) throws {
        switch try ElectionURL(text: options.election) {
        case .zooKeeper(let servers, let path): self = .zooKeeper(servers: servers, path: path)
        case .none:
            guard let directory = options.dir else {
                throw Unusable(description: "--election none keeps the master's epoch on disk: give it a --dir")
            }
            try Self.makeDirectory(directory)
            self = .alone(try EpochFile(directory: directory))
        }
    }

    /// Why no election can be held.
    struct Unusable: Error, CustomStringConvertible {
        let description: String
    }

    private static func makeDirectory(_ path: String) throws {
        var prefix = path.hasPrefix("/") ? "" : "."
        for part in path.split(separator: "/") {
            prefix += "/\(part)"
            guard mkdir(prefix, 0o755) == 0 || errno == EEXIST else {
                throw Unusable(description: "cannot make \(prefix): \(String(cString: strerror(errno)))")
            }
        }
    }

    /// On the host's loop.
    func makeElection(_ host: MasterHost, _ options: MasterOptions) -> any Election {
        switch self {
        case .alone(let file): LoneElection(host, file)
        case .zooKeeper(let servers, let path): ZooKeeperElection(host, servers: servers, path: path, options)
        }
    }
}

/// One master, which leads at once.
///
/// Its epoch is a file.
final class LoneElection: Election, @unchecked Sendable {  // State is confined to the host's loop.
    private unowned let host: MasterHost
    private let file: EpochFile
    private var seen = Epoch.none

    init(_ host: MasterHost, _ file: EpochFile) {
        self.host = host
        self.file = file
    }

    func start() { self.lead() }

    func higherEpochSeen(_ epoch: Epoch) {
        self.seen = max(self.seen, epoch)
        self.host.services.eventLoop.execute { self.lead() }
    }

    private func lead() {
        do {
            let epoch = try self.file.raise(above: self.seen, from: .origin(at: self.host.services.clock.now))
            self.host.changed(.lead(epoch))
        } catch {
            self.host.services.logger.error(
                "Cannot lead without an epoch; trying again", metadata: [LogKey.reason: "\(error)"])
            self.host.services.eventLoop.scheduleTask(in: .seconds(1)) { self.lead() }
        }
    }

    func stop() async {}
}

/// Masters that contend through ZooKeeper.
final class ZooKeeperElection: Election, @unchecked Sendable {  // State is confined to the host's loop.
    private let group: GroupHost
    private let watcher: Watcher

    /// What the group says goes to the host, on its loop.
    private final class Watcher: @unchecked Sendable {
        unowned let host: MasterHost
        let own: MemberInfo
        var witness: Witness?

        init(_ host: MasterHost, own: MemberInfo) {
            self.host = host
            self.own = own
        }

        func changed(_ change: GroupHost.Change) {
            switch change {
            case .lead(let epoch): self.host.changed(.lead(epoch))
            case .stepDown(let reason): self.host.changed(.stepDown(reason: reason))
            case .leaderChanged(let leader):
                let other = leader == self.own ? nil : leader
                self.host.changed(.leader(other?.address))
                self.witness?.watch(other)
            case .membersChanged(let members): self.host.changed(.masters(members.map(\.address)))
            }
        }
    }

    init(_ host: MasterHost, servers: String, path: String, _ options: MasterOptions) {
        let services = host.services
        let own = MemberInfo(
            name: services.name, address: services.advertisedAddress ?? "",
            incarnation: services.node.settings.incarnation)
        let watcher = Watcher(host, own: own)
        let guid = own.incarnation.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        let group = GroupHost(
            servers: servers, path: path, group: .masters, candidate: own, guid: guid,
            sessionTimeout: options.sessionTimeout.duration, codec: ProtobufCodec(), logger: services.logger,
            clock: { [clock = services.clock] in clock.now }
        ) { change in
            services.eventLoop.execute { watcher.changed(change) }
        }
        if options.takeover == .witness {
            watcher.witness = Witness(
                services.node, name: services.name, services.logger,
                epochSeen: { group.higherEpochSeen($0) }, isDead: { group.deathWitnessed(incarnation: $0) })
        }
        self.group = group
        self.watcher = watcher
    }

    func start() { self.group.start() }

    func higherEpochSeen(_ epoch: Epoch) { self.group.higherEpochSeen(epoch) }

    func stop() async { await self.group.stop() }
}
