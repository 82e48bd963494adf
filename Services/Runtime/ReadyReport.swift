/// The one line that a daemon prints when it is ready, for whoever started it.
///
///     READY {"role":"master","name":"a:5050","pid":1,"address":"127.0.0.1:5050","side":"127.0.0.1:5060"}
///
/// Ready means that it listens, not that it has found its peers: `/readyz` tells that. Ports are the ones bound.
public struct ReadyReport: Hashable, Sendable {
    /// What the process is: `master`.
    public var role: String
    /// Its name in logs and listings.
    public var name: String
    /// Its number in the operating system.
    public var pid: Int
    /// Where others reach it; empty if it does not listen.
    public var address: String
    /// Where its side port is.
    public var side: String

    /// A report of those facts.
    public init(role: String, name: String, pid: Int, address: String, side: String) {
        self.role = role
        self.name = name
        self.pid = pid
        self.address = address
        self.side = side
    }

    /// What every line begins with.
    public static let prefix = "READY "

    /// The line, without its end.
    public var line: String {
        Self.prefix
            + "{\"role\":\(JSONText.quoted(self.role)),\"name\":\(JSONText.quoted(self.name)),\"pid\":\(self.pid)"
            + ",\"address\":\(JSONText.quoted(self.address)),\"side\":\(JSONText.quoted(self.side))}"
    }
}
