import MesetaSDK

/// Launches tasks that each estimate pi, and averages what they find.
actor PiScheduler: Scheduler {
    /// What to compute, and with how much.
    struct Work: Sendable {
        var tasks: Int
        var samples: Int
        var seed: UInt64
        var resources: Resources
        var executor: ExecutorInfo
        /// How often each task may fail before all is given up.
        var retries: Int
    }

    /// How it ended.
    enum Outcome: Sendable {
        case estimate(Double)
        case failed(String)
    }

    /// A declined offer of that much, or less, is not made again for so long; a failed task calls offers back.
    private static let refusal: Duration = .seconds(3600)

    private let work: Work
    private let print: @Sendable (String) -> Void
    /// Numbers of tasks to launch, in order.
    private var waiting: [Int]
    /// Launched and not ended: what the id stands for, and where it runs.
    private var running: [TaskID: (number: Int, host: String)] = [:]
    private var failures: [Int: Int] = [:]
    private var estimates: [Double] = []
    private var isSuppressed = false
    private var hasComplained = false
    private(set) var outcome: Outcome?

    /// - Parameter print: Where the lines about progress go.
    init(_ work: Work, print: @escaping @Sendable (String) -> Void) {
        self.work = work
        self.print = print
        self.waiting = Array(1...work.tasks)
    }

    func registered(_ driver: SchedulerDriver, _ framework: FrameworkID, _ master: MasterInfo) {
        self.print("Registered as framework \(framework) with the master at \(master.address)")
    }

    func resourceOffers(_ driver: SchedulerDriver, _ offers: [Offer]) {
        for offer in offers {
            let tasks = self.tasks(for: offer)
            if tasks.isEmpty {
                driver.declineOffers([offer], for: Self.refusal)
            } else {
                driver.launchTasks(tasks, on: [offer], refusing: Self.refusal)
            }
        }
        if self.waiting.isEmpty, !self.isSuppressed {
            driver.suppressOffers()
            self.isSuppressed = true
        }
    }

    /// As many tasks as the offer holds, beside the executor if it is new on that agent.
    private func tasks(for offer: Offer) -> [TaskInfo] {
        var free = offer.resources
        if !offer.executorIDs.contains(self.work.executor.executorID) {
            guard free.contains(self.work.executor.resources) else { return self.complain(offer) }
            free -= self.work.executor.resources
        }
        var tasks: [TaskInfo] = []
        while let number = self.waiting.first, free.contains(self.work.resources) {
            self.waiting.removeFirst()
            free -= self.work.resources
            let id = TaskID("pi-\(number).\(self.failures[number, default: 0])")
            self.running[id] = (number, offer.hostname)
            tasks.append(
                TaskInfo(id, on: offer, resources: self.work.resources, name: "pi \(number)")
                    .executor(self.work.executor)
                    .data("\(self.work.samples) \(self.work.seed &+ UInt64(number))"))
        }
        return tasks.isEmpty && !self.waiting.isEmpty ? self.complain(offer) : tasks
    }

    private func complain(_ offer: Offer) -> [TaskInfo] {
        if !self.hasComplained, self.running.isEmpty {
            self.print(
                "An offer of \(offer.resources) is too small: a task needs \(self.work.resources), and its executor "
                    + "\(self.work.executor.resources). Waiting for a larger one; --cpus and --mem make tasks smaller")
            self.hasComplained = true
        }
        return []
    }

    func statusUpdate(_ driver: SchedulerDriver, _ status: TaskStatus) {
        guard self.outcome == nil, status.state.isTerminal, let task = self.running[status.taskID] else { return }
        self.running[status.taskID] = nil
        guard status.state == .finished, let estimate = status.text.flatMap(Double.init) else {
            return self.failed(driver, task.number, status)
        }
        self.estimates.append(estimate)
        let agent = status.agentID.map { "\($0)" } ?? "?"
        self.print(
            "Task \(task.number) on agent \(agent) (\(task.host)): \(estimate)"
                + "  [\(self.estimates.count)/\(self.work.tasks)]")
        if self.estimates.count == self.work.tasks {
            self.end(driver, .estimate(self.estimates.reduce(0, +) / Double(self.work.tasks)))
        }
    }

    private func failed(_ driver: SchedulerDriver, _ number: Int, _ status: TaskStatus) {
        let count = self.failures[number, default: 0] + 1
        self.failures[number] = count
        let cause = "\(status.state.name)\(status.message.map { ": \($0)" } ?? "")"
        guard count <= self.work.retries else {
            return self.end(driver, .failed("Task \(number) failed \(count) times, at last with \(cause)"))
        }
        self.print("Task \(number) failed, trying again: \(cause)")
        self.waiting.append(number)
        driver.reviveOffers()
        self.isSuppressed = false
    }

    private func end(_ driver: SchedulerDriver, _ outcome: Outcome) {
        self.outcome = outcome
        driver.stop()
    }
}
