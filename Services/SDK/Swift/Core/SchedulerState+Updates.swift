import Model

/// Status updates: each delivered once, in the order of its task, and acknowledged the way it came.
extension SchedulerState {
    mutating func received(_ payload: StatusPayload, relay: String?, _ now: Instant, _ effects: inout [Effect]) {
        // A stopping scheduler leaves updates to the one that comes after it.
        guard self.ending == .running else { return }
        let status: TaskStatus
        switch payload {
        case .status(let value): status = value
        case .encoded(let bytes):
            // Nobody can acknowledge what cannot be read; it stays with the agent.
            guard let value = self.codec.status(bytes) else { return }
            status = value
        }
        var task = self.tasks.removeValue(forKey: status.taskID) ?? self.newTask()
        if let agent = status.agentID { task.agentID = agent }
        if let uuid = status.uuid, !uuid.isEmpty, let agent = status.agentID ?? task.agentID {
            let kept = TaskMemory.Pending(uuid: uuid, sequence: status.sequence, agentID: agent, relay: relay)
            self.receivedUpdate(status, kept, &task, now, &effects)
        } else {
            self.receivedAnswer(status, &task, now, &effects)
        }
        self.store(status.taskID, task, now, &effects)
    }

    func newTask() -> TaskMemory { TaskMemory(serial: 0) }

    /// Puts a task back after a change, and has it forgotten in time if it is over.
    mutating func store(_ id: TaskID, _ task: TaskMemory, _ now: Instant, _ effects: inout [Effect]) {
        var task = task
        if task.serial == 0 {
            self.lastSerial += 1
            task.serial = self.lastSerial
        }
        self.tasks[id] = task
        if task.isOver { self.retire(id, task, now, &effects) }
    }

    /// An update of the agent's, which keeps it until it is acknowledged.
    private mutating func receivedUpdate(
        _ status: TaskStatus, _ kept: TaskMemory.Pending, _ task: inout TaskMemory, _ now: Instant,
        _ effects: inout [Effect]
    ) {
        if task.isCopy(kept.uuid, kept.sequence) {
            if let position = task.pending.firstIndex(where: { $0.uuid == kept.uuid }) {
                // The user is not done with it; the acknowledgement will take the way that works now.
                task.pending[position].relay = kept.relay
            } else {
                self.sendAcknowledgement(status.taskID, kept, &effects)
            }
            return
        }
        if let end = task.end {
            task.delivered = max(task.delivered, kept.sequence)
            self.sendAcknowledgement(status.taskID, kept, &effects)
            if end == .presumed, !status.state.isTerminal { self.killReturned(status.taskID, task, &effects) }
            return
        }
        if let expected = task.expected, kept.sequence > expected {
            task.hold(status, relay: kept.relay, at: now, limit: self.settings.heldLimit)
            self.gaps.insert(status.taskID)
            self.setGapTimer(adding: task, &effects)
            return
        }
        self.deliver(status, kept, &task, &effects)
        self.deliverHeld(&task, status.taskID, &effects) { held, task in
            task.expected.map { held.status.sequence <= $0 } ?? true
        }
    }

    private mutating func deliver(
        _ status: TaskStatus, _ kept: TaskMemory.Pending, _ task: inout TaskMemory, _ effects: inout [Effect]
    ) {
        task.question = .none
        task.delivered = max(task.delivered, kept.sequence)
        task.remember(kept.uuid)
        self.endReturned(status, &task, &effects)
        task.state = status.state
        task.pending.append(kept)
        if status.state.isTerminal { task.end = .certain }
        self.tell(.statusUpdate(status), &effects)
    }

