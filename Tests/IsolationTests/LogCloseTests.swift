import Logging
import Model
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import Isolation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// An agent's log that is closed, that is written on the loop, and a disk that is full.
@Suite struct LogCloseTests {
    /// A log in a directory, what it has told, and what it has said.
    private final class Subject: Sendable {
        let directory: String
        let loop: any EventLoop = MultiThreadedEventLoopGroup.singleton.next()
        let lines = Mutex<[String]>([])
        private let state: NIOLoopBoundBox<State>

        private struct State {
            var log: AgentLogFile?
            var told: [UInt64] = []
        }

        init(in directory: String) async throws {
            self.directory = directory
            self.state = .makeBoxSendingValue(State(), eventLoop: self.loop)
            let logger = Logger(label: "test", factory: { _ in Lines(self) })
            try await self.loop.submit {
                let (log, _) = try AgentLogFile.open(
                    directory: directory, sync: .host, eventLoop: self.loop, logger: logger)
                log.onLogged = { self.state.value.told.append($0) }
                log.onFailure = { _ in Issue.record("the disk did not fail") }
                self.state.value.log = log
            }.get()
        }

        /// Does something with the log, in one turn.
        func turn(_ body: @escaping @Sendable (AgentLogFile) -> Void) async throws {
            try await self.loop.submit { if let log = self.state.value.log { body(log) } }.get()
        }

        /// Does something with the log and closes it in the same turn; returns when it is closed.
        func close(after body: @escaping @Sendable (AgentLogFile) -> Void = { _ in }) async throws {
            try await self.loop.flatSubmit {
                guard let log = self.state.value.log else { return self.loop.makeSucceededVoidFuture() }
                body(log)
                return log.close()
            }.get()
        }

        /// The last of the records that are safe when the loop has done what `body` left to it, and nobody else has done anything.
        func told(behind body: @escaping @Sendable (AgentLogFile) -> Void) async throws -> UInt64 {
            try await self.loop.flatSubmit {
                if let log = self.state.value.log { body(log) }
                return self.loop.submit { self.state.value.told.last ?? 0 }
            }.get()
        }

        /// The last of the records that are safe.
        var told: UInt64 {
            get async throws { try await self.loop.submit { self.state.value.told.last ?? 0 }.get() }
        }

        func isTold(_ index: UInt64) async throws {
            for _ in 0..<200 where try await self.told < index { try await Task.sleep(for: .milliseconds(20)) }
            let told = try await self.told
            #expect(told == index)
        }

        /// What the next agent finds; it has the directory afterwards.
        func successor() throws -> (storage: LogStorage, records: [UInt8]) {
            var records: [Bytes] = [], torn = 0
            let storage = try LogStorage.open(
                directory: self.directory, isSynced: true, records: &records, torn: &torn)
            #expect(torn == 0)
            return (storage, records.map { $0[0] })
        }

        private struct Lines: LogHandler {
            let subject: Subject
            var metadata: Logger.Metadata = [:]
            var logLevel = Logger.Level.info

            init(_ subject: Subject) { self.subject = subject }

            subscript(metadataKey key: String) -> Logger.Metadata.Value? {
                get { self.metadata[key] }
                set { self.metadata[key] = newValue }
            }

            func log(event: LogEvent) {
                self.subject.lines.withLock { $0.append("\(event.level): \(event.message)") }
            }
        }
    }

