public import Model

/// The master: it knows every agent, framework, task and offer of the cluster, and owns the truth about who holds what.
///
/// It stands by, refusing everybody but an operator with a policy, until an election makes it the leader; then relays,
/// allocators and schedulers connect and tell it what there is. Nothing of what it knows outlives its leadership, since all of it can be told
/// again. The tables of a leading master are one object, so a copy of a leading `MasterState` is the same master.
public struct MasterState: Role {
    /// What can happen to a master.
    public enum Event: Hashable, Sendable {
        /// It leads, under this epoch, which is higher than any before.
        case elected(Epoch)
        /// It leads no longer, by the election's word.
        case deposed(String)
        /// Whom to name to those that are refused while standing by; nil if nobody leads.
        case leaderChanged(String?)
        /// Addresses of all masters, the leader first.
        case mastersChanged([String])
        /// A peer that `admit` let in has finished its handshake.
        case peerConnected(PeerID, Hello)
        case peerDisconnected(PeerID)
        case relay(PeerID, RelayToMaster)
        case allocator(PeerID, AllocatorToMaster)
        case scheduler(PeerID, SchedulerCall)
        case `operator`(PeerID, OperatorRequest)
        /// A frame of that peer was no message of its link; it stays connected.
        case undecodable(PeerID, String)
        case timerFired(MasterTimer)
        /// The policy to follow, and the file that says it; before the first, the one of the settings.
        case policyRead(ClusterPolicy, source: Bytes)
        /// Somebody trustworthy has seen a later leadership.
        case higherEpochSeen(Epoch)
    }

    /// What a master wants done, in this order.
    public enum Effect: Hashable, Sendable {
        case sendToRelay(PeerID, MasterToRelay)
        case sendToAllocator(PeerID, MasterToAllocator)
        case sendToScheduler(PeerID, SchedulerEvent)
        case sendToOperator(PeerID, OperatorResponse)
        /// Ends a connection after what was sent to it, with the reason if there is one. No `peerDisconnected` is
        /// needed for it.
        case close(PeerID, Refusal?)
        /// Replaces the timer of that name, if one runs.
        case setTimer(MasterTimer, at: Instant)
        case cancelTimer(MasterTimer)
        /// Leave the election and contend anew, above that epoch if one is given. It stands by already.
        case stepDown(reason: String, above: Epoch?)
        /// An operator's policy is in force: keep it for the next start.
        case storePolicy(ClusterPolicy, source: Bytes)
        case observe(MasterFact)
    }

    private enum Mode {
        /// Refuses everybody but operators that bring a policy. Leaves for `leading` when elected.
        case standby(leader: String?)
        /// Leaves for `standby` when deposed or when a later leadership shows itself.
        case leading(Cluster)
    }

    /// What was set.
    public let settings: MasterSettings
    /// Unique among masters.
    public let name: String
    /// host:port where others reach it.
    public let address: String

    /// No epoch is higher: whoever shows one makes it up, and would leave no number for the next leader.
    public static let largestEpoch: Epoch = 1_000_000_000_000

    private let codec: any EntityCodec
    private var generator: SeededGenerator
    private var masters: [String] = []
    private var policy: ClusterPolicy
    private var policySource: Bytes = []
    private var mode: Mode = .standby(leader: nil)
    /// Operators that speak to this master while it stands by.
    private var operators: Set<PeerID> = []

    /// A master that stands by.
    ///
    /// - Parameters:
    ///   - settings: Without a `problem`.
    ///   - codec: Reads and writes what the master mostly carries.
    ///   - generator: For the tokens of subscriptions: with a random key in production.
    ///   - name: Unique among masters.
    ///   - address: host:port where others reach it.
    public init(
        settings: MasterSettings, codec: any EntityCodec, generator: SeededGenerator, name: String, address: String
    ) {
        if let problem = settings.problem { preconditionFailure("master settings: \(problem)") }
        self.settings = settings
        self.policy = settings.policy
        self.codec = codec
        self.generator = generator
        self.name = name
        self.address = address
    }

    /// The epoch under which it leads; nil while standing by.
    public var leadingEpoch: Epoch? { if case .leading(let cluster) = self.mode { cluster.epoch } else { nil } }

    /// host:port of the leader, if known: itself while leading.
    public var leader: String? {
        switch self.mode {
        case .standby(let leader): leader
        case .leading: self.address
        }
    }

    /// The cluster in a few numbers; nil while standing by.
    public func status(at now: Instant) -> ClusterStatus? {
        if case .leading(let cluster) = self.mode { cluster.status(at: now) } else { nil }
    }

