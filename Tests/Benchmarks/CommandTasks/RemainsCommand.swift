import ArgumentParser
import Foundation
import TaskStreams
import TestSupport

/// Whether anything is left of tasks that have ended.
struct RemainsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remains", abstract: "Run many tasks, and look for what they leave behind.",
        discussion: """
            Fails if a process, a control group, a mount or an open file is left, or if the agent or its supervisor grow: the mean memory
            of the last quarter must not exceed that of the second by more than 2 % and the 2.5 MiB that the first look through many sandboxes
            takes, once. More tasks make this sharper.
            """)

    @OptionGroup var common: CommonOptions
    @Option(help: "Tasks in all.") var tasks = 10_000
    @Option(help: "Tasks at once, at most.") var width = 32
    @Option(help: "How often to look.") var looks = 40
    @Option(help: "Draw the memory of agent and supervisor as SVG.") var plot: String?

    func validate() throws {
        guard self.looks >= 8, self.tasks >= self.looks else {
            throw ValidationError("--looks is at least 8, and --tasks at least as much")
        }
    }

    func run() async throws {
        UpCluster.endAllOnSignals()
        var problems: [String] = []
        for isolation in self.common.isolations {
            let cluster = try await TaskCluster(
                isolation: isolation, width: self.width, work: .program(self.common.program),
                programs: self.common.directory)
            defer { cluster.stop() }
            problems += try await self.look(at: cluster, isolation)
        }
        for problem in problems { print("PROBLEM: \(problem)") }
        if !problems.isEmpty { throw ExitCode(1) }
    }

    private func look(at cluster: TaskCluster, _ isolation: String) async throws -> [String] {
        _ = try await cluster.run(self.width * 4)
        let supervisor = ProcessAccount.supervisors(of: cluster.live.directory.path).first ?? 0
        let before = Remains(of: cluster)
        var agents: [ProcessAccount] = [], supervisors: [ProcessAccount] = []
        for _ in 0..<self.looks {
            _ = try await cluster.run(self.tasks / self.looks)
            if let account = ProcessAccount(of: cluster.agent) { agents.append(account) }
            if let account = ProcessAccount(of: supervisor) { supervisors.append(account) }
        }
        try await Task.sleep(for: .seconds(1))
        let after = Remains(of: cluster)
        print("isolation \(isolation): \(self.tasks) tasks")
        print("  before: \(before)\n  after:  \(after)")
        var problems = after.beyond(before).map { "\(isolation): \($0)" }
        guard agents.count == self.looks, supervisors.count == self.looks else {
            return problems + ["\(isolation): agent or supervisor is not the one that it was"]
        }
        for (name, accounts) in [("agent", agents), ("supervisor", supervisors)] {
            let memory = accounts.map { Double($0.memory) / 1_048_576 }
            let quarter = self.looks / 4
            let second = memory[quarter..<2 * quarter].reduce(0, +) / Double(quarter)
            let last = memory.suffix(quarter).reduce(0, +) / Double(quarter)
            print(
                String(
                    format: "  memory of the %@: %.2f MiB in the second quarter, %.2f in the last", name, second, last))
            if last > second * 1.02 + 2.5 {
                problems.append("\(isolation): the \(name) grew from \(second) to \(last) MiB")
            }
        }
        if let plot {
            try self.draw(agents, supervisors, isolation).write(toFile: plot, atomically: true, encoding: .utf8)
        }
        return problems
    }

    private func draw(_ agents: [ProcessAccount], _ supervisors: [ProcessAccount], _ isolation: String) -> String {
        func points(_ accounts: [ProcessAccount]) -> [(x: Double, y: Double)] {
            accounts.enumerated().map { index, account in
                (Double((index + 1) * self.tasks / self.looks), Double(account.memory) / 1_048_576)
            }
        }
        return LinePlot(
            title: "Memory while \(self.tasks) tasks run (\(isolation))", xLabel: "tasks", yLabel: "MiB resident",
            series: [.init("agent", points(agents)), .init("supervisor", points(supervisors))]
        ).svg
    }
}

/// What there is of a cluster's tasks on the machine.
struct Remains: CustomStringConvertible {
    /// As many as an agent keeps in each hierarchy.
    private static let spareLimit = 128

    /// Beside the daemons and the supervisor.
    var processes: [String]
    var groups: [String]
    /// Of those that the agent keeps for the next container.
    var spareGroups: Int
    var mounts: [String]
    var agentFiles: Int
    var supervisorFiles: Int

    init(of cluster: TaskCluster) {
        let directory = cluster.live.directory.path
        self.processes = ProcessAccount.processes(of: directory).map(\.command)
        (self.groups, self.spareGroups) = ([], 0)
        for base in CgroupTrial(agentOf: directory).bases {
            let groups = Self.directories(in: base).filter { $0 != "supervisors" }
            let spare = groups.filter { $0.hasPrefix("slot-") && Self.isEmpty("\(base)/\($0)") }.prefix(Self.spareLimit)
            self.spareGroups += spare.count
            self.groups += groups.filter { !spare.contains($0) }.map { "\(base)/\($0)" }
        }
        let mounts = (try? String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)) ?? ""
        self.mounts = mounts.split(separator: "\n").map(String.init).filter { $0.contains(directory) }
        self.agentFiles = ProcessAccount(of: cluster.agent)?.descriptors ?? 0
        self.supervisorFiles = ProcessAccount.supervisors(of: directory).compactMap {
            ProcessAccount(of: $0)?.descriptors
        }
        .reduce(0, +)
    }

    var description: String {
        "\(self.processes.count) processes, \(self.groups.count) control groups and \(self.spareGroups) spare ones, "
            + "\(self.mounts.count) mounts, \(self.agentFiles) open files of the agent, \(self.supervisorFiles) of the supervisor"
    }

    private static func directories(in base: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: base)) ?? []).sorted().filter { name in
            var isDirectory: ObjCBool = false
            return FileManager.default.fileExists(atPath: "\(base)/\(name)", isDirectory: &isDirectory)
                && isDirectory.boolValue
        }
    }

    private static func isEmpty(_ group: String) -> Bool {
        (try? String(contentsOfFile: group + "/cgroup.procs", encoding: .utf8)) == ""
    }

    /// What is more than there was.
    func beyond(_ before: Remains) -> [String] {
        var problems: [String] = []
        if self.processes.count > before.processes.count {
            problems.append("processes are left: \(self.processes.filter { !before.processes.contains($0) }.prefix(5))")
        }
        if !self.groups.isEmpty { problems.append("control groups are left: \(self.groups.prefix(5))") }
        if self.mounts.count > before.mounts.count { problems.append("mounts are left: \(self.mounts.prefix(5))") }
        if self.agentFiles > before.agentFiles {
            problems.append("the agent has \(self.agentFiles) open files, and had \(before.agentFiles)")
        }
        if self.supervisorFiles > before.supervisorFiles {
            problems.append("the supervisor has \(self.supervisorFiles) open files, and had \(before.supervisorFiles)")
        }
        return problems
    }
}