    /// Delivers what was held back, from the lowest on, while `isDue`.
    ///
    /// After the end the rest is dropped: the agent sends it again, and it is acknowledged then.
    private mutating func deliverHeld(
        _ task: inout TaskMemory, _ id: TaskID, _ effects: inout [Effect],
        while isDue: (TaskMemory.Held, TaskMemory) -> Bool
    ) {
        while let first = task.held.first, task.end == nil, isDue(first, task) {
            task.held.removeFirst()
            guard let uuid = first.status.uuid, let agent = first.status.agentID ?? task.agentID else { continue }
            if task.isCopy(uuid, first.status.sequence) { continue }
            let kept = TaskMemory.Pending(
                uuid: uuid, sequence: first.status.sequence, agentID: agent, relay: first.relay)
            self.deliver(first.status, kept, &task, &effects)
        }
        if task.end != nil { task.held = [] }
        if task.held.isEmpty { self.gaps.remove(id) }
    }

    /// A status that the master made: told once, not acknowledged.
    private mutating func receivedAnswer(
        _ status: TaskStatus, _ task: inout TaskMemory, _ now: Instant, _ effects: inout [Effect]
    ) {
        if task.end != nil {
            task.question = .none
            if task.end == .presumed, status.isRetold, status.state.isAlive {
                self.killReturned(status.taskID, task, &effects)
            }
            return
        }
        if task.duplicates > 0, status.isLaunchRefusal {
            task.duplicates -= 1
            self.tell(.statusUpdate(status), &effects)
            return
        }
        let question = task.question
        task.question = .none
        if status.isRetold {
            // The update itself is on its way, with all that it says; the user gets that one.
            if status.isAgentsEnd { return }
            if status.sequence > 0, status.sequence < task.delivered { return }
            if status.state == task.state, question != .askedByUser { return }
        }
        if status.state.isTerminal {
            self.deliverHeld(&task, status.taskID, &effects) { _, _ in true }
            if task.end != nil { return }
            task.end = .presumed
        }
        self.endReturned(status, &task, &effects)
        task.state = status.state
        self.tell(.statusUpdate(status), &effects)
    }

    /// A task that was unreachable is back, and the framework wants it ended: whichever master leads, and whether that knows
    /// of its absence or not.
    private func endReturned(_ status: TaskStatus, _ task: inout TaskMemory, _ effects: inout [Effect]) {
        guard self.framework.partitionPolicy == .killOnReturn, task.state == .unreachable, status.state.isAlive,
            task.kill == nil
        else { return }
        task.kill = TaskMemory.Kill(grace: nil)
        self.send(.kill(status.taskID, task.agentID, grace: nil), &effects)
    }

    /// A task that the user was told is over is alive after all: it must not run unnoticed.
    private func killReturned(_ id: TaskID, _ task: TaskMemory, _ effects: inout [Effect]) {
        self.send(.kill(id, task.agentID, grace: nil), &effects)
    }

    /// The user is done with an update, and with those before it.
    mutating func acknowledge(_ id: TaskID, _ uuid: Bytes, _ now: Instant, _ effects: inout [Effect]) {
        guard var task = self.tasks[id], let position = task.pending.firstIndex(where: { $0.uuid == uuid })
        else { return }
        let kept = task.pending[position]
        task.pending.removeSubrange(...position)
        self.tasks[id] = task
        if task.isOver {
            self.sendAcknowledgement(id, kept, &effects)
            self.retire(id, task, now, &effects)
        } else {
            self.sendAcknowledgement(id, kept, waitingFrom: now, &effects)
        }
    }

