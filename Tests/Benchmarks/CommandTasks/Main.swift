import ArgumentParser
import Foundation
import TaskStreams
import TestSupport

/// `command-tasks`: what it costs to run processes as tasks.
@main
struct CommandTasks: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "command-tasks", abstract: "Run many short command tasks on one agent, and measure.",
        discussion: """
            EXAMPLES
              swift build -c release && .build/release/command-tasks rate
              .build/release/command-tasks latency --isolation processes
              .build/release/command-tasks starts --image /images/busybox --io-limit read-iops=100000
              .build/release/command-tasks remains --tasks 10000 --plot memory.svg
            """,
        subcommands: [
            RateCommand.self, LatencyCommand.self, StartsCommand.self, RemainsCommand.self, ExecutorCommand.self,
        ],
        defaultSubcommand: RateCommand.self)
}

/// What all of them take.
struct CommonOptions: ParsableArguments {
    @Option(
        name: .customLong("isolation"), parsing: .upToNextOption,
        help: "As meseta-agent takes it; several are measured one after the other.")
    var isolations = ["processes", "cgroups"]
    @Option(help: "What each task runs, without arguments.") var program = "/bin/true"
    @Option(help: "Where the programs of the cluster are (default: beside this one).") var programs: String?
    @Option(help: "Add the figures to this file, a line of JSON for each isolation.") var json: String?

    var directory: URL { self.programs.map { URL(fileURLWithPath: $0) } ?? UpCluster.ownDirectory }
}
