import Foundation
import TestSupport
import Testing

@Suite("meseta top on a cluster of real processes", .serialized)
struct TopTests {
    private struct Round: Decodable {
        struct Agent: Decodable {
            var id: String
            var problem: String?
            var load: Double?
            var memory_total_bytes: Double?
        }
        struct Container: Decodable {
            var agent: String
            var framework: String
            var task: String?
            var cpus: Double?
            var cpu_cores: Double?
            var memory_bytes: Double?
            var disk_bytes: Double?
        }
        var agents: [Agent]
        var containers: [Container]
    }

    private func rounds(_ outcome: Outcome) throws -> [Round] {
        try outcome.lines.map { try JSONDecoder().decode(Round.self, from: Data($0.utf8)) }
    }

    @Test("What tasks use is shown, with the cluster's secret only; an agent that is away has a line that says why")
    func life() throws {
        let secret = FileManager.default.temporaryDirectory.appendingPathComponent("secret-\(UUID().uuidString)").path
        _ = FileManager.default.createFile(
            atPath: secret, contents: Data("a secret of thirty-two characters".utf8),
            attributes: [.posixPermissions: 0o600])
        defer { try? FileManager.default.removeItem(atPath: secret) }
        let cluster = try LiveCluster(
            ["--agents", "2", "--secret-file", secret, "--resources", "cpus:2;mem:512", "--restart-delay", "never"])
        defer { cluster.stop() }
        func top(_ arguments: [String]) throws -> Outcome {
            try cluster.meseta(["top", "--secret-file", secret] + arguments)
        }
        // Two at once fill no agent, so that both kinds may be on one.
        let busy = try cluster.start(
            [
                "run", "--secret-file", secret, "--name", "busy", "--cpus", "0.5", "--mem", "64", "--", "sh", "-c",
                "head -c 3000000 /dev/zero > big; while :; do :; done",
            ])
        defer { busy.end() }
        let idle = try cluster.start(
            ["run", "--secret-file", secret, "--name", "idle", "--", "sleep", "1000"])
        defer { idle.end() }
        try eventually("both are there, and looked at twice") {
            let round = try #require(try self.rounds(try top(["-o", "json"])).first)
            return round.containers.count == 2
                && round.containers.allSatisfy { $0.cpu_cores != nil && $0.disk_bytes != nil }
        }
        let two = try top(["-o", "json", "-n", "2", "--interval", "1s", "--sort", "cpu"])
        #expect(two.status == 0, "\(two.errors)")
        let rounds = try self.rounds(two)
        #expect(rounds.count == 2)
        for round in rounds {
            #expect(round.agents.count == 2 && round.agents.allSatisfy { $0.problem == nil && $0.load != nil })
            let cores = round.containers.map { $0.cpu_cores ?? 0 }
            #expect(cores.count == 2 && cores[0] > cores[1] && round.containers[0].cpus == 0.5, "\(cores)")
            #expect(round.containers[0].disk_bytes ?? 0 >= 3_000_000)
        }
        let table = try top([])
        #expect(table.status == 0 && table.output.contains("PRESSURE") && !table.output.contains("\u{1b}"))
        #expect(table.lines.count == 3 + 3, "\(table.output)")
        // While both agents are there to kill the tasks.
        busy.end()
        idle.end()
        try self.mistakes(cluster, rounds[0].agents.map(\.id), top)
    }

    private func mistakes(
        _ cluster: LiveCluster, _ agents: [String], _ top: ([String]) throws -> Outcome
    ) throws {
        // Ids share their beginnings.
        let one = try top(["-o", "json", "--agent", agents[1]])
        #expect(try self.rounds(one).first?.agents.map(\.id) == [agents[1]])
        for (arguments, status, complaint) in [
            (["--agent", "nobody"], Int32(1), "no agent's id begins with nobody"), (["-n", "0"], 64, "at least 1"),
            (["--interval", "1ms"], 64, "at least 100ms"), (["--sort", "age"], 64, "age"),
        ] {
            let outcome = try top(arguments)
            #expect(outcome.status == status && outcome.errors.contains(complaint), "\(arguments): \(outcome.errors)")
        }
        // One that has died is still known for a while.
        try cluster.killNow("agent-1")
        let left = try top(["-o", "json"])
        let problems = try #require(try self.rounds(left).first).agents.compactMap(\.problem)
        #expect(left.status == 0 && problems.count == 1, "\(left.output)")
        #expect(problems.first?.contains("the agent at ") == true, "\(problems)")
    }
}
