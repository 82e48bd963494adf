/// A set of whole numbers as ranges: ascending, disjoint, none touching the next.
///
/// Ports, mostly.
public struct IntegerRanges: Hashable, Sendable, CustomStringConvertible {
    /// The ranges, both bounds included.
    public private(set) var ranges: [ClosedRange<UInt64>] = []

    /// No numbers.
    public init() {}

    /// Sorts and merges what it is given.
    public init(_ ranges: [ClosedRange<UInt64>]) {
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = self.ranges.last,
                range.lowerBound <= last.upperBound
                    || range.lowerBound == last.upperBound &+ 1 && last.upperBound != .max
            {
                self.ranges[self.ranges.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                self.ranges.append(range)
            }
        }
    }

    /// Whether it holds no number.
    public var isEmpty: Bool { self.ranges.isEmpty }

    /// How many numbers it holds, at most `UInt64.max`.
    public var count: UInt64 {
        self.ranges.reduce(0) { sum, range in
            let width = range.upperBound - range.lowerBound
            return sum.addingReportingOverflow(width == .max ? .max : width + 1).partialValue
        }
    }

    /// `[31000-31009,32000-32000]`, as in the text of resources.
    public var description: String {
        "[" + self.ranges.map { "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ",") + "]"
    }

    /// Whether every number of `other` is here.
    public func contains(_ other: IntegerRanges) -> Bool {
        var index = 0
        return other.ranges.allSatisfy { wanted in
            while index < self.ranges.count, self.ranges[index].upperBound < wanted.lowerBound { index += 1 }
            guard index < self.ranges.count else { return false }
            let mine = self.ranges[index]
            return mine.lowerBound <= wanted.lowerBound && wanted.upperBound <= mine.upperBound
        }
    }

    /// Whether a number is in both.
    public func intersects(_ other: IntegerRanges) -> Bool {
        var (left, right) = (0, 0)
        while left < self.ranges.count, right < other.ranges.count {
            if self.ranges[left].overlaps(other.ranges[right]) { return true }
            if self.ranges[left].upperBound < other.ranges[right].upperBound { left += 1 } else { right += 1 }
        }
        return false
    }

    /// The numbers that are in either.
    public func union(_ other: IntegerRanges) -> IntegerRanges { IntegerRanges(self.ranges + other.ranges) }

    /// The numbers that are not in `other`.
    public func subtracting(_ other: IntegerRanges) -> IntegerRanges {
        var result = IntegerRanges()
        var index = 0
        for mine in self.ranges {
            var low = mine.lowerBound
            var isUsedUp = false
            while index < other.ranges.count, other.ranges[index].upperBound < low { index += 1 }
            var next = index
            while next < other.ranges.count, other.ranges[next].lowerBound <= mine.upperBound {
                let hole = other.ranges[next]
                if hole.lowerBound > low { result.ranges.append(low...(hole.lowerBound - 1)) }
                if hole.upperBound >= mine.upperBound {
                    isUsedUp = true
                    break
                }
                low = max(low, hole.upperBound + 1)
                next += 1
            }
            if !isUsedUp { result.ranges.append(low...mine.upperBound) }
        }
        return result
    }
}
