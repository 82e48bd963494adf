import Logging
import Messages
import Model
import Runtime
import ZooKeeper

/// Where relays are found that no flag names: a short look at the coordination service, and another while none is connected.
struct DirectoryLookup: Sendable {
    /// Nil: the flags name the relays.
    private let servers: (hosts: String, path: String)?

    /// How long one look may take.
    private static let timeout: Duration = .seconds(5)
    /// Between two looks while no relay is connected.
    private static let pauseMin: Duration = .seconds(1)
    /// Bound of that, as it doubles.
    private static let pauseMax: Duration = .seconds(30)
    /// Between two checks that a relay is connected, while one is.
    private static let interval: Duration = .seconds(30)

    /// - Throws: `ElectionURL.Invalid`.
    init(_ election: String) throws {
        switch try ElectionURL(text: election) {
        case .none: self.servers = nil
        case .zooKeeper(let servers, let path): self.servers = (servers, path)
        }
    }

    /// Looks, for as long as the process lives.
    func begin(for host: AgentHost, _ services: DaemonServices) {
        guard let servers = self.servers else { return }
        let guid = services.node.settings.incarnation
            .map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        let task = Task {
            var pause = Self.pauseMin
            while !Task.isCancelled {
                let isAttached = try await services.eventLoop.submit { host.isAttached }.get()
                guard !isAttached else {
                    pause = Self.pauseMin
                    try await Task.sleep(for: Self.interval)
                    continue
                }
                let directory = await Directory.read(
                    servers: servers.hosts, path: servers.path, guid: guid, timeout: Self.timeout,
                    codec: ProtobufCodec(), logger: services.logger)
                let relays = directory.relays.map(\.address)
                try await services.eventLoop.submit { host.found(relays: relays) }.get()
                try await Task.sleep(for: pause)
                pause = min(pause * 2, Self.pauseMax)
            }
        }
        services.onStop { task.cancel() }
    }
}
