import Foundation
import TaskStreams
import TestSupport

/// System calls of each process for one task, as strace counts them.
struct SystemCallCount {
    /// By the name of the process.
    var perTask: [String: Double] = [:]
    /// Of `fdatasync` and `fsync`, by agent.
    var syncs = 0.0
    /// The five most frequent of agent and supervisor.
    var frequent: [String: [(call: String, perTask: Double)]] = [:]

    /// Counts over a window of tasks, which is the last of the cluster: it is ended, so that strace writes what it has.
    ///
    /// The tasks' own calls are not among them.
    static func count(in cluster: TaskCluster, tasks: Int) async throws -> SystemCallCount {
        guard FileManager.default.isExecutableFile(atPath: "/usr/bin/strace") else {
            throw TestFailure("strace is not installed; its package is called so")
        }
        var tracers: [(name: String, process: Process, file: String)] = []
        for (name, pid) in cluster.processes where name != "scheduler" {
            let process = Process()
            let file = FileManager.default.temporaryDirectory.appendingPathComponent("strace-\(pid)").path
            process.executableURL = URL(fileURLWithPath: "/usr/bin/strace")
            // Of a supervisor the calls of its children before their exec count as its own, and those after as the task's:
            // so they are not followed. The others have threads.
            process.arguments = (name == "supervisor" ? [] : ["-f"]) + ["-c", "-o", file, "-p", "\(pid)"]
            process.standardError = FileHandle.nullDevice
            try process.run()
            tracers.append((name, process, file))
        }
        try await Task.sleep(for: .seconds(1))
        let outcome = try await cluster.run(tasks)
        var result = SystemCallCount()
        cluster.stop()
        for (name, process, file) in tracers {
            process.waitUntilExit()
            defer { try? FileManager.default.removeItem(atPath: file) }
            let text = (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
            result.add(name, Self.table(text), tasks: Double(outcome.finished))
        }
        return result
    }

    /// Calls by name, from the table that `strace -c` writes.
    static func table(_ text: String) -> [String: Double] {
        var counts: [String: Double] = [:]
        for line in text.split(separator: "\n") {
            // % time, seconds, usecs/call, calls, (errors,) syscall
            let fields = line.split(whereSeparator: \.isWhitespace)
            guard fields.count >= 5, Double(fields[0]) != nil, let name = fields.last, name != "total",
                let count = Double(fields[3])
            else { continue }
            counts[String(name), default: 0] += count
        }
        return counts
    }

    private mutating func add(_ name: String, _ counts: [String: Double], tasks: Double) {
        self.perTask[name, default: 0] += counts.values.reduce(0, +) / tasks
        if name == "agent" { self.syncs += ((counts["fdatasync"] ?? 0) + (counts["fsync"] ?? 0)) / tasks }
        self.frequent[name] = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(8)
            .map { ($0.key, $0.value / tasks) }
    }

    var lines: [String] {
        let all = self.perTask.sorted { $0.key < $1.key }.map { "\($0.key) " + String(format: "%.1f", $0.value) }
        let details = ["agent", "supervisor"].map { name in
            "  of the \(name): "
                + (self.frequent[name] ?? []).map { "\($0.call) " + String(format: "%.2f", $0.perTask) }
                .joined(separator: ", ")
        }
        return [
            "system calls per task: " + all.joined(separator: ", "),
            String(format: "syncs of the agent's log per task: %.3f", self.syncs),
        ] + details
    }
}
