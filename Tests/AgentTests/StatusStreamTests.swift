import Model
import Testing

@testable import AgentCore

/// Statuses and books: kept until acknowledged, kept until confirmed.
struct StatusStreamTests {
    @Test("A status is sent again after 30 s, then 60 s, to at most 10 min, until it is acknowledged")
    func retries() {
        var machine = Machine.registered()
        machine.launch(.command("t"))
        let first = machine.started(1)
        #expect(first.contains(.setTimer(.statusRetry, at: machine.now + .seconds(30))))
        var interval = Duration.seconds(30)
        for _ in 0..<6 {
            let effects = machine.fire(.statusRetry, after: interval)
            #expect(effects.envelopes == first.envelopes)
            interval = min(interval * 2, .seconds(600))
            #expect(effects.doings == [.setTimer(.statusRetry, at: machine.now + interval)])
        }
        #expect(interval == .seconds(600))
        machine.acknowledge("t")
        #expect(machine.fire(.statusRetry, after: interval).isEmpty)
    }

    @Test("One timer serves all tasks")
    func oneTimer() {
        var machine = Machine.registered()
        machine.launch(.command("a"))
        machine.launch(.command("b"))
        let first = machine.now
        machine.started(1)
        machine.now = first + .seconds(4)
        #expect(!machine.started(2).contains { if case .setTimer = $0 { true } else { false } })
        let effects = machine.fire(.statusRetry, after: .seconds(26))
        #expect(effects.envelopes.map(\.key.task) == ["a"])
        #expect(effects.contains(.setTimer(.statusRetry, at: first + .seconds(34))))
    }

    @Test("What is behind an acknowledged status has 30 s of its own")
    func partlyAcknowledged() {
        var machine = Machine.registered()
        machine.launch(.command("t"))
        machine.started(1)
        let running = machine.last("t")!.uuid!
        machine.now = machine.now + .seconds(6)
        let ended = machine.exited(1)
        machine.order(.acknowledge(Machine.key("t"), uuid: running))
        let early = machine.fire(.statusRetry, after: .seconds(24))
        #expect(early == [.setTimer(.statusRetry, at: machine.now + .seconds(6))])
        #expect(machine.fire(.statusRetry, after: .seconds(6)).envelopes == ended.envelopes)
    }

    @Test("An acknowledgement covers the older statuses of its task")
    func cumulative() {
        var machine = Machine.registered()
        machine.launch(.command("t"))
        machine.started(1)
        let running = machine.last("t")!.uuid!
        machine.exited(1)
        #expect(machine.agent.tasks[1]?.statuses.count == 2)
        let effects = machine.acknowledge("t")
        #expect(effects.books.map(\.change) == [.taskRemoved(number: 1)])
        #expect(machine.agent.tasks[1]?.statuses.isEmpty == true)
        #expect(machine.order(.acknowledge(Machine.key("t"), uuid: running)).isEmpty)
    }

    @Test(
        "A change of the books that frees nothing waits for others; an end does not, and of each task the last change is told"
    )
    func gatheredBooks() {
        var machine = Machine.registered { ($0.bookDelay, $0.bookBurst) = (.milliseconds(10), 0) }
        let due = machine.now + .milliseconds(10)
        let launched = machine.launch(.command("a"))
        #expect(launched.books.isEmpty && launched.contains(.setTimer(.books, at: due)))
        #expect(machine.launch(.command("b")).books.isEmpty)
        #expect(machine.started(1).books.isEmpty)
        // The statuses themselves wait for nothing.
        let ended = machine.exited(1)
        #expect(ended.envelopes.count == 1)
        #expect(ended.books.map(\.position) == [2, 4])
        #expect(ended.books.map(\.change.state) == [.staging, .finished])
        #expect(machine.started(2).books.isEmpty)
        #expect(machine.fire(.books, after: .milliseconds(10)).books.map(\.change.state) == [.running])
        #expect(machine.fire(.books).isEmpty)
    }

    @Test("Changes are told beside the first few statuses of a while; what none goes with is told at its end")
    func fewBooks() {
        var machine = Machine.registered { ($0.bookDelay, $0.bookBurst) = (.milliseconds(10), 2) }
        let due = machine.now + .milliseconds(10)
        let launched = machine.launch(.command("a"))
        #expect(launched.books.isEmpty && launched.contains(.setTimer(.books, at: due)))
        let started = machine.started(1)
        #expect(started.envelopes.count == 1)
        #expect(started.books.map(\.change.state) == [.running])
        #expect(machine.launch(.command("b")).books.isEmpty)
        #expect(machine.started(2).books.map(\.change.state) == [.running])
        machine.launch(.command("c"))
        let third = machine.started(3)
        #expect(third.envelopes.count == 1 && third.books.isEmpty)
        #expect(machine.fire(.books, after: .milliseconds(10)).books.map(\.change.state) == [.running])
        // One whose start takes longer.
        #expect(machine.launch(.command("d")).books.isEmpty)
        #expect(machine.fire(.books, after: .milliseconds(10)).books.map(\.change.state) == [.staging])
        #expect(machine.started(4).books.map(\.change.state) == [.running])
    }

    @Test("What waits is not told to the next relay, whose registration says it")
    func gatheredBooksAndRelays() {
        var machine = Machine.registered { ($0.bookDelay, $0.bookBurst) = (.milliseconds(10), 0) }
        machine.launch(.command("a"))
        machine.handle(.relayDisconnected(Machine.relay))
        #expect(machine.attach(PeerID(2)).books.isEmpty)
        #expect(machine.fire(.books, after: .milliseconds(10)).books.isEmpty)
    }

