import Foundation
import TestSupport
import Testing

@Suite("Agents are taken out of service, and tasks that are not well", .serialized)
struct DrainTests {
    private func mode(_ cluster: LiveCluster, _ id: String) throws -> String {
        let outcome = try cluster.meseta(["agents", "--json"])
        let rows = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [[String: Any]] ?? []
        return rows.first { $0["id"] as? String == id }?["mode"] as? String ?? "none"
    }

    @Test(
        "An agent is drained: its tasks end with their reason, it stays so over restarts of agent and master, and comes back"
    )
    func drain() throws {
        let cluster = try LiveCluster(["--agents", "2"])
        defer { cluster.stop() }
        let ids = try cluster.meseta(["agents", "-q"]).lines
        #expect(ids.count == 2)
        let marks = cluster.directory.appendingPathComponent("marks").path
        let run = try cluster.start([
            "run", "--instances", "2", "--cpus", "0.05", "--mem", "16", "--", "sh", "-c",
            "echo $MESETA_AGENT_ID >> \(marks); exec sleep 1000",
        ])
        func lines() -> [String] {
            (try? String(contentsOfFile: marks, encoding: .utf8))?.split(separator: "\n").map(String.init) ?? []
        }
        try wait("both tasks run") { lines().count == 2 }
        let busy = lines()[0]
        let drained = try cluster.meseta(["agent", "drain", busy, "--deadline", "1m"])
        #expect(drained.status == 0, "\(drained.errors)")
        #expect(drained.output.hasPrefix("Agent \(busy) drains"), "\(drained.output)")
        try wait("it is drained") { (try? mode(cluster, busy)) == "drained" }
        let tasks = try cluster.meseta(["tasks", "--all"])
        #expect(tasks.output.contains("TASK_KILLED"), "\(tasks.output)")
        run.end()

        // Whoever dies, it stays drained.
        for name in ["agent-1", "agent-2", try cluster.leader()] { try cluster.killNow(name) }
        try wait("it is back, and still drained", seconds: 60) {
            (try? mode(cluster, busy)) == "drained" && (try? cluster.meseta(["status", "-q"])) != nil
        }
        let other = try #require(ids.first { $0 != busy })
        try wait("the other is back", seconds: 60) { (try? mode(cluster, other)) == "active" }
        let away = try cluster.meseta([
            "run", "--cpus", "0.05", "--mem", "16", "--", "sh", "-c", "echo $MESETA_AGENT_ID",
        ])
        #expect(away.output.contains(other), "\(away.output) \(away.errors)")

        let wrong = try cluster.meseta(["agent", "drain", "no-such"])
        #expect(wrong.status == 1)
        #expect(wrong.errors.contains("no agent's id is or begins with no-such"))
        #expect(try cluster.meseta(["agent", "reactivate", busy]).status == 0)
        #expect(try mode(cluster, busy) == "active")
        #expect(try cluster.meseta(["agent", "deactivate", busy]).status == 0)
        #expect(try mode(cluster, busy) == "deactivated")
    }

    private func wait(_ what: String, seconds: Double = 30, _ condition: () -> Bool) throws {
        let deadline = Date().addingTimeInterval(seconds)
        while !condition() {
            guard Date() < deadline else { throw TestFailure("it did not come: \(what)") }
            usleep(100_000)
        }
    }
}
