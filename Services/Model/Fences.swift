/// Which leadership an order comes from.
///
/// Only grows; issued by the election.
public struct Epoch: Hashable, Comparable, Sendable, CustomStringConvertible, ExpressibleByIntegerLiteral {
    /// Rises by one or more with each leader; 0 before the first.
    public let value: UInt64

    /// Before any leader.
    public static let none: Epoch = 0

    /// An epoch that the election issued, or that somebody has reported.
    public init(_ value: UInt64) { self.value = value }
    /// For tests and constants.
    public init(integerLiteral value: UInt64) { self.value = value }

    /// Where epochs begin if nobody remembers one, by the wall clock: milliseconds since 2025.
    ///
    /// They may begin anew because all was lost that remembered them. Leaders follow each other in more than a
    /// millisecond, so what was given before is below, and no epoch is given twice though it was seen by nobody who is left.
    public static func origin(at now: Instant) -> Epoch {
        Epoch(UInt64(max(0, now.nanoseconds / 1_000_000 - 1_735_689_600_000)))
    }

    /// The bare number, as it starts every id that the leader issues.
    public var description: String { "\(self.value)" }

    /// Whether the left leadership is the earlier one.
    public static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}

/// Which life of an agent a message belongs to.
///
/// The agent raises `starts` in its log each time it starts and `connects` for each relay it attaches to. Whoever
/// sees a lower attachment than the highest it knows drops the message: it is about an earlier life.
public struct Attachment: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// How often the agent has started, this time included.
    public var starts: UInt64
    /// How often it has attached to a relay since that start.
    public var connects: UInt64

    /// With both counts given.
    public init(starts: UInt64, connects: UInt64) {
        self.starts = starts
        self.connects = connects
    }

    /// `<starts>.<connects>`, for logs.
    public var description: String { "\(self.starts).\(self.connects)" }

    /// Whether the left life is the earlier one: by starts, then by connects.
    public static func < (left: Self, right: Self) -> Bool {
        (left.starts, left.connects) < (right.starts, right.connects)
    }
}

/// Which scheduler a framework obeys: the highest, by epoch and then by counter.
public struct Subscription: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The leadership under which the scheduler subscribed.
    public var epoch: Epoch
    /// Which subscription of the framework it is under that leadership.
    public var counter: UInt64
    /// 16 random bytes; whoever shows them is the scheduler that was told `SUBSCRIBED`.
    public var token: Bytes

    /// With everything given.
    public init(epoch: Epoch, counter: UInt64, token: Bytes) {
        self.epoch = epoch
        self.counter = counter
        self.token = token
    }

    /// `<epoch>.<counter>`, for logs; the token is never shown.
    public var description: String { "\(self.epoch).\(self.counter)" }

    /// Whether the left subscription is the older; tokens do not count.
    public static func < (left: Self, right: Self) -> Bool {
        (left.epoch, left.counter) < (right.epoch, right.counter)
    }
}

/// How far an agent's books have come: +1 for each task or executor added or changed.
public typealias BookPosition = UInt64

/// The number of a status within its task, from 1.
public typealias StatusSequence = UInt64

/// How often an agent has changed hands between allocators; an allocation under a lower one is refused.
public typealias Ownership = UInt64
