/// Values by key that are remembered in the order in which they came, and of which any is forgotten at the same small cost.
struct ArrivalOrder<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private var entries: [Key: (number: UInt64, value: Value)] = [:]
    /// The number of the one that came last, also if it is forgotten; 0 if none has come.
    private(set) var last: UInt64 = 0

    var isEmpty: Bool { self.entries.isEmpty }

    /// Adds a value, unless its key has one.
    mutating func append(_ value: Value, for key: Key) {
        guard self.entries[key] == nil else { return }
        self.last += 1
        self.entries[key] = (self.last, value)
    }

    subscript(key: Key) -> Value? { self.entries[key]?.value }

    mutating func remove(_ key: Key) { self.entries[key] = nil }

    /// The oldest first.
    ///
    /// - Parameter number: Only those that came after the one of that number.
    /// - Complexity: O(n log n).
    func values(after number: UInt64 = 0) -> [Value] {
        self.entries.values.filter { $0.number > number }.sorted { $0.number < $1.number }.map(\.value)
    }
}
