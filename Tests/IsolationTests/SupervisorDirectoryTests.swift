import Foundation
import Model
import Testing

@testable import Isolation

@Suite("The directory of a supervisor")
struct SupervisorDirectoryTests {
    /// A first life of the agent that had no room to write the id, then one that had: the next has to find what runs there.
    @Test("One that was made on a full disk is made whole, and found again", arguments: ["", "1-F", "1-F1"])
    func fullDisk(written: String) throws {
        let root = FileManager.default.temporaryDirectory.appendingPathComponent("supervisors-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: root) }
        let directory = SupervisorDirectory(of: "1-F1", below: root.path)
        try FileManager.default.createDirectory(atPath: directory.path, withIntermediateDirectories: true)
        try written.write(toFile: directory.path + "/framework", atomically: false, encoding: .utf8)
        try directory.make()
        try "".write(toFile: directory.path + "/journal", atomically: false, encoding: .utf8)
        #expect(SupervisorDirectory.existing(below: root.path) == [directory])
    }
}
