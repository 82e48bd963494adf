import Model

/// Command tasks: their container is all there is.
extension AgentState {
    mutating func launchCommand(_ number: UInt64, into effects: inout [Effect]) {
        guard let task = self.tasks[number], task.stage == .accepted, let info = task.info, let command = info.command
        else { return }
        task.stage = .launching
        effects.append(.launch(self.container(of: task, info, command)))
    }

    mutating func containerStarted(_ run: RunID, at now: Instant, into effects: inout [Effect]) {
        if let executor = self.executors[run] {
            return effects.append(.observe(.executorLaunched(executor.key)))
        }
        guard let number = self.commandRuns[run], let task = self.tasks[number] else {
            effects.append(.observe(.orphanDestroyed(run)))
            return effects.append(.destroy(run))
        }
        guard task.stage == .launching else { return }
        task.stage = .running
        task.checkStatus = task.info?.check.flatMap { CheckStatus(of: $0.probe) }
        self.add(Draft(.running, source: .executor), to: number, at: now, into: &effects)
        self.watch(number, at: now, into: &effects)
        if let bound = task.info?.maxCompletionTime {
            effects.append(.setTimer(.completion(number), at: now + bound))
        }
        if task.kill != nil { self.onLogged(.kill(number)) }
    }

    mutating func containerExited(
        _ run: RunID, _ exit: ContainerExit, at now: Instant, into effects: inout [Effect]
    ) {
        if self.executors[run] != nil { return self.finishExecutor(run, exit, at: now, into: &effects) }
        guard let number = self.commandRuns[run], let task = self.tasks[number] else { return }
        var draft = Self.outcome(of: task, exit)
        // What a dead supervisor's tasks would have exited with, nobody knows.
        if exit.cause != .supervisorLost { draft.waitStatus = exit.status }
        self.add(draft, to: number, at: now, into: &effects)
    }

    mutating func containerLaunchFailed(
        _ run: RunID, _ message: String, at now: Instant, into effects: inout [Effect]
    ) {
        if self.executors[run] != nil {
            self.executors[run]?.end = .init(reason: .containerLaunchFailed, message: message)
            return self.finishExecutor(run, .init(status: 127 << 8, message: message), at: now, into: &effects)
        }
        guard let number = self.commandRuns[run], let task = self.tasks[number] else { return }
        let draft =
            task.kill == nil
            ? Draft(.failed, reason: .containerLaunchFailed, message: message)
            : Draft(.killed, reason: .taskKilledDuringLaunch, message: message)
        self.add(draft, to: number, at: now, into: &effects)
    }

    /// What a command task ends as.
    private static func outcome(of task: TaskEntry, _ exit: ContainerExit) -> Draft {
        let message = "Command " + exit.text
        if let draft = Draft(limitOf: exit, or: message) { return draft }
        if exit.cause == .supervisorLost {
            return Draft(.failed, reason: .executorTerminated, message: exit.message(or: "Its supervisor died."))
        }
        if task.kill != nil {
            let why = task.sickness.map { $0 + " " } ?? (task.isDrained ? "The agent is being drained. " : "")
            return Draft(
                .killed, source: .executor, reason: task.isDrained ? .agentDraining : nil, message: why + message)
        }
        if task.isOvertime {
            return Draft(
                .failed, source: .executor, reason: .maxCompletionTimeReached,
                message: "The task ran longer than its max_completion_time.")
        }
        return Draft(exit.status == 0 ? .finished : .failed, source: .executor, message: message)
    }

    // MARK: Kill

    /// `insistence`: why the task goes even if its executor does not end it; its time is then bounded, unless `isExact`.
    mutating func killTask(
        _ key: TaskKey, grace: Duration?, insistence: String?, isExact: Bool = false, at now: Instant,
        into effects: inout [Effect]
    ) {
        guard let number = self.numbers[key], let task = self.tasks[number], task.isLive else {
            return effects.append(.observe(.orderIgnored(reason: "kill of \(key), which is not live here")))
        }
        switch (task.stage, task.isCommand) {
        case (.accepted, _), (.queued, _): self.killDuringLaunch(task, at: now, into: &effects)
        case (.launching, _), (.running, true):
            let grace = insistence == nil || isExact ? grace : self.patience(with: task, atMost: grace)
            self.killCommand(number, grace: grace, at: now, into: &effects)
        case (.running, false):
            self.killInExecutor(
                task, grace: grace, insistence: insistence, isExact: isExact, at: now, into: &effects)
        case (.ending, _), (.ended, _): break
        }
    }

    /// The time that a task which has to go may take: its own policy's, but nobody's for ever.
    func patience(with task: TaskEntry, atMost bound: Duration?) -> Duration {
        let usual = self.settings.killGracePeriod
        return min(task.info?.killGracePeriod ?? usual, max(bound ?? usual, usual))
    }

