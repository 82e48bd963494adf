import Model
import Testing

@testable import Isolation

/// JSON from strangers.
struct JSONTests {
    private func read(_ text: String) throws -> JSONValue { try JSONValue(Array(text.utf8)) }

    @Test("Values of all kinds are read")
    func values() throws {
        let value = try self.read(#" {"a": [1, -2.5e1, true, false, null], "b": {"c": "x\n\u00e9\ud83e\udda9"}} "#)
        #expect(value["a"]?.items == [.number(1), .number(-25), .bool(true), .bool(false), .null])
        #expect(value["b"]?["c"]?.text == "x\né🦩")
        #expect(try self.read("[]") == .array([]))
        #expect(try self.read("{}") == .object([:]))
        #expect(try self.read("12").count == 12)
        #expect(try self.read("1.5").count == nil)
        #expect(try self.read("1e300").count == nil)
        #expect(try self.read(#"["a", 1]"#).texts == nil)
    }

    @Test(
        "What is no JSON is an error that says where",
        arguments: [
            "", "{", "[1,]", "{\"a\"}", "{\"a\":1,}", "tru", "\"a", "\"\\x\"", "\"\\ud83e\"", "\"\\u12", "\"\\u+123\"",
            "1 2", "nan", "1e999", "\"\u{1}\"", "[1 2]", "{1:2}",
        ])
    func malformed(text: String) {
        let error = #expect(throws: JSONValue.Malformed.self) { try self.read(text) }
        #expect(error?.description.contains("at byte") == true)
    }

    @Test("Bytes that are no UTF-8, and nesting without end, are refused")
    func hostile() {
        #expect(throws: JSONValue.Malformed.self) { try JSONValue([0x22, 0xff, 0x22]) }
        let deep = Bytes(repeating: UInt8(ascii: "["), count: 1 << 20)
        #expect(throws: JSONValue.Malformed.self) { try JSONValue(deep) }
        let allowed = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
        #expect(throws: Never.self) { try self.read(allowed) }
    }
}

/// Image layouts as they may be found.
struct OCIImageTests {
    private static let (a, b, c, d) = (
        String(repeating: "a", count: 64), String(repeating: "b", count: 64), String(repeating: "c", count: 64),
        String(repeating: "d", count: 64)
    )
    private static let layerType = "application/vnd.oci.image.layer.v1.tar+gzip"

    /// A layout of one image: its index, manifest (blob a) and config (blob b), with two layers (c, d).
    private func layout(_ changes: [String: String] = [:]) -> [String: String] {
        let files = [
            "oci-layout": #"{"imageLayoutVersion": "1.0.0"}"#,
            "index.json": #"{"manifests": [\#(self.entry(Self.a))]}"#,
            "blobs/sha256/\(Self.a)":
                #"{"config": \#(self.entry(Self.b)), "layers": [\#(self.layer(Self.c)), \#(self.layer(Self.d))]}"#,
            "blobs/sha256/\(Self.b)": """
            {"config": {"Env": ["PATH=/bin", "A=b=c"], "Entrypoint": ["/bin/e"], "Cmd": ["x"], "WorkingDir": "/w",
            "User": "12:34"}}
            """,
        ]
        return files.merging(changes) { _, new in new }
    }

    private func entry(_ hex: String, _ more: String = "") -> String {
        #"{"mediaType": "m", "digest": "sha256:\#(hex)", "size": 1\#(more)}"#
    }

    private func layer(_ hex: String, type: String = layerType) -> String {
        #"{"mediaType": "\#(type)", "digest": "sha256:\#(hex)", "size": 5}"#
    }

    private func image(_ files: [String: String], _ reference: String? = nil) throws -> OCIImage {
        try OCIImage(reference: reference, architecture: "amd64") { name, _ throws(ImageError) in
            guard let text = files[name] else { throw ImageError("\(name) is missing") }
            return Array(text.utf8)
        }
    }

    private func complaint(_ changes: [String: String], _ reference: String? = nil) -> String {
        do {
            _ = try self.image(self.layout(changes), reference)
            return "none"
        } catch { return "\(error)" }
    }

