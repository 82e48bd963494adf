import Model
import SDKCore
import Testing

@Suite("Reconciliation by a scheduler")
struct SchedulerReconciliationTests {
    /// Subscribed, with three tasks launched: a is running, b is done, nothing is known of c.
    func busy() -> SchedulerState {
        var scheduler = SchedulerState(settings())
        scheduler.subscribe()
        _ = scheduler.call(.accept(launch(task("a"), task("b", on: "1-A2"), task("c"))))
        for status in [update("a", .running, 1), update("b", .finished, 1, agent: "1-A2")] {
            _ = scheduler.update(status)
            _ = scheduler.returned(status)
        }
        _ = scheduler.handle(.masterDisconnected(master), at: seconds(10))
        return scheduler
    }

    @Test("After each registration the master is asked about the tasks that are not over")
    func asksAfterFailover() {
        var scheduler = self.busy()
        let effects = scheduler.subscribe(at: standby, epoch: 2, counter: 2, seconds(11))
        #expect(effects.calls == [.reconcile([.init("a", on: "1-A1"), .init("c", on: "1-A1")])])
        #expect(effects.last == .setTimer(.reconciliation, at: seconds(16)))
    }

    @Test("Tasks that the master does not answer for are asked about again, less and less often")
    func asksAgain() {
        var scheduler = self.busy()
        scheduler.subscribe(at: standby, epoch: 2, counter: 2, seconds(11))
        _ = scheduler.update(answer("a", .running, .reconciliation), from: standby)
        #expect(
            scheduler.handle(.timerFired(.reconciliation), at: seconds(16)) == [
                .sendToMaster(call(.reconcile([.init("c", on: "1-A1")]))),
                .setTimer(.reconciliation, at: seconds(26)),
            ])
        let lost = answer("c", .lost, .reconciliation)
        #expect(scheduler.update(lost, from: standby).callbacks == [.statusUpdate(lost)])
        #expect(scheduler.handle(.timerFired(.reconciliation), at: seconds(26)).isEmpty)
    }

    @Test("The driver's own questions tell the user only what is new")
    func onlyNews() {
        var scheduler = self.busy()
        scheduler.subscribe(at: standby, epoch: 2, counter: 2)
        #expect(scheduler.update(answer("a", .running, .reconciliation), from: standby).isEmpty)
        let starting = answer("c", .running, .reconciliation)
        #expect(scheduler.update(starting, from: standby).callbacks == [.statusUpdate(starting)])
    }

    @Test("The user's question is answered even if it is no news")
    func userAsks() {
        var scheduler = self.busy()
        scheduler.subscribe(at: standby, epoch: 2, counter: 2)
        _ = scheduler.update(answer("a", .running, .reconciliation), from: standby)
        #expect(
            scheduler.call(.reconcile([.init("a"), .init("b"), .init("x")])).calls == [
                .reconcile([.init("a", on: "1-A1"), .init("x")])
            ])
        let running = answer("a", .running, .reconciliation)
        #expect(scheduler.update(running, from: standby).callbacks == [.statusUpdate(running)])
        #expect(scheduler.update(running, from: standby).isEmpty)
        let unknown = answer("x", .lost, .reconciliation, agent: nil)
        #expect(scheduler.update(unknown, from: standby).callbacks == [.statusUpdate(unknown)])
    }

    @Test("That a task ended is told by its agent's update, which says how, not by the master's answer")
    func endComesByUpdate() {
        var scheduler = self.busy()
        scheduler.subscribe(at: standby, epoch: 2, counter: 2)
        #expect(scheduler.update(answer("a", .finished, .reconciliation), from: standby).isEmpty)
        var finished = update("a", .finished, 2)
        finished.data = Bytes("3.14".utf8)
        #expect(scheduler.update(finished, from: standby).callbacks == [.statusUpdate(finished)])
    }

    @Test("An answer that is older than what was delivered is not told")
    func staleAnswer() {
        var scheduler = self.busy()
        scheduler.subscribe(at: standby, epoch: 2, counter: 2)
        _ = scheduler.update(update("a", .killing, 2), from: standby)
        var old = answer("a", .running, .reconciliation)
        old.sequence = 1
        #expect(scheduler.update(old, from: standby).isEmpty)
    }

    @Test("Before a task is given up, what was held back of it is told")
    func heldBeforeLost() {
        var scheduler = self.busy()
        scheduler.subscribe(at: standby, epoch: 2, counter: 2)
        let finished = update("c", .finished, 2)
        #expect(scheduler.update(finished, from: standby).callbacks.isEmpty)
        #expect(
            scheduler.update(answer("c", .lost, .agentRemoved), from: standby).callbacks == [.statusUpdate(finished)])
    }

    @Test("Who takes a framework over asks for everything, several times")
    func takeover() {
        var scheduler = SchedulerState(settings { $0.framework.id = "1-F1" })
        var effects = scheduler.subscribe()
        var rounds = 0
        var now = start
        while case .setTimer(.reconciliation, let next)? = effects.last {
            #expect(effects.calls == [.reconcile([])])
            now = next
            rounds += 1
            effects = scheduler.handle(.timerFired(.reconciliation), at: now)
        }
        #expect(effects.calls == [.reconcile([])])
        #expect(rounds == 3)
        #expect(now == seconds(35))
        #expect(scheduler.handle(.timerFired(.reconciliation), at: now).isEmpty)
    }

    @Test("A question about very many tasks is asked in parts")
    func batches() {
        var scheduler = SchedulerState(settings { $0.reconciliationBatch = 2 })
        scheduler.subscribe()
        for name in ["a", "b", "c"] { _ = scheduler.call(.accept(launch(task(TaskID(name))))) }
        _ = scheduler.handle(.masterDisconnected(master), at: start)
        #expect(
            scheduler.subscribe(at: standby, epoch: 2, counter: 2).calls == [
                .reconcile([.init("a", on: "1-A1"), .init("b", on: "1-A1")]), .reconcile([.init("c", on: "1-A1")]),
            ])
    }
}
