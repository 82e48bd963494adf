import AllocationCount
import ArgumentParser
import Foundation
import Model
import Simulator
import TestSupport

/// `task-costs`: a fixed amount of work for all cores and codecs, so that somebody can count what it takes.
@main
struct TaskCosts: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "task-costs",
        abstract: "Run a simulated cluster for so long, with so many tasks at a time.",
        discussion: """
            One master, allocator and framework, two relays, and agents with room for a task each: all cores and codecs, on virtual \
            time. The framework keeps so many tasks running and declines all other offers for ever. Prints how many tasks finished and \
            how often memory was asked for meanwhile. What a task or an agent at rest costs is the difference between two runs, which \
            'Benchmarks/costs' takes.

            EXAMPLES
              task-costs --agents 1000 --running 100 --seconds 20
            """)

    @Option(help: "Agents.") var agents = 1000
    @Option(help: "Tasks that run at a time.") var running = 100
    @Option(help: "For how long, in virtual seconds, once all agents are there.") var seconds = 20
    @Option(help: "How long a task is, in virtual seconds.") var length = 1.0
    @Option(help: "Of all that is left to chance.") var seed: UInt64 = 1

    func validate() throws {
        guard self.agents > 0, self.running >= 0, self.running <= self.agents, self.seconds > 0, self.length > 0 else {
            throw ValidationError("--agents, --seconds and --length are above 0; --running is at most --agents")
        }
    }

    func run() throws {
        var settings = SimulationSettings.experiment
        settings.agents = self.agents
        settings.agentResources = Load.slot
        let cluster = SimulatedCluster(settings: settings, seed: self.seed)
        defer { cluster.dismantle() }
        let load = Load(tasks: self.running, length: .seconds(self.length))
        cluster.add("load", role: "*", behaviour: load)
        guard cluster.run(until: { load.offered >= self.agents }, patience: .seconds(600)) else {
            throw TestFailure("not all agents were offered: \(cluster.summary)")
        }
        let (allocations, finished, end) = (allocation_count(), load.finished, cluster.now + .seconds(self.seconds))
        guard cluster.resume(until: { cluster.now >= end }, patience: .seconds(self.seconds + 60)), load.problems == 0,
            cluster.violations.isEmpty
        else {
            throw TestFailure("\(load.problems) tasks did not finish; \(cluster.violations) \(cluster.summary)")
        }
        print(
            "{\"tasks\": \(load.finished - finished), \"allocations\": \(allocation_count() - allocations)}")
    }
}

/// Keeps so many tasks running.
private final class Load: FrameworkBehaviour {
    /// An agent has that, and a task takes it.
    static let slot: Resources = "cpus:1;mem:1024"

    private let tasks: Int
    private let length: Duration
    private var launched = 0
    private var running = 0
    private(set) var offered = 0
    private(set) var finished = 0
    private(set) var problems = 0

    init(tasks: Int, length: Duration) {
        self.tasks = tasks
        self.length = length
    }

    func offered(_ offer: Offer, to scheduler: SimulatedScheduler) -> OfferAnswer? {
        self.offered += 1
        var answer = OfferAnswer(refusal: .seconds(1_000_000))
        if self.running < self.tasks {
            self.running += 1
            self.launched += 1
            answer.tasks = [.running(for: self.length, TaskID("t\(self.launched)"), Self.slot, on: offer)]
        }
        return answer
    }

    func updated(_ status: TaskStatus, of scheduler: SimulatedScheduler) {
        guard status.state.isTerminal else { return }
        self.running -= 1
        if status.state == .finished { self.finished += 1 } else { self.problems += 1 }
    }
}
