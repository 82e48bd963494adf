import Model
import Testing

@testable import RelayCore

@Suite("Where relays and masters are, as agents are told")
struct DirectoryTests {
    let both = ["r1:1", "r2:1"]

    /// Agents of peers from 10 on, with indices from 0 on.
    private func relay(agents: UInt32, _ settings: RelaySettings = settings()) -> Transcript {
        var relay = Transcript(settings)
        _ = relay.on(.masterConnected(masterLink, welcome(7)))
        _ = relay.on(.master(masterLink, .directory(relays: self.both, masters: ["m1:1", "m2:1"])))
        for index in 0..<agents {
            relay.attach(PeerID(10 + index), "a\(index)", index: index, id: AgentID("7-A\(index)"))
        }
        return relay
    }

    private func told(_ effects: [RelayState.Effect]) -> [PeerID] {
        effects.compactMap { if case .sendToAgent(let peer, .directory) = $0 { peer } else { nil } }
    }

    @Test("A takeover costs each agent one message, however often the new master learns of a relay")
    func takeover() {
        var relay = self.relay(agents: 50)
        _ = relay.on(.masterDisconnected(masterLink))
        let next = PeerID(2)
        var effects = relay.on(.masterConnected(next, welcome(8)))
        for relays in [["r2:1"], self.both] {
            effects += relay.on(.master(next, .directory(relays: relays, masters: ["m2:1", "m1:1"])))
        }
        for index in 0..<50 as Range<UInt32> {
            effects += relay.on(.master(next, .agentAccepted(index: index, life(1, 1), AgentID("7-A\(index)"))))
        }
        effects += relay.on(.master(next, .directory(relays: self.both, masters: ["m2:1"])))
        let sent = effects.filter { if case .sendToAgent = $0 { true } else { false } }
        #expect(sent.count == 50)
        #expect(effects.filter { $0 == .setTimer(.directory, at: at(1)) }.count == 1)
        #expect(self.told(relay.on(.timerFired(.directory), at: at(1))).count == 50)
        #expect(relay.on(.timerFired(.directory), at: at(2)) == [])
    }

    @Test("What is as before when agents would be told is no news")
    func flapping() {
        var relay = self.relay(agents: 2)
        _ = relay.on(.timerFired(.directory))
        #expect(relay.on(.master(masterLink, .directory(relays: ["r1:1"], masters: ["m1:1", "m2:1"]))).count == 1)
        // Who comes in between is told what holds then, and afterwards what holds now.
        let effects =
            relay.on(.agentConnected(PeerID(20), agentHello("late")))
            + relay.on(.agent(PeerID(20), .registration(registration(life(1, 1)))))
        #expect(self.told(effects) == [PeerID(20)])
        _ = relay.on(.master(masterLink, .directory(relays: self.both, masters: ["m1:1", "m2:1"])))
        let news = RelayToAgent.directory(relays: self.both, masters: ["m1:1", "m2:1"])
        #expect(relay.on(.timerFired(.directory), at: at(1)) == [.sendToAgent(PeerID(20), news)])
    }

    @Test("Agents are told in turns, and from the first on again if it changes meanwhile")
    func turns() {
        var limits = settings()
        limits.directoryPerTurn = 2
        var relay = self.relay(agents: 5, limits)
        _ = relay.on(.master(masterLink, .directory(relays: ["r1:1"], masters: [])))
        let first = relay.on(.timerFired(.directory), at: at(1))
        #expect(self.told(first) == [PeerID(10), PeerID(11)])
        #expect(first.last == .setTimer(.directory, at: at(1) + .milliseconds(50)))
        #expect(
            relay.on(.master(masterLink, .directory(relays: ["r3:1"], masters: [])), at: at(1))
                == [.setTimer(.directory, at: at(2))])
        #expect(self.told(relay.on(.timerFired(.directory), at: at(2))) == [PeerID(10), PeerID(11)])
        #expect(self.told(relay.on(.timerFired(.directory), at: at(2))) == [PeerID(12), PeerID(13)])
        let last = relay.on(.timerFired(.directory), at: at(2))
        #expect(last == [.sendToAgent(PeerID(14), .directory(relays: ["r3:1"], masters: []))])
    }

    @Test("An agent that is sent elsewhere is told first where that is")
    func goingElsewhere() {
        var relay = self.relay(agents: 1)
        _ = relay.on(.master(masterLink, .directory(relays: ["r2:1"], masters: [])))
        #expect(
            relay.on(.shuttingDown) == [
                .sendToAgent(PeerID(10), .directory(relays: ["r2:1"], masters: [])),
                .sendToAgent(PeerID(10), .goElsewhere(message: "this relay ends")),
            ])
    }

    @Test("Only the first master that knows an agent is worth a line about it")
    func acceptedAgain() {
        var relay = Transcript()
        _ = relay.on(.masterConnected(masterLink, welcome(7)))
        _ = relay.on(.agentConnected(PeerID(10), agentHello("a")))
        _ = relay.on(.agent(PeerID(10), .registration(registration(life(1, 1)))))
        #expect(
            relay.facts(.master(masterLink, .agentAccepted(index: 0, life(1, 1), a1)))
                == [.agentAccepted(a1, life(1, 1), isFirst: true)])
        _ = relay.on(.masterConnected(PeerID(2), welcome(8)))
        #expect(
            relay.facts(.master(PeerID(2), .agentAccepted(index: 0, life(1, 1), a1)))
                == [.agentAccepted(a1, life(1, 1), isFirst: false)])
    }
}
