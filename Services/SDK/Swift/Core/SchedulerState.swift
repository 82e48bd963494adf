public import Model

/// A framework's side of the cluster: keeps a subscription with whichever master leads, connects to the relays it names,
/// and gives the user each status update once and in order, whatever way and however often it came.
///
/// The user's calls go in as events, what the user is to be told comes out as callbacks. Tasks, and updates that nobody
/// acknowledged, outlive any connection; offers do not.
public struct SchedulerState: Role {
    /// A relay that the master named.
    struct Relay: Hashable, Sendable {
        var info: RelayInfo
        var peer: PeerID?
        /// Acknowledgements that wait for one that does not.
        var unsaid: [Unsaid] = []
    }

    /// An acknowledgement that is still to be said.
    struct Unsaid: Hashable, Sendable {
        var task: TaskID
        var agent: AgentID
        var uuid: Bytes
    }

    /// How far the connection to a master has come.
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
        /// A master is wanted, to end the framework at. The user hears nothing any more.
        case tearingDown
        case stopped
    }

    let settings: SchedulerSettings
    let codec: any EntityCodec

    /// The highest epoch seen.
    ///
    /// A master of a lower one is not obeyed; to be shown in every handshake.
    public internal(set) var epoch: Epoch = .none
    /// Nil until the master issued one.
    public internal(set) var frameworkID: FrameworkID?
    /// Offers, launches and kills go through; nothing does otherwise.
    public var isSubscribed: Bool { if case .subscribed = self.link { true } else { false } }
    /// A master has accepted the framework since this scheduler was made.
    public var isRegistered: Bool { self.hasRegistered }
    /// How many tasks are remembered, ended ones included.
    public var taskCount: Int { self.tasks.count }

    /// What the operator guarantees the framework, as the master said last.
    public internal(set) var guarantees = Guarantees()

    var framework: FrameworkInfo
    /// Sorted.
    var suppressed: [String]
    var link = Link.disconnected
    /// What the last SUBSCRIBE said of the framework.
    var announced: (framework: FrameworkInfo, suppressed: [String])
    var ending = Ending.running
    /// Whether this process has been told SUBSCRIBED before.
    var hasRegistered = false
    /// The last ERROR of this connection, and when.
    var lastError: (message: String, at: Instant)?
    /// In the order in which the master names them.
    var relays: [Relay] = []
    var isAcknowledgementTimerSet = false
    var subscription: Subscription?

    var tasks: [TaskID: TaskMemory] = [:]
    var lastSerial: UInt64 = 0
    /// Ended tasks in the order of their ends; entries before `forgottenCount` are done with.
    var ended: [(task: TaskID, serial: UInt64, forgetAt: Instant)] = []
    var forgottenCount = 0
    /// Tasks that hold an update back.
    var gaps: Set<TaskID> = []
    var reconciliationInterval: Duration
    /// How many more times the master is asked for all tasks it knows.
    var implicitRounds = 0

    /// A scheduler that is not connected yet.
    ///
    /// - Parameter codec: Reads the updates that come as bytes.
    public init(settings: SchedulerSettings, codec: any EntityCodec) {
        self.settings = settings
        self.codec = codec
        self.framework = settings.framework
        self.frameworkID = settings.framework.id?.rawValue.isEmpty == false ? settings.framework.id : nil
        self.suppressed = settings.suppressedRoles.sorted()
        self.announced = (settings.framework, settings.suppressedRoles.sorted())
        self.reconciliationInterval = settings.reconciliationInterval
    }

    /// Takes one event.
    public mutating func handle(_ event: Event, at now: Instant, into effects: inout [Effect]) {
        guard self.ending != .stopped else { return }
        switch event {
        case .masterConnected(let peer, let epoch): self.masterConnected(peer, epoch, now, &effects)
        case .masterEvent(let event, let peer): self.masterTold(event, peer, now, &effects)
        case .masterDisconnected(let peer): self.masterDisconnected(peer, now, &effects)
        case .relayConnected(let name, let peer): self.relayConnected(name, peer, &effects)
        case .relayEvent(let event, let peer): self.relayTold(event, peer, now, &effects)
        case .relayDisconnected(let peer): self.relayDisconnected(peer, &effects)
        case .called(let call): self.called(call, now, &effects)
        case .statusUpdateReturned(let task, let uuid):
            if !self.settings.acknowledgesExplicitly { self.acknowledge(task, uuid, now, &effects) }
        case .timerFired(.registration): self.registrationTimedOut(&effects)
        case .timerFired(.reconciliation): self.reconcileAgain(now, &effects)
        case .timerFired(.gap): self.closeGaps(now, &effects)
        case .timerFired(.acknowledgements):
            self.isAcknowledgementTimerSet = false
            for position in self.relays.indices { self.sayAcknowledgements(at: position, &effects) }
        case .timerFired(.retention): self.forget(now, &effects)
        case .timerFired(.stop):
            if self.ending == .tearingDown { self.finish(.masterNotFound, &effects) }
        }
    }

    /// Tells the user, unless he has stopped listening.
    func tell(_ callback: Callback, _ effects: inout [Effect]) {
        if self.ending == .running { effects.append(.callBack(callback)) }
    }

    /// Sends a call to the master, if there is one to send it to.
    func send(_ kind: SchedulerCall.Kind, _ effects: inout [Effect]) {
        if self.isSubscribed { effects.append(.sendToMaster(SchedulerCall(frameworkID: self.frameworkID, kind))) }
    }

    /// Ends here: for good.
    mutating func finish(_ failure: Failure?, _ effects: inout [Effect]) {
        self.leaveRelays(&effects)
        for timer in Timer.allCases { effects.append(.cancelTimer(timer)) }
        self.tasks = [:]
        self.link = .disconnected
        self.ending = .stopped
        effects.append(.stopped(failure))
    }
}
