import Model

/// An index into one of the tables; the table says which row it names.
typealias Row = UInt32

/// A slave agent as the master knows it.
struct AgentEntry {
    /// Where its orders go.
    enum Condition: Hashable {
        /// Through this relay, which calls it `index`.
        case attached(relay: Row, index: UInt32)
        /// Its relay lost it. Leaves for `attached` when it registers, for `unreachable` after the agent timeout.
        case disconnected
        /// Given up: its tasks were reported, its resources count nowhere. Leaves for `attached` when it registers.
        case unreachable(since: Instant)
    }

    /// An operator's wish on its way to the agent.
    struct Asker {
        let peer: PeerID
        let request: UInt64
        let mode: AgentMode
    }

    let id: AgentID
    /// Of its id, for the division among allocators.
    let hash: UInt64
    var hostname: String
    var sidePort: UInt16
    var total: Resources
    var attributes: Bytes
    /// What those say.
    var attributeList: [Attribute] = []
    var mode: AgentMode
    /// Operators who wait for it to take another.
    var askers: [Asker] = []
    var attachment: Attachment
    var condition: Condition
    /// The name of the relay that brought the attachment.
    var relayName: String
    /// Its books are applied up to here.
    var position: BookPosition
    /// That is to be confirmed.
    var awaitsConfirmation = false
    /// Offers, tasks and executors together.
    var held: Resources = .init()
    /// Something that can be had once only (a port) is held twice: `held` is then counted anew at each release.
    var overlaps = false
    var tasks: [Row] = []
    var executors: [Row] = []
    var offers: [Row] = []
    /// Its own number of a task, to the task.
    var numbers: [UInt64: Row] = [:]
    /// The allocator that proposes for it.
    var owner: Row?
    var ownership: Ownership = 0
    /// Raised whenever it is lost, so that a timeout of an earlier loss is told apart.
    var losses: UInt64 = 0
    /// It has shown that it knows the id it was given.
    var knowsItsID: Bool
    /// It has shown that it knows of this leadership: whatever an earlier one has launched there is in the books.
    var knowsEpoch = false
    /// Tasks that somebody has asked about, answered when that is so or the agent is unreachable; with the kill that was wanted, which is
    /// kept until the agent is back.
    var questions: [TaskKey: TaskEntry.Kill?] = [:]

    /// Beyond so many questions nothing is said, as if they had been lost on their way.
    static let largestQuestions = 10_000

    var isAttached: Bool { if case .attached = self.condition { true } else { false } }
    var isUnreachable: Bool { if case .unreachable = self.condition { true } else { false } }
    /// What can be offered.
    var free: Resources { self.total - self.held }
    /// Whether anything of it may be offered.
    var isActive: Bool { self.isAttached && self.mode == .active }
}

/// A framework as the master knows it.
struct FrameworkEntry {
    /// Where it stands.
    enum Condition: Hashable {
        /// Its scheduler is this peer. Leaves for `disconnected` when that goes, for `terminating` on TEARDOWN.
        case connected(PeerID)
        /// Leaves for `connected` when a scheduler subscribes, for `terminating` when the time is over.
        case disconnected(until: Instant)
        /// Removed; remembered until nothing of it runs any more.
        case terminating
    }

    let id: FrameworkID
    var info: FrameworkInfo
    /// Nobody has said yet what it is: `info` is a guess.
    var isPlaceholder = false
    /// As sent to agents.
    var encodedInfo: Bytes
    var condition: Condition
    var subscription: Subscription?
    /// Which connection its latest scheduler came on.
    var arrival: UInt64 = 0
    /// What its scheduler showed when it subscribed; nil: nothing, it was new.
    var shown: Subscription?
    /// What its scheduler was granted by an earlier leadership; nil: nothing, it is of this one.
    var precedent: Subscription?
    var usesRelays = false
    /// It wants to be told when its guarantees change.
    var followsGuarantees = false
    /// As it was told last, if it follows them.
    var toldGuarantees = Guarantees()
    /// Those of its roles that want no offers, in the order of its roles.
    var suppressedRoles: [String] = []
    /// Which agents it wants to be offered, by role; a role that is not there: all.
    var constraints: [String: OfferConstraints] = [:]
    /// Roles in which it declined what it lacks of a guarantee, and has asked for nothing since.
    var idleRoles: Set<String> = []
    /// Schedulers that wait for the present one to go, the first to come first.
    var standbys: [Standby] = []
    var tasks: [Row] = []
    var taskIDs: [TaskID: Row] = [:]
    var executors: [Row] = []
    var offers: [Row] = []
    /// Serial numbers of offers that were made but not sent yet.
    var unsentOffers: [UInt64] = []
    var filters = FilterTable()
    /// Held by tasks and executors; the four scalars.
    var used: Resources = .init()
    /// Held by offers; the four scalars.
    var offered: Resources = .init()
    /// Held by tasks that were ordered to end; the four scalars.
    var leaving: Resources = .init()

    var peer: PeerID? { if case .connected(let peer) = self.condition { peer } else { nil } }
    var isTerminating: Bool { self.condition == .terminating }
    var isPartitionAware: Bool { self.info.capabilities.contains(.partitionAware) }
    /// Whether it is told TASK_UNREACHABLE, rather than TASK_LOST.
    var knowsUnreachable: Bool { self.isPartitionAware || self.info.partitionPolicy == .wait }

