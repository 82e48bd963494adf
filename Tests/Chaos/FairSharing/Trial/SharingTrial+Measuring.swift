import Model

// What is read off the books, and held against the plan.

extension SharingTrial {
    /// What has been added up so far.
    struct Measurements {
        var began = Instant(nanoseconds: 0)
        /// By agent.
        var free: [AgentID: Spell] = [:]
        var unused: [AgentID: Spell] = [:]
        /// Free while an allocator lived.
        var neglected: [AgentID: Spell] = [:]
        /// The last reading, whose shares count until the next.
        var last: (at: Instant, shares: [Double])?
        /// Of each framework: share times seconds, within the window.
        var sums: [Double]
        var seconds = 0.0
        var said = 0

        init(frameworks: Int) { self.sums = Array(repeating: 0, count: frameworks) }

        mutating func begin(at now: Instant) { self.began = now }
    }

    /// How many problems are told; more would hide the first.
    private static let problemLimit = 20

    private mutating func complain(_ problem: String) {
        if self.report.problems.count < Self.problemLimit { self.report.problems.append(problem) }
    }

    /// No agent may ever be booked for more than it has, and none may get lost.
    mutating func check(_ books: Books, at now: Instant) {
        for agent in books.agents where !agent.total.contains(agent.used + agent.offered) {
            self.complain(
                "agent \(agent.id) is over-committed: \(agent.used) used, \(agent.offered) offered of \(agent.total)")
        }
        if case .gathering = self.phase { return }
        // One that is on its way from one relay to another is still there.
        if books.agents.count != self.plan.agents { self.complain("\(books.agents.count) agents are there") }
    }

    mutating func check(agent: String, uses milliCPU: Int64) {
        self.report.agentReadings += 1
        let total = self.plan.agentResources.cpus
        if milliCPU > total { self.complain("\(agent) runs tasks of \(milliCPU) thousandths of a CPU of \(total)") }
    }

    mutating func measure(_ books: Books, at now: Instant, into effects: inout [Effect]) {
        let isWanted = books.frameworks.contains { $0.isConnected && !$0.isSuppressed }
        for agent in books.agents {
            let unused = agent.total - agent.used
            let free = unused - agent.offered
            self.measurements.free[agent.id, default: Spell(since: self.began)].look(
                isWanted && free.contains(self.plan.slot), asked: self.asked, answered: now)
            self.measurements.neglected[agent.id, default: Spell(since: self.began)].look(
                isWanted && free.contains(self.plan.slot) && self.isUp.contains(true), asked: self.asked, answered: now)
            self.measurements.unused[agent.id, default: Spell(since: self.began)].look(
                isWanted && unused.contains(self.plan.slot), asked: self.asked, answered: now)
        }
        let total = Double(books.total.cpus)
        let shares = self.plan.frameworkNames.map { name in
            Double(books.frameworks.first { $0.name == name }?.used.cpus ?? 0) / total
        }
        self.add(until: now)
        self.measurements.last = (now, shares)
        self.report.curve.append(((now - self.began).asSeconds, shares))
        let tens = Int((now - self.began).asSeconds / 10)
        if tens > self.measurements.said {
            self.measurements.said = tens
            let shown = shares.map { SharingReport.fixed($0, 3) }.joined(separator: " ")
            effects.append(.say("\(tens * 10) s: shares \(shown), \(self.report.strikes.count) kills"))
        }
    }

    /// Counts the last reading until now, as far as it lies in the window.
    private mutating func add(until now: Instant) {
        guard let last = self.measurements.last else { return }
        self.report.readings.count += 1
        self.report.readings.longestGap = max(self.report.readings.longestGap, now - last.at)
        let start = max(last.at, self.began + (self.plan.duration - self.plan.window))
        let end = min(now, self.began + self.plan.duration)
        guard start < end else { return }
        let seconds = (end - start).asSeconds
        self.measurements.seconds += seconds
        for index in last.shares.indices { self.measurements.sums[index] += last.shares[index] * seconds }
    }

    /// Holds everything against the plan.
    mutating func judge() {
        let seconds = self.measurements.seconds
        for index in self.report.rows.indices where seconds > 0 {
            self.report.rows[index].seen = self.measurements.sums[index] / seconds
        }
        self.report.utilization = self.report.rows.reduce(0) { $0 + $1.seen }
        self.report.longestFree = self.measurements.free.values.map(\.longest).max() ?? .zero
        self.report.longestNeglected = self.measurements.neglected.values.map(\.longest).max() ?? .zero
        self.report.longestUnused = self.measurements.unused.values.map(\.longest).max() ?? .zero
        if seconds < 0.9 * self.plan.window.asSeconds { self.complain("shares were averaged over \(seconds) s only") }
        if self.report.strikes.isEmpty { self.complain("nothing was killed") }
        for row in self.report.rows {
            if abs(row.seen - row.due) > self.plan.tolerance {
                self.complain("\(row.name) is due \(row.due) and had \(row.seen)")
            }
            let counts = row.counts
            if counts.launched == 0 { self.complain("\(row.name) launched nothing") }
            if counts.open != 0 { self.complain("\(row.name): \(counts.open) tasks have not ended") }
            if counts.surprises != 0 { self.complain("\(row.name): \(counts.surprises) ends of tasks too many") }
            for (state, count) in counts.otherwise.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
                self.complain("\(row.name): \(count) tasks ended as \(state.name)")
            }
        }
        if self.report.longestFree >= self.plan.idleBound {
            self.complain("something free stood beside demand for \(SharingReport.seconds(self.report.longestFree))")
        }
        if self.report.longestUnused >= self.plan.idleBound {
            self.complain("something was not in use for \(SharingReport.seconds(self.report.longestUnused))")
        }
        let total = Resources(milliCPU: self.plan.agentResources.cpus * Int64(self.plan.agents))
        for (what, amount) in [("free", self.report.freeAtEnd), ("offered", self.report.offeredAtEnd)]
        where amount != total {
            self.complain("in the end \(amount.map(\.description) ?? "nothing") was \(what), not \(total)")
        }
    }
}
