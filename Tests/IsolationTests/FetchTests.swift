import Isolation
import Model
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What commands want in their sandboxes: with real programs, files and connections.
@Suite(.serialized) struct FetchTests {
    private static let content = Array((0..<50_000).map { "line \($0)\n" }.joined().utf8)

    private static var settings: FetchSettings {
        var settings = FetchSettings()
        settings.pause = .milliseconds(10)
        return settings
    }

    /// A container that wants something, and shows what it got.
    private static func spec(
        _ bench: Bench, _ run: RunID, _ uris: [CommandInfo.URI], _ script: String, user: String? = nil
    ) -> ContainerSpec {
        var command = CommandInfo(shell: script)
        command.uris = uris
        return bench.spec(run, command, user: user)
    }

    /// What the script wrote, once it has ended well.
    private static func output(
        _ bench: Bench, _ run: RunID, _ uris: [CommandInfo.URI], _ script: String, user: String? = nil
    ) async throws -> String {
        let spec = Self.spec(bench, run, uris, script, user: user)
        try await bench.order { $0.launch(spec) }
        let event = try await bench.next(run)
        guard case .started = event else {
            Issue.record("\(event)")
            return ""
        }
        #expect(try await bench.exit(run).code == 0, "\(bench.file(run, "stderr"))")
        return bench.file(run, "stdout")
    }

    /// Why nothing was started.
    private static func failure(
        _ bench: Bench, _ run: RunID, _ uris: [CommandInfo.URI], user: String? = nil
    ) async throws -> String {
        let spec = Self.spec(bench, run, uris, "echo started", user: user)
        try await bench.order { $0.launch(spec) }
        let event = try await bench.next(run)
        guard case .launchFailed(_, let message) = event else {
            Issue.record("\(event)")
            return ""
        }
        #expect(bench.file(run, "stdout") == "")
        return message
    }

    private static func shell(_ script: String, _ directory: String) -> Int32 {
        system("cd \(directory) && { \(script); } >/dev/null 2>&1")
    }

    @Test("Files of the machine and of a server are in the sandbox before the command starts, as they are wanted")
    func plain() async throws {
        let server = FetchServer(["data": .serves(Self.content), "empty": .serves([]), "hop": .redirects(to: "/data")])
        defer { server.stop() }
        try await Bench.run(fetch: Self.settings) { bench in
            #expect(Self.shell("printf '#!/bin/sh\\necho tool \"$@\"\\n' > tool; chmod 644 tool", bench.directory) == 0)
            let uris: [CommandInfo.URI] = [
                .init(value: server.url("data?x=/y")), .init(value: server.url("empty")),
                .init(value: server.url("hop"), outputFile: "dir/sub/hop"),
                .init(value: bench.directory + "/tool", executable: true),
                .init(value: "file://" + bench.directory + "/tool", outputFile: "plain"),
            ]
            let script =
                "wc -c < data; wc -c < empty; cmp data dir/sub/hop && ./tool 1; test -x plain || echo no; ls -A"
            let output = try await Self.output(bench, 1, uris, script)
            let size = Self.content.count
            #expect(output == "\(size)\n0\ntool 1\nno\ndata\ndir\nempty\nplain\nstderr\nstdout\ntool\n")
        }
    }

