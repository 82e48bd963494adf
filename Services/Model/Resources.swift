/// An exact amount of what an agent has: scalars in thousandths, ranges, sets.
///
/// The four that every agent has are fields, so the sums and comparisons of a scheduling decision are eight integer
/// operations; everything else is a short list ordered by name. Amounts are never negative, and no entry of the list is empty.
public struct Resources: Hashable, Sendable {
    /// Thousandths of a core.
    public private(set) var cpus: Int64 = 0
    /// Thousandths of a megabyte.
    public private(set) var mem: Int64 = 0
    /// Thousandths of a megabyte.
    public private(set) var disk: Int64 = 0
    /// Thousandths of a device.
    public private(set) var gpus: Int64 = 0
    /// The rest, ordered by name.
    public private(set) var others: [Named] = []

    /// The largest scalar, in thousandths: above it sums over a cluster of a million agents would overflow.
    public static let scalarLimit: Int64 = 1_000_000_000_000

    /// A resource beyond the four.
    public struct Named: Hashable, Sendable {
        /// As agents and frameworks call it, such as `ports`.
        public let name: String
        /// How much of it there is; never empty in `others`.
        public var value: Value
    }

    /// How a resource is counted.
    public enum Value: Hashable, Sendable {
        /// Thousandths.
        case scalar(Int64)
        case ranges(IntegerRanges)
        /// Ascending, without repetition.
        case set([String])

        var isEmpty: Bool {
            switch self {
            case .scalar(let milli): milli == 0
            case .ranges(let ranges): ranges.isEmpty
            case .set(let items): items.isEmpty
            }
        }
    }

    /// What is wrong with an amount.
    public struct Invalid: Error, Hashable, CustomStringConvertible {
        /// For people: which resource it is, and what is wrong with it.
        public let description: String
        /// A sentence that names the resource.
        public init(_ description: String) { self.description = description }
    }

    /// Nothing.
    public init() {}

    /// Amounts in thousandths; none may be negative.
    public init(milliCPU: Int64, milliMB mem: Int64 = 0, milliMBDisk disk: Int64 = 0, milliGPU: Int64 = 0) {
        precondition(milliCPU >= 0 && mem >= 0 && disk >= 0 && milliGPU >= 0, "negative resources")
        self.cpus = milliCPU
        self.mem = mem
        self.disk = disk
        self.gpus = milliGPU
    }

    /// Whether there is nothing of anything.
    public var isEmpty: Bool {
        self.cpus == 0 && self.mem == 0 && self.disk == 0 && self.gpus == 0 && self.others.isEmpty
    }

    /// The scalar of that name in thousandths, 0 if there is none or it is no scalar.
    public func scalar(_ name: String) -> Int64 {
        switch name {
        case "cpus": self.cpus
        case "mem": self.mem
        case "disk": self.disk
        case "gpus": self.gpus
        default:
            if case .scalar(let milli)? = self.others.first(where: { $0.name == name })?.value { milli } else { 0 }
        }
    }

    /// The ranges of that name, empty if there are none.
    public func ranges(_ name: String) -> IntegerRanges {
        if case .ranges(let ranges)? = self.others.first(where: { $0.name == name })?.value { ranges } else { .init() }
    }

    /// Adds a scalar in thousandths.
    ///
    /// - Throws: `Invalid` if it is negative or beyond `scalarLimit`, or if the name is already of another kind.
    public mutating func add(scalar milli: Int64, named name: String) throws(Invalid) {
        guard milli >= 0 else { throw Invalid("\(name) is negative") }
        let (sum, overflow) = self.scalar(name).addingReportingOverflow(milli)
        guard !overflow, sum <= Self.scalarLimit else { throw Invalid("\(name) is too large") }
        switch name {
        case "cpus": self.cpus = sum
        case "mem": self.mem = sum
        case "disk": self.disk = sum
        case "gpus": self.gpus = sum
        default: try self.merge(.scalar(milli), named: name)
        }
    }

    /// Adds ranges or a set.
    ///
    /// - Throws: `Invalid` if the name is already of another kind, is one of the four, or holds some of it already.
    public mutating func add(_ value: Value, named name: String) throws(Invalid) {
        if case .scalar(let milli) = value { return try self.add(scalar: milli, named: name) }
        guard !["cpus", "mem", "disk", "gpus"].contains(name) else { throw Invalid("\(name) must be a scalar") }
        try self.merge(value, named: name)
    }

