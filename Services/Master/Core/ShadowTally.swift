import Model

/// How one framework fares over time in one world: the real one, or the one of a watching allocator.
struct ShadowTally {
    /// What it holds, the four scalars.
    private(set) var held = Resources()
    private(set) var tasks: UInt64 = 0
    private(set) var waitingSince: Instant?
    private var shareSeconds = 0.0
    private var measured: Instant
    private var waits: UInt64 = 0
    private var waited: Duration = .zero
    private var longestWait: Duration = .zero

    init(at now: Instant) { self.measured = now }

    /// Holds this from now on.
    mutating func hold(_ resources: Resources, of total: Resources, at now: Instant) {
        self.advance(to: now, of: total)
        self.held = resources
    }

    /// It wants more than it has.
    mutating func startWaiting(at now: Instant) { if self.waitingSince == nil { self.waitingSince = now } }

    /// It has what it wants.
    mutating func stopWaiting() { self.waitingSince = nil }

    /// Started so many tasks with what it was given.
    mutating func served(_ tasks: UInt64, at now: Instant) {
        self.tasks += tasks
        guard let since = self.waitingSince else { return }
        self.waits += 1
        self.waited += now - since
        self.longestWait = max(self.longestWait, now - since)
        self.waitingSince = nil
    }

    /// How it has fared since `joined`.
    func outcome(since joined: Instant, of total: Resources, at now: Instant) -> ComparisonRow.Outcome {
        var tally = self
        tally.advance(to: now, of: total)
        var outcome = ComparisonRow.Outcome()
        let seconds = (now - joined).asSeconds
        outcome.share = seconds > 0 ? tally.shareSeconds / seconds : tally.held.dominantShare(of: total)
        outcome.waits = self.waits
        if self.waits > 0 { outcome.meanWait = self.waited / Int(clamping: self.waits) }
        outcome.longestWait = max(self.longestWait, self.waitingSince.map { now - $0 } ?? .zero)
        outcome.tasks = self.tasks
        return outcome
    }

    private mutating func advance(to now: Instant, of total: Resources) {
        self.shareSeconds += self.held.dominantShare(of: total) * (now - self.measured).asSeconds
        self.measured = now
    }
}

extension Resources {
    /// The largest part of one of the four scalars that this is of those, 0 to 1.
    func dominantShare(of total: Resources) -> Double {
        var share = 0.0
        for (held, all) in [
            (self.cpus, total.cpus), (self.mem, total.mem), (self.disk, total.disk), (self.gpus, total.gpus),
        ] where all > 0 {
            share = max(share, Double(held) / Double(all))
        }
        return min(1, share)
    }
}
