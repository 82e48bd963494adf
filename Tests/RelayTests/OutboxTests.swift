import Model
import Testing

@testable import RelayCore

@Suite("Delayed acknowledgements at a relay")
struct OutboxTests {
    let agent = PeerID(10)
    let scheduler = PeerID(20)

    /// What agent 7-A1 is told that a scheduler has its status.
    private func told(_ task: TaskID, _ uuid: UInt8, epoch: Epoch = 7) -> RelayState.Effect {
        .sendToAgent(self.agent, .order(epoch, life(1, 1), .acknowledge(TaskKey(f1, task), uuid: [uuid])))
    }

    /// A relay that holds statuses 1 of t1 and 2 of t2 of an agent, both given to their scheduler.
    private func holding() -> Transcript {
        var relay = Transcript.subscribed(settings(acknowledgementDelay: .milliseconds(200)))
        _ = relay.on(.agent(self.agent, .status(status("t1", 1))))
        _ = relay.on(.agent(self.agent, .status(status("t2", 2))))
        return relay
    }

    @Test("What an agent may forget it is told with the next order, all at once")
    func inCompany() {
        var relay = self.holding()
        #expect(
            relay.on(.scheduler(self.scheduler, acknowledgement("t1", 1)), at: at(1)) == [
                .setTimer(.outbox, at: at(1.2))
            ])
        #expect(relay.relay.heldStatuses == 1, "held no longer than the scheduler needs")
        #expect(relay.on(.scheduler(self.scheduler, acknowledgement("t2", 2)), at: at(1.05)) == [])
        #expect(relay.on(.master(masterLink, .bookConfirmed(index: 0, life(1, 1), 4)), at: at(1.05)) == [])
        #expect(relay.on(.master(masterLink, .bookConfirmed(index: 0, life(1, 1), 6)), at: at(1.06)) == [])
        let order = AgentOrder.launch(launch("t3"))
        #expect(
            relay.on(.master(masterLink, .order(index: 0, life(1, 1), order)), at: at(1.1)) == [
                self.told("t1", 1), self.told("t2", 2), .sendToAgent(self.agent, .bookConfirmed(life(1, 1), 6)),
                .sendToAgent(self.agent, .order(7, life(1, 1), order)),
            ])
        #expect(relay.on(.timerFired(.outbox), at: at(1.2)) == [], "told already")
    }

    @Test("Without company it is told after the delay, with what is due soon after; the rest waits on")
    func alone() {
        var relay = self.holding()
        relay.attach(PeerID(11), "a2", index: 1, id: "7-A2")
        _ = relay.on(.scheduler(self.scheduler, acknowledgement("t1", 1)), at: at(1))
        #expect(relay.on(.master(masterLink, .bookConfirmed(index: 1, life(1, 1), 2)), at: at(1.15)) == [])
        #expect(
            relay.on(.timerFired(.outbox), at: at(1.2)) == [self.told("t1", 1), .setTimer(.outbox, at: at(1.35))])
        _ = relay.on(.scheduler(self.scheduler, acknowledgement("t2", 2)), at: at(1.2))
        #expect(
            relay.on(.timerFired(.outbox), at: at(1.35)) == [
                .sendToAgent(PeerID(11), .bookConfirmed(life(1, 1), 2)), self.told("t2", 2),
            ])
        #expect(
            relay.on(.master(masterLink, .bookConfirmed(index: 1, life(1, 1), 3)), at: at(2)) == [
                .setTimer(.outbox, at: at(2.2))
            ])
    }

    @Test("Where something has ended it waits for a launch, the longer the more agents do; elsewhere as ever")
    func patient() {
        var busy = settings(acknowledgementDelay: .milliseconds(200))
        busy.launchPatience = .milliseconds(100)
        busy.launchPatienceMax = .milliseconds(450)
        var relay = Transcript.subscribed(busy)
        for index in UInt32(1)..<6 {
            relay.attach(PeerID(10 + index), "b\(index)", index: index, id: AgentID("7-B\(index)"))
            guard index < 5 else { continue }
            let end = BookEntry(position: 1, .task(task(1, "t1", state: .finished)))
            _ = relay.on(.agent(PeerID(10 + index), .book(end)), at: at(0.9))
        }
        for index in UInt32(1)..<6 {
            let effects = relay.on(
                .scheduler(self.scheduler, acknowledgement("t1", 1, on: AgentID("7-B\(index)"))), at: at(1))
            let expected: [RelayState.Effect] = index == 1 ? [.setTimer(.outbox, at: at(1.2))] : []
            #expect(effects == expected)
        }
        func told(at time: Double, next: Double?, _ agents: UInt32...) {
            let order = AgentOrder.acknowledge(TaskKey(f1, "t1"), uuid: [1])
            let told = agents.map { RelayState.Effect.sendToAgent(PeerID(10 + $0), .order(7, life(1, 1), order)) }
            let timer = next.map { [RelayState.Effect.setTimer(.outbox, at: at($0))] } ?? []
            #expect(relay.on(.timerFired(.outbox), at: at(time)) == told + timer, "\(time)")
        }
        told(at: 1.2, next: 1.3, 5, 1)
        told(at: 1.3, next: 1.4, 2)
        told(at: 1.4, next: nil, 3, 4)
        // Those have their launch: nothing is expected any more.
        _ = relay.on(.master(masterLink, .order(index: 1, life(1, 1), .launch(launch("t3")))), at: at(2))
        for index in UInt32(1)..<3 {
            _ = relay.on(.scheduler(self.scheduler, acknowledgement("t1", 1, on: AgentID("7-B\(index)"))), at: at(2))
        }
        #expect(relay.relay.outboxes.deadlines.count == 1)
        #expect(relay.relay.outboxes.patient.count == 1)
    }

    @Test("A confirmation waits for long, and goes with the next acknowledgement however late that came")
    func confirmations() {
        var busy = settings(acknowledgementDelay: .milliseconds(200))
        busy.quietDelay = .seconds(15)
        var relay = Transcript.subscribed(busy)
        let over = TaskRecord(number: 1, key: TaskKey(f1, "t1"), name: "t1", resources: "cpus:1", state: .finished)
        _ = relay.on(.agent(self.agent, .book(BookEntry(position: 1, .task(over)))))
        _ = relay.on(.agent(self.agent, .status(status("t1", 1))))
        let confirmed = RelayState.Effect.sendToAgent(self.agent, .bookConfirmed(life(1, 1), 2))
        #expect(
            relay.on(.master(masterLink, .bookConfirmed(index: 0, life(1, 1), 2)), at: at(1)) == [
                .setTimer(.outbox, at: at(16))
            ])
        #expect(
            relay.on(.scheduler(self.scheduler, acknowledgement("t1", 1)), at: at(2)) == [
                .setTimer(.outbox, at: at(2.2))
            ])
        #expect(relay.on(.timerFired(.outbox), at: at(2.2)) == [self.told("t1", 1), confirmed])
        _ = relay.on(.master(masterLink, .bookConfirmed(index: 0, life(1, 1), 2)), at: at(3))
        #expect(relay.on(.timerFired(.outbox), at: at(18)) == [confirmed])
    }

    @Test("Where nothing has ended an acknowledgement waits as long, unless the agent sends again sooner")
    func ofWhatRuns() {
        for (revision, end) in [(ProtocolRevision.current, 17.0), (ProtocolRevision.restating, 2.2)] {
            var limits = settings(acknowledgementDelay: .milliseconds(200))
            limits.quietDelay = .seconds(15)
            var relay = Transcript.subscribed(limits)
            let other = PeerID(30)
            relay.attach(other, "b", index: 1, id: "7-B1", revision: revision)
            let record = TaskRecord(number: 1, key: TaskKey(f1, "t1"), name: "t1", resources: "cpus:1", state: .running)
            _ = relay.on(.agent(other, .book(BookEntry(position: 1, .task(record)))), at: at(1))
            _ = relay.on(.agent(other, .status(status("t1", 1))), at: at(1))
            #expect(
                relay.on(.scheduler(self.scheduler, acknowledgement("t1", 1, on: "7-B1")), at: at(2)) == [
                    .setTimer(.outbox, at: at(end))
                ])
            // Its end does not wait so long, and takes the other along.
            var over = record
            over.state = .finished
            _ = relay.on(.agent(other, .book(BookEntry(position: 2, .task(over)))), at: at(2.1))
            _ = relay.on(.agent(other, .status(status("t1", 2))), at: at(2.1))
            _ = relay.on(.scheduler(self.scheduler, acknowledgement("t1", 2, on: "7-B1")), at: at(2.1))
            let orders = [1, 2].map { AgentOrder.acknowledge(TaskKey(f1, "t1"), uuid: [$0]) }
            #expect(
                Array(relay.on(.timerFired(.outbox), at: at(2.3)).prefix(2))
                    == orders.map { .sendToAgent(other, .order(7, life(1, 1), $0)) })
        }
    }

    /// A relay with quiet waits, whose agent runs t1 and has been acknowledged that it does.
    private func quiet(_ states: TaskState?...) -> Transcript {
        var limits = settings(acknowledgementDelay: .milliseconds(200))
        limits.quietDelay = .seconds(15)
        var relay = Transcript.subscribed(limits)
        for state in states { self.book(state, in: &relay) }
        _ = relay.on(.agent(self.agent, .status(status("t1", 1))))
        _ = relay.on(.scheduler(self.scheduler, acknowledgement("t1", 1)), at: at(1))
        return relay
    }

    private func book(_ state: TaskState?, in relay: inout Transcript, at now: Instant = start) {
        let position = relay.relay.counters.bookEntries + 1
        let record = TaskRecord(
            number: 1, key: TaskKey(f1, "t1"), name: "t1", resources: "cpus:1", state: state ?? .running)
        let change = state == nil ? BookEntry.Change.taskRemoved(number: 1) : .task(record)
        _ = relay.on(.agent(self.agent, .book(BookEntry(position: position, change))), at: now)
    }

    @Test("The end of a task ends the quiet wait, also if its acknowledgement came before its book")
    func bookBehind() {
        var relay = self.quiet(.running)
        #expect(relay.relay.outboxes.timer == at(16))
        self.book(.finished, in: &relay, at: at(2))
        #expect(relay.relay.outboxes.timer == at(2.2))
    }

    @Test("An end that was acknowledged, and one that a new registration does not list, are waited for no more")
    func settled() {
        var relay = self.quiet(.running, .finished, nil)
        #expect(relay.relay.outboxes.timer == at(16))
        relay = self.quiet(.running, .finished)
        #expect(relay.relay.outboxes.timer == at(1.2))
        _ = relay.on(.agent(self.agent, .registration(registration(life(1, 2), id: a1))), at: at(3))
        _ = relay.on(.agent(self.agent, .status(status("t2", 2))), at: at(3))
        _ = relay.on(.timerFired(.outbox), at: at(3))
        _ = relay.on(.scheduler(self.scheduler, acknowledgement("t2", 2)), at: at(4))
        #expect(relay.relay.outboxes.timer == at(19))
    }

    @Test("Of a task that reports often no more than eight acknowledgements wait so long")
    func reportsOften() {
        var relay = self.quiet(.running)
        for uuid in UInt8(2)...9 {
            #expect(relay.relay.outboxes.timer == at(16))
            _ = relay.on(.agent(self.agent, .status(status("t1", uuid))), at: at(1))
            _ = relay.on(.scheduler(self.scheduler, acknowledgement("t1", uuid)), at: at(1))
        }
        #expect(relay.relay.outboxes.timer == at(1.2))
    }

    @Test("What is sent again while its acknowledgement waits is not told twice: the agent is told")
    func copyOfWhatIsAcknowledged() {
        var relay = self.quiet(.running)
        #expect(relay.on(.agent(self.agent, .status(status("t1", 1))), at: at(2)) == [self.told("t1", 1)])
        #expect(relay.relay.heldStatuses == 0)
    }

    @Test("Each wait ends, however little was to be told: the next begins anew")
    func waitsAgain() {
        var relay = self.holding()
        _ = relay.on(.master(masterLink, .bookConfirmed(index: 0, life(1, 1), 0)), at: at(1))
        #expect(
            relay.on(.timerFired(.outbox), at: at(1.2)) == [.sendToAgent(self.agent, .bookConfirmed(life(1, 1), 0))])
        _ = relay.on(.scheduler(self.scheduler, acknowledgement("t1", 1)), at: at(2))
        #expect(relay.on(.timerFired(.outbox), at: at(2.2)) == [self.told("t1", 1)])
    }

    @Test("A wait that ended in company leaves nothing behind for its 15 s")
    func forgetsWaits() {
        var relay = self.quiet(.running)
        // One that waits for all of it, and is the first.
        relay.attach(PeerID(11), "a2", index: 1, id: "7-A2")
        _ = relay.on(.master(masterLink, .bookConfirmed(index: 1, life(1, 1), 2)), at: start)
        for turn in UInt8(2)...255 {
            let now = at(1 + Double(turn) / 100)
            _ = relay.on(.agent(self.agent, .status(status("t1", turn))), at: now)
            _ = relay.on(.scheduler(self.scheduler, acknowledgement("t1", turn)), at: now)
            let order = AgentOrder.kill(TaskKey(f1, "t1"), grace: nil, reason: "")
            _ = relay.on(.master(masterLink, .order(index: 0, life(1, 1), order)), at: now)
            #expect(relay.relay.agents[0].outbox.isEmpty)
        }
        #expect(relay.relay.outboxes.deadlines.count <= 2 * 2 + 64, "of 254 waits of one agent")
    }

    @Test("It goes under the epoch of the day, and never to another life of the agent, which sends its statuses again")
    func fenced() {
        var relay = self.holding()
        _ = relay.on(.scheduler(self.scheduler, acknowledgement("t1", 1)), at: at(1))
        _ = relay.on(.masterDisconnected(masterLink), at: at(1.05))
        _ = relay.on(.masterConnected(PeerID(2), welcome(8)), at: at(1.1))
        #expect(relay.on(.timerFired(.outbox), at: at(1.2)) == [self.told("t1", 1, epoch: 8)])
        _ = relay.on(.scheduler(self.scheduler, acknowledgement("t2", 2)), at: at(2))
        _ = relay.on(.agent(self.agent, .registration(registration(life(1, 2), id: a1))), at: at(2.1))
        #expect(relay.on(.timerFired(.outbox), at: at(2.2)) == [])
    }

    // MARK: To the master

    private func toMaster(_ entry: BookEntry) -> RelayState.Effect {
        .sendToMaster(masterLink, .book(index: 0, life(1, 1), entry))
    }

    @Test("What frees nothing in the books goes to the master with the next that does, or after 10 ms, in order")
    func books() {
        var relay = Transcript.subscribed(settings(bookDelay: .milliseconds(10)))
        let running = BookEntry(position: 1, .task(task(1, "t1")))
        let removed = BookEntry(position: 2, .taskRemoved(number: 9))
        let finished = BookEntry(position: 3, .task(task(1, "t1", state: .finished)))
        #expect(relay.on(.agent(self.agent, .book(running)), at: at(1)) == [.setTimer(.books, at: at(1.01))])
        #expect(relay.on(.agent(self.agent, .book(removed)), at: at(1.005)) == [])
        let together = [running, removed, finished].map(self.toMaster)
        #expect(relay.on(.agent(self.agent, .book(finished)), at: at(1.006)) == together)
        #expect(relay.on(.timerFired(.books), at: at(1.01)) == [])
        let next = BookEntry(position: 4, .task(task(2, "t2")))
        let again = at(2) + .milliseconds(10)
        #expect(relay.on(.agent(self.agent, .book(next)), at: at(2)) == [.setTimer(.books, at: again)])
        #expect(relay.on(.timerFired(.books), at: at(2.02)) == [self.toMaster(next)])
    }

    @Test("Nothing overtakes a change of the books; one that a master did not hear its successor hears with the agent")
    func nothingOvertakesBooks() {
        var relay = Transcript.subscribed(settings(bookDelay: .milliseconds(10)))
        let running = BookEntry(position: 1, .task(task(1, "t1")))
        _ = relay.on(.agent(self.agent, .book(running)), at: at(1))
        #expect(
            relay.on(.agentDisconnected(self.agent), at: at(1.001)).filter {
                if case .sendToMaster = $0 { true } else { false }
            } == [self.toMaster(running), .sendToMaster(masterLink, .agentDetached(index: 0, life(1, 1)))])

        relay = Transcript.subscribed(settings(bookDelay: .milliseconds(10)))
        _ = relay.on(.agent(self.agent, .book(running)), at: at(1))
        _ = relay.on(.masterDisconnected(masterLink), at: at(1.001))
        let effects = relay.on(.masterConnected(PeerID(2), welcome(8)), at: at(1.002))
        let told = effects.compactMap { if case .sendToMaster(_, let message) = $0 { message } else { nil } }
        guard case .agentAttached(_, let registration, _, _)? = told.first, told.count == 2 else {
            return #expect(Bool(false), "a new master hears of the agent, not of a change: \(told)")
        }
        #expect(registration.tasks.map(\.key.task) == ["t1"] && told.last == .snapshotDone)
        #expect(relay.on(.timerFired(.books), at: at(1.01)) == [])
    }
}
