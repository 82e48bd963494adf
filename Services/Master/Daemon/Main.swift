import ArgumentParser
import Frames
import MasterCore
import Messages
import Model
import Runtime

/// `meseta-master`: flags and wiring.
@main
struct MasterCommand: DaemonCommand {
    static let configuration = daemonConfiguration(
        "meseta-master", abstract: "Knows a cluster's agents, frameworks and tasks, and offers what is free.")
    static let role = PeerRole.master
    static let defaultPort = 5050
    static let defaultSidePort = 5060

    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var master: MasterOptions

    func start(_ services: DaemonServices) async throws {
        let options = self.master
        if let path = options.policyFile { _ = try PolicyWatch.check(path: path) }
        let where_ = try ElectionKind(self.daemon)
        services.readiness.set("leader", problem: "no leader is known yet")
        services.node.admit = { _ in .failure(Refusal(.notLeader, "This master is starting")) }
        let address = try await services.listen()
        let settings = options.settings(heartbeatInterval: self.daemon.heartbeatInterval.duration)
        try await services.eventLoop.submit {
            var system = SystemRandomNumberGenerator()
            let key = (0..<4).map { _ in system.next() as UInt64 }
            let state = MasterState(
                settings: settings, codec: ProtobufCodec(), generator: SeededGenerator(key: key), name: services.name,
                address: address)
            let host = MasterHost(state, services)
            host.serve()
            if let path = options.policyFile {
                host.follow(PolicyWatch(path: path, eventLoop: services.eventLoop, logger: services.logger))
            }
            host.contend(in: where_, options)
        }.get()
    }
}
