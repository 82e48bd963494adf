import Model

extension AgentState {
    /// Why a task does not run here.
    struct Rejection {
        var state: TaskState
        var reason: StatusReason
        var message: String
    }

    /// A task of an order as far as it can be read.
    struct Candidate {
        var key: TaskKey
        var bytes: Bytes
        var info: TaskInfo?
        var executor: ExecutorInfo?
    }

    /// Accepts what fits, and refuses the rest with a terminal status: what is refused is a task too, until its scheduler
    /// and the master know.
    mutating func launch(_ order: LaunchOrder, at now: Instant, into effects: inout [Effect]) {
        guard !self.isShuttingDown, let identity = self.identity else { return }
        let candidates = self.candidates(of: order)
        let fresh = candidates.filter { candidate in
            guard let number = self.numbers[candidate.key] else { return true }
            return self.tasks[number]?.removal != nil
        }
        if fresh.count < candidates.count {
            effects.append(.observe(.orderIgnored(reason: "launch of \(candidates.map(\.key)) again")))
        }
        if fresh.isEmpty { return }
        if let stranger = fresh.first(where: { $0.info.map { $0.agentID != identity } ?? false }) {
            let reason = "launch of \(stranger.key) for agent \(stranger.info!.agentID)"
            return effects.append(.observe(.orderIgnored(reason: reason)))
        }
        self.see(FrameworkRecord(id: order.frameworkID, info: order.frameworkInfo), into: &effects)
        if order.groupExecutor.isEmpty {
            for candidate in fresh { self.accept([candidate], of: order, nil, at: now, into: &effects) }
        } else {
            let isWhole = fresh.count == candidates.count
            self.accept(fresh, of: order, isWhole ? nil : self.tornGroup(order), at: now, into: &effects)
        }
    }

    private func candidates(of order: LaunchOrder) -> [Candidate] {
        let shared = order.groupExecutor.isEmpty ? nil : self.codec.executor(order.groupExecutor)
        return order.tasks.map { task in
            let info = self.codec.task(task.info)
            var executor = shared ?? info?.executor
            executor?.frameworkID = order.frameworkID
            return Candidate(
                key: TaskKey(order.frameworkID, task.taskID), bytes: task.info, info: info, executor: executor)
        }
    }

    /// Logs a framework before the first thing of it, and when it changed.
    private mutating func see(_ record: FrameworkRecord, into effects: inout [Effect]) {
        if let entry = self.frameworks[record.id] {
            if entry.record == record { return }
            let info = self.codec.framework(record.info)
            self.frameworks[record.id]?.record = record
            self.frameworks[record.id]?.info = info
        } else {
            if self.frameworks.count >= self.settings.idleFrameworkLimit {
                self.frameworks = self.frameworks.filter { !$0.value.isIdle }
            }
            self.frameworks[record.id] = FrameworkEntry(record: record, info: self.codec.framework(record.info))
        }
        self.append(.frameworkSeen(record), into: &effects)
    }

    /// One task, or a group: all or none.
    private mutating func accept(
        _ candidates: [Candidate], of order: LaunchOrder, _ known: Rejection?, at now: Instant,
        into effects: inout [Effect]
    ) {
        let isGroup = !order.groupExecutor.isEmpty
        let rejection = known ?? self.rejection(of: candidates, framework: order.frameworkID, isGroup: isGroup)
        if rejection == nil, let executor = candidates.first?.executor {
            self.start(executor, of: order, into: &effects)
        }
        let group = TaskAcceptance.Group(first: self.lastNumber + 1, count: UInt32(candidates.count))
        var numbers: [UInt64] = []
        for candidate in candidates {
            numbers.append(
                self.add(
                    candidate, role: order.role, isGroup ? group : nil, isRefused: rejection != nil, into: &effects))
        }
        if let rejection {
            for number in numbers { self.refuse(number, rejection, at: now, into: &effects) }
            return
        }
        for number in numbers {
            self.hold(number)
            effects.append(.observe(.taskAccepted(self.tasks[number]!.key)))
        }
        if candidates.first?.executor != nil { self.onLogged(.deliver(numbers)) }
    }

