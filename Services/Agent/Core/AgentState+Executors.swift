public import Model

/// Custom executors: one container for each, in which the framework's own program runs its tasks.
extension AgentState {
    /// The run of that executor that has not exited.
    func executor(_ key: ExecutorKey) -> ExecutorEntry? {
        self.executorRuns[key].flatMap { self.executors[$0] }
    }

    /// Its acceptance is on disk.
    mutating func launchExecutor(_ run: RunID, at now: Instant, into effects: inout [Effect]) {
        guard var executor = self.executors[run] else { return }
        self.tell(.executor(executor.record), position: executor.acceptance.position, into: &effects)
        guard executor.stage == .accepted, let command = executor.info.command else { return }
        executor.stage = .registering
        executor.limits = executor.load
        self.executors[run] = executor
        effects.append(.launch(self.container(of: executor, command)))
        self.expectSubscription(of: run, by: now + self.settings.executorRegistrationTimeout, into: &effects)
    }

    // MARK: Its connection

    mutating func executorConnected(_ peer: PeerID, _ hello: Hello, into effects: inout [Effect]) {
        if let refusal = self.refusal(of: hello) {
            effects.append(.observe(.executorRefused(reason: refusal.message)))
            return effects.append(.close(peer, refusal))
        }
        guard let executor = self.executor(presenting: hello) else { return }
        self.executorPeers[peer] = executor.runID
    }

    /// Why an executor that introduces itself so is not let in; nil if it is.
    public func refusal(of hello: Hello) -> Refusal? {
        guard self.isRecovered else { return Refusal(.unknown, "The agent is still recovering; try again.") }
        guard let executor = self.executor(presenting: hello) else {
            return Refusal(.unknownPeer, "No such executor runs here.")
        }
        guard let token = hello.subscription?.token, executor.isShown(by: token) else {
            return Refusal(.credentials, "MESETA_EXECUTOR_TOKEN is missing or wrong.")
        }
        return nil
    }

    private func executor(presenting hello: Hello) -> ExecutorEntry? {
        guard let executorID = hello.executorID, let frameworkID = hello.frameworkID else { return nil }
        return self.executor(ExecutorKey(frameworkID, executorID))
    }

    mutating func executorDisconnected(_ peer: PeerID, at now: Instant, into effects: inout [Effect]) {
        guard let run = self.executorPeers.removeValue(forKey: peer), let executor = self.executors[run],
            executor.peer == peer
        else { return }
        switch executor.stage {
        case .subscribed:
            self.executors[run]?.stage = .away
            effects.append(.observe(.executorAway(executor.key)))
            self.expectSubscription(of: run, by: now + self.settings.executorRegistrationTimeout, into: &effects)
        case .stopping: self.executors[run]?.stage = .stopping(nil)
        case .accepted, .registering, .away, .exited: break
        }
    }

    mutating func executorSaid(_ peer: PeerID, _ call: ExecutorCall, at now: Instant, into effects: inout [Effect]) {
        guard let run = self.executorPeers[peer], let executor = self.executors[run] else { return }
        guard call.executorID == executor.key.executor, call.frameworkID == executor.key.framework else {
            return effects.append(.sendToExecutor(peer, .error("The call names another executor.")))
        }
        if case .subscribe(let tasks, let updates) = call.kind {
            return self.subscribe(run, peer, tasks, updates, at: now, into: &effects)
        }
        guard executor.peer == peer else {
            return effects.append(.sendToExecutor(peer, .error("Subscribe first.")))
        }
        switch call.kind {
        case .subscribe, .heartbeat: break
        case .update(let status): self.updated(status, by: executor.key, over: peer, at: now, into: &effects)
        case .message(let data): self.messageForScheduler(executor.key, data, into: &effects)
        case .unsupported(let type):
            effects.append(.sendToExecutor(peer, .error("A call of type \(type) is not known here.")))
        }
    }

