/// An allocator that only watches, beside those that decide: how fair the cluster is, and how fair it would be.
public struct ShadowRow: Hashable, Sendable {
    /// The allocator's name.
    public var name: String
    /// For how long it has watched this master.
    public var watched: Duration = .zero
    /// How evenly what the cluster has is divided, of 1 at most; see `JainIndex`.
    public var index: Double = 1
    /// How evenly it would be, if this allocator decided.
    public var shadowIndex: Double = 1
    /// Allocations that it proposed and that could have been made.
    public var proposals: UInt64 = 0
    /// Those that could not.
    public var refusals: UInt64 = 0
    /// Tasks that it would have taken back.
    public var revocations: UInt64 = 0

    /// An allocator that has just begun to watch.
    public init(name: String) { self.name = name }
}

/// What one framework has, and what it would have if a watching allocator decided.
public struct ComparisonRow: Hashable, Sendable {
    /// The name of the allocator that watches.
    public var shadow: String
    /// The framework.
    public var frameworkID: FrameworkID
    /// For people, not unique.
    public var name: String = ""
    /// The role whose weight counts: its first.
    public var role: String = ""
    /// The part of the cluster that is its by weight among those present, 0 to 1; 0 once it is gone.
    public var entitled: Double = 0
    /// As it is.
    public var real = Outcome()
    /// As it would be.
    public var ifDecided = Outcome()

    /// How a framework fares.
    public struct Outcome: Hashable, Sendable {
        /// Its dominant share, averaged over the time watched, 0 to 1.
        public var share: Double = 0
        /// How often it got something after it had wanted more.
        public var waits: UInt64 = 0
        /// How long that took on average.
        public var meanWait: Duration = .zero
        /// How long it took at most, or has taken until now.
        public var longestWait: Duration = .zero
        /// Tasks started.
        public var tasks: UInt64 = 0

        /// Nothing yet.
        public init() {}
    }

    /// A framework of which nothing else is known yet.
    public init(shadow: String, frameworkID: FrameworkID) {
        self.shadow = shadow
        self.frameworkID = frameworkID
    }
}

/// Jain's index of fairness (Jain, Chiu and Hawe, DEC-TR-301, 1984): `(Σx)² / (n · Σx²)`.
///
/// 1 if all have the same, 1/n if one has everything. The values are what each has by what it is entitled to.
public struct JainIndex: Hashable, Sendable {
    private var count = 0.0
    private var sum = 0.0
    private var squares = 0.0

    /// Of nobody.
    public init() {}

    /// Counts one more.
    public mutating func add(_ value: Double) {
        self.count += 1
        self.sum += value
        self.squares += value * value
    }

    /// The index; 1 if nobody has anything.
    public var value: Double { self.squares > 0 ? self.sum * self.sum / (self.count * self.squares) : 1 }
}
