import Model
import Testing

@testable import Isolation

/// What is decided before anything is fetched.
@Suite struct FetchPlanTests {
    private static func item(_ uri: CommandInfo.URI, clients: [FetchClient] = []) throws -> FetchItem {
        try #require(try FetchPlan.items([uri], clients: clients).first)
    }

    @Test("Who reads a URI, and what it is called in the sandbox")
    func sources() throws {
        let page = try Self.item(.init(value: "HTTPS://host/dir/tool?x=1/2#top"))
        #expect(page.source == .http("HTTPS://host/dir/tool?x=1/2#top") && page.name == "tool")
        #expect(try Self.item(.init(value: "/opt/a b")).source == .file("/opt/a b"))
        for uri in ["file:///opt/a%20b", "file://localhost/opt/a%20b", "file:/opt/a%20b"] {
            let item = try Self.item(.init(value: uri, cache: true))
            #expect(item.source == .file("/opt/a b") && item.name == "a b" && !item.isCached)
        }
        let client = try FetchClient("HDFS=hadoop fs -copyToLocal {uri} {path}")
        let item = try Self.item(.init(value: "hdfs://n/p/x", cache: true), clients: [client])
        #expect(item.source == .client(client) && item.isCached && item.name == "x")
        #expect(
            client.arguments(uri: "hdfs://n/$(x)", path: "/s/p q") == [
                "hadoop", "fs", "-copyToLocal", "hdfs://n/$(x)", "/s/p q",
            ])
        #expect(try Self.item(.init(value: "http://h/x", outputFile: "d/e")).name == "d/e")
    }

    @Test(
        "What cannot be fetched is refused before anything is",
        arguments: [
            ("relative/path", nil, "begins with a slash"), ("hdfs://n/x", nil, "no client for hdfs"),
            ("http://host", nil, "output_file"), ("http://host/", nil, "output_file"),
            ("http://host/..", nil, "output_file"),
            ("file://other/x", nil, "file:///path"), ("file:////x", nil, "file:///path"),
            ("http://h/stdout", nil, "output"),
            ("http://h/x\n", nil, "control character"), ("http://h/x", "/etc/x", "no path within"),
            ("http://h/x", "a/../../x", "no path within"), ("http://h/x", "a//b", "no path within"),
            ("http://h/stderr.gz", nil, "output"),
            ("http://h/" + String(repeating: "x", count: 9000), "x", "longer than"),
        ] as [(String, String?, String)])
    func refused(uri: String, output: String?, why: String) {
        let error = #expect(throws: FetchError.self) { try Self.item(.init(value: uri, outputFile: output)) }
        #expect(error?.description.contains(why) == true, "\(error?.description ?? "")")
    }

    @Test("Two that would have one name are refused, also if one comes out of an archive")
    func twice() {
        for pair in [["http://h/x", "http://i/x"], ["http://h/x.gz", "http://i/x"]] {
            let error = #expect(throws: FetchError.self) {
                try FetchPlan.items(pair.map { .init(value: $0) }, clients: [])
            }
            #expect(error?.description.contains("both be x") == true)
        }
    }

    @Test("Archives are known by their names; what is executable is none")
    func archives() throws {
        for name in ["a.tar", "a.TGZ", "a.tar.gz", "a.tbz2", "a.tar.bz2", "a.txz", "a.tar.xz", "a.tar.zst"] {
            #expect(try Self.item(.init(value: "/x/" + name)).archive == .tar)
        }
        #expect(try Self.item(.init(value: "/x/a.zip")).archive == .zip)
        #expect(try Self.item(.init(value: "/x/a.gz")).archive == .gzip(output: "a"))
        for name in ["a", "a.jar", ".gz", "tar"] { #expect(try Self.item(.init(value: "/x/" + name)).archive == nil) }
        #expect(try Self.item(.init(value: "/x/a.tar", executable: true)).archive == nil)
        #expect(try Self.item(.init(value: "/x/a.tar", extract: false)).archive == nil)
    }

    @Test("A password is for the server alone")
    func passwords() {
        #expect(FetchPlan.shown("http://me:secret@host/a@b") == "http://***@host/a@b")
        #expect(FetchPlan.shown("http://host/a@b") == "http://host/a@b")
        #expect(FetchPlan.shown("/a@b") == "/a@b")
    }

    @Test("What may work later is tried again, with what is there if the server has the same")
    func verdicts() {
        #expect(FetchVerdict.of(curl: 0, http: 200, message: "") == .done)
        for (code, http) in [(22, 503), (22, 429), (22, 408), (18, 200), (7, 0), (28, 200), (56, 0)] {
            #expect(
                FetchVerdict.of(curl: Int32(code), http: http, message: "m") == .again(reason: "m", keepsPart: true))
        }
        for (code, http) in [(33, 200), (22, 416)] {
            #expect(
                FetchVerdict.of(curl: Int32(code), http: http, message: "m") == .again(reason: "m", keepsPart: false))
        }
        for (code, http) in [(22, 404), (22, 403), (3, 0), (1, 302), (23, 200), (60, 0)] {
            #expect(
                FetchVerdict.of(curl: Int32(code), http: http, message: "")
                    == .failed(reason: "curl ended with \(code)"))
        }
    }

    @Test("curl is told on its input, and nothing in a URL is an instruction")
    func configuration() {
        let text = CurlConfiguration(
            url: "http://h/a\"\\b", output: "x", resuming: "\"v\"", patience: .seconds(60)
        ).text
        #expect(text.hasPrefix("url = \"http://h/a\\\"\\\\b\"\noutput = \"x\"\n"))
        #expect(text.contains("header = \"If-Range: \\\"v\\\"\"\n") && text.contains("continue-at"))
        let answer = CurlConfiguration.Answer("\n@meseta 503 \"tag\"\ncurl: (22) error: 503\n")
        #expect(answer.status == 503 && answer.tag == "\"tag\"" && answer.message == "curl: (22) error: 503")
        #expect(CurlConfiguration.Answer("@meseta 200 W/\"weak\"").tag == nil)
        #expect(CurlConfiguration.Answer("@meseta 000").status == 0)
    }

    @Test("A client has a scheme, a program, and a place for the URI and for the file")
    func clients() {
        for text in [
            "hdfs", "hdfs=", "=x {uri} {path}", "h d=x {uri} {path}", "http=x {uri} {path}", "s3=aws cp {uri}",
        ] {
            #expect(throws: FetchClient.Invalid.self) { try FetchClient(text) }
        }
    }

    @Test("A checksum is an algorithm and all of its digits")
    func checksums() {
        let digits = String(repeating: "aF", count: 32)
        #expect(Checksum("sha256:" + digits)?.digits == digits.lowercased())
        #expect(Checksum("sha512:" + digits + digits) != nil)
        for text in [
            "", "sha256", "sha256:" + digits.dropLast(), "sha512:" + digits, "md5:" + digits,
            "sha256:" + digits.dropLast() + "g",
        ] {
            #expect(Checksum(text) == nil)
        }
    }
}

