/// A table whose rows are named by small integers that stay the same until the row is removed.
///
/// Insertion, removal and access are O(1). A removed index is given again to the next insertion, the latest removed
/// first, so indices stay dense and a table that shrinks and grows keeps its memory. Iteration is in ascending index
/// order: the same history of insertions and removals gives the same order in every run.
///
/// Inlinable, because it is what cores of other modules spend their time in.
@frozen
public struct Slab<Element> {
    @usableFromInline var slots: [Element?] = []
    @usableFromInline var vacant: [UInt32] = []

    /// An empty table.
    @inlinable
    public init() {}

    /// How many rows there are.
    @inlinable
    public var count: Int { self.slots.count - self.vacant.count }

    /// Whether there is no row.
    @inlinable
    public var isEmpty: Bool { self.count == 0 }

    /// One above the highest index ever given.
    @inlinable
    public var endIndex: UInt32 { UInt32(self.slots.count) }

    /// Adds a row and says how it is named.
    @inlinable
    @discardableResult
    public mutating func insert(_ element: Element) -> UInt32 {
        if let index = self.vacant.popLast() {
            self.slots[Int(index)] = element
            return index
        }
        precondition(self.slots.count < Int(UInt32.max), "a table of four billion rows")
        self.slots.append(element)
        return UInt32(self.slots.count - 1)
    }

    /// Adds a row under a vacant index of which this holds, or under a new one below `limit`, or under the one that is vacant longest.
    ///
    /// Only the last few that became vacant are asked about.
    @inlinable
    public mutating func insert(_ element: Element, below limit: Int, where isSuitable: (UInt32) -> Bool) -> UInt32 {
        for place in self.vacant.indices.suffix(8).reversed() where isSuitable(self.vacant[place]) {
            let index = self.vacant.remove(at: place)
            self.slots[Int(index)] = element
            return index
        }
        if self.slots.count >= limit, !self.vacant.isEmpty {
            let index = self.vacant.removeFirst()
            self.slots[Int(index)] = element
            return index
        }
        self.slots.append(element)
        return UInt32(self.slots.count - 1)
    }

    /// Takes out the row of that index, which must exist.
    @inlinable
    @discardableResult
    public mutating func remove(_ index: UInt32) -> Element {
        guard Int(index) < self.slots.count, let element = self.slots[Int(index)] else {
            preconditionFailure("no row \(index) in a table of \(self.count)")
        }
        self.slots[Int(index)] = nil
        self.vacant.append(index)
        return element
    }

    /// Whether there is a row of that index.
    @inlinable
    public func contains(_ index: UInt32) -> Bool {
        Int(index) < self.slots.count && self.slots[Int(index)] != nil
    }

    /// The row of that index, which must exist; changed in place.
    @inlinable
    public subscript(index: UInt32) -> Element {
        _read { yield self.slots[Int(index)]! }
        _modify { yield &self.slots[Int(index)]! }
    }

    /// The row of that index, or nil if there is none.
    @inlinable
    public func row(_ index: UInt32) -> Element? {
        Int(index) < self.slots.count ? self.slots[Int(index)] : nil
    }

    /// The indices of all rows, ascending.
    ///
    /// - Complexity: O(`endIndex`) to walk through.
    @inlinable
    public var indices: [UInt32] {
        self.slots.indices.filter { self.slots[$0] != nil }.map { UInt32($0) }
    }
}

extension Slab: Sequence {
    /// The rows with their indices, ascending.
    @inlinable
    public func makeIterator() -> Iterator { Iterator(slots: self.slots) }

    /// Walks through the rows as they were when it was made.
    @frozen
    public struct Iterator: IteratorProtocol {
        @usableFromInline let slots: [Element?]
        @usableFromInline var position = 0

        @inlinable
        init(slots: [Element?]) { self.slots = slots }

        /// The next row, or nil after the last.
        @inlinable
        public mutating func next() -> (index: UInt32, element: Element)? {
            while self.position < self.slots.count {
                defer { self.position += 1 }
                if let element = self.slots[self.position] { return (UInt32(self.position), element) }
            }
            return nil
        }
    }
}

extension Slab: Sendable where Element: Sendable {}
