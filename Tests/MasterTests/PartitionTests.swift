import MasterCore
import Model
import Testing

@Suite("Tasks on agents that are away for too long")
struct PartitionTests {
    /// A framework of that policy, whose task t1 runs on an agent that has just been given up.
    private func givenUp(_ policy: PartitionPolicy, _ capabilities: Set<FrameworkCapability> = []) -> (Small, PeerID) {
        let small = Small()
        let (peer, _) = small.stage.scheduler("pi", id: small.framework, capabilities) { $0.partitionPolicy = policy }
        let offer = small.stage.propose(small.allocator, small.agent, "cpus:1;mem:1024", for: small.framework)
        small.stage.call(peer, small.framework, launch(task("t1", on: small.agent), from: offer?.id ?? "none"))
        small.stage.book(small.relay, 1, .task(record(1, small.framework, "t1", .running)))
        small.stage.step(.relay(small.relay, .agentDetached(index: 0, Attachment(starts: 1, connects: 1))))
        small.stage.wait(.seconds(75))
        return (small, peer)
    }

    private func comesBack(_ small: Small) {
        small.stage.attach(
            "h1", id: small.agent, via: small.relay, connects: 2, tasks: [record(1, small.framework, "t1", .running)],
            position: 1)
    }

    @Test("A framework that waits is told that its task is unreachable, whatever its capabilities")
    func waits() {
        let (small, peer) = self.givenUp(.wait)
        #expect(small.stage.statuses(to: peer).map(\.state) == [.unreachable])
        #expect(small.stage.call(peer, small.framework, .reconcile([.init("t1")])).count == 1)
        #expect(small.stage.statuses(to: peer).map(\.state) == [.unreachable])
        self.comesBack(small)
        #expect(
            small.stage.statuses(to: peer).map(\.line) == ["t1 TASK_RUNNING \(StatusReason.agentReregistered.rawValue)"]
        )
        #expect(small.stage.orders(small.relay) == [])
    }

    @Test("A framework that replaces is told that its task is lost, and keeps it if the agent returns")
    func replaces() {
        let (small, peer) = self.givenUp(.replace)
        #expect(small.stage.statuses(to: peer).map(\.state) == [.lost])
        self.comesBack(small)
        #expect(small.stage.statuses(to: peer).map(\.state) == [.running])
        #expect(small.stage.orders(small.relay) == [])
    }

    @Test("A framework that wants so has its task killed when the agent returns", arguments: [true, false])
    func killsOnReturn(isPartitionAware: Bool) {
        let (small, peer) = self.givenUp(.killOnReturn, isPartitionAware ? [.partitionAware] : [])
        #expect(small.stage.statuses(to: peer).map(\.state) == [isPartitionAware ? .unreachable : .lost])
        self.comesBack(small)
        let kills = small.stage.orders(small.relay).filter { if case .kill = $0 { true } else { false } }
        #expect(kills.count == 1)
    }

    @Test("Statuses and books of an agent that was given up are not heard until it has registered again")
    func unheard() {
        let (small, peer) = self.givenUp(.replace)
        small.stage.book(small.relay, 2, .task(record(1, small.framework, "t1", .finished)))
        let status = StatusEnvelope(key: TaskKey(small.framework, "t1"), uuid: [1], status: [])
        small.stage.step(.relay(small.relay, .status(index: 0, status)))
        #expect(small.stage.events(to: peer) == [])
        self.comesBack(small)
        #expect(small.stage.statuses(to: peer).map(\.state) == [.running])
    }
}
