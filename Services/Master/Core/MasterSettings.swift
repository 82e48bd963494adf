public import Model

/// What can be set about a master.
public struct MasterSettings: Sendable {
    /// How long a scheduler may keep an offer unanswered before it is rescinded.
    ///
    /// Seconds to minutes; nil: for ever. Longer lets slow schedulers hoard resources, shorter takes offers from under
    /// those that think. Default 30 s (Mesos waits for ever unless told otherwise).
    public var offerTimeout: Duration? = .seconds(30)

    /// How long a disconnected agent may stay away before its tasks are reported unreachable.
    ///
    /// Seconds to minutes. Longer hides host failures; shorter punishes a slow network.
    /// Must exceed the time in which an agent finds another relay: four and a half heartbeat intervals (67.5 s), if the relay stands
    /// still. Default 75 s: five missed pings of 15 s, as in Mesos.
    public var agentTimeout: Duration = .seconds(75)

    /// How long after its election a master says nothing about tasks it does not know, because an agent that knows
    /// them may still return.
    ///
    /// Default 75 s, as `agentTimeout`: what has not returned by then would have been given up by the old master, too.
    public var recoveryTimeout: Duration = .seconds(75)

    /// How long after its election a master does not say either that an agent which is there does not know a task, if its relay is of
    /// a version that cannot ask the agent (`ProtocolRevision.restating`).
    ///
    /// A relay that has not noticed the end of an agent's connection tells of an earlier life of it, until the relay where it
    /// is now has come, too. Longer makes schedulers wait for news of what was lost with the old master. Default 15 s: relays
    /// find the next master within seconds.
    public var relayPatience: Duration = .seconds(15)

    /// The least time that the tasks of a framework run on without a scheduler, whatever the framework says.
    ///
    /// Zero or more; zero obeys the framework to the letter, as Mesos does. Default 10 s: a scheduler whose connection
    /// breaks, or whose master fails over, gets the chance to come back.
    public var minimumFailoverTimeout: Duration = .seconds(10)

    /// How long after its election a master keeps standby schedulers waiting for the active one of their framework.
    ///
    /// Which of them was active the new master does not know, and the others may be quicker. Default 5 s: several times
    /// what a driver needs to find it. Once a framework has had a scheduler here, its standbys take over at once.
    public var standbyPatience: Duration = .seconds(5)

    /// How often a subscribed scheduler receives a HEARTBEAT event.
    ///
    /// Default 15 s, as in Mesos.
    public var schedulerHeartbeatInterval: Duration = .seconds(15)

    /// What a frame comes from this side at least as often as; told in the welcome.
    ///
    /// Default 15 s.
    public var linkHeartbeatInterval: Duration = .seconds(15)

    /// The policy until another is read or applied; default fair sharing, and nothing else.
    public var policy = ClusterPolicy()

    /// Offers that hold none of these amounts are not made, except to frameworks that say otherwise.
    ///
    /// Default 0.01 CPU or 32 MB, as in Mesos.
    public var minimumOffers: [Resources] = [Resources(milliCPU: 10), Resources(milliCPU: 0, milliMB: 32_000)]

    /// The shortest and longest time that a framework gets between the inverse offer and the kill of a revoked task.
    ///
    /// What an allocator asks for is held within. Default 0 s to 1 h.
    public var revocationGrace: ClosedRange<Duration> = .zero ... .seconds(3600)

    /// How long the confirmation of an agent's books may wait for further changes, to be given for all at once.
    ///
    /// Milliseconds. Longer spares relays and agents messages; meanwhile they keep what has ended. Zero: each change is confirmed at
    /// once. Default 10 ms.
    public var confirmationDelay: Duration = .milliseconds(10)

    /// How many refusals of one framework are remembered.
    ///
    /// When full, those that have run out are forgotten; if that frees nothing, a new refusal lasts no time: the same
    /// resources may be offered again at once. Default 1,000,000 (about 100 bytes each).
    public var filtersPerFramework: Int = 1_000_000

    /// How many ended tasks are listed to operators; the oldest are forgotten.
    ///
    /// Default 10,000.
    public var taskHistory: Int = 10_000

    /// How many ids of removed frameworks are remembered, to refuse who uses them again; the oldest are forgotten.
    ///
    /// Default 10,000.
    public var removedFrameworks: Int = 10_000

    /// How many unreachable agents are remembered with their tasks; the oldest are forgotten.
    ///
    /// Default 10,000.
    public var unreachableAgents: Int = 10_000

    /// How many agents one relay may bring.
    ///
    /// An index beyond ends the relay's connection. Default 1,000,000.
    public var agentsPerRelay: Int = 1_000_000

    /// How many rows of a listing, and agents of an allocator's synchronisation, go out between other events.
    ///
    /// Default 1,000.
    public var chunk: Int = 1_000

    /// How many allocators may watch without deciding.
    ///
    /// Each costs books of its own, as large as the master's. Default 4.
    public var shadows: Int = 4

    /// The defaults.
    public init() {}

    /// The first setting that makes no sense, in words; nil if all do.
    public var problem: String? {
        if let timeout = self.offerTimeout, timeout <= .zero { return "the offer timeout must be above zero" }
        if self.agentTimeout <= .zero { return "the agent timeout must be above zero" }
        if self.minimumFailoverTimeout < .zero { return "the minimum failover timeout is negative" }
        if self.relayPatience < .zero { return "the patience with relays is negative" }
        if self.confirmationDelay < .zero { return "the delay of confirmations is negative" }
        if self.standbyPatience < .zero { return "the patience of standbys is negative" }
        if self.schedulerHeartbeatInterval <= .zero { return "the heartbeat interval must be above zero" }
        return self.policy.problems.first
    }
}
