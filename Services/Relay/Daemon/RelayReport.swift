import Logging
import Model
import RelayCore
import Runtime

/// What a relay tells people: a log line and a number for each fact, and whether it is of use.
final class RelayReport {
    private let logger: Logger
    private let readiness: Readiness
    private let numbers: RelayNumbers
    private var followed: Epoch?
    private var counted = RelayCounters()

    init(_ services: DaemonServices) {
        self.logger = services.logger
        self.readiness = services.readiness
        self.numbers = RelayNumbers(services.metrics)
    }

    /// Takes the numbers of the moment.
    ///
    /// A relay is of use while a leading master knows its agents.
    func update(_ state: RelayState) {
        if self.followed != state.followedEpoch {
            self.followed = state.followedEpoch
            self.readiness.set("master", problem: self.followed == nil ? "no leading master is connected" : nil)
            self.numbers.epoch.set(Double(self.followed?.value ?? 0))
        }
        self.numbers.agents.set(state.attachedAgents)
        self.numbers.schedulers.set(state.connectedSchedulers)
        self.numbers.heldStatuses.set(state.heldStatuses)
        self.numbers.heldBytes.set(state.heldBytes)
        let now = state.counters
        for (counter, path) in self.numbers.counters {
            counter.add(Int(now[keyPath: path] - self.counted[keyPath: path]))
        }
        self.counted = now
    }

    func observe(_ fact: RelayFact) {
        switch fact {
        case .agentAttached(let id, let attachment, _):
            self.say(.info, "Agent attached", self.agent(id, attachment))
        case .agentAccepted(let id, let attachment, let isFirst):
            // A new leader accepts all agents at once, and says how many.
            self.say(isFirst ? .info : .debug, "Agent accepted", self.agent(id, attachment))
        case .agentRefused(let id, let attachment, let message):
            self.say(.notice, "Agent refused", self.agent(id, attachment).merging([LogKey.reason: "\(message)"]) { $1 })
        case .agentDetached(let id, let attachment): self.say(.info, "Agent detached", self.agent(id, attachment))
        case .peerClosed(_, let refusal): self.say(.info, "Connection ended here", [LogKey.reason: "\(refusal)"])
        case .masterFollowed(let epoch, let agents):
            self.say(.notice, "Following a master", [LogKey.epoch: "\(epoch)", LogKey.count: "\(agents)"])
        case .snapshotSent(let agents): self.say(.info, "The master was told all agents", [LogKey.count: "\(agents)"])
        case .masterLost(let epoch): self.say(.notice, "Master lost", [LogKey.epoch: "\(epoch)"])
        case .cutOff(let epoch, let address, let agents):
            self.say(
                .warning, "Cut off from the master: agents are sent to the relays that reach it",
                [LogKey.epoch: "\(epoch)", LogKey.address: "\(address)", LogKey.count: "\(agents)"])
        case .masterStale(let epoch, let highest):
            self.say(
                .notice, "Master not followed: its epoch is over",
                [LogKey.epoch: "\(epoch)", LogKey.reason: "\(highest) has been seen"])
        case .orderDropped(let agent, let attachment):
            self.say(
                .debug, "Order dropped: it is for another life of its agent",
                [LogKey.agentID: "\(agent)", LogKey.attachment: "\(attachment)"])
        case .schedulerConnected, .schedulerDisconnected, .fellBack, .frameworkRemoved, .statusesDropped, .resendAsked,
            .acknowledgementDropped, .messageDropped:
            self.observeFramework(fact)
        }
    }

    private func observeFramework(_ fact: RelayFact) {
        switch fact {
        case .schedulerConnected(let id, let subscription):
            self.say(
                .info, "Scheduler connected", [LogKey.frameworkID: "\(id)", LogKey.subscription: "\(subscription)"])
        case .schedulerDisconnected(let id): self.say(.info, "Scheduler disconnected", [LogKey.frameworkID: "\(id)"])
        case .fellBack(let id):
            self.say(.info, "Updates go through the master: no scheduler here", [LogKey.frameworkID: "\(id)"])
        case .frameworkRemoved(let id): self.say(.info, "Framework removed", [LogKey.frameworkID: "\(id)"])
        case .statusesDropped(let id, let agent):
            self.say(
                .info, "Too many statuses held: the agent keeps the rest",
                [LogKey.frameworkID: "\(id)", LogKey.agentID: "\(agent?.rawValue ?? "new")"])
        case .resendAsked(let id, let agents):
            self.say(
                .info, "Agents asked for the statuses they kept",
                [LogKey.frameworkID: "\(id)", LogKey.count: "\(agents)"])
        case .acknowledgementDropped(let id, let agent):
            self.say(
                .debug, "Acknowledgement dropped: its agent is not here",
                [LogKey.frameworkID: "\(id)", LogKey.agentID: "\(agent)"])
        case .messageDropped(let key):
            self.numbers.messagesDropped.add()
            self.say(
                .debug, "Message dropped: nobody to give it to",
                [LogKey.frameworkID: "\(key.framework)", LogKey.executorID: "\(key.executor)"])
        default: break
        }
    }

    private func agent(_ id: AgentID?, _ attachment: Attachment) -> Logger.Metadata {
        [LogKey.agentID: "\(id?.rawValue ?? "new")", LogKey.attachment: "\(attachment)"]
    }

    /// `metadata` is made only if the line is written.
    private func say(
        _ level: Logger.Level, _ sentence: Logger.Message, _ metadata: @autoclosure () -> Logger.Metadata
    ) {
        self.logger.log(level: level, sentence, metadata: metadata())
    }
}

/// The names of a relay's numbers.
struct RelayNumbers {
    let epoch: Gauge
    let agents: Gauge
    let schedulers: Gauge
    let heldStatuses: Gauge
    let heldBytes: Gauge
    let messagesDropped: Counter
    /// Those that the core counts.
    let counters: [(Counter, KeyPath<RelayCounters, UInt64>)]

    init(_ metrics: Metrics) {
        self.epoch = metrics.gauge("meseta_relay_epoch", "The epoch of the master that is followed; 0 if none is.")
        self.agents = metrics.gauge("meseta_relay_agents", "Agents attached.")
        self.schedulers = metrics.gauge("meseta_relay_schedulers", "Schedulers connected.")
        self.heldStatuses = metrics.gauge("meseta_relay_statuses_held", "Statuses that nobody has acknowledged.")
        self.heldBytes = metrics.gauge("meseta_relay_statuses_held_bytes", "What they take.")
        self.messagesDropped = metrics.counter(
            "meseta_relay_messages_dropped_total", "Messages of executors that nobody was there for.")
        self.counters = [
            (
                metrics.counter("meseta_relay_statuses_to_schedulers_total", "Statuses given to schedulers here."),
                \.statusesToSchedulers
            ),
            (
                metrics.counter("meseta_relay_statuses_to_master_total", "Statuses given to the master."),
                \.statusesToMaster
            ),
            (
                metrics.counter("meseta_relay_statuses_dropped_total", "Statuses left to their agents for later."),
                \.statusesDropped
            ),
            (metrics.counter("meseta_relay_acknowledgements_total", "Acknowledgements passed on."), \.acknowledgements),
            (metrics.counter("meseta_relay_orders_total", "Orders passed to agents."), \.orders),
            (
                metrics.counter("meseta_relay_orders_dropped_total", "Orders for another life of their agent."),
                \.ordersDropped
            ),
            (metrics.counter("meseta_relay_book_entries_total", "Changes of agents' books passed on."), \.bookEntries),
            (metrics.counter("meseta_relay_messages_total", "Messages of executors."), \.messages),
        ]
    }
}
