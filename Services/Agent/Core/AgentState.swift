public import Model

/// The slave agent: it answers for the tasks of one machine.
///
/// Everything it promises is on disk first. A container is launched, and an executor given a task, only when the record
/// that accepts the task is logged; a status is sent, and its executor acknowledged, only when the status is logged; an
/// acknowledged terminal status removes its task only when the acknowledgement is logged. The rule is kept in one place:
/// `append(_:then:)` takes a record and what may be done when it is on disk.
public struct AgentState: Role {
    /// What can happen to an agent.
    public enum Event: Sendable {
        /// The first event: all records of the log, which boot of the machine this is, and what the supervisors know.
        case recovered([AgentLogRecord], boot: String, runs: [RecoveredRun])
        /// So many of the records appended since the start are on disk.
        case logged(upTo: UInt64)
        /// `address` is the one that was dialled.
        case relayConnected(PeerID, address: String, Welcome)
        case relay(PeerID, RelayToAgent)
        case relayDisconnected(PeerID)
        case executorConnected(PeerID, Hello)
        case executor(PeerID, ExecutorCall)
        case executorDisconnected(PeerID)
        case container(ContainerEvent)
        case timerFired(AgentTimer)
        /// What came of a `probe`.
        case probed(ProbeID, ProbeResult)
        /// The host looked up which relays there are.
        case relaysFound([String])
        /// The process ends; what runs is left running.
        case shuttingDown
    }

    /// What an agent can order.
    public enum Effect: Hashable, Sendable {
        /// Write it; when it is on disk, `logged`.
        case append(AgentLogRecord)
        case sendToRelay(PeerID, AgentToRelay)
        case sendToExecutor(PeerID, ExecutorEvent)
        indirect case launch(ContainerSpec)
        /// An earlier life launched it and it runs: what it is, and may use from here on; `updated` follows.
        indirect case adopt(ContainerSpec)
        /// To all processes of the container.
        case signal(RunID, Int32)
        /// What the container may use from here on; `updated` follows, unless it ends.
        case update(RunID, Resources)
        /// Kill all processes of the container; `exited` follows.
        case destroy(RunID)
        /// Its end is on disk: the supervisor need not remember it.
        case forget(RunID)
        /// Look whether a task is well; `probed` follows, once. Zero: as long as it takes.
        case probe(ProbeID, ProbeOrder, timeout: Duration)
        case setTimer(AgentTimer, at: Instant)
        case cancelTimer(AgentTimer)
        case close(PeerID, Refusal?)
        /// Leave the relay, if there is one, and dial again in the order of `relayCandidates`.
        case seekRelay
        /// Leave the relay, if there is one, and dial no more until `seekRelay`.
        case leaveRelay(Refusal?)
        /// Nothing is left to do: put `recordsOfNewLife` in the place of the log, and end the process.
        case endLife
        case observe(AgentFact)
    }

    let codec: any EntityCodec
    var settings: AgentSettings
    var random: SeededGenerator

    // Counted in the log.
    var starts: UInt64 = 0
    var boot = ""
    var identity: AgentID?
    /// The highest that was seen, on disk or not.
    var epoch: Epoch = .none
    /// The same, on disk: who is told it may rely on it across restarts.
    var loggedEpoch: Epoch = .none
    /// What the operator wants, on disk or not.
    var mode: AgentMode = .active
    /// The same, on disk.
    var loggedMode: AgentMode = .active
    var lastNumber: UInt64 = 0
    var lastRun: RunID = 0
    /// Of the last change, on disk or not.
    var position: BookPosition = 0
    /// Of the last change on disk.
    var loggedPosition: BookPosition = 0
    var confirmedPosition: BookPosition = 0

    // What runs, and what ran and is not forgotten yet.
    var frameworks: [FrameworkID: FrameworkEntry] = [:]
    var tasks: [UInt64: TaskEntry] = [:]
    /// The latest task of each key.
    var numbers: [TaskKey: UInt64] = [:]
    /// Those of `tasks` whose terminal status was acknowledged: kept until the master knows.
    var removedTasks = RemovedTasks()
    /// Live command tasks by their container.
    var commandRuns: [RunID: UInt64] = [:]
    var executors: [RunID: ExecutorEntry] = [:]
    /// The executor of each key that has not exited.
    var executorRuns: [ExecutorKey: RunID] = [:]
    /// Oldest first.
    var unconfirmedExits: [UnconfirmedExit] = []
    /// Of live tasks and executors.
    var used: Resources = .init()

    /// As logged; nil if it never was.
    var configured: AgentConfiguration?
    var cleanup: Cleanup = .ending

    // Writing.
    var appended: UInt64 = 0
    var logged: UInt64 = 0
    var consequences: ConsequenceQueue = .init()
    /// Changes of the books on disk that the relay has not been told since it was told the registration.
    var untold: [BookEntry] = []
    /// One of them does not wait.
    var isUntoldUrgent = false
    var isBookTimerSet = false
    var bookWindow = BookWindow()
    /// The event at hand has sent a status.
    var hasSentStatus = false

    // Connections.
    var isRecovered = false
    var isShuttingDown = false
    var connects: UInt64 = 0
    var link: Link?
    var relaysKnown: [String] = []
    var relaysAvoided: Set<String> = []
    var homecomingInterval: Duration = .zero
    var executorPeers: [PeerID: RunID] = [:]
    /// When the retry timer fires; nil if it is not set.
    var retryTimerAt: Instant?
    /// Tasks with statuses that were sent and not acknowledged.
    var unacknowledged: Set<UInt64> = []

