import Foundation
import Model
import Testing

@testable import Isolation

/// Containers with root file systems of their own, with real mounts.
@Suite(.serialized, .enabled(if: RootFixture.isPossible, "needs root, and the Debian package busybox-static"))
struct RootTests {
    private func settings(_ fixture: RootFixture) -> ImageSettings {
        var settings = ImageSettings()
        settings.imageDirectories = [fixture.directory]
        settings.volumeDirectories = ["\(fixture.directory)/volumes"]
        return settings
    }

    private func spec(
        _ bench: Bench, _ run: RunID, _ script: String, image: String? = nil, user: String? = nil,
        volumes: [ContainerInfo.Volume] = []
    ) -> ContainerSpec {
        var spec = bench.spec(run, CommandInfo(shell: script), user: user)
        spec.container = ContainerInfo()
        spec.container?.image = image.map { .init(path: $0) }
        spec.container?.volumes = volumes
        return spec
    }

    /// Starts it, waits for its end, and reads what it wrote.
    private func output(_ bench: Bench, _ spec: ContainerSpec) async throws -> String {
        try await bench.order { $0.launch(spec) }
        let event = try await bench.next(spec.runID)
        if case .launchFailed(_, let message) = event { return message }
        let exit = try await bench.exit(spec.runID)
        return bench.file(spec.runID, "stdout")
            + (exit.status == 0 ? "" : "status \(exit.status) " + bench.file(spec.runID, "stderr"))
    }

    /// Nothing of a root is left when its run has ended.
    private func expectGone(_ bench: Bench, _ run: RunID) async throws {
        try await eventually { access("\(bench.directory)/roots/\(run)", F_OK) != 0 }
        #expect(contents("/proc/self/mountinfo")?.contains("\(bench.directory)/roots") == false)
    }

