/// What a scheduler sends: `meseta.v1.scheduler.Call`.
public struct SchedulerCall: Hashable, Sendable {
    /// Nil in a first SUBSCRIBE only.
    public var frameworkID: FrameworkID?
    public var kind: Kind

    /// What it asks for.
    public enum Kind: Hashable, Sendable {
        case subscribe(Subscribe)
        case teardown
        case accept(Accept)
        case decline([OfferID], OfferFilters)
        /// No roles: all.
        case revive(roles: [String])
        /// No roles: all.
        case suppress(roles: [String])
        case kill(TaskID, AgentID?, grace: Duration?)
        case shutdown(ExecutorID, AgentID)
        case acknowledge(AgentID, TaskID, uuid: Bytes)
        /// An empty list: all tasks that are not terminal.
        case reconcile([ReconcileTask])
        case message(AgentID, ExecutorID, Bytes)
        case request([ResourceRequest])
        case updateFramework(FrameworkInfo, suppressedRoles: [String])
        case acceptInverseOffers([OfferID])
        case declineInverseOffers([OfferID])
        /// A type this version does not carry out; answered with an error, the connection stays.
        case unsupported(String)
    }

    public struct Subscribe: Hashable, Sendable {
        public var framework: FrameworkInfo
        public var suppressedRoles: [String]
        /// Deliver status updates through relays.
        public var relays: Bool
        /// Wait until the active scheduler of the framework is gone.
        public var standby: Bool

        public init(
            framework: FrameworkInfo, suppressedRoles: [String] = [], relays: Bool = false, standby: Bool = false
        ) {
            self.framework = framework
            self.suppressedRoles = suppressedRoles
            self.relays = relays
            self.standby = standby
        }
    }

    public struct Accept: Hashable, Sendable {
        public var offerIDs: [OfferID]
        public var operations: [Operation]
        public var filters: OfferFilters

        public init(offerIDs: [OfferID], operations: [Operation], filters: OfferFilters = .init()) {
            self.offerIDs = offerIDs
            self.operations = operations
            self.filters = filters
        }
    }

    /// What to do with offered resources.
    public enum Operation: Hashable, Sendable {
        case launch([TaskLaunch])
        /// A group that starts all or none, in one executor.
        case launchGroup(executor: ExecutorInfo, [TaskLaunch])
        /// An operation this version does not carry out.
        case unsupported(String)
    }

    public struct ReconcileTask: Hashable, Sendable {
        public var taskID: TaskID
        public var agentID: AgentID?

        public init(_ taskID: TaskID, on agentID: AgentID? = nil) {
            self.taskID = taskID
            self.agentID = agentID
        }
    }

    public struct ResourceRequest: Hashable, Sendable {
        public var agentID: AgentID?
        public var resources: Resources

        public init(resources: Resources, agentID: AgentID? = nil) {
            self.resources = resources
            self.agentID = agentID
        }
    }

    public init(frameworkID: FrameworkID?, _ kind: Kind) {
        self.frameworkID = frameworkID
        self.kind = kind
    }
}

/// What a scheduler receives: `meseta.v1.scheduler.Event`.
public enum SchedulerEvent: Hashable, Sendable {
    case subscribed(Subscribed)
    case offers([Offer])
    case rescind(OfferID)
    /// A `meseta.v1.TaskStatus`, decoded where it is made or delivered to the user, bytes in between.
    case update(StatusPayload)
    case message(AgentID, ExecutorID, Bytes)
    /// An agent (no executor) or an executor is gone.
    case failure(AgentID?, ExecutorID?, status: Int32?)
    case error(String, leader: String?)
    case inverseOffers([InverseOffer])
    case rescindInverseOffer(OfferID)
    case relays([RelayInfo])
    case heartbeat

    public struct Subscribed: Hashable, Sendable {
        public var frameworkID: FrameworkID
        public var heartbeatInterval: Duration
        public var master: MasterInfo
        public var relays: [RelayInfo]
        public var subscription: Subscription?

        public init(
            frameworkID: FrameworkID, heartbeatInterval: Duration, master: MasterInfo, relays: [RelayInfo] = [],
            subscription: Subscription? = nil
        ) {
            self.frameworkID = frameworkID
            self.heartbeatInterval = heartbeatInterval
            self.master = master
            self.relays = relays
            self.subscription = subscription
        }
    }
}

/// A status as a value or as the bytes it came in: who only passes it on does not decode it.
public enum StatusPayload: Hashable, Sendable {
    case status(TaskStatus)
    case encoded(Bytes)
}

/// Resources that the cluster wants back, with the time until then.
public struct InverseOffer: Hashable, Sendable {
    public var id: OfferID
    public var frameworkID: FrameworkID
    public var agentID: AgentID?
    public var resources: Resources
    /// Seconds since 1970 at which they will be taken.
    public var start: Instant

    public init(id: OfferID, frameworkID: FrameworkID, agentID: AgentID?, resources: Resources, start: Instant) {
        self.id = id
        self.frameworkID = frameworkID
        self.agentID = agentID
        self.resources = resources
        self.start = start
    }
}

/// Where a relay listens.
public struct RelayInfo: Hashable, Sendable {
    public var name: String
    /// host:port.
    public var address: String

    public init(name: String, address: String) {
        self.name = name
        self.address = address
    }
}

/// The leader as schedulers learn it: `meseta.v1.MasterInfo`.
public struct MasterInfo: Hashable, Sendable {
    public var id: String
    /// host:port.
    public var address: String

    public init(id: String, address: String) {
        self.id = id
        self.address = address
    }
}
