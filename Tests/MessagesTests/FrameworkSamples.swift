import Messages
import Model

extension CommandInfo {
    static func sample(_ random: inout Random) -> CommandInfo {
        var command =
            random.flag()
            ? CommandInfo(shell: random.text())
            : CommandInfo(program: random.text(), arguments: random.list(upTo: 3) { $0.text() })
        for _ in 0..<random.below(4) { command.environment[random.name()] = random.text() }
        command.user = random.maybe { $0.name() }
        command.uris = random.list(upTo: 2) {
            URI(
                value: $0.name(), executable: $0.flag(), extract: $0.flag(), cache: $0.flag(),
                outputFile: $0.maybe { $0.name() }, checksum: $0.maybe { $0.name() })
        }
        return command
    }
}

extension ExecutorInfo: Sample {
    static func sample(_ random: inout Random) -> ExecutorInfo {
        var info = ExecutorInfo(executorID: random.id(), command: random.maybe { .sample(&$0) })
        info.frameworkID = random.maybe { $0.id() }
        info.name = random.text()
        info.resources = random.resources()
        info.data = random.maybe { $0.bytes() }
        info.shutdownGracePeriod = random.maybe { $0.duration() }
        info.container = random.maybe { .sample(&$0) }
        return info
    }

    var plain: ExecutorInfo {
        var copy = self
        copy.encoded = []
        return copy
    }
}

extension TaskInfo: Sample {
    static func sample(_ random: inout Random) -> TaskInfo {
        var task = TaskInfo(
            name: random.text(), taskID: random.id(), agentID: random.id(), resources: random.resources())
        if random.flag() {
            task.executor = .sample(&random)
        } else {
            task.command = .sample(&random)
        }
        task.data = random.maybe { $0.bytes() }
        task.killGracePeriod = random.maybe { $0.duration() }
        task.maxCompletionTime = random.maybe { $0.duration() }
        task.priority = Int32(random.below(9)) - 4
        task.healthCheck = random.maybe { random in
            var check = HealthCheck(.sample(&random))
            check.times = .sample(&random)
            check.consecutiveFailures = UInt32(random.below(9))
            check.gracePeriod = .milliseconds(random.below(100_000))
            return check
        }
        task.check = random.maybe { random in
            var check = Check(.sample(&random))
            // A check has neither a scheme nor a protocol.
            if case .http(let http) = check.probe { check.probe = .http(.init(port: http.port, path: http.path)) }
            if case .tcp(let port, _) = check.probe { check.probe = .tcp(port: port) }
            check.times = .sample(&random)
            return check
        }
        task.container = random.maybe { .sample(&$0) }
        return task
    }

    var plain: TaskInfo {
        var copy = self
        copy.encoded = []
        copy.executor = self.executor?.plain
        return copy
    }
}

extension ContainerInfo {
    static func sample(_ random: inout Random) -> ContainerInfo {
        var info = ContainerInfo()
        info.hostname = random.maybe { $0.name() }
        info.image = random.maybe { LocalImage(path: "/" + $0.name(), reference: $0.maybe { $0.name() }) }
        info.volumes = random.list(upTo: 3) { random in
            Volume(
                random.name(), random.flag() ? .host("/" + random.name()) : .sandbox(random.name()),
                isReadOnly: random.flag())
        }
        info.linux.effectiveCapabilities = random.maybe { $0.next() }
        info.linux.boundingCapabilities = random.maybe { $0.next() }
        info.limits = random.list(upTo: 3) { random in
            let (soft, hard) = (random.number(), random.number()), isBound = random.flag()
            return ResourceLimit(
                random.one(of: ResourceLimit.Kind.allCases), soft: isBound ? soft : nil, hard: isBound ? hard : nil)
        }
        info.terminal = random.maybe {
            $0.flag() ? TerminalSize() : TerminalSize(rows: $0.index(), columns: $0.index())
        }
        return info
    }
}

extension Probe {
    static func sample(_ random: inout Random) -> Probe {
        switch random.below(3) {
        case 0: return .command(.sample(&random))
        case 1:
            let scheme = random.maybe { $0.one(of: ["http", "https"]) }
            return .http(
                .init(
                    port: UInt32(random.below(70_000)), path: random.text(), scheme: scheme, isIPv6: random.flag()))
        default: return .tcp(port: UInt32(random.below(70_000)), isIPv6: random.flag())
        }
    }
}

