internal import CLinux

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Keeps `stdout` and `stderr` of a sandbox within a bound, while a task writes to them.
///
/// A task writes into its files directly and for as long as it lives, so they cannot be changed for others. Instead the
/// head of a file that is too long is given back to the file system as a hole (`fallocate`): its length, and with it the
/// place of every byte, stays what it was. So nothing is copied, no byte that is written meanwhile is lost, there is no
/// state that a crash could leave half done, and who reads on at an offset goes on. What is left begins at `head`.
///
/// Where the file system has no holes the file is emptied, which loses all that it held: tmpfs, ext4, XFS, btrfs and
/// overlays of them have holes.
///
/// The files are the task's own. What is not a plain file with one name is left alone: neither links nor pipes are
/// opened, and a second name may be somebody else's. A task that replaces its files writes where it likes, as with any
/// other file of its sandbox.
public struct OutputBound: Sendable {
    /// The files that are bounded.
    public static let files = ["stdout", "stderr"]

    /// What is kept of each file at least; bytes, of the newest.
    public let limit: Int64
    private let punch: @Sendable (Int32, Int64) -> Int32

    /// How much more than the limit a file may hold before its head goes: else every look would cut a little.
    var slack: Int64 { max(self.limit / 4, 64 << 10) }

    /// - Parameter limit: At least 1.
    public init(limit: Int) { self.init(limit: limit, punch: Self.punchHole) }

    /// - Parameter punch: Takes the first so many bytes out of a file; returns an error number or 0.
    init(limit: Int, punch: @escaping @Sendable (Int32, Int64) -> Int32) {
        precondition(limit > 0, "a bound of \(limit) bytes")
        self.limit = Int64(limit)
        self.punch = punch
    }

    /// What was done.
    public enum Outcome: Hashable, Sendable {
        /// The head went: so many bytes.
        case cut(file: String, bytes: Int64)
        /// The file system has no holes: everything went.
        case emptied(file: String, bytes: Int64)
        /// The file cannot be changed.
        case failed(file: String, reason: String)
    }

    /// Looks at the files of a sandbox, and cuts those that hold too much.
    public func hold(_ sandbox: String) -> [Outcome] { Self.files.compactMap { self.hold(sandbox, $0) } }

    private func hold(_ sandbox: String, _ name: String) -> Outcome? {
        let path = sandbox + "/" + name
        var about = stat()
        guard lstat(path, &about) == 0, self.isTooLong(about) else { return nil }
        do throws(SystemError) {
            // What was a file a moment ago may be a pipe by now, which must not be waited for.
            let file = try Descriptor(opening: path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
            about = try file.status()
            guard self.isTooLong(about) else { return nil }
            let size = Int64(about.st_size), block = max(Int64(about.st_blksize), 1)
            let head = Self.head(of: file.number, size: size)
            let cut = (size - self.limit) / block * block
            guard cut > head else { return nil }
            switch self.punch(file.number, cut) {
            case 0: return .cut(file: name, bytes: cut - head)
            case EOPNOTSUPP, ENOSYS:
                guard ftruncate(file.number, 0) == 0 else { throw SystemError("ftruncate", path) }
                return .emptied(file: name, bytes: size - head)
            case let code: throw SystemError("fallocate", path, code: code)
            }
        } catch {
            if error.code == ENOENT || error.code == ELOOP || error.code == ENXIO { return nil }
            return .failed(file: name, reason: "\(error)")
        }
    }

    private func isTooLong(_ about: stat) -> Bool {
        about.st_mode & S_IFMT == S_IFREG && about.st_nlink == 1
            && Int64(about.st_size) > self.limit && Int64(about.st_blocks) * 512 > self.limit + self.slack
    }

    /// Where what is left of a file begins: 0 unless its head is a hole.
    static func head(of file: Int32, size: Int64) -> Int64 {
        let head = lseek(file, 0, Self.seekData)
        if head >= 0 { return min(Int64(head), size) }
        return errno == ENXIO ? size : 0
    }

    private static let punchHole: @Sendable (Int32, Int64) -> Int32 = { file, count in
        // FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE
        fallocate(file, 2 | 1, 0, off_t(count)) == 0 ? 0 : errno
    }

    private static let seekData: Int32 = 3  // SEEK_DATA
}
