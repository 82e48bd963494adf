import Model

extension AgentState {
    /// A status in the making: what the agent or an executor knows, without what every status has.
    struct Draft {
        var state: TaskState
        var source: StatusSource
        var reason: StatusReason?
        var message: String
        /// What an executor sent; nil if the agent makes it.
        var update: TaskStatus?
        /// How the process of a command task ended.
        var waitStatus: Int32?
        /// What the task had used up of what a limit ended it for.
        var limitation: Resources?

        init(
            _ state: TaskState, source: StatusSource = .agent, reason: StatusReason? = nil, message: String = "",
            update: TaskStatus? = nil
        ) {
            self.state = state
            self.source = source
            self.reason = reason
            self.message = message
            self.update = update
        }

        /// The end of a container that a limit brought about; nil if none did.
        init?(limitOf exit: ContainerExit, or text: String) {
            let reason: StatusReason
            switch exit.cause {
            case .memoryLimit: reason = .memoryLimit
            case .diskLimit: reason = .diskLimit
            case .limitation: reason = .containerLimitation
            case .itself, .supervisorLost: return nil
            }
            self.init(.failed, reason: reason, message: exit.message(or: text))
            self.limitation = exit.limitation
        }
    }

    /// Gives a live task its next status.
    ///
    /// It is sent when it is on disk.
    ///
    /// A terminal one waits until the task's container is the smaller for it, if an executor goes on in that. It frees the
    /// task's resources here at once; the master learns it from the books, later.
    mutating func add(_ draft: Draft, to number: UInt64, at now: Instant, into effects: inout [Effect]) {
        if draft.state.isTerminal, self.shrinkContainer(for: number, draft, at: now, into: &effects) { return }
        guard let task = self.tasks[number] else { return }
        precondition(task.isLive, "a status after the terminal one: \(task.key), \(task.state), \(draft)")
        let uuid = draft.update?.uuid ?? self.random.bytes(16)
        task.sequence += 1
        task.state = draft.state
        let logged = LoggedStatus(
            number: number, sequence: task.sequence, state: draft.state, uuid: uuid,
            status: self.codec.encode(self.status(of: task, draft, uuid: uuid, at: now)),
            position: self.nextPosition())
        if draft.update != nil, task.outcome == nil { task.remember(uuid) }
        if draft.state == .running, task.isTimed, task.running == nil { task.running = logged }
        let isUnheard = self.frameworks[task.key.framework]?.isShuttingDown ?? false
        if !isUnheard { task.statuses.append(logged) }
        self.append(
            .taskStatus(logged), then: .status(logged, fromExecutor: draft.update != nil), into: &effects)
        effects.append(.observe(.statusMade(task.key, draft.state, message: draft.message)))
        if draft.state.isTerminal {
            self.end(number, into: &effects)
            if isUnheard { self.acknowledged(number, upTo: logged, into: &effects) }
        }
        self.keepWithinBound(number, into: &effects)
    }

    private func status(of task: TaskEntry, _ draft: Draft, uuid: Bytes, at now: Instant) -> TaskStatus {
        var status = draft.update ?? TaskStatus(taskID: task.key.task, state: draft.state)
        status.agentID = self.identity
        status.executorID = task.acceptance.executorID
        status.source = draft.source
        status.uuid = uuid
        status.sequence = task.sequence
        status.waitStatus = draft.waitStatus
        if draft.update == nil {
            status.healthy = task.healthy
            status.checkStatus = task.checkStatus
            status.reason = draft.reason
            status.limitation = draft.limitation
            status.message = draft.message.isEmpty ? nil : draft.message
        }
        if status.timestamp == nil { status.timestamp = now.seconds }
        return status
    }

    /// A task that is terminal uses nothing from here on.
    private mutating func end(_ number: UInt64, into effects: inout [Effect]) {
        self.unwatch(number, into: &effects)
        guard let task = self.tasks[number] else { return }
        if task.stage == .launching || task.stage == .running, task.isCommand {
            effects.append(.cancelTimer(.kill(number)))
            if task.info?.maxCompletionTime != nil { effects.append(.cancelTimer(.completion(number))) }
        } else if !task.isCommand {
            if task.kill?.insistence != nil { effects.append(.cancelTimer(.kill(number))) }
            if task.runsUntil != nil { effects.append(.cancelTimer(.completion(number))) }
        }
        if task.isHolding { self.used -= task.resources }
        task.stage = .ended
        if task.isCommand {
            self.commandRuns[task.acceptance.runID] = nil
        } else if let key = task.executorKey, let run = self.executorRuns[key] {
            self.taskEnded(number, in: run)
        }
    }

    /// Gives up the oldest of too many statuses, unless it is the latest or not yet on disk.
    private mutating func keepWithinBound(_ number: UInt64, into effects: inout [Effect]) {
        guard let task = self.tasks[number], task.statuses.count > max(2, self.settings.unacknowledgedLimit),
            let oldest = task.statuses.first, oldest.sequence <= task.loggedSequence
        else { return }
        self.acknowledged(number, upTo: oldest, into: &effects)
    }

