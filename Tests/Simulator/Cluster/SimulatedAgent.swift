internal import AgentCore
internal import Messages
public import Model

/// An agent over the simulated network, with a disk that keeps what was synced and machinery that runs containers on
/// virtual time.
///
/// What a command does is written in it: `run <milliseconds> <exit code>`.
public final class SimulatedAgent: SimulatedProcess {
    /// The machine: it outlives the agent's process, as containers do.
    private struct Container {
        var spec: ContainerSpec
        var executor: SimulatedExecutor?
        var exit: ContainerExit?
    }

    /// What it shares out in this life, and in its first.
    public private(set) var total: Resources
    private let firstTotal: Resources
    /// What it tells relays that it knows of the protocol.
    private let revision: UInt32
    private var state: AgentState?
    private let timers = SimulatedTimers<AgentTimer>()
    private(set) lazy var disk = SimulatedDisk(of: self) { [unowned self] in self.handle(.logged(upTo: $0)) }
    private var containers: [RunID: Container] = [:]
    private var endpoints: [PeerID: Network.Endpoint] = [:]
    private var dialer: SimulatedDialer?
    /// Counts events: its books, all of them, are checked after one in so many.
    private var turn = 0
    private static let eventsPerCheck = 8

    init(name: String, total: Resources, revision: UInt32, in cluster: SimulatedCluster) {
        self.revision = revision
        self.total = total
        self.firstTotal = total
        super.init(name: name, in: cluster)
    }

    /// The agent of this life: a restart may come with other resources, as far as they hold what runs.
    private func makeState(_ records: [AgentLogRecord], _ runs: [RecoveredRun]) {
        var candidates = [self.total]
        if self.cluster.settings.reconfigures {
            let change = Resources(milliCPU: 1000, milliMB: 256_000)
            let totals = [self.firstTotal, self.firstTotal + change, self.firstTotal - change]
            candidates.insert(totals.randomElement(using: &self.cluster.random)!, at: 0)
        }
        for candidate in candidates {
            let state = AgentState(
                settings: self.settings(candidate), codec: ProtobufCodec(), random: self.cluster.fork())
            self.state = state
            self.total = candidate
            guard let objection = state.objection(to: records, boot: "boot", runs: runs) else { return }
            self.cluster.trace(self.name, objection)
        }
        self.cluster.check(self.name, ["does not start as it was"])
    }

    private func settings(_ total: Resources) -> AgentSettings {
        var settings = AgentSettings(name: self.name, hostname: self.name, total: total)
        settings.sidePort = 5051
        settings.relays = self.cluster.relays.map(\.address)
        settings.executorEndpoint = self.address
        settings.statusRetryIntervalMin = self.cluster.settings.statusRetryInterval
        return settings
    }

    override func begin() {
        // A log is bytes too: every record goes through its codec.
        let records = self.disk.records.map { record in self.decode(AgentLogRecord.self, record.encoded()) }
        let runs = self.containers.keys.sorted().map { run in
            let exit = self.containers[run]?.exit
            return RecoveredRun(runID: run, exit.map { .exited($0) } ?? .running(pid: Int32(run)))
        }
        self.makeState(records, runs)
        self.handle(.recovered(records, boot: "boot", runs: runs))
        // What the log has grown by in earlier lives is not read again by the next.
        if let records = self.state?.snapshotRecords() { self.disk.rewrite(records) }
    }

    override func died() {
        self.state = nil
        self.endpoints = [:]
        self.dialer = nil
        self.disk.ownerDied()
    }

    override func dismantle() {
        super.dismantle()
        for container in self.containers.values { container.executor?.dismantle() }
        self.containers = [:]
    }

    // MARK: Relays

    private func dial() {
        let dialer = SimulatedDialer(
            self,
            hello: { [unowned self] in
                var hello = self.state?.hello ?? Hello(role: .agent, name: self.name)
                hello.revision = self.revision
                return hello
            },
            candidates: { [unowned self] in self.state?.relayCandidates ?? [] }
        ) { [unowned self] event in
            switch event {
            case .welcomed(let endpoint, let welcome):
                let peer = endpoint.peer
                self.endpoints[peer] = endpoint
                self.cluster.promises.attached(self, to: endpoint)
                endpoint.received = { bytes in self.handle(.relay(peer, self.decode(RelayToAgent.self, bytes))) }
                self.handle(.relayConnected(peer, address: self.dialer?.address ?? "", welcome))
            case .lost(let endpoint):
                self.endpoints[endpoint.peer] = nil
                self.handle(.relayDisconnected(endpoint.peer))
            case .failed: break
            }
        }
        self.dialer = dialer
        dialer.start()
    }

    // MARK: Executors

    override func admit(_ hello: Hello) -> Result<Welcome, Refusal> {
        .success(Welcome(role: .agent, name: self.name))
    }

    override func accepted(_ endpoint: Network.Endpoint, _ hello: Hello) {
        let peer = endpoint.peer
        self.endpoints[peer] = endpoint
        endpoint.received = { bytes in self.handle(.executor(peer, self.decode(ExecutorCall.self, bytes))) }
        endpoint.closed = { _ in
            self.endpoints[peer] = nil
            self.handle(.executorDisconnected(peer))
        }
        self.handle(.executorConnected(peer, hello))
    }

    // MARK: Events and effects

    private func handle(_ event: AgentState.Event) {
        guard self.isUp, self.state != nil else { return }
        self.cluster.trace(self.name, event)
        if case .relay(_, .order(_, _, .kill(let key, _, _, endsExecutor: true))) = event {
            self.cluster.guarantees.ordered(key)
        }
        var effects: [AgentState.Effect] = []
        self.state?.handle(event, at: self.now, into: &effects)
        self.cluster.promises.agentHandled(event, effects, self)
        for effect in effects where self.survivesEffect() { self.perform(effect) }
        self.turn += 1
        if self.turn % Self.eventsPerCheck == 0 { self.cluster.check(self.name, self.state?.checkInvariants() ?? []) }
    }

