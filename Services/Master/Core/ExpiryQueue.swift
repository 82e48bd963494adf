import Model

/// What runs out in the order in which it was added, because all of it is given the same time.
///
/// Entries are not taken out early: whoever adds an entry gives it a stamp that tells, when it runs out, whether it still
/// means anything. Adding and running out cost O(1) each on average.
struct ExpiryQueue {
    /// What runs out: an index into a table, and the stamp that the row had.
    struct Entry {
        var deadline: Instant
        var index: UInt32
        var stamp: UInt64
    }

    private var entries: [Entry] = []
    private var head = 0

    /// When the next entry runs out; nil if there is none.
    var nextDeadline: Instant? { self.head < self.entries.count ? self.entries[self.head].deadline : nil }

    /// How many entries there are for which this holds.
    ///
    /// - Complexity: O(entries).
    func count(where isCounted: (Entry) -> Bool) -> Int { self.entries[self.head...].count(where: isCounted) }

    /// Adds an entry, whose deadline is not before that of the one added last.
    mutating func append(index: UInt32, stamp: UInt64, deadline: Instant) {
        self.entries.append(Entry(deadline: deadline, index: index, stamp: stamp))
    }

    /// Takes out the first entry if it has run out.
    mutating func popExpired(at now: Instant) -> Entry? {
        guard self.head < self.entries.count, self.entries[self.head].deadline <= now else { return nil }
        return self.popFirst()
    }

    /// Takes out the first entry.
    mutating func popFirst() -> Entry? {
        guard self.head < self.entries.count else { return nil }
        let entry = self.entries[self.head]
        self.head += 1
        if self.head * 2 > self.entries.count, self.head > 64 {
            self.entries.removeFirst(self.head)
            self.head = 0
        }
        return entry
    }

    /// Takes out entries at the front for which this holds.
    mutating func dropFirst(while isStale: (Entry) -> Bool) {
        while self.head < self.entries.count, isStale(self.entries[self.head]) { _ = self.popFirst() }
    }
}
