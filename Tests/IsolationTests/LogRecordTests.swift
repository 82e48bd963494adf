import Foundation
import Messages
import Model
import Testing

@testable import Isolation

/// Records in a log, across versions of the agent.
@Suite struct LogRecordTests {
    /// One of each kind, as an agent writes them; never changed, only added to under a new name.
    private static let records: [AgentLogRecord] = [
        .counters(AgentCounters(number: 7, runID: 5, position: 31, confirmed: 29)),
        .started(starts: 3, boot: "b0a7"), .identity("1-A4"), .epochSeen(Epoch(6)),
        .configured(
            AgentConfiguration(total: "cpus:4;mem:512;ports:[31000-31009]", attributes: ["rack:r1", "zone:a"])),
        .mode(.draining(.init(bound: .seconds(60), since: Instant(nanoseconds: 5)))), .deactivated(false),
        .frameworkSeen(FrameworkRecord(id: "1-F2", info: [1, 2, 3])),
        .executorAccepted(
            ExecutorAcceptance(
                key: ExecutorKey("1-F2", "e"), role: "analysts", info: [4, 5], runID: 6, token: "70ce", position: 32)),
        .taskAccepted(
            TaskAcceptance(
                number: 8, key: TaskKey("1-F2", "t"), role: "analysts", info: [6, 7], executorID: "e", runID: 0,
                group: .init(first: 8, count: 2), isRefused: false, position: 33)),
        .taskStatus(
            LoggedStatus(
                number: 8, sequence: 1, state: .running, uuid: Bytes(repeating: 9, count: 16), status: [8], position: 34
            )),
        .killRequested(number: 8, grace: .seconds(3)), .killRequested(number: 9, grace: nil),
        .acknowledged(number: 8, sequence: 1, position: nil), .acknowledged(number: 9, sequence: 2, position: 35),
        .executorExited(
            ExecutorExit(key: ExecutorKey("1-F2", "e"), runID: 6, status: 9, message: "It was killed.", position: 36)),
        .bookConfirmed(36),
    ]

    private static let fixture = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Fixtures/log-1")

    private static func withDirectory(_ body: (String) throws -> Void) throws {
        var template = Array("/tmp/meseta-log-XXXXXX".utf8CString)
        let directory = String(cString: mkdtemp(&template))
        defer { remove(directory) }
        try body(directory)
    }

    private static func open(_ directory: String) throws -> [Bytes] {
        var records: [Bytes] = [], torn = 0
        let storage = try LogStorage.open(directory: directory, isSynced: true, records: &records, torn: &torn)
        storage.close()
        return records
    }

    private static func write(_ groups: [[AgentLogRecord]], _ directory: String) throws {
        var records: [Bytes] = [], torn = 0
        let storage = try LogStorage.open(directory: directory, isSynced: true, records: &records, torn: &torn)
        for group in groups {
            var bytes: Bytes = []
            for record in group { LogFormat.append(record: record.encoded(), to: &bytes) }
            try storage.append(bytes)
        }
        storage.close()
    }

    /// The file was written once and stays: agents that run have logs like it.
    @Test("The log of an agent of before is read as what it was")
    func golden() throws {
        try Self.withDirectory { directory in
            try FileManager.default.copyItem(atPath: Self.fixture.path, toPath: directory + "/log")
            #expect(try AgentLogRecords.read(Self.open(directory), of: directory) == Self.records)
        }
    }

    @Test("What is written today is byte for byte what it was, or there would have to be a new version of the log")
    func written() throws {
        try Self.withDirectory { directory in
            try Self.write([Array(Self.records[..<4]), Array(Self.records[4...])], directory)
            let present = bytes(of: directory + "/log")
            #expect(present == bytes(of: Self.fixture.path), "\(Data(present).base64EncodedString())")
        }
    }

    @Test("A record of a kind that is not known is refused rather than passed over, and the message tells what to do")
    func unknownKind() throws {
        // Field 1000, a number.
        let later: Bytes = [0xc0, 0x3e, 0x01]
        let records = [AgentLogRecord.identity("1-A4").encoded(), later]
        let error = #expect(throws: AgentLogError.self) { try AgentLogRecords.read(records, of: "/d") }
        for part in ["record 2 of 2 in /d/log", "later version", "move the directory away"] {
            #expect(error?.description.contains(part) == true, "\(String(describing: error))")
        }
    }

    @Test("A field that is not known, of a record that is, is passed over")
    func unknownField() throws {
        let later = AgentLogRecord.identity("1-A4").encoded() + [0xc0, 0x3e, 0x01]
        #expect(try AgentLogRecords.read([later], of: "/d") == [.identity("1-A4")])
    }

    @Test("A new log among old sandboxes does not use their numbers again")
    func lostLog() throws {
        try Self.withDirectory { directory in
            #expect(AgentLogRecords.beginning(below: directory) == nil)
            for path in ["f/tasks/t.3", "f/executors/e.x.11", "g/tasks/u.latest", "g/tasks/u.012"] {
                try Files.makeDirectories("\(directory)/frameworks/\(path)")
            }
            #expect(
                AgentLogRecords.beginning(below: directory)
                    == .counters(AgentCounters(number: 0, runID: 11, position: 0, confirmed: 0)))
        }
    }
}
