public import Model

extension RelayState {
    /// What can happen to a relay.
    public enum Event: Hashable, Sendable {
        /// An agent was admitted. It registers with its first message.
        case agentConnected(PeerID, Hello)
        case agent(PeerID, AgentToRelay)
        case agentDisconnected(PeerID)
        /// A scheduler was admitted.
        case schedulerConnected(PeerID, Hello)
        case scheduler(PeerID, SchedulerCall)
        case schedulerDisconnected(PeerID)
        /// The leading master welcomed this relay.
        case masterConnected(PeerID, Welcome)
        case master(PeerID, MasterToRelay)
        case masterDisconnected(PeerID)
        /// Another relay was asked, and follows a master of that epoch; `none`: it follows none.
        case relayAnswered(address: String, Epoch)
        /// Who is there, by the coordination service or by the flags: what a relay that no master has told yet can know.
        case relaysListed([String])
        /// A frame of that peer was no message of its link; it stays connected.
        case undecodable(PeerID, String)
        case timerFired(Timer)
        /// The process was asked to end.
        case shuttingDown
    }

    /// What a relay orders.
    ///
    /// Carried out in the order given.
    public enum Effect: Hashable, Sendable {
        case sendToAgent(PeerID, RelayToAgent)
        case sendToScheduler(PeerID, SchedulerEvent)
        case sendToMaster(PeerID, RelayToMaster)
        /// Ends a connection, with the reason as its last frame. Its end need not be told, and is ignored if it is.
        case close(PeerID, Refusal)
        /// Sets or moves a timer.
        case setTimer(Timer, at: Instant)
        case cancelTimer(Timer)
        /// Ask each of these relays, once, whether it follows a master; those that can be reached answer.
        case askRelays([String])
        case observe(RelayFact)
    }

    /// The timers of a relay by name.
    public enum Timer: Hashable, Sendable {
        /// The framework's scheduler did not connect in time: its updates go through the master.
        case fallback(FrameworkID)
        /// No notice of this scheduler's subscription came.
        case fence(PeerID)
        /// The next turn of a snapshot or of a redelivery. The host may hold it back while the master's queue is long.
        case bulk
        /// What agents may forget they are told without company.
        case outbox
        /// Changes of the books are told to the master.
        case books
        /// The next agents are asked to send again.
        case resend(FrameworkID)
        /// There has been no master for so long that the other relays are asked about it.
        case cutOff
        /// The next agents are sent away.
        case leaving
        /// The next agents are told where relays and masters are.
        case directory
    }
}

/// What a relay tells the log.
public enum RelayFact: Hashable, Sendable {
    case agentAttached(AgentID?, Attachment, PeerID)
    /// A master knows it: the first since it attached, or one that has just begun to lead and was told of all agents.
    case agentAccepted(AgentID, Attachment, isFirst: Bool)
    case agentRefused(AgentID?, Attachment, message: String)
    case agentDetached(AgentID?, Attachment)
    /// A connection was closed here because the peer broke a rule of its link, or was outlived.
    case peerClosed(PeerID, Refusal)
    /// Connected to the master of that epoch, with so many agents to tell.
    case masterFollowed(Epoch, agents: Int)
    case snapshotSent(agents: Int)
    case masterLost(Epoch)
    /// The relay at that address reaches a master of that epoch, and this one does not: its agents are sent away.
    case cutOff(from: Epoch, reachedBy: String, agents: Int)
    /// This master, or one of an agent, is of an older leadership than one already seen.
    case masterStale(Epoch, highest: Epoch)
    /// An order named an agent, or a life of one, that is not here.
    case orderDropped(agent: UInt32, Attachment)
    case schedulerConnected(FrameworkID, Subscription)
    case schedulerDisconnected(FrameworkID)
    /// Its scheduler did not connect here: updates go through the master.
    case fellBack(FrameworkID)
    case frameworkRemoved(FrameworkID)
    /// The framework's share of memory is full; this agent is asked again later.
    case statusesDropped(FrameworkID, AgentID?)
    case resendAsked(FrameworkID, agents: Int)
    /// It names an agent that is not here; the agent will send the status again, wherever it is.
    case acknowledgementDropped(FrameworkID, AgentID)
    /// Messages are best effort: neither scheduler nor master can be reached.
    case messageDropped(ExecutorKey)
}

/// How much a relay has carried since its start.
public struct RelayCounters: Hashable, Sendable {
    /// Statuses given to schedulers connected here, copies included.
    public var statusesToSchedulers: UInt64 = 0
    /// Statuses given to the master, copies included.
    public var statusesToMaster: UInt64 = 0
    /// Statuses that did not fit and will be asked for again.
    public var statusesDropped: UInt64 = 0
    /// Acknowledgements passed to agents.
    public var acknowledgements: UInt64 = 0
    /// Orders passed to agents.
    public var orders: UInt64 = 0
    /// Orders for agents, or lives of agents, that are not here.
    public var ordersDropped: UInt64 = 0
    /// Changes of agents' books.
    public var bookEntries: UInt64 = 0
    /// Messages of executors.
    public var messages: UInt64 = 0

    /// Nothing carried yet.
    public init() {}
}
