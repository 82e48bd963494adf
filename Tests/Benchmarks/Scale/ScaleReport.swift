import Foundation
import TestSupport

/// What was seen at one number of agents.
struct ScaleReport: Codable, Sendable {
    /// One probe, in seconds.
    struct Run: Codable, Sendable {
        /// From the start of the framework to the news of its task's end, less the task's length: as the paper has it.
        var overhead: Double
        /// Of that, until some task of the cluster ended and so made room.
        var wait: Double
        /// From the offer to the news that the task runs.
        var launch: Double
        /// What the cluster took beyond waiting for room.
        var net: Double { self.overhead - self.wait }
    }

    var agents: Int
    var frameworks: Int
    var slots: Int
    var runs: [Run] = []
    /// What each role used while probes ran, and what went between them.
    var figures = RoleFigures()
    /// Of the load, that finished meanwhile.
    var tasks = 0
    /// To the load, meanwhile.
    var offers = 0
    /// Of the slots in use when the first probe began.
    var utilisation = 0.0
    /// From the first agent's start until all were registered.
    var registrationSeconds = 0.0
    /// Agents that lost their master while it ran.
    var agentsLost = 0
    /// Seconds of a processor that a message takes at both ends where nothing is done with it: as many at a time, and as long, on a
    /// connection for each agent, 9,000 at most; 0: not measured.
    var bareMessage = 0.0
    /// Processors of the machine.
    var processors = ProcessInfo.processInfo.processorCount

    /// Measures the reference, when the cluster is down.
    mutating func addLoopback() throws {
        self.bareMessage = try RawLoopback.cost(
            connections: min(self.agents, 9000), batch: self.figures.batch,
            bytes: self.figures.bytes / max(1, self.figures.messages))
    }

    private static func milliseconds(_ seconds: Double) -> String {
        String(format: "%.1f", seconds * 1000)
    }

    /// For people.
    var table: String {
        let overheads = self.runs.map(\.overhead), nets = self.runs.map(\.net)
        let seconds = max(self.figures.seconds, 0.001)
        var lines = [
            "\(self.agents) agents, \(self.frameworks) frameworks, \(self.slots) slots an agent: \(self.runs.count) probes",
            "  overhead: median \(Self.milliseconds(overheads.median)) ms, p99 \(Self.milliseconds(overheads.quantile(0.99))) ms; "
                + "less the wait for a slot: median \(Self.milliseconds(nets.median)) ms, "
                + "p99 \(Self.milliseconds(nets.quantile(0.99))) ms; "
                + "offer to RUNNING: median \(Self.milliseconds(self.runs.map(\.launch).median)) ms",
            String(
                format: "  %.0f tasks and %.0f offers a second, %.1f %% of slots in use, all registered after %.1f s, "
                    + "%d agents lost", Double(self.tasks) / seconds, Double(self.offers) / seconds,
                self.utilisation * 100, self.registrationSeconds, self.agentsLost),
        ]
        for (role, usage) in self.figures.roles.sorted(by: { $0.key < $1.key }) {
            lines.append(
                String(
                    format: "  %@ (%d): %.2f cores, %.0f MiB", role, usage.processes, usage.processor / seconds,
                    Double(usage.memoryBytes) / 1_048_576))
        }
        lines.append(
            String(
                format: "  together %.2f of %d processors; %.0f messages a second", self.figures.processor / seconds,
                self.processors, self.figures.messages / seconds))
        lines += self.figures.lines(per: "task", Double(max(1, self.tasks)))
        if self.bareMessage > 0 {
            let message = self.figures.processor / max(1, self.figures.messages)
            lines.append(
                String(
                    format: "  processor time per message, us: %.1f; bare loopback, %.0f at a time: %.1f; ratio %.2f",
                    message * 1e6, max(1, self.figures.batch.rounded()), self.bareMessage * 1e6,
                    message / self.bareMessage))
        }
        return lines.joined(separator: "\n")
    }
}

extension ScaleReport {
    /// Overheads by number of agents, as in figure 10 of the paper.
    static func plot(_ reports: [ScaleReport]) -> LinePlot {
        func line(_ name: String, _ value: (ScaleReport) -> Double) -> LinePlot.Series {
            LinePlot.Series(name, reports.map { (Double($0.agents), value($0) * 1000) })
        }
        return LinePlot(
            title: "Overhead of a probe task in a full cluster", xLabel: "agents", yLabel: "ms",
            series: [
                line("as in the paper", { $0.runs.map(\.overhead).median }),
                line("less the wait for a slot", { $0.runs.map(\.net).median }),
            ])
    }
}
