import Frames
import Glibc
import Model
import Testing

/// What may be a cluster's secret.
@Suite("Secret")
struct SecretTests {
    private func withFile(_ text: String, mode: mode_t, _ body: (String) throws -> Void) throws {
        var template = Array("/tmp/meseta-secret-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { unlink(path) }
        _ = Glibc.write(descriptor, text, text.utf8.count)
        fchmod(descriptor, mode)
        close(descriptor)
        try body(path)
    }

    @Test("A file that only its owner and group may touch is read, line end left out")
    func reads() throws {
        try self.withFile("0123456789abcdef\n", mode: 0o640) { path in
            let secret = try Secret(file: path)
            #expect("\(secret)" == "secret of 16 bytes")
        }
    }

    @Test("A file that everybody may read is refused, with the remedy", arguments: [0o644, 0o602, 0o601] as [mode_t])
    func refusesExposed(mode: mode_t) throws {
        try self.withFile("0123456789abcdef", mode: mode) { path in
            let problem = #expect(throws: Secret.Problem.self) { try Secret(file: path) }
            #expect(problem?.description.contains("chmod 600 \(path)") == true)
        }
    }

    @Test("Too short, too long and missing are told apart")
    func refusesLengths() throws {
        try self.withFile("0123456789abcde\r\n", mode: 0o600) { path in
            #expect(throws: Secret.Problem.tooShort(count: 15)) { try Secret(file: path) }
        }
        try self.withFile(String(repeating: "x", count: 5000), mode: 0o600) { path in
            #expect(throws: Secret.Problem.tooLong(path: path)) { try Secret(file: path) }
        }
        #expect(throws: Secret.Problem.self) { try Secret(file: "/no/such/file") }
    }

    @Test("A secret does not print itself")
    func hides() throws {
        let secret = try Secret(Bytes("very secret indeed".utf8))
        #expect(!"\(secret)".contains("indeed"))
        #expect(!String(reflecting: secret).contains("indeed"))
        var dumped = ""
        dump(NodeSettings(role: .master, name: "m", secret: secret), to: &dumped)
        #expect(!dumped.contains("indeed"))
    }
}
