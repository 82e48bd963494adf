import Foundation
import TestSupport
import Testing

/// Short forms of benchmarks, held to what does not depend on the machine.
@Suite("What tasks and offers take of the links", .serialized)
struct MessageCountTests {
    @Test("A task that does nothing takes few messages, since books are told and confirmed for many at once")
    func emulatedTasks() throws {
        let outcome = try RunningProgram(
            Programs.path("throughput"),
            [
                "emulated", "--agents", "20", "--slots", "20", "--frameworks", "2", "--runs", "1", "--seconds", "2",
                "--settle", "2", "--max-messages", "17", "--max-bytes", "1800",
            ]
        ).wait(seconds: 120)
        #expect(outcome.status == 0, "\(outcome.output)\n\(outcome.errors)")
    }

    @Test("An offer that is declined takes four messages and its part of two more")
    func offers() throws {
        let outcome = try RunningProgram(
            Programs.path("offers"),
            [
                "--agents", "200", "--frameworks", "10", "--runs", "1", "--seconds", "2", "--settle", "2",
                "--max-messages", "5", "--max-bytes", "300",
            ]
        ).wait(seconds: 120)
        #expect(outcome.status == 0, "\(outcome.output)\n\(outcome.errors)")
    }
}