extension ProbeTimes {
    static func sample(_ random: inout Random) -> ProbeTimes {
        var times = ProbeTimes()
        times.delay = .milliseconds(random.below(100_000))
        times.interval = .milliseconds(random.below(100_000))
        times.timeout = .milliseconds(random.below(100_000))
        return times
    }
}

extension CheckStatus {
    static func sample(_ random: inout Random) -> CheckStatus {
        switch random.below(3) {
        case 0: .command(exitCode: random.maybe { Int32($0.below(256)) })
        case 1: .http(status: random.maybe { UInt32($0.below(600)) })
        default: .tcp(succeeded: random.maybe { $0.flag() })
        }
    }
}

extension TaskStatus: Sample {
    static func sample(_ random: inout Random) -> TaskStatus {
        var status = TaskStatus(taskID: random.id(), state: random.one(of: TaskState.allCases))
        status.data = random.maybe { $0.bytes() }
        status.message = random.maybe { $0.text() }
        status.agentID = random.maybe { $0.id() }
        status.executorID = random.maybe { $0.id() }
        status.source = random.maybe { StatusSource(rawValue: Int32($0.below(3)))! }
        status.reason = random.maybe { StatusReason(rawValue: Int32($0.below(50))) }
        status.uuid = random.maybe { $0.uuid() }
        status.timestamp = random.maybe { Double($0.below(1 << 40)) / 3 }
        status.healthy = random.maybe { $0.flag() }
        status.checkStatus = random.maybe { .sample(&$0) }
        status.sequence = random.number()
        status.waitStatus = random.maybe { Int32($0.below(1 << 16)) }
        status.limitation = random.maybe { $0.resources() }
        // labels { labels { key: "k" } }, and a field of a later version.
        if random.flag() { status.unread = [0x62, 5, 0x0a, 3, 0x0a, 1, 0x6b, 0xc2, 0x3f, 1, 9] }
        return status
    }
}

extension FrameworkInfo: Sample {
    static func sample(_ random: inout Random) -> FrameworkInfo {
        var info = FrameworkInfo(user: random.text(), name: random.text())
        info.id = random.maybe { $0.id() }
        info.failoverTimeout = random.duration()
        info.hostname = random.text()
        info.partitionPolicy = random.one(of: [.replace, .wait, .killOnReturn])
        info.principal = random.maybe { $0.name() }
        info.capabilities = Set(random.list(upTo: 5) { FrameworkCapability(rawValue: Int32(1 + $0.below(8)))! })
        if info.capabilities.contains(.multiRole) {
            info.roles = ["dev", "prod/web", "*"]
        } else {
            info.roles = [random.one(of: ["*", "dev"])]
        }
        if random.flag() {
            info.minimumOffers[info.roles[0]] = ["cpus:1", "mem:512;gpus:1", "bandwidth:0.5"]
        }
        if random.below(4) == 0 { info.minimumOffers[info.roles[0]] = [] }
        return info
    }

    var plain: FrameworkInfo {
        var copy = self
        copy.encoded = []
        return copy
    }
}

extension TaskLaunch {
    var plain: TaskLaunch {
        switch self {
        case .task(let task): .task(task.plain)
        case .unreadable: self
        }
    }
}

extension SchedulerCall.Operation {
    static func sample(_ random: inout Random) -> SchedulerCall.Operation {
        let tasks: [TaskLaunch] = random.list(upTo: 3) { .task(.sample(&$0)) }
        return switch random.below(3) {
        case 0: .launch(tasks)
        case 1: .launchGroup(executor: .sample(&random), tasks)
        default: .unsupported(random.one(of: ["RESERVE", "CREATE_DISK", "UNKNOWN", "77"]))
        }
    }

    var plain: SchedulerCall.Operation {
        switch self {
        case .launch(let tasks): .launch(tasks.map(\.plain))
        case .launchGroup(let executor, let tasks): .launchGroup(executor: executor.plain, tasks.map(\.plain))
        case .unsupported: self
        }
    }
}

