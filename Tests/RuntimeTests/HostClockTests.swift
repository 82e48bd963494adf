import Model
import NIOCore
import Testing

@testable import Runtime

@Suite("The time of a process")
struct HostClockTests {
    @Test(
        "Time is the machine's clock at the start and monotonic from then on: whoever sets that clock changes nothing")
    func monotonic() {
        let start = NIODeadline.uptimeNanoseconds(500)
        let early = HostClock(wall: Instant(nanoseconds: 1_000_000), uptime: start)
        // The machine's clock has been set back by a second since: who starts now has another time, others keep theirs.
        let late = HostClock(wall: Instant(nanoseconds: 900_000), uptime: start + .nanoseconds(900_000))
        let now = start + .nanoseconds(1_000_000)
        #expect(early.instant(at: now) == Instant(nanoseconds: 2_000_000))
        #expect(late.instant(at: now) == Instant(nanoseconds: 1_000_000))
        #expect(early.deadline(early.instant(at: now)) == now)
    }

    @Test("It follows the monotonic clock, to the nanosecond")
    func follows() {
        let clock = HostClock()
        let before = clock.instant(at: .now())
        let now = clock.now
        let after = clock.instant(at: .now())
        #expect(before <= now && now <= after)
    }
}