    @Test("A container sees the image in place of the machine, and leaves it as it was")
    func directory() async throws {
        try await RootFixture.with { fixture in
            let image = try fixture.busybox()
            try await Bench.run(images: self.settings(fixture)) { bench in
                let script = """
                    cat /etc/origin; pwd; echo $MESETA_SANDBOX $MESOS_SANDBOX; echo inside > file
                    test -e /usr && echo "sees the machine"; ls / ; echo changed > /etc/origin; echo > /dev/null
                    test -c /dev/urandom && test -e /dev/fd/1 && test -d /proc/self && test -s /etc/hosts && echo whole
                    """
                let output = try await self.output(bench, self.spec(bench, 1, script, image: image))
                let sandbox = "/mnt/mesos/sandbox"
                #expect(
                    output
                        == "of the image\n\(sandbox)\n\(sandbox) \(sandbox)\nbin\ndev\netc\nmnt\nproc\nsys\ntmp\nwhole\n"
                )
                #expect(bench.file(1, "file") == "inside\n")
                #expect(contents("\(image)/etc/origin") == "of the image\n")
                #expect(names(image).sorted() == ["bin", "etc"])
                try await self.expectGone(bench, 1)
            }
        }
    }

    @Test("A root of its own goes with every other isolation, and another user gains nothing in it")
    func everything() async throws {
        var settings = IsolationSettings()
        settings.choice = try IsolationChoice(
            "cgroups,namespace-pid,namespace-mount,namespace-network,capabilities,seccomp")
        try await RootFixture.with { fixture in
            let image = try fixture.busybox()
            try fixture.shell("mknod busybox/null c 1 3; chmod 666 busybox/null")
            try await Bench.run(settings: settings, images: self.settings(fixture)) { bench in
                let script = """
                    cat /etc/origin; id -u; hostname; echo mine > mine; ls /proc | grep -c '^[0-9]'
                    grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status; echo > /null && echo "a device of the image"
                    mount -t tmpfs x /tmp 2> /dev/null && echo "may mount"; true
                    """
                var spec = self.spec(bench, 1, script, image: image, user: "nobody")
                spec.container?.hostname = "inner"
                let output = try await self.output(bench, spec).split(separator: "\n").map(String.init)
                #expect(Array(output.prefix(3)) == ["of the image", "65534", "inner"])
                #expect((Int(output[3]) ?? 100) < 10)
                #expect(Array(output.dropFirst(4)) == ["NoNewPrivs:\t1", "Seccomp:\t2"])
                #expect(bench.file(1, "mine") == "mine\n")
                try await self.expectGone(bench, 1)
            }
        }
    }

    @Test("An archive is unpacked once, also for containers at the same time", arguments: ["", "z", "--zstd"])
    func archive(compression: String) async throws {
        try await RootFixture.with { fixture in
            _ = try fixture.busybox()
            let flag = compression == "z" ? "-z" : compression
            try fixture.shell("tar -c \(flag) -f image.tar -C busybox .")
            let image = "\(fixture.directory)/image.tar"
            try await Bench.run(images: self.settings(fixture)) { bench in
                let specs = (1...3).map {
                    self.spec(bench, RunID($0), "cat /etc/origin; echo x > /etc/origin", image: image)
                }
                try await bench.order { for spec in specs { $0.launch(spec) } }
                for run in 1...3 as ClosedRange<RunID> {
                    try await bench.started(run)
                    #expect(try await bench.exit(run).status == 0)
                    #expect(bench.file(run, "stdout") == "of the image\n")
                }
                #expect(names("\(bench.directory)/images").count == 1)
                #expect(
                    try await self.output(bench, self.spec(bench, 4, "cat /etc/origin", image: image))
                        == "of the image\n")
            }
        }
    }

    @Test("What is unpacked is found again by the next life of the agent, and what is half unpacked goes")
    func restart() async throws {
        try await RootFixture.with { fixture in
            _ = try fixture.busybox()
            try fixture.shell("tar -c -f image.tar -C busybox .")
            let image = "\(fixture.directory)/image.tar"
            try await Bench.run(images: self.settings(fixture)) { bench in
                let first = try await self.output(bench, self.spec(bench, 1, "ls /marker", image: image))
                #expect(first.hasPrefix("status"))
                try await bench.stop()
                let key = try #require(names("\(bench.directory)/images").first)
                try fixture.shell(
                    "cd \(bench.directory)/images; touch \(key)/tree/marker; mkdir .new-a half; touch .new-a/file")
                try await bench.start()
                let second = try await self.output(bench, self.spec(bench, 2, "ls /marker", image: image))
                #expect(second == "/marker\n")
                #expect(names("\(bench.directory)/images") == [key])
            }
        }
    }

    @Test("Unpacked images take no more than they may: the one that is not used goes, and one too large is refused")
    func cacheSize() async throws {
        try await RootFixture.with { fixture in
            for name in ["one", "two"] { _ = try fixture.busybox(name) }
            try fixture.shell(
                """
                for name in one two; do echo $name > $name/etc/origin; tar -c -f $name.tar -C $name .; done
                truncate -s 4M zeros; cat zeros zeros > two/large; tar -c -f large.tar -C two .
                """)
            let files = try #require(FileManager.default.attributesOfItem(atPath: "/bin/busybox")[.size] as? Int)
            var settings = self.settings(fixture)
            // Room for one and a half.
            settings.cacheBytes = files + files / 2
            try await Bench.run(images: settings) { bench in
                for (run, name) in [(1, "one"), (2, "two"), (3, "one")] as [(RunID, String)] {
                    let spec = self.spec(
                        bench, run, "cat /etc/origin", image: "\(fixture.directory)/\(name).tar")
                    let output = try await self.output(bench, spec)
                    #expect(output == "\(name)\n")
                    try await self.expectGone(bench, run)
                    #expect(names("\(bench.directory)/images").count == 1)
                }
                let large = self.spec(bench, 4, "true", image: "\(fixture.directory)/large.tar")
                let message = try await self.output(bench, large)
                #expect(message.contains("--image-cache-size"), "\(message)")
            }
        }
    }

    @Test("An OCI image is its layers, and says how to run where the task does not")
    func layout() async throws {
        try await RootFixture.with { fixture in
            let image = try fixture.layout()
            try await Bench.run(images: self.settings(fixture)) { bench in
                let script = "pwd; echo $ORIGIN; cat /data/old /data/new; ls / /hidden /both /data"
                let output = try await self.output(bench, self.spec(bench, 1, script, image: image))
                #expect(output.hasPrefix("/work\nimage\noldnew"))
                #expect(output.contains("/hidden:\nb\n") && output.contains("/both:\nb\n"))
                #expect(output.contains("/data:\nnew\nold\n") && !output.contains("gone"))
                var command = self.spec(bench, 2, "", image: image)
                command.command = CommandInfo()
                command.command.shell = false
                #expect(try await self.output(bench, command) == "entry and command\n")
                command = self.spec(bench, 3, "", image: image)
                command.command = CommandInfo()
                command.command.shell = false
                command.command.arguments = ["other"]
                #expect(try await self.output(bench, command) == "entry other\n")
                #expect(names("\(bench.directory)/images").count == 2)
            }
        }
    }

    @Test("An image runs as whom it names, by the topmost of its own files; a name or a link that leads nowhere fails")
    func imageUser() async throws {
        try await RootFixture.with { fixture in
            let lower = "('dir', 'etc', None), ('file', 'etc/passwd', 'old:x:4:4::/:\\n')"
            func image(_ name: String, _ user: String, _ upper: String) throws -> String {
                try fixture.layout(
                    name,
                    changes: "layers[0] += [\(lower)]; layers[1] += [\(upper)]; config['config']['User'] = '\(user)'")
            }
            let upper = """
                ('dir', 'etc', None), ('file', 'etc/passwd', 'web:x:33:44::/:\\n'),
                ('file', 'etc/group', 'logs:x:45:web\\n')
                """
            try await Bench.run(images: self.settings(fixture)) { bench in
                for (index, (image, expected)) in [
                    (try image("named", "web", upper), "33 44 44 45\n"),
                    (try image("grouped", "web:logs", upper), "33 45 45\n"),
                    (try image("lower", "old", ""), "4 4 4\n"),
                    (try image("replaced", "old", upper), "\"old\", who is not in its /etc/passwd"),
                    (try image("hidden", "old", "('file', 'etc/.wh.passwd', '')"), "\"old\", who is not in"),
                    (try image("opaque", "old", "('file', 'etc/.wh..wh..opq', '')"), "\"old\", who is not in"),
                    (
                        try image("link", "root", "('link', 'etc/passwd', '/etc/passwd')"),
                        "its /etc/passwd cannot be read"
                    ),
                ].enumerated() {
                    let spec = self.spec(
                        bench, RunID(index + 1), "echo $(id -u) $(id -g) $(id -G)", image: image)
                    let output = try await self.output(bench, spec)
                    #expect(output.contains(expected), "\(output)")
                }
            }
        }
    }

    @Test("What is damaged, missing or leads out of an image fails the launch, and says why")
    func hostile() async throws {
        try await RootFixture.with { fixture in
            let damaged = try fixture.layout("damaged")
            try fixture.shell(
                "for blob in $(ls -S damaged/blobs/sha256 | head -1); do echo >> damaged/blobs/sha256/$blob; done")
            let missing = try fixture.layout("missing")
            try fixture.shell("rm missing/blobs/sha256/$(ls -S missing/blobs/sha256 | head -1)")
            let escape = try fixture.layout(
                "escape",
                changes: "layers[1] = [('link', 'out', '\(fixture.directory)'), ('file', 'out/escaped', 'x')]")
            let above = try fixture.layout("above", changes: "layers[1] = [('file', '../../../above', 'x')]")
            try fixture.shell("ln -s /etc link; echo junk > junk.tar")
            try await Bench.run(images: self.settings(fixture)) { bench in
                let cases = [
                    (damaged, "is not what its digest says"), (missing, "cannot be read"), (above, "tar cannot unpack"),
                    ("\(fixture.directory)/link", "--image-dirs"), ("/etc", "--image-dirs"),
                    ("\(fixture.directory)/none", "cannot be found"), ("\(fixture.directory)/junk.tar", "tar cannot"),
                ]
                for (index, (image, complaint)) in cases.enumerated() {
                    let message = try await self.output(bench, self.spec(bench, RunID(index + 1), "true", image: image))
                    #expect(message.contains(complaint), "\(message) for \(image)")
                    #expect(access("\(bench.directory)/roots/\(index + 1)", F_OK) != 0)
                }
                _ = try await self.output(bench, self.spec(bench, 20, "true", image: escape))
                #expect(access("\(fixture.directory)/escaped", F_OK) != 0)
                #expect(access("/tmp/above", F_OK) != 0 && access("\(bench.directory)/above", F_OK) != 0)
                #expect(names("\(bench.directory)/images").filter { $0.hasPrefix(".") }.isEmpty)
            }
        }
    }

    @Test("Links in an image do not lead its volumes, its devices or its sandbox out of it")
    func linksInside() async throws {
        try await RootFixture.with { fixture in
            let (image, dangling) = (try fixture.busybox(), try fixture.busybox("dangling"))
            // What is outside has a namesake inside.
            let outside = "\(fixture.directory)/outside"
            try fixture.shell(
                """
                mkdir -p outside volumes/v busybox\(outside); ln -s \(outside) busybox/mnt
                ln -s ../../../..\(outside) busybox/data; ln -s /nowhere busybox/etc/resolv.conf
                ln -s \(outside) dangling/dev
                """)
            try await Bench.run(images: self.settings(fixture)) { bench in
                let volume = ContainerInfo.Volume("/data/v", .host("\(fixture.directory)/volumes/v"))
                let script = "echo x > /data/v/file; echo y > file; test -f /etc/resolv.conf && echo resolves"
                let spec = self.spec(bench, 1, script, image: image, volumes: [volume])
                #expect(try await self.output(bench, spec) == "resolves\n")
                #expect(contents("\(fixture.directory)/volumes/v/file") == "x\n")
                #expect(bench.file(1, "file") == "y\n")
                let message = try await self.output(bench, self.spec(bench, 2, "true", image: dangling))
                #expect(message.contains("root file system could not be made"), "\(message)")
                #expect(names(outside).isEmpty)
            }
        }
    }

    @Test("Volumes of the machine and of the sandbox are where they were wanted, with an image and without")
    func volumes() async throws {
        try await RootFixture.with { fixture in
            let image = try fixture.busybox()
            try fixture.shell("mkdir -p volumes/rw volumes/ro; echo there > volumes/ro/file; chmod 777 volumes/rw")
            let host = "\(fixture.directory)/volumes"
            try await Bench.run(images: self.settings(fixture)) { bench in
                for (run, image) in [(1, image), (2, nil)] as [(RunID, String?)] {
                    let volumes: [ContainerInfo.Volume] = [
                        .init("data", .host("\(host)/rw")), .init("fixed", .host("\(host)/ro"), isReadOnly: true),
                        .init("one", .host("\(host)/ro/file")), .init("deep/cache", .sandbox("store/cache")),
                    ]
                    let script = """
                        echo \(run) > data/\(run); cat fixed/file one; echo x 2> /dev/null > fixed/new || echo refused
                        echo kept > deep/cache/file
                        """
                    let spec = self.spec(bench, run, script, image: image, user: "nobody", volumes: volumes)
                    let output = try await self.output(bench, spec)
                    #expect(output == "there\nthere\nrefused\n")
                    #expect(contents("\(host)/rw/\(run)") == "\(run)\n")
                    #expect(bench.file(run, "store/cache/file") == "kept\n")
                    #expect(names("\(host)/ro") == ["file"])
                }
                let spec = self.spec(
                    bench, 3, "cat /data/file", image: image, volumes: [.init("/data", .host("\(host)/ro"))])
                let output = try await self.output(bench, spec)
                #expect(output == "there\n")
            }
        }
    }

    @Test("A volume from elsewhere is refused, also one that a link leads there")
    func volumesElsewhere() async throws {
        try await RootFixture.with { fixture in
            try fixture.shell("mkdir volumes; ln -s /etc volumes/out; ln -s ../.. volumes/up; echo > volumes/file")
            let host = "\(fixture.directory)/volumes"
            try await Bench.run(images: self.settings(fixture)) { bench in
                let cases: [(ContainerInfo.Volume, String)] = [
                    (.init("a", .host("/etc")), "--volume-dirs"),
                    (.init("a", .host("\(host)/out")), "volume could not"),
                    (.init("a", .host("\(host)/up")), "volume could not"),
                    (.init("a", .host("\(host)/none")), "volume could not"),
                    (.init("/no/such/place", .host(host)), "volume could not"),
                ]
                for (index, (volume, complaint)) in cases.enumerated() {
                    let spec = self.spec(bench, RunID(index + 1), "true", volumes: [volume])
                    let message = try await self.output(bench, spec)
                    #expect(message.contains(complaint), "\(message)")
                }
            }
            try await Bench.run { bench in
                let message = try await self.output(bench, self.spec(bench, 1, "true", image: host))
                #expect(message.contains("--image-dirs"))
                let spec = self.spec(bench, 2, "true", volumes: [.init("a", .host(host))])
                #expect(try await self.output(bench, spec).contains("--volume-dirs"))
            }
        }
    }

    @Test("A check looks from inside the root, before and after the agent's death; then all of it is gone")
    func agentDeath() async throws {
        try await RootFixture.with { fixture in
            let image = try fixture.busybox()
            try await Bench.run(images: self.settings(fixture)) { bench in
                let spec = self.spec(
                    bench, 1, "echo up > /etc/state; while ! test -e stop; do sleep 0.1; done", image: image)
                try await bench.order { $0.launch(spec) }
                try await bench.started(1)
                try await eventually { await self.look(bench, spec) == "up\n/mnt/mesos/sandbox\n" }
                try await bench.stop()
                let found = try await bench.start()
                #expect(found.count == 1)
                try await bench.order { $0.adopt(spec) }
                try await eventually { await self.look(bench, spec) == "up\n/mnt/mesos/sandbox\n" }
                #expect(access("\(bench.directory)/roots/1", F_OK) == 0)
                try fixture.shell("touch \(bench.sandbox(1))/stop")
                #expect(try await bench.exit(1).status == 0)
                try await self.expectGone(bench, 1)
            }
        }
    }

    @Test("What a container writes into its root counts as its disk")
    func diskQuota() async throws {
        var settings = IsolationSettings()
        settings.choice = try IsolationChoice("cgroups,disk")
        try await RootFixture.with { fixture in
            let image = try fixture.busybox()
            try await Bench.run(settings: settings, images: self.settings(fixture)) { bench in
                let script = "for i in 1 2 3 4 5 6 7 8 9 10; do cat /bin/busybox > /big$i; done; sleep 100"
                var spec = self.spec(bench, 1, script, image: image)
                spec.resources = Resources(milliCPU: 500, milliMB: 64_000, milliMBDisk: 4000)
                try await bench.order { [spec] in $0.launch(spec) }
                try await bench.started(1)
                let exit = try await bench.exit(1)
                #expect(exit.cause == .diskLimit, "\(exit)")
            }
        }
    }

    @Test("A kill does not wait for an image that is being made ready, nor does the agent's end")
    func killWhileUnpacking() async throws {
        try await RootFixture.with { fixture in
            let image = try fixture.layout()
            // As if a layer were a terabyte: it takes long to find out that it is none.
            try fixture.shell("truncate -s 1T layout/blobs/sha256/$(ls -S layout/blobs/sha256 | head -1)")
            try await Bench.run(images: self.settings(fixture)) { bench in
                let spec = self.spec(bench, 1, "true", image: image)
                try await bench.order { $0.launch(spec) }
                // Others do not wait either.
                #expect(try await bench.result(2, "echo other").output == "other\n")
                try await bench.order { $0.destroy(1) }
                guard case .launchFailed(1, let message) = try await bench.next(1) else {
                    Issue.record("it was not told as not launched")
                    return
                }
                #expect(message.contains("killed before it was started"))
            }
        }
    }

    @Test("What ended while the agent was away leaves nothing either")
    func endMeanwhile() async throws {
        try await RootFixture.with { fixture in
            let image = try fixture.busybox()
            try await Bench.run(images: self.settings(fixture)) { bench in
                try await bench.order { [spec = self.spec(bench, 1, "sleep 100", image: image)] in $0.launch(spec) }
                let pid = try await bench.started(1)
                try await bench.stop()
                kill(pid, SIGKILL)
                try await eventually { !isAlive(pid) }
                try await bench.start()
                try await self.expectGone(bench, 1)
            }
        }
    }

    private func look(_ bench: Bench, _ spec: ContainerSpec) async -> String? {
        var probe = spec
        probe.command = CommandInfo(shell: "cat /etc/state; pwd")
        let (stream, continuation) = AsyncStream.makeStream(of: ProbeResult.self)
        let ready = probe
        try? await bench.order { $0.probe(ready, timeout: .seconds(10)) { continuation.yield($0) } }
        for await result in stream {
            if case .exited(0, let output) = result { return output }
            return nil
        }
        return nil
    }
}