extension SchedulerCall: Sample {
    static func sample(_ random: inout Random) -> SchedulerCall {
        let kinds: [(inout Random) -> Kind] = [
            { _ in .teardown },
            {
                .accept(
                    Accept(
                        offerIDs: $0.list(upTo: 3) { $0.id() }, operations: $0.list(upTo: 3) { .sample(&$0) },
                        filters: OfferFilters(refuse: $0.duration())))
            },
            { .decline($0.list(upTo: 3) { $0.id() }, $0.flag() ? OfferFilters() : OfferFilters(refuse: .zero)) },
            { .revive(roles: $0.list(upTo: 3) { $0.text() }) },
            { .suppress(roles: $0.list(upTo: 3) { $0.text() }) },
            { .kill($0.id(), $0.maybe { $0.id() }, grace: $0.maybe { $0.duration() }) },
            { .shutdown($0.id(), $0.id()) },
            { .acknowledge($0.id(), $0.id(), uuid: $0.uuid()) },
            { .reconcile($0.list(upTo: 3) { ReconcileTask($0.id(), on: $0.maybe { $0.id() }) }) },
            { .message($0.id(), $0.id(), $0.bytes()) },
            {
                .request(
                    $0.list(upTo: 3) { ResourceRequest(resources: $0.resources(), agentID: $0.maybe { $0.id() }) })
            },
            {
                .updateFramework(
                    .sample(&$0), suppressedRoles: $0.list(upTo: 2) { $0.text() }, constraints: .sample(&$0))
            },
            { .acceptInverseOffers($0.list(upTo: 3) { $0.id() }) },
            { .declineInverseOffers($0.list(upTo: 3) { $0.id() }) },
            {
                .unsupported(
                    $0.one(of: ["RECONCILE_OPERATIONS", "ACKNOWLEDGE_OPERATION_STATUS", "UNKNOWN", "99"]))
            },
        ]
        let choice = random.below(kinds.count + 1)
        if choice < kinds.count { return SchedulerCall(frameworkID: random.id(), kinds[choice](&random)) }
        let framework = FrameworkInfo.sample(&random)
        var subscribe = Subscribe(
            framework: framework, suppressedRoles: random.list(upTo: 2) { $0.text() }, relays: random.flag(),
            standby: random.flag())
        subscribe.constraints = .sample(&random)
        subscribe.guarantees = random.flag()
        subscribe.subscription = random.maybe {
            Subscription(epoch: Epoch($0.number()), counter: $0.number(), token: $0.bytes())
        }
        return SchedulerCall(frameworkID: framework.id, .subscribe(subscribe))
    }

    var plain: SchedulerCall {
        switch self.kind {
        case .subscribe(var subscribe):
            subscribe.framework = subscribe.framework.plain
            return SchedulerCall(frameworkID: self.frameworkID, .subscribe(subscribe))
        case .updateFramework(let framework, let suppressed, let constraints):
            return SchedulerCall(
                frameworkID: self.frameworkID,
                .updateFramework(framework.plain, suppressedRoles: suppressed, constraints: constraints))
        case .accept(var accept):
            accept.operations = accept.operations.map(\.plain)
            return SchedulerCall(frameworkID: self.frameworkID, .accept(accept))
        default: return self
        }
    }
}

extension Offer {
    static func sample(_ random: inout Random) -> Offer {
        let hostname = random.name()
        let attributes: [Attribute] = random.list(upTo: 3) { .sample(&$0) }
        return Offer(
            id: random.id(), frameworkID: random.id(), agentID: random.id(), hostname: hostname,
            sidePort: random.flag() ? 5051 : 0, resources: random.resources(), role: random.one(of: ["*", "dev"]),
            executorIDs: random.list(upTo: 2) { $0.id() },
            attributes: attributes.isEmpty
                ? [] : ProtobufCodec().encode(attributes: attributes, hostname: hostname))
    }
}

extension Attribute {
    static func sample(_ random: inout Random) -> Attribute {
        let values: [Value] = [
            .scalar(Int64(random.below(100_000))), .ranges(IntegerRanges([1...5, 10...20])), .set(["x", "y"]),
            .text(random.text()),
        ]
        return Attribute(name: random.name(), value: random.one(of: values))
    }
}