    /// Through the relay that the update came from, else through the master, else not now: the agent will ask again.
    ///
    /// - Parameter now: Given, it may wait for another one to that relay: a task that has begun goes on for a while, and a write
    ///   for each of its updates is dear.
    private mutating func sendAcknowledgement(
        _ id: TaskID, _ kept: TaskMemory.Pending, waitingFrom now: Instant? = nil, _ effects: inout [Effect]
    ) {
        guard let name = kept.relay, let position = self.relays.firstIndex(where: { $0.info.name == name }),
            self.relays[position].peer != nil
        else { return self.send(.acknowledge(kept.agentID, id, uuid: kept.uuid), &effects) }
        // An acknowledgement covers the earlier updates of its task.
        if let earlier = self.relays[position].unsaid.firstIndex(where: { $0.task == id && $0.agent == kept.agentID }) {
            self.relays[position].unsaid.remove(at: earlier)
        }
        self.relays[position].unsaid.append(Unsaid(task: id, agent: kept.agentID, uuid: kept.uuid))
        guard let now, self.settings.acknowledgementDelay > .zero,
            self.relays[position].unsaid.count < self.settings.acknowledgementBatch
        else { return self.sayAcknowledgements(at: position, &effects) }
        guard !self.isAcknowledgementTimerSet else { return }
        self.isAcknowledgementTimerSet = true
        effects.append(.setTimer(.acknowledgements, at: now + self.settings.acknowledgementDelay))
    }

    /// Says to the relay in that place what waits to be said.
    mutating func sayAcknowledgements(at position: Int, _ effects: inout [Effect]) {
        guard let peer = self.relays[position].peer else { return }
        for one in self.relays[position].unsaid {
            let call = SchedulerCall(
                frameworkID: self.frameworkID, .acknowledge(one.agent, one.task, uuid: one.uuid))
            effects.append(.sendToRelay(peer, call))
        }
        self.relays[position].unsaid.removeAll(keepingCapacity: true)
    }

    // MARK: Gaps

    /// `task` is the one at hand, which is not in its place.
    private func setGapTimer(adding task: TaskMemory? = nil, _ effects: inout [Effect]) {
        let waiting = self.gaps.compactMap { self.tasks[$0]?.waitingSince } + [task?.waitingSince].compactMap { $0 }
        guard let since = waiting.min() else { return }
        effects.append(.setTimer(.gap, at: since + self.settings.gapPatience))
    }

    /// What has waited long enough is delivered without what it waited for.
    mutating func closeGaps(_ now: Instant, _ effects: inout [Effect]) {
        for id in self.gaps.sorted() {
            guard var task = self.tasks[id] else { continue }
            while let since = task.waitingSince, now - since >= self.settings.gapPatience {
                // The first goes out now, and whatever follows it without another gap.
                task.delivered = max(task.delivered, task.held[0].status.sequence - 1)
                self.deliverHeld(&task, id, &effects) { held, task in
                    task.expected.map { held.status.sequence <= $0 } ?? true
                }
            }
            self.store(id, task, now, &effects)
        }
        self.setGapTimer(&effects)
    }

    // MARK: Forgetting

    private mutating func retire(_ id: TaskID, _ task: TaskMemory, _ now: Instant, _ effects: inout [Effect]) {
        guard !task.isRetired else { return }
        self.tasks[id]?.isRetired = true
        if self.ended.count == self.forgottenCount {
            effects.append(.setTimer(.retention, at: now + self.settings.retention))
        }
        self.ended.append((id, task.serial, now + self.settings.retention))
        if self.ended.count - self.forgottenCount > self.settings.retentionLimit { self.forgetOldest() }
    }

    mutating func forget(_ now: Instant, _ effects: inout [Effect]) {
        while self.forgottenCount < self.ended.count, self.ended[self.forgottenCount].forgetAt <= now {
            self.forgetOldest()
        }
        if self.forgottenCount < self.ended.count {
            effects.append(.setTimer(.retention, at: self.ended[self.forgottenCount].forgetAt))
        }
    }

    private mutating func forgetOldest() {
        let oldest = self.ended[self.forgottenCount]
        if let task = self.tasks[oldest.task], task.serial == oldest.serial, task.isOver {
            self.tasks[oldest.task] = nil
        }
        self.forgottenCount += 1
        if self.forgottenCount > 1024, self.forgottenCount * 2 > self.ended.count {
            self.ended.removeFirst(self.forgottenCount)
            self.forgottenCount = 0
        }
    }
}
