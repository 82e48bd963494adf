public import Model

/// One member's view of a group of ephemeral sequential nodes, and its part in electing the group's leader.
///
/// The member with the lowest sequence leads, once it has raised the persistent epoch by compare-and-set while its node
/// exists. Without a candidate of its own it only watches: that is how relays and allocators detect the master.
///
/// Safety does not rest on time: a leader whose connection is merely down goes on; it steps down when its session has
/// expired, its node is gone, or somebody shows a higher epoch, and whoever obeys it checks the epoch anyway.
public struct ElectionState: Role {
    /// What the coordination service and the neighbours tell.
    public enum Event: Hashable, Sendable {
        /// A session is usable: the first, or a new one after expiry.
        case sessionOpened
        /// The session and its ephemeral nodes are gone.
        case sessionExpired
        /// The group's nodes, in no order.
        case membersListed([String])
        /// The watch on the group fired: list it again.
        case membersChanged
        /// What a node holds; nil if it is gone or unreadable.
        case memberRead(String, MemberInfo?)
        /// Our node was made.
        case joined(String)
        /// Making our node failed, or may have: whether it exists is looked up, never assumed.
        case joinUncertain
        /// The epoch node's value and version; `none`: the service remembers no leader.
        case epochRead(Epoch, version: Int32)
        case epochRaised(Epoch)
        /// Somebody else raised it first, or our node is gone.
        case epochRaiseFailed
        /// A request failed with the connection; the service is asked again.
        case requestFailed
        /// A peer knows a leadership above ours.
        case higherEpochSeen(Epoch)
        /// A neighbour saw this incarnation die: its connection was reset and then refused, or somebody else answered.
        case deathWitnessed(incarnation: Bytes)
        case retryTimerFired
        /// The process ends.
        case resigned
    }

    /// What is asked of the coordination service, and told to the role.
    public enum Effect: Hashable, Sendable {
        case list
        case join(nodePrefix: String, MemberInfo)
        case read(String)
        case readEpoch
        /// One `multi`: our node exists, and the epoch node at that version takes the value.
        case raiseEpoch(to: Epoch, version: Int32, whileExists: String)
        case delete(String)
        case startRetryTimer(after: Duration)
        case openSession
        /// We lead.
        case lead(Epoch)
        /// We do not lead any more.
        case stepDown(reason: String)
        /// Who leads, as far as known. Also told to the leader itself.
        case leaderChanged(MemberInfo?)
        /// The group, by sequence; told after each change.
        case membersChanged([MemberInfo])
    }

    private enum Session {
        /// No session. Leaves for `open` when one is there.
        case none
        /// Leaves for `none` when it expires.
        case open
    }

    private enum Candidacy {
        /// No node of ours. Leaves for `joining` when the list shows none.
        case out
        /// Asked for. Leaves for `member` when made, for `out` when that is uncertain (the list tells).
        case joining
        /// One of several. Leaves for `raising` when it comes first, for `out` when it is gone.
        case member(String)
        /// First; the epoch is being raised. Leaves for `leading`, or for `out` if it fails because our node is gone.
        case raising(String)
        /// Leaves for `out` when the node is gone or somebody shows a higher epoch: one node leads at most once.
        case leading(String, Epoch)
    }

    private let candidate: MemberInfo?
    private let guid: String
    private let electsLeader: Bool
    /// How often a node of ours was given up; part of the next node's name, so that a list never confuses them.
    private var attempt = 0
    private var session = Session.none
    private var candidacy = Candidacy.out
    private var members: [String] = []
    private var known: [String: MemberInfo] = [:]
    private var leader: MemberInfo?
    private var announced: [MemberInfo] = []
    private var highestEpochSeen = Epoch.none
    private var hasResigned = false

    private static let retryInterval = Duration.milliseconds(200)

