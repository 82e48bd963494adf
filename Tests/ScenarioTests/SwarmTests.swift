import Foundation
import Model
import Simulator
import Testing

@Suite("Any cluster, any work, and faults of some kinds, drawn from a seed")
struct SwarmTests {
    /// With the checks that only a debug build makes; `Tests/run` has 200 seeds of the release build.
    @Test("Nothing is lost, started twice or over-committed, each agent obeys one leader, and the cluster recovers")
    func promises() {
        for seed: UInt64 in 1...2 {
            let outcome = SimulationOutcome.run(.swarm, seed: seed)
            #expect(outcome.violations.isEmpty, "swift run simulate --seed \(seed) --trace: \(outcome.violations)")
        }
    }

    @Test("The same seed gives the same history, whatever faults it draws")
    func repeats() {
        func history() -> [String] {
            var lines: [String] = []
            _ = SimulationOutcome.run(.swarm, seed: 3, tracer: { lines.append($0) })
            return lines
        }
        #expect(history() == history())
    }

    @Test(
        "A relay that has reached no master since its start sends its agents to one that does",
        arguments: [true, false])
    func startsCutOff(isLone: Bool) {
        var settings = SimulationSettings()
        settings.masters = 1
        settings.isLone = isLone
        settings.agents = 10
        let cluster = SimulatedCluster(settings: settings, seed: 1)
        defer { cluster.dismantle() }
        let cut = Fault.Kind.relayCutOff("relay-1", masters: ["master-1"], restarts: false)
        cluster.befall(Fault(after: .zero, kind: cut, duration: .seconds(3600)))
        let start = cluster.now
        func count(at relay: String) -> Int { cluster.agents.count { $0.relayAddress == relay } }
        #expect(cluster.run(until: { cluster.now > start + .seconds(8) }, patience: .seconds(9)))
        #expect(count(at: "relay-1") > 0 && count(at: "relay-2") > 0, "each has gone where its name belongs")
        #expect(cluster.masters[0].status?.agents == UInt32(count(at: "relay-2")))
        #expect(cluster.resume(until: { cluster.masters[0].status?.agents == 10 }, patience: .seconds(10)))
        #expect(count(at: "relay-2") == 10)
        #expect(cluster.coverage.count(of: .relaysStartedCutOff) == 1)
    }

    @Test("Every mutant still fits the code that it breaks")
    func mutants() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let folder = root.appending(path: "Tests/Simulator/Mutants")
        let patches = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        #expect(patches.count > 5)
        for patch in patches {
            let git = Process()
            git.executableURL = URL(filePath: "/usr/bin/env")
            git.arguments = ["git", "apply", "--check", patch.path]
            git.currentDirectoryURL = root
            try git.run()
            git.waitUntilExit()
            #expect(git.terminationStatus == 0, "\(patch.lastPathComponent) does not apply: make it anew")
        }
    }
}
