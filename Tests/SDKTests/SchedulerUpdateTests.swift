import Model
import SDKCore
import Testing

@Suite("Status updates at a scheduler")
struct SchedulerUpdateTests {
    let relay = PeerID(10)
    let otherRelay = PeerID(11)

    /// Subscribed, connected to both relays, with task t launched.
    func connected(_ change: (inout SchedulerSettings) -> Void = { _ in }) -> SchedulerState {
        var scheduler = SchedulerState(settings(change))
        scheduler.subscribe(relays: [one, two])
        _ = scheduler.handle(.relayConnected("r1", self.relay), at: start)
        _ = scheduler.handle(.relayConnected("r2", self.otherRelay), at: start)
        _ = scheduler.call(.accept(launch(task("t"))))
        return scheduler
    }

    func acknowledge(_ status: TaskStatus) -> SchedulerCall {
        call(.acknowledge(status.agentID ?? "", status.taskID, uuid: status.uuid ?? []))
    }

    @Test("An update is acknowledged, to the relay it came from, once its callback has returned")
    func acknowledgedAfterCallback() {
        var scheduler = self.connected()
        let running = update("t", .running, 1)
        #expect(scheduler.relayUpdate(running, from: self.relay) == [.callBack(.statusUpdate(running))])
        #expect(scheduler.returned(running) == [.sendToRelay(self.relay, self.acknowledge(running))])
        #expect(scheduler.returned(running).isEmpty)
    }

