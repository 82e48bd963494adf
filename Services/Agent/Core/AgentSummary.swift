public import Model

/// What an agent shows of itself on its side port.
public struct AgentSummary: Sendable {
    /// Nil until a master has given one.
    public var agentID: AgentID?
    /// The present one.
    public var attachment: Attachment
    /// The highest seen.
    public var epoch: Epoch
    /// host:port; nil while it is attached to none.
    public var relay: String?
    /// A master has accepted the present attachment.
    public var isRegistered: Bool
    /// It has read its log.
    public var isRecovered: Bool
    /// What the operator wants of it.
    public var mode: AgentMode
    /// What it shares out.
    public var total: Resources
    /// By live tasks and executors.
    public var used: Resources
    /// Live ones.
    public var tasks: Int
    /// Live ones.
    public var executors: Int
    /// Statuses that wait for a scheduler.
    public var unacknowledged: Int
}

/// Where somebody's output is, and whether more may come.
public struct AgentSandbox: Hashable, Sendable {
    /// Directories below the agent's `--dir`; the first that is there is meant.
    public var candidates: [[String]]
    /// If none is there: the last run of the first of these that have any.
    public var runs: [SandboxRuns] = []
    /// The task, or the executor, has not ended.
    public var isRunning: Bool
}

/// The runs of a task or of an executor: each a directory `<name>.<run>`, of which the highest number is the last.
public struct SandboxRuns: Hashable, Sendable {
    /// Below the agent's `--dir`: where they are, among those of others.
    public var parent: [String]
    /// What their names begin with, up to the last dot.
    public var name: String

    /// The directory of one of them, below the agent's `--dir`.
    public func directory(of run: RunID) -> [String] { self.parent + ["\(self.name).\(run)"] }
}

extension AgentState {
    /// The agent in a few numbers.
    ///
    /// - Complexity: O(tasks).
    public var summary: AgentSummary {
        AgentSummary(
            agentID: self.identity, attachment: self.attachment, epoch: self.epoch, relay: self.link?.address,
            isRegistered: self.link?.isRegistered ?? false, isRecovered: self.isRecovered,
            mode: self.mode, total: self.settings.total, used: self.used,
            tasks: self.tasks.values.count { $0.isLive }, executors: self.executorRuns.count,
            unacknowledged: self.tasks.values.reduce(0) { $0 + $1.statuses.count })
    }

    /// The sandbox of a task or of an executor; of one that is forgotten, that of its latest run.
    public func sandbox(of framework: FrameworkID, named name: String) -> AgentSandbox {
        let runs = self.sandboxRuns(of: framework, named: name)
        if let number = self.numbers[TaskKey(framework, TaskID(name))], let task = self.tasks[number] {
            return self.sandbox(of: task, else: runs)
        }
        let key = ExecutorKey(framework, ExecutorID(name))
        guard let run = self.executorRuns[key] else {
            return AgentSandbox(candidates: [], runs: runs, isRunning: false)
        }
        return AgentSandbox(candidates: [SandboxPath.of(executor: key, run: run)], isRunning: true)
    }

    /// One run of a task or of an executor, by the number that its directory has.
    public func sandbox(of framework: FrameworkID, named name: String, run: RunID) -> AgentSandbox {
        let candidates = self.sandboxRuns(of: framework, named: name).map { $0.directory(of: run) }
        let present = self.sandbox(of: framework, named: name)
        let isPresent = present.isRunning && candidates.contains { present.candidates.first == $0 }
        return AgentSandbox(candidates: candidates, isRunning: isPresent)
    }

    /// Where the runs of a task or of an executor may be.
    public func sandboxRuns(of framework: FrameworkID, named name: String) -> [SandboxRuns] {
        ["tasks", "executors"].map { SandboxPath.runs(of: framework, kind: $0, named: name) }
    }

    /// The sandboxes that something runs in, or will.
    ///
    /// - Complexity: O(tasks).
    public var liveSandboxes: [[String]] {
        self.tasks.values.compactMap { task in
            guard task.isLive, task.executorKey == nil else { return nil }
            return SandboxPath.of(command: task.key, run: task.acceptance.runID)
        } + self.executorRuns.map { SandboxPath.of(executor: $0.key, run: $0.value) }
    }

    /// A task runs in the sandbox of its executor, if it has one.
    private func sandbox(of task: TaskEntry, else runs: [SandboxRuns]) -> AgentSandbox {
        guard let key = task.executorKey else {
            let own = SandboxPath.of(command: task.key, run: task.acceptance.runID)
            return AgentSandbox(candidates: [own], runs: runs, isRunning: task.isLive)
        }
        if let run = self.executorRuns[key] {
            let own = SandboxPath.of(executor: key, run: run)
            return AgentSandbox(candidates: [own], runs: runs, isRunning: task.isLive)
        }
        let former = SandboxPath.runs(of: key.framework, kind: "executors", named: key.executor.rawValue)
        return AgentSandbox(candidates: [], runs: [former] + runs, isRunning: task.isLive)
    }
}
