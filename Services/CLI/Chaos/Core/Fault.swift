/// What can be done to a process of a cluster.
public enum FaultKind: String, CaseIterable, Codable, Hashable, Sendable {
    /// `kill -9`; started again when the fault ends.
    case kill
    /// SIGSTOP; SIGCONT when the fault ends.
    case freeze
    /// Neither sends nor receives a packet, and no connection of it is closed.
    case partition
    /// The file system that an agent works in has no room.
    case fullDisk = "full-disk"
    /// Every byte comes later.
    case latency
    /// Few bytes come a second.
    case bandwidth
    /// The end of a connection comes later than its last byte.
    case slowClose = "slow-close"
    /// Nothing comes, and connections are closed after a time.
    case timeout
    /// Connections are reset.
    case resetPeer = "reset-peer"
    /// Bytes come in small pieces.
    case slicer
    /// Connections are closed after so many bytes.
    case limitData = "limit-data"

    /// Whether a proxy in front of the target does it.
    public var isToxic: Bool {
        switch self {
        case .kill, .freeze, .partition, .fullDisk: false
        case .latency, .bandwidth, .slowClose, .timeout, .resetPeer, .slicer, .limitData: true
        }
    }

    /// Which roles it can be done to.
    public var roles: Set<ChaosRole> {
        switch self {
        case .kill, .freeze: Set(ChaosRole.allCases)
        case .partition: [.master, .allocator, .relay, .agent, .zooKeeper]
        case .fullDisk: [.agent]
        case .latency, .bandwidth, .slowClose, .timeout, .resetPeer, .slicer, .limitData: [.master, .relay, .zooKeeper]
        }
    }

    /// How long one lasts, if nothing else is said; a length is drawn from it.
    public var lengths: ClosedRange<Duration> {
        switch self {
        case .kill: .milliseconds(100)...(.seconds(3))
        case .freeze: .milliseconds(500)...(.seconds(8))
        case .partition: .seconds(1)...(.seconds(8))
        case .fullDisk: .seconds(1)...(.seconds(5))
        case .latency, .bandwidth, .slowClose, .timeout, .resetPeer, .slicer, .limitData: .seconds(1)...(.seconds(6))
        }
    }
}

/// What a process that faults are done to is.
public enum ChaosRole: String, CaseIterable, Codable, Hashable, Sendable {
    case master, allocator, relay, agent
    case zooKeeper = "zookeeper"
    /// A scheduler of the checking workload.
    case framework
}

/// A process that faults are done to.
public struct ChaosTarget: Hashable, Sendable, CustomStringConvertible {
    /// What it is.
    public var role: ChaosRole
    /// From 1.
    public var number: Int

    /// The process of that role with that number.
    public init(_ role: ChaosRole, _ number: Int) { (self.role, self.number) = (role, number) }

    /// Reads `relay-2`; nil if it is no such name.
    public init?(_ name: String) {
        guard let dash = name.lastIndex(of: "-"), let role = ChaosRole(rawValue: String(name[..<dash])),
            let number = Int(name[name.index(after: dash)...]), number > 0
        else { return nil }
        self.init(role, number)
    }

    /// As in `relay-2`.
    public var description: String { "\(self.role.rawValue)-\(self.number)" }
}

/// One fault of a run.
public struct Fault: Hashable, Sendable {
    /// When it begins, from the start of the run.
    public var start: Duration
    /// How long it lasts.
    public var length: Duration
    /// What is done.
    public var kind: FaultKind
    /// To whom.
    public var target: ChaosTarget

    /// A fault with all that belongs to it.
    public init(at start: Duration, for length: Duration, _ kind: FaultKind, _ target: ChaosTarget) {
        (self.start, self.length, self.kind, self.target) = (start, length, kind, target)
    }

    /// When it is over.
    public var end: Duration { self.start + self.length }
}
