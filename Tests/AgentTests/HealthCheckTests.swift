import Model
import Testing

@testable import AgentCore

/// Checks of command tasks: when somebody looks, and what follows from what is seen.
struct HealthCheckTests {
    private static let good = ProbeResult.exited(status: 0, output: "")
    private static let bad = ProbeResult.exited(status: 1 << 8, output: "no answer\n")

    /// A task that runs, looked at every 10 s after 15 s, killed after three failures.
    private static func watched(_ change: (inout TaskInfo) -> Void = { _ in }) -> Machine {
        var task = TaskInfo.command("t")
        task.healthCheck = HealthCheck(.command(CommandInfo(shell: "check")))
        change(&task)
        var machine = Machine.registered()
        machine.launch(task, framework: .modern)
        machine.started(1)
        return machine
    }

    @Test("A task is looked at after the delay, then an interval after each result, within the timeout")
    func times() {
        var task = TaskInfo.command("t")
        task.command?.environment = ["A": "1", "B": "1"]
        var command = CommandInfo(shell: "check")
        command.environment = ["B": "2"]
        task.healthCheck = HealthCheck(.command(command))
        var machine = Machine.registered()
        machine.launch(task)
        let start = machine.started(1)
        #expect(start.contains(.setTimer(.probe(1, .health), at: Machine.start + .seconds(15))))
        let looks = machine.fire(.probe(1, .health), after: .seconds(15)).probes
        #expect(looks.map(\.timeout) == [.seconds(20)])
        guard case .command(let spec) = looks[0].order else { return #expect(Bool(false)) }
        #expect(spec.command.value == "check")
        #expect(spec.runID == 1)
        #expect(spec.user == "nobody")
        #expect(spec.environment["A"] == "1")
        #expect(spec.environment["B"] == "2")
        #expect(spec.environment["MESETA_TASK_ID"] == "t")
        machine.now = machine.now + .seconds(3)
        #expect(
            machine.probed(1, Self.good).contains(
                .setTimer(.probe(1, .health), at: machine.now + .seconds(10))))
        #expect(machine.agent.checkInvariants() == [])
    }

    @Test("Each change of a task's health is told once, with the state that it has")
    func changes() {
        var machine = Self.watched()
        for result in [Self.good, Self.good, Self.bad, Self.bad, Self.good, Self.good] {
            machine.look(result, after: .seconds(20))
        }
        let statuses = machine.statuses(of: "t")
        #expect(statuses.map(\.state) == [.running, .running, .running, .running])
        #expect(statuses.map(\.healthy) == [nil, true, false, true])
        #expect(statuses.dropFirst().allSatisfy { $0.reason == .taskHealthCheckStatusUpdated })
        #expect(statuses[2].message == "The health check failed: the command exited with status 1: no answer.")
        #expect(statuses.allSatisfy { $0.uuid?.count == 16 })
        machine.exited(1)
        #expect(machine.last("t")?.state == .finished)
        #expect(machine.last("t")?.healthy == true)
    }

