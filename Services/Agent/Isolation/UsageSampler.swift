internal import Model
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// Looks again and again at what each container uses, by a thread of its own, so that no launch waits for it.
///
/// Confined to one event loop, except for what the thread does. Counters are read every second, and sandboxes looked
/// through: those with a quota every second, sooner while they grow towards it, the others every five seconds. Both
/// become rarer where they would cost much; `Pace` says how much. Without containers nothing wakes up.
final class UsageSampler {
    /// A container broke a limit that the kernel does not hold it to.
    ///
    /// Told at each look until the container is forgotten.
    var onBreach: (RunID, Limitation) -> Void = { _, _ in }
    /// The report is new.
    var onLooked: () -> Void = {}

    private let eventLoop: any EventLoop
    private let directory: String
    private let pool = NIOThreadPool(numberOfThreads: 1)
    private let looker: Looker
    private var subjects: [RunID: Subject] = [:]
    private var gone: [RunID] = []
    private var timer: Scheduled<Void>?
    private var timerAt: NIODeadline = .distantFuture
    private var isLooking = false

    private struct Subject {
        var container: UsageReport.Container
        /// What counts as its disk: its sandbox, and what it wrote into a root of its own.
        let directories: [String]
        var nextLook: NIODeadline
        var nextWalk: NIODeadline
        /// When the counters were read last.
        var lookedAt: NIODeadline?
        /// When the sandbox was last seen to its end.
        var walkedAt: NIODeadline?
    }

    /// How often is looked, and at which cost.
    enum Pace {
        /// Counters: a round of all takes up at most a fiftieth of the thread.
        static let look = TimeAmount.seconds(1)
        static let lookParts: Int64 = 50
        /// Sandboxes with a quota: each takes up at most a 25th.
        static let guarded = TimeAmount.seconds(1)
        static let guardedParts: Int64 = 25
        /// Other sandboxes: each takes up at most a hundredth.
        static let unguarded = TimeAmount.seconds(5)
        static let unguardedParts: Int64 = 100
        static let longest = TimeAmount.seconds(60)
        /// The first time that a sandbox with a quota is looked at, and the soonest that it is again.
        static let first = TimeAmount.milliseconds(250)
        static let soonest = TimeAmount.milliseconds(100)
        /// A sandbox that is not through after so many entries goes on in a later round.
        static let entriesAtOnce = 4000
        /// Rounds together take up at most a tenth.
        static let roundParts: Int64 = 10
    }

    init(isolator: Isolator, directory: String, eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        self.directory = directory
        self.looker = Looker(isolator: isolator)
        self.pool.start()
    }

    func shutdown() -> EventLoopFuture<Void> {
        self.timer?.cancel()
        self.subjects.removeAll()
        (self.onBreach, self.onLooked) = ({ _, _ in }, {})
        let done = self.eventLoop.makePromise(of: Void.self)
        self.pool.shutdownGracefully { error in if let error { done.fail(error) } else { done.succeed() } }
        return done.futureResult
    }

    // MARK: - Whom it looks at

    func watch(_ spec: ContainerSpec) {
        var container = UsageReport.Container(spec)
        let quota = self.looker.quota(of: spec.resources)
        container.usage.diskQuotaBytes = quota
        let now = NIODeadline.now()
        var directories = [self.directory + "/" + spec.sandbox.joined(separator: "/")]
        if spec.container?.image != nil {
            directories.append(ImageStore.upper(of: spec.runID, below: self.directory))
        }
        let subject = Subject(
            container: container, directories: directories,
            nextLook: now + Pace.look, nextWalk: now + (quota == nil ? Pace.look : Pace.first))
        self.subjects[spec.runID] = subject
        self.setTimer(min(subject.nextLook, subject.nextWalk))
    }

    func update(_ run: RunID, _ resources: Resources) {
        guard var subject = self.subjects[run] else { return }
        let quota = self.looker.quota(of: resources), now = NIODeadline.now()
        subject.container.resources = resources
        let isSame = subject.container.usage.diskQuotaBytes == quota
        if !isSame {
            subject.container.usage.diskQuotaBytes = quota
            subject.nextWalk = min(subject.nextWalk, now + Pace.first)
        }
        self.subjects[run] = subject
        if isSame { return }
        self.setTimer(now + Pace.first)
    }

    func forget(_ run: RunID) {
        guard self.subjects.removeValue(forKey: run) != nil else { return }
        self.gone.append(run)
        if self.subjects.isEmpty { self.onLooked() }
    }