    /// The connection to a relay.
    struct Link {
        var peer: PeerID
        var address: String
        /// The relay wants to know where what is sent again begins.
        var hearsResending = true
        /// A master has accepted this attachment.
        var isRegistered = false
    }

    /// An agent that has read nothing yet: the first event is `recovered`.
    ///
    /// - Parameters:
    ///   - settings: What it is.
    ///   - codec: Reads and writes what travels as bytes.
    ///   - random: For the names of statuses and the tokens of executors: nobody may guess those.
    public init(settings: AgentSettings, codec: any EntityCodec, random: SeededGenerator) {
        self.settings = settings
        self.codec = codec
        self.random = random
    }

    /// Takes one event; `recovered` must be the first, and come once.
    public mutating func handle(_ event: Event, at now: Instant, into effects: inout [Effect]) {
        if case .recovered(let records, let boot, let runs) = event {
            precondition(!self.isRecovered, "recovered twice: \(self.starts) starts")
            return self.recover(records, boot: boot, runs: runs, at: now, into: &effects)
        }
        guard self.isRecovered else { return self.refuseWhileRecovering(event, into: &effects) }
        self.take(event, at: now, into: &effects)
        self.continueCleanup(at: now, into: &effects)
        self.tellBooksInTime(at: now, into: &effects)
    }

    private mutating func take(_ event: Event, at now: Instant, into effects: inout [Effect]) {
        switch event {
        case .recovered: break  // Above.
        case .logged(let index): self.carryOut(upTo: index, at: now, into: &effects)
        case .relayConnected(let peer, let address, let welcome):
            self.relayConnected(peer, at: address, welcome, now: now, into: &effects)
        case .relay(let peer, let message): self.relaySaid(peer, message, at: now, into: &effects)
        case .relayDisconnected(let peer): self.relayDisconnected(peer, into: &effects)
        case .executorConnected(let peer, let hello): self.executorConnected(peer, hello, into: &effects)
        case .executor(let peer, let call): self.executorSaid(peer, call, at: now, into: &effects)
        case .executorDisconnected(let peer): self.executorDisconnected(peer, at: now, into: &effects)
        case .container(.started(let run, _)): self.containerStarted(run, at: now, into: &effects)
        case .container(.exited(let run, let exit)): self.containerExited(run, exit, at: now, into: &effects)
        case .container(.launchFailed(let run, let message)):
            self.containerLaunchFailed(run, message, at: now, into: &effects)
        case .container(.updated(let run, let problem)):
            self.containerUpdated(run, problem, at: now, into: &effects)
        case .timerFired(let timer): self.timerFired(timer, at: now, into: &effects)
        case .probed(let id, let result): self.probed(id, result, at: now, into: &effects)
        case .relaysFound(let relays): self.learn(relays: relays, at: now, into: &effects)
        case .shuttingDown: self.shutDown(into: &effects)
        }
    }

    private func refuseWhileRecovering(_ event: Event, into effects: inout [Effect]) {
        if case .executorConnected(let peer, let hello) = event {
            effects.append(.close(peer, self.refusal(of: hello)))
        }
    }

    private mutating func timerFired(_ timer: AgentTimer, at now: Instant, into effects: inout [Effect]) {
        switch timer {
        case .statusRetry: self.retryStatuses(at: now, into: &effects)
        case .books:
            self.isBookTimerSet = false
            self.tellBooks(into: &effects)
        case .kill(let number): self.killGraceEnded(number, at: now, into: &effects)
        case .completion(let number): self.completionTimeReached(number, at: now, into: &effects)
        case .probe(let number, let kind): self.probe(number, kind, into: &effects)
        case .executorRegistration(let run): self.executorIsLate(run, at: now, into: &effects)
        case .executorShutdown(let run): self.shutdownGraceEnded(run, into: &effects)
        case .executorIdle(let run): self.executorIsIdle(run, at: now, into: &effects)
        case .cleanup: self.cleanup = .waited
        case .relayRetry: effects.append(.seekRelay)
        case .homecoming: self.goHome(at: now, into: &effects)
        }
    }

    private mutating func shutDown(into effects: inout [Effect]) {
        self.isShuttingDown = true
        self.link = nil
        effects.append(.leaveRelay(Refusal(.shuttingDown, "The agent ends; its tasks run on.")))
    }
}

/// The timers of an agent.
public enum AgentTimer: Hashable, Sendable {
    /// Unacknowledged statuses are due to be sent again.
    case statusRetry
    /// Changes of the books have waited for others long enough.
    case books
    /// The grace period of a task, by number, ends: a command task, or one that goes with its executor.
    case kill(UInt64)
    /// A task, by number, has run as long as it may.
    case completion(UInt64)
    /// A task, by number, is due to be looked at.
    case probe(UInt64, ProbeID.Kind)
    /// An executor should have subscribed by now.
    case executorRegistration(RunID)
    /// The grace period of an executor ends.
    case executorShutdown(RunID)
    /// An executor has had nothing to run for as long as it may.
    case executorIdle(RunID)
    /// A cleanup waits no longer for acknowledgements.
    case cleanup
    /// After a refusal by the master.
    case relayRetry
    /// To the relay that its name chooses.
    case homecoming
}
