import Logging
import Model
import NIOCore
import NIOPosix
import Testing

@testable import Isolation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

@Suite struct LogTests {
    private static let records: [Bytes] = [[1], [], [2, 2], Bytes(repeating: 7, count: 300), Array("four".utf8)]

    private static func withDirectory(_ body: (String) async throws -> Void) async throws {
        var template = Array("/tmp/meseta-log-XXXXXX".utf8CString)
        let directory = String(cString: mkdtemp(&template))
        defer { remove(directory) }
        try await body(directory)
    }

    private static func open(_ directory: String) throws -> (storage: LogStorage, records: [Bytes], torn: Int) {
        var records: [Bytes] = [], torn = 0
        let storage = try LogStorage.open(directory: directory, isSynced: true, records: &records, torn: &torn)
        return (storage, records, torn)
    }

    private static func write(_ bytes: some Collection<UInt8>, to path: String) {
        let file = creat(path, 0o600)
        let bytes = Array(bytes)
        _ = Glibc.write(file, bytes, bytes.count)
        close(file)
    }

    /// Three groups on disk: the file's bytes, and where each ends.
    private static func groups(_ directory: String, synced: Bool = true) throws -> (bytes: Bytes, ends: [Int]) {
        var records: [Bytes] = [], torn = 0
        let storage = try LogStorage.open(directory: directory, isSynced: synced, records: &records, torn: &torn)
        var ends = [storage.size]
        for group in [Self.records[..<2], Self.records[2..<4], Self.records[4...]] {
            var bytes: Bytes = []
            for record in group { LogFormat.append(record: record, to: &bytes) }
            try storage.append(bytes)
            ends.append(storage.size)
        }
        storage.close()
        return (bytes(of: directory + "/log"), ends)
    }

    @Test("What was logged is read again, in order")
    func roundTrip() async throws {
        try await Self.withDirectory { directory in
            let (bytes, ends) = try Self.groups(directory)
            #expect(bytes.count == ends.last)
            let opened = try Self.open(directory)
            #expect(opened.records == Self.records)
            #expect(opened.torn == 0)
        }
    }

    @Test("A log torn at any byte is cut at its last whole group, and goes on from there")
    func tornEnd() async throws {
        try await Self.withDirectory { directory in
            let (bytes, ends) = try Self.groups(directory)
            let kept = [0, 2, 4, 5]
            for length in 0...bytes.count {
                Self.write(bytes[..<length], to: directory + "/log")
                let whole = ends.lastIndex { $0 <= length } ?? 0
                do {
                    let opened = try Self.open(directory)
                    #expect(opened.records == Array(Self.records[..<kept[whole]]))
                    let rest = length < ends[0] ? length : bytes[ends[whole]..<length].trimmedZeros
                    #expect(opened.torn == rest)
                    var group: Bytes = []
                    LogFormat.append(record: [9], to: &group)
                    try opened.storage.append(group)
                }
                #expect(try Self.open(directory).records == Array(Self.records[..<kept[whole]]) + [[9]])
            }
        }
    }

    @Test("Zeros or remnants behind the last group are cut off")
    func remnants() async throws {
        try await Self.withDirectory { directory in
            let (bytes, ends) = try Self.groups(directory)
            Self.write(bytes + Bytes(repeating: 0, count: 5000), to: directory + "/log")
            #expect(try Self.open(directory).records == Self.records)
            // The end of a group came to the disk, its beginning did not.
            var torn = bytes
            for index in ends[2]..<ends[2] + 6 { torn[index] = 0 }
            Self.write(torn, to: directory + "/log")
            #expect(try Self.open(directory).records == Array(Self.records[..<4]))
        }
    }

    @Test("The file is longer than the log, so that a sync need not make it longer; a crash there costs nothing")
    func reserve() async throws {
        try await Self.withDirectory { directory in
            let opened = try Self.open(directory)
            var group: Bytes = []
            LogFormat.append(record: [7, 0, 0], to: &group)
            try opened.storage.append(group)
            let length = bytes(of: directory + "/log").count
            #expect(length > opened.storage.size + 60_000)
            for _ in 0..<100 { try opened.storage.append(group) }
            let crashed = bytes(of: directory + "/log")
            #expect(crashed.count == length)
            // What is written past it makes it longer again.
            var large: Bytes = []
            LogFormat.append(record: Bytes(repeating: 1, count: length), to: &large)
            try opened.storage.append(large)
            #expect(bytes(of: directory + "/log").count > opened.storage.size + 60_000)
            opened.storage.close()
            #expect(bytes(of: directory + "/log").count == opened.storage.size)

            Self.write(crashed, to: directory + "/log")
            let again = try Self.open(directory)
            #expect(again.records == Array(repeating: [7, 0, 0], count: 101))
            #expect(again.torn == 0)
        }
    }