    private mutating func merge(_ value: Value, named name: String) throws(Invalid) {
        guard !name.isEmpty else { throw Invalid("a resource has no name") }
        if value.isEmpty { return }
        let position = self.position(of: name)
        guard position < self.others.count, self.others[position].name == name else {
            self.others.insert(Named(name: name, value: value), at: position)
            return
        }
        guard let sum = self.others[position].value.adding(value) else {
            throw Invalid("\(name) is given twice, in kinds or parts that do not go together")
        }
        self.others[position].value = sum
    }

    private func position(of name: String) -> Int {
        self.others.firstIndex { $0.name >= name } ?? self.others.count
    }

    /// Whether all of `other` is here.
    public func contains(_ other: Resources) -> Bool {
        guard self.cpus >= other.cpus, self.mem >= other.mem, self.disk >= other.disk, self.gpus >= other.gpus else {
            return false
        }
        if other.others.isEmpty { return true }
        return other.others.allSatisfy { wanted in
            self.others.first { $0.name == wanted.name }?.value.contains(wanted.value) ?? false
        }
    }

    /// Whether nothing that is counted twice would come of adding `other`: no port, no item of a set in both.
    public func isDisjoint(with other: Resources) -> Bool {
        if self.others.isEmpty || other.others.isEmpty { return true }
        return other.others.allSatisfy { added in
            guard let mine = self.others.first(where: { $0.name == added.name }) else { return true }
            return mine.value.adding(added.value) != nil
        }
    }

    /// The sum.
    ///
    /// What is in both sets or both ranges counts once: totals over many agents have their ports in common.
    public static func + (left: Resources, right: Resources) -> Resources {
        var sum = left
        sum += right
        return sum
    }

    /// Adds in place, in the same way.
    public static func += (left: inout Resources, right: Resources) {
        left.cpus += right.cpus
        left.mem += right.mem
        left.disk += right.disk
        left.gpus += right.gpus
        for added in right.others {
            let position = left.position(of: added.name)
            if position < left.others.count, left.others[position].name == added.name {
                left.others[position].value.formUnion(added.value)
            } else {
                left.others.insert(added, at: position)
            }
        }
    }

    /// What is left.
    ///
    /// Amounts end at zero: where nothing may be missing, ask `contains` first.
    public static func - (left: Resources, right: Resources) -> Resources {
        var rest = left
        rest -= right
        return rest
    }

    /// Subtracts in place, in the same way.
    public static func -= (left: inout Resources, right: Resources) {
        left.cpus = max(0, left.cpus - right.cpus)
        left.mem = max(0, left.mem - right.mem)
        left.disk = max(0, left.disk - right.disk)
        left.gpus = max(0, left.gpus - right.gpus)
        for taken in right.others {
            let position = left.position(of: taken.name)
            guard position < left.others.count, left.others[position].name == taken.name else { continue }
            left.others[position].value.subtract(taken.value)
            if left.others[position].value.isEmpty { left.others.remove(at: position) }
        }
    }
}

extension Resources.Value {
    func contains(_ other: Self) -> Bool {
        switch (self, other) {
        case (.scalar(let mine), .scalar(let wanted)): mine >= wanted
        case (.ranges(let mine), .ranges(let wanted)): mine.contains(wanted)
        case (.set(let mine), .set(let wanted)): Set(mine).isSuperset(of: wanted)
        default: false
        }
    }

    /// The sum of two amounts that have nothing in common; nil if they have, or are of different kinds.
    func adding(_ other: Self) -> Self? {
        switch (self, other) {
        case (.scalar(let left), .scalar(let right)):
            let (sum, overflow) = left.addingReportingOverflow(right)
            return overflow || sum > Resources.scalarLimit ? nil : .scalar(sum)
        case (.ranges(let left), .ranges(let right)):
            return left.intersects(right) ? nil : .ranges(left.union(right))
        case (.set(let left), .set(let right)):
            return Set(left).isDisjoint(with: right) ? .set((left + right).sorted()) : nil
        default: return nil
        }
    }

    mutating func formUnion(_ other: Self) {
        switch (self, other) {
        case (.scalar(let left), .scalar(let right)): self = .scalar(left + right)
        case (.ranges(let left), .ranges(let right)): self = .ranges(left.union(right))
        case (.set(let left), .set(let right)): self = .set(Set(left).union(right).sorted())
        default: break  // Kinds that differ between agents are not summed.
        }
    }

    mutating func subtract(_ other: Self) {
        switch (self, other) {
        case (.scalar(let left), .scalar(let right)): self = .scalar(max(0, left - right))
        case (.ranges(let left), .ranges(let right)): self = .ranges(left.subtracting(right))
        case (.set(let left), .set(let right)): self = .set(left.filter { !right.contains($0) })
        default: break
        }
    }
}
