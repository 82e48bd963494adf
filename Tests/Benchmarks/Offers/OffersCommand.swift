import ArgumentParser
import EmulatedCluster
import Foundation
import TestSupport

/// `offers run`.
struct OffersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Offers a second end to end, beside decisions a second of the allocator's core alone.",
        discussion: """
            Schedulers of the SDK, each with its own connections to master and relays and all in a process of their own, decline every \
            offer at once and for no time, so that it is made again to the next. The cluster is one master, one allocator, relays \
            and emulated agents, which have nothing to do. An offer counts when a scheduler's code was given it. Offers on the way \
            and in the frameworks' hands are as many as there are agents, at most. `decisions` takes the same decisions in the \
            allocator's core alone: no messages, no master, no frameworks.

            EXAMPLES
              offers --agents 1000 5000 --runs 3
              offers --frameworks 50 --json offers.jsonl --plot offers.svg
            """)

    @Option(parsing: .upToNextOption, help: "Numbers of emulated agents, measured one after the other.")
    var agents = [2000]
    @Option(help: "Schedulers.") var frameworks = 200
    @Option(help: "Windows that are measured, of which the median counts.") var runs = 5
    @Option(help: "Length of a window in seconds.") var seconds = 5.0
    @Option(help: "Seconds before the first window.") var settle = 3.0
    @Option(help: "Where the programs of the cluster are (default: beside this one).") var programs: String?
    @Option(help: "Add the figures to this file, a line of JSON for each number of agents.") var json: String?
    @Option(help: "Draw the figures into this file, as SVG.") var plot: String?
    @Option(help: "Fail if an offer takes more messages than that, on all links together.") var maxMessages: Double?
    @Option(help: "Fail if an offer takes more bytes than that, on all links together.") var maxBytes: Double?
    @Flag(help: "Leave the logs of the cluster where they are.") var keepLogs = false

    func validate() throws {
        guard !self.agents.isEmpty, self.agents.allSatisfy({ $0 > 0 }), self.frameworks > 0, self.runs > 0 else {
            throw ValidationError("--agents, --frameworks and --runs are at least 1")
        }
    }

    func run() async throws {
        UpCluster.endAllOnSignals()
        var reports: [OffersReport] = []
        for agents in self.agents {
            let report = try await self.measure(agents)
            print(report.table)
            reports.append(report)
            if let json { try JSONLines.append(report, to: json) }
            let run = report.median
            try run.figures.hold("offer", run.offers, toMessages: self.maxMessages, bytes: self.maxBytes)
        }
        if let plot { try OffersReport.plot(reports).svg.write(toFile: plot, atomically: true, encoding: .utf8) }
    }

    private func measure(_ agents: Int) async throws -> OffersReport {
        let programs = self.programs.map { URL(fileURLWithPath: $0) } ?? UpCluster.ownDirectory
        var report = OffersReport(agents: agents, frameworks: self.frameworks)
        report.decisions = try self.decisions(agents)
        let cluster = try EmulatedCluster(
            .init(agents: agents, resources: "cpus:4;mem:4096"), named: "offers", programs: programs)
        defer { cluster.stop(keepingFiles: self.keepLogs) }
        try await cluster.wait(seconds: 300, for: "\(agents) agents registered") { cluster.registered == agents }
        let frameworks = try LineProcess<OfferLine>(
            UpCluster.ownProgram,
            ["decline", "--frameworks", "\(self.frameworks)", "--master", cluster.live.master])
        defer { frameworks.stop() }
        try await cluster.wait(seconds: 60, for: "all frameworks registered") {
            try await self.now(frameworks).registered == self.frameworks
        }
        try await Task.sleep(for: .seconds(self.settle))
        for _ in 1...self.runs { report.runs.append(try await self.window(cluster, frameworks)) }
        report.calls = try await self.window(cluster, frameworks, countsCalls: true)
        if let problem = frameworks.lines.last?.problem { throw TestFailure("a framework: \(problem)") }
        try report.addLoopback()
        return report
    }

    private func window(
        _ cluster: EmulatedCluster, _ frameworks: LineProcess<OfferLine>, countsCalls: Bool = false
    ) async throws -> OffersReport.Run {
        let watch = RoleWatch(cluster.watched + [.init("frameworks", pid: frameworks.pid)], countsCalls: countsCalls)
        let first = try await self.now(frameworks)
        try await Task.sleep(for: .seconds(self.seconds))
        let last = try await self.now(frameworks)
        return OffersReport.Run(
            offers: Double(last.offers - first.offers), events: Double(last.events - first.events),
            rescinded: last.rescinded - first.rescinded, seconds: last.at - first.at, figures: watch.finish())
    }

    private func now(_ frameworks: LineProcess<OfferLine>) async throws -> OfferLine {
        let known = frameworks.lines.count
        try frameworks.say("now")
        for _ in 0..<2000 {
            let lines = frameworks.lines
            if lines.count > known { return lines[lines.count - 1] }
            try await Task.sleep(for: .milliseconds(5))
        }
        throw TestFailure("the frameworks do not answer")
    }

    /// Of the core alone, a second of one processor.
    private func decisions(_ agents: Int) throws -> Double {
        struct Line: Decodable { var decisions_per_second: Double }
        let text = try output(
            of: UpCluster.ownDirectory.appendingPathComponent("decisions").path,
            [
                "--agents", "\(agents)", "--frameworks", "\(self.frameworks)", "--roles", "1", "--decisions", "300000",
                "--batch", "\(agents)", "--decline-all", "--json",
            ])
        return try JSONDecoder().decode(Line.self, from: Data(text.utf8)).decisions_per_second
    }
}
