public import Model

extension AllocatorState {
    /// What can happen to an allocator.
    public enum Event: Hashable, Sendable {
        /// The leading master welcomed it and begins to tell the facts.
        case masterConnected(PeerID, Welcome)
        case master(PeerID, MasterToAllocator)
        case masterDisconnected(PeerID)
        case timerFired(Timer)
    }

    /// What an allocator orders.
    ///
    /// Carried out in the order given.
    public enum Effect: Hashable, Sendable {
        case propose(PeerID, AllocatorToMaster)
        /// Ends the connection to a master that does not lead any more.
        case close(PeerID, Refusal)
        /// Sets or moves a timer.
        case setTimer(Timer, at: Instant)
        case cancelTimer(Timer)
        case observe(AllocatorFact)
    }

    /// The timers of an allocator by name.
    public enum Timer: Hashable, Sendable {
        /// The next turn of allocations.
        case batch
        /// The first refusal has run out.
        case filters
        /// Somebody has waited long enough for what is guaranteed.
        case revocation
    }
}

/// What an allocator tells the log.
public enum AllocatorFact: Hashable, Sendable {
    case masterFollowed(Epoch)
    /// The facts are complete.
    case synced(agents: Int, frameworks: Int)
    case masterLost(Epoch)
    /// This master is of an older leadership than one already seen.
    case masterStale(Epoch, highest: Epoch)
    case agentOwned(AgentID, Ownership)
    case agentLost(AgentID)
    /// The master's books, or its rules, say otherwise.
    case allocationRefused(AgentID, FrameworkID, Resources, message: String)
    /// The master does not let a task be taken back.
    case revocationRefused(String)
}

/// How much an allocator has done since its start.
public struct AllocatorCounters: Hashable, Sendable {
    /// Turns in which agents were looked at.
    public var turns: UInt64 = 0
    /// Agents looked at.
    public var decisions: UInt64 = 0
    /// Frameworks looked at, over all decisions.
    public var looks: UInt64 = 0
    /// Allocations proposed.
    public var proposals: UInt64 = 0
    /// Proposals that the master refused.
    public var refusals: UInt64 = 0
    /// Tasks proposed to be taken back.
    public var revocations: UInt64 = 0

    /// Nothing done yet.
    public init() {}
}
