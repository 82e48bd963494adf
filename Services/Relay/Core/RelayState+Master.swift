import Model

extension RelayState {
    /// Follows a master, unless a later one has been seen, and tells it of all agents.
    mutating func masterConnected(
        _ peer: PeerID, _ welcome: Welcome, at now: Instant, into effects: inout [Effect]
    ) {
        guard welcome.epoch >= self.highestEpoch else {
            self.leave(peer, epoch: welcome.epoch, into: &effects)
            return
        }
        if let old = self.link {
            effects.append(.close(old.peer, Refusal(.stale, "another master is followed", epoch: welcome.epoch)))
            self.linkEnded()
        }
        self.masterIsBack(into: &effects)
        self.highestEpoch = welcome.epoch
        self.lastLink += 1
        self.link = Link(peer: peer, number: self.lastLink, epoch: welcome.epoch)
        effects.append(.observe(.masterFollowed(welcome.epoch, agents: self.agents.count)))
        self.updateDirectory(
            relays: welcome.relays.isEmpty ? self.directory.relays : welcome.relays,
            masters: welcome.masters.isEmpty ? self.directory.masters : welcome.masters, at: now, into: &effects)
        self.startBulk(at: now, into: &effects)
    }

    mutating func masterDisconnected(_ peer: PeerID, at now: Instant, into effects: inout [Effect]) {
        guard let link = self.link, link.peer == peer else { return }
        self.linkEnded()
        self.masterIsMissing(at: now, into: &effects)
        effects.append(.observe(.masterLost(link.epoch)))
    }

    private mutating func linkEnded() {
        self.link = nil
        self.untoldBooks = []  // What they say the next master hears with the agents.
        for row in self.frameworks.indices.map({ $0 }) {
            guard case .master = self.frameworks[row].target else { continue }
            self.frameworks[row].target = .nobody
            self.held.stop(row)
        }
    }

    /// Somebody showed an epoch.
    ///
    /// If it is above that of the master followed, that one leads no more.
    mutating func seen(_ epoch: Epoch, at now: Instant, into effects: inout [Effect]) {
        guard epoch > self.highestEpoch else { return }
        self.highestEpoch = epoch
        guard let link = self.link, link.epoch < epoch else { return }
        self.linkEnded()
        self.leave(link.peer, epoch: link.epoch, into: &effects)
        self.masterIsMissing(at: now, into: &effects)
    }

    private mutating func leave(_ peer: PeerID, epoch: Epoch, into effects: inout [Effect]) {
        let refusal = Refusal(
            .stale, "epoch \(epoch) is over: \(self.highestEpoch) has been seen", epoch: self.highestEpoch)
        effects += [.close(peer, refusal), .observe(.masterStale(epoch, highest: self.highestEpoch))]
    }

    mutating func master(
        _ message: MasterToRelay, from peer: PeerID, at now: Instant, into effects: inout [Effect]
    ) {
        guard let link = self.link, link.peer == peer else { return }
        switch message {
        case .agentAccepted(let index, let attachment, let id):
            guard self.isCurrent(index, attachment) else { return }
            self.accepted(index, as: id, epoch: link.epoch, into: &effects)
        case .agentRefused(let index, let attachment, let message):
            guard self.isCurrent(index, attachment) else { return }
            self.tell(index, .refused(attachment, message: message), into: &effects)
            effects.append(.observe(.agentRefused(self.agents[index].id, attachment, message: message)))
        case .order(let index, let attachment, let order):
            self.order(order, to: index, attachment, epoch: link.epoch, at: now, into: &effects)
        case .bookConfirmed(let index, let attachment, let position):
            guard self.isCurrent(index, attachment) else { return }
            self.agents[index].confirmed(position)
            self.tellLater(index, confirmed: position, at: now, into: &effects)
        case .subscription(let notice): self.noticed(notice, at: now, into: &effects)
        case .frameworkRemoved(let id): self.frameworkRemoved(id, into: &effects)
        case .directory(let relays, let masters):
            self.updateDirectory(relays: relays, masters: masters, at: now, into: &effects)
        }
    }

    /// Whether the master means the life of the agent that is attached now.
    private func isCurrent(_ index: UInt32, _ attachment: Attachment) -> Bool {
        self.agents.contains(index) && self.agents[index].attachment == attachment
    }

