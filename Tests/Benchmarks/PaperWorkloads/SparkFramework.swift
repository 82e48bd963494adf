public import Model

/// A Spark instance: jobs, one at a time, that go over the same data again and again.
///
/// All tasks of a job read the same input data. A node gets it with the job's first task there, and keeps it; tasks that come
/// meanwhile wait for it, too.
public struct SparkFramework: PaperFramework {
    private let settings: WorkloadMix.Spark
    private let slot: Resources
    private var lengths: TaskLengths
    private var submitted = 0
    private var nextSubmission: Duration? = .zero
    /// When the next iteration begins.
    private var nextIteration: Duration?
    private var iteration = 0
    /// When each node has the input data.
    private var loaded: [String: Duration] = [:]
    /// Of this iteration: how long those take, with the input data, that have not begun.
    private var pending: [Duration] = []
    private var running: [TaskID: Duration] = [:]
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
            && self.pending.isEmpty && self.nextIteration == nil && self.account.isEmpty
    }

    /// A job or an iteration begins, if it is time.
    public mutating func wake(at now: Duration) {
        if let at = self.nextSubmission, at <= now {
            self.nextSubmission = nil
            self.submitted += 1
            self.account.jobs.append(JobRecord(kind: self.settings.name, submitted: now.asSeconds))
            self.loaded = [:]
            self.iteration = 0
            self.nextIteration = now
        }
        if let at = self.nextIteration, at <= now {
            self.nextIteration = nil
            self.iteration += 1
            self.pending = self.lengths.draw(self.settings.partitions)
        }
        self.account.wants(!self.pending.isEmpty)
    }

    /// As many tasks as fit.
    public mutating func answer(_ offer: Offer, at now: Duration) -> PlannedAnswer {
        var answer = PlannedAnswer(refusal: FrameworkAccount.never)
        var rest = offer.resources
        while rest.contains(self.slot), let length = self.pending.popLast() {
            let loaded = self.loaded[offer.hostname] ?? now + .seconds(self.settings.loadSeconds)
            self.loaded[offer.hostname] = loaded
            let task = self.account.launch(self.slot, for: length + max(.zero, loaded - now), at: now)
            self.running[task.id] = length
            answer.tasks.append(task)
            rest -= self.slot
        }
        self.account.wants(!self.pending.isEmpty)
        return answer
    }

    /// The task waits again.
    public mutating func dropped(_ task: TaskID, at now: Duration) {
        if let length = self.running.removeValue(forKey: task) { self.pending.append(length) }
        self.account.wants(!self.pending.isEmpty)
    }

    /// After the last task of an iteration comes the next one, or the job is over.
    public mutating func ended(_ task: TaskID, at now: Duration) {
        self.running[task] = nil
        guard self.running.isEmpty, self.pending.isEmpty else { return }
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
