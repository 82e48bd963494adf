import Model

// Tasks and executors: the books of the agents, applied; their end; the statuses that the master makes itself.

extension MasterState.Cluster {
    /// One change of an agent's books.
    ///
    /// Positions that were applied already change nothing.
    func apply(_ entry: BookEntry, of agent: Row) {
        guard entry.position > self.agents[agent].position else { return }
        self.agents[agent].position = entry.position
        self.forgetNewcomer(agent)
        switch entry.change {
        case .task(let record): self.apply(record, of: agent, at: self.registrations)
        case .taskRemoved(let number):
            guard let task = self.agents[agent].numbers[number] else { return }
            self.endTask(task, as: self.tasks[task].state)
            self.retire(task)
        case .executor(let record): self.apply(record, of: agent, at: self.registrations)
        case .executorExited(let key, let status, _): self.executorExited(key, status: status, on: agent)
        }
        // The agent's word beats the books: where it runs more than was known, nothing is left to offer.
        if !self.agents[agent].offers.isEmpty, !self.agents[agent].total.contains(self.agents[agent].held) {
            self.rescindOffers(ofAgent: agent)
        }
    }

    /// A task as the agent's books hold it: added, or changed.
    func apply(_ record: TaskRecord, of agent: Row, at registration: UInt64) {
        guard let task = self.row(for: record, on: agent) else { return }
        self.forgetLaunch(of: task)
        if self.tasks[task].number != record.number {
            self.tasks[task].number = record.number
            self.agents[agent].numbers[record.number] = task
        }
        self.tasks[task].listed = registration
        self.tasks[task].acknowledgedState = record.acknowledgedState
        self.tasks[task].isEnding = record.isEnding
        if !record.latestStatus.isEmpty { self.tasks[task].latestStatus = record.latestStatus }
        if record.state == .running, self.tasks[task].started == 0 { self.tasks[task].started = self.now.seconds }
        if record.state.isTerminal {
            self.endTask(task, as: record.state)
            // Nobody is left to acknowledge the end of a removed framework's task.
            if record.isRemoved || self.frameworks[self.tasks[task].framework].isTerminating { self.retire(task) }
        } else {
            self.correct(task, record)
            self.tasks[task].state = record.state
            self.occupy(task)
            self.countLeaving(task)
        }
    }

    /// The row that a record is about, made if need be.
    ///
    /// Nil for what is over and unknown.
    private func row(for record: TaskRecord, on agent: Row) -> Row? {
        if let task = self.agents[agent].numbers[record.number], self.tasks[task].key == record.key { return task }
        if record.isRemoved, self.frameworkRows[record.key.framework] == nil { return nil }
        let framework = self.framework(record.key.framework, info: nil)
        let known = self.frameworks[framework].taskIDs[record.key.task]
        if let known, self.tasks[known].agent == agent, self.tasks[known].number == nil { return known }
        if record.isRemoved { return nil }
        var entry = TaskEntry(
            key: record.key, framework: framework, agent: agent, name: record.name, executorID: record.executorID,
            resources: record.resources, role: record.role)
        entry.number = record.number
        entry.state = record.state
        entry.priority = record.priority
        entry.maxCompletionTime = record.maxCompletionTime
        if let known {
            // Two tasks of one id. If the older is over, or lies on an agent that was given up, the newer is meant;
            // else it is one that nobody asked for.
            if self.tasks[known].state.isTerminal || self.tasks[known].state == .unreachable {
                self.tasks[known].isDuplicate = true
            } else {
                entry.isDuplicate = true
                entry.kill = TaskEntry.Kill(grace: nil, reason: "a task of the same id runs elsewhere")
            }
        }
        let task = self.insert(entry)
        if entry.isDuplicate, let kill = entry.kill, self.adopting == nil {
            self.send(kill.order(entry.key), to: agent)
        }
        return task
    }

    /// The agent's word on what a task takes, and for whom, beats what was booked.
    private func correct(_ task: Row, _ record: TaskRecord) {
        let entry = self.tasks[task]
        guard entry.resources != record.resources || entry.role != record.role else { return }
        self.free(task)
        self.tasks[task].resources = record.resources
        self.tasks[task].role = record.role
    }

    /// Books a task's resources, unless they are.
    func occupy(_ task: Row) {
        guard !self.tasks[task].isOccupying else { return }
        self.tasks[task].isOccupying = true
        let entry = self.tasks[task]
        self.hold(entry.resources, of: entry.agent, for: entry.framework, role: entry.role, as: .use)
    }