    private static func withDirectory(sized size: String? = nil, _ body: (String) async throws -> Void) async throws {
        var template = Array("/tmp/meseta-log-XXXXXX".utf8CString)
        let directory = String(cString: mkdtemp(&template))
        defer { remove(directory) }
        if let size { try #require(mount("none", directory, "tmpfs", 0, "size=\(size)") == 0) }
        defer { if size != nil { umount2(directory, Int32(MNT_DETACH)) } }
        try await body(directory)
    }

    /// Something else on the disk.
    private static func fill(_ directory: String, _ count: Int) {
        let file = creat(directory + "/other", 0o600)
        _ = write(file, Bytes(repeating: 0, count: count), count)
        Glibc.close(file)
    }

    private static func empty(_ directory: String) { unlink(directory + "/other") }

    /// What the next agent has written, and only that, is there after every timer of the closed log is over.
    private static func staysClosed(_ subject: Subject, for time: Duration, with records: [UInt8]) async throws {
        let (storage, found) = try subject.successor()
        #expect(found == records)
        var group: Bytes = []
        LogFormat.append(record: [99], to: &group)
        try storage.append(group)
        let told = try await subject.told
        try await subject.turn { log in log.append([98]) }
        try await Task.sleep(for: time)
        #expect(try await subject.told == told)
        storage.close()
        #expect(try subject.successor().records == records + [99])
    }

    @Test("A log that waits for more records when it is closed writes what it has, and nothing after that")
    func closedWhilePacing() async throws {
        try await Self.withDirectory { directory in
            let subject = try await Subject(in: directory)
            // A group waits far longer than anything else in here takes, and ends within the test.
            try await subject.turn { log in
                log.pace.interval = .milliseconds(400)
                for _ in 0..<100 { log.append([1]) }
            }
            try await subject.isTold(100)
            try await subject.turn { $0.append([2]) }
            try await Task.sleep(for: .milliseconds(100))
            #expect(try await subject.told == 100, "it waits for more")
            try await subject.close { $0.append([3]) }
            #expect(try await subject.told == 102)
            try await Self.staysClosed(
                subject, for: .milliseconds(600), with: Bytes(repeating: 1, count: 100) + [2, 3])
        }
    }

    @Test("What comes while the last group but one is written, and while it waits, is in the log that was closed")
    func closedWhileWriting() async throws {
        try await Self.withDirectory { directory in
            let subject = try await Subject(in: directory)
            try await subject.turn { log in
                log.pace.interval = .milliseconds(400)
                for _ in 0..<100 { log.append([1]) }
                // The first group is on its way when the next turn begins, as far as one can make it so.
                log.append([2], isUrgent: false)
            }
            try await subject.close { $0.append([3]) }
            #expect(try await subject.told == 102)
            try await Self.staysClosed(
                subject, for: .milliseconds(600), with: Bytes(repeating: 1, count: 100) + [2, 3])
        }
    }

    @Test("The loop writes itself as long as the disk is quick, and waits for a full one", .enabled(if: isRoot))
    func onTheLoop() async throws {
        try await Self.withDirectory(sized: "400k") { directory in
            let subject = try await Subject(in: directory)
            let byTheThread = try await subject.told(behind: { $0.append([1]) })
            #expect(byTheThread == 0)
            try await subject.isTold(1)
            try await subject.turn { log in
                log.pace.quick = .hours(1)
                for _ in 0..<LogPace.trust { log.pace.ended(after: .zero) }
            }
            let byTheLoop = try await subject.told(behind: { $0.append([2]) })
            #expect(byTheLoop == 2)
            Self.fill(directory, 300_000)
            let whileFull = try await subject.told(behind: { $0.append(Bytes(repeating: 3, count: 200_000)) })
            #expect(whileFull == 2)
            Self.empty(directory)
            try await subject.isTold(3)
            try await subject.turn { $0.pace.quick = .nanoseconds(-1) }
            let thatWasSlow = try await subject.told(behind: { $0.append([4]) })
            #expect(thatWasSlow == 4, "it shows only afterwards")
            let byTheThreadAgain = try await subject.told(behind: { $0.append([5]) })
            #expect(byTheThreadAgain == 4)
            try await subject.close()
            let found = try subject.successor().records
            #expect(found == [1, 2, 3, 4, 5])
        }
    }

    @Test("A log that is closed while the disk is full, when there is room again, loses nothing", .enabled(if: isRoot))
    func closedWithRoomAgain() async throws {
        try await Self.withDirectory(sized: "400k") { directory in
            let subject = try await Subject(in: directory)
            Self.fill(directory, 300_000)
            try await subject.turn { log in
                log.append(Bytes(repeating: 1, count: 200_000))
                log.append([2])
            }
            try await Task.sleep(for: .milliseconds(200))
            #expect(try await subject.told == 0)
            Self.empty(directory)
            // Before it would have tried again.
            try await subject.close { $0.append([3]) }
            #expect(try await subject.told == 3)
            try await Self.staysClosed(subject, for: .milliseconds(1200), with: [1, 2, 3])
        }
    }

    @Test(
        "A log that is closed while the disk is full ends, and has all that it had said is safe", .enabled(if: isRoot))
    func closedWhileFull() async throws {
        try await Self.withDirectory(sized: "400k") { directory in
            let subject = try await Subject(in: directory)
            try await subject.turn { $0.append([1]) }
            try await subject.isTold(1)
            Self.fill(directory, 300_000)
            try await subject.turn { $0.append(Bytes(repeating: 2, count: 200_000)) }
            try await Task.sleep(for: .milliseconds(200))
            try await subject.close { $0.append([3]) }
            #expect(try await subject.told == 1)
            // There is room when it would have tried again.
            Self.empty(directory)
            try await Self.staysClosed(subject, for: .milliseconds(1200), with: [1])
        }
    }

    @Test("That the disk is full is said once, and once that there is room again", .enabled(if: isRoot))
    func saidOnce() async throws {
        try await Self.withDirectory(sized: "400k") { directory in
            let subject = try await Subject(in: directory)
            for round in 1...2 as ClosedRange<UInt64> {
                Self.fill(directory, 370_000)
                try await subject.turn { $0.append(Bytes(repeating: 1, count: 80_000)) }
                try await subject.turn { $0.append(Bytes(repeating: 2, count: 40_000)) }
                // It has tried three times then.
                try await Task.sleep(for: .milliseconds(2300))
                Self.empty(directory)
                try await subject.isTold(2 * round)
                try await subject.turn { log in log.compact([]) }
                try await Task.sleep(for: .milliseconds(100))
            }
            let lines = subject.lines.withLock { $0 }
            #expect(
                lines.map { String($0.prefix(26)) }
                    == Array(repeating: ["warning: The disk is full:", "notice: There is room on t"], count: 2).flatMap
                { $0 })
            try await subject.close()
        }
    }
}
