import Model

// Accepting offers: which of the tasks may start, and what becomes of the rest.

extension MasterState.Cluster {
    /// Offered resources that are being divided among the operations of an ACCEPT.
    private struct Pool {
        let framework: Row
        let agent: Row
        let role: String
        var available: Resources
        /// Booked, and to be ordered together at the end: tasks that are of no group.
        var rows: [Row] = []
        var tasks: [LaunchOrder.Task] = []
    }

    func accept(_ accept: SchedulerCall.Accept, for framework: Row) {
        var seen: Set<Row> = []
        var rows: [Row] = []
        var problem: String? = accept.offerIDs.isEmpty ? "No offers are named" : nil
        for id in accept.offerIDs {
            guard let offer = self.offer(id), self.offers[offer].framework == framework else {
                problem = problem ?? "Offer \(Validation.printable(id.rawValue)) is no longer valid"
                continue
            }
            guard seen.insert(offer).inserted else {
                problem = problem ?? "Offer \(id) is named twice"
                continue
            }
            if let first = rows.first {
                if self.offers[first].agent != self.offers[offer].agent {
                    problem = problem ?? "The offers are of different agents"
                } else if self.offers[first].role != self.offers[offer].role {
                    problem = problem ?? "The offers are for different roles"
                }
            }
            rows.append(offer)
        }
        if let problem { return self.refuse(accept, using: rows, problem, for: framework) }
        let first = self.offers[rows[0]]
        var pool = Pool(framework: framework, agent: first.agent, role: first.role, available: .init())
        for row in rows { pool.available += self.remove(offer: row).resources }
        var launched = 0
        for operation in accept.operations {
            switch operation {
            case .launch(let tasks): for task in tasks where self.launch(task, from: &pool) { launched += 1 }
            case .launchGroup(let executor, let tasks):
                if self.launchGroup(tasks, executor, from: &pool) { launched += tasks.count }
            case .unsupported(let name):
                self.error("Operations of type \(Validation.printable(name)) are not supported", to: framework)
            }
        }
        self.order(&pool)
        if launched > 0 {
            self.noteDemand(of: pool.framework, in: pool.role, isWanting: true)
            self.observe(.tasksLaunched(self.frameworks[framework].id, self.agents[pool.agent].id, launched))
        }
        self.returnUnused(pool.available, of: pool.agent, role: pool.role, for: framework, accept.filters)
        self.tellShadows(
            answerOf: framework, tasks: launched, left: pool.available, refusing: accept.filters.refuse)
        if launched == 0 {
            self.noteDeclined(pool.available, of: pool.agent, for: framework, role: pool.role)
        }
    }

    /// The offers cannot be used as named: what is left of them is free again, and no task starts.
    private func refuse(
        _ accept: SchedulerCall.Accept, using rows: [Row], _ problem: String, for framework: Row
    ) {
        for row in rows {
            let entry = self.remove(offer: row)
            self.release(entry.resources, of: entry.agent, for: framework, role: entry.role, as: .offer)
        }
        for operation in accept.operations {
            let tasks =
                switch operation {
                case .launch(let tasks): tasks
                case .launchGroup(_, let tasks): tasks
                case .unsupported: [TaskLaunch]()
                }
            for task in tasks {
                switch task {
                case .task(let info): self.refuseLost(info.taskID, on: info.agentID, problem, for: framework)
                case .unreadable(let id?, _): self.refuseLost(id, on: nil, problem, for: framework)
                case .unreadable(nil, let reason): self.error(reason, to: framework)
                }
            }
        }
    }

    private func refuseLost(_ id: TaskID, on agentID: AgentID?, _ problem: String, for framework: Row) {
        var reason = StatusReason.invalidOffers
        var message = problem
        if let agentID, let agent = self.agentRows[agentID] {
            switch self.agents[agent].condition {
            case .attached: break
            case .disconnected: (reason, message) = (.agentDisconnected, "\(problem): agent \(agentID) is disconnected")
            case .unreachable: (reason, message) = (.agentRemoved, "\(problem): agent \(agentID) is unreachable")
            }
        }
        self.observe(.taskRefused(TaskKey(self.frameworks[framework].id, id), reason: message))
        self.tell(
            framework, self.status(id, self.lostState(.dropped, of: framework), reason, message, agent: agentID))
    }

