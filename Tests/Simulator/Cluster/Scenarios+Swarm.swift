internal import MasterCore
internal import Model

extension Scenario {
    /// Any cluster with any work; of all kinds of faults some are on, each as often as the seed has it.
    ///
    /// With few kinds of faults at a time, a run gets further into the states that one of them leads to than with all.
    static func drawnSwarm(seed: UInt64) -> SimulationSettings {
        var random = SeededGenerator(key: [seed, 5, 7, 9])
        func draw(_ range: ClosedRange<Int64>) -> Int64 { Int64.random(in: range, using: &random) }
        var settings = SimulationSettings()
        settings.isLone = draw(0...9) == 0
        settings.masters = settings.isLone ? 1 : Int(draw(1...3))
        settings.allocators = Int(draw(1...3))
        settings.relays = Int(draw(1...4))
        // Now and then a large one, with little to do for each.
        let isLarge = draw(0...49) == 0
        settings.agents = Int(isLarge ? draw(100...300) : draw(2...12))
        settings.workloads = (0..<Int(isLarge ? draw(50...150) : draw(1...5))).map { _ in
            let longest = [200, 2000, 20_000][Int(draw(0...2))] as Int64
            var workload = Workload(
                tasks: Int(isLarge ? draw(5...30) : draw(20...300)),
                resources: ["cpus:1;mem:128", "cpus:0.5;mem:512", "cpus:2;mem:64"][Int(draw(0...2))],
                milliseconds: 10...longest, usesExecutor: draw(0...1) == 0, usesRelays: draw(0...3) > 0)
            // Who refuses for no time is asked again and again, by every agent.
            workload.refuse = .milliseconds(max(isLarge ? 3000 : 0, draw(0...5000)))
            workload.suppresses = draw(0...1) == 0
            workload.startsAfter = .milliseconds(draw(0...10_000))
            workload.partitionPolicy = [.replace, .replace, .wait, .killOnReturn][Int(draw(0...3))]
            workload.isPartitionAware = draw(0...3) > 0
            workload.hasStandby = draw(0...3) == 0
            return workload
        }
        settings.faultyFor = .seconds(draw(20...60))
        settings.convergesWithin = .seconds(10)
        settings.delay = 50...[200, 2000, 20_000][Int(draw(0...2))]
        settings.silenceLimit = .seconds(draw(3...45))
        settings.sessionTimeout = .seconds(draw(2...6))
        // A leader's session and the patience of standbys must both be over before the cluster is to be whole.
        settings.master.standbyPatience = .seconds(2)
        settings.witnesses = draw(0...3) > 0
        settings.heldBytesPerFramework = draw(0...3) == 0 ? 4 << 10 : 16 << 20
        settings.master.agentTimeout = .seconds(draw(0...1) == 0 ? draw(2...8) : draw(8...75))
        settings.cutOffDelay = .seconds(draw(3...10))
        settings.master.recoveryTimeout = .seconds(draw(5...75))
        settings.eventsPerCheck = 200
        settings.leastEvents = 20_000
        let usual: [Fault.Kind.Name: ClosedRange<Int64>] = [
            .kill: 1...8, .dieInMidEvent: 1...8, .freeze: 3...15, .cut: 3...15, .reset: 1...5, .slow: 3...15,
            .clock: 5...20,
            .diskFull: 5...20, .zooKeeperAway: 10...30, .zooKeeperCut: 3...15, .zooKeeperWiped: 15...40,
            .longKill: 10...40, .epochFileLost: 10...30, .relayCutOff: 15...40, .staleOrders: 1...5,
            .delaySpike: 2...10,
            .minority: 10...30,
        ]
        for name in Fault.Kind.Name.allCases where draw(0...1) == 0 {
            if let range = usual[name] { settings.faults[name] = .seconds(draw(range)) }
        }
        if settings.isLone {
            for name: Fault.Kind.Name in [.zooKeeperAway, .zooKeeperCut, .zooKeeperWiped, .minority] {
                settings.faults[name] = nil
            }
        }
        settings.hasOlderPeers = draw(0...3) == 0
        // Often is hard on the order of statuses: some are always on their way a second time.
        settings.statusRetryInterval = .seconds(draw(0...1) == 0 ? draw(1...10) : 30)
        // Five frameworks of 300 tasks of 10 s on average and two cores may have eight.
        settings.patience = .seconds(7200)
        return settings
    }
}
