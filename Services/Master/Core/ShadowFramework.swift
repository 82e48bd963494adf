import Model

extension ShadowLedger {
    /// A framework in both worlds, and what it can be taken to want in the other.
    struct Framework {
        /// A task as the cluster saw it.
        struct Sample {
            var size: Resources
            /// Nil: none has ended yet.
            var duration: Duration?
        }

        private(set) var facts: FrameworkFacts
        let joined: Instant
        /// Of the task started last in the real world.
        var size: Resources?
        /// Tasks of the shadow world that go on until the first real one has ended.
        var unmeasured: [(row: Row, serial: UInt64)] = []

        private(set) var real: ShadowTally
        private(set) var shadow: ShadowTally
        /// What its tasks and executors hold in the real world.
        private var used = Resources()
        /// It used all of what it was offered last, or was offered nothing yet.
        private var isHungry = false
        private var takesOffers = false
        /// It declined an offer as a whole, for a time that ends then.
        private var declinedUntil: Instant
        /// For how long it refuses what it does not use.
        private var refusal: Duration = .seconds(5)
        private var samples: [Sample] = []
        private var nextSample = 0
        private var hungryTime: Duration = .zero
        private var measured: Instant

        /// How many tasks are remembered.
        private static let sampleLimit = 64
        /// No refusal is taken to be shorter: nothing passes between an offer and its answer here, and whoever declines for no
        /// time would be asked without end.
        private static let shortestRefusal: Duration = .seconds(1)

        init(_ facts: FrameworkFacts, at now: Instant) {
            self.facts = facts
            self.joined = now
            self.real = ShadowTally(at: now)
            self.shadow = ShadowTally(at: now)
            self.declinedUntil = now
            self.measured = now
            self.changed(to: facts, at: now)
        }

        /// Whether it wanted more than it had in the cluster for at least half of the time.
        func wantedMostly(at now: Instant) -> Bool {
            var copy = self
            copy.measure(at: now)
            return copy.hungryTime * 2 >= now - self.joined
        }

        // MARK: The real world

        /// Who takes no offers waits for nothing; who takes them again wants some.
        mutating func changed(to facts: FrameworkFacts, at now: Instant) {
            self.measure(at: now)
            self.facts = facts
            let takesOffers = facts.isActive && facts.roles.contains { !facts.suppressedRoles.contains($0) }
            if !takesOffers {
                self.isHungry = false
                self.real.stopWaiting()
                self.shadow.stopWaiting()
            } else if !self.takesOffers {
                self.revived(at: now)
            }
            self.takesOffers = takesOffers
        }

        mutating func holds(used: Resources, offered: Resources, of total: Resources, at now: Instant) {
            self.used = used
            self.real.hold(used + offered, of: total, at: now)
        }

        mutating func answered(tasks: Int, left: Resources, refusing refusal: Duration, at now: Instant) {
            self.measure(at: now)
            if tasks > 0 { self.real.served(UInt64(tasks), at: now) }
            self.isHungry = tasks > 0 && !(self.size.map { left.contains($0) } ?? false)
            if !left.isEmpty { self.refusal = max(refusal, Self.shortestRefusal) }
            if tasks == 0 { self.declinedUntil = now + refusal }
            if self.isHungry {
                self.real.startWaiting(at: now)
                self.shadow.startWaiting(at: now)
            } else {
                self.real.stopWaiting()
                if self.shadow.held.contains(self.used) { self.shadow.stopWaiting() }
            }
        }

        mutating func revived(at now: Instant) {
            self.measure(at: now)
            self.isHungry = true
            self.declinedUntil = now
            self.real.startWaiting(at: now)
            self.shadow.startWaiting(at: now)
        }

        mutating func add(_ sample: Sample) {
            if self.samples.count < Self.sampleLimit {
                self.samples.append(sample)
            } else {
                self.samples[self.nextSample % Self.sampleLimit] = sample
            }
        }

        private mutating func measure(at now: Instant) {
            if self.isHungry { self.hungryTime += now - max(self.measured, min(self.declinedUntil, now)) }
            self.measured = now
        }

        // MARK: The shadow world

        mutating func hold(_ resources: Resources, of total: Resources, at now: Instant) {
            self.shadow.hold(self.shadow.held + resources.summable, of: total, at: now)
        }

