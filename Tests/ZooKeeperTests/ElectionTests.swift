import Foundation
import Logging
import Model
import Synchronization
import TestSupport
import Testing

@testable import ZooKeeper

/// One contender, and what it was told.
private final class Contender: Sendable {
    private let told = Mutex<[GroupHost.Change]>([])
    private let host: GroupHost
    let info: MemberInfo

    init(_ name: String, at servers: String, group: GroupHost.Group = .masters, watchesOnly: Bool = false) {
        let info = MemberInfo(name: name, address: "127.0.0.1:1", incarnation: Bytes(name.utf8))
        self.info = info
        let sink = Sink()
        self.host = GroupHost(
            servers: servers, path: "/test/meseta", group: group, candidate: watchesOnly ? nil : info, guid: name,
            sessionTimeout: .seconds(2), codec: TextCodec(), logger: Logger(label: "test")
        ) { change in sink.body.withLock { $0?(change) } }
        sink.body.withLock { $0 = { [told = self] change in told.told.withLock { $0.append(change) } } }
        self.host.start()
    }

    private final class Sink: Sendable {
        let body = Mutex<(@Sendable (GroupHost.Change) -> Void)?>(nil)
    }

    var epochs: [Epoch] {
        self.told.withLock { $0.compactMap { if case .lead(let epoch) = $0 { epoch } else { nil } } }
    }
    var stepDowns: Int {
        self.told.withLock { $0.count { if case .stepDown = $0 { true } else { false } } }
    }
    var leader: String? {
        self.told.withLock { told in
            for case .leaderChanged(let leader) in told.reversed() { return leader?.name }
            return nil
        }
    }
    var members: [String] {
        self.told.withLock { told in
            for case .membersChanged(let members) in told.reversed() { return members.map(\.name) }
            return []
        }
    }
    func stop() async { await self.host.stop() }
    func witness(_ other: Contender) { self.host.deathWitnessed(incarnation: other.info.incarnation) }
    func seeEpoch(_ epoch: Epoch) { self.host.higherEpochSeen(epoch) }
}

private struct TextCodec: MemberCodec {
    func member(_ bytes: Bytes) -> MemberInfo? {
        let name = String(decoding: bytes, as: UTF8.self)
        return MemberInfo(name: name, address: "127.0.0.1:1", incarnation: Bytes(name.utf8))
    }
    func encode(_ member: MemberInfo) -> Bytes { Bytes(member.name.utf8) }
}

private func eventually(_ what: Comment, within seconds: Double = 20, _ condition: () -> Bool) async throws {
    let deadline = Date().addingTimeInterval(seconds)
    while !condition() {
        try #require(Date() < deadline, what)
        try await Task.sleep(for: .milliseconds(10))
    }
}

@Suite("Election on a real ZooKeeper", .serialized)
struct ZooKeeperElectionTests {
    @Test("The first contender leads; when it resigns the second leads under a higher epoch")
    func succession() async throws {
        let zooKeeper = try ZooKeeperEnsemble()
        try zooKeeper.start()
        defer { zooKeeper.stop() }
        let first = Contender("first", at: zooKeeper.connectString)
        try await eventually("the first leads") { first.epochs == [1] }
        let second = Contender("second", at: zooKeeper.connectString)
        let watcher = Contender("watcher", at: zooKeeper.connectString, watchesOnly: true)
        try await eventually("all see the first") { second.leader == "first" && watcher.leader == "first" }
        try await eventually("both are listed") { watcher.members == ["first", "second"] }
        #expect(second.epochs == [])
        await first.stop()
        try await eventually("the second leads") { second.epochs == [2] }
        try await eventually("the watcher sees it") { watcher.leader == "second" }
        await second.stop()
        await watcher.stop()
    }