    /// Frees a task's resources, once.
    func free(_ task: Row) {
        guard self.tasks[task].isOccupying else { return }
        self.tasks[task].isOccupying = false
        self.countLeaving(task)
        let entry = self.tasks[task]
        self.release(entry.resources, of: entry.agent, for: entry.framework, role: entry.role, as: .use)
        for shadow in self.shadows { shadow.ended(.task(task), at: self.now) }
    }

    /// What a task holds that was ordered to end counts as lost where guarantees are protected.
    func countLeaving(_ task: Row) {
        let entry = self.tasks[task]
        let isLeaving = entry.isOccupying && (entry.kill != nil || entry.isEnding)
        guard isLeaving != entry.isLeaving else { return }
        self.tasks[task].isLeaving = isLeaving
        let scalars = entry.resources.summable
        if isLeaving {
            self.frameworks[entry.framework].leaving += scalars
        } else {
            self.frameworks[entry.framework].leaving -= scalars
        }
        self.roles.count(leaving: scalars, in: entry.role, isLeaving: isLeaving)
    }

    /// A task is over: its resources are free at once, whatever becomes of its statuses.
    func endTask(_ task: Row, as state: TaskState) {
        let entry = self.tasks[task]
        if !entry.state.isTerminal, state.isTerminal { self.observe(.taskEnded(entry.key, state)) }
        self.tasks[task].state = state
        self.tasks[task].kill = nil
        if entry.isOccupying, let ordered = entry.ordered {
            for shadow in self.shadows {
                shadow.lasted(entry.framework, entry.resources, self.now - ordered, at: self.now)
            }
        }
        self.forgetLaunch(of: task)
        self.free(task)
        self.revocationEnded(of: task)
        self.leaveSlot(ofTask: task)
        guard let id = entry.executorID else { return }
        // An executor that was never started for want of a task has no exit that would free it.
        let key = ExecutorKey(entry.key.framework, id)
        if let executor = self.executor(key, on: entry.agent), !self.executors[executor].isConfirmed,
            !self.isExpected(key, on: entry.agent)
        {
            self.dropExecutor(executor)
        }
    }

    /// Moves a task that is over, or given up for ever, to the history.
    func retire(_ task: Row) {
        self.revocationEnded(of: task)
        self.leaveSlot(ofTask: task)
        self.forgetLaunch(of: task)
        self.free(task)
        var row = self.listed(task)
        row.isHistory = true
        let entry = self.remove(task: task)
        _ = self.history.append(PastTask(row: row, latestStatus: entry.latestStatus), limit: self.settings.taskHistory)
        self.dropIfOver(entry.framework)
    }

    /// Keeps a launch until the agent's books show its tasks.
    func keep(_ order: LaunchOrder, for tasks: [Row], isAdopted: Bool = false) {
        let launch = self.launches.insert(
            LaunchEntry(order: order, isAdopted: isAdopted, unconfirmed: tasks.count))
        for task in tasks { self.tasks[task].launch = launch }
    }

    /// The launch of this task need not be repeated.
    func forgetLaunch(of task: Row) {
        guard let launch = self.tasks[task].launch else { return }
        self.tasks[task].launch = nil
        self.launches[launch].unconfirmed -= 1
        if self.launches[launch].unconfirmed == 0 { self.launches.remove(launch) }
    }
}

// MARK: Executors

extension MasterState.Cluster {
    /// The executor of that key on this agent.
    ///
    /// - Complexity: O(executors on that agent).
    func executor(_ key: ExecutorKey, on agent: Row) -> Row? {
        self.agents[agent].executors.first { self.executors[$0].key == key }
    }

    /// Books an executor that a launch brings, unless it is there.
    func occupy(_ info: ExecutorInfo, of framework: Row, on agent: Row, role: String) {
        let key = ExecutorKey(self.frameworks[framework].id, info.executorID)
        if let executor = self.executor(key, on: agent) {
            self.executors[executor].listed = self.registrations
            return
        }
        self.addExecutor(info, key, of: framework, on: agent, role: role)
        self.hold(info.resources, of: agent, for: framework, role: role, as: .use)
    }

    /// Adds an executor that the agent has not confirmed.
    ///
    /// Its resources are booked by the caller.
    func addExecutor(_ info: ExecutorInfo, _ key: ExecutorKey, of framework: Row, on agent: Row, role: String) {
        var entry = ExecutorEntry(
            key: key, framework: framework, agent: agent, resources: info.resources, role: role, info: info,
            isConfirmed: false)
        entry.listed = self.registrations
        self.insert(entry)
    }

