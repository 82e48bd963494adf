#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif
public import Model

/// What stands in a directory of a sandbox.
public struct SandboxEntry: Hashable, Sendable {
    /// Its name in the directory.
    public var name: String
    /// What it is.
    public var kind: Kind
    /// In bytes.
    public var size: Int64
    /// Seconds since 1970.
    public var modified: Int64

    /// What an entry can be.
    public enum Kind: String, Hashable, Sendable {
        case file
        case directory
        /// Nothing that is read: a link, a pipe, a device.
        case other
    }
}

/// One run of a task or an executor whose sandbox is kept.
public struct SandboxRun: Hashable, Sendable {
    /// Its number on this agent.
    public var run: RunID
    /// Of its directory; seconds since 1970.
    public var modified: Int64
}

/// A piece of a file.
public struct SandboxPiece: Hashable, Sendable {
    /// What was read.
    public var bytes: Bytes
    /// Where the first byte of it stands in the file.
    public var offset: Int64
    /// Of the whole file, when the piece was read.
    public var size: Int64
}

/// What a path of a sandbox leads to.
public struct SandboxStatus: Hashable, Sendable {
    /// A file or a directory.
    public var kind: SandboxEntry.Kind
    /// In bytes.
    public var size: Int64
    /// Where a file begins: 0, unless it is an output whose head was cut off.
    public var head: Int64
    /// Seconds since 1970.
    public var modified: Int64
    /// Changes whenever the file does.
    public var tag: String
}

/// Why a path of a sandbox is not shown.
public enum SandboxFileError: Error, Hashable, Sendable {
    /// Nothing is there.
    case notFound
    /// It leads, or may lead, out of the sandbox, or it is nothing to be read.
    case refused(reason: String)
    /// The disk failed.
    case failed(reason: String)
}

/// Shows what is in sandboxes, and nothing else of the machine.
///
/// Tasks are foreign programs, which may put links in their sandboxes at any moment. So a path is walked a part at a
/// time, from an open directory to the next, and no link is followed. Blocks for as long as the disk takes: not for an
/// event loop.
public struct SandboxFiles: Sendable {
    /// The longest piece that is read at once.
    public static let largestPiece = 1 << 20
    /// The most entries of a directory that are listed.
    public static let mostEntries = 100_000

    private let root: String

    /// - Parameter root: The agent's work directory.
    public init(root: String) { self.root = root }

    /// What is in a directory, ordered by name; of a very large one, `mostEntries` of them.
    public func list(_ parts: [String]) throws(SandboxFileError) -> [SandboxEntry] {
        let directory = try self.open(parts)
        guard try Self.status(directory).st_mode & S_IFMT == S_IFDIR else {
            throw .refused(reason: "it is no directory")
        }
        var entries: [SandboxEntry] = []
        try Self.forEachEntry(of: directory) { name, number in
            var about = stat()
            guard fstatat(number, name, &about, AT_SYMLINK_NOFOLLOW) == 0 else { return true }
            let kind: SandboxEntry.Kind =
                switch about.st_mode & S_IFMT {
                case S_IFREG: .file
                case S_IFDIR: .directory
                default: .other
                }
            entries.append(
                SandboxEntry(name: name, kind: kind, size: Int64(about.st_size), modified: Int64(about.st_mtim.tv_sec)))
            return entries.count < Self.mostEntries
        }
        return entries.sorted { $0.name < $1.name }
    }

    /// The runs that a directory holds of a task or an executor, in the order in which they were started.
    ///
    /// - Complexity: O(entries of the directory).
    public func runs(named name: String, in parts: [String]) throws(SandboxFileError) -> [SandboxRun] {
        let directory: Descriptor
        do throws(SandboxFileError) { directory = try self.open(parts) } catch .notFound { return [] }
        var runs: [SandboxRun] = []
        try Self.forEachEntry(of: directory) { entry, number in
            var about = stat()
            if entry.hasPrefix(name), let run = Sandbox.run(of: entry), entry == "\(name).\(run)",
                fstatat(number, entry, &about, AT_SYMLINK_NOFOLLOW) == 0, about.st_mode & S_IFMT == S_IFDIR
            {
                runs.append(SandboxRun(run: run, modified: Int64(about.st_mtim.tv_sec)))
            }
            return true
        }
        return runs.sorted { $0.run < $1.run }
    }

