import Model
import Testing

@testable import Isolation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

@Suite struct GPUAllocatorTests {
    private static let devices = (0..<4).map { GPUDevice(path: "/dev/nvidia\($0)", number: "195:\($0)", index: $0) }
    private var allocator = GPUAllocator(devices)

    private func indices(_ run: RunID) -> [Int] { self.allocator.devices(of: run).map(\.index) }

    @Test("Each GPU is one container's alone, and who wants more than are free gets none")
    mutating func exact() throws {
        try self.allocator.set(1, milliGPU: 2000)
        try self.allocator.set(2, milliGPU: 0)
        try self.allocator.set(3, milliGPU: 1000)
        #expect(self.indices(1) == [0, 1])
        #expect(self.indices(2) == [])
        #expect(self.indices(3) == [2])
        let error = #expect(throws: IsolationError.self) { try self.allocator.set(4, milliGPU: 2000) }
        #expect(error?.description == "2 gpus are wanted, and of 4 only 1 are free")
        #expect(self.indices(4) == [])
        self.allocator.end(1)
        try self.allocator.set(4, milliGPU: 2000)
        #expect(self.indices(4) == [0, 1])
    }

    @Test("No part of a GPU is given away")
    mutating func whole() {
        let error = #expect(throws: IsolationError.self) { try self.allocator.set(1, milliGPU: 500) }
        #expect(error?.description == "0.5 gpus are wanted, and no part of one is given away")
    }

    @Test("Who grows or shrinks keeps what he has, and a growth that fails changes nothing")
    mutating func change() throws {
        try self.allocator.set(1, milliGPU: 1000)
        try self.allocator.set(2, milliGPU: 1000)
        try self.allocator.set(1, milliGPU: 2000)
        #expect(self.indices(1) == [0, 2])
        #expect(throws: IsolationError.self) { try self.allocator.set(1, milliGPU: 4000) }
        #expect(self.indices(1) == [0, 2])
        try self.allocator.set(1, milliGPU: 1000)
        #expect(self.indices(1) == [0])
        #expect(self.allocator.free == [2, 3])
    }

    @Test("After a restart each keeps its own, less what is not there any more or another's")
    mutating func found() throws {
        self.allocator.find(1, ["195:1", "195:3"])
        self.allocator.find(2, ["195:3", "195:9", "195:2"])
        #expect(self.indices(1) == [1, 3])
        #expect(self.indices(2) == [2])
        try self.allocator.set(1, milliGPU: 2000)
        try self.allocator.set(3, milliGPU: 1000)
        #expect(self.indices(1) == [1, 3])
        #expect(self.indices(3) == [0])
    }

    @Test("No GPU is ever two containers'", arguments: 0..<20)
    func never(seed: UInt64) throws {
        var random = SeededGenerator(key: [seed, 5, 6, 7]), allocator = GPUAllocator(Self.devices)
        var wishes: [RunID: Int] = [:]
        for _ in 0..<200 {
            let run = RunID.random(in: 1...6, using: &random), wish = Int.random(in: 0...3, using: &random)
            if Bool.random(using: &random) {
                allocator.end(run)
                wishes[run] = 0
            } else if (try? allocator.set(run, milliGPU: Int64(wish) * 1000)) != nil {
                wishes[run] = wish
            }
            let owned = (1...RunID(6)).map { allocator.devices(of: $0) }
            #expect(Set(owned.joined()).count == owned.map(\.count).reduce(0, +))
            for (run, wish) in wishes { #expect(allocator.devices(of: run).count == wish) }
        }
    }
}

/// Whether device nodes can be made, opened and closed to control groups here.
private let hasDevices: Bool = {
    guard hasCgroups, CgroupHost.detect().hierarchy(of: "devices")?.version == 1 else { return false }
    let path = "/tmp/meseta-device-\(getpid())"
    defer { unlink(path) }
    return mknod(path, S_IFCHR | 0o666, 0x0103) == 0 && contents(path) != nil
}()

/// Stand-ins for GPUs: the kernel's own devices, `null`, `zero` and `full`, under other names.
private struct Nodes {
    let directory: String
    var paths: [String] { (0..<3).map { "\(self.directory)/nvidia\($0 + 4)" } }

