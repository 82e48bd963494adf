import Model
import Testing

@testable import AgentCore

/// What an operator wants of an agent: kept, told, and done.
struct ModeTests {
    @Test("What the operator wants is on disk before it is told, under a new attachment, and outlives the agent")
    func kept() {
        for mode in [AgentMode.deactivated, .draining(.init(bound: .seconds(60)))] {
            var machine = Machine.registered()
            machine.isSyncing = false
            #expect(machine.order(.setMode(mode)).registration == nil)
            let registration = machine.sync().registration
            #expect(registration?.mode.isSame(as: mode) == true)
            #expect(registration?.attachment == Attachment(starts: 1, connects: 2))
            machine.restart()
            machine.sync()
            #expect(machine.attach().registration?.mode == registration?.mode)
            machine.disk = machine.agent.snapshotRecords()
            machine.restart()
            machine.sync()
            #expect(machine.attach().registration?.mode == registration?.mode)
            machine.order(.setMode(.active))
            machine.sync()
            machine.restart()
            #expect(machine.agent.mode == .active)
        }
    }

    @Test("A log of a version that knew no drains says whether the agent is deactivated")
    func olderLog() {
        var machine = Machine()
        machine.disk = [.started(starts: 1, boot: "boot-1"), .deactivated(true)]
        machine.boot()
        #expect(machine.agent.mode == .deactivated)
        machine.disk += [.deactivated(false)]
        machine.restart()
        #expect(machine.agent.mode == .active)
    }

    @Test("A deactivated agent runs what it runs, and what was ordered before it was")
    func deactivated() {
        var machine = Machine.registered()
        machine.launch(.command("t1"))
        machine.started(1)
        #expect(machine.order(.setMode(.deactivated)).registration?.mode == .deactivated)
        #expect(machine.launch(.command("t2")).launched.count == 1)
        machine.exited(1)
        #expect(machine.last("t1")?.state == .finished)
    }

    @Test("An agent that drains kills its tasks, each with its own time, says why, and takes no more")
    func drains() {
        var machine = Machine.registered()
        var patient = TaskInfo.command("t2")
        patient.killGracePeriod = .seconds(40)
        machine.launch(.command("t1"), patient, framework: .modern)
        machine.started(1)
        machine.started(2)
        let effects = machine.order(.setMode(.draining(.init(bound: nil))))
        #expect(effects.registration?.mode.drain?.since == Machine.start)
        #expect(effects.contains(.signal(1, 15)))
        #expect(effects.contains(.setTimer(.kill(1), at: machine.now + .seconds(3))))
        #expect(effects.contains(.setTimer(.kill(2), at: machine.now + .seconds(40))))
        #expect(machine.last("t1")?.state == .killing)
        #expect(machine.last("t1")?.reason == .agentDraining)
        machine.exited(1, .init(status: 15))
        #expect(machine.last("t1")?.state == .killed)
        #expect(machine.last("t1")?.reason == .agentDraining)
        #expect(machine.last("t1")?.message == "The agent is being drained. Command terminated with signal SIGTERM")
        #expect(machine.launch(.command("t3"), framework: .modern).launched.isEmpty)
        #expect(machine.last("t3")?.state == .dropped)
        #expect(machine.last("t3")?.reason == .agentDraining)
        // One that ends by itself meanwhile has ended by itself.
        machine.exited(2)
        #expect(machine.last("t2")?.state == .killed)
        #expect(machine.agent.used.isEmpty)
        #expect(machine.order(.setMode(.active)).registration?.mode == .active)
        #expect(machine.launch(.command("t4"), framework: .modern).launched.count == 1)
        #expect(machine.agent.checkInvariants() == [])
    }

