import Testing

@testable import Model

/// What a container may be asked to do.
struct RightsTests {
    @Test(
        "A limit is written as its name, the soft bound and the hard one",
        arguments: [
            ("nofile=1024:2048", .init(.openFiles, soft: 1024, hard: 2048)),
            ("core=0", .init(.core, soft: 0, hard: 0)),
            ("stack=8388608:unlimited", .init(.stack, soft: 8_388_608, hard: nil)),
            ("memlock=-1", .init(.lockedMemory, soft: nil, hard: nil)),
        ] as [(String, ContainerInfo.ResourceLimit)])
    func limits(text: String, limit: ContainerInfo.ResourceLimit) throws {
        #expect(try ContainerInfo.ResourceLimit(text) == limit)
    }

    @Test(
        "What is no limit is an error that says how one looks",
        arguments: [
            ("files=1", "write NAME=SOFT:HARD with a name out of as, core, cpu,"), ("nofile", "write NAME=SOFT:HARD"),
            ("", "write NAME=SOFT:HARD"), ("nofile=", "whole numbers, or unlimited"),
            ("nofile=1:2:3", "whole numbers, or unlimited"), ("nofile=-2", "whole numbers, or unlimited"),
            ("nofile=1k", "whole numbers, or unlimited"),
            ("nofile=2:1", "has a soft limit of nofile, 2, above the hard one, 1"),
            ("nofile=unlimited:5", "has a soft limit of nofile, unlimited, above the hard one, 5"),
        ])
    func invalidLimits(text: String, complaint: String) {
        let error = #expect(throws: ContainerInfo.ResourceLimit.Invalid.self) {
            _ = try ContainerInfo.ResourceLimit(text)
        }
        #expect(error?.description.contains(complaint) == true, "\(error?.description ?? "none")")
    }

    @Test("Each limit is there once at most, and its soft bound is not above the hard one")
    func limitsOfContainer() throws {
        var info = ContainerInfo()
        info.limits = try ContainerInfo.ResourceLimit.Kind.allCases.map { try .init("\($0.name)=5:6") }
        #expect(info.problem == nil)
        info.limits.append(.init(.stack, soft: 1, hard: 1))
        #expect(info.problem == "has two limits of stack")
        info.limits = [.init(.openFiles, soft: 7, hard: 6)]
        #expect(info.problem == "has a soft limit of nofile, 7, above the hard one, 6")
        info.limits = [.init(.openFiles, soft: 7, hard: nil), .init(.core, soft: nil, hard: nil)]
        #expect(info.problem == nil)
    }

    @Test("Effective capabilities are among the bounding ones, if both are told")
    func capabilitiesOfContainer() {
        var info = ContainerInfo()
        info.linux.effectiveCapabilities = 0b11
        #expect(info.problem == nil)
        info.linux.boundingCapabilities = 0b110
        #expect(info.problem == "has effective capabilities outside of its bounding ones: CHOWN")
        info.linux.boundingCapabilities = 0b11
        #expect(info.problem == nil)
    }

    @Test("Capabilities have the kernel's names and numbers")
    func names() {
        #expect(Capabilities.usual == 0xa804_25fb)
        #expect(Capabilities.all == 0x1ff_ffff_ffff)
        #expect(Capabilities.set(named: "CHOWN") == 1)
        #expect(Capabilities.set(named: "cap_net_admin") == 1 << 12)
        #expect(Capabilities.set(named: "CHECKPOINT_RESTORE") == 1 << 40)
        #expect(Capabilities.set(named: "all") == Capabilities.all)
        #expect(Capabilities.set(named: "") == nil)
        #expect(Capabilities.set(named: "CAP_") == nil)
        #expect(Capabilities.text(1 << 12 | 1 << 21 | 1 << 63) == "NET_ADMIN,SYS_ADMIN,63")
        #expect(Capabilities.text(0) == "none")
    }
}
