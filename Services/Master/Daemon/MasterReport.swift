import Logging
import MasterCore
import Model
import Runtime

/// What a master tells people: a log line and a number for each fact, and whether it is of use.
final class MasterReport {
    private let logger: Logger
    private let readiness: Readiness
    private let numbers: MasterNumbers

    init(_ services: DaemonServices) {
        self.logger = services.logger
        self.readiness = services.readiness
        self.numbers = MasterNumbers(services.metrics)
    }

    /// A master is of use if it leads, or can say who does.
    func leaderIsKnown(_ leader: String?) {
        self.readiness.set("leader", problem: leader == nil ? "no leader is known" : nil)
    }

    /// Takes the numbers of the moment.
    func update(_ state: MasterState, at now: Instant) {
        self.numbers.leading.set(state.leadingEpoch == nil ? 0 : 1)
        guard let status = state.status(at: now) else { return self.numbers.clear() }
        self.numbers.epoch.set(Double(status.epoch.value))
        for (gauge, value) in [
            (self.numbers.agents, status.agents), (self.numbers.relays, status.relays),
            (self.numbers.allocators, status.allocators), (self.numbers.frameworks, status.frameworks),
            (self.numbers.tasks, status.tasks), (self.numbers.offers, status.offers),
        ] {
            gauge.set(Int(value))
        }
        for (gauges, resources) in [
            (self.numbers.total, status.total), (self.numbers.used, status.used),
            (self.numbers.offered, status.offered),
        ] {
            gauges.cpus.set(Double(resources.cpus) / 1000)
            gauges.mem.set(Double(resources.mem) / 1000 * 1_048_576)
        }
    }

    // One line per fact, so the table stays whole.
    func observe(_ fact: MasterFact) {
        switch fact {
        case .leading(let epoch): self.say(.notice, "Leading", [LogKey.epoch: "\(epoch)"])
        case .deposed(let epoch, let reason):
            self.say(.notice, "Leading no longer", [LogKey.epoch: "\(epoch)", LogKey.reason: "\(reason)"])
        case .relayConnected(_, let name): self.say(.info, "Relay connected", [LogKey.peer: "\(name)"])
        case .relaySynced(_, let name, let agents):
            self.say(.info, "Relay has told its agents", [LogKey.peer: "\(name)", LogKey.count: "\(agents)"])
        case .relayDisconnected(_, let name, let agents):
            self.say(.notice, "Relay disconnected", [LogKey.peer: "\(name)", LogKey.count: "\(agents)"])
        case .allocatorConnected(_, let name): self.say(.info, "Allocator connected", [LogKey.peer: "\(name)"])
        case .shadowConnected(_, let name):
            self.say(.info, "Allocator watches, and decides nothing", [LogKey.peer: "\(name)"])
        case .allocatorReady(_, let name): self.say(.info, "Allocator ready", [LogKey.peer: "\(name)"])
        case .allocatorDisconnected(_, let name): self.say(.notice, "Allocator disconnected", [LogKey.peer: "\(name)"])
        case .agentAttached, .agentDetached, .agentRefused, .agentUnreachable, .agentReturned: self.observeAgent(fact)
        case .frameworkSubscribed, .frameworkFailedOver, .frameworkDisconnected, .frameworkRecovered,
            .frameworkRemoved, .schedulerWaits:
            self.observeFramework(fact)
        case .offersMade(_, let count): self.numbers.offersMade.add(count)
        case .offersDeclined(_, let count): self.numbers.offersDeclined.add(count)
        case .offersExpired(let count): self.numbers.offersExpired.add(count)
        case .tasksLaunched, .launchRepeated, .taskRefused, .taskEnded, .killOrdered: self.observeTask(fact)
        case .allocationRefused(_, let reason):
            self.numbers.allocationsRefused.add()
            self.say(.debug, "Allocation refused", [LogKey.reason: "\(reason)"])
        case .revocationWithdrawn(let key, let reason):
            self.say(
                .notice, "Task stays after all",
                [
                    LogKey.taskID: "\(key.task)", LogKey.frameworkID: "\(key.framework)",
                    LogKey.reason: "\(reason)",
                ])
        case .revocationAdmitted(let key, let reason, _):
            self.numbers.revocations.add()
            self.say(
                .notice, "Task is taken back",
                [
                    LogKey.taskID: "\(key.task)", LogKey.frameworkID: "\(key.framework)",
                    LogKey.reason: "\(reason)",
                ])
        case .policyAdopted(let sharing, let roles, let frameworks):
            self.say(
                .notice, "Policy in force",
                [
                    LogKey.policy: "\(sharing)", LogKey.reason: "\(roles) roles and \(frameworks) frameworks are named",
                ])
        case .policyRefused(let reason): self.say(.error, "Policy refused", [LogKey.reason: "\(reason)"])
        case .guaranteesUnmet(let reason): self.say(.warning, "Guarantees unmet", [LogKey.reason: "\(reason)"])
        case .revocationRefused(_, let reason): self.say(.debug, "Revocation refused", [LogKey.reason: "\(reason)"])
        case .inverseOfferAnswered(let id, let accepted):
            self.say(
                .info, "Inverse offer answered",
                [LogKey.frameworkID: "\(id)", LogKey.reason: accepted ? "will leave" : "cannot leave"])
        case .filterForgotten(let id):
            self.say(.debug, "Refusal not remembered: too many", [LogKey.frameworkID: "\(id)"])
        case .callRefused(_, let reason):
            self.numbers.callsRefused.add()
            self.say(.info, "Call refused", [LogKey.reason: "\(reason)"])
        }
    }

