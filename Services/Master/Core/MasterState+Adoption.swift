import Model

// Taking over what an agent says under a new attachment. What it does not list does not run there and never will.

extension MasterState.Cluster {
    /// Makes the books of an agent what its registration says, and tells everybody whom that concerns.
    func adopt(
        _ registration: AgentRegistration, sent: [AgentOrder], for agent: Row, isNew: Bool, relay: Row, index: UInt32
    ) {
        let wasUnreachable = self.agents[agent].isUnreachable
        self.registrations += 1
        self.adopting = agent
        self.take(registration, for: agent, isCounted: !isNew && !wasUnreachable)
        self.agents[agent].condition = .attached(relay: relay, index: index)
        self.agents[agent].relayName = self.relays[relay].name
        if wasUnreachable { self.unreachableCount -= 1 }

        for record in registration.frameworks where !self.removed.contains(record.id) {
            _ = self.framework(record.id, info: record.info)
        }
        for record in registration.tasks { self.apply(record, of: agent, at: self.registrations) }
        for record in registration.executors { self.apply(record, of: agent, at: self.registrations) }
        for order in sent { self.adoptSent(order, for: agent) }
        self.agents[agent].position = registration.position

        self.accept(registration, for: agent, relay: relay, index: index)
        self.settleUnlisted(on: agent, mayResend: !isNew && !wasUnreachable)
        self.adopting = nil
        self.divideSlots(of: agent)
        self.repeatOrders(to: agent, listed: registration.frameworks)
        self.answerAskers(of: agent)
        self.answerQuestions(of: agent)
        if wasUnreachable { self.reportReturn(of: agent) }
        if !self.agents[agent].total.contains(self.agents[agent].held) { self.rescindOffers(ofAgent: agent) }
        self.assignOwner(of: agent)
        self.tellFacts(of: agent)
    }

    /// What the agent is, apart from what it runs.
    private func take(_ registration: AgentRegistration, for agent: Row, isCounted: Bool) {
        if isCounted { self.total -= self.agents[agent].total.summable }
        if registration.agentID != nil { self.forgetNewcomer(agent) }
        if registration.epoch == self.epoch { self.agents[agent].knowsEpoch = true }
        self.agents[agent].hostname = registration.hostname
        self.agents[agent].sidePort = registration.sidePort
        self.agents[agent].total = registration.total
        self.agents[agent].attributes = registration.attributes
        self.agents[agent].attributeList = self.codec.attributes(registration.attributes)
        self.agents[agent].mode = registration.mode
        self.agents[agent].attachment = registration.attachment
        self.total += registration.total.summable
        if registration.mode != .active { self.rescindOffers(ofAgent: agent) }
    }

    /// A launch that the relay wrote to the agent and that its books do not show yet: occupied until they do.
    private func adoptSent(_ order: AgentOrder, for agent: Row) {
        guard case .launch(let order) = order else { return }
        let framework = self.framework(order.frameworkID, info: order.frameworkInfo)
        var added: [Row] = []
        for launched in order.tasks {
            let key = TaskKey(order.frameworkID, launched.taskID)
            if let task = self.frameworks[framework].taskIDs[launched.taskID] {
                // Known here: it is on its way, unless the agent has listed it or it is another agent's.
                if self.tasks[task].agent == agent { self.tasks[task].listed = self.registrations }
                continue
            }
            guard let info = self.codec.task(launched.info) else { continue }
            let group = order.groupExecutor.isEmpty ? nil : self.codec.executor(order.groupExecutor)
            let executor = group ?? info.executor
            var entry = TaskEntry(
                key: key, framework: framework, agent: agent, name: info.name, executorID: executor?.executorID,
                resources: info.resources, role: order.role)
            entry.listed = self.registrations
            entry.priority = info.priority
            entry.maxCompletionTime = info.maxCompletionTime
            let task = self.insert(entry)
            self.occupy(task)
            if let executor { self.occupy(executor, of: framework, on: agent, role: order.role) }
            added.append(task)
        }
        if !added.isEmpty { self.keep(order, for: added, isAdopted: true) }
    }

    private func accept(_ registration: AgentRegistration, for agent: Row, relay: Row, index: UInt32) {
        let (peer, name, isSynced) = (self.relays[relay].peer, self.relays[relay].name, self.relays[relay].isSynced)
        let id = self.agents[agent].id
        self.effects.append(.sendToRelay(peer, .agentAccepted(index: index, registration.attachment, id)))
        self.effects.append(
            .sendToRelay(peer, .bookConfirmed(index: index, registration.attachment, registration.position)))
        self.observe(
            .agentAttached(
                id, hostname: registration.hostname, relay: name, registration.attachment, inSnapshot: !isSynced))
    }

