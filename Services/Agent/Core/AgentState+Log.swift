import Model

/// What waits for the disk, in the order of the records it waits for.
struct ConsequenceQueue {
    private var waiting: [(index: UInt64, position: BookPosition, consequence: Consequence?)] = []
    private var head = 0

    var isEmpty: Bool { self.head == self.waiting.count }

    mutating func append(_ index: UInt64, _ position: BookPosition, _ consequence: Consequence?) {
        self.waiting.append((index, position, consequence))
    }

    /// The next whose record is among the first `index`.
    mutating func next(upTo index: UInt64) -> (position: BookPosition, consequence: Consequence?)? {
        guard self.head < self.waiting.count, self.waiting[self.head].index <= index else { return nil }
        let next = self.waiting[self.head]
        self.head += 1
        if self.head == self.waiting.count {
            self.waiting.removeAll(keepingCapacity: true)
            self.head = 0
        } else if self.head >= 1024, self.head * 2 >= self.waiting.count {
            self.waiting.removeFirst(self.head)
            self.head = 0
        }
        return (next.position, next.consequence)
    }
}

extension AgentState {
    /// The one way to promise anything: the record goes to disk, and the consequence follows when it is there.
    mutating func append(
        _ record: AgentLogRecord, then consequence: Consequence? = nil, into effects: inout [Effect]
    ) {
        self.appended += 1
        effects.append(.append(record))
        if consequence != nil || record.bookPosition != nil {
            self.consequences.append(self.appended, record.bookPosition ?? 0, consequence)
        }
    }

    /// As if it had been given when the latest record was appended.
    mutating func onLogged(_ consequence: Consequence) {
        self.consequences.append(self.appended, 0, consequence)
    }

    mutating func nextPosition() -> BookPosition {
        self.position += 1
        return self.position
    }

    mutating func carryOut(upTo index: UInt64, at now: Instant, into effects: inout [Effect]) {
        precondition(index <= self.appended, "logged \(index) of \(self.appended)")
        self.logged = max(self.logged, index)
        while let next = self.consequences.next(upTo: index) {
            self.loggedPosition = max(self.loggedPosition, next.position)
            guard let consequence = next.consequence else { continue }
            switch consequence {
            case .taskAccepted(let number): self.acceptanceLogged(number, at: now, into: &effects)
            case .deliver(let group): self.deliver(group, at: now, into: &effects)
            case .executorAccepted(let run): self.launchExecutor(run, at: now, into: &effects)
            case .status(let status, let fromExecutor):
                self.statusLogged(status, fromExecutor: fromExecutor, at: now, into: &effects)
            case .removed(let number): self.removalLogged(number, into: &effects)
            case .kill(let number): self.signalTask(number, at: now, into: &effects)
            case .executorExited(let run, let exit): self.executorExitLogged(run, exit, into: &effects)
            case .started: effects.append(.seekRelay)
            case .mode(let mode): self.modeLogged(mode, at: now, into: &effects)
            case .epoch(let epoch): self.loggedEpoch = max(self.loggedEpoch, epoch)
            case .restate: self.attach(at: now, into: &effects)
            case .tell(let entry): self.tell(entry.change, position: entry.position, into: &effects)
            }
        }
    }

    /// Tells the master a change that is on disk.
    ///
    /// Who is not attached tells it in the next registration.
    mutating func tell(_ change: BookEntry.Change, position: BookPosition, into effects: inout [Effect]) {
        guard let link = self.link else { return }
        let entry = BookEntry(position: position, change)
        guard self.settings.bookDelay > .zero else { return effects.append(.sendToRelay(link.peer, .book(entry))) }
        self.untold.append(entry)
        if change.isEnd { self.isUntoldUrgent = true }
    }

    /// At the end of an event: tells the changes that wait if one of them is an end, or beside statuses if few were told of late, and sees
    /// to it that they are told else.
    ///
    /// So a task's acceptance waits for the task to run, which is a millisecond, and goes without a write of its own.
    mutating func tellBooksInTime(at now: Instant, into effects: inout [Effect]) {
        let isInCompany = self.hasSentStatus
        self.hasSentStatus = false
        guard !self.untold.isEmpty else { return }
        if now >= self.bookWindow.end { self.bookWindow = BookWindow(end: now + self.settings.bookDelay) }
        if self.isUntoldUrgent || (isInCompany && self.bookWindow.told < self.settings.bookBurst) {
            self.bookWindow.told += 1
            return self.tellBooks(into: &effects)
        }
        guard !self.isBookTimerSet else { return }
        self.isBookTimerSet = true
        effects.append(.setTimer(.books, at: self.bookWindow.end))
    }

    /// Tells the changes that wait, in their order; of a task that changed more than once the last change, which says it all.
    mutating func tellBooks(into effects: inout [Effect]) {
        let entries = self.untold
        self.untold = []
        self.isUntoldUrgent = false
        guard let link = self.link else { return }
        var last: [UInt64: BookPosition] = [:]
        if entries.count > 1 {
            for entry in entries { if case .task(let record) = entry.change { last[record.number] = entry.position } }
        }
        for entry in entries {
            if case .task(let record) = entry.change, last[record.number] ?? 0 > entry.position { continue }
            effects.append(.sendToRelay(link.peer, .book(entry)))
        }
    }
}

/// A short time in which changes of the books are told beside a few statuses, and the others together at its end.
struct BookWindow {
    var end = Instant(nanoseconds: 0)
    var told = 0
}

extension AgentLogRecord {
    /// The book position that the record raises the books to.
    var bookPosition: BookPosition? {
        switch self {
        case .taskAccepted(let acceptance): acceptance.position
        case .executorAccepted(let acceptance): acceptance.position
        case .taskStatus(let status): status.position
        case .acknowledged(_, _, let position): position
        case .executorExited(let exit): exit.position
        case .started, .identity, .epochSeen, .frameworkSeen, .killRequested, .bookConfirmed, .deactivated, .mode,
            .counters, .configured:
            nil
        }
    }
}
