import Model

/// What the user asks for. What needs a master and finds none is answered or dropped; what lasts is remembered.
extension SchedulerState {
    mutating func called(_ call: UserCall, _ now: Instant, _ effects: inout [Effect]) {
        guard self.ending == .running else { return }
        switch call {
        case .accept(let accept): self.accept(accept, now, &effects)
        case .decline(let offers, let filters): self.send(.decline(offers, filters), &effects)
        case .revive(let roles): self.setSuppressed(roles, false, &effects)
        case .suppress(let roles): self.setSuppressed(roles, true, &effects)
        case .kill(let task, let agent, let grace): self.kill(task, agent, grace, now, &effects)
        case .shutdownExecutor(let executor, let agent): self.send(.shutdown(executor, agent), &effects)
        case .acknowledge(let status): self.acknowledge(status.taskID, status.uuid ?? [], now, &effects)
        case .reconcile(let tasks): self.reconcile(tasks, now, &effects)
        case .message(let agent, let executor, let data): self.send(.message(agent, executor, data), &effects)
        case .request(let requests): self.send(.request(requests), &effects)
        case .updateFramework(let info): self.updateFramework(info, &effects)
        case .acceptInverseOffers(let offers): self.send(.acceptInverseOffers(offers), &effects)
        case .declineInverseOffers(let offers): self.send(.declineInverseOffers(offers), &effects)
        case .stop(let failover): self.stop(failover, now, &effects)
        }
    }

    // MARK: Launch

    private mutating func accept(_ accept: SchedulerCall.Accept, _ now: Instant, _ effects: inout [Effect]) {
        var accept = accept
        accept.operations = accept.operations.map(self.naming)
        for task in accept.operations.flatMap(\.tasks) {
            if self.isSubscribed {
                self.launched(task)
            } else {
                self.dropLaunch(task, now, &effects)
            }
        }
        self.send(.accept(accept), &effects)
    }

    /// An executor belongs to the framework that launches it: says so where the user did not.
    private func naming(_ operation: SchedulerCall.Operation) -> SchedulerCall.Operation {
        switch operation {
        case .launch(let tasks): .launch(tasks.map(self.naming))
        case .launchGroup(let executor, let tasks):
            .launchGroup(executor: self.naming(executor), tasks.map(self.naming))
        case .unsupported: operation
        }
    }

    private func naming(_ launch: TaskLaunch) -> TaskLaunch {
        guard case .task(var task) = launch, let executor = task.executor, task.encoded.isEmpty else { return launch }
        task.executor = self.naming(executor)
        return .task(task)
    }

    private func naming(_ executor: ExecutorInfo) -> ExecutorInfo {
        guard executor.frameworkID == nil, executor.encoded.isEmpty else { return executor }
        var executor = executor
        executor.frameworkID = self.frameworkID
        return executor
    }

    private mutating func launched(_ task: TaskInfo) {
        guard var memory = self.tasks[task.taskID] else {
            var memory = self.nextTask()
            memory.isFromStart = true
            memory.state = .staging
            memory.agentID = task.agentID
            self.tasks[task.taskID] = memory
            return
        }
        if memory.end == nil {
            memory.duplicates += 1
        } else {
            self.lastSerial += 1
            memory.restart(serial: self.lastSerial)
            memory.state = .staging
            memory.agentID = task.agentID
        }
        self.tasks[task.taskID] = memory
    }

    private mutating func nextTask() -> TaskMemory {
        self.lastSerial += 1
        return TaskMemory(serial: self.lastSerial)
    }

    /// No master: the driver itself answers what the master would.
    private mutating func dropLaunch(_ task: TaskInfo, _ now: Instant, _ effects: inout [Effect]) {
        let isPartitionAware = self.framework.capabilities.contains(.partitionAware)
        var status = TaskStatus(taskID: task.taskID, state: isPartitionAware ? .dropped : .lost)
        status.source = .master
        status.reason = .masterDisconnected
        status.message = "No master is connected: the task was not launched"
        status.agentID = task.agentID
        status.executorID = task.executor?.executorID
        status.timestamp = now.seconds
        if self.tasks[task.taskID]?.end != nil || self.tasks[task.taskID] == nil {
            self.launched(task)
            self.tasks[task.taskID]?.end = .certain
            if let memory = self.tasks[task.taskID] { self.store(task.taskID, memory, now, &effects) }
        }
        self.tell(.statusUpdate(status), &effects)
    }