    @Test("Three failures in a row kill the task with its grace: KILLED, not healthy, and why")
    func kills() {
        var machine = Self.watched { $0.killGracePeriod = .seconds(7) }
        machine.look(Self.bad, after: .seconds(20))
        machine.look(.timedOut, after: .seconds(20))
        let effects = machine.look(Self.bad, after: .seconds(20))
        #expect(effects.contains(.signal(1, 15)))
        #expect(effects.contains(.setTimer(.kill(1), at: machine.now + .seconds(7))))
        #expect(effects.contains(.cancelTimer(.probe(1, .health))))
        #expect(machine.last("t")?.state == .killing)
        #expect(machine.last("t")?.healthy == false)
        #expect(machine.fire(.kill(1), after: .seconds(7)).contains(.destroy(1)))
        machine.exited(1, .init(status: 9))
        #expect(machine.last("t")?.state == .killed)
        #expect(machine.last("t")?.healthy == false)
        #expect(
            machine.last("t")?.message
                == "The health check failed 3 times in a row: the command exited with status 1: no answer. "
                + "Command terminated with signal SIGKILL")
    }

    @Test("A success between failures begins the count anew")
    func countsInARow() {
        var machine = Self.watched()
        for result in [Self.bad, Self.bad, Self.good, Self.bad, Self.bad] {
            #expect(!machine.look(result, after: .seconds(20)).contains(.signal(1, 15)))
        }
        #expect(machine.look(Self.bad, after: .seconds(20)).contains(.signal(1, 15)))
    }

    @Test("Failures within the grace period do not count until the first success, and are not told")
    func gracePeriod() {
        let eager: (inout TaskInfo) -> Void = {
            $0.healthCheck?.times.delay = .zero
            $0.healthCheck?.gracePeriod = .seconds(60)
            $0.healthCheck?.consecutiveFailures = 1
        }
        var machine = Self.watched(eager)
        for _ in 0..<5 { #expect(!machine.look(Self.bad, after: .seconds(10)).contains(.signal(1, 15))) }
        #expect(machine.statuses(of: "t").map(\.healthy) == [nil])
        #expect(machine.facts.contains { if case .healthCheckFailed = $0 { true } else { false } })
        #expect(machine.look(Self.bad, after: .seconds(11)).contains(.signal(1, 15)))

        var other = Self.watched(eager)
        other.look(Self.good, after: .seconds(10))
        #expect(other.look(Self.bad, after: .seconds(10)).contains(.signal(1, 15)))
    }

    @Test(
        "By HTTP a task is well that answers 200 to 399; by TCP one that connects",
        arguments: [
            (Probe.http(.init(port: 80, path: "/health")), ProbeResult.answered(200), true),
            (.http(.init(port: 80)), .answered(302), true), (.http(.init(port: 80)), .answered(399), true),
            (.http(.init(port: 80)), .answered(404), false), (.http(.init(port: 80)), .answered(199), false),
            (.http(.init(port: 80)), .failed("refused"), false), (.tcp(port: 80), .connected, true),
            (.tcp(port: 80), .failed("refused"), false), (.tcp(port: 80), .timedOut, false),
        ])
    func network(probe: Probe, result: ProbeResult, healthy: Bool) {
        var machine = Self.watched { $0.healthCheck?.probe = probe }
        let look = machine.fire(.probe(1, .health), after: .seconds(15)).probes[0].order
        switch (probe, look) {
        case (.http(let wanted), .http(let http)): #expect(wanted == http)
        case (.tcp, .tcp(80, false)): break
        default: #expect(Bool(false), "\(look)")
        }
        machine.probed(1, result)
        #expect(machine.last("t")?.healthy == healthy)
    }

    @Test("What could not be looked at says nothing of the task, and is looked at again")
    func skipped() {
        var machine = Self.watched()
        for _ in 0..<5 {
            let effects = machine.look(.skipped("no supervisor"), after: .seconds(20))
            #expect(effects.contains(.setTimer(.probe(1, .health), at: machine.now + .seconds(10))))
        }
        #expect(machine.statuses(of: "t").map(\.healthy) == [nil])
    }

    @Test("Nobody looks at a task that is being killed, and a result that comes late is nobody's")
    func pausesWhileKilling() {
        var machine = Self.watched()
        machine.fire(.probe(1, .health), after: .seconds(20))
        #expect(machine.kill("t").contains(.cancelTimer(.probe(1, .health))))
        let count = machine.statuses(of: "t").count
        #expect(machine.probed(1, Self.bad).isEmpty)
        #expect(machine.fire(.probe(1, .health)).isEmpty)
        #expect(machine.statuses(of: "t").count == count)
        machine.exited(1, .init(status: 15))
        #expect(machine.last("t")?.state == .killed)
        #expect(machine.last("t")?.healthy == nil)
        #expect(machine.probed(1, Self.bad).isEmpty)
    }

    @Test("A result is that of the look it answers, not of one before")
    func lateResult() {
        var machine = Self.watched()
        machine.look(Self.good, after: .seconds(20))
        machine.fire(.probe(1, .health), after: .seconds(20))
        #expect(machine.probed(1, Self.bad, attempt: 1).isEmpty)
        #expect(machine.last("t")?.healthy == true)
        machine.probed(1, Self.bad, attempt: 2)
        #expect(machine.last("t")?.healthy == false)
    }

    @Test("A check tells what it sees, whatever it is, and judges nothing")
    func check() {
        var machine = Self.watched {
            $0.healthCheck = nil
            $0.check = Check(.command(CommandInfo(shell: "count")))
        }
        #expect(machine.last("t")?.checkStatus == .command(exitCode: nil))
        for code: Int32 in [3, 3, 0, 7] {
            machine.look(.exited(status: code << 8, output: ""), .check, after: .seconds(20))
        }
        machine.look(.timedOut, .check, after: .seconds(20))
        let statuses = machine.statuses(of: "t")
        #expect(
            statuses.map(\.checkStatus)
                == [nil, 3, 0, 7, nil].map { .command(exitCode: $0) })
        #expect(statuses.dropFirst().allSatisfy { $0.reason == .taskCheckStatusUpdated && $0.state == .running })
        #expect(statuses.allSatisfy { $0.healthy == nil })
    }

    @Test("A check by TCP tells whether it connects, one by HTTP what is answered")
    func networkChecks() {
        var tcp = Self.watched { $0.check = Check(.tcp(port: 80)) }
        #expect(tcp.last("t")?.checkStatus == .tcp(succeeded: nil))
        tcp.look(.failed("refused"), .check, after: .seconds(20))
        tcp.look(.connected, .check, after: .seconds(20))
        #expect(
            tcp.statuses(of: "t").map(\.checkStatus)
                == [.tcp(succeeded: nil), .tcp(succeeded: false), .tcp(succeeded: true)])
        var http = Self.watched { $0.check = Check(.http(.init(port: 80))) }
        http.look(.answered(503), .check, after: .seconds(20))
        #expect(http.last("t")?.checkStatus == .http(status: 503))
        http.look(.failed("refused"), .check, after: .seconds(20))
        #expect(http.last("t")?.checkStatus == .http(status: nil))
    }

    @Test("After a restart of the agent checks go on, and know what was told")
    func restart() {
        var machine = Self.watched { $0.maxCompletionTime = .seconds(100) }
        machine.look(Self.good, after: .seconds(20))
        machine.acknowledge("t")
        machine.look(Self.bad, after: .seconds(20))
        machine.disk = machine.agent.snapshotRecords()
        let effects = machine.restart(runs: [RecoveredRun(runID: 1, .running(pid: 1))])
        #expect(effects.contains(.setTimer(.probe(1, .health), at: machine.now)))
        // Its time counts from the first RUNNING, however often that was told again.
        #expect(effects.contains(.setTimer(.completion(1), at: Machine.start + .seconds(100))))
        machine.attach()
        machine.look(Self.bad)
        #expect(machine.last("t")?.healthy == false)
        let count = machine.statuses(of: "t").count
        machine.look(Self.bad)
        #expect(machine.statuses(of: "t").count == count)
        #expect(machine.look(Self.bad).contains(.signal(1, 15)))
        #expect(machine.agent.checkInvariants() == [])
    }

    @Test("A task of an executor is the executor's to check, whose words are passed on")
    func executors() {
        var task = TaskInfo.custom("t")
        task.healthCheck = HealthCheck(.tcp(port: 80))
        task.check = Check(.tcp(port: 80))
        var machine = Machine.registered()
        machine.launch(task)
        machine.started(1)
        var effects = machine.subscribe()
        var status = Machine.status("t", .running, uuid: 1)
        status.healthy = true
        effects += machine.call(.update(status))
        #expect(!effects.contains { if case .setTimer(.probe, _) = $0 { true } else { false } })
        #expect(machine.last("t")?.healthy == true)
    }

    @Test("A check that cannot be done is none, should one come past the master")
    func unusable() {
        var machine = Self.watched { $0.healthCheck?.probe = .tcp(port: 0) }
        #expect(machine.last("t")?.state == .running)
        #expect(machine.fire(.probe(1, .health)).isEmpty)
    }
}

extension Machine {
    @discardableResult
    fileprivate mutating func probed(
        _ number: UInt64, _ result: ProbeResult, _ kind: ProbeID.Kind = .health, attempt: UInt32? = nil
    ) -> [AgentState.Effect] {
        let attempt = attempt ?? self.agent.tasks[number]?.probes[kind] ?? 0
        return self.handle(.probed(ProbeID(number: number, kind: kind, attempt: attempt), result))
    }

    /// The time to look comes, and this is seen.
    @discardableResult
    fileprivate mutating func look(
        _ result: ProbeResult, _ kind: ProbeID.Kind = .health, after duration: Duration = .zero
    ) -> [AgentState.Effect] {
        self.fire(.probe(1, kind), after: duration) + self.probed(1, result, kind)
    }
}

extension [AgentState.Effect] {
    fileprivate var probes: [(order: ProbeOrder, timeout: Duration)] {
        self.compactMap { if case .probe(_, let order, let timeout) = $0 { (order, timeout) } else { nil } }
    }
}
