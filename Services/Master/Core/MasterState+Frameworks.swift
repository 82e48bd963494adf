import Model

// Frameworks: their schedulers' calls, subscribing and failing over, going away, being removed.

extension MasterState.Cluster {
    func received(_ call: SchedulerCall, from peer: PeerID) {
        if case .subscribe(let subscribe) = call.kind {
            self.subscribe(peer, id: call.frameworkID, subscribe)
            return
        }
        guard case .scheduler(let framework)? = self.peers[peer] else {
            // A scheduler that was closed may still have sent something; one that never subscribed is told.
            if self.peers[peer] != nil { self.refuse(peer, "Subscribe first") }
            return
        }
        if let id = call.frameworkID, id != self.frameworks[framework].id {
            self.refuse(
                peer,
                "This connection speaks for framework \(self.frameworks[framework].id), not for \(Validation.printable(id.rawValue))"
            )
            return
        }
        switch call.kind {
        case .subscribe: break
        case .teardown: self.remove(framework: framework, because: "its scheduler ended it", isWanted: true)
        case .accept(let accept): self.accept(accept, for: framework)
        case .decline(let ids, let filters): self.decline(ids, filters, for: framework)
        case .revive(let roles): self.revive(framework, roles: roles)
        case .suppress(let roles): self.suppress(framework, roles: roles)
        case .kill(let task, let agentID, let grace):
            self.kill(task, on: agentID, grace: grace, reason: "its scheduler wants it so", for: framework)
        case .shutdown(let executor, let agentID):
            guard let agent = self.agentRows[agentID] else { return }
            self.send(.shutdownExecutor(ExecutorKey(self.frameworks[framework].id, executor)), to: agent)
        case .acknowledge(let agentID, let task, let uuid):
            guard let agent = self.agentRows[agentID] else { return }
            self.send(.acknowledge(TaskKey(self.frameworks[framework].id, task), uuid: uuid), to: agent)
        case .reconcile(let tasks): self.reconcile(tasks, for: framework)
        case .message(let agentID, let executor, let data):
            guard let agent = self.agentRows[agentID] else { return }
            self.send(.message(ExecutorKey(self.frameworks[framework].id, executor), data), to: agent)
        case .request(let requests): self.request(requests, for: framework)
        case .updateFramework(let info, let suppressed, let constraints):
            self.update(framework, info, suppressedRoles: suppressed, constraints: constraints, peer)
        case .acceptInverseOffers(let ids): self.answered(ids, accepted: true, by: framework)
        case .declineInverseOffers(let ids): self.answered(ids, accepted: false, by: framework)
        case .unsupported(let name): self.refuse(peer, "Calls of type \(Validation.printable(name)) are not supported")
        }
    }

    /// Answers a call that cannot be carried out; the connection stays.
    private func refuse(_ peer: PeerID, _ reason: String) {
        self.observe(.callRefused(peer, reason: reason))
        self.effects.append(.sendToScheduler(peer, .error(reason, leader: nil)))
    }

    /// Answers a subscription that cannot be; the connection ends.
    private func refuseSubscription(_ peer: PeerID, _ reason: String) {
        self.refuse(peer, reason)
        self.drop(peer, nil)
    }

    /// The framework of that id: as known, or recovered from what an agent says of it.
    func framework(_ id: FrameworkID, info bytes: Bytes?) -> Row {
        let known = self.frameworkRows[id]
        if let known, !self.frameworks[known].isPlaceholder { return known }
        let read = bytes.flatMap { self.codec.framework($0) }
        if let known, read == nil { return known }
        var info = read ?? FrameworkInfo(user: "", name: id.rawValue)
        info.id = id
        let isRemoved = self.removed.contains(id)
        let patience = self.awaitsActiveSchedulers ? self.settings.standbyPatience : .zero
        let wait = max(info.failoverTimeout, self.settings.minimumFailoverTimeout, patience)
        var entry =
            known.map { self.frameworks[$0] }
            ?? FrameworkEntry(id: id, info: info, encodedInfo: [], condition: .terminating)
        entry.info = info
        entry.isPlaceholder = read == nil
        entry.encodedInfo = bytes ?? self.codec.encode(info)
        if !isRemoved { entry.condition = .disconnected(until: self.now + wait) }
        let framework = known ?? self.frameworks.insert(entry)
        self.frameworks[framework] = entry
        self.frameworkRows[id] = framework
        if !isRemoved {
            self.observe(.frameworkRecovered(id, name: info.name))
            self.effects.append(.setTimer(.failover(id), at: self.now + wait))
        }
        self.tellFacts(ofFramework: framework)
        return framework
    }
}

// MARK: Subscribing

