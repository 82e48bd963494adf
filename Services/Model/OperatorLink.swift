/// What the command line asks of the leading master.
public struct OperatorRequest: Hashable, Sendable {
    /// The asker's own count, repeated in each answer.
    public var id: UInt64
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

    public init(id: UInt64, _ kind: Kind) {
        self.id = id
        self.kind = kind
    }
}

/// One answer of the master; a listing is one per row, then `done`.
public struct OperatorResponse: Hashable, Sendable {
    public var id: UInt64
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

    public init(id: UInt64, _ kind: Kind) {
        self.id = id
        self.kind = kind
    }
}

/// The cluster in a few numbers.
public struct ClusterStatus: Hashable, Sendable {
    public var name: String = ""
    public var epoch: Epoch = .none
    public var address: String = ""
    public var agents: UInt32 = 0
    public var relays: UInt32 = 0
    public var allocators: UInt32 = 0
    public var frameworks: UInt32 = 0
    public var tasks: UInt32 = 0
    public var offers: UInt32 = 0
    public var total: Resources = .init()
    public var used: Resources = .init()
    public var offered: Resources = .init()
    public var leadingFor: Duration = .zero

    public init() {}
}

/// An agent in a listing.
public struct AgentRow: Hashable, Sendable {
    public var id: AgentID
    public var hostname: String = ""
    public var sidePort: UInt16 = 0
    public var relay: String = ""
    public var isAttached: Bool = false
    public var isActive: Bool = false
    public var total: Resources = .init()
    public var used: Resources = .init()
    public var offered: Resources = .init()
    public var tasks: UInt32 = 0
    public var attributes: String = ""
    public var allocator: String = ""

    public init(id: AgentID) { self.id = id }
}

/// A framework in a listing.
public struct FrameworkRow: Hashable, Sendable {
    public var id: FrameworkID
    public var name: String = ""
    public var user: String = ""
    public var roles: [String] = []
    public var isConnected: Bool = false
    public var isSuppressed: Bool = false
    public var tasks: UInt32 = 0
    public var offers: UInt32 = 0
    public var used: Resources = .init()
    public var offered: Resources = .init()
    /// 0 to 1.
    public var dominantShare: Double = 0

    public init(id: FrameworkID) { self.id = id }
}

/// A task in a listing.
public struct TaskRow: Hashable, Sendable {
    public var key: TaskKey
    public var agentID: AgentID?
    public var name: String = ""
    public var state: TaskState
    public var executorID: ExecutorID?
    public var resources: Resources = .init()
    public var hostname: String = ""
    public var sidePort: UInt16 = 0
    /// Seconds since 1970; 0 if unknown.
    public var started: Double = 0
    public var message: String = ""
    /// It has ended.
    public var isHistory: Bool = false

    public init(key: TaskKey, state: TaskState) {
        self.key = key
        self.state = state
    }
}

/// An offer in a listing.
public struct OfferRow: Hashable, Sendable {
    public var id: OfferID
    public var frameworkID: FrameworkID
    public var agentID: AgentID
    public var hostname: String = ""
    public var resources: Resources = .init()
    public var age: Duration = .zero

    public init(id: OfferID, frameworkID: FrameworkID, agentID: AgentID) {
        self.id = id
        self.frameworkID = frameworkID
        self.agentID = agentID
    }
}
