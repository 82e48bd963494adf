internal import Model
internal import NIOCore

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Addresses as people write them: `host:port`, `[::1]:5050`.
extension Node {
    /// `TCP_USER_TIMEOUT`: how long what was sent may stay unconfirmed before the kernel gives the connection up.
    static let userTimeout = ChannelOptions.Types.SocketOption(level: .tcp, name: .init(rawValue: 18))

    /// `IP_BIND_ADDRESS_NO_PORT`: a port is chosen only when the peer is known, so that connections to different peers can share one.
    static let bindAddressNoPort = ChannelOptions.Types.SocketOption(level: .ip, name: .init(rawValue: 24))

    /// `TCP_INFO`, of which the first byte is the connection's state.
    static let tcpInfo = ChannelOptions.Types.SocketOption(level: .tcp, name: .init(rawValue: 11))
    /// `TCP_CLOSE`: after a reset.
    ///
    /// After an orderly end it is `TCP_CLOSE_WAIT`.
    static let tcpClosed: SocketOptionValue = 7

    var userTimeoutMilliseconds: SocketOptionValue {
        SocketOptionValue(clamping: self.settings.silenceLimit.nanoseconds / 1_000_000)
    }

    /// Host and port; nil if it is no address.
    static func split(_ address: String) -> (host: String, port: Int)? {
        guard let colon = address.lastIndex(of: ":"), let port = Int(address[address.index(after: colon)...]),
            (1...65535).contains(port)
        else { return nil }
        var host = address[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        return host.isEmpty ? nil : (String(host), port)
    }

    /// The address itself if the host is one, so that nothing needs to be looked up.
    static func literal(host: String, port: Int) -> SocketAddress? {
        try? SocketAddress(ipAddress: host == "localhost" ? "127.0.0.1" : host, port: port)
    }

    /// The address to listen on; a name is looked up, which blocks.
    static func resolve(host: String, port: Int) throws(ListenProblem) -> SocketAddress? {
        guard (0...65535).contains(port) else {
            throw .unavailable(host: host, port: port, reason: "a port is between 0 and 65535")
        }
        if let literal = Self.literal(host: host, port: port) { return literal }
        return try? SocketAddress.makeAddressResolvingHost(host, port: port)
    }

    /// Nobody on another machine reaches it.
    static func isLoopback(_ address: SocketAddress) -> Bool {
        switch address {
        case .v4: address.ipAddress?.hasPrefix("127.") ?? false
        case .v6: address.ipAddress == "::1"
        case .unixDomainSocket: true
        }
    }

    /// `127.0.0.1:5050`, `[::1]:5050`.
    static func text(of address: SocketAddress) -> String {
        guard let ip = address.ipAddress, let port = address.port else { return "\(address)" }
        return ip.contains(":") ? "[\(ip)]:\(port)" : "\(ip):\(port)"
    }

    /// What an error from the kernel says, without where in the code it came from.
    static func reason(of error: any Error) -> String {
        guard let error = error as? IOError else { return "\(error)" }
        return String(cString: strerror(error.errnoCode))
    }
}