extension MasterState.Cluster {
    private func subscribe(_ peer: PeerID, id: FrameworkID?, _ subscribe: SchedulerCall.Subscribe) {
        guard let present = self.peers[peer] else { return }
        let given = [id, subscribe.framework.id].compactMap { $0 }.filter { !$0.rawValue.isEmpty }
        if let first = given.first, given.contains(where: { $0 != first }) {
            return self.refuseSubscription(peer, "The call and its framework info name different frameworks")
        }
        var subscribe = subscribe
        subscribe.framework.id = given.first
        if let problem = Validation.framework(
            subscribe.framework, suppressedRoles: subscribe.suppressedRoles, constraints: subscribe.constraints)
        {
            return self.refuseSubscription(peer, problem)
        }
        if case .scheduler(let framework) = present {
            return self.subscribeAgain(peer, framework, given.first, subscribe)
        }
        if case .standbyScheduler(let framework, let arrival) = present {
            self.standbyLeft(peer, framework)
            self.peers[peer] = .newScheduler(arrival: arrival)
        }
        guard let id = given.first else {
            self.lastFramework += 1
            let id = FrameworkID("\(self.epoch)-F\(self.lastFramework)")
            return self.connect(peer, to: self.newFramework(id, subscribe.framework), subscribe)
        }
        if self.removed.contains(id) { return self.refuseSubscription(peer, "Framework has been removed") }
        guard let framework = self.frameworkRows[id] else {
            let framework = self.newFramework(id, subscribe.framework)
            guard subscribe.standby, self.awaitsActiveSchedulers else {
                return self.connect(peer, to: framework, subscribe)
            }
            let timeout = max(
                subscribe.framework.failoverTimeout, self.settings.minimumFailoverTimeout, self.settings.standbyPatience
            )
            self.frameworks[framework].condition = .disconnected(until: self.now + timeout)
            self.effects.append(.setTimer(.failover(id), at: self.now + timeout))
            self.tellFacts(ofFramework: framework)
            return self.wait(peer, for: framework, subscribe)
        }
        if !self.frameworks[framework].isPlaceholder,
            let problem = Validation.change(of: self.frameworks[framework].info, to: subscribe.framework)
        {
            return self.refuseSubscription(peer, problem)
        }
        if let shown = subscribe.subscription, self.isOutlived(shown, of: framework) {
            return self.refuseSubscription(peer, "Framework failed over")
        }
        // What a scheduler said before it died may arrive after its successor, which would fall to it. One that lives calls again.
        if case .newScheduler(let arrival) = present, arrival < self.frameworks[framework].arrival {
            let refusal = Refusal(.stale, "a scheduler of framework \(id) that connected later has subscribed")
            return self.drop(peer, refusal)
        }
        let isTaken = self.frameworks[framework].peer != nil
        let isOpen = self.frameworks[framework].subscription == nil && self.awaitsActiveSchedulers
        if subscribe.standby, isTaken || isOpen { return self.wait(peer, for: framework, subscribe) }
        self.connect(peer, to: framework, subscribe)
    }

    /// Whether another scheduler of the framework has become active since this was granted.
    ///
    /// Of this leadership the present one's is good, and so is what the present one showed: the answer may have been lost. One
    /// of an earlier leadership is compared with what the present scheduler had then; if that had none, it has outlived all.
    private func isOutlived(_ shown: Subscription, of framework: Row) -> Bool {
        let entry = self.frameworks[framework]
        guard let current = entry.subscription else { return false }
        if shown.epoch >= self.epoch { return shown != current && shown != entry.shown }
        return entry.precedent.map { shown < $0 } ?? true
    }

    /// SUBSCRIBE on a connection that is subscribed: the answer was not waited for, or the framework has changed.
    private func subscribeAgain(
        _ peer: PeerID, _ framework: Row, _ id: FrameworkID?, _ subscribe: SchedulerCall.Subscribe
    ) {
        let entry = self.frameworks[framework]
        if let id, id != entry.id { return self.refuse(peer, "This connection speaks for framework \(entry.id)") }
        if let problem = Validation.change(of: entry.info, to: subscribe.framework) {
            return self.refuse(peer, problem)
        }
        self.frameworks[framework].followsGuarantees = false  // SUBSCRIBED tells them.
        self.take(
            subscribe.framework, suppressedRoles: subscribe.suppressedRoles, constraints: subscribe.constraints,
            for: framework)
        self.frameworks[framework].usesRelays = subscribe.relays
        self.sendNotice(of: framework)
        self.sendSubscribed(to: peer, framework, subscribe)
    }

    private func newFramework(_ id: FrameworkID, _ info: FrameworkInfo) -> Row {
        let framework = self.frameworks.insert(
            FrameworkEntry(id: id, info: info, encodedInfo: [], condition: .disconnected(until: self.now)))
        self.frameworkRows[id] = framework
        return framework
    }

