import Model

/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): one seed, one history.
struct Random: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { self.state = seed }

    mutating func next() -> UInt64 {
        self.state &+= 0x9e37_79b9_7f4a_7c15
        var z = self.state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    mutating func below(_ limit: Int) -> Int { Int(self.next() % UInt64(limit)) }

    mutating func flag() -> Bool { self.next() & 1 == 0 }

    /// A value, or none.
    mutating func maybe<T>(_ make: (inout Random) -> T) -> T? { self.flag() ? make(&self) : nil }

    mutating func list<T>(upTo limit: Int, _ make: (inout Random) -> T) -> [T] {
        (0..<self.below(limit + 1)).map { _ in make(&self) }
    }

    mutating func one<T>(of items: [T]) -> T { items[self.below(items.count)] }

    /// Text of all lengths that matter: none, one that Swift keeps in place, one that it does not.
    mutating func text() -> String {
        self.one(of: ["", "a", "über-µ", "task-\(self.below(1000))", "a text that is longer than fifteen bytes 🦩"])
    }

    mutating func name() -> String {
        self.one(of: ["a", "7-A\(self.below(100))", "a-rather-long-name-that-is-on-the-heap-\(self.below(10))"])
    }

    mutating func id<I: Identifier>() -> I { I(self.name()) }

    mutating func bytes(upTo limit: Int = 40) -> Bytes { self.list(upTo: limit) { UInt8($0.below(256)) } }

    mutating func uuid() -> Bytes { (0..<16).map { _ in UInt8(self.below(256)) } }

    mutating func number() -> UInt64 { self.next() >> UInt64(self.below(64)) }

    mutating func index() -> UInt32 { UInt32(truncatingIfNeeded: self.number()) }

    /// Whole milliseconds, so that they survive being written as floating point seconds.
    mutating func duration() -> Duration { .milliseconds(self.below(100_000_000)) }

    mutating func resources() -> Resources {
        var resources = Resources(
            milliCPU: Int64(self.below(64_001)), milliMB: self.flag() ? Int64(self.below(1 << 30)) : 0,
            milliMBDisk: self.flag() ? Int64(self.below(1 << 39)) : 0, milliGPU: self.flag() ? 2000 : 0)
        if self.flag() {
            let ports = IntegerRanges([31000...32000, 40000...(40000 + self.number() % 100)])
            try? resources.add(.ranges(ports), named: "ports")
        }
        if self.flag() { try? resources.add(.set(["a", "b"]), named: "zones") }
        if self.flag() { try? resources.add(scalar: 1 + Int64(self.below(5000)), named: "bandwidth") }
        return resources
    }
}
