public import Model

/// A standby's eye on the leader: it concludes from a connection, on which nothing is said, that the leader is dead.
///
/// If the connection breaks, and the leader's port then refuses or somebody else answers there, that leader is dead, and its
/// node need not wait for its session to expire. A leader that is merely slow or out of reach is not: nothing answers, so
/// nothing is concluded.
public struct LeaderWitness: Hashable, Sendable {
    /// What becomes of the connection, or of an attempt at one.
    public enum Event: Hashable, Sendable {
        /// Somebody answers at the leader's address and leads.
        case welcomed(incarnation: Bytes)
        case lost
        /// Nobody listens at the leader's address.
        case portClosed
        /// A master answers at the leader's address, and does not lead.
        case doesNotLead
    }

    /// Who is watched.
    public let leader: MemberInfo
    /// It has answered on this connection or an earlier one.
    private var hasSeenLeader = false
    private var isLost = false

    /// Watches that leader, which has not answered yet.
    public init(leader: MemberInfo) { self.leader = leader }

    /// Takes what happened.
    ///
    /// - Returns: Why the leader is dead; nil if that does not follow.
    public mutating func handle(_ event: Event) -> String? {
        switch event {
        case .welcomed(self.leader.incarnation):
            self.hasSeenLeader = true
            self.isLost = false
            return nil
        case .welcomed: return self.conclude("another process answers at its address")
        case .lost:
            self.isLost = self.hasSeenLeader
            return nil
        case .portClosed: return self.isLost ? self.conclude("its port is closed") : nil
        case .doesNotLead: return self.isLost ? self.conclude("the master at its address does not lead") : nil
        }
    }

    private mutating func conclude(_ reason: String) -> String {
        self.isLost = false
        return reason
    }
}
