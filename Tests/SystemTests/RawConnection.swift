import Foundation
import TestSupport

/// A socket that says what it likes.
final class RawConnection {
    private let descriptor: Int32
    private var unread: [UInt8] = []

    init(_ address: String) throws {
        let port = UInt16(address.split(separator: ":").last ?? "") ?? 0
        self.descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        target.sin_port = port.bigEndian
        target.sin_addr.s_addr = inet_addr("127.0.0.1")
        var patience = timeval(tv_sec: 20, tv_usec: 0)
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
        while true {
            switch self.read() {
            case 0: return self.unread
            case ..<0: return errno == ECONNRESET ? self.unread : nil
            default: continue
            }
        }
    }

    /// The next frame, heartbeats included; nil if none comes.
    func frame() -> [UInt8]? {
        while true {
            var (length, bytes) = (0, 0)
            while bytes < self.unread.count {
                length |= Int(self.unread[bytes] & 0x7f) << (7 * bytes)
                bytes += 1
                guard self.unread[bytes - 1] < 0x80 else { continue }
                guard self.unread.count >= bytes + length else { break }
                defer { self.unread.removeFirst(bytes + length) }
                return Array(self.unread[bytes..<bytes + length])
            }
            guard self.read() > 0 else { return nil }
        }
    }

    private func read() -> Int {
        var buffer = [UInt8](repeating: 0, count: 65536)
        let count = recv(self.descriptor, &buffer, buffer.count, 0)
        if count > 0 { self.unread += buffer.prefix(count) }
        return count
    }
}

/// Messages, byte by byte: what no library would write can be written too.
enum RawMessage {
    static func varint(_ value: Int) -> [UInt8] {
        var value = value
        var bytes: [UInt8] = []
        while value > 0x7f {
            bytes.append(UInt8(value & 0x7f | 0x80))
            value >>= 7
        }
        return bytes + [UInt8(value)]
    }

    static func field(_ number: Int, _ value: Int) -> [UInt8] { Self.varint(number << 3) + Self.varint(value) }

    static func field(_ number: Int, _ bytes: [UInt8]) -> [UInt8] {
        Self.varint(number << 3 | 2) + Self.varint(bytes.count) + bytes
    }

    static func field(_ number: Int, _ text: String) -> [UInt8] { Self.field(number, Array(text.utf8)) }

    static func frame(_ body: [UInt8]) -> [UInt8] { Self.varint(body.count) + body }

    /// The first frame of a caller, with the fields that not all of them have.
    static func hello(_ role: Role, heartbeats: Bool = false, _ more: [UInt8] = []) -> [UInt8] {
        let common = Self.field(1, 1) + Self.field(2, role.rawValue) + Self.field(3, "raw")
        return Self.frame(common + (heartbeats ? Self.field(6, 1) : []) + more)
    }

    /// As in `handshake.proto`.
    enum Role: Int { case agent = 4, scheduler, executor, `operator` }

    /// A scheduler's first call.
    static let subscribe = Self.frame(
        Self.field(2, 1) + Self.field(3, Self.field(1, Self.field(1, "root") + Self.field(2, "cut"))))

    /// An agent's first message to a relay: attachment 1.1, a host, no resources worth having.
    static let registration = Self.frame(
        Self.field(
            1,
            Self.field(1, Self.field(1, 1) + Self.field(2, 1)) + Self.field(3, "cut") + Self.field(4, 1)
                + Self.field(5, Self.field(1, 2) + Self.field(2, 2))))

    /// ContainerIDs within each other, so many levels deep: each has the value "a" and the next one as its parent.
    static func nested(_ depth: Int) -> [UInt8] {
        var sizes = [3]
        for level in 1...depth { sizes.append(4 + Self.varint(sizes[level - 1]).count + sizes[level - 1]) }
        var bytes: [UInt8] = []
        for level in stride(from: depth, to: 0, by: -1) {
            bytes += [0x0a, 1, 0x61, 0x12] + Self.varint(sizes[level - 1])
        }
        return bytes + [0x0a, 1, 0x61]
    }
}