    /// Makes a peer the scheduler of a framework, in place of the one that was.
    func connect(_ peer: PeerID, to framework: Row, _ subscribe: SchedulerCall.Subscribe) {
        let id = self.frameworks[framework].id
        if let old = self.frameworks[framework].peer {
            self.withdrawOffers(of: framework)
            self.forgetFilters(of: framework)
            self.peers[old] = nil
            self.effects.append(.sendToScheduler(old, .error("Framework failed over", leader: nil)))
            self.effects.append(.close(old, Refusal(.stale, "Framework failed over", epoch: self.epoch)))
            self.effects.append(.cancelTimer(.schedulerHeartbeat(old)))
            self.observe(.frameworkFailedOver(id, from: old, to: peer))
        } else {
            self.effects.append(.cancelTimer(.failover(id)))
        }
        switch self.peers[peer] {
        case .newScheduler(let arrival), .standbyScheduler(_, let arrival):
            self.frameworks[framework].arrival = arrival
        default: break
        }
        self.peers[peer] = .scheduler(framework)
        self.frameworks[framework].standbys.removeAll { $0.peer == peer }
        let shown = subscribe.subscription
        self.frameworks[framework].shown = shown
        if shown?.epoch != self.epoch { self.frameworks[framework].precedent = shown }
        self.lastSubscription += 1
        let subscription = Subscription(
            epoch: self.epoch, counter: self.lastSubscription, token: self.generator.bytes(16))
        self.frameworks[framework].condition = .connected(peer)
        // Before SUBSCRIBED it is told nothing.
        self.frameworks[framework].usesRelays = false
        self.frameworks[framework].followsGuarantees = false
        if self.frameworks[framework].subscription != nil { self.dropRelaysThatMayMix(id) }
        self.frameworks[framework].subscription = subscription
        self.frameworks[framework].usesRelays = subscribe.relays
        self.take(
            subscribe.framework, suppressedRoles: subscribe.suppressedRoles, constraints: subscribe.constraints,
            for: framework)
        self.observe(
            .frameworkSubscribed(id, name: subscribe.framework.name, subscription, peer))
        self.sendNotice(of: framework)
        self.sendSubscribed(to: peer, framework, subscribe)
        self.effects.append(
            .setTimer(.schedulerHeartbeat(peer), at: self.now + self.settings.schedulerHeartbeatInterval))
        self.tellStandbys(of: framework)
    }

    /// What a framework says of itself, from now on.
    ///
    /// Its user stays what it was.
    private func take(
        _ info: FrameworkInfo, suppressedRoles: [String], constraints: [String: OfferConstraints], for framework: Row
    ) {
        let entry = self.frameworks[framework]
        var info = info
        info.id = entry.id
        if !entry.info.user.isEmpty { info.user = entry.info.user }
        self.frameworks[framework].info = info
        self.frameworks[framework].isPlaceholder = false
        self.frameworks[framework].encodedInfo = self.codec.encode(info)
        self.frameworks[framework].suppressedRoles = info.roles.filter { suppressedRoles.contains($0) }
        self.frameworks[framework].constraints = constraints
        for role in info.roles { self.noteDemand(of: framework, in: role, isWanting: true) }
        for offer in entry.offers.sorted() where !info.roles.contains(self.offers[offer].role) { self.rescind(offer) }
        self.tellFacts(ofFramework: framework)
        self.tellGuarantees(of: framework)
    }

    private func sendSubscribed(to peer: PeerID, _ framework: Row, _ subscribe: SchedulerCall.Subscribe) {
        let guarantees = self.guarantees(of: framework)
        self.frameworks[framework].followsGuarantees = subscribe.guarantees
        self.frameworks[framework].toldGuarantees = guarantees
        let entry = self.frameworks[framework]
        var subscribed = SchedulerEvent.Subscribed(
            frameworkID: entry.id, heartbeatInterval: self.settings.schedulerHeartbeatInterval,
            master: MasterInfo(id: "\(self.name)-\(self.epoch)", address: self.address),
            relays: entry.usesRelays ? self.relayInfos : [], subscription: entry.subscription)
        subscribed.guarantees = guarantees
        self.effects.append(.sendToScheduler(peer, .subscribed(subscribed)))
    }

    /// What relays are told about a framework's scheduler; nil before it had one in this epoch.
    func notice(of framework: Row) -> SubscriptionNotice? {
        let entry = self.frameworks[framework]
        guard let subscription = entry.subscription else { return nil }
        return SubscriptionNotice(
            frameworkID: entry.id, subscription: subscription, usesRelays: entry.usesRelays,
            isConnected: entry.peer != nil)
    }

    private func sendNotice(of framework: Row) {
        if let notice = self.notice(of: framework) { self.sendToRelays(.subscription(notice)) }
    }

