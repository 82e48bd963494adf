import Model

/// The agent: what it orders, and what it must be told again after it was away.
extension ExecutorState {
    mutating func agentConnected(_ peer: PeerID, _ effects: inout [Effect]) {
        self.link = .subscribing(peer)
        self.send(
            .subscribe(
                unacknowledgedTasks: self.unacknowledgedTasks.values(), unacknowledgedUpdates: self.unacknowledged),
            &effects)
        self.toldAtSubscription = self.statuses.last
    }

    mutating func agentDisconnected(_ peer: PeerID, _ now: Instant, _ effects: inout [Effect]) {
        guard self.link.peer == peer else { return }
        if self.isSubscribed {
            effects.append(.setTimer(.recovery, at: now + self.settings.recoveryTimeout))
            self.tell(.disconnected, &effects)
        }
        self.link = .disconnected
    }

    mutating func agentTold(_ event: ExecutorEvent, _ peer: PeerID, _ now: Instant, _ effects: inout [Effect]) {
        guard self.link.peer == peer else { return }
        switch event {
        case .subscribed(let executor, let framework, let agent, let hostname):
            self.subscribed(peer, executor, &effects)
            self.tell(
                self.hasRegistered
                    ? .reregistered(agent) : .registered(executor, framework, agent, hostname: hostname), &effects)
            self.hasRegistered = true
        case .launch(let task): if self.begin(task) { self.tell(.launchTask(task), &effects) }
        case .launchGroup(let tasks):
            let new = tasks.filter { self.begin($0) }
            if !new.isEmpty { self.tell(.launchTaskGroup(new), &effects) }
        case .kill(let task, let grace): self.tell(.killTask(task, grace: grace), &effects)
        case .acknowledged(let task, let uuid): self.acknowledged(task, uuid, &effects)
        case .message(let data): self.tell(.frameworkMessage(data), &effects)
        case .shutdown: self.shutDown(now, &effects)
        case .error(let message):
            self.tell(.error(message), &effects)
            self.finish(.subscriptionEnded(message), &effects)
        case .heartbeat: break
        }
    }

    private mutating func subscribed(_ peer: PeerID, _ executor: ExecutorInfo, _ effects: inout [Effect]) {
        self.link = .subscribed(peer)
        effects.append(.cancelTimer(.recovery))
        if let grace = executor.shutdownGracePeriod { self.shutdownGracePeriod = grace }
        // What was made between SUBSCRIBE and now.
        for status in self.statuses.values(after: self.toldAtSubscription) { self.send(.update(status), &effects) }
    }

    /// False for a task that runs here already: an agent that was restarted may order it again.
    private mutating func begin(_ task: TaskInfo) -> Bool {
        guard self.ending == .running, self.live.insert(task.taskID).inserted else { return false }
        self.unacknowledgedTasks.append(task.taskID, for: task.taskID)
        return true
    }

    private mutating func acknowledged(_ task: TaskID, _ uuid: Bytes, _ effects: inout [Effect]) {
        guard self.statuses[uuid]?.taskID == task else { return }
        self.statuses.remove(uuid)
        self.unacknowledgedTasks.remove(task)
        if self.ending == .flushing, self.statuses.isEmpty { self.finish(nil, &effects) }
    }

    // MARK: The user

    mutating func called(_ call: UserCall, _ now: Instant, _ effects: inout [Effect]) {
        switch call {
        case .update(let status): self.update(status, now, &effects)
        case .message(let data): if self.isSubscribed { self.send(.message(data), &effects) }
        case .stop: self.flush(now, &effects)
        }
    }

    private mutating func update(_ status: TaskStatus, _ now: Instant, _ effects: inout [Effect]) {
        // A task ends once; and it is the agent that says it waits for its executor.
        guard self.live.contains(status.taskID), status.state != .staging else { return }
        var status = status
        let uuid = self.uuid()
        status.uuid = uuid
        status.source = .executor
        status.executorID = self.settings.executorID
        status.timestamp = status.timestamp ?? now.seconds
        if status.state.isTerminal { self.live.remove(status.taskID) }
        self.statuses.append(status, for: uuid)
        if self.isSubscribed { self.send(.update(status), &effects) }
    }

    /// Random, version 4 of RFC 9562.
    private mutating func uuid() -> Bytes {
        var bytes = self.generator.bytes(16)
        bytes[6] = bytes[6] & 0x0f | 0x40
        bytes[8] = bytes[8] & 0x3f | 0x80
        return bytes
    }

    // MARK: The end

    mutating func shutDown(_ now: Instant, _ effects: inout [Effect]) {
        guard self.ending == .running else { return }
        self.tell(.shutdown, &effects)
        self.ending = .shuttingDown
        effects.append(.setTimer(.shutdown, at: now + self.shutdownGracePeriod))
    }

    /// Ends once the agent has everything, or has had time enough.
    mutating func flush(_ now: Instant, _ effects: inout [Effect]) {
        guard self.ending == .running || self.ending == .shuttingDown else { return }
        if self.statuses.isEmpty { return self.finish(nil, &effects) }
        let wasShuttingDown = self.ending == .shuttingDown
        self.ending = .flushing
        // The grace period of a shutdown is the agent's, and goes on.
        if !wasShuttingDown { effects.append(.setTimer(.flush, at: now + self.settings.flushTimeout)) }
    }

    mutating func finish(_ failure: Failure?, _ effects: inout [Effect]) {
        self.ending = .stopped
        for timer in Timer.allCases { effects.append(.cancelTimer(timer)) }
        effects.append(.stopped(failure))
    }
}
