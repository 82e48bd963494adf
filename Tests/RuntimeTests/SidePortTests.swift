import Foundation
import Glibc
import Logging
import Synchronization
import Testing

@testable import Runtime

/// The HTTP port that tells how a process is, over real sockets.
@Suite("Side port", .serialized)
struct SidePortTests {
    private func withPort(
        idleTimeout: Duration = .seconds(60), _ body: (SidePort, Int) async throws -> Void
    ) async throws {
        let port = SidePort(
            metrics: Metrics(), readiness: Readiness(), logger: Logger(label: "side") { _ in SwiftLogNoOpLogHandler() },
            idleTimeout: idleTimeout)
        let number = try await port.listen(host: "127.0.0.1", port: 0)
        let result: Result<Void, any Error>
        do { result = .success(try await body(port, number)) } catch { result = .failure(error) }
        await port.close()
        try result.get()
    }

    private func withFile(_ text: String, _ body: (String, Int32) async throws -> Void) async throws {
        var template = Array("/tmp/meseta-side-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        _ = Glibc.write(descriptor, text, text.utf8.count)
        let result: Result<Void, any Error>
        do { result = .success(try await body(path, descriptor)) } catch { result = .failure(error) }
        close(descriptor)
        unlink(path)
        try result.get()
    }

    @Test("It tells that it lives, what it waits for, and its numbers")
    func builtIn() async throws {
        try await self.withPort { side, port in
            #expect(HTTPClient.get(port, "/livez") == .init(200, "alive\n"))
            #expect(HTTPClient.get(port, "/health").status == 200)
            #expect(HTTPClient.get(port, "/readyz") == .init(200, "ready\n"))
            side.readiness.set("leader", problem: "none elected")
            #expect(HTTPClient.get(port, "/readyz") == .init(503, "[-] leader: none elected\nnot ready\n"))
            side.readiness.set("leader", problem: nil)
            #expect(HTTPClient.get(port, "/readyz?verbose") == .init(200, "[+] leader\nready\n"))
            side.metrics.counter("meseta_test_things_total", "Things.").add(3)
            let metrics = HTTPClient.get(port, "/metrics")
            #expect(metrics.status == 200)
            #expect(metrics.body.contains("\nmeseta_test_things_total 3\n"))
            #expect(metrics.headers.contains("content-type: text/plain; version=0.0.4"))
        }
    }

    @Test("It answers bad requests by what is wrong with them, and goes on")
    func badRequests() async throws {
        try await self.withPort { _, port in
            #expect(HTTPClient.get(port, "/nothing").status == 404)
            #expect(
                HTTPClient.send(
                    port, "POST /livez HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi"
                ).status == 405)
            #expect(HTTPClient.send(port, "GET /%zz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").status == 400)
            #expect(HTTPClient.send(port, "GET /%00 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").status == 400)
            #expect(HTTPClient.send(port, "what is this\r\n\r\n").status == 400)
            let long = String(repeating: "x", count: 20000)
            let status = HTTPClient.send(port, "GET /livez HTTP/1.1\r\nhost: x\r\nx-long: \(long)\r\n\r\n").status
            #expect(status == 400 || status == 431)
            #expect(HTTPClient.get(port, "/livez").status == 200)
        }
    }

