/// Rows with the instant at which each ends, the earliest first; of equals, the one put in first.
///
/// A heap of four children per node, whose entries hold what they are compared by: taking out the first of a million touches ten
/// lines of memory. What ended otherwise stays as an entry that is `isStale`, and is thrown out when it comes up, or when
/// half of all entries are.
public struct DeadlineQueue: Sendable {
    /// A row and its end.
    public struct Entry: Sendable {
        /// When it ends.
        public let end: Instant
        /// Never used twice: tells a row from a later one of the same number.
        public let serial: UInt64
        /// Names it in its table.
        public let row: UInt32

        /// With everything given.
        public init(end: Instant, serial: UInt64, row: UInt32) {
            self.end = end
            self.serial = serial
            self.row = row
        }

        /// Whether the left ends before the right.
        public static func < (left: Self, right: Self) -> Bool {
            left.end == right.end ? left.serial < right.serial : left.end < right.end
        }
    }

    private var heap: [Entry] = []

    /// An empty queue.
    public init() {}

    /// How many entries there are, stale ones among them.
    public var count: Int { self.heap.count }

    /// What ends first.
    public var first: Entry? { self.heap.first }

    /// Puts an entry in.
    public mutating func insert(_ entry: Entry) {
        self.heap.append(entry)
        self.rise(from: self.heap.count - 1)
    }

    /// Takes out what ends first; there must be one.
    public mutating func removeFirst() {
        let last = self.heap.removeLast()
        guard !self.heap.isEmpty else { return }
        self.heap[0] = last
        self.sink(from: 0)
    }

    /// Throws out stale entries: those that come up, and all if there are more than twice as many entries as `live` rows.
    public mutating func prune(live: Int, _ isStale: (Entry) -> Bool) {
        while let first = self.heap.first, isStale(first) { self.removeFirst() }
        guard self.heap.count > 2 * live + 64 else { return }
        self.heap.removeAll(where: isStale)
        for place in stride(from: (self.heap.count - 2) / 4, through: 0, by: -1) { self.sink(from: place) }
    }

    private mutating func rise(from start: Int) {
        let entry = self.heap[start]
        var place = start
        while place > 0 {
            let parent = (place - 1) / 4
            guard entry < self.heap[parent] else { break }
            self.heap[place] = self.heap[parent]
            place = parent
        }
        self.heap[place] = entry
    }

    private mutating func sink(from start: Int) {
        guard start < self.heap.count else { return }
        let entry = self.heap[start]
        var place = start
        while true {
            let first = 4 * place + 1
            guard first < self.heap.count else { break }
            var least = first
            for child in first + 1..<min(first + 4, self.heap.count) where self.heap[child] < self.heap[least] {
                least = child
            }
            guard self.heap[least] < entry else { break }
            self.heap[place] = self.heap[least]
            place = least
        }
        self.heap[place] = entry
    }
}
