internal import MasterCore
internal import Messages
public import Model

/// A master over the simulated network, and its checker: its books must be in order after every event.
public final class SimulatedMaster: SimulatedProcess {
    private var state: MasterState?
    private var endpoints: [PeerID: (endpoint: Network.Endpoint, role: PeerRole)] = [:]
    private var effects: [MasterState.Effect] = []

    /// Whether it leads.
    public var isLeading: Bool { self.isUp && self.state?.leadingEpoch != nil }

    override func begin() {
        self.state = MasterState(
            settings: self.cluster.settings.master, codec: ProtobufCodec(), generator: self.cluster.fork(),
            name: self.name, address: self.address)
        self.cluster.masterStarted(self)
    }

    override func died() {
        self.state = nil
        self.endpoints = [:]
        self.cluster.masterDied(self)
    }

    func elected(_ epoch: Epoch) {
        self.cluster.guarantees.masterElected()
        self.handle(.elected(epoch))
    }

    /// What its books say that each framework holds in each role, without these tasks.
    func holdings(without tasks: Set<TaskKey> = []) -> [FrameworkID: [String: Resources]] {
        self.state?.holdings(without: tasks) ?? [:]
    }

    override func admit(_ hello: Hello) -> Result<Welcome, Refusal> {
        guard let state else { return .failure(Refusal(.notLeader, "starting")) }
        let answer = state.admit(hello)
        if case .failure(let refusal) = answer, refusal.code == .stale, hello.role == .relay || hello.role == .agent {
            self.handle(.higherEpochSeen(hello.epoch))
        }
        return answer
    }

    override func accepted(_ endpoint: Network.Endpoint, _ hello: Hello) {
        let peer = endpoint.peer
        self.endpoints[peer] = (endpoint, hello.role)
        endpoint.received = { bytes in self.received(bytes, from: peer, as: hello.role) }
        endpoint.closed = { _ in
            self.endpoints[peer] = nil
            self.handle(.peerDisconnected(peer))
        }
        self.handle(.peerConnected(peer, hello))
    }

    private func received(_ bytes: Bytes, from peer: PeerID, as role: PeerRole) {
        switch role {
        case .relay: self.handle(.relay(peer, self.decode(RelayToMaster.self, bytes)))
        case .allocator: self.handle(.allocator(peer, self.decode(AllocatorToMaster.self, bytes)))
        case .scheduler: self.handle(.scheduler(peer, self.decode(SchedulerCall.self, bytes)))
        case .operator: self.handle(.operator(peer, self.decode(OperatorRequest.self, bytes)))
        case .master, .agent, .executor: preconditionFailure("the master admitted a \(role)")
        }
    }

    private func handle(_ event: MasterState.Event) {
        guard self.isUp, self.state != nil else { return }
        self.cluster.trace(self.name, event)
        var effects = self.effects
        self.effects = []
        self.state?.handle(event, at: self.cluster.queue.now, into: &effects)
        for effect in effects { self.perform(effect) }
        effects.removeAll(keepingCapacity: true)
        self.effects = effects
        if self.cluster.isCheckDue() { self.cluster.check(self.name, self.state?.checkInvariants() ?? []) }
    }

    private func perform(_ effect: MasterState.Effect) {
        switch effect {
        case .sendToRelay(let peer, let message): self.send(message, to: peer)
        case .sendToAllocator(let peer, let message): self.send(message, to: peer)
        case .sendToScheduler(let peer, let message): self.send(message, to: peer)
        case .sendToOperator(let peer, let message): self.send(message, to: peer)
        case .close(let peer, let refusal):
            if let entry = self.endpoints.removeValue(forKey: peer) {
                self.cluster.network.close(entry.endpoint, refusal)
            }
        case .setTimer(let timer, let instant): self.setTimer(timer, at: instant) { self.handle(.timerFired(timer)) }
        case .cancelTimer(let timer): self.cancelTimer(timer)
        case .stepDown(_, let above): self.cluster.masterSteppedDown(self, above: above)
        case .storePolicy: break  // Simulated masters have no files.
        case .observe(let fact):
            self.cluster.trace(self.name, fact)
            self.cluster.guarantees.observed(fact, by: self)
        }
    }

    private func send(_ message: some WireMessage, to peer: PeerID) {
        if let entry = self.endpoints[peer] { self.cluster.network.send(message, from: entry.endpoint) }
    }

    /// What the operator would see; nil unless it leads.
    public var status: ClusterStatus? { self.state?.status(at: self.cluster.queue.now) }
}