    @Test("Archives are unpacked beside themselves, whatever packed them, unless they are wanted as they are")
    func archives() async throws {
        try await Bench.run(fetch: Self.settings) { bench in
            let pack = """
                mkdir in && echo one > in/a && echo two > in/b && chmod 4755 in/b && tar cf t.tar in && tar czf t.tgz in \
                && tar cjf t.tar.bz2 in && tar cJf t.txz in && gzip -k in/a && mv in/a.gz single.gz \
                && python3 -c 'import shutil; shutil.make_archive("t", "zip", ".", "in")'
                """
            #expect(Self.shell(pack, bench.directory) == 0)
            for (index, name) in ["t.tar", "t.tgz", "t.tar.bz2", "t.txz", "t.zip"].enumerated() {
                let uris = [CommandInfo.URI(value: "\(bench.directory)/\(name)")]
                let script = "cat in/a in/b; test -u in/b && echo setuid; test -f \(name) && echo there"
                let output = try await Self.output(bench, RunID(index + 1), uris, script)
                #expect(output == "one\ntwo\nthere\n", "\(name)")
            }
            let single = CommandInfo.URI(value: bench.directory + "/single.gz")
            #expect(try await Self.output(bench, 10, [single], "cat single") == "one\n")
            let kept = CommandInfo.URI(value: bench.directory + "/t.tar", extract: false)
            #expect(try await Self.output(bench, 11, [kept], "test -e in || echo packed") == "packed\n")
        }
    }

    @Test("An archive that leads out of the sandbox is refused, and so is one that is none")
    func hostileArchives() async throws {
        try await Bench.run(fetch: Self.settings) { bench in
            let pack = """
                import io, tarfile
                for name, path in (('up.tar', '../../../escaped'), ('abs.tar', '\(bench.directory)/escaped')):
                    with tarfile.open(name, 'w') as tar:
                        info = tarfile.TarInfo(path)
                        info.size = 4
                        tar.addfile(info, io.BytesIO(b'evil'))
                with tarfile.open('link.tar', 'w') as tar:
                    link = tarfile.TarInfo('x')
                    link.type, link.linkname = tarfile.SYMTYPE, '\(bench.directory)'
                    tar.addfile(link)
                    info = tarfile.TarInfo('x/escaped')
                    info.size = 4
                    tar.addfile(info, io.BytesIO(b'evil'))
                open('no.tar', 'w').write('this is no archive')
                """
            #expect(Self.shell("cat > pack.py <<'END'\n\(pack)\nEND\npython3 pack.py", bench.directory) == 0)
            for (index, name) in ["up.tar", "link.tar", "no.tar"].enumerated() {
                let message = try await Self.failure(
                    bench, RunID(index + 1), [.init(value: "\(bench.directory)/\(name)")])
                #expect(message.contains("\(name) cannot be unpacked: "), "\(message)")
            }
            // Stripped of its first slash it stays inside.
            let absolute = CommandInfo.URI(value: bench.directory + "/abs.tar")
            #expect(try await Self.output(bench, 9, [absolute], "cat .\(bench.directory)/escaped") == "evil")
            #expect(access(bench.directory + "/escaped", F_OK) != 0)
        }
    }

    @Test("A download that breaks off goes on where it was, if the server has the same, and else begins anew")
    func resuming() async throws {
        let server = FetchServer([
            "cut": .cuts(Self.content, times: 2), "changes": .cuts(Self.content, times: 1, isConstant: false),
            "forgets": .cutsAndForgets(Self.content), "busy": .refuses(status: 503, times: 2, Self.content),
        ])
        defer { server.stop() }
        try await Bench.run(fetch: Self.settings) { bench in
            for (index, path) in ["cut", "changes", "forgets", "busy"].enumerated() {
                let uris = [CommandInfo.URI(value: server.url(path))]
                let output = try await Self.output(bench, RunID(index + 1), uris, "wc -c < \(path); tail -n 1 \(path)")
                #expect(output == "\(Self.content.count)\nline 49999\n", "\(path)")
            }
            let ranges = server.requests("cut").map { $0.range != nil }
            #expect(ranges == [false, true, true])
            #expect(server.requests("busy").count == 3)
        }
    }

