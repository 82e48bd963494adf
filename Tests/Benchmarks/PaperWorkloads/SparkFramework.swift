public import Model

/// A Spark instance: jobs, one at a time, that go over the same data again and again.
///
/// A part of the data is in the memory of the nodes where tasks have had it; elsewhere a task takes longer, so it waits a
/// while for such a node.
public struct SparkFramework: PaperFramework {
    private let settings: WorkloadMix.Spark
    private let slot: Resources
    private var lengths: TaskLengths
    private var submitted = 0
    private var nextSubmission: Duration? = .zero
    /// When the next iteration begins.
    private var nextIteration: Duration?
    private var iteration = 0
    /// Nodes that have each part.
    private var cached: [Set<String>] = []
    private var queue = DelayQueue(homes: [], delay: .zero)
    /// Of this iteration: how long each part takes, if it is in memory.
    private var compute: [Duration] = []
    private var running: [TaskID: Int] = [:]
    /// What it holds, and did.
    public var account: FrameworkAccount

    /// - Parameter deviation: Of a task's length, as a part of the mean.
    public init(_ name: String, _ settings: WorkloadMix.Spark, deviation: Double, seed: UInt64) {
        self.settings = settings
        self.slot = settings.slot.value
        self.account = FrameworkAccount(name)
        self.lengths = TaskLengths(
            mean: settings.taskSeconds, deviation: deviation, random: SeededGenerator(key: [seed, 0x5350, 0, 0]))
    }

    /// Whether all its jobs are over.
    public var isDone: Bool {
        self.submitted == self.settings.jobs && self.nextSubmission == nil && self.running.isEmpty
            && self.queue.count == 0
            && self.nextIteration == nil && self.account.isEmpty
    }

    /// A job or an iteration begins, if it is time.
    public mutating func wake(at now: Duration) {
        if let at = self.nextSubmission, at <= now {
            self.nextSubmission = nil
            self.submitted += 1
            self.account.jobs.append(JobRecord(kind: self.settings.name, submitted: now.asSeconds))
            self.cached = Array(repeating: [], count: self.settings.partitions)
            self.iteration = 0
            self.nextIteration = now
        }
        if let at = self.nextIteration, at <= now {
            self.nextIteration = nil
            self.iteration += 1
            self.queue = DelayQueue(homes: self.cached, delay: .seconds(self.settings.delaySeconds))
            self.compute = self.lengths.draw(self.settings.partitions)
        }
        self.account.wants(self.queue.count > 0)
    }

    /// Tasks whose part is in memory there; others when it has waited long enough.
    public mutating func answer(_ offer: Offer, at now: Duration) -> PlannedAnswer {
        var answer = PlannedAnswer(refusal: FrameworkAccount.never)
        var rest = offer.resources
        while rest.contains(self.slot), self.queue.count > 0 {
            guard let (part, _) = self.queue.take(on: offer.hostname, at: now) else {
                answer.refusal = self.queue.patience(at: now)
                break
            }
            var length = self.compute[part]
            if !self.cached[part].contains(offer.hostname) { length += length * self.settings.readFactor }
            self.cached[part].insert(offer.hostname)
            let task = self.account.launch(self.slot, for: length, at: now)
            self.running[task.id] = part
            answer.tasks.append(task)
            rest -= self.slot
        }
        self.account.wants(self.queue.count > 0)
        return answer
    }

    /// The task waits again.
    public mutating func dropped(_ task: TaskID, at now: Duration) {
        if let part = self.running.removeValue(forKey: task) { self.queue.putBack(part) }
        self.account.wants(self.queue.count > 0)
    }

    /// After the last task of an iteration comes the next one, or the job is over.
    public mutating func ended(_ task: TaskID, at now: Duration) {
        self.running[task] = nil
        guard self.running.isEmpty, self.queue.count == 0 else { return }
        if self.iteration < self.settings.iterations {
            let at = now + .seconds(self.settings.broadcastSeconds)
            self.nextIteration = at
            return self.account.orders.append(.wake(at: at))
        }
        self.account.jobs[self.submitted - 1].finished = now.asSeconds
        guard self.submitted < self.settings.jobs else { return }
        let at = now + .seconds(self.settings.waitSeconds)
        self.nextSubmission = at
        self.account.orders.append(.wake(at: at))
    }
}
