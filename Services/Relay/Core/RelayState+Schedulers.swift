import Model

extension RelayState {
    /// Why a scheduler may not connect; nil: it may, perhaps to wait for the notice of its subscription.
    func refusal(ofScheduler hello: Hello) -> Refusal? {
        guard let id = hello.frameworkID, let subscription = hello.subscription else {
            return Refusal(.malformed, "a scheduler shows its framework id and subscription; SUBSCRIBED tells both")
        }
        guard let row = self.frameworksByID[id] else { return nil }
        if self.frameworks[row].isRemoved { return Refusal(.unknownPeer, "Framework has been removed") }
        guard let current = self.frameworks[row].notice?.subscription else { return nil }
        if subscription < current { return Self.outlived(subscription, by: current) }
        // Neither is lower, so the numbers are equal; then the token must be as well.
        if !(current < subscription), subscription.token != current.token {
            return Refusal(.stale, "the token is not that of subscription \(current)")
        }
        return nil
    }

    private static func outlived(_ subscription: Subscription, by current: Subscription) -> Refusal {
        Refusal(.stale, "Framework failed over: subscription \(subscription) was replaced by \(current)")
    }

    mutating func schedulerConnected(
        _ peer: PeerID, _ hello: Hello, at now: Instant, into effects: inout [Effect]
    ) {
        // Asked again: much may have happened since it was admitted.
        if let refusal = self.refusal(ofScheduler: hello) {
            effects += [.close(peer, refusal), .observe(.peerClosed(peer, refusal))]
            return
        }
        guard let id = hello.frameworkID, let subscription = hello.subscription else { return }
        let row = self.row(of: id)
        self.schedulerPeers[peer] = SchedulerPeer(framework: row, subscription: subscription, isActive: false)
        if self.frameworks[row].notice?.subscription == subscription {
            self.activate(peer, at: now, into: &effects)
        } else {
            self.frameworks[row].pending.append(peer)
            effects.append(.setTimer(.fence(peer), at: now + self.settings.fenceDelay))
        }
    }

    /// The subscription in force is this connection's: it is given all that is held.
    private mutating func activate(_ peer: PeerID, at now: Instant, into effects: inout [Effect]) {
        guard let caller = self.schedulerPeers[peer] else { return }
        let row = caller.framework
        self.schedulerPeers[peer]!.isActive = true
        if let before = self.frameworks[row].scheduler {
            self.forgetScheduler(before)
            let refusal = Refusal(.stale, "a newer connection of the same scheduler replaces this one")
            effects += [.close(before, refusal), .observe(.peerClosed(before, refusal))]
        }
        self.frameworks[row].scheduler = peer
        self.connectedSchedulers += 1
        if self.frameworks[row].graceEnds != nil {
            self.frameworks[row].graceEnds = nil
            effects.append(.cancelTimer(.fallback(self.frameworks[row].id)))
        }
        effects.append(.observe(.schedulerConnected(self.frameworks[row].id, caller.subscription)))
        self.retarget(row, at: now, into: &effects)
    }

    mutating func schedulerDisconnected(_ peer: PeerID, at now: Instant, into effects: inout [Effect]) {
        guard let caller = self.schedulerPeers[peer] else { return }
        self.forgetScheduler(peer)
        guard caller.isActive else {
            effects.append(.cancelTimer(.fence(peer)))
            return
        }
        let row = caller.framework
        effects.append(.observe(.schedulerDisconnected(self.frameworks[row].id)))
        self.expectScheduler(row, at: now, into: &effects)
        self.retarget(row, at: now, into: &effects)
    }

    /// Takes a scheduler's connection out of all tables.
    mutating func forgetScheduler(_ peer: PeerID) {
        guard let caller = self.schedulerPeers.removeValue(forKey: peer) else { return }
        if self.frameworks[caller.framework].scheduler == peer {
            self.frameworks[caller.framework].scheduler = nil
            self.connectedSchedulers -= 1
        }
        self.frameworks[caller.framework].pending.removeAll { $0 == peer }
    }

    /// Gives the scheduler time to connect before its updates go through the master.
    private mutating func expectScheduler(_ row: UInt32, at now: Instant, into effects: inout [Effect]) {
        guard let notice = self.frameworks[row].notice, notice.usesRelays else { return }
        let ends = now + self.settings.fallbackDelay
        self.frameworks[row].graceEnds = ends
        effects.append(.setTimer(.fallback(self.frameworks[row].id), at: ends))
    }

    mutating func fallBack(_ id: FrameworkID, at now: Instant, into effects: inout [Effect]) {
        guard let row = self.frameworksByID[id], let ends = self.frameworks[row].graceEnds, ends <= now else { return }
        self.frameworks[row].graceEnds = nil
        if self.frameworks[row].scheduler == nil { effects.append(.observe(.fellBack(id))) }
        self.retarget(row, at: now, into: &effects)
    }

    mutating func fenceExpired(_ peer: PeerID, into effects: inout [Effect]) {
        guard let caller = self.schedulerPeers[peer], !caller.isActive else { return }
        self.forgetScheduler(peer)
        // No leader is named: a dialler would follow it, and take the master for this relay.
        let refusal = Refusal(.stale, "no master has told of subscription \(caller.subscription) yet: try again")
        effects += [.close(peer, refusal), .observe(.peerClosed(peer, refusal))]
    }

