import Model

/// A new life of the agent begins with what the earlier ones logged.
extension AgentState {
    /// Rebuilds the agent, and matches what should run with what does.
    ///
    /// - A run that its supervisor has runs on, or ended as the journal says.
    /// - A run that no journal has was never started, if the machine was not booted since (journals are written first): it
    ///   is launched now, and nobody notices that the agent was away. Unless it had shown signs of life: then its
    ///   supervisor and the journal are gone, and so is it.
    /// - After a boot nothing of before runs. Whose end no journal tells FAILED, whether it had started or not.
    mutating func recover(
        _ records: [AgentLogRecord], boot: String, runs: [RecoveredRun], at now: Instant, into effects: inout [Effect]
    ) {
        for record in records { self.replay(record) }
        self.loggedPosition = self.position
        let isSameBoot = self.boot == boot
        self.starts += 1
        self.boot = boot
        self.isRecovered = true
        self.relaysKnown = []
        self.rebook()
        self.beginCleanup(at: now)
        var launches: [Consequence] = []
        let fates = Dictionary(runs.map { ($0.runID, $0.fate) }, uniquingKeysWith: { first, _ in first })
        self.dropUnlaunchable(at: now, into: &effects)
        for run in self.executors.keys.sorted() {
            self.resume(executor: run, fates[run], isSameBoot, at: now, &launches, into: &effects)
        }
        for number in self.commandRuns.values.sorted() {
            self.resume(command: number, fates, isSameBoot, at: now, &launches, into: &effects)
        }
        self.settleOthers(runs, into: &effects)
        effects.append(
            .observe(
                .recovered(
                    starts: self.starts, tasks: self.tasks.values.count { $0.isLive },
                    executors: self.executorRuns.count)
            ))
        self.logConfiguration(into: &effects)
        // Last: while this is not on disk, the next life compares with the boot before.
        self.append(.started(starts: self.starts, boot: boot), then: .started, into: &effects)
        for launch in launches { self.onLogged(launch) }
        self.drain(at: now, into: &effects)
    }

    /// Counts what is live.
    ///
    /// Not while replaying: a task that was refused held nothing.
    private mutating func rebook() {
        for number in self.tasks.keys.sorted() {
            if let task = self.tasks[number], task.isLive, !task.acceptance.isRefused { self.hold(number) }
        }
    }

    /// Tasks of which the crash left half a decision on disk: refused without the status that says so, or accepted
    /// without the rest of their group.
    ///
    /// They were the last thing that the agent wrote, so nothing of them ran.
    private mutating func dropUnlaunchable(at now: Instant, into effects: inout [Effect]) {
        for number in self.tasks.keys.sorted() {
            guard let task = self.tasks[number], task.isLive else { continue }
            let isTorn = task.acceptance.group.map { $0.first + UInt64($0.count) - 1 > self.lastNumber } ?? false
            guard task.acceptance.isRefused || isTorn else { continue }
            let state = self.frameworks[task.key.framework]?.droppedState ?? .lost
            let message = "The agent restarted while it accepted the task."
            self.add(Draft(state, reason: .agentRestarted, message: message), to: number, at: now, into: &effects)
        }
    }

    private mutating func resume(
        executor run: RunID, _ fate: RecoveredRun.Fate?, _ isSameBoot: Bool, at now: Instant,
        _ launches: inout [Consequence], into effects: inout [Effect]
    ) {
        guard let executor = self.executors[run] else { return }
        var wasSeen = false
        for number in executor.tasks {
            let hasUpdates = self.tasks[number]?.recentUUIDs.isEmpty == false
            self.tasks[number]?.stage = hasUpdates ? .running : .queued
            wasSeen = wasSeen || hasUpdates
        }
        self.executors[run]?.hasReceivedTasks = wasSeen
        self.executors[run]?.limits = executor.load
        switch fate {
        case .running:
            // One that shows no sign of having subscribed before may still be starting. If nothing is left of its tasks,
            // those were the sign.
            let hasSubscribed = wasSeen || executor.tasks.isEmpty
            self.executors[run]?.stage = hasSubscribed ? .away : .registering
            let timeout =
                hasSubscribed ? self.settings.executorReregistrationTimeout : self.settings.executorRegistrationTimeout
            if let running = self.executors[run], let command = running.info.command {
                self.executors[run]?.updating = []
                effects.append(.adopt(self.container(of: running, command)))
            }
            self.expectSubscription(of: run, by: now + timeout, into: &effects)
            for number in executor.tasks where self.tasks[number]?.stage == .running {
                self.boundTime(of: number, at: now, into: &effects)
            }
        case .exited(let exit): self.finishExecutor(run, exit, at: now, into: &effects)
        case .launchFailed(let message): self.containerLaunchFailed(run, message, at: now, into: &effects)
        case nil where isSameBoot && !wasSeen && !executor.tasks.isEmpty: launches.append(.executorAccepted(run))
        case nil where isSameBoot && !wasSeen:
            self.finishExecutor(run, .init(status: 0, message: "It had nothing to run."), at: now, into: &effects)
        case nil:
            self.executors[run]?.end = Self.lost(isSameBoot)
            self.finishExecutor(run, .init(status: 9, cause: .supervisorLost), at: now, into: &effects)
        }
    }

