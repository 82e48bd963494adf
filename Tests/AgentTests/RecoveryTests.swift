import Model
import Testing

@testable import AgentCore

/// What a new life of the agent makes of the log and of what still runs.
struct RecoveryTests {
    @Test("A running task runs on, and its unacknowledged statuses are sent again")
    func runsOn() {
        var machine = Machine.registered()
        machine.launch(.command("t"))
        let first = machine.started(1).envelopes
        let found = machine.restart(runs: [RecoveredRun(runID: 1, .running(pid: 100))])
        // Its limits and its sandbox are told to those who watch it.
        #expect(found.adopted.map(\.runID) == [1] && found.adopted.map(\.taskID) == ["t"])
        let effects = machine.attach()
        #expect(effects.registration?.tasks.map(\.state) == [.running])
        #expect(effects.envelopes == first)
        #expect(machine.exited(1).sentStates == [.finished])
        #expect(machine.last("t")?.sequence == 2)
        #expect(machine.agent.checkInvariants() == [])
    }

    @Test("A task that ended meanwhile is told as its supervisor's journal has it")
    func endedMeanwhile() {
        var machine = Machine.registered()
        machine.launch(.command("t"))
        machine.started(1)
        let effects = machine.restart(runs: [RecoveredRun(runID: 1, .exited(.init(status: 3 << 8)))])
        #expect(effects.contains(.forget(1)))
        #expect(machine.last("t")?.message == "Command exited with status 3")
        #expect(machine.attach().sentStates == [.running, .failed])
    }

    @Test("A task that no journal has was never started: it is launched now")
    func launchesNow() {
        var machine = Machine.registered()
        machine.launch(.command("t"))
        let effects = machine.restart()
        #expect(effects.launched.map(\.runID) == [1])
        #expect(machine.started(1).isEmpty)
        #expect(machine.last("t")?.state == .running)
    }

    @Test("After a boot what ran has failed, and nothing of before is launched")
    func afterBoot() {
        var machine = Machine.registered()
        machine.launch(.command("a"))
        machine.launch(.command("b"))
        machine.launch(.custom("c"))
        machine.started(1)
        let effects = machine.restart(boot: "boot-2")
        #expect(effects.launched.isEmpty)
        for task in ["a", "b", "c"] as [TaskID] {
            #expect(machine.last(task)?.state == .failed)
            #expect(machine.last(task)?.reason == .agentRestarted)
        }
        #expect(machine.agent.used.isEmpty)
        #expect(machine.agent.checkInvariants() == [])
    }

    @Test("A boot is compared with until its consequences are on disk")
    func tornRecovery() {
        var machine = Machine.registered()
        machine.launch(.command("a"))
        machine.isSyncing = false
        machine.restart(boot: "boot-2")
        machine.isSyncing = true
        #expect(machine.restart(boot: "boot-2").launched.isEmpty)
        #expect(machine.last("a")?.state == .failed)
    }

    @Test("A task that showed signs of life and left no journal has failed with its supervisor")
    func journalLost() {
        var machine = Machine.registered()
        machine.launch(.command("t"))
        machine.started(1)
        #expect(machine.restart().launched.isEmpty)
        #expect(machine.last("t")?.state == .failed)
        #expect(machine.last("t")?.reason == .executorTerminated)
    }

    @Test("A kill goes on in the next life, and the task ends KILLED")
    func killGoesOn() {
        var machine = Machine.registered()
        machine.launch(.command("t"))
        machine.started(1)
        machine.kill("t", grace: .seconds(4))
        let effects = machine.restart(runs: [RecoveredRun(runID: 1, .running(pid: 100))])
        #expect(effects.contains(.signal(1, 15)))
        #expect(effects.contains(.setTimer(.kill(1), at: machine.now + .seconds(4))))
        machine.exited(1, .init(status: 15))
        #expect(machine.last("t")?.state == .killed)
    }

    @Test("A time bound counts from RUNNING, not from the restart")
    func completionGoesOn() {
        var machine = Machine.registered()
        var info = TaskInfo.command("t")
        info.maxCompletionTime = .seconds(60)
        machine.launch(info)
        let started = machine.now
        machine.started(1)
        machine.now = machine.now + .seconds(20)
        let effects = machine.restart(runs: [RecoveredRun(runID: 1, .running(pid: 100))])
        #expect(effects.contains(.setTimer(.completion(1), at: started + .seconds(60))))
    }

    @Test("An executor subscribes again within 2 s, and its tasks never left RUNNING")
    func executorReturns() {
        var machine = ExecutorTests.running()
        machine.launch(.custom("u"))
        let effects = machine.restart(runs: [RecoveredRun(runID: 1, .running(pid: 100))])
        #expect(effects.contains(.setTimer(.executorRegistration(1), at: machine.now + .seconds(2))))
        machine.attach()
        let events = machine.subscribe(
            tasks: ["u"],
            updates: [Machine.status("t", .running, uuid: 1), Machine.status("u", .running, uuid: 2)])
        #expect(events.sentStates == [.running])
        #expect(events.toExecutor.flatMap(\.launchedTasks) == [])
        #expect(machine.statuses(of: "t").count == 1)
        #expect(machine.agent.checkInvariants() == [])
    }

    @Test("A task that never reached its executor is delivered when that subscribes again")
    func deliversWhatWasQueued() {
        var machine = ExecutorTests.running()
        machine.launch(.custom("u"))
        machine.restart(runs: [RecoveredRun(runID: 1, .running(pid: 100))])
        #expect(machine.subscribe().toExecutor.flatMap(\.launchedTasks) == ["u"])
    }

