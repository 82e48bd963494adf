import AllocatorCore
import Logging
import Model
import Runtime

/// What an allocator tells people: a log line and a number for each fact, and whether it is of use.
final class AllocatorReport {
    private let logger: Logger
    private let readiness: Readiness
    private let numbers: AllocatorNumbers
    private var isSynced = false
    private var counted = AllocatorCounters()

    init(_ services: DaemonServices) {
        self.logger = services.logger
        self.readiness = services.readiness
        self.numbers = AllocatorNumbers(services.metrics)
    }

    /// Takes the numbers of the moment.
    ///
    /// An allocator is of use while it knows all facts.
    func update(_ state: AllocatorState) {
        if self.isSynced != state.isSynced {
            self.isSynced = state.isSynced
            self.readiness.set("master", problem: self.isSynced ? nil : "no leading master has told its facts")
        }
        self.numbers.epoch.set(self.isSynced ? Double(state.highestEpoch.value) : 0)
        self.numbers.agents.set(state.knownAgents)
        self.numbers.owned.set(state.ownedAgents)
        self.numbers.frameworks.set(state.knownFrameworks)
        self.numbers.filters.set(state.activeFilters)
        let now = state.counters
        for (counter, path) in self.numbers.counters {
            counter.add(Int(now[keyPath: path] - self.counted[keyPath: path]))
        }
        self.counted = now
    }

    func observe(_ fact: AllocatorFact) {
        switch fact {
        case .masterFollowed(let epoch): self.say(.notice, "Following a master", [LogKey.epoch: "\(epoch)"])
        case .synced(let agents, let frameworks):
            self.say(
                .info, "All facts are known", [LogKey.count: "\(agents) agents, \(frameworks) frameworks"])
        case .masterLost(let epoch): self.say(.notice, "Master lost", [LogKey.epoch: "\(epoch)"])
        case .masterStale(let epoch, let highest):
            self.say(
                .notice, "Master not followed: its epoch is over",
                [LogKey.epoch: "\(epoch)", LogKey.reason: "\(highest) has been seen"])
        case .agentOwned(let id, _): self.say(.debug, "Proposing for an agent", [LogKey.agentID: "\(id)"])
        case .agentLost(let id): self.say(.debug, "Not proposing for an agent any more", [LogKey.agentID: "\(id)"])
        case .allocationRefused(let agent, let framework, let resources, let message):
            self.say(
                .debug, "Allocation refused",
                [
                    LogKey.agentID: "\(agent)", LogKey.frameworkID: "\(framework)",
                    LogKey.reason: "\(message)", LogKey.count: "\(resources)",
                ])
        case .revocationRefused(let message): self.say(.debug, "Revocation refused", [LogKey.reason: "\(message)"])
        }
    }

    /// `metadata` is made only if the line is written.
    private func say(
        _ level: Logger.Level, _ sentence: Logger.Message, _ metadata: @autoclosure () -> Logger.Metadata
    ) {
        self.logger.log(level: level, sentence, metadata: metadata())
    }
}

/// The names of an allocator's numbers.
struct AllocatorNumbers {
    let epoch: Gauge
    let agents: Gauge
    let owned: Gauge
    let frameworks: Gauge
    let filters: Gauge
    /// Those that the core counts.
    let counters: [(Counter, KeyPath<AllocatorCounters, UInt64>)]

    init(_ metrics: Metrics) {
        self.epoch = metrics.gauge("meseta_allocator_epoch", "The epoch of the master it follows; 0 if none.")
        self.agents = metrics.gauge("meseta_allocator_agents", "Agents of the cluster.")
        self.owned = metrics.gauge("meseta_allocator_agents_owned", "Agents that it proposes for.")
        self.frameworks = metrics.gauge("meseta_allocator_frameworks", "Frameworks of the cluster.")
        self.filters = metrics.gauge("meseta_allocator_filters", "Refusals that have not run out.")
        self.counters = [
            (metrics.counter("meseta_allocator_turns_total", "Turns in which agents were looked at."), \.turns),
            (metrics.counter("meseta_allocator_decisions_total", "Agents looked at."), \.decisions),
            (metrics.counter("meseta_allocator_looks_total", "Frameworks looked at, over all decisions."), \.looks),
            (metrics.counter("meseta_allocator_proposals_total", "Allocations proposed."), \.proposals),
            (metrics.counter("meseta_allocator_refusals_total", "Proposals that the master refused."), \.refusals),
            (
                metrics.counter("meseta_allocator_revocations_total", "Tasks proposed to be taken back."),
                \.revocations
            ),
        ]
    }
}
