import Model

/// What the driver remembers of one task, so that each of its updates reaches the user once and in order.
struct TaskMemory: Hashable, Sendable {
    /// How many uuids are kept to recognise copies that no sequence tells.
    static let recentLimit = 8

    /// Who said that a task is over.
    enum End: Hashable, Sendable {
        /// Its agent, or the driver itself.
        case certain
        /// The master, which may have been out of touch with the agent.
        case presumed
    }

    /// What the next answer about the task is wanted for.
    enum Question: Hashable, Sendable {
        case none
        /// The driver asked: the user is told only what is new.
        case asked
        /// The user asked, and is told whatever it is.
        case askedByUser
    }

    /// An update that was delivered, but not acknowledged.
    struct Pending: Hashable, Sendable {
        var uuid: Bytes
        var sequence: StatusSequence
        var agentID: AgentID
        /// The relay it last came from; nil: the master.
        var relay: String?
    }

    /// An update that came before an earlier one.
    struct Held: Hashable, Sendable {
        var status: TaskStatus
        var relay: String?
        var since: Instant
    }

    /// Tells this life of the task from earlier ones of the same id, and gives the order of launches.
    var serial: UInt64
    var agentID: AgentID?
    /// The latest that the user knows; nil: nothing yet.
    var state: TaskState?
    /// Launched here under an id never used before: its updates begin with 1.
    var isFromStart = false
    /// The sequence last delivered.
    var delivered: StatusSequence = 0
    /// Uuids last delivered, those of earlier lives of the id included.
    var recent: [Bytes] = []
    var pending: [Pending] = []
    /// Ascending by sequence.
    var held: [Held] = []
    var end: End?
    var question = Question.none
    /// The user wants it killed; said again to each new master.
    var kill: Kill?
    /// Its day of being forgotten is set.
    var isRetired = false
    /// Launches of the same id while this one lives; the master refuses each.
    var duplicates = 0

    /// How to kill.
    struct Kill: Hashable, Sendable {
        var grace: Duration?
    }

    init(serial: UInt64) { self.serial = serial }

    /// Nothing more can come of it that the user does not know.
    var isOver: Bool { self.end != nil && self.pending.isEmpty }

    /// Since when an update waits for an earlier one; nil: none does.
    var waitingSince: Instant? { self.held.lazy.map(\.since).min() }

    /// The sequence that is next to be delivered; nil: any.
    var expected: StatusSequence? {
        self.delivered > 0 ? self.delivered + 1 : self.isFromStart ? 1 : nil
    }

    /// Whether the user has been given this update before.
    func isCopy(_ uuid: Bytes, _ sequence: StatusSequence) -> Bool {
        sequence > 0 && sequence <= self.delivered || self.recent.contains(uuid)
    }

    mutating func remember(_ uuid: Bytes) {
        if self.recent.count == Self.recentLimit { self.recent.removeFirst() }
        self.recent.append(uuid)
    }

    /// Keeps an update for later, at its place.
    ///
    /// What is there already, or does not fit, is dropped: it comes again.
    mutating func hold(_ status: TaskStatus, relay: String?, at now: Instant, limit: Int) {
        let position = self.held.firstIndex { $0.status.sequence >= status.sequence } ?? self.held.count
        if position < self.held.count, self.held[position].status.sequence == status.sequence {
            self.held[position].relay = relay
            return
        }
        self.held.insert(Held(status: status, relay: relay, since: now), at: position)
        if self.held.count > limit { self.held.removeLast() }
    }

    /// Begins another life of the id.
    ///
    /// Copies of the earlier one are still recognised.
    mutating func restart(serial: UInt64) {
        var next = TaskMemory(serial: serial)
        next.recent = self.recent
        next.pending = self.pending
        self = next
    }
}

extension TaskState {
    /// Somebody sees the task run, or about to.
    var isAlive: Bool { !self.isTerminal && self != .unreachable && self != .unknown }
}

extension TaskStatus {
    /// The master's own refusal to launch, which says nothing of another task of the same id.
    var isLaunchRefusal: Bool {
        guard self.uuid == nil else { return false }
        switch self.reason {
        case .taskInvalid, .taskGroupInvalid, .invalidOffers, .masterDisconnected: return true
        default: return self.state == .error
        }
    }

    /// The master tells what it last heard of the task; the update it heard of comes by itself if nobody acknowledged it.
    var isRetold: Bool { self.reason == .reconciliation || self.reason == .agentReregistered }

    /// Only an agent ends a task like that, and keeps the update until it is acknowledged.
    var isAgentsEnd: Bool { self.state == .finished || self.state == .failed || self.state == .killed }
}