    init() {
        var template = Array("/tmp/meseta-gpus-XXXXXX".utf8CString)
        self.directory = String(cString: mkdtemp(&template))
        chmod(self.directory, 0o755)
        for (path, minor) in zip(self.paths, [3, 5, 7] as [dev_t]) {
            mknod(path, S_IFCHR | 0o666, 1 << 8 | minor)
            chmod(path, 0o666)
        }
    }

    func remove() { IsolationTests.remove(self.directory) }
}

@Suite(.serialized, .enabled(if: hasDevices)) struct GPUTests {
    @Test("Devices are found by their nodes; what is none, or there twice, is an error")
    func devices() throws {
        let nodes = Nodes()
        defer { nodes.remove() }
        let found = try GPUDevice.find(nodes.paths)
        #expect(found.map(\.number) == ["1:3", "1:5", "1:7"])
        #expect(found.map(\.index) == [4, 5, 6])
        #expect(try GPUDevice.find(["/dev/null"]).map(\.index) == [0])
        func message(_ paths: [String]) -> String? {
            #expect(throws: GPUDevice.Invalid.self) { _ = try GPUDevice.find(paths) }?.description
        }
        #expect(message(["/dev/none"]) == "/dev/none cannot be looked at: No such file or directory")
        #expect(message([nodes.directory]) == "\(nodes.directory) is no character device")
        #expect(
            message([nodes.paths[0], "/dev/null"]) == "/dev/null and \(nodes.paths[0]) are the same device")
    }

