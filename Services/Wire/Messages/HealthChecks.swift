internal import CMessages
internal import CProtobufC
internal import Model

/// `meseta.v1.HealthCheck`. What it asks for and cannot be done is for others to complain of: here it is only read.
extension HealthCheck {
    init(_ c: UnsafeMutablePointer<Meseta__V1__HealthCheck>, _ reader: MessageReader) throws(MessageError) {
        let reader = reader.in("HealthCheck")
        self.init(try Self.probe(c, reader))
        self.times = ProbeTimes(
            delay: c.pointee.delay_seconds, interval: c.pointee.interval_seconds, timeout: c.pointee.timeout_seconds)
        self.consecutiveFailures = c.pointee.consecutive_failures
        self.gracePeriod = .seconds(fromMessage: c.pointee.grace_period_seconds)
    }

    private static func probe(
        _ c: UnsafeMutablePointer<Meseta__V1__HealthCheck>, _ reader: MessageReader
    ) throws(MessageError) -> Probe {
        let type = c.pointee.has_type == 0 ? MESETA__V1__HEALTH_CHECK__TYPE__UNKNOWN : c.pointee.type
        switch type {
        case MESETA__V1__HEALTH_CHECK__TYPE__COMMAND:
            guard let command = c.pointee.command else {
                return .unclear(reason: "is of type COMMAND without `command`")
            }
            return .command(try CommandInfo(command, reader))
        case MESETA__V1__HEALTH_CHECK__TYPE__HTTP:
            guard let http = c.pointee.http else { return .unclear(reason: "is of type HTTP without `http`") }
            return .http(
                .init(
                    port: http.pointee.port, path: try reader.text(http.pointee.path, "http.path"),
                    scheme: try reader.nonEmptyText(http.pointee.scheme, "http.scheme"),
                    isIPv6: http.pointee.protocol == MESETA__V1__NETWORK_INFO__PROTOCOL__IPv6))
        case MESETA__V1__HEALTH_CHECK__TYPE__TCP:
            guard let tcp = c.pointee.tcp else { return .unclear(reason: "is of type TCP without `tcp`") }
            return .tcp(
                port: tcp.pointee.port, isIPv6: tcp.pointee.protocol == MESETA__V1__NETWORK_INFO__PROTOCOL__IPv6)
        default: return .unclear(reason: "has no type that this version knows")
        }
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__V1__HealthCheck> {
        let c = arena.make(Meseta__V1__HealthCheck.self)
        switch self.probe {
        case .command(let command):
            c.pointee.type = MESETA__V1__HEALTH_CHECK__TYPE__COMMAND
            c.pointee.command = command.c(in: arena)
        case .http(let http):
            c.pointee.type = MESETA__V1__HEALTH_CHECK__TYPE__HTTP
            c.pointee.http = arena.make()
            c.pointee.http.pointee.port = http.port
            c.pointee.http.pointee.path = http.path.isEmpty ? nil : arena.text(http.path)
            c.pointee.http.pointee.scheme = arena.text(ifAny: http.scheme)
            if http.isIPv6 {
                c.pointee.http.pointee.has_protocol = 1
                c.pointee.http.pointee.protocol = MESETA__V1__NETWORK_INFO__PROTOCOL__IPv6
            }
        case .tcp(let port, let isIPv6):
            c.pointee.type = MESETA__V1__HEALTH_CHECK__TYPE__TCP
            c.pointee.tcp = arena.make()
            c.pointee.tcp.pointee.port = port
            if isIPv6 {
                c.pointee.tcp.pointee.has_protocol = 1
                c.pointee.tcp.pointee.protocol = MESETA__V1__NETWORK_INFO__PROTOCOL__IPv6
            }
        case .unclear: c.pointee.type = MESETA__V1__HEALTH_CHECK__TYPE__UNKNOWN
        }
        c.pointee.has_type = 1
        (c.pointee.has_delay_seconds, c.pointee.delay_seconds) = (1, self.times.delay.messageSeconds)
        (c.pointee.has_interval_seconds, c.pointee.interval_seconds) = (1, self.times.interval.messageSeconds)
        (c.pointee.has_timeout_seconds, c.pointee.timeout_seconds) = (1, self.times.timeout.messageSeconds)
        (c.pointee.has_consecutive_failures, c.pointee.consecutive_failures) = (1, self.consecutiveFailures)
        (c.pointee.has_grace_period_seconds, c.pointee.grace_period_seconds) = (1, self.gracePeriod.messageSeconds)
        return c
    }
}

/// `meseta.v1.CheckInfo`, read likewise.
extension Check {
    init(_ c: UnsafeMutablePointer<Meseta__V1__CheckInfo>, _ reader: MessageReader) throws(MessageError) {
        let reader = reader.in("CheckInfo")
        self.init(try Self.probe(c, reader))
        self.times = ProbeTimes(
            delay: c.pointee.delay_seconds, interval: c.pointee.interval_seconds, timeout: c.pointee.timeout_seconds)
    }

