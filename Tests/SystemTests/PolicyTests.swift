import Foundation
import TestSupport
import Testing

@Suite("The operator's policy on a cluster of real processes", .serialized)
struct PolicyTests {
    private func rows(_ cluster: LiveCluster, _ command: [String]) throws -> [[String: Any]] {
        let outcome = try cluster.meseta(command + ["--json"])
        #expect(outcome.status == 0, "\(outcome.errors)")
        return try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [[String: Any]] ?? []
    }

    @Test(
        "A policy is read at the start, when the file changes, and when an operator applies one; mistakes name their line"
    )
    func policy() throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("policy-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        func write(_ name: String, _ text: String) throws -> String {
            let path = directory.appendingPathComponent(name).path
            try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
            return path
        }
        let file = try write("policy.yaml", "roles:\n  '*': {limit: {cpus: 0.5}}\n")
        let cluster = try LiveCluster(["--agents", "1", "--policy-file", file])

        // Two tasks of 0.3 CPUs do not fit the limit at once; one after the other they do.
        let run = try cluster.start([
            "run", "--name", "sleepers", "--instances", "2", "--cpus", "0.3", "--", "sleep", "30",
        ])
        func running() throws -> Int {
            try self.rows(cluster, ["tasks"]).count { $0["state"] as? String == "TASK_RUNNING" }
        }
        try eventually("one task runs") { try running() == 1 }
        let role = try #require(try self.rows(cluster, ["roles"]).first { $0["role"] as? String == "*" })
        #expect((role["held"] as? [String: Any])?["cpus"] as? Double == 0.3, "\(role)")
        let framework = try #require(try self.rows(cluster, ["frameworks"]).first?["id"] as? String)
        let shares = try self.rows(cluster, ["shares"])
        #expect(shares.contains { $0["framework"] as? String == framework }, "\(shares)")
        let why = try cluster.meseta(["explain", "framework", framework, "--resources", "cpus:0.3"])
        #expect(why.status == 0 && why.output.contains("ROLE"), "\(why.output)\(why.errors)")

        // The file changes: the second task starts without a restart of anything.
        _ = try write("policy.yaml", "roles:\n  '*': {limit: {cpus: 1}}\n")
        try eventually("both tasks run") { try running() == 2 }

        // A file with a mistake is refused by line, here and by the master, and the policy stays.
        let wrong = try write("wrong.yaml", "roles:\n  '*':\n    wieght: 2\n")
        let check = try cluster.meseta(["policy", "check", wrong])
        #expect(check.status != 0)
        #expect(check.errors.contains("wrong.yaml:3") && check.errors.contains("weight"), "\(check.errors)")
        #expect(try cluster.meseta(["policy", "apply", wrong]).status != 0)

        // Guarantees that the cluster cannot keep are refused with the arithmetic.
        let greedy = try write("greedy.yaml", "roles:\n  '*': {guarantee: {cpus: 5000}}\n")
        let refused = try cluster.meseta(["policy", "apply", greedy])
        #expect(refused.status != 0 && refused.errors.contains("cpus:5000"), "\(refused.errors)")

