/// What the master tells an allocator: the facts, then every change of them. Indices name agents and frameworks on
/// this link; one is used again only after its removal.
public enum MasterToAllocator: Hashable, Sendable {
    case role(RoleFacts)
    case framework(FrameworkFacts)
    case frameworkRemoved(UInt32)
    case agent(AgentFacts)
    case agentRemoved(UInt32)
    /// The facts are complete.
    case synced
    /// Held from now on, by whichever allocator's proposal.
    case held(AgentHolding)
    /// Free again.
    case recovered(AgentHolding)
    /// This much of the agent, or less, is refused for a time.
    ///
    /// Zero: it was declined just now, and is to be offered again, after the others that want it.
    case filter(AgentHolding, remaining: Duration)
    /// Filters of these roles are gone; no roles: of all.
    case revived(framework: UInt32, roles: [String])
    case request(framework: UInt32, Resources, AgentID?)
    case allocationRefused(proposal: UInt64, agent: UInt32, free: Resources, message: String)
    case revocationRefused(proposal: UInt64, message: String)
}

/// What an allocator proposes.
public enum AllocatorToMaster: Hashable, Sendable {
    case allocation(Allocation)
    case revocation(Revocation)
    /// Once, after `synced`: it can be given agents.
    case ready
}

/// A role of the policy.
public struct RoleFacts: Hashable, Sendable {
    public var role: String
    /// Above 0.
    public var weight: Double = 1
    public var guarantee: Resources = .init()
    public var limit: Resources?
    /// Higher first, for policies that care.
    public var priority: Int32 = 0

    public init(role: String) { self.role = role }
}

/// A framework as the master tells an allocator.
public struct FrameworkFacts: Hashable, Sendable {
    public var index: UInt32
    public var id: FrameworkID
    public var name: String
    public var roles: [String]
    public var suppressedRoles: [String] = []
    /// False: propose nothing; what it holds still counts.
    public var isActive: Bool = true
    public var guarantee: Resources = .init()
    public var limit: Resources?
    /// Offers that hold none of these are of no use to it.
    public var minimumOffers: [Resources] = []

    public init(index: UInt32, id: FrameworkID, name: String, roles: [String]) {
        self.index = index
        self.id = id
        self.name = name
        self.roles = roles
    }
}

/// An amount that a framework holds of an agent, in a role.
public struct AgentHolding: Hashable, Sendable {
    public var agent: UInt32
    public var framework: UInt32
    public var role: String
    public var resources: Resources

    public init(agent: UInt32, framework: UInt32, role: String, resources: Resources) {
        self.agent = agent
        self.framework = framework
        self.role = role
        self.resources = resources
    }
}

/// An agent as the master tells an allocator.
public struct AgentFacts: Hashable, Sendable {
    public var index: UInt32
    public var id: AgentID
    public var hostname: String
    public var attributes: Bytes = []
    public var total: Resources
    public var holdings: [AgentHolding] = []
    /// This allocator proposes for it.
    public var isOwned: Bool
    public var ownership: Ownership
    /// False: propose nothing of it.
    public var isActive: Bool = true

    public init(
        index: UInt32, id: AgentID, hostname: String, total: Resources, isOwned: Bool, ownership: Ownership
    ) {
        self.index = index
        self.id = id
        self.hostname = hostname
        self.total = total
        self.isOwned = isOwned
        self.ownership = ownership
    }
}

/// A proposal: offer these resources of one agent to a framework.
public struct Allocation: Hashable, Sendable {
    /// The allocator's own count.
    public var proposal: UInt64
    public var ownership: Ownership
    public var holding: AgentHolding

    public init(proposal: UInt64, ownership: Ownership, holding: AgentHolding) {
        self.proposal = proposal
        self.ownership = ownership
        self.holding = holding
    }
}

/// A proposal: take a task back from a framework above its guarantee, for one below.
public struct Revocation: Hashable, Sendable {
    public var proposal: UInt64
    public var agent: UInt32
    public var ownership: Ownership
    public var victim: UInt32
    public var taskID: TaskID
    public var beneficiary: UInt32
    public var grace: Duration

    public init(
        proposal: UInt64, agent: UInt32, ownership: Ownership, victim: UInt32, taskID: TaskID, beneficiary: UInt32,
        grace: Duration
    ) {
        self.proposal = proposal
        self.agent = agent
        self.ownership = ownership
        self.victim = victim
        self.taskID = taskID
        self.beneficiary = beneficiary
        self.grace = grace
    }
}
