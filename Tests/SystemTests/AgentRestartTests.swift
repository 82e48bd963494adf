import Foundation
import TestSupport
import Testing

@Suite("An agent that starts again otherwise than before, on a cluster of real processes", .serialized)
struct AgentRestartTests {
    @Test("With less than its tasks need it does not start and says so; with more it is offered so, and they run on")
    func otherResources() throws {
        let agent = try OwnAgent("cpus:1;mem:256;disk:64")
        defer { agent.stop() }
        let gate = agent.cluster.directory.appendingPathComponent("gate").path
        let run = try agent.cluster.start([
            "run", "--cpus", "0.5", "--mem", "32", "--", "sh", "-c",
            "echo up; while [ ! -e \(gate) ]; do sleep 0.1; done; echo done > \(gate)",
        ])
        try eventually("the task runs") { run.output.contains("up") }
        agent.process?.end()

        let refused = try agent.run(["--resources", "cpus:0.2;mem:256;disk:64"])
        #expect(refused.status == 1)
        for part in ["needs cpus:0.5", "--recover cleanup", "drain"] {
            #expect(refused.output.contains(part), "\(refused.output)\(refused.errors)")
        }
        let unequal = try agent.run(["--resources", "cpus:4;mem:256;disk:64", "--reconfiguration-policy", "equal"])
        #expect(unequal.status == 1 && unequal.output.contains("does not allow"), "\(unequal.output)")

        try agent.start(["--resources", "cpus:4;mem:256;disk:64", "--attributes", "rack:r7"])
        // More than it had.
        let more = try agent.cluster.meseta(["run", "--cpus", "3", "--mem", "16", "--", "echo", "more"])
        #expect(more.output == "more\n", "\(more.errors)\(agent.log)")
        let agents = try agent.cluster.meseta(["agents", "--json"]).output
        #expect(agents.contains("rack:r7"), "\(agents)")
        _ = FileManager.default.createFile(atPath: gate, contents: nil)
        let outcome = try run.wait(seconds: 30)
        #expect(
            outcome.status == 0 && FileManager.default.contents(atPath: gate) == Data("done\n".utf8),
            "\(outcome.errors)\(agent.log)")
    }

    @Test(
        "A supervisor waits for its agent as long as the flag says, and how its task ended is told all the same",
        arguments: ["2s", "0s"])
    func supervisorPatience(patience: String) throws {
        let agent = try OwnAgent("cpus:1;mem:256;disk:64", ["--supervisor-patience", patience])
        defer { agent.stop() }
        let gate = agent.cluster.directory.appendingPathComponent("gate").path
        let run = try agent.cluster.start([
            "run", "--cpus", "0.5", "--mem", "32", "--", "sh", "-c",
            "echo up; while [ ! -e \(gate) ]; do sleep 0.1; done; touch \(gate).end; exit 7",
        ])
        try eventually("the task runs") { run.output.contains("up") }
        let supervisor = try #require(agent.supervisors.keys.first)
        agent.process?.signal(SIGKILL)
        usleep(3_000_000)
        #expect(isAlive(supervisor), "a task is all it needs")
        _ = FileManager.default.createFile(atPath: gate, contents: nil)
        try eventually("the task has ended") { FileManager.default.fileExists(atPath: gate + ".end") }
        let ended = Date()
        if patience == "2s" {
            try eventually("it waits no longer", within: 10) { !isAlive(supervisor) }
            #expect(Date().timeIntervalSince(ended) > 1.5, "it has not waited")
        } else {
            usleep(3_500_000)
            #expect(isAlive(supervisor), "it waits for ever")
        }
        try agent.start([])
        let outcome = try run.wait(seconds: 30)
        #expect(outcome.status == 7, "\(outcome.errors)\(agent.log)")
    }

    @Test("An upgrade under running tasks: they run on and end as they should, new frameworks have the new supervisor")
    func upgrade() throws {
        let agent = try OwnAgent("cpus:4.6;mem:1024;disk:64")
        defer { agent.stop() }
        let gate = agent.cluster.directory.appendingPathComponent("gate").path
        func command(_ code: Int) throws -> RunningProgram {
            try agent.cluster.start([
                "run", "--cpus", "0.5", "--mem", "32", "--", "sh", "-c",
                "echo up $$; while [ ! -e \(gate) ]; do sleep 0.1; done; touch \(gate).$$; exit \(code)",
            ])
        }
        let (good, bad) = (try command(0), try command(7))
        let pi = try RunningProgram(
            Programs.path("pi"), ["--tasks", "24", "--samples", "3000000"],
            environment: ["MESETA_MASTER": agent.cluster.master])
        try eventually("commands and executors run", within: 30) {
            good.output.contains("up") && bad.output.contains("up") && agent.programs("pi-executor").count == 1
        }
        let (executors, supervisors) = (agent.programs("pi-executor"), agent.supervisors)
        let first = Programs.path("meseta-supervisor").path
        #expect(supervisors.count == 3 && supervisors.values.allSatisfy { $0 == first }, "\(supervisors)")

        let other = try Programs.copy(["meseta-agent", "meseta-supervisor"])
        defer { try? FileManager.default.removeItem(at: other) }
        agent.process?.end()
        try agent.start([], from: other)
        #expect(agent.supervisors == supervisors, "a supervisor stays with its framework, of whatever version it is")
        #expect(agent.programs("pi-executor") == executors)
        let fresh = try agent.cluster.meseta(["run", "--cpus", "0.5", "--mem", "32", "--", "echo", "fresh"])
        #expect(fresh.output == "fresh\n", "\(fresh.errors)\(agent.log)")
        let added = agent.supervisors.filter { supervisors[$0.key] == nil }
        #expect(added.values.allSatisfy { $0.hasPrefix(other.path) } && !added.isEmpty, "\(agent.supervisors)")

        _ = FileManager.default.createFile(atPath: gate, contents: nil)
        for (run, status) in [(good, 0), (bad, 7)] as [(RunningProgram, Int32)] {
            let outcome = try run.wait(seconds: 30)
            #expect(outcome.status == status, "\(outcome.errors)\(agent.log)")
            // What follows the restart is not shown: the agent's side port is another one.
            let pid = outcome.output.split(whereSeparator: \.isWhitespace).last.map(String.init) ?? ""
            #expect(FileManager.default.fileExists(atPath: "\(gate).\(pid)"), "one process from start to end")
        }
        let result = try pi.wait(seconds: 120)
        #expect(result.status == 0, "\(result.output)\(result.errors)\(agent.log)")
        #expect(!result.output.contains("trying again"), "\(result.output)")
    }

    @Test("A cleanup ends what runs and tells it, leaves nothing, exits with 0; the next start is a new agent")
    func cleanup() throws {
        let agent = try OwnAgent("cpus:1;mem:256;disk:64")
        defer { agent.stop() }
        let run = try agent.cluster.start([
            "run", "--cpus", "0.2", "--mem", "32", "--", "sh", "-c", "echo up; sleep 1000 & wait",
        ])
        try eventually("the task runs") { run.output.contains("up") }
        let former = try agent.id()
        agent.process?.end()
        #expect(!agent.containers.isEmpty, "its task runs on")

        let cleanup = try agent.run(["--recover", "cleanup"], seconds: 30)
        #expect(cleanup.status == 0, "\(cleanup.output)\(cleanup.errors)")
        let outcome = try run.wait(seconds: 30)
        #expect(outcome.status != 0 && outcome.errors.contains("TASK_KILLED"), "\(outcome.errors)")
        #expect(agent.containers.isEmpty && agent.groups.isEmpty && agent.mounts.isEmpty)

        try agent.start([])
        let again = try agent.cluster.meseta(["run", "--cpus", "0.2", "--mem", "32", "--", "echo", "again"])
        #expect(again.output == "again\n", "\(again.errors)\(agent.log)")
        #expect(try agent.id() != former)
    }

    @Test("An executor that heeds no SHUTDOWN leaves no process, no control group and no mount")
    func stubbornExecutor() throws {
        let agent = try OwnAgent("cpus:1;mem:1024;disk:64", ["--executor-shutdown-grace-period", "1s"])
        defer { agent.stop() }
        let classes = try PythonClasses.make(["executor", "handshake", "meseta", "scheduler"], in: agent.cluster)
        let master = try #require(agent.cluster.members("master").first?.address).split(separator: ":").map(String.init)
        let stubborn = try RunningProgram(
            URL(fileURLWithPath: "/usr/bin/python3"),
            [PythonClasses.script("stubborn.py"), classes, master[0], master[1]])
        try eventually("its tasks run") {
            stubborn.output.contains("a TASK_RUNNING") && stubborn.output.contains("b TASK_RUNNING")
        }
        #expect(!agent.containers.isEmpty)
        let drain = try agent.cluster.meseta(["agent", "drain", try agent.id()])
        #expect(drain.status == 0, "\(drain.errors)")
        let outcome = try stubborn.wait(seconds: 60)
        #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)\(agent.log)")
        try eventually("nothing is left", within: 10) {
            agent.containers.isEmpty && agent.groups.isEmpty && agent.mounts.isEmpty
        }
    }
}

