import Foundation
import TestSupport
import Testing

@Suite("A cluster of real processes, without ZooKeeper", .serialized)
struct ClusterTests {
    @Test("Pi is computed, every role is ready, and nothing stays behind")
    func pi() throws {
        let cluster = try LiveCluster()
        for member in cluster.members {
            #expect(httpStatus(member.side, "/livez") == 200, "\(member.name)")
            #expect(httpStatus(member.side, "/readyz") == 200, "\(member.name)")
            #expect(httpStatus(member.side, "/metrics") == 200, "\(member.name)")
            #expect(httpStatus(member.side, "/nothing") == 404, "\(member.name)")
        }
        let outcome = try cluster.run(Programs.path("pi"), ["--tasks", "6", "--samples", "200000", "--cpus", "0.2"])
        try #require(outcome.status == 0, "\(outcome.errors)\n\(cluster.logs)")
        #expect(outcome.output.contains("Pi is roughly 3.1"))
        let pids = cluster.members.compactMap { $0.process?.pid }
        #expect(pids.count == 6)
        cluster.stop()
        for pid in pids { try eventually("process \(pid) is gone", within: 5) { kill(pid, 0) != 0 } }
    }

    @Test("Commands run: output, exit codes, signals, and what cannot run")
    func commands() throws {
        let cluster = try LiveCluster(["--agents", "2"])
        let hello = try cluster.meseta(["run", "--", "sh", "-c", "echo out; echo err >&2"])
        #expect(hello.status == 0, "\(hello.errors)\n\(cluster.logs)")
        #expect(hello.output == "out\n")
        #expect(hello.errors.contains("err\n"))
        #expect(try cluster.meseta(["run", "--", "false"]).status == 1)
        #expect(try cluster.meseta(["run", "--", "sh", "-c", "exit 7"]).status == 7)
        #expect(try cluster.meseta(["run", "--", "sh", "-c", "kill -9 $$"]).status == 137)
        #expect(try cluster.meseta(["run", "--", "/no/such/program"]).status != 0)
        let environment = try cluster.meseta(["run", "--env", "GREETING=hi there", "--", "sh", "-c", "echo $GREETING"])
        #expect(environment.output == "hi there\n")
        let many = try cluster.meseta([
            "run", "--instances", "20", "--", "sh", "-c", "echo task $MESETA_TASK_ID agent $MESETA_AGENT_ID",
        ])
        #expect(many.status == 0)
        #expect(Set(many.lines).count == 20, "\(many.output)")
    }

    @Test("Ctrl-C ends the tasks of a run, and the tables show what goes on")
    func tables() throws {
        let cluster = try LiveCluster(["--agents", "2"])
        let run = try cluster.start(["run", "--name", "sleeper", "--instances", "2", "--", "sleep", "1000"])
        func rows(_ command: String) throws -> [[String: Any]] {
            let outcome = try cluster.meseta([command, "--json"])
            return try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [[String: Any]] ?? []
        }
        func running() throws -> Int { try rows("tasks").count { $0["state"] as? String == "TASK_RUNNING" } }
        try eventually("two tasks run") { try running() == 2 }
        #expect(try rows("agents").count == 2)
        #expect(try rows("frameworks").count { $0["connected"] as? Bool == true } == 1)
        #expect(try cluster.meseta(["agents"]).output.hasPrefix("ID"))
        #expect(try cluster.meseta(["offers"]).status == 0)
        run.signal(SIGINT)
        #expect(try run.wait(seconds: 30).status == 130)
        try eventually("no task is left") { try running() == 0 }
        let second = try cluster.start(["run", "--", "sleep", "1000"])
        try eventually("a task runs") { try running() == 1 }
        let task = try #require(
            try rows("tasks").first { $0["state"] as? String == "TASK_RUNNING" }?["id"] as? String)
        #expect(try cluster.meseta(["kill", task]).status == 0)
        #expect(try second.wait(seconds: 30).status != 0)
        #expect(try cluster.meseta(["kill", "no-such-task"]).status != 0)
    }

    @Test("Two frameworks share the cluster")
    func sharing() throws {
        let cluster = try LiveCluster()
        let runs = try (1...2).map { _ in
            try cluster.start(["run", "--instances", "12", "--cpus", "0.3", "--", "sleep", "0.3"])
        }
        for run in runs { #expect(try run.wait(seconds: 90).status == 0, "\(run.errors)\n\(cluster.logs)") }
    }

    @Test("With a shared secret the cluster works for those who know it, and for nobody else")
    func secret() throws {
        func file(_ text: String) throws -> String {
            let path = FileManager.default.temporaryDirectory.appendingPathComponent("secret-\(UUID().uuidString)").path
            _ = FileManager.default.createFile(
                atPath: path, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600])
            return path
        }
        let (right, wrong) = (try file("0123456789abcdef0123"), try file("something else, as long"))
        defer { for path in [right, wrong] { try? FileManager.default.removeItem(atPath: path) } }
        let cluster = try LiveCluster(["--agents", "1", "--secret-file", right])
        let run = try cluster.meseta(["run", "--secret-file", right, "--", "echo", "in"])
        #expect(run.status == 0, "\(run.errors)\n\(cluster.logs)")
        #expect(run.output == "in\n")
        #expect(try cluster.meseta(["status", "--secret-file", right]).status == 0)
        #expect(try cluster.meseta(["status", "--secret-file", wrong]).status == 1)
        let stranger = try cluster.meseta(["status"])
        #expect(stranger.status == 1)
        #expect(stranger.errors.contains("secret"))
    }

    @Test("The schema is enough: a scheduler in Python with a socket runs a task over one connection")
    func python() throws {
        let cluster = try LiveCluster(["--agents", "1"])
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        let protos = root.deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Protos")
        let classes = cluster.directory.appendingPathComponent("classes")
        try FileManager.default.createDirectory(at: classes, withIntermediateDirectories: true)
        let schema = ["meseta", "scheduler", "handshake"].map { protos.appendingPathComponent("\($0).proto").path }
        let generate = try RunningProgram(
            URL(fileURLWithPath: "/usr/bin/protoc"), ["-I", protos.path, "--python_out", classes.path] + schema)
        #expect(try generate.wait(seconds: 30).status == 0, "\(generate.errors)")
        let script = root.appendingPathComponent("Python/scheduler.py")
        #expect(try String(contentsOf: script, encoding: .utf8).split(separator: "\n").count < 100)
        let address = try #require(cluster.members("master").first?.address).split(separator: ":").map(String.init)
        let outcome = try cluster.run(
            URL(fileURLWithPath: "/usr/bin/python3"), [script.path, address[0], address[1], classes.path])
        #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)\n\(cluster.logs)")
        #expect(outcome.output.contains("TASK_FINISHED"))
    }
}

/// Asks until it is so.
func eventually(_ what: Comment, within seconds: Double = 30, _ condition: () throws -> Bool) throws {
    let deadline = Date().addingTimeInterval(seconds)
    while try !condition() {
        try #require(Date() < deadline, what)
        usleep(100_000)
    }
}
