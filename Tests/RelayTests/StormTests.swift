import Model
import RelayCore
import Testing

/// Random numbers that are the same in every run of a seed.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}

/// Agents, schedulers and masters that come and go around one relay, and what they may expect of it.
struct Storm {
    struct Agent {
        var peer: PeerID?
        var attachment = Attachment(starts: 1, connects: 0)
        var id: AgentID
        var index: UInt32?
        /// In order; what an agent keeps in its log.
        var unacknowledged: [StatusEnvelope] = []
        /// The highest it has seen.
        var epoch: Epoch = .none
        /// Of its books.
        var position: BookPosition = 0
    }

    struct Scheduler {
        var framework: FrameworkID
        var subscription: Subscription
    }

    var relay: RelayState
    var random: SplitMix
    var now = start
    var timers: [RelayState.Timer: Instant] = [:]
    var agents: [Agent]
    var schedulers: [PeerID: Scheduler] = [:]
    var notices: [FrameworkID: SubscriptionNotice] = [:]
    var master: PeerID?
    var epoch: Epoch = 1
    var nextPeer: UInt32 = 1
    var nextUUID: UInt64 = 0
    /// All that agents ever reported.
    ///
    /// A scheduler acknowledges copies too.
    var reports: [Bytes: (AgentID, StatusEnvelope)] = [:]
    /// What a scheduler has acknowledged to the relay.
    var acknowledged: Set<Bytes> = []
    /// Calls and orders that are on their way to the relay.
    var answers: [RelayState.Event] = []
    /// Agents that are asked to send again, and what.
    var resends: [(PeerID, FrameworkID)] = []
    /// How far the present master has heard of each agent's books.
    var books: [UInt32: (attachment: Model.Attachment, position: BookPosition)] = [:]
    /// What was given on each connection.
    var given: [PeerID: Set<Bytes>] = [:]
    var problems: [String] = []
    let frameworks: [FrameworkID] = ["F1", "F2", "F3"]

    init(seed: UInt64, agents: Int, heldBytes: Int) {
        var limits = settings(
            heldBytes: heldBytes, bulkBytes: 900, acknowledgementDelay: .milliseconds(20) * Int(seed % 3),
            bookDelay: .milliseconds(10) * Int(seed / 3 % 2))
        limits.launchPatience = .milliseconds(5) * Int(seed % 2)
        limits.resendsPerTurn = 2
        self.relay = RelayState(settings: limits)
        self.random = SplitMix(state: seed)
        self.agents = (0..<agents).map { Agent(id: AgentID("A\($0)")) }
    }

    mutating func peer() -> PeerID {
        self.nextPeer += 1
        return PeerID(self.nextPeer)
    }

    mutating func send(_ event: RelayState.Event) {
        for effect in self.relay.handle(event, at: self.now) { self.carryOut(effect) }
    }

    mutating func carryOut(_ effect: RelayState.Effect) {
        switch effect {
        case .setTimer(let timer, let instant): self.timers[timer] = instant
        case .cancelTimer(let timer): self.timers[timer] = nil
        case .observe, .askRelays: break
        case .close(let peer, _):
            self.schedulers[peer] = nil
            if self.master == peer { self.master = nil }
            for index in self.agents.indices where self.agents[index].peer == peer { self.agents[index].peer = nil }
        case .sendToScheduler(let peer, let event): self.schedulerReceives(event, on: peer)
        case .sendToMaster(let peer, let message): self.masterReceives(message, on: peer)
        case .sendToAgent(let peer, let message): self.agentReceives(message, on: peer)
        }
    }

    mutating func schedulerReceives(_ event: SchedulerEvent, on peer: PeerID) {
        guard case .update(.encoded(let bytes)) = event else { return }
        guard let scheduler = self.schedulers[peer] else {
            self.problems.append("update to \(peer), which is gone")
            return
        }
        if scheduler.subscription != self.notices[scheduler.framework]?.subscription {
            self.problems.append("update to old subscription \(scheduler.subscription)")
        }
        if let (_, envelope) = self.reports[bytes] { self.expectOrder(of: envelope, on: peer) }
        if self.random.next() % 10 < 7 {
            self.answer(bytes, of: scheduler.framework) {
                .scheduler(peer, SchedulerCall(frameworkID: $1.framework, .acknowledge($0, $1.task, uuid: $2)))
            }
        }
    }

