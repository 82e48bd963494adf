import Foundation
import TestSupport

/// What was seen at one number of agents.
struct OffersReport: Codable, Sendable {
    /// One window.
    struct Run: Codable, Sendable {
        var offers: Double
        /// Events that they came in.
        var events: Double
        /// Taken back before they were declined.
        var rescinded: Int
        var seconds: Double
        var figures: RoleFigures
        var rate: Double { self.offers / self.seconds }
    }

    /// As many offers can be on their way or in the hands of frameworks.
    var agents: Int
    var frameworks: Int
    var runs: [Run] = []
    /// Of a window of its own.
    var calls: Run?
    /// Of the allocator's core alone, a second of one processor.
    var decisions = 0.0
    /// Messages a second that two processes exchange which do nothing else: as long as what an offer takes, and as many at a
    /// time as offers in an event.
    var loopback = 0.0
    var processors = ProcessInfo.processInfo.processorCount

    /// The run in the middle.
    var median: Run { self.runs.sorted { $0.rate < $1.rate }[self.runs.count / 2] }

    /// Measures the reference, after the runs.
    mutating func addLoopback() throws {
        let run = self.median
        self.loopback = try RawLoopback.rate(
            connections: self.frameworks, batch: run.offers / max(1, run.events),
            bytes: run.figures.bytes / max(1, run.offers))
    }

    /// For people.
    var table: String {
        let run = self.median
        let windows = self.runs.map { String(format: "%.0f", $0.rate) }.joined(separator: " ")
        var lines = [
            "\(self.agents) agents, \(self.frameworks) frameworks that decline at once, on \(self.processors) processors",
            String(format: "  offers/s: %.0f (windows: ", run.rate) + windows + ")",
            String(
                format: "  offers per event: %.1f; in flight: %d at most; rescinded: %d",
                run.offers / max(1, run.events),
                self.agents, self.runs.reduce(0) { $0 + $1.rescinded }),
        ]
        lines += run.figures.lines(per: "offer", run.offers)
        if let calls { lines.append(calls.figures.callLine(per: "offer", calls.offers)) }
        lines += [
            String(
                format: "  decisions/s of the allocator's core alone: %.0f; ratio %.3f", self.decisions,
                run.rate / self.decisions),
            String(
                format: "  bare loopback, as many bytes and as many at a time: %.0f messages/s; ratio %.3f",
                self.loopback, run.rate / max(1, self.loopback)),
        ]
        return lines.joined(separator: "\n")
    }
}

extension OffersReport {
    /// Rates by number of agents.
    static func plot(_ reports: [OffersReport]) -> BarPlot {
        var plot = BarPlot(
            title: "Offers that \(reports.first?.frameworks ?? 0) frameworks decline", unit: "a second",
            series: ["end to end", "the allocator's core alone"])
        plot.groups = reports.map { report in
            .init(
                "\(report.agents) agents", [report.median.rate, report.decisions],
                notes: [String(format: "%.1f offers per event", report.median.offers / max(1, report.median.events))])
        }
        return plot
    }
}