    private mutating func accepted(_ row: UInt32, as id: AgentID, epoch: Epoch, into effects: inout [Effect]) {
        if let before = self.agents[row].id, before != id { self.agentsByID[before] = nil }
        let isFirst = self.agents[row].acceptedBy == nil
        self.agents[row].accept(as: id, epoch: epoch)
        self.agentsByID[id] = row
        let attachment = self.agents[row].attachment
        self.tell(row, .registered(attachment, id, epoch), into: &effects)
        effects.append(.observe(.agentAccepted(id, attachment, isFirst: isFirst)))
    }

    /// Passes an order on.
    ///
    /// One for an earlier life of the agent is dropped: that life's registration told what became of it.
    private mutating func order(
        _ order: AgentOrder, to row: UInt32, _ attachment: Attachment, epoch: Epoch, at now: Instant,
        into effects: inout [Effect]
    ) {
        guard self.isCurrent(row, attachment) else {
            self.counters.ordersDropped += 1
            effects.append(.observe(.orderDropped(agent: row, attachment)))
            return
        }
        self.counters.orders += 1
        switch order {
        case .launch(let launch):
            self.agents[row].launched(launch)
            self.remember(launch.frameworkID, info: launch.frameworkInfo, replacing: true)
        case .acknowledge(let task, let uuid):
            return self.acknowledged(task, uuid: uuid, agent: row, at: now, into: &effects)
        case .kill(let task, _, _, let endsExecutor): if endsExecutor { self.agents[row].ends(task) }
        case .restate:
            guard self.agents[row].revision >= ProtocolRevision.restating else {
                // It would not understand; on a new connection it registers as well.
                self.empty(outboxOf: row, into: &effects)
                let reason = "the master asks what runs there: attach again"
                return self.refuse(self.agents[row].peer, Refusal(.stale, reason), into: &effects)
            }
        case .shutdownExecutor, .shutdownFramework, .message, .setMode: break
        }
        self.tell(row, .order(epoch, attachment, order), into: &effects)
    }

    /// There is more to send than fits in one event: the first turn at once, unless one is under way or due.
    mutating func startBulk(at now: Instant, into effects: inout [Effect]) {
        if !self.isBulkTimerSet, !self.isInBulkTurn { self.runBulk(at: now, into: &effects) }
    }

    /// The next turn of what is too much for one: the snapshot for a new master, and held statuses for a new target.
    mutating func runBulk(at now: Instant, into effects: inout [Effect]) {
        self.isInBulkTurn = true
        self.continueSnapshot(at: now, into: &effects)
        self.continueRedeliveries(into: &effects)
        self.isInBulkTurn = false
        if self.link?.snapshotCursor != nil || !self.redeliveries.isEmpty {
            self.isBulkTimerSet = true
            effects.append(.setTimer(.bulk, at: now + self.settings.bulkPause))
        }
    }

    /// Tells a new master of the next agents.
    ///
    /// Agents that register meanwhile are told at once, and entries for those not told yet go into their registrations.
    private mutating func continueSnapshot(at now: Instant, into effects: inout [Effect]) {
        guard let link = self.link, var cursor = link.snapshotCursor else { return }
        var room = self.settings.bulkBytesPerTurn
        var told = 0
        while cursor < self.agents.endIndex, room > 0 {
            if self.agents.contains(cursor), self.agents[cursor].announcedOn != link.number {
                room -= self.agents[cursor].snapshotBytes
                told += 1
                self.announce(cursor, into: &effects)
            }
            cursor += 1
        }
        self.link!.agentsTold += told
        guard cursor >= self.agents.endIndex else {
            self.link!.snapshotCursor = cursor
            return
        }
        self.link!.snapshotCursor = nil
        self.tellMaster(.snapshotDone, on: link.peer, into: &effects)
        effects.append(.observe(.snapshotSent(agents: self.link!.agentsTold)))
        self.sweepFrameworks()
        for row in self.frameworks.indices.map({ $0 }) { self.retarget(row, at: now, into: &effects) }
    }

    /// Forgets frameworks that nothing here belongs to any more; once per connection to a master.
    private mutating func sweepFrameworks() {
        var used = Set<FrameworkID>()
        for agent in self.agents { used.formUnion(agent.element.frameworks) }
        for row in self.frameworks.indices.map({ $0 }) {
            let entry = self.frameworks[row]
            guard !entry.isRemoved, entry.isForgettable(in: self.link?.number), !used.contains(entry.id),
                self.held.count(of: row) == 0, !entry.hasOverflow
            else { continue }
            self.forget(row)
        }
    }
}