    @Test("An executor that does not subscribe again is destroyed, its tasks lost")
    func executorStaysAway() {
        var machine = ExecutorTests.running()
        machine.restart(runs: [RecoveredRun(runID: 1, .running(pid: 100))])
        #expect(machine.fire(.executorRegistration(1), after: .seconds(2)).contains(.destroy(1)))
        machine.exited(1, .init(status: 9))
        #expect(machine.last("t")?.state == .lost)
        #expect(machine.last("t")?.reason == .executorReregistrationTimeout)
    }

    @Test("If the agent itself stood still meanwhile, an executor is given the time once more")
    func agentStoodStill() {
        var machine = ExecutorTests.running()
        machine.restart(runs: [RecoveredRun(runID: 1, .running(pid: 100))])
        #expect(!machine.fire(.executorRegistration(1), after: .seconds(9)).contains(.destroy(1)))
        #expect(machine.fire(.executorRegistration(1), after: .seconds(2)).contains(.destroy(1)))
    }

    @Test("An executor that exited meanwhile takes its tasks with it")
    func executorExitedMeanwhile() {
        var machine = ExecutorTests.running()
        machine.restart(runs: [RecoveredRun(runID: 1, .exited(.init(status: 11)))])
        #expect(machine.last("t")?.reason == .executorTerminated)
        #expect(machine.last("t")?.message == "Executor terminated with signal SIGSEGV")
    }

    @Test("A log that was compacted while a framework had nothing here still knows it at its next task")
    func compactedWhileIdle() {
        var machine = Machine.registered()
        machine.launch(.command("before"))
        machine.started(1)
        machine.exited(1)
        machine.acknowledge("before")
        machine.handle(.relay(Machine.relay, .bookConfirmed(machine.agent.attachment, machine.agent.position)))
        #expect(machine.agent.tasks.isEmpty)
        machine.disk = machine.agent.snapshotRecords()
        machine.launch(.custom("t"))
        machine.restart(runs: [RecoveredRun(runID: 2, .running(pid: 100))])
        machine.attach()
        #expect(machine.agent.frameworks[Machine.framework]?.info?.name == "plain")
        #expect(machine.subscribe().toExecutor.flatMap(\.launchedTasks) == ["t"])
    }

    @Test("The end of an executor is told until the master has confirmed it, under a new position each time")
    func exitIsRestated() {
        var machine = ExecutorTests.running()
        machine.handle(.relayDisconnected(Machine.relay))
        machine.exited(1)
        let position = machine.agent.position
        let effects = machine.attach(PeerID(2))
        #expect(effects.registration?.executors.count == 1)
        #expect(effects.books.map(\.position) == [position + 1])
        machine.restart()
        #expect(machine.attach().books.map(\.position) == [position + 2])
        machine.handle(.relay(Machine.relay, .bookConfirmed(machine.agent.attachment, position + 2)))
        machine.restart()
        #expect(machine.attach().registration?.executors.isEmpty == true)
        #expect(machine.agent.checkInvariants() == [])
    }

    @Test("A group of which the crash left a part on disk does not run")
    func tornGroup() {
        var machine = Machine.registered()
        machine.launch(.custom("a", nil), .custom("b", nil), framework: .modern, group: .sample)
        #expect(machine.disk.last?.kind == "taskAccepted")
        machine.restart(keeping: machine.disk.count - 1)
        #expect(machine.last("a")?.state == .dropped)
        #expect(machine.last("a")?.reason == .agentRestarted)
        #expect(machine.agent.executorRuns.isEmpty)
        machine.attach()
        #expect(
            machine.launch(.custom("a", nil), .custom("b", nil), framework: .modern, group: .sample).launched.isEmpty)
        #expect(machine.last("b")?.state == .dropped)
        #expect(machine.agent.checkInvariants() == [])
    }

    @Test("A refusal of which the crash left the half on disk is a refusal still")
    func tornRefusal() {
        var machine = Machine.registered()
        machine.launch(.command("t", "true", "cpus:100"))
        let effects = machine.restart(keeping: machine.disk.count - 1)
        #expect(effects.launched.isEmpty)
        #expect(machine.last("t")?.state == .lost)
        #expect(machine.agent.checkInvariants() == [])
    }

    @Test("Containers that no record explains are destroyed")
    func orphans() {
        var machine = Machine.registered()
        let effects = machine.restart(runs: [
            RecoveredRun(runID: 9, .running(pid: 5)), RecoveredRun(runID: 8, .exited(.init(status: 0))),
        ])
        #expect(effects.contains(.destroy(9)))
        #expect(effects.contains(.forget(8)))
        machine.attach()
        #expect(machine.launch(.command("t")).launched.map(\.runID) == [10])
    }

    @Test("A compacted log rebuilds the same agent")
    func snapshot() {
        var machine = ExecutorTests.running()
        machine.launch(.command("a"))
        machine.launch(.command("b"))
        machine.launch(.command("c"))
        machine.started(2)
        machine.acknowledge("a")
        machine.kill("a")
        machine.exited(3)
        machine.acknowledge("b")
        let records = machine.agent.snapshotRecords()
        var copy = AgentState(settings: machine.settings, codec: codec, random: SeededGenerator(seed: 1))
        for record in records { copy.replay(record) }
        #expect(copy.snapshotRecords() == records)
        #expect(copy.position == machine.agent.position)
    }
}
