import Foundation
import Testing

@Suite("The table of cases")
struct CaseTableTests {
    private static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()

    /// Every Swift source of the tests, in one text.
    private static func sources() throws -> String {
        let files = FileManager.default.enumerator(at: Self.tests, includingPropertiesForKeys: nil)
        var text = ""
        while let file = files?.nextObject() as? URL {
            if file.pathExtension == "swift" { text += try String(contentsOf: file, encoding: .utf8) }
        }
        return text
    }

    @Test("Each case has a verdict, and a test that exists unless it is left for later")
    func cases() throws {
        let table = try String(
            contentsOf: Self.tests.appendingPathComponent("ScenarioTests/README.md"), encoding: .utf8)
        let rows = table.split(separator: "\n").filter { $0.hasPrefix("| ") && !$0.hasPrefix("| case ") }
        #expect(rows.count > 100)
        let sources = try Self.sources()
        for row in rows {
            let cells = row.split(separator: "|", omittingEmptySubsequences: false)
                .map { $0.trimmingCharacters(in: .whitespaces) }
            guard cells.count == 5 else {
                #expect(Bool(false), "a row has three cells: \(row)")
                continue
            }
            let (verdict, test) = (cells[2], cells[3])
            #expect(["same", "ours differs:", "later:"].contains { verdict.hasPrefix($0) }, "\(row)")
            if verdict.hasPrefix("later") {
                #expect(test.isEmpty, "\(row)")
            } else {
                #expect(sources.contains("@Test(\(test)") || sources.contains("@Test(\n        \(test)"), "\(row)")
            }
        }
    }
}
