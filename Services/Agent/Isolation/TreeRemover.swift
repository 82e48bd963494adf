#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Removes a directory that a foreign program has filled.
///
/// It goes from open directory to open directory, so there is no path that could be too long or be turned elsewhere by a
/// link; it enters no mount, not even one of the same file system; and it moves what lies deep up to the top, so that
/// neither its stack nor its open files grow with the depth. After every thousand steps it rests for as long as they
/// took, since the journal of the file system is the launches' too.
struct TreeRemover {
    /// What came of it.
    struct Report: Hashable {
        var isGone = false
        /// Of files that had no other name, and of directories.
        var freedBytes: Int64 = 0
        /// The first few things that stay, and why.
        var problems: [String] = []
    }

    /// So deep it goes before it moves what is deeper.
    private static let depthMax = 32
    private static let batch = 512
    private static let stepsPerRest = 1000
    private static let problemsMax = 5

    private let rest: (Duration) -> Void
    private var stepsLeft: Int
    private var report = Report()
    private var mount = ""
    private var moved = 0
    private var stepsSinceRest = 0
    private var lastRest = ContinuousClock.now

    /// - Parameters:
    ///   - steps: After so many it leaves the rest for the next time; a program that still runs may make files for ever.
    ///   - rest: Called to rest so long.
    init(steps: Int = 5_000_000, rest: @escaping (Duration) -> Void = { TreeRemover.sleep($0) }) {
        self.stepsLeft = steps
        self.rest = rest
    }

    /// Removes a directory and all below it; that it is gone already is fine.
    mutating func remove(_ path: String) -> Report {
        let top: Descriptor
        do throws(SystemError) {
            top = try self.open(Array(path.utf8CString), AT_FDCWD)
        } catch {
            if error.code == ENOENT { self.report.isGone = true } else { self.complain("\(error)") }
            return self.report
        }
        self.mount = Self.mount(of: top)
        self.empty(top, top: top, depth: 0)
        if rmdir(path) == 0 || errno == ENOENT {
            self.report.isGone = true
        } else if self.report.problems.isEmpty {
            self.complain("\(SystemError("rmdir", path))")
        }
        return self.report
    }

    /// Goes over a directory until nothing more of it can be removed.
    private mutating func empty(_ directory: borrowing Descriptor, top: borrowing Descriptor, depth: Int) {
        var hasProgress = true
        while hasProgress, self.stepsLeft > 0 {
            hasProgress = false
            guard let stream = DirectoryStream(directory) else { return self.complain("\(SystemError("opendir"))") }
            var names: [[CChar]] = []
            repeat {
                names.removeAll(keepingCapacity: true)
                while names.count < Self.batch, let name = stream.next() { names.append(name) }
                for name in names where self.stepsLeft > 0 {
                    if self.removeEntry(name, of: directory, top: top, depth: depth) { hasProgress = true }
                }
            } while !names.isEmpty && self.stepsLeft > 0
        }
    }

    /// - Returns: Whether it is gone from there.
    private mutating func removeEntry(
        _ name: [CChar], of directory: borrowing Descriptor, top: borrowing Descriptor, depth: Int
    ) -> Bool {
        self.step()
        var about = stat()
        guard fstatat(directory.number, name, &about, AT_SYMLINK_NOFOLLOW) == 0 else { return errno == ENOENT }
        guard about.st_mode & S_IFMT == S_IFDIR else {
            guard self.unlink(name, of: directory, 0) else { return self.complain("unlink", name) }
            if about.st_nlink == 1 { self.report.freedBytes += Int64(about.st_blocks) * 512 }
            return true
        }
        if depth >= Self.depthMax {
            self.moved += 1
            guard renameat(directory.number, name, top.number, ".deep.\(getpid()).\(self.moved)") == 0 else {
                return self.complain("rename", name)
            }
            return true
        }
        do throws(SystemError) {
            let child = try self.open(name, directory.number)
            guard Self.mount(of: child) == self.mount else {
                self.complain("\(Self.text(name)) is a mount")
                return false
            }
            self.empty(child, top: top, depth: depth + 1)
        } catch {
            return self.complain("open", name, code: error.code)
        }
        guard self.unlink(name, of: directory, AT_REMOVEDIR) else {
            // Why something is left in it has been said.
            return errno == ENOTEMPTY ? false : self.complain("rmdir", name)
        }
        self.report.freedBytes += Int64(about.st_blocks) * 512
        return true
    }

