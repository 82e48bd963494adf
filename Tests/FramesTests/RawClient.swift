import Glibc
import Messages
import Model

/// A caller that writes the bytes that a test gives it.
final class RawClient {
    enum Problem: Error { case system(Int32), silence, ended, badFrame }

    private let descriptor: Int32
    private var buffer: Bytes = []

    /// Connects to the port of the address `127.0.0.host`.
    init(port: Int, host: UInt8 = 1, receiveBuffer: Int32? = nil) throws {
        self.descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var size = receiveBuffer ?? 0
        if receiveBuffer != nil {
            setsockopt(self.descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        var timeout = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(self.descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        var one: Int32 = 1
        setsockopt(self.descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = (in_addr_t(0x7F00_0000) + in_addr_t(host)).bigEndian
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(self.descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw Problem.system(errno) }
    }

    deinit { close(self.descriptor) }

    /// Writes bytes as they are; what the other side no longer takes is lost.
    func write(_ bytes: Bytes) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                send(self.descriptor, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { return }
            sent += count
        }
    }

    /// Writes a frame.
    func write(frame: Bytes) { self.write(Self.framed(frame)) }

    /// Ends its half of the connection.
    func endWriting() { shutdown(self.descriptor, Int32(SHUT_WR)) }

    /// Ends the connection with a reset.
    func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(self.descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        var address = sockaddr()
        address.sa_family = sa_family_t(AF_UNSPEC)
        connect(self.descriptor, &address, socklen_t(MemoryLayout<sockaddr>.size))
    }

    /// The next frame's message.
    func readFrame() throws -> Bytes {
        while true {
            if let (start, length) = try self.header(), self.buffer.count >= start + length {
                let frame = Bytes(self.buffer[start..<start + length])
                self.buffer.removeFirst(start + length)
                return frame
            }
            var chunk = Bytes(repeating: 0, count: 65536)
            let count = recv(self.descriptor, &chunk, chunk.count, 0)
            if count == 0 { throw Problem.ended }
            if count < 0 { throw errno == EAGAIN ? Problem.silence : Problem.system(errno) }
            self.buffer += chunk[..<count]
        }
    }

    private func header() throws -> (Int, Int)? {
        var length = 0
        for (index, byte) in self.buffer.prefix(5).enumerated() {
            length |= Int(byte & 0x7F) << (7 * index)
            if byte < 0x80 { return (index + 1, length) }
        }
        if self.buffer.count >= 5 { throw Problem.badFrame }
        return nil
    }

    /// The next answer of the handshake.
    func readAnswer() throws -> HandshakeAnswer { try HandshakeAnswer(encoded: self.readFrame()) }

    /// The frames until the other side ends; nil if it does not.
    func readToEnd() -> [Bytes]? {
        var frames: [Bytes] = []
        while true {
            do { frames.append(try self.readFrame()) } catch Problem.silence { return nil } catch { return frames }
        }
    }

    /// Whatever comes until the other side ends.
    func readBytesToEnd() -> Bytes {
        var bytes: Bytes = []
        var chunk = Bytes(repeating: 0, count: 65536)
        while true {
            let count = recv(self.descriptor, &chunk, chunk.count, 0)
            if count <= 0 { return bytes }
            bytes += chunk[..<count]
        }
    }

    /// Says hello and expects a welcome.
    @discardableResult
    func enter(as role: PeerRole = .scheduler, heartbeats: Bool = false) throws -> Welcome {
        var hello = Hello(role: role, name: "raw")
        hello.sendsHeartbeats = heartbeats
        self.write(frame: hello.encoded())
        guard case .welcome(let welcome) = try self.readAnswer() else { throw Problem.badFrame }
        return welcome
    }

    /// A message with its length in front.
    static func framed(_ message: Bytes) -> Bytes {
        var length = message.count
        var frame: Bytes = []
        while length >= 0x80 {
            frame.append(UInt8(truncatingIfNeeded: length) | 0x80)
            length >>= 7
        }
        return frame + [UInt8(length)] + message
    }
}
