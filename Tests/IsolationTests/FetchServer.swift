import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// An HTTP server on the loopback that misbehaves as it is told, one connection after the other.
final class FetchServer: Sendable {
    /// What it does for a path.
    enum Behaviour: Sendable {
        /// Sends it, or the range that is asked for.
        case serves([UInt8])
        /// So often it breaks off in the middle; then as `serves`. With `isConstant` false the tag is another each time.
        case cuts([UInt8], times: Int, isConstant: Bool = true)
        /// Breaks off once, and from then on sends all, whatever range is asked for.
        case cutsAndForgets([UInt8])
        /// So often it answers with that status; then as `serves`.
        case refuses(status: Int, times: Int, [UInt8])
        case redirects(to: String)
        /// Sends a little, and never goes on.
        case stalls
    }

    /// A request, as far as tests look at it.
    struct Request: Sendable {
        var path: String
        var range: String?
    }

    let port: Int
    private let listener: Int32
    private let behaviours: [String: Behaviour]
    private let seen = Mutex<[Request]>([])
    private let stalled = Mutex<[Int32]>([])

    init(_ behaviours: [String: Behaviour]) {
        self.behaviours = behaviours
        self.listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = self.listener
        self.port = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(listener, pointer, length)
                listen(listener, 64)
                getsockname(listener, pointer, &length)
            }
            return Int(UInt16(bigEndian: $0.pointee.sin_port))
        }
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { context in
                Unmanaged<FetchServer>.fromOpaque(context!).takeRetainedValue().run()
                return nil
            }, Unmanaged.passRetained(self).toOpaque())
        pthread_detach(thread)
    }

    func url(_ path: String) -> String { "http://127.0.0.1:\(self.port)/\(path)" }

    func requests(_ path: String) -> [Request] { self.seen.withLock { $0.filter { $0.path == path } } }

    func stop() {
        shutdown(self.listener, Int32(SHUT_RDWR))
        self.stalled.withLock { for connection in $0 { close(connection) } }
    }

    private func run() {
        while true {
            let connection = accept(self.listener, nil, nil)
            guard connection >= 0 else { break }
            _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
            self.answer(connection)
        }
        close(self.listener)
    }

    private func answer(_ connection: Int32) {
        var head: [UInt8] = [], buffer = [UInt8](repeating: 0, count: 4096)
        while !String(decoding: head, as: UTF8.self).contains("\r\n\r\n") {
            let count = read(connection, &buffer, buffer.count)
            guard count > 0 else {
                close(connection)
                return
            }
            head += buffer[..<count]
        }
        let lines = String(decoding: head, as: UTF8.self).split(separator: "\r\n")
        let path = String(lines[0].split(separator: " ")[1].dropFirst().prefix { $0 != "?" })
        func header(_ name: String) -> String? {
            lines.first { $0.lowercased().hasPrefix(name + ":") }.map { String($0.dropFirst(name.utf8.count + 2)) }
        }
        let number = self.seen.withLock { seen in
            seen.append(Request(path: path, range: header("range")))
            return seen.count { $0.path == path }
        }
        if case .stalls? = self.behaviours[path] {
            self.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nbegin", connection)
            return self.stalled.withLock { $0.append(connection) }
        }
        self.send(self.response(path, number, range: header("range"), ifRange: header("if-range")), connection)
        close(connection)
    }

    private func response(_ path: String, _ number: Int, range: String?, ifRange: String?) -> [UInt8] {
        func whole(_ content: [UInt8], tag: String = "\"v1\"") -> [UInt8] {
            if let range, ifRange == tag, let start = Int(range.dropFirst(6).dropLast()) {
                let head =
                    "HTTP/1.1 206 Partial\r\nContent-Range: bytes \(start)-\(content.count - 1)/\(content.count)\r\n"
                return Array("\(head)ETag: \(tag)\r\nContent-Length: \(content.count - start)\r\n\r\n".utf8)
                    + content[start...]
            }
            return Array("HTTP/1.1 200 OK\r\nETag: \(tag)\r\nContent-Length: \(content.count)\r\n\r\n".utf8) + content
        }
        switch self.behaviours[path] {
        case .serves(let content): return whole(content)
        case .cuts(let content, let times, let isConstant):
            let all = whole(content, tag: isConstant ? "\"v1\"" : "\"v\(number)\"")
            return number <= times ? Array(all.dropLast(max(1, content.count / 4))) : all
        case .cutsAndForgets(let content):
            let all =
                Array("HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nContent-Length: \(content.count)\r\n\r\n".utf8) + content
            return number == 1 ? Array(all.dropLast(content.count / 2)) : all
        case .refuses(let status, let times, let content):
            return number <= times
                ? Array("HTTP/1.1 \(status) No\r\nContent-Length: 0\r\n\r\n".utf8) : whole(content)
        case .redirects(let target):
            return Array("HTTP/1.1 302 Found\r\nLocation: \(target)\r\nContent-Length: 0\r\n\r\n".utf8)
        case .stalls, nil: return Array("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".utf8)
        }
    }

    private func send(_ text: String, _ connection: Int32) { self.send(Array(text.utf8), connection) }

    private func send(_ bytes: [UInt8], _ connection: Int32) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(connection, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            sent += count
        }
    }
}
