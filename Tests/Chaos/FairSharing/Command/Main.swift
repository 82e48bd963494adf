import ArgumentParser
import FairSharing
import Foundation
import Model
import TestSupport

/// `five-frameworks`: shows on real processes that sharing is fair while allocators die.
@main
struct FiveFrameworks: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "five-frameworks",
        abstract: "Share a cluster of real processes between five greedy frameworks, and kill its allocators.",
        subcommands: [RunTrial.self, RunExecutor.self], defaultSubcommand: RunTrial.self)
}

/// The trial itself.
struct RunTrial: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Share a cluster of real processes between five greedy frameworks, and kill its allocators.",
        discussion: """
            Starts a master, relays, allocators and agents on this machine with 'meseta up', and five frameworks of weights 1 to 5
            that launch tasks of 0.1 CPUs wherever they are offered any. Tasks are timers in one executor per framework and
            agent. Allocators are killed at random moments and come back a random time later. Exits with 1 if shares over the
            second half are off by 0.02 or more, if something free stood beside demand for a second, if an agent was
            over-committed, or if anything is missing when the tasks have ended.

            EXAMPLES
              swift build -c release && .build/release/five-frameworks --seconds 120 --seed 7 --plot shares.svg
            """)

    @Option(help: "How long allocators are killed; shares are averaged over the second half.") var seconds = 120
    @Option(help: "What chance is drawn from.") var seed: UInt64 = 7
    @Option(help: "Agents; each runs one executor of each framework.") var agents = 15
    @Option(help: "Tasks that fit on an agent.") var slots = 100
    @Option(help: "Allocators.") var allocators = 3
    @Option(help: "Seconds that a task runs on average; from half to one and a half of it.") var taskSeconds = 10.0
    @Option(help: "Write the shares over time to this file, as SVG.") var plot: String?
    @Option(help: "Where the programs of the cluster are (default: beside this one).") var programs: String?
    @Flag(help: "Keep the cluster's directory with its logs.") var keep = false

    func validate() throws {
        guard self.seconds >= 4, self.agents > 0, self.slots > 0, self.allocators > 0, self.taskSeconds > 0 else {
            throw ValidationError("all numbers are above 0, and --seconds is at least 4")
        }
    }

    private var plan: SharingPlan {
        var plan = SharingPlan(seed: self.seed)
        plan.duration = .seconds(self.seconds)
        plan.window = .milliseconds(self.seconds * 500)
        plan.agents = self.agents
        plan.slotsPerAgent = self.slots
        plan.allocators = self.allocators
        plan.taskMilliseconds = Int64(self.taskSeconds * 500)...Int64(self.taskSeconds * 1500)
        return plan
    }

    func run() async throws {
        let plan = self.plan
        let directory = self.programs.map { URL(fileURLWithPath: $0) } ?? UpCluster.ownDirectory
        print("five-frameworks --seed \(self.seed): starting \(plan.agents) agents, \(plan.allocators) allocators")
        UpCluster.endAllOnSignals()
        let cluster = try RealCluster(plan: plan, programs: directory)
        defer { cluster.stop(keepingFiles: self.keep) }
        let live = try await LiveTrial(plan: plan, cluster: cluster)
        let report = try await live.run()
        print(report.text)
        if let plot { try Self.picture(of: report).write(toFile: plot, atomically: true, encoding: .utf8) }
        if self.keep { print("logs: \(cluster.cluster.directory.path)") }
        if !report.problems.isEmpty { throw ExitCode(1) }
    }

    /// Shares over time; of many looks a few per pixel are enough.
    private static func picture(of report: SharingReport) -> String {
        let stride = max(1, report.curve.count / 1200)
        let kept = report.curve.enumerated().filter { $0.offset % stride == 0 }.map(\.element)
        let series = report.rows.enumerated().map { index, row in
            LinePlot.Series(
                "weight \(Int(row.weight))", kept.map { (x: $0.seconds, y: $0.shares[index]) }, target: row.due)
        }
        var plot = LinePlot(
            title: "Shares of five frameworks while allocators are killed", xLabel: "seconds",
            yLabel: "part of the cluster",
            series: series)
        plot.marks = report.strikes.map(\.at.asSeconds)
        plot.marksLabel = "a kill"
        return plot.svg
    }
}
