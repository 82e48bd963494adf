/// What a process is to the cluster; raw values are those of `meseta.wire.PeerRole`.
public enum PeerRole: UInt32, Hashable, Sendable, CaseIterable {
    case master = 1
    case allocator = 2
    case relay = 3
    case agent = 4
    case scheduler = 5
    case executor = 6
    case `operator` = 7
}

/// The caller's first frame.
public struct Hello: Hashable, Sendable {
    /// The version of handshake and links that this code speaks.
    public static let currentProtocol: UInt32 = 1

    public var version: UInt32 = Self.currentProtocol
    public var role: PeerRole
    public var name: String
    public var nonce: Bytes = []
    /// The highest epoch the caller has seen.
    public var epoch: Epoch = .none
    /// It promises a frame at least every heartbeat interval.
    public var sendsHeartbeats: Bool = true
    /// Relays: where agents and schedulers reach it.
    public var address: String = ""
    /// Random, drawn at process start.
    public var incarnation: Bytes = []
    public var frameworkID: FrameworkID?
    /// Schedulers at a relay. Executors use its token alone.
    public var subscription: Subscription?
    public var executorID: ExecutorID?
    /// Allocators: be told everything, propose nothing.
    public var isShadow: Bool = false

    public init(role: PeerRole, name: String) {
        self.role = role
        self.name = name
    }
}

/// The called side's consent.
public struct Welcome: Hashable, Sendable {
    public var version: UInt32 = Hello.currentProtocol
    public var role: PeerRole
    public var name: String
    public var epoch: Epoch = .none
    public var incarnation: Bytes = []
    public var heartbeatInterval: Duration = .seconds(15)
    public var maxFrameBytes: Int = 16 << 20
    public var relays: [String] = []
    /// The leader first.
    public var masters: [String] = []

    public init(role: PeerRole, name: String) {
        self.role = role
        self.name = name
    }
}

/// Why a connection is refused or ended.
public struct Refusal: Error, Hashable, Sendable, CustomStringConvertible {
    public var code: Code
    /// For people: what was wrong and what to do.
    public var message: String
    /// host:port of the leading master, if known.
    public var leader: String?
    public var epoch: Epoch = .none

    /// Raw values are those of `meseta.wire.RefusalCode`.
    public enum Code: UInt32, Hashable, Sendable {
        case unknown = 0
        case protocolVersion = 1
        case credentials = 2
        case notLeader = 3
        case role = 4
        case stale = 5
        case full = 6
        case malformed = 7
        case unknownPeer = 8
        case tooSlow = 9
        case shuttingDown = 10
    }

    public var description: String { self.message.isEmpty ? "\(self.code)" : self.message }

    public init(_ code: Code, _ message: String, leader: String? = nil, epoch: Epoch = .none) {
        self.code = code
        self.message = message
        self.leader = leader
        self.epoch = epoch
    }
}