    @Test("HEAD has the headers and no body; a connection may be used again")
    func headAndKeepAlive() async throws {
        try await self.withPort { side, port in
            side.get("/stream") { _ in
                SideResponse(body: .stream(length: nil) { _ in Issue.record("a HEAD must not write") })
            }
            let head = HTTPClient.send(port, "HEAD /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            #expect(head.status == 200 && head.body.isEmpty && head.headers.contains("content-length: 6"))
            #expect(
                HTTPClient.send(port, "HEAD /stream HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").status == 200)
            let two = HTTPClient.raw(
                port,
                "GET /livez HTTP/1.1\r\nhost: x\r\n\r\nGET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            #expect(two.contains("alive\n") && two.contains("ready\n"))
        }
    }

    @Test("A role adds routes; the longest path that fits answers, and an error is a 500")
    func routes() async throws {
        struct Broken: Error, CustomStringConvertible { let description = "broken" }
        try await self.withPort { side, port in
            side.get("/files/") { request in .text("all \(request.path) \(request.parameter("q") ?? "-")") }
            side.get("/files/one") { _ in .json(Array("{}".utf8)) }
            side.get("/broken") { _ in throw Broken() }
            #expect(HTTPClient.get(port, "/files/a%20b?q=1+2%26").body == "all /files/a b 1 2&\n")
            #expect(HTTPClient.get(port, "/files/one").body == "{}")
            #expect(HTTPClient.get(port, "/broken") == .init(500, "broken\n"))
        }
    }

    @Test("A file is sent whole, in parts, or not at all")
    func ranges() async throws {
        try await self.withFile("0123456789") { path, _ in
            try await self.withPort { side, port in
                side.get("/file") { request in try await .file(try await OpenFile.open(path), for: request) }
                side.get("/gone") { request in try await .file(try await OpenFile.open(path + "x"), for: request) }
                side.get("/directory") { request in try await .file(try await OpenFile.open("/tmp"), for: request) }
                func part(_ range: String) -> HTTPClient.Answer { HTTPClient.get(port, "/file", "range: \(range)\r\n") }
                #expect(HTTPClient.get(port, "/file") == .init(200, "0123456789"))
                #expect(part("bytes=2-4") == .init(206, "234"))
                #expect(part("bytes=2-4").headers.contains("content-range: bytes 2-4/10"))
                #expect(part("bytes=7-") == .init(206, "789"))
                #expect(part("bytes=-2") == .init(206, "89"))
                #expect(part("bytes=5-99") == .init(206, "56789"))
                #expect(part("bytes=10-").status == 416)
                #expect(part("bytes=-0").status == 416)
                for ignored in ["bytes=4-2", "bytes=a-b", "items=1-2", "bytes=0-1,3-4", "bytes=--1"] {
                    #expect(part(ignored) == .init(200, "0123456789"))
                }
                #expect(HTTPClient.get(port, "/gone").status == 404)
                #expect(HTTPClient.get(port, "/directory").status == 500)
            }
        }
    }

    @Test("A large file arrives whole, a piece at a time")
    func largeFile() async throws {
        let text = String(repeating: "0123456789abcdef", count: 200_000)
        try await self.withFile(text) { path, _ in
            try await self.withPort { side, port in
                side.get("/file") { request in try await .file(try await OpenFile.open(path), for: request) }
                #expect(HTTPClient.get(port, "/file").body == text)
            }
        }
    }

    @Test("A growing file is followed to its end")
    func follows() async throws {
        try await self.withFile("first ") { path, descriptor in
            try await self.withPort { side, port in
                let isEnded = Mutex(false)
                let ended = Shared(isEnded: isEnded)
                side.get("/follow") { _ in
                    .following(try await OpenFile.open(path), from: 2) { ended.value }
                }
                async let answer = BlockingWork.run { HTTPClient.get(port, "/follow") }
                try await Task.sleep(for: .milliseconds(50))
                _ = write(descriptor, "second ", 7)
                try await Task.sleep(for: .milliseconds(300))
                _ = write(descriptor, "third", 5)
                ended.value = true
                let got = try await answer
                #expect(got.status == 200)
                #expect(got.body.contains("rst ") && got.body.contains("third"))
                #expect(got.headers.contains("transfer-encoding: chunked"))
            }
        }
    }

    @Test("When nobody reads any more the writer is told, and stops")
    func cancels() async throws {
        let reported = Reported()
        try await self.withPort { side, port in
            side.get("/endless") { _ in
                SideResponse(
                    body: .stream(length: nil) { writer in
                        defer { reported.add("stopped") }
                        while true {
                            try await writer.write("more ")
                            try await Task.sleep(for: .milliseconds(5))
                        }
                    })
            }
            HTTPClient.abandon(port, "GET /endless HTTP/1.1\r\nhost: x\r\n\r\n")
            try await reported.until { $0 == ["stopped"] }
        }
    }

    @Test("A reader that reads nothing holds back the writer, and is given up after the timeout")
    func backPressure() async throws {
        let reported = Reported()
        let written = Shared(isEnded: Mutex(false))
        try await self.withPort(idleTimeout: .milliseconds(150)) { side, port in
            side.get("/flood") { _ in
                SideResponse(
                    body: .stream(length: nil) { writer in
                        defer { reported.add("stopped after \(written.count / (1 << 20)) MiB") }
                        let piece = [UInt8](repeating: 1, count: 1 << 20)
                        for _ in 0..<1000 {
                            try await writer.write(piece)
                            written.add(piece.count)
                        }
                    })
            }
            let idler = HTTPClient.open(port, "GET /flood HTTP/1.1\r\nhost: x\r\n\r\n")
            try await reported.until { $0.count == 1 }
            #expect(written.count < 100 << 20)
            close(idler)
        }
    }

    @Test("A connection on which nothing is asked is closed")
    func idle() async throws {
        try await self.withPort(idleTimeout: .milliseconds(100)) { _, port in
            #expect(HTTPClient.raw(port, "").isEmpty)
            #expect(HTTPClient.raw(port, "GET /livez HTT").isEmpty)
        }
    }

    @Test("The check that a container runs says what /readyz says")
    func healthCheck() async throws {
        try await self.withPort { side, port in
            #expect(HealthCheck.run(host: "0.0.0.0", port: port) == (true, "ready\n"))
            side.readiness.set("leader", problem: "none elected")
            #expect(HealthCheck.run(host: "127.0.0.1", port: port) == (false, "[-] leader: none elected\nnot ready\n"))
            await side.close()
            #expect(!HealthCheck.run(host: "127.0.0.1", port: port).isReady)
            #expect(!HealthCheck.run(host: "127.0.0.1", port: 0).isReady)
        }
    }

    @Test("A port that is taken is said to be")
    func taken() async throws {
        try await self.withPort { _, port in
            let other = SidePort(
                metrics: Metrics(), readiness: Readiness(), logger: Logger(label: "s") { _ in SwiftLogNoOpLogHandler() }
            )
            await #expect(throws: SidePortUnavailable.self) {
                _ = try await other.listen(host: "127.0.0.1", port: port)
            }
        }
    }
}