    /// What the master has of this agent and the agent has not: ordered again if it was never confirmed, and is this master's own; else
    /// lost.
    private func settleUnlisted(on agent: Row, mayResend: Bool) {
        let id = self.agents[agent].id
        let unlisted = self.agents[agent].tasks.filter { self.tasks[$0].listed != self.registrations }
        for task in unlisted.sorted() {
            let entry = self.tasks[task]
            let isTerminating = self.frameworks[entry.framework].isTerminating
            if entry.state.isTerminal || isTerminating {
                self.endTask(task, as: entry.state)
                self.retire(task)
            } else if let launch = entry.launch, mayResend, !self.launches[launch].isAdopted {
                guard let kill = entry.kill else { continue }  // `repeatOrders` sends it again.
                self.forgetLaunch(of: task)
                self.report(
                    task, .killed, .taskKilledDuringLaunch, "Killed before it reached its agent: \(kill.reason)")
                self.endTask(task, as: .killed)
                self.retire(task)
            } else {
                self.forgetLaunch(of: task)
                let isKnownLost = entry.state == .unreachable && !self.frameworks[entry.framework].knowsUnreachable
                if !isKnownLost {
                    self.report(task, .gone, .reconciliation, "Agent \(id) has come back without this task")
                }
                self.endTask(task, as: self.lostState(.gone, of: entry.framework))
                self.retire(task)
            }
        }
        self.dropExecutors(of: agent) { executor in
            let entry = self.executors[executor]
            if entry.listed == self.registrations { return false }
            return entry.isConfirmed || !self.isExpected(entry.key, on: agent)
        }
    }

    /// Whether a task that is not over wants this executor.
    func isExpected(_ key: ExecutorKey, on agent: Row) -> Bool {
        self.agents[agent].tasks.contains { row in
            let task = self.tasks[row]
            return task.key.framework == key.framework && task.executorID == key.executor && task.isOccupying
        }
    }

    /// Orders of an earlier attachment that still hold: the end of removed frameworks, launches, kills.
    private func repeatOrders(to agent: Row, listed: [FrameworkRecord]) {
        let (tasks, executors) = (self.agents[agent].tasks, self.agents[agent].executors)
        var over = Set(listed.lazy.map(\.id).filter { self.removed.contains($0) })
        let users = tasks.lazy.map { self.tasks[$0].framework }
        for framework in users where self.frameworks[framework].isTerminating {
            over.insert(self.frameworks[framework].id)
        }
        for framework in executors.lazy.map({ self.executors[$0].framework })
        where self.frameworks[framework].isTerminating {
            over.insert(self.frameworks[framework].id)
        }
        for id in over.sorted() { self.send(.shutdownFramework(id), to: agent) }
        var unlisted: [Row: Set<TaskID>] = [:]
        for task in tasks where self.tasks[task].listed != self.registrations {
            if let launch = self.tasks[task].launch { unlisted[launch, default: []].insert(self.tasks[task].key.task) }
        }
        for (launch, missing) in unlisted.sorted(by: { $0.key < $1.key }) {
            var order = self.launches[launch].order
            // Of tasks that start each for itself some may have come, or be over by now.
            if order.groupExecutor.isEmpty { order.tasks.removeAll { !missing.contains($0.taskID) } }
            self.send(.launch(order), to: agent)
            for task in order.tasks {
                self.observe(.launchRepeated(TaskKey(order.frameworkID, task.taskID), self.agents[agent].id))
            }
        }
        for task in tasks.filter({ self.tasks[$0].kill != nil }).sorted() {
            guard let kill = self.tasks[task].kill, !self.tasks[task].state.isTerminal else { continue }
            self.send(kill.order(self.tasks[task].key), to: agent)
        }
    }

    /// Tasks of an agent that had been given up and is back.
    private func reportReturn(of agent: Row) {
        let id = self.agents[agent].id
        let tasks = self.agents[agent].tasks.sorted()
        self.observe(.agentReturned(id, tasks: tasks.count))
        for task in tasks where !self.tasks[task].state.isTerminal && !self.tasks[task].isDuplicate {
            self.report(task, self.tasks[task].state, .agentReregistered, "Agent \(id) has come back")
            if self.frameworks[self.tasks[task].framework].info.partitionPolicy == .killOnReturn {
                self.kill(task, grace: nil, reason: "its agent was away for too long, and its framework wants it ended")
            }
        }
    }
}
