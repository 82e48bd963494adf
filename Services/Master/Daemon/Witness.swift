import ElectionCore
import Frames
import Logging
import Model
import Runtime

/// Keeps a standby's connection to the leader, for a `LeaderWitness` to conclude from.
///
/// Confined to the event loop.
final class Witness {
    private let node: Node
    private let name: String
    private let logger: Logger
    private let epochSeen: (Epoch) -> Void
    private let isDead: (Bytes) -> Void
    private var state: LeaderWitness?
    private var dialer: Dialer?

    /// - Parameters:
    ///   - epochSeen: Called with the epoch that a leader shows. Whoever leads next goes above it, even if ZooKeeper has
    ///     forgotten what it was.
    ///   - isDead: Called with the incarnation of a leader that is dead.
    init(
        _ node: Node, name: String, _ logger: Logger, epochSeen: @escaping (Epoch) -> Void,
        isDead: @escaping (Bytes) -> Void
    ) {
        self.node = node
        self.name = name
        self.logger = logger
        self.epochSeen = epochSeen
        self.isDead = isDead
    }

    /// Watches this leader instead of the one before; nil: nobody.
    func watch(_ leader: MemberInfo?) {
        guard leader != self.state?.leader else { return }
        self.dialer?.stop()
        self.dialer = nil
        self.state = leader.map { LeaderWitness(leader: $0) }
        guard let leader else { return }
        let name = self.name
        self.dialer = self.node.dial(as: { Hello(role: .master, name: name) }, candidates: { [leader.address] }) {
            [weak self] event in self?.happened(event)
        }
    }

    private func happened(_ event: DialEvent) {
        guard let leader = self.state?.leader else { return }
        switch event {
        case .welcomed(leader.address, let welcome):
            self.epochSeen(welcome.epoch)
            self.handle(.welcomed(incarnation: welcome.incarnation))
        case .lost: self.handle(.lost)
        case .failed(leader.address, .connectionRefused): self.handle(.portClosed)
        case .refused(leader.address, let refusal) where refusal.code == .notLeader: self.handle(.doesNotLead)
        case .welcomed, .failed, .refused: break
        }
    }

    private func handle(_ event: LeaderWitness.Event) {
        guard let leader = self.state?.leader, let reason = self.state?.handle(event) else { return }
        self.logger.notice(
            "The leader is dead",
            metadata: [LogKey.peer: "\(leader.name)", LogKey.address: "\(leader.address)", LogKey.reason: "\(reason)"])
        self.isDead(leader.incarnation)
    }
}
