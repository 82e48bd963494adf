/// A table whose rows are named by small integers that stay the same until the row is removed.
///
/// Insertion, removal and access are O(1). A removed index is given again to the next insertion, the latest removed
/// first, so indices stay dense and a table that shrinks and grows keeps its memory. Iteration is in ascending index
/// order: the same history of insertions and removals gives the same order in every run.
///
/// A row is read and changed where it lies. (An array of optionals copies the whole row for each field that is read of it,
/// which for the large rows of the roles costs more than most of what is done with them.) All of it is inlinable, so that
/// each role gets tables for its own rows.
public struct Slab<Element> {
    @usableFromInline var rows = Rows(capacity: 0)
    /// Rows below it are occupied or vacant.
    @usableFromInline var end = 0
    @usableFromInline var vacant: [UInt32] = []

    /// An empty table.
    @inlinable
    public init() {}

    /// How many rows there are.
    @inlinable
    public var count: Int { self.end - self.vacant.count }

    /// Whether there is no row.
    @inlinable
    public var isEmpty: Bool { self.count == 0 }

    /// One above the highest index ever given.
    @inlinable
    public var endIndex: UInt32 { UInt32(self.end) }

    /// Adds a row and says how it is named.
    @inlinable
    @discardableResult
    public mutating func insert(_ element: Element) -> UInt32 {
        let index = self.vacant.popLast() ?? self.addVacantRow()
        self.makeUnique()
        self.rows.fill(Int(index), with: element)
        return index
    }

    /// Adds a row under a vacant index of which this holds, or under a new one below `limit`, or under the one that is vacant longest.
    ///
    /// Only the last few that became vacant are asked about.
    @inlinable
    public mutating func insert(_ element: Element, below limit: Int, where isSuitable: (UInt32) -> Bool) -> UInt32 {
        let index: UInt32
        if let place = self.vacant.indices.suffix(8).last(where: { isSuitable(self.vacant[$0]) }) {
            index = self.vacant.remove(at: place)
        } else if self.end >= limit, !self.vacant.isEmpty {
            index = self.vacant.removeFirst()
        } else {
            index = self.addVacantRow()
        }
        self.makeUnique()
        self.rows.fill(Int(index), with: element)
        return index
    }

    /// Takes out the row of that index, which must exist.
    @inlinable
    @discardableResult
    public mutating func remove(_ index: UInt32) -> Element {
        self.check(index)
        self.makeUnique()
        self.vacant.append(index)
        return self.rows.empty(Int(index))
    }

    /// Whether there is a row of that index.
    @inlinable
    public func contains(_ index: UInt32) -> Bool { Int(index) < self.end && self.rows.isOccupied[Int(index)] }

    /// The row of that index, which must exist; read and changed in place.
    @inlinable
    public subscript(index: UInt32) -> Element {
        _read {
            self.check(index)
            yield self.rows.base[Int(index)]
        }
        _modify {
            self.check(index)
            self.makeUnique()
            yield &self.rows.base[Int(index)]
        }
    }

    /// The row of that index, or nil if there is none.
    @inlinable
    public func row(_ index: UInt32) -> Element? { self.contains(index) ? self.rows.base[Int(index)] : nil }

    /// The indices of all rows, ascending.
    ///
    /// - Complexity: O(`endIndex`) to walk through.
    @inlinable
    public var indices: [UInt32] { (0..<self.endIndex).filter { self.rows.isOccupied[Int($0)] } }

    @inlinable
    @inline(__always)
    func check(_ index: UInt32) {
        precondition(self.contains(index), "no row \(index) in a table of \(self.count)")
    }

    /// Makes room for one more row.
    @inlinable
    mutating func addVacantRow() -> UInt32 {
        precondition(self.end < Int(UInt32.max), "a table of four billion rows")
        if self.end == self.rows.capacity {
            let capacity = self.end < 4 ? 4 : self.end * 2
            self.rows =
                isKnownUniquelyReferenced(&self.rows)
                ? Rows(moving: self.rows, capacity: capacity) : Rows(copying: self.rows, capacity: capacity)
        }
        self.end += 1
        return UInt32(self.end - 1)
    }

    /// Copies the rows if another table has them, too.
    @inlinable
    @inline(__always)
    mutating func makeUnique() {
        if !isKnownUniquelyReferenced(&self.rows) { self.rows = Rows(copying: self.rows, capacity: self.rows.capacity) }
    }

    /// The memory of a table, or of several that are equal.
    @usableFromInline
    final class Rows {
        @usableFromInline let capacity: Int
        @usableFromInline let base: UnsafeMutablePointer<Element>
        /// Which of them hold something.
        @usableFromInline let isOccupied: UnsafeMutablePointer<Bool>

        @inlinable
        init(capacity: Int) {
            self.capacity = capacity
            self.base = .allocate(capacity: capacity)
            self.isOccupied = .allocate(capacity: capacity)
            self.isOccupied.initialize(repeating: false, count: capacity)
        }

        /// The same rows in larger memory.
        @inlinable
        convenience init(copying other: Rows, capacity: Int) {
            self.init(capacity: capacity)
            for index in 0..<other.capacity where other.isOccupied[index] { self.fill(index, with: other.base[index]) }
        }

        /// The rows of one that nobody else has, in larger memory: it is empty afterwards.
        @inlinable
        convenience init(moving other: Rows, capacity: Int) {
            self.init(capacity: capacity)
            for index in 0..<other.capacity where other.isOccupied[index] { self.fill(index, with: other.empty(index)) }
        }

        @inlinable
        func fill(_ index: Int, with element: consuming Element) {
            (self.base + index).initialize(to: element)
            self.isOccupied[index] = true
        }

        @inlinable
        func empty(_ index: Int) -> Element {
            self.isOccupied[index] = false
            return (self.base + index).move()
        }

        @inlinable
        deinit {
            for index in 0..<self.capacity where self.isOccupied[index] { (self.base + index).deinitialize(count: 1) }
            self.base.deallocate()
            self.isOccupied.deallocate()
        }
    }
}

extension Slab: Sequence {
    /// The rows with their indices, ascending.
    @inlinable
    public func makeIterator() -> Iterator { Iterator(rows: self.rows, end: self.end) }

    /// Walks through the rows as they were when it was made.
    public struct Iterator: IteratorProtocol {
        @usableFromInline let rows: Rows
        @usableFromInline let end: Int
        @usableFromInline var position = 0

        @inlinable
        init(rows: Rows, end: Int) {
            self.rows = rows
            self.end = end
        }

        /// The next row, or nil after the last.
        @inlinable
        public mutating func next() -> (index: UInt32, element: Element)? {
            while self.position < self.end {
                defer { self.position += 1 }
                if self.rows.isOccupied[self.position] {
                    return (UInt32(self.position), self.rows.base[self.position])
                }
            }
            return nil
        }
    }
}

// The rows are shared by equal tables only, and copied before one of these changes.
extension Slab: @unchecked Sendable where Element: Sendable {}

@available(*, unavailable)
extension Slab.Iterator: Sendable {}
