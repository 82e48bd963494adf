import Model
import Testing

@testable import Isolation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What is written to the unified tree of control groups, seen in a tree of plain files: few machines have both trees.
@Suite struct UnifiedCgroupTests {
    private let tree: FakeTree
    private let settings: IsolationSettings

    init() {
        self.tree = FakeTree()
        var settings = IsolationSettings()
        settings.enforcesCPUQuota = true
        settings.pidsLimit = 20
        self.settings = settings
    }

    @Test("Controllers are handed down from the root to the agent's own group, and no further")
    func delegation() throws {
        defer { self.tree.remove() }
        let isolator = self.tree.isolator(self.settings)
        #expect(isolator.refused.isEmpty)
        #expect(isolator.summary == "process, tracked; cgroup-cpu; cgroup-memory; cgroup-pids")
        let (cgroups, tracking) = try isolator.prepare(7, Resources(milliCPU: 500, milliMB: 64_000))
        for group in ["", "meseta/", "meseta/a/"] {
            #expect(self.tree.written(to: group + "cgroup.subtree_control") == "+cpu+memory+pids")
        }
        #expect(self.tree.written(to: "meseta/a/7/cgroup.subtree_control") == "")
        // One directory for all modules, which is also where the processes are found.
        #expect(cgroups == ["\(self.tree.mount)/meseta/a/7"])
        #expect(tracking == cgroups.first)
    }

    @Test("Controllers that are not wanted, or not there, are not handed down")
    func fewerControllers() {
        defer { self.tree.remove() }
        let unwanted = self.tree.isolator(IsolationSettings())
        #expect(unwanted.summary == "process, tracked; cgroup-cpu; cgroup-memory")
        #expect(self.tree.written(to: "cgroup.subtree_control") == "+cpu+memory")
        let missing = self.tree.isolator(self.settings, controllers: "cpu io\n")
        #expect(missing.summary == "process, tracked; cgroup-cpu")
        #expect(self.tree.written(to: "meseta/a/cgroup.subtree_control") == "+cpu+memory+cpu")
    }

    @Test("Where a controller is not granted the log says so, and processes are still found by their group")
    func notGranted() throws {
        defer { self.tree.remove() }
        unlink("\(self.tree.mount)/meseta/a/cgroup.subtree_control")
        let isolator = self.tree.isolator(self.settings)
        #expect(isolator.summary == "process, tracked")
        #expect(isolator.refused.count == 3)
        #expect(isolator.refused.allSatisfy { $0.contains("meseta/a/cgroup.subtree_control") })
        let (cgroups, tracking) = try isolator.prepare(7, Resources(milliCPU: 500))
        #expect(tracking?.hasPrefix("\(self.tree.mount)/meseta/a/") == true)
        #expect(cgroups == [tracking])
        #expect(self.tree.take("cpu.weight") == "")
    }

    @Test(
        "The share and the quota of processor time follow cpus, within what the kernel takes",
        arguments: [
            (1500, "150", "150000 100000"), (1, "1", "1000 100000"), (200_000, "10000", "20000000 100000"),
        ] as [(Int64, String, String)])
    func cpu(milliCPU: Int64, weight: String, quota: String) throws {
        defer { self.tree.remove() }
        let isolator = self.tree.isolator(self.settings)
        _ = try isolator.prepare(7, Resources(milliCPU: 500, milliMB: 64_000))
        #expect(self.tree.take("cpu.weight") == "50")
        #expect(self.tree.take("cpu.max") == "50000 100000")
        try isolator.update(7, Resources(milliCPU: milliCPU, milliMB: 64_000))
        #expect(self.tree.take("cpu.weight") == weight)
        #expect(self.tree.take("cpu.max") == quota)
    }

    @Test("Without a wish for a quota none is set")
    func noQuota() throws {
        defer { self.tree.remove() }
        _ = try self.tree.isolator(IsolationSettings()).prepare(7, Resources(milliCPU: 500, milliMB: 64_000))
        #expect(self.tree.take("cpu.weight") == "50")
        #expect(self.tree.take("cpu.max") == "")
        #expect(self.tree.take("pids.max") == "")
    }

