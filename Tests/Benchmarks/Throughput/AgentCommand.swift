import ArgumentParser
import Foundation
import TaskStreams
import TestSupport

/// `throughput agent`: everything is real, and each status is on disk before it is sent.
struct AgentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agent", abstract: "No-op tasks through one agent with one executor.",
        discussion: """
            One master, allocator, relay and agent; one scheduler, in this process; one executor, which the agent starts once and which \
            ends each task as soon as it is told of it. The agent's directory is made below TMPDIR, whose file system matters.
            """)

    @OptionGroup var common: CommonOptions
    @Option(help: "Tasks in a window.") var tasks = 50_000
    @Option(help: "Tasks at once, at most.") var width = 1000
    @Option(
        help: """
            Tasks launched on one offer, at most; what is left of it is offered again. With fewer than all, some tasks are launched \
            while others run and are told of, so that nobody waits for the slowest.
            """)
    var part = 250
    @Option(help: "As meseta-agent takes it.") var isolation = "processes"
    @Flag(help: "Callbacks of scheduler and executor stay on the threads of their drivers.") var inline = false

    func validate() throws {
        guard self.tasks > 0, self.width > 0, self.part > 0 else {
            throw ValidationError("--tasks, --width and --part are above 0")
        }
    }

    func run() async throws {
        UpCluster.endAllOnSignals()
        let cluster = try await TaskCluster(
            isolation: self.isolation, width: self.width, part: self.part,
            work: .nothing(isInline: self.inline), programs: self.common.directory)
        defer { cluster.stop() }
        _ = try await cluster.run(min(self.tasks, 5 * self.width))
        var report = ThroughputReport(kind: "agent", agents: 1, frameworks: 1, window: self.width)
        for _ in 1...self.common.runs { report.runs.append(try await self.window(cluster)) }
        report.calls = try await self.window(cluster, countsCalls: true)
        try report.addLoopback(connections: 1)
        try self.common.tell(report)
    }

    private func window(_ cluster: TaskCluster, countsCalls: Bool = false) async throws -> ThroughputReport.Run {
        let watch = RoleWatch(cluster.watched, countsCalls: countsCalls)
        let outcome = try await cluster.run(self.tasks)
        return ThroughputReport.Run(
            tasks: Double(outcome.finished), seconds: outcome.elapsed / .seconds(1), offers: Double(outcome.offers),
            figures: watch.finish())
    }
}
