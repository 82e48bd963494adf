import AllocatorCore
import ArgumentParser
import Frames
import Messages
import Model
import Runtime
import ZooKeeper

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// `meseta-allocator`: flags and wiring.
@main
struct AllocatorCommand: DaemonCommand {
    static let configuration = daemonConfiguration(
        "meseta-allocator", abstract: "Decides which framework is offered which agent's free resources.")
    static let role = PeerRole.allocator
    static let defaultPort = 0
    static let defaultSidePort = 5061

    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var allocator: AllocatorOptions

    func validate() throws {
        if try ElectionURL(text: self.daemon.election) == .none, self.allocator.master == nil {
            throw ValidationError("an allocator finds the master by --election zk://..., or by --master host:port")
        }
    }

    func start(_ services: DaemonServices) async throws {
        let options = self.allocator
        let election = try ElectionURL(text: self.daemon.election)
        // It has no port to be told apart by.
        let policy = options.shadow && !options.policyName.isEmpty ? "\(options.policyName)-" : ""
        let name = self.daemon.name ?? "\(policy)\(DaemonOptions.hostname())-\(getpid())"
        let settings = try options.settings(name: name)
        services.readiness.set("master", problem: "no leading master has told its facts")
        try await services.eventLoop.submit {
            let state = AllocatorState(settings: settings, codec: ProtobufCodec())
            let host = AllocatorHost(state, services)
            host.serve()
            host.follow(election, as: name, masters: (options.master ?? "").split(separator: ",").map(String.init))
        }.get()
    }
}
