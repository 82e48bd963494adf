import Frames
import Logging
import Model
import Runtime

/// A standby's eye on the leader: a connection on which nothing is said.
///
/// If it breaks, and the leader's port then refuses or somebody else answers there, that leader is dead, and its node need
/// not wait for its session to expire. A leader that is merely slow or out of reach is not: nothing answers, so nothing is
/// concluded. Confined to the event loop.
final class Witness {
    private let node: Node
    private let name: String
    private let logger: Logger
    private let isDead: (Bytes) -> Void
    private var leader: MemberInfo?
    private var dialer: Dialer?
    /// The leader has answered on this connection or an earlier one.
    private var hasSeenLeader = false
    private var isLost = false

    /// - Parameter isDead: Called with the incarnation of a leader that is dead.
    init(_ node: Node, name: String, _ logger: Logger, isDead: @escaping (Bytes) -> Void) {
        self.node = node
        self.name = name
        self.logger = logger
        self.isDead = isDead
    }

    /// Watches this leader instead of the one before; nil: nobody.
    func watch(_ leader: MemberInfo?) {
        guard leader != self.leader else { return }
        self.dialer?.stop()
        self.dialer = nil
        self.leader = leader
        self.hasSeenLeader = false
        self.isLost = false
        guard let leader else { return }
        let name = self.name
        self.dialer = self.node.dial(as: { Hello(role: .master, name: name) }, candidates: { [leader.address] }) {
            [weak self] event in self?.happened(event)
        }
    }

    private func happened(_ event: DialEvent) {
        guard let leader = self.leader else { return }
        switch event {
        case .welcomed(leader.address, let welcome):
            if welcome.incarnation == leader.incarnation {
                self.hasSeenLeader = true
                self.isLost = false
            } else {
                self.conclude("another process answers at its address")
            }
        case .lost: self.isLost = self.hasSeenLeader
        case .failed(leader.address, .connectionRefused) where self.isLost: self.conclude("its port is closed")
        case .refused(leader.address, let refusal) where self.isLost && refusal.code == .notLeader:
            self.conclude("the master at its address does not lead")
        case .welcomed, .failed, .refused: break
        }
    }

    private func conclude(_ reason: String) {
        guard let leader = self.leader, self.hasSeenLeader || !self.isLost else { return }
        self.isLost = false
        self.logger.notice(
            "The leader is dead",
            metadata: [LogKey.peer: "\(leader.name)", LogKey.address: "\(leader.address)", LogKey.reason: "\(reason)"])
        self.isDead(leader.incarnation)
    }
}