    /// An executor as the agent's books hold it.
    func apply(_ record: ExecutorRecord, of agent: Row, at registration: UInt64) {
        let framework = self.framework(record.key.framework, info: nil)
        if let executor = self.executor(record.key, on: agent) {
            self.executors[executor].isConfirmed = true
            self.executors[executor].listed = registration
            let entry = self.executors[executor]
            guard entry.resources != record.resources || entry.role != record.role else { return }
            self.executors[executor].resources = .init()
            self.release(entry.resources, of: agent, for: framework, role: entry.role, as: .use)
            self.executors[executor].resources = record.resources
            self.executors[executor].role = record.role
        } else {
            var entry = ExecutorEntry(
                key: record.key, framework: framework, agent: agent, resources: record.resources, role: record.role,
                info: self.codec.executor(record.info), isConfirmed: true)
            entry.listed = registration
            self.insert(entry)
        }
        self.hold(record.resources, of: agent, for: framework, role: record.role, as: .use)
    }

    private func executorExited(_ key: ExecutorKey, status: Int32, on agent: Row) {
        guard let executor = self.executor(key, on: agent) else { return }
        let framework = self.executors[executor].framework
        if let peer = self.frameworks[framework].peer {
            self.effects.append(.sendToScheduler(peer, .failure(self.agents[agent].id, key.executor, status: status)))
        }
        // A launch on its way was told to use it, and will start it again: what it takes stays booked.
        let isAwaited = self.agents[agent].tasks.contains { row in
            let task = self.tasks[row]
            return task.launch != nil && task.executorID == key.executor && task.key.framework == key.framework
        }
        if isAwaited {
            self.executors[executor].isConfirmed = false
        } else {
            self.dropExecutor(executor)
        }
    }

    private func dropExecutor(_ executor: Row) {
        let entry = self.remove(executor: executor)
        self.release(entry.resources, of: entry.agent, for: entry.framework, role: entry.role, as: .use)
        for shadow in self.shadows { shadow.ended(.executor(executor), at: self.now) }
        self.dropIfOver(entry.framework)
    }

    /// Takes out the executors of an agent for which this holds.
    func dropExecutors(of agent: Row, where isGone: (Row) -> Bool) {
        for executor in self.agents[agent].executors.sorted() where isGone(executor) { self.dropExecutor(executor) }
    }
}

// MARK: Statuses

extension MasterState.Cluster {
    /// A status that its relay could not deliver itself.
    func forward(_ envelope: StatusEnvelope, from agent: Row, toSubscription subscription: UInt64) {
        guard let framework = self.frameworkRows[envelope.key.framework], let peer = self.frameworks[framework].peer
        else { return }  // The agent keeps it and sends it again.
        // One before it may have gone to the scheduler that was here before. The relay gives the present one all that it
        // holds, from the first on, when it hears of it.
        if subscription > 0, subscription != self.frameworks[framework].subscription?.counter { return }
        self.effects.append(.sendToScheduler(peer, .update(.encoded(envelope.status))))
    }

    /// Sends the scheduler of a task what the master itself knows of it: once, to be acknowledged by nobody.
    func report(_ task: Row, _ state: TaskState, _ reason: StatusReason, _ message: String) {
        let entry = self.tasks[task]
        guard !entry.isDuplicate, !self.frameworks[entry.framework].isTerminating else { return }
        let status = self.status(
            entry.key.task, self.lostState(state, of: entry.framework), reason, message,
            agent: self.agents[entry.agent].id, executor: entry.executorID)
        self.tell(entry.framework, status)
    }

    /// Sends a framework's scheduler a status, if it has one.
    func tell(_ framework: Row, _ status: TaskStatus) {
        guard let peer = self.frameworks[framework].peer else { return }
        self.effects.append(.sendToScheduler(peer, .update(.status(status))))
    }

    /// A status made by the master.
    func status(
        _ task: TaskID, _ state: TaskState, _ reason: StatusReason, _ message: String, agent: AgentID?,
        executor: ExecutorID? = nil
    ) -> TaskStatus {
        var status = TaskStatus(taskID: task, state: state)
        status.source = .master
        status.reason = reason
        status.message = message
        status.agentID = agent
        status.executorID = executor
        status.timestamp = self.now.seconds
        return status
    }

    /// The newer states of a task that nobody sees are told only to frameworks that know them; to others it is lost.
    func lostState(_ state: TaskState, of framework: Row) -> TaskState {
        switch state {
        case .unreachable: self.frameworks[framework].knowsUnreachable ? state : .lost
        case .gone, .dropped, .unknown, .goneByOperator:
            self.frameworks[framework].isPartitionAware ? state : .lost
        default: state
        }
    }
}
