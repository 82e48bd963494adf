import Model

/// The container of an executor may use what the executor and its tasks were promised.
///
/// It is raised before a task is handed over, and lowered before the end of one is told: so nothing runs below its
/// promise, and nothing that the master gives out again is still in use. One change is carried out at a time; what
/// comes meanwhile shares the next. A container of which nothing changes waits for nothing.
extension AgentState {
    /// Brings the container to the load of its executor; then, `step`.
    mutating func fitContainer(
        of run: RunID, then step: ExecutorEntry.Step, at now: Instant, into effects: inout [Effect]
    ) {
        self.executors[run]?.waiting.append(step)
        self.fitContainer(of: run, at: now, into: &effects)
    }

    private mutating func fitContainer(of run: RunID, at now: Instant, into effects: inout [Effect]) {
        guard let executor = self.executors[run], executor.updating == nil, !executor.waiting.isEmpty else { return }
        self.executors[run]?.waiting = []
        guard executor.limits != executor.load else {
            return self.carryOut(executor.waiting, at: now, into: &effects)
        }
        self.executors[run]?.limits = executor.load
        self.executors[run]?.updating = executor.waiting
        effects.append(.update(run, executor.load))
    }

    private mutating func carryOut(_ steps: [ExecutorEntry.Step], at now: Instant, into effects: inout [Effect]) {
        for step in steps {
            switch step {
            case .handOver(let numbers): self.handOver(numbers, at: now, into: &effects)
            case .end(let number): self.end(number, at: now, into: &effects)
            }
        }
    }

    /// The container may use what it was last allowed, or cannot be brought to that: then it is destroyed, since its
    /// tasks would have less than they were promised, or others would.
    mutating func containerUpdated(_ run: RunID, _ problem: String?, at now: Instant, into effects: inout [Effect]) {
        guard let executor = self.executors[run], let steps = executor.updating, executor.stage != .exited else {
            return
        }
        self.executors[run]?.updating = nil
        guard let problem else {
            self.carryOut(steps, at: now, into: &effects)
            return self.fitContainer(of: run, at: now, into: &effects)
        }
        self.executors[run]?.waiting = []  // Its end is the end of all that waits.
        effects.append(.observe(.containerUpdateFailed(executor.key, reason: problem)))
        if case .stopping = executor.stage { return effects.append(.destroy(run)) }
        let end = ExecutorEntry.End(
            isLost: true, reason: .containerUpdateFailed,
            message: "The limits of the executor's container could not be changed: \(problem)")
        self.destroyExecutor(run, end, into: &effects)
    }

    /// Keeps a terminal status back if a container has to shrink before it is told; whether it has to.
    mutating func shrinkContainer(
        for number: UInt64, _ draft: Draft, at now: Instant, into effects: inout [Effect]
    ) -> Bool {
        guard let task = self.tasks[number], task.isHolding, task.stage != .ending,
            let executor = task.executorKey.flatMap({ self.executor($0) })
        else { return false }
        switch executor.stage {
        case .registering, .subscribed, .away, .stopping: break
        case .accepted, .exited: return false
        }
        task.stage = .ending
        task.outcome = draft
        if let uuid = draft.update?.uuid { task.remember(uuid) }
        self.executors[executor.runID]?.load -= task.resources
        self.fitContainer(of: executor.runID, then: .end(number), at: now, into: &effects)
        return true
    }

    private mutating func end(_ number: UInt64, at now: Instant, into effects: inout [Effect]) {
        guard let task = self.tasks[number], task.stage == .ending, let outcome = task.outcome else { return }
        self.add(outcome, to: number, at: now, into: &effects)
        if let key = task.executorKey { self.endIfNeedless(key, at: now, into: &effects) }
    }

    /// Ends an executor without tasks that was started for nothing, or on an agent that is to be emptied; others may wait
    /// for their next task, though not for ever.
    mutating func endIfNeedless(_ key: ExecutorKey, at now: Instant, into effects: inout [Effect]) {
        guard let executor = self.executor(key), executor.tasks.isEmpty else { return }
        if !executor.hasReceivedTasks { self.shutdownExecutor(key, at: now, into: &effects) }
        self.endIfDrained(key, at: now, into: &effects)
        self.boundIdleTime(of: executor.runID, at: now, into: &effects)
    }
}
