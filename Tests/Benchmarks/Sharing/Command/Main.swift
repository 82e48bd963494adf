import ArgumentParser

/// `sharing`: the paper's four workloads on one cluster, and on a quarter each.
@main
struct Sharing: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sharing",
        abstract: "Run the paper's four workloads on a shared cluster and on static partitions of it.",
        subcommands: [RunCommand.self, LiveCommand.self, CalibrateCommand.self], defaultSubcommand: RunCommand.self)
}