    @Test("Layers and what the config says of running it are found")
    func whole() throws {
        let image = try self.image(self.layout())
        #expect(image.layers.map(\.digest.hex) == [Self.c, Self.d])
        #expect(image.config.environment == ["PATH": "/bin", "A": "b=c"])
        #expect(image.config.entrypoint == ["/bin/e"])
        #expect(image.config.arguments == ["x"])
        #expect(image.config.directory == "/w")
        #expect(image.config.user == "12:34")
    }

    @Test("Of several images one is chosen by name, or by what the machine is")
    func choice() throws {
        func index(_ entries: String...) -> [String: String] {
            ["index.json": #"{"manifests": [\#(entries.joined(separator: ", "))]}"#]
        }
        func named(_ hex: String, _ name: String) -> String {
            self.entry(hex, #", "annotations": {"org.opencontainers.image.ref.name": "\#(name)"}"#)
        }
        func platform(_ hex: String, _ name: String) -> String {
            self.entry(hex, #", "platform": {"os": "linux", "architecture": "\#(name)"}"#)
        }
        let names = index(named(Self.d, "v1"), named(Self.a, "v2"))
        #expect(try self.image(self.layout(names), "v2").layers.count == 2)
        #expect(self.complaint(names, "v3").contains("no image with the name \"v3\""))
        #expect(self.complaint(names).contains("none of them for linux/amd64"))
        let machines = index(platform(Self.d, "arm64"), platform(Self.a, "amd64"))
        #expect(try self.image(self.layout(machines)).layers.count == 2)
        #expect(self.complaint(index(platform(Self.a, "amd64"), platform(Self.a, "amd64"))).contains("name one"))
        let nested = index(self.entry(Self.c))
            .merging(["blobs/sha256/\(Self.c)": index(platform(Self.a, "amd64"))["index.json"]!]) { $1 }
        #expect(try self.image(self.layout(nested)).layers.count == 2)
        let endless = index(self.entry(Self.c))
            .merging(["blobs/sha256/\(Self.c)": index(self.entry(Self.c))["index.json"]!]) { $1 }
        #expect(self.complaint(endless).contains("in one another"))
    }

    @Test("What is not as it should be is named")
    func mistakes() {
        let manifest = "blobs/sha256/\(Self.a)", config = "blobs/sha256/\(Self.b)"
        func layers(_ list: String) -> [String: String] {
            [manifest: #"{"config": \#(self.entry(Self.b)), "layers": [\#(list)]}"#]
        }
        let cases: [([String: String], String)] = [
            (["oci-layout": #"{"imageLayoutVersion": "2.0"}"#], "no version 1"), (["oci-layout": "x"], "no JSON"),
            (["index.json": "{}"], "lists no images"), (["index.json": #"{"manifests": [{}]}"#], "without type"),
            (["index.json": #"{"manifests": [\#(self.entry("../../../etc/passwd"))]}"#], "no digest"),
            (["index.json": #"{"manifests": [\#(self.entry(Self.a.uppercased()))]}"#], "no digest"),
            ([manifest: #"{"layers": []}"#], "no config"), (layers(""), "0 layers"),
            (layers(Array(repeating: self.layer(Self.c), count: 101).joined(separator: ",")), "101 layers"),
            (layers(self.layer(Self.c, type: "application/wasm")), "application/wasm"),
            ([config: #"{"config": {"Env": ["x"]}}"#], "no NAME=VALUE"),
            ([config: #"{"config": {"Cmd": 1}}"#], "no list"),
            ([config: #"{"config": {"WorkingDir": "/a/../b"}}"#], "WorkingDir"), ([config: "[["], "no JSON"),
        ]
        for (changes, complaint) in cases {
            #expect(self.complaint(changes).contains(complaint), "\(self.complaint(changes)) for \(complaint)")
        }
    }
}

struct ImageUsersTests {
    private let users = ImageUsers { name in
        name == "passwd"
            ? "root:x:0:0::/root:/bin/sh\nweb:x:33:44::/:/bin/false\nbroken\nodd:x:many:1::/:\n"
            : "www:x:44:\nlogs:x:45:root,web\nmore:x:46:webmaster\n"
    }

    @Test(
        "Users and groups are found by name and by number; a group that is named stands alone",
        arguments: [
            ("web", 33, 44, [44, 45]), ("33", 33, 44, [44, 45]), ("web:logs", 33, 45, [45]), ("web:7", 33, 7, [7]),
            ("5", 5, 0, [0]), ("5:www", 5, 44, [44]), ("12:34", 12, 34, [34]),
        ] as [(String, UInt32, UInt32, [UInt32])])
    func found(text: String, uid: UInt32, gid: UInt32, groups: [UInt32]) throws {
        #expect(try self.users.find(text) == .init(uid: uid, gid: gid, groups: groups))
    }

    @Test(
        "A name that the image does not know is not guessed at, and is said",
        arguments: [
            ("www", "\"www\""), ("web:none", "\"none\""), ("1:none", "\"none\""), ("-1", "\"-1\""), ("odd", "\"odd\""),
            ("4294967295", "\"4294967295\""), ("99999999999", "\"99999999999\""), ("web:", "\"\""), (":www", "\"\""),
        ])
    func unknown(text: String, name: String) {
        let error = #expect(throws: ImageError.self) { _ = try self.users.find(text) }
        #expect(error?.description.contains(name) == true)
    }

    @Test("Numbers alone need no files")
    func numbers() throws {
        let users = ImageUsers { (_) throws(ImageError) in throw ImageError("unreadable") }
        #expect(try users.find("1:2") == .init(uid: 1, gid: 2, groups: [2]))
        #expect(throws: ImageError("unreadable")) { _ = try users.find("web") }
    }
}

struct ImageCacheTests {
    @Test("What was unused for longest goes first, and what is in use stays")
    func order() {
        var cache = ImageCache(limit: 100)
        for key in ["a", "b", "c"] { cache.add(key, bytes: 40) }
        cache.pin("a", by: 1)
        #expect(cache.evict() == ["b"])
        #expect(cache.bytes == 80)
        #expect(cache.evict(toAdd: 60) == ["c"])
        #expect(cache.evict(toAdd: 1000) == [])
        cache.release(1)
        #expect(cache.evict(toAdd: 61) == ["a"])
        #expect(cache.bytes == 0 && !cache.contains("a"))
    }

    @Test("A layer is in use as long as one of its users is left, and counts as used then")
    func users() {
        var cache = ImageCache(limit: 50)
        cache.add("a", bytes: 40)
        cache.pin("a", by: 1)
        cache.pin("a", by: 2)
        cache.add("b", bytes: 40)
        cache.release(1)
        #expect(cache.evict() == ["b"])
        cache.release(2)
        cache.add("c", bytes: 40)
        cache.pin("a", by: 3)
        cache.release(3)
        #expect(cache.evict() == ["c"])
    }
}

struct VolumePlaceTests {
    private func place(_ path: String, _ directories: [String]) -> String {
        do {
            let (base, rest) = try ContainerView.place(of: path, in: directories)
            return "\(base) + \(rest)"
        } catch { return "\(error)" }
    }

    @Test("A volume lies in the deepest of the directories that are allowed")
    func places() {
        #expect(self.place("/srv/data/a", ["/srv", "/srv/data"]) == "/srv/data + a")
        #expect(self.place("/srv", ["/srv/"]) == "/srv/ + ")
        #expect(self.place("//srv/./a//b", ["/srv"]) == "/srv + a/b")
        #expect(self.place("/etc", ["/"]) == "/ + etc")
    }

    @Test("One beside them is refused, with what to do")
    func refusals() {
        #expect(self.place("/srv", []).contains("--volume-dirs"))
        for path in ["/srv2", "/", "/srv/../etc", "/data"] {
            #expect(self.place(path, ["/srv"]).contains("in none of the directories"), "\(path)")
        }
    }
}