    private func refuse(_ id: TaskID, _ reason: StatusReason, _ problem: String, _ pool: Pool) {
        self.observe(.taskRefused(TaskKey(self.frameworks[pool.framework].id, id), reason: problem))
        self.tell(pool.framework, self.status(id, .error, reason, problem, agent: self.agents[pool.agent].id))
    }

    private func error(_ message: String, to framework: Row) {
        guard let peer = self.frameworks[framework].peer else { return }
        self.observe(.callRefused(peer, reason: message))
        self.effects.append(.sendToScheduler(peer, .error(message, leader: nil)))
    }
}

// MARK: Tasks

extension MasterState.Cluster {
    /// Starts a task if it is valid and fits; else says why not.
    ///
    /// True if it was ordered.
    private func launch(_ launch: TaskLaunch, from pool: inout Pool) -> Bool {
        switch launch {
        case .unreadable(let id, let reason):
            if let id {
                self.refuse(id, .taskInvalid, reason, pool)
            } else {
                self.error(reason, to: pool.framework)
            }
            return false
        case .task(let info):
            if let problem = self.problem(with: info, in: pool) {
                self.refuse(info.taskID, .taskInvalid, problem, pool)
                return false
            }
            if let objection = self.objection(to: [info], info.executor, in: pool) {
                self.refuse(info.taskID, .taskUnauthorized, "Task is not authorized: \(objection)", pool)
                return false
            }
            self.start([info], executor: info.executor, isGroup: false, from: &pool)
            return true
        }
    }

    private func problem(with task: TaskInfo, in pool: Pool) -> String? {
        if let problem = Validation.task(task, on: self.agents[pool.agent].id, isGrouped: false) { return problem }
        if let problem = self.duplication(of: task.taskID, in: pool) ?? self.excess(of: task) { return problem }
        return self.misfit(of: [task], executor: task.executor, in: pool)
    }

    /// Why tasks or their executor may not run as the users that they name; nil if they may.
    ///
    /// Who names none runs as the framework's user, or if that is empty as the agent's.
    private func objection(to tasks: [TaskInfo], _ executor: ExecutorInfo?, in pool: Pool) -> String? {
        let framework = self.frameworks[pool.framework].info
        for command in tasks.map(\.command) + [executor?.command] {
            guard let command else { continue }
            let user = command.user ?? framework.user
            if let objection = self.policy.objection(to: user, for: framework.principal) {
                return Validation.printable(objection, upTo: 400)
            }
        }
        return nil
    }

    private func duplication(of id: TaskID, in pool: Pool) -> String? {
        self.frameworks[pool.framework].taskIDs[id] == nil ? nil : "Task has duplicate ID: \(id)"
    }

    /// Why tasks and their executor cannot be had from what is offered; nil if they can.
    private func misfit(of tasks: [TaskInfo], executor: ExecutorInfo?, in pool: Pool) -> String? {
        var needed = Resources()
        if let executor {
            if let row = self.existing(executor, in: pool) {
                if let known = self.executors[row].info, !Validation.isCompatible(known, executor) {
                    return "Executor \(executor.executorID) is not compatible with existing ExecutorInfo"
                }
            } else {
                needed = executor.resources
            }
        }
        for task in tasks {
            if !needed.isDisjoint(with: task.resources) {
                return "Task \(task.taskID) uses something twice: \(task.resources) beside \(needed)"
            }
            needed += task.resources
        }
        if pool.available.contains(needed) { return nil }
        let what = tasks.count == 1 ? "Task" : "Task group"
        return "\(what)\(executor == nil ? "" : " and its executor") uses more resources (\(needed)) than available "
            + "(\(pool.available.isEmpty ? "none" : pool.available.description))"
    }

    private func existing(_ executor: ExecutorInfo, in pool: Pool) -> Row? {
        self.executor(ExecutorKey(self.frameworks[pool.framework].id, executor.executorID), on: pool.agent)
    }

