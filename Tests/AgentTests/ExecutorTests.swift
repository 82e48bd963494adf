import Model
import Testing

@testable import AgentCore

/// Custom executors.
struct ExecutorTests {
    /// A machine on which executor e runs task t.
    static func running(configure: (inout AgentSettings) -> Void = { _ in }) -> Machine {
        var machine = Machine.registered(configure: configure)
        machine.launch(.custom("t"))
        machine.started(1)
        machine.subscribe()
        machine.update("t", .running, uuid: 1)
        return machine
    }

    @Test("An executor is started with its token, and gets its task when it subscribes")
    func startsExecutor() {
        var machine = Machine.registered { $0.executorEndpoint = "127.0.0.1:4711" }
        machine.isSyncing = false
        #expect(machine.launch(.custom("t")).isEmpty)
        #expect(machine.disk.suffix(3).map(\.kind) == ["frameworkSeen", "executorAccepted", "taskAccepted"])
        let effects = machine.sync()
        machine.isSyncing = true
        let spec = effects.launched.first
        #expect(spec?.executorID == "e")
        #expect(spec?.taskID == nil)
        #expect(spec?.resources == "cpus:1.5;mem:96")
        #expect(spec?.environment["MESETA_AGENT_ENDPOINT"] == "127.0.0.1:4711")
        #expect(spec?.environment["MESOS_AGENT_ENDPOINT"] == "127.0.0.1:4711")
        #expect(spec?.environment["MESETA_EXECUTOR_ID"] == "e")
        #expect(spec?.environment["MESETA_FRAMEWORK_ID"] == "1-F0")
        #expect(spec?.environment["MESETA_EXECUTOR_TOKEN"]?.count == 32)
        #expect(spec?.sandbox == ["frameworks", "1-F0", "executors", "e.1"])
        #expect(effects.contains(.setTimer(.executorRegistration(1), at: machine.now + .seconds(60))))
        #expect(effects.books.map(\.position) == [1, 2])
        machine.started(1)
        let events = machine.subscribe()
        #expect(events.contains(.cancelTimer(.executorRegistration(1))))
        guard case .subscribed(let info, let framework, "1-A0", "host-1")? = events.toExecutor.first else {
            Issue.record("no SUBSCRIBED in \(events.toExecutor)")
            return
        }
        #expect(info.executorID == "e" && framework.name == "plain")
        #expect(events.toExecutor.dropFirst().map(\.launchedTasks) == [["t"]])
        #expect(machine.agent.checkInvariants() == [])
    }

    @Test("Who does not show the token is refused")
    func token() {
        var machine = Machine.registered()
        machine.launch(.custom("t"))
        var hello = Hello(role: .executor, name: "e")
        hello.frameworkID = Machine.framework
        hello.executorID = "e"
        #expect(machine.handle(.executorConnected(PeerID(5), hello)).refusals == [.credentials])
        hello.subscription = Subscription(epoch: .none, counter: 0, token: [1, 2, 3])
        #expect(machine.handle(.executorConnected(PeerID(5), hello)).refusals == [.credentials])
        hello.executorID = "f"
        #expect(machine.handle(.executorConnected(PeerID(5), hello)).refusals == [.unknownPeer])
        #expect(machine.call(.heartbeat, over: PeerID(5)).isEmpty)
    }

    @Test("An executor that comes back before its agent has recovered is told to try again")
    func whileRecovering() {
        var machine = Machine.registered()
        machine.launch(.custom("t"))
        var hello = Hello(role: .executor, name: "e")
        hello.frameworkID = Machine.framework
        hello.executorID = "e"
        let fresh = AgentState(settings: machine.settings, codec: codec, random: SeededGenerator(seed: 1))
        // It knows nobody yet, so a wrong token and an unknown executor would be told the same.
        #expect(fresh.refusal(of: hello)?.code == .unknown)
        #expect(machine.agent.refusal(of: hello)?.code == .credentials)
    }

    @Test("A second task goes to the same executor, whose resources count once")
    func reuse() {
        var machine = Self.running()
        let effects = machine.launch(.custom("u"))
        #expect(effects.launched.isEmpty)
        #expect(effects.doings.first == .update(1, "cpus:2.5;mem:128"))
        #expect(effects.toExecutor.map(\.launchedTasks) == [["u"]])
        #expect(machine.agent.used == "cpus:2.5;mem:128")
    }

