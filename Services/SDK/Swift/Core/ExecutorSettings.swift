public import Model

/// What an executor's driver can be told, with what it does when it is not.
public struct ExecutorSettings: Hashable, Sendable {
    /// Whose executor it is, as its agent told it when it started it.
    public var frameworkID: FrameworkID

    /// Which of the framework's executors on that agent it is.
    public var executorID: ExecutorID

    /// How long its tasks run on without their agent, which may be restarting.
    ///
    /// Minutes. Longer survives longer upgrades of the agent; shorter frees a machine whose agent is gone for good sooner.
    /// Default 15 min, as in Mesos.
    public var recoveryTimeout: Duration = .seconds(15 * 60)

    /// Between the order to shut down and the end, unless `ExecutorInfo.shutdownGracePeriod` says otherwise.
    ///
    /// Default 5 s.
    public var shutdownGracePeriod: Duration = .seconds(5)

    /// How long the driver waits at the end for the agent to acknowledge the last updates.
    ///
    /// The agent does so as soon as they are on its disk: milliseconds. Default 5 s.
    public var flushTimeout: Duration = .seconds(5)

    /// Defaults for everything but the names.
    public init(frameworkID: FrameworkID, executorID: ExecutorID) {
        self.frameworkID = frameworkID
        self.executorID = executorID
    }
}
