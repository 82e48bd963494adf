import ArgumentParser
import EmulatedCluster
import Foundation
import MesetaSDK
import TestSupport

/// `recovery`: how long a cluster is without a master.
@main
struct Recovery: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recovery", abstract: "Kill the leading master again and again; measure until all is as before.",
        discussion: """
            Starts ZooKeeper (tick 2 s), masters, allocators, relays, emulators of agents, and schedulers that keep it full. A run is \
            over when all agents and frameworks are registered with another leader, and a task that it launched runs. The killed master is \
            started again before the next.

            EXAMPLES
              recovery --agents 4000 --runs 20 --plot recovery.svg
              recovery --expiry --json recovery.jsonl
              recovery --agents 100000 --frameworks 200 --mean 100 --runs 3
            """)

    @Option(help: "Emulated agents.") var agents = 4000
    @Option(help: "Schedulers.") var frameworks = 10
    @Option(help: "Kills.") var runs = 20
    @Option(help: "Masters; one leads.") var masters = 2
    @Option(help: "Allocators.") var allocators = 2
    @Option(help: "Relays (default: one for 12,500 agents, and two at least).") var relays: Int?
    @Flag(help: "Standbys wait for ZooKeeper to give the dead leader's session up, instead of seeing it die.")
    var expiry = false
    @Option(help: "Mean length of a task in seconds.") var mean = 30.0
    @Option(help: "Standard deviation of that.") var deviation = 10.0
    @Option(help: "Seconds of work between two kills.") var pause = 3.0
    @Option(help: "Where the programs of the cluster are (default: beside this one).") var programs: String?
    @Option(help: "Add the figures to this file, a line of JSON.") var json: String?
    @Option(help: "Draw the figures into this file, as SVG.") var plot: String?
    @Flag(help: "Leave the logs of the cluster where they are, as after a failure.") var keepLogs = false

    func validate() throws {
        guard self.masters >= 2, self.agents >= 1, self.frameworks >= 1, self.runs >= 1 else {
            throw ValidationError("--masters is at least 2, --agents, --frameworks and --runs at least 1")
        }
    }

    func run() async throws {
        UpCluster.endAllOnSignals()
        let takeover = self.expiry ? "session" : "witness"
        let cluster = try RecoveryCluster(
            .init(
                agents: self.agents, frameworks: self.frameworks, masters: self.masters, allocators: self.allocators,
                relays: self.relays ?? EmulatorFleet.relays(for: self.agents),
                command: "wait \(self.mean) \(self.deviation)"),
            takeover: takeover, programs: self.programs.map { URL(fileURLWithPath: $0) } ?? UpCluster.ownDirectory)
        var isWell = false
        defer { cluster.stop(keepingFiles: self.keepLogs || !isWell) }
        try await cluster.fill()
        var series = RecoverySeries(takeover: takeover, agents: self.agents, frameworks: self.frameworks)
        for run in 1...self.runs {
            try await Task.sleep(for: .seconds(self.pause))
            let times = try await cluster.killLeader()
            series.runs.append(times)
            Self.note("run \(run): \(Int((times.all * 1000).rounded())) ms")
        }
        print(series.table)
        if let memory = cluster.fleet.memoryPerAgentBytes {
            print("emulators: \(memory / 1024) KiB an agent, \(cluster.fleet.running) tasks run")
        }
        try self.write(series)
        // Four deviations above the mean there is hardly a task.
        try await self.judge(cluster.drain(within: 180 + self.mean + 4 * self.deviation))
        isWell = true
    }

    /// No task may have been lost on the way.
    private func judge(_ account: TaskAccount) throws {
        print(
            "tasks: \(account.launched) launched, \(account.finished) finished, \(account.neverStarted) said not to have started, "
                + "\(account.failures.count) ended otherwise")
        if let first = account.failures.first { throw TestFailure("a task did not finish: \(first)") }
    }

    private func write(_ series: RecoverySeries) throws {
        if let plot { try series.plot.svg.write(toFile: plot, atomically: true, encoding: .utf8) }
        if let json { try JSONLines.append(series, to: json) }
    }

    private static func note(_ text: String) {
        FileHandle.standardError.write(Data((text + "\n").utf8))
    }
}
