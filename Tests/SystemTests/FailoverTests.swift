import Foundation
import TestSupport
import Testing

@Suite("A cluster of real processes on a real ZooKeeper", .serialized)
struct FailoverTests {
    @Test("Leader, relays and allocators are killed in turn while tasks run: each task runs exactly once")
    func killEverything() throws {
        let zooKeeper = try ZooKeeperEnsemble()
        try zooKeeper.start()
        defer { zooKeeper.stop() }
        let cluster = try LiveCluster(
            ["--masters", "2", "--relays", "2", "--allocators", "2", "--agents", "5"],
            election: "zk://\(zooKeeper.connectString)/meseta")
        defer { cluster.stop() }
        for member in cluster.members { #expect(httpStatus(member.side, "/readyz") == 200, "\(member.name)") }

        let spread = try cluster.meseta([
            "run", "--instances", "20", "--", "sh", "-c", "echo task $MESETA_TASK_ID agent $MESETA_AGENT_ID",
        ])
        #expect(spread.status == 0, "\(spread.errors)\n\(cluster.logs)")
        #expect(Set(spread.lines).count == 20)
        #expect(Set(spread.lines.compactMap { $0.split(separator: " ").last }).count >= 2)

        let marks = cluster.directory.appendingPathComponent("marks").path
        let run = try cluster.start([
            "run", "--instances", "50", "--cpus", "0.1", "--mem", "16", "--", "sh", "-c", "echo x >> \(marks); sleep 2",
        ])
        try eventually("tasks run") { FileManager.default.fileExists(atPath: marks) }
        let victims = [try cluster.leader()] + (cluster.members("relay") + cluster.members("allocator")).map(\.name)
        for victim in victims {
            try cluster.killNow(victim)
            usleep(600_000)
        }
        let outcome = try run.wait(seconds: 180)
        #expect(outcome.status == 0, "\(outcome.errors)\n\(cluster.logs)")
        let written = try String(contentsOfFile: marks, encoding: .utf8)
        #expect(written == String(repeating: "x\n", count: 50))
    }

    @Test("The leader is killed while tasks run: the standby takes over and no task is lost")
    func takeover() throws {
        let zooKeeper = try ZooKeeperEnsemble()
        try zooKeeper.start()
        defer { zooKeeper.stop() }
        let cluster = try LiveCluster(
            ["--masters", "2", "--agents", "2", "--restart-delay", "never"],
            election: "zk://\(zooKeeper.connectString)/meseta")
        defer { cluster.stop() }
        let marks = cluster.directory.appendingPathComponent("marks").path
        let run = try cluster.start([
            "run", "--instances", "8", "--cpus", "0.1", "--mem", "16", "--", "sh", "-c", "echo x >> \(marks); sleep 4",
        ])
        try eventually("tasks run") {
            (try? String(contentsOfFile: marks, encoding: .utf8))?.split(separator: "\n").count == 8
        }
        let first = try cluster.leader()
        try cluster.killNow(first)
        try eventually("the other master leads") { (try? cluster.leader()).map { $0 != first } ?? false }
        let outcome = try run.wait(seconds: 60)
        #expect(outcome.status == 0, "\(outcome.errors)\n\(cluster.logs)")
        #expect(try String(contentsOfFile: marks, encoding: .utf8) == String(repeating: "x\n", count: 8))
        #expect(try cluster.meseta(["run", "--", "true"]).status == 0, "the new leader takes new work")
    }

    @Test("A cluster is up when its processes have found each other, not when they have been started")
    func upWithLateZooKeeper() throws {
        let zooKeeper = try ZooKeeperEnsemble()
        try zooKeeper.start()
        defer { zooKeeper.stop() }
        let pid = try #require(zooKeeper.pid(0))
        zooKeeper.pause(0)
        let start = Date()
        DispatchQueue(label: "late").asyncAfter(deadline: .now() + .seconds(3)) { kill(pid, SIGCONT) }
        let cluster = try LiveCluster(
            ["--masters", "2", "--relays", "2", "--agents", "1"],
            election: "zk://\(zooKeeper.connectString)/meseta")
        defer { cluster.stop() }
        #expect(Date().timeIntervalSince(start) > 3)
        for member in cluster.members { #expect(httpStatus(member.side, "/readyz") == 200, "\(member.name)") }
    }

    @Test("A cluster ends at once though its ZooKeeper hangs, or is killed meanwhile", arguments: [false, true])
    func endWithoutZooKeeper(isKilled: Bool) throws {
        let zooKeeper = try ZooKeeperEnsemble()
        try zooKeeper.start()
        defer { zooKeeper.stop() }
        let cluster = try LiveCluster(
            ["--masters", "2", "--relays", "2", "--allocators", "2", "--agents", "1"],
            election: "zk://\(zooKeeper.connectString)/meseta")
        defer { cluster.stop() }
        for member in cluster.members { #expect(httpStatus(member.side, "/readyz") == 200, "\(member.name)") }
        let names = cluster.members.map(\.name)
        zooKeeper.pause(0)
        if isKilled {
            DispatchQueue(label: "killer").asyncAfter(deadline: .now() + .milliseconds(500)) { zooKeeper.kill(0) }
        }
        let start = Date()
        cluster.stop()
        #expect(Date().timeIntervalSince(start) < 4.5, "nobody runs into a SIGKILL")
        for name in names where !name.hasPrefix("agent") {
            #expect(cluster.log(of: name).contains("signal=SIGTERM"), "\(name)")
        }
    }
}
