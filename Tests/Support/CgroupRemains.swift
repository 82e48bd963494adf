public import Foundation

/// Control groups that agents left because they were killed last: nobody starts those agents again, which would remove them.
public struct CgroupRemains: Sendable {
    /// How the names of their groups end.
    private let tokens: [String]

    /// Those of all agents whose directories are in `directory`; to be asked before these are removed, since groups are named
    /// after them.
    public init(ofAgentsIn directory: URL) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []
        self.tokens = names.compactMap { Self.token(of: directory.appendingPathComponent($0).path) }
    }

    /// By device and inode.
    private static func token(of path: String) -> String? {
        var about = stat()
        guard stat(path, &about) == 0, about.st_mode & S_IFMT == S_IFDIR else { return nil }
        return "-" + String(UInt64(about.st_dev), radix: 16) + "-" + String(UInt64(about.st_ino), radix: 16)
    }

    /// Where they are now, in all hierarchies.
    public var groups: [String] {
        Self.mounts.flatMap { mount in
            let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(mount)/meseta")) ?? []
            return names.filter { name in self.tokens.contains { name.hasSuffix($0) } }.map { "\(mount)/meseta/\($0)" }
        }
    }

    /// Where control groups are mounted.
    public static var mounts: Set<String> {
        let lines = (try? String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)) ?? ""
        return Set(
            lines.split(separator: "\n").filter { $0.contains(" - cgroup") }.map { String($0.split(separator: " ")[4]) }
        )
    }

    /// Removes them as soon as nothing is in them any more, for which it waits three seconds at most.
    public func remove() {
        for _ in 0..<150 {
            let groups = self.groups
            if groups.isEmpty { return }
            for group in groups {
                Self.remove(group)
                // If it was the last.
                rmdir((group as NSString).deletingLastPathComponent)
            }
            usleep(20_000)
        }
    }

    /// Only by `rmdir`, which the kernel refuses while a process is inside.
    private static func remove(_ group: String) {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: group)) ?? [] {
            var isDirectory: ObjCBool = false
            let path = "\(group)/\(name)"
            if FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory.boolValue {
                Self.remove(path)
            }
        }
        rmdir(group)
    }
}
