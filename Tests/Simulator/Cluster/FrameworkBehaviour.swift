public import Model

/// A framework that decides by itself what it takes and for how long, in place of a `Workload`.
///
/// It lives as long as the simulation: its scheduler is not meant to be killed.
public protocol FrameworkBehaviour: AnyObject {
    /// What to run on an offer; what is left of it is refused for a time.
    func offered(_ offer: Offer, to scheduler: SimulatedScheduler) -> OfferAnswer

    /// A task has come to another state.
    func updated(_ task: TaskID, _ state: TaskState, of scheduler: SimulatedScheduler)
}

/// What a framework does with an offer.
public struct OfferAnswer: Sendable {
    /// A task to be launched on it.
    public struct Order: Sendable {
        let id: TaskID
        let resources: Resources
        let duration: Duration

        /// A command task that runs for so long, to the millisecond.
        public init(_ id: TaskID, _ resources: Resources, for duration: Duration) {
            self.id = id
            self.resources = resources
            self.duration = duration
        }
    }

    /// None: the offer is declined.
    public var tasks: [Order] = []
    /// For how long the rest, or the same of that agent, is not wanted.
    public var refusal: Duration

    /// An answer that launches nothing yet.
    public init(refusal: Duration) { self.refusal = refusal }
}

/// What a behaviour can do of its own accord.
extension SimulatedScheduler {
    /// The instant on the cluster's virtual clock.
    public var now: Instant { self.cluster.queue.now }

    /// Runs `body` after so long.
    public func wait(_ delay: Duration, _ body: @escaping () -> Void) { self.later(after: delay, body) }

    /// Asks for the end of a task.
    public func kill(_ task: TaskID) { self.handle(.called(.kill(task, nil, grace: .zero))) }

    /// Ends all its refusals.
    public func revive() { self.handle(.called(.revive(roles: []))) }
}
