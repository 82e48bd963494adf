import Foundation
import TestSupport
import Testing

@Suite("Sandboxes of a cluster with a secret", .serialized)
struct SandboxTests {
    /// Lines of 100 bytes, 1 MB a second.
    private static let script = """
        n=0; while [ $n -lt 100 ]; do seq -f %099.f $((n * 500 + 1)) $((n * 500 + 500)); sleep 0.05; n=$((n + 1)); done
        mkdir maps; echo output > maps/1; printf %s "$MESETA_FILE_TOKEN" > token
        """

    private struct Place {
        var port: Int
        var framework: String
        var task: String

        func get(_ path: String, token: String?) -> (status: Int, body: String) {
            let answer = self.ask("GET", path, token.map { "Authorization: Bearer \($0)\r\n" } ?? "")
            return (answer.status, answer.body)
        }

        func ask(_ method: String, _ path: String, _ headers: String) -> (status: Int, head: String, body: String) {
            let target = "/sandbox/\(self.framework)/\(self.task)\(path)"
            let answer = FreePorts.ask(
                "\(method) \(target) HTTP/1.1\r\nHost: test\r\n\(headers)Connection: close\r\n\r\n", port: self.port)
            let end = answer.range(of: "\r\n\r\n")
            return (
                answer.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0,
                end.map { String(answer[..<$0.lowerBound]).lowercased() } ?? "",
                end.map { String(answer[$0.upperBound...]) } ?? ""
            )
        }
    }

    @Test(
        "What is beyond the bound goes, a follower sees all; others read with a token, none without; then it is removed"
    )
    func life() throws {
        let secret = FileManager.default.temporaryDirectory.appendingPathComponent("secret-\(UUID().uuidString)").path
        _ = FileManager.default.createFile(
            atPath: secret, contents: Data("a secret of thirty-two characters".utf8),
            attributes: [.posixPermissions: 0o600])
        defer { try? FileManager.default.removeItem(atPath: secret) }
        let cluster = try LiveCluster(
            ["--agents", "1", "--secret-file", secret],
            environment: [
                "MESETA_LOG_LIMIT": "1MiB", "MESETA_GC_DELAY": "24s", "MESETA_GC_DISK_HEADROOM": "0",
            ])
        defer { cluster.stop() }
        func meseta(_ arguments: [String]) throws -> Outcome {
            try cluster.meseta(arguments + ["--secret-file", secret])
        }
        // A task that writes five times the bound, and somebody who follows it.
        let run = try cluster.meseta(["run", "--secret-file", secret, "--", "sh", "-c", Self.script])
        #expect(run.status == 0, "\(run.errors)\(cluster.logs)")
        let lines = run.lines
        #expect(
            lines.count == 50_000 && lines.enumerated().allSatisfy { Int($1) == $0 + 1 }, "\(lines.count) \(run.errors)"
        )

