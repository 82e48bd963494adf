import Model

/// The subscription: with one master at a time, never with one of an older leadership.
extension SchedulerState {
    mutating func masterConnected(_ peer: PeerID, _ epoch: Epoch, _ now: Instant, _ effects: inout [Effect]) {
        guard epoch >= self.epoch else {
            effects.append(.disconnectMaster(peer, leader: nil))
            return
        }
        if let old = self.link.peer, old != peer {
            self.loseMaster(&effects)
            effects.append(.disconnectMaster(old, leader: nil))
        }
        self.epoch = epoch
        self.link = .subscribing(peer)
        self.lastError = nil
        self.announced = (self.framework, self.suppressed)
        var info = self.framework
        info.id = self.frameworkID
        var subscribe = SchedulerCall.Subscribe(
            framework: info, suppressedRoles: self.suppressed, relays: self.settings.usesRelays,
            standby: self.settings.isStandby && !self.hasRegistered, guarantees: true)
        subscribe.constraints = self.settings.constraints
        subscribe.subscription = self.subscription
        effects.append(.sendToMaster(SchedulerCall(frameworkID: self.frameworkID, .subscribe(subscribe))))
        if !subscribe.standby {
            effects.append(.setTimer(.registration, at: now + self.settings.registrationTimeout))
        }
    }

    mutating func masterDisconnected(_ peer: PeerID, _ now: Instant, _ effects: inout [Effect]) {
        guard self.link.peer == peer else { return }
        effects.append(.cancelTimer(.registration))
        let error = self.lastError
        self.loseMaster(&effects)
        if let error, now - error.at <= self.settings.errorWindow {
            self.finish(.subscriptionEnded(error.message), &effects)
        }
    }

    /// The master of now is none any more.
    ///
    /// Relays stay: updates flow on without it.
    private mutating func loseMaster(_ effects: inout [Effect]) {
        if self.isSubscribed {
            effects.append(.cancelTimer(.reconciliation))
            self.tell(.disconnected, &effects)
        }
        self.link = .disconnected
        self.lastError = nil
    }

    mutating func registrationTimedOut(_ effects: inout [Effect]) {
        guard case .subscribing(let peer) = self.link else { return }
        self.link = .disconnected
        effects.append(.disconnectMaster(peer, leader: nil))
    }

    mutating func masterTold(_ event: SchedulerEvent, _ peer: PeerID, _ now: Instant, _ effects: inout [Effect]) {
        guard self.link.peer == peer else { return }
        switch event {
        case .subscribed(let subscribed): self.subscribed(subscribed, peer, now, &effects)
        case .error(let message, let leader): self.refused(message, leader, peer, now, &effects)
        case .standby(let standby): if !self.isSubscribed { self.tell(.standby(standby), &effects) }
        case .heartbeat: break
        default:
            guard self.isSubscribed else { return }
            self.subscriptionTold(event, now, &effects)
        }
    }

    private mutating func subscriptionTold(_ event: SchedulerEvent, _ now: Instant, _ effects: inout [Effect]) {
        switch event {
        case .offers(let offers): if !offers.isEmpty { self.tell(.offers(offers), &effects) }
        case .rescind(let offer): self.tell(.offerRescinded(offer), &effects)
        case .update(let payload): self.received(payload, relay: nil, now, &effects)
        case .message(let agent, let executor, let data): self.tell(.frameworkMessage(agent, executor, data), &effects)
        case .failure(let agent?, nil, _): self.tell(.agentLost(agent), &effects)
        case .failure(let agent?, let executor?, let status):
            self.tell(.executorLost(executor, agent, status: status), &effects)
        case .inverseOffers(let offers): if !offers.isEmpty { self.tell(.inverseOffers(offers), &effects) }
        case .rescindInverseOffer(let offer): self.tell(.inverseOfferRescinded(offer), &effects)
        case .relays(let relays): self.relaysNamed(relays, &effects)
        case .guarantees(let guarantees): self.guaranteed(guarantees, &effects)
        case .failure, .subscribed, .error, .heartbeat, .standby: break
        }
    }

    private mutating func subscribed(
        _ subscribed: SchedulerEvent.Subscribed, _ peer: PeerID, _ now: Instant, _ effects: inout [Effect]
    ) {
        if let epoch = subscribed.subscription?.epoch {
            guard epoch >= self.epoch else {
                self.loseMaster(&effects)
                effects.append(.disconnectMaster(peer, leader: nil))
                return
            }
            self.epoch = epoch
        }
        effects.append(.cancelTimer(.registration))
        let isTakingOver = self.frameworkID != nil && !self.hasRegistered
        self.link = .subscribed(peer)
        if self.frameworkID != subscribed.frameworkID {
            self.frameworkID = subscribed.frameworkID
            effects.append(.rememberFrameworkID(subscribed.frameworkID))
        }
        if self.ending == .tearingDown {
            self.send(.teardown, &effects)
            self.finish(nil, &effects)
            return
        }
        self.tell(
            self.hasRegistered
                ? .reregistered(subscribed.master) : .registered(subscribed.frameworkID, subscribed.master), &effects)
        self.hasRegistered = true
        self.guaranteed(subscribed.guarantees, &effects)
        self.sayWhatChanged(&effects)
        self.renewRelays(subscribed.relays, subscribed.subscription, &effects)
        self.killAgain(&effects)
        self.reconcileAll(isTakingOver: isTakingOver, now, &effects)
    }

    /// The user hears of what is new to it.
    private mutating func guaranteed(_ guarantees: Guarantees, _ effects: inout [Effect]) {
        guard guarantees != self.guarantees else { return }
        self.guarantees = guarantees
        self.tell(.guarantees(guarantees), &effects)
    }

    /// An ERROR: fatal if the subscription was not granted, or if the connection ends with it.
    private mutating func refused(
        _ message: String, _ leader: String?, _ peer: PeerID, _ now: Instant, _ effects: inout [Effect]
    ) {
        if let leader {
            self.loseMaster(&effects)
            effects.append(.cancelTimer(.registration))
            effects.append(.disconnectMaster(peer, leader: leader))
            return
        }
        self.tell(.error(message), &effects)
        if self.isSubscribed {
            self.lastError = (message, now)
        } else {
            self.finish(.subscriptionEnded(message), &effects)
        }
    }
}
