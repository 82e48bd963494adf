public import Model

/// An executor's side of its agent: takes tasks and orders, and keeps each status until the agent has it on disk.
///
/// The agent may restart at any time: tasks run on meanwhile, and what was not acknowledged is told again.
public struct ExecutorState: Role {
    /// How far the connection has come.
    enum Link: Hashable, Sendable {
        case disconnected
        /// SUBSCRIBE was sent; SUBSCRIBED is to come.
        case subscribing(PeerID)
        case subscribed(PeerID)

        var peer: PeerID? {
            switch self {
            case .disconnected: nil
            case .subscribing(let peer), .subscribed(let peer): peer
            }
        }
    }

    /// How far the end has come.
    enum Ending: Hashable, Sendable {
        case running
        /// The user was told to end all tasks; the updates about that still go out.
        case shuttingDown
        /// The user is done; the last updates wait for the agent.
        case flushing
        case stopped
    }

    let settings: ExecutorSettings
    var generator: SeededGenerator
    var link = Link.disconnected
    var ending = Ending.running
    var hasRegistered = false
    var shutdownGracePeriod: Duration
    /// Tasks launched here whose last status is still to come.
    var live: Set<TaskID> = []
    /// Launched, with no status acknowledged yet: told at each subscription, in the order of launch.
    var unacknowledgedTasks = ArrivalOrder<TaskID, TaskID>()
    /// Statuses without acknowledgement, by uuid.
    var statuses = ArrivalOrder<Bytes, TaskStatus>()
    /// Up to which of them the last SUBSCRIBE carried.
    var toldAtSubscription: UInt64 = 0

    /// Statuses without acknowledgement, oldest first.
    public var unacknowledged: [TaskStatus] { self.statuses.values() }

    /// An executor that is not connected yet.
    ///
    /// - Parameter generator: Draws the uuids of its statuses.
    public init(settings: ExecutorSettings, generator: SeededGenerator) {
        self.settings = settings
        self.generator = generator
        self.shutdownGracePeriod = settings.shutdownGracePeriod
    }

    /// Takes one event.
    public mutating func handle(_ event: Event, at now: Instant, into effects: inout [Effect]) {
        guard self.ending != .stopped else { return }
        switch event {
        case .started: effects.append(.setTimer(.recovery, at: now + self.settings.recoveryTimeout))
        case .agentConnected(let peer): self.agentConnected(peer, &effects)
        case .agentEvent(let event, let peer): self.agentTold(event, peer, now, &effects)
        case .agentDisconnected(let peer): self.agentDisconnected(peer, now, &effects)
        case .called(let call): self.called(call, now, &effects)
        case .shutdownReturned: if self.ending == .shuttingDown { self.flush(now, &effects) }
        case .timerFired(.recovery): if !self.isSubscribed { self.shutDown(now, &effects) }
        case .timerFired(.shutdown):
            self.finish(self.ending == .flushing ? .updatesUnacknowledged : .shutdownTooSlow, &effects)
        case .timerFired(.flush): self.finish(.updatesUnacknowledged, &effects)
        }
    }

    /// Whether the agent knows this executor now.
    public var isSubscribed: Bool { if case .subscribed = self.link { true } else { false } }

    func send(_ kind: ExecutorCall.Kind, _ effects: inout [Effect]) {
        effects.append(
            .send(
                ExecutorCall(frameworkID: self.settings.frameworkID, executorID: self.settings.executorID, kind)))
    }

    func tell(_ callback: Callback, _ effects: inout [Effect]) {
        if self.ending == .running { effects.append(.callBack(callback)) }
    }
}

extension ExecutorState {
    /// What can happen to an executor.
    public enum Event: Hashable, Sendable {
        /// The driver runs; its agent is yet to be reached.
        case started
        case agentConnected(PeerID)
        case agentEvent(ExecutorEvent, from: PeerID)
        case agentDisconnected(PeerID)
        case called(UserCall)
        /// The callback `shutdown` is done.
        case shutdownReturned
        case timerFired(Timer)
    }

    /// What an executor orders.
    ///
    /// Carried out in the order given.
    public enum Effect: Hashable, Sendable {
        case send(ExecutorCall)
        /// Runs the user's code, one callback at a time, in order.
        case callBack(Callback)
        /// Sets or moves a timer.
        case setTimer(Timer, at: Instant)
        case cancelTimer(Timer)
        /// Flush, close, return to the user. Nothing follows.
        case stopped(Failure?)
    }

    /// What the user asks for.
    public enum UserCall: Hashable, Sendable {
        /// A new status of a task; the driver adds uuid, source and time.
        case update(TaskStatus)
        case message(Bytes)
        /// All is done.
        case stop
    }

    /// What the user is told.
    public enum Callback: Hashable, Sendable {
        case registered(ExecutorInfo, FrameworkInfo, AgentID, hostname: String)
        case reregistered(AgentID)
        case disconnected
        case launchTask(TaskInfo)
        /// The group's tasks, which start all or none.
        case launchTaskGroup([TaskInfo])
        case killTask(TaskID, grace: Duration?)
        case frameworkMessage(Bytes)
        /// End all tasks; the process ends soon, whatever they do.
        case shutdown
        case error(String)
    }

    /// The timers of an executor by name.
    public enum Timer: Hashable, Sendable, CaseIterable {
        /// The agent has been away for too long.
        case recovery
        /// The time to shut down is over.
        case shutdown
        /// The last updates were not acknowledged in time.
        case flush
    }

    /// Why an executor ended other than in good order.
    public enum Failure: Error, Hashable, Sendable {
        /// The agent ended the subscription, in its own words.
        case subscriptionEnded(String)
        /// The user's `shutdown` did not return within the grace period.
        case shutdownTooSlow
        /// The agent did not confirm the last updates.
        case updatesUnacknowledged
    }
}
