import Foundation
import TestSupport

/// What was seen.
struct ThroughputReport: Codable, Sendable {
    /// One window.
    struct Run: Codable, Sendable {
        var tasks: Double
        var seconds: Double
        var offers: Double
        var figures: RoleFigures
        var rate: Double { self.tasks / self.seconds }
    }

    /// `emulated` or `agent`.
    var kind: String
    var agents: Int
    var frameworks: Int
    /// Tasks at once, at most.
    var window: Int
    var runs: [Run] = []
    /// Of a window of its own.
    var calls: Run?
    /// Messages a second that two processes exchange which do nothing else, as many at a time and as long.
    var loopback = 0.0
    var processors = ProcessInfo.processInfo.processorCount

    /// The run in the middle.
    private var median: Run { self.runs.sorted { $0.rate < $1.rate }[self.runs.count / 2] }

    /// Holds the run in the middle to what a task may take.
    func hold(to options: CommonOptions) throws {
        let run = self.median
        try run.figures.hold("task", run.tasks, toMessages: options.maxMessages, bytes: options.maxBytes)
    }

    /// Measures the reference, after the runs.
    mutating func addLoopback(connections: Int) throws {
        let figures = self.median.figures
        self.loopback = try RawLoopback.rate(
            connections: connections, batch: figures.batch, bytes: figures.bytes / max(1, figures.messages))
    }

    /// For people.
    var table: String {
        let run = self.median
        let messages = run.figures.messages / run.seconds
        let windows = self.runs.map { String(format: "%.0f", $0.rate) }.joined(separator: " ")
        var lines = [
            "\(self.kind): \(self.agents) agents, \(self.frameworks) frameworks, \(self.window) tasks at once, on "
                + "\(self.processors) processors",
            String(format: "  tasks/s: %.0f (windows: ", run.rate) + windows + ")",
            String(
                format: "  offers/s: %.0f, tasks per offer: %.1f", run.offers / run.seconds,
                run.tasks / max(1, run.offers)),
        ]
        lines += run.figures.lines(per: "task", run.tasks)
        if let calls { lines.append(calls.figures.callLine(per: "task", calls.tasks)) }
        lines.append(
            String(
                format: "  %.0f messages/s; bare loopback, %.0f at a time: %.0f; ratio %.3f", messages,
                run.figures.batch.rounded(), self.loopback, messages / max(1, self.loopback)))
        return lines.joined(separator: "\n")
    }
}

extension ThroughputReport {
    /// What a task takes of a processor, by role, of the last report of each kind.
    static func plot(_ reports: [ThroughputReport]) -> BarPlot {
        let last = ["emulated", "agent"].compactMap { kind in reports.last { $0.kind == kind } }
        var plot = BarPlot(
            title: "Processor time of a no-op task, by role", unit: "us",
            series: last.map { String(format: "%@ (%.0f tasks/s)", $0.kind, $0.median.rate) })
        let groups = [
            ("agent, emulator", ["agent", "emulator", "supervisor"]), ("relay", ["relay"]), ("master", ["master"]),
            ("allocator", ["allocator"]), ("scheduler", ["scheduler", "frameworks"]), ("executor", ["executor"]),
        ]
        plot.groups = groups.map { label, roles in
            .init(
                label,
                last.map { report in
                    let run = report.median
                    let used = roles.reduce(0) { $0 + (run.figures.roles[$1]?.processor ?? 0) }
                    return (1e7 * used / max(1, run.tasks)).rounded() / 10
                })
        }
        return plot
    }
}
