import Model

// Delayed acknowledgements. An acknowledgement, or a confirmation of the books, lets an agent forget something, and little waits
// for it. Alone each costs a write here and a read there, which is more than all else that a relay does for a task. So it waits for
// something urgent, such as the agent's next launch, and goes with it, or else after `RelaySettings.acknowledgementDelay`. Where
// something has just ended a launch is likely; the more agents wait for theirs, the longer an acknowledgement waits for it, too: told
// alone it would only make them wait longer. A confirmation, and an acknowledgement where nothing has ended, wait nearly as long as a
// heartbeat, whose place they take. Changes of the books that free nothing wait, too, on their way to the master.

/// What waits to be told to one agent.
struct Outbox {
    /// An acknowledgement of a scheduler.
    struct Acknowledgement {
        let task: TaskKey
        let uuid: Bytes
    }

    var acknowledgements: [Acknowledgement] = []
    /// How far the master has the agent's books; nil: that is not to be told.
    var confirmed: BookPosition?
    /// Names its place in the queue of those that wait, and when that comes; 0: nothing waits.
    var serial: UInt64 = 0
    var end = Instant(nanoseconds: 0)

    var isEmpty: Bool { self.acknowledgements.isEmpty && self.confirmed == nil }

    /// So many acknowledgements wait where nothing has ended: a task that reports often is not kept waiting.
    static let quietAcknowledgements = 8

    func acknowledges(_ envelope: StatusEnvelope) -> Bool {
        self.acknowledgements.contains { $0.uuid == envelope.uuid && $0.task == envelope.key }
    }
}

/// The agents for which something waits, by the time at which it is told in any case; also some that were told in company before
/// that time.
struct OutboxQueue {
    /// Cleared of those that were told, when they become too many.
    var deadlines = DeadlineQueue()
    /// Of those that are likely to be given a task.
    var patient = DeadlineQueue()
    /// When the timer fires.
    var timer: Instant?
    private var lastSerial: UInt64 = 0

    mutating func add(_ row: UInt32, until end: Instant, isPatient: Bool) -> UInt64 {
        self.lastSerial += 1
        let entry = DeadlineQueue.Entry(end: end, serial: self.lastSerial, row: row)
        if isPatient { self.patient.insert(entry) } else { self.deadlines.insert(entry) }
        return self.lastSerial
    }
}

extension RelayState {
    /// Tells the master something, behind the changes of the books that wait.
    mutating func tellMaster(_ message: RelayToMaster, on peer: PeerID, into effects: inout [Effect]) {
        self.tellBooks(into: &effects)
        effects.append(.sendToMaster(peer, message))
    }

    /// Tells the master something that it does not wait for, soon.
    mutating func tellMasterSoon(_ message: RelayToMaster, at now: Instant, into effects: inout [Effect]) {
        self.untoldBooks.append(message)
        guard self.settings.bookDelay > .zero else { return self.tellBooks(into: &effects) }
        guard !self.isBookTimerSet else { return }
        self.isBookTimerSet = true
        effects.append(.setTimer(.books, at: now + self.settings.bookDelay))
    }

    /// Tells the master the changes of the books that wait.
    mutating func tellBooks(into effects: inout [Effect]) {
        guard let master = self.link?.peer, !self.untoldBooks.isEmpty else { return }
        for message in self.untoldBooks { effects.append(.sendToMaster(master, message)) }
        self.untoldBooks.removeAll(keepingCapacity: true)
    }

    /// Tells an agent something, behind all that waits to be told.
    mutating func tell(_ row: UInt32, _ message: RelayToAgent, into effects: inout [Effect]) {
        self.empty(outboxOf: row, into: &effects)
        effects.append(.sendToAgent(self.agents[row].peer, message))
    }

    /// Passes an acknowledgement on, soon.
    mutating func tellLater(
        _ row: UInt32, acknowledged task: TaskKey, uuid: Bytes, at now: Instant, into effects: inout [Effect]
    ) {
        self.agents[row].outbox.acknowledgements.append(.init(task: task, uuid: uuid))
        if self.agents[row].unsettledEnds == 0, self.agents[row].revision >= ProtocolRevision.patient,
            self.agents[row].outbox.acknowledgements.count <= Outbox.quietAcknowledgements
        {
            self.schedule(outboxOf: row, until: now + self.settings.quietDelay, isPatient: false, into: &effects)
        } else {
            self.scheduleSoon(outboxOf: row, at: now, into: &effects)
        }
    }