    private func unlink(_ name: [CChar], of directory: borrowing Descriptor, _ flags: Int32) -> Bool {
        unlinkat(directory.number, name, flags) == 0 || errno == ENOENT
    }

    /// Opens a directory that can be emptied: who is not root makes it so first.
    private func open(_ name: [CChar], _ parent: Int32) throws(SystemError) -> Descriptor {
        if geteuid() != 0 {
            var about = stat()
            let isClosed =
                fstatat(parent, name, &about, AT_SYMLINK_NOFOLLOW) == 0 && about.st_mode & S_IFMT == S_IFDIR
                && about.st_mode & 0o700 != 0o700
            if isClosed { fchmodat(parent, name, 0o700, 0) }
        }
        let number = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard number >= 0 else { throw SystemError("open", Self.text(name)) }
        return Descriptor(owning: number)
    }

    /// Names the mount that an open file is of; unlike a device number it tells a part of a file system that is mounted
    /// twice from the original.
    private static func mount(of file: borrowing Descriptor) -> String {
        let text = Files.text("/proc/self/fdinfo/\(file.number)", limit: 4096) ?? ""
        if let line = text.split(separator: "\n").first(where: { $0.hasPrefix("mnt_id:") }) { return String(line) }
        return (try? file.status()).map { "\($0.st_dev)" } ?? ""
    }

    // MARK: - Pace

    private mutating func step() {
        self.stepsLeft -= 1
        self.stepsSinceRest += 1
        guard self.stepsSinceRest >= Self.stepsPerRest else { return }
        self.rest(min(.milliseconds(100), ContinuousClock.now - self.lastRest))
        self.stepsSinceRest = 0
        self.lastRest = .now
    }

    static func sleep(_ duration: Duration) { usleep(UInt32(max(0, duration / .microseconds(1)))) }

    // MARK: - Problems

    private mutating func complain(_ call: String, _ name: [CChar], code: Int32 = errno) -> Bool {
        self.complain("\(SystemError(call, Self.text(name), code: code))")
        return false
    }

    private mutating func complain(_ text: String) {
        if self.report.problems.count < Self.problemsMax { self.report.problems.append(text) }
    }

    private static func text(_ name: [CChar]) -> String {
        name.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }
}

/// Reads the names in a directory one by one, as the bytes that they are.
struct DirectoryStream: ~Copyable {
    private let stream: OpaquePointer

    /// From the beginning, whatever was read of the directory before; nil if it cannot be read.
    init?(_ directory: borrowing Descriptor) {
        let number = openat(directory.number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard number >= 0 else { return nil }
        guard let stream = fdopendir(number) else {
            close(number)
            return nil
        }
        self.stream = stream
    }

    init?(_ path: String) {
        guard let directory = try? Descriptor(opening: path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW) else { return nil }
        self.init(directory)
    }

    deinit { closedir(self.stream) }

    /// The next one with a NUL behind it, without `.` and `..`.
    func next() -> [CChar]? {
        while let entry = readdir(self.stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { start in
                    Array(UnsafeBufferPointer(start: start, count: strlen(start) + 1))
                }
            }
            if name != [46, 0], name != [46, 46, 0] { return name }
        }
        return nil
    }

    /// The next one that is text.
    func nextText() -> String? {
        while let name = self.next() {
            if let text = String(validating: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self) {
                return text
            }
        }
        return nil
    }
}