    /// Nothing of it ran yet.
    ///
    /// With one task of a group, all of the group go.
    private mutating func killDuringLaunch(_ task: TaskEntry, at now: Instant, into effects: inout [Effect]) {
        var numbers = [task.number]
        if let group = task.acceptance.group, let key = task.executorKey, let executor = self.executor(key) {
            numbers = executor.tasks.filter {
                self.tasks[$0]?.acceptance.group == group && self.tasks[$0]?.stage != .ending
            }
        }
        for number in numbers {
            self.add(
                Draft(
                    .killed, reason: task.isDrained ? .agentDraining : .taskKilledDuringLaunch,
                    message: "Killed before it was launched."), to: number, at: now, into: &effects)
        }
        if let key = task.executorKey { self.endIfNeedless(key, at: now, into: &effects) }
    }

    /// SIGTERM, then SIGKILL.
    ///
    /// A second kill may shorten the time between, never lengthen it.
    mutating func killCommand(
        _ number: UInt64, grace: Duration?, at now: Instant, into effects: inout [Effect]
    ) {
        guard let task = self.tasks[number] else { return }
        if let kill = task.kill {
            guard let grace, kill.requestedAt + grace < kill.deadline else { return }
            let deadline = max(now, kill.requestedAt + grace)
            task.kill?.deadline = deadline
            return effects.append(.setTimer(.kill(number), at: deadline))
        }
        let patience = grace ?? task.info?.killGracePeriod ?? self.settings.killGracePeriod
        task.kill = .init(requestedAt: now, grace: grace, deadline: now + patience)
        self.append(.killRequested(number: number, grace: grace), then: .kill(number), into: &effects)
        self.unwatch(number, into: &effects)
        if task.stage == .running, self.frameworks[task.key.framework]?.wantsTaskKilling ?? false {
            self.add(
                Draft(.killing, source: .executor, reason: task.isDrained ? .agentDraining : nil), to: number, at: now,
                into: &effects)
        }
    }

    /// The wish is on disk.
    ///
    /// A task whose container is just being started is signalled when that is done.
    mutating func signalTask(_ number: UInt64, at now: Instant, into effects: inout [Effect]) {
        guard let task = self.tasks[number], task.isLive, let kill = task.kill else { return }
        if task.stage == .running { effects.append(.signal(task.acceptance.runID, Self.terminate)) }
        effects.append(.setTimer(.kill(number), at: max(now, kill.deadline)))
    }

    /// SIGTERM.
    static let terminate: Int32 = 15

    mutating func killGraceEnded(_ number: UInt64, at now: Instant, into effects: inout [Effect]) {
        guard let task = self.tasks[number], task.isLive, task.stage != .ending else { return }
        if task.isCommand {
            effects.append(.destroy(task.acceptance.runID))
        } else {
            self.endExecutor(defying: task, at: now, into: &effects)
        }
    }

    mutating func completionTimeReached(_ number: UInt64, at now: Instant, into effects: inout [Effect]) {
        guard let task = self.tasks[number], task.stage == .running else { return }
        task.isOvertime = true
        if task.isCommand {
            effects.append(.destroy(task.acceptance.runID))
        } else {
            self.killInExecutor(
                task, grace: nil, insistence: "it ran longer than its max_completion_time", at: now, into: &effects)
        }
    }

    // MARK: The end of a framework

    /// Ends all that runs of a framework.
    ///
    /// Nobody will acknowledge its statuses: none is kept.
    mutating func shutdownFramework(_ id: FrameworkID, at now: Instant, into effects: inout [Effect]) {
        guard let entry = self.frameworks[id], !entry.isShuttingDown else { return }
        self.frameworks[id]?.isShuttingDown = true
        let numbers = self.tasks.values.filter { $0.key.framework == id }.map(\.number).sorted()
        for number in numbers {
            guard let task = self.tasks[number] else { continue }
            if let last = task.statuses.last { self.acknowledged(number, upTo: last, into: &effects) }
            guard task.isLive, task.isCommand else { continue }
            if task.stage == .accepted {
                self.killDuringLaunch(task, at: now, into: &effects)
            } else {
                self.killCommand(number, grace: nil, at: now, into: &effects)
            }
        }
        let keys = self.executors.values.filter { $0.key.framework == id && $0.stage != .exited }
            .sorted { $0.runID < $1.runID }.map(\.key)
        for key in keys { self.shutdownExecutor(key, at: now, into: &effects) }
    }
}

extension ContainerExit {
    /// "exited with status 1", "terminated with signal SIGKILL".
    var text: String {
        if let code = self.code { return "exited with status \(code)" }
        let signal = self.status & 0x7f
        return "terminated with signal " + (Self.signalNames[signal] ?? "\(signal)")
    }

    func message(or other: String) -> String { self.message.isEmpty ? other : self.message }

    /// Those of Linux on x86 and ARM that end a process.
    private static let signalNames: [Int32: String] = [
        1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE",
        9: "SIGKILL", 10: "SIGUSR1", 11: "SIGSEGV", 12: "SIGUSR2", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM",
        16: "SIGSTKFLT", 24: "SIGXCPU", 25: "SIGXFSZ", 26: "SIGVTALRM", 27: "SIGPROF", 29: "SIGIO", 30: "SIGPWR",
        31: "SIGSYS",
    ]
}