    private static func probe(
        _ c: UnsafeMutablePointer<Meseta__V1__CheckInfo>, _ reader: MessageReader
    ) throws(MessageError) -> Probe {
        let type = c.pointee.has_type == 0 ? MESETA__V1__CHECK_INFO__TYPE__UNKNOWN : c.pointee.type
        switch type {
        case MESETA__V1__CHECK_INFO__TYPE__COMMAND:
            guard let command = c.pointee.command?.pointee.command else {
                return .unclear(reason: "is of type COMMAND without `command`")
            }
            return .command(try CommandInfo(command, reader))
        case MESETA__V1__CHECK_INFO__TYPE__HTTP:
            guard let http = c.pointee.http else { return .unclear(reason: "is of type HTTP without `http`") }
            return .http(.init(port: http.pointee.port, path: try reader.text(http.pointee.path, "http.path")))
        case MESETA__V1__CHECK_INFO__TYPE__TCP:
            guard let tcp = c.pointee.tcp else { return .unclear(reason: "is of type TCP without `tcp`") }
            return .tcp(port: tcp.pointee.port)
        default: return .unclear(reason: "has no type that this version knows")
        }
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__V1__CheckInfo> {
        let c = arena.make(Meseta__V1__CheckInfo.self)
        switch self.probe {
        case .command(let command):
            c.pointee.type = MESETA__V1__CHECK_INFO__TYPE__COMMAND
            c.pointee.command = arena.make()
            c.pointee.command.pointee.command = command.c(in: arena)
        case .http(let http):
            c.pointee.type = MESETA__V1__CHECK_INFO__TYPE__HTTP
            c.pointee.http = arena.make()
            c.pointee.http.pointee.port = http.port
            c.pointee.http.pointee.path = http.path.isEmpty ? nil : arena.text(http.path)
        case .tcp(let port, _):
            c.pointee.type = MESETA__V1__CHECK_INFO__TYPE__TCP
            c.pointee.tcp = arena.make()
            c.pointee.tcp.pointee.port = port
        case .unclear: c.pointee.type = MESETA__V1__CHECK_INFO__TYPE__UNKNOWN
        }
        c.pointee.has_type = 1
        (c.pointee.has_delay_seconds, c.pointee.delay_seconds) = (1, self.times.delay.messageSeconds)
        (c.pointee.has_interval_seconds, c.pointee.interval_seconds) = (1, self.times.interval.messageSeconds)
        (c.pointee.has_timeout_seconds, c.pointee.timeout_seconds) = (1, self.times.timeout.messageSeconds)
        return c
    }
}

/// `meseta.v1.CheckStatusInfo`.
extension CheckStatus {
    /// Nil if it says something that has no place here: then it is carried as it came.
    init?(_ c: UnsafeMutablePointer<Meseta__V1__CheckStatusInfo>) {
        guard c.pointee.has_type != 0, c.pointee.base.n_unknown_fields == 0 else { return nil }
        switch (c.pointee.type, c.pointee.command, c.pointee.http, c.pointee.tcp) {
        case (MESETA__V1__CHECK_INFO__TYPE__COMMAND, let command?, nil, nil):
            guard command.pointee.base.n_unknown_fields == 0 else { return nil }
            self = .command(exitCode: command.pointee.has_exit_code == 0 ? nil : command.pointee.exit_code)
        case (MESETA__V1__CHECK_INFO__TYPE__HTTP, nil, let http?, nil):
            guard http.pointee.base.n_unknown_fields == 0 else { return nil }
            self = .http(status: http.pointee.has_status_code == 0 ? nil : http.pointee.status_code)
        case (MESETA__V1__CHECK_INFO__TYPE__TCP, nil, nil, let tcp?):
            guard tcp.pointee.base.n_unknown_fields == 0 else { return nil }
            self = .tcp(succeeded: tcp.pointee.has_succeeded == 0 ? nil : tcp.pointee.succeeded != 0)
        default: return nil
        }
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__V1__CheckStatusInfo> {
        let c = arena.make(Meseta__V1__CheckStatusInfo.self)
        c.pointee.has_type = 1
        switch self {
        case .command(let exitCode):
            c.pointee.type = MESETA__V1__CHECK_INFO__TYPE__COMMAND
            c.pointee.command = arena.make()
            if let exitCode {
                (c.pointee.command.pointee.has_exit_code, c.pointee.command.pointee.exit_code) = (1, exitCode)
            }
        case .http(let status):
            c.pointee.type = MESETA__V1__CHECK_INFO__TYPE__HTTP
            c.pointee.http = arena.make()
            if let status { (c.pointee.http.pointee.has_status_code, c.pointee.http.pointee.status_code) = (1, status) }
        case .tcp(let succeeded):
            c.pointee.type = MESETA__V1__CHECK_INFO__TYPE__TCP
            c.pointee.tcp = arena.make()
            if let succeeded {
                (c.pointee.tcp.pointee.has_succeeded, c.pointee.tcp.pointee.succeeded) = (1, succeeded ? 1 : 0)
            }
        }
        return c
    }
}

extension ProbeTimes {
    fileprivate init(delay: Double, interval: Double, timeout: Double) {
        self.init()
        self.delay = .seconds(fromMessage: delay)
        self.interval = .seconds(fromMessage: interval)
        self.timeout = .seconds(fromMessage: timeout)
    }
}

extension Duration {
    /// What is no number is negative, which is for others to complain of; more than thirty years are thirty years.
    fileprivate static func seconds(fromMessage seconds: Double) -> Duration {
        guard !seconds.isNaN else { return .seconds(-1) }
        return .nanoseconds(Int64((max(-1, min(seconds, 1e9)) * 1e9).rounded()))
    }

    fileprivate var messageSeconds: Double { Double(self.nanoseconds) / 1e9 }
}
