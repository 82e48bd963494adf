import Model
import SDKCore
import Testing

@Suite("An executor")
struct ExecutorStateTests {
    let agent = PeerID(1)
    let restarted = PeerID(2)

    func new() -> ExecutorState {
        ExecutorState(
            settings: ExecutorSettings(frameworkID: "1-F1", executorID: "e"), generator: SeededGenerator(seed: 1))
    }

    func sends(_ kind: ExecutorCall.Kind) -> ExecutorState.Effect {
        .send(ExecutorCall(frameworkID: "1-F1", executorID: "e", kind))
    }

    var subscribed: ExecutorEvent {
        .subscribed(
            ExecutorInfo(executorID: "e", command: nil), FrameworkInfo(user: "u", name: "f"), "1-A1", hostname: "h")
    }

    func connected() -> ExecutorState {
        var executor = self.new()
        _ = executor.handle(.started, at: start)
        _ = executor.handle(.agentConnected(self.agent), at: start)
        _ = executor.handle(.agentEvent(self.subscribed, from: self.agent), at: start)
        return executor
    }

    func status(_ task: TaskID, _ state: TaskState) -> ExecutorState.Event {
        .called(.update(TaskStatus(taskID: task, state: state)))
    }

    @Test("It registers with its agent and is given tasks")
    func registers() {
        var executor = self.new()
        #expect(executor.handle(.started, at: start) == [.setTimer(.recovery, at: seconds(900))])
        #expect(
            executor.handle(.agentConnected(self.agent), at: start) == [
                self.sends(.subscribe(unacknowledgedTasks: [], unacknowledgedUpdates: []))
            ])
        #expect(
            executor.handle(.agentEvent(self.subscribed, from: self.agent), at: start) == [
                .cancelTimer(.recovery),
                .callBack(
                    .registered(
                        ExecutorInfo(executorID: "e", command: nil), FrameworkInfo(user: "u", name: "f"), "1-A1",
                        hostname: "h")),
            ])
        let work = task("t")
        #expect(
            executor.handle(.agentEvent(.launch(work), from: self.agent), at: start) == [.callBack(.launchTask(work))])
        #expect(
            executor.handle(.agentEvent(.kill("t", grace: .seconds(1)), from: self.agent), at: start) == [
                .callBack(.killTask("t", grace: .seconds(1)))
            ])
    }

    @Test("A status is sent with uuid, source and time, and kept until it is acknowledged")
    func keepsStatuses() throws {
        var executor = self.connected()
        _ = executor.handle(.agentEvent(.launch(task("t")), from: self.agent), at: start)
        let effects = executor.handle(self.status("t", .running), at: seconds(3))
        let kept = try #require(executor.unacknowledged.first)
        #expect(effects == [self.sends(.update(kept))])
        #expect(kept.uuid?.count == 16)
        #expect(kept.source == .executor)
        #expect(kept.timestamp == 3)
        #expect(kept.executorID == "e")
        _ = executor.handle(
            .agentEvent(.acknowledged("t", uuid: kept.uuid ?? []), from: self.agent), at: seconds(3))
        #expect(executor.unacknowledged.isEmpty)
    }

    @Test("A restarted agent is told what it has not acknowledged")
    func resubscribes() throws {
        var executor = self.connected()
        for name in ["a", "b"] {
            _ = executor.handle(.agentEvent(.launch(task(TaskID(name))), from: self.agent), at: start)
        }
        _ = executor.handle(self.status("a", .running), at: start)
        let first = try #require(executor.unacknowledged.first)
        _ = executor.handle(.agentEvent(.acknowledged("a", uuid: first.uuid ?? []), from: self.agent), at: start)
        #expect(
            executor.handle(.agentDisconnected(self.agent), at: seconds(1)) == [
                .setTimer(.recovery, at: seconds(901)), .callBack(.disconnected),
            ])
        #expect(executor.handle(self.status("a", .finished), at: seconds(2)).isEmpty)
        #expect(
            executor.handle(.agentConnected(self.restarted), at: seconds(3)) == [
                self.sends(
                    .subscribe(unacknowledgedTasks: ["b"], unacknowledgedUpdates: executor.unacknowledged))
            ])
        // One made between SUBSCRIBE and SUBSCRIBED follows.
        #expect(executor.handle(self.status("b", .running), at: seconds(3)).isEmpty)
        #expect(
            executor.handle(.agentEvent(self.subscribed, from: self.restarted), at: seconds(3)) == [
                .cancelTimer(.recovery), self.sends(.update(executor.unacknowledged[1])),
                .callBack(.reregistered("1-A1")),
            ])
    }

    @Test("A task ends once, and one that was never launched has no status")
    func endsOnce() {
        var executor = self.connected()
        #expect(executor.handle(self.status("t", .running), at: start).isEmpty)
        _ = executor.handle(.agentEvent(.launch(task("t")), from: self.agent), at: start)
        #expect(executor.handle(self.status("t", .finished), at: start).count == 1)
        #expect(executor.handle(self.status("t", .failed), at: start).isEmpty)
    }

    @Test("A launch that is ordered twice starts one task")
    func duplicateLaunch() {
        var executor = self.connected()
        #expect(executor.handle(.agentEvent(.launch(task("t")), from: self.agent), at: start).count == 1)
        #expect(executor.handle(.agentEvent(.launch(task("t")), from: self.agent), at: start).isEmpty)
    }

    @Test("Without its agent it waits a quarter of an hour, then ends its tasks")
    func agentGone() {
        var executor = self.connected()
        _ = executor.handle(.agentDisconnected(self.agent), at: start)
        #expect(
            executor.handle(.timerFired(.recovery), at: seconds(900)) == [
                .callBack(.shutdown), .setTimer(.shutdown, at: seconds(905)),
            ])
        #expect(executor.handle(.shutdownReturned, at: seconds(901)).last == .stopped(nil))
    }

    @Test("Told to shut down, it ends within its grace period")
    func shutdown() {
        var executor = self.connected()
        _ = executor.handle(.agentEvent(.launch(task("t")), from: self.agent), at: start)
        #expect(
            executor.handle(.agentEvent(.shutdown, from: self.agent), at: start) == [
                .callBack(.shutdown), .setTimer(.shutdown, at: seconds(5)),
            ])
        #expect(executor.handle(.timerFired(.shutdown), at: seconds(5)).last == .stopped(.shutdownTooSlow))
    }

    @Test("At its end it waits for the agent to have the last status")
    func flushes() throws {
        var executor = self.connected()
        _ = executor.handle(.agentEvent(.launch(task("t")), from: self.agent), at: start)
        _ = executor.handle(self.status("t", .finished), at: start)
        let last = try #require(executor.unacknowledged.first)
        #expect(executor.handle(.called(.stop), at: start) == [.setTimer(.flush, at: seconds(5))])
        let effects = executor.handle(
            .agentEvent(.acknowledged("t", uuid: last.uuid ?? []), from: self.agent), at: seconds(1))
        #expect(effects.last == .stopped(nil))

        var unlucky = self.connected()
        _ = unlucky.handle(.agentEvent(.launch(task("t")), from: self.agent), at: start)
        _ = unlucky.handle(self.status("t", .finished), at: start)
        _ = unlucky.handle(.called(.stop), at: start)
        #expect(unlucky.handle(.timerFired(.flush), at: seconds(5)).last == .stopped(.updatesUnacknowledged))
    }

    @Test("Its uuids follow from the generator alone")
    func deterministic() {
        func uuids() -> [Bytes?] {
            var executor = self.connected()
            _ = executor.handle(.agentEvent(.launch(task("t")), from: self.agent), at: start)
            for _ in 0..<3 { _ = executor.handle(self.status("t", .running), at: start) }
            return executor.unacknowledged.map(\.uuid)
        }
        #expect(uuids() == uuids())
        #expect(Set(uuids()).count == 3)
    }
}