    private mutating func subscribe(
        _ run: RunID, _ peer: PeerID, _ unacknowledged: [TaskID], _ updates: [TaskStatus], at now: Instant,
        into effects: inout [Effect]
    ) {
        guard let executor = self.executors[run] else { return }
        if let old = executor.peer, old != peer {
            self.executorPeers[old] = nil
            effects.append(.close(old, Refusal(.stale, "The executor subscribed again.")))
        }
        let info = self.frameworks[executor.key.framework]?.info ?? FrameworkInfo(user: "", name: "")
        let subscribed = ExecutorEvent.subscribed(
            executor.info, info, self.identity ?? "", hostname: self.settings.hostname)
        effects.append(.sendToExecutor(peer, subscribed))
        effects.append(.observe(.executorSubscribed(executor.key)))
        let updated = Set(updates.map(\.taskID))
        self.matchTasks(of: run, listed: Set(unacknowledged), updated: updated, over: peer, at: now, into: &effects)
        for update in updates { self.updated(update, by: executor.key, over: peer, at: now, into: &effects) }
        if case .stopping = executor.stage {
            self.executors[run]?.stage = .stopping(peer)
            return effects.append(.sendToExecutor(peer, .shutdown))
        }
        self.executors[run]?.stage = .subscribed(peer)
        self.executors[run]?.wasAtTheDoor = false
        effects.append(.cancelTimer(.executorRegistration(run)))
        self.deliverQueued(of: run, at: now, into: &effects)
        self.endIfDrained(executor.key, at: now, into: &effects)
        self.boundIdleTime(of: run, at: now, into: &effects)
    }

    /// Finds out which tasks the executor has: those it lists, and those it has sent updates of.
    ///
    /// The others never reached it, and wait to be delivered. What it lists and should not have is killed.
    private mutating func matchTasks(
        of run: RunID, listed: Set<TaskID>, updated: Set<TaskID>, over peer: PeerID, at now: Instant,
        into effects: inout [Effect]
    ) {
        guard let executor = self.executors[run] else { return }
        var live: Set<TaskID> = []
        for number in executor.tasks {
            guard let task = self.tasks[number] else { continue }
            live.insert(task.key.task)
            guard task.stage == .queued || task.stage == .running else { continue }
            let isThere =
                !task.recentUUIDs.isEmpty || listed.contains(task.key.task) || updated.contains(task.key.task)
            task.stage = isThere ? .running : .queued
            if isThere {
                self.executors[run]?.hasReceivedTasks = true
                self.boundTime(of: number, at: now, into: &effects)
            }
            if isThere, let kill = task.kill {
                effects.append(.sendToExecutor(peer, .kill(task.key.task, grace: kill.grace)))
            }
        }
        for stranger in listed.subtracting(live).sorted() {
            effects.append(.sendToExecutor(peer, .kill(stranger, grace: nil)))
        }
    }

    // MARK: Its tasks

    private mutating func deliverQueued(of run: RunID, at now: Instant, into effects: inout [Effect]) {
        guard let executor = self.executors[run] else { return }
        var group: [UInt64] = []
        for number in executor.tasks where self.tasks[number]?.stage == .queued {
            let isSameGroup = group.first.map {
                self.tasks[$0]?.acceptance.group != nil
                    && self.tasks[$0]?.acceptance.group == self.tasks[number]?.acceptance.group
            }
            if isSameGroup == false {
                self.deliver(group, at: now, into: &effects)
                group = []
            }
            group.append(number)
        }
        if !group.isEmpty { self.deliver(group, at: now, into: &effects) }
    }

    /// Gives its executor a task or a group that is on disk; or lets it wait until the executor subscribes.
    ///
    /// The container is grown first, so that the task finds what it was promised.
    mutating func deliver(_ numbers: [UInt64], at now: Instant, into effects: inout [Effect]) {
        let waiting = numbers.compactMap { self.tasks[$0] }.filter { $0.stage == .accepted || $0.stage == .queued }
        for task in waiting { task.stage = .queued }
        guard let key = waiting.first?.executorKey, let executor = self.executor(key), case .subscribed = executor.stage
        else { return }
        self.fitContainer(
            of: executor.runID, then: .handOver(waiting.map(\.number)), at: now, into: &effects)
    }

