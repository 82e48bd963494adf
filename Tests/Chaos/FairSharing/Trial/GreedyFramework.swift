public import Model

/// A framework that always wants more: it fills every offer with tasks of one size that last a time of chance.
public struct GreedyFramework: Sendable {
    /// What became of its tasks.
    public struct Counts: Hashable, Sendable {
        /// How many were launched.
        public var launched = 0
        /// How many finished.
        public var finished = 0
        /// How many ended in another way, by state.
        public var otherwise: [TaskState: Int] = [:]
        /// How many were told to have ended twice, or were never launched.
        public var surprises = 0

        /// How many have not ended.
        public var open: Int { self.launched - self.finished - self.otherwise.values.reduce(0, +) }

        /// None.
        public init() {}
    }

    private let name: String
    private let plan: SharingPlan
    private let executor: ExecutorInfo
    private var random: SeededGenerator
    private var openTasks: Set<TaskID> = []
    /// What became of its tasks so far.
    public private(set) var counts = Counts()
    /// Whether it wants more; it does until told otherwise.
    public var isHungry = true

    /// The framework of that number in a plan.
    ///
    /// - Parameter executor: Runs a task for as many milliseconds as its data says in decimal.
    public init(_ index: Int, of plan: SharingPlan, executor: ExecutorInfo) {
        self.name = plan.frameworkNames[index]
        self.plan = plan
        self.executor = executor
        self.random = SeededGenerator(key: [plan.seed, UInt64(index), 0, 0])
    }

    /// The tasks that fit into an offer; none: it is to be declined.
    public mutating func answer(_ offer: Offer) -> [TaskInfo] {
        var tasks: [TaskInfo] = []
        var rest = offer.resources
        while self.isHungry, rest.contains(self.plan.slot) {
            rest -= self.plan.slot
            self.counts.launched += 1
            let id = TaskID("\(self.name)-\(self.counts.launched)")
            var task = TaskInfo(name: "slot", taskID: id, agentID: offer.agentID, resources: self.plan.slot)
            task.executor = self.executor
            task.data = Bytes("\(Int64.random(in: self.plan.taskMilliseconds, using: &self.random))".utf8)
            self.openTasks.insert(id)
            tasks.append(task)
        }
        return tasks
    }

    /// A status has come.
    public mutating func updated(_ status: TaskStatus) {
        guard status.state.isTerminal else { return }
        guard self.openTasks.remove(status.taskID) != nil else {
            self.counts.surprises += 1
            return
        }
        if status.state == .finished {
            self.counts.finished += 1
        } else {
            self.counts.otherwise[status.state, default: 0] += 1
        }
    }
}