    func heartbeat(_ peer: PeerID) {
        switch self.peers[peer] {
        case .scheduler, .standbyScheduler: break
        default: return
        }
        self.effects.append(.sendToScheduler(peer, .heartbeat))
        self.effects.append(
            .setTimer(.schedulerHeartbeat(peer), at: self.now + self.settings.schedulerHeartbeatInterval))
    }

    private func update(
        _ framework: Row, _ info: FrameworkInfo, suppressedRoles: [String], constraints: [String: OfferConstraints],
        _ peer: PeerID
    ) {
        let entry = self.frameworks[framework]
        if let problem = Validation.framework(info, suppressedRoles: suppressedRoles, constraints: constraints)
            ?? Validation.change(of: entry.info, to: info)
        {
            return self.refuse(peer, problem)
        }
        if info.user != entry.info.user { return self.refuse(peer, "Updating the framework's user is not supported") }
        self.take(info, suppressedRoles: suppressedRoles, constraints: constraints, for: framework)
    }
}

// MARK: Going away

extension MasterState.Cluster {
    /// The scheduler's connection is gone: its offers are withdrawn, its tasks run on for a time.
    func schedulerLost(_ framework: Row) {
        let entry = self.frameworks[framework]
        guard let peer = entry.peer else { return }
        let timeout = max(entry.info.failoverTimeout, self.settings.minimumFailoverTimeout)
        self.frameworks[framework].condition = .disconnected(until: self.now + timeout)
        self.effects.append(.cancelTimer(.schedulerHeartbeat(peer)))
        self.withdrawOffers(of: framework)
        self.forgetFilters(of: framework)
        self.observe(.frameworkDisconnected(entry.id, timeout: timeout))
        if let next = entry.standbys.first { return self.connect(next.peer, to: framework, next.subscribe) }
        self.sendNotice(of: framework)
        self.tellFacts(ofFramework: framework)
        self.effects.append(.setTimer(.failover(entry.id), at: self.now + timeout))
    }

    func failoverTimeoutPassed(_ id: FrameworkID) {
        guard let framework = self.frameworkRows[id],
            case .disconnected(let until) = self.frameworks[framework].condition, until <= self.now
        else { return }
        // One that waited for the active scheduler is here.
        if let next = self.frameworks[framework].standbys.first {
            return self.connect(next.peer, to: framework, next.subscribe)
        }
        self.remove(framework: framework, because: "its scheduler stayed away too long")
    }

    /// Ends a framework: its agents are told to end all of it, and what it holds is free when they say that it is gone.
    ///
    /// `isWanted`: by its scheduler, who need not be told.
    func remove(framework: Row, because reason: String, isWanted: Bool = false) {
        let entry = self.frameworks[framework]
        guard !entry.isTerminating else { return }
        self.withdrawOffers(of: framework)
        self.forgetFilters(of: framework)
        self.effects.append(.cancelTimer(.failover(entry.id)))
        if let peer = entry.peer {
            self.peers[peer] = nil
            self.effects.append(.cancelTimer(.schedulerHeartbeat(peer)))
            if !isWanted {
                self.effects.append(.sendToScheduler(peer, .error("Framework has been removed", leader: nil)))
            }
            self.effects.append(.close(peer, nil))
        }
        for standby in entry.standbys {
            self.peers[standby.peer] = nil
            self.effects.append(.cancelTimer(.schedulerHeartbeat(standby.peer)))
            self.effects.append(.sendToScheduler(standby.peer, .error("Framework has been removed", leader: nil)))
            self.effects.append(.close(standby.peer, nil))
        }
        self.frameworks[framework].standbys = []
        self.frameworks[framework].condition = .terminating
        if self.removed.insert(entry.id).inserted,
            let forgotten = self.removedOrder.append(entry.id, limit: self.settings.removedFrameworks)
        {
            self.removed.remove(forgotten)
        }
        self.observe(.frameworkRemoved(entry.id, reason: reason))
        self.sendToRelays(.frameworkRemoved(entry.id))
        self.tellFacts(ofFramework: framework)
        let agents = entry.tasks.map { self.tasks[$0].agent } + entry.executors.map { self.executors[$0].agent }
        for agent in Set(agents).sorted() { self.send(.shutdownFramework(entry.id), to: agent) }
        // What has ended waits for an acknowledgement that nobody will send; what is unreachable for a return.
        for task in entry.tasks.sorted()
        where self.tasks[task].state.isTerminal || self.tasks[task].state == .unreachable {
            self.retire(task)
        }
        self.dropIfOver(framework)
    }

    /// Forgets a removed framework when nothing of it runs any more.
    func dropIfOver(_ framework: Row) {
        guard let entry = self.frameworks.row(framework), entry.isTerminating, entry.tasks.isEmpty,
            entry.executors.isEmpty
        else { return }
        self.frameworks.remove(framework)
        self.frameworkRows[entry.id] = nil
        self.sendToAllocators(.frameworkRemoved(framework))
    }
}
