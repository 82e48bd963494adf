import Foundation
import TestSupport
import Testing

@Suite("meseta up and meseta down", .serialized)
struct UpAndDownTests {
    @Test("What 'up --detach' started, 'down' ends, and nothing else; a second 'down' changes nothing")
    func detached() throws {
        let home = FileManager.default.temporaryDirectory.appendingPathComponent("up-\(UUID().uuidString)")
        let directory = home.appendingPathComponent("cluster").path
        try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: home) }
        func meseta(_ arguments: [String]) throws -> Outcome {
            try RunningProgram(
                Programs.path("meseta"), arguments, environment: ["XDG_STATE_HOME": home.path]
            ).wait(seconds: 60)
        }
        let bystander = try RunningProgram(URL(fileURLWithPath: "/bin/sleep"), ["1000"])
        defer { bystander.signal(SIGKILL) }
        let up = try meseta(["up", "--detach", "--agents", "1", "--dir", directory])
        defer { _ = try? meseta(["down", "--dir", directory]) }
        try #require(up.status == 0, "\(up.errors)")
        let path = "\(directory)/cluster.json"
        let saved = try #require(FileManager.default.contents(atPath: path))
        let cluster = try JSONDecoder().decode(ClusterJSON.self, from: saved)
        #expect(cluster.members.count == 4)
        let again = try meseta(["up", "--detach", "--agents", "1", "--dir", directory])
        #expect(again.status != 0 && again.errors.contains("a cluster runs in \(directory)"), "\(again.errors)")
        // The last cluster started is found without being named.
        let task = home.appendingPathComponent("task").path
        let run = try RunningProgram(
            Programs.path("meseta"), ["run", "--", "sh", "-c", "echo $PPID $$ > \(task); exec sleep 1000"],
            environment: ["XDG_STATE_HOME": home.path])
        var own = [cluster.keeper.pid] + cluster.members.compactMap { $0.process?.pid }
        try eventually("a task runs") { FileManager.default.contents(atPath: task)?.last == UInt8(ascii: "\n") }
        own += try String(contentsOfFile: task, encoding: .utf8).split { !$0.isNumber }.compactMap { Int32($0) }
        #expect(own.count == 7)
        for pid in own { #expect(kill(pid, 0) == 0, "process \(pid) runs") }

        let down = try meseta(["down"])
        #expect(down.status == 0, "\(down.errors)")
        for pid in own { try eventually("process \(pid) is gone", within: 5) { !isAlive(pid) } }
        #expect(bystander.isRunning)
        #expect(!FileManager.default.fileExists(atPath: path))
        #expect(try String(contentsOfFile: "\(directory)/up.log", encoding: .utf8).contains("The cluster has ended"))
        run.signal(SIGKILL)  // It would wait for the cluster to come back.

        for arguments in [["down"], ["down", "--dir", directory]] {
            let second = try meseta(arguments)
            #expect(second.status == 1)
            #expect(second.errors.contains("no cluster is up"), "\(second.errors)")
        }
        // A file that a crash left names processes that are gone, and one whose pid somebody else has by now.
        let stale = String(decoding: saved, as: UTF8.self)
            .replacingOccurrences(of: "\"pid\" : \(cluster.keeper.pid)", with: "\"pid\" : \(bystander.pid)")
            .replacingOccurrences(
                of: "\"pid\" : \(cluster.members[0].process?.pid ?? 0)", with: "\"pid\" : \(bystander.pid)")
        #expect(stale.components(separatedBy: "\"pid\" : \(bystander.pid)").count == 3)
        try stale.write(toFile: path, atomically: true, encoding: .utf8)
        #expect(try meseta(["down", "--dir", directory]).status == 0)
        #expect(bystander.isRunning)
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test("Who keeps a cluster sleeps until a member ends, and starts that again on the ports it had")
    func keeper() throws {
        let cluster = try LiveCluster(["--agents", "1", "--restart-delay", "1"])
        defer { cluster.stop() }
        let file = try Data(contentsOf: cluster.directory.appendingPathComponent("cluster.json"))
        let keeper = try JSONDecoder().decode(ClusterJSON.self, from: file).keeper.pid
        func wakeUps() throws -> Int {
            try FileManager.default.contentsOfDirectory(atPath: "/proc/\(keeper)/task").reduce(0) { sum, task in
                let status = try String(contentsOfFile: "/proc/\(keeper)/task/\(task)/status", encoding: .utf8)
                let line = status.split(separator: "\n").first { $0.hasPrefix("voluntary_ctxt_switches:") }
                return sum + (line?.split(separator: "\t").last.flatMap { Int($0) } ?? 0)
            }
        }
        usleep(200_000)
        let before = try wakeUps()
        usleep(1_000_000)
        #expect(try wakeUps() - before <= 2)
        let relay = try #require(cluster.members("relay").first)
        try cluster.killNow(relay.name)
        try eventually("the relay is there again") {
            let now = cluster.members("relay").first
            return now?.process?.pid != relay.process?.pid && httpStatus(relay.side, "/readyz") == 200
        }
        #expect(cluster.members("relay").first?.address == relay.address)
    }

    @Test("Of two clusters side by side one is ended, and the tasks of the other run on")
    func sideBySide() throws {
        let clusters = try (0..<2).map { _ in try LiveCluster(["--agents", "1"]) }
        defer { for cluster in clusters { cluster.stop() } }
        let gate = clusters[1].directory.appendingPathComponent("gate").path
        let runs = try clusters.map { cluster in
            try cluster.start([
                "run", "--instances", "2", "--mem", "16", "--", "sh", "-c",
                "echo $$ >> \(cluster.directory.path)/tasks; while [ ! -e \(gate) ]; do sleep 0.1; done; echo done",
            ])
        }
        func tasks(_ cluster: LiveCluster) -> [Int32] {
            let text = (try? String(contentsOfFile: "\(cluster.directory.path)/tasks", encoding: .utf8)) ?? ""
            return text.split(separator: "\n").compactMap { Int32($0) }
        }
        for cluster in clusters { try eventually("tasks run") { tasks(cluster).count == 2 } }
        clusters[0].stop()
        for pid in tasks(clusters[0]) { try eventually("task \(pid) is gone", within: 5) { !isAlive(pid) } }
        for pid in tasks(clusters[1]) { #expect(isAlive(pid), "task \(pid) of the other cluster runs on") }
        runs[0].signal(SIGKILL)  // It would wait for its cluster to come back.
        for member in clusters[1].members { #expect(httpStatus(member.side, "/readyz") == 200, "\(member.name)") }
        _ = FileManager.default.createFile(atPath: gate, contents: nil)
        let outcome = try runs[1].wait(seconds: 30)
        #expect(outcome.status == 0, "\(outcome.errors)\n\(clusters[1].logs)")
        #expect(outcome.output == "done\ndone\n")
        #expect(tasks(clusters[1]).count == 2, "each ran once")
        #expect(try clusters[1].meseta(["run", "--", "true"]).status == 0)
    }
}

/// What the cluster's file says.
private struct ClusterJSON: Decodable {
    struct Identity: Decodable { var pid: Int32 }
    struct Member: Decodable { var process: Identity? }
    var keeper: Identity
    var members: [Member]
}

/// Whether a process is there and has not ended, whoever its parent is.
func isAlive(_ pid: Int32) -> Bool {
    guard
        let stat = FileManager.default.contents(atPath: "/proc/\(pid)/stat").map({ String(decoding: $0, as: UTF8.self) }
        ),
        let end = stat.lastIndex(of: ")")
    else { return false }
    return !stat[end...].hasPrefix(") Z")
}
