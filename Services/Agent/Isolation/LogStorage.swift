#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif
internal import Model

/// The files of an agent's log, one call at a time: what `AgentLogFile` does on its thread.
///
/// In the directory: `log`, `log.new` while it is rewritten, and `lock`, which is held as long as this is open.
///
/// Handed from the thread that opens it to the log's own, and used by one at a time.
final class LogStorage: @unchecked Sendable {
    private let directory: String
    private let lock: Descriptor
    private var file: Descriptor
    private let isSynced: Bool
    /// Bytes of the file, and how many of them are known to be on disk.
    private(set) var size: Int
    private var synced: Int
    /// Bytes of the file with the zeros behind what was written.
    private var reserved: Int
    private var isClosed = false

    private static let name = "log", newName = "log.new", lockName = "lock"

    private init(
        _ directory: String, _ lock: consuming Descriptor, _ file: consuming Descriptor, isSynced: Bool, size: Int
    ) {
        self.directory = directory
        self.lock = lock
        self.file = file
        self.isSynced = isSynced
        self.size = size
        self.synced = size
        self.reserved = size
    }

    /// Lets another have the directory.
    func close() {
        guard !self.isClosed else { return }
        self.isClosed = true
        // Only tidy: zeros behind the last group mean nothing.
        if self.reserved > self.size { _ = ftruncate(self.file.number, off_t(self.size)) }
        flock(self.lock.number, LOCK_UN)
    }

    // Said aloud, since a process that is just being started elsewhere may have a copy of the descriptor until its
    // exec.
    deinit { self.close() }

    /// Takes the directory.
    ///
    /// An agent that is just ending may have it for a moment.
    private static func take(_ lock: borrowing Descriptor) -> Bool {
        for attempt in 0..<10 {
            if attempt > 0 { usleep(50_000) }
            if flock(lock.number, LOCK_EX | LOCK_NB) == 0 { return true }
        }
        return false
    }

    /// Opens or makes the log of a directory.
    ///
    /// - Parameters:
    ///   - isSynced: Whether a write is done when it is on disk, rather than when the kernel has it.
    ///   - records: The records in it, in order.
    ///   - torn: How many bytes of a torn end were cut off.
    static func open(
        directory: String, isSynced: Bool, records: inout [Bytes], torn: inout Int
    ) throws(AgentLogError) -> LogStorage {
        do {
            try Files.makeDirectories(directory, mode: 0o755)
            let lock = try Descriptor(opening: directory + "/" + Self.lockName, O_RDWR | O_CREAT)
            guard Self.take(lock) else {
                throw AgentLogError(
                    description: "\(directory) belongs to another agent, which runs; give this one its own --dir")
            }
            // What an earlier life did not finish; the old file is whole.
            unlink(directory + "/" + Self.newName)
            let file = try Descriptor(opening: directory + "/" + Self.name, O_RDWR | O_CREAT)
            let size = Int(try file.status().st_size)
            let bytes = try file.read(upTo: size, at: 0)
            let content = try Self.content(bytes, directory)
            let storage = LogStorage(directory, lock, file, isSynced: isSynced, size: content.validBytes)
            try storage.begin(cutting: bytes.count)
            records = content.records
            torn = content.tornBytes
            return storage
        } catch let error as AgentLogError {
            throw error
        } catch {
            throw AgentLogError(description: "\(directory): \(error)")
        }
    }

