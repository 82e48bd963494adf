import Messages
import Model

extension SupervisorStart {
    static func sample(_ random: inout Random) -> SupervisorStart {
        var start = SupervisorStart(
            runID: random.number(), program: random.text(), arguments: random.list(upTo: 4) { $0.text() },
            environment: random.list(upTo: 4) { "\($0.name())=\($0.text())" }, directory: random.text(),
            outputPath: random.text(), errorPath: random.text(), user: random.maybe { .sample(&$0) },
            mark: random.text())
        start.cgroups = random.list(upTo: 4) { $0.name() }
        start.tracking = random.maybe { $0.name() }
        start.limits = random.list(upTo: 3) {
            Limit(resource: $0.index(), soft: $0.number(), hard: $0.flag() ? .max : $0.number())
        }
        start.namespaces = random.index()
        start.mounts = random.list(upTo: 3) {
            Mount(source: $0.text(), target: $0.text(), type: $0.text(), flags: $0.number(), data: $0.text())
        }
        // To keep none is another thing than to keep what the supervisor has.
        start.capabilities = random.maybe { $0.flag() ? 0 : $0.number() }
        start.hasNoNewPrivileges = random.flag()
        start.isFiltered = random.flag()
        return start
    }
}

extension SupervisorStart.User {
    static func sample(_ random: inout Random) -> Self {
        .init(uid: random.flag() ? 0 : random.index(), gid: random.index(), groups: random.list(upTo: 4) { $0.index() })
    }
}

extension SupervisorCommand: Sample {
    static func sample(_ random: inout Random) -> SupervisorCommand {
        switch random.below(6) {
        case 0: .start(.sample(&random))
        case 1: .signal(random.number(), Int32(random.below(65)), everything: random.flag())
        case 2: .destroy(random.number())
        case 3: .forget(random.number())
        case 4: .finish
        default:
            .probe(
                SupervisorProbe(
                    id: random.number(), start: .sample(&random), timeout: random.flag() ? .zero : random.duration()))
        }
    }
}

extension SupervisorFailure.Stage {
    static func sample(_ random: inout Random) -> Self { Self(rawValue: UInt32(random.below(14)))! }
}

extension SupervisorRun {
    static func sample(_ random: inout Random) -> SupervisorRun {
        SupervisorRun(runID: random.number(), pid: Int32(random.below(1 << 22)))
    }
}

extension SupervisorExit {
    static func sample(_ random: inout Random) -> SupervisorExit {
        SupervisorExit(
            runID: random.number(), status: Int32(random.below(1 << 16)), isDestroyed: random.flag(),
            isLost: random.flag())
    }
}

extension SupervisorFailure {
    static func sample(_ random: inout Random) -> SupervisorFailure {
        SupervisorFailure(runID: random.number(), stage: .sample(&random), error: Int32(random.below(134)))
    }
}

extension SupervisorEvent: Sample {
    static func sample(_ random: inout Random) -> SupervisorEvent {
        switch random.below(6) {
        case 0:
            .snapshot(
                SupervisorSnapshot(
                    pid: Int32(random.below(1 << 22)), version: random.index(),
                    runs: random.list(upTo: 4) { .sample(&$0) }, exits: random.list(upTo: 4) { .sample(&$0) },
                    failures: random.list(upTo: 4) { .sample(&$0) }))
        case 1: .started(.sample(&random))
        case 2: .exited(.sample(&random))
        case 3: .failed(.sample(&random))
        case 4: .unknown(random.number())
        default:
            .probed(
                SupervisorProbed(
                    id: random.number(), status: Int32(random.below(1 << 16)), isTimedOut: random.flag(),
                    error: Int32(random.below(134)), stage: .sample(&random), output: random.bytes()))
        }
    }
}
