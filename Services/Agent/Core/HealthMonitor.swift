public import Model

/// One look at a task, by what ordered it.
public struct ProbeID: Hashable, Sendable {
    /// Of the task, which says what to do.
    public var number: UInt64
    /// For which of its two checks.
    public var kind: Kind
    /// Counts the looks of this life of the agent.
    public var attempt: UInt32

    /// What the result means.
    public enum Kind: Hashable, Sendable {
        /// Failures kill the task.
        case health
        /// It is told what was seen.
        case check
    }
}

/// What the host does for a look.
public enum ProbeOrder: Hashable, Sendable {
    /// Beside the processes of this container, with a command of its own.
    case command(ContainerSpec)
    case http(Probe.HTTP)
    case tcp(port: UInt16, isIPv6: Bool)
}

/// Whether a task is well, from what its health check saw so far.
struct HealthMonitor: Hashable {
    /// What a result changes.
    struct Verdict: Hashable {
        /// The task is now (not) well, and was not known to be.
        var change: Bool?
        /// It failed too often in a row.
        var isFatal = false
        /// What was seen, if it was bad.
        var message = ""
    }

    let check: HealthCheck
    /// From when the grace period counts.
    let start: Instant
    /// As last told; nil: nothing yet.
    private(set) var healthy: Bool?
    /// In a row.
    private(set) var failures: UInt32 = 0

    /// The monitor of a task that began at `start`; `healthy` as told before a restart of the agent.
    init(_ check: HealthCheck, start: Instant, healthy: Bool?) {
        self.check = check
        self.start = start
        self.healthy = healthy
    }

    /// A failure counts from the grace period on, or from the first success; whoever was well once has no grace left.
    mutating func take(_ result: ProbeResult, at now: Instant) -> Verdict {
        if case .skipped = result { return Verdict() }
        guard let problem = result.problem else {
            defer { self.healthy = true }
            self.failures = 0
            return Verdict(change: self.healthy == true ? nil : true)
        }
        if self.healthy == nil, now <= self.start + self.check.gracePeriod { return Verdict(message: problem) }
        self.failures += 1
        defer { self.healthy = false }
        return Verdict(
            change: self.healthy == false ? nil : false,
            isFatal: self.failures >= max(1, self.check.consecutiveFailures), message: problem)
    }
}

extension ProbeResult {
    /// Why it says that a task is not well; nil if it says that it is.
    var problem: String? {
        switch self {
        case .exited(0, _), .answered(200..<400), .connected: return nil
        case .exited(let status, let output):
            let text = output.split(whereSeparator: \.isNewline).last.map { ": \($0)" } ?? ""
            return "the command " + ContainerExit(status: status).text + text
        case .answered(let status): return "it answered \(status)"
        case .failed(let message): return message
        case .timedOut: return "it took too long"
        case .skipped(let message): return message
        }
    }
}

extension CheckStatus {
    /// Before anything was seen.
    init?(of probe: Probe) {
        switch probe {
        case .command: self = .command(exitCode: nil)
        case .http: self = .http(status: nil)
        case .tcp: self = .tcp(succeeded: nil)
        case .unclear: return nil
        }
    }

    /// What a look saw; nothing, if it did not come to an end.
    init?(of probe: Probe, _ result: ProbeResult) {
        switch (probe, result) {
        case (_, .skipped): return nil
        case (.command, .exited(let status, _)):
            let exit = ContainerExit(status: status)
            self = .command(exitCode: exit.code ?? 128 + (exit.signal ?? 0))
        case (.http, .answered(let status)): self = .http(status: status)
        case (.tcp, .connected): self = .tcp(succeeded: true)
        case (.tcp, .failed), (.tcp, .timedOut): self = .tcp(succeeded: false)
        default: self.init(of: probe)
        }
    }
}