    mutating func statusLogged(
        _ status: LoggedStatus, fromExecutor: Bool, at now: Instant, into effects: inout [Effect]
    ) {
        guard let task = self.tasks[status.number] else { return }
        task.loggedSequence = status.sequence
        task.latest = status
        let isWanted = task.statuses.contains { $0.sequence == status.sequence }
        let isFirst = task.retryAt == nil
        if isWanted, let link = self.link {
            if isFirst {
                task.retryInterval = self.settings.statusRetryIntervalMin
                task.retryAt = now + task.retryInterval
                self.unacknowledged.insert(status.number)
            }
            let envelope = StatusEnvelope(key: task.key, uuid: status.uuid, status: status.status)
            effects.append(.sendToRelay(link.peer, .status(envelope)))
            self.hasSentStatus = true
        }
        self.tell(.task(task.record), position: status.position, into: &effects)
        if isWanted, isFirst, let retryAt = task.retryAt { self.setRetryTimer(noLaterThan: retryAt, into: &effects) }
        if status.state.isTerminal, task.isCommand, task.isHolding {
            effects.append(.forget(task.acceptance.runID))
        }
        if fromExecutor, let key = task.executorKey, let peer = self.executor(key)?.peer {
            effects.append(.sendToExecutor(peer, .acknowledged(task.key.task, uuid: status.uuid)))
        }
    }

    // MARK: Acknowledgements

    /// The scheduler has this status.
    ///
    /// Those before it are older than what it has: they go too. Those behind it are younger, and have as long again to be acknowledged.
    mutating func acknowledge(_ key: TaskKey, _ uuid: Bytes, at now: Instant, into effects: inout [Effect]) {
        guard let number = self.numbers[key], let task = self.tasks[number],
            let status = task.statuses.first(where: { $0.uuid == uuid && $0.sequence <= task.loggedSequence })
        else { return }  // Acknowledged before, or about another life.
        self.acknowledged(number, upTo: status, into: &effects)
        guard task.retryAt != nil else { return }
        task.retryInterval = self.settings.statusRetryIntervalMin
        task.retryAt = now + self.settings.statusRetryIntervalMin
    }

    mutating func acknowledged(_ number: UInt64, upTo status: LoggedStatus, into effects: inout [Effect]) {
        guard let task = self.tasks[number] else { return }
        task.statuses.removeAll { $0.sequence <= status.sequence }
        task.acknowledged = status
        if status.state.isTerminal {
            let removal = self.nextPosition()
            task.removal = removal
            self.removedTasks.add(number, at: removal)
        }
        if task.statuses.isEmpty {
            task.retryAt = nil
            self.unacknowledged.remove(number)
        }
        self.append(
            .acknowledged(number: number, sequence: status.sequence, position: task.removal),
            then: task.removal == nil ? nil : .removed(number), into: &effects)
    }

    mutating func removalLogged(_ number: UInt64, into effects: inout [Effect]) {
        guard let task = self.tasks[number], let position = task.removal else { return }
        task.isRemoved = true
        self.tell(.taskRemoved(number: number), position: position, into: &effects)
        effects.append(.observe(.taskRemoved(task.key)))
    }

    // MARK: Sending again

    /// Sends every status on disk that is not acknowledged; of one framework, or of all.
    ///
    /// Tells how many there were.
    mutating func sendAllStatuses(
        of framework: FrameworkID?, at now: Instant, into effects: inout [Effect]
    ) -> Int {
        guard let link = self.link else { return 0 }
        let numbers = self.tasks.values.filter { task in
            guard let first = task.statuses.first, first.sequence <= task.loggedSequence else { return false }
            return framework == nil || task.key.framework == framework
        }.map(\.number).sorted()
        guard !numbers.isEmpty else { return 0 }
        let retryAt = now + self.settings.statusRetryIntervalMin
        var count = 0
        for number in numbers {
            count += self.send(statusesOf: number, over: link.peer, into: &effects)
            self.tasks[number]?.retryInterval = self.settings.statusRetryIntervalMin
            self.tasks[number]?.retryAt = retryAt
            self.unacknowledged.insert(number)
        }
        self.setRetryTimer(noLaterThan: retryAt, into: &effects)
        return count
    }

    private func send(statusesOf number: UInt64, over peer: PeerID, into effects: inout [Effect]) -> Int {
        guard let task = self.tasks[number] else { return 0 }
        let statuses = task.statuses.prefix { $0.sequence <= task.loggedSequence }
        for status in statuses {
            let envelope = StatusEnvelope(key: task.key, uuid: status.uuid, status: status.status)
            effects.append(.sendToRelay(peer, .status(envelope)))
        }
        return statuses.count
    }

    /// One timer for all tasks: it fires at the earliest of their times, or earlier.
    private mutating func setRetryTimer(noLaterThan instant: Instant, into effects: inout [Effect]) {
        if let at = self.retryTimerAt, at <= instant { return }
        self.retryTimerAt = instant
        effects.append(.setTimer(.statusRetry, at: instant))
    }

    mutating func retryStatuses(at now: Instant, into effects: inout [Effect]) {
        self.retryTimerAt = nil
        guard let link = self.link else { return }
        var next: Instant?
        var count = 0
        for number in self.unacknowledged.sorted() {
            guard let task = self.tasks[number], var retryAt = task.retryAt else { continue }
            if retryAt <= now {
                count += self.send(statusesOf: number, over: link.peer, into: &effects)
                let interval = min(task.retryInterval * 2, self.settings.statusRetryIntervalMax)
                retryAt = now + interval
                task.retryInterval = interval
                task.retryAt = retryAt
            }
            next = min(next ?? retryAt, retryAt)
        }
        if count > 0 { effects.append(.observe(.statusesResent(count))) }
        if let next { self.setRetryTimer(noLaterThan: next, into: &effects) }
    }

    mutating func stopRetries(into effects: inout [Effect]) {
        for number in self.unacknowledged { self.tasks[number]?.retryAt = nil }
        self.unacknowledged.removeAll(keepingCapacity: true)
        guard self.retryTimerAt != nil else { return }
        self.retryTimerAt = nil
        effects.append(.cancelTimer(.statusRetry))
    }
}