    @Test("Whole cpus are processors of a container's own, which follow updates", .enabled(if: processors > 1))
    func processorsOfItsOwn() throws {
        defer { self.tree.remove() }
        var settings = self.settings
        settings.choice = try IsolationChoice("cgroup-cpuset")
        let isolator = self.tree.isolator(settings)
        #expect(isolator.summary == "process, tracked; cgroup-cpuset")
        #expect(self.tree.written(to: "meseta/a/cgroup.subtree_control") == "+cpuset")
        _ = try isolator.prepare(7, Resources(milliCPU: 500, milliMB: 64_000))
        #expect(self.tree.take("cpuset.cpus") == "0-1")
        #expect(isolator.usage(of: 7).processors == nil)
        try isolator.update(7, Resources(milliCPU: 1000, milliMB: 64_000))
        #expect(self.tree.take("cpuset.cpus") == "1")
        #expect(isolator.usage(of: 7).processors == "1")
        try isolator.update(7, Resources(milliCPU: 2000, milliMB: 64_000))
        #expect(self.tree.take("cpuset.cpus") == "0-1")
    }

    @Test("Disks are shared by weight and bounded for all, and what went there is counted")
    func disks() throws {
        defer { self.tree.remove() }
        var settings = self.settings
        settings.choice = try IsolationChoice("cgroup-io")
        settings.directory = "/tmp"
        let disk = try? BlockDevice.holding("/tmp")
        if disk != nil { settings.ioLimit = try IOLimit("write-bps=2MiB,read-iops=100") }
        let isolator = self.tree.isolator(settings)
        #expect(isolator.missing.isEmpty)
        #expect(isolator.summary == "process, tracked; cgroup-io")
        #expect(self.tree.written(to: "meseta/a/cgroup.subtree_control") == "+io")
        _ = try isolator.prepare(7, Resources(milliCPU: 1500, milliMB: 64_000))
        #expect(self.tree.take("io.weight") == "150")
        if let disk {
            #expect(self.tree.take("io.max") == "\(disk.number) rbps=max wbps=2097152 riops=100 wiops=max")
        }
        try isolator.update(7, Resources(milliCPU: 500_000, milliMB: 64_000))
        #expect(self.tree.take("io.weight") == "10000")
        self.tree.put(
            "io.stat",
            "8:0 rbytes=4096 wbytes=512 rios=1 wios=2 dbytes=9 dios=9\n8:16 rbytes=1 wbytes=1 rios=1 wios=1\n8:32\n")
        #expect(isolator.usage(of: 7).io == IOCounts(readBytes: 4097, writtenBytes: 513, reads: 2, writes: 3))
    }

    @Test("Without weights and without a limit the module is missed")
    func noWeights() throws {
        defer { self.tree.remove() }
        unlink("\(self.tree.mount)/meseta/a/io.weight")
        var settings = self.settings
        settings.choice = try IsolationChoice("cgroup-io")
        #expect(
            self.tree.isolator(settings).missing == [
                "cgroup-io: this kernel has no weights for disks, and without --io-limit nothing else is wanted"
            ])
    }

    @Test("GPUs cannot be kept apart by the unified tree, and the reason is told")
    func noDevices() throws {
        defer { self.tree.remove() }
        var settings = self.settings
        settings.choice = try IsolationChoice("gpu")
        #expect(
            self.tree.isolator(settings).missing == [
                "gpu: no control groups of version 1 with \"devices\": the unified ones cannot keep devices closed"
            ])
    }

    @Test("Memory is bounded without swap, ends as a whole, and is not taken from under what is held")
    func memory() throws {
        defer { self.tree.remove() }
        let isolator = self.tree.isolator(self.settings)
        _ = try isolator.prepare(7, Resources(milliCPU: 500, milliMB: 128_000))
        #expect(self.tree.take("memory.max") == "\(128 << 20)")
        #expect(self.tree.take("memory.swap.max") == "0")
        #expect(self.tree.take("memory.oom.group") == "1")
        try isolator.update(7, Resources(milliCPU: 500, milliMB: 1000))
        #expect(self.tree.take("memory.max") == "\(32 << 20)", "what every container may use")
        // 100 MB, of which 30 are file cache that can be dropped.
        self.tree.put("memory.current", "\(100 << 20)\n")
        self.tree.put("memory.stat", "anon 73400320\ninactive_file \(20 << 20)\nactive_file \(10 << 20)\n")
        try isolator.update(7, Resources(milliCPU: 500, milliMB: 64_000))
        #expect(self.tree.take("memory.max") == "\(70 << 20)")
        try isolator.update(7, Resources(milliCPU: 500, milliMB: 80_000))
        #expect(self.tree.take("memory.max") == "\(80 << 20)")
    }

    @Test("The number of processes is bounded")
    func pids() throws {
        defer { self.tree.remove() }
        _ = try self.tree.isolator(self.settings).prepare(7, Resources(milliCPU: 500, milliMB: 64_000))
        #expect(self.tree.take("pids.max") == "20")
    }

    @Test("A limit that the kernel does not take fails the launch, and the message says which")
    func refusedLimit() throws {
        defer { self.tree.remove() }
        let isolator = self.tree.isolator(self.settings)
        unlink("\(self.tree.run)/memory.max")
        let error = #expect(throws: IsolationError.self) {
            try isolator.prepare(7, Resources(milliCPU: 500, milliMB: 64_000))
        }
        #expect(error?.description.contains("cannot set the memory limit") == true)
        #expect(error?.description.contains("/meseta/a/7/memory.max") == true)
    }

    @Test("A container was ended for its memory if the kernel counts a kill, not if it only came near the limit")
    func outOfMemory() throws {
        defer { self.tree.remove() }
        let isolator = self.tree.isolator(self.settings)
        _ = try isolator.prepare(7, Resources(milliCPU: 500, milliMB: 64_000))
        #expect(isolator.limitation(of: 7) == nil)
        self.tree.put("memory.events", "low 0\nhigh 0\nmax 12\noom 3\noom_kill 0\noom_group_kill 4\n")
        #expect(isolator.limitation(of: 7) == nil)
        self.tree.put("memory.events", "low 0\nhigh 0\nmax 12\noom 3\noom_kill 1\noom_group_kill 0\n")
        let limitation = try #require(isolator.limitation(of: 7))
        #expect(limitation.cause == .memoryLimit)
        #expect(limitation.message == "The container needed more than its memory: the limit is 64 MB.")
    }

    @Test("What a container uses is read from its group")
    func usage() throws {
        defer { self.tree.remove() }
        let isolator = self.tree.isolator(self.settings)
        _ = try isolator.prepare(7, Resources(milliCPU: 500, milliMB: 64_000))
        self.tree.put("cpu.stat", "usage_usec 1500\nuser_usec 1000\nsystem_usec 500\n")
        self.tree.put("memory.current", "4096\n")
        self.tree.put("pids.current", "3\n")
        let usage = isolator.usage(of: 7)
        #expect(usage.cpuTime == .microseconds(1500))
        #expect(usage.memoryBytes == 4096)
        #expect(usage.memoryLimitBytes == 64 << 20)
        #expect(usage.processes == 3)
    }
}