    var report: UsageReport {
        UsageReport(containers: self.subjects.values.map(\.container).sorted { $0.runID < $1.runID })
    }

    // MARK: - Rounds

    private func setTimer(_ instant: NIODeadline) {
        guard !self.isLooking, instant < self.timerAt else { return }
        self.timer?.cancel()
        self.timerAt = instant
        let this = NIOLoopBound(self, eventLoop: self.eventLoop)
        self.timer = self.eventLoop.scheduleTask(deadline: instant) {
            this.value.timerAt = .distantFuture
            this.value.look()
        }
    }

    private func look() {
        guard !self.isLooking else { return }
        // What is due in a moment is looked at now, so that rounds are few.
        let soon = NIODeadline.now() + .milliseconds(50)
        var looks: [Look] = []
        for (run, subject) in self.subjects {
            let (isLookDue, isWalkDue) = (subject.nextLook <= soon, subject.nextWalk <= soon)
            guard isLookDue || isWalkDue else { continue }
            looks.append(
                Look(
                    run: run, resources: subject.container.resources, usage: subject.container.usage,
                    readsCounters: isLookDue, directories: isWalkDue ? subject.directories : []))
        }
        let gone = self.gone
        self.gone.removeAll()
        guard !looks.isEmpty || !gone.isEmpty else { return self.plan(after: .now()) }
        self.isLooking = true
        let this = NIOLoopBound(self, eventLoop: self.eventLoop), looker = self.looker, due = looks
        self.pool.runIfActive(eventLoop: self.eventLoop) { looker.look(due, gone: gone) }.whenSuccess { round in
            this.value.isLooking = false
            this.value.take(round)
        }
    }

    private func take(_ round: Round) {
        let now = NIODeadline.now()
        let pause = max(Pace.look, min(Pace.longest, round.counters * Pace.lookParts))
        for seen in round.seen {
            guard var subject = self.subjects.removeValue(forKey: seen.run) else { continue }
            let former = subject.container.usage
            // Of a quota that changed meanwhile, the new one counts.
            var usage = seen.usage
            usage.diskQuotaBytes = former.diskQuotaBytes
            subject.container.usage = usage
            if let instant = seen.countersAt {
                if let last = subject.lookedAt, instant > last, let before = former.cpuTime, let time = usage.cpuTime {
                    let passed = Duration.nanoseconds((instant - last).nanoseconds)
                    subject.container.cores = max(0, (time - before) / passed)
                }
                subject.lookedAt = instant
                subject.nextLook = instant + pause
            }
            if let walk = seen.walk { Self.plan(walk, from: former, &subject, at: now) }
            self.subjects[seen.run] = subject
            if let limitation = seen.limitation { self.onBreach(seen.run, limitation) }
        }
        self.plan(after: now + round.total * (Pace.roundParts - 1))
        self.onLooked()
    }

    private static func plan(_ walk: Walk, from former: ContainerUsage, _ subject: inout Subject, at now: NIODeadline) {
        guard walk.isComplete else {
            subject.nextWalk = now + Pace.soonest
            return
        }
        guard let quota = subject.container.usage.diskQuotaBytes else {
            let pause = max(Pace.unguarded, min(Pace.longest, walk.cost * Pace.unguardedParts))
            subject.walkedAt = now
            subject.nextWalk = now + pause
            return
        }
        var pause = max(Pace.guarded, min(Pace.longest, walk.cost * Pace.guardedParts))
        // At its pace it will be full then: half of the way is looked at once more.
        if let bytes = subject.container.usage.diskBytes, bytes < quota {
            let passed = subject.walkedAt.map { (now - $0).nanoseconds } ?? Pace.look.nanoseconds
            let grown = bytes - min(bytes, former.diskBytes ?? 0)
            if grown > 0 {
                let full = Double(quota - bytes) / Double(grown) * Double(max(passed, 1))
                let half = TimeAmount.nanoseconds(Int64(min(full / 2, Double(pause.nanoseconds))))
                pause = min(pause, max(Pace.soonest, walk.cost * 5, half))
            }
        }
        subject.walkedAt = now
        subject.nextWalk = now + pause
    }

    private func plan(after earliest: NIODeadline) {
        guard let next = self.subjects.values.map({ min($0.nextLook, $0.nextWalk) }).min() else { return }
        self.setTimer(max(next, earliest))
    }
}

