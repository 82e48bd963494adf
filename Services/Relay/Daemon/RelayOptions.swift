import ArgumentParser
import Model
import RelayCore
import Runtime

/// The flags of a relay beside those of every daemon: they name the settings of its core.
struct RelayOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Masters, where there is no election.", valueName: "host:port,..."))
    var master: String?

    @Option(
        help: ArgumentHelp(
            "Other relays, where there is no election: agents are sent there while only those reach a master.",
            valueName: "host:port,..."))
    var relay: String?

    @Option(help: ArgumentHelp("Agents that may be connected; one more is sent to another relay.", valueName: "count"))
    var maxAgents = RelaySettings(name: "").maxAgents

    @Option(
        help: ArgumentHelp(
            "Unacknowledged statuses held for a framework; the rest waits at agents.", valueName: "bytes"))
    var heldBytes = ByteCountFlag(RelaySettings(name: "").heldBytesPerFramework)

    func validate() throws {
        guard self.maxAgents >= 1 else { throw ValidationError("--max-agents is at least 1") }
        guard self.heldBytes.bytes >= 1 << 10 else { throw ValidationError("--held-bytes is at least 1KiB") }
    }

    /// The settings that these flags make.
    func settings(name: String, address: String) -> RelaySettings {
        var settings = RelaySettings(name: name, address: address)
        settings.maxAgents = self.maxAgents
        settings.heldBytesPerFramework = self.heldBytes.bytes
        return settings
    }
}
