public import MesetaSDK

/// Launches tasks on whatever it is offered, a given number at a time, and notes when each began and ended.
public actor TaskStream: Scheduler {
    /// What became of a number of tasks.
    public struct Outcome: Sendable {
        /// From the first launch to the last end.
        public var elapsed: Duration
        /// Those that ended as they should.
        public var finished = 0
        /// Offers that tasks went out on.
        public var offers = 0
        /// Anything but FINISHED, with why.
        public var failures: [String] = []
        /// From the call that launches a task until its scheduler hears that it finished, in the order of the ends.
        public var latencies: [Duration] = []
        /// From one of those to the offer that the next task went out on.
        public var offerWaits: [Duration] = []
    }

    private struct Window {
        var remaining: Int
        var outcome: Outcome
        var begin: ContinuousClock.Instant
        var lastEnd: ContinuousClock.Instant
        let done: CheckedContinuation<Outcome, Never>
    }

    private let clock = ContinuousClock()
    private let work: TaskWork
    private let resources: Resources
    /// Tasks at once; nil: what fits.
    private let width: Int?
    /// Tasks launched on one offer; nil: what fits.
    private let part: Int?
    private var window: Window?
    private var running: [TaskID: ContinuousClock.Instant] = [:]
    private var counter = 0

    /// Tasks of that kind, each with those resources.
    public init(_ work: TaskWork, resources: Resources, width: Int? = nil, part: Int? = nil) {
        self.work = work
        self.resources = resources
        self.width = width
        self.part = part
    }

    /// Runs so many tasks, and returns when all have ended.
    public func run(_ count: Int, with driver: SchedulerDriver) async -> Outcome {
        await withCheckedContinuation { done in
            let now = self.clock.now
            self.window = Window(
                remaining: count, outcome: Outcome(elapsed: .zero), begin: now, lastEnd: now, done: done)
            driver.reviveOffers()
        }
    }

    /// Launches what fits and is still to run.
    public func resourceOffers(_ driver: SchedulerDriver, _ offers: [Offer]) {
        for offer in offers { self.use(offer, driver) }
    }

    private func use(_ offer: Offer, _ driver: SchedulerDriver) {
        guard let window = self.window, window.remaining > 0 else { return driver.declineOffers([offer]) }
        var free = offer.resources, tasks: [TaskInfo] = []
        let room = min(window.remaining, self.width.map { $0 - self.running.count } ?? .max, self.part ?? .max)
        while tasks.count < room, free.contains(self.resources) {
            free -= self.resources
            self.counter += 1
            tasks.append(self.work.task(TaskID("t\(self.counter)"), on: offer, self.resources))
        }
        let now = self.clock.now
        for task in tasks { self.running[task.taskID] = now }
        if let lastEnd = self.window?.lastEnd, self.width == 1, !tasks.isEmpty {
            self.window?.outcome.offerWaits.append(now - lastEnd)
        }
        self.window?.remaining -= tasks.count
        if !tasks.isEmpty { self.window?.outcome.offers += 1 }
        driver.launchTasks(tasks, on: [offer], refusing: .zero)
        // Nothing is wanted until the next window.
        if self.window?.remaining == 0 { driver.suppressOffers() }
    }

    /// Counts ends.
    public func statusUpdate(_ driver: SchedulerDriver, _ status: TaskStatus) {
        guard status.state.isTerminal, let begin = self.running.removeValue(forKey: status.taskID) else { return }
        let now = self.clock.now
        self.window?.lastEnd = now
        self.window?.outcome.latencies.append(now - begin)
        if status.state == .finished {
            self.window?.outcome.finished += 1
        } else {
            self.window?.outcome.failures.append("\(status.taskID): \(status.state.name) \(status.message ?? "")")
        }
        guard let window = self.window, window.remaining == 0, self.running.isEmpty else { return }
        self.window = nil
        var outcome = window.outcome
        outcome.elapsed = now - window.begin
        window.done.resume(returning: outcome)
    }
}
