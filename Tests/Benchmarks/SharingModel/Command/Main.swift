import ArgumentParser
import Foundation
import SharingModel
import TestSupport

/// `sharing-model`: what the paper predicts of sharing, and what the real cores do.
@main
struct SharingModelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sharing-model",
        abstract: "Hold the paper's model of sharing against simulations with the real cores.",
        discussion: """
            A framework arrives in a cluster that others have filled; it is entitled to k slots, and its job takes beta
            times the mean task once it has them. All cores and codecs run, on virtual time. Times are in T, the mean task.
            Exits with 1 if a row is outside its tolerance.

            EXAMPLES
              swift run -c release sharing-model
              swift run -c release sharing-model --entitlement 64 --runs 100 --plot model.svg
            """)

    @Option(help: "Slots that the newcomer is entitled to (k): a multiple of 4.") var entitlement = 32
    @Option(help: "The cluster has so many times as many.") var crowd = 3
    @Option(help: "The newcomer's job with all its slots, in T (beta).") var beta = 2.0
    @Option(help: "Runs of each experiment, each of a seed of its own.") var runs = 40
    @Option(help: "The first seed.") var seed: UInt64 = 1
    @Flag(help: "Print a JSON array of rows.") var json = false
    @Option(help: "Write a chart of all rows there, as SVG.") var plot: String?

    private var setting: SharingSetting {
        var setting = SharingSetting()
        setting.entitlement = self.entitlement
        setting.crowd = self.crowd
        setting.work = self.beta
        return setting
    }

    func validate() throws {
        if let problem = self.setting.problem { throw ValidationError(problem) }
        if self.runs < 1 { throw ValidationError("at least one run") }
    }

    func run() throws {
        if !self.json { self.printHead() }
        let rows = try SharingModel.all(self.setting, runs: self.runs, seed: self.seed) { rows in
            if !self.json { for row in rows { print(Self.line(row)) } }
            fflush(nil)
        }
        if self.json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            print(String(decoding: try encoder.encode(rows), as: UTF8.self))
        }
        if let plot { try self.chart(rows).write(toFile: plot, atomically: true, encoding: .utf8) }
        let outside = rows.filter { !$0.isWithin }
        if !outside.isEmpty {
            let error = "\(outside.count) of \(rows.count) rows are outside their tolerance\n"
            FileHandle.standardError.write(Data(error.utf8))
            throw ExitCode(1)
        }
    }

    private func printHead() {
        let slots = self.entitlement * self.crowd
        print("k = \(self.entitlement) of \(slots) slots, beta = \(self.beta), \(self.runs) runs, seed \(self.seed)\n")
        print(
            Self.columns("experiment", "quantity", ["paper", "exact", "measured", "spread", "tolerance"])
                + "  within")
    }

    private static func line(_ row: ModelRow) -> String {
        let numbers = [row.paper, row.exact, row.measured, row.spread, row.tolerance]
        return Self.columns(row.experiment, row.quantity, numbers.map { String(format: "%.3f", $0) })
            + (row.isWithin ? "  yes" : "  NO")
    }

    private static func columns(_ experiment: String, _ quantity: String, _ numbers: [String]) -> String {
        func padded(_ text: String, _ width: Int) -> String {
            text + String(repeating: " ", count: max(0, width - text.count))
        }
        let cells = numbers.map { String(repeating: " ", count: max(0, 10 - $0.count)) + $0 }
        return padded(experiment, 36) + padded(quantity, 38) + cells.joined()
    }

    private func chart(_ rows: [ModelRow]) -> String {
        var chart = BarPlot(
            title: "The paper's model, and the real cores: k = \(self.entitlement), beta = \(self.beta)",
            unit: "T, or a part", series: ["paper", "exact", "measured"])
        chart.groups = rows.map { row in
            let notes = row.experiment.split(separator: ", ").map(String.init)
            return .init(
                row.quantity, [row.paper, row.exact, row.measured],
                notes: notes + [String(format: "+-%.3f", row.tolerance)])
        }
        return chart.svg
    }
}