    @Test("An agent does not share out more GPUs than there are")
    func total() throws {
        var settings = IsolationSettings()
        settings.choice = try IsolationChoice("gpu")
        for (total, text) in [(2000, "2.0"), (500, "0.5")] as [(Int64, String)] {
            settings.total = Resources(milliCPU: 1000, milliGPU: total)
            let isolator = Isolator(agent: "gpu-\(getpid())", settings: settings)
            defer { isolator.removeAll() }
            #expect(
                isolator.missing == [
                    "gpu: gpus:\(text) are to be shared out, and the devices are none: "
                        + "say as many gpus in --resources, or which devices in --gpu-devices"
                ])
        }
    }

    private func run(_ nodes: Nodes, images: ImageSettings = .init(), _ body: (Bench) async throws -> Void) async throws
    {
        var settings = IsolationSettings()
        settings.choice = try IsolationChoice("cgroups,gpu")
        settings.gpuDevices = try GPUDevice.find(nodes.paths)
        settings.total = Resources(milliCPU: 4000, milliGPU: 3000)
        try await Bench.run(settings: settings, images: images) { bench in
            #expect(bench.isolator.missing.isEmpty)
            try await body(bench)
        }
    }

    /// Tells its variables, and which nodes it can open, without those that need `/dev/null`.
    private static func script(_ nodes: Nodes) -> String {
        """
        echo $NVIDIA_VISIBLE_DEVICES / $CUDA_VISIBLE_DEVICES
        for node in \(nodes.directory)/*; do (: < $node) && echo ${node##*/}; done
        """
    }

    private func launch(
        _ bench: Bench, _ run: RunID, _ script: String, gpus: Int64, image: String? = nil
    ) async throws {
        var spec = bench.spec(run, CommandInfo(shell: script))
        spec.resources = Resources(milliCPU: 500, milliMB: 64_000, milliGPU: gpus)
        spec.environment["NVIDIA_VISIBLE_DEVICES"] = "all"
        spec.container = image.map { path in
            var info = ContainerInfo()
            info.image = .init(path: path)
            return info
        }
        let ready = spec
        try await bench.order { $0.launch(ready) }
    }

    @Test("A container opens its own GPUs and no others, and is told which they are")
    func ownGPUs() async throws {
        let nodes = Nodes()
        defer { nodes.remove() }
        try await self.run(nodes) { bench in
            try await self.launch(bench, 1, "echo ready > ready; while ! test -e stop; do sleep 0.05; done", gpus: 1000)
            try await bench.started(1)
            for (run, gpus, expected) in [
                (2, 2000, "5,6 / 0,1\nnvidia5\nnvidia6\n"), (3, 0, "void /\n"), (4, 1000, "5 / 0\nnvidia5\n"),
            ] as [(RunID, Int64, String)] {
                try await self.launch(bench, run, Self.script(nodes), gpus: gpus)
                try await bench.started(run)
                _ = try await bench.exit(run)
                #expect(bench.file(run, "stdout") == expected)
            }
            try await self.launch(bench, 5, "true", gpus: 3000)
            #expect(
                try await bench.next(5)
                    == .launchFailed(5, message: "3 gpus are wanted, and of 3 only 2 are free"))
            close(creat(bench.sandbox(1) + "/stop", 0o644))
            _ = try await bench.exit(1)
            try await self.launch(bench, 6, Self.script(nodes), gpus: 3000)
            try await bench.started(6)
            _ = try await bench.exit(6)
            #expect(bench.file(6, "stdout") == "4,5,6 / 0,1,2\nnvidia4\nnvidia5\nnvidia6\n")
        }
    }

    @Test(
        "A root of its own has the nodes of the container's GPUs in /dev, and no others",
        .enabled(if: RootFixture.isPossible))
    func inRoot() async throws {
        let nodes = Nodes()
        defer { nodes.remove() }
        try await RootFixture.with { fixture in
            let image = try fixture.busybox()
            var images = ImageSettings()
            images.imageDirectories = [fixture.directory]
            try await self.run(nodes, images: images) { bench in
                for (run, gpus, expected) in [
                    (1, 2000, "/dev/nvidia4\n/dev/nvidia5\n"), (2, 0, ""),
                    (3, 3000, "/dev/nvidia4\n/dev/nvidia5\n/dev/nvidia6\n"),
                ] as [(RunID, Int64, String)] {
                    let script =
                        "for node in /dev/nvidia[0-9]; do (: < $node) 2> /dev/null && echo $node; done; ls /dev | grep -c nvidia"
                    try await self.launch(bench, run, script, gpus: gpus, image: image)
                    try await bench.started(run)
                    _ = try await bench.exit(run)
                    #expect(bench.file(run, "stdout") == expected + "\(gpus / 1000)\n")
                }
            }
        }
    }

    @Test("A restarted agent knows which GPUs are taken")
    func restart() async throws {
        let nodes = Nodes()
        defer { nodes.remove() }
        try await self.run(nodes) { bench in
            try await self.launch(bench, 1, "true", gpus: 1000)
            try await bench.started(1)
            _ = try await bench.exit(1)
            try await self.launch(bench, 2, "exec sleep 100", gpus: 1000)
            try await bench.started(2)
            try await self.launch(bench, 3, "exec sleep 100", gpus: 0)
            try await bench.started(3)
            var settings = IsolationSettings()
            settings.choice = try IsolationChoice("cgroups,gpu")
            settings.gpuDevices = try GPUDevice.find(nodes.paths)
            let later = Isolator(
                agent: Isolator.agentToken(name: "test", directory: bench.directory), settings: settings)
            later.recover([2, 3])
            #expect(throws: IsolationError("3 gpus are wanted, and of 3 only 2 are free")) {
                _ = try later.prepare(4, Resources(milliCPU: 100, milliMB: 32_000, milliGPU: 3000))
            }
            #expect(later.cleanUp(4))
            // What it keeps for its next container; the rest is in use.
            later.removeAll()
            for run in [2, 3] as [RunID] {
                try await bench.order { $0.destroy(run) }
                _ = try await bench.exit(run)
            }
        }
    }
}
