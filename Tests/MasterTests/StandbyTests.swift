import MasterCore
import Model
import Testing

@Suite("Several schedulers of one framework")
struct StandbyTests {
    @Test("A standby scheduler waits until the active one is gone, then takes over at once")
    func standby() {
        let small = Small()
        small.run("t1")
        let (first, _) = small.stage.scheduler("pi", id: small.framework, standby: true)
        let (second, _) = small.stage.scheduler("pi", id: small.framework, standby: true)
        small.stage.step(.peerDisconnected(first))
        small.stage.step(.peerDisconnected(small.scheduler))
        guard case .subscribed(let subscribed)? = small.stage.events(to: second).first else {
            return #expect(Bool(false), "\(small.stage.said)")
        }
        #expect(subscribed.frameworkID == small.framework)
        small.stage.wait(.seconds(100))
        #expect(small.stage.orders(small.relay) == [])
        #expect(small.stage.call(second, small.framework, .reconcile([])).count == 1)
    }

    @Test("A standby hears who is active, how far it is to its turn, and that the master lives")
    func hears() {
        let small = Small()
        func stands(_ place: UInt32, active: String?) -> SchedulerEvent {
            .standby(.init(frameworkID: small.framework, place: place, active: active))
        }
        let (first, _) = small.stage.scheduler("pi", id: small.framework, standby: true)
        #expect(small.stage.events(to: first) == [stands(1, active: "pi")])
        let (second, _) = small.stage.scheduler("pi", id: small.framework, standby: true) { $0.hostname = "h2" }
        #expect(small.stage.events(to: second) == [stands(2, active: "pi")])
        small.stage.wait(.seconds(15))
        #expect(small.stage.events(to: second) == [.heartbeat])
        let (third, _) = small.stage.scheduler("pi", id: small.framework, standby: true)
        small.stage.step(.peerDisconnected(first))
        #expect(small.stage.events(to: second) == [stands(1, active: "pi")])
        #expect(small.stage.events(to: third) == [stands(2, active: "pi")])
        small.stage.step(.peerDisconnected(small.scheduler))
        #expect(small.stage.subscription(of: second) != nil)
        #expect(small.stage.events(to: third) == [stands(1, active: "h2")])
    }

    @Test("When the framework is removed its standbys hear it")
    func removed() {
        let small = Small()
        let (standby, _) = small.stage.scheduler("pi", id: small.framework, standby: true)
        _ = small.call(.teardown)
        #expect(small.stage.events(to: standby) == [.error("Framework has been removed", leader: nil)])
        #expect(small.stage.isClosed(standby))
    }

    @Test("A scheduler that was outlived does not take the framework back, and is not heard")
    func outlived() throws {
        let small = Small()
        small.run("t1")
        let (first, _) = small.stage.scheduler("pi", id: small.framework)
        let granted = try #require(small.stage.subscription(of: first))
        let (second, _) = small.stage.scheduler("pi", id: small.framework, standby: true)
        small.stage.step(.peerDisconnected(first))
        #expect(small.stage.subscription(of: second) != nil)
        // Its connection had broken, and nothing else.
        let (again, _) = small.stage.scheduler("pi", id: small.framework, shown: granted)
        #expect(small.stage.events(to: again) == [.error("Framework failed over", leader: nil)])
        #expect(small.stage.isClosed(again) && !small.stage.isClosed(second))
        #expect(small.stage.call(again, small.framework, .kill("t1", nil, grace: nil)) == [])
        #expect(small.stage.orders(small.relay) == [])
        #expect(small.stage.call(second, small.framework, .reconcile([])).count == 1)
    }

    @Test("A scheduler that comes back is the same one, also when the answer to its SUBSCRIBE was lost")
    func sameAgain() throws {
        let stage = Stage()
        let (peer, id) = stage.scheduler()
        let first = try #require(stage.subscription(of: peer))
        let (second, _) = stage.scheduler(id: id, shown: first)
        #expect(stage.subscription(of: second) != nil, "and the answer is lost")
        let (third, _) = stage.scheduler(id: id, shown: first)
        let granted = try #require(stage.subscription(of: third))
        #expect(granted > first)
        var forged = granted
        forged.token = [1]
        let (stranger, _) = stage.scheduler(id: id, shown: forged)
        #expect(stage.subscription(of: stranger) == nil, "a number without its token is no subscription")
        let (new, _) = stage.scheduler(id: id)
        #expect(stage.subscription(of: new) != nil, "who shows nothing is new, and takes over")
    }

    @Test(
        "Under a new master the scheduler that was active last wins, whichever comes first", arguments: [true, false])
    func underNewMaster(isLaterFirst: Bool) {
        let stage = Stage()
        let older = Subscription(epoch: 6, counter: 1, token: [1])
        let newer = Subscription(epoch: 6, counter: 2, token: [2])
        let (first, _) = stage.scheduler(id: "6-F1", shown: isLaterFirst ? newer : older)
        #expect(stage.subscription(of: first) != nil)
        let (second, _) = stage.scheduler(id: "6-F1", shown: isLaterFirst ? older : newer)
        #expect((stage.subscription(of: second) != nil) == !isLaterFirst)
        #expect(stage.isClosed(first) == !isLaterFirst)
    }

