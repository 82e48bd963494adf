import Model
import Testing

@testable import Isolation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

@Suite struct ProcessLimitsTests {
    private static let own = """
        Limit                     Soft Limit           Hard Limit           Units     
        Max cpu time              unlimited            unlimited            seconds   
        Max core file size        0                    unlimited            bytes     
        Max open files            1024                 20000                files     
        Max nice priority         0                    0                    

        """

    @Test("Limits go as far as the agent's own, and no further")
    func bounds() throws {
        #expect(ProcessLimits.hardLimits(in: Self.own) == ["Max open files": 20_000, "Max nice priority": 0])
        let limits = try ProcessLimits.limits(
            [.init(.openFiles, soft: 10, hard: 20_000), .init(.cpu, soft: 5, hard: nil)], own: Self.own)
        #expect(
            limits == [
                .init(resource: 7, soft: 10, hard: 20_000), .init(resource: 0, soft: 5, hard: .max),
            ])
        for (hard, text) in [(20_001, "20001"), (nil, "unlimited")] as [(UInt64?, String)] {
            let error = #expect(throws: IsolationError.self) {
                _ = try ProcessLimits.limits([.init(.openFiles, soft: 10, hard: hard)], own: Self.own)
            }
            #expect(
                error?.description
                    == "The limit nofile is at most 20000 here, which is the agent's own, and \(text) is wanted: "
                    + "ask for less, or start the agent with more.")
        }
    }
}

@Suite(.serialized) struct LimitsTests {
    @Test("Each process has the limits that its task asks for, of every kind", arguments: kinds)
    func all(cgroups: Bool) async throws {
        try await Bench.run(cgroups: cgroups) { bench in
            let own = ProcessLimits.hardLimits(in: contents("/proc/self/limits") ?? "")
            // What a shell needs to run at all, and of the rest less than the agent has.
            let large: [ContainerInfo.ResourceLimit.Kind: UInt64] = [
                .addressSpace: 1 << 40, .data: 1 << 40, .residentSet: 1 << 40, .stack: 8 << 20, .fileSize: 1 << 30,
                .cpu: 1000, .realTime: 1_000_000, .processes: 900, .openFiles: 90,
            ]
            let names: [(ContainerInfo.ResourceLimit.Kind, String)] = [
                (.addressSpace, "Max address space"), (.core, "Max core file size"), (.cpu, "Max cpu time"),
                (.data, "Max data size"), (.fileSize, "Max file size"), (.locks, "Max file locks"),
                (.lockedMemory, "Max locked memory"), (.messageQueues, "Max msgqueue size"),
                (.nice, "Max nice priority"), (.openFiles, "Max open files"), (.processes, "Max processes"),
                (.residentSet, "Max resident set"), (.realTimePriority, "Max realtime priority"),
                (.realTime, "Max realtime timeout"), (.pendingSignals, "Max pending signals"),
                (.stack, "Max stack size"),
            ]
            #expect(names.count == ContainerInfo.ResourceLimit.Kind.allCases.count)
            var spec = bench.spec(1, CommandInfo(shell: "cat /proc/self/limits"))
            var info = ContainerInfo(), expected: [String: UInt64] = [:]
            for (kind, name) in names {
                let hard = min(own[name] ?? .max, large[kind] ?? 8)
                info.limits.append(.init(kind, soft: hard - hard / 8, hard: hard))
                expected[name] = hard
            }
            spec.container = info
            let ready = spec
            try await bench.order { $0.launch(ready) }
            try await bench.started(1)
            #expect(try await bench.exit(1).code == 0)
            #expect(ProcessLimits.hardLimits(in: bench.file(1, "stdout")) == expected)
            #expect(bench.file(1, "stdout").contains("Max core file size        7                    8 "))
        }
    }

    @Test("A limit above the agent's own fails the launch, and the message says what to do")
    func above() async throws {
        let own = try #require(ProcessLimits.hardLimits(in: contents("/proc/self/limits") ?? "")["Max open files"])
        try await Bench.run { bench in
            var spec = bench.spec(1, CommandInfo(shell: "true"))
            spec.container = ContainerInfo()
            spec.container?.limits = [.init(.openFiles, soft: nil, hard: nil)]
            let ready = spec
            try await bench.order { $0.launch(ready) }
            #expect(
                try await bench.next(1)
                    == .launchFailed(
                        1,
                        message: "The limit nofile is at most \(own) here, which is the agent's own, and unlimited is "
                            + "wanted: ask for less, or start the agent with more."))
        }
    }

    @Test("Where an agent leaves all capabilities to root, who says which it has is refused")
    func noModule() async throws {
        try await Bench.run { bench in
            var spec = bench.spec(1, CommandInfo(shell: "true"))
            spec.container = ContainerInfo()
            spec.container?.linux.effectiveCapabilities = 0
            let ready = spec
            try await bench.order { $0.launch(ready) }
            guard case .launchFailed(_, let message) = try await bench.next(1) else {
                Issue.record("it was started")
                return
            }
            #expect(message.contains("start that with --isolation capabilities beside its other modules"))
        }
    }
}

