import Model
import Testing

@testable import Isolation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Whether groups can serve twice here: no controller in the unified tree.
private let hasPool: Bool = {
    let host = CgroupHost.detect()
    return hasCgroups && ["cpu", "memory"].allSatisfy { host.hierarchy(of: $0)?.version == 1 } && host.tracking != nil
}()

@Suite("Control groups that serve one container after the other", .serialized, .enabled(if: hasPool))
struct CgroupPoolTests {
    @Test("Groups of a container that has ended serve the next one, which sees nothing of the first")
    func reuse() async throws {
        try await Bench.run { bench in
            let busy =
                "head -c 30000000 /dev/zero | tail -c 25000000 > /dev/null; i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"
            try await bench.launch(1, busy + "; sleep 1")
            try await bench.started(1)
            let group = try #require(bench.group(1))
            try await eventually { (try? await bench.usage(1).memoryPeakBytes ?? 0) ?? 0 > 20 << 20 }
            try await eventually { (try? await bench.usage(1).cpuTime) ?? .zero > .milliseconds(50) }
            #expect(try await bench.exit(1).status == 0)

            try await bench.launch(2, "exec sleep 100")
            try await bench.started(2)
            #expect(bench.group(2) == group)
            #expect(bench.group(1) == nil)
            #expect(bench.cgroupFile(2, "cpu", "cpu.shares") == "512")
            #expect(bench.cgroupFile(2, "memory", "memory.limit_in_bytes") == "\(64 << 20)")
            let usage = try await bench.usage(2)
            #expect(try #require(usage.cpuTime) < .milliseconds(50))
            #expect(try #require(usage.memoryPeakBytes) < 10 << 20)
            #expect(usage.processes == 1)
            try await bench.order { $0.destroy(2) }
            _ = try await bench.exit(2)
        }
    }

    @Test("Groups in which the kernel ended something, or that hold others, do not serve twice")
    func notReused() async throws {
        try await Bench.run { bench in
            let hog = "head -c 300000000 /dev/zero | tail -c 250000000 > /dev/null; exit 1"
            try await bench.launch(1, "while ! test -e go; do sleep 0.01; done; \(hog)")
            try await bench.started(1)
            let first = try #require(bench.group(1))
            close(creat(bench.sandbox(1) + "/go", 0o644))
            #expect(try await bench.exit(1).cause == .memoryLimit)
            try await eventually { access(first, F_OK) != 0 }

            try await bench.launch(2, "exec sleep 100")
            try await bench.started(2)
            let second = try #require(bench.group(2))
            #expect(second != first)
            #expect(mkdir(second + "/inner", 0o755) == 0)
            try await bench.order { $0.destroy(2) }
            _ = try await bench.exit(2)
            try await eventually { access(second, F_OK) != 0 }
        }
    }

