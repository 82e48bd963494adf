import AllocatorCore
import Frames
import Messages
import Model
import NIOCore
import Runtime
import ZooKeeper

/// The allocator's core at the end of a real connection: what the master says becomes an event, what the core orders
/// becomes a message, a timer or a log line.
///
/// Confined to the event loop.
final class AllocatorHost: @unchecked Sendable {  // All state is confined to the event loop.
    private let services: DaemonServices
    private let role: RoleHost<AllocatorState>
    private let report: AllocatorReport
    private var peers: [PeerID: Peer] = [:]
    private var masters: [String] = []
    private var dialer: Dialer?

    init(_ state: AllocatorState, _ services: DaemonServices) {
        self.services = services
        self.role = RoleHost(state, on: services.eventLoop, logger: services.logger, clock: services.clock)
        self.report = AllocatorReport(services)
    }

    // MARK: In

    /// Hears masters from now on.
    ///
    /// An allocator calls, and is not called.
    func serve() {
        self.role.perform = { [unowned self] effect in self.perform(effect) }
        self.role.turnEndInterval = .milliseconds(100)
        self.role.onTurnEnd = { [unowned self] in self.report.update(self.role.role) }
        let node = self.services.node
        node.onConnected = { peer in
            guard let welcome = peer.welcome else { return }
            self.peers[peer.id] = peer
            self.role.post(.masterConnected(peer.id, welcome))
        }
        node.onDisconnected = { peer, _ in
            if self.peers.removeValue(forKey: peer.id) != nil { self.role.post(.masterDisconnected(peer.id)) }
        }
        node.onMessage = { (peer, bytes, arena) throws(MessageError) in
            self.role.post(.master(peer.id, try MasterToAllocator(message: bytes, in: arena)))
        }
    }

    /// Keeps a connection to the leading master: one of these, or whoever is elected.
    func follow(_ election: ElectionURL, as name: String, masters: [String]) {
        self.masters = masters
        self.dialer = self.services.node.dial(as: { self.role.role.hello }, candidates: { self.masters })
        guard case .zooKeeper(let servers, let path) = election else { return }
        let services = self.services
        let member = MemberInfo(name: name, address: "", incarnation: services.node.settings.incarnation)
        let membership = Membership(
            servers: servers, path: path, group: .allocators, member: member, codec: ProtobufCodec(),
            logger: services.logger
        ) { masters in
            services.eventLoop.execute { self.mastersChanged(to: masters) }
        }
        services.onStop { await membership.stop() }
        membership.start()
    }

    private func mastersChanged(to masters: [String]) {
        // With nobody listed, those known before are as good a guess as any.
        guard let leader = masters.first else { return }
        self.masters = masters
        if let peer = self.dialer?.peer, peer.remoteAddress != leader {
            peer.close(Refusal(.stale, "another master leads", leader: leader))
        }
        self.dialer?.nudge()
    }

    // MARK: Out

    private func perform(_ effect: AllocatorState.Effect) {
        switch effect {
        case .propose(let peer, let proposal): self.peers[peer]?.send(proposal)
        case .close(let peer, let refusal): self.peers.removeValue(forKey: peer)?.close(refusal)
        case .setTimer(let timer, let instant): self.role.setTimer(timer, at: instant, .timerFired(timer))
        case .cancelTimer(let timer): self.role.cancelTimer(timer)
        case .observe(let fact): self.report.observe(fact)
        }
    }
}
