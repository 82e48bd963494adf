import Model

/// Checks of command tasks. Tasks of executors are theirs to check.
extension AgentState {
    /// Begins to look at a task that runs; or goes on, in a new life of the agent.
    mutating func watch(_ number: UInt64, at now: Instant, into effects: inout [Effect]) {
        guard let task = self.tasks[number], task.isCommand, task.kill == nil, let info = task.info else { return }
        let start = self.start(of: task) ?? now
        if let check = info.healthCheck, check.problem == nil {
            task.health = HealthMonitor(check, start: start, healthy: task.healthy)
            effects.append(.setTimer(.probe(number, .health), at: max(now, start + check.times.delay)))
        }
        if let check = info.check, check.problem == nil {
            task.isChecked = true
            effects.append(.setTimer(.probe(number, .check), at: max(now, start + check.times.delay)))
        }
    }

    /// It will be killed, or has ended: nobody looks at it any more.
    mutating func unwatch(_ number: UInt64, into effects: inout [Effect]) {
        guard let task = self.tasks[number] else { return }
        if task.health != nil { effects.append(.cancelTimer(.probe(number, .health))) }
        if task.isChecked { effects.append(.cancelTimer(.probe(number, .check))) }
        task.health = nil
        task.isChecked = false
        task.probes = [:]
    }

    mutating func probe(_ number: UInt64, _ kind: ProbeID.Kind, into effects: inout [Effect]) {
        guard let task = self.tasks[number], task.stage == .running, let info = task.info else { return }
        let probe: Probe, times: ProbeTimes
        switch kind {
        case .health:
            guard let health = task.health else { return }
            (probe, times) = (health.check.probe, health.check.times)
        case .check:
            guard task.isChecked, let check = info.check else { return }
            (probe, times) = (check.probe, check.times)
        }
        guard let order = self.order(for: probe, of: task, info) else { return }
        let attempt = (task.attempts[kind] ?? 0) &+ 1
        task.attempts[kind] = attempt
        task.probes[kind] = attempt
        effects.append(
            .probe(ProbeID(number: number, kind: kind, attempt: attempt), order, timeout: times.timeout))
    }

    private func order(for probe: Probe, of task: TaskEntry, _ info: TaskInfo) -> ProbeOrder? {
        switch probe {
        case .command(let command):
            guard let own = info.command else { return nil }
            var spec = self.container(of: task, info, own)
            spec.environment.merge(command.environment) { _, probes in probes }
            spec.command = command
            return .command(spec)
        case .http(let http): return .http(http)
        case .tcp(let port, let isIPv6): return .tcp(port: UInt16(clamping: port), isIPv6: isIPv6)
        case .unclear: return nil
        }
    }

    /// The result of a look; of one that somebody still waits for.
    mutating func probed(_ id: ProbeID, _ result: ProbeResult, at now: Instant, into effects: inout [Effect]) {
        guard let task = self.tasks[id.number], task.stage == .running, task.probes[id.kind] == id.attempt else {
            return
        }
        task.probes[id.kind] = nil
        let interval =
            id.kind == .health ? task.health?.check.times.interval : task.info?.check?.times.interval
        guard let interval else { return }
        effects.append(.setTimer(.probe(id.number, id.kind), at: now + max(interval, Self.shortestInterval)))
        switch id.kind {
        case .health: self.judge(id.number, result, at: now, into: &effects)
        case .check: self.note(id.number, result, at: now, into: &effects)
        }
    }

    /// Between two looks, however eager a framework is.
    static let shortestInterval: Duration = .milliseconds(100)

    private mutating func judge(
        _ number: UInt64, _ result: ProbeResult, at now: Instant, into effects: inout [Effect]
    ) {
        guard let task = self.tasks[number], var monitor = task.health else { return }
        let verdict = monitor.take(result, at: now)
        task.health = monitor
        if !verdict.message.isEmpty { effects.append(.observe(.healthCheckFailed(task.key, verdict.message))) }
        if let healthy = verdict.change {
            task.healthy = healthy
            let message = healthy ? "The health check succeeded." : "The health check failed: \(verdict.message)."
            self.add(
                Draft(task.state, source: .executor, reason: .taskHealthCheckStatusUpdated, message: message),
                to: number, at: now, into: &effects)
        }
        guard verdict.isFatal else { return }
        let times = monitor.failures == 1 ? "" : " \(monitor.failures) times in a row"
        task.sickness = "The health check failed\(times): \(verdict.message)."
        self.killCommand(number, grace: nil, at: now, into: &effects)
    }

    private mutating func note(
        _ number: UInt64, _ result: ProbeResult, at now: Instant, into effects: inout [Effect]
    ) {
        guard let task = self.tasks[number], let check = task.info?.check,
            let status = CheckStatus(of: check.probe, result), status != task.checkStatus
        else { return }
        task.checkStatus = status
        self.add(
            Draft(task.state, source: .executor, reason: .taskCheckStatusUpdated, message: ""), to: number, at: now,
            into: &effects)
    }

    /// What was last told of a task's checks, in an earlier life of the agent.
    mutating func recallHealth(of number: UInt64) {
        guard let task = self.tasks[number], let info = task.info, task.isCommand else { return }
        guard info.healthCheck != nil || info.check != nil else { return }
        let last = task.latest.flatMap { self.codec.status($0.status) }
        task.healthy = last?.healthy
        task.checkStatus = last?.checkStatus
    }
}
