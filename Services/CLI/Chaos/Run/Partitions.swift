internal import Foundation

/// Cuts processes off from everybody, by control groups of their own and packet filters on those.
///
/// A socket belongs to the group that its process was in when it was made: processes have to be started in theirs, by `launcher`.
final class Partitions {
    /// The mount of version 2, beside version 1 or alone.
    private static let roots = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"]

    private let root: String
    /// Of all groups made here, below the mount.
    private let parent: String
    private var cut: [String] = []
    private var groups: [String] = []

    /// - Throws: `Complaint` if this machine cannot do it, or this user may not.
    init() throws {
        guard let root = Self.roots.first(where: { access("\($0)/cgroup.controllers", F_OK) == 0 }) else {
            throw Complaint("partitions need control groups of version 2; leave 'partition' out of --faults")
        }
        self.root = root
        self.parent = "meseta-chaos-\(getpid())"
        guard mkdir("\(root)/\(self.parent)", 0o755) == 0 else {
            throw Complaint("partitions need control groups, which root may make; leave 'partition' out of --faults")
        }
        do { try Self.iptables(["-S", "OUTPUT"]) } catch {
            rmdir("\(root)/\(self.parent)")
            throw Complaint("partitions need iptables: \(error); install it, or leave 'partition' out of --faults")
        }
    }

    deinit { self.remove() }

    /// The words before a command line that has the process of that name be cut off alone.
    func launcher(_ name: String) -> [String] {
        let group = "\(self.root)/\(self.parent)/\(name)"
        if mkdir(group, 0o755) == 0 { self.groups.append(group) }
        return ["/bin/sh", "-c", "echo $$ > \"$0/cgroup.procs\"; exec \"$@\"", group]
    }

    /// Cuts a process off.
    func cut(_ name: String) throws {
        self.cut.append(name)
        for chain in ["INPUT", "OUTPUT"] { try Self.iptables(["-A", chain] + self.rule(name)) }
    }

    /// Lets it be reached again.
    func heal(_ name: String) throws {
        self.cut.removeAll { $0 == name }
        for chain in ["INPUT", "OUTPUT"] { try Self.iptables(["-D", chain] + self.rule(name)) }
    }

    /// Lets everybody be reached again.
    func healAll() { for name in self.cut { try? self.heal(name) } }

    /// Takes everything back that was made here; the processes have ended.
    func remove() {
        self.healAll()
        for group in self.groups { rmdir(group) }
        self.groups = []
        rmdir("\(self.root)/\(self.parent)")
    }

    private func rule(_ name: String) -> [String] {
        ["-m", "cgroup", "--path", "\(self.parent)/\(name)", "-j", "DROP"]
    }

    private static func iptables(_ arguments: [String]) throws {
        let process = Process()
        let places = ["/usr/sbin/iptables", "/sbin/iptables"]
        guard let path = places.first(where: { access($0, X_OK) == 0 }) else {
            throw Complaint("there is no /usr/sbin/iptables")
        }
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = ["-w", "10"] + arguments
        let errors = Pipe()
        process.standardOutput = FileHandle.nullDevice
        process.standardError = errors
        try process.run()
        let text = String(decoding: try errors.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Complaint("iptables: \(text)") }
    }
}
