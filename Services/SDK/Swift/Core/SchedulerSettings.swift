public import Model

/// What a scheduler's driver can be told, with what it does when it is not.
public struct SchedulerSettings: Hashable, Sendable {
    /// What the framework says of itself.
    ///
    /// Its `id` is that of an earlier life, to take its tasks over; nil: a new framework.
    public var framework: FrameworkInfo

    /// Roles that start without offers.
    public var suppressedRoles: [String] = []
    /// Which agents to be offered, by role; a role that is not there: all.
    public var constraints: [String: OfferConstraints] = [:]

    /// Whether updates are to come through relays rather than through the master.
    ///
    /// Relays spare the master and keep updates flowing while no master leads; they cost a connection each. Default true.
    public var usesRelays: Bool = true

    /// Wait as a standby until the active scheduler of the framework is gone, then take over.
    ///
    /// Default false.
    public var isStandby: Bool = false

    /// Whether the user acknowledges updates himself.
    ///
    /// Default false: an update is acknowledged when the callback that was given it has returned.
    public var acknowledgesExplicitly: Bool = false

    /// How long the acknowledgement of an update that ends nothing may wait for another one to the same relay.
    ///
    /// They leave together, in one write. Must be well below the 10 s after which agents of earlier versions send an update again; what a scheduler that dies
    /// has not said its successor is told again. Zero: no wait. Default 1 s.
    public var acknowledgementDelay: Duration = .seconds(1)

    /// How many of them wait for one relay at most.
    ///
    /// Default 64.
    public var acknowledgementBatch: Int = 64

    /// How long to wait for SUBSCRIBED before the connection is given up for another one.
    ///
    /// Seconds to minutes; a standby waits for ever. Default 30 s: two heartbeats of the master's.
    public var registrationTimeout: Duration = .seconds(30)

    /// After how long a task is asked about again whose state the master did not tell.
    ///
    /// Doubles up to `reconciliationIntervalMax`. A new master stays silent about a task until its agent is back, so shorter
    /// learns sooner and asks more. Default 5 s.
    public var reconciliationInterval: Duration = .seconds(5)

    /// The longest wait between two questions about the same task.
    ///
    /// Default 5 min.
    public var reconciliationIntervalMax: Duration = .seconds(300)

    /// How many tasks one RECONCILE names.
    ///
    /// At about 100 bytes each, the default of 10,000 makes a frame of 1 MB.
    public var reconciliationBatch: Int = 10_000

    /// How long an update waits for the one before it, if the two came over different ways.
    ///
    /// The agent sends again what is missing after 30 s at first; longer than that keeps the order, shorter gives up on it.
    /// Default 60 s.
    public var gapPatience: Duration = .seconds(60)

    /// How many updates of a task may wait for an earlier one.
    ///
    /// What does not fit comes again. Default 64.
    public var heldLimit: Int = 64

    /// How long a task is remembered after it ended and its last update was acknowledged.
    ///
    /// Late copies are recognised that long. Default 15 min: longer than the agents' longest retry interval (10 min).
    public var retention: Duration = .seconds(15 * 60)

    /// How many ended tasks are remembered at most; beyond it the oldest are forgotten early.
    ///
    /// Default 100,000.
    public var retentionLimit: Int = 100_000

    /// How long `stop` looks for a master to end the framework at.
    ///
    /// Default 10 s.
    public var stopPatience: Duration = .seconds(10)

    /// A connection that ends so soon after an ERROR ended because of it.
    ///
    /// Default 5 s.
    public var errorWindow: Duration = .seconds(5)

    /// Defaults for everything but the framework.
    public init(framework: FrameworkInfo) { self.framework = framework }
}
