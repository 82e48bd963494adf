import Model

// What became of a task, asked for; and the end of a task, wanted.

extension MasterState.Cluster {
    /// Agents that this master does not know may still return and bring tasks.
    private var isRecovering: Bool { self.now < self.elected + self.settings.recoveryTimeout }

    /// Answers with the states of the tasks named; none named: of all that the master knows.
    ///
    /// - Complexity: O(tasks named, or tasks of the framework).
    func reconcile(_ tasks: [SchedulerCall.ReconcileTask], for framework: Row) {
        if tasks.isEmpty {
            for task in self.frameworks[framework].tasks.sorted() { self.reconcile(task) }
        }
        for asked in tasks {
            if let task = self.frameworks[framework].taskIDs[asked.taskID] {
                self.reconcile(task)
            } else {
                self.reconcileUnknown(asked, for: framework)
            }
        }
    }

    private func reconcile(_ task: Row) {
        let entry = self.tasks[task]
        guard !entry.isDuplicate else { return }
        var status = self.status(
            entry.key.task, self.lostState(entry.state, of: entry.framework), .reconciliation,
            "Reconciliation: the latest state of the task", agent: self.agents[entry.agent].id,
            executor: entry.executorID)
        if !entry.latestStatus.isEmpty { status.healthy = self.codec.status(entry.latestStatus)?.healthy }
        self.tell(entry.framework, status)
    }

    private func reconcileUnknown(_ asked: SchedulerCall.ReconcileTask, for framework: Row) {
        let state: TaskState
        let message: String
        switch asked.agentID.flatMap({ self.agentRows[$0] }).map({ self.agents[$0].condition }) {
        case .attached:
            // What is known of the agent may be of an earlier life.
            if self.now < self.elected + min(self.settings.relayPatience, self.settings.recoveryTimeout) { return }
            (state, message) = (.gone, "its agent does not know it")
        // It may be with a relay that still follows an earlier leader, who may have launched the task since: it returns, or becomes
        // unreachable.
        case .disconnected: return
        case .unreachable: (state, message) = (.unreachable, "its agent is unreachable")
        case nil:
            // Silence, not a guess, while an agent that knows may come.
            if self.isRecovering { return }
            (state, message) = (.unknown, "nobody knows it")
        }
        self.tell(
            framework,
            self.status(
                asked.taskID, self.lostState(state, of: framework), .reconciliation, "Reconciliation: \(message)",
                agent: asked.agentID))
    }

    /// Wants a task dead: ordered now, and again whenever its agent attaches with the task alive.
    func kill(_ id: TaskID, on agentID: AgentID?, grace: Duration?, reason: String, for framework: Row) {
        guard let task = self.frameworks[framework].taskIDs[id] else {
            return self.reconcileUnknown(.init(id, on: agentID), for: framework)
        }
        if self.tasks[task].state.isTerminal { return self.reconcile(task) }
        self.kill(task, grace: grace, reason: reason)
        if self.tasks[task].state == .unreachable { self.reconcile(task) }
    }

    /// `endsExecutor`: its executor goes too, if it does not end the task in time.
    ///
    /// Who asks again with less weight is heard, and what was ordered before is repeated under the next attachments.
    func kill(_ task: Row, grace: Duration?, reason: String, endsExecutor: Bool = false) {
        let entry = self.tasks[task]
        let kill = TaskEntry.Kill(grace: grace, reason: reason, endsExecutor: endsExecutor)
        if endsExecutor || entry.kill?.endsExecutor != true { self.tasks[task].kill = kill }
        self.countLeaving(task)
        self.observe(.killOrdered(entry.key, reason: reason))
        self.send(kill.order(entry.key), to: entry.agent)
    }
}
