import ChaosCore
import Model
import Testing

@testable import meseta

@Suite("What users write of faults")
struct ScheduleFileTests {
    @Test("A schedule is read from YAML and from JSON")
    func read() throws {
        let fault = Fault(at: .seconds(2.5), for: .seconds(1), .resetPeer, ChaosTarget(.zooKeeper, 2))
        for text in [
            "- {at: 2.5, for: 1, fault: reset-peer, target: zookeeper-2}",
            #"[{"at": 2.5, "for": 1, "fault": "reset-peer", "target": "zookeeper-2"}]"#,
        ] {
            #expect(try ScheduleFile.faults(in: text, named: "f") == [fault])
        }
    }

    @Test(
        "A schedule that means nothing is refused",
        arguments: [
            "at: 1", "- {at: 1, for: 1, fault: kill}", "- {at: 1, for: 1, fault: flood, target: relay-1}",
            "- {at: 1, for: 1, fault: kill, target: relay}", "- {at: .inf, for: 1, fault: kill, target: relay-1}",
            "- {at: 1, for: .nan, fault: kill, target: relay-1}",
        ])
    func refused(text: String) {
        #expect(throws: Complaint.self) { try ScheduleFile.faults(in: text, named: "f") }
    }

    @Test("Rates and targets are read, and what they cannot be is refused")
    func flags() throws {
        let intervals = try ScheduleFile.intervals("kill=2s,freeze=500ms,limit-data=1.5m")
        #expect(intervals == [.kill: .seconds(2), .freeze: .milliseconds(500), .limitData: .seconds(90)])
        for text in ["kill", "kill=", "kill=2", "kill=0s", "kill=-1s", "kill=infs", "flood=2s"] {
            #expect(throws: Complaint.self) { try ScheduleFile.intervals(text) }
        }
        #expect(try ScheduleFile.roles("master,zookeeper") == [.master, .zooKeeper])
        #expect(throws: Complaint.self) { try ScheduleFile.roles("gateway") }
    }
}
