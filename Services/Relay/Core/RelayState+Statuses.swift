import Model

extension RelayState {
    /// A status on its way to its framework's scheduler.
    ///
    /// Its bytes are not looked into.
    mutating func status(
        _ envelope: StatusEnvelope, from peer: PeerID, at now: Instant, into effects: inout [Effect]
    ) {
        guard let agent = self.registered(peer, into: &effects) else { return }
        let row = self.row(of: envelope.key.framework)
        if self.frameworks[row].isRemoved { return }
        if let isGiven = self.held.holdsCopy(of: envelope, framework: row, agent: agent) {
            // It keeps its place before those that came later, and is given again.
            if isGiven { self.deliver(envelope, of: agent, to: row, into: &effects) }
            return
        }
        if self.agents[agent].outbox.acknowledges(envelope) { return self.empty(outboxOf: agent, into: &effects) }
        guard !self.agents[agent].overflowing.contains(row), self.fits(envelope, in: row) else {
            // Also what would fit: behind a status that did not, it would overtake it.
            self.overflow(row, agent: agent, into: &effects)
            return
        }
        let isDelivered = self.held.isDelivered(row)
        self.held.append(envelope, framework: row, agent: agent)
        if isDelivered { self.deliver(envelope, of: agent, to: row, into: &effects) }
    }

    /// Whether the framework's share has room.
    ///
    /// One status always fits, however small the share.
    private func fits(_ envelope: StatusEnvelope, in row: UInt32) -> Bool {
        let bytes = self.held.bytes(of: row)
        return bytes == 0 || bytes + HeldStatuses.size(of: envelope) <= self.settings.heldBytesPerFramework
    }

    /// Remembers that the agent has more.
    ///
    /// It keeps its statuses in its log.
    private mutating func overflow(_ row: UInt32, agent: UInt32, into effects: inout [Effect]) {
        self.counters.statusesDropped += 1
        guard !self.agents[agent].overflowing.contains(row) else { return }
        self.agents[agent].overflowing.append(row)
        self.frameworks[row].overflow.append(agent)
        self.compactOverflow(row)
        effects.append(.observe(.statusesDropped(self.frameworks[row].id, self.agents[agent].id)))
    }

    /// Agents that came, did not fit and went leave their numbers behind; not for ever.
    private mutating func compactOverflow(_ row: UInt32) {
        guard self.frameworks[row].overflow.count > 64 + 4 * self.agents.count else { return }
        var seen = Set<UInt32>()
        self.frameworks[row].overflow = self.frameworks[row].overflow[self.frameworks[row].overflowHead...].filter {
            self.agents.contains($0) && self.agents[$0].overflowing.contains(row) && seen.insert($0).inserted
        }
        self.frameworks[row].overflowHead = 0
    }

    private mutating func deliver(
        _ envelope: StatusEnvelope, of agent: UInt32, to row: UInt32, into effects: inout [Effect]
    ) {
        switch self.frameworks[row].target {
        case .nobody: break
        case .scheduler(let peer):
            self.counters.statusesToSchedulers += 1
            effects.append(.sendToScheduler(peer, .update(.encoded(envelope.status))))
        case .master(let peer, _, let counter):
            self.counters.statusesToMaster += 1
            self.tellMaster(.status(index: agent, envelope, subscription: counter), on: peer, into: &effects)
        }
    }

    /// Who the framework's statuses go to, by what is known now.
    private func target(of row: UInt32) -> FrameworkEntry.Target {
        let entry = self.frameworks[row]
        if let scheduler = entry.scheduler { return .scheduler(scheduler) }
        guard let notice = entry.notice, notice.isConnected, entry.graceEnds == nil else { return .nobody }
        // A master that has not heard of all agents, or has not told of this scheduler itself, could not pass them on.
        guard let link = self.link, link.snapshotCursor == nil, entry.noticeCameOn == link.number
        else { return .nobody }
        return .master(link.peer, epoch: notice.subscription.epoch, counter: notice.subscription.counter)
    }

