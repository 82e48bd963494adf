/// How long sandboxes stay after their runs have ended: as long as there is room.
public struct SandboxRetention: Hashable, Sendable {
    /// How long a sandbox stays on an empty disk.
    ///
    /// Days. Longer keeps the outputs of failed tasks for those who ask late; shorter needs fewer inodes. Default 1 week,
    /// as in Mesos.
    public var delay: Duration = .seconds(7 * 86400)
    /// The part of the disk that is not for sandboxes of the past.
    ///
    /// 0 to 1. When less than this is free, they go as soon as their runs have ended. Default 0.1, as in Mesos.
    public var headroom = 0.1
    /// How many are kept; of more, those go first that ended first.
    ///
    /// Each takes three inodes and what its task leaves in it. Default 100,000.
    public var most = 100_000

    /// The defaults.
    public init() {}

    /// How long a sandbox stays while so much of the disk is used, 0 to 1.
    ///
    /// Seconds.
    public func maxAge(usage: Double) -> Double {
        self.delay / .seconds(1) * min(1, max(0, 1 - self.headroom - usage))
    }

    /// Whether a sandbox goes that is so many seconds old, since its run ended.
    public func isOver(age: Int64, usage: Double) -> Bool { Double(age) >= self.maxAge(usage: usage) }

    /// How many are too many.
    public func surplus(of kept: Int) -> Int { max(0, kept - self.most) }

    /// How often to look: often enough for the delay, and seldom enough to cost nothing.
    public var interval: Duration { min(.seconds(60), max(.seconds(1), self.delay / 8)) }
}

/// The sandboxes of a sweep that ended first, of as many as there may be.
struct OldestSandboxes {
    struct Entry: Hashable {
        /// Seconds since 1970.
        let ended: Int64
        let path: String
        let run: UInt64
    }

    private let capacity: Int
    private var entries: [Entry] = []

    init(capacity: Int) { self.capacity = capacity }

    /// - Complexity: O(log capacity), over many.
    mutating func add(_ entry: Entry) {
        self.entries.append(entry)
        if self.entries.count >= 2 * self.capacity { self.shrink() }
    }

    /// In the order in which they ended.
    mutating func first(_ count: Int) -> ArraySlice<Entry> {
        self.shrink()
        return self.entries.prefix(count)
    }

    private mutating func shrink() {
        self.entries.sort { ($0.ended, $0.run) < ($1.ended, $1.run) }
        self.entries.removeLast(max(0, self.entries.count - self.capacity))
    }
}
