import Model
@testable import Simulator
import Testing

@Suite("A whole cluster on virtual time")
struct SimulationTests {
    @Test("Time goes on for a framework whose clock is far ahead")
    func clockFarAhead() {
        let cluster = SimulatedCluster(settings: Scenario.calm.settings(seed: 3), seed: 3)
        defer { cluster.dismantle() }
        for scheduler in cluster.schedulers { scheduler.setClock(ahead: .seconds(60), drift: 0) }
        var (steps, isDone) = (0, false)
        _ = cluster.run(
            until: {
                steps += 1
                isDone = cluster.schedulers.allSatisfy { $0.isDone }
                return isDone || steps > 1_000_000
            }, patience: .seconds(600))
        #expect(isDone, "after \(steps) steps")
    }

    @Test(
        "Whatever is killed, every task finishes once and nothing is held in the end",
        arguments: [Scenario.calm, .masters, .relays, .allocators, .liar, .agents, .everything])
    func survives(scenario: Scenario) {
        let cluster = SimulatedCluster(settings: scenario.settings(seed: 1), seed: 1)
        #expect(
            cluster.run() != nil,
            "swift run simulate --scenario \(scenario.rawValue) --seed 1 --trace: \(cluster.violations)")
    }

    @Test("Agents that come back with more or less are offered so, and never hold more than they have")
    func reconfigurations() {
        for seed: UInt64 in 1...2 {
            let cluster = SimulatedCluster(settings: Scenario.reconfigurations.settings(seed: seed), seed: seed)
            let hint: Comment =
                "swift run simulate --scenario reconfigurations --seed \(seed) --trace: \(cluster.violations)"
            #expect(cluster.run() != nil, hint)
            // The leading master has what the agents said last.
            let totals = cluster.agents.reduce(Resources()) { $0 + $1.total }
            #expect(cluster.knownTotal == totals, hint)
            #expect(Set(cluster.agents.map(\.total)).count > 1, hint)
        }
    }

    @Test("Agents are emptied and put back whatever dies meanwhile; one that said that it drains starts nothing")
    func drains() {
        for seed: UInt64 in 1...2 {
            let cluster = SimulatedCluster(settings: Scenario.drains.settings(seed: seed), seed: seed)
            let hint: Comment = "swift run simulate --scenario drains --seed \(seed) --trace: \(cluster.violations)"
            #expect(cluster.run() != nil, hint)
            #expect(cluster.drainer?.carriedOut == 6, hint)
        }
    }

    @Test("A guarantee is met by revoking, soon, though masters and allocators die; nobody falls below its own by it")
    func guarantees() {
        for seed: UInt64 in 1...2 {
            let cluster = SimulatedCluster(settings: Scenario.guarantees.settings(seed: seed), seed: seed)
            let hint: Comment = "swift run simulate --scenario guarantees --seed \(seed) --trace: \(cluster.violations)"
            #expect(cluster.run() != nil, hint)
            // Tasks of others run for 60 s at least.
            let waited = cluster.schedulers[2].guaranteeMet
            #expect(waited.map { $0 < .seconds(40) } == true, "\(String(describing: waited)): \(hint)")
            #expect(cluster.revocations.carriedOut > 0, hint)
        }
    }

    @Test("In no generated history of guarantees is anything taken back without need, or from who has too little")
    func generatedGuarantees() {
        var revoked = 0
        for seed: UInt64 in 1...8 {
            let cluster = SimulatedCluster(settings: Scenario.drawn.settings(seed: seed), seed: seed)
            #expect(
                cluster.run() != nil,
                "swift run simulate --scenario drawn --seed \(seed) --trace: \(cluster.violations)")
            revoked += cluster.revocations.carriedOut
        }
        #expect(revoked > 8, "\(revoked)")
    }

    @Test("The same seed gives the same history")
    func repeats() {
        func history() -> [String] {
            var lines: [String] = []
            let cluster = SimulatedCluster(settings: Scenario.everything.settings(seed: 7), seed: 7)
            cluster.tracer = { lines.append($0) }
            _ = cluster.run()
            return lines
        }
        let (first, second) = (history(), history())
        #expect(first.count > 1000)
        #expect(first == second)
    }
}
