import AllocatorCore
import Model
import Testing

/// A cluster whose messages take their time, one link at a time at random.
struct Storm {
    var cluster: Cluster
    var random: SplitMix
    /// What each allocator has sent and the master has not read.
    var inbox: [[AllocatorToMaster]]
    let agents: UInt32 = 12
    let frameworks: UInt32 = 6

    init(seed: UInt64, allocators: Int) {
        self.cluster = Cluster(allocators: allocators) {
            $0.looksPerTurn = 30
            // No refusal of this master is beyond what an allocator knows.
            $0.refusalPause = .seconds(100_000)
        }
        self.random = SplitMix(state: seed)
        self.inbox = Array(repeating: [], count: allocators)
    }

    mutating func send(_ event: AllocatorState.Event, to allocator: Int) {
        for effect in self.cluster.allocators[allocator].handle(event, at: self.cluster.master.now) {
            switch effect {
            case .propose(_, let message): self.inbox[allocator].append(message)
            case .setTimer(let timer, let instant): self.cluster.timers[allocator][timer] = instant
            case .cancelTimer(let timer): self.cluster.timers[allocator][timer] = nil
            case .close, .observe: break
            }
        }
    }

    /// Moves one message, or fires one timer, of an allocator.
    mutating func move(_ allocator: Int) {
        switch self.random.next() % 3 {
        case 0 where !self.cluster.master.outbox[allocator].isEmpty:
            let message = self.cluster.master.outbox[allocator].removeFirst()
            self.send(.master(PeerID(1), message), to: allocator)
        case 1 where !self.inbox[allocator].isEmpty:
            self.cluster.master.received(self.inbox[allocator].removeFirst(), from: allocator)
        default:
            for timer in [AllocatorState.Timer.batch, .filters] {
                guard let due = self.cluster.timers[allocator][timer], due <= self.cluster.master.now else { continue }
                self.cluster.timers[allocator][timer] = nil
                self.send(.timerFired(timer), to: allocator)
            }
        }
    }

    /// One thing happens in the cluster.
    mutating func happen() {
        let agent = UInt32(self.random.next() % UInt64(self.agents))
        let framework = UInt32(self.random.next() % UInt64(self.frameworks))
        let isAgent = self.cluster.master.agents[agent] != nil
        let isFramework = self.cluster.master.frameworks[framework] != nil
        switch self.random.next() % 24 {
        case 0 where !isAgent:
            let total = Resources(milliCPU: Int64(self.random.next() % 8 + 1) * 1000, milliMB: 1_000_000)
            let disk = ["ssd", "hdd"][Int(self.random.next() % 2)]
            self.cluster.master.addAgent(agent, total, owner: self.owner(agent)) { $0.attributes = ["disk": disk] }
        case 1 where isAgent && self.random.next() % 4 == 0: self.cluster.master.removeAgent(agent)
        case 2 where isAgent: self.cluster.master.setActive(agent, self.random.next() % 4 > 0)
        case 3 where isAgent: self.cluster.master.give(agent, to: self.owner(agent))
        case 4, 5:
            if !isFramework {
                self.cluster.master.addFramework(
                    framework, roles: [["a"], ["b"], ["a", "b"]][Int(self.random.next() % 3)],
                    minimumOffers: self.random.next() % 3 == 0 ? ["cpus:2"] : [])
            }
        case 6 where isFramework && self.random.next() % 4 == 0: self.cluster.master.removeFramework(framework)
        case 7 where isFramework:
            let suppressed = [[], ["a"], ["b"], ["a", "b"]][Int(self.random.next() % 4)]
            self.cluster.master.change(framework) { $0.suppressedRoles = suppressed }
        case 8 where isFramework:
            let isActive = self.random.next() % 4 > 0
            self.cluster.master.change(framework) { $0.isActive = isActive }
        case 9 where isFramework: self.cluster.master.revive(framework)
        case 10 where isAgent:
            // A task ends.
            let offered = self.cluster.master.offers.map(\.holding)
            let task = self.cluster.master.agents[agent]!.holdings.first { !offered.contains($0) }
            if let task { self.cluster.master.free(task) }
        case 11: self.cluster.master.setWeight(Double(self.random.next() % 4 + 1), of: "a")
        case 12 where isFramework:
            let wanted = ["ssd", "hdd", "none"][Int(self.random.next() % 3)]
            let constraints = OfferConstraints(groups: [[.init(.attribute("disk"), .textEquals(wanted))]])
            self.cluster.master.change(framework) { $0.constraints = wanted == "none" ? [:] : ["a": constraints] }
        default:
            guard let offer = self.cluster.master.offers.randomElement(using: &self.random) else { return }
            switch self.random.next() % 4 {
            case 0: self.cluster.master.use(offer)
            case 1:
                let half = Resources(milliCPU: offer.holding.resources.cpus / 2, milliMB: 1000)
                if offer.holding.resources.contains(half) { self.cluster.master.use(offer, half) }
            case 2: self.cluster.master.decline(offer, for: .milliseconds(Int64(self.random.next() % 3000)))
            default: self.cluster.master.decline(offer, for: .zero)
            }
        }
    }

