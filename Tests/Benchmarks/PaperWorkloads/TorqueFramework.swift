public import Model

/// A Torque instance: a queue of MPI jobs, each of which begins when it has a slot for every rank.
///
/// It takes slots while jobs are in its queue, up to what is guaranteed to it, and gives all of them back when none is.
public struct TorqueFramework: PaperFramework {
    private enum Slot {
        case starting
        case idle
        /// A rank of the job of that number is in it.
        case busy(Int)
        /// It is given back.
        case ending
    }

    private let settings: WorkloadMix.Torque
    private let slot: Resources
    private let kinds: [WorkloadMix.TorqueKind]
    private var submitted = 0
    /// Jobs that wait.
    private var queue: [Int] = []
    /// When each job that runs is over.
    private var ends: [Int: Duration] = [:]
    private var slots: [TaskID: Slot] = [:]
    /// What it holds, and did.
    public var account: FrameworkAccount

    /// Jobs in an order that the seed draws, one after each gap.
    public init(_ name: String, _ settings: WorkloadMix.Torque, seed: UInt64) {
        self.settings = settings
        self.slot = settings.slot.value
        var random = SeededGenerator(key: [seed, 0x544F, 0, 0])
        self.kinds = settings.kinds.flatMap { Array(repeating: $0, count: $0.jobs) }.shuffled(using: &random)
        self.account = FrameworkAccount(name)
    }

    /// Whether all its jobs are over.
    public var isDone: Bool {
        self.submitted == self.kinds.count && self.queue.isEmpty && self.ends.isEmpty && self.account.isEmpty
    }

    /// Slots that it has use for.
    private var demand: Int {
        min(self.settings.guaranteedSlots, self.settings.ranks * (self.queue.count + self.ends.count))
    }

    /// Slots that it has, and does not give back.
    private var holding: Int {
        self.slots.values.count { if case .ending = $0 { false } else { true } }
    }

    /// Jobs are submitted whose time has come; others are over.
    public mutating func wake(at now: Duration) {
        while self.submitted < self.kinds.count {
            let at = Duration.seconds(self.settings.gapSeconds) * self.submitted
            guard at <= now else {
                self.account.orders.append(.wake(at: at))
                break
            }
            self.account.jobs.append(JobRecord(kind: self.kinds[self.submitted].name, submitted: now.asSeconds))
            self.queue.append(self.submitted)
            self.submitted += 1
        }
        for (job, end) in self.ends.sorted(by: { $0.key < $1.key }) where end <= now {
            self.ends[job] = nil
            self.account.jobs[job].finished = now.asSeconds
            for (task, slot) in self.slots {
                if case .busy(job) = slot { self.slots[task] = .idle }
            }
        }
        self.proceed(at: now)
    }

    /// Begins jobs that have their slots, and gives back what no job needs.
    private mutating func proceed(at now: Duration) {
        let idle = self.slots.compactMap { if case .idle = $0.value { $0.key } else { nil } }.sorted()
        var free = idle[...]
        while let job = self.queue.first, free.count >= self.settings.ranks {
            self.queue.removeFirst()
            for task in free.prefix(self.settings.ranks) { self.slots[task] = .busy(job) }
            free = free.dropFirst(self.settings.ranks)
            let end = now + .seconds(self.kinds[job].seconds)
            self.ends[job] = end
            self.account.orders.append(.wake(at: end))
        }
        for task in free.suffix(max(0, self.holding - self.demand)) {
            self.slots[task] = .ending
            self.account.kill(task)
        }
        self.account.wants(self.holding < self.demand)
    }

    /// As many slots as its jobs need.
    public mutating func answer(_ offer: Offer, at now: Duration) -> PlannedAnswer {
        var answer = PlannedAnswer(refusal: FrameworkAccount.never)
        var rest = offer.resources
        while rest.contains(self.slot), self.holding < self.demand {
            let task = self.account.launch(self.slot, for: FrameworkAccount.never, at: now)
            self.slots[task.id] = .starting
            answer.tasks.append(task)
            rest -= self.slot
        }
        self.account.wants(self.holding < self.demand)
        return answer
    }

    /// A slot is there.
    public mutating func running(_ task: TaskID, at now: Duration) {
        guard case .starting = self.slots[task] else { return }
        self.slots[task] = .idle
        self.proceed(at: now)
    }

    /// A slot did not come.
    public mutating func dropped(_ task: TaskID, at now: Duration) { self.ended(task, at: now) }

    /// A slot was given back.
    public mutating func ended(_ task: TaskID, at now: Duration) {
        self.slots[task] = nil
        self.proceed(at: now)
    }
}
