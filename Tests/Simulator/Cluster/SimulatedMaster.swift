internal import ElectionCore
internal import MasterCore
internal import Messages
public import Model

/// A master over the simulated network, and its checker: its books must be in order after every event.
public final class SimulatedMaster: SimulatedProcess {
    private var state: MasterState?
    private let timers = SimulatedTimers<MasterTimer>()
    private var endpoints: [PeerID: (endpoint: Network.Endpoint, role: PeerRole)] = [:]
    private var effects: [MasterState.Effect] = []
    private var group: SimulatedGroup?
    private var witness: LeaderWitness?
    private var witnessDialer: SimulatedDialer?
    /// Counts events, so that every row has its turn to be checked.
    private var turn = 0
    /// On its disk, where there is no ZooKeeper; nil: there is no such file.
    private var epochFile: Epoch?

    /// The epoch under which it leads; nil if it does not.
    public var leadingEpoch: Epoch? { self.isUp ? self.state?.leadingEpoch : nil }
    /// Whether it leads.
    public var isLeading: Bool { self.isUp && self.state?.leadingEpoch != nil }

    override func begin() {
        self.state = MasterState(
            settings: self.cluster.settings.master, codec: ProtobufCodec(), generator: self.cluster.fork(),
            name: self.name, address: self.address)
        if self.cluster.settings.isLone { return self.leadAlone(above: .none) }
        let own = MemberInfo(name: self.name, address: self.address, incarnation: self.incarnation)
        self.group = SimulatedGroup(self, candidate: own) { [unowned self] in self.elections($0, own) }
        self.group?.start()
    }

    /// As the one master of a cluster without ZooKeeper does.
    private func leadAlone(above seen: Epoch) {
        let epoch = Epoch(max(self.epochFile ?? .origin(at: self.now), seen).value + 1)
        self.epochFile = epoch
        self.cluster.elected(self, epoch)
        self.handle(.elected(epoch))
    }

    func loseEpochFile() { self.epochFile = nil }

    override func died() {
        self.state = nil
        self.endpoints = [:]
        self.group = nil
        self.watch(nil)
    }

    override func reachabilityChanged() { self.group?.reachabilityChanged() }

    /// What the election says.
    private func elections(_ change: SimulatedGroup.Change, _ own: MemberInfo) {
        switch change {
        case .lead(let epoch):
            self.cluster.elected(self, epoch)
            self.handle(.elected(epoch))
        case .stepDown(let reason):
            self.cluster.coverage.count(.leadersDeposed)
            self.handle(.deposed(reason))
        case .leaderChanged(let leader):
            let other = leader == own ? nil : leader
            self.handle(.leaderChanged(other?.address))
            if self.cluster.settings.witnesses { self.watch(other) }
        case .membersChanged(let members): self.handle(.mastersChanged(members.map(\.address)))
        }
    }

    /// Holds a connection to the leader, to see it die.
    private func watch(_ leader: MemberInfo?) {
        guard leader != self.witness?.leader else { return }
        self.witnessDialer?.stop()
        self.witnessDialer = nil
        self.witness = leader.map { LeaderWitness(leader: $0) }
        guard let leader else { return }
        let dialer = SimulatedDialer(
            self, hello: { [name] in Hello(role: .master, name: name) }, candidates: { [leader.address] }
        ) { [unowned self] event in
            switch event {
            case .welcomed(_, let welcome):
                self.group?.higherEpochSeen(welcome.epoch)
                self.witnessed(.welcomed(incarnation: welcome.incarnation))
            case .lost: self.witnessed(.lost)
            case .failed(leader.address, .portClosed): self.witnessed(.portClosed)
            case .failed(leader.address, .refused(let refusal)) where refusal.code == .notLeader:
                self.witnessed(.doesNotLead)
            case .failed: break
            }
        }
        self.witnessDialer = dialer
        dialer.start()
    }

    private func witnessed(_ event: LeaderWitness.Event) {
        guard let leader = self.witness?.leader, self.witness?.handle(event) != nil else { return }
        self.cluster.coverage.count(.deathsWitnessed)
        self.group?.deathWitnessed(leader.incarnation)
    }

    /// What its books say that each framework holds in each role, without these tasks.
    func holdings(without tasks: Set<TaskKey> = []) -> [FrameworkID: [String: Resources]] {
        self.state?.holdings(without: tasks) ?? [:]
    }

    override func admit(_ hello: Hello) -> Result<Welcome, Refusal> {
        guard let state else { return .failure(Refusal(.notLeader, "starting")) }
        let answer = state.admit(hello)
        // A relay obeys the highest epoch it has seen; if that is not ours, we lead no longer.
        if hello.role == .relay, let ours = state.leadingEpoch, hello.epoch > ours {
            self.later(after: .zero) { self.handle(.higherEpochSeen(hello.epoch)) }
        }
        return answer
    }

    override func accepted(_ endpoint: Network.Endpoint, _ hello: Hello) {
        let peer = endpoint.peer
        if hello.role == .master { return }  // A standby's eye: nothing is said.
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
        self.state?.handle(event, at: self.now, into: &effects)
        for effect in effects where self.survivesEffect() { self.perform(effect) }
        self.checkBooks(after: effects)
        effects.removeAll(keepingCapacity: true)
        self.effects = effects
    }

    private func checkBooks(after effects: [MasterState.Effect]) {
        self.turn += 1
        if self.cluster.settings.checksEachEvent {
            self.cluster.check(self.name, self.state?.checkInvariants(after: effects, turn: self.turn) ?? [])
        }
        if self.cluster.isCheckDue() { self.cluster.check(self.name, self.state?.checkInvariants() ?? []) }
    }

    /// Free resources that could be offered now, by agent.
    var offerable: [AgentID: Set<String>] { self.state?.offerable(at: self.now) ?? [:] }

    private func perform(_ effect: MasterState.Effect) {
        switch effect {
        case .sendToRelay(let peer, let message): self.send(message, to: peer)
        case .sendToAllocator(let peer, let message): self.send(message, to: peer)
        case .sendToScheduler(let peer, let message): self.send(message, to: peer)
        case .sendToOperator(let peer, let message): self.send(message, to: peer)
        case .close(let peer, let refusal):
            if let entry = self.endpoints.removeValue(forKey: peer) {
                if entry.role == .relay, refusal?.message.hasPrefix("another scheduler") == true {
                    self.cluster.coverage.count(.olderRelaysDropped)
                }
                self.cluster.network.close(entry.endpoint, refusal)
            }
        case .setTimer(let timer, let instant):
            self.timers.set(timer, of: self, at: instant) { self.handle(.timerFired(timer)) }
        case .cancelTimer(let timer): self.timers.cancel(timer)
        case .stepDown(_, let above):
            self.cluster.coverage.count(.leadersFenced)
            self.group?.higherEpochSeen(above ?? .none)
            if self.cluster.settings.isLone { self.later(after: .zero) { self.leadAlone(above: above ?? .none) } }
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
    public var status: ClusterStatus? { self.state?.status(at: self.now) }
}
