public import Model

/// The half of a framework that runs tasks on an agent: one process for as many tasks as the scheduler gives it.
///
/// Callbacks come one at a time, in order: a task that takes time belongs in a thread, a process or a `Task` of its own.
public protocol Executor: Sendable {
    /// Starts a task. Report `.running` when it does, and later how it ended.
    func launchTask(_ driver: ExecutorDriver, _ task: TaskInfo) async

    /// Ends a task, and reports `.killed`. Nothing else kills it.
    ///
    /// - Parameter grace: How long the task may take; nil: as its `killGracePeriod` says.
    func killTask(_ driver: ExecutorDriver, _ task: TaskID, grace: Duration?) async

    /// Starts all the tasks of a group, or none.
    func launchTaskGroup(_ driver: ExecutorDriver, _ tasks: [TaskInfo]) async

    /// The agent knows this executor.
    func registered(
        _ driver: ExecutorDriver, _ executor: ExecutorInfo, framework: FrameworkInfo, agent: AgentID,
        hostname: String) async

    /// The agent was restarted, and found. What it had not stored is told again by the driver.
    func reregistered(_ driver: ExecutorDriver, _ agent: AgentID) async

    /// The agent is away. Tasks run on.
    func disconnected(_ driver: ExecutorDriver) async

    /// The scheduler said something. May have been lost instead.
    func frameworkMessage(_ driver: ExecutorDriver, _ data: Bytes) async

    /// Ends all tasks, and reports about them. `run` returns afterwards; the agent kills what does not end in time.
    func shutdown(_ driver: ExecutorDriver) async

    /// The agent says that something is wrong: `run` throws next.
    func error(_ driver: ExecutorDriver, _ message: String) async
}

extension Executor {
    /// Launches one after the other.
    public func launchTaskGroup(_ driver: ExecutorDriver, _ tasks: [TaskInfo]) async {
        for task in tasks { await self.launchTask(driver, task) }
    }
    /// Does nothing.
    public func registered(
        _ driver: ExecutorDriver, _ executor: ExecutorInfo, framework: FrameworkInfo, agent: AgentID, hostname: String
    ) async {}
    /// Does nothing.
    public func reregistered(_ driver: ExecutorDriver, _ agent: AgentID) async {}
    /// Does nothing.
    public func disconnected(_ driver: ExecutorDriver) async {}
    /// Does nothing.
    public func frameworkMessage(_ driver: ExecutorDriver, _ data: Bytes) async {}
    /// Does nothing: the tasks end with the process.
    public func shutdown(_ driver: ExecutorDriver) async {}
    /// Does nothing: the driver logs it.
    public func error(_ driver: ExecutorDriver, _ message: String) async {}
}
