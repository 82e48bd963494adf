import ArgumentParser
import Frames
import Model
import RelayCore
import Runtime
import ZooKeeper

/// `meseta-relay`: flags and wiring.
@main
struct RelayCommand: DaemonCommand {
    static let configuration = daemonConfiguration(
        "meseta-relay", abstract: "The agents' door: joins them to the leading master and their updates to schedulers.")
    static let role = PeerRole.relay
    static let defaultPort = 5052
    static let defaultSidePort = 5062

    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var relay: RelayOptions

    func validate() throws {
        if try ElectionURL(text: self.daemon.election) == .none, self.relay.master == nil {
            throw ValidationError("a relay finds the master by --election zk://..., or by --master host:port")
        }
    }

    func start(_ services: DaemonServices) async throws {
        let options = self.relay
        let election = try ElectionURL(text: self.daemon.election)
        services.readiness.set("master", problem: "no leading master is connected")
        services.node.admit = { _ in .failure(Refusal(.shuttingDown, "this relay is starting")) }
        let address = try await services.listen()
        let name = self.daemon.name ?? address
        try await services.eventLoop.submit {
            let state = RelayState(settings: options.settings(name: name, address: address))
            let host = RelayHost(state, services)
            host.serve()
            host.follow(
                election, as: name, masters: (options.master ?? "").split(separator: ",").map(String.init),
                relays: (options.relay ?? "").split(separator: ",").map(String.init))
        }.get()
    }
}