    private func observeAgent(_ fact: MasterFact) {
        switch fact {
        case .agentAttached(let id, let hostname, let relay, let attachment, let inSnapshot):
            // When a leader begins, all agents of the cluster are, and a line for each takes as long as taking it over.
            self.say(
                inSnapshot ? .debug : .info, "Agent attached",
                [
                    LogKey.agentID: "\(id)", LogKey.address: "\(hostname)", LogKey.peer: "\(relay)",
                    LogKey.attachment: "\(attachment)",
                ])
        case .agentDetached(let id, let relay):
            self.say(.info, "Agent disconnected", [LogKey.agentID: "\(id)", LogKey.peer: "\(relay)"])
        case .agentRefused(let id, let relay, let reason):
            let metadata: Logger.Metadata = [LogKey.peer: "\(relay)", LogKey.reason: "\(reason)"]
            self.say(.notice, "Agent refused", metadata.merging([LogKey.agentID: "\(id?.rawValue ?? "new")"]) { $1 })
        case .agentUnreachable(let id, let tasks):
            self.numbers.agentsUnreachable.add()
            self.say(.notice, "Agent unreachable", [LogKey.agentID: "\(id)", LogKey.count: "\(tasks)"])
        case .agentReturned(let id, let tasks):
            self.say(.notice, "Agent has come back", [LogKey.agentID: "\(id)", LogKey.count: "\(tasks)"])
        default: break
        }
    }

    private func observeFramework(_ fact: MasterFact) {
        switch fact {
        case .frameworkSubscribed(let id, let name, let subscription, _):
            self.say(
                .notice, "Framework subscribed",
                [LogKey.frameworkID: "\(id)", LogKey.name: "\(name)", LogKey.subscription: "\(subscription)"])
        case .frameworkFailedOver(let id, _, _):
            self.say(.notice, "Framework failed over", [LogKey.frameworkID: "\(id)"])
        case .frameworkDisconnected(let id, let timeout):
            self.say(
                .notice, "Framework disconnected",
                [LogKey.frameworkID: "\(id)", LogKey.milliseconds: "\(timeout.nanoseconds / 1_000_000)"])
        case .frameworkRecovered(let id, let name):
            self.say(.notice, "Framework recovered", [LogKey.frameworkID: "\(id)", LogKey.name: "\(name)"])
        case .frameworkRemoved(let id, let reason):
            self.say(.notice, "Framework removed", [LogKey.frameworkID: "\(id)", LogKey.reason: "\(reason)"])
        case .schedulerWaits(let id, _): self.say(.info, "Scheduler stands by", [LogKey.frameworkID: "\(id)"])
        default: break
        }
    }

    private func observeTask(_ fact: MasterFact) {
        func names(_ key: TaskKey) -> Logger.Metadata {
            [LogKey.taskID: "\(key.task)", LogKey.frameworkID: "\(key.framework)"]
        }
        switch fact {
        case .tasksLaunched(let framework, let agent, let count):
            self.numbers.tasksLaunched.add(count)
            self.say(
                .debug, "Tasks launched",
                [LogKey.frameworkID: "\(framework)", LogKey.agentID: "\(agent)", LogKey.count: "\(count)"])
        case .launchRepeated(let key, let agent):
            self.say(.info, "Launch repeated", names(key).merging([LogKey.agentID: "\(agent)"]) { $1 })
        case .taskRefused(let key, let reason):
            self.numbers.tasksRefused.add()
            self.say(.info, "Task refused", names(key).merging([LogKey.reason: "\(reason)"]) { $1 })
        case .taskEnded(let key, let state):
            self.numbers.ended(state)
            self.say(.debug, "Task ended", names(key).merging([LogKey.state: "\(state.name)"]) { $1 })
        case .killOrdered(let key, let reason):
            self.say(.debug, "Kill ordered", names(key).merging([LogKey.reason: "\(reason)"]) { $1 })
        default: break
        }
    }

