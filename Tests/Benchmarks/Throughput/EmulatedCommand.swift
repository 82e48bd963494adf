import ArgumentParser
import EmulatedCluster
import Foundation
import TestSupport

/// `throughput emulated`: services, SDK and codecs are real; agents are emulated, and write nothing.
struct EmulatedCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "emulated", abstract: "No-op tasks through emulated agents, which write nothing to disk.",
        discussion: """
            One master, one allocator, relays and emulated agents, each a process or many in one; schedulers of the SDK in a process \
            beside. They launch on every slot that they are offered, so that all slots are in use or on their way.
            """)

    @OptionGroup var common: CommonOptions
    @Option(help: "Emulated agents.") var agents = 200
    @Option(help: "Tasks that fit on an agent.") var slots = 20
    @Option(help: "Schedulers.") var frameworks = 4
    @Option(help: "Length of a window in seconds.") var seconds = 5.0
    @Option(help: "Seconds before the first window.") var settle = 3.0
    @Flag(help: "Leave the logs of the cluster where they are.") var keepLogs = false

    func validate() throws {
        guard self.agents > 0, self.slots > 0, self.frameworks > 0, self.seconds > 0 else {
            throw ValidationError("--agents, --slots, --frameworks and --seconds are above 0")
        }
    }

    func run() async throws {
        UpCluster.endAllOnSignals()
        let cluster = try EmulatedCluster(
            .init(agents: self.agents, resources: "cpus:\(self.slots);mem:\(32 * self.slots)"), named: "throughput",
            programs: self.common.directory)
        defer { cluster.stop(keepingFiles: self.keepLogs) }
        try await cluster.wait(seconds: 120, for: "all agents registered") { cluster.registered == self.agents }
        let load = try LoadProcess([
            "--frameworks", "\(self.frameworks)", "--master", cluster.live.master, "--slot", "cpus:1;mem:32",
            "--command", "wait 0",
        ])
        defer { load.stop() }
        try await cluster.wait(seconds: 60, for: "all frameworks registered") {
            load.last?.registered == self.frameworks
        }
        try await Task.sleep(for: .seconds(self.settle))
        var report = ThroughputReport(
            kind: "emulated", agents: self.agents, frameworks: self.frameworks, window: self.agents * self.slots)
        for _ in 1...self.common.runs { report.runs.append(try await self.window(cluster, load)) }
        report.calls = try await self.window(cluster, load, countsCalls: true)
        if let problem = load.last?.problem { throw TestFailure("a task did not finish: \(problem)") }
        try report.addLoopback(connections: self.frameworks)
        try self.common.tell(report)
    }

    private func window(
        _ cluster: EmulatedCluster, _ load: LoadProcess, countsCalls: Bool = false
    ) async throws -> ThroughputReport.Run {
        let watch = RoleWatch(cluster.watched + [.init("frameworks", pid: load.pid)], countsCalls: countsCalls)
        let first = try await load.now()
        try await Task.sleep(for: .seconds(self.seconds))
        let last = try await load.now()
        return ThroughputReport.Run(
            tasks: Double(last.finished - first.finished), seconds: (last.at ?? 0) - (first.at ?? 0),
            offers: Double(last.offers - first.offers), figures: watch.finish())
    }
}
