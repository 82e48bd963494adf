/// What the command line asks of the leading master.
public struct OperatorRequest: Hashable, Sendable {
    /// The asker's own count, repeated in each answer.
    public var id: UInt64
    /// The question, or the order.
    public var kind: Kind

    /// What is asked.
    public enum Kind: Hashable, Sendable {
        case status
        case agents
        case frameworks
        case tasks
        case offers
        /// Nil framework: any, if the task id is unique.
        case kill(FrameworkID?, TaskID)
        case teardown(FrameworkID)
        /// The policy in force.
        case policy
        /// Use this policy from now on; `source` is the file that says it. `isTrial`: say only whether it could be.
        case applyPolicy(ClusterPolicy, source: Bytes, isTrial: Bool)
        /// What each role has, is promised, and waits for.
        case roles
        /// The same for each framework in each of its roles.
        case shares
        /// Why a framework has no offers, or none that hold so much of one agent.
        case explain(FrameworkID, wanted: Resources)
        /// What would be if the allocators that only watch decided.
        case compare
        /// An agent is (not) to be offered, or to be emptied; done when it has that on its disk.
        case setMode(AgentID, AgentMode)
    }

    /// A request under a number of the asker's choosing.
    public init(id: UInt64, _ kind: Kind) {
        self.id = id
        self.kind = kind
    }
}

/// One answer of the master; a listing is one per row, then `done`.
public struct OperatorResponse: Hashable, Sendable {
    /// Of the request that it answers.
    public var id: UInt64
    /// A row, or how the request ended.
    public var kind: Kind

    /// What it tells.
    public enum Kind: Hashable, Sendable {
        case status(ClusterStatus)
        case agent(AgentRow)
        case framework(FrameworkRow)
        case task(TaskRow)
        case offer(OfferRow)
        /// Empty source: it was not read from a file.
        case policy(ClusterPolicy, source: Bytes)
        case share(ShareRow)
        case obstacle(ObstacleRow)
        /// An allocator that only watches; the frameworks under it follow.
        case shadow(ShadowRow)
        case comparison(ComparisonRow)
        case failure(String)
        case done
    }

    /// Whether no other answer to the same request follows.
    public var isLast: Bool {
        switch self.kind {
        case .failure, .done: true
        case .status, .agent, .framework, .task, .offer, .policy, .share, .obstacle, .shadow, .comparison: false
        }
    }

    /// An answer to the request of that number.
    public init(id: UInt64, _ kind: Kind) {
        self.id = id
        self.kind = kind
    }
}

/// The cluster in a few numbers.
public struct ClusterStatus: Hashable, Sendable {
    /// The leading master's name.
    public var name: String = ""
    /// Of its leadership.
    public var epoch: Epoch = .none
    /// Where it listens, host:port.
    public var address: String = ""
    /// How many are registered, those out of reach left out.
    public var agents: UInt32 = 0
    /// How many of those have no connection, and are waited for.
    public var agentsAway: UInt32 = 0
    /// How many were given up.
    public var agentsUnreachable: UInt32 = 0
    /// How many relays are connected to the master.
    public var relays: UInt32 = 0
    /// How many allocators are connected to the master.
    public var allocators: UInt32 = 0
    /// How many the master knows, those without a scheduler included.
    public var frameworks: UInt32 = 0
    /// How many have not ended.
    public var tasks: UInt32 = 0
    /// How many wait for an answer.
    public var offers: UInt32 = 0
    /// What all agents have.
    public var total: Resources = .init()
    /// What tasks and executors hold.
    public var used: Resources = .init()
    /// What is held by offers that wait for an answer.
    public var offered: Resources = .init()
    /// Time since the master was elected.
    public var leadingFor: Duration = .zero
    /// What is not as it should be, and what that means, for people.
    public var notes: [String] = []

    /// An empty cluster.
    public init() {}
}

