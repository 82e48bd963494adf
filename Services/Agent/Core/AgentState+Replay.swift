public import Model

extension AgentState {
    /// The fewest records that rebuild this agent: what a compacted log consists of.
    ///
    /// They stand for all records appended so far, on disk or not.
    public func snapshotRecords() -> [AgentLogRecord] {
        var records: [AgentLogRecord] = [
            .counters(
                AgentCounters(
                    number: self.lastNumber, runID: self.lastRun, position: self.position,
                    confirmed: self.confirmedPosition)),
            .started(starts: self.starts, boot: self.boot),
        ]
        if let identity = self.identity { records.append(.identity(identity)) }
        if self.epoch > .none { records.append(.epochSeen(self.epoch)) }
        if let configured = self.configured { records.append(.configured(configured)) }
        if self.mode != .active { records.append(.mode(self.mode)) }
        // Idle ones as well: their next task logs nothing of a framework that is known.
        for framework in self.frameworks.values.sorted(by: { $0.record.id < $1.record.id }) {
            records.append(.frameworkSeen(framework.record))
        }
        for exit in self.unconfirmedExits {
            records += [.executorAccepted(exit.acceptance), .executorExited(exit.exit)]
        }
        for executor in self.executors.values.sorted(by: { $0.runID < $1.runID }) {
            records.append(.executorAccepted(executor.acceptance))
            if let exit = executor.exit { records.append(.executorExited(exit)) }
        }
        for task in self.tasks.values.sorted(by: { $0.number < $1.number }) { records += Self.records(of: task) }
        return records
    }

    private static func records(of task: TaskEntry) -> [AgentLogRecord] {
        var records: [AgentLogRecord] = [.taskAccepted(task.acceptance)]
        if let kill = task.kill, task.isCommand {
            records.append(.killRequested(number: task.number, grace: kill.grace))
        }
        if let running = task.running, task.isLive, running.sequence < task.acknowledged?.sequence ?? 0 {
            records.append(.taskStatus(running))
        }
        if let acknowledged = task.acknowledged {
            records.append(.taskStatus(acknowledged))
            records.append(
                .acknowledged(number: task.number, sequence: acknowledged.sequence, position: task.removal))
        }
        return records + task.statuses.map { .taskStatus($0) }
    }

    /// Does what the record says, and nothing about it.
    mutating func replay(_ record: AgentLogRecord) {
        self.position = max(self.position, record.bookPosition ?? 0)
        switch record {
        case .started(let starts, let boot):
            self.starts = max(self.starts, starts)
            self.boot = boot
        case .identity(let id): self.identity = id
        case .epochSeen(let epoch):
            self.epoch = max(self.epoch, epoch)
            self.loggedEpoch = self.epoch
        case .frameworkSeen(let record): self.replay(record)
        case .taskAccepted(let acceptance):
            self.lastNumber = max(self.lastNumber, acceptance.number)
            self.lastRun = max(self.lastRun, acceptance.runID)
            let task = TaskEntry(acceptance: acceptance, info: self.codec.task(acceptance.info))
            task.isLogged = true
            self.insert(task)
        case .executorAccepted(let acceptance):
            self.lastRun = max(self.lastRun, acceptance.runID)
            guard var info = self.codec.executor(acceptance.info) else { return }
            info.frameworkID = acceptance.key.framework
            self.insert(ExecutorEntry(acceptance: acceptance, info: info))
        case .killRequested(let number, let grace):
            self.tasks[number]?.kill = .init(
                requestedAt: Instant(nanoseconds: 0), grace: grace, deadline: .distantFuture)
        case .taskStatus(let status): self.replay(status)
        case .acknowledged(let number, let sequence, let position): self.replayAcknowledged(number, sequence, position)
        case .executorExited(let exit): self.replay(exit)
        case .bookConfirmed(let position): self.replayConfirmed(position)
        case .deactivated(let isDeactivated):
            self.mode = isDeactivated ? .deactivated : .active
            self.loggedMode = self.mode
        case .mode(let mode):
            self.mode = mode
            self.loggedMode = mode
        case .counters(let counters):
            self.lastNumber = max(self.lastNumber, counters.number)
            self.lastRun = max(self.lastRun, counters.runID)
            self.position = max(self.position, counters.position)
            self.confirmedPosition = max(self.confirmedPosition, counters.confirmed)
        case .configured(let configuration): self.configured = configuration
        }
    }

    private mutating func replay(_ record: FrameworkRecord) {
        var entry = self.frameworks[record.id] ?? FrameworkEntry(record: record)
        entry.record = record
        entry.info = self.codec.framework(record.info)
        self.frameworks[record.id] = entry
    }

    private mutating func replay(_ status: LoggedStatus) {
        guard let task = self.tasks[status.number] else { return }
        task.state = status.state
        task.sequence = status.sequence
        task.loggedSequence = status.sequence
        task.latest = status
        task.statuses.append(status)
        if status.state == .running, task.isTimed, task.running == nil { task.running = status }
        if !task.isCommand { task.remember(status.uuid) }
        if status.state.isTerminal { task.stage = .ended }
    }

    private mutating func replayAcknowledged(_ number: UInt64, _ sequence: StatusSequence, _ position: BookPosition?) {
        guard let task = self.tasks[number] else { return }
        task.acknowledged = task.statuses.last { $0.sequence <= sequence } ?? task.acknowledged
        task.statuses.removeAll { $0.sequence <= sequence }
        if let position {
            task.removal = position
            task.isRemoved = true
            self.removedTasks.add(number, at: position)
        }
    }

    private mutating func replay(_ exit: ExecutorExit) {
        if let index = self.unconfirmedExits.firstIndex(where: { $0.exit.runID == exit.runID }) {
            self.unconfirmedExits[index].exit = exit
        } else if let executor = self.executors.removeValue(forKey: exit.runID) {
            if self.executorRuns[exit.key] == exit.runID { self.executorRuns[exit.key] = nil }
            self.used -= executor.info.resources
            self.unconfirmedExits.append(
                UnconfirmedExit(exit: exit, acceptance: executor.acceptance, record: executor.record))
        }
    }

    private mutating func replayConfirmed(_ position: BookPosition) {
        self.confirmedPosition = max(self.confirmedPosition, position)
        for number in self.removedTasks.take(upTo: position) { self.forget(task: number) }
        for exit in self.unconfirmedExits where exit.exit.position <= position {
            self.frameworks[exit.exit.key.framework]?.executors -= 1
        }
        self.unconfirmedExits.removeAll { $0.exit.position <= position }
    }
}
