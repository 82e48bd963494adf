@_exported public import Model

/// The half of a framework that decides: takes offers, launches tasks on them, hears what becomes of them.
///
/// Callbacks come one at a time, in order, never on a thread that the driver needs: one that takes long delays the next one
/// and nothing else. An actor, or any other `Sendable` type, can be a scheduler. Only `resourceOffers` and `statusUpdate`
/// must be written.
public protocol Scheduler: Sendable {
    /// Resources that the framework may use until it answers, or until they are rescinded.
    ///
    /// Answer each with `launchTasks` or `declineOffers`: nobody else can have them meanwhile.
    func resourceOffers(_ driver: SchedulerDriver, _ offers: [Offer]) async

    /// What became of a task.
    ///
    /// Each status of a task comes once and in order, and nothing comes after a terminal one. It is acknowledged when this
    /// returns (`Options.acknowledgesExplicitly` for when not): what must not be lost is to be stored before.
    func statusUpdate(_ driver: SchedulerDriver, _ status: TaskStatus) async

    /// A master has accepted the framework: who shows this id takes the framework over.
    func registered(_ driver: SchedulerDriver, _ framework: FrameworkID, _ master: MasterInfo) async

    /// Another master leads, or the same one was found again. Tasks are what they were; earlier offers are void.
    func reregistered(_ driver: SchedulerDriver, _ master: MasterInfo) async

    /// The master is out of reach; the driver looks for it. Tasks run on; offers are void.
    func disconnected(_ driver: SchedulerDriver) async

    /// An offer is no longer good. Launching on it makes the tasks lost.
    func offerRescinded(_ driver: SchedulerDriver, _ offer: OfferID) async

    /// An executor said something. May have been lost instead.
    func frameworkMessage(
        _ driver: SchedulerDriver, _ data: Bytes, from executor: ExecutorID, on agent: AgentID) async

    /// An agent is gone. What that means for tasks comes as status updates.
    func agentLost(_ driver: SchedulerDriver, _ agent: AgentID) async

    /// An executor exited. What that means for tasks comes as status updates.
    ///
    /// - Parameter status: As waitpid() gives it; nil if unknown.
    func executorLost(
        _ driver: SchedulerDriver, _ executor: ExecutorID, on agent: AgentID, status: Int32?) async

    /// The cluster would like resources back.
    func inverseOffers(_ driver: SchedulerDriver, _ offers: [InverseOffer]) async

    /// The cluster no longer asks for them.
    func inverseOfferRescinded(_ driver: SchedulerDriver, _ offer: OfferID) async

    /// What the operator guarantees the framework: after `registered` if it is anything, later when it has changed.
    ///
    /// While it has less and wants more, it goes before others, and their tasks are taken back for it as the policy says.
    func guaranteesChanged(_ driver: SchedulerDriver, _ guarantees: Guarantees) async

    /// It is a standby: another scheduler is active, or others are before it. `registered` comes when it is its turn.
    ///
    /// Told when it begins to wait, and when its place or the active scheduler changes.
    func waits(_ driver: SchedulerDriver, _ standby: SchedulerEvent.Standby) async

    /// The master says that something is wrong. If it ends the subscription, `run` throws next.
    func error(_ driver: SchedulerDriver, _ message: String) async
}

extension Scheduler {
    /// Does nothing.
    public func registered(_ driver: SchedulerDriver, _ framework: FrameworkID, _ master: MasterInfo) async {}
    /// Does nothing.
    public func reregistered(_ driver: SchedulerDriver, _ master: MasterInfo) async {}
    /// Does nothing.
    public func disconnected(_ driver: SchedulerDriver) async {}
    /// Does nothing.
    public func offerRescinded(_ driver: SchedulerDriver, _ offer: OfferID) async {}
    /// Does nothing.
    public func frameworkMessage(
        _ driver: SchedulerDriver, _ data: Bytes, from executor: ExecutorID, on agent: AgentID
    ) async {}
    /// Does nothing.
    public func agentLost(_ driver: SchedulerDriver, _ agent: AgentID) async {}
    /// Does nothing.
    public func executorLost(
        _ driver: SchedulerDriver, _ executor: ExecutorID, on agent: AgentID, status: Int32?
    ) async {}
    /// Declines: the tasks stay where they are.
    public func inverseOffers(_ driver: SchedulerDriver, _ offers: [InverseOffer]) async {
        driver.declineInverseOffers(offers.map(\.id))
    }
    /// Does nothing.
    public func inverseOfferRescinded(_ driver: SchedulerDriver, _ offer: OfferID) async {}
    /// Does nothing.
    public func guaranteesChanged(_ driver: SchedulerDriver, _ guarantees: Guarantees) async {}
    /// Does nothing: the driver logs it.
    public func waits(_ driver: SchedulerDriver, _ standby: SchedulerEvent.Standby) async {}
    /// Does nothing: the driver logs it.
    public func error(_ driver: SchedulerDriver, _ message: String) async {}
}