    /// Something has ended: what waits is told with the next launch, or soon.
    mutating func scheduleSoon(outboxOf row: UInt32, at now: Instant, into effects: inout [Effect]) {
        let isPatient = self.agents[row].expectsLaunch
        let delay = isPatient ? self.patientDelay : self.settings.acknowledgementDelay
        self.schedule(outboxOf: row, until: now + delay, isPatient: isPatient, into: &effects)
    }

    /// Passes on, soon, how far the master has the agent's books.
    mutating func tellLater(
        _ row: UInt32, confirmed position: BookPosition, at now: Instant, into effects: inout [Effect]
    ) {
        self.agents[row].outbox.confirmed = max(position, self.agents[row].outbox.confirmed ?? 0)
        self.schedule(outboxOf: row, until: now + self.settings.quietDelay, isPatient: false, into: &effects)
    }

    private mutating func schedule(
        outboxOf row: UInt32, until end: Instant, isPatient: Bool, into effects: inout [Effect]
    ) {
        guard self.settings.acknowledgementDelay > .zero else { return self.empty(outboxOf: row, into: &effects) }
        if self.agents[row].outbox.serial != 0, self.agents[row].outbox.end <= end { return }
        self.agents[row].outbox.end = end
        self.agents[row].outbox.serial = self.outboxes.add(row, until: end, isPatient: isPatient)
        if !isPatient { self.pruneDeadlines() }
        if let timer = self.outboxes.timer, timer <= end { return }
        self.outboxes.timer = end
        effects.append(.setTimer(.outbox, at: end))
    }

    /// Forgets the ends of waits that were told in company, which is most of them, long before they come.
    private mutating func pruneDeadlines() {
        var deadlines = DeadlineQueue()
        swap(&deadlines, &self.outboxes.deadlines)
        deadlines.prune(live: self.agents.count) { !self.isWaiting($0) }
        self.outboxes.deadlines = deadlines
    }

    /// How long what is put off now waits for a launch.
    private var patientDelay: Duration {
        let grown = self.settings.acknowledgementDelay + self.settings.launchPatience * self.outboxes.patient.count
        return min(grown, max(self.settings.acknowledgementDelay, self.settings.launchPatienceMax))
    }

    /// Tells an agent all that waits.
    mutating func empty(outboxOf row: UInt32, into effects: inout [Effect]) {
        guard !self.agents[row].outbox.isEmpty else { return }
        let outbox = self.agents[row].outbox
        self.agents[row].outbox = Outbox()
        let (peer, attachment) = (self.agents[row].peer, self.agents[row].attachment)
        for one in outbox.acknowledgements {
            let order = AgentOrder.acknowledge(one.task, uuid: one.uuid)
            effects.append(.sendToAgent(peer, .order(self.highestEpoch, attachment, order)))
        }
        if let position = outbox.confirmed { effects.append(.sendToAgent(peer, .bookConfirmed(attachment, position))) }
    }

    /// Tells what has waited long enough, and what is about to have: one turn of the loop for many agents.
    mutating func outboxTimerFired(at now: Instant, into effects: inout [Effect]) {
        let end = now + self.settings.acknowledgementDelay / 4
        var next: Instant?
        for queue in [\OutboxQueue.deadlines, \OutboxQueue.patient] {
            while let first = self.outboxes[keyPath: queue].first, first.end <= end {
                self.outboxes[keyPath: queue].removeFirst()
                if self.isWaiting(first) { self.empty(outboxOf: first.row, into: &effects) }
            }
            while let first = self.outboxes[keyPath: queue].first, !self.isWaiting(first) {
                self.outboxes[keyPath: queue].removeFirst()
            }
            if let first = self.outboxes[keyPath: queue].first { next = min(next ?? first.end, first.end) }
        }
        self.outboxes.timer = next
        if let next { effects.append(.setTimer(.outbox, at: next)) }
    }

    /// Not told yet, and the agent is the one it is for.
    private func isWaiting(_ entry: DeadlineQueue.Entry) -> Bool {
        self.agents.contains(entry.row) && self.agents[entry.row].outbox.serial == entry.serial
    }
}
