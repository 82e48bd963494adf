import Isolation
import Model
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

@Suite struct SandboxTests {
    private static func withSandbox(_ body: (String, SandboxFiles) async throws -> Void) async throws {
        var template = Array("/tmp/meseta-sandbox-XXXXXX".utf8CString)
        let directory = String(cString: mkdtemp(&template))
        defer { remove(directory) }
        for path in ["box", "box/tasks", "box/tasks/t.1", "box/tasks/t.1/sub"] { mkdir("\(directory)/\(path)", 0o755) }
        Self.write("secret", to: directory + "/secret")
        Self.write("0123456789", to: directory + "/box/tasks/t.1/stdout")
        try await body(directory, SandboxFiles(root: directory + "/box"))
    }

    private static func write(_ text: String, to path: String) {
        let file = open(path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        _ = Glibc.write(file, text, text.utf8.count)
        close(file)
    }

    @Test("A directory is listed and pieces of a file are read")
    func reading() async throws {
        try await Self.withSandbox { _, files in
            let entries = try files.list(["tasks", "t.1"])
            #expect(entries.map(\.name) == ["stdout", "sub"])
            #expect(entries.map(\.kind) == [.file, .directory])
            #expect(entries[0].size == 10)
            #expect(entries.json.hasPrefix(#"[{"name":"stdout","kind":"file","size":10,"modified":"#))
            let piece = try files.read(["tasks", "t.1", "stdout"], offset: 3, length: 4)
            #expect(piece.bytes == Array("3456".utf8))
            #expect(piece.size == 10)
            #expect(try files.read(["tasks", "t.1", "stdout"], offset: -3, length: 100).bytes == Array("789".utf8))
            #expect(try files.read(["tasks", "t.1", "stdout"], offset: 50, length: 100).bytes == [])
        }
    }

    @Test("No path leads out of a sandbox: not by dots, not by links, not by what is no file")
    func escapes() async throws {
        try await Self.withSandbox { directory, files in
            let sandbox = directory + "/box/tasks/t.1"
            symlink(directory + "/secret", sandbox + "/absolute")
            symlink("../../../secret", sandbox + "/relative")
            symlink(directory, sandbox + "/directory")
            symlink("stdout", sandbox + "/inside")
            symlink("../../../../secret", sandbox + "/sub/out")
            mkfifo(sandbox + "/pipe", 0o600)
            let paths = [
                ["..", "secret"], ["tasks", "t.1", "..", "..", "..", "secret"], ["", "secret"], ["."], ["/etc/passwd"],
                ["tasks/../../secret"], ["tasks", "t.1", "a\0b"], ["tasks", "t.1", "absolute"],
                ["tasks", "t.1", "relative"],
                ["tasks", "t.1", "directory", "secret"], ["tasks", "t.1", "inside"], ["tasks", "t.1", "sub", "out"],
                ["tasks", "t.1", "pipe"], ["tasks", "t.1", "sub"], ["tasks", "t.1", "nothing"],
                ["tasks", "t.1", "stdout", "below"],
            ]
            for path in paths {
                #expect(throws: SandboxFileError.self) { try files.read(path, offset: 0, length: 100) }
                #expect(throws: SandboxFileError.self) { try files.list(path + ["x"]) }
            }
            let entries = try files.list(["tasks", "t.1"])
            #expect(entries.first { $0.name == "absolute" }?.kind == .other)
        }
    }

    @Test("The runs of a task are its own, in the order of their numbers")
    func runs() async throws {
        try await Self.withSandbox { directory, files in
            for name in ["t.20", "t.3", "t.x.4", "tt.5", "t.06", "t."] {
                mkdir("\(directory)/box/tasks/\(name)", 0o755)
            }
            Self.write("", to: directory + "/box/tasks/t.7")
            symlink(directory, directory + "/box/tasks/t.8")
            let own = try files.runs(named: "t", in: ["tasks"]), dotted = try files.runs(named: "t.x", in: ["tasks"])
            #expect(own.map(\.run) == [1, 3, 20] && dotted.map(\.run) == [4])
            for (name, place) in [("u", "tasks"), ("t", "executors")] {
                #expect(try files.runs(named: name, in: [place]).isEmpty)
            }
        }
    }

    @Test("A request names a framework, a task or executor, and a path")
    func requests() throws {
        let request = try #require(
            SandboxRequest(target: "/sandbox/1-F2/a%2Fb/dir/out%20put?offset=-5&length=7&follow"))
        #expect(request.framework == "1-F2")
        #expect(request.name == "a/b")
        #expect(request.path == ["dir", "out put"])
        #expect(request.offset == -5)
        #expect(request.length == 7)
        #expect(request.follows)
        let top = try #require(SandboxRequest(target: "/sandbox/F/t"))
        #expect(top.path.isEmpty && !top.follows && top.length == nil)
        for target in [
            "/sandbox/F", "/metrics", "/sandbox/F/t?offset=x", "/sandbox/F/%zz", "/sandbox/F/t?length=-1",
            "/sandbox/F/%ff",
        ] {
            #expect(SandboxRequest(target: target) == nil)
        }
    }
}