    /// A member of a group.
    ///
    /// - Parameters:
    ///   - candidate: What our node says; nil to watch only.
    ///   - guid: Unique to this process; recognises our own node after an uncertain creation.
    ///   - electsLeader: Whether the first member leads and raises the epoch. False for plain lists.
    public init(candidate: MemberInfo?, guid: String, electsLeader: Bool) {
        self.candidate = candidate
        self.guid = guid
        self.electsLeader = electsLeader
    }

    /// Takes what happened and appends what to do about it.
    public mutating func handle(_ event: Event, at now: Instant, into effects: inout [Effect]) {
        switch event {
        case .sessionOpened: self.sessionOpened(into: &effects)
        case .sessionExpired: self.sessionExpired(into: &effects)
        case .membersChanged: if self.isOpen { effects.append(.list) }
        case .membersListed(let names): self.membersListed(names, into: &effects)
        case .memberRead(let name, let info): self.memberRead(name, info, into: &effects)
        case .joined(let name): self.joined(name, into: &effects)
        case .joinUncertain: self.joinUncertain(into: &effects)
        case .epochRead(let epoch, let version): self.epochRead(epoch, version: version, at: now, into: &effects)
        case .epochRaised(let epoch): self.epochRaised(epoch, into: &effects)
        case .epochRaiseFailed, .requestFailed: self.requestFailed(into: &effects)
        case .higherEpochSeen(let epoch): self.higherEpochSeen(epoch, into: &effects)
        case .deathWitnessed(let incarnation): self.deathWitnessed(incarnation, into: &effects)
        case .retryTimerFired: if self.isOpen { effects.append(.list) }
        case .resigned: self.resigned(into: &effects)
        }
    }

    private var isOpen: Bool {
        if case .open = self.session { true } else { false }
    }

    private var prefix: String { "m_\(self.guid)-\(self.attempt)_" }

    private mutating func sessionOpened(into effects: inout [Effect]) {
        self.session = .open
        effects.append(.list)
    }

    private mutating func sessionExpired(into effects: inout [Effect]) {
        self.session = .none
        self.leaveOffice(reason: "the ZooKeeper session expired", into: &effects)
        self.members = []
        if !self.hasResigned { effects.append(.openSession) }
    }

    /// Lists are the one source of truth: each is compared with where we think we stand.
    private mutating func membersListed(_ names: [String], into effects: inout [Effect]) {
        guard self.isOpen else { return }
        self.members = names.filter { Self.sequence(of: $0) != nil }
            .sorted { (Self.sequence(of: $0) ?? 0, $0) < (Self.sequence(of: $1) ?? 0, $1) }
        self.known = self.known.filter { self.members.contains($0.key) }
        for name in self.members where self.known[name] == nil { effects.append(.read(name)) }
        // One that we gave up, and whose deletion was lost, would stand before all others for as long as our session lasts.
        for name in self.members where name.hasPrefix("m_\(self.guid)-") && !name.hasPrefix(self.prefix) {
            effects.append(.delete(name))
        }
        self.stand(into: &effects)
        self.announce(into: &effects)
    }

    /// Moves the candidacy on after a list.
    private mutating func stand(into effects: inout [Effect]) {
        guard let candidate = self.candidate, !self.hasResigned else { return }
        switch self.candidacy {
        case .out:
            if let own = self.members.first(where: { $0.hasPrefix(self.prefix) }) {
                self.candidacy = .member(own)
                self.stand(into: &effects)
            } else {
                self.candidacy = .joining
                effects.append(.join(nodePrefix: self.prefix, candidate))
            }
        case .joining:
            break
        case .member(let own):
            if !self.members.contains(own) {
                self.leaveOffice(reason: "our node is gone", into: &effects)
                self.stand(into: &effects)
            } else if self.electsLeader, self.members.first == own {
                self.candidacy = .raising(own)
                effects.append(.readEpoch)
            }
        case .raising(let own), .leading(let own, _):
            if !self.members.contains(own) {
                self.leaveOffice(reason: "our node was deleted", into: &effects)
                self.stand(into: &effects)
            }
        }
    }

