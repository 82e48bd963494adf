import Model
import SDKCore
import Testing

/// Agents, relays and masters as a heap of messages in flight: they are delivered in any order, twice, or not at all, until
/// what was sent has been acknowledged.
private struct Storm {
    var generator: SeededGenerator
    var scheduler = SchedulerState(settings { $0.gapPatience = .seconds(1_000_000) })
    var now = start
    var counter: UInt64 = 1
    var nextPeer: UInt32 = 100
    var current: PeerID
    var relays: [String: PeerID] = [:]
    /// What each task's agent has not been told is acknowledged; nil: came over the master.
    var kept: [TaskID: [TaskStatus]] = [:]
    var inFlight: [TaskStatus] = []
    var running: [TaskStatus] = []
    var delivered: [TaskID: [StatusSequence]] = [:]
    var problems: [String] = []

    init(seed: UInt64) {
        self.generator = SeededGenerator(seed: seed)
        self.current = PeerID(100)
    }

    func chance(_ generator: inout SeededGenerator, _ percent: UInt64) -> Bool { generator.next() % 100 < percent }

    mutating func pick(_ count: Int) -> Int { Int(self.generator.next() % UInt64(count)) }

    mutating func perform(_ effects: [SchedulerState.Effect]) {
        for effect in effects {
            switch effect {
            case .callBack(.statusUpdate(let status)):
                self.delivered[status.taskID, default: []].append(status.sequence)
                self.running.append(status)
            case .sendToMaster(let call), .sendToRelay(_, let call):
                guard case .acknowledge(_, let task, let uuid) = call.kind else { continue }
                self.acknowledged(task, uuid)
            case .connectRelay(let relay, _):
                self.nextPeer += 1
                self.relays[relay.name] = PeerID(self.nextPeer)
                let effects = self.scheduler.handle(.relayConnected(relay.name, PeerID(self.nextPeer)), at: self.now)
                self.perform(effects)
            case .disconnectRelay(let name):
                if let peer = self.relays.removeValue(forKey: name) {
                    self.perform(self.scheduler.handle(.relayDisconnected(peer), at: self.now))
                }
            default: break
            }
        }
    }

    /// The agent drops what is acknowledged and what came before it: so nothing may be acknowledged that was not delivered.
    mutating func acknowledged(_ task: TaskID, _ uuid: Bytes) {
        guard let position = self.kept[task]?.firstIndex(where: { $0.uuid == uuid }) else { return }
        let status = self.kept[task]![position]
        if self.delivered[task]?.contains(status.sequence) != true {
            self.problems.append("\(task): \(status.sequence) was acknowledged before it was delivered")
        }
        self.kept[task]!.removeSubrange(...position)
    }

    mutating func subscribe() {
        self.nextPeer += 1
        self.counter += 1
        self.current = PeerID(self.nextPeer)
        let effects = self.scheduler.subscribe(
            at: self.current, epoch: self.counter / 3 + 1, counter: self.counter, relays: [one, two], self.now)
        self.perform(effects)
    }

    mutating func step() {
        self.now = self.now + .milliseconds(10)
        switch self.pick(20) {
        case 0:
            self.perform(self.scheduler.handle(.masterDisconnected(self.current), at: self.now))
            self.subscribe()
        case 1:
            let name = self.pick(2) == 0 ? "r1" : "r2"
            if let peer = self.relays.removeValue(forKey: name) {
                self.perform(self.scheduler.handle(.relayDisconnected(peer), at: self.now))
                self.nextPeer += 1
                self.relays[name] = PeerID(self.nextPeer)
                self.perform(self.scheduler.handle(.relayConnected(name, PeerID(self.nextPeer)), at: self.now))
            }
        case 2...6:
            // An agent sends again all it keeps of a task.
            let ids = self.kept.keys.sorted()
            self.inFlight += self.kept[ids[self.pick(ids.count)]] ?? []
        case 7...10:
            if !self.running.isEmpty {
                let status = self.running.removeFirst()
                self.perform(self.scheduler.returned(status, self.now))
            }
        default: self.deliverOne()
        }
    }

    mutating func deliverOne() {
        guard !self.inFlight.isEmpty else { return }
        let position = self.pick(self.inFlight.count)
        let status = self.inFlight[position]
        if self.pick(4) > 0 { self.inFlight.remove(at: position) }
        let way = self.pick(3)
        if way < 2, let peer = self.relays[way == 0 ? "r1" : "r2"] {
            self.perform(self.scheduler.relayUpdate(status, from: peer, self.now))
        } else {
            self.perform(self.scheduler.update(status, from: self.current, self.now))
        }
    }
}

@Suite("Updates in a storm")
struct SchedulerStormTests {
    @Test("Each update is delivered once and in order, whatever copies and ways it took", arguments: 1...60)
    func storm(seed: UInt64) {
        var storm = Storm(seed: seed)
        storm.subscribe()
        let tasks = (0..<6).map { TaskID("t\($0)") }
        var lengths: [TaskID: StatusSequence] = [:]
        for id in tasks {
            storm.perform(storm.scheduler.call(.accept(launch(task(id))), storm.now))
            let length = StatusSequence(1 + storm.pick(6))
            lengths[id] = length
            storm.kept[id] = (1...length).map { update(id, $0 == length ? .finished : .running, $0) }
        }
        for _ in 0..<600 { storm.step() }
        // It calms down: everything is sent again, in order, until nothing is kept.
        for _ in 0..<3 {
            storm.inFlight = []
            for status in storm.running { storm.perform(storm.scheduler.returned(status, storm.now)) }
            storm.running = []
            for id in tasks {
                for status in storm.kept[id] ?? [] {
                    storm.perform(storm.scheduler.update(status, from: storm.current, storm.now))
                }
            }
        }
        #expect(storm.problems.isEmpty)
        for id in tasks {
            #expect(storm.delivered[id] == Array(1...lengths[id]!), "\(id), seed \(seed)")
            #expect(storm.kept[id]?.isEmpty == true, "\(id), seed \(seed)")
        }
    }
}
