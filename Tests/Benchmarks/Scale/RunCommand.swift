import ArgumentParser
import EmulatedCluster
import Foundation
import MesetaSDK
import Synchronization
import TestSupport

/// `scale run`.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Fill clusters of emulated agents, and send probes.",
        discussion: """
            For each number of agents: starts services and emulators, lets frameworks fill every slot with tasks whose lengths are \
            normally distributed, and when the first have ended sends probes, one after the other. A probe is a framework that registers, \
            runs one task and leaves; its overhead is all that this takes beyond the task's length.

            EXAMPLES
              scale --agents 1000 10000 50000 --runs 5
              scale --agents 100000 --json scale.jsonl
            """)

    @Option(parsing: .upToNextOption, help: "Numbers of agents.") var agents = [1000]
    @Option(help: "Frameworks that keep the slots in use.") var frameworks = 200
    @Option(help: "Tasks that fit on an agent.") var slots = 1
    @Option(help: "Probes.") var runs = 5
    @Option(help: "Length of a probe's task in seconds.") var probe = 10.0
    @Option(help: "Mean length of the other tasks in seconds.") var mean = 30.0
    @Option(help: "Standard deviation of that.") var deviation = 10.0
    @Option(help: "Seconds of full use before the first probe (default: twice --mean, when starts have spread).")
    var settle: Double?
    @Option(help: "Where the programs of the cluster are (default: beside this one).") var programs: String?
    @Option(help: "Add the figures to this file, a line of JSON for each number of agents.") var json: String?
    @Option(help: "Draw the figures into this file, as SVG.") var plot: String?
    @Flag(help: "Leave the logs of the cluster where they are.") var keepLogs = false

    private static let slot: Resources = "cpus:1;mem:512"

    func validate() throws {
        guard !self.agents.isEmpty, self.agents.allSatisfy({ $0 > 0 }), self.slots > 0, self.runs > 0 else {
            throw ValidationError("--agents, --slots and --runs are at least 1")
        }
    }

    func run() async throws {
        UpCluster.endAllOnSignals()
        var reports: [ScaleReport] = []
        for agents in self.agents {
            var report = try await self.measure(agents)
            do { try report.addLoopback() } catch {
                FileHandle.standardError.write(Data("without the reference: \(error)\n".utf8))
            }
            print(report.table)
            reports.append(report)
            if let json { try JSONLines.append(report, to: json) }
        }
        if let plot { try ScaleReport.plot(reports).svg.write(toFile: plot, atomically: true, encoding: .utf8) }
    }

    private func measure(_ agents: Int) async throws -> ScaleReport {
        let programs = self.programs.map { URL(fileURLWithPath: $0) } ?? UpCluster.ownDirectory
        let started = Date().timeIntervalSince1970
        let cluster = try EmulatedCluster(
            .init(agents: agents, resources: "cpus:\(self.slots);mem:\(512 * self.slots)"), named: "scale",
            programs: programs)
        defer { cluster.stop(keepingFiles: self.keepLogs) }
        try await cluster.wait(seconds: 300, for: "\(agents) agents registered") {
            Self.progress("\(cluster.registered) of \(agents) agents are registered")
            return cluster.registered == agents
        }
        var report = ScaleReport(agents: agents, frameworks: self.frameworks, slots: self.slots)
        let registrations = cluster.fleet.emulators.compactMap { $0.registered(after: 0)?.last }
        report.registrationSeconds = (registrations.max() ?? started) - started
        let load = try LoadProcess([
            "--frameworks", "\(self.frameworks)", "--master", cluster.live.master, "--slot", "\(Self.slot)",
            "--command", "wait \(self.mean) \(self.deviation)",
        ])
        defer { load.stop() }
        try await self.fill(cluster, load, slots: agents * self.slots)
        let running = load.last?.running ?? 0
        report.utilisation = Double(running) / Double(agents * self.slots)
        try await self.probe(cluster, load, into: &report)
        report.agentsLost = agents - cluster.registered
        if let problem = load.last?.problem {
            FileHandle.standardError.write(Data("a task of the load did not finish: \(problem)\n".utf8))
        }
        return report
    }

    private func fill(_ cluster: EmulatedCluster, _ load: LoadProcess, slots: Int) async throws {
        try await cluster.wait(seconds: 600, for: "nine tenths of \(slots) slots in use") {
            let line = load.last
            Self.progress(
                "\(line?.registered ?? 0) frameworks are registered, \(line?.running ?? 0) of \(slots) slots are in use"
            )
            return (line?.running ?? 0) * 10 >= slots * 9
        }
        Self.progress("settling")
        try await Task.sleep(for: .seconds(self.settle ?? 2 * self.mean))
    }

    /// Sends the probes, and takes the figures of all processes over that time.
    private func probe(
        _ cluster: EmulatedCluster, _ load: LoadProcess, into report: inout ScaleReport
    ) async throws {
        let watch = RoleWatch(
            cluster.watched + [.init("frameworks", pid: load.pid), .init("probe", pid: getpid())])
        let first = try await load.now()
        for run in 1...self.runs {
            Self.progress("probe \(run) of \(self.runs)")
            let moments = try await Probe.run(
                run, slot: Self.slot, seconds: self.probe, master: cluster.live.master)
            let freed = try await load.firstEnd(after: moments.began) ?? .infinity
            report.runs.append(
                .init(
                    overhead: moments.finished - moments.began - self.probe,
                    wait: max(0, min(freed, moments.offered) - moments.began),
                    launch: moments.running - moments.offered))
        }
        report.figures = watch.finish()
        let last = try await load.now()
        report.tasks = last.finished - first.finished
        report.offers = last.offers - first.offers
        Self.progress("")
    }

    private static let isWatched = isatty(STDERR_FILENO) == 1
    private static let nextLine = Mutex(ContinuousClock.now)

    /// How far it is: one line that is written over and over where somebody watches, and elsewhere a line now and then.
    private static func progress(_ text: String) {
        if Self.isWatched { return FileHandle.standardError.write(Data("\r\u{1b}[K\(text)".utf8)) }
        let isDue = Self.nextLine.withLock { next in
            guard !text.isEmpty, .now >= next else { return false }
            next = .now + .seconds(10)
            return true
        }
        if isDue { FileHandle.standardError.write(Data("\(text)\n".utf8)) }
    }
}
