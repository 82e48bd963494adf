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
              throughput emulated --agents 200 --slots 20
              throughput agent --width 1000 --json throughput.jsonl
            """,
        subcommands: [EmulatedCommand.self, AgentCommand.self, LoadCommand.self, ExecutorCommand.self])
}

/// What both take.
struct CommonOptions: ParsableArguments {
    @Option(help: "Windows that are measured, of which the median counts.") var runs = 5
    @Option(help: "Where the programs of the cluster are (default: beside this one).") var programs: String?
    @Option(help: "Add the figures to this file, a line of JSON.") var json: String?

    @Option(help: "Fail if a task takes more messages than that, on all links together.") var maxMessages: Double?
    @Option(help: "Fail if a task takes more bytes than that, on all links together.") var maxBytes: Double?

    var directory: URL { self.programs.map { URL(fileURLWithPath: $0) } ?? UpCluster.ownDirectory }

    func validate() throws {
        guard self.runs > 0 else { throw ValidationError("--runs is at least 1") }
    }
}

/// What was seen.
struct ThroughputReport: Codable, Sendable {
    /// One window.
    struct Run: Codable, Sendable {
        var tasks: Double
        var seconds: Double
        var offers: Double
        var figures: RoleFigures
        var rate: Double { self.tasks / self.seconds }
    }

    /// `emulated` or `agent`.
    var kind: String
    var agents: Int
    var frameworks: Int
    /// Tasks at once, at most.
    var window: Int
    var runs: [Run] = []
    /// Of a window of its own.
    var calls: Run?
    /// Messages a second that two processes exchange which do nothing else, as many at a time and as long.
    var loopback = 0.0
    var processors = ProcessInfo.processInfo.processorCount

    /// The run in the middle.
    private var median: Run { self.runs.sorted { $0.rate < $1.rate }[self.runs.count / 2] }

    /// Holds the run in the middle to what a task may take.
    func hold(to options: CommonOptions) throws {
        let run = self.median
        try run.figures.hold("task", run.tasks, toMessages: options.maxMessages, bytes: options.maxBytes)
    }

    /// Measures the reference, after the runs.
    mutating func addLoopback(connections: Int) throws {
        let figures = self.median.figures
        self.loopback = try RawLoopback.rate(
            connections: connections, batch: figures.batch, bytes: figures.bytes / max(1, figures.messages))
    }

    /// For people.
    var table: String {
        let run = self.median
        let messages = run.figures.messages / run.seconds
        let windows = self.runs.map { String(format: "%.0f", $0.rate) }.joined(separator: " ")
        var lines = [
            "\(self.kind): \(self.agents) agents, \(self.frameworks) frameworks, \(self.window) tasks at once, on "
                + "\(self.processors) processors",
            String(format: "  tasks/s: %.0f (windows: ", run.rate) + windows + ")",
            String(
                format: "  offers/s: %.0f, tasks per offer: %.1f", run.offers / run.seconds,
                run.tasks / max(1, run.offers)),
        ]
        lines += run.figures.lines(per: "task", run.tasks)
        if let calls { lines.append(calls.figures.callLine(per: "task", calls.tasks)) }
        lines.append(
            String(
                format: "  %.0f messages/s; bare loopback, %.0f at a time: %.0f; ratio %.3f", messages,
                run.figures.batch.rounded(), self.loopback, messages / max(1, self.loopback)))
        return lines.joined(separator: "\n")
    }
}