    /// A scheduler in waiting.
    struct Standby {
        var peer: PeerID
        var subscribe: SchedulerCall.Subscribe
    }
}

/// A task as the master knows it.
struct TaskEntry {
    let key: TaskKey
    let framework: Row
    let agent: Row
    var name: String
    var executorID: ExecutorID?
    var resources: Resources
    var role: String
    /// The agent's number of it; nil until its books show the task.
    var number: UInt64?
    var state: TaskState = .staging
    var acknowledgedState: TaskState?
    var latestStatus: Bytes = []
    /// Its resources are held.
    var isOccupying = false
    /// The launch that brings it, until the agent's books show it.
    var launch: Row?
    /// Its scheduler or an operator wants it dead.
    var kill: Kill?
    /// Its agent's books say that it was ordered to end, by this master or an earlier one.
    var isEnding = false
    /// It is counted among what its framework and role are about to lose.
    var isLeaving = false
    /// The revocation that takes it back.
    var revocation: UInt64?
    /// Which part of its agent it runs on; nil: agents are not divided.
    var slot: Slot?
    /// The timer that ends its time on a short slot.
    var slotSerial: UInt64?
    /// From RUNNING on, as its scheduler said; nil: no bound, or not known to this master.
    var maxCompletionTime: Duration?
    /// Where tasks have to be given back, those of the lowest go first.
    var priority: Int32 = 0
    /// When this master ordered it; nil: another did.
    var ordered: Instant?
    /// When it was first seen running; seconds since 1970, 0 if never.
    var started: Double = 0
    /// The registration that listed it last.
    var listed: UInt64 = 0
    /// Another task of the same key is the one that its framework means; this one is being killed.
    var isDuplicate = false
    var placeInAgent = 0
    var placeInFramework = 0

    /// The parts of an agent.
    enum Slot { case long, short }

    /// What an agent is told about the end of a task.
    struct Kill {
        var grace: Duration?
        var reason: String
        /// Its executor goes too, if it does not end the task in time.
        var endsExecutor = false

        /// As the agent is told.
        func order(_ key: TaskKey) -> AgentOrder {
            .kill(key, grace: self.grace, reason: self.reason, endsExecutor: self.endsExecutor)
        }
    }
}

/// A launch that was ordered, kept until the agent's books show its tasks.
struct LaunchEntry {
    var order: LaunchOrder
    /// It is another master's, and a relay told of it.
    ///
    /// Its agent may since have been with that master, by way of another relay: there the tasks may have run and ended, and have
    /// been forgotten. So it is never ordered again. Nobody else can have ordered one of this master's own.
    var isAdopted: Bool
    /// Of its tasks, those that no book has shown.
    var unconfirmed: Int
}

/// An executor on an agent.
struct ExecutorEntry {
    let key: ExecutorKey
    let framework: Row
    let agent: Row
    var resources: Resources
    var role: String
    var info: ExecutorInfo?
    /// The agent's books have shown it.
    var isConfirmed: Bool
    var listed: UInt64 = 0
    var placeInAgent = 0
    var placeInFramework = 0
}

/// Resources of an agent, held for a framework until it answers.
struct OfferEntry {
    let serial: UInt64
    let framework: Row
    let agent: Row
    let role: String
    let resources: Resources
    let made: Instant
    var isSent = false
    var placeInAgent = 0
    var placeInFramework = 0
}

/// A relay and the agents that it brings.
struct RelayEntry {
    let peer: PeerID
    let name: String
    let address: String
    let incarnation: Bytes
    /// What it knows of the protocol; see `ProtocolRevision`.
    let revision: UInt32
    /// By its own index.
    var agents: [Row?] = []
    var agentCount = 0
    /// Registrations of which more pieces are to come, by its own index.
    var partials: [UInt32: PartialAttachment] = [:]
    var isSynced = false

    /// What has come of a registration.
    struct PartialAttachment {
        var registration: AgentRegistration
        var sent: [AgentOrder]
        var bytes: Int
    }
}

/// An allocator and how far it knows the facts.
struct AllocatorEntry {
    let peer: PeerID
    let name: String
    let hash: UInt64
    /// Agents below have been told.
    var told: Row = 0
    var isSynced = false
    var isReady = false
    /// It only watches: the books that it is told.
    var shadow: ShadowLedger?
}

/// A task that a framework above its guarantee gives back.
struct RevocationEntry {
    let task: Row
    let victim: Row
    let victimRole: String
    let purpose: Purpose
    let resources: Resources
    let agentID: AgentID
    let deadline: Instant
    let grace: Duration
    var isKilling = false

    /// What a task is taken back for.
    enum Purpose: Hashable {
        /// For a framework; `account` is the role, or the framework, that lacks what it is guaranteed.
        case guarantee(FrameworkID, account: String)
        /// Its short slot's time is over.
        case slotEnded

        /// As the task's kill says it.
        var reason: String {
            switch self {
            case .guarantee(let beneficiary, _): "revoked for framework \(beneficiary)"
            case .slotEnded: "its time on a short slot is over"
            }
        }
    }
}