    @Test("A witness ends a leadership at once; the leader contends again and the epoch grows")
    func witness() async throws {
        let zooKeeper = try ZooKeeperEnsemble()
        try zooKeeper.start()
        defer { zooKeeper.stop() }
        let first = Contender("first", at: zooKeeper.connectString)
        try await eventually("the first leads") { first.epochs == [1] }
        let second = Contender("second", at: zooKeeper.connectString)
        try await eventually("the second sees the first") { second.leader == "first" }
        second.witness(first)
        try await eventually("the second leads") { second.epochs == [2] }
        try await eventually("the first has stepped down and sees the second") {
            first.stepDowns == 1 && first.leader == "second"
        }
        try await eventually("the first stands by again") { second.members == ["second", "first"] }
        await first.stop()
        await second.stop()
    }

    @Test("A leader that is shown a higher epoch comes back above it")
    func raisesAbove() async throws {
        let zooKeeper = try ZooKeeperEnsemble()
        try zooKeeper.start()
        defer { zooKeeper.stop() }
        let only = Contender("only", at: zooKeeper.connectString)
        try await eventually("it leads") { only.epochs == [1] }
        only.seeEpoch(41)
        try await eventually("it leads again") { only.epochs == [1, 42] }
        #expect(only.stepDowns == 1)
        await only.stop()
    }

    @Test("Relays list themselves, and one short look finds masters and relays")
    func directory() async throws {
        let zooKeeper = try ZooKeeperEnsemble()
        try zooKeeper.start()
        defer { zooKeeper.stop() }
        let master = Contender("master", at: zooKeeper.connectString)
        let relays = ["r1", "r2"].map { Contender($0, at: zooKeeper.connectString, group: .relays) }
        try await eventually("both relays are listed") { relays[0].members.sorted() == ["r1", "r2"] }
        try await eventually("the master leads") { master.epochs == [1] }
        let found = await Directory.read(
            servers: zooKeeper.connectString, path: "/test/meseta", guid: "looker", timeout: .seconds(10),
            codec: TextCodec(), logger: Logger(label: "test"))
        #expect(found.masters.map(\.name) == ["master"])
        #expect(!found.relays.isEmpty)
        #expect(relays.allSatisfy { $0.epochs.isEmpty }, "a list elects nobody")
        await master.stop()
        for relay in relays { await relay.stop() }
    }

    @Test("In an ensemble of three, a dead server costs nobody the leadership")
    func ensemble() async throws {
        let zooKeeper = try ZooKeeperEnsemble(count: 3)
        try zooKeeper.start()
        defer { zooKeeper.stop() }
        let first = Contender("first", at: zooKeeper.connectString)
        try await eventually("the first leads") { first.epochs == [1] }
        let second = Contender("second", at: zooKeeper.connectString)
        try await eventually("the second sees the first") { second.leader == "first" }
        for server in 0..<3 {
            zooKeeper.kill(server)
            try await Task.sleep(for: .seconds(1))
            try zooKeeper.start()
            try await Task.sleep(for: .milliseconds(500))
        }
        #expect(first.stepDowns == 0)
        #expect(first.epochs == [1])
        #expect(second.epochs == [])
        await first.stop()
        try await eventually("the second leads") { second.epochs == [2] }
        await second.stop()
    }

    @Test("With the whole service away the leader leads on and nobody else does; when it is back all is as it was")
    func whollyAway() async throws {
        let zooKeeper = try ZooKeeperEnsemble()
        try zooKeeper.start()
        defer { zooKeeper.stop() }
        let first = Contender("first", at: zooKeeper.connectString)
        try await eventually("the first leads") { first.epochs == [1] }
        let second = Contender("second", at: zooKeeper.connectString)
        try await eventually("the second sees the first") { second.leader == "first" }
        zooKeeper.kill(0)
        try await Task.sleep(for: .seconds(5))
        #expect(first.stepDowns == 0)
        #expect(second.epochs == [])
        try zooKeeper.start()
        try await Task.sleep(for: .seconds(1))
        await first.stop()
        try await eventually("the second leads") { second.epochs.count == 1 }
        await second.stop()
    }

