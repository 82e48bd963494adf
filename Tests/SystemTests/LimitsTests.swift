import Foundation
import TestSupport
import Testing

@Suite("Tasks that run against their limits, on a cluster of real processes", .serialized)
struct LimitsTests {
    /// The short form of what `limits` does by itself.
    ///
    /// Reasons and stops are as strict here as there; times and shares are not, as other tests may run beside this one.
    @Test(
        "Tasks are stopped at their limits, the reason is told, and their neighbour works on",
        .enabled(if: geteuid() == 0))
    func short() throws {
        let outcome = try RunningProgram(
            Programs.path("limits"),
            ["--short", "--max-loss", "0.8", "--cpu-tolerance", "0.1", "--cpu-shortfall", "0.9", "--max-notice", "10"]
        ).wait(seconds: 180)
        #expect(outcome.status == 0, "\(outcome.output)\n\(outcome.errors)")
        let kept = outcome.lines.filter { $0.hasPrefix("kept ") }
        #expect(kept.count == 13 && !outcome.output.contains("BROKEN"), "\(outcome.output)")
    }
}
