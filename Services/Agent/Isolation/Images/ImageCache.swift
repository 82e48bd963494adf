internal import Model

/// Which unpacked layers are on disk, and which go when there are too many: those that were unused for longest.
///
/// Those in use stay, whatever they take. No I/O: the host makes and removes what is decided here.
struct ImageCache: Hashable, Sendable {
    /// A layer is named by what it was made from.
    typealias Key = String

    private struct Entry: Hashable {
        var bytes: Int64
        /// Of the clock that counts uses.
        var lastUse: Int
        var users: Set<RunID> = []
    }

    /// Bytes that layers may take together.
    let limit: Int64
    private var entries: [Key: Entry] = [:]
    private var uses = 0

    init(limit: Int64) { self.limit = limit }

    /// What all take.
    var bytes: Int64 { self.entries.values.reduce(0) { $0 + $1.bytes } }

    func contains(_ key: Key) -> Bool { self.entries[key] != nil }

    /// A layer is on disk now; those found at a start are added in the order in which they were used.
    mutating func add(_ key: Key, bytes: Int64) {
        self.uses += 1
        self.entries[key] = Entry(bytes: bytes, lastUse: self.uses, users: self.entries[key]?.users ?? [])
    }

    /// A run needs a layer: it stays until the run lets go of it.
    mutating func pin(_ key: Key, by run: RunID) {
        self.uses += 1
        self.entries[key]?.lastUse = self.uses
        self.entries[key]?.users.insert(run)
    }

    /// A run has ended, or came to nothing.
    mutating func release(_ run: RunID) {
        for key in self.entries.keys { self.entries[key]?.users.remove(run) }
    }

    /// Forgets what has to go so that the rest fits, and so many bytes more.
    ///
    /// - Returns: What is to be removed from the disk, the longest unused first.
    mutating func evict(toAdd bytes: Int64 = 0) -> [Key] {
        var total = self.bytes + bytes, gone: [Key] = []
        let idle = self.entries.filter { $0.value.users.isEmpty }.sorted { $0.value.lastUse < $1.value.lastUse }
        for (key, entry) in idle where total > self.limit {
            total -= entry.bytes
            self.entries[key] = nil
            gone.append(key)
        }
        return gone
    }
}
