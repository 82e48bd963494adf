import Model
import Testing

@testable import Isolation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

@Suite struct PortsWatchTests {
    private let start = ContinuousClock.now
    private var watch = PortsWatch(guarded: IntegerRanges([31_000...32_000]), interval: .seconds(10))

    @Test("A container that listens on its own ports, or on those that nobody shares out, is looked at now and then")
    mutating func own() {
        #expect(!self.watch.isDue(1, at: self.start))
        self.watch.begin(1)
        #expect(self.watch.isDue(1, at: self.start))
        let held = IntegerRanges([31_000...31_009])
        #expect(self.watch.saw(1, listeningOn: [31_000, 31_009, 80, 65_535], holding: held, at: self.start) == nil)
        #expect(!self.watch.isDue(1, at: self.start + .seconds(9)))
        self.watch.begin(1)
        #expect(!self.watch.isDue(1, at: self.start + .seconds(9)), "it has other resources, and goes on")
        #expect(self.watch.isDue(1, at: self.start + .seconds(10)))
    }

    @Test("One that listens on another's port is looked at again at once, and ends if it still does")
    mutating func strange() {
        self.watch.begin(1)
        let held = IntegerRanges([31_000...31_000])
        #expect(self.watch.saw(1, listeningOn: [31_000, 31_005, 31_003], holding: held, at: self.start) == nil)
        #expect(self.watch.isDue(1, at: self.start))
        #expect(self.watch.saw(1, listeningOn: [31_000, 31_005, 31_003], holding: held, at: self.start) == 31_003)
    }

    @Test("One that was just closing a port goes on")
    mutating func closing() {
        self.watch.begin(1)
        let held = IntegerRanges()
        #expect(self.watch.saw(1, listeningOn: [31_005], holding: held, at: self.start) == nil)
        #expect(self.watch.saw(1, listeningOn: [31_006], holding: held, at: self.start) == nil)
        #expect(self.watch.saw(1, listeningOn: [], holding: held, at: self.start) == nil)
        #expect(!self.watch.isDue(1, at: self.start + .seconds(9)))
        #expect(self.watch.saw(1, listeningOn: [31_006], holding: held, at: self.start + .seconds(10)) == nil)
        #expect(
            self.watch.saw(
                1, listeningOn: [31_006], holding: IntegerRanges([31_006...31_006]), at: self.start + .seconds(11))
                == nil, "it was given the port meanwhile")
    }

    @Test("If all ports are guarded, those that nobody shares out are nobody's")
    func strict() {
        var watch = PortsWatch(guarded: nil, interval: .seconds(10))
        watch.begin(1)
        for expected in [nil, 80] as [UInt16?] {
            let ports: Set<UInt16> = [80, 31_000], held = IntegerRanges([31_000...31_000])
            #expect(watch.saw(1, listeningOn: ports, holding: held, at: self.start) == expected)
        }
    }

    @Test("Of a container that has ended nothing is kept")
    mutating func ended() {
        let before = self.watch
        self.watch.begin(1)
        _ = self.watch.saw(1, listeningOn: [31_000], holding: IntegerRanges(), at: self.start)
        self.watch.end(1)
        #expect(self.watch.saw(1, listeningOn: [31_000], holding: IntegerRanges(), at: self.start) == nil)
        #expect(self.watch == before)
    }

    @Test("Of the kernel's table those that listen are read, of both families")
    func table() {
        let head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
        let four = """
               0: 0100007F:7918 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000 100 0
               1: 0100007F:7919 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0000 20 4
            """
        let six =
            "   0: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 "
            + "00:00000000 00000000     0        0 4713 1 0000 100 0\n"
        #expect(ListeningSockets.ports(in: head + four) == [4711: 31_000])
        #expect(ListeningSockets.ports(in: head + six) == [4713: 80])
        #expect(ListeningSockets.ports(in: head).isEmpty)
        #expect(ListeningSockets.ports(in: "").isEmpty)
    }
}

/// Whether processes are found by a control group here.
private let hasTracking = hasCgroups && CgroupHost.detect().tracking != nil

