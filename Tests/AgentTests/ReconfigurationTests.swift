import Model
import Testing

@testable import AgentCore

/// An agent that starts again with something else to share out.
struct ReconfigurationTests {
    private static func objection(
        _ machine: Machine, _ total: Resources, _ policy: ReconfigurationPolicy = .any, attributes: [Attribute] = [],
        boot: String = "boot-1", runs: [RecoveredRun] = [RecoveredRun(runID: 1, .running(pid: 1))]
    ) -> String? {
        var settings = machine.settings
        settings.total = total
        settings.attributes = attributes
        settings.reconfigurationPolicy = policy
        let next = AgentState(settings: settings, codec: codec, random: SeededGenerator(seed: 1))
        return next.objection(to: machine.disk, boot: boot, runs: runs)
    }

    @Test(
        "What it is to share out is logged once, and again when it changes; the master hears it with the registration")
    func logged() {
        func configurations(_ machine: Machine) -> [Resources] {
            machine.disk.compactMap { if case .configured(let value) = $0 { value.total } else { nil } }
        }
        var machine = Machine.registered(total: "cpus:4;mem:512")
        machine.restart()
        #expect(configurations(machine) == ["cpus:4;mem:512"])
        machine.settings.total = "cpus:8;mem:512"
        machine.restart()
        #expect(configurations(machine) == ["cpus:4;mem:512", "cpus:8;mem:512"])
        #expect(machine.attach().registration?.total == "cpus:8;mem:512")
        #expect(machine.attach().registration?.agentID == "1-A0")
        #expect(machine.facts.contains { if case .reconfigured = $0 { true } else { false } })
        machine.disk = machine.agent.snapshotRecords()
        machine.restart()
        #expect(configurations(machine) == ["cpus:8;mem:512"])
    }

    @Test("Less than what runs is refused, whatever the policy, and the message tells what to do")
    func doesNotHoldWhatRuns() throws {
        var machine = Machine.registered(total: "cpus:4;mem:512")
        machine.launch(.command("t", "true", "cpus:3;mem:32"))
        machine.started(1)
        let objection = try #require(Self.objection(machine, "cpus:2;mem:512"))
        for part in ["needs cpus:3", "cpus:2;mem:512", "drain", "--recover cleanup", "--dir"] {
            #expect(objection.contains(part), "\(objection)")
        }
        #expect(Self.objection(machine, "cpus:3;mem:32") == nil)
        // Of what has ended nothing is needed, as of what did not survive a boot.
        let exited = [RecoveredRun(runID: 1, .exited(.init(status: 0)))]
        #expect(Self.objection(machine, "cpus:2;mem:512", runs: exited) == nil)
        #expect(Self.objection(machine, "cpus:2;mem:512", boot: "boot-2", runs: []) == nil)
        #expect(Self.objection(machine, "cpus:2;mem:512", runs: []) != nil)
    }

    @Test("An executor and its tasks are needed together")
    func executors() {
        let machine = ExecutorTests.running()
        #expect(Self.objection(machine, "cpus:1.5;mem:96") == nil)
        #expect(Self.objection(machine, "cpus:1.4;mem:96") != nil)
        let exited = [RecoveredRun(runID: 1, .exited(.init(status: 0)))]
        #expect(Self.objection(machine, "cpus:0.1;mem:1", runs: exited) == nil)
    }

    @Test(
        "A policy decides which changes of resources are taken",
        arguments: [
            ("cpus:4;mem:512", true, true), ("cpus:5;mem:512;disk:10", false, true), ("cpus:3;mem:512", false, false),
            ("cpus:5;mem:511", false, false),
        ] as [(Resources, Bool, Bool)])
    func policies(total: Resources, isEqual: Bool, isMore: Bool) {
        let machine = Machine.registered(total: "cpus:4;mem:512")
        #expect((Self.objection(machine, total, .equal) == nil) == isEqual)
        #expect((Self.objection(machine, total, .additive) == nil) == isMore)
        #expect(Self.objection(machine, total, .any) == nil)
    }

    @Test("A policy decides which changes of attributes are taken, and the message names both")
    func attributes() throws {
        let rack = Attribute(name: "rack", value: .text("r1")), zone = Attribute(name: "zone", value: .text("a"))
        let machine = Machine.registered(total: "cpus:4") { $0.attributes = [rack] }
        #expect(Self.objection(machine, "cpus:4", .equal, attributes: [rack]) == nil)
        #expect(Self.objection(machine, "cpus:4", .additive, attributes: [zone, rack]) == nil)
        #expect(Self.objection(machine, "cpus:4", .additive, attributes: [zone]) != nil)
        #expect(Self.objection(machine, "cpus:4", .any, attributes: [zone]) == nil)
        let objection = try #require(Self.objection(machine, "cpus:4", .equal))
        #expect(objection.contains("rack:r1 and now has none"), "\(objection)")
    }

    @Test("A log of before this was written down is taken as it is, and a cleanup whatever it finds")
    func exempt() {
        var machine = Machine.registered(total: "cpus:4;mem:512")
        machine.launch(.command("t", "true", "cpus:3;mem:32"))
        var old = machine
        old.disk.removeAll { if case .configured = $0 { true } else { false } }
        #expect(Self.objection(old, "cpus:3;mem:32", .equal) == nil)
        machine.settings.recovery = .cleanup
        #expect(Self.objection(machine, "cpus:1", .equal) == nil)
    }
}
