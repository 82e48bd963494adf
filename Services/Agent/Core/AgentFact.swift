public import Model

/// What an agent wants seen: the host makes each a line in its log and a metric.
public enum AgentFact: Hashable, Sendable {
    case recovered(starts: UInt64, tasks: Int, executors: Int)
    /// It shares out something else than in its last life.
    case reconfigured(from: AgentConfiguration, to: AgentConfiguration)
    /// A container of an earlier life that no record explains was destroyed.
    case orphanDestroyed(RunID)
    case attached(relay: String, Attachment)
    case detached
    case registered(AgentID, Epoch)
    case refused(message: String)
    /// The relay sent it elsewhere.
    case movedOn(message: String)
    case orderIgnored(reason: String)
    /// An operator's wish is on disk.
    case modeSet(AgentMode)
    case taskAccepted(TaskKey)
    /// It did not run here, and its scheduler is told.
    case taskRefused(TaskKey, TaskState, message: String)
    /// A status was made or taken from an executor.
    case statusMade(TaskKey, TaskState, message: String)
    /// Whether or not that changes anything.
    case healthCheckFailed(TaskKey, String)
    /// Unacknowledged statuses were sent again.
    case statusesResent(Int)
    /// Terminal and acknowledged.
    case taskRemoved(TaskKey)
    case executorLaunched(ExecutorKey)
    case executorSubscribed(ExecutorKey)
    case executorRefused(reason: String)
    case executorAway(ExecutorKey)
    /// It has had nothing to run for so long that it is shut down.
    case executorIdle(ExecutorKey)
    /// It did not end a task that has to go: it is ended itself.
    case executorDefied(TaskKey, reason: String)
    case executorExited(ExecutorKey, message: String)
    /// The limits of its container could not be changed: it is destroyed.
    case containerUpdateFailed(ExecutorKey, reason: String)
    /// An executor sent an update that cannot be taken; it is acknowledged and forgotten.
    case updateDropped(TaskKey, reason: String)
    case messageDropped(ExecutorKey)
}