    // MARK: Kill

    /// Remembered until the task is over, and said again to each master: a kill must not get lost.
    private mutating func kill(
        _ id: TaskID, _ agent: AgentID?, _ grace: Duration?, _ now: Instant, _ effects: inout [Effect]
    ) {
        var task = self.tasks[id] ?? self.nextTask()
        guard task.end == nil else { return }
        task.kill = TaskMemory.Kill(grace: grace)
        task.agentID = agent ?? task.agentID
        self.tasks[id] = task
        self.send(.kill(id, task.agentID, grace: grace), &effects)
    }

    mutating func killAgain(_ effects: inout [Effect]) {
        for (id, task) in self.tasks(where: { $0.end == nil && $0.kill != nil }) {
            self.send(.kill(id, task.agentID, grace: task.kill?.grace), &effects)
        }
    }

    /// Tasks in the order in which they became known.
    func tasks(where isWanted: (TaskMemory) -> Bool) -> [(key: TaskID, value: TaskMemory)] {
        self.tasks.filter { isWanted($0.value) }.sorted { $0.value.serial < $1.value.serial }
    }

    // MARK: Roles, framework, end

    private mutating func setSuppressed(_ roles: [String], _ isSuppressed: Bool, _ effects: inout [Effect]) {
        let affected = roles.isEmpty ? self.framework.roles : roles
        let others = Set(self.suppressed).subtracting(affected)
        self.suppressed = (isSuppressed ? others.union(affected) : others).sorted()
        self.send(isSuppressed ? .suppress(roles: roles) : .revive(roles: roles), &effects)
    }

    private mutating func updateFramework(_ info: FrameworkInfo, _ effects: inout [Effect]) {
        self.framework = info
        self.framework.id = self.frameworkID
        self.suppressed.removeAll { !info.roles.contains($0) }
        self.sayFramework(&effects)
    }

    private func sayFramework(_ effects: inout [Effect]) {
        let constraints = self.settings.constraints.filter { self.framework.roles.contains($0.key) }
        self.send(
            .updateFramework(self.framework, suppressedRoles: self.suppressed, constraints: constraints), &effects)
    }

    /// The user has changed the framework, or which roles are suppressed, between SUBSCRIBE and its answer.
    mutating func sayWhatChanged(_ effects: inout [Effect]) {
        var (now, before) = (self.framework, self.announced.framework)
        (now.id, before.id) = (self.frameworkID, self.frameworkID)
        guard now == before else {
            self.framework = now
            return self.sayFramework(&effects)
        }
        let revived = self.announced.suppressed.filter { !self.suppressed.contains($0) }
        if !revived.isEmpty { self.send(.revive(roles: revived), &effects) }
        let suppressed = self.suppressed.filter { !self.announced.suppressed.contains($0) }
        if !suppressed.isEmpty { self.send(.suppress(roles: suppressed), &effects) }
    }

    private mutating func stop(_ failover: Bool, _ now: Instant, _ effects: inout [Effect]) {
        if failover || (self.frameworkID == nil && self.link.peer == nil) { return self.finish(nil, &effects) }
        if self.isSubscribed {
            self.send(.teardown, &effects)
            return self.finish(nil, &effects)
        }
        self.ending = .tearingDown
        effects.append(.setTimer(.stop, at: now + self.settings.stopPatience))
    }
}

extension SchedulerCall.Operation {
    /// The tasks it launches, as far as they can be read.
    var tasks: [TaskInfo] {
        let launches =
            switch self {
            case .launch(let tasks), .launchGroup(_, let tasks): tasks
            case .unsupported: [TaskLaunch]()
            }
        return launches.compactMap { if case .task(let task) = $0 { task } else { nil } }
    }
}
