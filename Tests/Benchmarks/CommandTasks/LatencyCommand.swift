import ArgumentParser
import Foundation
import TaskStreams
import TestSupport

/// How long one task takes when nothing else runs.
struct LatencyCommand: AsyncParsableCommand {
    /// What is run, one after the other.
    enum Work: String, CaseIterable, ExpressibleByArgument {
        /// A process for each.
        case program
        /// A word to an executor that runs already.
        case executor
        /// The same, with callbacks of scheduler and executor on the threads of their drivers.
        case inline

        var name: String {
            switch self {
            case .program: "a process each"
            case .executor: "handed to an executor"
            case .inline: "handed to an executor, callbacks inline"
            }
        }
    }

    static let configuration = CommandConfiguration(
        commandName: "latency",
        abstract: "How long one task takes in an idle cluster, beside the bare way of its messages.",
        discussion: """
            From the call that launches a task on an offer until the scheduler hears that it finished: through master, relay, agent and \
            supervisor or executor and back, everything on disk: it waits for the disk twice, and three times if its process ends \
            within one sync. Beside it how long one sync takes, and the offer that the next task goes out on. `program` starts \
            --program for each task; `executor` hands each to the same executor, which ends it at once; with `inline` its callbacks, \
            and the scheduler's, stay on the thread of their driver. The bare way is `raw-chain`: five processes in C that pass a message on as the services do and sync it twice, before and after the tasks.

            EXAMPLES
              command-tasks latency --work executor --isolation processes
              command-tasks latency --runs 3 --json latency.jsonl --plot latency.svg
            """)

    @OptionGroup var common: CommonOptions
    @Option(help: "Tasks of a run, one after the other.") var tasks = 1000
    @Option(help: "Runs of each kind, with a cluster for each.") var runs = 1
    @Option(parsing: .upToNextOption, help: "Kinds of tasks: \(Work.allCases.map(\.rawValue).joined(separator: ", ")).")
    var work = Work.allCases
    @Option(help: "Draw how latencies are spread into this file, as SVG.") var plot: String?

    func validate() throws {
        guard self.tasks > 0, self.runs > 0 else { throw ValidationError("--tasks and --runs are at least 1") }
    }

    func run() async throws {
        UpCluster.endAllOnSignals()
        var reports: [LatencyReport] = []
        for work in self.work {
            for isolation in self.common.isolations {
                for _ in 1...self.runs {
                    let report = try await self.measure(work, isolation)
                    print(report.table)
                    reports.append(report)
                    if let json = self.common.json { try JSONLines.append(report, to: json) }
                }
            }
        }
        if let plot { try LatencyReport.plot(reports).svg.write(toFile: plot, atomically: true, encoding: .utf8) }
    }

    private func measure(_ work: Work, _ isolation: String) async throws -> LatencyReport {
        let cluster = try await TaskCluster(
            isolation: isolation, width: 1, work: self.task(of: work), programs: self.common.directory)
        defer { cluster.stop() }
        _ = try await cluster.run(100)
        let bare = 1000 / (try RawSpawn.rate(self.common, in: [], seconds: 1) / Double(Self.processors))
        let syncs = try Self.syncs(in: cluster.live.directory)
        var chain = try Self.chain(in: cluster.live.directory)
        let outcome = try await cluster.run(self.tasks)
        chain += try Self.chain(in: cluster.live.directory)
        return LatencyReport(
            work: work.rawValue, isolation: isolation, bareStart: bare, chain: chain,
            latencies: outcome.latencies.map { $0 / .milliseconds(1) }, syncs: syncs,
            offerWaits: outcome.offerWaits.map { $0 / .milliseconds(1) })
    }

    private func task(of work: Work) -> TaskWork {
        switch work {
        case .program: .program(self.common.program)
        case .executor: .nothing()
        case .inline: .nothing(isInline: true)
        }
    }

    /// Milliseconds that messages take from process to process and to disk: as soon after each other as a task's launch after the
    /// end of the last, and as large as the records of the agent's log.
    private static func chain(in directory: URL) throws -> [Double] {
        let program = UpCluster.ownDirectory.appendingPathComponent("raw-chain").path
        let file = directory.appendingPathComponent("chain").path
        defer { unlink(file) }
        let text = try output(of: program, ["300", "300", "250", file])
        let rounds = text.split(separator: "\n").compactMap { Double($0) }
        guard rounds.count == 300 else { throw TestFailure("raw-chain said \"\(text)\"") }
        return rounds.map { $0 / 1000 }
    }

    /// Milliseconds that it takes to have a few bytes on disk, in the middle of a file as long as the agent's log.
    private static func syncs(in directory: URL) throws -> [Double] {
        let path = directory.appendingPathComponent("sync").path
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw TestFailure("\(path) cannot be made") }
        defer {
            close(file)
            unlink(path)
        }
        let record = [UInt8](repeating: 7, count: 128), zeros = [UInt8](repeating: 0, count: 64 << 10)
        guard pwrite(file, zeros, zeros.count, 0) == zeros.count, fsync(file) == 0 else {
            throw TestFailure("\(path) cannot be written")
        }
        return try (0..<200).map { index in
            usleep(2000)
            let clock = ContinuousClock()
            return try clock.measure {
                guard pwrite(file, record, record.count, off_t(index * record.count)) == record.count,
                    fdatasync(file) == 0
                else { throw TestFailure("\(path) cannot be written") }
            } / .milliseconds(1)
        }
    }

    private static let processors = sysconf(Int32(_SC_NPROCESSORS_ONLN))
}

/// What one run gave, in milliseconds.
struct LatencyReport: Codable, Sendable {
    /// As `--work` has it.
    var work: String
    var isolation: String
    /// Of a process, with nothing around it.
    var bareStart: Double
    /// Of messages and syncs, with nothing around them.
    var chain: [Double]
    /// From the launch to FINISHED.
    var latencies: [Double]
    /// Of the disk.
    var syncs: [Double]
    /// From FINISHED to the offer that the next task goes out on.
    var offerWaits: [Double]

    var table: String {
        let what = LatencyCommand.Work(rawValue: self.work)?.name ?? self.work
        return [
            "isolation \(self.isolation), \(what): \(self.latencies.count) tasks, one after the other; a bare start takes "
                + String(format: "%.2f ms", self.bareStart),
            Self.line("launch to FINISHED", self.latencies), Self.line("FINISHED to next offer", self.offerWaits),
            Self.line("one sync of the disk", self.syncs), Self.line("the bare way", self.chain),
            String(
                format: "  launch to FINISHED is %.1f bare ways, %.1f bare starts, or %.1f syncs",
                self.latencies.median / self.chain.median, self.latencies.median / self.bareStart,
                self.latencies.median / self.syncs.median),
        ].joined(separator: "\n")
    }

    private static func line(_ name: String, _ values: [Double]) -> String {
        "  " + name.padding(toLength: 24, withPad: " ", startingAt: 0)
            + String(
                format: "median %6.2f ms   p99 %6.2f ms   least %6.2f ms", values.median, values.quantile(0.99),
                values.quantile(0))
    }

    /// Which part of the tasks took at most how long, up to the 99th of 100.
    static func plot(_ reports: [LatencyReport]) -> LinePlot {
        LinePlot(
            title: "From launch to FINISHED in an idle cluster", xLabel: "part of the tasks, %", yLabel: "ms",
            series: reports.map { report in
                .init(
                    "\(report.work), \(report.isolation)",
                    (0...99).map { (Double($0), report.latencies.quantile(Double($0) / 100)) })
            })
    }
}