/// An agent in a listing.
public struct AgentRow: Hashable, Sendable {
    /// Names it in the cluster.
    public var id: AgentID
    /// Where it runs.
    public var hostname: String = ""
    /// The port that its sandboxes are served on; 0 if unknown.
    public var sidePort: UInt16 = 0
    /// The name of the relay that holds it; empty if none does.
    public var relay: String = ""
    /// Whether a relay holds it now.
    public var isAttached: Bool = false
    /// Whether it is offered to frameworks.
    public var isActive: Bool = false
    /// What an operator wants of it, as it says.
    public var mode: AgentMode = .active
    /// It drains, and nothing runs there any more.
    public var isDrained: Bool = false
    /// All it has, free or not.
    public var total: Resources = .init()
    /// What tasks and executors hold of it.
    public var used: Resources = .init()
    /// What of it is held by offers that wait for an answer.
    public var offered: Resources = .init()
    /// How many tasks it runs.
    public var tasks: UInt32 = 0
    /// As text, `name:value;...`.
    public var attributes: String = ""
    /// The name of the allocator that proposes for it; empty if none does.
    public var allocator: String = ""

    /// An agent of which nothing else is known yet.
    public init(id: AgentID) { self.id = id }
}

/// A framework in a listing.
public struct FrameworkRow: Hashable, Sendable {
    /// Names it in the cluster.
    public var id: FrameworkID
    /// As it calls itself; not unique.
    public var name: String = ""
    /// The Unix user that its processes run as.
    public var user: String = ""
    /// The roles that it is in.
    public var roles: [String] = []
    /// Whether its scheduler is connected.
    public var isConnected: Bool = false
    /// Whether it wants no offers at present.
    public var isSuppressed: Bool = false
    /// How many of its tasks have not ended.
    public var tasks: UInt32 = 0
    /// How many offers it has not answered yet.
    public var offers: UInt32 = 0
    /// What its tasks and executors hold.
    public var used: Resources = .init()
    /// What is held by the offers that it has not answered yet.
    public var offered: Resources = .init()
    /// 0 to 1.
    public var dominantShare: Double = 0

    /// A framework of which nothing else is known yet.
    public init(id: FrameworkID) { self.id = id }
}

/// A task in a listing.
public struct TaskRow: Hashable, Sendable {
    /// Framework and task id.
    public var key: TaskKey
    /// Where it runs; nil if unknown.
    public var agentID: AgentID?
    /// As its scheduler calls it; not unique.
    public var name: String = ""
    /// The latest that the master knows.
    public var state: TaskState
    /// Nil for a command task.
    public var executorID: ExecutorID?
    /// What it holds, or held.
    public var resources: Resources = .init()
    /// Of its agent; empty if unknown.
    public var hostname: String = ""
    /// The port that its sandbox is served on; 0 if unknown.
    public var sidePort: UInt16 = 0
    /// Seconds since 1970; 0 if unknown.
    public var started: Double = 0
    /// The text of its latest status, for people.
    public var message: String = ""
    /// It has ended.
    public var isHistory: Bool = false

    /// A task of which nothing else is known yet.
    public init(key: TaskKey, state: TaskState) {
        self.key = key
        self.state = state
    }
}

/// A role, or a framework in one of its roles, in a listing.
public struct ShareRow: Hashable, Sendable {
    /// The role.
    public var role: String
    /// Nil: the row is of the role as a whole.
    public var frameworkID: FrameworkID?
    /// The framework's name; empty for a role.
    public var name: String = ""
    /// Against its siblings.
    public var weight: Double = 1
    /// Higher first, where the policy cares.
    public var priority: Int32 = 0
    /// Promised; default nothing.
    public var guarantee: Resources = .init()
    /// What it may hold at most; nil: no bound.
    public var limit: Resources?
    /// What tasks, executors and offers hold.
    ///
    /// A role holds what those below it hold, too.
    public var held: Resources = .init()
    /// The largest part that this is of the cluster, 0 to 1.
    public var dominantShare: Double = 0
    /// The resource that makes the share; empty if nothing is held.
    public var dominantResource: String = ""
    /// How many frameworks of the role have a scheduler; 1 or 0 for a framework.
    public var frameworks: UInt32 = 0
    /// In words; empty: nothing.
    public var waitsFor: String = ""

    /// A role of which nothing else is known yet.
    public init(role: String, frameworkID: FrameworkID? = nil) {
        self.role = role
        self.frameworkID = frameworkID
    }
}