extension SchedulerEvent: Sample {
    static func sample(_ random: inout Random) -> SchedulerEvent {
        let relays = random.list(upTo: 3) { RelayInfo(name: $0.text(), address: $0.text()) }
        let address = random.one(of: ["10.1.2.3:5050", "master-1:5050", "[::1]:5050"])
        switch random.below(13) {
        case 0:
            var subscribed = Subscribed(
                frameworkID: random.id(), heartbeatInterval: random.duration(),
                master: MasterInfo(id: random.text(), address: address), relays: relays,
                subscription: random.maybe { Subscription(epoch: 4, counter: $0.number(), token: $0.uuid()) })
            subscribed.guarantees = .sample(&random)
            return .subscribed(subscribed)
        case 1: return .offers(random.list(upTo: 4) { .sample(&$0) })
        case 2: return .rescind(random.id())
        case 3: return .update(random.flag() ? .status(.sample(&random)) : .encoded(random.bytes()))
        case 4: return .message(random.id(), random.id(), random.bytes())
        case 5:
            return .failure(random.maybe { $0.id() }, random.maybe { $0.id() }, status: random.maybe { _ in -9 })
        case 6: return .error(random.text(), leader: random.maybe { $0.name() })
        case 7:
            return .inverseOffers(
                random.list(upTo: 3) {
                    InverseOffer(
                        id: $0.id(), frameworkID: $0.id(), agentID: $0.maybe { $0.id() }, resources: $0.resources(),
                        start: Instant(nanoseconds: Int64($0.below(1 << 60))))
                })
        case 8: return .rescindInverseOffer(random.id())
        case 9: return .relays(relays)
        case 10: return .guarantees(.sample(&random))
        case 11:
            return .standby(
                Standby(frameworkID: random.id(), place: random.index(), active: random.maybe { $0.name() }))
        default: return .heartbeat
        }
    }

    /// An update is read as the bytes of its status.
    var plain: SchedulerEvent {
        guard case .update(.status(let status)) = self else { return self }
        return .update(.encoded(status.encoded()))
    }
}

extension Guarantees {
    static func sample(_ random: inout Random) -> Guarantees {
        var sample = Guarantees(own: random.resources())
        for role in ["eng", "eng/web", "ads"] where random.flag() {
            let resources = random.resources()
            if !resources.isEmpty { sample.roles[role] = resources }
        }
        return sample
    }
}

extension ExecutorCall: Sample {
    static func sample(_ random: inout Random) -> ExecutorCall {
        let kind: Kind =
            switch random.below(5) {
            case 0:
                .subscribe(
                    unacknowledgedTasks: random.list(upTo: 3) { $0.id() },
                    unacknowledgedUpdates: random.list(upTo: 3) { .sample(&$0) })
            case 1: .update(.sample(&random))
            case 2: .message(random.bytes())
            case 3: .heartbeat
            default: .unsupported(random.one(of: ["UNKNOWN", "12"]))
            }
        return ExecutorCall(frameworkID: random.id(), executorID: random.id(), kind)
    }
}

extension ExecutorEvent: Sample {
    static func sample(_ random: inout Random) -> ExecutorEvent {
        switch random.below(9) {
        case 0: .subscribed(.sample(&random), .sample(&random), random.id(), hostname: random.text())
        case 1: .launch(.sample(&random))
        case 2: .launchGroup(random.list(upTo: 3) { .sample(&$0) })
        case 3: .kill(random.id(), grace: random.maybe { $0.duration() })
        case 4: .acknowledged(random.id(), uuid: random.uuid())
        case 5: .message(random.bytes())
        case 6: .shutdown
        case 7: .error(random.text())
        default: .heartbeat
        }
    }

    var plain: ExecutorEvent {
        switch self {
        case .subscribed(let executor, let framework, let agentID, let hostname):
            .subscribed(executor.plain, framework.plain, agentID, hostname: hostname)
        case .launch(let task): .launch(task.plain)
        case .launchGroup(let tasks): .launchGroup(tasks.map(\.plain))
        default: self
        }
    }
}

extension [String: OfferConstraints] {
    static func sample(_ random: inout Random) -> Self {
        var sample: Self = [:]
        for _ in 0..<random.below(3) { sample[random.text()] = .sample(&random) }
        return sample
    }
}

extension OfferConstraints {
    static func sample(_ random: inout Random) -> OfferConstraints {
        OfferConstraints(
            groups: (0...random.below(2)).map { _ in
                (0...random.below(2)).map { _ in
                    AttributeConstraint(
                        random.one(of: [.hostname, .region, .zone, .attribute("rack")]),
                        random.one(of: [
                            .exists, .notExists, .textEquals(random.text()), .textNotEquals("x"), .textMatches("a.*"),
                            .textNotMatches(TextPattern(random.text())),
                        ]))
                }
            })
    }
}
