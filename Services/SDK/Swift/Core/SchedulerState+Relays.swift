import Model

/// The relays: connected to as the master names them, each time with the subscription last granted.
extension SchedulerState {
    /// A new subscription: every relay is to be shown it.
    mutating func renewRelays(_ named: [RelayInfo], _ subscription: Subscription?, _ effects: inout [Effect]) {
        self.leaveRelays(&effects)
        self.subscription = subscription
        self.relaysNamed(named, &effects)
    }

    /// Leaves all, having said all.
    mutating func leaveRelays(_ effects: inout [Effect]) {
        for position in self.relays.indices {
            self.sayAcknowledgements(at: position, &effects)
            effects.append(.disconnectRelay(self.relays[position].info.name))
        }
        self.relays = []
    }

    /// The relays that there are: leaves the others, comes to the new ones.
    mutating func relaysNamed(_ named: [RelayInfo], _ effects: inout [Effect]) {
        guard self.settings.usesRelays, let subscription = self.subscription else { return }
        for (position, relay) in self.relays.enumerated() where !named.contains(relay.info) {
            self.sayAcknowledgements(at: position, &effects)
            effects.append(.disconnectRelay(relay.info.name))
        }
        self.relays.removeAll { !named.contains($0.info) }
        for info in named where !self.relays.contains(where: { $0.info.name == info.name }) {
            self.relays.append(Relay(info: info))
            effects.append(.connectRelay(info, subscription))
        }
    }

    mutating func relayConnected(_ name: String, _ peer: PeerID, _ effects: inout [Effect]) {
        guard let position = self.relays.firstIndex(where: { $0.info.name == name }) else {
            effects.append(.disconnectRelay(name))
            return
        }
        self.relays[position].peer = peer
    }

    mutating func relayDisconnected(_ peer: PeerID, _ effects: inout [Effect]) {
        guard let position = self.relays.firstIndex(where: { $0.peer == peer }) else { return }
        self.relays[position].peer = nil
        for one in self.relays[position].unsaid {
            self.send(.acknowledge(one.agent, one.task, uuid: one.uuid), &effects)
        }
        self.relays[position].unsaid = []
    }

    /// Relays carry updates and messages, nothing else.
    ///
    /// Their errors concern one connection, which they close.
    mutating func relayTold(_ event: SchedulerEvent, _ peer: PeerID, _ now: Instant, _ effects: inout [Effect]) {
        guard let relay = self.relays.first(where: { $0.peer == peer }) else { return }
        switch event {
        case .update(let payload): self.received(payload, relay: relay.info.name, now, &effects)
        case .message(let agent, let executor, let data): self.tell(.frameworkMessage(agent, executor, data), &effects)
        default: break
        }
    }
}