/// A flag and a number for several threads.
private final class Shared: Sendable {
    private let flag: Mutex<Bool>
    private let number = Mutex(0)

    init(isEnded: consuming sending Mutex<Bool>) { self.flag = isEnded }

    var value: Bool {
        get { self.flag.withLock { $0 } }
        set { self.flag.withLock { $0 = newValue } }
    }

    var count: Int { self.number.withLock { $0 } }

    func add(_ amount: Int) { self.number.withLock { $0 += amount } }
}

/// A reader of HTTP answers that blocks.
enum HTTPClient {
    struct Answer: Equatable, Sendable {
        var status: Int
        var headers = ""
        var body: String

        init(_ status: Int, _ body: String) {
            self.status = status
            self.body = body
        }

        static func == (left: Self, right: Self) -> Bool { left.status == right.status && left.body == right.body }
    }

    static func get(_ port: Int, _ path: String, _ headers: String = "") -> Answer {
        self.send(port, "GET \(path) HTTP/1.1\r\nhost: x\r\n\(headers)connection: close\r\n\r\n")
    }

    static func send(_ port: Int, _ request: String) -> Answer {
        let text = self.raw(port, request)
        guard let end = text.range(of: "\r\n\r\n") else { return Answer(0, text) }
        let head = String(text[..<end.lowerBound]).lowercased()
        var body = String(text[end.upperBound...])
        if head.contains("transfer-encoding: chunked") { body = self.unchunked(body) }
        var answer = Answer(Int(head.split(separator: " ").dropFirst().first ?? "") ?? 0, body)
        answer.headers = head
        return answer
    }

    /// Everything that comes until the other side ends.
    static func raw(_ port: Int, _ request: String) -> String {
        let descriptor = self.open(port, request)
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count <= 0 { break }
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Reads a little and goes away.
    static func abandon(_ port: Int, _ request: String) {
        let descriptor = self.open(port, request)
        var buffer = [UInt8](repeating: 0, count: 64)
        _ = recv(descriptor, &buffer, buffer.count, 0)
        close(descriptor)
    }

    static func open(_ port: Int, _ request: String) -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var timeout = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        _ = Glibc.send(descriptor, request, request.utf8.count, Int32(MSG_NOSIGNAL))
        return descriptor
    }

    private static func unchunked(_ text: String) -> String {
        var rest = Array(text.utf8)[...]
        var body: [UInt8] = []
        while let end = rest.firstIndex(of: 13) {
            guard let size = Int(String(decoding: rest[rest.startIndex..<end], as: UTF8.self), radix: 16), size > 0
            else { break }
            body += rest[(end + 2)..<min(end + 2 + size, rest.endIndex)]
            rest = rest[min(end + 4 + size, rest.endIndex)...]
        }
        return String(decoding: body, as: UTF8.self)
    }
}
