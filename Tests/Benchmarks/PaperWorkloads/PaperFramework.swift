public import Model

/// A task that a framework launches on an offer: it only takes time.
public struct PlannedTask: Sendable {
    /// Unique in its framework.
    public var id: TaskID
    /// What it takes.
    public var resources: Resources
    /// How long it runs, unless it is killed before.
    public var length: Duration
}

/// What a framework does with an offer.
public struct PlannedAnswer: Sendable {
    /// None: the offer is declined.
    public var tasks: [PlannedTask] = []
    /// For how long the rest of that agent is not wanted.
    public var refusal: Duration
}

/// What a framework wants of its own accord.
public enum PlannedOrder: Sendable {
    /// No offers.
    case suppress
    /// Offers, of all agents.
    case revive
    /// The end of a task.
    case kill(TaskID)
    /// To be told when it is so late.
    case wake(at: Duration)
}

/// A framework of the paper's experiments: events in, orders out; a simulator or a driver of the SDK carries them out.
///
/// Times are counted from the start of the experiment.
public protocol PaperFramework: Sendable {
    /// What it holds, and did.
    var account: FrameworkAccount { get set }
    /// Whether all its jobs are over, and it holds nothing.
    var isDone: Bool { get }
    /// The experiment begins, or the moment has come that it wanted to be told of.
    mutating func wake(at now: Duration)
    /// It is offered something.
    mutating func answer(_ offer: Offer, at now: Duration) -> PlannedAnswer
    /// One of its tasks runs.
    mutating func running(_ task: TaskID, at now: Duration)
    /// One of its tasks has ended as it should.
    mutating func ended(_ task: TaskID, at now: Duration)
    /// One of its tasks never began: its agent was out of reach just then.
    mutating func dropped(_ task: TaskID, at now: Duration)
}

extension PaperFramework {
    /// A status of a task has come.
    public mutating func updated(_ status: TaskStatus, at now: Duration) {
        if status.state == .running { return self.running(status.taskID, at: now) }
        guard status.state.isTerminal, self.account.close(status.taskID, status, at: now) else { return }
        if status.state == .dropped {
            self.dropped(status.taskID, at: now)
        } else {
            self.ended(status.taskID, at: now)
        }
    }

    /// What it wants done, in order.
    public mutating func takeOrders() -> [PlannedOrder] {
        let orders = self.account.orders
        self.account.orders = []
        return orders
    }

    /// Most need not know.
    public mutating func running(_ task: TaskID, at now: Duration) {}
}

/// A job from its submission to its end.
public struct JobRecord: Codable, Sendable {
    /// What kind of job.
    public var kind: String
    /// Seconds from the start of the experiment.
    public var submitted: Double
    /// Seconds from the start of the experiment; nil: not over.
    public var finished: Double?

    /// How long it took; nil: not over.
    public var seconds: Double? { self.finished.map { $0 - self.submitted } }
}

/// What a framework holds over time, and what became of its jobs.
public struct FrameworkAccount: Sendable {
    /// What it held from some moment on.
    public struct Step: Sendable {
        /// Seconds from the start of the experiment.
        public var at: Double
        /// Processors, from the launch of a task to the news of its end.
        public var cpus: Double
        /// MB, from the launch of a task to the news of its end.
        public var memory: Double
    }

    /// The framework's.
    public let name: String
    /// In order of submission.
    public internal(set) var jobs: [JobRecord] = []
    /// In order of time; nothing before the first.
    public private(set) var steps: [Step] = []
    /// Tasks that ended otherwise than they should.
    public private(set) var problems: [String] = []
    /// Tasks launched.
    public private(set) var launched = 0
    /// Of these, those that never began, and were launched again.
    public private(set) var dropped = 0
    /// Tasks that have not ended.
    private var open: [TaskID: Resources] = [:]
    private var killed: Set<TaskID> = []
    private var held = Resources()
    private var isQuiet = false
    var orders: [PlannedOrder] = []

    init(_ name: String) { self.name = name }

    /// For ever, as far as an experiment is concerned.
    static let never = Duration.seconds(1_000_000)

    /// It holds nothing.
    var isEmpty: Bool { self.open.isEmpty }

    mutating func launch(_ resources: Resources, for length: Duration, at now: Duration) -> PlannedTask {
        self.launched += 1
        let id = TaskID("\(self.name)-\(self.launched)")
        self.open[id] = resources
        self.held += resources
        self.note(at: now)
        return PlannedTask(id: id, resources: resources, length: length)
    }

    /// A task is not wanted any more.
    mutating func kill(_ task: TaskID) {
        self.killed.insert(task)
        self.orders.append(.kill(task))
    }

    /// A task has ended.
    ///
    /// - Returns: Whether that is news.
    mutating func close(_ task: TaskID, _ status: TaskStatus, at now: Duration) -> Bool {
        guard let resources = self.open.removeValue(forKey: task) else { return false }
        let isMeant = status.state == (self.killed.remove(task) == nil ? .finished : .killed)
        if status.state == .dropped {
            self.dropped += 1
        } else if !isMeant {
            self.problems.append("\(task): \(status.state.name) \(status.message ?? "")")
        }
        self.held -= resources
        self.note(at: now)
        return true
    }

    private mutating func note(at now: Duration) {
        let step = Step(
            at: now.asSeconds, cpus: Double(self.held.cpus) / 1000, memory: Double(self.held.mem) / 1000)
        if self.steps.last?.at == step.at { self.steps.removeLast() }
        self.steps.append(step)
    }

    /// Whether it would launch more: asks for offers, or for none.
    mutating func wants(_ more: Bool) {
        guard more == self.isQuiet else { return }
        self.isQuiet = !more
        self.orders.append(more ? .revive : .suppress)
    }
}