    /// Its container holds them: the executor is given them, if it still waits for them.
    mutating func handOver(_ numbers: [UInt64], at now: Instant, into effects: inout [Effect]) {
        let waiting = numbers.compactMap { self.tasks[$0] }.filter { $0.stage == .queued }
        guard let first = waiting.first, let key = first.executorKey, let executor = self.executor(key),
            case .subscribed(let peer) = executor.stage
        else { return }
        self.executors[executor.runID]?.hasReceivedTasks = true
        for task in waiting { task.stage = .running }
        let infos = waiting.compactMap(\.info)
        effects.append(
            .sendToExecutor(peer, first.acceptance.group == nil ? .launch(infos[0]) : .launchGroup(infos)))
        for task in waiting { self.boundTime(of: task.number, at: now, into: &effects) }
    }

    /// A task that may run for so long only may do so from when its executor has it.
    ///
    /// After a restart it counts from its RUNNING, if the executor said so.
    mutating func boundTime(of number: UInt64, at now: Instant, into effects: inout [Effect]) {
        guard let task = self.tasks[number], task.runsUntil == nil, let bound = task.info?.maxCompletionTime else {
            return
        }
        let instant = min(self.completion(of: task) ?? now + bound, now + bound)
        task.runsUntil = instant
        effects.append(.setTimer(.completion(number), at: max(now, instant)))
    }

    mutating func taskEnded(_ number: UInt64, in run: RunID) {
        guard let task = self.tasks[number], let index = self.executors[run]?.tasks.firstIndex(of: number) else {
            return
        }
        self.executors[run]?.tasks.remove(at: index)
        if task.outcome == nil { self.executors[run]?.load -= task.resources }
    }

    private mutating func updated(
        _ status: TaskStatus, by executor: ExecutorKey, over peer: PeerID, at now: Instant, into effects: inout [Effect]
    ) {
        let key = TaskKey(executor.framework, status.taskID)
        let number = self.numbers[key]
        let task = number.flatMap { self.tasks[$0] }
        if let task, let uuid = status.uuid, task.recentUUIDs.contains(uuid) {
            if task.outcome?.update?.uuid == uuid, task.isLive { return }
            let isLogged = !task.statuses.contains { $0.uuid == uuid && $0.sequence > task.loggedSequence }
            if isLogged { effects.append(.sendToExecutor(peer, .acknowledged(status.taskID, uuid: uuid))) }
            return
        }
        if let reason = self.objection(to: status, of: task, by: executor) {
            effects.append(.observe(.updateDropped(key, reason: reason)))
            guard let uuid = status.uuid else { return }
            return effects.append(.sendToExecutor(peer, .acknowledged(status.taskID, uuid: uuid)))
        }
        var status = status
        let isOver = status.state == .killed || status.state == .killing
        if task?.isDrained == true, isOver, status.reason == nil { status.reason = .agentDraining }
        let draft = Draft(
            status.state, source: .executor, reason: status.reason, message: status.message ?? "", update: status)
        self.add(draft, to: number!, at: now, into: &effects)
    }

    /// Why an update cannot be taken; nil if it can.
    private func objection(to status: TaskStatus, of task: TaskEntry?, by executor: ExecutorKey) -> String? {
        guard let task, task.executorKey == executor else { return "the executor has no such task" }
        guard task.isLive else { return "the task is \(task.state.name) already" }
        if let outcome = task.outcome { return "the task is \(outcome.state.name) already" }
        guard task.stage == .running else { return "the task was not delivered" }
        guard status.uuid?.count == 16 else { return "its uuid is missing or not of 16 bytes" }
        switch status.state {
        case .staging, .unreachable, .unknown, .goneByOperator:
            return "\(status.state.name) is not for executors to say"
        default: return nil
        }
    }

