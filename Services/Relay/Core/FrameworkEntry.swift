import Model

/// A framework as a relay sees it: who its scheduler is, and where its statuses go.
struct FrameworkEntry {
    /// Who is given the statuses of a framework.
    ///
    /// When it changes, the new one is given all that are held.
    enum Target: Hashable {
        /// Nobody can take them now.
        case nobody
        /// The scheduler of the subscription in force, connected here.
        case scheduler(PeerID)
        /// The master on that connection, for the scheduler of that subscription.
        case master(PeerID, epoch: Epoch, counter: UInt64)
    }

    let id: FrameworkID
    /// `meseta.v1.FrameworkInfo` as last seen; empty: not seen.
    ///
    /// A new master recovers the framework from it.
    var info: Bytes = []
    /// The highest subscription that a master told of.
    var notice: SubscriptionNotice?
    /// The link on which it came: a new master does not know the schedulers of the old one.
    var noticeCameOn: UInt64 = 0
    /// The scheduler of that subscription, if it is connected here.
    var scheduler: PeerID?
    /// Schedulers whose subscription no notice has confirmed yet.
    var pending: [PeerID] = []
    /// Until then its scheduler is expected to connect here, and nothing goes through the master.
    var graceEnds: Instant?
    var target: Target = .nobody
    /// Agents (dense) that have statuses which did not fit, longest first.
    ///
    /// Those no longer marked so are skipped.
    var overflow: [UInt32] = []
    var overflowHead = 0
    /// Agents (dense) that were asked to send again, and have not begun to.
    var asked: Set<UInt32> = []
    var isResendTimerSet = false
    /// It waits for its turn to be given what is held.
    var isRedelivering = false
    /// The master removed it: its statuses have no reader.
    var isRemoved = false

    init(id: FrameworkID) { self.id = id }

    var hasOverflow: Bool { self.overflowHead < self.overflow.count }

    /// Whether nothing of it would be missed.
    func isForgettable(in link: UInt64?) -> Bool {
        self.scheduler == nil && self.pending.isEmpty && (self.notice == nil || self.noticeCameOn != link)
    }

    mutating func popOverflow() -> UInt32? {
        guard self.hasOverflow else { return nil }
        let agent = self.overflow[self.overflowHead]
        self.overflowHead += 1
        if self.overflowHead == self.overflow.count {
            self.overflow.removeAll()
            self.overflowHead = 0
        }
        return agent
    }
}
