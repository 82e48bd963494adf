import Model
import Testing

@testable import Isolation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Whether control groups can be made here.
let hasCgroups: Bool = {
    guard isRoot else { return false }
    return CgroupHost.detect().hierarchies.contains { access($0.mount, W_OK) == 0 }
}()

/// Those that this process may run on.
let processors = sysconf(Int32(_SC_NPROCESSORS_ONLN))

@Suite(.serialized) struct CgroupTests {
    @Test("Where no control group can be made, containers are isolated by process, and the log says why")
    func degraded() {
        let host = CgroupHost(mountinfo: "1 1 0:1 / /proc rw - cgroup2 none rw\n") { _ in "cpu memory" }
        let isolator = Isolator(agent: "a", host: host)
        #expect(isolator.summary == "process")
        #expect(isolator.refused.count == 1)
        var settings = IsolationSettings()
        settings.choice = .processes
        #expect(Isolator(agent: "a", settings: settings, host: host).refused.isEmpty)
    }

    @Test("A container's limits are what its resources say, and follow them", .enabled(if: hasCgroups))
    func limits() async throws {
        try await Bench.run { bench in
            try await bench.launch(1, "exec sleep 100")
            let pid = try await bench.started(1)
            let isUnified = CgroupHost.detect().hierarchy(of: "cpu")?.version == 2
            let share = isUnified ? "cpu.weight" : "cpu.shares",
                bound = isUnified ? "memory.max" : "memory.limit_in_bytes"
            #expect(bench.cgroupFile(1, "cpu", share) == (isUnified ? "50" : "512"))
            #expect(bench.cgroupFile(1, "memory", bound) == "\(64 << 20)")
            #expect(bench.cgroupFile(1, "cpu", "cgroup.procs") == "\(pid)")
            #expect(bench.cgroupFile(1, "memory", "cgroup.procs") == "\(pid)")
            try await bench.order { $0.update(1, Resources(milliCPU: 2000, milliMB: 128_000)) }
            try await eventually { bench.cgroupFile(1, "memory", bound) == "\(128 << 20)" }
            #expect(bench.cgroupFile(1, "cpu", share) == (isUnified ? "200" : "2048"))
            try await bench.order { $0.update(1, Resources(milliCPU: 100, milliMB: 1000)) }
            try await eventually { bench.cgroupFile(1, "memory", bound) == "\(32 << 20)" }
            let usage = try await bench.usage(1)
            #expect(try #require(usage.memoryBytes) > 0)
            #expect(usage.memoryLimitBytes == 32 << 20)
            #expect(usage.cpuTime != nil)
            try await bench.order { $0.destroy(1) }
            _ = try await bench.exit(1)
            #expect(bench.cgroupFile(1, "memory", bound) == nil)
        }
    }

    /// What is told within the calls that change limits.
    private static func told(_ bench: Bench, _ resources: [Resources]) async throws -> [ContainerEvent] {
        try await bench.order { containerizer in
            let onEvent = containerizer.onEvent
            defer { containerizer.onEvent = onEvent }
            var told: [ContainerEvent] = []
            containerizer.onEvent = { told.append($0) }
            for resources in resources { containerizer.update(1, resources) }
            return told
        }
    }

    @Test("Where nothing sets limits, whoever changes them is told within the call")
    func updatesWithoutLimits() async throws {
        try await Bench.run(cgroups: false) { bench in
            try await bench.launch(1, "exec sleep 100")
            try await bench.started(1)
            let larger = Resources(milliCPU: 2000, milliMB: 128_000)
            let told = try await Self.told(bench, [larger])
            #expect(told == [.updated(1, problem: nil)])
            try await bench.order { $0.destroy(1) }
            _ = try await bench.exit(1)
        }
    }

