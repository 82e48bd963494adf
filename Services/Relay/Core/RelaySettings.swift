/// What a relay is told at its start.
public struct RelaySettings: Sendable {
    /// Its name among the relays; agents choose by it.
    public var name: String

    /// host:port where agents and schedulers reach it.
    public var address: String

    /// How many agents may be connected at once; one more is told `full` and tries the next relay.
    ///
    /// Each costs a file and some kilobytes. Default 18,000: below the 20,000 files that a process commonly may open.
    public var maxAgents: Int = 18_000

    /// How many bytes of unacknowledged statuses are held for one framework.
    ///
    /// Beyond it statuses are dropped here, and their agents, which keep them in their logs, are asked again later. More
    /// saves those rounds when a scheduler was away for long; the sum over the frameworks is memory. Default 16 MiB.
    public var heldBytesPerFramework: Int = 16 << 20

    /// How long a scheduler that wants its updates through relays may take to connect to this one.
    ///
    /// Then its updates go through the master, until it does. Must exceed what a connection takes in a large cluster,
    /// or the master carries what it need not. Default 1 s.
    public var fallbackDelay: Duration = .seconds(1)

    /// How long a scheduler waits here for the master's word that its subscription is the one in force.
    ///
    /// A scheduler may be quicker than the notice that the master sends at the same moment. Default 2 s; then it is
    /// refused as stale and may call again.
    public var fenceDelay: Duration = .seconds(2)

    /// How much of a snapshot, or of held statuses, is sent in one turn.
    ///
    /// Default 1 MiB: whatever else the relay carries waits no longer than it takes to write this.
    public var bulkBytesPerTurn: Int = 1 << 20

    /// How long the next turn of a snapshot waits, for the master to read the last one.
    ///
    /// Default 2 ms.
    public var bulkPause: Duration = .milliseconds(2)

    /// How many agents are asked at once to send statuses again that did not fit.
    ///
    /// Default 32.
    public var resendsPerTurn: Int = 32

    /// How long the next agents wait to be asked.
    ///
    /// Default 100 ms.
    public var resendPause: Duration = .milliseconds(100)

    /// How long an acknowledgement waits, where something has ended, for something urgent to go to the same agent.
    ///
    /// Together they cost one write and one read instead of several. Longer keeps what is delivered in the agents' logs for
    /// longer, and is sent again if the relay dies meanwhile; and the id of a task whose end is acknowledged is free for another only
    /// when its agent knows. Must be well below the 10 s after which agents of earlier versions send again. Zero: no wait. Default 200 ms.
    public var acknowledgementDelay: Duration = .milliseconds(200)

    /// How much longer it waits where something has ended and a launch is likely, for each agent that has lately waited so.
    ///
    /// Default 4 ms: a relay at whose agents a hundred things end in a second waits a third of a second for their launches, and one at
    /// whose agents 250 do `launchPatienceMax`.
    public var launchPatience: Duration = .milliseconds(4)

    /// How long it waits then at most.
    ///
    /// The id of a task that has ended is not free for another for so long, and an agent that is cleaned or drained waits for it. Default
    /// 5 s: with what else is on its way, still well before agents send again.
    public var launchPatienceMax: Duration = .seconds(5)

    /// How long a confirmation of the books, and an acknowledgement where nothing has ended, wait for something urgent to go to the same
    /// agent.
    ///
    /// Until then the agent keeps a line on each task that is over, and a few statuses of those that run; it tells these again if the
    /// relay dies meanwhile. Default 15 s: told alone it spares a heartbeat; with what else is on its way, well below the 30 s after
    /// which agents send again. (Those of earlier versions do after 10 s: they are told after `acknowledgementDelay`.)
    public var quietDelay: Duration = .seconds(15)

    /// How long a change of the books that frees nothing waits for something urgent to go to the master.
    ///
    /// Default 10 ms. Zero: no wait.
    public var bookDelay: Duration = .milliseconds(10)

    /// How long a relay may be without a master before it asks the others whether they have one.
    ///
    /// If one has, its agents are sent away. Must exceed what an election takes, and leave agents time to get elsewhere
    /// before the master gives them up (75 s). Default 10 s.
    public var cutOffDelay: Duration = .seconds(10)

    /// How long until it asks again.
    ///
    /// Default 5 s.
    public var cutOffRetry: Duration = .seconds(5)

    /// How many agents are sent away at once.
    ///
    /// Default 500.
    public var leavingPerTurn: Int = 500

    /// How long the next agents wait to be sent away.
    ///
    /// Default 100 ms: 15,000 agents leave within 3 s.
    public var leavingPause: Duration = .milliseconds(100)

    /// How long after a change agents are told where relays and masters are.
    ///
    /// When a master dies the next one learns of the relays one after the other, and all of that would be told to all agents just
    /// when it waits to be told of them. Agents need it when they look for another relay. Longer gathers more changes; below
    /// what a takeover takes, agents are told several times. Default 1 s.
    public var directoryDelay: Duration = .seconds(1)

    /// How many agents are told of it at once.
    ///
    /// Default 500.
    public var directoryPerTurn: Int = 500

    /// How long the next agents wait to be told.
    ///
    /// Default 50 ms: 15,000 agents know within 1.5 s, and the relay is a fifth busy with it at most.
    public var directoryPause: Duration = .milliseconds(50)

    /// The settings of a relay of that name, all else at its default.
    public init(name: String, address: String = "") {
        self.name = name
        self.address = address
    }
}
