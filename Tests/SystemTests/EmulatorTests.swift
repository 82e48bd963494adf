import Foundation
import TestSupport
import Testing

@Suite("Emulated agents", .serialized)
struct EmulatorTests {
    @Test("They share the threads that there are, and their connections come from the address that is given")
    func sourceAndThreads() throws {
        let cluster = try LiveCluster(["--agents", "0", "--relays", "1"])
        defer { cluster.stop() }
        let relay = try #require(cluster.members("relay").first)
        let emulator = try RunningProgram(
            Programs.path("emulator"),
            [
                "--agents", "9", "--threads", "2", "--source", "127.0.0.7", "--relay", relay.address, "--report",
                "0.2",
            ])
        defer { emulator.end() }
        func isRegistered(_ line: Substring) -> Bool {
            let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            return object?["event"] as? String == "figures" && object?["registered"] as? Int == 9
        }
        try eventually("all are registered", within: 30) {
            emulator.output.split(separator: "\n").contains(where: isRegistered)
        }
        // All of both loops: 4 agents are those of one, 5 of the other.
        let listing = try cluster.meseta(["agents", "--json"])
        let rows = try JSONSerialization.jsonObject(with: Data(listing.output.utf8)) as? [[String: Any]] ?? []
        #expect(Set(rows.compactMap { $0["hostname"] as? String }) == Set((1...9).map { "emulated-\($0)" }))
        let port = try #require(relay.address.split(separator: ":").last.flatMap { UInt16($0) })
        // The table changes while it is read, by connections of others: what is missing is there at another time.
        var callers: [String: String] = [:]
        try eventually("all connections are seen") {
            try callers.merge(Self.callers(ofPort: port, in: emulator.pid)) { $1 }
            return callers.count >= 9
        }
        #expect(callers.values.sorted() == Array(repeating: "0700007F", count: 9))
        // Beside the two of the event loops there are those that every program has.
        let names = try Self.threads(of: emulator.pid)
        #expect(names.count { $0.hasPrefix("NIO-ELT") } == 2, "\(names)")
    }

    /// Local addresses, as the kernel writes them, of that process's connections to a port, by their inodes.
    private static func callers(ofPort port: UInt16, in pid: Int32) throws -> [String: String] {
        let digits = String(port, radix: 16, uppercase: true)
        let suffix = ":" + String(repeating: "0", count: 4 - digits.count) + digits
        // The kernel gives it in parts, the first of which would be taken for all of it.
        let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: "/proc/\(pid)/net/tcp"))
        var bytes = Data()
        while case let part = file.availableData, !part.isEmpty { bytes += part }
        let table = String(decoding: bytes, as: UTF8.self)
        let open = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").compactMap {
            try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/fd/\($0)")
        }
        var callers: [String: String] = [:]
        for line in table.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count > 9, words[2].hasSuffix(suffix), open.contains("socket:[\(words[9])]") else { continue }
            callers[String(words[9])] = String(words[1].prefix { $0 != ":" })
        }
        return callers
    }

    private static func threads(of pid: Int32) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task").compactMap {
            try? String(contentsOfFile: "/proc/\(pid)/task/\($0)/comm", encoding: .utf8)
        }
    }

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
