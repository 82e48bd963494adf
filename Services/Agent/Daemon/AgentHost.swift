import AgentCore
import Frames
import Isolation
import Logging
import Messages
import Model
import NIOCore
import Runtime

/// Keeps `AgentState` on one event loop, between a relay, executors, containers and the log.
final class AgentHost: @unchecked Sendable {
    // Unchecked: state is only touched on the loop; what other threads may call says so and hops there.

    let host: RoleHost<AgentState>
    let metrics: AgentMetrics
    let readiness: Readiness
    let logger: Logger
    let node: Node
    private let log: AgentLogFile
    let containerizer: Containerizer
    /// Of the log, until they are told.
    private var records: [AgentLogRecord]
    private let arena = MessageArena()
    private var peers: [PeerID: Peer] = [:]
    private var dialer: Dialer?
    private var areNumbersDue = false
    private var isStopping = false
    /// It has ended all that ran, and leaves a log without it.
    private var hasEnded = false

    /// Connects the parts with each other.
    ///
    /// On the loop.
    init(
        _ state: AgentState, _ services: DaemonServices, log: AgentLogFile, records: [AgentLogRecord],
        containerizer: Containerizer
    ) {
        self.host = RoleHost(state, on: services.eventLoop, logger: services.logger, clock: services.clock)
        self.metrics = AgentMetrics(services.metrics)
        self.readiness = services.readiness
        self.logger = services.logger
        self.node = services.node
        self.log = log
        self.records = records
        self.containerizer = containerizer
        self.readiness.set("recovered", problem: "the supervisors have not told what runs")
        self.readiness.set("relay", problem: "not connected")
        self.readiness.set("master", problem: "not registered")
        self.wire()
    }

    private func wire() {
        self.host.perform = { [unowned self] in self.perform($0) }
        self.host.onTurnEnd = { [unowned self] in self.turnEnded() }
        self.log.onLogged = { [unowned self] in self.host.post(.logged(upTo: $0)) }
        self.log.onFailure = { [unowned self] _ in if !self.isStopping { Machine.giveUp() } }
        self.containerizer.onUsage = { [unowned self] in self.metrics.usage.show(self.containerizer.usage) }
        self.containerizer.onBreach = { [unowned self] in self.metrics.usage.count(breach: $0) }
        self.node.admit = { [unowned self] in self.admit($0) }
        self.node.onConnected = { [unowned self] in self.connected($0) }
        self.node.onDisconnected = { [unowned self] peer, _ in self.disconnected(peer) }
        self.node.onMessage = { [unowned self] (peer, bytes, arena) throws(MessageError) in
            try self.received(peer, bytes, arena)
        }
        self.node.onUndecodable = { peer, error in
            if peer.role == .executor { peer.send(ExecutorEvent.error("The call cannot be read: \(error)")) }
        }
    }

    /// Finds out what runs, and tells the role that and what the log has.
    ///
    /// Any thread may call it.
    ///
    /// What containers report meanwhile is news of after that.
    ///
    /// - Throws: `Unusable`, if the role must not go on with that. Nothing has been changed then.
    func recover(boot: String) async throws {
        try await self.node.loop.flatSubmit {
            var early: [ContainerEvent] = []
            self.containerizer.onEvent = { early.append($0) }
            return self.containerizer.recover().assumeIsolated().flatMapThrowing { runs in
                if let objection = self.host.role.objection(to: self.records, boot: boot, runs: runs) {
                    throw AgentCommand.Unusable(description: objection)
                }
                self.containerizer.onEvent = { [unowned self] in self.host.post(.container($0)) }
                self.host.post(.recovered(self.records, boot: boot, runs: runs))
                self.records = []
                for event in early { self.host.post(.container(event)) }
                // What the log has grown by in earlier lives is not read again by the next.
                self.compact()
                self.readiness.set("recovered", problem: nil)
            }.nonisolated()
        }.get()
    }

    /// Writes what is promised, and leaves everything running.
    ///
    /// Any thread may call it.
    func stop(endingTasks: Bool) async {
        try? await self.node.loop.flatSubmit {
            self.isStopping = true
            self.host.post(.shuttingDown)
            self.host.cancelTimers()
            if self.hasEnded { self.log.compact(self.host.role.recordsOfNewLife.map { $0.encoded() }) }
            return self.containerizer.shutdown().flatMap { self.log.close() }
        }.get()
        if endingTasks || self.hasEnded { self.containerizer.endAll() }
    }

    /// Gives back what the log has grown by.
    ///
    /// Not in a cleanup, which is in nobody's way should it be broken off.
    private func compact() {
        guard self.host.role.recovery == .reconnect else { return }
        self.log.compact(self.host.role.snapshotRecords().map { $0.encoded() })
    }

    // MARK: - What happens

    private func admit(_ hello: Hello) -> Result<Welcome, Refusal> {
        guard hello.role == .executor else {
            return .failure(Refusal(.role, "an agent answers executors alone, and this is a \(hello.role)"))
        }
        if let refusal = self.host.role.refusal(of: hello) { return .failure(refusal) }
        return .success(Welcome(role: .agent, name: self.node.settings.name))
    }

    private func connected(_ peer: Peer) {
        self.peers[peer.id] = peer
        if let hello = peer.hello {
            self.host.post(.executorConnected(peer.id, hello))
        } else if let welcome = peer.welcome {
            self.readiness.set("relay", problem: nil)
            self.host.post(.relayConnected(peer.id, address: peer.remoteAddress, welcome))
        }
    }

