internal import AllocatorCore
internal import Messages
internal import Model

/// An allocator over the simulated network.
public final class SimulatedAllocator: SimulatedProcess {
    private var state: AllocatorState?
    private let timers = SimulatedTimers<AllocatorState.Timer>()
    private var follower: SimulatedFollower?
    /// Beside each proposal that it means it makes one that it should not.
    private let lies: Bool

    init(name: String, lies: Bool, in cluster: SimulatedCluster) {
        self.lies = lies
        super.init(name: name, in: cluster)
    }

    override func begin() {
        self.state = AllocatorState(settings: AllocatorSettings(name: self.name), codec: ProtobufCodec())
        self.follower = SimulatedFollower(
            self, by: .session,
            hello: { [unowned self] in self.state?.hello ?? Hello(role: .allocator, name: self.name) }
        ) { [unowned self] in self.masterHappened($0) }
    }

    override func died() {
        self.state = nil
        self.follower = nil
    }

    override func reachabilityChanged() { self.follower?.reachabilityChanged() }

    private func masterHappened(_ event: SimulatedDialer.Event) {
        switch event {
        case .welcomed(let endpoint, let welcome):
            endpoint.received = { bytes in
                self.handle(.master(endpoint.peer, self.decode(MasterToAllocator.self, bytes)))
            }
            self.handle(.masterConnected(endpoint.peer, welcome))
        case .lost(let endpoint): self.handle(.masterDisconnected(endpoint.peer))
        case .failed: break
        }
    }

    private func handle(_ event: AllocatorState.Event) {
        guard self.isUp, self.state != nil else { return }
        self.cluster.trace(self.name, event)
        var effects: [AllocatorState.Effect] = []
        self.state?.handle(event, at: self.now, into: &effects)
        for effect in effects where self.survivesEffect() {
            switch effect {
            case .propose(_, let proposal):
                guard let master = self.follower?.endpoint else { continue }
                self.cluster.network.send(proposal, from: master)
                guard self.lies, case .allocation(let allocation) = proposal else { continue }
                self.cluster.network.send(self.lie(beside: allocation), from: master)
            case .close(_, let refusal):
                self.follower?.hangUp(refusal)
            case .setTimer(let timer, let instant):
                self.timers.set(timer, of: self, at: instant) { self.handle(.timerFired(timer)) }
            case .cancelTimer(let timer): self.timers.cancel(timer)
            case .observe(let fact):
                self.cluster.trace(self.name, fact)
                if case .masterStale = fact { self.cluster.coverage.count(.staleLeadersRefused) }
            }
        }
    }

    /// A proposal of what is not its own, not there, not wanted, or not free.
    private func lie(beside allocation: Allocation) -> AllocatorToMaster {
        func draw(_ range: Range<UInt32>) -> UInt32 { UInt32.random(in: range, using: &self.cluster.random) }
        var lie = allocation
        lie.proposal += 1_000_000_000
        switch draw(0..<8) {
        case 0: lie.holding.agent = draw(0..<20)
        case 1: lie.holding.framework = draw(0..<10)
        case 2: lie.holding.resources += allocation.holding.resources
        case 3: lie.ownership += 1
        case 4: lie.holding.role = "nobody"
        case 5: lie.holding.resources = .init()
        case 6:
            return .revocation(
                Revocation(
                    proposal: lie.proposal, agent: draw(0..<6), ownership: allocation.ownership, victim: draw(0..<4),
                    taskID: TaskID("framework-\(draw(1..<4))-\(draw(1..<50))"), beneficiary: draw(0..<4),
                    grace: .zero))
        default: break  // The same once more.
        }
        return .allocation(lie)
    }
}
