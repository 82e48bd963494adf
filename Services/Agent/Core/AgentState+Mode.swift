import Model

/// What an operator wants of the agent: kept here, where it acts, so that no master need remember it.
extension AgentState {
    mutating func set(_ wanted: AgentMode, at now: Instant, into effects: inout [Effect]) {
        guard !wanted.isSame(as: self.mode) else { return }
        self.mode = wanted
        if case .draining(var drain) = wanted {
            drain.since = now
            self.mode = .draining(drain)
        }
        self.append(.mode(self.mode), then: .mode(self.mode), into: &effects)
    }

    /// It is on disk: the master is told under a new attachment.
    mutating func modeLogged(_ mode: AgentMode, at now: Instant, into effects: inout [Effect]) {
        self.loggedMode = mode
        effects.append(.observe(.modeSet(mode)))
        self.attach(at: now, into: &effects)
        if mode == self.mode { self.drain(at: now, into: &effects) }
    }

    /// When the last task must be gone; nil if the agent does not drain, or not by a certain time.
    var drainEnd: Instant? {
        guard let drain = self.mode.drain, let bound = drain.bound else { return nil }
        return drain.since + bound
    }

    /// Ends whatever runs, if the agent is to be emptied: each task with the time that its own policy gives it, none
    /// beyond the end of the drain.
    ///
    /// Said again, it shortens times and never lengthens them.
    mutating func drain(at now: Instant, into effects: inout [Effect]) {
        guard self.mode.drain != nil else { return }
        for number in self.tasks.keys.sorted() {
            guard let task = self.tasks[number], task.isLive else { continue }
            task.isDrained = true
            var grace = task.info?.killGracePeriod ?? self.settings.killGracePeriod
            if let end = self.drainEnd { grace = min(grace, max(.zero, end - now)) }
            self.killTask(
                task.key, grace: grace, insistence: "the agent is being drained", isExact: true, at: now,
                into: &effects)
        }
        for run in self.executors.keys.sorted() {
            if let key = self.executors[run]?.key { self.endIfDrained(key, at: now, into: &effects) }
        }
    }

    /// An executor that has nothing left to run on an agent that is to be emptied.
    mutating func endIfDrained(_ key: ExecutorKey, at now: Instant, into effects: inout [Effect]) {
        guard self.mode.drain != nil, let executor = self.executor(key), executor.tasks.isEmpty else { return }
        switch executor.stage {
        // It is told when it is back, or destroyed when it does not come.
        case .away where self.drainEnd == nil: break
        case .accepted, .registering, .away, .subscribed: self.shutdownExecutor(key, at: now, into: &effects)
        case .stopping, .exited: break
        }
        // However long it wants to shut down.
        guard let end = self.drainEnd, case .stopping = self.executors[executor.runID]?.stage,
            let planned = self.executors[executor.runID]?.stopsBy, end < planned
        else { return }
        self.executors[executor.runID]?.stopsBy = end
        effects.append(.setTimer(.executorShutdown(executor.runID), at: max(now, end)))
    }
}
