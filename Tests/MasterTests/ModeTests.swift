import MasterCore
import Model
import Testing

@Suite("Agents that operators take out of service")
struct ModeTests {
    private let drain = AgentMode.draining(.init(bound: .seconds(60)))

    private func ask(_ small: Small, _ peer: PeerID, _ mode: AgentMode, id: UInt64 = 5) -> [OperatorResponse.Kind] {
        small.stage.step(.operator(peer, OperatorRequest(id: id, .setMode(small.agent, mode))))
        return small.stage.answers(to: peer)
    }

    private func register(_ small: Small, _ mode: AgentMode, connects: UInt64 = 2, tasks: [TaskRecord] = []) {
        let registration = AgentRegistration(
            attachment: Attachment(starts: 1, connects: connects), agentID: small.agent, hostname: "h1",
            total: "cpus:4;mem:4096", position: 100, tasks: tasks, mode: mode)
        small.stage.step(.relay(small.relay, .agentAttached(index: 0, registration, sent: [], issuedEpoch: 7)))
    }

    private func row(_ small: Small, _ peer: PeerID) -> AgentRow? {
        small.stage.step(.operator(peer, OperatorRequest(id: 9, .agents)))
        for case .agent(let row) in small.stage.answers(to: peer) { return row }
        return nil
    }

    @Test("A wish is passed to the agent, and answered when the agent says that it has it")
    func passedOn() {
        let small = Small()
        let offer = small.offer("cpus:1")
        let peer = small.stage.operatorPeer()
        #expect(self.ask(small, peer, self.drain) == [])
        #expect(small.stage.orders(small.relay) == [.setMode(self.drain)])
        self.register(small, .draining(.init(bound: .seconds(60), since: small.stage.now)))
        #expect(small.stage.answers(to: peer) == [.done])
        #expect(small.stage.events(to: small.scheduler) == [.rescind(offer)])
        #expect(small.stage.propose(small.allocator, small.agent, "cpus:1", for: small.framework) == nil)
        // Again: it is so already.
        #expect(self.ask(small, peer, self.drain) == [.done])
        #expect(small.stage.orders(small.relay) == [])
        #expect(self.ask(small, peer, .active) == [])
        #expect(small.stage.orders(small.relay) == [.setMode(.active)])
        self.register(small, .active, connects: 3)
        #expect(small.stage.answers(to: peer) == [.done])
        #expect(small.stage.propose(small.allocator, small.agent, "cpus:1", for: small.framework) != nil)
    }

    @Test("Where a drain stands is shown: draining while something runs, then drained")
    func progress() {
        let small = Small()
        small.run("t1")
        let peer = small.stage.operatorPeer()
        #expect(self.row(small, peer)?.mode == .active)
        self.register(small, self.drain, tasks: [record(1, small.framework, "t1", .running, "cpus:1;mem:1024")])
        #expect(self.row(small, peer)?.mode.drain != nil)
        #expect(self.row(small, peer)?.isDrained == false)
        #expect(self.row(small, peer)?.isActive == false)
        small.stage.book(
            small.relay, connects: 2, 101, .task(record(1, small.framework, "t1", .killed, "cpus:1;mem:1024")))
        #expect(self.row(small, peer)?.isDrained == true)
        self.register(small, .active, connects: 3)
        #expect(self.row(small, peer)?.isDrained == false)
    }

    @Test("A wish for an agent that is away, or goes before it has it, is refused with what to do")
    func away() {
        let small = Small()
        let peer = small.stage.operatorPeer()
        #expect(self.ask(small, peer, .deactivated) == [])
        small.stage.step(.relay(small.relay, .agentDetached(index: 0, Attachment(starts: 1, connects: 1))))
        guard case .failure(let message)? = small.stage.answers(to: peer).last else { return #expect(Bool(false)) }
        #expect(message.contains("is away"))
        guard case .failure? = self.ask(small, peer, .deactivated).last else { return #expect(Bool(false)) }
        small.stage.wait(.seconds(76))
        guard case .failure? = self.ask(small, peer, .deactivated).last else { return #expect(Bool(false)) }
        small.stage.step(.operator(peer, OperatorRequest(id: 6, .setMode("7-A99", .active))))
        #expect(small.stage.answers(to: peer) == [.failure("Agent 7-A99 is not known")])
    }

    @Test("A wish that a broken connection swallowed is said again to the next attachment")
    func saidAgain() {
        let small = Small()
        let peer = small.stage.operatorPeer()
        #expect(self.ask(small, peer, self.drain) == [])
        #expect(small.stage.orders(small.relay) == [.setMode(self.drain)])
        self.register(small, .active)
        #expect(small.stage.answers(to: peer) == [])
        #expect(small.stage.orders(small.relay) == [.setMode(self.drain)])
        self.register(small, self.drain, connects: 3)
        #expect(small.stage.answers(to: peer) == [.done])
    }

    @Test("A new master learns from the agent what operators want of it, and offers nothing of it")
    func newMaster() {
        let stage = Stage()
        let relay = stage.relay()
        let allocator = stage.allocator()
        let registration = AgentRegistration(
            attachment: Attachment(starts: 3, connects: 1), agentID: "5-A1", hostname: "h1", total: "cpus:4;mem:4096",
            mode: self.drain)
        stage.step(.relay(relay, .agentAttached(index: 0, registration, sent: [], issuedEpoch: 6)))
        let (_, framework) = stage.scheduler()
        #expect(stage.propose(allocator, "5-A1", "cpus:1", for: framework) == nil)
    }
}
