/// What a scheduler sends: `meseta.v1.scheduler.Call`.
public struct SchedulerCall: Hashable, Sendable {
    /// Nil in a first SUBSCRIBE only.
    public var frameworkID: FrameworkID?
    /// What it asks for.
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
        case updateFramework(FrameworkInfo, suppressedRoles: [String], constraints: [String: OfferConstraints])
        case acceptInverseOffers([OfferID])
        case declineInverseOffers([OfferID])
        /// A type this version does not carry out; answered with an error, the connection stays.
        case unsupported(String)
    }

    /// SUBSCRIBE: makes this connection the framework's scheduler.
    public struct Subscribe: Hashable, Sendable {
        /// What the framework says of itself; with an id, to come back as that framework.
        public var framework: FrameworkInfo
        /// Those of its roles that want no offers at first.
        public var suppressedRoles: [String]
        /// Which agents it wants to be offered, by role; a role that is not there: all.
        public var constraints: [String: OfferConstraints] = [:]
        /// Deliver status updates through relays.
        public var relays: Bool
        /// Wait until the active scheduler of the framework is gone.
        public var standby: Bool
        /// Tell it when its guarantees change.
        public var guarantees: Bool
        /// What this scheduler was granted last: it comes back and takes nothing over; nil: it is new.
        public var subscription: Subscription?

        /// With everything given; by default the scheduler takes over at once and gets all on this connection.
        public init(
            framework: FrameworkInfo, suppressedRoles: [String] = [], relays: Bool = false, standby: Bool = false,
            guarantees: Bool = false
        ) {
            self.framework = framework
            self.suppressedRoles = suppressedRoles
            self.relays = relays
            self.standby = standby
            self.guarantees = guarantees
        }
    }

    /// ACCEPT: uses offers of one agent; what the operations leave over is declined.
    public struct Accept: Hashable, Sendable {
        /// The offers, all of the same agent.
        public var offerIDs: [OfferID]
        /// What to do with them, in order; none: decline all.
        public var operations: [Operation]
        /// How to be left alone with what is left over.
        public var filters: OfferFilters

        /// With everything given.
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

    /// A task that RECONCILE asks about.
    public struct ReconcileTask: Hashable, Sendable {
        /// The scheduler's id of it.
        public var taskID: TaskID
        /// Where the scheduler believes it to be; nil if it does not know.
        public var agentID: AgentID?

        /// With everything given.
        public init(_ taskID: TaskID, on agentID: AgentID? = nil) {
            self.taskID = taskID
            self.agentID = agentID
        }
    }

    /// What REQUEST asks the allocator for; a policy may ignore it.
    public struct ResourceRequest: Hashable, Sendable {
        /// Where it is wanted; nil: on any agent.
        public var agentID: AgentID?
        /// How much is wanted.
        public var resources: Resources

        /// With everything given.
        public init(resources: Resources, agentID: AgentID? = nil) {
            self.resources = resources
            self.agentID = agentID
        }
    }

    /// With everything given.
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
    /// In place of those that it was told before.
    case guarantees(Guarantees)
    /// To a standby, when it begins to wait and whenever this changes.
    case standby(Standby)
    case heartbeat

    /// STANDBY: how far it is until a standby's turn.
    public struct Standby: Hashable, Sendable {
        /// Of the framework that it waits to speak for.
        public var frameworkID: FrameworkID
        /// 1: the next to take over.
        public var place: UInt32
        /// Where the active scheduler runs, or its framework's name if it does not say; nil: none is active yet.
        public var active: String?

        /// With everything given.
        public init(frameworkID: FrameworkID, place: UInt32, active: String?) {
            self.frameworkID = frameworkID
            self.place = place
            self.active = active
        }
    }

    /// SUBSCRIBED: the first event on a connection whose SUBSCRIBE was accepted.
    public struct Subscribed: Hashable, Sendable {
        /// Of the framework, issued by the master if it is new.
        public var frameworkID: FrameworkID
        /// An event comes at least this often; several missed mean that the master is gone.
        public var heartbeatInterval: Duration
        /// The leader that accepted it.
        public var master: MasterInfo
        /// Where to get status updates, if the scheduler asked for relays.
        public var relays: [RelayInfo]
        /// What to show to relays; nil if it did not ask for them.
        public var subscription: Subscription?
        /// What it is to have before anybody gets more.
        public var guarantees = Guarantees()

        /// With everything given.
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
    /// Names it until it is answered or rescinded.
    public var id: OfferID
    /// The framework that is asked to give something back.
    public var frameworkID: FrameworkID
    /// Where they are wanted; nil: anywhere.
    public var agentID: AgentID?
    /// How much is wanted back.
    public var resources: Resources
    /// Seconds since 1970 at which they will be taken.
    public var start: Instant

    /// With everything given.
    public init(id: OfferID, frameworkID: FrameworkID, agentID: AgentID?, resources: Resources, start: Instant) {
        self.id = id
        self.frameworkID = frameworkID
        self.agentID = agentID
        self.resources = resources
        self.start = start
    }
}

/// What a framework is to have before anybody gets more, as the operator decided.
public struct Guarantees: Hashable, Sendable {
    /// The framework's own, over all of its roles.
    public var own: Resources
    /// Of the roles that it is in and of those above them, each of which has it for all of its frameworks together.
    ///
    /// Only roles that have one.
    public var roles: [String: Resources]

    /// With everything given; by default nothing is guaranteed.
    public init(own: Resources = .init(), roles: [String: Resources] = [:]) {
        self.own = own
        self.roles = roles
    }
}

/// Where a relay listens.
public struct RelayInfo: Hashable, Sendable {
    /// The relay's name, unique among relays.
    public var name: String
    /// host:port.
    public var address: String

    /// With everything given.
    public init(name: String, address: String) {
        self.name = name
        self.address = address
    }
}

/// The leader as schedulers learn it: `meseta.v1.MasterInfo`.
public struct MasterInfo: Hashable, Sendable {
    /// `<name>-<epoch>` of the leader: another one with each leadership.
    public var id: String
    /// host:port.
    public var address: String

    /// With everything given.
    public init(id: String, address: String) {
        self.id = id
        self.address = address
    }
}
