/// The keys of the facts in a log line; values carry the unit that the key names.
public enum LogKey {
    /// Host and port of a connection's other side, or of a listener.
    public static let address = "address"
    /// An agent.
    public static let agentID = "agent_id"
    /// Which life of an agent.
    public static let attachment = "attachment"
    /// How often something has happened.
    public static let count = "count"
    /// What a role ordered; at trace.
    public static let effect = "effect"
    /// Which leadership.
    public static let epoch = "epoch"
    /// What went wrong, as the system says it.
    public static let error = "error"
    /// What a role was told; at trace.
    public static let event = "event"
    /// An executor.
    public static let executorID = "executor_id"
    /// A framework.
    public static let frameworkID = "framework_id"
    /// Which life of a process.
    public static let incarnation = "incarnation"
    /// Milliseconds that something took.
    public static let milliseconds = "ms"
    /// The name of a process.
    public static let name = "name"
    /// An offer.
    public static let offerID = "offer_id"
    /// A file or directory.
    public static let path = "path"
    /// What the other side of a connection calls itself.
    public static let peer = "peer"
    /// What the other side of a connection is.
    public static let peerRole = "peer_role"
    /// A process of the operating system.
    public static let pid = "pid"
    /// A TCP port.
    public static let port = "port"
    /// The way in which a cluster is shared.
    public static let policy = "policy"
    /// Why, for people.
    public static let reason = "reason"
    /// What a process is to the cluster.
    public static let role = "role"
    /// The host and port of the side port.
    public static let side = "side"
    /// A signal's name.
    public static let signal = "signal"
    /// For how long nothing was heard.
    public static let silence = "silence"
    /// A task's state.
    public static let state = "state"
    /// Which scheduler a framework obeys.
    public static let subscription = "subscription"
    /// A task.
    public static let taskID = "task_id"
    /// A version of the programs.
    public static let version = "version"
}
