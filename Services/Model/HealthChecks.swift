/// One look at a task from outside: `command`, `http` or `tcp` of a check.
public enum Probe: Hashable, Sendable {
    /// A process beside the task's own.
    ///
    /// Its exit code is what is seen.
    case command(CommandInfo)
    /// GET; the status of the answer is what is seen.
    case http(HTTP)
    /// Whether it connects.
    case tcp(port: UInt32, isIPv6: Bool = false)
    /// The message does not say what to do, or not all of it.
    case unclear(reason: String)

    /// Where to ask.
    public struct HTTP: Hashable, Sendable {
        /// Of the task, on the agent.
        public var port: UInt32
        /// Begins with `/`; empty: `/`.
        public var path: String
        /// Nil: `http`.
        public var scheme: String?
        /// Whether to ask at `::1`.
        public var isIPv6: Bool

        /// By HTTP over IPv4, unless said otherwise.
        public init(port: UInt32, path: String = "", scheme: String? = nil, isIPv6: Bool = false) {
            self.port = port
            self.path = path
            self.scheme = scheme
            self.isIPv6 = isIPv6
        }
    }

    /// What is wrong with it; nil if it can be done.
    public var problem: String? {
        switch self {
        case .unclear(let reason): return reason
        case .command(let command):
            let isEmpty = command.value == nil && (command.shell || command.arguments.isEmpty)
            if isEmpty { return "has an empty command" }
            return command.uris.isEmpty ? nil : "has a command with URIs, and nothing is fetched for checks"
        case .tcp(let port, _): return Self.problem(with: port)
        case .http(let http):
            if let problem = Self.problem(with: http.port) { return problem }
            if !http.path.isEmpty, !http.path.hasPrefix("/") { return "has a path that does not begin with '/'" }
            if http.path.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7f }) {
                return "has a path with a space or a control character"
            }
            switch http.scheme {
            case nil, "http": return nil
            case "https": return "is by https, which agents do not speak; use a command"
            case .some: return "has a scheme that is neither http nor https"
            }
        }
    }

    private static func problem(with port: UInt32) -> String? {
        (1...65_535).contains(port) ? nil : "has port \(port), which is none"
    }
}

/// When to look, and for how long.
public struct ProbeTimes: Hashable, Sendable {
    /// From the start of the task to the first look.
    public var delay: Duration = .seconds(15)
    /// From the end of one look to the next.
    public var interval: Duration = .seconds(10)
    /// Of one look; zero: no bound.
    public var timeout: Duration = .seconds(20)

    /// The times that hold where none are given, as in Mesos.
    public init() {}

    /// What is wrong with them; nil if nothing is.
    public var problem: String? {
        if self.delay < .zero { return "has a negative delay" }
        if self.interval < .zero { return "has a negative interval" }
        return self.timeout < .zero ? "has a negative timeout" : nil
    }
}

/// Looks whether a task is well; one that keeps failing is killed: `meseta.v1.HealthCheck`.
public struct HealthCheck: Hashable, Sendable {
    /// What to do.
    public var probe: Probe
    /// When.
    public var times: ProbeTimes = .init()
    /// So many failures in a row, and the task is killed.
    public var consecutiveFailures: UInt32 = 3
    /// Failures in this time from the start do not count, until the first success.
    ///
    /// Includes the delay.
    public var gracePeriod: Duration = .seconds(10)

    /// With the usual times.
    public init(_ probe: Probe) { self.probe = probe }

    /// What is wrong with it; nil if it can be done.
    public var problem: String? {
        if let problem = self.probe.problem ?? self.times.problem { return problem }
        return self.gracePeriod < .zero ? "has a negative grace period" : nil
    }
}

/// Looks at a task and tells what it saw, without judging: `meseta.v1.CheckInfo`.
public struct Check: Hashable, Sendable {
    /// What to do.
    public var probe: Probe
    /// When.
    public var times: ProbeTimes = .init()

    /// With the usual times.
    public init(_ probe: Probe) { self.probe = probe }

    /// What is wrong with it; nil if it can be done.
    public var problem: String? { self.probe.problem ?? self.times.problem }
}

/// What a check last saw: `meseta.v1.CheckStatusInfo`.
///
/// Nil inside: nothing yet, or it did not come to an end.
public enum CheckStatus: Hashable, Sendable {
    case command(exitCode: Int32?)
    case http(status: UInt32?)
    case tcp(succeeded: Bool?)
}

/// What came of one probe.
public enum ProbeResult: Hashable, Sendable {
    /// A command ended; its wait status, and the end of what it wrote.
    case exited(status: Int32, output: String)
    /// The status of the answer.
    case answered(UInt32)
    case connected
    /// Nothing connected, answered or could be started, and why.
    case failed(String)
    /// It was ended when its time was over.
    case timedOut
    /// It could not be done for a reason that says nothing of the task.
    case skipped(String)
}