    /// A status must not overtake one of its task that this connection was not given, unless that is acknowledged.
    mutating func expectOrder(of envelope: StatusEnvelope, on peer: PeerID) {
        var log = self.agents.flatMap(\.unacknowledged).filter { $0.key == envelope.key }[...]
        // The relay may keep an acknowledgement back, so its agent may not know.
        if let last = log.lastIndex(where: { self.acknowledged.contains($0.uuid) }) {
            log = log[(last + 1)...]
        }
        if let end = log.firstIndex(of: envelope),
            let skipped = log[log.startIndex..<end].first(where: { self.given[peer]?.contains($0.uuid) != true })
        {
            self.problems.append("\(envelope.key): \(envelope.uuid) overtakes \(skipped.uuid) on its way to \(peer)")
        }
        self.given[peer, default: []].insert(envelope.uuid)
    }

    mutating func answer(
        _ bytes: Bytes, of framework: FrameworkID, _ make: (AgentID, TaskKey, Bytes) -> RelayState.Event
    ) {
        guard let (agent, reported) = self.reports[bytes] else {
            self.problems.append("a status that nobody made")
            return
        }
        if reported.key.framework != framework { self.problems.append("\(reported.key) given to \(framework)") }
        self.answers.append(make(agent, reported.key, reported.uuid))
    }

    mutating func masterReceives(_ message: RelayToMaster, on peer: PeerID) {
        guard peer == self.master else {
            self.problems.append("message to \(peer), which is no master any more")
            return
        }
        switch message {
        case .agentAttached(let index, let registration, _, _):
            self.books[index] = (registration.attachment, registration.position)
            guard let number = self.agents.firstIndex(where: { $0.id == registration.agentID }) else { return }
            self.agents[number].index = index
            self.answers.append(
                .master(peer, .agentAccepted(index: index, registration.attachment, self.agents[number].id)))
        case .status(let index, let envelope, _):
            let notice = self.notices[envelope.key.framework]
            if notice?.isConnected != true { self.problems.append("status to the master for nobody") }
            guard let agent = self.agents.first(where: { $0.index == index && $0.peer != nil }) else {
                self.problems.append("status of agent \(index), which the master does not know")
                return
            }
            self.expectOrder(of: envelope, on: peer)
            let order = AgentOrder.acknowledge(envelope.key, uuid: envelope.uuid)
            self.answers.append(.master(peer, .order(index: index, agent.attachment, order)))
        case .book(let index, let attachment, let entry):
            guard let told = self.books[index], told.attachment == attachment, entry.position == told.position + 1
            else {
                self.problems.append("\(entry) of \(index), \(attachment), after \(self.books[index] as Any)")
                return
            }
            self.books[index]?.position = entry.position
        case .agentDetached(let index, _): self.books[index] = nil
        default: break
        }
    }

    mutating func agentReceives(_ message: RelayToAgent, on peer: PeerID) {
        guard let number = self.agents.firstIndex(where: { $0.peer == peer }) else {
            self.problems.append("message to \(peer), an agent that is gone")
            return
        }
        switch message {
        case .order(let epoch, let attachment, .acknowledge(let task, let uuid)):
            if attachment != self.agents[number].attachment { self.problems.append("order for an earlier life") }
            if epoch < self.agents[number].epoch { self.problems.append("order of epoch \(epoch)") }
            let log = self.agents[number].unacknowledged
            guard let end = log.firstIndex(where: { $0.uuid == uuid }) else { return }
            self.agents[number].unacknowledged = log.enumerated().filter { index, envelope in
                index > end || envelope.key != task
            }.map(\.element)
        case .registered(_, _, let epoch): self.agents[number].epoch = max(self.agents[number].epoch, epoch)
        case .resend(let framework):
            self.resends.append((peer, framework))
            if Self.revision(of: number) == ProtocolRevision.first {
                self.problems.append("an agent is asked to say what it cannot")
            }
        default: break
        }
    }