    /// The master tells which scheduler a framework obeys.
    mutating func noticed(_ notice: SubscriptionNotice, at now: Instant, into effects: inout [Effect]) {
        guard let link = self.link else { return }
        let row = self.row(of: notice.frameworkID)
        let before = self.frameworks[row].notice
        if let before, notice.subscription < before.subscription { return }
        self.frameworks[row].isRemoved = false
        self.frameworks[row].notice = notice
        self.frameworks[row].noticeCameOn = link.number
        let isNew = before?.subscription != notice.subscription
        if isNew { self.enforce(notice.subscription, on: row, at: now, into: &effects) }
        if self.frameworks[row].scheduler != nil || !notice.usesRelays {
            if self.frameworks[row].graceEnds != nil {
                self.frameworks[row].graceEnds = nil
                effects.append(.cancelTimer(.fallback(notice.frameworkID)))
            }
        } else if isNew || before?.isConnected != notice.isConnected {
            self.expectScheduler(row, at: now, into: &effects)
        }
        self.retarget(row, at: now, into: &effects)
    }

    /// Ends the connections of lower subscriptions, and activates the one that waited for this.
    private mutating func enforce(
        _ subscription: Subscription, on row: UInt32, at now: Instant, into effects: inout [Effect]
    ) {
        let waiting = self.frameworks[row].pending
        for peer in waiting + [self.frameworks[row].scheduler].compactMap({ $0 }) {
            guard let caller = self.schedulerPeers[peer], caller.subscription != subscription else { continue }
            if subscription < caller.subscription { continue }
            if !caller.isActive { effects.append(.cancelTimer(.fence(peer))) }
            self.forgetScheduler(peer)
            let refusal = Self.outlived(caller.subscription, by: subscription)
            effects.append(.sendToScheduler(peer, .error("Framework failed over", leader: nil)))
            effects += [.close(peer, refusal), .observe(.peerClosed(peer, refusal))]
        }
        for peer in waiting where self.schedulerPeers[peer]?.subscription == subscription {
            effects.append(.cancelTimer(.fence(peer)))
            self.frameworks[row].pending.removeAll { $0 == peer }
            self.activate(peer, at: now, into: &effects)
        }
    }

    /// The framework is no more: nobody will read its statuses.
    mutating func frameworkRemoved(_ id: FrameworkID, into effects: inout [Effect]) {
        let row = self.row(of: id)
        guard !self.frameworks[row].isRemoved else { return }
        let peers = self.frameworks[row].pending + [self.frameworks[row].scheduler].compactMap { $0 }
        for peer in peers {
            if self.schedulerPeers[peer]?.isActive == false { effects.append(.cancelTimer(.fence(peer))) }
            self.forgetScheduler(peer)
            effects.append(.sendToScheduler(peer, .error("Framework has been removed", leader: nil)))
            effects.append(.close(peer, Refusal(.unknownPeer, "Framework has been removed")))
        }
        if self.frameworks[row].graceEnds != nil { effects.append(.cancelTimer(.fallback(id))) }
        if self.frameworks[row].isResendTimerSet { effects.append(.cancelTimer(.resend(id))) }
        self.held.removeAll(ofFramework: row)
        self.clearOverflow(row)
        var entry = FrameworkEntry(id: id)
        // Until its tasks have ended a new master may have to be told what they belonged to.
        entry.info = self.frameworks[row].info
        entry.isRemoved = true
        entry.isRedelivering = self.frameworks[row].isRedelivering
        self.frameworks[row] = entry
        effects.append(.observe(.frameworkRemoved(id)))
        self.removed.append(id)
        guard self.removed.count > 2 * Self.removedLimit else { return }
        for old in self.removed.prefix(Self.removedLimit) {
            if let row = self.frameworksByID[old], self.frameworks[row].isRemoved { self.forget(row) }
        }
        self.removed.removeFirst(Self.removedLimit)
    }

    private mutating func clearOverflow(_ row: UInt32) {
        while let agent = self.frameworks[row].popOverflow() ?? self.frameworks[row].asked.popFirst() {
            if self.agents.contains(agent) { self.agents[agent].overflowing.removeAll { $0 == row } }
        }
    }

    /// What a scheduler says here: acknowledgements.
    ///
    /// Everything else belongs to the master.
    mutating func call(_ call: SchedulerCall, from peer: PeerID, at now: Instant, into effects: inout [Effect]) {
        guard let caller = self.schedulerPeers[peer] else { return }
        let id = self.frameworks[caller.framework].id
        guard case .acknowledge(let agentID, let taskID, let uuid) = call.kind else {
            effects.append(
                .sendToScheduler(
                    peer,
                    .error(
                        "a relay takes ACKNOWLEDGE only: send this to the master", leader: self.directory.masters.first)
                )
            )
            return
        }
        guard call.frameworkID == nil || call.frameworkID == id else {
            effects.append(.sendToScheduler(peer, .error("this connection is of framework \(id)", leader: nil)))
            return
        }
        guard caller.isActive else { return }
        guard let agent = self.agentsByID[agentID] else {
            effects.append(.observe(.acknowledgementDropped(id, agentID)))
            return
        }
        self.acknowledged(TaskKey(id, taskID), uuid: uuid, agent: agent, at: now, into: &effects)
    }
}
