import Model
import RelayCore
import Testing

@Suite("Agents at a relay")
struct AgentTests {
    let agent = PeerID(10)

    @Test("An agent that attaches is told to the master, and what the master decides is told to it")
    func attaches() {
        var relay = Transcript()
        #expect(relay.on(.masterConnected(masterLink, welcome(7))) == [.sendToMaster(masterLink, .snapshotDone)])
        #expect(relay.on(.agentConnected(self.agent, agentHello("a"))) == [])
        #expect(
            relay.on(.agent(self.agent, .registration(registration(life(1, 1))))) == [
                .sendToMaster(
                    masterLink,
                    .agentAttached(index: 0, registration(life(1, 1)), sent: [], issuedEpoch: .none))
            ])
        #expect(
            relay.on(.master(masterLink, .agentAccepted(index: 0, life(1, 1), a1))) == [
                .sendToAgent(self.agent, .registered(life(1, 1), a1, 7))
            ])
        #expect(
            relay.on(.master(masterLink, .bookConfirmed(index: 0, life(1, 1), 3))) == [
                .sendToAgent(self.agent, .bookConfirmed(life(1, 1), 3))
            ])
        #expect(
            relay.on(.agentDisconnected(self.agent)) == [
                .sendToMaster(masterLink, .agentDetached(index: 0, life(1, 1)))
            ])
    }

    @Test(
        "What the master still says about an agent that is gone reaches no other: an index is given again to higher attachments"
    )
    func indexes() {
        var relay = Transcript.attached()
        _ = relay.on(.agentDisconnected(PeerID(10)))
        // The first life of another agent has the same attachment.
        _ = relay.on(.agentConnected(PeerID(11), agentHello("a2")))
        #expect(
            relay.on(.agent(PeerID(11), .registration(registration(life(1, 1))))).contains(
                .sendToMaster(
                    masterLink, .agentAttached(index: 1, registration(life(1, 1)), sent: [], issuedEpoch: .none))))
        #expect(relay.on(.master(masterLink, .agentAccepted(index: 0, life(1, 1), a1))) == [])
        // A later life of a third cannot be mistaken for what was there.
        _ = relay.on(.agentConnected(PeerID(12), agentHello("a3")))
        #expect(
            relay.on(.agent(PeerID(12), .registration(registration(life(1, 2))))).contains(
                .sendToMaster(
                    masterLink, .agentAttached(index: 0, registration(life(1, 2)), sent: [], issuedEpoch: .none))))
        #expect(relay.on(.master(masterLink, .bookConfirmed(index: 0, life(1, 1), 9))) == [])
    }

    @Test("However many first lives come and go, there are no more than twice as many indices as agents")
    func boundedIndexes() {
        var relay = Transcript.attached(settings(maxAgents: 3))
        var indexes: [UInt32] = []
        for number in 11..<31 as Range<UInt32> {
            _ = relay.on(.agentConnected(PeerID(number), agentHello("a\(number)")))
            for effect in relay.on(.agent(PeerID(number), .registration(registration(life(1, 1))))) {
                if case .sendToMaster(_, .agentAttached(let index, _, _, _)) = effect { indexes.append(index) }
            }
            _ = relay.on(.agentDisconnected(PeerID(number)))
        }
        #expect(indexes.prefix(8) == [1, 2, 3, 4, 5, 1, 2, 3])
        #expect(indexes.count == 20 && indexes.max() == 5)
    }

    @Test("A registration in pieces counts when its last piece is there, and goes to the master in pieces")
    func pieces() {
        var relay = Transcript()
        _ = relay.on(.masterConnected(masterLink, welcome(7)))
        _ = relay.on(.agentConnected(self.agent, agentHello("a")))
        var long = registration(life(1, 1))
        for number in 1...3000 as ClosedRange<UInt64> {
            var record = task(number, TaskID("t\(number)"))
            record.latestStatus = Bytes(repeating: 7, count: 800)
            long.tasks.append(record)
        }
        let pieces = long.pieces()
        #expect(pieces.count == 3)
        for piece in pieces.dropLast() { #expect(relay.on(.agent(self.agent, .registration(piece))) == []) }
        let sent = relay.on(.agent(self.agent, .registration(pieces.last!)))
        #expect(
            sent == pieces.map { .sendToMaster(masterLink, .agentAttached(index: 0, $0, sent: [], issuedEpoch: .none)) }
        )
        #expect(relay.relay.attachedAgents == 1)
    }

    @Test("A new attachment begins anew; pieces of the one before are forgotten")
    func interruptedPieces() {
        var relay = Transcript()
        _ = relay.on(.masterConnected(masterLink, welcome(7)))
        _ = relay.on(.agentConnected(self.agent, agentHello("a")))
        var first = registration(life(1, 1), tasks: [task(1, "t1")])
        first.isContinued = true
        #expect(relay.on(.agent(self.agent, .registration(first))) == [])
        let second = registration(life(1, 2), tasks: [task(2, "t2")])
        #expect(
            relay.on(.agent(self.agent, .registration(second))) == [
                .sendToMaster(masterLink, .agentAttached(index: 0, second, sent: [], issuedEpoch: .none))
            ])
    }

    @Test("Before its last piece an agent says nothing else")
    func piecesFirst() {
        var relay = Transcript()
        _ = relay.on(.agentConnected(self.agent, agentHello("a")))
        var first = registration(life(1, 1))
        first.isContinued = true
        _ = relay.on(.agent(self.agent, .registration(first)))
        guard case .close(self.agent, let refusal)? = relay.on(.agent(self.agent, .status(status("t1", 1)))).first
        else { return #expect(Bool(false), "the connection stays") }
        #expect(refusal.code == .malformed)
    }

    @Test("An agent that the master does not want is told why")
    func refused() {
        var relay = Transcript.attached()
        #expect(
            relay.on(.master(masterLink, .agentRefused(index: 0, life(1, 1), message: "removed"))) == [
                .sendToAgent(self.agent, .refused(life(1, 1), message: "removed"))
            ])
    }

    @Test("Orders and answers for an earlier life of an agent do not reach its present one")
    func attachmentsFence() {
        var relay = Transcript.attached()
        _ = relay.on(.agent(self.agent, .registration(registration(life(1, 2), id: a1))))
        let order = AgentOrder.kill(TaskKey(f1, "t1"), grace: nil, reason: "")
        #expect(relay.on(.master(masterLink, .order(index: 0, life(1, 1), order))) == [])
        #expect(relay.on(.master(masterLink, .agentAccepted(index: 0, life(1, 1), a1))) == [])
        #expect(relay.on(.master(masterLink, .bookConfirmed(index: 0, life(1, 1), 3))) == [])
        #expect(relay.on(.master(masterLink, .order(index: 9, life(1, 1), order))) == [])
        #expect(
            relay.on(.master(masterLink, .order(index: 0, life(1, 2), order))) == [
                .sendToAgent(self.agent, .order(7, life(1, 2), order))
            ])
    }

    @Test("An agent that comes back before its old connection is known to be dead replaces it under its index")
    func replaces() {
        var relay = Transcript.attached()
        let next = PeerID(11)
        _ = relay.on(.agentConnected(next, agentHello("a1-restarted")))
        let effects = relay.on(.agent(next, .registration(registration(life(2, 1), id: a1))))
        #expect(effects.count == 2)
        #expect(
            effects.contains { if case .close(self.agent, let refusal) = $0 { refusal.code == .stale } else { false } })
        #expect(
            effects.last
                == .sendToMaster(
                    masterLink,
                    .agentAttached(index: 0, registration(life(2, 1), id: a1), sent: [], issuedEpoch: 7)))
        #expect(relay.on(.agentDisconnected(self.agent)) == [], "it was closed already")
        #expect(relay.on(.agent(self.agent, .status(status("t1", 1)))) == [])
    }

    @Test("An agent that the master has not named yet is known again by its process")
    func replacesUnnamed() {
        var relay = Transcript()
        _ = relay.on(.masterConnected(masterLink, welcome(7)))
        _ = relay.on(.agentConnected(self.agent, agentHello("a")))
        _ = relay.on(.agent(self.agent, .registration(registration(life(1, 1)))))
        _ = relay.on(.agentConnected(PeerID(11), agentHello("a")))
        let effects = relay.on(.agent(PeerID(11), .registration(registration(life(1, 2)))))
        #expect(
            effects.last
                == .sendToMaster(
                    masterLink, .agentAttached(index: 0, registration(life(1, 2)), sent: [], issuedEpoch: .none)))
        #expect(relay.relay.attachedAgents == 1)
    }

    @Test("A connection that registers an attachment not above the known one is late, and closed")
    func late() {
        var relay = Transcript.attached()
        _ = relay.on(.agentConnected(PeerID(11), agentHello("b")))
        let effects = relay.on(.agent(PeerID(11), .registration(registration(life(1, 1), id: a1))))
        #expect(effects.count == 1)
        #expect(
            effects.contains { if case .close(PeerID(11), let refusal) = $0 { refusal.code == .stale } else { false } })
        #expect(relay.relay.attachedAgents == 1)
    }

    @Test("An agent that speaks before it registered is sent away")
    func speaksTooSoon() {
        var relay = Transcript()
        _ = relay.on(.agentConnected(self.agent, agentHello("a")))
        let effects = relay.on(.agent(self.agent, .status(status("t1", 1))))
        #expect(
            effects.contains {
                if case .close(self.agent, let refusal) = $0 { refusal.code == .malformed } else { false }
            })
        #expect(relay.on(.agent(self.agent, .status(status("t1", 1)))) == [])
    }

    @Test("A full relay sends agents to another, and has room again when one leaves")
    func full() {
        var relay = Transcript(settings(maxAgents: 1))
        #expect((try? relay.relay.admit(agentHello("a")).get()) != nil)
        _ = relay.on(.agentConnected(self.agent, agentHello("a")))
        guard case .failure(let refusal) = relay.relay.admit(agentHello("b")) else {
            Issue.record("admitted")
            return
        }
        #expect(refusal.code == .full)
        _ = relay.on(.agentDisconnected(self.agent))
        #expect((try? relay.relay.admit(agentHello("b")).get()) != nil)
    }

    @Test("An agent that registers as another, which is attached already, is refused; nobody else notices")
    func registersAsAnother() {
        var relay = Transcript.attached()
        relay.attach(PeerID(11), "b", index: 1, id: "7-A2")
        // Its connection was the first agent's so far: that one is gone.
        let effects = relay.on(.agent(PeerID(10), .registration(registration(life(1, 0), id: "7-A2"))))
        #expect(effects.contains(.sendToMaster(masterLink, .agentDetached(index: 0, life(1, 1)))))
        let refusals = effects.compactMap { if case .close(PeerID(10), let refusal) = $0 { refusal.code } else { nil } }
        #expect(refusals == [.stale])
        #expect(relay.relay.attachedAgents == 1)
    }

    @Test("A relay serves agents and schedulers, answers other relays, and refuses everybody else")
    func roles() {
        let relay = Transcript()
        for role in PeerRole.allCases where ![.agent, .scheduler, .relay].contains(role) {
            guard case .failure(let refusal) = relay.relay.admit(Hello(role: role, name: "x")) else {
                Issue.record("\(role) admitted")
                continue
            }
            #expect(refusal.code == .role)
        }
    }

    @Test("Agents learn relays and masters with their welcome, when they register, and a second after either changes")
    func directory() throws {
        var relay = Transcript.attached()
        let news = MasterToRelay.directory(relays: ["r1:1", "r2:1"], masters: ["m1:1"])
        let told = RelayToAgent.directory(relays: ["r1:1", "r2:1"], masters: ["m1:1"])
        #expect(relay.on(.master(masterLink, news)) == [.setTimer(.directory, at: at(1))])
        #expect(relay.on(.timerFired(.directory), at: at(1)) == [.sendToAgent(self.agent, told)])
        #expect(relay.on(.master(masterLink, news)) == [], "no news")
        let welcome = try relay.relay.admit(agentHello("b")).get()
        #expect(welcome.relays == ["r1:1", "r2:1"])
        #expect(welcome.masters == ["m1:1"])
        #expect(welcome.epoch == 7)
        _ = relay.on(.agentConnected(PeerID(11), agentHello("b")))
        let effects = relay.on(.agent(PeerID(11), .registration(registration(life(1, 1)))))
        #expect(effects.first == .sendToAgent(PeerID(11), told))
    }

    @Test("A relay that ends sends its agents elsewhere and takes nobody new")
    func endsCleanly() {
        var relay = Transcript.subscribed()
        let effects = relay.on(.shuttingDown)
        #expect(effects.first == .sendToAgent(self.agent, .goElsewhere(message: "this relay ends")))
        #expect(effects.dropFirst() == [.close(PeerID(20), Refusal(.shuttingDown, "this relay ends"))])
        guard case .failure(let refusal) = relay.relay.admit(agentHello("b")) else {
            Issue.record("admitted")
            return
        }
        #expect(refusal.code == .shuttingDown)
        #expect(relay.on(.schedulerDisconnected(PeerID(20))) == [])
    }

    @Test("A message of an executor goes to the scheduler, else to the master, else nowhere")
    func messages() {
        var relay = Transcript.subscribed()
        let key = ExecutorKey(f1, "e")
        #expect(
            relay.on(.agent(self.agent, .message(key, [5]))) == [
                .sendToScheduler(PeerID(20), .message(a1, "e", [5]))
            ])
        _ = relay.on(.schedulerDisconnected(PeerID(20)))
        #expect(
            relay.on(.agent(self.agent, .message(key, [5]))) == [
                .sendToMaster(masterLink, .message(index: 0, key, [5]))
            ])
        _ = relay.on(.masterDisconnected(masterLink))
        #expect(relay.facts(.agent(self.agent, .message(key, [5]))) == [.messageDropped(key)])
    }
}