@Suite(.serialized, .enabled(if: hasTracking)) struct PortsTests {
    private func run(
        _ modules: String, guarding ports: String, _ body: (Bench) async throws -> Void
    ) async throws {
        var settings = IsolationSettings()
        settings.choice = try IsolationChoice(modules)
        settings.total = try Resources(text: ports)
        settings.portsInterval = .seconds(1)
        try await Bench.run(settings: settings) { bench in
            #expect(bench.isolator.missing.isEmpty)
            try await body(bench)
        }
    }

    /// Listens where it can, on a port below those that the kernel chooses by itself, and says where.
    private static let listener = """
        exec perl -MSocket -e '
            socket(S, PF_INET, SOCK_STREAM, 0);
            for ($port = 20000 + $$ % 5000; !bind(S, sockaddr_in($port, INADDR_LOOPBACK)); $port++) {}
            listen(S, 1); open(F, ">", "port.new"); print F $port; close F; rename("port.new", "port"); sleep 100'
        """

    @Test(
        "A container that listens on another's port is ended, and the port is told",
        arguments: ["cgroups", "processes"])
    func strange(kind: String) async throws {
        try await self.run("\(kind),ports", guarding: "ports:[20000-31000]") { bench in
            var spec = bench.spec(1, CommandInfo(shell: "(setsid sh -c \"$SCRIPT\" &); exec sleep 100"))
            spec.environment["SCRIPT"] = Self.listener
            spec.resources = "cpus:0.5;mem:64;ports:[19999-19999]"
            let ready = spec
            try await bench.order { $0.launch(ready) }
            try await bench.started(1)
            let port = try await bench.content(1, "port")
            let exit = try await bench.exit(1)
            #expect(exit.cause == .limitation)
            #expect(
                exit.message == "It listened on port \(port), which is not its own: it was given [19999-19999].")
        }
    }

    @Test("One that listens on its own port goes on, also after a restart of the agent, and ends without it")
    func own() async throws {
        try await self.run("cgroups,ports", guarding: "ports:[20000-31000]") { bench in
            var spec = bench.spec(1, CommandInfo(shell: Self.listener))
            spec.resources = "cpus:0.5;mem:64;ports:[20000-31000]"
            let ready = spec
            try await bench.order { $0.launch(ready) }
            let pid = try await bench.started(1)
            let port = try await bench.content(1, "port")
            try await Task.sleep(for: .seconds(4))
            #expect(isAlive(pid))
            try await bench.stop()
            #expect(try await bench.start().map(\.runID) == [1])
            try await bench.order { $0.adopt(ready) }
            try await Task.sleep(for: .seconds(4))
            #expect(isAlive(pid))
            try await bench.order { $0.update(1, "cpus:0.5;mem:64") }
            let exit = try await bench.exit(1)
            #expect(exit.message == "It listened on port \(port), which is not its own: it was given no ports.")
        }
    }

    @Test("What listens in a network of its own takes nobody's ports", .enabled(if: isRoot))
    func ownNetwork() async throws {
        try await self.run("cgroups,ports,namespace-network", guarding: "ports:[20000-31000]") { bench in
            try await bench.launch(1, Self.listener)
            let pid = try await bench.started(1)
            _ = try await bench.content(1, "port")
            try await Task.sleep(for: .seconds(4))
            #expect(isAlive(pid))
            try await bench.order { $0.destroy(1) }
            #expect(try await bench.exit(1).cause == .itself)
        }
    }

    @Test("Processes below a container's group are its own too")
    func nested() async throws {
        try await Bench.run { bench in
            try await bench.launch(1, "exec sleep 100")
            let pid = try await bench.started(1)
            let group = try #require(bench.group(1)), inner = group + "/inner"
            #expect(ListeningSockets.processes(inGroup: group) == [pid])
            try #require(mkdir(inner, 0o755) == 0)
            try Files.write("\(pid)", to: inner + "/cgroup.procs")
            #expect(ListeningSockets.processes(inGroup: group) == [pid])
            try await bench.order { $0.destroy(1) }
            _ = try await bench.exit(1)
        }
    }
}

@Suite struct PortsWithoutGroupsTests {
    @Test("Without a control group to find processes by, ports cannot be guarded, and the reason is told")
    func missing() throws {
        var settings = IsolationSettings()
        settings.choice = try IsolationChoice("ports")
        let isolator = Isolator(agent: "a", settings: settings, host: CgroupHost(mountinfo: "") { _ in "" })
        #expect(
            isolator.missing == [
                "ports: no control group that this agent may use to find the processes of a container by"
            ])
    }
}
