import Model
import SDKCore
import Testing

@Suite("A scheduler's subscription")
struct SchedulerSubscriptionTests {
    @Test("A new framework subscribes without an id and keeps the one it is given")
    func firstSubscription() {
        var scheduler = SchedulerState(settings())
        let info = FrameworkInfo(user: "u", name: "test")
        #expect(
            scheduler.handle(.masterConnected(master, 1), at: start) == [
                .sendToMaster(call(.subscribe(.init(framework: info, relays: true, guarantees: true)), of: nil)),
                .setTimer(.registration, at: seconds(30)),
            ])
        let subscribed = SchedulerEvent.Subscribed(
            frameworkID: "1-F1", heartbeatInterval: .seconds(15), master: leader, relays: [one],
            subscription: subscription(1, 1))
        #expect(
            scheduler.handle(.masterEvent(.subscribed(subscribed), from: master), at: start) == [
                .cancelTimer(.registration), .rememberFrameworkID("1-F1"), .callBack(.registered("1-F1", leader)),
                .connectRelay(one, subscription(1, 1)),
            ])
        #expect(scheduler.epoch == 1)
    }

    @Test("The user hears what is guaranteed when it is new: after registering, when it changes, never twice")
    func guarantees() {
        var scheduler = SchedulerState(settings())
        let (first, second) = (Guarantees(own: "cpus:2"), Guarantees(own: "cpus:2", roles: ["*": "mem:64"]))
        _ = scheduler.handle(.masterConnected(master, 1), at: start)
        var subscribed = SchedulerEvent.Subscribed(
            frameworkID: "1-F1", heartbeatInterval: .seconds(15), master: leader, subscription: subscription(1, 1))
        subscribed.guarantees = first
        let effects = scheduler.handle(.masterEvent(.subscribed(subscribed), from: master), at: start)
        #expect(effects.callbacks == [.registered("1-F1", leader), .guarantees(first)])
        #expect(scheduler.guarantees == first)
        let change = SchedulerState.Event.masterEvent(.guarantees(second), from: master)
        #expect(scheduler.handle(change, at: start) == [.callBack(.guarantees(second))])
        #expect(scheduler.handle(change, at: start) == [])
        // Another master that says the same has nothing to tell.
        _ = scheduler.handle(.masterDisconnected(master), at: start)
        _ = scheduler.handle(.masterConnected(standby, 2), at: start)
        subscribed.guarantees = second
        subscribed.subscription = subscription(2, 1)
        let again = scheduler.handle(.masterEvent(.subscribed(subscribed), from: standby), at: start)
        #expect(again.callbacks == [.reregistered(leader)])
    }

    @Test("After its master is gone a framework subscribes with the next one under its id")
    func resubscribes() {
        var scheduler = SchedulerState(settings())
        scheduler.subscribe(relays: [one])
        #expect(
            scheduler.handle(.masterDisconnected(master), at: seconds(1)) == [
                .cancelTimer(.registration), .cancelTimer(.reconciliation), .callBack(.disconnected),
            ])
        var info = FrameworkInfo(user: "u", name: "test")
        info.id = "1-F1"
        #expect(
            scheduler.handle(.masterConnected(standby, 2), at: seconds(2)).calls == [
                .subscribe(subscribe(info, showing: subscription(1, 1)))
            ], "it shows what it was granted: it comes back, and takes nothing over")
        let subscribed = SchedulerEvent.Subscribed(
            frameworkID: "1-F1", heartbeatInterval: .seconds(15), master: leader, relays: [one, two],
            subscription: subscription(2, 2))
        #expect(
            scheduler.handle(.masterEvent(.subscribed(subscribed), from: standby), at: seconds(2)) == [
                .cancelTimer(.registration), .callBack(.reregistered(leader)), .disconnectRelay("r1"),
                .connectRelay(one, subscription(2, 2)), .connectRelay(two, subscription(2, 2)),
            ])
    }

    @Test("A master of an older leadership is not obeyed")
    func epochFence() {
        var scheduler = SchedulerState(settings())
        scheduler.subscribe(epoch: 5)
        _ = scheduler.handle(.masterDisconnected(master), at: start)
        #expect(
            scheduler.handle(.masterConnected(standby, 4), at: start) == [.disconnectMaster(standby, leader: nil)])
        #expect(scheduler.handle(.masterEvent(.offers([]), from: standby), at: start).isEmpty)

        _ = scheduler.handle(.masterConnected(standby, 5), at: start)
        let stale = SchedulerEvent.Subscribed(
            frameworkID: "1-F1", heartbeatInterval: .seconds(15), master: leader, subscription: subscription(3, 9))
        #expect(
            scheduler.handle(.masterEvent(.subscribed(stale), from: standby), at: start) == [
                .disconnectMaster(standby, leader: nil)
            ])
    }

    @Test("What an earlier master still says is not heard once another one is connected")
    func oldMasterIsDeaf() {
        var scheduler = SchedulerState(settings())
        scheduler.subscribe()
        let effects = scheduler.handle(.masterConnected(standby, 2), at: start)
        #expect(effects.contains(.disconnectMaster(master, leader: nil)))
        #expect(effects.callbacks == [.disconnected])
        #expect(scheduler.handle(.masterEvent(.rescind("1-O1"), from: master), at: start).isEmpty)
        #expect(scheduler.handle(.masterDisconnected(master), at: start).isEmpty)
    }

    @Test("A master that does not answer SUBSCRIBE is left for another")
    func registrationTimeout() {
        var scheduler = SchedulerState(settings())
        _ = scheduler.handle(.masterConnected(master, 1), at: start)
        #expect(
            scheduler.handle(.timerFired(.registration), at: seconds(30)) == [.disconnectMaster(master, leader: nil)])
        #expect(scheduler.handle(.timerFired(.registration), at: seconds(31)).isEmpty)
    }

    @Test("A standby scheduler waits for its turn without limit")
    func standbyWaits() {
        var scheduler = SchedulerState(settings { $0.isStandby = true })
        let effects = scheduler.handle(.masterConnected(master, 1), at: start)
        let info = FrameworkInfo(user: "u", name: "test")
        #expect(
            effects == [
                .sendToMaster(
                    call(.subscribe(.init(framework: info, relays: true, standby: true, guarantees: true)), of: nil))
            ])
    }

    @Test("The user of a standby hears where it stands, and of its turn; from then on it is as good as any")
    func standbyTakesOver() {
        var scheduler = SchedulerState(
            settings {
                $0.isStandby = true
                $0.framework.id = "1-F1"
            })
        _ = scheduler.handle(.masterConnected(master, 1), at: start)
        let stands = SchedulerEvent.Standby(frameworkID: "1-F1", place: 2, active: "h1")
        #expect(
            scheduler.handle(.masterEvent(.standby(stands), from: master), at: start) == [.callBack(.standby(stands))])
        let subscribed = SchedulerEvent.Subscribed(
            frameworkID: "1-F1", heartbeatInterval: .seconds(15), master: leader, subscription: subscription(1, 3))
        let effects = scheduler.handle(.masterEvent(.subscribed(subscribed), from: master), at: seconds(1000))
        #expect(effects.callbacks == [.registered("1-F1", leader)])
        _ = scheduler.handle(.masterDisconnected(master), at: seconds(1001))
        var info = FrameworkInfo(user: "u", name: "test")
        info.id = "1-F1"
        #expect(
            scheduler.handle(.masterConnected(standby, 2), at: seconds(1002)).calls == [
                .subscribe(subscribe(info, showing: subscription(1, 3)))
            ], "no standby any more")
    }

    @Test("A refused subscription ends the scheduler with the master's words")
    func refused() {
        var scheduler = SchedulerState(settings { $0.framework.id = "1-F1" })
        _ = scheduler.handle(.masterConnected(master, 1), at: start)
        let effects = scheduler.handle(
            .masterEvent(.error("Framework has been removed", leader: nil), from: master), at: start)
        #expect(effects.callbacks == [.error("Framework has been removed")])
        #expect(effects.last == .stopped(.subscriptionEnded("Framework has been removed")))
        #expect(scheduler.handle(.masterConnected(standby, 2), at: start).isEmpty)
    }

    @Test("A scheduler that was replaced ends, and does not subscribe again")
    func failedOver() {
        var scheduler = SchedulerState(settings())
        scheduler.subscribe()
        let effects = scheduler.handle(
            .masterEvent(.error("Framework failed over", leader: nil), from: master), at: seconds(9))
        #expect(effects == [.callBack(.error("Framework failed over"))])
        #expect(
            scheduler.handle(.masterDisconnected(master), at: seconds(9)).last
                == .stopped(.subscriptionEnded("Framework failed over")))
    }

    @Test("An error about one call does not end a scheduler whose master dies later")
    func harmlessError() {
        var scheduler = SchedulerState(settings())
        scheduler.subscribe()
        _ = scheduler.handle(.masterEvent(.error("Unknown call", leader: nil), from: master), at: seconds(9))
        #expect(scheduler.handle(.masterDisconnected(master), at: seconds(60)).callbacks == [.disconnected])
        #expect(!scheduler.handle(.masterConnected(standby, 2), at: seconds(61)).calls.isEmpty)
    }

    @Test("An error that names the leader sends the scheduler there")
    func redirected() {
        var scheduler = SchedulerState(settings())
        _ = scheduler.handle(.masterConnected(master, 1), at: start)
        let effects = scheduler.handle(
            .masterEvent(.error("Not the leader", leader: "10.0.0.9:5050"), from: master), at: start)
        #expect(effects.last == .disconnectMaster(master, leader: "10.0.0.9:5050"))
    }

    @Test("Suppressed roles stay suppressed under the next master")
    func suppressionSurvives() {
        var scheduler = SchedulerState(settings { $0.framework.roles = ["web", "batch"] })
        scheduler.subscribe()
        #expect(scheduler.call(.suppress(roles: [])).calls == [.suppress(roles: [])])
        #expect(scheduler.call(.revive(roles: ["web"])).calls == [.revive(roles: ["web"])])
        _ = scheduler.handle(.masterDisconnected(master), at: start)
        #expect(scheduler.call(.suppress(roles: ["web"])).isEmpty)
        guard case .subscribe(let subscribe)? = scheduler.handle(.masterConnected(standby, 2), at: start).calls.first
        else { return #expect(Bool(false), "no SUBSCRIBE") }
        #expect(subscribe.suppressedRoles == ["batch", "web"])
    }

    @Test("What is called between SUBSCRIBE and its answer is said then")
    func changesWhileSubscribing() {
        func calls(_ changes: [SchedulerState.UserCall]) -> [SchedulerCall.Kind] {
            var settings = settings { $0.framework.roles = ["web", "batch"] }
            settings.suppressedRoles = ["web"]
            var scheduler = SchedulerState(settings)
            _ = scheduler.handle(.masterConnected(master, 1), at: start)
            for change in changes { #expect(scheduler.call(change).isEmpty) }
            let effects = scheduler.handle(
                .masterEvent(
                    .subscribed(.init(frameworkID: "1-F1", heartbeatInterval: .seconds(15), master: leader)),
                    from: master),
                at: start)
            return effects.calls.filter { if case .reconcile = $0 { false } else { true } }
        }
        #expect(calls([]) == [])
        #expect(calls([.revive(roles: [])]) == [.revive(roles: ["web"])])
        #expect(calls([.suppress(roles: [])]) == [.suppress(roles: ["batch"])])
        #expect(calls([.revive(roles: []), .suppress(roles: ["web"])]) == [])
        var other = FrameworkInfo(user: "ann", name: "other")
        other.roles = ["batch"]
        other.id = "1-F1"
        #expect(
            calls([.updateFramework(other), .suppress(roles: [])])
                == [.updateFramework(other, suppressedRoles: ["batch"], constraints: [:])])
    }

    @Test("Relays that are no longer named are left, new ones are connected")
    func relaySet() {
        var scheduler = SchedulerState(settings())
        scheduler.subscribe(relays: [one])
        _ = scheduler.handle(.relayConnected("r1", PeerID(10)), at: start)
        #expect(
            scheduler.handle(.masterEvent(.relays([two]), from: master), at: start) == [
                .disconnectRelay("r1"), .connectRelay(two, subscription(1, 1)),
            ])
        var moved = two
        moved.address = "10.0.0.4:5052"
        #expect(
            scheduler.handle(.masterEvent(.relays([moved]), from: master), at: start) == [
                .disconnectRelay("r2"), .connectRelay(moved, subscription(1, 1)),
            ])
        #expect(scheduler.handle(.relayConnected("r1", PeerID(11)), at: start) == [.disconnectRelay("r1")])
        #expect(scheduler.relayUpdate(update("t", .running, 1), from: PeerID(10)).isEmpty)
    }

    @Test("A scheduler that wants no relays connects to none")
    func withoutRelays() {
        var scheduler = SchedulerState(settings { $0.usesRelays = false })
        let effects = scheduler.subscribe(relays: [one])
        #expect(effects.last == .callBack(.registered("1-F1", leader)))
    }

    @Test("stop() ends the framework at the master")
    func teardown() {
        var scheduler = SchedulerState(settings())
        scheduler.subscribe(relays: [one])
        let effects = scheduler.call(.stop(failover: false))
        #expect(effects.first == .sendToMaster(call(.teardown)))
        #expect(effects.contains(.disconnectRelay("r1")))
        #expect(effects.last == .stopped(nil))
        #expect(scheduler.update(update("t", .running, 1)).isEmpty)
    }

    @Test("stop(failover) leaves the tasks to the next scheduler")
    func stopForFailover() {
        var scheduler = SchedulerState(settings())
        scheduler.subscribe()
        let effects = scheduler.call(.stop(failover: true))
        #expect(effects.calls.isEmpty)
        #expect(effects.last == .stopped(nil))
    }

    @Test("stop() between two masters ends the framework at the next one, in silence")
    func teardownLater() {
        var scheduler = SchedulerState(settings())
        scheduler.subscribe()
        _ = scheduler.handle(.masterDisconnected(master), at: start)
        #expect(scheduler.call(.stop(failover: false)) == [.setTimer(.stop, at: seconds(10))])
        let effects = scheduler.subscribe(at: standby, epoch: 2, counter: 2, seconds(3))
        #expect(effects.callbacks.isEmpty)
        #expect(effects.calls == [.teardown])
        #expect(effects.last == .stopped(nil))
    }

    @Test("stop() gives up when no master is found")
    func teardownGivesUp() {
        var scheduler = SchedulerState(settings())
        scheduler.subscribe()
        _ = scheduler.handle(.masterDisconnected(master), at: start)
        _ = scheduler.call(.stop(failover: false))
        #expect(scheduler.handle(.timerFired(.stop), at: seconds(10)).last == .stopped(.masterNotFound))
    }

    @Test("stop() before the first connection ends at once")
    func stopEarly() {
        var scheduler = SchedulerState(settings())
        #expect(scheduler.call(.stop(failover: false)).last == .stopped(nil))
    }

    @Test("Everything that a master tells comes to the user, in its order")
    func callbacks() {
        var scheduler = SchedulerState(settings())
        scheduler.subscribe()
        let offer = Offer(
            id: "1-O1", frameworkID: "1-F1", agentID: "1-A1", hostname: "h", sidePort: 1, resources: "cpus:1",
            role: "*")
        let events: [SchedulerEvent] = [
            .offers([offer]), .rescind("1-O1"), .message("1-A1", "e", [1]), .failure("1-A1", nil, status: nil),
            .failure("1-A1", "e", status: 9), .heartbeat,
        ]
        let told = events.flatMap { scheduler.handle(.masterEvent($0, from: master), at: start).callbacks }
        #expect(
            told == [
                .offers([offer]), .offerRescinded("1-O1"), .frameworkMessage("1-A1", "e", [1]), .agentLost("1-A1"),
                .executorLost("e", "1-A1", status: 9),
            ])
    }
}