        mutating func release(_ resources: Resources, of total: Resources, at now: Instant) {
            self.shadow.hold(self.shadow.held - resources.summable, of: total, at: now)
            // What it had and lost it wants again.
            if !self.shadow.held.contains(self.used) { self.shadow.startWaiting(at: now) }
        }

        /// The next task that it would start with this; nil if it would not, or if nobody has seen a task of its.
        mutating func nextTask(fitting left: Resources, at now: Instant) -> Sample? {
            let sample: Sample
            if self.samples.isEmpty {
                guard let size = self.size else { return nil }
                sample = Sample(size: size, duration: nil)
            } else {
                sample = self.samples[self.nextSample % self.samples.count]
            }
            guard !sample.size.isEmpty, left.contains(sample.size) else { return nil }
            if !self.wantsAll(at: now), !(self.used - self.shadow.held).contains(sample.size) { return nil }
            self.nextSample += 1
            return sample
        }

        /// It has started so many tasks with what it was offered, and says for how long it refuses the rest.
        mutating func served(_ tasks: UInt64, at now: Instant) -> Duration {
            if tasks > 0 { self.shadow.served(tasks, at: now) }
            if self.wantsAll(at: now) || !self.shadow.held.contains(self.used) {
                self.shadow.startWaiting(at: now)
            } else {
                self.shadow.stopWaiting()
            }
            return self.refusal
        }

        private func wantsAll(at now: Instant) -> Bool { self.isHungry && now >= self.declinedUntil }
    }
}

// MARK: The report

extension ShadowLedger {
    /// How everybody fares: the frameworks that are there, then those that are gone.
    func report(at now: Instant) -> (summary: ShadowRow, rows: [ComparisonRow]) {
        var summary = ShadowRow(name: self.name)
        summary.watched = now - self.since
        summary.proposals = self.counters.proposals
        summary.refusals = self.counters.refusals
        summary.revocations = self.counters.revocations
        let present = self.frameworks.keys.sorted()
        let entitled = self.entitlements(of: present)
        var (real, shadow) = (JainIndex(), JainIndex())
        var rows: [ComparisonRow] = []
        for (index, entitled) in zip(present, entitled) {
            guard let framework = self.frameworks[index] else { continue }
            let row = self.row(of: framework, entitled: entitled, at: now)
            rows.append(row)
            guard framework.wantedMostly(at: now), entitled > 0 else { continue }
            real.add(row.real.share / entitled)
            shadow.add(row.ifDecided.share / entitled)
        }
        (summary.index, summary.shadowIndex) = (real.value, shadow.value)
        return (summary, rows + self.departed)
    }

    func row(of framework: Framework, entitled: Double, at now: Instant) -> ComparisonRow {
        var row = ComparisonRow(shadow: self.name, frameworkID: framework.facts.id)
        row.name = framework.facts.name
        row.role = framework.facts.roles.first ?? ""
        row.entitled = entitled
        row.real = framework.real.outcome(since: framework.joined, of: self.total, at: now)
        row.ifDecided = framework.shadow.outcome(since: framework.joined, of: self.total, at: now)
        return row
    }

    /// The part of the cluster that is each one's by weight: of its first role among those beside it, of that role among
    /// those beside that, and so on.
    private func entitlements(of present: [Row]) -> [Double] {
        var siblings: [String: Double] = [:]
        var seen: Set<String> = []
        var paths: [[String]] = []
        for index in present {
            guard let facts = self.frameworks[index]?.facts else { continue }
            let role = facts.roles.first ?? "*"
            let path = RoleName.ancestors(of: role).sorted { $0.count < $1.count } + [role]
            paths.append(path)
            for (depth, name) in path.enumerated() where seen.insert(name).inserted {
                siblings[depth == 0 ? "" : path[depth - 1], default: 0] += self.roleWeights[name] ?? 1
            }
            siblings[role, default: 0] += facts.weight
        }
        return zip(present, paths).map { index, path in
            var part = (self.frameworks[index]?.facts.weight ?? 1) / (siblings[path.last ?? ""] ?? 1)
            for (depth, name) in path.enumerated() {
                part *= (self.roleWeights[name] ?? 1) / (siblings[depth == 0 ? "" : path[depth - 1]] ?? 1)
            }
            return part
        }
    }
}
