import Model

// Relays: the doors through which agents come. A relay names its agents by indices of its own.

extension MasterState.Cluster {
    /// host:port of each relay, in the order of their rows.
    var relayAddresses: [String] { self.relays.map(\.element.address).filter { !$0.isEmpty } }

    /// The relays as schedulers are told.
    var relayInfos: [RelayInfo] {
        self.relays.filter { !$0.element.address.isEmpty }
            .map { RelayInfo(name: $0.element.name, address: $0.element.address) }
    }

    func relayConnected(_ peer: PeerID, _ hello: Hello) {
        // The same relay again, before the end of its old connection was noticed.
        for (_, old) in self.relays where old.name == hello.name {
            self.drop(old.peer, Refusal(.stale, "Relay \(hello.name) has connected again", epoch: self.epoch))
            break
        }
        let relay = self.relays.insert(
            RelayEntry(
                peer: peer, name: hello.name, address: hello.address, incarnation: hello.incarnation,
                revision: hello.revision))
        self.peers[peer] = .relay(relay)
        self.observe(.relayConnected(peer, name: hello.name))
        for (row, framework) in self.frameworks {
            if framework.isTerminating {
                self.effects.append(.sendToRelay(peer, .frameworkRemoved(framework.id)))
            } else if let notice = self.notice(of: row) {
                self.effects.append(.sendToRelay(peer, .subscription(notice)))
            }
        }
        self.sendDirectory()
        self.sendRelays()
        if hello.epoch > self.epoch, hello.epoch <= MasterState.largestEpoch { self.higherEpoch = hello.epoch }
    }

    /// All its agents are without a connection at once.
    func relayLost(_ relay: Row) {
        let entry = self.relays.remove(relay)
        for case let agent? in entry.agents { self.detach(agent) }
        self.observe(.relayDisconnected(entry.peer, name: entry.name, agents: entry.agentCount))
        self.sendDirectory()
        self.sendRelays()
    }

    /// A framework's scheduler has a successor: ends the links on which statuses for the one cannot be told from those for the
    /// other.
    ///
    /// Such relays are of an earlier version. They come again at once, with what is not acknowledged in order.
    func dropRelaysThatMayMix(_ framework: FrameworkID) {
        for peer in self.relays.filter({ $0.element.revision < ProtocolRevision.ordered }).map(\.element.peer) {
            let reason = "another scheduler of framework \(framework) has subscribed: connect again"
            self.drop(peer, Refusal(.stale, reason, epoch: self.epoch))
        }
    }

    func received(_ message: RelayToMaster, fromRelay peer: PeerID) {
        guard case .relay(let relay)? = self.peers[peer] else { return }
        switch message {
        case .agentAttached(let index, let registration, let sent, let issuedEpoch):
            self.pieceCame(registration, sent: sent, issuedEpoch: issuedEpoch, relay: relay, index: index)
        case .snapshotDone:
            self.relays[relay].isSynced = true
            let entry = self.relays[relay]
            self.observe(.relaySynced(peer, name: entry.name, agents: entry.agentCount))
        case .agentDetached(let index, let attachment):
            self.relays[relay].partials[index] = nil
            guard let agent = self.agent(at: index, of: relay), self.agents[agent].attachment == attachment else {
                return
            }
            self.leaveSlot(of: agent)
            self.detach(agent)
        case .book(let index, let attachment, let entry):
            guard let agent = self.agent(at: index, of: relay), self.agents[agent].attachment == attachment else {
                return
            }
            self.apply(entry, of: agent)
            if entry.isKeptUntilConfirmed { self.confirmBooks(of: agent) }
        case .status(let index, let envelope, let subscription):
            guard let agent = self.agent(at: index, of: relay) else { return }
            self.forward(envelope, from: agent, toSubscription: subscription)
        case .message(let index, let key, let data):
            guard let agent = self.agent(at: index, of: relay) else { return }
            guard let framework = self.frameworkRows[key.framework], let peer = self.frameworks[framework].peer else {
                return
            }
            self.effects.append(.sendToScheduler(peer, .message(self.agents[agent].id, key.executor, data)))
        }
    }

