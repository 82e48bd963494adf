import Frames
import Logging
import Testing

@testable import Runtime

/// Who may read what lies below a path of a side port.
@Suite("Access tokens")
struct AccessTokenTests {
    private let secret: Secret
    private let other: Secret

    init() throws {
        self.secret = try Secret(Array("a secret of this cluster".utf8))
        self.other = try Secret(Array("a secret of another cluster".utf8))
    }

    @Test("A token says what it opens, and until when; any text but it opens nothing")
    func signing() throws {
        for scope in [[], ["sandbox", "F"], ["sandbox", "a/b", "ü .."]] {
            let text = AccessToken(scope: scope, expiry: 100).signed(with: self.secret)
            let token = try AccessToken(text, signedWith: self.secret, now: 99)
            #expect(token.scope == scope && token.expiry == 100)
            #expect(throws: AccessToken.Problem.expired) {
                try AccessToken(text, signedWith: self.secret, now: 100)
            }
            #expect(throws: AccessToken.Problem.forged) { try AccessToken(text, signedWith: self.other, now: 0) }
            // Every change of a character, and every cut.
            for index in text.indices {
                var changed = text
                changed.replaceSubrange(index...index, with: text[index] == "A" ? "B" : "A")
                #expect(throws: AccessToken.Problem.self) {
                    try AccessToken(changed, signedWith: self.secret, now: 0)
                }
                #expect(throws: AccessToken.Problem.self) {
                    try AccessToken(String(text[..<index]), signedWith: self.secret, now: 0)
                }
            }
        }
        // A code made for something else is none.
        let claim = "meseta1.100.\(Base64URL.text(Array("/".utf8)))"
        let code = self.secret.authenticationCode(of: Array(claim.utf8), for: "something else")
        #expect(throws: AccessToken.Problem.forged) {
            try AccessToken("\(claim).\(Base64URL.text(code))", signedWith: self.secret, now: 0)
        }
    }

    @Test("A scope holds for whole parts of a path")
    func scopes() {
        let token = AccessToken(scope: ["sandbox", "F"], expiry: 1)
        #expect(token.opens(["sandbox", "F"]) && token.opens(["sandbox", "F", "t", "x"]))
        #expect(!token.opens(["sandbox"]) && !token.opens(["sandbox", "F2"]) && !token.opens(["usage", "F"]))
        #expect(AccessToken(scope: [], expiry: 1).opens(["usage"]))
    }

    @Test("Base64 without padding, and only as it would be written")
    func base64() {
        for count in 0..<40 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 77 &+ 200) }
            #expect(Base64URL.bytes(Base64URL.text(bytes)[...]) == bytes)
        }
        #expect(Base64URL.text(Array("foob".utf8)) == "Zm9vYg")
        for text in ["Zm9vYh", "Z", "Zm9v=", "Zm9v+", "Zm 9"] { #expect(Base64URL.bytes(text[...]) == nil) }
    }
}

// One of that suite, since these block a thread each and must not run at the same time.
extension SidePortTests {
    @Test("A guarded route answers 401 or 403 and what to do, over a socket; the others stay open")
    func overSockets() async throws {
        let secret = try Secret(Array("a secret of this cluster".utf8))
        let other = try Secret(Array("a secret of another cluster".utf8))
        let side = SidePort(
            metrics: Metrics(), readiness: Readiness(), logger: Logger(label: "side") { _ in SwiftLogNoOpLogHandler() })
        side.get("/sandbox/", for: AccessGuard(secret: secret, now: { 50 })) { _ in .text("in") }
        let port = try await side.listen(host: "127.0.0.1", port: 0)
        func get(_ path: String, _ header: String? = nil) -> HTTPClient.Answer {
            let line = header.map { "authorization: \($0)\r\n" } ?? ""
            return HTTPClient.send(port, "GET \(path) HTTP/1.1\r\nhost: x\r\n\(line)connection: close\r\n\r\n")
        }
        let all = AccessToken(scope: [], expiry: 60).signed(with: secret)
        let framework = AccessToken(scope: ["sandbox", "F"], expiry: 60).signed(with: secret)
        let expired = AccessToken(scope: [], expiry: 50).signed(with: secret)
        let foreign = AccessToken(scope: [], expiry: 60).signed(with: other)
        #expect(get("/livez").status == 200 && get("/metrics").status == 200 && get("/readyz").status == 200)
        #expect(get("/sandbox/F/t", "Bearer \(all)").body == "in\n")
        #expect(get("/sandbox/F/t", "bearer \(framework)").body == "in\n")
        #expect(get("/sandbox/F/t?token=\(framework)").body == "in\n")
        let none = get("/sandbox/F/t")
        #expect(none.status == 401 && none.body.contains("meseta token create"))
        #expect(none.headers.contains("www-authenticate: bearer"))
        for bad in [
            "Bearer", "Basic \(all)", "Bearer \(all) \(all)", "Bearer x", "Bearer \(expired)", "Bearer \(foreign)",
        ] {
            #expect(get("/sandbox/F/t", bad).status == 401, "\(bad)")
        }
        for path in ["/sandbox/G/t", "/sandbox/F2/t", "/sandbox/F%2Ft", "/sandbox/"] {
            #expect(get(path, "Bearer \(framework)").status == 403, "\(path)")
        }
        // A header that is wrong is not made good by a link.
        #expect(get("/sandbox/F/t?token=\(all)", "Bearer x").status == 401)
        await side.close()
    }
}