/// Which file of the cache is whose, and which goes.
@Suite struct FetchCacheTests {
    private static func key(_ name: String, user: UInt32 = 0, groups: [UInt32] = []) -> FetchCache.Key {
        .init(user: .init(uid: user, gid: user, groups: groups), uri: name, checksum: nil)
    }

    @Test("One downloads, others wait for it, and use what it got; another user, or one with other groups, does not")
    func shared() {
        var cache = FetchCache(limit: 100)
        #expect(cache.ask(Self.key("a")) == .download(file: 1))
        #expect(cache.ask(Self.key("a")) == .wait)
        #expect(cache.ask(Self.key("a", user: 1)) == .download(file: 2))
        #expect(cache.ask(Self.key("a", groups: [7])) == .download(file: 3))
        #expect(cache.downloaded(Self.key("a"), bytes: 60) == [])
        #expect(cache.ask(Self.key("a")) == .use(file: 1))
        cache.failed(Self.key("a", user: 1))
        #expect(cache.ask(Self.key("a", user: 1)) == .download(file: 4))
    }

    @Test("Of too many those go that were not used for the longest time, and none that is used")
    func eviction() {
        var cache = FetchCache(limit: 100)
        for name in ["a", "b", "c"] {
            guard case .download = cache.ask(Self.key(name)) else { return #expect(Bool(false)) }
            #expect(cache.downloaded(Self.key(name), bytes: 40) == [])
        }
        // Beyond the limit, but all are used.
        #expect(cache.bytes == 120)
        #expect(cache.release(Self.key("b")) == [2])
        #expect(cache.release(Self.key("a")) == [] && cache.release(Self.key("c")) == [])
        #expect(cache.ask(Self.key("a")) == .use(file: 1) && cache.release(Self.key("a")) == [])
        #expect(cache.ask(Self.key("d")) == .download(file: 4))
        #expect(cache.downloaded(Self.key("d"), bytes: 30) == [3])
        #expect(cache.bytes == 70)
    }

    @Test("One that is larger than the cache serves whoever wanted it, and goes")
    func large() {
        var cache = FetchCache(limit: 10)
        #expect(cache.ask(Self.key("a")) == .download(file: 1))
        #expect(cache.downloaded(Self.key("a"), bytes: 50) == [])
        #expect(cache.ask(Self.key("a")) == .use(file: 1))
        #expect(cache.release(Self.key("a")) == [] && cache.release(Self.key("a")) == [1])
        #expect(cache.bytes == 0 && cache.ask(Self.key("a")) == .download(file: 2))
    }
}
