import Simulator
import Testing

@Suite("A whole cluster on virtual time")
struct SimulationTests {
    @Test("Whatever is killed, every task finishes once and nothing is held in the end", arguments: Scenario.allCases)
    func survives(scenario: Scenario) {
        for seed: UInt64 in 1...4 {
            let cluster = SimulatedCluster(settings: scenario.settings, seed: seed)
            let duration = cluster.run()
            #expect(
                duration != nil,
                "swift run simulate --scenario \(scenario.rawValue) --seed \(seed) --trace: \(cluster.violations)")
        }
    }

    @Test("The same seed gives the same history")
    func repeats() {
        func history() -> [String] {
            var lines: [String] = []
            let cluster = SimulatedCluster(settings: Scenario.everything.settings, seed: 7)
            cluster.tracer = { lines.append($0) }
            _ = cluster.run()
            return lines
        }
        let (first, second) = (history(), history())
        #expect(first.count > 1000)
        #expect(first == second)
    }
}
