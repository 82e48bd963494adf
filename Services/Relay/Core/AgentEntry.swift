import Model

/// An agent that is attached here: what it last registered, kept current by the book entries that pass.
struct AgentEntry {
    let peer: PeerID
    /// Drawn when its process started.
    let incarnation: Bytes
    /// What it knows of the protocol; see `ProtocolRevision`.
    let revision: UInt32
    /// Without its tasks, which change all the time and are below, and without the frameworks, which the relay knows.
    private var registration: AgentRegistration
    private var tasks: [UInt64: TaskRecord] = [:]
    /// Removed records by the position that removed them: listed until the master has confirmed it.
    private var removals: [(position: BookPosition, number: UInt64)] = []
    /// Launches written to it that its books do not show yet, oldest first.
    private var sent: [SentLaunch] = []
    private var sentHead = 0

    /// The master that accepted it last.
    var issuedEpoch: Epoch = .none
    /// The master that accepted it last under its present attachment.
    private(set) var acceptedBy: Epoch?
    /// The version of the directory that it was told.
    var directory: UInt64 = 0
    /// The link on which a master was told of it last; 0: none.
    var announcedOn: UInt64 = 0
    /// Frameworks (dense) of which it has more statuses than could be held.
    var overflowing: [UInt32] = []
    /// What it is told with the next urgent message, or a little later.
    var outbox = Outbox()
    /// Something has ended there since the last launch.
    private(set) var expectsLaunch = false
    /// Tasks that are over, and whose end is not known to be acknowledged.
    private(set) var unsettledEnds = 0

    private struct SentLaunch {
        var order: LaunchOrder
        /// How many of its tasks the books do not show.
        var missing: Int
    }

    init(peer: PeerID, incarnation: Bytes, revision: UInt32, registration: AgentRegistration) {
        self.peer = peer
        self.incarnation = incarnation
        self.revision = revision
        self.registration = registration
        for task in registration.tasks { self.tasks[task.number] = task }
        self.unsettledEnds = self.tasks.values.count(where: Self.isUnsettledEnd)
        for task in registration.tasks where task.isRemoved {
            self.removals.append((registration.position, task.number))
        }
        self.registration.tasks = []
        self.registration.frameworks = []
    }

    var attachment: Attachment { self.registration.attachment }
    var id: AgentID? { self.registration.agentID }

    mutating func accept(as id: AgentID, epoch: Epoch) {
        self.registration.agentID = id
        self.issuedEpoch = max(self.issuedEpoch, epoch)
        self.acceptedBy = epoch
    }

    /// Applies one change of the books.
    ///
    /// A copy of one already applied changes nothing.
    mutating func apply(_ entry: BookEntry) {
        guard entry.position > self.registration.position else { return }
        self.registration.position = entry.position
        if entry.change.isEnd { self.expectsLaunch = true }
        switch entry.change {
        case .task(let record):
            let before = self.tasks.updateValue(record, forKey: record.number)
            if before == nil { self.confirm(record.key) }
            self.countEnd(before: before, after: record)
        case .taskRemoved(let number):
            guard let before = self.tasks[number] else { return }
            self.tasks[number]!.isRemoved = true
            self.countEnd(before: before, after: self.tasks[number]!)
            self.removals.append((entry.position, number))
        case .executor(let record):
            if let index = self.registration.executors.firstIndex(where: { $0.key == record.key }) {
                self.registration.executors[index] = record
            } else {
                self.registration.executors.append(record)
            }
        case .executorExited(let key, _, _):
            self.registration.executors.removeAll { $0.key == key }
        }
    }

    private mutating func countEnd(before: TaskRecord?, after: TaskRecord) {
        if let before, Self.isUnsettledEnd(before) { self.unsettledEnds -= 1 }
        if Self.isUnsettledEnd(after) { self.unsettledEnds += 1 }
    }

    private static func isUnsettledEnd(_ task: TaskRecord) -> Bool { task.state.isTerminal && !task.isRemoved }

    /// The master has applied the books so far: removed records need no longer be listed.
    mutating func confirmed(_ position: BookPosition) {
        guard let last = self.removals.lastIndex(where: { $0.position <= position }) else { return }
        for removal in self.removals[...last] { self.tasks[removal.number] = nil }
        self.removals.removeSubrange(...last)
    }

    /// A launch was written to it.
    mutating func launched(_ order: LaunchOrder) {
        self.expectsLaunch = false
        self.sent.append(SentLaunch(order: order, missing: order.tasks.count))
    }

    /// A kill was written to it that ends the task whatever its executor does.
    ///
    /// A new master must know, or it would take back another one in its place.
    ///
    /// - Complexity: O(its tasks).
    mutating func ends(_ key: TaskKey) {
        for (number, task) in self.tasks where task.key == key && !task.state.isTerminal {
            self.tasks[number]?.isEnding = true
        }
    }

    /// The books show the task: its launch arrived.
    ///
    /// Books show tasks nearly in the order of their launches, so it is found near the front.
    private mutating func confirm(_ key: TaskKey) {
        for index in self.sentHead..<self.sent.count where self.sent[index].missing > 0 {
            guard self.sent[index].order.frameworkID == key.framework,
                let place = self.sent[index].order.tasks.firstIndex(where: { $0.taskID == key.task })
            else { continue }
            self.sent[index].missing -= 1
            // A group is ordered again as a whole; of others the agent may have forgotten those that it has shown.
            if self.sent[index].order.groupExecutor.isEmpty { self.sent[index].order.tasks.remove(at: place) }
            break
        }
        while self.sentHead < self.sent.count, self.sent[self.sentHead].missing == 0 { self.sentHead += 1 }
        if self.sentHead == self.sent.count {
            self.sent.removeAll(keepingCapacity: self.sentHead < 64)
            self.sentHead = 0
        } else if self.sentHead > 64, self.sentHead * 2 > self.sent.count {
            self.sent.removeSubrange(..<self.sentHead)
            self.sentHead = 0
        }
    }

    /// The launches that a new master must count as occupied.
    var unconfirmedLaunches: [AgentOrder] {
        self.sent[self.sentHead...].filter { $0.missing > 0 }.map { .launch($0.order) }
    }

    /// Roughly what it takes on the wire.
    var snapshotBytes: Int {
        400 + self.tasks.count * 300 + self.registration.executors.count * 600
            + (self.sent.count - self.sentHead) * 800
    }

    /// The frameworks that something of it belongs to.
    var frameworks: Set<FrameworkID> {
        var ids = Set(self.tasks.values.lazy.map(\.key.framework))
        ids.formUnion(self.registration.executors.lazy.map(\.key.framework))
        ids.formUnion(self.sent[self.sentHead...].lazy.filter { $0.missing > 0 }.map(\.order.frameworkID))
        return ids
    }

    /// What it would register now.
    ///
    /// `info` gives the `meseta.v1.FrameworkInfo` of a framework.
    ///
    /// - Complexity: O(t log t) in its tasks.
    func currentRegistration(info: (FrameworkID) -> Bytes?) -> AgentRegistration {
        var registration = self.registration
        registration.tasks = self.tasks.values.sorted { $0.number < $1.number }
        registration.frameworks = self.frameworks.sorted().compactMap { id in
            info(id).map { FrameworkRecord(id: id, info: $0) }
        }
        return registration
    }
}
