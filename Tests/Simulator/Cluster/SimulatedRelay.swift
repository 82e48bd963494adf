internal import Messages
internal import Model
internal import RelayCore

/// A relay over the simulated network.
public final class SimulatedRelay: SimulatedProcess {
    /// What it tells masters that it knows of the protocol.
    private let revision: UInt32
    private var state: RelayState?
    private let timers = SimulatedTimers<RelayState.Timer>()
    /// The list of relays, and its place in it.
    private var group: SimulatedGroup?
    /// It has had a master in this life.
    private var hasFollowed = false
    private var endpoints: [PeerID: Network.Endpoint] = [:]
    private var follower: SimulatedFollower?
    /// The last orders that it passed to each agent, in this life and before, and the attachment that each has now.
    private var passed: [Int: [(epoch: Epoch, order: AgentOrder)]] = [:]
    private var attachments: [PeerID: (attachment: Attachment, epoch: Epoch)] = [:]
    private static let ordersKept = 8

    init(name: String, revision: UInt32, in cluster: SimulatedCluster) {
        self.revision = revision
        super.init(name: name, in: cluster)
    }

    override func begin() {
        var settings = RelaySettings(name: self.name, address: self.address)
        settings.heldBytesPerFramework = self.cluster.settings.heldBytesPerFramework
        settings.cutOffDelay = self.cluster.settings.cutOffDelay
        self.state = RelayState(settings: settings)
        self.hasFollowed = false
        self.follower = SimulatedFollower(
            self, by: .session,
            hello: { [unowned self] in
                var hello = self.state?.hello ?? Hello(role: .relay, name: self.name)
                hello.revision = self.revision
                return hello
            }
        ) { [unowned self] in self.masterHappened($0) }
        // Where there is no election its flags name the others.
        if self.cluster.settings.isLone {
            return self.handle(.relaysListed(self.cluster.relays.map(\.address)))
        }
        let own = MemberInfo(name: self.name, address: self.address, incarnation: self.incarnation)
        self.group = SimulatedGroup(self, .relays, candidate: own) { [unowned self] change in
            guard case .membersChanged(let members) = change, !members.isEmpty else { return }
            self.handle(.relaysListed(members.map(\.address)))
        }
        self.group?.start()
    }

    override func died() {
        self.state = nil
        self.endpoints = [:]
        self.attachments = [:]
        self.follower = nil
        self.group = nil
    }

    override func reachabilityChanged() {
        self.follower?.reachabilityChanged()
        self.group?.reachabilityChanged()
    }

    private func masterHappened(_ event: SimulatedDialer.Event) {
        switch event {
        case .welcomed(let endpoint, let welcome):
            let peer = endpoint.peer
            self.endpoints[peer] = endpoint
            endpoint.received = { bytes in self.handle(.master(peer, self.decode(MasterToRelay.self, bytes))) }
            self.handle(.masterConnected(peer, welcome))
        case .lost(let endpoint):
            if self.endpoints.removeValue(forKey: endpoint.peer) != nil {
                self.handle(.masterDisconnected(endpoint.peer))
            }
        case .failed: break
        }
    }

    override func admit(_ hello: Hello) -> Result<Welcome, Refusal> {
        self.state?.admit(hello) ?? .failure(Refusal(.unknown, "starting"))
    }

    override func accepted(_ endpoint: Network.Endpoint, _ hello: Hello) {
        if hello.role == .relay { return }  // All is said with the welcome.
        let peer = endpoint.peer
        self.endpoints[peer] = endpoint
        if hello.role == .agent {
            endpoint.received = { bytes in self.handle(.agent(peer, self.decode(AgentToRelay.self, bytes))) }
            endpoint.closed = { _ in
                self.endpoints[peer] = nil
                self.attachments[peer] = nil
                self.handle(.agentDisconnected(peer))
            }
            self.handle(.agentConnected(peer, hello))
        } else {
            endpoint.received = { bytes in self.handle(.scheduler(peer, self.decode(SchedulerCall.self, bytes))) }
            endpoint.closed = { _ in
                self.endpoints[peer] = nil
                self.handle(.schedulerDisconnected(peer))
            }
            self.handle(.schedulerConnected(peer, hello))
        }
    }