    private mutating func add(
        _ candidate: Candidate, role: String, _ group: TaskAcceptance.Group?, isRefused: Bool,
        into effects: inout [Effect]
    ) -> UInt64 {
        self.lastNumber += 1
        var run: RunID = 0
        if candidate.executor == nil {
            self.lastRun += 1
            run = self.lastRun
        }
        let acceptance = TaskAcceptance(
            number: self.lastNumber, key: candidate.key, role: role, info: candidate.bytes,
            executorID: candidate.executor?.executorID, runID: run, group: group, isRefused: isRefused,
            position: self.nextPosition())
        self.insert(TaskEntry(acceptance: acceptance, info: candidate.info))
        self.append(.taskAccepted(acceptance), then: .taskAccepted(acceptance.number), into: &effects)
        return acceptance.number
    }

    /// Takes a task into the table, without its resources.
    mutating func insert(_ task: TaskEntry) {
        self.tasks[task.number] = task
        self.numbers[task.key] = task.number
        self.frameworks[task.key.framework]?.tasks += 1
    }

    /// Books a task that fits.
    mutating func hold(_ number: UInt64) {
        guard let task = self.tasks[number] else { return }
        task.isHolding = true
        self.used += task.resources
        if let key = task.executorKey, let run = self.executorRuns[key] {
            self.executors[run]?.tasks.append(number)
            self.executors[run]?.load += task.resources
        } else if task.isCommand {
            self.commandRuns[task.acceptance.runID] = number
        }
    }

    private mutating func refuse(
        _ number: UInt64, _ rejection: Rejection, at now: Instant, into effects: inout [Effect]
    ) {
        guard let task = self.tasks[number] else { return }
        self.add(
            Draft(rejection.state, reason: rejection.reason, message: rejection.message), to: number, at: now,
            into: &effects)
        effects.append(.observe(.taskRefused(task.key, rejection.state, message: rejection.message)))
    }

    /// The executor of a task that fits: the one that runs, or a new one.
    private mutating func start(_ info: ExecutorInfo, of order: LaunchOrder, into effects: inout [Effect]) {
        let key = ExecutorKey(order.frameworkID, info.executorID)
        guard self.executorRuns[key] == nil else { return }
        self.lastRun += 1
        let acceptance = ExecutorAcceptance(
            key: key, role: order.role, info: self.codec.encode(info), runID: self.lastRun, token: self.token(),
            position: self.nextPosition())
        self.insert(ExecutorEntry(acceptance: acceptance, info: info))
        self.append(.executorAccepted(acceptance), then: .executorAccepted(acceptance.runID), into: &effects)
    }

    /// Takes an executor into the table, with its resources.
    mutating func insert(_ executor: ExecutorEntry) {
        self.executors[executor.runID] = executor
        self.executorRuns[executor.key] = executor.runID
        self.frameworks[executor.key.framework]?.executors += 1
        self.used += executor.info.resources
    }

