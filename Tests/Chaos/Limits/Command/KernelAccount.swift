import Foundation

/// What the kernel has counted for the control groups of a process, read without the agent's help.
struct KernelAccount {
    private let time1: String?
    private let time2: String?
    private let processes: String?

    /// - Throws: `Failure` if the process is gone, or nothing counts for it alone.
    init(of pid: Int32) throws {
        guard let groups = try? String(contentsOfFile: "/proc/\(pid)/cgroup", encoding: .utf8),
            let mounts = try? String(contentsOfFile: "/proc/mounts", encoding: .utf8)
        else { throw Failure("process \(pid) is gone") }
        func file(_ name: String, of controller: String?) -> String? {
            for line in groups.split(separator: "\n") {
                let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
                // The root group counts everything of the machine, that of the supervisors all of their tasks together.
                guard fields.count == 3, fields[2] != "/", !fields[2].hasSuffix("/supervisors") else { continue }
                let controllers = fields[1].split(separator: ",").map(String.init)
                guard controller.map(controllers.contains) ?? controllers.isEmpty,
                    let mount = Self.mount(controller, in: mounts)
                else { continue }
                let path = "\(mount)\(fields[2])/\(name)"
                if FileManager.default.fileExists(atPath: path) { return path }
            }
            return nil
        }
        self.time1 = file("cpuacct.usage", of: "cpuacct")
        self.time2 = file("cpu.stat", of: nil)
        self.processes = file("pids.current", of: "pids") ?? file("pids.current", of: nil)
        guard self.time != nil else { throw Failure("nothing counts the processor time of process \(pid) alone") }
    }

    /// Where a hierarchy of version 1 with this controller is mounted; without a controller that of version 2.
    private static func mount(_ controller: String?, in mounts: String) -> String? {
        for line in mounts.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count > 3, fields[2] == (controller == nil ? "cgroup2" : "cgroup") else { continue }
            if let controller, !fields[3].split(separator: ",").contains(Substring(controller)) { continue }
            return String(fields[1])
        }
        return nil
    }

    /// Processor time in nanoseconds.
    var time: Int64? {
        if let time1 { return Self.number(time1) }
        let text = self.time2.flatMap { try? String(contentsOfFile: $0, encoding: .utf8) } ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("usage_usec ") }
        return line.flatMap { Int64($0.dropFirst(11)) }.map { $0 * 1000 }
    }

    /// Processes and threads now.
    var count: Int64? { self.processes.flatMap(Self.number) }

    private static func number(_ path: String) -> Int64? {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
        return Int64(text.trimmingCharacters(in: .whitespacesAndNewlines))
    }
}