    private func handle(_ event: RelayState.Event) {
        guard self.isUp, self.state != nil else { return }
        self.cluster.trace(self.name, event)
        var effects: [RelayState.Effect] = []
        self.state?.handle(event, at: self.now, into: &effects)
        for effect in effects where self.survivesEffect() {
            switch effect {
            case .sendToAgent(let peer, let message):
                self.remember(message, to: peer)
                self.send(message, to: peer)
            case .sendToScheduler(let peer, let message): self.send(message, to: peer)
            case .sendToMaster(let peer, .status(let index, let envelope, _))
            where self.revision < ProtocolRevision.ordered:
                self.send(RelayToMaster.status(index: index, envelope, subscription: 0), to: peer)
            case .sendToMaster(let peer, let message): self.send(message, to: peer)
            case .close(let peer, let refusal): self.close(peer, refusal)
            case .setTimer(let timer, let instant):
                self.timers.set(timer, of: self, at: instant) { self.handle(.timerFired(timer)) }
            case .cancelTimer(let timer): self.timers.cancel(timer)
            case .askRelays(let addresses): self.ask(addresses)
            case .observe(let fact): self.observe(fact)
            }
        }
    }

    private func observe(_ fact: RelayFact) {
        self.cluster.trace(self.name, fact)
        switch fact {
        case .masterStale: self.cluster.coverage.count(.staleLeadersRefused)
        case .cutOff: self.cluster.coverage.count(self.hasFollowed ? .relaysCutOff : .relaysStartedCutOff)
        case .masterFollowed: self.hasFollowed = true
        case .peerClosed(_, let refusal) where refusal.code == .tooSlow:
            self.cluster.coverage.count(.olderAgentsDropped)
        default: break
        }
    }

    // MARK: Orders that come late

    private func remember(_ message: RelayToAgent, to peer: PeerID) {
        guard let agent = self.endpoints[peer]?.remote?.index else { return }
        switch message {
        case .registered(let attachment, _, let epoch): self.attachments[peer] = (attachment, epoch)
        case .order(let epoch, let attachment, let order):
            self.attachments[peer] = (attachment, epoch)
            if self.passed[agent, default: []].count >= Self.ordersKept { self.passed[agent]?.removeFirst() }
            self.passed[agent, default: []].append((epoch, order))
        default: break
        }
    }

    /// Sends its agents again what earlier leaders ordered than the one whose orders they have had on this connection, for
    /// the attachments that they have now: what a relay would do that follows a leader who has been replaced.
    func repeatStaleOrders() {
        guard self.isUp, !self.isFrozen else { return }
        for peer in self.attachments.keys.sorted() {
            guard let endpoint = self.endpoints[peer], let agent = endpoint.remote,
                let (attachment, present) = self.attachments[peer]
            else { continue }
            for (epoch, order) in self.passed[agent.index] ?? [] where epoch < present {
                self.cluster.network.send(RelayToAgent.order(epoch, attachment, order), from: endpoint)
            }
        }
    }

    private func ask(_ addresses: [String]) {
        guard let state else { return }
        for relay in self.cluster.relays where addresses.contains(relay.address) {
            self.cluster.network.dial(from: self, to: relay.address, hello: state.hello) { answer in
                guard case .success((let endpoint, let welcome)) = answer else { return }
                self.handle(.relayAnswered(address: relay.address, welcome.epoch))
                self.cluster.network.close(endpoint, nil)
            }
        }
    }

    private func close(_ peer: PeerID, _ refusal: Refusal) {
        guard let endpoint = self.endpoints.removeValue(forKey: peer) else { return }
        if endpoint === self.follower?.endpoint { return self.follower?.hangUp(refusal) ?? () }
        self.cluster.network.close(endpoint, refusal)
    }

    private func send(_ message: some WireMessage, to peer: PeerID) {
        if let endpoint = self.endpoints[peer] { self.cluster.network.send(message, from: endpoint) }
    }
}