    private mutating func joined(_ name: String, into effects: inout [Effect]) {
        guard self.isOpen, case .joining = self.candidacy else { return }
        self.candidacy = .member(name)
        effects.append(.list)
    }

    private mutating func joinUncertain(into effects: inout [Effect]) {
        guard case .joining = self.candidacy else { return }
        self.candidacy = .out
        effects.append(.startRetryTimer(after: Self.retryInterval))
    }

    private mutating func epochRead(_ epoch: Epoch, version: Int32, at now: Instant, into effects: inout [Effect]) {
        guard self.isOpen, case .raising(let own) = self.candidacy else { return }
        // A service that lost its data looks like a new one. The epochs that it gave are not all known here.
        let last = epoch == .none ? Epoch.origin(at: now) : epoch
        let next = Epoch(max(last, self.highestEpochSeen).value + 1)
        effects.append(.raiseEpoch(to: next, version: version, whileExists: own))
    }

    private mutating func epochRaised(_ epoch: Epoch, into effects: inout [Effect]) {
        guard self.isOpen, case .raising(let own) = self.candidacy else { return }
        self.candidacy = .leading(own, epoch)
        self.highestEpochSeen = max(self.highestEpochSeen, epoch)
        effects.append(.lead(epoch))
        self.announce(into: &effects)
    }

    private mutating func requestFailed(into effects: inout [Effect]) {
        if case .raising(let own) = self.candidacy { self.candidacy = .member(own) }
        effects.append(.startRetryTimer(after: Self.retryInterval))
    }

    private mutating func higherEpochSeen(_ epoch: Epoch, into effects: inout [Effect]) {
        self.highestEpochSeen = max(self.highestEpochSeen, epoch)
        guard case .leading(let own, let ours) = self.candidacy, epoch > ours else { return }
        effects.append(.delete(own))
        self.leaveOffice(reason: "somebody has seen epoch \(epoch), above our \(ours)", into: &effects)
        effects.append(.startRetryTimer(after: Self.retryInterval))
    }

    private mutating func deathWitnessed(_ incarnation: Bytes, into effects: inout [Effect]) {
        guard self.isOpen, incarnation != self.candidate?.incarnation else { return }
        for name in self.members where self.known[name]?.incarnation == incarnation { effects.append(.delete(name)) }
    }

    private mutating func resigned(into effects: inout [Effect]) {
        self.hasResigned = true
        switch self.candidacy {
        case .member(let own), .raising(let own), .leading(let own, _): effects.append(.delete(own))
        case .out, .joining: break
        }
        self.leaveOffice(reason: "the process ends", into: &effects)
    }

    private mutating func memberRead(_ name: String, _ info: MemberInfo?, into effects: inout [Effect]) {
        guard self.members.contains(name) else { return }
        guard let info else {
            effects.append(.startRetryTimer(after: Self.retryInterval))
            return
        }
        self.known[name] = info
        self.announce(into: &effects)
    }

    /// Gives up our node, and the leadership if we have it.
    private mutating func leaveOffice(reason: String, into effects: inout [Effect]) {
        if case .leading = self.candidacy { effects.append(.stepDown(reason: reason)) }
        if case .out = self.candidacy { return }
        self.attempt += 1
        self.candidacy = .out
    }

    /// Tells the role what changed.
    ///
    /// A first member that is not yet readable is not yet a leader.
    private mutating func announce(into effects: inout [Effect]) {
        let now = self.members.compactMap { self.known[$0] }
        if now != self.announced {
            self.announced = now
            effects.append(.membersChanged(now))
        }
        guard self.electsLeader else { return }
        let first = self.members.first.flatMap { self.known[$0] }
        if first != self.leader {
            self.leader = first
            effects.append(.leaderChanged(first))
        }
    }

    /// The ten digits that ZooKeeper put behind the name; nil for a node that is none of ours.
    static func sequence(of name: String) -> Int? {
        guard name.hasPrefix("m_"), let underscore = name.lastIndex(of: "_") else { return nil }
        return Int(name[name.index(after: underscore)...])
    }
}