    /// One random thing happens.
    mutating func step() {
        self.now = self.now + .milliseconds(Int64(self.random.next() % 200))
        let agent = Int.random(in: self.agents.indices, using: &self.random)
        let framework = self.frameworks.randomElement(using: &self.random)!
        switch self.random.next() % 20 {
        case 0: self.attach(agent)
        case 1 where self.random.next() % 4 == 0: self.leave(agent)
        case 2: self.subscribe(framework)
        case 3: self.connectScheduler(of: framework, lag: self.random.next() % 4 == 0)
        case 4:
            guard let peer = self.schedulers.keys.sorted().randomElement(using: &self.random) else { return }
            self.schedulers[peer] = nil
            self.send(.schedulerDisconnected(peer))
        case 5 where self.random.next() % 4 == 0: self.loseMaster()
        case 6: self.followMaster()
        case 7, 8: self.fireTimers()
        case 9, 10, 11, 12: self.answerSome()
        default: self.report(agent, framework)
        }
    }

    mutating func attach(_ number: Int) {
        self.agents[number].attachment.connects += 1
        let peer = self.peer()
        self.send(.agentConnected(peer, agentHello("\(number)", revision: Self.revision(of: number))))
        self.agents[number].peer = peer
        let agent = self.agents[number]
        self.send(
            .agent(
                peer,
                .registration(
                    registration(agent.attachment, id: agent.id, position: agent.position, epoch: agent.epoch))))
        for envelope in agent.unacknowledged { self.send(.agent(peer, .status(envelope))) }
    }

    /// Every third agent is of a version that does not say where it begins to send again.
    static func revision(of number: Int) -> UInt32 {
        number % 3 == 2 ? ProtocolRevision.first : ProtocolRevision.current
    }

    mutating func leave(_ number: Int) {
        guard let peer = self.agents[number].peer else { return }
        self.agents[number].peer = nil
        self.send(.agentDisconnected(peer))
    }

    mutating func report(_ number: Int, _ framework: FrameworkID) {
        self.nextUUID += 1
        let uuid = withUnsafeBytes(of: self.nextUUID) { Bytes($0) }
        let task = TaskID("t\(number)-\(self.random.next() % 3)")
        let size = Int(self.random.next() % 600)
        let envelope = StatusEnvelope(
            key: TaskKey(framework, task), uuid: uuid, status: uuid + Bytes(repeating: 0, count: size))
        self.agents[number].unacknowledged.append(envelope)
        self.reports[envelope.status] = (self.agents[number].id, envelope)
        guard let peer = self.agents[number].peer else { return }
        self.send(.agent(peer, .status(envelope)))
        guard self.agents[number].peer == peer else { return }
        self.agents[number].position += 1
        self.send(.agent(peer, .book(BookEntry(position: self.agents[number].position, .taskRemoved(number: 1)))))
    }

    mutating func subscribe(_ framework: FrameworkID) {
        guard let master = self.master else { return }
        var counter = self.notices[framework]?.subscription.counter ?? 0
        if self.random.next() % 2 == 0 || self.notices[framework]?.subscription.epoch != self.epoch { counter += 1 }
        let notice = SubscriptionNotice(
            frameworkID: framework, subscription: subscription(self.epoch, counter),
            usesRelays: self.random.next() % 3 > 0, isConnected: self.random.next() % 4 > 0)
        self.notices[framework] = notice
        self.send(.master(master, .subscription(notice)))
    }

