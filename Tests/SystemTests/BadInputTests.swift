import Foundation
import TestSupport
import Testing

@Suite("Bad input on live listeners", .serialized)
struct BadInputTests {
    @Test("Garbage closes its own connection and nothing else")
    func garbage() throws {
        let target = try Target()
        defer { target.cluster.stop() }
        var random = SystemRandomNumberGenerator()
        for listener in target.listeners {
            // A claimed size of 4 GiB, sizes that overflow, random bytes; then the same from a peer that was let in.
            let bad: [[UInt8]] = [
                [0xff, 0xff, 0xff, 0xff, 0x0f], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
                RawMessage.frame([0xff, 0xff, 0xff, 0xff]), RawMessage.frame([UInt8](repeating: 7, count: 100_000)),
            ]
            for bytes in bad + bad.prefix(2).map({ listener.hello + $0 }) {
                let connection = try RawConnection(listener.address)
                connection.send(bytes)
                #expect(connection.untilClosed() != nil, "\(listener) keeps one that sent \(bytes.prefix(10))")
            }
            for count in 0..<50 {
                let connection = try RawConnection(listener.address)
                let bytes = (0..<Int.random(in: 1...4000)).map { _ in UInt8.random(in: 0...255, using: &random) }
                connection.send((count % 2 == 0 ? [] : listener.hello) + bytes)
            }
        }
        try target.checkUnharmed()
    }

    @Test("A conversation that breaks off at any byte leaves no trace")
    func cuts() throws {
        let target = try Target()
        defer { target.cluster.stop() }
        for listener in target.listeners {
            let conversation = listener.hello + listener.firstMessage
            for cut in 1..<conversation.count {
                let connection = try RawConnection(listener.address)
                connection.send(Array(conversation.prefix(cut)))
            }
        }
        #expect(try target.rows("agents").count == 1)
        #expect(try target.rows("frameworks").count == 2)
        try target.checkUnharmed()
        // The whole conversations are understood, or their beginnings would show nothing.
        for (role, table) in [("master", "frameworks"), ("relay", "agents")] {
            let listener = try #require(target.listeners.first { $0.role == role })
            let connection = try RawConnection(listener.address)
            connection.send(listener.hello + listener.firstMessage)
            try eventually("the \(role) knows the caller") {
                try target.rows(table).contains { "\($0)".contains("cut") }
            }
        }
    }

