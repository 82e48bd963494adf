import Messages
import Model
import Testing

@testable import AgentCore

/// Chance, and a crash after every record.
struct StormTests {
    @Test(
        "Whatever happens in whatever order, nothing is lost, started twice, or told before it is on disk",
        arguments: 1...80)
    func storm(seed: UInt64) {
        var world = World(seed: seed)
        for step in 0..<800 {
            world.step()
            guard world.violations.isEmpty else {
                Issue.record("seed \(seed), step \(step): \(world.violations)")
                return
            }
        }
        world.settle()
        #expect(world.violations == [])
        #expect(world.machine.agent.tasks.isEmpty)
        #expect(world.machine.agent.executors.isEmpty)
        #expect(world.machine.agent.used.isEmpty)
        #expect(world.runs.isEmpty)
        for task in world.launchedTasks {
            let states = world.machine.statuses(of: task).map(\.state)
            // An order that the agent never wrote down is the master's to repeat.
            if states.isEmpty { continue }
            #expect(states.last?.isTerminal == true, "seed \(seed): \(task) \(states)")
            #expect(states.count { $0.isTerminal } == 1, "seed \(seed): \(task) \(states)")
        }
    }

    @Test("Every record can be read back from its bytes", arguments: 2001...2010)
    func recordsOnTheWire(seed: UInt64) throws {
        var world = World(seed: seed)
        for _ in 0..<300 { world.step() }
        for record in world.machine.disk + world.machine.agent.snapshotRecords() {
            #expect(try AgentLogRecord(encoded: record.encoded()) == record)
        }
    }

    @Test("Cut after any record, the log gives an agent that is whole", arguments: 1...6)
    func crashPoints(seed: UInt64) {
        var world = World(seed: 1000 + seed)
        for _ in 0..<250 { world.step() }
        let records = world.machine.disk
        for count in 0...records.count {
            for boot in ["boot-1", "boot-other"] {
                var agent = AgentState(settings: world.machine.settings, codec: codec, random: SeededGenerator(seed: 7))
                _ = agent.handle(.recovered(Array(records.prefix(count)), boot: boot, runs: []), at: world.machine.now)
                let broken = agent.checkInvariants()
                #expect(broken == [], "seed \(seed), cut at \(count) of \(records.count)")
                var copy = AgentState(settings: world.machine.settings, codec: codec, random: SeededGenerator(seed: 8))
                let snapshot = agent.snapshotRecords()
                for record in snapshot { copy.replay(record) }
                #expect(copy.snapshotRecords() == snapshot, "seed \(seed), cut at \(count) of \(records.count)")
                if !broken.isEmpty { return }
            }
        }
    }
}
