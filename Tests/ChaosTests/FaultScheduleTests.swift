import ChaosCore
import Model
import Testing

@Suite("Schedules of faults")
struct FaultScheduleTests {
    private static func settings(seed: UInt64 = 1) -> FaultSchedule.Settings {
        var settings = FaultSchedule.Settings(seed: seed, duration: .seconds(600))
        settings.counts = [.master: 2, .allocator: 2, .relay: 2, .agent: 4, .zooKeeper: 3, .framework: 3]
        settings.intervals = [.kill: .seconds(2), .freeze: .seconds(10), .partition: .seconds(20)]
        return settings
    }

    @Test("A seed gives the same schedule again, another seed another")
    func seeds() throws {
        let first = try FaultSchedule.drawn(from: Self.settings())
        #expect(try FaultSchedule.drawn(from: Self.settings()) == first)
        #expect(try FaultSchedule.drawn(from: Self.settings(seed: 2)) != first)
    }

    @Test("Faults come as often as they are asked for, and every role has its part")
    func rates() throws {
        let faults = try FaultSchedule.drawn(from: Self.settings()).faults
        #expect((250...310).contains(faults.count { $0.kind == .kill }))
        #expect((50...70).contains(faults.count { $0.kind == .freeze }))
        for role in ChaosRole.allCases { #expect(faults.count { $0.target.role == role } > 30, "\(role)") }
        #expect(!faults.contains { $0.kind == .partition && $0.target.role == .framework })
        #expect(faults.allSatisfy { $0.end <= .seconds(600) })
    }

    @Test("Nobody suffers two faults at once, and a majority of ZooKeeper suffers none")
    func apart() throws {
        for seed in 1...20 as ClosedRange<UInt64> {
            let faults = try FaultSchedule.drawn(from: Self.settings(seed: seed)).faults
            for fault in faults {
                let beside = faults.filter { $0.start <= fault.start && $0.end > fault.start }
                #expect(Set(beside.map(\.target)).count == beside.count)
                #expect(beside.count { $0.target.role == .zooKeeper } <= 1)
            }
        }
    }

    @Test("A fault that has nobody to be done to is refused, and it is said why")
    func missingTargets() {
        var settings = Self.settings()
        settings.roles = [.framework]
        #expect(throws: FaultSchedule.Problem.self) { try FaultSchedule.drawn(from: settings) }
        settings = Self.settings()
        settings.counts[.zooKeeper] = 0
        #expect(throws: FaultSchedule.Problem.self) { try FaultSchedule.drawn(from: settings) }
    }

    @Test(
        "A schedule by hand is refused for a target that is missing, cannot suffer it, or suffers already",
        arguments: [
            Fault(at: .zero, for: .seconds(1), .kill, .init(.relay, 3)),
            Fault(at: .zero, for: .seconds(1), .fullDisk, .init(.relay, 1)),
            Fault(at: .zero, for: .zero, .kill, .init(.relay, 1)),
            Fault(at: .seconds(9), for: .seconds(1), .freeze, .init(.relay, 2)),
        ])
    func refused(fault: Fault) {
        let other = Fault(at: .seconds(8), for: .seconds(2), .kill, .init(.relay, 2))
        #expect(throws: FaultSchedule.Problem.self) {
            try FaultSchedule([other, fault], counts: Self.settings().counts)
        }
    }

    @Test("Names of processes are read as they are written")
    func names() {
        #expect(ChaosTarget("zookeeper-2") == ChaosTarget(.zooKeeper, 2))
        #expect("\(ChaosTarget(.relay, 1))" == "relay-1")
        for name in ["relay", "relay-0", "relay-x", "gateway-1", "-1", ""] { #expect(ChaosTarget(name) == nil) }
    }
}
