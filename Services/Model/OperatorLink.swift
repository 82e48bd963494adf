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
        case failure(String)
        case done
    }

    /// Whether no other answer to the same request follows.
    public var isLast: Bool {
        switch self.kind {
        case .failure, .done: true
        case .status, .agent, .framework, .task, .offer: false
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
