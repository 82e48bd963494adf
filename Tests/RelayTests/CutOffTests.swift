import Model
import RelayCore
import Testing

@Suite("A relay without a master")
struct CutOffTests {
    private let agent = PeerID(10)

    /// One agent, two other relays, and since `start` no master.
    private func alone(_ settings: RelaySettings = settings(), agents: Int = 1) -> Transcript {
        var relay = Transcript.attached(settings)
        for index in 1..<max(1, agents) {
            relay.attach(PeerID(10 + UInt32(index)), "b\(index)", index: UInt32(index), id: AgentID("7-A\(index + 1)"))
        }
        _ = relay.on(.master(masterLink, .directory(relays: ["r1:1", "r2:1", "r3:1"], masters: [])))
        #expect(relay.on(.masterDisconnected(masterLink)) == [.setTimer(.cutOff, at: start + .seconds(10))])
        return relay
    }

    private func isAdmitted(_ hello: Hello, _ relay: Transcript) -> Bool {
        (try? relay.relay.admit(hello).get()) != nil
    }

    @Test("After 10 s it asks the others; if one has a master its agents are sent away, and no new ones admitted")
    func sendsAway() {
        var relay = self.alone()
        let asked = start + .seconds(10)
        #expect(
            relay.on(.timerFired(.cutOff), at: asked) == [
                .askRelays(["r2:1", "r3:1"]), .setTimer(.cutOff, at: asked + .seconds(5)),
            ])
        #expect(self.isAdmitted(agentHello("b"), relay))
        #expect(
            relay.on(.relayAnswered(address: "r2:1", 7), at: asked) == [
                .sendToAgent(self.agent, .directory(relays: ["r1:1", "r2:1", "r3:1"], masters: [])),
                .sendToAgent(self.agent, .goElsewhere(message: "this relay is cut off from the master")),
            ])
        #expect(relay.on(.relayAnswered(address: "r3:1", 7), at: asked) == [], "it is done already")
        guard case .failure(let refusal) = relay.relay.admit(agentHello("b")) else {
            Issue.record("admitted")
            return
        }
        #expect(refusal.code == .full)
    }

    @Test("An agent that was admitted before and registers only now is sent away, too")
    func lateRegistration() {
        var relay = self.alone()
        _ = relay.on(.agentConnected(PeerID(12), agentHello("c")))
        _ = relay.on(.timerFired(.cutOff), at: start + .seconds(10))
        _ = relay.on(.relayAnswered(address: "r2:1", 7), at: start + .seconds(10))
        let effects = relay.on(.agent(PeerID(12), .registration(registration(life(1, 1)))), at: start + .seconds(11))
        #expect(
            effects.contains(.sendToAgent(PeerID(12), .goElsewhere(message: "this relay is cut off from the master"))))
    }

    @Test("With no master anywhere, or with an outdated one only, everybody stays")
    func nobodyHasOne() {
        var relay = self.alone()
        _ = relay.on(.timerFired(.cutOff), at: start + .seconds(10))
        #expect(relay.on(.relayAnswered(address: "r2:1", .none), at: start + .seconds(10)) == [])
        #expect(relay.on(.relayAnswered(address: "r3:1", 6), at: start + .seconds(10)) == [])
        #expect(self.isAdmitted(agentHello("b"), relay))
        #expect(relay.on(.timerFired(.cutOff), at: start + .seconds(15)).first == .askRelays(["r2:1", "r3:1"]))
    }

    @Test("A master that is back in time is all that was wanted")
    func backInTime() {
        var relay = self.alone()
        #expect(relay.on(.masterConnected(PeerID(2), welcome(8))).contains(.cancelTimer(.cutOff)))
        #expect(relay.on(.timerFired(.cutOff), at: start + .seconds(10)) == [])
        #expect(relay.on(.relayAnswered(address: "r2:1", 8), at: start + .seconds(10)) == [])
    }

    @Test("When it reaches the master again it takes agents again")
    func backLate() {
        var relay = self.alone()
        _ = relay.on(.timerFired(.cutOff), at: start + .seconds(10))
        _ = relay.on(.relayAnswered(address: "r2:1", 7), at: start + .seconds(10))
        _ = relay.on(.masterConnected(PeerID(2), welcome(7)), at: start + .seconds(20))
        #expect(self.isAdmitted(agentHello("b"), relay))
    }

    @Test("When the others have lost their master, too, it takes agents again")
    func othersLostIt() {
        var relay = self.alone()
        _ = relay.on(.timerFired(.cutOff), at: start + .seconds(10))
        _ = relay.on(.relayAnswered(address: "r2:1", 7), at: start + .seconds(10))
        for second in [15, 20, 25] { _ = relay.on(.timerFired(.cutOff), at: start + .seconds(second)) }
        #expect(!self.isAdmitted(agentHello("b"), relay))
        _ = relay.on(.timerFired(.cutOff), at: start + .seconds(30))
        #expect(self.isAdmitted(agentHello("b"), relay))
    }

    @Test("Many agents leave some at a time")
    func inTurns() {
        var limits = settings()
        limits.leavingPerTurn = 2
        var relay = self.alone(limits, agents: 5)
        let asked = start + .seconds(10)
        _ = relay.on(.timerFired(.cutOff), at: asked)
        func left(_ effects: [RelayState.Effect]) -> [PeerID] {
            effects.compactMap { if case .sendToAgent(let peer, .goElsewhere) = $0 { peer } else { nil } }
        }
        let first = relay.on(.relayAnswered(address: "r2:1", 7), at: asked)
        #expect(left(first) == [PeerID(10), PeerID(11)])
        #expect(first.last == .setTimer(.leaving, at: asked + .milliseconds(100)))
        #expect(left(relay.on(.timerFired(.leaving), at: asked)) == [PeerID(12), PeerID(13)])
        #expect(left(relay.on(.timerFired(.leaving), at: asked)) == [PeerID(14)])
    }

    @Test("Another relay that asks is told of the master that is followed, or that none is")
    func answers() throws {
        var relay = Transcript.attached()
        #expect(try relay.relay.admit(Hello(role: .relay, name: "r2")).get().epoch == 7)
        _ = relay.on(.masterDisconnected(masterLink))
        #expect(try relay.relay.admit(Hello(role: .relay, name: "r2")).get().epoch == .none)
    }

    @Test("A relay that has had no master since its start asks those that are listed, and sends its agents there")
    func neverHadOne() {
        var relay = Transcript()
        let listed = ["r1:1", "r2:1"]
        #expect(relay.on(.relaysListed(listed)) == [.setTimer(.cutOff, at: at(10))])
        _ = relay.on(.agentConnected(self.agent, agentHello("a")))
        _ = relay.on(.agent(self.agent, .registration(registration(life(1, 1), epoch: 7))), at: at(1))
        #expect(relay.on(.relaysListed(listed), at: at(2)) == [], "it counts from the first time on")
        #expect((try? relay.relay.admit(agentHello("b")).get().relays) == listed)
        #expect(
            relay.on(.timerFired(.cutOff), at: at(10)) == [.askRelays(["r2:1"]), .setTimer(.cutOff, at: at(15))])
        #expect(relay.on(.relayAnswered(address: "r2:1", 6), at: at(10)) == [], "the agent has seen a later one")
        let effects = relay.on(.relayAnswered(address: "r2:1", 7), at: at(10))
        #expect(
            effects.filter { if case .sendToAgent = $0 { true } else { false } } == [
                .sendToAgent(self.agent, .directory(relays: listed, masters: [])),
                .sendToAgent(self.agent, .goElsewhere(message: "this relay is cut off from the master")),
            ])
        #expect(!self.isAdmitted(agentHello("b"), relay))
        // What it knew by the list gives way to what a master says.
        _ = relay.on(.masterConnected(PeerID(2), welcome(7)), at: at(20))
        _ = relay.on(.master(PeerID(2), .directory(relays: ["r1:1", "r3:1"], masters: ["m:1"])), at: at(20))
        #expect(self.isAdmitted(agentHello("b"), relay))
        _ = relay.on(.agentConnected(PeerID(11), agentHello("b")), at: at(20))
        let told = relay.on(.agent(PeerID(11), .registration(registration(life(1, 1)))), at: at(20))
        #expect(told.contains(.sendToAgent(PeerID(11), .directory(relays: ["r1:1", "r3:1"], masters: ["m:1"]))))
    }

    @Test("A relay that starts alone waits for others to be listed; one whose master comes in time asks nobody")
    func othersListedLater() {
        var relay = Transcript()
        #expect(relay.on(.relaysListed(["r1:1"])) == [])
        #expect(relay.on(.relaysListed(["r1:1", "r2:1"]), at: at(3)) == [.setTimer(.cutOff, at: at(13))])
        #expect(relay.on(.masterConnected(masterLink, welcome(7)), at: at(4)).contains(.cancelTimer(.cutOff)))
        #expect(relay.on(.relaysListed(["r1:1", "r3:1"]), at: at(5)) == [], "a master says more")
        #expect(relay.on(.timerFired(.cutOff), at: at(13)) == [])
    }

    @Test("A relay that has come since the master was lost is asked, too, and agents are told of it")
    func listedSince() {
        var relay = self.alone()
        _ = relay.on(.relaysListed(["r1:1", "r9:1"]), at: at(5))
        let all = ["r2:1", "r3:1", "r9:1"]
        #expect(relay.on(.timerFired(.cutOff), at: at(10)).first == .askRelays(all))
        let effects = relay.on(.relayAnswered(address: "r9:1", 7), at: at(10))
        #expect(effects.contains(.sendToAgent(self.agent, .directory(relays: ["r1:1"] + all, masters: []))))
    }

    @Test("While there is a master its word alone says which relays there are")
    func masterKnowsBetter() {
        var relay = Transcript.attached()
        _ = relay.on(.master(masterLink, .directory(relays: ["r1:1"], masters: [])))
        _ = relay.on(.relaysListed(["r1:1", "r9:1"]))
        #expect((try? relay.relay.admit(agentHello("b")).get().relays) == ["r1:1"])
        _ = relay.on(.masterDisconnected(masterLink))
        #expect((try? relay.relay.admit(agentHello("b")).get().relays) == ["r1:1", "r9:1"])
    }

    @Test("An only relay keeps its agents, and asks nobody")
    func onlyOne() {
        var relay = Transcript.attached()
        _ = relay.on(.master(masterLink, .directory(relays: ["r1:1"], masters: [])))
        #expect(relay.on(.masterDisconnected(masterLink)) == [])
    }
}
