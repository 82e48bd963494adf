import Glibc
import Messages
import Model

/// Someone who answers what a test wants.
final class RawServer {
    let port: Int
    private var descriptor: Int32

    /// Listens on a free port.
    init() {
        self.descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = self.descriptor
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(descriptor, $0, size)
                _ = listen(descriptor, 16)
                _ = getsockname(descriptor, $0, &size)
            }
        }
        self.port = Int(in_port_t(bigEndian: address.sin_port))
    }

    deinit { self.close() }

    /// The next caller.
    func accept() -> Connection { Connection(descriptor: Glibc.accept(self.descriptor, nil, nil)) }

    /// Listens no more.
    func close() {
        if self.descriptor >= 0 { Glibc.close(self.descriptor) }
        self.descriptor = -1
    }

    /// One caller.
    final class Connection {
        private var descriptor: Int32

        init(descriptor: Int32) { self.descriptor = descriptor }

        deinit { self.close() }

        func write(_ bytes: Bytes) { _ = send(self.descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }

        /// Reads the hello and welcomes the caller.
        func welcome() {
            var buffer = Bytes(repeating: 0, count: 4096)
            _ = recv(self.descriptor, &buffer, buffer.count, 0)
            self.write(RawClient.framed(HandshakeAnswer.welcome(Welcome(role: .master, name: "raw")).encoded()))
        }

        /// As if the process were killed.
        func reset() {
            var option = linger(l_onoff: 1, l_linger: 0)
            setsockopt(self.descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
            self.close()
        }

        func close() {
            if self.descriptor >= 0 { Glibc.close(self.descriptor) }
            self.descriptor = -1
        }
    }
}
