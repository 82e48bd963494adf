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

/// What was added to the protocol that the other side of a link has to know of, because it must do without where it is missing.
///
/// Most additions need no number: who does not know a field skips it. Both sides say theirs, so that processes of different
/// versions work together while a cluster is upgraded.
public enum ProtocolRevision {
    /// Neither of the following.
    public static let first: UInt32 = 0
    /// Agents say where they begin to send statuses again (`AgentToRelay.resending`), and relays whose scheduler a status that
    /// passes the master is meant for (`RelayToMaster.status`).
    public static let ordered: UInt32 = 1
    /// Agents register anew when a master asks (`AgentOrder.restate`), and relays pass that on.
    ///
    /// The epoch that an agent shows is on its disk.
    public static let restating: UInt32 = 2
    /// Agents wait 30 s for an acknowledgement before they send a status again.
    ///
    /// Earlier ones do for 10 s.
    public static let patient: UInt32 = 3
    /// What this code knows.
    public static let current = Self.patient
}

/// The caller's first frame.
public struct Hello: Hashable, Sendable {
    /// The latest version of handshake and links that this code speaks.
    public static let currentProtocol: UInt32 = 1
    /// The earliest that it speaks.
    public static let oldestProtocol: UInt32 = 1

    /// The latest version that the caller speaks; default the current one.
    public var version: UInt32 = Self.currentProtocol
    /// What it knows of what was added to that version; see `ProtocolRevision`.
    public var revision: UInt32 = ProtocolRevision.current
    /// What the caller is; together with the called side's role it decides the messages of the link.
    public var role: PeerRole
    /// For logs, listings and rendezvous hashing; unique among peers of one role.
    public var name: String
    /// 16 random bytes, which the called side proves itself with; may be empty where there is no secret.
    public var nonce: Bytes = []
    /// The highest epoch the caller has seen.
    public var epoch: Epoch = .none
    /// It promises a frame at least every heartbeat interval.
    public var sendsHeartbeats: Bool = true
    /// Relays: where agents and schedulers reach it.
    public var address: String = ""
    /// Random, drawn at process start.
    public var incarnation: Bytes = []
    /// The framework of a scheduler at a relay, or of an executor at an agent.
    public var frameworkID: FrameworkID?
    /// Schedulers at a relay.
    ///
    /// Executors use its token alone.
    public var subscription: Subscription?
    /// The executor that calls; executors only.
    public var executorID: ExecutorID?
    /// Allocators: be told everything, propose nothing.
    public var isShadow: Bool = false
    /// Operators: speak to this very master, whether it leads or stands by.
    public var acceptsStandby: Bool = false

    /// A caller that has seen no leader and promises heartbeats.
    public init(role: PeerRole, name: String) {
        self.role = role
        self.name = name
    }
}

/// The called side's consent.
public struct Welcome: Hashable, Sendable {
    /// The version that both sides speak from here on.
    public var version: UInt32 = Hello.currentProtocol
    /// What the called side knows of what was added to that version; see `ProtocolRevision`.
    public var revision: UInt32 = ProtocolRevision.current
    /// What the called side is.
    public var role: PeerRole
    /// The called side's name, for logs.
    public var name: String
    /// Of the leadership that the called side holds or obeys; `none` if there was none yet.
    public var epoch: Epoch = .none
    /// Random, drawn at the called side's start: tells a restart from a reconnect.
    public var incarnation: Bytes = []
    /// A frame comes at least this often from the called side; default 15 s.
    public var heartbeatInterval: Duration = .seconds(15)
    /// Longer frames are refused and end the connection; default 16 MiB.
    public var maxFrameBytes: Int = 16 << 20
    /// Addresses (host:port) of relays, as far as known.
    public var relays: [String] = []
    /// The leader first.
    public var masters: [String] = []

    /// A called side that knows no leader, no relays and no masters yet.
    public init(role: PeerRole, name: String) {
        self.role = role
        self.name = name
    }
}

/// Why a connection is refused or ended.
public struct Refusal: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of refusal it is, for the caller to decide by whether to try again.
    public var code: Code
    /// For people: what was wrong and what to do.
    public var message: String
    /// host:port of the leading master, if known.
    public var leader: String?
    /// The highest that the refusing side has seen; `none` if there was none.
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

    /// The message, or the code's name if there is none.
    public var description: String { self.message.isEmpty ? "\(self.code)" : self.message }

    /// A reason for programs and one for people.
    public init(_ code: Code, _ message: String, leader: String? = nil, epoch: Epoch = .none) {
        self.code = code
        self.message = message
        self.leader = leader
        self.epoch = epoch
    }
}
