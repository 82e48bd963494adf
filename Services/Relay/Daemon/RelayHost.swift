import Frames
import Messages
import Model
import NIOCore
import RelayCore
import Runtime
import ZooKeeper

/// The relay's core among real connections: what arrives becomes an event, what the core orders becomes a message, a
/// timer or a log line.
///
/// Confined to the event loop.
final class RelayHost: @unchecked Sendable {  // All state is confined to the event loop.
    /// While more than this waits for the master, no more of a snapshot is added.
    private static let bulkQueueLimit = 8 << 20
    /// How often that is looked at.
    private static let bulkRetry = TimeAmount.milliseconds(5)
    /// How long another relay has to answer whether it follows a master.
    private static let answerPatience = TimeAmount.seconds(2)

    private let services: DaemonServices
    private let role: RoleHost<RelayState>
    private let report: RelayReport
    private var peers: [PeerID: Peer] = [:]
    private var masters: [String] = []
    private var dialer: Dialer?
    /// Other relays that are being asked whether they follow a master, by address.
    private var inquiries: [String: Dialer] = [:]

    init(_ state: RelayState, _ services: DaemonServices) {
        self.services = services
        self.role = RoleHost(state, on: services.eventLoop, logger: services.logger, clock: services.clock)
        self.report = RelayReport(services)
    }

    // MARK: In

    /// Serves agents and schedulers from now on.
    func serve() {
        self.role.perform = { [unowned self] effect in self.perform(effect) }
        self.role.turnEndInterval = .milliseconds(100)
        self.role.onTurnEnd = { [unowned self] in self.report.update(self.role.role) }
        let node = self.services.node
        node.admit = { hello in self.role.role.admit(hello) }
        node.onConnected = { peer in self.connected(peer) }
        node.onDisconnected = { peer, _ in
            guard self.peers.removeValue(forKey: peer.id) != nil else { return }
            switch peer.role {
            case .agent: self.role.post(.agentDisconnected(peer.id))
            case .scheduler: self.role.post(.schedulerDisconnected(peer.id))
            case .master: self.role.post(.masterDisconnected(peer.id))
            case .allocator, .relay, .executor, .operator: break
            }
        }
        node.onMessage = { (peer, bytes, arena) throws(MessageError) in
            switch peer.role {
            case .agent: self.role.post(.agent(peer.id, try AgentToRelay(message: bytes, in: arena)))
            case .scheduler: self.role.post(.scheduler(peer.id, try SchedulerCall(message: bytes, in: arena)))
            case .master: self.role.post(.master(peer.id, try MasterToRelay(message: bytes, in: arena)))
            case .allocator, .relay, .executor, .operator: break  // They are not admitted.
            }
        }
        node.onUndecodable = { peer, error in self.role.post(.undecodable(peer.id, error.description)) }
        self.services.onStop { [services] in
            try? await services.eventLoop.submit { self.role.post(.shuttingDown) }.get()
        }
    }

    private func connected(_ peer: Peer) {
        self.peers[peer.id] = peer
        switch (peer.role, peer.hello, peer.welcome) {
        case (.master, _, let welcome?): self.role.post(.masterConnected(peer.id, welcome))
        case (.agent, let hello?, _): self.role.post(.agentConnected(peer.id, hello))
        case (.scheduler, let hello?, _): self.role.post(.schedulerConnected(peer.id, hello))
        default: break  // Another relay: all is said with the welcome.
        }
    }

    /// Dials each of these relays once; what it welcomes with tells whether it follows a master.
    private func ask(_ relays: [String]) {
        for address in relays where self.inquiries[address] == nil {
            self.inquiries[address] = self.services.node.dial(
                as: { self.role.role.hello }, candidates: { [address] },
                onEvent: { event in
                    if case .welcomed(_, let welcome) = event, welcome.role == .relay {
                        self.role.post(.relayAnswered(address: address, welcome.epoch))
                    }
                    self.inquiries.removeValue(forKey: address)?.stop()
                })
        }
        self.services.eventLoop.scheduleTask(in: Self.answerPatience) {
            for address in relays { self.inquiries.removeValue(forKey: address)?.stop() }
        }
    }

    /// Keeps a connection to the leading master: one of these, or whoever is elected.
    ///
    /// - Parameter relays: Other relays that the flags name.
    func follow(_ election: ElectionURL, as name: String, masters: [String], relays: [String]) {
        self.masters = masters
        if !relays.isEmpty { self.role.post(.relaysListed(relays)) }
        self.dialer = self.services.node.dial(as: { self.role.role.hello }, candidates: { self.masters })
        guard case .zooKeeper(let servers, let path) = election else { return }
        let services = self.services
        let member = MemberInfo(
            name: name, address: services.advertisedAddress ?? "",
            incarnation: services.node.settings.incarnation)
        let membership = Membership(
            servers: servers, path: path, group: .relays, member: member, codec: ProtobufCodec(),
            logger: services.logger,
            groupChanged: { listed in
                // With nobody listed, those known before are as good a guess as any.
                guard !listed.isEmpty else { return }
                services.eventLoop.execute { self.role.post(.relaysListed(listed + relays)) }
            },
            mastersChanged: { masters in services.eventLoop.execute { self.mastersChanged(to: masters) } })
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

    private func perform(_ effect: RelayState.Effect) {
        switch effect {
        case .sendToAgent(let peer, let message): self.peers[peer]?.send(message)
        case .sendToScheduler(let peer, let event): self.peers[peer]?.send(event)
        case .sendToMaster(let peer, let message): self.peers[peer]?.send(message)
        case .close(let peer, let refusal): self.peers.removeValue(forKey: peer)?.close(refusal)
        case .setTimer(.bulk, let instant): self.setBulkTimer(at: instant)
        case .setTimer(let timer, let instant): self.role.setTimer(timer, at: instant, .timerFired(timer))
        case .cancelTimer(let timer): self.role.cancelTimer(timer)
        case .askRelays(let addresses): self.ask(addresses)
        case .observe(let fact): self.report.observe(fact)
        }
    }

    /// The next part of a snapshot waits until the master has read most of what was sent.
    private func setBulkTimer(at instant: Instant) {
        guard let master = self.dialer?.peer, master.queuedBytes > Self.bulkQueueLimit else {
            self.role.setTimer(RelayState.Timer.bulk, at: instant, .timerFired(.bulk))
            return
        }
        self.services.eventLoop.scheduleTask(in: Self.bulkRetry) { self.setBulkTimer(at: instant) }
    }
}
