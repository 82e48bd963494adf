import ArgumentParser
import EmulatedCluster
import TestSupport

/// `scale`: how long a task waits in a full cluster, by number of agents.
@main
struct Scale: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scale", abstract: "Measure the overhead of a probe task in a full cluster of emulated agents.",
        subcommands: [RunCommand.self, LoadCommand.self], defaultSubcommand: RunCommand.self)
}
