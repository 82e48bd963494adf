/// What the master tells an allocator: the facts, then every change of them.
///
/// Indices name agents and frameworks on this link; one is used again only after its removal.
public enum MasterToAllocator: Hashable, Sendable {
    /// First of all, and when it changes.
    case policy(PolicyFacts)
    /// Added or changed; one that the policy no longer names comes once more, with the defaults.
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
    /// Whether it would use more in a role: false after it declined what it lacks of a guarantee, true when it uses an offer
    /// or asks.
    ///
    /// Told while something is guaranteed to somebody; until then all are taken to want.
    case demand(framework: UInt32, role: String, isWanting: Bool)
    case allocationRefused(proposal: UInt64, agent: UInt32, free: Resources, message: String)
    case revocationRefused(proposal: UInt64, message: String)
    /// The answer to `tasksWanted`: in the order in which they are to be taken back, a bounded number of them.
    case revocable(framework: UInt32, [RevocableTask])
}

/// What an allocator proposes.
public enum AllocatorToMaster: Hashable, Sendable {
    case allocation(Allocation)
    case revocation(Revocation)
    /// Which tasks of this framework could be taken back, on the agents that this allocator proposes for?
    case tasksWanted(framework: UInt32)
    /// Once, after `synced`: it can be given agents.
    case ready
}

/// What the operator decided beyond roles and frameworks.
public struct PolicyFacts: Hashable, Sendable {
    /// Followed by allocators that were not started with a policy of their own.
    public var sharing: SharingPolicy
    /// When and how tasks are taken back for guarantees.
    public var revocation: RevocationRules

    /// With everything given.
    public init(sharing: SharingPolicy = .fair, revocation: RevocationRules = .init()) {
        self.sharing = sharing
        self.revocation = revocation
    }
}

/// A role of the policy.
public struct RoleFacts: Hashable, Sendable {
    /// The role, as frameworks name it.
    public var role: String
    /// Above 0.
    public var weight: Double = 1
    /// What the role is to have before anybody gets more; default nothing.
    public var guarantee: Resources = .init()
    /// What the role may hold at most; nil: no bound.
    public var limit: Resources?
    /// Higher first, for policies that care.
    public var priority: Int32 = 0

    /// A role of weight 1, without guarantee or limit.
    public init(role: String) { self.role = role }
}

/// A framework as the master tells an allocator.
public struct FrameworkFacts: Hashable, Sendable {
    /// Names it on this link.
    public var index: UInt32
    /// Names it in the cluster.
    public var id: FrameworkID
    /// For people, not unique.
    public var name: String
    /// The roles that it wants offers in.
    public var roles: [String]
    /// Those of its roles that want no offers at present.
    public var suppressedRoles: [String] = []
    /// False: propose nothing; what it holds still counts.
    public var isActive: Bool = true
    /// Above 0: its part among the frameworks of its roles.
    public var weight: Double = 1
    /// Higher first, for policies that care.
    public var priority: Int32 = 0
    /// What it is to have before anybody gets more; default nothing.
    public var guarantee: Resources = .init()
    /// What it may hold at most; nil: no bound.
    public var limit: Resources?
    /// Offers that hold none of these are of no use to it.
    public var minimumOffers: [Resources] = []
    /// Which agents it wants to be offered, by role; a role that is not there: all.
    public var constraints: [String: OfferConstraints] = [:]

    /// An active framework without guarantee or limit.
    public init(index: UInt32, id: FrameworkID, name: String, roles: [String]) {
        self.index = index
        self.id = id
        self.name = name
        self.roles = roles
    }
}

/// An amount that a framework holds of an agent, in a role.
public struct AgentHolding: Hashable, Sendable {
    /// The agent's index on this link.
    public var agent: UInt32
    /// The framework's index on this link.
    public var framework: UInt32
    /// The role whose share it counts in.
    public var role: String
    /// How much; both what is offered and what tasks use.
    public var resources: Resources

    /// With everything given.
    public init(agent: UInt32, framework: UInt32, role: String, resources: Resources) {
        self.agent = agent
        self.framework = framework
        self.role = role
        self.resources = resources
    }
}

/// An agent as the master tells an allocator.
public struct AgentFacts: Hashable, Sendable {
    /// Names it on this link.
    public var index: UInt32
    /// Names it in the cluster.
    public var id: AgentID
    /// For people and for rules that place by host.
    public var hostname: String
    /// `meseta.v1.AgentInfo` with the attributes, as the agent registered them.
    public var attributes: Bytes = []
    /// All it has, free or not.
    public var total: Resources
    /// What is held of it now, by anybody.
    public var holdings: [AgentHolding] = []
    /// This allocator proposes for it.
    public var isOwned: Bool
    /// Goes into each allocation of it; the master refuses a lower one than its own.
    public var ownership: Ownership
    /// False: propose nothing of it.
    public var isActive: Bool = true
    /// Propose nothing of it while less than this is free; never more than it has.
    public var minimumOffer: Resources = .init()

    /// An active agent of which nothing is held.
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
    /// As `AgentFacts` said, for the master to see who owned the agent when this was decided.
    public var ownership: Ownership
    /// What is to be offered, of whom, to whom.
    public var holding: AgentHolding

    /// With everything given.
    public init(proposal: UInt64, ownership: Ownership, holding: AgentHolding) {
        self.proposal = proposal
        self.ownership = ownership
        self.holding = holding
    }
}

/// A task that could be taken back from its framework.
public struct RevocableTask: Hashable, Sendable {
    /// The index of the agent that it runs on.
    public var agent: UInt32
    /// Names it within its framework.
    public var taskID: TaskID
    /// The role whose share it counts in.
    public var role: String
    /// What it holds.
    public var resources: Resources
    /// The lowest go first.
    public var priority: Int32

    /// With everything given.
    public init(agent: UInt32, taskID: TaskID, role: String, resources: Resources, priority: Int32 = 0) {
        self.agent = agent
        self.taskID = taskID
        self.role = role
        self.resources = resources
        self.priority = priority
    }
}

/// A proposal: take a task back from a framework above its guarantee, for one below.
public struct Revocation: Hashable, Sendable {
    /// The allocator's own count, repeated if it is refused.
    public var proposal: UInt64
    /// The index of the agent that the task runs on.
    public var agent: UInt32
    /// As `AgentFacts` said.
    public var ownership: Ownership
    /// The index of the framework that loses the task.
    public var victim: UInt32
    /// The task to end, of the victim's.
    public var taskID: TaskID
    /// The index of the framework that it is done for.
    public var beneficiary: UInt32
    /// What the task gets between being told and being killed.
    public var grace: Duration

    /// With everything given.
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
