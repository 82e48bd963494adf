/// A point in time, as the host tells it with each event.
///
/// Nanoseconds since 1970 by the wall clock at process start plus monotonic time since then: it never goes back, and it
/// can be shown as a date. Two processes' instants are not compared.
public struct Instant: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Since 1970, at most until 2262.
    public let nanoseconds: Int64

    /// Later than anything that happens.
    public static let distantFuture = Instant(nanoseconds: .max)

    /// So many nanoseconds after the start of 1970.
    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// Seconds since 1970, as `TaskStatus.timestamp` has it.
    public var seconds: Double { Double(self.nanoseconds) / 1e9 }

    /// Seconds since 1970, for logs.
    public var description: String { "\(self.seconds)s" }

    /// Whether the left is the earlier.
    public static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }

    /// The instant `duration` later, or `distantFuture` if that cannot be told.
    public static func + (left: Self, duration: Duration) -> Self {
        let (sum, overflow) = left.nanoseconds.addingReportingOverflow(duration.nanoseconds)
        return overflow ? .distantFuture : Instant(nanoseconds: sum)
    }

    /// How much later the left is than the right; negative if it is earlier.
    public static func - (left: Self, right: Self) -> Duration {
        .nanoseconds(left.nanoseconds &- right.nanoseconds)
    }
}

extension Duration {
    /// Whole nanoseconds, held at the largest that fit (292 years).
    public var nanoseconds: Int64 {
        let (seconds, attoseconds) = self.components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return seconds < 0 ? .min : .max }
        let (sum, sumOverflow) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000)
        return sumOverflow ? (seconds < 0 ? .min : .max) : sum
    }

    /// As seconds.
    public var asSeconds: Double { Double(self.nanoseconds) / 1e9 }

    /// Reads foreign seconds.
    ///
    /// Nil for what is no duration: negative, NaN, infinite, or beyond 292 years.
    public init?(foreignSeconds seconds: Double) {
        guard seconds.isFinite, seconds >= 0, seconds < 9.2e9 else { return nil }
        self = .nanoseconds(Int64((seconds * 1e9).rounded()))
    }
}