    @Test("A task is removed when the acknowledgement is on disk, and forgotten when the master knows")
    func removal() {
        var machine = Machine.registered()
        machine.launch(.command("t"))
        machine.exited(1)
        machine.isSyncing = false
        #expect(machine.acknowledge("t").isEmpty)
        #expect(machine.agent.tasks[1]?.isRemoved == false)
        #expect(machine.sync().books.map(\.change) == [.taskRemoved(number: 1)])
        machine.isSyncing = true
        let attachment = machine.agent.attachment
        machine.handle(.relay(Machine.relay, .bookConfirmed(attachment, machine.agent.position - 1)))
        #expect(machine.agent.tasks.count == 1)
        machine.handle(.relay(Machine.relay, .bookConfirmed(attachment, machine.agent.position)))
        #expect(machine.agent.tasks.isEmpty)
        #expect(machine.disk.last == .bookConfirmed(machine.agent.position))
    }

    @Test("An acknowledgement of what is not yet on disk is not believed")
    func earlyAcknowledgement() {
        var machine = Machine.registered()
        machine.launch(.command("t"))
        machine.isSyncing = false
        machine.started(1)
        machine.acknowledge("t")
        #expect(machine.agent.tasks[1]?.statuses.count == 1)
    }

    @Test("A relay may ask for the statuses of one framework again")
    func resend() {
        var machine = Machine.registered()
        machine.launch(.command("a"))
        machine.launch(.command("b"))
        machine.started(1)
        machine.started(2)
        machine.acknowledge("a")
        let effects = machine.handle(.relay(Machine.relay, .resend(Machine.framework)))
        #expect(effects.first == .sendToRelay(Machine.relay, .resending(Machine.framework)))
        #expect(effects.envelopes.map(\.key.task) == ["b"])
        #expect(
            machine.handle(.relay(Machine.relay, .resend("1-F9"))) == [.sendToRelay(Machine.relay, .resending("1-F9"))])
    }

    @Test("A relay of an earlier version is not told where they begin, which it could not read")
    func resendToEarlierRelay() {
        var machine = Machine.registered()
        machine.launch(.command("a"))
        machine.started(1)
        machine.handle(.relayDisconnected(Machine.relay))
        var welcome = Welcome(role: .relay, name: "relay-1")
        welcome.revision = ProtocolRevision.first
        machine.handle(.relayConnected(PeerID(2), address: "relay-1:5060", welcome))
        let effects = machine.handle(.relay(PeerID(2), .resend(Machine.framework)))
        #expect(effects.envelopes.map(\.key.task) == ["a"])
        #expect(!effects.contains(.sendToRelay(PeerID(2), .resending(Machine.framework))))
    }

    @Test("Without a relay statuses wait; with the next all are sent, in order")
    func waitsForRelay() {
        var machine = Machine.registered()
        machine.launch(.command("t"))
        #expect(machine.handle(.relayDisconnected(Machine.relay)) == [.cancelTimer(.homecoming)])
        #expect(machine.started(1).isEmpty)
        machine.exited(1)
        let effects = machine.handle(
            .relayConnected(PeerID(2), address: "relay-2:5060", Welcome(role: .relay, name: "relay-2")))
        #expect(effects.registration?.attachment == Attachment(starts: 1, connects: 2))
        #expect(effects.registration?.tasks.map(\.state) == [.finished])
        #expect(effects.sentStates == [.running, .finished])
        #expect(effects.contains(.setTimer(.statusRetry, at: machine.now + .seconds(30))))
    }

    @Test("Of too many statuses of a task the oldest is given up, never the terminal one")
    func bounded() {
        var machine = Machine.registered { $0.unacknowledgedLimit = 4 }
        machine.launch(.custom("t"))
        machine.started(1)
        machine.subscribe()
        for uuid in 1...20 { machine.update("t", .running, uuid: UInt8(uuid)) }
        #expect(machine.agent.tasks[1]?.statuses.map(\.sequence) == [17, 18, 19, 20])
        machine.update("t", .finished, uuid: 21)
        #expect(machine.agent.tasks[1]?.statuses.last?.state == .finished)
        #expect(machine.agent.checkInvariants() == [])
    }

    @Test("A registration lists tasks whose write is pending, and not what is not on disk of the others")
    func registrationTellsTheDisk() {
        var machine = Machine.registered()
        machine.launch(.command("a"))
        machine.isSyncing = false
        machine.started(1)
        machine.launch(.command("b"))
        let effects = machine.handle(
            .relayConnected(PeerID(2), address: "relay-2:5060", Welcome(role: .relay, name: "relay-2")))
        #expect(effects.registration?.tasks.map(\.state) == [.staging, .staging])
        #expect(effects.registration?.position == 1)
        #expect(effects.envelopes.isEmpty)
        #expect(machine.sync().books.map(\.position) == [2, 3])
    }

    @Test("Removed tasks are listed until the master has confirmed them")
    func removedAreListed() {
        var machine = Machine.registered()
        machine.launch(.command("t"))
        machine.exited(1)
        machine.acknowledge("t")
        let effects = machine.attach(PeerID(2))
        #expect(effects.registration?.tasks.map(\.isRemoved) == [true])
        #expect(effects.registration?.tasks.first?.acknowledgedState == .finished)
        #expect(effects.registration?.frameworks.map(\.id) == [Machine.framework])
    }
}

extension BookEntry.Change {
    /// Of a task.
    fileprivate var state: TaskState? { if case .task(let record) = self { record.state } else { nil } }
}
