/// What a framework says of itself: `meseta.v1.FrameworkInfo`.
public struct FrameworkInfo: Hashable, Sendable {
    /// The Unix user that its processes run as; empty: chosen by the driver.
    public var user: String
    /// Shown to people; not unique.
    public var name: String
    /// Nil or empty for a new framework.
    public var id: FrameworkID?
    /// How long its tasks run on without a scheduler.
    ///
    /// The master's floor applies.
    public var failoverTimeout: Duration = .zero
    /// Where the scheduler runs; shown to people.
    public var hostname: String = ""
    /// Who it is authenticated as; nil if it did not say.
    public var principal: String?
    /// At least one; `*` unless it says otherwise.
    public var roles: [String] = ["*"]
    /// What its scheduler can deal with; messages to it are written accordingly.
    public var capabilities: Set<FrameworkCapability> = []
    /// Offers that hold none of these amounts are of no use to it, by role; an empty list: anything is.
    public var minimumOffers: [String: [Resources]] = [:]
    /// What becomes of its tasks on an agent that is away for too long.
    public var partitionPolicy = PartitionPolicy.replace
    /// The message as it came, all its fields; empty if made here.
    public var encoded: Bytes = []

    /// A new framework in the role `*`, without capabilities.
    public init(user: String, name: String) {
        self.user = user
        self.name = name
    }
}

/// What a framework can take; raw values are those of `meseta.v1.FrameworkInfo.Capability.Type`.
public enum FrameworkCapability: Int32, Hashable, Sendable {
    case revocableResources = 1
    case taskKillingState = 2
    case gpuResources = 3
    case sharedResources = 4
    case partitionAware = 5
    case multiRole = 6
    case reservationRefinement = 7
    case regionAware = 8
}

/// What a framework wants for its tasks on an agent that the master gives up; raw values are those of
/// `meseta.v1.FrameworkInfo.PartitionPolicy`.
///
/// In doubt such a task runs on. To replace it early means that it may run twice for a time; to wait means that nobody does
/// its work for a time.
public enum PartitionPolicy: Int32, Hashable, Sendable {
    /// Told as unreachable to frameworks that are partition-aware, as lost to others; it goes on if its agent returns.
    ///
    /// Mesos' way, and the default.
    case replace = 0
    /// Told as unreachable to every framework: none is to be started in its place.
    case wait = 1
    /// As `replace`, and killed when its agent returns: in the end there is one again.
    case killOnReturn = 2
}

/// A property of an agent that schedulers choose by.
public struct Attribute: Hashable, Sendable {
    /// As the agent's operator chose it, such as `rack`.
    public var name: String
    /// What it is on this agent.
    public var value: Value

    /// How it is written.
    public enum Value: Hashable, Sendable {
        /// Thousandths.
        case scalar(Int64)
        case ranges(IntegerRanges)
        case set([String])
        case text(String)
    }

    /// With everything given.
    public init(name: String, value: Value) {
        self.name = name
        self.value = value
    }
}

extension Attribute: CustomStringConvertible {
    /// As listings show it: name:value.
    public var description: String {
        switch self.value {
        case .scalar(let milli): "\(self.name):\(Resources.text(thousandths: milli))"
        case .ranges(let ranges): "\(self.name):\(ranges)"
        case .set(let items): "\(self.name):{\(items.joined(separator: ","))}"
        case .text(let text): "\(self.name):\(text)"
        }
    }
}

/// Free resources of one agent, held for a framework until it answers: `meseta.v1.Offer`.
public struct Offer: Hashable, Sendable {
    /// Names it until it is answered or rescinded.
    public var id: OfferID
    /// The framework that it is made to.
    public var frameworkID: FrameworkID
    /// The agent whose resources they are.
    public var agentID: AgentID
    /// The agent's, for schedulers that choose by host.
    public var hostname: String
    /// The agent's side port; 0 if unknown.
    ///
    /// Becomes the offer's `url`.
    public var sidePort: UInt16
    /// What is offered; all of it is free for the framework until it answers.
    public var resources: Resources
    /// The framework's role that it is made to, and whose share it counts in.
    public var role: String
    /// The framework's executors that already run on the agent.
    public var executorIDs: [ExecutorID]
    /// `meseta.v1.AgentInfo` with the attributes, as the agent registered them.
    public var attributes: Bytes

    /// With everything given.
    public init(
        id: OfferID, frameworkID: FrameworkID, agentID: AgentID, hostname: String, sidePort: UInt16,
        resources: Resources, role: String, executorIDs: [ExecutorID] = [], attributes: Bytes = []
    ) {
        self.id = id
        self.frameworkID = frameworkID
        self.agentID = agentID
        self.hostname = hostname
        self.sidePort = sidePort
        self.resources = resources
        self.role = role
        self.executorIDs = executorIDs
        self.attributes = attributes
    }
}

/// How a scheduler wants to be left alone with what it refused: `meseta.v1.Filters`.
public struct OfferFilters: Hashable, Sendable {
    /// Zero: no filter.
    ///
    /// Default 5 s, at most 365 days, as in Mesos.
    public var refuse: Duration = Self.defaultRefusal

    /// What applies where a scheduler says nothing: 5 s, as in Mesos.
    public static let defaultRefusal: Duration = .seconds(5)
    /// The bound of what a scheduler can ask for: 365 days, as in Mesos.
    public static let longestRefusal: Duration = .seconds(365 * 24 * 3600)

    /// The default: refused for 5 s.
    public init() {}
    /// Refused for so long; zero: no filter.
    public init(refuse: Duration) { self.refuse = refuse }

    /// Reads foreign seconds: what is no duration means the default, more than a year means a year.
    public init(foreignSeconds seconds: Double?) {
        guard let seconds else { return }
        guard seconds >= 0, !seconds.isNaN else { return }
        self.refuse = Duration(foreignSeconds: seconds).map { min($0, Self.longestRefusal) } ?? Self.longestRefusal
    }
}
