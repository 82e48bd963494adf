import Foundation
import TestSupport
import Testing

@Suite("meseta chaos", .serialized)
struct ChaosTests {
    private func meseta(_ arguments: [String], seconds: Double) throws -> Outcome {
        try RunningProgram(Programs.path("meseta"), arguments).wait(seconds: seconds)
    }

    /// A minute of what `meseta chaos` does for half an hour by itself.
    @Test("Every role is killed, frozen and cut off for a minute: nothing starts twice, nothing is lost")
    func everything() throws {
        let report = FileManager.default.temporaryDirectory.appendingPathComponent("chaos-\(UUID().uuidString).json")
        defer { try? FileManager.default.removeItem(at: report) }
        let outcome = try self.meseta(
            [
                "chaos", "--duration", "60", "--seed", "7", "--json", report.path, "--faults",
                "kill=2s,freeze=12s,partition=15s,latency=15s,reset-peer=10s,slicer=20s",
            ], seconds: 240)
        try #require(outcome.status == 0, "\(outcome.output)\n\(outcome.errors)")
        let text = try Data(contentsOf: report)
        let read = try #require(try JSONSerialization.jsonObject(with: text) as? [String: Any])
        let verdict = try #require(read["verdict"] as? [String: Any])
        for name in ["startedTwice", "lost", "undelivered", "overCommitments"] {
            #expect(verdict[name] as? Int == 0, "\(name)")
        }
        #expect((verdict["breaches"] as? [String])?.isEmpty == true)
        #expect(verdict["finished"] as? Int ?? 0 > 100, "\(outcome.output)")
        let faults = try #require(read["faults"] as? [[String: Any]])
        #expect(Set(faults.compactMap { $0["role"] as? String }).count == 6, "every role suffered")
    }

    @Test("A running cluster is attached to, and goes on when the harm is over")
    func attached() throws {
        let cluster = try LiveCluster(["--agents", "2", "--restart-delay", "0.5"])
        defer { cluster.stop() }
        let outcome = try self.meseta(
            [
                "chaos", "--cluster", cluster.directory.path, "--duration", "10", "--faults", "kill=3s,freeze=6s",
                "--frameworks", "2",
            ], seconds: 120)
        #expect(outcome.status == 0, "\(outcome.output)\n\(outcome.errors)\n\(cluster.logs)")
        #expect(try cluster.meseta(["run", "--", "true"]).status == 0)
    }

    @Test(
        "A fault that cannot be done is refused before anything is started",
        arguments: [
            ["--targets", "gateway"], ["--faults", "flood=2s"], ["--faults", "kill"],
            ["--faults", "full-disk=2s", "--targets", "relay"],
            ["--zookeepers", "0", "--masters", "1", "--targets", "zookeeper"],
            ["--schedule", "/nonexistent"],
        ])
    func refused(arguments: [String]) throws {
        let outcome = try self.meseta(["chaos", "--duration", "1"] + arguments, seconds: 10)
        #expect(outcome.status == 1 && outcome.errors.hasPrefix("meseta: "), "\(outcome.errors)")
        #expect(!outcome.errors.contains("starting"))
    }
}