    /// The executor decides what it does about it, unless somebody insists: then it has its time.
    ///
    /// A wish that cannot be told now is told when it subscribes; the time runs meanwhile. Insisting again does not
    /// lengthen it. It is not logged: after a restart the master asks again, and the time begins anew.
    mutating func killInExecutor(
        _ task: TaskEntry, grace: Duration?, insistence: String?, isExact: Bool = false, at now: Instant,
        into effects: inout [Effect]
    ) {
        guard let key = task.executorKey, let executor = self.executor(key) else { return }
        let patience = insistence == nil || isExact ? grace : self.patience(with: task, atMost: grace)
        var kill = TaskEntry.Kill(
            requestedAt: now, grace: patience, deadline: task.kill?.deadline ?? .distantFuture,
            insistence: task.kill?.insistence)
        if let insistence, let patience, now + patience < kill.deadline {
            kill.deadline = now + patience
            kill.insistence = insistence
            effects.append(.setTimer(.kill(task.number), at: kill.deadline))
        }
        task.kill = kill
        if let peer = executor.peer {
            effects.append(.sendToExecutor(peer, .kill(task.key.task, grace: patience)))
        }
    }

    // MARK: Messages

    mutating func messageForExecutor(_ key: ExecutorKey, _ data: Bytes, into effects: inout [Effect]) {
        guard case .subscribed(let peer) = self.executor(key)?.stage else {
            return effects.append(.observe(.messageDropped(key)))
        }
        effects.append(.sendToExecutor(peer, .message(data)))
    }

    private func messageForScheduler(_ key: ExecutorKey, _ data: Bytes, into effects: inout [Effect]) {
        guard let link = self.link else { return effects.append(.observe(.messageDropped(key))) }
        effects.append(.sendToRelay(link.peer, .message(key, data)))
    }

    // MARK: Its end

    mutating func shutdownExecutor(_ key: ExecutorKey, at now: Instant, into effects: inout [Effect]) {
        guard let executor = self.executor(key) else {
            return effects.append(.observe(.orderIgnored(reason: "shutdown of \(key), which does not run here")))
        }
        let end = ExecutorEntry.End(reason: .executorTerminated, message: "The executor was shut down.")
        switch executor.stage {
        case .accepted:
            self.executors[executor.runID]?.end = end
            self.finishExecutor(executor.runID, .init(status: 0), at: now, into: &effects)
        case .registering, .away: self.destroyExecutor(executor.runID, end, into: &effects)
        case .subscribed(let peer):
            let grace = executor.info.shutdownGracePeriod ?? self.settings.executorShutdownGracePeriod
            self.stopExecutor(executor.runID, end, over: peer, by: now + grace, into: &effects)
        case .stopping, .exited: break
        }
    }

    /// It did not end a task that has to go: it ends itself, with all that it runs.
    ///
    /// However long it wants to shut down, it has no more than the agent's usual time.
    mutating func endExecutor(defying task: TaskEntry, at now: Instant, into effects: inout [Effect]) {
        guard let insistence = task.kill?.insistence, let executor = task.executorKey.flatMap({ self.executor($0) })
        else { return }
        let id = executor.key.executor
        let message = "Executor \(id) did not end task \(task.key.task) in time, and was ended: \(insistence)."
        let end = ExecutorEntry.End(isLost: true, reason: .containerPreempted, message: message)
        let usual = self.settings.executorShutdownGracePeriod
        var latest = now + min(executor.info.shutdownGracePeriod ?? usual, usual)
        if task.isDrained, let end = self.drainEnd { latest = max(now, min(latest, end)) }
        effects.append(.observe(.executorDefied(task.key, reason: insistence)))
        switch executor.stage {
        case .registering, .away: self.destroyExecutor(executor.runID, end, into: &effects)
        case .subscribed(let peer): self.stopExecutor(executor.runID, end, over: peer, by: latest, into: &effects)
        case .stopping:
            guard let planned = executor.stopsBy, latest < planned else { return }
            self.executors[executor.runID]?.stopsBy = latest
            effects.append(.setTimer(.executorShutdown(executor.runID), at: latest))
        case .accepted, .exited: break
        }
    }