    private static func lost(_ isSameBoot: Bool) -> ExecutorEntry.End {
        isSameBoot
            ? .init(reason: .executorTerminated, message: "Its supervisor died and left no record of its end.")
            : .init(reason: .agentRestarted, message: "The machine was booted.")
    }

    private mutating func resume(
        command number: UInt64, _ fates: [RunID: RecoveredRun.Fate], _ isSameBoot: Bool, at now: Instant,
        _ launches: inout [Consequence], into effects: inout [Effect]
    ) {
        guard let task = self.tasks[number] else { return }
        let run = task.acceptance.runID
        let wasSeen = task.sequence > 0
        self.resumeKill(number, at: now)
        self.recallHealth(of: number)
        switch fates[run] {
        case .running:
            task.stage = .launching
            if let info = task.info, let command = info.command {
                effects.append(.adopt(self.container(of: task, info, command)))
            }
            if wasSeen {
                task.stage = .running
            } else {
                self.containerStarted(run, at: now, into: &effects)
            }
            self.resumeCompletion(number, at: now, into: &effects)
            if wasSeen { self.watch(number, at: now, into: &effects) }
            if task.kill != nil { launches.append(.kill(number)) }
        case .exited(let exit):
            task.stage = .running
            task.isOvertime = exit.signal == 9 && self.completion(of: task).map { $0 <= now } ?? false
            self.containerExited(run, exit, at: now, into: &effects)
        case .launchFailed(let message): self.containerLaunchFailed(run, message, at: now, into: &effects)
        case nil where isSameBoot && !wasSeen && task.kill == nil: launches.append(.taskAccepted(number))
        case nil where isSameBoot && !wasSeen:
            let message = "Killed before it was launched."
            self.add(
                Draft(.killed, reason: .taskKilledDuringLaunch, message: message), to: number, at: now, into: &effects)
        case nil:
            let end = Self.lost(isSameBoot)
            self.add(Draft(.failed, reason: end.reason, message: end.message), to: number, at: now, into: &effects)
        }
    }

    private mutating func resumeKill(_ number: UInt64, at now: Instant) {
        guard let task = self.tasks[number], let kill = task.kill else { return }
        let patience = kill.grace ?? task.info?.killGracePeriod ?? self.settings.killGracePeriod
        task.kill = .init(requestedAt: now, grace: kill.grace, deadline: now + patience)
    }

    /// When a task that runs has run as long as it may; nil if it may run for ever.
    func completion(of task: TaskEntry) -> Instant? {
        guard let bound = task.info?.maxCompletionTime else { return nil }
        return self.start(of: task).map { $0 + bound }
    }

    /// When it said RUNNING first; nil if it has not.
    func start(of task: TaskEntry) -> Instant? {
        task.running.flatMap { self.codec.status($0.status)?.timestamp }.map { Instant(nanoseconds: Int64($0 * 1e9)) }
    }

    private mutating func resumeCompletion(_ number: UInt64, at now: Instant, into effects: inout [Effect]) {
        guard let task = self.tasks[number], let bound = task.info?.maxCompletionTime else { return }
        let instant = self.completion(of: task) ?? now + bound
        effects.append(.setTimer(.completion(number), at: max(now, instant)))
    }

    /// Runs of supervisors that the log has no use for.
    private mutating func settleOthers(_ runs: [RecoveredRun], into effects: inout [Effect]) {
        for run in runs.sorted(by: { $0.runID < $1.runID }) {
            if self.executors[run.runID] != nil || self.commandRuns[run.runID] != nil { continue }
            self.lastRun = max(self.lastRun, run.runID)
            switch run.fate {
            case .running:
                effects.append(.observe(.orphanDestroyed(run.runID)))
                effects.append(.destroy(run.runID))
            case .exited, .launchFailed:
                let isBeingTold = self.tasks.values.contains {
                    $0.isCommand && $0.acceptance.runID == run.runID && $0.sequence > $0.loggedSequence
                }
                if !isBeingTold { effects.append(.forget(run.runID)) }
            }
        }
    }
}
