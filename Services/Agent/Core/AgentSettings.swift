public import Model

/// What an agent is, and how patient it is.
public struct AgentSettings: Sendable {
    /// Its name in handshakes and in the choice of a relay; unique among agents.
    public var name: String
    /// Where its side port and its tasks are reached.
    public var hostname: String
    /// Port of HTTP: sandboxes, health, metrics; 0: none.
    public var sidePort: UInt16 = 0
    /// What it shares out.
    ///
    /// An order that does not fit is refused, whoever sent it.
    public var total: Resources
    /// What schedulers choose it by.
    public var attributes: [Attribute] = []
    /// Which changes of `total` and `attributes` it starts with.
    ///
    /// Default: any, since what runs has to fit in any case.
    public var reconfigurationPolicy: ReconfigurationPolicy = .any
    /// What it does with what earlier lives left running.
    ///
    /// Default: goes on with it.
    public var recovery: RecoveryMode = .reconnect
    /// Relays to begin with (host:port); more are learned from them.
    public var relays: [String] = []
    /// host:port at which executors reach it.
    ///
    /// The same after a restart, or the executors that run will not find it.
    public var executorEndpoint: String = "127.0.0.1:5051"

    /// From the start of an executor to its SUBSCRIBE; also how long one may stay away later.
    ///
    /// Then its container is destroyed. Seconds to minutes. Default 1 min, as in Mesos.
    public var executorRegistrationTimeout: Duration = .seconds(60)
    /// How long the executors have to subscribe again after the agent restarted; then they are destroyed.
    ///
    /// Default 2 s, at most `executorReregistrationTimeoutMax`, as in Mesos.
    public var executorReregistrationTimeout: Duration = .seconds(2) {
        didSet {
            self.executorReregistrationTimeout =
                min(self.executorReregistrationTimeout, Self.executorReregistrationTimeoutMax)
        }
    }
    /// Bound of `executorReregistrationTimeout`.
    public static let executorReregistrationTimeoutMax: Duration = .seconds(15)
    /// Between SHUTDOWN and the end of an executor's container, unless its info says otherwise.
    ///
    /// Default 5 s, as in Mesos.
    public var executorShutdownGracePeriod: Duration = .seconds(5)
    /// How long an executor that is subscribed may have nothing to run before it is shut down.
    ///
    /// Counted from its last task's end, or from its subscription. Shorter frees its resources sooner; longer spares the
    /// next task the start of an executor. Default zero: for ever, as in Mesos.
    public var executorIdleTimeout: Duration = .zero
    /// Between SIGTERM and SIGKILL, unless the order or the task says otherwise.
    ///
    /// Default 3 s, as in Mesos.
    public var killGracePeriod: Duration = .seconds(3)

    /// After which unacknowledged statuses of a task are sent again the first time; then doubled each time.
    ///
    /// What a connection loses is sent again on the next at once, so this is for what somebody beyond it has forgotten. Default 30 s (Mesos: 10 s):
    /// relays let acknowledgements wait for half of that.
    public var statusRetryIntervalMin: Duration = .seconds(30)
    /// Bound of that doubling.
    ///
    /// Default 10 min, as in Mesos.
    public var statusRetryIntervalMax: Duration = .seconds(600)
    /// Statuses of one task that wait for its scheduler; beyond it the oldest is given up.
    ///
    /// The latest and the terminal one are never given up. Default 256.
    public var unacknowledgedLimit: Int = 256

    /// From so many frameworks on, those that run nothing here are forgotten.
    ///
    /// Their next task logs them again. Fewer take less memory: 1 to 2 KiB each. Default 256.
    public var idleFrameworkLimit: Int = 256

    /// How long a change of the books that frees nothing may wait for a status that it goes beside, and for other changes.
    ///
    /// Of a task that changes several times meanwhile relay and master hear the last change alone. Longer spares
    /// them messages; shorter shows operators sooner what runs. Ends of tasks and executors do not wait, and take along
    /// what does. Zero: nothing waits, and every change is told. Default 10 ms.
    public var bookDelay: Duration = .milliseconds(10)
    /// Beside how many statuses changes are told in that while.
    ///
    /// More would not spare a write, and tell of more changes that others follow. Default 4.
    public var bookBurst: Int = 4

    /// How long it stays away from the cluster after the master refused it.
    ///
    /// Default 30 s.
    public var refusedRetryInterval: Duration = .seconds(30)
    /// How long the end of a cleanup waits for schedulers to acknowledge the last statuses.
    ///
    /// Default 10 s.
    public var cleanupPatience: Duration = .seconds(10)
    /// How soon it tries to return to the relay that its name chooses; doubled with each vain attempt, plus a random part.
    ///
    /// Default 2 min: a relay that restarted gets its agents back over minutes, not at once.
    public var homecomingIntervalMin: Duration = .seconds(120)
    /// Bound of that doubling.
    ///
    /// Default 1 h.
    public var homecomingIntervalMax: Duration = .seconds(3600)

    /// Settings with every default.
    public init(name: String, hostname: String, total: Resources) {
        self.name = name
        self.hostname = hostname
        self.total = total
    }
}
