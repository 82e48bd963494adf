import Foundation
import TestSupport
import Testing

@Suite("Sharing between frameworks, on a cluster of real processes", .serialized)
struct SharingTests {
    /// The short form of the two minutes and 1,500 slots that `five-frameworks` has by itself, with the same bounds.
    @Test("Five greedy frameworks have their shares while allocators are killed, and nothing is lost")
    func fiveFrameworks() throws {
        let picture = FileManager.default.temporaryDirectory.appendingPathComponent("shares-\(UUID().uuidString).svg")
        defer { try? FileManager.default.removeItem(at: picture) }
        let trial = try RunningProgram(
            Programs.path("five-frameworks"),
            [
                "--seconds", "16", "--agents", "4", "--slots", "75", "--task-seconds", "4", "--seed", "11", "--plot",
                picture.path,
            ])
        let outcome = try trial.wait(seconds: 120)
        #expect(outcome.status == 0, "\(outcome.output)\n\(outcome.errors)")
        #expect(outcome.output.contains("all bounds kept"), "\(outcome.output)")
        #expect(try String(contentsOf: picture, encoding: .utf8).contains("<polyline"))
    }
}
