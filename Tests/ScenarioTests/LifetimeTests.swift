import Simulator
import Testing

@Suite("A simulated cluster")
struct LifetimeTests {
    @Test("When it has run, nothing of it is left: thousands of seeds fit into one process")
    func nothingIsLeft() {
        weak var cluster: SimulatedCluster?
        var processes: [() -> SimulatedProcess?] = []
        func run() {
            let running = SimulatedCluster(settings: Scenario.swarm.settings(seed: 2), seed: 2)
            _ = running.run()
            running.dismantle()
            cluster = running
            for process in running.agents as [SimulatedProcess] + running.masters + running.schedulers {
                processes.append { [weak process] in process }
            }
        }
        run()
        #expect(cluster == nil)
        #expect(processes.allSatisfy { $0() == nil })
    }
}