    private static func content(_ bytes: Bytes, _ directory: String) throws(AgentLogError) -> LogFormat.Content {
        let result = bytes.withUnsafeBytes { buffer in
            Result { () throws(LogFormat.Problem) in try LogFormat.read(buffer) }
        }
        let path = "\(directory)/\(Self.name)"
        switch result {
        case .success(let content): return content
        case .failure(.notALog):
            throw AgentLogError(description: "\(path) is no agent's log; give this agent its own --dir")
        case .failure(.version(let version)):
            let own = LogFormat.version
            throw AgentLogError(
                description:
                    "\(path) is of version \(version), and this agent reads \(own); start a later version of it")
        case .failure(.damaged(let offset)):
            throw AgentLogError(
                description: """
                    \(path) is damaged at byte \(offset) of \(bytes.count), behind which it was safe: the disk has lost what it \
                    was given. Check the disk. To go on without what this agent knew, move the directory away: it then \
                    registers as a new one, and its old tasks are killed and reported lost
                    """)
        }
    }

    /// Cuts a torn end off, and writes the header of a new file.
    private func begin(cutting former: Int) throws(SystemError) {
        if former > self.size, ftruncate(self.file.number, off_t(self.size)) != 0 { throw SystemError("ftruncate") }
        if self.size == 0 {
            let header = LogFormat.header()
            try self.write(header)
        }
        // Even where writes are not synced: the log's existence is.
        guard fsync(self.file.number) == 0 else { throw SystemError("fsync") }
        try Self.sync(directory: self.directory)
        self.synced = self.size
    }

    private func write(_ bytes: Bytes) throws(SystemError) {
        try self.file.write(all: bytes, at: self.size)
        self.size += bytes.count
        self.reserved = max(self.reserved, self.size)
    }

    /// Writes zeros behind what was written, if nothing is left of the last ones.
    ///
    /// A write into what the file has already is on disk when its bytes are; one that makes the file longer waits for
    /// the file system's journal, with all the directories that were made since for sandboxes. As much ahead as there
    /// is already, within bounds.
    ///
    /// On a disk that is almost full there may be room for what has to be written and none for this: then groups make
    /// the file longer one by one, until one of them does not fit.
    private func reserve() {
        guard self.size >= self.reserved else { return }
        let count = min(max(self.size, Self.reserveMin), Self.reserveMax)
        do throws(SystemError) {
            try self.file.write(all: Bytes(repeating: 0, count: count), at: self.size)
            self.reserved = self.size + count
        } catch {
            // Some may have been written; the place is for others, too.
            _ = ftruncate(self.file.number, off_t(self.size))
        }
    }

    private static let reserveMin = 64 << 10, reserveMax = 1 << 20

    /// Appends a group, given its records, and syncs it where that is wanted.
    func append(_ records: Bytes) throws(SystemError) {
        try self.write(LogFormat.group(records, synced: self.synced))
        guard self.isSynced else { return }
        self.reserve()
        guard fdatasync(self.file.number) == 0 else { throw SystemError("fdatasync") }
        self.synced = self.size
    }

    /// Puts a file that holds these records in the place of the present one.
    ///
    /// Whoever opens the log at any moment meanwhile finds the old file or the new one, whole.
    func rewrite(_ records: Bytes) throws(SystemError) {
        let path = self.directory + "/" + Self.name, newPath = self.directory + "/" + Self.newName
        unlink(newPath)
        let fresh = try Descriptor(opening: newPath, O_RDWR | O_CREAT | O_EXCL)
        var content = LogFormat.header()
        if !records.isEmpty { content += LogFormat.group(records, synced: LogFormat.headerBytes) }
        do { try fresh.write(all: content) } catch {
            // A part of it on a full disk is in everybody's way.
            unlink(newPath)
            throw error
        }
        guard fsync(fresh.number) == 0 else { throw SystemError("fsync", newPath) }
        guard rename(newPath, path) == 0 else { throw SystemError("rename", newPath) }
        self.file = fresh
        self.size = content.count
        self.synced = content.count
        self.reserved = content.count
        try Self.sync(directory: self.directory)
    }

    private static func sync(directory: String) throws(SystemError) {
        let descriptor = try Descriptor(opening: directory, O_RDONLY | O_DIRECTORY)
        guard fsync(descriptor.number) == 0 else { throw SystemError("fsync", directory) }
    }
}