    mutating func owner(_ agent: UInt32) -> Int { Int(self.random.next() % UInt64(self.inbox.count)) }

    mutating func step() {
        self.cluster.master.now = self.cluster.master.now + .microseconds(Int64(self.random.next() % 4000))
        if self.random.next() % 3 == 0 { self.happen() }
        for allocator in self.inbox.indices { self.move(allocator) }
    }

    /// Everything on its way arrives, and the next turns are taken.
    ///
    /// Time passes only for them.
    mutating func calm() {
        for _ in 0..<400 {
            for allocator in self.inbox.indices {
                while !self.cluster.master.outbox[allocator].isEmpty {
                    self.send(.master(PeerID(1), self.cluster.master.outbox[allocator].removeFirst()), to: allocator)
                }
                while !self.inbox[allocator].isEmpty {
                    self.cluster.master.received(self.inbox[allocator].removeFirst(), from: allocator)
                }
                if let due = self.cluster.timers[allocator][.batch] {
                    self.cluster.master.now = max(due, self.cluster.master.now)
                    self.cluster.timers[allocator][.batch] = nil
                    self.send(.timerFired(.batch), to: allocator)
                }
                if let due = self.cluster.timers[allocator][.filters], due <= self.cluster.master.now {
                    self.cluster.timers[allocator][.filters] = nil
                    self.send(.timerFired(.filters), to: allocator)
                }
            }
        }
    }
}

@Suite("Allocators in a storm")
struct StormTests {
    @Test(
        "Whatever changes while proposals fly, nothing is proposed that is not free, nobody who wants something that is free waits, and all see the same shares",
        arguments: 1...60 as ClosedRange<UInt64>)
    func storm(seed: UInt64) {
        var storm = Storm(seed: seed, allocators: Int(seed % 3) + 1)
        for _ in 0..<20 {
            for _ in 0..<200 { storm.step() }
            storm.calm()
            // A refusal that was long on its way ends later here than at the master.
            storm.cluster.master.now = storm.cluster.master.now + .seconds(5)
            storm.calm()
            let master = storm.cluster.master
            let waiting = master.agents.keys.sorted().filter { master.isWanted($0) }
            #expect(waiting == [], "seed \(seed)")
            for framework in master.frameworks.values {
                for role in framework.facts.roles {
                    let shares = storm.cluster.allocators.map { $0.share(of: framework.facts.id, role: role) }
                    #expect(Set(shares).count == 1, "seed \(seed)")
                    #expect(shares[0] == self.share(of: framework.facts.index, role: role, in: master), "seed \(seed)")
                }
            }
        }
        #expect(!storm.cluster.master.refusals.contains("not free"), "seed \(seed)")
        #expect(storm.cluster.master.offersMade > 100)
    }

    private func share(of framework: UInt32, role: String, in master: TinyMaster) -> Double {
        let total = master.agents.values.reduce(Resources()) { $0 + $1.total }
        let held = master.agents.values.flatMap(\.holdings)
            .filter { $0.framework == framework && $0.role == role }.reduce(Resources()) { $0 + $1.resources }
        guard total.cpus > 0, total.mem > 0 else { return 0 }
        return max(Double(held.cpus) / Double(total.cpus), Double(held.mem) / Double(total.mem))
    }
}
