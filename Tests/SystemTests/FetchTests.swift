import Foundation
import TestSupport
import Testing

@Suite("What tasks want fetched, through all roles", .serialized)
struct FetchTests {
    @Test("A task has what it wants in its sandbox, and one that cannot have it fails and says why")
    func run() throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("fetch-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let tool = directory.appendingPathComponent("tool"), data = directory.appendingPathComponent("data")
        try "#!/bin/sh\ncat \"$@\"\n".write(to: tool, atomically: true, encoding: .utf8)
        try "abc".write(to: data, atomically: true, encoding: .utf8)
        let sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        let cluster = try LiveCluster(["--agents", "1"])
        defer { cluster.stop() }
        let good = try cluster.meseta([
            "run", "--executable", tool.path, "--uri", "\(data.path)#sha256=\(sum)", "--", "./tool", "data",
        ])
        #expect(good.status == 0 && good.output == "abc", "\(good)\(cluster.logs)")
        let bad = try cluster.meseta([
            "run", "--uri", "\(data.path)#sha256=\(String(sum.reversed()))", "--", "cat", "data",
        ])
        #expect(bad.status != 0 && bad.output.isEmpty, "\(bad)")
        #expect(bad.errors.contains("\(data.path) is not what it should be"), "\(bad.errors)")
        let wrong = try cluster.meseta(["run", "--uri", "\(data.path)#sha256=12", "--", "cat", "data"])
        #expect(wrong.status == 64 && wrong.errors.contains("checksum"), "\(wrong)")
        #expect(cluster.logs.contains("Cannot fetch"))
    }
}
