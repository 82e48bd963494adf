public import Model
internal import SDKCore

extension SchedulerDriver {
    /// Launches tasks on offers of one agent and one role; what they leave of the offers is declined.
    ///
    /// - Parameter refusal: For how long no more than that is wanted of that agent.
    public func launchTasks(
        _ tasks: [TaskInfo], on offers: [Offer], refusing refusal: Duration = OfferFilters.defaultRefusal
    ) {
        self.accept(offers, [.launch(tasks.map { .task($0) })], refusing: refusal)
    }

    /// Launches one task on an offer; what it leaves is declined.
    public func launchTask(
        _ task: TaskInfo, on offer: Offer, refusing refusal: Duration = OfferFilters.defaultRefusal
    ) {
        self.launchTasks([task], on: [offer], refusing: refusal)
    }

    /// Launches tasks that start all or none, in one executor.
    public func launchTaskGroup(
        _ tasks: [TaskInfo], in executor: ExecutorInfo, on offers: [Offer],
        refusing refusal: Duration = OfferFilters.defaultRefusal
    ) {
        self.accept(offers, [.launchGroup(executor: executor, tasks.map { .task($0) })], refusing: refusal)
    }

    /// Carries out operations on offers of one agent and one role; what they leave is declined.
    public func accept(
        _ offers: [Offer], _ operations: [SchedulerCall.Operation],
        refusing refusal: Duration = OfferFilters.defaultRefusal
    ) {
        self.call(
            .accept(
                .init(offerIDs: offers.map(\.id), operations: operations, filters: OfferFilters(refuse: refusal))))
    }

    /// Gives offers back.
    ///
    /// - Parameter refusal: For how long that much, or less, of that agent is not wanted. Zero: offer it again at once.
    public func declineOffers(_ offers: [Offer], for refusal: Duration = OfferFilters.defaultRefusal) {
        self.call(.decline(offers.map(\.id), OfferFilters(refuse: refusal)))
    }

    /// Wants offers again: what was declined, too.
    ///
    /// - Parameter roles: Empty: all.
    public func reviveOffers(roles: [String] = []) { self.call(.revive(roles: roles)) }

    /// Wants no offers until `reviveOffers`.
    ///
    /// - Parameter roles: Empty: all.
    public func suppressOffers(roles: [String] = []) { self.call(.suppress(roles: roles)) }

    /// Asks the cluster for resources: a wish, which its policy may heed.
    public func requestResources(_ requests: [SchedulerCall.ResourceRequest]) { self.call(.request(requests)) }

    /// Kills a task.
    ///
    /// Said again to each new master until the task is over.
    ///
    /// - Parameters:
    ///   - agent: Where it runs, if it was launched by an earlier scheduler.
    ///   - grace: How long it may take to end; nil: as its `killGracePeriod` says.
    public func killTask(_ task: TaskID, on agent: AgentID? = nil, grace: Duration? = nil) {
        self.call(.kill(task, agent, grace: grace))
    }

    /// Ends an executor with its tasks.
    public func shutdownExecutor(_ executor: ExecutorID, on agent: AgentID) {
        self.call(.shutdownExecutor(executor, agent))
    }

    /// Acknowledges a status, and those of its task before it.
    ///
    /// Only with `Options.acknowledgesExplicitly`.
    public func acknowledge(_ status: TaskStatus) { self.call(.acknowledge(status)) }

    /// Asks for the states of tasks; they come as status updates.
    ///
    /// The driver asks by itself after each registration.
    ///
    /// - Parameter tasks: Empty: all that the master knows.
    public func reconcileTasks(_ tasks: [SchedulerCall.ReconcileTask] = []) { self.call(.reconcile(tasks)) }

    /// Says something to an executor.
    ///
    /// Sent once; may be lost.
    public func sendFrameworkMessage(_ data: Bytes, to executor: ExecutorID, on agent: AgentID) {
        self.call(.message(agent, executor, data))
    }

    /// Replaces what the framework says of itself.
    public func updateFramework(_ framework: FrameworkInfo) { self.call(.updateFramework(framework)) }

    /// Will leave what these ask for.
    public func acceptInverseOffers(_ offers: [OfferID]) { self.call(.acceptInverseOffers(offers)) }

    /// Cannot leave what these ask for.
    public func declineInverseOffers(_ offers: [OfferID]) { self.call(.declineInverseOffers(offers)) }
}