    /// Books tasks that were checked, and orders them: a group at once, others with the rest of their ACCEPT.
    private func start(_ infos: [TaskInfo], executor: ExecutorInfo?, isGroup: Bool, from pool: inout Pool) {
        let framework = self.frameworks[pool.framework].id
        if let executor, self.existing(executor, in: pool) == nil {
            let key = ExecutorKey(framework, executor.executorID)
            self.addExecutor(executor, key, of: pool.framework, on: pool.agent, role: pool.role)
            self.use(executor.resources, for: pool.framework, role: pool.role)
            pool.available -= executor.resources
        }
        var rows: [Row] = []
        var tasks: [LaunchOrder.Task] = []
        for info in infos {
            var entry = TaskEntry(
                key: TaskKey(framework, info.taskID), framework: pool.framework, agent: pool.agent, name: info.name,
                executorID: executor?.executorID, resources: info.resources, role: pool.role)
            entry.isOccupying = true
            entry.ordered = self.now
            entry.maxCompletionTime = info.maxCompletionTime
            entry.priority = info.priority
            // Whoever asked about it before meant another.
            if !self.agents[pool.agent].questions.isEmpty { self.agents[pool.agent].questions[entry.key] = nil }
            rows.append(self.insert(entry))
            self.use(info.resources, for: pool.framework, role: pool.role)
            for shadow in self.shadows { shadow.launched(pool.framework, info.resources) }
            pool.available -= info.resources
            tasks.append(LaunchOrder.Task(taskID: info.taskID, info: self.codec.encode(info)))
        }
        if isGroup {
            // In their order: what was to start before it is ordered before.
            self.order(&pool)
            self.order(rows, tasks, in: pool, executor: executor)
        } else {
            pool.rows += rows
            pool.tasks += tasks
        }
    }

    /// Orders what was booked and not ordered yet: one word to the agent, however many tasks an ACCEPT has.
    private func order(_ pool: inout Pool) {
        if !pool.rows.isEmpty { self.order(pool.rows, pool.tasks, in: pool, executor: nil) }
        pool.rows = []
        pool.tasks = []
    }

    /// - Parameter executor: Of a group; nil: the tasks start each for itself.
    private func order(_ rows: [Row], _ tasks: [LaunchOrder.Task], in pool: Pool, executor: ExecutorInfo?) {
        let framework = self.frameworks[pool.framework]
        let order = LaunchOrder(
            frameworkID: framework.id, role: pool.role, frameworkInfo: framework.encodedInfo, tasks: tasks,
            groupExecutor: executor.map { self.codec.encode($0) } ?? [])
        self.forgetNewcomer(pool.agent)
        self.keep(order, for: rows)
        self.send(.launch(order), to: pool.agent)
        self.divideSlots(of: pool.agent)
    }
}

// MARK: Groups

extension MasterState.Cluster {
    /// Starts all tasks of a group in one executor, or none.
    ///
    /// True if they were ordered.
    private func launchGroup(_ launches: [TaskLaunch], _ executor: ExecutorInfo, from pool: inout Pool) -> Bool {
        var infos: [TaskInfo] = []
        var problem = launches.isEmpty ? "it has no tasks" : Validation.executor(executor)
        for launch in launches {
            switch launch {
            case .task(let info):
                problem = problem ?? self.problem(with: info, after: infos, executor, in: pool)
                infos.append(info)
            case .unreadable(let id, let reason):
                problem =
                    problem ?? "task \(id.map { Validation.printable($0.rawValue) } ?? "without an id"): \(reason)"
            }
        }
        problem = problem ?? self.misfit(of: infos, executor: executor, in: pool)
        let objection = problem == nil ? self.objection(to: infos, executor, in: pool) : nil
        guard let cause = problem ?? objection else {
            self.start(infos, executor: executor, isGroup: true, from: &pool)
            return true
        }
        let reason: StatusReason = objection == nil ? .taskGroupInvalid : .taskGroupUnauthorized
        let message = "Task group is \(objection == nil ? "invalid" : "not authorized"): \(cause)"
        for launch in launches {
            switch launch {
            case .task(let info): self.refuse(info.taskID, reason, message, pool)
            case .unreadable(let id?, _): self.refuse(id, reason, message, pool)
            case .unreadable(nil, _): break
            }
        }
        if launches.isEmpty { self.error(message, to: pool.framework) }
        return false
    }

    private func problem(
        with task: TaskInfo, after others: [TaskInfo], _ executor: ExecutorInfo, in pool: Pool
    ) -> String? {
        var problem = Validation.task(task, on: self.agents[pool.agent].id, isGrouped: true)
        if let own = task.executor, !Validation.isCompatible(own, executor) {
            problem = problem ?? "it names an executor other than the group's"
        }
        if others.contains(where: { $0.taskID == task.taskID }) { problem = problem ?? "its id is used twice" }
        problem = problem ?? self.duplication(of: task.taskID, in: pool) ?? self.excess(of: task)
        return problem.map { "task \(Validation.printable(task.taskID.rawValue)): \($0)" }
    }
}