        let listed = try meseta(["tasks", "--all", "--json"])
        let rows = try #require(
            JSONSerialization.jsonObject(with: Data(listed.output.utf8)) as? [[String: Any]], "\(listed.errors)")
        let row = try #require(rows.first)
        let side = try #require(cluster.members("agent").first?.side.split(separator: ":").last.flatMap { Int($0) })
        let place = Place(
            port: side, framework: try #require(row["framework"] as? String), task: try #require(row["id"] as? String))
        // Its end is there, its head is not.
        let id = String(place.task.prefix(4))
        let cat = try meseta(["sandbox", "cat", id])
        #expect(cat.status == 0 && Int(cat.lines.last ?? "") == 50_000, "\(cat.errors)")
        #expect((1_000_000..<2_000_000).contains(cat.output.utf8.count), "\(cat.output.utf8.count)")
        let tail = try meseta(["sandbox", "tail", id, "--bytes", "200"])
        #expect(tail.lines.map { Int($0) } == [49_999, 50_000], "\(tail.errors)")
        let list = try meseta(["sandbox", "ls", id])
        #expect(list.output.contains("maps/") && list.output.contains("stdout"), "\(list.output)\(list.errors)")
        let archive = cluster.directory.appendingPathComponent("all.tar").path
        let download = try meseta(["sandbox", "download", id, "-o", archive])
        #expect(download.status == 0, "\(download.errors)")
        let unpacked = try RunningProgram(URL(fileURLWithPath: "/bin/tar"), ["-tf", archive]).wait(seconds: 20)
        #expect(unpacked.status == 0 && unpacked.lines.contains { $0.hasSuffix("/maps/1") }, "\(unpacked.errors)")
        try self.access(place, meseta)
        self.http(place, try meseta(["token", "create", "--all"]).output.trimmingCharacters(in: .newlines))
        for (arguments, complaint) in [
            (["cat", "no-such-task"], "no task begins with"), (["cat", id, "nothing"], "there is no"),
            (["cat", id, "maps"], "is a directory"), (["ls", id, "stdout"], "is no directory"),
        ] {
            let outcome = try meseta(["sandbox"] + arguments)
            #expect(outcome.status == 1 && outcome.errors.contains(complaint), "\(arguments): \(outcome.errors)")
        }
        // Its time comes.
        let all = try meseta(["token", "create", "--all"]).output.trimmingCharacters(in: .newlines)
        #expect(place.get("", token: all).status == 200)
        try eventually("the sandbox is removed", within: 60) { place.get("", token: all).status == 404 }
        try eventually("it is counted") {
            FreePorts.ask("GET /metrics HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n", port: side)
                .contains("meseta_agent_sandboxes_removed_total 1\n")
        }
    }

    private func access(_ place: Place, _ meseta: ([String]) throws -> Outcome) throws {
        func token(_ arguments: [String]) throws -> String {
            let made = try meseta(["token", "create"] + arguments)
            #expect(made.status == 0, "\(made.errors)")
            return made.output.trimmingCharacters(in: .newlines)
        }
        let refused = place.get("/maps/1", token: nil)
        #expect(refused.status == 401 && refused.body.contains("meseta token create"))
        #expect(place.get("/maps/1", token: try token(["--framework", "another"])).status == 403)
        #expect(
            place.get("/maps/1", token: try token(["--framework", place.framework, "--task", "another"])).status == 403)
        #expect(place.get("/maps/1", token: "meseta1.x.y.z").status == 401)
        #expect(place.get("/maps/1", token: try token(["--framework", place.framework])).body.contains("output\n"))
        let narrow = try token(["--framework", place.framework, "--task", place.task, "--path", "maps"])
        #expect(place.get("/maps/1", token: narrow).status == 200 && place.get("/token", token: narrow).status == 403)
        // What the task itself was given opens its framework's sandboxes.
        let own = try meseta(["sandbox", "cat", place.task, "token"]).output
        #expect(place.get("/maps/1", token: own).body.contains("output\n"))
        #expect(place.get("/../../x", token: own).status >= 400 && place.get("/%2e%2e/x", token: own).status == 403)
        #expect(place.get("/maps%2f1", token: own).status == 403)
        #expect(place.get("/maps/1?offset=x", token: own).status == 400)
        #expect(place.get("/maps/1?run=99", token: own).status == 404)
        #expect(place.get("/" + String(repeating: "x", count: 20_000), token: own).status >= 400)
    }

    /// What HTTP has for files: ranges, conditions, pages for browsers.
    private func http(_ place: Place, _ token: String) {
        let access = "Authorization: Bearer \(token)\r\n"
        let whole = place.ask("GET", "/maps/1", access)
        #expect(
            whole.status == 200 && whole.body == "output\n" && whole.head.contains("x-content-type-options: nosniff"))
        let tag =
            whole.head.split(separator: "\r\n").first { $0.hasPrefix("etag: ") }.map { String($0.dropFirst(6)) } ?? ""
        #expect(place.ask("GET", "/maps/1", access + "If-None-Match: \(tag)\r\n").status == 304)
        let head = place.ask("HEAD", "/maps/1", access)
        #expect(head.status == 200 && head.body.isEmpty && head.head.contains("content-length: 7"))
        let part = place.ask("GET", "/maps/1", access + "Range: bytes=2-3\r\n")
        #expect(part.status == 206 && part.body == "tp" && part.head.contains("content-range: bytes 2-3/7"))
        #expect(place.ask("GET", "/maps/1", access + "Range: bytes=2-3\r\nIf-Range: \"old\"\r\n").body == "output\n")
        #expect(place.ask("GET", "/maps/1", access + "Range: bytes=7-\r\n").status == 416)
        #expect(place.ask("GET", "/maps/1?offset=2&length=3", access).body == "tpu")
        #expect(place.ask("GET", "/maps/1?offset=-2", access).body == "t\n")
        let download = place.ask("GET", "/maps/1?download", access)
        #expect(download.head.contains("content-disposition: attachment; filename=\"1\""))
        // The head of this one is gone: what is asked of it does not exist, what is left keeps its place.
        #expect(place.ask("GET", "/stdout", access + "Range: bytes=0-99\r\n").status == 416)
        let last = place.ask("GET", "/stdout", access + "Range: bytes=-6\r\n")
        #expect(last.body == "50000\n" && last.head.contains("content-range: bytes 4999994-4999999/5000000"))
        let page = place.ask("GET", "?token=\(token)", "Accept: text/html\r\n")
        #expect(page.status == 200 && page.head.contains("content-type: text/html"))
        #expect(page.body.contains("/maps?token=") && page.head.contains("content-security-policy: default-src 'none'"))
        let runs = place.ask("GET", "?runs", access)
        #expect(runs.status == 200 && runs.body.hasPrefix("[{\"run\":\""))
        #expect(place.ask("POST", "/maps/1", access + "Content-Length: 0\r\n").status == 405)
    }
}
