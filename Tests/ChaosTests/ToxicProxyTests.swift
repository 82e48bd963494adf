import ChaosCore
import ChaosProxy
import Foundation
import LocalZooKeeper
import Model
import Testing

/// Sends back what it receives; used by one test.
private final class Echo: Sendable {
    let port: Int
    private let listener: Int32

    init() throws {
        self.port = try FreePorts.take(1)[0]
        self.listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = loopback("127.0.0.1", self.port)
        let isBound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(self.listener, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(isBound == 0 && listen(self.listener, 8) == 0)
        let listener = self.listener
        Thread.detachNewThread {
            while case let client = accept(listener, nil, nil), client >= 0 {
                Thread.detachNewThread {
                    var buffer = [UInt8](repeating: 0, count: 4096)
                    while case let count = recv(client, &buffer, buffer.count, 0), count > 0 {
                        send(client, buffer, count, Int32(MSG_NOSIGNAL))
                    }
                    close(client)
                }
            }
        }
    }

    deinit { shutdown(self.listener, Int32(SHUT_RDWR)); close(self.listener) }
}

private func loopback(_ host: String, _ port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = inet_addr(host)
    return address
}

/// A connection through the proxy.
private final class Client {
    private let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)

    init(_ port: Int) throws {
        var address = loopback(ToxicProxy.host, port)
        var patience = timeval(tv_sec: 3, tv_usec: 0)
        setsockopt(self.descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        let code = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(self.descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(code == 0)
    }

    deinit { close(self.descriptor) }

    func say(_ text: String) { send(self.descriptor, text, text.utf8.count, Int32(MSG_NOSIGNAL)) }

    /// What comes until so many bytes are there, or the end, or an error.
    func hear(_ count: Int) -> (text: String, error: Int32) {
        var bytes: [UInt8] = [], buffer = [UInt8](repeating: 0, count: 4096)
        while bytes.count < count {
            let read = recv(self.descriptor, &buffer, buffer.count, 0)
            if read < 0 { return (String(decoding: bytes, as: UTF8.self), errno) }
            if read == 0 { break }
            bytes += buffer.prefix(read)
        }
        return (String(decoding: bytes, as: UTF8.self), 0)
    }
}

@Suite("The proxy with toxics, on loopback", .serialized)
struct ToxicProxyTests {
    private let echo: Echo
    private let proxy: ToxicProxy

    init() throws {
        self.echo = try Echo()
        self.proxy = try ToxicProxy(port: self.echo.port)
    }

    /// A connection that works, before anything is done to it.
    private func client() throws -> Client {
        let client = try Client(self.echo.port)
        client.say("hello")
        try #require(client.hear(5).text == "hello")
        return client
    }

    @Test("What is said comes back, whole and in order, also in pieces and late")
    func order() throws {
        defer { self.proxy.close() }
        let client = try self.client()
        let text = (0..<2000).map { "\($0)," }.joined()
        self.proxy.add(ActiveToxic(.slicer(size: 700, delay: .milliseconds(1))))
        self.proxy.add(ActiveToxic(.latency(.milliseconds(20), jitter: .milliseconds(20))))
        client.say(text)
        // Both are too long to be shown.
        let isSame = client.hear(text.utf8.count).text == text
        #expect(isSame)
    }

    @Test("Latency is there while the toxic is, on connections that were open before")
    func latency() throws {
        defer { self.proxy.close() }
        let client = try self.client()
        self.proxy.add(ActiveToxic(.latency(.milliseconds(300), jitter: .zero), streams: [.downstream]))
        let clock = ContinuousClock()
        #expect(
            clock.measure {
                client.say("a"); _ = client.hear(1)
            } >= .milliseconds(300))
        self.proxy.heal()
        #expect(
            clock.measure {
                client.say("b"); _ = client.hear(1)
            } < .milliseconds(250))
    }

    @Test("A peer is reset, and not merely closed")
    func reset() throws {
        defer { self.proxy.close() }
        let client = try self.client()
        self.proxy.add(ActiveToxic(.resetPeer(.zero)))
        #expect(client.hear(1).error == ECONNRESET)
    }

    @Test("A timeout swallows what is said and closes after its time")
    func timeout() throws {
        defer { self.proxy.close() }
        let client = try self.client()
        self.proxy.add(ActiveToxic(.timeout(.milliseconds(200))))
        client.say("lost")
        let heard = client.hear(4)
        #expect(heard.text.isEmpty && heard.error == 0)
    }

    @Test("A limit closes the connection after so many bytes")
    func limit() throws {
        defer { self.proxy.close() }
        let client = try self.client()
        self.proxy.add(ActiveToxic(.limitData(3), streams: [.downstream]))
        client.say("abcdef")
        #expect(client.hear(6).text == "abc")
    }

    @Test("A toxic for no connection does nothing")
    func toxicity() throws {
        defer { self.proxy.close() }
        let client = try self.client()
        self.proxy.add(ActiveToxic(.resetPeer(.zero), toxicity: 0))
        client.say("still")
        #expect(client.hear(5).text == "still")
    }
}
