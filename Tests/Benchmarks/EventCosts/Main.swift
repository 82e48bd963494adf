import AllocationCount
import ArgumentParser
import Foundation
import Model
import Simulator
import TestSupport

/// `event-costs`: a fixed amount of work for all cores and codecs, so that somebody can count what it takes.
@main
struct EventCosts: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "event-costs",
        abstract: "Run a simulated cluster for so long, with so much to do at a time.",
        discussion: """
            One master, allocator and framework, a relay for 12,500 agents (two at least), and agents with room for a task each: \
            all cores and codecs, on virtual time. The work is to keep so many command tasks running (tasks), to decline so many \
            agents' offers again and again \
            (offers), to hear RUNNING every second of so many tasks of executors (updates), or nothing (rest). All other offers are \
            declined for ever. Prints how many of these there were, and how often memory was asked for and what was sent \
            meanwhile. What one costs is the difference between two runs, which 'Benchmarks/costs' takes.

            EXAMPLES
              event-costs --work tasks --agents 1000 --amount 100 --seconds 20
            """)

    @Option(help: "What there is to do: tasks, offers, updates or rest.") var work = Work.tasks
    @Option(help: "Agents.") var agents = 1000
    @Option(help: "Of how many agents there is something to do at a time.") var amount = 100
    @Option(help: "For how long, in virtual seconds, once all agents are there.") var seconds = 20
    @Option(help: "How long a task is, in virtual seconds.") var length = 1.0
    @Option(help: "Of all that is left to chance.") var seed: UInt64 = 1

    func validate() throws {
        guard self.agents > 0, self.amount >= 0, self.amount <= self.agents, self.seconds > 0, self.length > 0 else {
            throw ValidationError("--agents, --seconds and --length are above 0; --amount is at most --agents")
        }
    }

    func run() throws {
        var settings = SimulationSettings.experiment
        settings.agents = self.agents
        // As many for each as on a machine; they take no more than 18,000.
        settings.relays = max(2, (self.agents + 12_499) / 12_500)
        settings.agentResources = Load.slot
        let cluster = SimulatedCluster(settings: settings, seed: self.seed)
        defer { cluster.dismantle() }
        let load = Load(self.work, amount: self.amount, length: .seconds(self.length))
        cluster.add("load", role: "*", behaviour: load)
        // Executors start, too, before anything is counted.
        let isReady = { load.agents.count >= self.agents && (self.work != .updates || load.done >= self.amount) }
        guard cluster.run(until: isReady, patience: .seconds(600)) else {
            throw TestFailure("not all agents were offered: \(cluster.summary)")
        }
        let before = Count(load, cluster)
        let end = cluster.now + .seconds(self.seconds)
        guard cluster.resume(until: { cluster.now >= end }, patience: .seconds(self.seconds + 60)), load.problems == 0,
            cluster.violations.isEmpty
        else {
            throw TestFailure("\(load.problems) tasks did not finish; \(cluster.violations) \(cluster.summary)")
        }
        let after = Count(load, cluster)
        let done = self.work == .rest ? self.agents * self.seconds : after.done - before.done
        print(
            "{\"done\": \(done), \"allocations\": \(after.allocations - before.allocations), "
                + "\"messages\": \(after.messages - before.messages), \"bytes\": \(after.bytes - before.bytes)}")
    }

    private struct Count {
        let done: Int
        let allocations: Int
        let messages: Int
        let bytes: Int

        init(_ load: Load, _ cluster: SimulatedCluster) {
            self.done = load.done
            self.allocations = Int(allocation_count())
            (self.messages, self.bytes) = cluster.traffic
        }
    }
}

enum Work: String, ExpressibleByArgument {
    case tasks, offers, updates, rest
}

/// A framework that has so much to do.
private final class Load: FrameworkBehaviour {
    /// An agent has that, and a task takes it.
    static let slot: Resources = "cpus:1;mem:1024"
    /// Of no interest again, as far as this is concerned.
    private static let forEver = Duration.seconds(1_000_000)

    private let work: Work
    private let amount: Int
    private let length: Duration
    private var launched = 0
    private var running = 0
    /// Those that were offered at all.
    private(set) var agents: Set<AgentID> = []
    /// The first so many of them, whose offers are declined again and again.
    private var declined: Set<AgentID> = []
    /// How many tasks finished, offers were declined, or updates came.
    private(set) var done = 0
    private(set) var problems = 0

    init(_ work: Work, amount: Int, length: Duration) {
        self.work = work
        self.amount = amount
        self.length = length
    }

    func offered(_ offer: Offer, to scheduler: SimulatedScheduler) -> OfferAnswer? {
        self.agents.insert(offer.agentID)
        switch self.work {
        case .rest: return OfferAnswer(refusal: Self.forEver)
        case .offers:
            if self.declined.count < self.amount { self.declined.insert(offer.agentID) }
            guard self.declined.contains(offer.agentID) else { return OfferAnswer(refusal: Self.forEver) }
            self.done += 1
            return OfferAnswer(refusal: .zero)
        case .tasks, .updates:
            var answer = OfferAnswer(refusal: Self.forEver)
            guard self.running < self.amount else { return answer }
            self.running += 1
            self.launched += 1
            answer.tasks = [self.task(on: offer)]
            return answer
        }
    }

    private func task(on offer: Offer) -> TaskInfo {
        let id = TaskID("t\(self.launched)")
        guard self.work == .updates else { return .running(for: self.length, id, Self.slot, on: offer) }
        return .reporting(every: .seconds(1), id, Self.slot, on: offer)
    }

    func updated(_ status: TaskStatus, of scheduler: SimulatedScheduler) {
        if status.state.isTerminal { self.running -= 1 }
        switch (self.work, status.state) {
        case (.tasks, .finished), (.updates, .running): self.done += 1
        case (_, .starting), (_, .running): break
        default: self.problems += 1
        }
    }
}