    /// What is wrong with the books, in words.
    ///
    /// Empty unless there is a bug; for tests and the simulator.
    ///
    /// - Complexity: O(everything the master knows).
    public func checkInvariants() -> [String] {
        if case .leading(let cluster) = self.mode { cluster.violations() } else { [] }
    }

    /// What is wrong with the books where an event has changed them, as its effects tell, and at one more place in turn.
    ///
    /// For the simulator, which can afford it after every event.
    public func checkInvariants(after effects: [Effect], turn: Int) -> [String] {
        if case .leading(let cluster) = self.mode { cluster.violations(after: effects, turn: turn) } else { [] }
    }

    /// Free resources that could be offered now, by agent and in words: an allocator is about to propose each of them, or
    /// should be.
    ///
    /// For the simulator.
    ///
    /// - Complexity: O(agents x frameworks).
    public func offerable(at now: Instant) -> [AgentID: Set<String>] {
        guard case .leading(let cluster) = self.mode else { return [:] }
        cluster.now = now
        return cluster.offerable()
    }

    /// What each framework holds in each of its roles, offers included and some tasks left out.
    ///
    /// For tests and the simulator. The four scalars; nothing unless it leads.
    ///
    /// - Complexity: O(tasks, executors and offers).
    public func holdings(without tasks: Set<TaskKey> = []) -> [FrameworkID: [String: Resources]] {
        if case .leading(let cluster) = self.mode { cluster.holdings(without: tasks) } else { [:] }
    }

    /// Whether a caller may connect, and what to tell it.
    ///
    /// Changes nothing.
    ///
    /// Where a relay shows a later epoch than this master's, the host also posts `higherEpochSeen`.
    public func admit(_ hello: Hello) -> Result<Welcome, Refusal> {
        guard hello.version >= Hello.oldestProtocol else {
            let spoken = Hello.oldestProtocol...Hello.currentProtocol
            return .failure(
                Refusal(.protocolVersion, "This master speaks versions \(spoken), not \(hello.version)"))
        }
        switch hello.role {
        case .relay, .allocator, .scheduler, .operator, .master: break
        case .agent: return .failure(Refusal(.role, "Agents connect to a relay, not to the master"))
        case .executor: return .failure(Refusal(.role, "Executors connect to their agent, not to the master"))
        }
        if hello.epoch > Self.largestEpoch {
            return .failure(Refusal(.malformed, "Epoch \(hello.epoch) cannot be: there have not been so many leaders"))
        }
        guard case .leading(let cluster) = self.mode else {
            if hello.role == .operator, hello.acceptsStandby { return .success(self.standbyWelcome) }
            let where_ = self.leader.map { "the leader is at \($0)" } ?? "there is no leader at present"
            return .failure(Refusal(.notLeader, "This master stands by; \(where_)", leader: self.leader))
        }
        if hello.epoch > cluster.epoch {
            return .failure(
                Refusal(
                    .stale, "This master leads epoch \(cluster.epoch), but epoch \(hello.epoch) has been seen",
                    epoch: cluster.epoch))
        }
        if hello.role == .allocator, hello.isShadow, !cluster.takesShadow(hello.name) {
            return .failure(
                Refusal(
                    .full, "\(self.settings.shadows) allocators watch already, and no more are served: end one of them")
            )
        }
        if hello.name.isEmpty, hello.role == .relay || hello.role == .allocator {
            return .failure(Refusal(.malformed, "A relay or an allocator needs a name"))
        }
        var welcome = Welcome(role: .master, name: self.name)
        welcome.epoch = cluster.epoch
        welcome.heartbeatInterval = self.settings.linkHeartbeatInterval
        welcome.relays = cluster.relayAddresses
        welcome.masters = cluster.masters
        return .success(welcome)
    }