    /// A registration, or a piece of one: it counts when its last piece is there.
    private func pieceCame(
        _ piece: AgentRegistration, sent: [AgentOrder], issuedEpoch: Epoch, relay: Row, index: UInt32
    ) {
        var partial = RelayEntry.PartialAttachment(registration: piece, sent: sent, bytes: 0)
        if var earlier = self.relays[relay].partials.removeValue(forKey: index),
            earlier.registration.attachment == piece.attachment
        {
            earlier.registration.append(piece)
            earlier.sent += sent
            partial = earlier
        }
        guard partial.registration.isContinued else {
            return self.agentAttached(
                partial.registration, sent: partial.sent, issuedEpoch: issuedEpoch, relay: relay, index: index)
        }
        partial.bytes += piece.approximateBytes
        guard partial.bytes <= AgentRegistration.largestBytes, index < self.settings.agentsPerRelay else {
            let limit = AgentRegistration.largestBytes >> 20
            let reason = "The registration of agent index \(index) is beyond \(limit) MiB"
            return self.drop(self.relays[relay].peer, Refusal(.malformed, reason))
        }
        self.relays[relay].partials[index] = partial
    }

    /// The agent that a relay calls by this index, as long as it is attached there.
    func agent(at index: UInt32, of relay: Row) -> Row? {
        let agents = self.relays[relay].agents
        return Int(index) < agents.count ? agents[Int(index)] : nil
    }

    /// Makes a relay's index mean this agent.
    ///
    /// False if the index is beyond what a relay may use.
    func enterSlot(_ index: UInt32, of relay: Row, agent: Row) -> Bool {
        guard index < self.settings.agentsPerRelay else { return false }
        if let present = self.agent(at: index, of: relay), present != agent {
            // The relay uses the index for another agent: the first one is gone there.
            self.leaveSlot(of: present)
            self.detach(present)
        }
        while self.relays[relay].agents.count <= Int(index) { self.relays[relay].agents.append(nil) }
        if self.relays[relay].agents[Int(index)] == nil { self.relays[relay].agentCount += 1 }
        self.relays[relay].agents[Int(index)] = agent
        return true
    }

    /// Forgets what its relay calls this agent.
    func leaveSlot(of agent: Row) {
        guard case .attached(let relay, let index) = self.agents[agent].condition else { return }
        self.relays[relay].agents[Int(index)] = nil
        self.relays[relay].agentCount -= 1
    }

    /// Sends an order to an agent.
    ///
    /// False if it has no connection.
    @discardableResult
    func send(_ order: AgentOrder, to agent: Row) -> Bool {
        guard case .attached(let relay, let index) = self.agents[agent].condition else { return false }
        let attachment = self.agents[agent].attachment
        self.effects.append(.sendToRelay(self.relays[relay].peer, .order(index: index, attachment, order)))
        return true
    }

    /// Tells an agent how far its books were applied, so that it can forget what is over: for all changes of a short time at
    /// once.
    private func confirmBooks(of agent: Row) {
        guard self.settings.confirmationDelay > .zero else { return self.sendConfirmation(to: agent) }
        guard !self.agents[agent].awaitsConfirmation else { return }
        self.agents[agent].awaitsConfirmation = true
        if self.unconfirmedAgents.isEmpty {
            self.effects.append(.setTimer(.confirmations, at: self.now + self.settings.confirmationDelay))
        }
        self.unconfirmedAgents.append(agent)
    }

    /// Confirms what came in since the last time.
    func sendConfirmations() {
        for agent in self.unconfirmedAgents where self.agents.contains(agent) && self.agents[agent].awaitsConfirmation {
            self.agents[agent].awaitsConfirmation = false
            self.sendConfirmation(to: agent)
        }
        self.unconfirmedAgents.removeAll(keepingCapacity: true)
    }

    private func sendConfirmation(to agent: Row) {
        let entry = self.agents[agent]
        guard case .attached(let relay, let index) = entry.condition else { return }
        self.effects.append(
            .sendToRelay(
                self.relays[relay].peer, .bookConfirmed(index: index, entry.attachment, entry.position)))
    }

    func sendToRelays(_ message: MasterToRelay) {
        for (_, relay) in self.relays { self.effects.append(.sendToRelay(relay.peer, message)) }
    }

    /// Tells relays where relays and masters are.
    func sendDirectory() {
        self.sendToRelays(.directory(relays: self.relayAddresses, masters: self.masters))
    }

    /// Tells those schedulers that use relays which there are.
    private func sendRelays() {
        let infos = self.relayInfos
        for (_, framework) in self.frameworks where framework.usesRelays {
            if let peer = framework.peer { self.effects.append(.sendToScheduler(peer, .relays(infos))) }
        }
    }
}