    @Test("What ends nothing is acknowledged with the next end at its relay, or after a second")
    func acknowledgedTogether() {
        var scheduler = self.connected { $0.acknowledgementDelay = .seconds(1) }
        _ = scheduler.call(.accept(launch(task("u"), task("v"))))
        let running = ["t", "u", "v"].map { update(TaskID($0), .running, 1) }
        let finished = update("t", .finished, 2)
        for status in running + [finished] {
            let relay = status.taskID == "v" ? self.otherRelay : self.relay
            _ = scheduler.relayUpdate(status, from: relay)
        }
        #expect(scheduler.returned(running[0]) == [.setTimer(.acknowledgements, at: seconds(1))])
        #expect(scheduler.returned(running[1]).isEmpty && scheduler.returned(running[2]).isEmpty)
        #expect(
            scheduler.returned(finished) == [
                .sendToRelay(self.relay, self.acknowledge(running[1])),
                .sendToRelay(self.relay, self.acknowledge(finished)), .setTimer(.retention, at: seconds(900)),
            ])
        #expect(
            scheduler.handle(.timerFired(.acknowledgements), at: seconds(1)) == [
                .sendToRelay(self.otherRelay, self.acknowledge(running[2]))
            ])
        #expect(scheduler.handle(.timerFired(.acknowledgements), at: seconds(2)).isEmpty)
    }

    @Test("Acknowledgements that wait are said before their relay is left; if it is gone, to the master")
    func acknowledgementsAreNotLost() {
        func waiting(_ limit: Int = 2) -> (SchedulerState, TaskStatus, [SchedulerState.Effect]) {
            var scheduler = self.connected {
                $0.acknowledgementDelay = .seconds(1)
                $0.acknowledgementBatch = limit
            }
            let running = update("t", .running, 1)
            _ = scheduler.relayUpdate(running, from: self.relay)
            let effects = scheduler.returned(running)
            return (scheduler, running, effects)
        }
        let said = waiting(1)
        #expect(said.2 == [.sendToRelay(self.relay, self.acknowledge(said.1))])
        var (scheduler, running, effects) = waiting()
        #expect(effects == [.setTimer(.acknowledgements, at: seconds(1))])
        let saying = SchedulerState.Effect.sendToRelay(self.relay, self.acknowledge(running))
        var left = scheduler
        #expect(
            left.handle(.relayDisconnected(self.relay), at: start) == [.sendToMaster(self.acknowledge(running))])
        left = scheduler
        #expect(
            left.handle(.masterEvent(.relays([two]), from: master), at: start) == [saying, .disconnectRelay("r1")])
        #expect(scheduler.call(.stop(failover: true)).prefix(2) == [saying, .disconnectRelay("r1")])
    }

    @Test("An update from the master is acknowledged to the master")
    func acknowledgedThroughMaster() {
        var scheduler = self.connected()
        let running = update("t", .running, 1)
        #expect(scheduler.update(running) == [.callBack(.statusUpdate(running))])
        #expect(scheduler.returned(running) == [.sendToMaster(self.acknowledge(running))])
    }

    @Test("When its relay is gone an acknowledgement takes the way through the master")
    func acknowledgedAround() {
        var scheduler = self.connected()
        let running = update("t", .running, 1)
        _ = scheduler.relayUpdate(running, from: self.relay)
        _ = scheduler.handle(.relayDisconnected(self.relay), at: start)
        #expect(scheduler.returned(running) == [.sendToMaster(self.acknowledge(running))])
    }

    @Test("With neither relay nor master the acknowledgement is made when the update comes again")
    func acknowledgedLater() {
        var scheduler = self.connected()
        let running = update("t", .running, 1)
        _ = scheduler.relayUpdate(running, from: self.relay)
        _ = scheduler.handle(.relayDisconnected(self.relay), at: start)
        _ = scheduler.handle(.masterDisconnected(master), at: start)
        #expect(scheduler.returned(running).isEmpty)
        #expect(
            scheduler.relayUpdate(running, from: self.otherRelay) == [
                .sendToRelay(self.otherRelay, self.acknowledge(running))
            ])
    }

    @Test("A copy is acknowledged again and not delivered again")
    func copies() {
        var scheduler = self.connected()
        let running = update("t", .running, 1)
        _ = scheduler.relayUpdate(running, from: self.relay)
        _ = scheduler.returned(running)
        #expect(
            scheduler.relayUpdate(running, from: self.otherRelay) == [
                .sendToRelay(self.otherRelay, self.acknowledge(running))
            ])
        #expect(scheduler.update(running) == [.sendToMaster(self.acknowledge(running))])
    }

    @Test("A copy that comes while the callback runs moves the acknowledgement to its way")
    func copyDuringCallback() {
        var scheduler = self.connected()
        let running = update("t", .running, 1)
        _ = scheduler.relayUpdate(running, from: self.relay)
        #expect(scheduler.relayUpdate(running, from: self.otherRelay).isEmpty)
        #expect(scheduler.returned(running) == [.sendToRelay(self.otherRelay, self.acknowledge(running))])
    }

    @Test("With explicit acknowledgement nothing is acknowledged until the user says so")
    func explicitAcknowledgement() {
        var scheduler = self.connected { $0.acknowledgesExplicitly = true }
        let running = update("t", .running, 1)
        let finished = update("t", .finished, 2)
        _ = scheduler.relayUpdate(running, from: self.relay)
        #expect(scheduler.returned(running).isEmpty)
        #expect(scheduler.relayUpdate(running, from: self.relay).isEmpty)
        #expect(scheduler.relayUpdate(finished, from: self.relay).callbacks == [.statusUpdate(finished)])
        // The later one includes the earlier one.
        #expect(
            scheduler.call(.acknowledge(finished)) == [
                .sendToRelay(self.relay, self.acknowledge(finished)), .setTimer(.retention, at: seconds(900)),
            ])
        #expect(scheduler.call(.acknowledge(running)).isEmpty)
    }

    @Test("After a terminal state nothing is delivered, and everything is acknowledged")
    func nothingAfterTheEnd() {
        var scheduler = self.connected()
        let finished = update("t", .finished, 1)
        let late = update("t", .running, 2)
        #expect(scheduler.relayUpdate(finished, from: self.relay).callbacks == [.statusUpdate(finished)])
        #expect(
            scheduler.relayUpdate(late, from: self.relay) == [.sendToRelay(self.relay, self.acknowledge(late))])
        #expect(scheduler.update(answer("t", .lost, .reconciliation)).isEmpty)
    }

    @Test("A status without uuid is delivered and not acknowledged")
    func masterStatus() {
        var scheduler = self.connected()
        let invalid = answer("t", .error, .taskInvalid)
        #expect(scheduler.update(invalid).callbacks == [.statusUpdate(invalid)])
        #expect(scheduler.returned(invalid).isEmpty)
    }

    @Test("An update without sequence is recognised by its uuid")
    func withoutSequence() {
        var scheduler = self.connected()
        var running = update("t", .running, 0)
        running.uuid = [1]
        #expect(scheduler.update(running).callbacks == [.statusUpdate(running)])
        _ = scheduler.returned(running)
        #expect(scheduler.update(running) == [.sendToMaster(self.acknowledge(running))])
        running.uuid = [2]
        #expect(scheduler.update(running).callbacks == [.statusUpdate(running)])
    }

    @Test("An update that overtakes the one before it waits for it")
    func reordered() {
        var scheduler = self.connected()
        let running = update("t", .running, 1)
        let finished = update("t", .finished, 2)
        #expect(
            scheduler.relayUpdate(finished, from: self.relay, seconds(1)) == [.setTimer(.gap, at: seconds(61))])
        #expect(
            scheduler.relayUpdate(running, from: self.otherRelay, seconds(2)).callbacks == [
                .statusUpdate(running), .statusUpdate(finished),
            ])
        #expect(scheduler.handle(.timerFired(.gap), at: seconds(61)).isEmpty)
    }

    @Test("An update does not wait for ever for one that does not come")
    func gapCloses() {
        var scheduler = self.connected()
        let third = update("t", .running, 3)
        let fourth = update("t", .finished, 4)
        _ = scheduler.update(fourth)
        _ = scheduler.update(third, seconds(1))
        #expect(
            scheduler.handle(.timerFired(.gap), at: seconds(60)).callbacks == [
                .statusUpdate(third), .statusUpdate(fourth),
            ])
        let second = update("t", .running, 2)
        #expect(scheduler.update(second, seconds(61)) == [.sendToMaster(self.acknowledge(second))])
    }

    @Test("A scheduler that takes a framework over hears of its tasks from where the last one stopped")
    func takeover() {
        var scheduler = SchedulerState(settings { $0.framework.id = "1-F1" })
        #expect(scheduler.subscribe().calls == [.reconcile([])])
        let third = update("old", .running, 3)
        #expect(scheduler.update(third).callbacks == [.statusUpdate(third)])
    }

    @Test("A launch between two masters is answered by the driver")
    func launchWhileDisconnected() {
        var scheduler = self.connected()
        _ = scheduler.handle(.masterDisconnected(master), at: start)
        var lost = answer("u", .lost, .masterDisconnected)
        lost.message = "No master is connected: the task was not launched"
        lost.timestamp = 5
        #expect(
            scheduler.call(.accept(launch(task("u"))), seconds(5)) == [
                .setTimer(.retention, at: seconds(905)), .callBack(.statusUpdate(lost)),
            ])

        var aware = self.connected { $0.framework.capabilities = [.partitionAware] }
        _ = aware.handle(.masterDisconnected(master), at: start)
        lost.state = .dropped
        #expect(aware.call(.accept(launch(task("u"))), seconds(5)).callbacks == [.statusUpdate(lost)])
    }

    @Test("The refusal of a second task of the same id does not end the first")
    func duplicateLaunch() {
        var scheduler = self.connected()
        let running = update("t", .running, 1)
        _ = scheduler.relayUpdate(running, from: self.relay)
        _ = scheduler.call(.accept(launch(task("t"))))
        let refusal = answer("t", .error, .taskInvalid)
        #expect(scheduler.update(refusal).callbacks == [.statusUpdate(refusal)])
        let finished = update("t", .finished, 2)
        #expect(scheduler.relayUpdate(finished, from: self.relay).callbacks == [.statusUpdate(finished)])
    }

    @Test("An id may be used again after its task has ended; copies of the earlier task's updates stay silent")
    func idReused() {
        var scheduler = self.connected()
        let finished = update("t", .finished, 1)
        _ = scheduler.relayUpdate(finished, from: self.relay)
        _ = scheduler.returned(finished)
        _ = scheduler.call(.accept(launch(task("t"))))
        #expect(
            scheduler.relayUpdate(finished, from: self.relay) == [
                .sendToRelay(self.relay, self.acknowledge(finished))
            ])
        var again = update("t", .running, 1)
        again.uuid = [7]
        #expect(scheduler.relayUpdate(again, from: self.relay).callbacks == [.statusUpdate(again)])
    }

    @Test("A task reported lost that is alive after all is killed, so that it does not run unnoticed")
    func lostTaskReturns() {
        var scheduler = self.connected()
        _ = scheduler.update(answer("t", .lost, .agentRemoved))
        #expect(
            scheduler.update(answer("t", .running, .agentReregistered)) == [
                .sendToMaster(call(.kill("t", "1-A1", grace: nil)))
            ])
        let running = update("t", .running, 1)
        #expect(
            scheduler.relayUpdate(running, from: self.relay) == [
                .sendToRelay(self.relay, self.acknowledge(running)),
                .sendToMaster(call(.kill("t", "1-A1", grace: nil))),
            ])
        let killed = update("t", .killed, 2)
        #expect(
            scheduler.relayUpdate(killed, from: self.relay) == [
                .sendToRelay(self.relay, self.acknowledge(killed))
            ])
    }

    @Test("It is killed, too, when another master finds it, which never knew it lost")
    func lostTaskFoundByAnotherMaster() {
        var scheduler = self.connected()
        _ = scheduler.update(answer("t", .lost, .agentRemoved))
        _ = scheduler.handle(.masterDisconnected(master), at: seconds(1))
        let effects = scheduler.subscribe(at: standby, epoch: 2, counter: 2, seconds(2))
        #expect(effects.calls == [.reconcile([.init("t", on: "1-A1")])], "what a master only presumed is asked about")
        #expect(
            scheduler.update(answer("t", .unreachable, .reconciliation), from: standby) == [],
            "nobody sees it: nothing to kill")
        #expect(
            scheduler.update(answer("t", .running, .reconciliation), from: standby) == [
                .sendToMaster(call(.kill("t", "1-A1", grace: nil)))
            ])
    }

    @Test("With the policy to kill on return a task that was unreachable is killed, whichever master finds it")
    func killsOnReturn() {
        var scheduler = self.connected {
            $0.framework.capabilities = [.partitionAware]
            $0.framework.partitionPolicy = .killOnReturn
        }
        let unreachable = answer("t", .unreachable, .agentRemoved)
        #expect(scheduler.update(unreachable).callbacks == [.statusUpdate(unreachable)])
        _ = scheduler.handle(.masterDisconnected(master), at: seconds(1))
        scheduler.subscribe(at: standby, epoch: 2, counter: 2, seconds(2))
        let running = answer("t", .running, .reconciliation)
        #expect(
            scheduler.update(running, from: standby) == [
                .sendToMaster(call(.kill("t", "1-A1", grace: nil))), .callBack(.statusUpdate(running)),
            ])
        #expect(scheduler.update(update("t", .running, 1), from: standby).calls == [], "once is enough")
    }

    @Test("Without it such a task goes on", arguments: [PartitionPolicy.replace, .wait])
    func goesOn(policy: PartitionPolicy) {
        var scheduler = self.connected { $0.framework.partitionPolicy = policy }
        _ = scheduler.update(answer("t", .unreachable, .agentRemoved))
        let running = answer("t", .running, .agentReregistered)
        #expect(scheduler.update(running) == [.callBack(.statusUpdate(running))])
    }

    @Test("Ended tasks are forgotten after a time, and early when they are too many")
    func forgetting() {
        var scheduler = self.connected { $0.retentionLimit = 3 }
        for number in 0..<5 {
            let id = TaskID("e\(number)")
            _ = scheduler.call(.accept(launch(task(id))))
            let finished = update(id, .finished, 1)
            _ = scheduler.update(finished, seconds(number))
            _ = scheduler.returned(finished, seconds(number))
        }
        #expect(scheduler.taskCount == 4)  // t lives; three ended ones.
        #expect(
            scheduler.handle(.timerFired(.retention), at: seconds(902)) == [
                .setTimer(.retention, at: seconds(903))
            ])
        #expect(scheduler.taskCount == 3)
        _ = scheduler.handle(.timerFired(.retention), at: seconds(904))
        #expect(scheduler.taskCount == 1)
    }

    @Test("A kill is said again to the next master")
    func killSurvives() {
        var scheduler = self.connected()
        _ = scheduler.handle(.masterDisconnected(master), at: start)
        #expect(scheduler.call(.kill("t", nil, grace: .seconds(3))).isEmpty)
        let effects = scheduler.subscribe(at: standby, epoch: 2, counter: 2)
        #expect(effects.calls.first == .kill("t", "1-A1", grace: .seconds(3)))
        _ = scheduler.update(update("t", .killed, 1), from: standby)
        _ = scheduler.handle(.masterDisconnected(standby), at: start)
        #expect(scheduler.subscribe(at: master, epoch: 3, counter: 3).calls.isEmpty)
    }

    @Test("An executor is launched under the framework's id")
    func executorNamed() {
        var scheduler = self.connected()
        var custom = task("u")
        custom.executor = ExecutorInfo(executorID: "e", command: CommandInfo(shell: "run"))
        custom.command = nil
        var named = custom
        named.executor?.frameworkID = "1-F1"
        #expect(scheduler.call(.accept(launch(custom))).calls == [.accept(launch(named))])
    }
}