        // What is applied is shown, and kept in the file of the master.
        let applied = try write("applied.yaml", "policy: priority\nroles:\n  '*': {weight: 3}\n")
        #expect(try cluster.meseta(["policy", "apply", applied]).status == 0)
        #expect(try cluster.meseta(["policy", "show"]).output.contains("policy: priority"))
        #expect(try String(contentsOfFile: file, encoding: .utf8).contains("policy: priority"))
        run.signal(SIGINT)
        #expect(try run.wait(seconds: 30).status == 130)
    }

    @Test("A policy that is applied reaches the standby, too: after the leader's end the next one follows it")
    func failover() throws {
        let zooKeeper = try ZooKeeperEnsemble()
        try zooKeeper.start()
        defer { zooKeeper.stop() }
        let cluster = try LiveCluster(
            ["--masters", "2", "--agents", "1", "--restart-delay", "never"],
            election: "zk://\(zooKeeper.connectString)/meseta")
        defer { cluster.stop() }
        let file = cluster.directory.appendingPathComponent("applied.yaml").path
        func apply(_ weight: Int) throws -> Outcome {
            try Data("policy: priority\nroles:\n  a: {weight: \(weight)}\n".utf8).write(to: URL(fileURLWithPath: file))
            return try cluster.meseta(["policy", "apply", file])
        }
        let first = try cluster.leader()
        let applied = try apply(7)
        #expect(applied.status == 0, "\(applied.errors)")
        #expect(applied.lines.count == 2 && applied.lines[0].contains("in force, by the leader \(first)"))
        let second = try #require(cluster.members("master").map(\.name).first { $0 != first })
        #expect(applied.lines.last?.contains("taken over by \(second)") == true, "\(applied.output)")

        // A master that hangs is named, and what to do; the leader follows the policy all the same.
        let process = try #require(cluster.members("master").first { $0.name == second }?.process)
        kill(process.pid, SIGSTOP)
        let partly = try apply(8)
        kill(process.pid, SIGCONT)
        #expect(partly.status == 1)
        #expect(
            partly.errors.contains("not taken over by") && partly.errors.contains("policy apply"), "\(partly.errors)")
        #expect(try cluster.meseta(["policy", "show"]).output.contains("weight: 8"))

        try eventually("both are told again") { try apply(9).status == 0 }
        let leader = try cluster.leader()
        try cluster.killNow(leader)
        try eventually("the other master leads") { (try? cluster.leader()).map { $0 != leader } ?? false }
        let shown = try cluster.meseta(["policy", "show"])
        #expect(shown.output.contains("weight: 9"), "\(shown.output)\(shown.errors)")
    }

    @Test("A framework below its guarantee is given what others give back, and no more than that")
    func revocation() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("policy-\(UUID().uuidString).yaml")
        defer { try? FileManager.default.removeItem(at: path) }
        let text = "frameworks:\n  urgent: {guarantee: {cpus: 0.5}}\nrevocation: {wait: 1s, grace: 1s}\n"
        try Data(text.utf8).write(to: path)
        let cluster = try LiveCluster(
            ["--agents", "1", "--resources", "cpus:1;mem:1024;disk:1024", "--policy-file", path.path])
        let greedy = try cluster.start([
            "run", "--name", "greedy", "--instances", "10", "--cpus", "0.1", "--mem", "16", "--", "sleep", "1000",
        ])
        func running(_ name: String) throws -> Int {
            try self.rows(cluster, ["tasks"]).count {
                $0["state"] as? String == "TASK_RUNNING" && ($0["name"] as? String)?.contains(name) == true
            }
        }
        try eventually("the cluster is full") { try running("sleep") == 10 }
        let urgent = try cluster.meseta([
            "run", "--name", "urgent", "--instances", "2", "--cpus", "0.25", "--mem", "16", "--", "echo", "in",
        ])
        #expect(urgent.status == 0, "\(urgent.errors)\n\(cluster.logs)")
        #expect(urgent.output == "in\nin\n")
        #expect(try running("sleep") >= 5, "no more is taken back than was missing")
        greedy.signal(SIGINT)
        _ = try greedy.wait(seconds: 30)
    }

    @Test("A policy is tried out beside the one in force by an allocator that only watches, and both are compared")
    func shadow() throws {
        let cluster = try LiveCluster(["--agents", "1", "--resources", "cpus:2;mem:4096;disk:1024"])
        func write(_ name: String, _ text: String) throws -> String {
            let path = cluster.directory.appendingPathComponent(name)
            try Data(text.utf8).write(to: path)
            return path.path
        }
        let weights = try write("weights.yaml", "frameworks:\n  large: {weight: 3}\n")
        #expect(try cluster.meseta(["policy", "apply", weights]).status == 0)
        #expect(try cluster.meseta(["policy", "compare"]).errors.contains("--shadow"), "nobody watches yet")
        let equal = try write("equal.yaml", "policy: fair\n")
        let master = try #require(cluster.members("master").first?.address)
        let runs = try ["large", "small"].map { name in
            try cluster.start([
                "run", "--name", name, "--instances", "2000", "--cpus", "0.1", "--mem", "16", "--", "sleep", "0.5",
            ])
        }
        try eventually("both run") {
            Set(try self.rows(cluster, ["tasks"]).compactMap { $0["framework"] as? String }).count == 2
        }
        let shadow = try RunningProgram(
            Programs.path("meseta-allocator"),
            ["--master", master, "--shadow", "--policy-file", equal, "--name", "equal", "--side-port", "0"])
        func compare() throws -> [String: Any]? { try self.rows(cluster, ["policy", "compare"]).first }
        func share(_ name: String, _ world: String, of report: [String: Any]?) -> Double {
            let frameworks = (report?["frameworks"] as? [String: [String: Any]] ?? [:]).values
            let row = frameworks.first { $0["name"] as? String == name }
            return (row?[world] as? [String: Any])?["share"] as? Double ?? -1
        }
        try eventually("three to one in the cluster, evenly in the other world", within: 60) {
            let report = try compare()
            let apart = share("large", "real", of: report) - share("small", "real", of: report)
            let apartInShadow = share("large", "shadow", of: report) - share("small", "shadow", of: report)
            return share("small", "real", of: report) > 0.1 && share("small", "shadow", of: report) > 0.3
                && apart > 0.3 && abs(apartInShadow) < 0.15
        }
        let report = try #require(try compare())
        #expect(report["shadow"] as? String == "equal")
        #expect(report["shadow_jain_index"] as? Double ?? 1 < report["jain_index"] as? Double ?? 0, "\(report)")
        let table = try cluster.meseta(["policy", "compare"])
        #expect(table.output.contains("SHADOW SHARE") && table.output.contains("Jain's index"), "\(table.output)")
        for run in runs { run.signal(SIGINT) }
        for run in runs { _ = try run.wait(seconds: 30) }
        shadow.signal(SIGKILL)
        try eventually("it is gone") { try compare() == nil }
    }

    @Test("What an executor does not give back is taken with the executor, and the guarantee is kept")
    func stubbornExecutor() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("policy-\(UUID().uuidString).yaml")
        defer { try? FileManager.default.removeItem(at: path) }
        let text = "frameworks:\n  urgent: {guarantee: {cpus: 0.4}}\nrevocation: {wait: 1s, grace: 1s}\n"
        try Data(text.utf8).write(to: path)
        let cluster = try LiveCluster(
            ["--agents", "1", "--resources", "cpus:1;mem:1024;disk:1024", "--policy-file", path.path])
        let classes = try PythonClasses.make(["executor", "handshake", "meseta", "scheduler"], in: cluster)
        let address = try #require(cluster.members("master").first?.address).split(separator: ":").map(String.init)
        let stubborn = try RunningProgram(
            URL(fileURLWithPath: "/usr/bin/python3"),
            [PythonClasses.script("stubborn.py"), classes, address[0], address[1]])
        func isRunning(_ task: String) -> Bool { stubborn.output.contains("\(task) TASK_RUNNING") }
        try eventually("the cluster is full") { isRunning("a") && isRunning("b") }
        let urgent = try cluster.meseta(["run", "--name", "urgent", "--cpus", "0.4", "--mem", "16", "--", "echo", "in"])
        #expect(urgent.status == 0 && urgent.output == "in\n", "\(urgent.errors)\n\(stubborn.errors)\n\(cluster.logs)")
        let told = try stubborn.wait(seconds: 30)
        #expect(told.status == 0, "\(told.errors)")
        #expect(told.output.contains("asked to give back"))
        // One task is taken back; the other had the same executor.
        let ends = told.lines.filter { $0.contains("REASON_CONTAINER_PREEMPTED") }
        #expect(ends.count == 2 && ends.count { $0.contains("TASK_KILLED") } == 1, "\(told.output)")
        #expect(ends.allSatisfy { $0.contains("Executor e did not end task") && $0.contains("revoked for framework") })
    }

    @Test("A policy in another language takes the place of the one that Meseta brings, while the cluster runs")
    func python() throws {
        let cluster = try LiveCluster(["--agents", "2", "--restart-delay", "never"])
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let classes = try PythonClasses.make(
            ["allocator", "entities", "handshake", "meseta", "scheduler"], in: cluster)
        let address = try #require(cluster.members("master").first?.address).split(separator: ":").map(String.init)
        let allocator = try RunningProgram(
            URL(fileURLWithPath: "/usr/bin/python3"),
            [
                root.appendingPathComponent("Services/SDK/Python/examples/allocator.py").path, address[0], address[1],
                classes,
            ])
        func owners() throws -> Set<String> {
            Set(try self.rows(cluster, ["agents"]).compactMap { $0["allocator"] as? String })
        }
        // By their ids, which are others each time: it may have none of two.
        try eventually("the other takes part") {
            let status = try cluster.meseta(["status", "--json"])
            let fields = try JSONSerialization.jsonObject(with: Data(status.output.utf8)) as? [String: Any]
            return fields?["allocators"] as? Int == 2
        }
        let before = try cluster.meseta(["run", "--instances", "6", "--cpus", "0.2", "--", "sleep", "0.2"])
        #expect(before.status == 0, "\(before.errors)\n\(allocator.errors)\n\(cluster.logs)")
        try cluster.killNow("allocator-1")
        try eventually("all agents are the other's") { try owners() == ["python"] }
        let runs = try (1...2).map { _ in
            try cluster.start(["run", "--instances", "12", "--cpus", "0.3", "--", "sh", "-c", "sleep 0.3; echo x"])
        }
        for run in runs {
            let outcome = try run.wait(seconds: 60)
            #expect(outcome.status == 0, "\(outcome.errors)\n\(allocator.errors)\n\(cluster.logs)")
            #expect(outcome.output == String(repeating: "x\n", count: 12))
        }
        #expect(allocator.isRunning, "\(allocator.errors)")
        allocator.signal(SIGKILL)
    }
}
