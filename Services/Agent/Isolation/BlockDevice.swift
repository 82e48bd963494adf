#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// A disk, as the kernel's limits name it.
struct BlockDevice: Hashable, Sendable {
    /// `8:0`.
    let number: String
    /// Where the kernel shows its queue.
    private let directory: String

    /// Where the kernel shows all of them.
    private static let root = "/sys/dev/block"

    /// The whole disk that a file is on: a partition cannot be limited by itself.
    ///
    /// - Throws: If what is written there reaches no one disk: in memory, over a network, or spread by the file system.
    static func holding(_ path: String) throws(IsolationError) -> Self {
        var about = stat()
        guard stat(path, &about) == 0 else { throw IsolationError("cannot look at \(path)", errno: errno) }
        let (major, minor) = Self.numbers(of: UInt64(about.st_dev))
        return try Self.whole(major, minor, path: path, below: Self.root)
    }

    static func whole(
        _ major: UInt64, _ minor: UInt64, path: String, below root: String
    ) throws(IsolationError) -> Self {
        let own = "\(root)/\(major):\(minor)"
        guard major != 0, Files.isDirectory(own + "/.") else {
            throw IsolationError(
                "\(path) is on no single disk (as on overlay, tmpfs, btrfs and NFS), so --io-limit cannot hold there: "
                    + "put --dir on ext4 or XFS, or leave the flag away")
        }
        guard Files.text(own + "/partition") != nil else { return Self(number: "\(major):\(minor)", directory: own) }
        // The link leads to the partition, below its disk.
        let disk = own + "/.."
        guard let number = Files.text(disk + "/dev")?.trimmed, !number.isEmpty else {
            throw IsolationError("cannot tell which disk \(path) is on: \(disk)/dev cannot be read")
        }
        return Self(number: String(number), directory: disk)
    }

    /// Major and minor, as the C library takes them apart.
    static func numbers(of device: UInt64) -> (major: UInt64, minor: UInt64) {
        let high = (device >> 8) & 0xfff | (device >> 32) & ~0xfff
        return (high, device & 0xff | (device >> 12) & 0xffff_ff00)
    }

    /// Who orders its requests: `bfq`, `mq-deadline`, `none`; nil if it has no queue.
    var scheduler: String? {
        let words = (Files.text(self.directory + "/queue/scheduler") ?? "").split(whereSeparator: \.isWhitespace)
        if let chosen = words.first(where: { $0.hasPrefix("[") }) { return String(chosen.dropFirst().dropLast()) }
        return words.first.map(String.init)
    }
}
