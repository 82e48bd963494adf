import Model
import RelayCore
import Testing

@Suite("Schedulers at a relay")
struct SchedulerTests {
    let agent = PeerID(10)
    let scheduler = PeerID(20)

    @Test("A status goes to the scheduler of the subscription in force, and its acknowledgement to the agent")
    func delivers() {
        var relay = Transcript.subscribed()
        #expect(
            relay.on(.agent(self.agent, .status(status("t1", 1)))) == [
                .sendToScheduler(self.scheduler, update(status("t1", 1)))
            ])
        #expect(relay.relay.heldStatuses == 1)
        #expect(
            relay.on(.scheduler(self.scheduler, acknowledgement("t1", 1))) == [
                .sendToAgent(self.agent, .order(7, life(1, 1), .acknowledge(TaskKey(f1, "t1"), uuid: [1])))
            ])
        #expect(relay.relay.heldStatuses == 0)
        #expect(relay.relay.heldBytes == 0)
    }

    @Test("A status that the agent sends again is given again, and held once")
    func copies() {
        var relay = Transcript.subscribed()
        let given: [RelayState.Effect] = [.sendToScheduler(self.scheduler, update(status("t1", 1)))]
        #expect(relay.on(.agent(self.agent, .status(status("t1", 1)))) == given)
        #expect(relay.on(.agent(self.agent, .status(status("t1", 1)))) == given)
        #expect(relay.relay.heldStatuses == 1)
    }

    @Test("Who acknowledges a status of a task has the earlier ones too")
    func cumulative() {
        var relay = Transcript.subscribed()
        for uuid in 1...3 as ClosedRange<UInt8> { _ = relay.on(.agent(self.agent, .status(status("t1", uuid)))) }
        _ = relay.on(.agent(self.agent, .status(status("t2", 9))))
        _ = relay.on(.scheduler(self.scheduler, acknowledgement("t1", 2)))
        #expect(relay.relay.heldStatuses == 2)
    }

    @Test("A scheduler that connects is given all that waited for it, oldest first")
    func waits() {
        var relay = Transcript.attached()
        _ = relay.on(.agent(self.agent, .status(status("t1", 1))))
        _ = relay.on(.master(masterLink, notice(subscription(7, 1))))
        #expect(relay.on(.agent(self.agent, .status(status("t2", 2)))) == [])
        #expect(
            relay.on(.schedulerConnected(self.scheduler, schedulerHello(subscription(7, 1)))) == [
                .cancelTimer(.fallback(f1)),
                .sendToScheduler(self.scheduler, update(status("t1", 1))),
                .sendToScheduler(self.scheduler, update(status("t2", 2))),
            ])
    }

    @Test("If the scheduler does not connect within a second its updates go through the master")
    func fallsBack() {
        var relay = Transcript.attached()
        _ = relay.on(.agent(self.agent, .status(status("t1", 1))))
        #expect(
            relay.on(.master(masterLink, notice(subscription(7, 1)))) == [.setTimer(.fallback(f1), at: at(1))])
        #expect(
            relay.on(.timerFired(.fallback(f1)), at: at(1)) == [
                .sendToMaster(masterLink, .status(index: 0, status("t1", 1), subscription: 1))
            ])
        #expect(
            relay.on(.agent(self.agent, .status(status("t2", 2)))) == [
                .sendToMaster(masterLink, .status(index: 0, status("t2", 2), subscription: 1))
            ])
        // The master passes the acknowledgement on as an order.
        let acknowledge = AgentOrder.acknowledge(TaskKey(f1, "t1"), uuid: [1])
        #expect(
            relay.on(.master(masterLink, .order(index: 0, life(1, 1), acknowledge))) == [
                .sendToAgent(self.agent, .order(7, life(1, 1), acknowledge))
            ])
        // It connects after all: what it has not acknowledged comes from here now.
        #expect(
            relay.on(.schedulerConnected(self.scheduler, schedulerHello(subscription(7, 1))), at: at(3)) == [
                .sendToScheduler(self.scheduler, update(status("t2", 2)))
            ])
    }

    @Test("A scheduler that asked for no relays gets its updates through the master at once")
    func masterOnly() {
        var relay = Transcript.attached()
        _ = relay.on(.agent(self.agent, .status(status("t1", 1))))
        #expect(
            relay.on(.master(masterLink, notice(subscription(7, 1), relays: false))) == [
                .sendToMaster(masterLink, .status(index: 0, status("t1", 1), subscription: 1))
            ])
    }

    @Test("A scheduler that loses its connection here gets a second, then the master helps out")
    func losesConnection() {
        var relay = Transcript.subscribed()
        #expect(
            relay.on(.schedulerDisconnected(self.scheduler), at: at(5)) == [.setTimer(.fallback(f1), at: at(6))])
        #expect(relay.on(.agent(self.agent, .status(status("t1", 1))), at: at(5.5)) == [])
        #expect(
            relay.on(.timerFired(.fallback(f1)), at: at(6)) == [
                .sendToMaster(masterLink, .status(index: 0, status("t1", 1), subscription: 1))
            ])
    }

    @Test("Without a scheduler statuses wait; the next one, of a higher subscription, gets them")
    func schedulerFailover() {
        var relay = Transcript.subscribed()
        _ = relay.on(.agent(self.agent, .status(status("t1", 1))))
        let effects = relay.on(.master(masterLink, notice(subscription(7, 2))))
        #expect(effects.contains(.sendToScheduler(self.scheduler, .error("Framework failed over", leader: nil))))
        #expect(
            effects.contains {
                if case .close(self.scheduler, let refusal) = $0 { refusal.code == .stale } else { false }
            })
        #expect(relay.on(.agent(self.agent, .status(status("t2", 2)))) == [])
        #expect(relay.on(.scheduler(self.scheduler, acknowledgement("t1", 1))) == [], "it is not the scheduler now")
        #expect(
            relay.on(.schedulerConnected(PeerID(21), schedulerHello(subscription(7, 2)))) == [
                .cancelTimer(.fallback(f1)),
                .sendToScheduler(PeerID(21), update(status("t1", 1))),
                .sendToScheduler(PeerID(21), update(status("t2", 2))),
            ])
        _ = relay.on(.schedulerDisconnected(PeerID(21)), at: at(1))
        _ = relay.on(.master(masterLink, notice(subscription(7, 2), connected: false)), at: at(1))
        #expect(relay.on(.timerFired(.fallback(f1)), at: at(2)) == [], "there is no scheduler to fall back for")
    }

    @Test("Only the subscription in force may connect: a lower one and a wrong token are refused")
    func fence() {
        var relay = Transcript.attached()
        _ = relay.on(.master(masterLink, notice(subscription(7, 2))))
        #expect((try? relay.relay.admit(schedulerHello(subscription(7, 2))).get()) != nil)
        for wrong in [subscription(7, 1), subscription(6, 9), subscription(7, 2, token: 99)] {
            guard case .failure(let refusal) = relay.relay.admit(schedulerHello(wrong)) else {
                Issue.record("\(wrong) admitted")
                continue
            }
            #expect(refusal.code == .stale)
        }
        guard case .failure(let refusal) = relay.relay.admit(Hello(role: .scheduler, name: "s")) else {
            Issue.record("admitted")
            return
        }
        #expect(refusal.code == .malformed)
        // The notice of a higher one came between the handshake and its end.
        let effects = relay.on(.schedulerConnected(self.scheduler, schedulerHello(subscription(7, 1))))
        #expect(effects.contains { if case .close(self.scheduler, _) = $0 { true } else { false } })
    }

    @Test("A scheduler quicker than the notice of its subscription waits for it, two seconds at most")
    func quickerThanNotice() {
        var relay = Transcript.attached()
        _ = relay.on(.agent(self.agent, .status(status("t1", 1))))
        #expect((try? relay.relay.admit(schedulerHello(subscription(7, 1))).get()) != nil)
        #expect(
            relay.on(.schedulerConnected(self.scheduler, schedulerHello(subscription(7, 1)))) == [
                .setTimer(.fence(self.scheduler), at: at(2))
            ])
        #expect(
            relay.on(.master(masterLink, notice(subscription(7, 1))), at: at(1)) == [
                .cancelTimer(.fence(self.scheduler)),
                .sendToScheduler(self.scheduler, update(status("t1", 1))),
            ])
        _ = relay.on(.schedulerConnected(PeerID(21), schedulerHello(subscription(7, 2))), at: at(1))
        let effects = relay.on(.timerFired(.fence(PeerID(21))), at: at(3))
        #expect(
            effects.contains {
                if case .close(PeerID(21), let refusal) = $0 { refusal.code == .stale } else { false }
            })
        #expect(
            relay.on(.agent(self.agent, .status(status("t2", 2)))) == [
                .sendToScheduler(self.scheduler, update(status("t2", 2)))
            ])
    }

    @Test("A late notice of a lower subscription changes nothing")
    func lateNotice() {
        var relay = Transcript.subscribed()
        _ = relay.on(.master(masterLink, notice(subscription(7, 0))))
        #expect(
            relay.on(.agent(self.agent, .status(status("t1", 1)))) == [
                .sendToScheduler(self.scheduler, update(status("t1", 1)))
            ])
    }

    @Test("While masters change, updates and acknowledgements flow on")
    func masterFailover() {
        var relay = Transcript.subscribed()
        _ = relay.on(.masterDisconnected(masterLink))
        #expect(
            relay.on(.agent(self.agent, .status(status("t1", 1)))) == [
                .sendToScheduler(self.scheduler, update(status("t1", 1)))
            ])
        #expect(relay.on(.scheduler(self.scheduler, acknowledgement("t1", 1))).count == 1)
    }

    @Test("A new master is given statuses for schedulers only when it has told of them itself")
    func newMasterKnowsNoSchedulers() {
        var relay = Transcript.attached()
        _ = relay.on(.master(masterLink, notice(subscription(7, 1), relays: false)))
        _ = relay.on(.agent(self.agent, .status(status("t1", 1))))
        let next = PeerID(2)
        let effects = relay.on(.masterConnected(next, welcome(8)))
        #expect(!effects.contains(.sendToMaster(next, .status(index: 0, status("t1", 1), subscription: 1))))
        #expect(
            relay.on(.master(next, notice(subscription(8, 1), relays: false))) == [
                .sendToMaster(next, .status(index: 0, status("t1", 1), subscription: 1))
            ])
    }

    @Test("When a framework is removed its scheduler is told, and its statuses are forgotten")
    func removed() {
        var relay = Transcript.subscribed()
        _ = relay.on(.agent(self.agent, .status(status("t1", 1))))
        let effects = relay.on(.master(masterLink, .frameworkRemoved(f1)))
        #expect(effects.first == .sendToScheduler(self.scheduler, .error("Framework has been removed", leader: nil)))
        #expect(relay.relay.heldStatuses == 0)
        #expect(relay.on(.agent(self.agent, .status(status("t1", 2)))) == [])
        #expect(relay.relay.heldStatuses == 0)
        guard case .failure(let refusal) = relay.relay.admit(schedulerHello(subscription(7, 5))) else {
            Issue.record("admitted")
            return
        }
        #expect(refusal.code == .unknownPeer)
    }

    @Test("Anything but an acknowledgement is answered with an error, and the connection stays")
    func otherCalls() {
        var relay = Transcript.subscribed()
        let effects = relay.on(.scheduler(self.scheduler, SchedulerCall(frameworkID: f1, .teardown)))
        #expect(effects.count == 1)
        #expect(
            effects.contains { if case .sendToScheduler(self.scheduler, .error) = $0 { true } else { false } })
        #expect(relay.on(.scheduler(self.scheduler, acknowledgement("t1", 1))).count == 1)
    }

    @Test("An acknowledgement for an agent that is elsewhere is dropped: the agent sends its status again there")
    func agentElsewhere() {
        var relay = Transcript.subscribed()
        #expect(
            relay.facts(.scheduler(self.scheduler, acknowledgement("t1", 1, on: "7-A9"))) == [
                .acknowledgementDropped(f1, "7-A9")
            ])
    }

    @Test("A scheduler that no master has told of is sent away, and nowhere else")
    func sentNowhere() {
        var relay = Transcript.attached()
        _ = relay.on(.master(masterLink, .directory(relays: ["r1:1"], masters: ["m1:5050"])))
        _ = relay.on(.schedulerConnected(PeerID(20), schedulerHello(subscription(7, 1))))
        let effects = relay.on(.timerFired(.fence(PeerID(20))), at: at(2))
        let refusals = effects.compactMap { if case .close(PeerID(20), let refusal) = $0 { refusal } else { nil } }
        #expect(refusals.count == 1)
        #expect(refusals.allSatisfy { $0.code == .stale && $0.leader == nil })
    }

    @Test("A status that was on its way when its agent was asked for an earlier one does not overtake it")
    func nothingOvertakes() {
        var relay = Transcript.subscribed(settings(heldBytes: 2000))
        let scheduler = PeerID(20)
        let (first, second) = (status("t", 2, size: 1500), status("t", 3, size: 1500))
        #expect(relay.on(.agent(self.agent, .status(status("x", 1, size: 1500)))).count == 1)
        #expect(relay.on(.agent(self.agent, .status(first))) == [])
        #expect(
            relay.on(.scheduler(scheduler, acknowledgement("x", 1))).contains(.sendToAgent(self.agent, .resend(f1))))
        // It would fit. Who has never heard of the task would take it for the first.
        #expect(relay.on(.agent(self.agent, .status(second))) == [])
        #expect(relay.relay.heldBytes == 0)
        _ = relay.on(.agent(self.agent, .resending(f1)))
        #expect(relay.on(.agent(self.agent, .status(first))) == [.sendToScheduler(scheduler, update(first))])
        #expect(relay.on(.agent(self.agent, .status(second))) == [], "there is no room")
        #expect(
            relay.on(.scheduler(scheduler, acknowledgement("t", 2))).contains(.sendToAgent(self.agent, .resend(f1))))
        // What is not sent again was acknowledged meanwhile, and keeps nothing out.
        _ = relay.on(.agent(self.agent, .resending(f1)))
        #expect(relay.on(.agent(self.agent, .status(second))) == [.sendToScheduler(scheduler, update(second))])
    }

    @Test(
        "An agent of an earlier version, which does not say where it begins, attaches again instead; nothing overtakes")
    func earlierVersion() {
        var relay = Transcript.subscribed(settings(heldBytes: 2000))
        let scheduler = PeerID(20), old = PeerID(30)
        relay.attach(old, "b", index: 1, id: "7-B1", revision: ProtocolRevision.first)
        let (first, second) = (status("t", 2, size: 1500), status("t", 3, size: 100))
        #expect(relay.on(.agent(old, .status(status("x", 1, size: 1500)))).count == 1)
        #expect(relay.on(.agent(old, .status(first))) == [])
        let effects = relay.on(.scheduler(scheduler, acknowledgement("x", 1, on: "7-B1")))
        #expect(
            effects.first
                == .sendToAgent(old, .order(7, life(1, 1), .acknowledge(TaskKey(f1, "x"), uuid: [1]))))
        #expect(effects.contains { if case .close(old, _) = $0 { true } else { false } }, "\(effects)")
        #expect(effects.contains(.sendToMaster(masterLink, .agentDetached(index: 1, life(1, 1)))))
        // What was on its way when the connection ended.
        #expect(relay.on(.agent(old, .status(second))) == [])
        #expect(relay.on(.agentDisconnected(old)) == [])
        let again = PeerID(31)
        relay.attach(again, "b", index: 1, id: "7-B1", connects: 2, revision: ProtocolRevision.first)
        #expect(relay.on(.agent(again, .status(first))) == [.sendToScheduler(scheduler, update(first))])
        #expect(relay.on(.agent(again, .status(second))) == [.sendToScheduler(scheduler, update(second))])
    }

    @Test("It is told first what was acknowledged, or it would send that again in place of the rest, for ever")
    func earlierVersionHearsFirst() {
        var limits = settings(heldBytes: 2000)
        limits.acknowledgementDelay = .seconds(1)
        var relay = Transcript.subscribed(limits)
        let old = PeerID(30)
        relay.attach(old, "b", index: 1, id: "7-B1", revision: ProtocolRevision.first)
        for (task, uuid) in [("x", 1), ("t", 2)] as [(String, UInt8)] {
            _ = relay.on(.agent(old, .status(status(task, uuid, size: 1500))))
        }
        let effects = relay.on(.scheduler(PeerID(20), acknowledgement("x", 1, on: "7-B1")))
        let told = RelayToAgent.order(7, life(1, 1), .acknowledge(TaskKey(f1, "x"), uuid: [1]))
        let kinds = effects.compactMap { effect -> String? in
            switch effect {
            case .sendToAgent(old, told): "acknowledged"
            case .close(old, _): "closed"
            default: nil
            }
        }
        #expect(kinds == ["acknowledged", "closed"])
    }

    @Test("Acknowledgements through the master end an agent of an earlier version as well")
    func earlierVersionThroughMaster() {
        var relay = Transcript.attached(settings(heldBytes: 2000))
        let old = PeerID(30)
        relay.attach(old, "b", index: 1, id: "7-B1", revision: ProtocolRevision.first)
        _ = relay.on(.master(masterLink, notice(subscription(7, 1), relays: false)))
        _ = relay.on(.agent(old, .status(status("x", 1, size: 1500))))
        _ = relay.on(.agent(old, .status(status("t", 2, size: 1500))))
        let order = AgentOrder.acknowledge(TaskKey(f1, "x"), uuid: [1])
        let effects = relay.on(.master(masterLink, .order(index: 1, life(1, 1), order)))
        #expect(effects.first == .sendToAgent(old, .order(7, life(1, 1), order)))
        #expect(effects.contains { if case .close(old, _) = $0 { true } else { false } }, "\(effects)")
    }

    @Test("An agent that attaches again before it has answered is asked again, when it has more again")
    func askedBeforeItLeft() {
        var relay = Transcript.subscribed(settings(heldBytes: 2000))
        let scheduler = PeerID(20)
        for (number, peer) in [(1, PeerID(30)), (2, PeerID(31))] as [(UInt64, PeerID)] {
            relay.attach(peer, "b", index: 1, id: "7-B1", connects: number)
            let (held, dropped) = (UInt8(10 * number), UInt8(10 * number + 1))
            _ = relay.on(.agent(peer, .status(status("x\(number)", held, size: 1500))))
            _ = relay.on(.agent(peer, .status(status("y\(number)", dropped, size: 1500))))
            let effects = relay.on(.scheduler(scheduler, acknowledgement("x\(number)", held, on: "7-B1")))
            #expect(effects.contains(.sendToAgent(peer, .resend(f1))), "attachment \(number)")
        }
    }

    @Test("A framework's share of memory is bounded: agents that have more are asked again when there is room")
    func bounded() {
        // Statuses of 1000 bytes count as 1163 with what it takes to keep them; five fit.
        var relay = Transcript.subscribed(settings(heldBytes: 6000))
        relay.attach(PeerID(11), "a2", index: 1, id: "7-A2")
        for uuid in 1...5 as ClosedRange<UInt8> {
            #expect(relay.on(.agent(self.agent, .status(status("t\(uuid)", uuid, size: 1000)))).count == 1)
        }
        #expect(relay.facts(.agent(self.agent, .status(status("t6", 6, size: 1000)))) == [.statusesDropped(f1, a1)])
        #expect(relay.on(.agent(PeerID(11), .status(status("u1", 7, size: 1000)))) == [])
        // A small one would fit, but must not overtake those that did not.
        #expect(relay.on(.agent(self.agent, .status(status("t6", 8)))) == [])
        #expect(relay.relay.heldStatuses == 5)
        for uuid in 1...2 as ClosedRange<UInt8> {
            #expect(
                relay.on(.scheduler(self.scheduler, acknowledgement("t\(uuid)", uuid))).count == 1, "more than half")
        }
        #expect(
            relay.on(.scheduler(self.scheduler, acknowledgement("t3", 3))).dropFirst() == [
                .sendToAgent(self.agent, .resend(f1)), .sendToAgent(PeerID(11), .resend(f1)),
            ])
        // What was under way when they were asked must not overtake either.
        #expect(relay.on(.agent(self.agent, .status(status("t6", 8)))) == [])
        // They send again: what is held still, and the rest in order.
        #expect(relay.on(.agent(self.agent, .resending(f1))) == [])
        for (id, uuid) in [("t4", 4), ("t5", 5), ("t6", 6), ("t6", 8)] as [(String, UInt8)] {
            #expect(relay.on(.agent(self.agent, .status(status(id, uuid, size: 500)))).count == 1)
        }
        #expect(relay.relay.heldStatuses == 4)
    }

    @Test("Many agents that have more are asked a few at a time")
    func asksInTurns() {
        var small = settings(heldBytes: 2000)
        small.resendsPerTurn = 2
        var relay = Transcript.subscribed(small)
        _ = relay.on(.agent(self.agent, .status(status("t", 1, size: 1500))))
        for index in 1...3 as ClosedRange<UInt32> {
            relay.attach(PeerID(30 + index), "b\(index)", index: index, id: AgentID("7-B\(index)"))
            _ = relay.on(.agent(PeerID(30 + index), .status(status("u\(index)", UInt8(index) + 1, size: 1500))))
        }
        let effects = relay.on(.scheduler(self.scheduler, acknowledgement("t", 1)))
        #expect(
            effects.dropFirst() == [
                .sendToAgent(PeerID(31), .resend(f1)), .sendToAgent(PeerID(32), .resend(f1)),
                .setTimer(.resend(f1), at: at(0.1)),
            ])
        #expect(relay.on(.timerFired(.resend(f1)), at: at(0.1)) == [.sendToAgent(PeerID(33), .resend(f1))])
    }

    @Test("An agent that leaves takes its statuses with it; it sends them again where it attaches")
    func agentLeaves() {
        var relay = Transcript.subscribed()
        _ = relay.on(.agent(self.agent, .status(status("t1", 1))))
        _ = relay.on(.agentDisconnected(self.agent))
        #expect(relay.relay.heldStatuses == 0)
        #expect(relay.relay.heldBytes == 0)
    }

    @Test("A newer connection of the same scheduler replaces the older one")
    func reconnects() {
        var relay = Transcript.subscribed()
        _ = relay.on(.agent(self.agent, .status(status("t1", 1))))
        let effects = relay.on(.schedulerConnected(PeerID(21), schedulerHello(subscription(7, 1))))
        #expect(effects.contains { if case .close(self.scheduler, _) = $0 { true } else { false } })
        #expect(effects.last == .sendToScheduler(PeerID(21), update(status("t1", 1))))
        #expect(relay.on(.schedulerDisconnected(self.scheduler)) == [])
    }

    @Test("A long redelivery goes in turns and in order, and new statuses wait behind it")
    func redeliversInTurns() {
        var relay = Transcript.attached(settings(bulkBytes: 1000))
        for uuid in 1...4 as ClosedRange<UInt8> {
            _ = relay.on(.agent(self.agent, .status(status("t\(uuid)", uuid, size: 500))))
        }
        _ = relay.on(.master(masterLink, notice(subscription(7, 1))))
        var given: [Bytes] = []
        func give(_ effects: [RelayState.Effect]) {
            for case .sendToScheduler(_, .update(.encoded(let bytes))) in effects { given.append(bytes) }
        }
        give(relay.on(.schedulerConnected(self.scheduler, schedulerHello(subscription(7, 1)))))
        #expect(given.count == 2)
        give(relay.on(.agent(self.agent, .status(status("t5", 5, size: 500)))))
        #expect(given.count == 2)
        give(relay.on(.timerFired(.bulk)))
        give(relay.on(.timerFired(.bulk)))
        #expect(given == (1...5).map { status("t", UInt8($0), size: 500).status })
    }
}
