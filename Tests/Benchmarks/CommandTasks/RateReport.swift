import Foundation
import TaskStreams
import TestSupport

/// What the windows of one kind of isolation gave.
struct RateReport {
    /// One window, with the bare rate just before it.
    private struct Round {
        var bare: Double
        var rate: Double
        /// Milliseconds of processor time per task, by process.
        var cost: [String: Double]
    }

    let isolation: String
    /// How many control groups each container has.
    let groups: Int
    let width: Int
    var calls: SystemCallCount?
    private var rounds: [Round] = []

    init(isolation: String, groups: Int, width: Int) {
        self.isolation = isolation
        self.groups = groups
        self.width = width
    }

    mutating func add(
        bare: Double, _ outcome: TaskStream.Outcome, _ before: [(String, ProcessAccount?)],
        _ after: [(String, ProcessAccount?)]
    ) {
        let tasks = Double(outcome.finished)
        var cost: [String: Double] = [:]
        for ((name, former), (_, latter)) in zip(before, after) {
            guard let former, let latter else { continue }
            cost[name, default: 0] += (latter.own - former.own) * 1000 / tasks
            // What a supervisor reaped is the tasks themselves.
            if name == "supervisor" {
                cost["the tasks", default: 0] += (latter.children - former.children) * 1000 / tasks
            }
        }
        let seconds = outcome.elapsed / .seconds(1)
        self.rounds.append(Round(bare: bare, rate: tasks / seconds, cost: cost))
    }

    var rate: Double { self.rounds.map(\.rate).median }
    var bare: Double { self.rounds.map(\.bare).median }
    var ratio: Double { self.rounds.map { $0.rate / $0.bare }.median }

    var text: String {
        let names = ["scheduler", "master", "allocator", "relay", "agent", "supervisor", "the tasks"]
        let costs = names.map { name in
            "\(name) " + String(format: "%.3f", self.rounds.map { $0.cost[name] ?? 0 }.median)
        }
        var lines = [
            "isolation \(self.isolation): \(self.groups) control groups each, \(self.width) tasks at once, \(self.rounds.count) windows",
            String(format: "  tasks/s      %8.0f   (windows: ", self.rate)
                + self.rounds.map { String(format: "%.0f", $0.rate) }.joined(separator: " ") + ")",
            String(format: "  bare starts/s%8.0f   (windows: ", self.bare)
                + self.rounds.map { String(format: "%.0f", $0.bare) }.joined(separator: " ") + ")",
            String(format: "  ratio        %8.2f   (windows: ", self.ratio)
                + self.rounds.map { String(format: "%.2f", $0.rate / $0.bare) }.joined(separator: " ") + ")",
            "  processor time per task, ms: " + costs.joined(separator: ", "),
        ]
        if let calls = self.calls { lines += calls.lines.map { "  " + $0 } }
        return lines.joined(separator: "\n")
    }

    /// A line of a file with figures.
    private struct Line: Encodable {
        var isolation: String
        var controlGroups: Int
        var width: Int
        /// Of each window.
        var tasksPerSecond: [Double]
        var bareStartsPerSecond: [Double]
        var ratio: Double
        var callsPerTask: [String: Double]
        var fsyncsPerTask: Double

        enum CodingKeys: String, CodingKey {
            case isolation, width, ratio
            case controlGroups = "control_groups"
            case tasksPerSecond = "tasks_per_second"
            case bareStartsPerSecond = "bare_starts_per_second"
            case callsPerTask = "calls_per_task"
            case fsyncsPerTask = "fsyncs_per_task"
        }
    }

    /// Adds itself as one line of JSON to a file.
    func append(to path: String) throws {
        let line = Line(
            isolation: self.isolation, controlGroups: self.groups, width: self.width,
            tasksPerSecond: self.rounds.map(\.rate), bareStartsPerSecond: self.rounds.map(\.bare), ratio: self.ratio,
            callsPerTask: self.calls?.perTask ?? [:], fsyncsPerTask: self.calls?.syncs ?? 0)
        try JSONLines.append(line, to: path)
    }
}