    @Test(
        "Few changes of limits, for which nothing is waited, are made within the call; others are not",
        .enabled(if: hasCgroups))
    func quickUpdates() async throws {
        try await Bench.run { bench in
            try await bench.launch(1, "x=$(head -c 48000000 /dev/zero | tr '\\0' x); sleep 100")
            try await bench.started(1)
            try await eventually { (try? await bench.usage(1).memoryBytes ?? 0 > 45_000_000) == true }
            let small = Resources(milliCPU: 100, milliMB: 32_000), large = Resources(milliCPU: 2000, milliMB: 128_000)
            let updated = ContainerEvent.updated(1, problem: nil)
            let few = try await Self.told(bench, [large, large])
            #expect(few == [updated, updated])
            #expect(try await bench.usage(1).memoryLimitBytes == 128 << 20)
            // It holds more than that.
            let lower = try await Self.told(bench, [small])
            #expect(lower == [])
            #expect(try await bench.updated(1) == nil)
            // More than the loop has time for.
            let many = try await Self.told(bench, Array(repeating: large, count: 100))
            #expect(many.count < 100)
            #expect(try await bench.updated(1) == nil)
            try await bench.order { $0.destroy(1) }
            _ = try await bench.exit(1)
        }
    }

    @Test("Whoever changes limits is told when they hold, or why they cannot", .enabled(if: hasCgroups))
    func updates() async throws {
        try await Bench.run { bench in
            try await bench.launch(1, "exec sleep 100")
            let pid = try await bench.started(1)
            let larger = Resources(milliCPU: 2000, milliMB: 128_000)
            try await bench.order { $0.update(1, larger) }
            #expect(try await bench.updated(1) == nil)
            let group = try #require(bench.group(1, "memory"))
            let elsewhere = try #require(CgroupHost.detect().hierarchy(of: "memory")?.mount)
            try Files.write("\(pid)", to: elsewhere + "/cgroup.procs")
            try #require(rmdir(group) == 0)
            try await bench.order { $0.update(1, larger) }
            #expect(try await bench.updated(1)?.contains(group) == true)
            // An agent that finds it so leaves it so.
            try await bench.stop()
            #expect(try await bench.start() == [RecoveredRun(runID: 1, .running(pid: pid))])
            var spec = bench.spec(1, CommandInfo(shell: "exec sleep 100"))
            spec.resources = larger
            let found = spec
            try await bench.order { $0.adopt(found) }
            #expect(try await bench.updated(1) == nil)
            try await bench.order { $0.update(1, larger) }
            #expect(try await bench.updated(1) == nil)
            #expect(isAlive(pid))
            try await bench.order { $0.destroy(1) }
            _ = try await bench.exit(1)
            #expect(!isAlive(pid))
        }
    }

    @Test("A quota and a bound on processes are set where they are wanted", .enabled(if: hasCgroups))
    func quota() async throws {
        var settings = IsolationSettings()
        settings.enforcesCPUQuota = true
        settings.pidsLimit = 20
        try await Bench.run(settings: settings) { bench in
            try await bench.launch(1, "exec sleep 100")
            try await bench.started(1)
            if CgroupHost.detect().hierarchy(of: "cpu")?.version == 2 {
                #expect(bench.cgroupFile(1, "cpu", "cpu.max") == "50000 100000")
            } else {
                #expect(bench.cgroupFile(1, "cpu", "cpu.cfs_quota_us") == "50000")
            }
            #expect(bench.cgroupFile(1, "pids", "pids.max") == "20")
            #expect(try await bench.usage(1).processes == 1)
            try await bench.order { $0.destroy(1) }
            _ = try await bench.exit(1)
        }
    }