    @Test("What cannot be fetched fails the launch, and the message says which URI and why")
    func failures() async throws {
        let server = FetchServer([
            "down": .refuses(status: 500, times: 1000, []), "local": .redirects(to: "file:///etc/passwd"),
            "data": .serves(Self.content),
        ])
        defer { server.stop() }
        try await Bench.run(fetch: Self.settings) { bench in
            func expect(_ run: RunID, _ uri: String, _ parts: [String], user: String? = nil) async throws {
                let message = try await Self.failure(
                    bench, run, [.init(value: server.url("data")), .init(value: uri)], user: user)
                #expect(
                    parts.allSatisfy { message.contains($0) } && message.contains("cannot be fetched"), "\(message)")
            }
            try await expect(1, server.url("nothing"), [server.url("nothing"), "404"])
            try await expect(2, server.url("down"), ["500", "tried 5 times"])
            try await expect(3, server.url("local"), ["file"])
            try await expect(4, "http://127.0.0.1:1/x", ["tried 5 times"])
            try await expect(5, bench.directory + "/none", ["No such file"])
            try await expect(6, bench.directory, ["cp"])
            try await expect(7, "s3://bucket/x", ["no client for s3", "--fetch-client"])
            #expect(server.requests("nothing").count == 1)
            if isRoot {
                #expect(Self.shell("echo secret > secret && chmod 600 secret", bench.directory) == 0)
                try await expect(8, bench.directory + "/secret", ["Permission denied"], user: "nobody")
            }
        }
    }

    @Test("A checksum is met, or the launch fails")
    func checksums() async throws {
        try await Bench.run(fetch: Self.settings) { bench in
            #expect(Self.shell("printf abc > abc", bench.directory) == 0)
            let right = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
            let uri = { CommandInfo.URI(value: bench.directory + "/abc", checksum: $0) }
            #expect(try await Self.output(bench, 1, [uri(right)], "cat abc") == "abc")
            let wrong = "sha256:" + String(repeating: "0", count: 64)
            let message = try await Self.failure(bench, 2, [uri(wrong)])
            #expect(message.contains("abc is not what it should be") && message.contains(right), "\(message)")
            #expect(!names(bench.sandbox(2)).contains("abc"))
        }
    }

    @Test(
        "What is cached is downloaded once for all who want it, also at the same time, and goes when there is too much")
    func cache() async throws {
        let server = FetchServer(["a": .serves(Self.content), "b": .serves(Self.content)])
        defer { server.stop() }
        var settings = Self.settings
        settings.cacheSize = Int64(Self.content.count)
        try await Bench.run(fetch: settings) { bench in
            let a = CommandInfo.URI(value: server.url("a"), cache: true)
            let b = CommandInfo.URI(value: server.url("b"), cache: true)
            for run in RunID(1)...3 {
                let spec = Self.spec(bench, run, [a], "wc -c < a")
                try await bench.order { $0.launch(spec) }
            }
            for run in RunID(1)...3 {
                try await bench.started(run)
                #expect(try await bench.exit(run).code == 0)
                #expect(bench.file(run, "stdout") == "\(Self.content.count)\n")
            }
            #expect(server.requests("a").count == 1)
            #expect(try await Self.output(bench, 4, [b], "wc -c < b") == "\(Self.content.count)\n")
            #expect(names(bench.directory + "/fetch-cache").count == 1)
            #expect(try await Self.output(bench, 5, [a], "wc -c < a") == "\(Self.content.count)\n")
            #expect(server.requests("a").count == 2 && server.requests("b").count == 1)
            // Nobody else looks into it.
            var about = stat()
            #expect(stat(bench.directory + "/fetch-cache", &about) == 0 && about.st_mode & 0o777 == 0o700)
            guard isRoot else { return }
            #expect(
                try await Self.output(bench, 6, [a], "id -un; wc -c < a", user: "nobody")
                    == "nobody\n\(Self.content.count)\n")
            #expect(server.requests("a").count == 3)
        }
    }

    @Test("A scheme is read by the program that the operator names, without a shell")
    func clients() async throws {
        var settings = Self.settings
        settings.clients = try [
            "system=cp -T /proc/sys/kernel/ostype {path} --suffix={uri}", "store=cp {uri} {path}",
            "gone=no-such-client {uri} {path}",
        ].map { text throws in try FetchClient(text) }
        try await Bench.run(fetch: settings) { bench in
            #expect(try await Self.output(bench, 1, [.init(value: "system://x/$(id) y")], "cat '$(id) y'") == "Linux\n")
            let failed = try await Self.failure(bench, 2, [.init(value: "store://host/x")])
            #expect(failed.contains("store://host/x") && failed.contains("No such file"), "\(failed)")
            let missing = try await Self.failure(bench, 3, [.init(value: "gone://x/y")])
            #expect(missing.contains("no-such-client is missing"), "\(missing)")
        }
    }

    @Test(
        "What is cached is downloaded with the task's own rights, and kept only if it is a file of its user's",
        .enabled(if: isRoot))
    func rightsOfCached() async throws {
        var template = Array("/tmp/meseta-secret-XXXXXX".utf8CString)
        let directory = String(cString: mkdtemp(&template)), secret = directory + "/secret"
        defer { remove(directory) }
        #expect(Self.shell("chmod 755 . && echo secret > secret && chmod 600 secret", directory) == 0)
        var settings = Self.settings
        settings.clients = try [
            "copy=cp -T \(secret) {path} --suffix={uri}", "own=cp -T /proc/sys/kernel/ostype {path} --suffix={uri}",
            "link=ln -s -T \(secret) {path} --suffix={uri}", "pipe=mkfifo {path} --context={uri}",
        ].map { text throws in try FetchClient(text) }
        try await Bench.run(fetch: settings) { bench in
            let kept = bench.directory + "/fetch-cache"
            for (run, scheme, complaint) in [
                (1, "copy", "Permission denied"), (2, "link", "cannot be kept"), (3, "pipe", "cannot be kept"),
            ] as [(RunID, String, String)] {
                let uri = CommandInfo.URI(value: "\(scheme)://x/file", cache: true)
                let message = try await Self.failure(bench, run, [uri], user: "nobody")
                #expect(message.contains(complaint), "\(message)")
                #expect(names(kept).isEmpty)
            }
            let uri = CommandInfo.URI(value: "own://x/file", cache: true)
            for run in RunID(4)...5 {
                #expect(
                    try await Self.output(bench, run, [uri], "cat file; rm file", user: "nobody") == "Linux\n")
            }
            var about = stat()
            #expect(names(kept).count == 1)
            #expect(stat("\(kept)/\(names(kept).first ?? "")", &about) == 0)
            #expect(about.st_uid == 0 && about.st_mode & 0o777 == 0o400)
        }
    }

    @Test("A kill ends a fetch at once, with its programs, and others do not wait for it")
    func kills() async throws {
        let server = FetchServer(["stalls": .stalls])
        defer { server.stop() }
        var settings = Self.settings
        settings.concurrency = 1
        try await Bench.run(fetch: settings) { bench in
            for run in RunID(1)...2 {
                let spec = Self.spec(bench, run, [.init(value: server.url("stalls"))], "echo started")
                try await bench.order { $0.launch(spec) }
            }
            try await eventually { server.requests("stalls").count == 1 }
            // A launch that fetches nothing.
            #expect(try await bench.result(3, "echo quick").output == "quick\n")
            // One that has begun, and one that waits for it; by the signal of a kill, and by force.
            try await bench.order { $0.signal(1, SIGTERM) }
            try await bench.order { $0.destroy(2) }
            for run in RunID(1)...2 {
                guard case .launchFailed(_, let message) = try await bench.next(run) else {
                    Issue.record("run \(run) was started")
                    return
                }
                #expect(message.contains("killed"))
                #expect(!names(bench.sandbox(run)).contains(".meseta-fetch"))
            }
            #expect(server.requests("stalls").count == 1)
            #expect(
                Self.shell(
                    "pgrep -f 'curl -q -K -' | xargs -r -I {} readlink /proc/{}/cwd | grep \(bench.directory)", "/")
                    != 0)
        }
    }
}
