import ArgumentParser
import Foundation
import TaskStreams
import TestSupport

/// How many tasks a second, beside how many processes a second.
struct RateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rate", abstract: "Tasks per second end to end, as a part of the rate of bare process starts.",
        discussion: """
            One agent, one framework, all roles and the scheduler on this machine; each task is `true`, reports RUNNING and FINISHED,
            and both are on disk and acknowledged. Windows of tasks and of bare starts alternate; ratios are of neighbours. With
            control groups the bare starts make, join and remove the same ones. Counts of system calls are from a window of
            its own under strace, which the rates leave out.
            """)

    @OptionGroup var common: CommonOptions
    @Option(help: "Windows of each kind.") var rounds = 5
    @Option(help: "Tasks in a window.") var tasks = 6000
    @Option(help: "Tasks at once, at most.") var width = 64

    func run() async throws {
        UpCluster.endAllOnSignals()
        for isolation in self.common.isolations {
            let report = try await self.measure(isolation)
            print(report.text)
            if let path = self.common.json { try report.append(to: path) }
        }
    }

    private func measure(_ isolation: String) async throws -> RateReport {
        let cluster = try await TaskCluster(
            isolation: isolation, width: self.width, work: .program(self.common.program),
            programs: self.common.directory)
        defer { cluster.stop() }
        _ = try await cluster.run(1000)
        let groups = CgroupTrial(agentOf: cluster.live.directory.path)
        var report = RateReport(isolation: isolation, groups: groups.bases.count, width: self.width)
        for round in 1...self.rounds {
            let bare = try RawSpawn.rate(self.common, in: groups.bases)
            let before = cluster.processes.map { ($0.name, ProcessAccount(of: $0.pid)) }
            let outcome = try await cluster.run(self.tasks)
            let after = cluster.processes.map { ($0.name, ProcessAccount(of: $0.pid)) }
            report.add(bare: bare, outcome, before, after)
            FileHandle.standardError.write(Data("\(isolation): window \(round) of \(self.rounds)\n".utf8))
        }
        report.calls = try await SystemCallCount.count(in: cluster, tasks: min(1000, self.tasks))
        return report
    }
}

/// The bare rate, from the program beside this one.
enum RawSpawn {
    static func rate(_ common: CommonOptions, in groups: [String], seconds: Double = 2) throws -> Double {
        let program = UpCluster.ownDirectory.appendingPathComponent("raw-spawn").path
        let workers = sysconf(Int32(_SC_NPROCESSORS_ONLN))
        let text = try output(of: program, ["\(seconds)", "\(workers)", common.program] + groups)
        let numbers = text.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
        guard numbers.count == 2, numbers[0] > 0 else { throw TestFailure("raw-spawn said \"\(text)\"") }
        return numbers[0] / numbers[1]
    }
}

/// The control groups that the agent's containers get, one directory above them.
struct CgroupTrial {
    /// One in each tree.
    let bases: [String]

    /// Found where the agent has made them: `MOUNT/meseta/AGENT`, but for those that only supervisors use.
    init(agentOf directory: String) {
        let mounts = ((try? String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)) ?? "").split(
            separator: "\n")
        let trees = Set(mounts.filter { $0.contains(" - cgroup") }.map { String($0.split(separator: " ")[4]) }).sorted()
        let probe = ProcessAccount.supervisors(of: directory).first.flatMap { pid in
            try? String(contentsOfFile: "/proc/\(pid)/cgroup", encoding: .utf8)
        }
        // .../meseta/<agent>/supervisors
        let path = (probe ?? "").split(separator: "\n").compactMap { line -> String? in
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3, parts[2].hasSuffix("/supervisors") else { return nil }
            return String(parts[2].dropLast("/supervisors".count))
        }.first
        guard let path else {
            self.bases = []
            return
        }
        self.bases = trees.map { $0 + path }.filter { base in
            FileManager.default.fileExists(atPath: base) && Self.holdsRuns(base)
        }
    }

    /// Controllers that limit containers, and the tree that tracks them.
    private static func holdsRuns(_ base: String) -> Bool {
        ["cpu.shares", "memory.limit_in_bytes", "cgroup.freeze", "cpu.max"].contains { name in
            FileManager.default.fileExists(atPath: base + "/" + name)
        }
    }
}
