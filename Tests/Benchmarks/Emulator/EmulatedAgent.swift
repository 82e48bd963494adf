import AgentCore
import Frames
import Messages
import Model
import NIOCore
import Runtime

/// One agent: the core that a real one has, and a machine that only waits.
///
/// Confined to the loop of its fleet. Nothing is written: what the core wants on disk counts as written at once, so it promises
/// what a real agent promises only while the process lives.
final class EmulatedAgent {
    private let host: RoleHost<AgentState>
    private unowned let fleet: Fleet
    /// Its process, if it were one: a relay tells agents that no master has named yet apart by it.
    private let incarnation = Bytes((0..<16).map { _ in UInt8.random(in: 0...255) })
    private var dialer: Dialer?
    private var peer: Peer?
    /// Those that run.
    private var containers: Set<RunID> = []
    private var appended: UInt64 = 0
    /// Of the master that accepted it last.
    private(set) var epoch = Epoch.none
    private(set) var isRegistered = false

    init(_ settings: AgentSettings, in fleet: Fleet) {
        self.fleet = fleet
        var system = SystemRandomNumberGenerator()
        let random = SeededGenerator(key: (0..<4).map { _ in system.next() as UInt64 })
        self.host = RoleHost(
            AgentState(settings: settings, codec: fleet.codec, random: random), on: fleet.node.loop,
            logger: fleet.logger, clock: fleet.clock, room: fleet.room)
        self.host.perform = { [unowned self] in self.perform($0) }
    }

    /// An empty machine begins its first life, and looks for a relay.
    func begin() {
        self.host.post(.recovered([], boot: "emulated", runs: []))
        self.seekRelay()
    }

    // MARK: - What happens

    func connected(_ peer: Peer, _ welcome: Welcome) {
        self.peer = peer
        self.host.post(.relayConnected(peer.id, address: peer.remoteAddress, welcome))
    }

    func disconnected(_ peer: Peer) {
        if self.peer === peer { self.peer = nil }
        self.isRegistered = false
        self.host.post(.relayDisconnected(peer.id))
    }

    func received(_ message: RelayToAgent, from peer: Peer) {
        self.host.post(.relay(peer.id, message))
    }

    func found(relays: [String]) {
        self.host.post(.relaysFound(relays))
        self.dialer?.nudge()
    }

    /// A task has run as long as it should.
    func finished(_ run: RunID) { self.end(run, status: 0) }

    // MARK: - What the role orders

    private func perform(_ effect: AgentState.Effect) {
        switch effect {
        case .append:
            self.appended += 1
            self.host.post(.logged(upTo: self.appended))
        case .sendToRelay(let peer, let message):
            if self.peer?.id == peer { self.peer?.send(message) }
        case .launch(let spec): self.launch(spec)
        case .signal(let run, let signal): self.end(run, status: signal)
        case .destroy(let run): self.end(run, status: 9)
        case .adopt(let spec): self.host.post(.container(.updated(spec.runID, problem: nil)))
        case .update(let run, _): self.host.post(.container(.updated(run, problem: nil)))
        case .probe(let id, _, _): self.host.post(.probed(id, .skipped("nothing runs on an emulated agent")))
        case .setTimer(let timer, let instant): self.host.setTimer(timer, at: instant, .timerFired(timer))
        case .cancelTimer(let timer): self.host.cancelTimer(timer)
        case .close(let peer, let refusal):
            if self.peer?.id == peer { self.peer?.close(refusal) }
        case .seekRelay: self.seekRelay()
        case .leaveRelay(let refusal):
            self.dialer?.stop(refusal)
            self.dialer.map(self.fleet.forget)
            self.dialer = nil
        case .observe(let fact): self.observe(fact)
        case .sendToExecutor, .forget, .endLife: break  // No executor connects, and no life follows.
        }
    }

    private func seekRelay() {
        if let dialer {
            if let peer = dialer.peer { peer.close() } else { dialer.nudge() }
            return
        }
        let dialer = self.fleet.node.dial(
            as: { [unowned self] in
                var hello = self.host.role.hello
                hello.incarnation = self.incarnation
                return hello
            },
            candidates: { [unowned self] in self.host.role.relayCandidates })
        self.dialer = dialer
        self.fleet.expect(self, by: dialer)
    }

    private func observe(_ fact: AgentFact) {
        switch fact {
        case .registered(_, let epoch):
            let isNews = epoch > self.epoch
            self.epoch = epoch
            self.isRegistered = true
            if isNews { self.fleet.registrations.add(epoch) }
        case .refused, .movedOn: self.isRegistered = false
        case .taskAccepted: self.fleet.counts.accepted += 1
        case .taskRefused(let key, let state, let message):
            self.fleet.counts.refused += 1
            self.fleet.logger.warning(
                "Task refused",
                metadata: [
                    LogKey.taskID: "\(key.task)", LogKey.state: "\(state.name)", LogKey.reason: "\(message)",
                ])
        case .taskRemoved: self.fleet.counts.removed += 1
        case .statusesResent(let count): self.fleet.counts.resent += count
        default: break
        }
    }

    // MARK: - The machine

    private func launch(_ spec: ContainerSpec) {
        guard spec.isCommandTask else {
            let reason = "emulated agents run no executors: launch tasks with a command"
            return self.host.post(.container(.launchFailed(spec.runID, message: reason)))
        }
        self.containers.insert(spec.runID)
        self.host.post(.container(.started(spec.runID, pid: 1)))
        self.fleet.end(spec.runID, of: self, after: spec.command)
    }

    private func end(_ run: RunID, status: Int32) {
        guard self.containers.remove(run) != nil else { return }
        self.fleet.cancelEnd(of: run, of: self)
        self.host.post(.container(.exited(run, ContainerExit(status: status))))
    }
}
