import Model
import Testing

@testable import AgentCore

/// Attachments, fences, and the choice of a relay.
struct RelayLinkTests {
    @Test("Nothing is said to a relay before the start is counted on disk")
    func startIsCountedFirst() {
        var machine = Machine()
        machine.isSyncing = false
        #expect(machine.boot().isEmpty)
        #expect(machine.sync() == [.seekRelay])
        #expect(machine.disk.map(\.kind) == ["configured", "started"])
        #expect(machine.disk.last == .started(starts: 1, boot: "boot-1"))
    }

    @Test("The first registration has no id; the master's answer gives one for life")
    func firstRegistration() {
        var machine = Machine()
        machine.boot()
        let effects = machine.attach()
        #expect(effects.registration?.agentID == nil)
        #expect(effects.registration?.attachment == Attachment(starts: 1, connects: 1))
        #expect(effects.registration?.hostname == "host-1")
        #expect(machine.disk.suffix(2) == [.epochSeen(1), .identity("1-A0")])
        machine.restart()
        #expect(machine.attach().registration?.agentID == "1-A0")
        #expect(machine.agent.attachment == Attachment(starts: 2, connects: 1))
    }

    @Test("Orders for another attachment are ignored")
    func attachmentFence() {
        var machine = Machine.registered()
        let order = AgentOrder.kill(Machine.key("t"), grace: nil, reason: "")
        let old = Attachment(starts: 1, connects: 0)
        machine.handle(.relay(Machine.relay, .order(1, old, order)))
        #expect(machine.facts.last == .orderIgnored(reason: "order for attachment 1.0, now 1.1"))
    }

    @Test("Orders of a master that has a successor are ignored, also after a restart")
    func epochFence() {
        var machine = Machine.registered()
        #expect(machine.launch(.command("a")).launched.count == 1)
        machine.handle(.relay(Machine.relay, .registered(machine.agent.attachment, "1-A0", 5)))
        machine.order(.kill(Machine.key("a"), grace: nil, reason: ""), epoch: 4)
        #expect(machine.facts.last == .orderIgnored(reason: "order of epoch 4, now 5"))
        machine.restart()
        #expect(machine.agent.hello.epoch == 5)
        #expect(machine.attach(epoch: 4).registration?.epoch == 5)
        #expect(machine.agent.summary.isRegistered == false)
    }

    @Test("A refused agent leaves the relay and comes again later")
    func refused() {
        var machine = Machine.registered()
        let effects = machine.handle(.relay(Machine.relay, .refused(machine.agent.attachment, message: "no")))
        #expect(
            effects == [
                .cancelTimer(.homecoming), .leaveRelay(nil),
                .setTimer(.relayRetry, at: machine.now + .seconds(30)),
            ])
        #expect(machine.fire(.relayRetry, after: .seconds(30)) == [.seekRelay])
    }

    @Test("Sent elsewhere, it tries that relay last")
    func goElsewhere() {
        var machine = Machine.registered { $0.relays = ["relay-1:5060", "relay-2:5060"] }
        let home = machine.agent.relayCandidates[0]
        machine.attach(PeerID(2), at: home)
        let effects = machine.handle(.relay(PeerID(2), .goElsewhere(message: "full")))
        #expect(effects == [.cancelTimer(.homecoming), .seekRelay])
        #expect(machine.agent.relayCandidates[1] == home)
    }

    @Test("An agent away from the relay of its name returns some time")
    func homecoming() {
        var machine = Machine.registered()
        let relays = (1...5).map { "relay-\($0):5060" }
        let order = RelayChoice.order(relays, for: "agent-1")
        machine.attach(PeerID(2), at: order[3])
        let effects = machine.handle(.relay(PeerID(2), .directory(relays: relays, masters: [])))
        guard case .setTimer(.homecoming, let at)? = effects.last else {
            Issue.record("no homecoming in \(effects)")
            return
        }
        #expect(at >= machine.now + .seconds(120) && at <= machine.now + .seconds(240))
        #expect(machine.fire(.homecoming) == [.seekRelay])
        #expect(machine.agent.relayCandidates == order)
        machine.attach(PeerID(3), at: order[0])
        #expect(machine.fire(.homecoming).isEmpty)
    }

    @Test("When a relay goes, only its agents move, and they spread over the others")
    func rendezvous() {
        let relays = (1...8).map { "relay-\($0):5060" }
        let agents = (0..<4000).map { "agent-\($0)" }
        let before = agents.map { RelayChoice.order(relays, for: $0)[0] }
        let after = agents.map { RelayChoice.order(relays.filter { $0 != "relay-3:5060" }, for: $0)[0] }
        for (old, new) in zip(before, after) where old != "relay-3:5060" { #expect(old == new) }
        for relay in relays {
            let share = before.count { $0 == relay }
            #expect((400...600).contains(share), "\(relay) has \(share)")
        }
        #expect(RelayChoice.order(relays.reversed(), for: "x") == RelayChoice.order(relays, for: "x"))
    }

    @Test("The operator's wish for no offers is kept, and told under a new attachment")
    func deactivation() {
        var machine = Machine.registered()
        let effects = machine.order(.setMode(.deactivated))
        #expect(effects.registration?.mode == .deactivated)
        #expect(effects.registration?.attachment == Attachment(starts: 1, connects: 2))
        machine.restart()
        #expect(machine.attach().registration?.mode == .deactivated)
    }

    @Test("Asked to, it registers anew: all that runs, and the epoch of who asks, when that is on disk")
    func restates() {
        var machine = Machine.registered()
        machine.launch(.command("t"))
        machine.isSyncing = false
        #expect(machine.order(.restate, epoch: 5).registration == nil)
        machine.isSyncing = true
        let effects = machine.sync()
        #expect(effects.registration?.attachment == Attachment(starts: 1, connects: 2))
        #expect(effects.registration?.epoch == 5)
        #expect(effects.registration?.tasks.map(\.key.task) == ["t"])
        #expect(machine.order(.restate, epoch: 4).registration == nil, "an earlier leader is not answered")
    }

    @Test("An agent that ends leaves its tasks running and launches nothing more")
    func shutsDown() {
        var machine = Machine.registered()
        machine.launch(.command("t"))
        let farewell = Refusal(.shuttingDown, "The agent ends; its tasks run on.")
        #expect(machine.handle(.shuttingDown) == [.leaveRelay(farewell)])
        #expect(machine.launch(.command("u")).isEmpty)
    }

    @Test("Messages go to the executor that is there, and are dropped otherwise")
    func messages() {
        var machine = Machine.registered()
        machine.launch(.custom("t"))
        let key = ExecutorKey(Machine.framework, "e")
        #expect(machine.order(.message(key, [1])).isEmpty)
        machine.started(1)
        machine.subscribe()
        #expect(machine.order(.message(key, [1])).toExecutor == [.message([1])])
        #expect(machine.call(.message([2])).toRelay == [.message(key, [2])])
        machine.handle(.relayDisconnected(Machine.relay))
        #expect(machine.call(.message([3])).isEmpty)
    }
}