/// A directory with the files that the kernel would show for the groups of agent `a` and its run 7.
///
/// Files that are written several times are pipes, which keep what was written apart from what was there; the others
/// are plain, and empty until something is written.
private struct FakeTree {
    let mount: String
    var run: String { "\(self.mount)/meseta/a/7" }
    private let pipes: [String: Int32]

    init() {
        var template = Array("/tmp/meseta-unified-XXXXXX".utf8CString)
        self.mount = String(cString: mkdtemp(&template))
        var pipes: [String: Int32] = [:]
        for group in ["", "meseta/", "meseta/a/", "meseta/a/7/"] {
            if !group.isEmpty { mkdir("\(self.mount)/\(group)", 0o755) }
            let path = "\(self.mount)/\(group)cgroup.subtree_control"
            mkfifo(path, 0o644)
            pipes["\(group)cgroup.subtree_control"] = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)
        }
        self.pipes = pipes
        let files = [
            "cpu.weight", "cpuset.cpus", "cpu.max", "cpu.stat", "memory.max", "memory.swap.max", "memory.oom.group",
            "memory.current",
            "memory.stat", "memory.events", "pids.max", "pids.current", "io.weight", "io.max", "io.stat",
        ]
        for name in files { self.put(name, "") }
        self.put("../cpuset.cpus.effective", "0-1\n")
        self.put("../io.weight", "default 100\n")
    }

    func isolator(_ settings: IsolationSettings, controllers: String = "cpuset cpu io memory pids\n") -> Isolator {
        let host = CgroupHost(mountinfo: "1 1 0:1 / \(self.mount) rw - cgroup2 none rw\n") { _ in controllers }
        return Isolator(agent: "a", settings: settings, host: host)
    }

    /// All that was written to a pipe so far.
    func written(to name: String) -> String {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = read(self.pipes[name] ?? -1, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }

    /// What was written to a file of the run since it was taken or put last; the file is empty then.
    func take(_ name: String) -> String {
        defer { self.put(name, "") }
        return contents("\(self.run)/\(name)") ?? ""
    }

    func put(_ name: String, _ text: String) {
        let file = open("\(self.run)/\(name)", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        _ = text.withCString { write(file, $0, strlen($0)) }
        close(file)
    }

    func remove() {
        for pipe in self.pipes.values { close(pipe) }
        IsolationTests.remove(self.mount)
    }
}
