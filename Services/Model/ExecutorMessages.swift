/// What an executor sends to its agent: `meseta.v1.executor.Call`.
public struct ExecutorCall: Hashable, Sendable {
    /// The framework that the executor works for.
    public var frameworkID: FrameworkID
    /// The executor that speaks.
    public var executorID: ExecutorID
    /// What it has to say.
    public var kind: Kind

    /// What it says.
    public enum Kind: Hashable, Sendable {
        /// Registers, or again after the agent restarted, with what the agent has not acknowledged.
        case subscribe(unacknowledgedTasks: [TaskID], unacknowledgedUpdates: [TaskStatus])
        case update(TaskStatus)
        case message(Bytes)
        case heartbeat
        /// A type this version does not know; answered with an error.
        case unsupported(String)
    }

    /// With everything given.
    public init(frameworkID: FrameworkID, executorID: ExecutorID, _ kind: Kind) {
        self.frameworkID = frameworkID
        self.executorID = executorID
        self.kind = kind
    }
}

/// What an executor receives from its agent: `meseta.v1.executor.Event`.
public enum ExecutorEvent: Hashable, Sendable {
    case subscribed(ExecutorInfo, FrameworkInfo, AgentID, hostname: String)
    indirect case launch(TaskInfo)
    case launchGroup([TaskInfo])
    case kill(TaskID, grace: Duration?)
    /// The agent has logged this update; the executor may forget it.
    case acknowledged(TaskID, uuid: Bytes)
    case message(Bytes)
    case shutdown
    case error(String)
    case heartbeat
}
