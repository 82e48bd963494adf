import Foundation
import Testing

@Suite("Emulated agents", .serialized)
struct EmulatorTests {
    @Test("Hundreds register, register again with the next leader, and the end of each of their tasks is told")
    func registerAndRun() throws {
        let recovery = try RunningProgram(
            Programs.path("recovery"),
            [
                "--agents", "300", "--frameworks", "3", "--runs", "2", "--mean", "2", "--deviation", "0.5", "--pause",
                "1",
            ])
        let outcome = try recovery.wait(seconds: 300)
        #expect(outcome.status == 0, "\(outcome.output)\n\(outcome.errors)")
        #expect(outcome.lines.first == "300 agents, 3 frameworks, by witness, 2 runs")
        #expect(outcome.lines.contains { $0.hasPrefix("tasks: ") && $0.hasSuffix(" 0 ended otherwise") })
    }
}
