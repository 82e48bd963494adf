import ArgumentParser
import Foundation
import TestSupport

/// `overhead`: an MPI program bare, and on Meseta.
@main
struct Overhead: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "overhead", abstract: "Measure how much longer an MPI program takes on Meseta than bare.",
        discussion: """
            The program is HPL, as part of hpcc. It runs in pairs, once started by mpirun alone, once by mpirun through a framework that \
            launches Open MPI's daemon as a task; every other pair the other way round. A cluster of real processes with one agent is up \
            during the latter only. The time on Meseta is from the registration of the framework to the end of its task. The overhead of a \
            pair is the one time by the other, less 1; the interval of its median is by order statistics.
            Exits with 1 if the median is 1 % or more, or the upper end of the interval 2 % or more.

            EXAMPLES
              overhead --pairs 15 --json overhead.jsonl
              overhead --pairs 3 --size 2000
            """)

    @Option(help: "Pairs of runs.") var pairs = 15
    @Option(help: "Processes of the program; the agent has as many processors.") var ranks = 2
    @Option(help: "Order of the matrix: a run takes some 9 s with the default.") var size = 3500
    @Option(help: "As meseta-agent takes it (default: cgroups as root, else processes).") var isolation: String?
    @Option(help: "Where the programs of the cluster are (default: beside this one).") var programs: String?
    @Option(help: "Add the figures to this file, a line of JSON for each pair.") var json: String?
    @Option(help: "Draw the overhead of each pair into this file, as SVG.") var plot: String?

    func validate() throws {
        guard self.pairs > 0, self.ranks > 0, self.size > 0 else {
            throw ValidationError("--pairs, --ranks and --size are at least 1")
        }
    }

    func run() async throws {
        let program = try MPIProgram(ranks: self.ranks, size: self.size)
        UpCluster.endAllOnSignals { program.stop() }
        defer { program.stop() }
        let isolation = self.isolation ?? (geteuid() == 0 ? "cgroups" : "processes")
        let programs = self.programs.map { URL(fileURLWithPath: $0) } ?? UpCluster.ownDirectory
        var report = OverheadReport(isolation: isolation, size: self.size)
        // The first run finds the program's files not yet in memory.
        _ = try await program.runBare()
        for number in 1...self.pairs {
            var pair = OverheadReport.Pair(number: number)
            for isOnMeseta in number.isMultiple(of: 2) ? [true, false] : [false, true] {
                if isOnMeseta {
                    pair.meseta = try await program.runOnMeseta(isolation: isolation, programs: programs)
                } else {
                    pair.bare = try await program.runBare()
                }
            }
            report.pairs.append(pair)
            print(pair.line)
            fflush(nil)
            if let json { try JSONLines.append(pair, to: json) }
        }
        print(report.summary)
        if let plot { try report.chart.svg.write(toFile: plot, atomically: true, encoding: .utf8) }
        if report.isTooMuch { throw ExitCode(1) }
    }
}