    /// - Parameter body: Takes the name of an entry and the directory's descriptor; false: enough.
    private static func forEachEntry(
        of directory: consuming Descriptor, _ body: (String, Int32) -> Bool
    ) throws(SandboxFileError) {
        let number = directory.release()
        guard let stream = fdopendir(number) else {
            close(number)
            throw .failed(reason: String(errno: errno))
        }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != "..", !body(name, number) { return }
        }
    }

    /// A piece of a file, shorter than `length` at its end.
    ///
    /// - Parameters:
    ///   - offset: From the start of the file; negative: from its end.
    ///   - length: Of which at most `largestPiece` are read.
    ///   - isOutput: The head may have been cut off (`OutputBound`): the piece begins behind what is no more.
    public func read(
        _ parts: [String], offset: Int64, length: Int, isOutput: Bool = false
    ) throws(SandboxFileError) -> SandboxPiece {
        let file = try self.open(parts)
        do {
            while true {
                let about = try file.status()
                guard about.st_mode & S_IFMT == S_IFREG else { throw SandboxFileError.refused(reason: "it is no file") }
                let size = Int64(about.st_size)
                let head = isOutput ? OutputBound.head(of: file.number, size: size) : 0
                let start = max(head, offset < 0 ? max(0, size.addingReportingOverflow(offset).partialValue) : offset)
                let wanted = min(max(0, length), Self.largestPiece, Int(max(0, size - start)))
                let bytes = wanted == 0 ? [] : try file.read(upTo: wanted, at: start)
                // What was cut off while it was read has come as zeros.
                if isOutput, !bytes.isEmpty, OutputBound.head(of: file.number, size: size) > start { continue }
                return SandboxPiece(bytes: bytes, offset: start, size: size)
            }
        } catch let error as SandboxFileError {
            throw error
        } catch let error as SystemError {
            throw .failed(reason: "\(error)")
        } catch {
            throw .failed(reason: "\(error)")
        }
    }

    /// What a path leads to; what can neither be read nor listed is refused.
    public func status(_ parts: [String], isOutput: Bool = false) throws(SandboxFileError) -> SandboxStatus {
        let file = try self.open(parts)
        let about = try Self.status(file), size = Int64(about.st_size)
        let kind: SandboxEntry.Kind
        switch about.st_mode & S_IFMT {
        case S_IFREG: kind = .file
        case S_IFDIR: kind = .directory
        default: throw .refused(reason: "it is neither a file nor a directory")
        }
        let head = isOutput && kind == .file ? OutputBound.head(of: file.number, size: size) : 0
        let numbers = [
            Int64(bitPattern: UInt64(about.st_ino)), size, head, Int64(about.st_mtim.tv_sec),
            Int64(about.st_mtim.tv_nsec),
        ]
        return SandboxStatus(
            kind: kind, size: size, head: head, modified: Int64(about.st_mtim.tv_sec),
            tag: numbers.map { String(UInt64(bitPattern: $0), radix: 36) }.joined(separator: "-"))
    }

    /// Whether a directory is there; for the choice between places where a sandbox may be.
    public func isDirectory(_ parts: [String]) -> Bool {
        guard let directory = try? self.open(parts), let about = try? directory.status() else { return false }
        return about.st_mode & S_IFMT == S_IFDIR
    }

    private static func status(_ file: borrowing Descriptor) throws(SandboxFileError) -> stat {
        do throws(SystemError) { return try file.status() } catch { throw .failed(reason: "\(error)") }
    }

    private func open(_ parts: [String]) throws(SandboxFileError) -> Descriptor {
        guard parts.allSatisfy(Sandbox.isPlain) else { throw .refused(reason: "a part of the path is no plain name") }
        do throws(SystemError) {
            var place = try Descriptor(opening: self.root, O_RDONLY | O_DIRECTORY)
            for part in parts {
                // A pipe must not be waited for, nor a terminal become this process's own.
                place = try Descriptor(opening: part, in: place, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
            }
            return place
        } catch {
            switch error.code {
            case ENOENT, ENOTDIR: throw .notFound
            case ELOOP: throw .refused(reason: "it is a link")
            case EACCES, EPERM, ENXIO, EOPNOTSUPP: throw .refused(reason: "\(error)")
            default: throw .failed(reason: "\(error)")
            }
        }
    }
}