    @Test("A container that needs more than its memory ends, and the cause is told", .enabled(if: hasCgroups))
    func outOfMemory() async throws {
        try await Bench.run { bench in
            // The end of a pipe of a single line: tail holds all of it.
            try await bench.launch(1, "head -c 300000000 /dev/zero | tail -c 250000000 > /dev/null; exit 1")
            try await bench.started(1)
            let exit = try await bench.exit(1)
            #expect(exit.cause == .memoryLimit)
            #expect(
                exit.message.hasPrefix("The container needed more than its memory: the limit is 64 MB, the peak was 6"))
            let used = try #require(exit.limitation)
            #expect((60_000...64_000).contains(used.mem) && used == Resources(milliCPU: 0, milliMB: used.mem))
            let (next, _) = try await bench.result(2, "exit 1")
            #expect(next.cause == .itself)
        }
    }

    @Test("Supervisors and their tasks are in no group of the agent's, in any tree", .enabled(if: hasCgroups))
    func supervisorGroups() async throws {
        try await Bench.run { bench in
            try await bench.launch(1, "exec sleep 100")
            let task = try await bench.started(1)
            let supervisor = try #require(bench.supervisor())
            let token = Isolator.agentToken(name: "test", directory: bench.directory)
            for pid in [supervisor, task] {
                let groups = (contents("/proc/\(pid)/cgroup") ?? "").split(separator: "\n")
                #expect(!groups.isEmpty)
                #expect(groups.allSatisfy { $0.contains("/meseta/\(token)/") }, "\(groups)")
            }
            try await bench.order { $0.destroy(1) }
            _ = try await bench.exit(1)
        }
    }

    @Test("Control groups of old, new and mixed machines are told apart")
    func mounts() {
        let old = """
            30 23 0:26 / /sys/fs/cgroup/systemd rw,nosuid shared:9 - cgroup cgroup rw,xattr,name=systemd
            31 23 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:10 - cgroup cgroup rw,cpu,cpuacct
            32 23 0:28 / /sys/fs/cgroup/memory rw,nosuid shared:11 - cgroup cgroup rw,memory
            33 23 0:29 / /sys/fs/cgroup/freezer rw,nosuid shared:12 - cgroup cgroup rw,freezer

            """
        let new = "35 23 0:30 / /sys/fs/cgroup\\040here rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
        let readOnly = "35 23 0:30 / /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw\n"

        let first = CgroupHost(mountinfo: old) { _ in "" }
        #expect(first.hierarchy(of: "cpu")?.mount == "/sys/fs/cgroup/cpu,cpuacct")
        #expect(first.tracking?.mount == "/sys/fs/cgroup/freezer")
        #expect(first.hierarchies.count == 3)
        #expect(first.separateMounts.count == 4, "also those that limit nothing")
        let second = CgroupHost(mountinfo: new) { _ in "cpuset cpu io memory pids\n" }
        #expect(second.hierarchy(of: "memory") == second.unified)
        #expect(second.tracking?.mount == "/sys/fs/cgroup here")
        #expect(second.separateMounts.isEmpty)
        let mixed = CgroupHost(mountinfo: old + new) { _ in "hugetlb\n" }
        #expect(mixed.hierarchy(of: "memory")?.version == 1)
        #expect(mixed.tracking?.version == 2)
        #expect(CgroupHost(mountinfo: readOnly) { _ in "cpu" }.hierarchies.isEmpty)
        #expect(CgroupHost(mountinfo: "") { _ in "" }.tracking == nil)
    }

    @Test("An agent detects what its machine has, and says how it came to that")
    func detection() {
        let detected = ResourceDetection.detect(directory: "/tmp")
        #expect(detected.resources.cpus > 0)
        #expect(detected.resources.mem > 0)
        #expect(detected.resources.disk > 0)
        #expect(detected.resources.gpus == 0)
        #expect(detected.resources.ranges("ports") == IntegerRanges([31_000...32_000]))
        #expect(detected.explanation.count == 5)
        #expect(ProcessorList.numbers(in: "0-3,8\n") == [0, 1, 2, 3, 8])
        let unified = CgroupHierarchy(mount: "/c", version: 2, controllers: ["cpu"])
        #expect(ResourceDetection.ownPath(unified, "1:cpu:/a\n0::/b/c\n") == "/b/c")
    }
}
