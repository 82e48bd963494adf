import Foundation
import TestSupport
import Testing

/// A socket that says what it likes.
private final class RawConnection {
    private let descriptor: Int32

    init(_ address: String) throws {
        let port = UInt16(address.split(separator: ":").last ?? "") ?? 0
        self.descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        target.sin_port = port.bigEndian
        target.sin_addr.s_addr = inet_addr("127.0.0.1")
        var patience = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(self.descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        let isConnected = withUnsafePointer(to: &target) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(self.descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard isConnected else { throw TestFailure("nobody listens at \(address)") }
    }

    deinit { close(self.descriptor) }

    func send(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Foundation.send(self.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    /// Everything that comes until the other side closes; nil if it does not.
    func untilClosed() -> [UInt8]? {
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = recv(self.descriptor, &buffer, buffer.count, 0)
            if count == 0 { return answer }
            if count < 0 { return errno == ECONNRESET ? answer : nil }
            answer += buffer.prefix(count)
        }
    }
}

@Suite("Bad input on live listeners", .serialized)
struct BadInputTests {
    /// Length 8; Hello { protocol: 1, role: scheduler, name: "py" }.
    private static let hello: [UInt8] = [8, 0x08, 1, 0x10, 5, 0x1a, 2, 0x70, 0x79]

    private static func varint(_ value: Int) -> [UInt8] {
        var value = value
        var bytes: [UInt8] = []
        while value > 0x7f {
            bytes.append(UInt8(value & 0x7f | 0x80))
            value >>= 7
        }
        return bytes + [UInt8(value)]
    }

    private static func frame(_ body: [UInt8]) -> [UInt8] { Self.varint(body.count) + body }

    /// ContainerIDs within each other, so many levels deep: each has the value "a" and the next one as its parent.
    private static func nested(_ depth: Int) -> [UInt8] {
        var sizes = [3]
        for level in 1...depth { sizes.append(4 + Self.varint(sizes[level - 1]).count + sizes[level - 1]) }
        var bytes: [UInt8] = []
        for level in stride(from: depth, to: 0, by: -1) {
            bytes += [0x0a, 1, 0x61, 0x12] + Self.varint(sizes[level - 1])
        }
        return bytes + [0x0a, 1, 0x61]
    }

    @Test("Garbage closes its own connection and nothing else")
    func garbage() throws {
        let cluster = try LiveCluster(["--agents", "1"])
        let run = try cluster.start(["run", "--", "sh", "-c", "sleep 5; echo survived"])
        var random = SystemRandomNumberGenerator()
        let listeners = cluster.members.filter { $0.role != "allocator" && $0.address.contains(":") }
        #expect(listeners.count == 3)
        for member in listeners {
            // A claimed size of 4 GiB, sizes that overflow, random bytes.
            let bad: [[UInt8]] = [
                [0xff, 0xff, 0xff, 0xff, 0x0f], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
                Self.frame([0xff, 0xff, 0xff, 0xff]), Self.frame([UInt8](repeating: 7, count: 100_000)),
                Self.hello + [0xff, 0xff, 0xff, 0xff, 0x0f],
            ]
            for bytes in bad {
                let connection = try RawConnection(member.address)
                connection.send(bytes)
                #expect(
                    connection.untilClosed() != nil, "\(member.name) keeps a connection that sent \(bytes.prefix(10))")
            }
            for _ in 0..<50 {
                let connection = try RawConnection(member.address)
                connection.send((0..<Int.random(in: 1...4000)).map { _ in UInt8.random(in: 0...255, using: &random) })
            }
            // A handshake that is cut at every byte.
            for cut in 1..<Self.hello.count { try RawConnection(member.address).send(Array(Self.hello.prefix(cut))) }
        }
        let outcome = try run.wait(seconds: 60)
        #expect(outcome.status == 0, "\(outcome.errors)\n\(cluster.logs)")
        #expect(outcome.output == "survived\n")
        for member in cluster.members {
            #expect(httpStatus(member.side, "/livez") == 200)
            #expect(kill(member.process?.pid ?? 0, 0) == 0, "\(member.name) runs on")
        }
    }

    @Test("Messages nested a million deep are refused, not unpacked")
    func nesting() throws {
        let cluster = try LiveCluster(["--agents", "1"])
        let master = try #require(cluster.members("master").first)
        let pid = master.process?.pid
        // The deep message stands in each field of a call in turn.
        let deep = Self.nested(1_000_000)
        for field: UInt8 in [3, 4, 8, 9] {
            let connection = try RawConnection(master.address)
            connection.send(Self.hello)
            connection.send(Self.frame([0x10, 1, field << 3 | 2] + Self.varint(deep.count) + deep))
        }
        usleep(500_000)
        #expect(cluster.members("master").first?.process?.pid == pid, "the master was not started again")
        #expect(try cluster.meseta(["run", "--", "true"]).status == 0)
    }
}
