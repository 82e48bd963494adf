import Foundation
import TestSupport
import Testing

@Suite("A slave agent that dies, on a cluster of real processes", .serialized)
struct AgentKillTests {
    private func agentKills(_ arguments: String...) throws -> Outcome {
        try RunningProgram(Programs.path("agent-kills"), arguments).wait(seconds: 180)
    }

    /// The short form of the 200 kills that `agent-kills` makes by itself; the judge is the same.
    @Test("Tasks do not notice that their agent is killed at random instants, and each ends once")
    func randomKills() throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("kills-\(UUID().uuidString).json")
        defer { try? FileManager.default.removeItem(at: file) }
        let outcome = try self.agentKills("random", "--kills", "10", "--seed", "7", "--json", file.path)
        #expect(outcome.status == 0, "\(outcome.output)\n\(outcome.errors)")
        #expect(outcome.output.contains("; 0 breaches"), "\(outcome.output)")
        let figures = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any] ?? [:]
        #expect(figures["kills"] as? Int == 10 && figures["seed"] as? Int == 7 && figures["breaches"] as? Int == 0)
        #expect(try #require(figures["tasks"] as? Int) > 0)
    }

    /// Copies of one build, since tests have no other; what differs is where their programs are.
    @Test("Two builds of the agent take turns under running tasks, which do not notice")
    func twoBuilds() throws {
        let other = try Programs.copy(["meseta-agent", "meseta-supervisor"])
        defer { try? FileManager.default.removeItem(at: other) }
        let outcome = try self.agentKills("random", "--kills", "6", "--seed", "3", "--other", other.path)
        #expect(outcome.status == 0, "\(outcome.output)\n\(outcome.errors)")
        #expect(outcome.output.contains("; 0 breaches"), "\(outcome.output)")
    }

    /// Every third operation; `agent-kills crash-points` by itself takes each, and tears the last write as well.
    @Test("Tasks do not notice that their agent ends behind a file operation, of theirs or of its own start")
    func crashPoints() throws {
        let outcome = try self.agentKills("crash-points", "--step", "3", "--no-torn")
        #expect(outcome.status == 0, "\(outcome.output)\n\(outcome.errors)")
        #expect(outcome.output.contains("; 0 breaches"), "\(outcome.output)")
        // Each kind of task, and the start, had its crash points.
        #expect(outcome.output.split(separator: "\n").count { $0.contains(" crash points") } == 4, "\(outcome.output)")
    }
}
