public import Model

/// A framework that decides by itself what it takes and for how long, in place of a `Workload`.
///
/// It lives as long as the simulation: its scheduler is not meant to be killed.
public protocol FrameworkBehaviour: AnyObject {
    /// What to run on an offer; what is left of it is refused for a time.
    ///
    /// Nil: it keeps the offer, and does not answer.
    func offered(_ offer: Offer, to scheduler: SimulatedScheduler) -> OfferAnswer?

    /// A status has come that was not there before.
    func updated(_ status: TaskStatus, of scheduler: SimulatedScheduler)
}

/// What a framework does with an offer.
public struct OfferAnswer: Sendable {
    /// None: the offer is declined.
    public var tasks: [TaskInfo] = []
    /// For how long the rest, or the same of that agent, is not wanted.
    public var refusal: Duration

    /// An answer that launches nothing yet.
    public init(refusal: Duration) { self.refusal = refusal }
}

extension TaskInfo {
    /// A command task that runs for so long, to the millisecond.
    public static func running(
        for duration: Duration, _ id: TaskID, _ resources: Resources, on offer: Offer
    ) -> TaskInfo {
        var task = TaskInfo(name: "task", taskID: id, agentID: offer.agentID, resources: resources)
        task.command = CommandInfo(shell: "run \(duration.nanoseconds / 1_000_000) 0")
        return task
    }

    /// A task of an executor, which tells that it runs each time so much has passed, to the millisecond, and does not end.
    public static func reporting(
        every pause: Duration, _ id: TaskID, _ resources: Resources, on offer: Offer
    ) -> TaskInfo {
        var task = TaskInfo(name: "task", taskID: id, agentID: offer.agentID, resources: resources)
        task.executor = ExecutorInfo(executorID: "executor", command: CommandInfo(shell: "executor"))
        task.data = Array("1000000000 \(pause.nanoseconds / 1_000_000)".utf8)
        return task
    }
}

/// What a behaviour can do of its own accord.
extension SimulatedScheduler {
    /// Runs `body` after so long.
    public func wait(_ delay: Duration, _ body: @escaping () -> Void) { self.later(after: delay, body) }

    /// Asks for the end of a task.
    public func kill(_ task: TaskID) {
        if let id = self.frameworkID { self.cluster.promises.wishedToEnd(TaskKey(id, task)) }
        self.handle(.called(.kill(task, nil, grace: .zero)))
    }

    /// Wants no offers; its tasks run on.
    public func suppress() { self.handle(.called(.suppress(roles: []))) }

    /// Ends all its refusals.
    public func revive() { self.handle(.called(.revive(roles: []))) }
}