    /// Looks who the framework's statuses go to.
    ///
    /// A new one is given all that is held, oldest first.
    mutating func retarget(_ row: UInt32, at now: Instant, into effects: inout [Effect]) {
        let target = self.target(of: row)
        guard target != self.frameworks[row].target else { return }
        self.frameworks[row].target = target
        guard target != .nobody else {
            self.held.stop(row)
            return
        }
        self.held.rewind(row)
        if !self.held.isDelivered(row) {
            if !self.frameworks[row].isRedelivering {
                self.frameworks[row].isRedelivering = true
                self.redeliveries.append(row)
            }
            self.startBulk(at: now, into: &effects)
        }
        self.askForMore(row, at: now, into: &effects)
    }

    /// Gives the next held statuses to their new targets.
    mutating func continueRedeliveries(into effects: inout [Effect]) {
        var room = self.settings.bulkBytesPerTurn
        var done = 0
        while done < self.redeliveries.count, room > 0 {
            let row = self.redeliveries[done]
            while room > 0, let (agent, envelope) = self.held.next(of: row) {
                room -= HeldStatuses.size(of: envelope)
                self.deliver(envelope, of: agent, to: row, into: &effects)
            }
            guard self.held.isDelivered(row) else { break }
            self.frameworks[row].isRedelivering = false
            done += 1
        }
        self.redeliveries.removeFirst(done)
    }

    /// The scheduler has a status: it and those of the task before it need not be held, here or by the agent.
    ///
    /// The agent may be gone afterwards, if it is of a version that has to attach again for what was dropped.
    mutating func acknowledged(
        _ task: TaskKey, uuid: Bytes, agent: UInt32, at now: Instant, into effects: inout [Effect]
    ) {
        self.counters.acknowledgements += 1
        self.tellLater(agent, acknowledged: task, uuid: uuid, at: now, into: &effects)
        guard let row = self.frameworksByID[task.framework] else { return }
        self.held.acknowledge(task, uuid: uuid, framework: row, agent: agent)
        self.askForMore(row, at: now, into: &effects)
    }

    /// An agent that was asked begins to send again: nothing that comes from now on overtakes what did not fit.
    mutating func resending(_ id: FrameworkID, from peer: PeerID, into effects: inout [Effect]) {
        guard let agent = self.registered(peer, into: &effects), let row = self.frameworksByID[id],
            self.frameworks[row].asked.remove(agent) != nil
        else { return }
        self.agents[agent].overflowing.removeAll { $0 == row }
    }

    /// Asks the next agents for what did not fit, when there is somebody to give it to and half of the share is free.
    ///
    /// A few at a time: all at once would send most of it in vain.
    private mutating func askForMore(_ row: UInt32, at now: Instant, into effects: inout [Effect]) {
        guard self.frameworks[row].hasOverflow, !self.frameworks[row].isResendTimerSet,
            self.frameworks[row].target != .nobody,
            self.held.bytes(of: row) <= self.settings.heldBytesPerFramework / 2
        else { return }
        let id = self.frameworks[row].id
        var asked = 0
        while asked < self.settings.resendsPerTurn, let agent = self.frameworks[row].popOverflow() {
            guard self.agents.contains(agent), self.agents[agent].overflowing.contains(row) else { continue }
            let peer = self.agents[agent].peer
            if self.agents[agent].revision >= ProtocolRevision.ordered {
                // What is on its way before it begins to would still overtake: the mark stays until then.
                guard self.frameworks[row].asked.insert(agent).inserted else { continue }
                self.tell(agent, .resend(id), into: &effects)
            } else {
                // Nobody could tell what was on its way. What it has it sends in order when it attaches again: without what was
                // acknowledged, or that would take the place of the rest once more.
                self.empty(outboxOf: agent, into: &effects)
                let reason = "there is room for what was dropped: attach again"
                self.refuse(peer, Refusal(.tooSlow, reason), into: &effects)
            }
            asked += 1
        }
        if asked > 0 { effects.append(.observe(.resendAsked(id, agents: asked))) }
        if self.frameworks[row].hasOverflow {
            self.frameworks[row].isResendTimerSet = true
            effects.append(.setTimer(.resend(id), at: now + self.settings.resendPause))
        }
    }

    mutating func resendTimerFired(_ id: FrameworkID, at now: Instant, into effects: inout [Effect]) {
        guard let row = self.frameworksByID[id] else { return }
        self.frameworks[row].isResendTimerSet = false
        self.askForMore(row, at: now, into: &effects)
    }
}