    private func disconnected(_ peer: Peer) {
        self.peers[peer.id] = nil
        if peer.hello != nil {
            self.host.post(.executorDisconnected(peer.id))
        } else {
            self.readiness.set("relay", problem: "not connected")
            self.host.post(.relayDisconnected(peer.id))
        }
    }

    private func received(_ peer: Peer, _ bytes: UnsafeRawBufferPointer, _ arena: MessageArena) throws(MessageError) {
        if peer.hello != nil {
            self.host.post(.executor(peer.id, try ExecutorCall(message: bytes, in: arena)))
        } else {
            self.host.post(.relay(peer.id, try RelayToAgent(message: bytes, in: arena)))
        }
    }

    private func turnEnded() {
        if self.log.isWorthCompacting { self.compact() }
        guard !self.areNumbersDue else { return }
        self.areNumbersDue = true
        self.node.loop.assumeIsolated().scheduleTask(in: .seconds(1)) { [weak self] in
            self?.areNumbersDue = false
            self?.count()
        }
    }

    /// Counting costs a walk over all tasks: once a second at most, and not at all while nothing happens.
    private func count() {
        let summary = self.host.role.summary
        self.metrics.tasks.set(summary.tasks)
        self.metrics.executors.set(summary.executors)
        self.metrics.unacknowledged.set(summary.unacknowledged)
        self.metrics.isRegistered.set(summary.isRegistered ? 1 : 0)
        self.metrics.cpusUsed.set(Double(summary.used.cpus) / 1000)
        self.metrics.cpusTotal.set(Double(summary.total.cpus) / 1000)
        self.metrics.memoryUsed.set(Double(summary.used.mem) / 1000 * 1_048_576)
        self.metrics.memoryTotal.set(Double(summary.total.mem) / 1000 * 1_048_576)
        self.metrics.logBytes.set(self.log.size)
    }

    // MARK: - What the role orders

    private func perform(_ effect: AgentState.Effect) {
        switch effect {
        case .append(let record):
            self.log.append(record.packed(in: self.arena).bytes, isUrgent: !record.canWait)
            self.arena.reset()
        case .sendToRelay(let peer, let message): self.peers[peer]?.send(message)
        case .sendToExecutor(let peer, let event): self.peers[peer]?.send(event)
        case .launch(let spec): self.containerizer.launch(spec)
        case .adopt(let spec): self.containerizer.adopt(spec)
        case .signal(let run, let signal): self.containerizer.signal(run, signal)
        case .update(let run, let resources): self.containerizer.update(run, resources)
        case .destroy(let run): self.containerizer.destroy(run)
        case .forget(let run): self.containerizer.forget(run)
        case .probe(let id, let order, let timeout): self.probe(id, order, timeout: timeout)
        case .setTimer(let timer, let instant): self.host.setTimer(timer, at: instant, .timerFired(timer))
        case .cancelTimer(let timer): self.host.cancelTimer(timer)
        case .close(let peer, let refusal): self.peers[peer]?.close(refusal)
        case .seekRelay: self.seekRelay()
        case .leaveRelay(let refusal):
            self.dialer?.stop(refusal)
            self.dialer = nil
        case .endLife:
            self.logger.notice("Nothing is left of the former lives of this agent")
            self.hasEnded = true
            Machine.end()
        case .observe(let fact): self.observe(fact)
        }
    }

    private func seekRelay() {
        guard let dialer = self.dialer else {
            self.dialer = self.node.dial(
                as: { [unowned self] in self.host.role.hello },
                candidates: { [unowned self] in self.host.role.relayCandidates })
            return
        }
        if let peer = dialer.peer { peer.close() } else { dialer.nudge() }
    }

    /// Somebody looked up which relays there are.
    ///
    /// On the loop.
    func found(relays: [String]) {
        self.host.post(.relaysFound(relays))
        self.dialer?.nudge()
    }

    /// Whether a relay is connected.
    var isAttached: Bool { self.dialer?.peer != nil }

    /// What the containers use, as last looked at.
    ///
    /// Any thread may ask.
    func usage() async throws -> (UsageReport, AgentSummary) {
        try await self.node.loop.submit { (self.containerizer.usage, self.host.role.summary) }.get()
    }

    /// The agent's `--name`.
    var name: String { self.node.settings.name }

    /// Where the output of a task or of an executor is.
    ///
    /// Any thread may ask.
    ///
    /// - Parameter run: Nil: the present one, else the latest.
    func sandbox(of framework: FrameworkID, named name: String, run: RunID? = nil) async throws -> AgentSandbox {
        try await self.node.loop.submit {
            guard let run else { return self.host.role.sandbox(of: framework, named: name) }
            return self.host.role.sandbox(of: framework, named: name, run: run)
        }.get()
    }

    /// Where the runs of a task or of an executor are.
    ///
    /// Any thread may ask.
    func sandboxRuns(of framework: FrameworkID, named name: String) async throws -> [SandboxRuns] {
        try await self.node.loop.submit { self.host.role.sandboxRuns(of: framework, named: name) }.get()
    }

    /// The sandboxes that something runs in.
    ///
    /// Any thread may ask.
    func liveSandboxes() async throws -> [[String]] {
        try await self.node.loop.submit { self.host.role.liveSandboxes }.get()
    }

    /// Which of those runs have not ended, or may yet begin; all, if the agent is ending.
    ///
    /// Any thread but the loop's may ask, and waits.
    func live(of runs: [RunID]) -> Set<RunID> {
        let live = try? self.node.loop.submit { self.containerizer.live(of: runs) }.wait()
        return live ?? Set(runs)
    }
}
