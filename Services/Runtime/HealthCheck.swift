internal import NIOCore

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// What `--check` does: asks the side port of the running process, for containers that have no other program.
public enum HealthCheck {
    /// Asks for `/readyz?verbose`, and waits for the answer.
    ///
    /// - Parameter timeoutSeconds: How long it waits to send, and each time it reads; at least 1.
    /// - Returns: Whether it answered 200, and its text, or what went wrong.
    public static func run(host: String, port: Int, timeoutSeconds: Int = 3) -> (isReady: Bool, text: String) {
        let target = host == "0.0.0.0" ? "127.0.0.1" : host == "::" ? "::1" : host
        guard port > 0 else { return (false, "which side port? it was left to the system: give --side-port\n") }
        guard let address = try? SocketAddress.makeAddressResolvingHost(target, port: port) else {
            return (false, "no such address: \(target)\n")
        }
        let descriptor = socket(address.protocol == .inet6 ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return (false, Self.problem(target, port)) }
        defer { close(descriptor) }
        var timeout = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, size)
        guard address.withSockAddr({ connect(descriptor, $0, socklen_t($1)) }) == 0 else {
            return (false, Self.problem(target, port))
        }
        let request = Array("GET /readyz?verbose HTTP/1.1\r\nhost: \(target)\r\nconnection: close\r\n\r\n".utf8)
        guard send(descriptor, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else {
            return (false, Self.problem(target, port))
        }
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while answer.count < 1 << 20 {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count < 0 { return (false, Self.problem(target, port)) }
            if count == 0 { break }
            answer += buffer[..<count]
        }
        let text = String(decoding: answer, as: UTF8.self)
        let parts = text.split(separator: "\r\n\r\n", maxSplits: 1)
        let body = parts.count == 2 ? String(parts[1]) : "no answer\n"
        return (text.hasPrefix("HTTP/1.1 200 "), body)
    }

    private static func problem(_ host: String, _ port: Int) -> String {
        "\(host):\(port): \(String(cString: strerror(errno)))\n"
    }
}