/// The one agent of a cluster, started by the test itself.
final class OwnAgent {
    let cluster: LiveCluster
    private(set) var process: RunningProgram?
    private let arguments: [String]
    private let directory: String

    /// - Parameter resources: What it shares out; at later starts as well, unless they say otherwise: of a flag that is given
    ///   twice the last one counts.
    init(_ resources: String, _ more: [String] = []) throws {
        self.cluster = try LiveCluster(["--agents", "1", "--restart-delay", "never", "--resources", resources])
        let member = try #require(self.cluster.members("agent").first)
        self.directory = self.cluster.directory.appendingPathComponent(member.name).path
        let pid = try #require(member.process?.pid)
        kill(pid, SIGKILL)
        try eventually("the agent of the cluster is gone") { !isAlive(pid) }
        let port = member.address.split(separator: ":").last.map(String.init) ?? "0"
        let file = self.cluster.directory.appendingPathComponent("cluster.json")
        let members = try JSONDecoder().decode(Arguments.self, from: Data(contentsOf: file)).members
        self.arguments =
            try #require(members.first { $0.name == member.name }).arguments + [
                "--port", port, "--side-port", "0", "--tasks-on-stop", "keep",
            ]
            + more
        try self.start([])
    }

    private struct Arguments: Decodable {
        struct Member: Decodable {
            var name: String
            var arguments: [String]
        }
        var members: [Member]
    }

    /// - Parameter directory: Of another copy of the programs.
    func start(_ changes: [String], from directory: URL = Programs.directory) throws {
        let program = directory.appendingPathComponent("meseta-agent")
        self.process = try RunningProgram(program, self.arguments + changes)
        try eventually("the agent is registered", within: 30) { self.log.contains("Registered") }
    }

    /// Ends it, then its cluster, which ends its tasks.
    func stop() {
        self.process?.end()
        self.cluster.stop()
    }

    /// Starts it, and waits until it ends by itself.
    func run(_ changes: [String], seconds: Double = 20) throws -> Outcome {
        try RunningProgram(Programs.path("meseta-agent"), self.arguments + changes).wait(seconds: seconds)
    }

    var log: String { (self.process?.output ?? "") + (self.process?.errors ?? "") }

    /// As the master knows it; of several, the latest that is active.
    func id() throws -> String {
        let rows =
            try JSONSerialization.jsonObject(with: Data(self.cluster.meseta(["agents", "--json"]).output.utf8))
            as? [[String: Any]] ?? []
        return try #require(rows.compactMap { $0["id"] as? String }.max(), "\(rows)")
    }

    /// Processes in containers of this agent.
    var containers: [Int32] {
        let sign = Data("\0MESETA_SANDBOX=\(self.directory)/".utf8)
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap(Int32.init).filter { pid in
            guard let environment = FileManager.default.contents(atPath: "/proc/\(pid)/environ") else { return false }
            return (Data([0]) + environment).range(of: sign) != nil
        }
    }

    /// Processes in its containers that run that program.
    func programs(_ name: String) -> [Int32] {
        self.containers.filter { Self.program(of: $0)?.hasSuffix("/\(name)") == true }
    }

    /// Its supervisors, and where the program of each is.
    var supervisors: [Int32: String] {
        let parent = "\(self.directory)/supervisors"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
        let pids = names.compactMap { name in
            FileManager.default.contents(atPath: "\(parent)/\(name)/lock").flatMap {
                Int32(String(decoding: $0, as: UTF8.self).filter(\.isNumber))
            }
        }
        return Dictionary(pids.compactMap { pid in Self.program(of: pid).map { (pid, $0) } }) { $1 }
    }

    private static func program(of pid: Int32) -> String? {
        try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/exe")
    }

    /// Control groups of its containers.
    var groups: [String] {
        let files = FileManager.default
        let inode = (try? files.attributesOfItem(atPath: self.directory)[.systemFileNumber] as? Int) ?? 0
        let trees = (try? files.contentsOfDirectory(atPath: "/sys/fs/cgroup")) ?? []
        return trees.flatMap { tree -> [String] in
            let parent = "/sys/fs/cgroup/\(tree)/meseta"
            let own = ((try? files.contentsOfDirectory(atPath: parent)) ?? []).filter { $0.hasSuffix("\(inode)") }
            return own.flatMap { name in
                ((try? files.contentsOfDirectory(atPath: "\(parent)/\(name)")) ?? []).filter { Int($0) != nil }
            }
        }
    }

    /// Mounts below its directory.
    var mounts: [Substring] {
        let mounts = (try? String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)) ?? ""
        return mounts.split(separator: "\n").filter { $0.contains(self.directory) }
    }
}