    @Test("Some are kept, the others removed, and with the agent all")
    func bounded() throws {
        var settings = IsolationSettings()
        settings.spareGroups = 3
        let isolator = Isolator(agent: "pool-\(getpid())", settings: settings)
        let runs = (1...5).map { RunID($0) }
        for run in runs { _ = try isolator.prepare(run, Resources(milliCPU: 100, milliMB: 32_000)) }
        #expect(isolator.tree.existingNames().count { $0.hasPrefix("slot-") } == 5)
        #expect(Set(runs.map { isolator.existingGroups(of: $0) }).count == 5)
        for run in runs { #expect(isolator.cleanUp(run)) }
        #expect(isolator.tree.existingNames().count { $0.hasPrefix("slot-") } == 3)
        isolator.removeAll()
        #expect(isolator.tree.existingNames().isEmpty)
    }

    @Test("An agent that is started again finds whose groups are whose, and removes those of nobody")
    func recovery() throws {
        let name = "pool-\(getpid())-again", first = Isolator(agent: name)
        for run in [1, 2, 3] as [RunID] { _ = try first.prepare(run, Resources(milliCPU: 100, milliMB: 32_000)) }
        #expect(first.cleanUp(2))
        #expect(first.cleanUp(1))
        // Takes the groups of the first.
        _ = try first.prepare(4, Resources(milliCPU: 100, milliMB: 32_000))
        let third = first.existingGroups(of: 3), fourth = first.existingGroups(of: 4)
        #expect(third.allSatisfy { $0.contains("slot-2") } && fourth.allSatisfy { $0.contains("slot-0") })

        let second = Isolator(agent: name)
        #expect(second.existingGroups(of: 3) == third)
        #expect(second.existingGroups(of: 4) == fourth)
        second.removeStrays(except: [3, 4])
        #expect(Set(second.tree.existingNames().filter { $0.hasPrefix("slot-") }) == ["slot-0", "slot-2"])
        // What is new goes to nobody else's.
        _ = try second.prepare(5, Resources(milliCPU: 100, milliMB: 32_000))
        #expect(!(third + fourth).contains { second.existingGroups(of: 5).contains($0) })
        for run in [3, 4, 5] as [RunID] { #expect(second.cleanUp(run)) }
        second.removeAll()
        #expect(second.tree.existingNames().isEmpty)
    }

    @Test("Groups that somebody has removed meanwhile are made anew")
    func removed() throws {
        let isolator = Isolator(agent: "pool-\(getpid())-gone")
        let resources = Resources(milliCPU: 100, milliMB: 32_000)
        let count = try isolator.prepare(0, resources).cgroups.count
        #expect(isolator.cleanUp(0))
        for index in 0..<count {
            let run = RunID(index * 2 + 1)
            let gone = try isolator.prepare(run, resources).cgroups[index]
            #expect(isolator.cleanUp(run))
            #expect(rmdir(gone) == 0)
            let groups = try isolator.prepare(run + 1, resources).cgroups
            #expect(groups.allSatisfy { access($0 + "/cgroup.procs", W_OK) == 0 })
            #expect(isolator.cleanUp(run + 1))
        }
        isolator.removeStrays(except: [])
        isolator.removeAll()
        #expect(isolator.tree.existingNames().isEmpty)
    }

    @Test("The end of a container that did all it had to waits for no control groups; the next gets them all the same")
    func toldAtOnce() async throws {
        try await Bench.run { bench in
            let wait = "while ! test -e go; do sleep 0.01; done"
            try await bench.launch(1, wait)
            try await bench.launch(2, wait + "; exit 3")
            try await bench.started(1)
            try await bench.started(2)
            let (first, second) = (try #require(bench.group(1)), try #require(bench.group(2)))
            let gate = bench.directory + "/gate"
            try await bench.order { containerizer in
                _ = containerizer.pool.runIfActive(eventLoop: containerizer.eventLoop) {
                    while access(gate, F_OK) != 0 { usleep(1000) }
                }
            }
            for run in [1, 2] as [RunID] { close(creat(bench.sandbox(run) + "/go", 0o644)) }
            #expect(try await bench.exit(1).status == 0)
            // Of this one it has to be seen first whether a limit ended it.
            try await bench.order { #expect($0.containers[2]?.isTold == false) }
            #expect(bench.group(1) == first)

            // The agent's log has the end already, while the thread is busy.
            try await bench.order {
                $0.forget(1)
                #expect($0.live(of: [1]) == [1])
            }
            try await bench.launch(3, "exec sleep 100")
            close(creat(gate, 0o644))
            #expect(try await bench.exit(2).code == 3)
            try await bench.started(3)
            #expect([first, second].contains(bench.group(3)))
            try await bench.order {
                #expect($0.live(of: [1]) == [])
                $0.destroy(3)
            }
            _ = try await bench.exit(3)
        }
    }

    @Test("Of a great many groups few files stay open, and none when they are gone")
    func openFiles() throws {
        func count() -> Int { names("/proc/self/fd").count }
        let before = count()
        let isolator = Isolator(agent: "pool-\(getpid())-open")
        let runs = (1...150).map { RunID($0) }, resources = Resources(milliCPU: 100, milliMB: 32_000)
        for run in runs { _ = try isolator.prepare(run, resources) }
        for run in runs { #expect(isolator.cleanUp(run)) }
        // Others open files meanwhile.
        #expect(count() - before < 64 * 10 + 50)
        for run in runs.prefix(10) { _ = try isolator.prepare(run, resources) }
        for run in runs.prefix(10) { #expect(isolator.cleanUp(run)) }
        isolator.removeAll()
        #expect(isolator.tree.existingNames().isEmpty)
        #expect(count() - before < 50)
    }

    @Test("A container's own changes of its limits are gone with it")
    func changedLimits() throws {
        let isolator = Isolator(agent: "pool-\(getpid())-changed")
        let resources = Resources(milliCPU: 500, milliMB: 64_000)
        for run in 1...3 as ClosedRange<RunID> {
            let groups = try isolator.prepare(run, resources).cgroups
            let shares = try #require(groups.first { access($0 + "/cpu.shares", F_OK) == 0 }) + "/cpu.shares"
            let memory = try #require(groups.first { access($0 + "/memory.limit_in_bytes", F_OK) == 0 })
            let (limit, withSwap) = (memory + "/memory.limit_in_bytes", memory + "/memory.memsw.limit_in_bytes")
            #expect(Files.value(shares) == "512\n")
            #expect(Files.value(limit) == "\(64 << 20)\n")
            if access(withSwap, F_OK) == 0 {
                #expect(Files.value(withSwap) == "\(64 << 20)\n")
                // More in one, less in the other.
                try Files.write(run == 1 ? "\(1 << 30)" : "\(32 << 20)", to: run == 1 ? withSwap : limit)
                try Files.write(run == 1 ? "\(1 << 30)" : "\(32 << 20)", to: run == 1 ? limit : withSwap)
            }
            try Files.write("2048", to: shares)
            #expect(isolator.cleanUp(run))
        }
        isolator.removeAll()
    }
}
