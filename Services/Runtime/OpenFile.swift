internal import NIOPosix

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// A file that is open for reading, until nobody holds it any more.
///
/// Any thread may use it.
///
/// Reading happens on a few threads kept for it, so no event loop waits for a disk.
public final class OpenFile: Sendable {
    /// What the system said.
    public struct Problem: Error, Hashable, Sendable, CustomStringConvertible {
        /// The system's error number.
        public let code: Int32
        /// For people.
        public var description: String { String(cString: strerror(self.code)) }
        /// There is no such file.
        public var isMissing: Bool { self.code == ENOENT || self.code == ENOTDIR }
    }

    private let descriptor: Int32

    /// Takes over a descriptor, which is closed with the last reference.
    public init(descriptor: Int32) { self.descriptor = descriptor }

    deinit { close(self.descriptor) }

    /// Opens a file.
    ///
    /// - Parameter path: Every link in it is followed; who must not leave a directory opens the descriptor himself.
    /// - Throws: `Problem`, also if it is no regular file.
    public static func open(_ path: String) async throws -> OpenFile {
        try await BlockingWork.run {
            #if canImport(Glibc)
                let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
            #else
                let descriptor = Musl.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
            #endif
            guard descriptor >= 0 else { throw Problem(code: errno) }
            let file = OpenFile(descriptor: descriptor)
            guard try file.status().st_mode & S_IFMT == S_IFREG else { throw Problem(code: EISDIR) }
            return file
        }
    }

    /// How long it is now.
    ///
    /// Bytes.
    ///
    /// - Throws: `Problem`.
    public func size() async throws -> Int {
        try await BlockingWork.run { Int(try self.status().st_size) }
    }

    /// Bytes from `offset`: at most `count`, fewer at the end, none behind it.
    ///
    /// - Throws: `Problem`.
    public func read(at offset: Int, count: Int) async throws -> [UInt8] {
        try await BlockingWork.run {
            var problem: Problem?
            let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
                repeat {
                    filled = pread(self.descriptor, buffer.baseAddress!, count, off_t(offset))
                } while filled < 0 && errno == EINTR
                if filled < 0 {
                    problem = Problem(code: errno)
                    filled = 0
                }
            }
            if let problem { throw problem }
            return bytes
        }
    }

    private func status() throws(Problem) -> stat {
        var status = stat()
        guard fstat(self.descriptor, &status) == 0 else { throw Problem(code: errno) }
        return status
    }
}

/// Threads for what blocks: two, started with the first use.
public enum BlockingWork {
    private static let pool: NIOThreadPool = {
        let pool = NIOThreadPool(numberOfThreads: 2)
        pool.start()
        return pool
    }()

    /// Does something that blocks, away from event loops and tasks.
    ///
    /// - Throws: What `work` throws, or `CancellationError`.
    public static func run<T: Sendable>(_ work: @escaping @Sendable () throws -> T) async throws -> T {
        try await self.pool.runIfActive(work)
    }
}