    @Test("The container grows before a task is delivered, and shrinks before its end is told")
    func limits() {
        var machine = Self.running()
        let launch = machine.launch(.custom("u"))
        #expect(launch.doings.map(\.name) == ["update", "sendToExecutor"])
        machine.isSyncing = false
        #expect(machine.update("u", .finished, uuid: 2) == [.update(1, "cpus:1.5;mem:96")])
        #expect(machine.sync().sentStates == [.finished])
    }

    @Test("An update is acknowledged to the executor when it is on disk")
    func acknowledgesAfterLogging() {
        var machine = Self.running()
        machine.isSyncing = false
        #expect(machine.update("t", .running, uuid: 2).isEmpty)
        let effects = machine.sync()
        #expect(effects.toExecutor == [.acknowledged("t", uuid: Bytes(repeating: 2, count: 16))])
        #expect(machine.last("t")?.source == .executor)
        #expect(machine.last("t")?.executorID == "e")
        #expect(machine.last("t")?.agentID == "1-A0")
        #expect(machine.last("t")?.sequence == 2)
        #expect(machine.last("t")?.timestamp == 5)
    }

    @Test("An update that comes twice is one status, acknowledged twice")
    func duplicateUpdate() {
        var machine = Self.running()
        let again = machine.update("t", .running, uuid: 1)
        #expect(again == [.sendToExecutor(PeerID(9), .acknowledged("t", uuid: Bytes(repeating: 1, count: 16)))])
        machine.acknowledge("t")
        #expect(machine.update("t", .running, uuid: 1) == again)
        #expect(machine.statuses(of: "t").count == 1)
        machine.isSyncing = false
        machine.update("t", .running, uuid: 2)
        #expect(machine.update("t", .running, uuid: 2).isEmpty)
        #expect(machine.sync().toExecutor.count == 1)
    }

