import FairSharing
import Model
import Simulator
import Testing

@Suite("Fair sharing while allocators die")
struct FairSharingTests {
    /// A debug build does some 250 tasks a second, so either the tasks are longer here or the cluster is smaller than in the
    /// trial of `simulate --scenario fair-sharing`.
    @Test(
        "Five greedy frameworks of weights 1 to 5 have their shares, nothing that fits stands idle, nothing is lost",
        arguments: [
            (7, slots: 100, milliseconds: 20_000...60_000), (8, slots: 20, milliseconds: 5_000...15_000),
        ] as [(UInt64, slots: Int, milliseconds: ClosedRange<Int64>)])
    func shares(seed: UInt64, slots: Int, milliseconds: ClosedRange<Int64>) {
        var plan = SharingPlan(seed: seed)
        plan.slotsPerAgent = slots
        plan.taskMilliseconds = milliseconds
        let report = SharingSimulation(plan: plan).run()
        #expect(report.problems.isEmpty, "seed \(seed), \(15 * slots) slots\n\(report.text)")
        #expect(report.strikes.count > 20)
    }
}

/// The trial itself must find what it is there to find: it is shown books that somebody made up.
@Suite("What a trial of fair sharing finds")
struct SharingTrialTests {
    /// A cluster that exists in books only.
    private struct Ledger {
        var plan = SharingPlan(seed: 1)
        /// Held by each framework, in slots of each agent.
        var slots = [10, 20, 30, 40, 50]
        var offered = 0
        /// Between these instants, in seconds, the first framework holds so many slots less of each agent.
        var gap: (seconds: ClosedRange<Double>, slots: Int)?
        /// Slots of each agent that never come back.
        var lost = 0
        /// What agents say of themselves, in slots.
        var agentUses = 0
        var counts = GreedyFramework.Counts()

        init() {
            self.plan.agents = 2
            self.plan.slotsPerAgent = 150
            self.plan.duration = .seconds(20)
            self.plan.window = .seconds(10)
            self.counts.launched = 5
            self.counts.finished = 5
        }

        func books(at seconds: Double, isBusy: Bool, names: [String], isNewcomerThere: Bool) -> Books {
            var books = Books()
            var held = isBusy ? self.slots : []
            if isBusy, let gap, gap.seconds.contains(seconds) { held[0] -= gap.slots }
            func milliCPU(_ slots: Int, agents: Int) -> Resources {
                Resources(milliCPU: Int64(slots * agents) * self.plan.slot.cpus)
            }
            for agent in 1...self.plan.agents {
                var row = AgentRow(id: AgentID("agent-\(agent)"))
                row.isActive = true
                row.total = self.plan.agentResources
                row.used = milliCPU(held.reduce(0, +) + (isBusy ? 0 : self.lost), agents: 1)
                row.offered = isBusy ? milliCPU(self.offered, agents: 1) : isNewcomerThere ? row.total : .init()
                books.agents.append(row)
            }
            for (index, name) in names.enumerated() {
                var row = FrameworkRow(id: FrameworkID(name))
                row.name = name
                row.isConnected = true
                row.used = isBusy ? milliCPU(held[index], agents: self.plan.agents) : .init()
                books.frameworks.append(row)
            }
            books.counts = Array(repeating: self.counts, count: self.plan.weights.count)
            return books
        }

        /// Runs a trial on it, to its end.
        func report() -> SharingReport {
            var trial = SharingTrial(plan: self.plan)
            var timers: [SharingTrial.Timer: Instant] = [:]
            var now = Instant(nanoseconds: 0)
            var (isBusy, names, isNewcomerThere) = (true, self.plan.frameworkNames, false)
            var events: [SharingTrial.Event] = [.started, .agentUses("agent-1", milliCPU: 100 * Int64(self.agentUses))]
            while true {
                while !events.isEmpty {
                    for effect in trial.handle(events.removeFirst(), at: now) {
                        switch effect {
                        case .readBooks:
                            events.append(
                                .books(
                                    self.books(
                                        at: now.seconds, isBusy: isBusy, names: names, isNewcomerThere: isNewcomerThere)
                                ))
                        case .setTimer(let timer, let instant): timers[timer] = instant
                        case .suppressFrameworks: isBusy = false
                        case .endFrameworks: names = []
                        case .startNewcomer: isNewcomerThere = true
                        case .finish(let report): return report
                        case .killAllocator, .startAllocator, .say: break
                        }
                    }
                }
                guard let next = timers.min(by: { $0.value < $1.value }) else { return SharingReport() }
                timers[next.key] = nil
                now = next.value
                events.append(.timerFired(next.key))
            }
        }
    }

    @Test("A cluster that is shared by weight, and whole in the end, passes")
    func passes() {
        let report = Ledger().report()
        #expect(report.problems.isEmpty, "\(report.text)")
        #expect(abs(report.utilization - 1) < 1e-9)
        #expect(report.strikes.count > 3)
    }

    @Test("A framework with three hundredths of the cluster too much is found")
    func unfair() {
        var ledger = Ledger()
        ledger.slots = [15, 20, 30, 40, 45]
        let problems = ledger.report().problems
        #expect(problems.count == 2)
        #expect(problems.allSatisfy { $0.contains("is due") }, "\(problems)")
    }

    @Test("What lies free for a second is found, and half a second passes", arguments: [0.5, 1.0])
    func idle(seconds: Double) {
        var ledger = Ledger()
        ledger.gap = (5...(5 + seconds), 1)
        let report = ledger.report()
        #expect(report.problems.isEmpty == (seconds < 1), "\(report.problems)")
        #expect(report.longestFree >= .seconds(seconds))
        #expect(report.longestFree < .seconds(seconds + 0.2))
    }

    @Test("What lies in offers for a second is found")
    func hoarded() {
        var ledger = Ledger()
        ledger.slots = [9, 20, 30, 40, 50]
        ledger.offered = 1
        let report = ledger.report()
        #expect(report.longestFree == .zero)
        #expect(report.problems.count == 1 && report.problems[0].contains("not in use"), "\(report.problems)")
    }

    @Test("Over-commitment is found, in the master's books and by what agents say themselves")
    func overCommitted() {
        var ledger = Ledger()
        ledger.offered = 1
        #expect(ledger.report().problems.contains { $0.contains("over-committed") })
        ledger.offered = 0
        ledger.agentUses = 151
        #expect(ledger.report().problems.contains { $0.contains("agent-1 runs tasks") })
    }

    @Test("A slot that never comes back is found")
    func lost() {
        var ledger = Ledger()
        ledger.lost = 1
        let problems = ledger.report().problems
        #expect(problems.contains { $0.contains("draining did not end") }, "\(problems)")
    }

    @Test("A task that was lost on the way is found")
    func lostTask() {
        var ledger = Ledger()
        ledger.counts.finished = 4
        ledger.counts.otherwise = [.lost: 1]
        let problems = ledger.report().problems
        #expect(problems.count == 5 && problems.allSatisfy { $0.contains("TASK_LOST") }, "\(problems)")
    }
}
