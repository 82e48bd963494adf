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

    /// A task that is in nobody's books; `kill`: it is wanted dead.
    private func reconcileUnknown(
        _ asked: SchedulerCall.ReconcileTask, kill: TaskEntry.Kill? = nil, for framework: Row
    ) {
        guard let agent = asked.agentID.flatMap({ self.agentRows[$0] }) else {
            // Silence, not a guess, while an agent that knows may come.
            if !self.isRecovering { self.answer(asked, .unknown, "nobody knows it", for: framework) }
            return
        }
        switch self.agents[agent].condition {
        case .unreachable:
            self.answer(asked, .unreachable, "its agent is unreachable", for: framework)
            if kill != nil { self.remember(asked, kill, of: agent, for: framework) }
        case .attached where self.agents[agent].knowsEpoch:
            self.answer(asked, .gone, "its agent does not know it", for: framework)
        case .attached(let relay, _) where self.relays[relay].revision < ProtocolRevision.restating:
            // It would not pass the question on: time has to do.
            if self.now < self.elected + min(self.settings.relayPatience, self.settings.recoveryTimeout) {
                self.remember(asked, kill, of: agent, for: framework)
            } else {
                self.answer(asked, .gone, "its agent does not know it", for: framework)
            }
        case .attached, .disconnected:
            // What is known of the agent may be of an earlier life: it may be with a relay that still follows an earlier leader, who
            // launches the task there.
            let isFirst = self.agents[agent].questions.isEmpty
            self.remember(asked, kill, of: agent, for: framework)
            if isFirst { self.send(.restate, to: agent) }
        }
    }

    private func answer(
        _ asked: SchedulerCall.ReconcileTask, _ state: TaskState, _ message: String, for framework: Row
    ) {
        self.tell(
            framework,
            self.status(
                asked.taskID, self.lostState(state, of: framework), .reconciliation, "Reconciliation: \(message)",
                agent: asked.agentID))
    }

    /// Keeps a question for the agent's own word: what it registers once it knows of this leadership is all that it runs.
    private func remember(
        _ asked: SchedulerCall.ReconcileTask, _ kill: TaskEntry.Kill?, of agent: Row, for framework: Row
    ) {
        let key = TaskKey(self.frameworks[framework].id, asked.taskID)
        let earlier = self.agents[agent].questions[key]
        guard earlier != nil || self.agents[agent].questions.count < AgentEntry.largestQuestions else { return }
        self.agents[agent].questions.updateValue(kill ?? earlier ?? nil, forKey: key)
    }

    /// The agent has registered or is unreachable: what was asked is asked again, and perhaps waits once more.
    func answerQuestions(of agent: Row) {
        let (id, questions) = (self.agents[agent].id, self.agents[agent].questions)
        guard !questions.isEmpty else { return }
        self.agents[agent].questions = [:]
        for (key, kill) in questions.sorted(by: { $0.key < $1.key }) {
            guard let framework = self.frameworkRows[key.framework] else { continue }
            if let kill {
                // The id may be used again, elsewhere: that task is not meant.
                if let task = self.frameworks[framework].taskIDs[key.task], self.tasks[task].agent != agent { continue }
                self.kill(key.task, on: id, grace: kill.grace, reason: kill.reason, for: framework)
            } else {
                self.reconcile([.init(key.task, on: id)], for: framework)
            }
        }
    }

    /// Wants a task dead: ordered now, and again whenever its agent attaches with the task alive.
    func kill(_ id: TaskID, on agentID: AgentID?, grace: Duration?, reason: String, for framework: Row) {
        guard let task = self.frameworks[framework].taskIDs[id] else {
            let kill = TaskEntry.Kill(grace: grace, reason: reason, endsExecutor: false)
            return self.reconcileUnknown(.init(id, on: agentID), kill: kill, for: framework)
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