    private func limit(_ run: RunID, _ resources: Resources) {
        guard let container = self.containers[run], container.exit == nil else { return }
        self.cluster.containerEnded(container.spec, on: self)
        self.containers[run]?.spec.resources = resources
        if let spec = self.containers[run]?.spec { self.cluster.containerHolds(spec, on: self) }
        self.later(after: .microseconds(300)) {
            if self.containers[run]?.exit == nil { self.handle(.container(.updated(run, problem: nil))) }
        }
    }

    private func perform(_ effect: AgentState.Effect) {
        switch effect {
        case .append(let record): self.disk.append(record)
        case .sendToRelay(_, .resending) where self.revision < ProtocolRevision.ordered: break
        case .sendToRelay(let peer, let message): self.send(message, to: peer)
        case .sendToExecutor(let peer, let message): self.send(message, to: peer)
        case .launch(let spec): self.launch(spec)
        case .signal(let run, let number): self.endByOrder(run, status: number)
        case .adopt(let spec): self.limit(spec.runID, spec.resources)
        case .update(let run, let resources): self.limit(run, resources)
        case .destroy(let run): self.endByOrder(run, status: 9)
        case .forget(let run): self.containers[run] = nil
        case .probe(let id, let order, _): self.probe(id, order)
        case .setTimer(let timer, let instant):
            self.timers.set(timer, of: self, at: instant) { self.handle(.timerFired(timer)) }
        case .cancelTimer(let timer): self.timers.cancel(timer)
        case .close(let peer, let refusal):
            if self.dialer?.endpoint?.peer == peer { return self.dialer?.hangUp(refusal) ?? () }
            guard let endpoint = self.endpoints.removeValue(forKey: peer) else { return }
            self.cluster.network.close(endpoint, refusal)
        case .leaveRelay(let refusal): self.leaveRelay(refusal)
        case .seekRelay:
            if self.dialer == nil { self.dial() } else { self.dialer?.hangUp() }
        case .endLife: self.cluster.check(self.name, ["ends its life, which nobody asked for"])
        case .observe(let fact): self.cluster.trace(self.name, fact)
        }
    }

    private func leaveRelay(_ refusal: Refusal?) {
        guard let endpoint = self.dialer?.stop(refusal) else { return self.dialer = nil }
        self.dialer = nil
        self.endpoints[endpoint.peer] = nil
        self.handle(.relayDisconnected(endpoint.peer))
    }

    private func send(_ message: some WireMessage, to peer: PeerID) {
        if let endpoint = self.endpoints[peer] { self.cluster.network.send(message, from: endpoint) }
    }

    // MARK: The machine

    private func launch(_ spec: ContainerSpec) {
        guard self.containers[spec.runID] == nil else { return }
        self.containers[spec.runID] = Container(spec: spec)
        self.cluster.containerStarted(spec, on: self)
        self.later(after: .milliseconds(1)) { self.handle(.container(.started(spec.runID, pid: Int32(spec.runID)))) }
        guard spec.isCommandTask else {
            let executor = SimulatedExecutor(spec: spec, on: self, in: self.cluster) { status in
                self.end(spec.runID, status: status)
            }
            self.containers[spec.runID]?.executor = executor
            executor.start()
            return
        }
        let words = (spec.command.value ?? "").split(separator: " ")
        let milliseconds = words.count > 1 ? Int64(words[1]) ?? 0 : 0
        let code = words.count > 2 ? Int32(words[2]) ?? 0 : 0
        // Not `later`: the container runs on when the agent's process dies.
        self.cluster.queue.schedule(after: .milliseconds(2 + milliseconds)) { self.end(spec.runID, status: code << 8) }
    }

    /// The agent ends a container; what runs in it must have been wanted to end.
    private func endByOrder(_ run: RunID, status: Int32) {
        guard let container = self.containers[run], container.exit == nil else { return }
        let spec = container.spec
        let tasks = container.executor?.runningTasks ?? spec.taskID.map { [$0] } ?? []
        for task in tasks { self.cluster.promises.endedByAgent(TaskKey(spec.frameworkID, task), self) }
        self.end(run, status: status)
    }

    /// All processes of a container end.
    private func end(_ run: RunID, status: Int32) {
        guard let container = self.containers[run], container.exit == nil else { return }
        let exit = ContainerExit(status: status)
        self.containers[run]?.exit = exit
        container.executor?.kill()
        self.cluster.taskEnded(container.spec)
        self.cluster.containerEnded(container.spec, on: self)
        let life = self.life
        self.cluster.queue.schedule(after: .microseconds(200)) {
            if self.isUp, self.life == life { self.handle(.container(.exited(run, exit))) }
        }
    }

    /// Ports are never open; a command tells what its first word after the program's name says.
    private func probe(_ id: ProbeID, _ order: ProbeOrder) {
        var result = ProbeResult.failed("nothing listens")
        if case .command(let spec) = order {
            let words = (spec.command.value ?? "").split(separator: " ")
            let code = words.count > 1 ? Int32(words[1]) ?? 0 : 0
            result = .exited(status: code << 8, output: "")
            if self.containers[spec.runID]?.exit != nil { result = .skipped("the container does not run") }
        }
        self.later(after: .milliseconds(5)) { self.handle(.probed(id, result)) }
    }

    /// Where the relay is that it is connected to, or was last.
    public var relayAddress: String? { self.dialer?.address }

    /// Containers that run.
    public var runningContainers: Int { self.containers.values.count { $0.exit == nil } }
}