    @Test("On a disk that is almost full the log takes what there is room for", .enabled(if: isRoot))
    func almostFull() async throws {
        try await Self.withDirectory { directory in
            try #require(mount("none", directory, "tmpfs", 0, "size=184k") == 0)
            defer { umount2(directory, Int32(MNT_DETACH)) }
            func group(_ byte: UInt8, _ count: Int) -> Bytes {
                var group: Bytes = []
                LogFormat.append(record: Bytes(repeating: byte, count: count), to: &group)
                return group
            }
            let opened = try Self.open(directory)
            // There is no room for as much again behind it.
            try opened.storage.append(group(1, 100_000))
            try opened.storage.append(group(2, 60_000))
            #expect(throws: SystemError.self) { try opened.storage.append(group(3, 60_000)) }
            opened.storage.close()
            let again = try Self.open(directory)
            #expect(again.records.map { $0[0] } == [1, 2])
            again.storage.close()
        }
    }

    @Test("While the disk is full nothing is said to be safe; when there is room all is", .enabled(if: isRoot))
    func full() async throws {
        try await Self.withDirectory { directory in
            try #require(mount("none", directory, "tmpfs", 0, "size=400k") == 0)
            defer { umount2(directory, Int32(MNT_DETACH)) }
            let loop = MultiThreadedEventLoopGroup.singleton.next()
            let state = try await loop.submit {
                let (log, _) = try AgentLogFile.open(
                    directory: directory, sync: .host, eventLoop: loop, logger: Logger(label: "test"))
                let state = NIOLoopBoundBox((log: log, told: [UInt64](), failures: 0), eventLoop: loop)
                log.onLogged = { state.value.told.append($0) }
                log.onFailure = { _ in state.value.failures += 1 }
                return state
            }.get()
            Self.write(Bytes(repeating: 0, count: 300_000), to: directory + "/other")
            try await loop.submit {
                state.value.log.append(Bytes(repeating: 1, count: 200_000))
                state.value.log.append([2])
            }.get()
            try await Task.sleep(for: .milliseconds(300))
            let whileFull = try await loop.submit { state.value.told }.get()
            #expect(whileFull.isEmpty)
            try await loop.submit { _ = state.value.log.append([3]) }.get()
            unlink(directory + "/other")
            var told: [UInt64] = []
            for _ in 0..<100 where told.last != 3 {
                try await Task.sleep(for: .milliseconds(50))
                told = try await loop.submit { state.value.told }.get()
            }
            #expect(told == [3])
            let failures = try await loop.flatSubmit {
                let failures = state.value.failures
                return state.value.log.close().map { failures }
            }.get()
            #expect(failures == 0)
            #expect(try Self.open(directory).records.map { $0[0] } == [1, 2, 3])
        }
    }

    @Test("A log damaged where it was safe is refused, and the offset is named")
    func damaged() async throws {
        try await Self.withDirectory { directory in
            let (bytes, ends) = try Self.groups(directory)
            for index in ends[0]..<ends[2] {
                var damaged = bytes
                damaged[index] ^= 0x10
                Self.write(damaged, to: directory + "/log")
                let offset = index < ends[1] ? ends[0] : ends[1]
                let error = #expect(throws: AgentLogError.self) { try Self.open(directory) }
                #expect(error?.description.contains("at byte \(offset) of \(bytes.count)") == true)
            }
        }
    }

    @Test("A log that was never synced may have holes after a crash: it is cut at the first")
    func unsynced() async throws {
        try await Self.withDirectory { directory in
            let (bytes, ends) = try Self.groups(directory, synced: false)
            var torn = bytes
            torn[ends[1] + 20] ^= 1
            Self.write(torn, to: directory + "/log")
            #expect(try Self.open(directory).records == Array(Self.records[..<2]))
        }
    }

    @Test("What is no log, and a log of a later version, are not touched")
    func foreign() async throws {
        try await Self.withDirectory { directory in
            for content in [
                Array("#!/bin/sh\necho not a log\n".utf8), LogFormat.header()[..<8] + [2, 0, 0, 0] + [0, 0, 0, 0],
            ] {
                Self.write(content, to: directory + "/log")
                #expect(throws: AgentLogError.self) { try Self.open(directory) }
                #expect(bytes(of: directory + "/log") == content)
            }
        }
    }

    @Test("One directory has one agent")
    func locked() async throws {
        try await Self.withDirectory { directory in
            let first = try Self.open(directory)
            let error = #expect(throws: AgentLogError.self) { try Self.open(directory) }
            #expect(error?.description.contains("another agent") == true)
            first.storage.close()
            _ = try Self.open(directory)
        }
    }

