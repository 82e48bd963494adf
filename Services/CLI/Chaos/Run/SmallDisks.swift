internal import Foundation

/// File systems in memory that can be full.
final class SmallDisks {
    private let directories: [String]
    private var mounted: [String] = []

    /// Mounts one of 64 MiB at each directory.
    ///
    /// - Throws: `Complaint` if this user may not.
    init(_ directories: [String]) throws {
        self.directories = directories
        for directory in directories {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            guard mount("tmpfs", directory, "tmpfs", 0, "size=64m") == 0 else {
                let reason = String(cString: strerror(errno))
                self.remove()
                throw Complaint(
                    "full disks need a mount of their own, which root may make (\(reason)); leave 'full-disk' out of --faults"
                )
            }
            self.mounted.append(directory)
        }
    }

    deinit { self.remove() }

    private func filler(_ index: Int) -> String { "\(self.directories[index])/full" }

    /// Leaves no room, until `empty`.
    func fill(_ index: Int) throws {
        let file = open(self.filler(index), O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Complaint("cannot fill \(self.directories[index])") }
        defer { close(file) }
        for size in [1 << 16, 1] {
            let bytes = [UInt8](repeating: 0, count: size)
            while write(file, bytes, size) == size {}
        }
    }

    /// Gives the room back.
    func empty(_ index: Int) { unlink(self.filler(index)) }

    /// Gives it back everywhere.
    func emptyAll() { for index in self.directories.indices { self.empty(index) } }

    /// Takes the mounts away, even if somebody still looks at them.
    func remove() {
        for directory in self.mounted { umount2(directory, Int32(MNT_DETACH)) }
        self.mounted = []
    }
}
