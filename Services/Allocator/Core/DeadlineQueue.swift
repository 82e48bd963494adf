import Model

/// Rows with the instant at which each ends, the earliest first; of equals, the one put in first.
///
/// A heap of four children per node, whose entries hold what they are compared by: taking out the first of a million touches ten
/// lines of memory. What ended otherwise stays as an entry that is `isStale`, and is thrown out when it comes up, or when
/// half of all entries are.
struct DeadlineQueue {
    struct Entry {
        let end: Instant
        /// Never used twice: tells a row from a later one of the same number.
        let serial: UInt64
        let row: UInt32

        static func < (left: Self, right: Self) -> Bool {
            left.end == right.end ? left.serial < right.serial : left.end < right.end
        }
    }

    private var heap: [Entry] = []

    var first: Entry? { self.heap.first }

    mutating func insert(_ entry: Entry) {
        self.heap.append(entry)
        self.rise(from: self.heap.count - 1)
    }

    mutating func removeFirst() {
        let last = self.heap.removeLast()
        guard !self.heap.isEmpty else { return }
        self.heap[0] = last
        self.sink(from: 0)
    }

    /// Throws out stale entries: those that come up, and all if there are more than twice as many entries as `live` rows.
    mutating func prune(live: Int, _ isStale: (Entry) -> Bool) {
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
