internal import Model

/// What was fetched for tasks that want it kept, and who uses it: which file is whose, and which goes when there are too many.
struct FetchCache: Hashable, Sendable {
    /// One user's with the same groups, whatever the URI: what one may have another need not be allowed to have, and who
    /// may is known to those alone who gave it.
    struct Key: Hashable, Sendable {
        /// Nil: whoever the agent runs as.
        var user: SupervisorStart.User?
        var uri: String
        var checksum: Checksum?
    }

    /// What whoever asks has to do.
    enum Answer: Hashable, Sendable {
        /// It gets it, as this file, and says how that went.
        case download(file: UInt64)
        /// Somebody is getting it.
        case wait
        /// It is this file, which stays until it is released.
        case use(file: UInt64)
    }

    private struct Entry: Hashable, Sendable {
        let file: UInt64
        /// Nil while it is being got.
        var bytes: Int64?
        var users = 1
        var lastUse: UInt64
    }

    /// Of all files; 0: none is kept longer than it is used.
    let limit: Int64
    private(set) var bytes: Int64 = 0
    private var entries: [Key: Entry] = [:]
    private var files: UInt64 = 0
    private var clock: UInt64 = 0

    init(limit: Int64) { self.limit = limit }

    mutating func ask(_ key: Key) -> Answer {
        self.clock += 1
        guard var entry = self.entries[key] else {
            self.files += 1
            self.entries[key] = Entry(file: self.files, lastUse: self.clock)
            return .download(file: self.files)
        }
        guard entry.bytes != nil else { return .wait }
        entry.users += 1
        entry.lastUse = self.clock
        self.entries[key] = entry
        return .use(file: entry.file)
    }

    /// It is there, and is used by whoever got it.
    ///
    /// - Returns: Files to remove.
    mutating func downloaded(_ key: Key, bytes: Int64) -> [UInt64] {
        self.entries[key]?.bytes = bytes
        self.bytes += bytes
        return self.evict()
    }

    /// It could not be had.
    mutating func failed(_ key: Key) { self.entries[key] = nil }

    /// One who used it does so no longer.
    ///
    /// - Returns: Files to remove.
    mutating func release(_ key: Key) -> [UInt64] {
        self.entries[key]?.users -= 1
        return self.evict()
    }

    /// Removes those that nobody uses, the longest unused first, until the rest is within the limit.
    private mutating func evict() -> [UInt64] {
        var gone: [UInt64] = []
        while self.bytes > self.limit {
            let unused = self.entries.filter { $0.value.users == 0 && $0.value.bytes != nil }
            guard let (key, entry) = unused.min(by: { $0.value.lastUse < $1.value.lastUse }) else { break }
            self.entries[key] = nil
            self.bytes -= entry.bytes ?? 0
            gone.append(entry.file)
        }
        return gone
    }
}