    /// From now on it may have nothing to run for so long.
    ///
    /// A task that comes leaves the timer as it is: the end of that task sets it anew.
    mutating func boundIdleTime(of run: RunID, at now: Instant, into effects: inout [Effect]) {
        guard self.settings.executorIdleTimeout > .zero, let executor = self.executors[run], executor.tasks.isEmpty,
            case .subscribed = executor.stage
        else { return }
        effects.append(.setTimer(.executorIdle(run), at: now + self.settings.executorIdleTimeout))
    }

    mutating func executorIsIdle(_ run: RunID, at now: Instant, into effects: inout [Effect]) {
        guard let executor = self.executors[run], executor.tasks.isEmpty, case .subscribed = executor.stage else {
            return
        }
        effects.append(.observe(.executorIdle(executor.key)))
        self.shutdownExecutor(executor.key, at: now, into: &effects)
    }

    private mutating func stopExecutor(
        _ run: RunID, _ end: ExecutorEntry.End, over peer: PeerID, by instant: Instant, into effects: inout [Effect]
    ) {
        self.executors[run]?.end = end
        self.executors[run]?.stage = .stopping(peer)
        self.executors[run]?.stopsBy = instant
        effects.append(.sendToExecutor(peer, .shutdown))
        effects.append(.setTimer(.executorShutdown(run), at: instant))
    }

    mutating func destroyExecutor(
        _ run: RunID, _ end: ExecutorEntry.End, into effects: inout [Effect]
    ) {
        self.executors[run]?.end = end
        self.executors[run]?.stage = .stopping(nil)
        effects.append(.cancelTimer(.executorRegistration(run)))
        effects.append(.destroy(run))
    }

    /// A timer that is so late tells that the process was stopped, or the machine.
    private static let standstill = Duration.seconds(1)

    mutating func shutdownGraceEnded(_ run: RunID, into effects: inout [Effect]) {
        guard case .stopping = self.executors[run]?.stage else { return }
        effects.append(.destroy(run))
    }

    /// It has until then to subscribe.
    mutating func expectSubscription(of run: RunID, by instant: Instant, into effects: inout [Effect]) {
        self.executors[run]?.subscribesBy = instant
        effects.append(.setTimer(.executorRegistration(run), at: instant))
    }

    private mutating func waitLonger(for run: RunID, at now: Instant, into effects: inout [Effect]) {
        let again = now + self.settings.executorReregistrationTimeout
        self.expectSubscription(of: run, by: again, into: &effects)
    }

    /// It should have subscribed by now: the first time, or after the connection broke or the agent restarted.
    mutating func executorIsLate(_ run: RunID, at now: Instant, into effects: inout [Effect]) {
        if let due = self.executors[run]?.subscribesBy, now - due > Self.standstill {
            // The agent itself stood still, and nobody could subscribe. What they tried meanwhile is still to be read.
            return self.waitLonger(for: run, at: now, into: &effects)
        }
        if self.executors[run]?.wasAtTheDoor == false, self.executorPeers.values.contains(run) {
            // It has connected: the agent may have stood still until just now. Who then does not subscribe never will.
            self.executors[run]?.wasAtTheDoor = true
            return self.waitLonger(for: run, at: now, into: &effects)
        }
        switch self.executors[run]?.stage {
        case .registering:
            let end = ExecutorEntry.End(
                reason: .executorRegistrationTimeout, message: "The executor started, but did not subscribe in time.")
            self.destroyExecutor(run, end, into: &effects)
        case .away:
            let end = ExecutorEntry.End(
                isLost: true, reason: .executorReregistrationTimeout,
                message: "The executor did not subscribe again in time.")
            self.destroyExecutor(run, end, into: &effects)
        case .accepted, .subscribed, .stopping, .exited, nil: break
        }
    }