@Suite(.serialized, .enabled(if: isRoot)) struct CapabilityTests {
    private func run(_ modules: String = "cgroups,capabilities", _ body: (Bench) async throws -> Void) async throws {
        var settings = IsolationSettings()
        settings.choice = try IsolationChoice(modules)
        settings.allowedCapabilities = Capabilities.usual | 1 << 12
        try await Bench.run(settings: settings, body)
    }

    private func launch(
        _ bench: Bench, _ run: RunID, effective: UInt64? = nil, bounding: UInt64? = nil, user: String? = nil,
        _ script: String = "grep -E '^Cap(Prm|Eff|Bnd|Amb)' /proc/self/status | tr -d '\\t'; sleep 100"
    ) async throws {
        var spec = bench.spec(run, CommandInfo(shell: script), user: user)
        spec.container = ContainerInfo()
        spec.container?.linux.effectiveCapabilities = effective
        spec.container?.linux.boundingCapabilities = bounding
        let ready = spec
        try await bench.order { $0.launch(ready) }
    }

    private static func sets(_ mask: String, ambient: String = "0000000000000000") -> String {
        "CapPrm:\(mask)\nCapEff:\(mask)\nCapBnd:\(mask)\nCapAmb:\(ambient)\n"
    }

    @Test(
        "Root in a container has what its task asks for, without asking the usual",
        arguments: [
            (nil, nil, "00000000a80425fb"), (1 << 12 | 1, nil, "0000000000001001"), (0, nil, "0000000000000000"),
            (nil, 0b111, "0000000000000003"), (0b1, 0b11, "0000000000000001"),
        ] as [(UInt64?, UInt64?, String)])
    func root(effective: UInt64?, bounding: UInt64?, expected: String) async throws {
        try await self.run { bench in
            try await self.launch(
                bench, 1, effective: effective, bounding: bounding.map { $0 & ~0b100 },
                "grep -E '^Cap(Prm|Eff|Bnd|Amb)' /proc/self/status | tr -d '\\t'")
            try await bench.started(1)
            #expect(try await bench.exit(1).code == 0)
            #expect(bench.file(1, "stdout") == Self.sets(expected))
        }
    }

    @Test(
        "Another user has what his task asks for, so do its children and its checks, and nothing unasked",
        arguments: ["cgroups,capabilities", "cgroups,capabilities,seccomp,namespace-pid,namespace-mount"])
    func otherUser(modules: String) async throws {
        try await self.run(modules) { bench in
            try await self.launch(bench, 1, effective: 1 << 10, user: "daemon")
            try await bench.started(1)
            let mask = "0000000000000400"
            try await eventually { bench.file(1, "stdout").utf8.count >= Self.sets(mask, ambient: mask).utf8.count }
            #expect(bench.file(1, "stdout") == Self.sets(mask, ambient: mask))
            var probe = bench.spec(
                1, CommandInfo(shell: "id -un; grep -E '^Cap(Prm|Eff|Bnd|Amb)' /proc/self/status | tr -d '\\t'"),
                user: "daemon")
            probe.container = ContainerInfo()
            probe.container?.linux.effectiveCapabilities = 1 << 10
            #expect(
                try await bench.probe(probe)
                    == .exited(status: 0, output: "daemon\n" + Self.sets(mask, ambient: mask)))
            try await bench.order { $0.destroy(1) }
            _ = try await bench.exit(1)
            try await self.launch(bench, 2, user: "daemon", "grep -E '^Cap(Eff|Amb)' /proc/self/status | tr -d '\\t'")
            try await bench.started(2)
            _ = try await bench.exit(2)
            #expect(bench.file(2, "stdout") == "CapEff:0000000000000000\nCapAmb:0000000000000000\n")
        }
    }

    @Test("What the operator does not allow fails the launch, and the message says what he does")
    func excess() async throws {
        try await self.run { bench in
            for (run, effective, bounding) in [(1, 1 << 21 | 1, nil), (2, nil, 1 << 21)] as [(RunID, UInt64?, UInt64?)]
            {
                try await self.launch(bench, run, effective: effective, bounding: bounding)
                guard case .launchFailed(_, let message) = try await bench.next(run) else {
                    Issue.record("it was started")
                    return
                }
                #expect(
                    message.hasPrefix(
                        "It asks for the capabilities SYS_ADMIN, which this agent does not allow "
                            + "(--allowed-capabilities CHOWN,"))
                #expect(message.contains(",NET_ADMIN,"))
            }
        }
    }

    @Test("A start with ambient capabilities is for supervisors that know them")
    func version() {
        var start = SupervisorStart(
            runID: 1, program: "a", arguments: [], environment: [], directory: "/", outputPath: "", errorPath: "",
            mark: "")
        #expect(start.version == 1)
        start.capabilities = 1
        #expect(start.version == 2)
        start.hasAmbientCapabilities = true
        #expect(start.version == 3)
    }
}
