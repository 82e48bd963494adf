public import Model

/// What happened in a master that people, logs and metrics want to know.
public enum MasterFact: Hashable, Sendable {
    case leading(Epoch)
    case deposed(Epoch, reason: String)
    case relayConnected(PeerID, name: String)
    /// All agents that it held at connect time are known now.
    case relaySynced(PeerID, name: String, agents: Int)
    case relayDisconnected(PeerID, name: String, agents: Int)
    case allocatorConnected(PeerID, name: String)
    /// It is told a world of its own, and decides nothing.
    case shadowConnected(PeerID, name: String)
    case allocatorReady(PeerID, name: String)
    case allocatorDisconnected(PeerID, name: String)
    /// New to this master, or back; `inSnapshot`: its relay is only telling of all that it holds, and `relaySynced` follows.
    case agentAttached(AgentID, hostname: String, relay: String, Attachment, inSnapshot: Bool)
    case agentDetached(AgentID, relay: String)
    case agentRefused(AgentID?, relay: String, reason: String)
    case agentUnreachable(AgentID, tasks: Int)
    case agentReturned(AgentID, tasks: Int)
    case frameworkSubscribed(FrameworkID, name: String, Subscription, PeerID)
    case frameworkFailedOver(FrameworkID, from: PeerID, to: PeerID)
    case frameworkDisconnected(FrameworkID, timeout: Duration)
    /// Known from an agent that runs something of it; its scheduler has not come yet.
    case frameworkRecovered(FrameworkID, name: String)
    case frameworkRemoved(FrameworkID, reason: String)
    case schedulerWaits(FrameworkID, PeerID)
    case offersMade(FrameworkID, Int)
    case offersDeclined(FrameworkID, Int)
    case offersExpired(Int)
    case tasksLaunched(FrameworkID, AgentID, Int)
    case launchRepeated(TaskKey, AgentID)
    case taskRefused(TaskKey, reason: String)
    case taskEnded(TaskKey, TaskState)
    case killOrdered(TaskKey, reason: String)
    case allocationRefused(PeerID, reason: String)
    case revocationAdmitted(TaskKey, reason: String, grace: Duration)
    case revocationRefused(PeerID, reason: String)
    /// When its grace was over there was no need any more.
    case revocationWithdrawn(TaskKey, reason: String)
    /// What a scheduler thinks of giving a task back.
    case inverseOfferAnswered(FrameworkID, accepted: Bool)
    /// A refusal that was not remembered: the framework has too many.
    case filterForgotten(FrameworkID)
    case callRefused(PeerID, reason: String)
    case policyAdopted(SharingPolicy, roles: Int, frameworks: Int)
    case policyRefused(String)
    /// The cluster, as it is now, is too small for what was promised.
    case guaranteesUnmet(String)
}

/// What a master wants to be woken for.
///
/// A timer that fires late or twice does no harm.
public enum MasterTimer: Hashable, Sendable {
    /// Offers made since are to be sent, one event per framework.
    case offersDue
    /// Changes of agents' books are to be confirmed.
    case confirmations
    /// The oldest offer has been waiting long enough.
    case offerTimeout
    /// The agent that has been away longest has been so long enough.
    case agentTimeout
    /// The scheduler of this framework has been away long enough.
    case failover(FrameworkID)
    case schedulerHeartbeat(PeerID)
    /// Active schedulers of an earlier leadership have had time to come: standbys wait no longer.
    case standbys
    /// The next chunk of the facts for this allocator.
    case allocatorSync(PeerID)
    /// In the world of this allocator, which only watches, a task ends.
    case shadow(PeerID)
    /// The next chunk of the listings under way.
    case listing
    /// The next agents of the explanations under way.
    case inquiry
    /// The grace of this revocation is over.
    case revocation(UInt64)
    /// The time of this short slot is over.
    case slot(UInt64)
}