    private mutating func token() -> String {
        self.random.bytes(16).map { byte in
            (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
    }

    // MARK: What is wrong with it

    private func rejection(of candidates: [Candidate], framework id: FrameworkID, isGroup: Bool) -> Rejection? {
        let dropped = self.frameworks[id]?.droppedState ?? .lost
        if self.frameworks[id]?.isShuttingDown ?? false {
            return Rejection(state: dropped, reason: .frameworkRemoved, message: "The framework was removed.")
        }
        if self.mode.drain != nil {
            return Rejection(state: dropped, reason: .agentDraining, message: "The agent is being drained.")
        }
        if let invalid = candidates.lazy.compactMap({ Self.invalidity(of: $0) }).first {
            return Rejection(state: .error, reason: isGroup ? .taskGroupInvalid : .taskInvalid, message: invalid)
        }
        if candidates.count > 1, Set(candidates.map(\.key)).count < candidates.count {
            return Rejection(
                state: .error, reason: .taskGroupInvalid, message: "Two tasks of the group have the same id.")
        }
        if let rejection = self.executorRejection(of: candidates, framework: id, isGroup: isGroup, dropped: dropped) {
            return rejection
        }
        if let rejection = self.misfit(of: candidates, framework: id, dropped: dropped) { return rejection }
        return nil
    }

    /// Some of the group were accepted, and the rest was lost on the way to the disk.
    private func tornGroup(_ order: LaunchOrder) -> Rejection {
        Rejection(
            state: self.frameworks[order.frameworkID]?.droppedState ?? .lost, reason: .agentRestarted,
            message: "The agent restarted while it accepted the group.")
    }

    private static func invalidity(of candidate: Candidate) -> String? {
        guard let info = candidate.info else { return "The TaskInfo cannot be read." }
        if let executor = candidate.executor {
            return executor.command == nil ? "Executor \(executor.executorID) has no command." : nil
        }
        guard let command = info.command else { return "The task has neither a command nor an executor." }
        if command.value == nil, command.shell || command.arguments.isEmpty { return "The command is empty." }
        return nil
    }

    private func executorRejection(
        of candidates: [Candidate], framework: FrameworkID, isGroup: Bool, dropped: TaskState
    ) -> Rejection? {
        guard let wanted = candidates.first?.executor,
            let running = self.executor(ExecutorKey(framework, wanted.executorID))
        else { return nil }
        if case .stopping = running.stage {
            return Rejection(
                state: dropped, reason: .executorTerminated,
                message: "Executor \(wanted.executorID) is being shut down.")
        }
        guard Self.isSame(running.info, wanted) else {
            return Rejection(
                state: .error, reason: isGroup ? .taskGroupInvalid : .taskInvalid,
                message: "ExecutorInfo is not compatible with existing ExecutorInfo of \(wanted.executorID).")
        }
        return nil
    }

    /// Whether both describe the same executor, as far as this version reads them.
    private static func isSame(_ left: ExecutorInfo, _ right: ExecutorInfo) -> Bool {
        var (left, right) = (left, right)
        left.encoded = []
        right.encoded = []
        right.frameworkID = left.frameworkID
        return left == right
    }

    /// The last guard against over-commitment: whatever the books of others say, the machine is not given out twice.
    private func misfit(of candidates: [Candidate], framework: FrameworkID, dropped: TaskState) -> Rejection? {
        var parts = candidates.compactMap { $0.info?.resources }
        if let executor = candidates.first?.executor,
            self.executorRuns[ExecutorKey(framework, executor.executorID)] == nil
        {
            parts.append(executor.resources)
        }
        var sum = self.used
        for part in parts {
            guard sum.isDisjoint(with: part) else { return self.misfit(parts, dropped) }
            sum += part
        }
        return self.settings.total.contains(sum) ? nil : self.misfit(parts, dropped)
    }

    private func misfit(_ parts: [Resources], _ state: TaskState) -> Rejection {
        let wanted = parts.reduce(Resources(), +)
        let free = self.settings.total - self.used
        return Rejection(
            state: state, reason: .resourcesUnknown, message: "\(wanted) is wanted, and the agent has \(free) free.")
    }

    // MARK: When it is on disk

    mutating func acceptanceLogged(_ number: UInt64, at now: Instant, into effects: inout [Effect]) {
        guard let task = self.tasks[number] else { return }
        task.isLogged = true
        self.tell(.task(task.record), position: task.acceptance.position, into: &effects)
        guard task.stage == .accepted, task.isCommand else { return }
        self.launchCommand(number, into: &effects)
    }
}
