import ArgumentParser
import Foundation
import TestSupport

/// `limits`: shows that containers keep within their limits, and that their neighbours do not notice when one tries not to.
@main
struct Limits: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "limits", abstract: "Let tasks run against their limits, beside one that must not notice.",
        discussion: """
            A cluster of real processes with one agent. A neighbour with one core does the same small work all the time. Beside \
            it come, one after the other and several times each, tasks with half a core that fill their memory, compute with two \
            processes, make processes without end, and fill their disk. Needs root and control groups.

            EXAMPLES
              swift build -c release && .build/release/limits
              .build/release/limits --pinned
              .build/release/limits --short --max-loss 0.5
            """)

    @Flag(help: "Two short visits of each, for a quick look.") var short = false
    @Flag(help: "Give the neighbour a processor of its own, by the module cgroup-cpuset.") var pinned = false
    @Option(help: "The part of its work that the neighbour may lose.") var maxLoss = 0.1
    @Option(help: "By which part of its cpus a task that computes may be above them.") var cpuTolerance = 0.05
    @Option(help: "By which part it may be below: more than that where others load the machine.") var cpuShortfall =
        0.05
    @Option(help: "Seconds from the block above a disk quota to the status, at most.") var maxNotice = 2.0
    @Option(help: "Write the figures to this file, as JSON.") var json: String?
    @Option(help: "Where the programs of the cluster are (default: beside this one).") var programs: String?
    @Flag(help: "Keep the cluster's directory with its logs.") var keep = false

    func validate() throws {
        guard (0...1).contains(self.maxLoss), (0...1).contains(self.cpuTolerance),
            (0...1).contains(self.cpuShortfall)
        else {
            throw ValidationError("--max-loss, --cpu-tolerance and --cpu-shortfall are from 0 to 1")
        }
        guard self.maxNotice > 0, self.maxNotice < 3600 else {
            throw ValidationError("--max-notice is above 0, and less than an hour")
        }
    }

    func run() async throws {
        guard getuid() == 0 else { throw Failure("only root makes control groups: run it as root") }
        UpCluster.endAllOnSignals()
        let trial = try LimitsTrial(
            .init(
                visits: self.short ? 2 : 8, quiet: self.short ? .milliseconds(1000) : .seconds(3),
                visit: self.short ? .milliseconds(1500) : .seconds(3),
                processorVisit: self.short ? .seconds(2) : .seconds(12), loss: self.maxLoss,
                processorTolerance: self.cpuTolerance, processorShortfall: self.cpuShortfall,
                notice: .seconds(self.maxNotice), pinsNeighbour: self.pinned),
            programs: self.programs.map { URL(fileURLWithPath: $0) } ?? UpCluster.ownDirectory)
        defer { trial.stop(keepingFiles: self.keep) }
        let report = try await trial.run()
        print(report.text)
        if let json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            try encoder.encode(report).write(to: URL(fileURLWithPath: json))
        }
        if !report.isKept { throw ExitCode(1) }
    }
}