    /// `metadata` is made only if the line is written.
    private func say(
        _ level: Logger.Level, _ sentence: Logger.Message, _ metadata: @autoclosure () -> Logger.Metadata
    ) {
        self.logger.log(level: level, sentence, metadata: metadata())
    }
}

/// The names of a master's numbers.
struct MasterNumbers {
    /// One gauge per amount.
    struct Amounts {
        let cpus: Gauge
        let mem: Gauge
    }

    let leading: Gauge
    let epoch: Gauge
    let agents: Gauge
    let relays: Gauge
    let allocators: Gauge
    let frameworks: Gauge
    let tasks: Gauge
    let offers: Gauge
    let total: Amounts
    let used: Amounts
    let offered: Amounts
    let agentsUnreachable: Counter
    let offersMade: Counter
    let offersDeclined: Counter
    let offersExpired: Counter
    let allocationsRefused: Counter
    let revocations: Counter
    let callsRefused: Counter
    let tasksLaunched: Counter
    let tasksRefused: Counter
    private let tasksEnded: [TaskState: Counter]

    init(_ metrics: Metrics) {
        func amounts(_ what: String, _ help: String) -> Amounts {
            Amounts(
                cpus: metrics.gauge("meseta_master_cpus_\(what)_cores", "CPUs of the cluster \(help)."),
                mem: metrics.gauge("meseta_master_mem_\(what)_bytes", "Memory of the cluster \(help)."))
        }
        self.leading = metrics.gauge("meseta_master_leading", "1 while this master leads.")
        self.epoch = metrics.gauge("meseta_master_epoch", "The epoch under which it leads; 0 while standing by.")
        self.agents = metrics.gauge("meseta_master_agents", "Agents that are attached or expected back.")
        self.relays = metrics.gauge("meseta_master_relays", "Relays connected.")
        self.allocators = metrics.gauge("meseta_master_allocators", "Allocators connected.")
        self.frameworks = metrics.gauge("meseta_master_frameworks", "Frameworks, with or without a scheduler.")
        self.tasks = metrics.gauge("meseta_master_tasks", "Tasks that run or whose end is not acknowledged.")
        self.offers = metrics.gauge("meseta_master_offers", "Offers that wait for an answer.")
        self.total = amounts("total", "in all")
        self.used = amounts("used", "held by tasks and executors")
        self.offered = amounts("offered", "held by offers")
        self.agentsUnreachable = metrics.counter("meseta_master_agents_unreachable_total", "Agents given up.")
        self.offersMade = metrics.counter("meseta_master_offers_made_total", "Offers sent.")
        self.offersDeclined = metrics.counter("meseta_master_offers_declined_total", "Offers declined.")
        self.offersExpired = metrics.counter("meseta_master_offers_expired_total", "Offers that nobody answered.")
        self.allocationsRefused = metrics.counter(
            "meseta_master_allocations_refused_total", "Proposals of allocators that the books did not allow.")
        self.revocations = metrics.counter("meseta_master_revocations_total", "Tasks taken back for other frameworks.")
        self.callsRefused = metrics.counter("meseta_master_calls_refused_total", "Calls answered with an error.")
        self.tasksLaunched = metrics.counter("meseta_master_tasks_launched_total", "Tasks ordered from agents.")
        self.tasksRefused = metrics.counter("meseta_master_tasks_refused_total", "Tasks that were not valid.")
        var ended: [TaskState: Counter] = [:]
        for state in TaskState.allCases where state.isTerminal {
            ended[state] = metrics.counter(
                "meseta_master_tasks_ended_total", "Tasks that ended, by state.", labels: [("state", state.name)])
        }
        self.tasksEnded = ended
    }

    func ended(_ state: TaskState) { self.tasksEnded[state]?.add() }

    /// What a master that stands by does not have.
    func clear() {
        for gauge in [
            self.epoch, self.agents, self.relays, self.allocators, self.frameworks, self.tasks, self.offers,
            self.total.cpus, self.total.mem, self.used.cpus, self.used.mem, self.offered.cpus, self.offered.mem,
        ] {
            gauge.set(0)
        }
    }
}