/// What keeps agents from being offered to a framework; each agent counts under the first that holds.
///
/// Raw values travel.
public enum OfferObstacle: UInt32, Hashable, Sendable, CaseIterable {
    // Of the framework, or its role: these keep every agent from it.
    case removed = 1
    case noScheduler = 2
    case suppressed = 3
    case limitReached = 4
    case noAllocator = 5
    // Of single agents.
    case agentAway = 10
    case agentDeactivated = 11
    /// Something of it is offered to the framework now, and waits for its answer.
    case offered = 12
    /// Even wholly free it has not what is wanted.
    case neverLargeEnough = 13
    /// What is not used waits for other frameworks' answers.
    case offeredToOthers = 14
    case nothingFree = 15
    /// Less is free than is wanted, or than the framework or the operator allows to be offered.
    case tooLittleFree = 16
    /// Its attributes or its host are not among those that the framework takes.
    case constraint = 17
    /// The framework declined it a short time ago.
    case refused = 18
    /// Nothing is in the way: others are further below their share, and go first.
    case othersFirst = 19

    /// In words.
    public var text: String {
        switch self {
        case .removed: "the framework has been removed"
        case .noScheduler: "the framework has no scheduler"
        case .suppressed: "the framework wants no offers"
        case .limitReached: "a limit is reached"
        case .noAllocator: "no allocator is connected"
        case .agentAway: "away"
        case .agentDeactivated: "deactivated or drained by an operator"
        case .offered: "offered to it now, not answered yet"
        case .neverLargeEnough: "smaller than what is wanted"
        case .offeredToOthers: "offered to others now"
        case .nothingFree: "nothing free"
        case .tooLittleFree: "too little free"
        case .constraint: "not among those that the framework takes"
        case .refused: "declined by the framework a short time ago"
        case .othersFirst: "free: others go first"
        }
    }
}

/// One reason why a framework is not offered agents, and how many.
public struct ObstacleRow: Hashable, Sendable {
    /// The framework's role that it is about.
    public var role: String
    /// The reason.
    public var obstacle: OfferObstacle
    /// How many agents; 0: all.
    public var agents: UInt32
    /// More, in words; may be empty.
    public var detail: String
    /// Of these agents, those with the most free.
    public var nearest: [String] = []
    /// The frameworks that go first, if that is the reason: up to three, the first of all before the others.
    public var ahead: [AheadRow] = []

    /// A reason, without agents that are nearest.
    public init(role: String, obstacle: OfferObstacle, agents: UInt32 = 0, detail: String = "") {
        self.role = role
        self.obstacle = obstacle
        self.agents = agents
        self.detail = detail
    }
}

/// A framework that another one waits for.
public struct AheadRow: Hashable, Sendable {
    /// Its id.
    public var frameworkID: FrameworkID
    /// As it calls itself; not unique.
    public var name: String
    /// The role in which it goes first.
    public var role: String
    /// The largest part that it holds of one of the cluster's resources, 0 to 1.
    public var dominantShare: Double
    /// It has offers that it has not answered.
    public var isOffered: Bool

    /// With everything given.
    public init(frameworkID: FrameworkID, name: String, role: String, dominantShare: Double, isOffered: Bool) {
        self.frameworkID = frameworkID
        self.name = name
        self.role = role
        self.dominantShare = dominantShare
        self.isOffered = isOffered
    }
}

/// An offer in a listing.
public struct OfferRow: Hashable, Sendable {
    /// Names it until it is answered or rescinded.
    public var id: OfferID
    /// The framework that it was made to.
    public var frameworkID: FrameworkID
    /// The agent whose resources they are.
    public var agentID: AgentID
    /// The agent's; empty if unknown.
    public var hostname: String = ""
    /// What is offered.
    public var resources: Resources = .init()
    /// For how long it has waited for an answer.
    public var age: Duration = .zero

    /// An offer of which nothing else is known yet.
    public init(id: OfferID, frameworkID: FrameworkID, agentID: AgentID) {
        self.id = id
        self.frameworkID = frameworkID
        self.agentID = agentID
    }
}
