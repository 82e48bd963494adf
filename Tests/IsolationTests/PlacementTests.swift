import Model
import Synchronization
import Testing

@testable import Isolation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Which processors containers run on.
@Suite(.serialized, .enabled(if: hasCgroups && processors > 1)) struct PlacementTests {
    private static let settings: IsolationSettings = {
        var settings = IsolationSettings()
        settings.choice = try! IsolationChoice("cgroups,cgroup-cpuset")
        return settings
    }()

    /// What a container may run on, told every 10 ms until it is to end.
    private static let script = """
        while [ ! -e stop ]; do grep Cpus_allowed_list: /proc/self/status | cut -f2 > now; mv now list; sleep 0.01; done
        """

    private static func launch(_ bench: Bench, _ run: RunID, _ milliCPU: Int64) async throws -> ContainerSpec {
        var spec = bench.spec(run, CommandInfo(shell: self.script))
        spec.resources = Resources(milliCPU: milliCPU, milliMB: 64_000)
        let ready = spec
        try await bench.order { $0.launch(ready) }
        try await bench.started(run)
        return ready
    }

    private static func runs(_ bench: Bench, _ run: RunID, on list: String) async throws {
        try await eventually { bench.file(run, "list") == list + "\n" }
    }

    @Test("A container with whole cpus runs on processors that the others leave, until it ends")
    func ownProcessor() async throws {
        let (last, all) = ("\(processors - 1)", ProcessorList.text(Set(0..<processors)))
        let rest = ProcessorList.text(Set(0..<processors - 1))
        try await Bench.run(settings: Self.settings) { bench in
            let shared = try await Self.launch(bench, 1, 500)
            try await Self.runs(bench, 1, on: all)
            let own = try await Self.launch(bench, 2, 1000)
            try await Self.runs(bench, 2, on: last)
            try await Self.runs(bench, 1, on: rest)
            _ = try await Self.launch(bench, 3, Int64(processors) * 1000)
            try await Self.runs(bench, 3, on: rest)

            // Found again, whichever is told first.
            try await bench.stop()
            #expect(try await bench.start().count == 3)
            try await bench.order { $0.adopt(shared) }
            try await bench.order { $0.adopt(own) }
            try await eventually { (try? await bench.usage(2).processors) == last }
            _ = try await Self.launch(bench, 4, 250)
            try await Self.runs(bench, 4, on: rest)
            try await Self.runs(bench, 2, on: last)

            try await bench.order { $0.update(2, Resources(milliCPU: 1100, milliMB: 64_000)) }
            for run in 1...RunID(4) { try await Self.runs(bench, run, on: all) }
            try await bench.order { $0.update(2, Resources(milliCPU: 1000, milliMB: 64_000)) }
            try await Self.runs(bench, 4, on: rest)
            close(creat(bench.sandbox(2) + "/stop", 0o600))
            #expect(try await bench.exit(2).code == 0)
            try await Self.runs(bench, 1, on: all)
        }
    }

    @Test("That a container has to share is told once")
    func toldOnce() throws {
        let told = Mutex<[String]>([])
        let isolator = Isolator(agent: "placement-\(getpid())", settings: Self.settings) { text in
            told.withLock { $0.append(text) }
        }
        defer { isolator.removeAll() }
        let resources = Resources(milliCPU: Int64(processors) * 1000, milliMB: 64_000)
        _ = try isolator.prepare(1, resources)
        try isolator.update(1, resources)
        #expect(
            told.withLock { $0 } == [
                "run 1 has \(processors) cpus and no processor of its own: "
                    + "\(processors) of \(processors) are free, and one is left for all"
            ])
        #expect(isolator.cleanUp(1))
    }
}
