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
        /// The last word on that was not the agent's: its statuses need not be told any more.
        var isPresumed = false
        var isLostByGuess = false
        /// An agent was ordered to end it, for a reason that is stated.
        var isAskedToEnd = false
        /// Its framework was told once that nobody knows.
        var wasUnreachable = false
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
        /// What told statuses are recognised by, in the order of their sequences.
        var uuids: [Bytes?] = []

        /// A status is on an agent's disk that its framework should hear of.
        var isOpen: Bool { self.accepted > self.toldEver && !self.isPresumed }
    }

    private unowned let cluster: SimulatedCluster
    private var lives: [TaskKey: Life] = [:]
    /// Tasks by an agent's own numbers.
    private var numbers: [Int: [UInt64: TaskKey]] = [:]
    /// The latest leader that each agent has obeyed, and what it says that it obeys.
    private var obeyed: [Int: Epoch] = [:]
    private var relays: [Int: String] = [:]
    /// Tasks of which something is to be told.
    private var open: Set<TaskKey> = []

    init(_ cluster: SimulatedCluster) { self.cluster = cluster }

    // MARK: One leader

    /// An agent took an event: orders of a leader before the one it obeys must come to nothing.
    func agentHandled(_ event: AgentState.Event, _ effects: [AgentState.Effect], _ agent: SimulatedAgent) {
        switch event {
        case .recovered(let records, _, _):
            // An epoch that never reached the disk: nor did anything that the agent did under it, since that comes after it.
            let seen = records.compactMap { if case .epochSeen(let epoch) = $0 { epoch } else { nil } }.max() ?? .none
            if let latest = self.obeyed[agent.index] { self.obeyed[agent.index] = min(latest, seen) }
        case .relay(_, .registered(_, _, let epoch)): self.obeys(agent, epoch, effects)
        case .relay(_, .order(let epoch, _, let order)):
            let isObeyed = self.obeys(agent, epoch, effects)
            if isObeyed, case .kill(let key, _, let reason, _) = order { self.killOrdered(key, reason, agent) }
            if isObeyed, case .restate = order { self.cluster.coverage.count(.agentsAsked) }
        default: break
        }
    }

    @discardableResult
    private func obeys(_ agent: SimulatedAgent, _ epoch: Epoch, _ effects: [AgentState.Effect]) -> Bool {
        let latest = self.obeyed[agent.index] ?? .none
        let isIgnored = effects.allSatisfy { if case .observe(.orderIgnored) = $0 { true } else { false } }
        if epoch < latest, !effects.isEmpty, !isIgnored {
            self.cluster.check(agent.name, ["obeys epoch \(epoch) after \(latest)"])
        }
        if isIgnored, epoch < latest { self.cluster.coverage.count(.staleOrdersIgnored) }
        if !isIgnored { self.obeyed[agent.index] = max(latest, epoch) }
        return !isIgnored || effects.isEmpty && epoch >= latest
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
        // LOST is a guess: who knows UNREACHABLE and UNKNOWN is told those.
        if life.isSettled, !life.isLostByGuess {
            self.cluster.check("machines", ["\(key) starts, and its framework was told that it has ended"])
        }
    }

    func ended(_ key: TaskKey) { self.lives[key]?.isRunning = false }

    // MARK: Nobody disturbs a task

    /// The framework itself wants it so.
    func wishedToEnd(_ key: TaskKey) { self.lives[key, default: Life()].isAskedToEnd = true }

    /// An agent obeys an order to end a task: it must have a reason that frameworks are told of.
    private func killOrdered(_ key: TaskKey, _ reason: String, _ agent: SimulatedAgent) {
        let life = self.lives[key, default: Life()]
        let isReturned = life.wasUnreachable || life.isSettled || reason.hasPrefix("its agent was away for too long")
        let isRevoked = reason.hasPrefix("revoked") || self.cluster.drainer != nil
        if life.isRunning, !life.isAskedToEnd, !isReturned, !isRevoked {
            self.cluster.check(agent.name, ["\(key) is ordered to end (\(reason)), and nobody wants that"])
        }
        if isReturned, life.isRunning { self.cluster.coverage.count(.tasksEndedOnReturn) }
        self.lives[key, default: Life()].isAskedToEnd = true
    }

    /// An agent ends what a task runs in.
    func endedByAgent(_ key: TaskKey, _ agent: SimulatedAgent) {
        guard let life = self.lives[key], life.isRunning, !life.isAskedToEnd, self.cluster.drainer == nil else {
            return
        }
        self.cluster.check(agent.name, ["\(key) is ended by its agent, and nobody wants that"])
    }

    /// What a framework is told of the end of a task that had begun: that it finished, or what somebody wanted.
    private func checkEnd(_ status: TaskStatus, _ life: Life, _ scheduler: SimulatedScheduler) {
        guard status.state != .finished, life.starts > 0, !life.isSettled, !life.isAskedToEnd,
            self.cluster.drainer == nil
        else { return }
        // Whoever does not know UNREACHABLE is told LOST.
        if status.state == .lost, status.uuid == nil { return }
        let why = status.message ?? ""
        self.cluster.check(scheduler.name, ["\(status.taskID) had begun, and is told \(status.state.name): \(why)"])
    }

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
                self.store(life, key)
            default: break
            }
        }
    }

    private func store(_ life: Life, _ key: TaskKey) {
        if life.isOpen { self.open.insert(key) } else { self.open.remove(key) }
        self.lives[key] = life
    }

    /// The framework's own code is told something of a task.
    func told(_ scheduler: SimulatedScheduler, _ status: TaskStatus) {
        guard let framework = scheduler.frameworkID else { return }
        let key = TaskKey(framework, status.taskID)
        var life = self.lives[key] ?? Life()
        if status.sequence > 0 {
            // Of a framework with several schedulers each has lives of its own.
            let driver = scheduler.driver
            let isNewLife = life.scheduler != driver
            if !isNewLife, status.sequence <= life.told {
                self.cluster.check(
                    scheduler.name, ["\(status.taskID): status \(status.sequence) is delivered after \(life.told)"])
            }
            if status.sequence > life.toldEver + 1 {
                let gap = "status \(status.sequence) is delivered after \(life.toldEver)"
                self.cluster.check(scheduler.name, ["\(status.taskID): \(gap): one is lost"])
            }
            self.cluster.coverage.count(status.sequence <= life.toldEver ? .statusesDeliveredAgain : .statusesDelivered)
            self.checkCopy(status, &life, scheduler)
            life.scheduler = driver
            life.told = status.sequence
            life.toldEver = max(life.toldEver, status.sequence)
        }
        if life.isUnreachable != (status.state == .unreachable) {
            self.cluster.coverage.count(life.isUnreachable ? .tasksReturned : .tasksUnreachable)
            life.isUnreachable.toggle()
            life.wasUnreachable = true
        }
        if status.state.isTerminal {
            self.checkEnd(status, life, scheduler)
            life.isSettled = true
            life.isPresumed = status.uuid == nil
            life.isLostByGuess = life.isPresumed && status.state == .lost
            if life.isRunning, status.state != .lost || status.uuid != nil {
                self.cluster.check(scheduler.name, ["\(status.taskID) is told \(status.state.name), and runs"])
            }
        }
        self.store(life, key)
    }

    /// One that comes again, to another life of its scheduler, can be recognised.
    private func checkCopy(_ status: TaskStatus, _ life: inout Life, _ scheduler: SimulatedScheduler) {
        let place = Int(status.sequence) - 1
        if place == life.uuids.count {
            life.uuids.append(status.uuid)
        } else if place < life.uuids.count, life.uuids[place] != status.uuid {
            self.cluster.check(scheduler.name, ["\(status.taskID): status \(status.sequence) comes with another uuid"])
        }
    }

    /// Everything that was accepted has come to its framework.
    var isAllTold: Bool { self.open.isEmpty }

    /// What was accepted by then and has not come to its framework.
    func undelivered(acceptedBy instant: Instant) -> [String] {
        self.open.sorted().compactMap { key in
            guard let life = self.lives[key], life.acceptedAt <= instant else { return nil }
            return "\(key) has status \(life.accepted), told \(life.toldEver)"
        }
    }
}
