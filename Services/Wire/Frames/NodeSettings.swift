public import Model

/// How a process speaks with the others of its cluster.
public struct NodeSettings: Sendable {
    /// What this process is.
    public var role: PeerRole

    /// Its name in logs and listings; unique among the processes of one role.
    public var name: String

    /// What the cluster shares; nil for none.
    ///
    /// Then only loopback addresses are listened on, unless `isInsecure`.
    public var secret: Secret?

    /// Listen beyond loopback without a secret: whoever reaches the port may use the cluster.
    ///
    /// Default false.
    public var isInsecure = false

    /// The longest frame that a service may send here.
    ///
    /// Bytes; default 16 MiB.
    ///
    /// Must be above `maxEntryFrameBytes`, since what enters there is carried between services within other messages.
    public var maxFrameBytes = 16 << 20

    /// The longest frame that an executor, a scheduler or an operator may send here.
    ///
    /// Bytes; default 8 MiB.
    public var maxEntryFrameBytes = 8 << 20

    /// The longest frame before a peer has proved who it is.
    ///
    /// Bytes; 4 KiB, as `handshake.proto` says.
    public var maxHandshakeFrameBytes = 4 << 10

    /// How long a peer may take over the handshake.
    ///
    /// Default 5 s.
    public var handshakeTimeout: Duration = .seconds(5)

    /// How long connecting may take before the next address is tried.
    ///
    /// Default 2 s.
    public var connectTimeout: Duration = .seconds(2)

    /// A called side sends a frame at least this often, an empty one if there is nothing to say, and so do its callers, whom it tells.
    ///
    /// Default 15 s.
    public var heartbeatInterval: Duration = .seconds(15)

    /// Instead, to and from callers of these roles.
    ///
    /// The longest is at most half of `silenceLimit`. For many callers that seldom say anything, and that notice a machine which is gone
    /// by their own frames, which TCP must acknowledge: what is left is a process that stands still. Default: none.
    public var heartbeatIntervals: [PeerRole: Duration] = [:]

    /// How long a caller that promised heartbeats may be silent before it counts as dead.
    ///
    /// Default 45 s: three of its intervals, or two of those in `heartbeatIntervals`. A called side is given three of the intervals that
    /// its welcome states.
    public var silenceLimit: Duration = .seconds(45)

    /// How much may wait to be sent to one peer before it is given up as too slow.
    ///
    /// Bytes; default 64 MiB.
    public var queueLimitBytes = 64 << 20

    /// The most connections accepted at one time; more are refused as `full`.
    ///
    /// Default 16,384; daemons accept as many as they may open files, less some for everything else.
    public var maxConnections = 16_384

    /// The shortest wait between two rounds of dialling; doubles up to `backoffMax`.
    ///
    /// Default 50 ms.
    public var backoffMin: Duration = .milliseconds(50)

    /// The longest wait between two rounds of dialling.
    ///
    /// Default 2 s.
    public var backoffMax: Duration = .seconds(2)

    /// The wait after a refusal that waiting does not cure: wrong credentials, no common version.
    ///
    /// Default 5 s.
    public var credentialsBackoff: Duration = .seconds(5)

    /// The IP address that connections are made from.
    ///
    /// Every address has ports of its own, some 28,000 for each that is dialled, so many connections to few peers want
    /// several. Default nil: as the kernel chooses.
    public var sourceAddress: String?

    /// Callers that show the token of their hello instead of proving the secret; `admit` checks it.
    ///
    /// Default: executors, which run the users' code and are never told the secret.
    public var tokenRoles: Set<PeerRole> = [.executor]

    /// Random, drawn at process start: tells a restart from a reconnect.
    public var incarnation: Bytes = Secret.nonce()

    /// Settings with every default.
    public init(role: PeerRole, name: String, secret: Secret? = nil) {
        self.role = role
        self.name = name
        self.secret = secret
    }

    /// Refuses what would let strangers in.
    ///
    /// - Throws: `unprotected` if the host is beyond loopback, there is no secret, and nobody said that this is meant.
    public func checkProtection(host: String) throws(ListenProblem) {
        if self.secret != nil || self.isInsecure { return }
        guard let address = try Node.resolve(host: host, port: 0), Node.isLoopback(address) else {
            throw .unprotected(host: host)
        }
    }

    /// How often a caller of that role hears something.
    func heartbeatInterval(for role: PeerRole) -> Duration {
        self.heartbeatIntervals[role] ?? self.heartbeatInterval
    }

    /// The longest frame that a peer of that role may send here.
    func frameLimit(for role: PeerRole) -> Int {
        switch role {
        case .scheduler, .executor, .operator: self.maxEntryFrameBytes
        case .master, .allocator, .relay, .agent: self.maxFrameBytes
        }
    }
}

/// Why listening failed.
public enum ListenProblem: Error, Hashable, Sendable, CustomStringConvertible {
    /// Not loopback, no secret, and nobody said that this is meant.
    case unprotected(host: String)
    /// No such address here, or the port is taken.
    case unavailable(host: String, port: Int, reason: String)

    /// For people: what is wrong and what to do.
    public var description: String {
        switch self {
        case .unprotected(let host):
            "refusing to listen on \(host) without a shared secret: give every process --secret-file FILE, "
                + "or --insecure if whoever reaches this port may use the cluster"
        case .unavailable(let host, let port, let reason):
            "cannot listen on \(host):\(port): \(reason)"
        }
    }
}
