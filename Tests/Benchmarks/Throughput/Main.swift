import ArgumentParser
import EmulatedCluster
import Foundation
import TaskStreams
import TestSupport

/// `throughput`: how many tasks that do nothing a cluster runs in a second.
@main
struct Throughput: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "throughput", abstract: "Measure how many no-op tasks a second are launched, run and reported.",
        discussion: """
            A task counts when its scheduler has heard RUNNING and FINISHED. Each of both is a message of its own to the scheduler's code \
            and acknowledged; `agent` has each on disk before it is sent. Everything is on this machine: the processors that it \
            has are what bounds the figures, so the costs of each role stand beside them. System calls are counted with perf in \
            a window of their own.

            EXAMPLES
              throughput emulated --agents 200 --slots 20 --json throughput.jsonl
              throughput agent --width 1000 --json throughput.jsonl --plot throughput.svg
            """,
        subcommands: [EmulatedCommand.self, AgentCommand.self, LoadCommand.self, ExecutorCommand.self])
}

/// What both take.
struct CommonOptions: ParsableArguments {
    @Option(help: "Windows that are measured, of which the median counts.") var runs = 5
    @Option(help: "Where the programs of the cluster are (default: beside this one).") var programs: String?
    @Option(help: "Add the figures to this file, a line of JSON.") var json: String?
    @Option(
        help: """
            Draw what a task takes of a processor, by role, into this file, as SVG: of this run, and of the last one of the other \
            kind that --json has.
            """)
    var plot: String?

    @Option(help: "Fail if a task takes more messages than that, on all links together.") var maxMessages: Double?
    @Option(help: "Fail if a task takes more bytes than that, on all links together.") var maxBytes: Double?

    var directory: URL { self.programs.map { URL(fileURLWithPath: $0) } ?? UpCluster.ownDirectory }

    func validate() throws {
        guard self.runs > 0 else { throw ValidationError("--runs is at least 1") }
    }

    /// Tells what was seen, in each way that is wanted, and holds it to what a task may take.
    func tell(_ report: ThroughputReport) throws {
        print(report.table)
        if let json { try JSONLines.append(report, to: json) }
        if let plot {
            let reports = try json.map { try JSONLines.read(ThroughputReport.self, from: $0) } ?? [report]
            try ThroughputReport.plot(reports).svg.write(toFile: plot, atomically: true, encoding: .utf8)
        }
        try report.hold(to: self)
    }
}
