import Model
import RelayCore
import Testing

@Suite("A relay and its masters")
struct MasterTests {
    let agent = PeerID(10)

    @Test("What agents register while there is no master is told to the next one")
    func pending() {
        var relay = Transcript()
        for peer in 10..<13 as Range<UInt32> {
            _ = relay.on(.agentConnected(PeerID(peer), agentHello("a\(peer)")))
            #expect(relay.on(.agent(PeerID(peer), .registration(registration(life(1, 1))))) == [])
        }
        _ = relay.on(.agentDisconnected(PeerID(11)))
        #expect(
            relay.on(.masterConnected(masterLink, welcome(1))) == [
                .sendToMaster(
                    masterLink, .agentAttached(index: 0, registration(life(1, 1)), sent: [], issuedEpoch: .none)),
                .sendToMaster(
                    masterLink, .agentAttached(index: 2, registration(life(1, 1)), sent: [], issuedEpoch: .none)),
                .sendToMaster(masterLink, .snapshotDone),
            ])
        #expect(relay.relay.followedEpoch == 1)
    }

    @Test("An epoch that an agent has seen counts before it is on the agent's disk, and its registration shows it")
    func epochOfHello() {
        var relay = Transcript.attached()
        var hello = agentHello("b")
        hello.epoch = 8
        let effects = relay.on(.agentConnected(PeerID(30), hello))
        #expect(effects.contains { if case .close(masterLink, _) = $0 { true } else { false } })
        #expect(relay.relay.highestEpoch == 8)
    }

    @Test("That an agent is to register anew is passed on; one of an earlier version is sent off, and comes again")
    func restate() {
        var relay = Transcript.attached()
        #expect(
            relay.on(.master(masterLink, .order(index: 0, life(1, 1), .restate))) == [
                .sendToAgent(self.agent, .order(7, life(1, 1), .restate))
            ])
        let old = PeerID(30)
        relay.attach(old, "b", index: 1, id: "7-B1", revision: ProtocolRevision.ordered)
        #expect(
            relay.on(.master(masterLink, .order(index: 1, life(1, 1), .restate))) == [
                .close(old, Refusal(.stale, "the master asks what runs there: attach again")),
                .sendToMaster(masterLink, .agentDetached(index: 1, life(1, 1))),
            ])
    }

    @Test("Of launches that came together a new master hears those that the books do not show")
    func partsOfLaunches() {
        var relay = Transcript.attached()
        _ = relay.on(.master(masterLink, .order(index: 0, life(1, 1), .launch(launch("a", "b", "c")))))
        _ = relay.on(.agent(self.agent, .book(BookEntry(position: 1, .task(task(1, "b"))))))
        _ = relay.on(.masterDisconnected(masterLink))
        let sent = relay.on(.masterConnected(PeerID(2), welcome(8))).compactMap { effect -> [AgentOrder]? in
            if case .sendToMaster(_, .agentAttached(_, _, let sent, _)) = effect { sent } else { nil }
        }
        #expect(sent == [[.launch(launch("a", "c"))]])
    }

    @Test("A new master is told what the books have shown since, and which launches they do not show yet")
    func snapshot() {
        var relay = Transcript.attached()
        for order in [launch("t1"), launch("t2"), launch("g1", "g2", inGroup: true)] {
            #expect(
                relay.on(.master(masterLink, .order(index: 0, life(1, 1), .launch(order)))) == [
                    .sendToAgent(self.agent, .order(7, life(1, 1), .launch(order)))
                ])
        }
        let entries = [
            BookEntry(position: 1, .task(task(1, "t1", state: .staging))),
            BookEntry(position: 2, .task(task(1, "t1", state: .running))),
            BookEntry(position: 3, .task(task(2, "g1", state: .running))),
            BookEntry(position: 4, .executor(ExecutorRecord(key: ExecutorKey(f1, "e1"), resources: "cpus:1"))),
            BookEntry(position: 5, .executor(ExecutorRecord(key: ExecutorKey(f1, "e2"), resources: "cpus:1"))),
            BookEntry(position: 6, .executorExited(ExecutorKey(f1, "e1"), status: 0, message: "")),
        ]
        for entry in entries {
            #expect(
                relay.on(.agent(self.agent, .book(entry))) == [
                    .sendToMaster(masterLink, .book(index: 0, life(1, 1), entry))
                ])
        }
        _ = relay.on(.masterDisconnected(masterLink))
        _ = relay.on(.agent(self.agent, .book(BookEntry(position: 7, .task(task(3, "t3"))))))

        var expected = registration(life(1, 1), id: a1, tasks: [task(1, "t1"), task(2, "g1"), task(3, "t3")])
        expected.position = 7
        expected.executors = [ExecutorRecord(key: ExecutorKey(f1, "e2"), resources: "cpus:1")]
        expected.frameworks = [FrameworkRecord(id: f1, info: [1, 2, 3])]
        let next = PeerID(2)
        #expect(
            relay.on(.masterConnected(next, welcome(8))) == [
                .sendToMaster(
                    next,
                    .agentAttached(
                        index: 0, expected, sent: [.launch(launch("t2")), .launch(launch("g1", "g2", inGroup: true))],
                        issuedEpoch: 7)),
                .sendToMaster(next, .snapshotDone),
            ])
        #expect(
            relay.on(.master(next, .agentAccepted(index: 0, life(1, 1), a1))) == [
                .sendToAgent(self.agent, .registered(life(1, 1), a1, 8))
            ])
    }

    @Test("A task whose end was acknowledged is listed as removed until the master has confirmed it")
    func removedTasks() {
        var relay = Transcript.attached()
        _ = relay.on(.agent(self.agent, .book(BookEntry(position: 1, .task(task(1, "t1", state: .finished))))))
        _ = relay.on(.agent(self.agent, .book(BookEntry(position: 2, .taskRemoved(number: 1)))))
        _ = relay.on(.master(masterLink, .bookConfirmed(index: 0, life(1, 1), 1)))
        var gone = task(1, "t1", state: .finished)
        gone.isRemoved = true
        #expect(self.tasks(told: relay.on(.masterConnected(PeerID(2), welcome(8)))) == [gone])
        _ = relay.on(.master(PeerID(2), .bookConfirmed(index: 0, life(1, 1), 2)))
        #expect(self.tasks(told: relay.on(.masterConnected(PeerID(3), welcome(9)))) == [])
    }

    @Test("A copy of a book entry does not turn the books back")
    func bookCopies() {
        var relay = Transcript.attached()
        _ = relay.on(.agent(self.agent, .book(BookEntry(position: 2, .task(task(1, "t1", state: .running))))))
        _ = relay.on(.agent(self.agent, .book(BookEntry(position: 1, .task(task(1, "t1", state: .staging))))))
        #expect(self.tasks(told: relay.on(.masterConnected(PeerID(2), welcome(8)))) == [task(1, "t1")])
    }

    @Test("A new registration of an agent clears the launches of its earlier life")
    func launchesOfEarlierLife() {
        var relay = Transcript.attached()
        _ = relay.on(.master(masterLink, .order(index: 0, life(1, 1), .launch(launch("t1")))))
        let effects = relay.on(.agent(self.agent, .registration(registration(life(1, 2), id: a1))))
        #expect(
            effects == [
                .sendToMaster(
                    masterLink, .agentAttached(index: 0, registration(life(1, 2), id: a1), sent: [], issuedEpoch: 7))
            ])
    }

    @Test("A master of an older leadership is not followed, and neither are its orders obeyed")
    func olderMaster() {
        var relay = Transcript.attached()
        let old = PeerID(2)
        let effects = relay.on(.masterConnected(old, welcome(6)))
        #expect(
            effects.contains { if case .close(old, let refusal) = $0 { refusal.epoch == 7 } else { false } })
        let order = AgentOrder.shutdownFramework(f1)
        #expect(relay.on(.master(old, .order(index: 0, life(1, 1), order))) == [])
        #expect(
            relay.on(.master(masterLink, .order(index: 0, life(1, 1), order))) == [
                .sendToAgent(self.agent, .order(7, life(1, 1), order))
            ])
    }

    @Test("A new master is told which tasks its predecessor has ordered to end")
    func endingTasks() {
        var relay = Transcript.attached()
        for (number, id) in [(1, "t1"), (2, "t2"), (3, "t3")] as [(UInt64, TaskID)] {
            _ = relay.on(.agent(self.agent, .book(BookEntry(position: number, .task(task(number, id))))))
        }
        let kills: [AgentOrder] = [
            .kill(TaskKey(f1, "t1"), grace: nil, reason: "", endsExecutor: true),
            .kill(TaskKey(f1, "t2"), grace: nil, reason: ""),
            .kill(TaskKey(f1, "t9"), grace: nil, reason: "", endsExecutor: true),
        ]
        for kill in kills {
            #expect(
                relay.on(.master(masterLink, .order(index: 0, life(1, 1), kill))) == [
                    .sendToAgent(self.agent, .order(7, life(1, 1), kill))
                ])
        }
        _ = relay.on(.masterDisconnected(masterLink))
        let effects = relay.on(.masterConnected(PeerID(2), welcome(8)))
        guard case .sendToMaster(_, .agentAttached(_, let registration, _, _))? = effects.first else {
            return #expect(Bool(false), "\(effects)")
        }
        #expect(registration.tasks.map(\.isEnding) == [true, false, false])
    }

    @Test("When a new master is followed the old one's orders are not obeyed any more")
    func newerMaster() {
        var relay = Transcript.attached()
        let effects = relay.on(.masterConnected(PeerID(2), welcome(8)))
        #expect(
            effects.contains { if case .close(masterLink, let refusal) = $0 { refusal.epoch == 8 } else { false } })
        #expect(relay.on(.master(masterLink, .order(index: 0, life(1, 1), .shutdownFramework(f1)))) == [])
        #expect(relay.relay.hello.epoch == 8)
    }

    @Test("An agent that has seen a later leadership makes the relay leave its master and show that epoch")
    func agentShowsHigherEpoch() {
        var relay = Transcript.attached()
        _ = relay.on(.agentConnected(PeerID(11), agentHello("b")))
        let effects = relay.on(.agent(PeerID(11), .registration(registration(life(3, 1), id: "9-A4", epoch: 9))))
        #expect(effects.count == 1)
        #expect(effects.contains { if case .close(masterLink, _) = $0 { true } else { false } })
        #expect(relay.relay.hello.epoch == 9)
        #expect(relay.on(.masterConnected(PeerID(2), welcome(8))).count == 1)
        #expect(relay.relay.followedEpoch == nil)
        _ = relay.on(.masterConnected(PeerID(3), welcome(10)))
        #expect(relay.relay.followedEpoch == 10)
    }

    @Test("A snapshot of many agents goes in turns, and what happens meanwhile is neither lost nor told twice")
    func snapshotInTurns() {
        var relay = Transcript(settings(bulkBytes: 800))
        for peer in 0..<5 as Range<UInt32> {
            _ = relay.on(.agentConnected(PeerID(100 + peer), agentHello("a\(peer)")))
            _ = relay.on(.agent(PeerID(100 + peer), .registration(registration(life(1, 1)))))
        }
        var told: [UInt32] = []
        func tell(_ effects: [RelayState.Effect]) {
            for case .sendToMaster(_, .agentAttached(let index, _, _, _)) in effects { told.append(index) }
        }
        let first = relay.on(.masterConnected(masterLink, welcome(1)))
        tell(first)
        #expect(told == [0, 1])
        #expect(first.last == .setTimer(.bulk, at: at(0.002)))
        // One not told yet changes, one told changes, one not told leaves, a new one comes.
        #expect(relay.on(.agent(PeerID(103), .book(BookEntry(position: 1, .task(task(1, "t")))))) == [])
        #expect(relay.on(.agent(PeerID(100), .book(BookEntry(position: 1, .task(task(1, "t")))))).count == 1)
        #expect(relay.on(.agentDisconnected(PeerID(102))) == [])
        _ = relay.on(.agentConnected(PeerID(109), agentHello("new")))
        tell(relay.on(.agent(PeerID(109), .registration(registration(life(1, 1))))))
        #expect(told == [0, 1, 2], "the new one, in the place that became free")
        #expect(relay.relay.followedEpoch == nil)
        let second = relay.on(.timerFired(.bulk), at: at(0.002))
        tell(second)
        #expect(told == [0, 1, 2, 3, 4])
        #expect(self.tasks(told: second) == [task(1, "t")])
        #expect(second.contains(.sendToMaster(masterLink, .snapshotDone)))
        #expect(relay.relay.followedEpoch == 1)
    }

    @Test("A framework of which nothing is left is not told to a new master")
    func endedFrameworks() {
        var relay = Transcript.attached()
        _ = relay.on(.master(masterLink, .order(index: 0, life(1, 1), .launch(launch("t1")))))
        _ = relay.on(.agent(self.agent, .book(BookEntry(position: 1, .task(task(1, "t1", state: .finished))))))
        _ = relay.on(.agent(self.agent, .book(BookEntry(position: 2, .taskRemoved(number: 1)))))
        _ = relay.on(.master(masterLink, .bookConfirmed(index: 0, life(1, 1), 2)))
        let effects = relay.on(.masterConnected(PeerID(2), welcome(8)))
        #expect(
            effects.contains(
                .sendToMaster(
                    PeerID(2),
                    .agentAttached(
                        index: 0, registration(life(1, 1), id: a1, position: 2), sent: [], issuedEpoch: 7))))
    }

    private func tasks(told effects: [RelayState.Effect]) -> [TaskRecord] {
        effects.flatMap { effect -> [TaskRecord] in
            guard case .sendToMaster(_, .agentAttached(_, let registration, _, _)) = effect else { return [] }
            return registration.tasks
        }
    }
}
