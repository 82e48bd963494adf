#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif
public import Model

/// The epoch of a master without ZooKeeper: a file in its directory, raised once for each start.
///
/// The file is locked for the life of the process, so two masters never share a directory.
public final class EpochFile: @unchecked Sendable {  // Immutable but for the file itself, which `flock` guards.
    private let directory: String
    private let path: String
    private let lock: Int32

    /// Why the file cannot serve.
    public struct Failure: Error, CustomStringConvertible {
        /// For people: which file, and what went wrong.
        public let description: String
    }

    /// Opens the file in `directory`, which must exist.
    ///
    /// - Throws: `Failure` if it cannot be opened, or another process holds it.
    public init(directory: String) throws(Failure) {
        self.directory = directory
        self.path = "\(directory)/epoch"
        self.lock = open("\(directory)/epoch.lock", O_CREAT | O_RDWR | O_CLOEXEC, 0o644)
        guard self.lock >= 0 else { throw Failure(description: "cannot open \(self.path).lock: \(Self.lastError)") }
        guard flock(self.lock, LOCK_EX | LOCK_NB) == 0 else {
            close(self.lock)
            throw Failure(description: "another master uses \(directory): give each its own --dir")
        }
    }

    deinit { close(self.lock) }

    /// Raises the epoch above the stored one and above `seen`, and has it on disk before it returns.
    ///
    /// - Parameter origin: Takes the place of the stored one where there is no file, as it may have been lost.
    /// - Throws: `Failure` if the file is unreadable or cannot be written; the stored epoch is then unchanged.
    public func raise(above seen: Epoch = .none, from origin: Epoch = .none) throws(Failure) -> Epoch {
        let stored = try self.stored() ?? origin
        let next = Epoch(max(stored, seen).value + 1)
        let temporary = "\(self.path).new"
        let file = open(temporary, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw Failure(description: "cannot write \(temporary): \(Self.lastError)") }
        let text = Bytes("\(next)\n".utf8)
        let isWritten = text.withUnsafeBytes { write(file, $0.baseAddress, $0.count) == $0.count } && fsync(file) == 0
        let cause = Self.lastError
        close(file)
        guard isWritten, rename(temporary, self.path) == 0 else {
            throw Failure(description: "cannot write \(self.path): \(cause)")
        }
        // The rename is durable once the directory is.
        let folder = open(self.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0, fsync(folder) == 0 else {
            throw Failure(description: "cannot sync \(self.directory): \(Self.lastError)")
        }
        close(folder)
        return next
    }

    private func stored() throws(Failure) -> Epoch? {
        let file = open(self.path, O_RDONLY | O_CLOEXEC)
        if file < 0, errno == ENOENT { return nil }
        guard file >= 0 else { throw Failure(description: "cannot read \(self.path): \(Self.lastError)") }
        defer { close(file) }
        var buffer = Bytes(repeating: 0, count: 32)
        let count = buffer.withUnsafeMutableBytes { read(file, $0.baseAddress, $0.count) }
        let text = String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
        guard let value = UInt64(text.split(separator: "\n").first ?? "") else {
            throw Failure(description: "\(self.path) holds no number: write one above every epoch used, or remove it")
        }
        return Epoch(value)
    }

    private static var lastError: String { String(cString: strerror(errno)) }
}