    mutating func connectScheduler(of framework: FrameworkID, lag: Bool) {
        guard var shown = self.notices[framework]?.subscription else { return }
        if lag { shown = subscription(shown.epoch, shown.counter &- 1) }
        guard case .success = self.relay.admit(schedulerHello(shown, of: framework)) else { return }
        let peer = self.peer()
        self.schedulers[peer] = Scheduler(framework: framework, subscription: shown)
        self.send(.schedulerConnected(peer, schedulerHello(shown, of: framework)))
    }

    mutating func loseMaster() {
        guard let master = self.master else { return }
        self.master = nil
        self.send(.masterDisconnected(master))
    }

    mutating func followMaster() {
        guard self.master == nil else { return }
        if self.random.next() % 2 == 0 { self.epoch = Epoch(self.epoch.value + 1) }
        let peer = self.peer()
        self.master = peer
        self.books = [:]
        self.send(.masterConnected(peer, welcome(self.epoch)))
    }

    mutating func fireTimers() {
        let due = self.timers.filter { $0.value <= self.now }.sorted { "\($0.key)" < "\($1.key)" }
        for (timer, _) in due {
            self.timers[timer] = nil
            self.send(.timerFired(timer))
        }
    }

    mutating func answerSome() {
        let waiting = self.answers
        self.answers = []
        for event in waiting {
            if case .scheduler(let peer, _) = event, self.schedulers[peer] == nil { continue }
            switch event {
            case .scheduler(_, let call):
                if case .acknowledge(_, _, let uuid) = call.kind { self.acknowledged.insert(uuid) }
            case .master(_, .order(_, _, .acknowledge(_, let uuid))): self.acknowledged.insert(uuid)
            default: break
            }
            self.send(event)
        }
        let asked = self.resends
        self.resends = []
        for (peer, framework) in asked {
            guard let agent = self.agents.first(where: { $0.peer == peer }) else { continue }
            self.send(.agent(peer, .resending(framework)))
            for envelope in agent.unacknowledged where envelope.key.framework == framework {
                self.send(.agent(peer, .status(envelope)))
            }
        }
    }

    /// Everybody comes back and stays.
    ///
    /// No agent sends anything by itself: the relay must not have forgotten it.
    mutating func heal() {
        for number in self.agents.indices where self.agents[number].peer == nil { self.attach(number) }
        self.followMaster()
        for framework in self.frameworks {
            let counter = (self.notices[framework]?.subscription.counter ?? 0) + 1
            let notice = SubscriptionNotice(
                frameworkID: framework, subscription: subscription(self.epoch, counter), usesRelays: true,
                isConnected: true)
            self.notices[framework] = notice
            self.send(.master(self.master!, .subscription(notice)))
        }
        for round in 0..<2000 {
            self.now = self.now + .milliseconds(100)
            self.fireTimers()
            self.answerSome()
            // Those that were sent away to attach again.
            for number in self.agents.indices where self.agents[number].peer == nil { self.attach(number) }
            // A scheduler that does not answer connects again, as one that failed over would.
            if round % 20 == 0 { for id in self.frameworks { self.connectScheduler(of: id, lag: false) } }
            if self.agents.allSatisfy(\.unacknowledged.isEmpty), self.relay.heldStatuses == 0 { return }
        }
        let rest = self.agents.reduce(0) { $0 + $1.unacknowledged.count }
        self.problems.append("\(rest) statuses were forgotten; \(self.relay.heldStatuses) are held")
    }
}

@Suite("A relay in a storm")
struct StormTests {
    @Test(
        "Whoever comes and goes, no unacknowledged status of an attached agent is forgotten, and none goes to an old scheduler",
        arguments: 1...60 as ClosedRange<UInt64>)
    func storm(seed: UInt64) {
        var storm = Storm(seed: seed, agents: 6, heldBytes: seed % 2 == 0 ? 16 << 20 : 2500)
        for _ in 0..<1500 { storm.step() }
        storm.heal()
        #expect(storm.problems.prefix(5) == [], "seed \(seed)")
        #expect(storm.relay.heldStatuses == 0)
        #expect(storm.relay.heldBytes == 0)
    }
}