    @Test("Standbys of a new master let the active scheduler come first")
    func letActiveFirst() {
        let stage = Stage()
        let (standby, _) = stage.scheduler(id: "6-F1", standby: true)
        #expect(stage.events(to: standby) == [.standby(.init(frameworkID: "6-F1", place: 1, active: nil))])
        stage.wait(.seconds(4))
        #expect(stage.events(to: standby) == [])
        let (active, _) = stage.scheduler(id: "6-F1", shown: Subscription(epoch: 6, counter: 1, token: [1]))
        #expect(stage.subscription(of: active) != nil)
        #expect(stage.events(to: standby) == [.standby(.init(frameworkID: "6-F1", place: 1, active: "pi"))])
        stage.wait(.seconds(10))
        #expect(stage.events(to: standby).allSatisfy { $0 == .heartbeat })
    }

    @Test("If it does not come to the new master in time, the first standby takes over")
    func takesOverFromNobody() {
        let stage = Stage()
        let (first, _) = stage.scheduler(id: "6-F1", standby: true)
        let (second, _) = stage.scheduler(id: "6-F1", standby: true)
        stage.wait(.seconds(5))
        #expect(stage.subscription(of: first) != nil)
        #expect(stage.events(to: second) == [.standby(.init(frameworkID: "6-F1", place: 1, active: "pi"))])
        let (late, _) = stage.scheduler(id: "6-F1", shown: Subscription(epoch: 6, counter: 1, token: [1]))
        #expect(stage.events(to: late) == [.error("Framework failed over", leader: nil)])
    }

    @Test("The patience with the active scheduler has an end to the nanosecond, and counts from the election")
    func patience() {
        let stage = Stage()
        stage.wait(.seconds(3))
        let (first, _) = stage.scheduler(id: "6-F1", standby: true)
        stage.wait(.seconds(2) - .nanoseconds(1))
        #expect(stage.subscription(of: first) == nil)
        let (second, _) = stage.scheduler(id: "6-F2", standby: true)
        #expect(stage.subscription(of: second) == nil)
        stage.wait(.nanoseconds(1))
        #expect(stage.subscription(of: first) != nil && stage.subscription(of: second) != nil)
        // Nobody is waited for any more.
        let (third, _) = stage.scheduler(id: "6-F3", standby: true)
        #expect(stage.subscription(of: third) != nil)
    }

    @Test("A master that is told to wait for no active scheduler gives its standbys the word at once")
    func noPatience() {
        let stage = Stage { $0.standbyPatience = .zero }
        let (standby, _) = stage.scheduler(id: "6-F1", standby: true)
        #expect(stage.subscription(of: standby) != nil)
    }

    @Test("Once a framework has had a scheduler here, its standby takes over at once, however new the master is")
    func noPatienceForKnown() {
        let stage = Stage()
        let (active, _) = stage.scheduler(id: "6-F1", shown: Subscription(epoch: 6, counter: 1, token: [1]))
        stage.step(.peerDisconnected(active))
        let (standby, _) = stage.scheduler(id: "6-F1", standby: true)
        #expect(stage.subscription(of: standby) != nil)
    }

    @Test(
        "A framework whose active scheduler is waited for is not removed meanwhile, however short its failover timeout")
    func timeoutWhileWaiting() {
        let stage = Stage {
            $0.minimumFailoverTimeout = .zero
            $0.standbyPatience = .seconds(20)
        }
        let (standby, _) = stage.scheduler(id: "6-F1", standby: true) { $0.failoverTimeout = .seconds(1) }
        stage.wait(.seconds(19))
        #expect(!stage.isClosed(standby) && stage.master.status(at: stage.now)?.frameworks == 1)
        stage.wait(.seconds(1))
        #expect(stage.subscription(of: standby) != nil)
    }

    @Test(
        "A framework that a new master learns of from an agent, and that has a standby, is not removed for want of a scheduler"
    )
    func learnedFromAgent() {
        let stage = Stage {
            $0.minimumFailoverTimeout = .seconds(1)
            $0.standbyPatience = .seconds(20)
        }
        let relay = stage.relay()
        stage.attach("h1", id: "6-A1", via: relay, tasks: [record(1, "6-F1", "t1", .running)], position: 10)
        let (standby, _) = stage.scheduler(id: "6-F1", standby: true)
        stage.wait(.seconds(19))
        #expect(stage.subscription(of: standby) == nil, "the active one may still come")
        stage.wait(.seconds(2))
        #expect(stage.subscription(of: standby) != nil)
        #expect(!stage.isClosed(standby) && stage.orders(relay) == [])
        #expect(stage.call(standby, "6-F1", .reconcile([])).count == 1)
    }

    @Test("A framework of which only standbys came, and went, is forgotten in its time")
    func standbysGone() {
        let stage = Stage()
        let (standby, _) = stage.scheduler(id: "6-F1", standby: true)
        stage.step(.peerDisconnected(standby))
        stage.wait(.seconds(11))
        #expect(stage.master.status(at: stage.now)?.frameworks == 0)
    }
}