@available(*, unavailable)
extension UsageSampler: Sendable {}

// MARK: - On the thread

extension UsageSampler {
    /// What is to be looked at of a container.
    struct Look: Sendable {
        let run: RunID
        let resources: Resources
        /// As last seen.
        var usage: ContainerUsage
        let readsCounters: Bool
        /// Empty: not this time.
        let directories: [String]
    }

    /// What was seen of a container.
    struct Seen: Sendable {
        let run: RunID
        var usage: ContainerUsage
        var countersAt: NIODeadline?
        var walk: Walk?
        var limitation: Limitation?
    }

    /// How far the look through a sandbox has come.
    struct Walk: Sendable {
        var isComplete: Bool
        /// Time of the thread, from its begin.
        var cost: TimeAmount
    }

    /// What one round brought.
    struct Round: Sendable {
        var seen: [Seen] = []
        /// Time of the thread for the counters.
        var counters = TimeAmount.zero
        /// Time of the thread for all.
        var total = TimeAmount.zero
    }
}

/// Reads and counts, on the sampler's thread.
private final class Looker: Sendable {
    private let isolator: Isolator
    private let walks = Mutex<[RunID: Started]>([:])

    private struct Started {
        /// Those that are not seen to their end.
        var open: [DiskWalk]
        /// What the others have found.
        private var closedBytes: UInt64 = 0
        var cost = TimeAmount.zero

        /// Nil if none of the directories is there.
        init?(of directories: [String]) {
            self.open = directories.compactMap { DiskWalk(of: $0) }
            if self.open.isEmpty { return nil }
        }

        var bytes: UInt64 { self.open.reduce(self.closedBytes) { $0 + $1.bytes } }

        /// Looks at some more entries; whether all has been seen.
        mutating func step(entries limit: Int) -> Bool {
            while let walk = self.open.first {
                guard walk.step(entries: limit) else { return false }
                self.closedBytes += walk.bytes
                self.open.removeFirst()
            }
            return true
        }
    }

    init(isolator: Isolator) { self.isolator = isolator }

    /// What a container's sandbox is held to.
    func quota(of resources: Resources) -> UInt64? {
        self.isolator.modules.contains { $0 is DiskIsolation } ? DiskIsolation.quota(of: resources) : nil
    }

    func look(_ looks: [UsageSampler.Look], gone: [RunID]) -> UsageSampler.Round {
        var round = UsageSampler.Round()
        let begin = NIODeadline.now()
        self.walks.withLock { walks in for run in gone { walks[run] = nil } }
        for look in looks {
            var seen = UsageSampler.Seen(run: look.run, usage: look.usage)
            if look.readsCounters {
                let start = NIODeadline.now()
                let usage = self.isolator.usage(of: look.run)
                seen.usage.cpuTime = usage.cpuTime ?? look.usage.cpuTime
                seen.usage.processors = usage.processors
                seen.usage.memoryBytes = usage.memoryBytes
                seen.usage.memoryLimitBytes = usage.memoryLimitBytes
                seen.usage.memoryPeakBytes = usage.memoryPeakBytes
                seen.usage.processes = usage.processes
                seen.usage.io = usage.io
                let end = NIODeadline.now()
                seen.countersAt = start
                round.counters = round.counters + (end - start)
            }
            if !look.directories.isEmpty { self.walk(look.directories, &seen) }
            seen.limitation = self.isolator.breach(of: look.resources, by: seen.usage, in: look.run)
            round.seen.append(seen)
        }
        round.total = NIODeadline.now() - begin
        return round
    }

    /// Goes some way through the directories of a container.
    ///
    /// What it found so far counts if that is more than was there before: whoever has filled a million files is not
    /// waited for.
    private func walk(_ directories: [String], _ seen: inout UsageSampler.Seen) {
        let start = NIODeadline.now()
        self.walks.withLock { walks in
            guard var started = walks[seen.run] ?? Started(of: directories) else {
                seen.walk = .init(isComplete: true, cost: .zero)
                return
            }
            let isComplete = started.step(entries: UsageSampler.Pace.entriesAtOnce)
            started.cost = started.cost + (NIODeadline.now() - start)
            walks[seen.run] = isComplete ? nil : started
            let bytes = started.bytes
            seen.usage.diskBytes = isComplete ? bytes : max(bytes, seen.usage.diskBytes ?? 0)
            seen.walk = .init(isComplete: isComplete, cost: started.cost)
        }
    }
}
