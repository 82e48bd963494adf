import Foundation
import TestSupport
import Testing

@Suite("Leaders that freeze, and a ZooKeeper that is gone", .serialized)
struct LeadershipTests {
    /// ZooKeeper, two masters that are not started again, two agents, and tasks that leave a mark when they start.
    private struct Scene {
        let zooKeeper: ZooKeeperEnsemble
        let cluster: LiveCluster
        let marks: String
        let run: RunningProgram

        init() throws {
            self.zooKeeper = try ZooKeeperEnsemble()
            try self.zooKeeper.start()
            self.cluster = try LiveCluster(
                ["--masters", "2", "--agents", "2", "--restart-delay", "never"],
                election: "zk://\(self.zooKeeper.connectString)/meseta")
            let marks = self.cluster.directory.appendingPathComponent("marks").path
            self.marks = marks
            self.run = try self.cluster.start(
                ["run", "--instances", "6", "--cpus", "0.1", "--mem", "16", "--", "sh", "-c"]
                    + ["echo x >> \(marks); until [ -e \(marks).end ]; do sleep 0.1; done"])
            try eventually("tasks run") { self.started == 6 }
        }

        var started: Int { ((try? String(contentsOfFile: self.marks, encoding: .utf8)) ?? "").count { $0 == "x" } }

        /// The tasks end, as each of them should: once.
        func end() throws {
            try Data().write(to: URL(fileURLWithPath: self.marks + ".end"))
            let outcome = try self.run.wait(seconds: 90)
            #expect(outcome.status == 0, "\(outcome.errors)\n\(self.cluster.logs)")
            #expect(self.started == 6)
        }

        func stop() {
            self.cluster.stop()
            self.zooKeeper.stop()
        }

        /// host:port of a master, by name.
        func address(_ name: String) -> String { self.cluster.members.first { $0.name == name }?.address ?? "" }
        func other(than name: String) -> String { self.cluster.members("master").first { $0.name != name }?.name ?? "" }

        /// The epoch that the leader says it leads under, if there is a leader.
        var epoch: Int? {
            guard let outcome = try? self.cluster.meseta(["status", "--json"]), outcome.status == 0 else { return nil }
            let status = try? JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
            return status?["epoch"] as? Int
        }
    }

    @Test("A leader that freezes is replaced; when it wakes up it steps down, and no task notices")
    func frozen() throws {
        let scene = try Scene()
        defer { scene.stop() }
        let first = try scene.cluster.leader()
        try scene.cluster.signal(SIGSTOP, to: first)
        try eventually("the other leads", within: 60) { (try? scene.cluster.leader()).map { $0 != first } ?? false }
        try scene.cluster.signal(SIGCONT, to: first)
        try eventually("the first has stepped down") {
            scene.cluster.log(of: first).contains("Leading no longer")
        }
        #expect(try scene.cluster.meseta(["run", "--", "true"]).status == 0)
        #expect(try scene.cluster.leader() != first)
        try scene.end()
    }

    @Test("ZooKeeper is wholly away: the leader leads on, nobody new leads, and when it is back everything recovers")
    func zooKeeperAway() throws {
        let scene = try Scene()
        defer { scene.stop() }
        let first = try scene.cluster.leader()
        let second = scene.other(than: first)
        scene.zooKeeper.kill(0)
        usleep(3_000_000)
        let work = try scene.cluster.meseta(["run", "--master", scene.address(first), "--", "true"])
        #expect(work.status == 0, "the leader takes new work: \(work.errors)")
        try scene.cluster.killNow(first)
        usleep(3_000_000)
        let asked = try scene.cluster.meseta(["status", "--master", scene.address(second)])
        #expect(asked.status != 0, "nobody leads: \(asked.output)")
        #expect(scene.started == 6)
        try scene.zooKeeper.start()
        try eventually("the second leads", within: 60) { (try? scene.cluster.leader()) == second }
        #expect(try scene.cluster.meseta(["run", "--", "true"]).status == 0)
        try scene.end()
    }

    @Test("ZooKeeper has lost all its data: somebody leads again, above every epoch that was")
    func zooKeeperWiped() throws {
        let scene = try Scene()
        defer { scene.stop() }
        let first = try scene.cluster.leader()
        // The one that is left has led; the relays know.
        let firstEpoch = try #require(scene.epoch)
        try scene.cluster.killNow(first)
        try eventually("the other leads", within: 60) { scene.epoch == firstEpoch + 1 }
        scene.zooKeeper.wipe()
        try scene.zooKeeper.start()
        try eventually("somebody leads above", within: 60) { scene.epoch.map { $0 > firstEpoch + 1 } ?? false }
        #expect(try scene.cluster.meseta(["run", "--", "true"]).status == 0)
        try scene.end()
    }
}
