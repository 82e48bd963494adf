internal import AllocatorCore
internal import Messages
internal import Model

/// An allocator over the simulated network.
public final class SimulatedAllocator: SimulatedProcess {
    private var state: AllocatorState?
    private var master: Network.Endpoint?
    /// Beside each proposal that it means it makes one that it should not.
    private let lies: Bool

    init(name: String, lies: Bool, in cluster: SimulatedCluster) {
        self.lies = lies
        super.init(name: name, in: cluster)
    }

    override func begin() {
        self.state = AllocatorState(settings: AllocatorSettings(name: self.name), codec: ProtobufCodec())
        self.dialMaster()
    }

    override func died() {
        self.state = nil
        self.master = nil
    }

    private func dialMaster() {
        guard self.master == nil, let leader = self.cluster.leader, let hello = self.state?.hello else {
            return self.dialLater()
        }
        self.cluster.network.dial(from: self, to: leader, hello: hello) { answer in
            guard case .success((let endpoint, let welcome)) = answer else { return self.dialLater() }
            self.master = endpoint
            endpoint.received = { bytes in
                self.handle(.master(endpoint.peer, self.decode(MasterToAllocator.self, bytes)))
            }
            endpoint.closed = { _ in
                guard self.master === endpoint else { return }
                self.master = nil
                self.handle(.masterDisconnected(endpoint.peer))
                self.dialLater()
            }
            self.handle(.masterConnected(endpoint.peer, welcome))
        }
    }

    private func dialLater() {
        self.later(after: .milliseconds(Int64.random(in: 20...200, using: &self.cluster.random))) { self.dialMaster() }
    }

    private func handle(_ event: AllocatorState.Event) {
        guard self.isUp, self.state != nil else { return }
        self.cluster.trace(self.name, event)
        var effects: [AllocatorState.Effect] = []
        self.state?.handle(event, at: self.cluster.queue.now, into: &effects)
        for effect in effects {
            switch effect {
            case .propose(_, let proposal):
                guard let master else { continue }
                self.cluster.network.send(proposal, from: master)
                guard self.lies, case .allocation(let allocation) = proposal else { continue }
                self.cluster.network.send(self.lie(beside: allocation), from: master)
            case .close(_, let refusal):
                guard let master else { continue }
                self.master = nil
                self.cluster.network.close(master, refusal)
                self.dialLater()
            case .setTimer(let timer, let instant):
                self.setTimer(timer, at: instant) { self.handle(.timerFired(timer)) }
            case .cancelTimer(let timer): self.cancelTimer(timer)
            case .observe(let fact): self.cluster.trace(self.name, fact)
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