    @Test("Nothing follows a terminal state, and nothing is known of strangers' tasks")
    func invalidUpdates() {
        var machine = Self.running()
        machine.update("t", .finished, uuid: 2)
        #expect(machine.update("t", .running, uuid: 3).toExecutor.count == 1)
        #expect(machine.update("nobody", .running, uuid: 4).toExecutor.count == 1)
        #expect(machine.statuses(of: "t").map(\.state) == [.running, .finished])
        machine.launch(.custom("u"))
        machine.update("u", .staging, uuid: 5)
        #expect(machine.statuses(of: "u").isEmpty)
        let drops = machine.facts.compactMap { if case .updateDropped(_, let reason) = $0 { reason } else { nil } }
        #expect(
            drops == [
                "the task is TASK_FINISHED already", "the executor has no such task",
                "TASK_STAGING is not for executors to say",
            ])
    }

    @Test("Whoever asks for a task's output is shown its own run, its executor's, or the latest there was")
    func sandboxes() {
        var machine = Self.running()
        machine.launch(.command("c"))
        let executor = ["frameworks", "1-F0", "executors", "e.1"]
        let runs = { kind, name in SandboxRuns(parent: ["frameworks", "1-F0", kind], name: name) }
        let command = machine.agent.sandbox(of: Machine.framework, named: "c")
        #expect(command.candidates.first == ["frameworks", "1-F0", "tasks", "c.2"])
        #expect(command.isRunning)
        #expect(machine.agent.sandbox(of: Machine.framework, named: "t").candidates.first == executor)
        #expect(machine.agent.sandbox(of: Machine.framework, named: "e").candidates == [executor])
        machine.exited(2)
        #expect(!machine.agent.sandbox(of: Machine.framework, named: "c").isRunning)
        let stranger = machine.agent.sandbox(of: Machine.framework, named: "x")
        #expect(stranger.candidates == [] && stranger.runs == [runs("tasks", "x"), runs("executors", "x")])
        #expect(runs("tasks", "x").directory(of: 7) == ["frameworks", "1-F0", "tasks", "x.7"])
        #expect(!stranger.isRunning)
    }

    @Test("A call before SUBSCRIBE, or one that names another executor, is answered; the connection stays")
    func strangeCalls() {
        var machine = Machine.registered()
        machine.launch(.custom("t"))
        machine.handle(.executorConnected(PeerID(9), machine.hello()))
        #expect(machine.call(.message([1])).toExecutor == [.error("Subscribe first.")])
        #expect(machine.call(.heartbeat, by: "f").toExecutor == [.error("The call names another executor.")])
        machine.subscribe(over: PeerID(8))
        #expect(
            machine.call(.unsupported("FLY"), over: PeerID(8)).toExecutor
                == [.error("A call of type FLY is not known here.")])
    }

    @Test("A kill is the executor's to carry out")
    func killIsForwarded() {
        var machine = Self.running()
        #expect(machine.kill("t", grace: .seconds(9)) == [.sendToExecutor(PeerID(9), .kill("t", grace: .seconds(9)))])
        machine.update("t", .killed, uuid: 2)
        #expect(machine.last("t")?.state == .killed)
        #expect(machine.last("t")?.source == .executor)
    }

    @Test("A task killed before its executor subscribed is never delivered; the executor that has no other ends")
    func killWhileQueued() {
        var machine = Machine.registered()
        machine.launch(.custom("t"))
        machine.started(1)
        let effects = machine.kill("t")
        #expect(machine.last("t")?.state == .killed)
        #expect(machine.last("t")?.source == .agent)
        #expect(machine.last("t")?.reason == .taskKilledDuringLaunch)
        #expect(effects.contains(.destroy(1)))
        #expect(machine.agent.checkInvariants() == [])
    }

    @Test("A group is delivered at once, and with one of its tasks killed before that, all go")
    func groups() {
        var machine = Machine.registered()
        machine.launch(.custom("a", nil), .custom("b", nil), group: .sample)
        machine.started(1)
        #expect(machine.subscribe().toExecutor.map(\.launchedTasks) == [[], ["a", "b"]])
        #expect(machine.launch(.custom("c", nil), .custom("d", nil), group: .sample).toExecutor.count == 1)
        machine.handle(.executorDisconnected(PeerID(9)))
        machine.launch(.custom("x", nil), .custom("y", nil), group: .sample)
        machine.kill("x")
        #expect(machine.last("x")?.state == .killed)
        #expect(machine.last("y")?.state == .killed)
        #expect(machine.last("a") == nil)
        #expect(machine.agent.checkInvariants() == [])
    }

    @Test("Of a group that does not fit nothing runs")
    func groupMisfit() {
        var machine = Machine.registered()
        let effects = machine.launch(
            .custom("a", nil, "cpus:4"), .custom("b", nil, "cpus:4"), framework: .modern, group: .sample)
        #expect(effects.launched.isEmpty)
        #expect(machine.last("a")?.state == .dropped)
        #expect(machine.last("b")?.reason == .resourcesUnknown)
        #expect(machine.agent.executors.isEmpty)
    }

    @Test("The same executor id with another ExecutorInfo is an error")
    func incompatible() {
        var machine = Self.running()
        var other = ExecutorInfo.sample
        other.command = CommandInfo(shell: "./other")
        machine.launch(.custom("u", other))
        #expect(machine.last("u")?.state == .error)
        #expect(machine.last("u")?.reason == .taskInvalid)
        #expect(machine.last("u")?.message?.contains("not compatible with existing ExecutorInfo") == true)
        #expect(machine.agent.executors.count == 1)
    }

    @Test("An executor that does not subscribe in time is destroyed, and its tasks fail")
    func registrationTimeout() {
        var machine = Machine.registered()
        machine.launch(.custom("t"))
        machine.started(1)
        let effects = machine.fire(.executorRegistration(1), after: .seconds(60))
        #expect(effects == [.cancelTimer(.executorRegistration(1)), .destroy(1)])
        machine.exited(1, .init(status: 9))
        #expect(machine.last("t")?.state == .failed)
        #expect(machine.last("t")?.reason == .executorRegistrationTimeout)
    }

    @Test("An executor that has just connected when its time is over has another 2 s to subscribe, but only once")
    func atTheDoor() throws {
        for subscribes in [true, false] {
            var machine = Machine.registered()
            machine.launch(.custom("t"))
            machine.started(1)
            machine.handle(.executorConnected(PeerID(9), machine.hello()))
            let again = machine.fire(.executorRegistration(1), after: .seconds(60))
            #expect(again == [.setTimer(.executorRegistration(1), at: machine.now + .seconds(2))])
            if subscribes {
                #expect(machine.subscribe(over: PeerID(9)).contains(.cancelTimer(.executorRegistration(1))))
            } else {
                #expect(machine.fire(.executorRegistration(1), after: .seconds(2)).contains(.destroy(1)))
            }
        }
    }

    @Test("When an executor exits its live tasks fail, and the books say how it ended")
    func exits() {
        var machine = Self.running()
        machine.launch(.custom("u"))
        machine.update("u", .finished, uuid: 2)
        let effects = machine.exited(1, .init(status: 7 << 8))
        #expect(machine.last("t")?.state == .failed)
        #expect(machine.last("t")?.reason == .executorTerminated)
        #expect(machine.last("t")?.source == .agent)
        #expect(machine.last("t")?.message == "Executor exited with status 7")
        #expect(machine.last("u")?.state == .finished)
        #expect(
            effects.books.last?.change
                == .executorExited(
                    ExecutorKey(Machine.framework, "e"), status: 7 << 8, message: "Executor exited with status 7"))
        #expect(effects.contains(.close(PeerID(9), nil)))
        #expect(effects.contains(.forget(1)))
        #expect(machine.agent.used.isEmpty)
        #expect(machine.agent.checkInvariants() == [])
        #expect(machine.launch(.custom("v")).launched.map(\.runID) == [2])
    }

    @Test("An executor out of memory says so in its tasks")
    func outOfMemory() {
        var machine = Self.running()
        machine.exited(
            1,
            .init(
                status: 9, cause: .memoryLimit, message: "Memory limit of 96 MB exceeded", limitation: "mem:96"))
        #expect(machine.last("t")?.reason == .memoryLimit && machine.last("t")?.limitation == "mem:96")
    }

    @Test("A shutdown gives the executor its grace period, then destroys it")
    func shutdown() {
        var machine = Self.running()
        let key = ExecutorKey(Machine.framework, "e")
        let effects = machine.order(.shutdownExecutor(key))
        #expect(
            effects == [
                .sendToExecutor(PeerID(9), .shutdown), .setTimer(.executorShutdown(1), at: machine.now + .seconds(5)),
            ])
        #expect(machine.order(.shutdownExecutor(key)).isEmpty)
        machine.launch(.custom("u"))
        #expect(machine.last("u")?.reason == .executorTerminated)
        #expect(machine.update("t", .killed, uuid: 2).toExecutor.count == 1)
        #expect(machine.fire(.executorShutdown(1), after: .seconds(5)) == [.destroy(1)])
        machine.exited(1, .init(status: 9))
        #expect(machine.statuses(of: "t").map(\.state) == [.running, .killed])
        #expect(machine.agent.checkInvariants() == [])
    }

    @Test("An executor whose connection breaks may subscribe again; what it missed is sent again")
    func reconnects() {
        var machine = Self.running()
        #expect(
            machine.handle(.executorDisconnected(PeerID(9)))
                == [.setTimer(.executorRegistration(1), at: machine.now + .seconds(60))])
        machine.launch(.custom("u"))
        #expect(machine.kill("t").isEmpty)
        let effects = machine.subscribe(
            over: PeerID(10), updates: [Machine.status("t", .running, uuid: 1), Machine.status("t", .killed, uuid: 2)])
        #expect(
            effects.toExecutor.dropFirst() == [
                .kill("t", grace: nil), .acknowledged("t", uuid: Bytes(repeating: 1, count: 16)),
                .launch(codec.task(codec.encode(.custom("u")))!),
                .acknowledged("t", uuid: Bytes(repeating: 2, count: 16)),
            ])
        #expect(machine.statuses(of: "t").map(\.state) == [.running, .killed])
    }

    @Test("A second subscription closes the first connection")
    func secondSubscription() {
        var machine = Self.running()
        #expect(machine.subscribe(over: PeerID(10)).refusals == [.stale])
        #expect(machine.handle(.executorDisconnected(PeerID(9))).isEmpty)
        #expect(machine.call(.message([1]), over: PeerID(10)).toRelay.count == 1)
    }

    @Test("A task that was on its way when the connection broke is delivered again")
    func lostDelivery() {
        var machine = Self.running()
        machine.launch(.custom("u"))
        machine.launch(.custom("v"))
        machine.handle(.executorDisconnected(PeerID(9)))
        let effects = machine.subscribe(over: PeerID(10), tasks: ["u"])
        #expect(effects.toExecutor.dropFirst().map(\.launchedTasks) == [["v"]])
    }
}

extension ExecutorEvent {
    var launchedTasks: [TaskID] {
        switch self {
        case .launch(let task): [task.taskID]
        case .launchGroup(let tasks): tasks.map(\.taskID)
        default: []
        }
    }
}

extension AgentState.Effect {
    /// The name of the case.
    var name: String { Mirror(reflecting: self).children.first?.label ?? "\(self)" }
}

extension [AgentState.Effect] {
    var refusals: [Refusal.Code] {
        self.compactMap { if case .close(_, let refusal) = $0 { refusal?.code } else { nil } }
    }
}
