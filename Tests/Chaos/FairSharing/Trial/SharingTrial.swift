public import Model

/// A trial of fair sharing: greedy frameworks of different weights fill a cluster while its allocators are killed.
///
/// It is written once, as a value: what it reads of the cluster goes in, what is to be done comes out. One driver does it to
/// real processes, another to the simulator's.
public struct SharingTrial: Role {
    /// What can happen.
    public enum Event: Sendable {
        /// The cluster is up, and the frameworks have been started.
        case started
        /// What was asked for.
        case books(Books)
        /// An agent says by itself how much of it is in use, in thousandths of a CPU.
        case agentUses(String, milliCPU: Int64)
        case timerFired(Timer)
    }

    /// What is to be done.
    public enum Effect: Sendable {
        case readBooks
        /// `kill -9`, by number.
        case killAllocator(Int)
        case startAllocator(Int)
        /// The frameworks want nothing more; what runs goes on.
        case suppressFrameworks
        /// The frameworks leave the cluster.
        case endFrameworks
        /// A framework joins that holds whatever it is offered.
        case startNewcomer
        /// Replaces the timer of that name, if one runs.
        case setTimer(Timer, at: Instant)
        /// How it goes, for people.
        case say(String)
        /// The last effect.
        case finish(SharingReport)
    }

    /// What it waits for.
    public enum Timer: Hashable, Sendable {
        /// The next look at the books.
        case reading
        /// The next kill.
        case strike
        /// An allocator comes back, by number.
        case restart(Int)
        /// Allocators have been killed for long enough.
        case phaseEnd
        /// What the phase waits for has not come.
        case patience
    }

    enum Phase {
        /// Until all agents and frameworks are there.
        case gathering
        /// Frameworks are greedy, allocators die. Leaves for `draining` after the plan's duration.
        case measuring
        /// Frameworks launch nothing more. Leaves for `leaving` when all tasks have ended and everything is free.
        case draining
        /// Until the frameworks are gone.
        case leaving
        /// Until a newcomer is offered all there is.
        case probing
        case over
    }

    let plan: SharingPlan
    private var random: SeededGenerator
    private(set) var phase = Phase.gathering
    /// When measuring began.
    private(set) var began = Instant(nanoseconds: 0)
    /// Which allocators live, those that are starting included.
    private(set) var isUp: [Bool]
    var asked = Instant(nanoseconds: 0)
    var measurements: Measurements
    var report = SharingReport()

    /// A trial that has not begun.
    public init(plan: SharingPlan) {
        self.plan = plan
        self.random = SeededGenerator(key: [plan.seed, 0x5747, 0, 0])
        self.isUp = Array(repeating: true, count: plan.allocators)
        self.measurements = Measurements(frameworks: plan.weights.count)
    }

    /// Takes one event; see `Role`.
    public mutating func handle(_ event: Event, at now: Instant, into effects: inout [Effect]) {
        if case .over = self.phase { return }
        switch event {
        case .started:
            self.read(at: now, into: &effects)
            effects.append(.setTimer(.patience, at: now + .seconds(60)))
        case .books(let books):
            self.received(books, at: now, into: &effects)
            effects.append(.setTimer(.reading, at: now + self.plan.readingInterval))
        case .agentUses(let name, let milliCPU): self.check(agent: name, uses: milliCPU)
        case .timerFired(.reading): self.read(at: now, into: &effects)
        case .timerFired(.strike): self.strike(at: now, into: &effects)
        case .timerFired(.restart(let allocator)):
            guard !self.isUp[allocator] else { return }
            self.isUp[allocator] = true
            effects.append(.startAllocator(allocator))
        case .timerFired(.phaseEnd):
            self.phase = .draining
            effects += [
                .say("the frameworks launch nothing more"), .suppressFrameworks,
                .setTimer(
                    .patience, at: now + .milliseconds(self.plan.taskMilliseconds.upperBound) + .seconds(30)),
            ]
        case .timerFired(.patience):
            self.report.problems.append("\(self.phase) did not end in time")
            self.finish(into: &effects)
        }
    }