    @Test("A crash at any point of a rewrite leaves the old log or the new one")
    func rewriteCrashes() async throws {
        try await Self.withDirectory { directory in
            let (old, _) = try Self.groups(directory)
            var group: Bytes = []
            LogFormat.append(record: [42], to: &group)
            do {
                let opened = try Self.open(directory)
                try opened.storage.rewrite(group)
                #expect(opened.storage.size < old.count)
                try opened.storage.append(group)
            }
            #expect(try Self.open(directory).records == [[42], [42]])
            let new = bytes(of: directory + "/log")
            // Before the rename: any part of the new file lies beside the old one.
            for length in 0...new.count {
                Self.write(old, to: directory + "/log")
                Self.write(new[..<length], to: directory + "/log.new")
                #expect(try Self.open(directory).records == Self.records)
                #expect(access(directory + "/log.new", F_OK) != 0)
            }
        }
    }

    @Test("Records are told to be safe in order, many at a time, and a compaction takes the place of all before it")
    func groupCommit() async throws {
        try await Self.withDirectory { directory in
            let loop = MultiThreadedEventLoopGroup.singleton.next()
            let told = try await loop.flatSubmit {
                do {
                    let (log, _) = try AgentLogFile.open(
                        directory: directory, sync: .host, eventLoop: loop, logger: Logger(label: "test"))
                    let state = NIOLoopBoundBox((log: log, told: [UInt64]()), eventLoop: loop)
                    log.onLogged = { state.value.told.append($0) }
                    for index in 1...1000 { log.append([UInt8(index % 256), UInt8(index / 256)]) }
                    log.compact([[1], [2]])
                    log.append([3])
                    return loop.flatScheduleTask(in: .milliseconds(50)) {
                        state.value.log.append([4])
                        return state.value.log.close().map { state.value.told }
                    }.futureResult
                } catch {
                    return loop.makeFailedFuture(error)
                }
            }.get()
            #expect(told == [1001, 1002])
            #expect(try Self.open(directory).records == [[1], [2], [3], [4]])
        }
    }

    @Test("The checksum is that of RFC 3720")
    func checksum() {
        #expect(CRC32C.checksum(Bytes(repeating: 0, count: 32)) == 0x8A91_36AA)
        #expect(CRC32C.checksum(Bytes(repeating: 0xff, count: 32)) == 0x62A8_AB43)
        #expect(CRC32C.checksum(Bytes(0..<32)) == 0x46DD_794E)
        #expect(CRC32C.checksum(Array("123456789".utf8)) == 0xE306_9283)
    }
}

func bytes(of path: String) -> [UInt8] {
    guard let file = fopen(path, "r") else { return [] }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    return Array(bytes[..<fread(&bytes, 1, bytes.count, file)])
}

extension Collection<UInt8> {
    /// How many bytes there are up to the last that is not zero.
    fileprivate var trimmedZeros: Int { Array(self).lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0 }
}

@Suite struct LogPaceTests {
    private static let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

    /// Instants at which groups begin, when a group of so many records is wanted each time so much later.
    private static func groups(_ count: Int, every step: TimeAmount, records: UInt64) -> [NIODeadline] {
        var pace = LogPace(), now = Self.start, begun: [NIODeadline] = []
        for _ in 0..<count {
            let pause = pace.pause(at: now)
            #expect(pause <= LogPace.interval)
            now = now + max(pause, .zero)
            pace.began(at: now, records: records)
            begun.append(now)
            now = now + step
        }
        return begun
    }

    @Test("Groups of few records are written at once, though they follow each other closely")
    func few() {
        // One task after the other, to an executor that ends each at once: its acceptance, two statuses, and their
        // acknowledgements, in some 1.2 ms.
        let begun = Self.groups(1000, every: .microseconds(500), records: 2)
        #expect(begun.last! - begun.first! == .microseconds(500 * 999))
    }

    @Test("The loop may write when many groups in turn were quick, until one is not")
    func quick() {
        var pace = LogPace()
        for _ in 1..<LogPace.trust { pace.ended(after: LogPace.quick) }
        #expect(!pace.isQuick)
        pace.ended(after: .microseconds(100))
        #expect(pace.isQuick)
        pace.ended(after: LogPace.quick + .nanoseconds(1))
        #expect(!pace.isQuick)
        for _ in 0..<LogPace.trust { pace.ended(after: .microseconds(100)) }
        #expect(pace.isQuick)
    }

    @Test("Where there are many records, groups are an interval apart, and soon not any more")
    func many() {
        let begun = Self.groups(200, every: .microseconds(300), records: 16)
        let pauses = zip(begun, begun.dropFirst()).map { $1 - $0 }
        #expect(pauses.dropFirst(20).allSatisfy { $0 == LogPace.interval })

        var pace = LogPace()
        pace.began(at: Self.start, records: 100)
        #expect(pace.pause(at: Self.start + .milliseconds(1)) == .milliseconds(1))
        #expect(pace.pause(at: Self.start + LogPace.interval) == .zero)
        pace.began(at: Self.start + .seconds(1), records: 1)
        #expect(pace.pause(at: Self.start + .seconds(1) + .microseconds(10)) == .zero)
    }
}
