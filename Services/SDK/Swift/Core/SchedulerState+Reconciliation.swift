import Model

/// Reconciliation: after each registration the master is asked about every live task until it has answered, so that
/// nothing that was lost on the way between two masters stays lost.
extension SchedulerState {
    /// How often a scheduler that takes over asks for all tasks: agents may come back to the master later than it.
    static let implicitRoundsAfterTakeover = 4

    mutating func reconcileAll(isTakingOver: Bool, _ now: Instant, _ effects: inout [Effect]) {
        for (id, task) in self.tasks where task.end != .certain && task.question == .none {
            self.tasks[id]?.question = .asked
        }
        if isTakingOver { self.implicitRounds = Self.implicitRoundsAfterTakeover }
        self.reconciliationInterval = self.settings.reconciliationInterval
        self.ask(now, &effects)
    }

    mutating func reconcileAgain(_ now: Instant, _ effects: inout [Effect]) {
        self.reconciliationInterval = min(self.reconciliationInterval * 2, self.settings.reconciliationIntervalMax)
        self.ask(now, &effects)
    }

    private mutating func ask(_ now: Instant, _ effects: inout [Effect]) {
        guard self.isSubscribed else { return }
        if self.implicitRounds > 0 {
            self.implicitRounds -= 1
            self.send(.reconcile([]), &effects)
        }
        let open = self.tasks(where: { $0.end != .certain && $0.question != .none })
        self.ask(open.map { SchedulerCall.ReconcileTask($0.key, on: $0.value.agentID) }, &effects)
        if !open.isEmpty || self.implicitRounds > 0 {
            effects.append(.setTimer(.reconciliation, at: now + self.reconciliationInterval))
        }
    }

    private func ask(_ tasks: [SchedulerCall.ReconcileTask], _ effects: inout [Effect]) {
        for start in stride(from: 0, to: tasks.count, by: self.settings.reconciliationBatch) {
            let end = min(start + self.settings.reconciliationBatch, tasks.count)
            self.send(.reconcile(Array(tasks[start..<end])), &effects)
        }
    }

    /// The user asks: he is told the answers even if they are not new.
    ///
    /// A task that he was told is over is not asked about.
    mutating func reconcile(_ tasks: [SchedulerCall.ReconcileTask], _ now: Instant, _ effects: inout [Effect]) {
        guard !tasks.isEmpty else {
            for (id, task) in self.tasks where task.end == nil { self.tasks[id]?.question = .askedByUser }
            self.send(.reconcile([]), &effects)
            return
        }
        var open: [SchedulerCall.ReconcileTask] = []
        for asked in tasks {
            var task = self.tasks[asked.taskID] ?? self.newTask()
            guard task.end == nil else { continue }
            task.question = .askedByUser
            task.agentID = asked.agentID ?? task.agentID
            open.append(SchedulerCall.ReconcileTask(asked.taskID, on: task.agentID))
            self.store(asked.taskID, task, now, &effects)
        }
        self.ask(open, &effects)
        guard self.isSubscribed, !open.isEmpty else { return }
        self.reconciliationInterval = self.settings.reconciliationInterval
        effects.append(.setTimer(.reconciliation, at: now + self.reconciliationInterval))
    }
}