    @Test(
        "The bound of a drain cuts the time of tasks and executors, counts from its beginning over restarts, and can be shortened"
    )
    func bound() {
        var machine = Machine.registered()
        var patient = TaskInfo.command("t")
        patient.killGracePeriod = .seconds(3600)
        machine.launch(patient)
        machine.started(1)
        let begun = machine.now
        #expect(
            machine.order(.setMode(.draining(.init(bound: .seconds(600))))).contains(
                .setTimer(.kill(1), at: begun + .seconds(600))))
        machine.now = begun + .seconds(400)
        let again = machine.restart(runs: [RecoveredRun(runID: 1, .running(pid: 1))])
        #expect(again.contains(.setTimer(.kill(1), at: begun + .seconds(600))))
        machine.attach()
        let shorter = machine.order(.setMode(.draining(.init(bound: .seconds(10)))))
        #expect(shorter.contains(.setTimer(.kill(1), at: machine.now + .seconds(10))))
        #expect(machine.fire(.kill(1), after: .seconds(10)).contains(.destroy(1)))
        machine.exited(1, .init(status: 9))
        #expect(machine.last("t")?.reason == .agentDraining)
    }

    @Test(
        "An executor that drains is asked for its tasks, shut down when the last has ended, and destroyed when it defies"
    )
    func executors() {
        var machine = Machine.registered()
        var info = ExecutorInfo.sample
        info.shutdownGracePeriod = .seconds(3600)
        machine.launch(.custom("t1", info), .custom("t2", info))
        machine.started(1)
        machine.subscribe()
        machine.update("t1", .running, uuid: 1)
        let begun = machine.now
        let effects = machine.order(.setMode(.draining(.init(bound: .seconds(20)))))
        #expect(effects.toExecutor == [.kill("t1", grace: .seconds(3)), .kill("t2", grace: .seconds(3))])
        let first = machine.update("t1", .killed, uuid: 2)
        #expect(machine.last("t1")?.reason == .agentDraining)
        #expect(!first.toExecutor.contains(.shutdown))
        let second = machine.update("t2", .killed, uuid: 3)
        #expect(second.toExecutor.contains(.shutdown))
        #expect(second.contains(.setTimer(.executorShutdown(1), at: begun + .seconds(20))))
        #expect(machine.fire(.executorShutdown(1), after: .seconds(20)).contains(.destroy(1)))
        machine.exited(1, .init(status: 9))
        #expect(machine.agent.executorRuns.isEmpty)
        #expect(machine.agent.checkInvariants() == [])
    }

    @Test("A task whose executor does not end it goes with the executor when the drain is over")
    func defiant() {
        var machine = Machine.registered()
        machine.launch(.custom("t"))
        machine.started(1)
        machine.subscribe()
        let begun = machine.now
        #expect(
            machine.order(.setMode(.draining(.init(bound: .seconds(1))))).contains(
                .setTimer(.kill(1), at: begun + .seconds(1))))
        let effects = machine.fire(.kill(1), after: .seconds(1))
        #expect(effects.toExecutor == [.shutdown])
        #expect(effects.contains(.setTimer(.executorShutdown(1), at: begun + .seconds(1))))
        #expect(machine.fire(.executorShutdown(1)).contains(.destroy(1)))
        machine.exited(1, .init(status: 9))
        #expect(machine.last("t")?.state == .killed)
        #expect(machine.last("t")?.reason == .agentDraining)
    }

    @Test("What has not started when the drain begins never does; an executor without tasks is shut down")
    func notStarted() {
        var machine = Machine.registered()
        machine.launch(.custom("t1"))
        machine.started(1)
        machine.subscribe()
        machine.update("t1", .finished, uuid: 1)
        var other = ExecutorInfo.sample
        other.executorID = "e2"
        machine.launch(.custom("t2", other))
        machine.isSyncing = false
        machine.launch(.command("t3"))
        machine.order(.setMode(.draining(.init(bound: nil))))
        let effects = machine.sync()
        #expect(effects.toExecutor == [.shutdown])
        #expect(effects.contains(.destroy(2)))
        #expect(machine.last("t2")?.state == .killed)
        #expect(machine.last("t2")?.reason == .agentDraining)
        #expect(machine.agent.checkInvariants() == [])
    }

    @Test("A drain goes on when the agent starts again, also with what it had not got to")
    func restart() {
        var machine = Machine.registered()
        machine.launch(.command("t1"), .custom("t2"))
        machine.started(1)
        machine.started(2)
        machine.subscribe()
        machine.update("t2", .running, uuid: 1)
        machine.order(.setMode(.draining(.init(bound: nil))))
        // The crash comes right after the wish is on disk.
        let index = machine.disk.firstIndex { if case .mode = $0 { true } else { false } }!
        let runs = [RecoveredRun(runID: 1, .running(pid: 1)), RecoveredRun(runID: 2, .running(pid: 2))]
        let effects = machine.restart(runs: runs, keeping: index + 1)
        #expect(effects.contains(.signal(1, 15)))
        #expect(machine.subscribe(over: PeerID(12)).toExecutor.contains(.kill("t2", grace: .seconds(3))))
        machine.exited(1, .init(status: 15))
        #expect(machine.last("t1")?.reason == .agentDraining)
        #expect(machine.agent.checkInvariants() == [])
    }
}
