import Foundation
import TestSupport
import Testing

@Suite("What tasks see of the death of an agent's processes", .serialized)
struct AgentLossTests {
    @Test("An agent is killed under its tasks: they run on, each once, and the next agent knows how they ended")
    func agentKilled() throws {
        let cluster = try LiveCluster(["--agents", "1", "--restart-delay", "3"])
        defer { cluster.stop() }
        let (early, late) = (Gate(in: cluster, "early"), Gate(in: cluster, "late"))
        // How each run ends, and whether it does so while no agent is there.
        let plan: [(end: String, gate: Gate, status: Int32)] = [
            ("exit 0", early, 0), ("exit 7", early, 7), ("kill -9 $$", early, 137), ("exit 0", late, 0),
            ("exit 3", late, 3),
        ]
        let runs = try plan.enumerated().map { index, item in
            let marks = Marks(in: cluster, "marks-\(index)")
            let script = "echo $$ >> \(marks.path); \(item.gate.wait); echo end >> \(marks.path); \(item.end)"
            let run = try cluster.start([
                "run", "--instances", "2", "--cpus", "0.05", "--mem", "16", "--", "sh", "-c", script,
            ])
            return (run: run, marks: marks, late: item.gate.path == late.path, status: item.status)
        }
        for run in runs { try eventually("its tasks run") { run.marks.lines.count == 2 } }
        let agent = try #require(cluster.members("agent").first?.process?.pid)
        try cluster.killNow("agent-1")
        early.open()
        for run in runs where !run.late { try eventually("its tasks end") { run.marks.lines.count == 4 } }
        #expect(cluster.members("agent").first?.process?.pid == agent, "they ended while no agent was there")
        try eventually("an agent is there again") {
            guard let member = cluster.members("agent").first, member.process?.pid != agent else { return false }
            return httpStatus(member.side, "/readyz") == 200
        }
        for run in runs where run.late {
            for pid in run.marks.lines.compactMap(Int32.init) { #expect(kill(pid, 0) == 0, "task \(pid) runs on") }
        }
        late.open()
        for run in runs {
            let outcome = try run.run.wait(seconds: 60)
            #expect(outcome.status == run.status, "\(outcome.errors)\n\(cluster.logs)")
            #expect(run.marks.lines.count == 4, "each task ran once: \(run.marks.lines)")
            #expect(run.marks.lines.count { $0 == "end" } == 2)
        }
    }

    @Test("A supervisor is killed: its tasks have failed and nothing of them is left, those of others run on")
    func supervisorKilled() throws {
        let cluster = try LiveCluster(["--agents", "1"])
        defer { cluster.stop() }
        let (gate, marks) = (Gate(in: cluster, "gate"), Marks(in: cluster, "others"))
        let others = try cluster.start([
            "run", "--name", "others", "--instances", "2", "--cpus", "0.05", "--mem", "16", "--", "sh", "-c",
            "echo $$ >> \(marks.path); \(gate.wait)",
        ])
        // Each task also has a process that has left its session and its parent.
        let victims = Marks(in: cluster, "victims")
        let run = try cluster.start([
            "run", "--name", "victim", "--instances", "2", "--cpus", "0.05", "--mem", "16", "--", "sh", "-c",
            "(setsid sleep 1000 & echo $! >> \(victims.path)); echo $$ >> \(victims.path); exec sleep 1000",
        ])
        try eventually("all tasks run") { marks.lines.count == 2 && victims.lines.count == 4 }
        let (supervisor, framework) = try cluster.supervisor(of: "victim")
        #expect(cluster.processes(of: framework).count == 4)
        kill(supervisor, SIGKILL)

        let outcome = try run.wait(seconds: 30)
        #expect(outcome.status == 1, "\(outcome.errors)")
        let causes = outcome.errors.split(separator: "\n").filter { $0.contains("TASK_FAILED: ") }
        #expect(causes.count == 2, "\(outcome.errors)")
        #expect(causes.allSatisfy { $0.contains("supervisor") }, "the cause is told: \(outcome.errors)")
        try eventually("no process of the framework is left", within: 10) { cluster.processes(of: framework).isEmpty }

        for pid in marks.lines.compactMap(Int32.init) { #expect(kill(pid, 0) == 0, "task \(pid) of another runs on") }
        gate.open()
        let untouched = try others.wait(seconds: 30)
        #expect(untouched.status == 0, "\(untouched.errors)\n\(cluster.logs)")
        #expect(marks.lines.count == 2, "each ran once")
        #expect(try cluster.meseta(["run", "--", "true"]).status == 0, "the agent takes new work")
    }

    @Test("Control groups of an agent that was killed last are removed with its cluster", .enabled(if: getuid() == 0))
    func groupsOfKilled() throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("groups-\(UUID().uuidString)")
        let agent = directory.appendingPathComponent("agent-1")
        try FileManager.default.createDirectory(at: agent, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        var about = stat()
        #expect(stat(agent.path, &about) == 0)
        let name = "test-" + String(about.st_dev, radix: 16) + "-" + String(about.st_ino, radix: 16)
        for mount in CgroupRemains.mounts {
            try? FileManager.default.createDirectory(
                atPath: "\(mount)/meseta/\(name)/slot-0", withIntermediateDirectories: true)
        }
        let remains = CgroupRemains(ofAgentsIn: directory)
        let groups = remains.groups
        #expect(groups.allSatisfy { $0.hasSuffix("/meseta/\(name)") })
        remains.remove()
        #expect(remains.groups.isEmpty)
        #expect(groups.allSatisfy { !FileManager.default.fileExists(atPath: $0) })
    }
}

/// A file that tasks wait for.
private struct Gate {
    let path: String

    init(in cluster: LiveCluster, _ name: String) { self.path = cluster.directory.appendingPathComponent(name).path }

    /// The line of a script that waits.
    var wait: String { "while [ ! -e \(self.path) ]; do sleep 0.1; done" }

    func open() { _ = FileManager.default.createFile(atPath: self.path, contents: nil) }
}

/// A file that tasks append lines to.
private struct Marks {
    let path: String

    init(in cluster: LiveCluster, _ name: String) { self.path = cluster.directory.appendingPathComponent(name).path }

    var lines: [String] {
        ((try? String(contentsOfFile: self.path, encoding: .utf8)) ?? "").split(separator: "\n").map(String.init)
    }
}

extension LiveCluster {
    /// The process that supervises a framework on the one agent, and the framework's id.
    fileprivate func supervisor(of name: String) throws -> (pid: Int32, framework: String) {
        let outcome = try self.meseta(["frameworks", "--json"])
        let rows = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [[String: Any]] ?? []
        guard let framework = rows.first(where: { $0["name"] as? String == name })?["id"] as? String else {
            throw TestFailure("no framework \(name): \(outcome.output)")
        }
        let lock = self.directory.appendingPathComponent("agent-1/supervisors/\(framework)/lock").path
        guard let pid = try Int32(String(contentsOfFile: lock, encoding: .utf8).filter(\.isNumber)), pid > 1 else {
            throw TestFailure("no supervisor of \(framework)")
        }
        return (pid, framework)
    }

    /// The processes of a framework's tasks, wherever they are in the tree of processes.
    fileprivate func processes(of framework: String) -> [Int32] {
        let sign = Data("\0MESETA_FRAMEWORK_ID=\(framework)\0".utf8)
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap(Int32.init).filter { pid in
            guard let environment = FileManager.default.contents(atPath: "/proc/\(pid)/environ") else { return false }
            return (Data([0]) + environment).range(of: sign) != nil
        }
    }
}
