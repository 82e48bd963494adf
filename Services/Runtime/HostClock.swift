public import Model
public import NIOCore

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// What time it is for the roles of this process: the wall clock as it was at the start, plus monotonic time since.
///
/// It never goes back, whoever sets the machine's clock.
public struct HostClock: Sendable {
    /// Wall-clock nanoseconds at the monotonic clock's zero.
    private let offset: Int64

    /// Reads the wall clock, this once.
    public init() {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        let wall = Instant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
        self.init(wall: wall, uptime: .now())
    }

    /// A clock that says `wall` at `uptime`.
    init(wall: Instant, uptime: NIODeadline) {
        self.offset = wall.nanoseconds - Int64(clamping: uptime.uptimeNanoseconds)
    }

    /// The time now.
    ///
    /// Any thread may ask.
    public var now: Instant { self.instant(at: .now()) }

    /// What time it is when the monotonic clock shows that.
    func instant(at uptime: NIODeadline) -> Instant {
        Instant(nanoseconds: Int64(clamping: uptime.uptimeNanoseconds) + self.offset)
    }

    /// When the event loop has to do what is due at that instant.
    public func deadline(_ instant: Instant) -> NIODeadline {
        let (nanoseconds, overflow) = instant.nanoseconds.subtractingReportingOverflow(self.offset)
        if overflow { return instant.nanoseconds < 0 ? .uptimeNanoseconds(0) : .distantFuture }
        return .uptimeNanoseconds(UInt64(max(nanoseconds, 0)))
    }
}
