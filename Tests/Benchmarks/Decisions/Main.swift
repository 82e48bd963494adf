import AllocatorCore
import ArgumentParser
import Foundation
import Model
import TestSupport

/// `decisions`: how many decisions per second an allocator's core takes.
@main
struct Decisions: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure how many decisions per second an allocator's core takes.",
        discussion: """
            One decision: resources of an agent come free, the policy prefers a framework, the allocation is emitted, and the
            framework declines it, with or without a refusal filter, or runs tasks that end later; books and filters follow.
            Only the time inside the core counts. The same seed, the same history and the same hash.

            EXAMPLES
              swift run -c release decisions --agents 10000 --decisions 1000000
              swift run -c release decisions --agents 100000 --policy fair --json
              swift run -c release decisions --agents 1000 10000 100000 --plot decisions.svg
            """)

    @Option(parsing: .upToNextOption, help: "Agents of the cluster; several sizes are measured one after the other.")
    var agents: [UInt32] = [10_000]
    @Option(help: "Frameworks that want what is free.") var frameworks: UInt32 = 200
    @Option(help: "Roles that the frameworks are divided among.") var roles: UInt32 = 10
    @Option(help: "Decisions to take after the cluster is full.") var decisions = 1_000_000
    @Option(help: "Resources that come free between two turns.") var batch = 256
    @Option(help: "The policy: \(SharingPolicy.allCases.map(\.rawValue).joined(separator: ", ")).")
    var policy = "fair"
    @Option(help: "Of what frameworks, agents and chance do.") var seed: UInt64 = 1
    @Flag(help: "Agents have ports, as real ones do.") var ports = false
    @Flag(help: "Frameworks decline everything, for no time: none runs anything.") var declineAll = false
    @Flag(help: "Print one JSON object for each size.") var json = false
    @Option(help: "Write a chart of all sizes there, as SVG.") var plot: String?

    func validate() throws {
        guard SharingPolicy(rawValue: self.policy) != nil else { throw ValidationError("no policy '\(self.policy)'") }
        guard self.agents.allSatisfy({ $0 > 0 }), self.frameworks > 0, self.roles > 0, self.batch > 0,
            self.decisions > 0
        else {
            throw ValidationError("all numbers are above 0")
        }
    }

    func run() throws {
        var chart = BarPlot(
            title: "Decisions of an allocator: \(self.policy), \(self.frameworks) frameworks, seed \(self.seed)",
            unit: "per second of one core", series: ["decisions"])
        for size in self.agents {
            let driver = self.measure(size)
            self.report(driver, size)
            chart.groups.append(Self.bar(driver, size))
        }
        if let plot { try chart.svg.write(toFile: plot, atomically: true, encoding: .utf8) }
    }

    private func measure(_ size: UInt32) -> Driver {
        var settings = AllocatorSettings(name: "decisions")
        settings.policy = SharingPolicy(rawValue: self.policy)!
        var driver = Driver(settings, seed: self.seed, declinesAll: self.declineAll)
        driver.addFrameworks(self.frameworks, roles: self.roles)
        driver.addAgents(size, ports: self.ports)
        driver.fill()
        driver.startCounting()
        while driver.counts.allocations < self.decisions { driver.round(self.batch) }
        return driver
    }

    private static func rate(_ driver: Driver) -> Int { Int(Double(driver.counts.allocations) / driver.seconds) }

    private static func bar(_ driver: Driver, _ size: UInt32) -> BarPlot.Group {
        let counts = driver.counts
        return .init(
            "\(size) agents", [Double(Self.rate(driver))],
            notes: [
                "\(counts.allocations) allocations emitted", "\(counts.declines + counts.filters) declined",
                "\(counts.taskEnds) task ends", "outcome \(String(driver.hash, radix: 16))",
            ])
    }

    private func report(_ driver: Driver, _ size: UInt32) {
        let counts = driver.counts
        let seconds = driver.seconds
        let rate = Self.rate(driver)
        let hash = String(driver.hash, radix: 16)
        if self.json {
            print(
                """
                {"policy": "\(self.policy)", "agents": \(size), "frameworks": \(self.frameworks), \
                "decisions": \(counts.allocations), "seconds": \(seconds), "decisions_per_second": \(rate), \
                "declines": \(counts.declines), "declines_with_filter": \(counts.filters), \
                "task_ends": \(counts.taskEnds), "looks": \(driver.looks), "hash": "\(hash)"}
                """)
            return
        }
        print("\(self.policy), \(size) agents, \(self.frameworks) frameworks: \(rate) decisions/s")
        print("  \(counts.allocations) allocations in \(seconds) s of the core, \(driver.looks) looks at frameworks")
        print("  \(counts.declines) declines without a filter, \(counts.filters) with one")
        print("  \(counts.taskEnds) task ends")
        print("  outcome \(hash)")
    }
}