    /// Takes one event and appends what is to be done about it.
    public mutating func handle(_ event: Event, at now: Instant, into effects: inout [Effect]) {
        switch (self.mode, event) {
        case (.leading(let cluster), .elected(let epoch)) where epoch <= cluster.epoch: break
        case (.leading(let cluster), .elected(let epoch)):
            cluster.end(because: "elected again", into: &effects)
            self.lead(under: epoch, at: now, into: &effects)
        case (.standby, .elected(let epoch)): self.lead(under: epoch, at: now, into: &effects)
        case (.leading(let cluster), .deposed(let reason)):
            cluster.end(because: reason, into: &effects)
            self.mode = .standby(leader: nil)
        case (.standby, .leaderChanged(let leader)): self.mode = .standby(leader: leader)
        case (.leading(let cluster), .mastersChanged(let masters)):
            self.masters = masters
            cluster.handle(event, at: now, into: &effects)
        case (.standby, .mastersChanged(let masters)): self.masters = masters
        case (_, .policyRead(let policy, _)) where !policy.problems.isEmpty:
            effects.append(.observe(.policyRefused(policy.problems[0])))
        case (.leading(let cluster), .policyRead(let policy, let source)):
            (self.policy, self.policySource) = (policy, source)
            cluster.handle(event, at: now, into: &effects)
        case (.standby, .policyRead(let policy, let source)): (self.policy, self.policySource) = (policy, source)
        case (.leading(let cluster), .higherEpochSeen(let epoch))
        where epoch <= cluster.epoch || epoch > Self.largestEpoch: break
        case (.leading(let cluster), .higherEpochSeen(let epoch)):
            self.stepDown(from: cluster, because: "epoch \(epoch) has been seen", above: epoch, into: &effects)
        case (.standby, .peerConnected(let peer, let hello)) where hello.role == .operator && hello.acceptsStandby:
            self.operators.insert(peer)
        case (.standby, .peerDisconnected(let peer)): self.operators.remove(peer)
        case (.standby, .operator(let peer, let request)) where self.operators.contains(peer):
            self.answerWhileStandingBy(request, peer, into: &effects)
        case (.standby, .undecodable(let peer, let message)) where self.operators.contains(peer):
            effects.append(.observe(.callRefused(peer, reason: message)))
            effects.append(.sendToOperator(peer, OperatorResponse(id: 0, .failure(message))))
        case (.standby, .peerConnected(let peer, _)):
            // It was admitted by a leadership that ended during its handshake.
            effects.append(.close(peer, self.notLeader))
        case (.leading(let cluster), _):
            cluster.handle(event, at: now, into: &effects)
            if case .operator = event { (self.policy, self.policySource) = (cluster.policy, cluster.policySource) }
            if let seen = cluster.higherEpoch {
                self.stepDown(from: cluster, because: "epoch \(seen) has been seen", above: seen, into: &effects)
            }
        case (.standby, _): break  // From peers and timers of a leadership that is over.
        }
    }

    private mutating func lead(under epoch: Epoch, at now: Instant, into effects: inout [Effect]) {
        // They dial again, and are served as by any leader.
        for peer in self.operators.sorted() {
            effects.append(.close(peer, Refusal(.shuttingDown, "This master leads from now on: connect again")))
        }
        self.operators = []
        let masters = [self.address] + self.masters.filter { $0 != self.address }
        let cluster = Cluster(
            epoch: epoch, settings: self.settings, codec: self.codec, name: self.name, address: self.address,
            masters: masters, generator: SeededGenerator(key: (0..<4).map { _ in self.generator.next() }), at: now)
        self.mode = .leading(cluster)
        effects.append(.observe(.leading(epoch)))
        cluster.handle(.policyRead(self.policy, source: self.policySource), at: now, into: &effects)
    }

    private var standbyWelcome: Welcome {
        var welcome = Welcome(role: .master, name: self.name)
        welcome.heartbeatInterval = self.settings.linkHeartbeatInterval
        welcome.masters = self.masters
        return welcome
    }

    /// Takes over a policy, for the time when it leads, and does nothing else.
    ///
    /// Whether the cluster can keep its guarantees only the leader knows: it is asked first.
    private mutating func answerWhileStandingBy(
        _ request: OperatorRequest, _ peer: PeerID, into effects: inout [Effect]
    ) {
        func answer(_ kind: OperatorResponse.Kind) {
            effects.append(.sendToOperator(peer, OperatorResponse(id: request.id, kind)))
        }
        guard case .applyPolicy(let policy, let source, let isTrial) = request.kind else {
            let leader = self.leader.map { ": ask the leader, \($0)" } ?? ""
            return answer(.failure("This master stands by and takes a policy only\(leader)"))
        }
        if let problem = policy.problems.first {
            effects.append(.observe(.policyRefused(problem)))
            return answer(.failure(problem))
        }
        if !isTrial {
            (self.policy, self.policySource) = (policy, source)
            effects.append(.storePolicy(policy, source: source))
        }
        answer(.done)
    }

    private mutating func stepDown(
        from cluster: Cluster, because reason: String, above epoch: Epoch, into effects: inout [Effect]
    ) {
        cluster.end(because: reason, into: &effects)
        self.mode = .standby(leader: nil)
        effects.append(.stepDown(reason: reason, above: epoch))
    }

    private var notLeader: Refusal { Refusal(.notLeader, "This master leads no longer", leader: self.leader) }
}