    @Test("A service that lost all its data gets the members and an epoch above the last again")
    func wiped() async throws {
        let zooKeeper = try ZooKeeperEnsemble()
        try zooKeeper.start()
        defer { zooKeeper.stop() }
        let only = Contender("only", at: zooKeeper.connectString)
        try await eventually("it leads") { only.epochs == [1] }
        zooKeeper.wipe()
        try zooKeeper.start()
        try await eventually("it leads again, above") { only.epochs == [1, 2] }
        #expect(only.stepDowns == 1)
        try await eventually("it is listed") { only.members == ["only"] }
        await only.stop()
    }

    @Test("A service that hangs holds up nobody who ends, however many they are")
    func silentService() async throws {
        let zooKeeper = try ZooKeeperEnsemble()
        try zooKeeper.start()
        defer { zooKeeper.stop() }
        let leader = Contender("leader", at: zooKeeper.connectString)
        let found = Mutex<[Int: [String]]>([:])
        let relays = (0..<6).map { index in
            let info = MemberInfo(name: "r\(index)", address: "127.0.0.1:1", incarnation: Bytes("r\(index)".utf8))
            return Membership(
                servers: zooKeeper.connectString, path: "/test/meseta", group: .relays, member: info,
                codec: TextCodec(), logger: Logger(label: "test")
            ) { masters in found.withLock { $0[index] = masters } }
        }
        for relay in relays { relay.start() }
        try await eventually("all see the leader") { found.withLock { $0.values.count { $0.count == 1 } == 6 } }
        zooKeeper.pause(0)
        let start = Date()
        await withTaskGroup(of: Void.self) { group in
            for relay in relays { group.addTask { await relay.stop() } }
            group.addTask { await leader.stop() }
        }
        #expect(Date().timeIntervalSince(start) < 2.5, "they wait a second, all at once")
    }

    @Test("Nothing is there: the group waits, and works when the service comes up")
    func lateService() async throws {
        let zooKeeper = try ZooKeeperEnsemble()
        let first = Contender("first", at: zooKeeper.connectString)
        try await Task.sleep(for: .milliseconds(500))
        #expect(first.epochs == [])
        try zooKeeper.start()
        defer { zooKeeper.stop() }
        try await eventually("it leads") { first.epochs == [1] }
        await first.stop()
    }
}

@Suite("Election without ZooKeeper")
struct EpochFileTests {
    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder.path)
    }

    @Test("The epoch grows with each start, and above what was seen")
    func grows() throws {
        try self.withFolder { folder in
            do {
                let file = try EpochFile(directory: folder)
                #expect(try file.raise() == 1)
                #expect(try file.raise(above: 7) == 8)
            }
            #expect(try EpochFile(directory: folder).raise() == 9)
            #expect(try EpochFile(directory: folder).raise(from: 1000) == 10, "the file counts where there is one")
            try FileManager.default.removeItem(atPath: "\(folder)/epoch")
            #expect(try EpochFile(directory: folder).raise(from: 1000) == 1001)
        }
    }

    @Test("Two masters never share a directory")
    func locked() throws {
        try self.withFolder { folder in
            let file = try EpochFile(directory: folder)
            #expect(throws: EpochFile.Failure.self) { try EpochFile(directory: folder) }
            #expect(try file.raise() == 1)
        }
    }

    @Test("A damaged file is an error, not a new start")
    func damaged() throws {
        try self.withFolder { folder in
            try "rubbish".write(toFile: "\(folder)/epoch", atomically: true, encoding: .utf8)
            let file = try EpochFile(directory: folder)
            #expect(throws: EpochFile.Failure.self) { try file.raise() }
        }
    }
}

@Suite("What --election may say")
struct ElectionURLTests {
    @Test("Both forms are read")
    func valid() throws {
        #expect(try ElectionURL(text: "none") == .none)
        #expect(
            try ElectionURL(text: "zk://a:1,b:2/x/y/") == .zooKeeper(servers: "a:1,b:2", path: "/x/y"))
    }

    @Test(
        "Anything else is refused",
        arguments: ["zk", "zk://", "zk://a:1", "zk://a:1/", "zk://a/x", "zk://a:0/x", "zk://a:70000/x", "http://a:1/x"])
    func invalid(text: String) {
        #expect(throws: ElectionURL.Invalid.self) { try ElectionURL(text: text) }
    }
}
