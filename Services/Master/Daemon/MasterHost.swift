import Frames
import Logging
import MasterCore
import Messages
import Model
import Runtime

/// The master's core among real connections: what arrives becomes an event, what the core orders becomes a message, a
/// timer, a log line or a word to the election.
///
/// Confined to the event loop.
final class MasterHost: @unchecked Sendable {  // All state is confined to the event loop.
    let services: DaemonServices
    let role: RoleHost<MasterState>
    private let report: MasterReport
    private var peers: [PeerID: Peer] = [:]
    private var election: (any Election)?
    private var policyFile: PolicyWatch?

    init(_ state: MasterState, _ services: DaemonServices) {
        self.services = services
        self.role = RoleHost(state, on: services.eventLoop, logger: services.logger, clock: services.clock)
        self.report = MasterReport(services)
    }

    // MARK: In

    /// Serves relays, allocators, schedulers and operators from now on, as long as this master leads.
    func serve() {
        self.role.perform = { [unowned self] effect in self.perform(effect) }
        self.role.turnEndInterval = .milliseconds(100)
        self.role.onTurnEnd = { [unowned self] in self.report.update(self.role.role, at: self.role.now) }
        let node = self.services.node
        node.admit = { hello in
            // A relay obeys the highest epoch it has seen; if that is not ours, we lead no longer.
            if hello.role == .relay, let ours = self.role.role.leadingEpoch, hello.epoch > ours {
                self.role.post(.higherEpochSeen(hello.epoch))
            }
            return self.role.role.admit(hello)
        }
        node.onConnected = { peer in
            guard let hello = peer.hello else { return }  // The witness's own; see `Witness`.
            self.peers[peer.id] = peer
            self.role.post(.peerConnected(peer.id, hello))
        }
        node.onDisconnected = { peer, _ in
            if self.peers.removeValue(forKey: peer.id) != nil { self.role.post(.peerDisconnected(peer.id)) }
        }
        node.onMessage = { (peer, bytes, arena) throws(MessageError) in
            switch peer.role {
            case .relay: self.role.post(.relay(peer.id, try RelayToMaster(message: bytes, in: arena)))
            case .allocator: self.role.post(.allocator(peer.id, try AllocatorToMaster(message: bytes, in: arena)))
            case .scheduler: self.role.post(.scheduler(peer.id, try SchedulerCall(message: bytes, in: arena)))
            case .operator: self.role.post(.operator(peer.id, try OperatorRequest(message: bytes, in: arena)))
            case .master, .agent, .executor: break  // They are told nothing and have nothing to say here.
            }
        }
        node.onUndecodable = { peer, error in self.role.post(.undecodable(peer.id, error.description)) }
        self.services.onStop { [services] in
            try? await services.eventLoop.submit { self.role.post(.deposed("the process ends")) }.get()
        }
    }

    /// Follows a policy file from now on: what it says, and what it says when it changes.
    func follow(_ file: PolicyWatch) {
        self.policyFile = file
        file.onChange = { [unowned self] policy, source in self.role.post(.policyRead(policy, source: source)) }
        self.services.onStop { [services] in try? await services.eventLoop.submit { file.stop() }.get() }
        file.start()
    }

    /// Takes part in the election from now on.
    func contend(in kind: ElectionKind, _ options: MasterOptions) {
        let election = kind.makeElection(self, options)
        self.election = election
        self.services.onStop { await election.stop() }
        election.start()
    }

    /// What the election says.
    func changed(_ change: ElectionChange) {
        switch change {
        case .lead(let epoch): self.role.post(.elected(epoch))
        case .stepDown(let reason): self.role.post(.deposed(reason))
        case .leader(let address): self.role.post(.leaderChanged(address))
        case .masters(let addresses): self.role.post(.mastersChanged(addresses))
        }
        self.report.leaderIsKnown(self.role.role.leader)
    }

    // MARK: Out

    private func perform(_ effect: MasterState.Effect) {
        switch effect {
        case .sendToRelay(let peer, let message): self.peers[peer]?.send(message)
        case .sendToAllocator(let peer, let message): self.peers[peer]?.send(message)
        case .sendToScheduler(let peer, let event): self.peers[peer]?.send(event)
        case .sendToOperator(let peer, let response): self.peers[peer]?.send(response)
        case .close(let peer, let refusal): self.peers.removeValue(forKey: peer)?.close(refusal)
        case .setTimer(let timer, let instant): self.role.setTimer(timer, at: instant, .timerFired(timer))
        case .cancelTimer(let timer): self.role.cancelTimer(timer)
        case .stepDown(_, let epoch):
            self.report.leaderIsKnown(nil)
            self.election?.higherEpochSeen(epoch ?? .none)
        case .storePolicy(_, let source): self.policyFile?.store(source)
        case .observe(let fact): self.report.observe(fact)
        }
    }
}
