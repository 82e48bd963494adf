internal import AgentCore
internal import Messages
internal import Model

/// Watches the promises of the cluster, from what machines run, what is on disks, and what frameworks are told; the books of
/// the cores are not asked.
final class PromiseChecker {
    /// What is known of one task.
    private struct Life {
        /// How often it began to run.
        var starts = 0
        var isRunning = false
        /// Its framework was told that it has ended.
        var isSettled = false
        /// Its framework was told that nobody knows, and nothing since.
        var isUnreachable = false
        /// Its highest sequence that an agent has on disk.
        var accepted: StatusSequence = 0
        /// When that was.
        var acceptedAt = Instant.distantFuture
        /// The last that its framework was told in this life of the scheduler, and in all.
        var told: StatusSequence = 0
        var toldEver: StatusSequence = 0
        var scheduler = 0
    }

    private unowned let cluster: SimulatedCluster
    private var lives: [TaskKey: Life] = [:]
    /// Tasks by an agent's own numbers.
    private var numbers: [Int: [UInt64: TaskKey]] = [:]
    /// The latest leader that each agent has obeyed, and what it says that it obeys.
    private var obeyed: [Int: Epoch] = [:]
    private var relays: [Int: String] = [:]

    init(_ cluster: SimulatedCluster) { self.cluster = cluster }

    // MARK: One leader

    /// An agent took an event: orders of a leader before the one it obeys must come to nothing.
    func agentHandled(_ event: AgentState.Event, _ effects: [AgentState.Effect], _ agent: SimulatedAgent) {
        switch event {
        case .relay(_, .registered(_, _, let epoch)): self.obeys(agent, epoch, effects)
        case .relay(_, .order(let epoch, _, _)): self.obeys(agent, epoch, effects)
        default: break
        }
    }

    private func obeys(_ agent: SimulatedAgent, _ epoch: Epoch, _ effects: [AgentState.Effect]) {
        let latest = self.obeyed[agent.index] ?? .none
        let isIgnored = effects.allSatisfy { if case .observe(.orderIgnored) = $0 { true } else { false } }
        if epoch < latest, !effects.isEmpty, !isIgnored {
            self.cluster.check(agent.name, ["obeys epoch \(epoch) after \(latest)"])
        }
        if isIgnored, epoch < latest { self.cluster.coverage.count(.staleOrdersIgnored) }
        if !isIgnored { self.obeyed[agent.index] = max(latest, epoch) }
    }

    func attached(_ agent: SimulatedAgent, to endpoint: Network.Endpoint) {
        let relay = agent.relayAddress ?? ""
        if let before = self.relays[agent.index], before != relay { self.cluster.coverage.count(.relaysChanged) }
        self.relays[agent.index] = relay
    }

    // MARK: Started at most once

    func started(_ key: TaskKey) {
        self.lives[key, default: Life()].starts += 1
        self.lives[key]?.isRunning = true
        self.cluster.coverage.count(.tasksStarted)
        guard let life = self.lives[key] else { return }
        if life.starts > 1 { self.cluster.check("machines", ["\(key) was started twice"]) }
        if life.isSettled {
            self.cluster.check("machines", ["\(key) starts, and its framework was told that it has ended"])
        }
    }

    func ended(_ key: TaskKey) { self.lives[key]?.isRunning = false }

    // MARK: Nothing that an agent accepted is lost

    func onDisk(_ records: [AgentLogRecord], of agent: SimulatedAgent) {
        for record in records {
            switch record {
            case .taskAccepted(let acceptance):
                self.numbers[agent.index, default: [:]][acceptance.number] = acceptance.key
            case .taskStatus(let status):
                guard let key = self.numbers[agent.index]?[status.number] else { continue }
                var life = self.lives[key] ?? Life()
                if status.sequence > life.accepted {
                    (life.accepted, life.acceptedAt) = (status.sequence, self.cluster.queue.now)
                }
                self.lives[key] = life
            default: break
            }
        }
    }

    /// The framework's own code is told something of a task.
    func told(_ scheduler: SimulatedScheduler, _ status: TaskStatus) {
        guard let framework = scheduler.frameworkID else { return }
        let key = TaskKey(framework, status.taskID)
        var life = self.lives[key] ?? Life()
        if status.sequence > 0 {
            let isNewLife = life.scheduler != scheduler.life
            if !isNewLife, status.sequence <= life.told {
                self.cluster.check(
                    scheduler.name, ["\(status.taskID): status \(status.sequence) is delivered after \(life.told)"])
            }
            if status.sequence > life.toldEver + 1 {
                let gap = "status \(status.sequence) is delivered after \(life.toldEver)"
                self.cluster.check(scheduler.name, ["\(status.taskID): \(gap): one is lost"])
            }
            self.cluster.coverage.count(status.sequence <= life.toldEver ? .statusesDeliveredAgain : .statusesDelivered)
            life.scheduler = scheduler.life
            life.told = status.sequence
            life.toldEver = max(life.toldEver, status.sequence)
        }
        if life.isUnreachable != (status.state == .unreachable) {
            self.cluster.coverage.count(life.isUnreachable ? .tasksReturned : .tasksUnreachable)
            life.isUnreachable.toggle()
        }
        if status.state.isTerminal {
            life.isSettled = true
            if life.isRunning, status.state != .lost {
                self.cluster.check(scheduler.name, ["\(status.taskID) is told \(status.state.name), and runs"])
            }
        }
        self.lives[key] = life
    }

    /// What was accepted by then and has not come to its framework.
    func undelivered(acceptedBy instant: Instant) -> [String] {
        self.lives.filter {
            $0.value.accepted > $0.value.toldEver && !$0.value.isSettled && $0.value.acceptedAt <= instant
        }
        .map { "\($0.key) has status \($0.value.accepted), told \($0.value.toldEver)" }.sorted()
    }
}