    /// Its container is gone: so are its tasks.
    mutating func finishExecutor(
        _ run: RunID, _ exit: ContainerExit, at now: Instant, into effects: inout [Effect]
    ) {
        guard let executor = self.executors[run], executor.stage != .exited else { return }
        effects.append(.cancelTimer(.executorRegistration(run)))
        effects.append(.cancelTimer(.executorShutdown(run)))
        if self.settings.executorIdleTimeout > .zero { effects.append(.cancelTimer(.executorIdle(run))) }
        self.executors[run]?.stage = .exited
        let draft = self.outcome(of: executor, exit)
        for number in executor.tasks {
            let own = self.tasks[number].flatMap { $0.outcome ?? Self.outcome(of: $0, in: executor, exit) }
            self.add(own ?? draft, to: number, at: now, into: &effects)
        }
        self.executorRuns[executor.key] = nil
        self.used -= executor.info.resources
        let record = ExecutorExit(
            key: executor.key, runID: run, status: exit.status, message: draft.message, position: self.nextPosition())
        self.executors[run]?.exit = record
        self.append(.executorExited(record), then: .executorExited(run, record), into: &effects)
        for peer in self.executorPeers.filter({ $0.value == run }).keys.sorted() {
            self.executorPeers[peer] = nil
            effects.append(.close(peer, nil))
        }
        effects.append(.observe(.executorExited(executor.key, message: draft.message)))
    }

    /// What the live tasks of an executor end as with it.
    private func outcome(of executor: ExecutorEntry, _ exit: ContainerExit) -> Draft {
        let text = exit.message(or: "Executor " + exit.text)
        if let draft = Draft(limitOf: exit, or: text) { return draft }
        guard let end = executor.end else { return Draft(.failed, reason: .executorTerminated, message: text) }
        let gone = self.frameworks[executor.key.framework]?.goneState ?? .lost
        return Draft(end.isLost ? gone : .failed, reason: end.reason, message: end.message)
    }

    /// What a task ends as that had to go, and whose executor went for that; nil: as the others.
    private static func outcome(of task: TaskEntry, in executor: ExecutorEntry, _ exit: ContainerExit) -> Draft? {
        guard let end = executor.end, let insistence = task.kill?.insistence else { return nil }
        guard exit.cause == .itself || exit.cause == .supervisorLost else { return nil }
        if task.isOvertime {
            return Draft(
                .failed, reason: .maxCompletionTimeReached,
                message: "The task ran longer than its max_completion_time.")
        }
        let message = end.reason == .containerPreempted ? end.message : "\(end.message) (\(insistence))"
        return Draft(
            .killed, reason: task.isDrained ? .agentDraining : .containerPreempted, message: message)
    }

    mutating func executorExitLogged(_ run: RunID, _ exit: ExecutorExit, into effects: inout [Effect]) {
        guard let executor = self.executors.removeValue(forKey: run) else { return }
        self.unconfirmedExits.append(
            UnconfirmedExit(exit: exit, acceptance: executor.acceptance, record: executor.record))
        effects.append(.forget(run))
        self.tell(
            .executorExited(exit.key, status: exit.status, message: exit.message), position: exit.position,
            into: &effects)
    }

    /// Tells an exit again that the master has not confirmed.
    ///
    /// The registration before it lists the executor still; its entry comes under a new position, and not at all if
    /// another run of the executor has begun.
    mutating func restateExit(at index: Int, into effects: inout [Effect]) {
        guard self.executorRuns[self.unconfirmedExits[index].exit.key] == nil else { return }
        self.unconfirmedExits[index].exit.position = self.nextPosition()
        let exit = self.unconfirmedExits[index].exit
        let entry = BookEntry(
            position: exit.position, .executorExited(exit.key, status: exit.status, message: exit.message))
        self.append(.executorExited(exit), then: .tell(entry), into: &effects)
    }
}