    @Test("Messages nested a million deep are refused, not unpacked")
    func nesting() throws {
        let target = try Target()
        defer { target.cluster.stop() }
        let deep = RawMessage.nested(1_000_000)
        for listener in target.listeners {
            // Before the handshake: as long as it is, and as deep as the first frame may be.
            for bytes in [deep, RawMessage.nested(500)] {
                let connection = try RawConnection(listener.address)
                connection.send(RawMessage.frame(bytes))
                #expect(connection.untilClosed() != nil, "\(listener)")
            }
            // After it, in each field in turn.
            for number in 1...listener.fields {
                let connection = try RawConnection(listener.address)
                connection.send(listener.hello + RawMessage.frame(RawMessage.field(number, deep)))
            }
        }
        // Where the schema lets it in: Call.update.status.container_status.container_id, from an executor.
        let agent = try #require(target.listeners.first { $0.role == "agent" })
        let status = RawMessage.field(13, RawMessage.field(4, deep))
        let connection = try RawConnection(agent.address)
        connection.send(agent.hello)
        #expect(connection.frame() != nil, "the welcome")
        connection.send(
            RawMessage.frame(agent.ids + RawMessage.field(3, 2) + RawMessage.field(5, RawMessage.field(1, status))))
        let answer = String(decoding: try #require(connection.frame()), as: UTF8.self)
        #expect(answer.contains("more than 64 deep"), "the agent answers: \(answer)")
        try target.checkUnharmed()
    }

    @Test("A peer that falls silent is let go in time, with the reason, and those that only listen are kept")
    func silence() throws {
        let target = try Target(environment: ["MESETA_HEARTBEAT_INTERVAL": "1s"])
        defer { target.cluster.stop() }
        /// What was sent before the silence, and what the last frame then says; nil: the connection stays.
        let cases: [(name: String, bytes: (Listener) -> [UInt8], reason: String?)] = [
            ("never speaks", { _ in [] }, "the handshake took longer than 5.0 s"),
            ("stops within its hello", { Array($0.hello.dropLast()) }, "the handshake took longer than 5.0 s"),
            ("promises heartbeats", { $0.hello(heartbeats: true) }, "nothing was heard for"),
            ("stops within a frame", { $0.hello(heartbeats: true) + [200, 1, 0x10] }, "nothing was heard for"),
            ("only listens", { $0.hello }, nil),
        ]
        let peers = try target.listeners.flatMap { listener in
            try cases.map { item in
                let connection = try RawConnection(listener.address)
                connection.send(item.bytes(listener))
                return (what: "\(listener): \(item.name)", connection: connection, reason: item.reason)
            }
        }
        let start = Date()
        for peer in peers {
            if let reason = peer.reason {
                let last = try #require(peer.connection.untilClosed(), "\(peer.what): still open")
                #expect(String(decoding: last, as: UTF8.self).contains(reason), "\(peer.what)")
            } else {
                #expect(peer.connection.frame()?.isEmpty == false, "\(peer.what): welcomed")
                for _ in 0..<3 { #expect(peer.connection.frame() == [], "\(peer.what): hears heartbeats") }
            }
        }
        #expect(Date().timeIntervalSince(start) < 15)
        for listener in target.listeners {
            let log = target.cluster.log(of: listener.name)
            #expect(log.contains("the handshake took longer than 5.0 s"), "\(listener)")
            #expect(log.contains("nothing was heard for"), "\(listener)")
        }
        try target.checkUnharmed()
    }
}

/// A process that listens, and how to be let in there.
private struct Listener: CustomStringConvertible {
    var role: String
    var name: String
    var address: String
    var peerRole: RawMessage.Role
    /// The messages of its link have fields up to this number.
    var fields: Int
    /// Fields of the hello that show who calls.
    var credentials: [UInt8] = []
    /// Fields of an executor's call that say who it is.
    var ids: [UInt8] = []
    /// A whole first message after the hello.
    var firstMessage: [UInt8]

    var hello: [UInt8] { self.hello(heartbeats: false) }

    func hello(heartbeats: Bool) -> [UInt8] {
        RawMessage.hello(self.peerRole, heartbeats: heartbeats, self.credentials)
    }

    var description: String { self.name }
}

/// A cluster under which a command task and an executor run while its listeners are sent what they should not be.
private final class Target {
    let cluster: LiveCluster
    let listeners: [Listener]
    private let run: RunningProgram
    private let pi: RunningProgram
    private let executor: Int32
    private let pids: [Int32?]
    private let gate: String

    init(environment: [String: String] = [:]) throws {
        let cluster = try LiveCluster(["--agents", "1"], environment: environment)
        let gate = cluster.directory.appendingPathComponent("gate").path
        self.run = try cluster.start([
            "run", "--mem", "16", "--", "sh", "-c", "while [ ! -e \(gate) ]; do sleep 0.1; done; echo survived",
        ])
        // An executor that computes for as long as it is left alone: callers at the agent's port show its token.
        self.pi = try RunningProgram(
            Programs.path("pi"), ["--tasks", "1", "--samples", "1000000000000000", "--cpus", "0.1", "--retries", "0"],
            environment: ["MESETA_MASTER": cluster.master])
        var found: (pid: Int32, variables: [String: String])?
        try eventually("the executor runs") {
            found = cluster.executor()
            return try found != nil
                && Self.rows("tasks", of: cluster).count { $0["state"] as? String == "TASK_RUNNING" } == 2
        }
        let (pid, variables) = try #require(found)
        self.executor = pid
        let (framework, executor) = (variables["MESETA_FRAMEWORK_ID"] ?? "", variables["MESETA_EXECUTOR_ID"] ?? "")
        let digits = Array(variables["MESETA_EXECUTOR_TOKEN"] ?? "")
        let token = stride(from: 0, to: digits.count - 1, by: 2).compactMap {
            UInt8(String(digits[$0...$0 + 1]), radix: 16)
        }
        let ids =
            RawMessage.field(1, RawMessage.field(1, executor)) + RawMessage.field(2, RawMessage.field(1, framework))
        self.listeners = cluster.members.compactMap { member in
            switch member.role {
            case "master":
                Listener(
                    role: member.role, name: member.name, address: member.address, peerRole: .scheduler, fields: 19,
                    firstMessage: RawMessage.subscribe)
            case "relay":
                Listener(
                    role: member.role, name: member.name, address: member.address, peerRole: .agent, fields: 4,
                    firstMessage: RawMessage.registration)
            case "agent":
                Listener(
                    role: member.role, name: member.name, address: member.address, peerRole: .executor,
                    fields: 6,
                    credentials: RawMessage.field(9, framework) + RawMessage.field(12, token)
                        + RawMessage.field(13, executor),
                    ids: ids, firstMessage: RawMessage.frame(ids + RawMessage.field(3, 1) + RawMessage.field(4, [])))
            default: nil
            }
        }
        try #require(self.listeners.count == 3)
        self.pids = cluster.members.map { $0.process?.pid }
        self.cluster = cluster
        self.gate = gate
    }

    deinit { self.pi.signal(SIGKILL) }

    private static func rows(_ command: String, of cluster: LiveCluster) throws -> [[String: Any]] {
        let outcome = try cluster.meseta([command, "--json"])
        return try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [[String: Any]] ?? []
    }

    func rows(_ command: String) throws -> [[String: Any]] { try Self.rows(command, of: self.cluster) }

    /// Every process is the one that it was, what ran runs on, and new work is done.
    func checkUnharmed() throws {
        for member in self.cluster.members { #expect(httpStatus(member.side, "/readyz") == 200, "\(member.name)") }
        #expect(self.cluster.members.map { $0.process?.pid } == self.pids, "none was started again")
        for pid in self.pids { #expect(kill(pid ?? 0, 0) == 0) }
        #expect(self.cluster.executor()?.pid == self.executor, "the executor runs on")
        #expect(self.pi.isRunning, "\(self.pi.errors)")
        _ = FileManager.default.createFile(atPath: self.gate, contents: nil)
        let outcome = try self.run.wait(seconds: 60)
        #expect(outcome.status == 0, "\(outcome.errors)\n\(self.cluster.logs)")
        #expect(outcome.output == "survived\n")
        #expect(try self.cluster.meseta(["run", "--", "true"]).status == 0)
    }
}

extension LiveCluster {
    /// A process that runs here as an executor, and its environment.
    fileprivate func executor() -> (pid: Int32, variables: [String: String])? {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
            guard let pid = Int32(name), let bytes = FileManager.default.contents(atPath: "/proc/\(pid)/environ") else {
                continue
            }
            let pairs = String(decoding: bytes, as: UTF8.self).split(separator: "\0").map {
                $0.split(separator: "=", maxSplits: 1).map(String.init)
            }
            let variables = Dictionary(pairs.filter { $0.count == 2 }.map { ($0[0], $0[1]) }) { $1 }
            guard variables["MESETA_EXECUTOR_TOKEN"] != nil,
                variables["MESETA_SANDBOX"]?.hasPrefix(self.directory.path) == true
            else { continue }
            return (pid, variables)
        }
        return nil
    }
}
