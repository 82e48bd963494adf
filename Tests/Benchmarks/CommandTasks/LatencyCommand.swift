import ArgumentParser
import Foundation
import TestSupport

/// How long one task takes when nothing else runs.
struct LatencyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "latency", abstract: "How long one task takes in an idle cluster, beside one bare process start.",
        discussion: """
            From the call that launches `true` on an offer until the scheduler hears that it finished: through master, relay, agent and
            supervisor and back, everything on disk. Beside it how long the offer took that the next task goes out on.
            """)

    @OptionGroup var common: CommonOptions
    @Option(help: "Tasks, one after the other.") var tasks = 1000

    func run() async throws {
        UpCluster.endAllOnSignals()
        for isolation in self.common.isolations {
            let cluster = try await TaskCluster(
                isolation: isolation, width: 1, task: [self.common.program], programs: self.common.directory)
            defer { cluster.stop() }
            _ = try await cluster.run(100)
            let bare = 1000 / (try RawSpawn.rate(self.common, in: [], seconds: 1) / Double(Self.processors))
            let outcome = try await cluster.run(self.tasks)
            let times = outcome.latencies.map { $0 / .milliseconds(1) }
            let waits = outcome.offerWaits.map { $0 / .milliseconds(1) }
            print(
                "isolation \(isolation): \(times.count) tasks, one after the other; a bare start takes "
                    + String(format: "%.2f ms", bare))
            print(Self.line("launch to FINISHED", times))
            print(Self.line("FINISHED to next offer", waits))
        }
    }

    private static let processors = sysconf(Int32(_SC_NPROCESSORS_ONLN))

    private static func line(_ name: String, _ values: [Double]) -> String {
        "  " + name.padding(toLength: 24, withPad: " ", startingAt: 0)
            + String(
                format: "median %6.2f ms   p99 %6.2f ms   least %6.2f ms", values.median, values.quantile(0.99),
                values.quantile(0))
    }
}
