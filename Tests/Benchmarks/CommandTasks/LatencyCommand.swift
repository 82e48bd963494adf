import ArgumentParser
import Foundation
import TestSupport

/// How long one task takes when nothing else runs.
struct LatencyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "latency", abstract: "How long one task takes in an idle cluster, beside one bare process start.",
        discussion: """
            From the call that launches `true` on an offer until the scheduler hears that it finished: through master, relay, agent and
            supervisor and back, everything on disk: it waits for the disk twice, and three times if its process ends within one
            sync. Beside it how long one sync takes, and the offer that the next task goes out on.
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
            let syncs = try Self.syncs(in: cluster.live.directory)
            let outcome = try await cluster.run(self.tasks)
            let times = outcome.latencies.map { $0 / .milliseconds(1) }
            let waits = outcome.offerWaits.map { $0 / .milliseconds(1) }
            print(
                "isolation \(isolation): \(times.count) tasks, one after the other; a bare start takes "
                    + String(format: "%.2f ms", bare))
            print(Self.line("launch to FINISHED", times))
            print(Self.line("FINISHED to next offer", waits))
            print(Self.line("one sync of the disk", syncs))
        }
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

    private static func line(_ name: String, _ values: [Double]) -> String {
        "  " + name.padding(toLength: 24, withPad: " ", startingAt: 0)
            + String(
                format: "median %6.2f ms   p99 %6.2f ms   least %6.2f ms", values.median, values.quantile(0.99),
                values.quantile(0))
    }
}