    private mutating func read(at now: Instant, into effects: inout [Effect]) {
        self.asked = now
        effects.append(.readBooks)
    }

    private mutating func received(_ books: Books, at now: Instant, into effects: inout [Effect]) {
        self.check(books, at: now)
        switch self.phase {
        case .gathering: if self.isComplete(books) { self.begin(at: now, into: &effects) }
        case .measuring: self.measure(books, at: now, into: &effects)
        case .draining:
            guard books.used.isEmpty, books.offered.isEmpty, books.counts.allSatisfy({ $0.open == 0 }) else { return }
            self.report.freeAtEnd = books.free
            self.report.total = books.total
            for (row, counts) in books.counts.enumerated() { self.report.rows[row].counts = counts }
            self.phase = .leaving
            effects += [.endFrameworks, .setTimer(.patience, at: now + .seconds(30))]
        case .leaving:
            guard books.frameworks.isEmpty else { return }
            self.phase = .probing
            effects += [
                .say("everything is free; a newcomer joins"), .startNewcomer,
                .setTimer(.patience, at: now + .seconds(20)),
            ]
        case .probing:
            self.report.offeredAtEnd = books.offered
            if books.offered == books.total, !books.agents.isEmpty { self.finish(into: &effects) }
        case .over: break
        }
    }

    private func isComplete(_ books: Books) -> Bool {
        let present = books.frameworks.filter(\.isConnected).map(\.name)
        return books.agents.count(where: \.isActive) == self.plan.agents
            && self.plan.frameworkNames.allSatisfy(present.contains)
    }

    private mutating func begin(at now: Instant, into effects: inout [Effect]) {
        self.phase = .measuring
        self.began = now
        self.measurements.begin(at: now)
        self.report.rows = zip(zip(self.plan.frameworkNames, self.plan.weights), self.plan.dueShares).map {
            .init(name: $0.0, weight: $0.1, due: $1, seen: 0)
        }
        effects += [
            .say("all are there: \(self.plan.agents) agents with \(self.plan.slotsPerAgent) slots each"),
            .setTimer(.patience, at: .distantFuture), .setTimer(.phaseEnd, at: now + self.plan.duration),
        ]
        self.planStrike(at: now, into: &effects)
    }

    // MARK: Kills

    private mutating func planStrike(at now: Instant, into effects: inout [Effect]) {
        let calm = Duration.milliseconds(Int64.random(in: self.plan.calmMilliseconds, using: &self.random))
        effects.append(.setTimer(.strike, at: now + calm))
    }

    private mutating func strike(at now: Instant, into effects: inout [Effect]) {
        guard case .measuring = self.phase else { return }
        var victims = self.isUp.indices.filter { self.isUp[$0] }
        if Int.random(in: 1...self.plan.allAtOnceOneIn, using: &self.random) > 1,
            let one = victims.randomElement(using: &self.random)
        {
            victims = [one]
        }
        var strike = SharingReport.Strike(at: now - self.began, victims: [], left: 0)
        for victim in victims {
            self.isUp[victim] = false
            let away = Duration.milliseconds(Int64.random(in: self.plan.outageMilliseconds, using: &self.random))
            strike.victims.append((victim, away))
            effects += [.killAllocator(victim), .setTimer(.restart(victim), at: now + away)]
        }
        strike.left = self.isUp.count { $0 }
        if strike.left == 0, let last = victims.last {
            let away = Duration.milliseconds(Int64.random(in: self.plan.blackoutMilliseconds, using: &self.random))
            strike.victims[strike.victims.count - 1].away = away
            effects.append(.setTimer(.restart(last), at: now + away))
        }
        if !victims.isEmpty { self.report.strikes.append(strike) }
        self.planStrike(at: now, into: &effects)
    }

    private mutating func finish(into effects: inout [Effect]) {
        self.phase = .over
        self.judge()
        effects.append(.finish(self.report))
    }
}
