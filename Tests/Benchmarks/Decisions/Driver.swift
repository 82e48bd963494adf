import AllocatorCore
import Model

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The least that keeps an allocator busy: it accepts every proposal, answers for the frameworks, and ends tasks.
///
/// Events are made beforehand and handed over in a row, so that the clock stands still while this works.
struct Driver {
    struct Counts {
        var allocations = 0
        var declines = 0
        var filters = 0
        var taskEnds = 0
    }

    private static let peer = PeerID(1)
    /// An agent has so many slots; a task takes one, an offer what is free.
    private static let slots: Int64 = 4
    /// What Mesos' schedulers refuse for if they say nothing else.
    private static let refusal = Duration.seconds(5)

    private var state: AllocatorState
    private var random: Chance
    private let declinesAll: Bool
    private var now = Instant(nanoseconds: 0)
    private var timers: [AllocatorState.Timer: Instant] = [:]
    private var events: [AllocatorState.Event] = []
    private var effects: [AllocatorState.Effect] = []
    /// Tasks that run, in no order.
    private var tasks: [AgentHolding] = []
    /// Offers that their frameworks will decline.
    private var declining: [AgentHolding] = []
    private var spent = Duration.zero
    private var looksBefore: UInt64 = 0

    private(set) var counts = Counts()
    private(set) var hash: UInt64 = 0xcbf2_9ce4_8422_2325

    /// What the core has taken.
    var seconds: Double { self.spent.asSeconds }
    var looks: UInt64 { self.state.counters.looks - self.looksBefore }

    init(_ settings: AllocatorSettings, seed: UInt64, declinesAll: Bool) {
        self.declinesAll = declinesAll
        self.state = AllocatorState(settings: settings)
        self.random = Chance(state: seed)
        var welcome = Welcome(role: .master, name: "master")
        welcome.epoch = 1
        self.events.append(.masterConnected(Self.peer, welcome))
    }

    private static func role(_ number: UInt32) -> String { "role-\(number)" }

    mutating func addFrameworks(_ count: UInt32, roles: UInt32) {
        for number in 0..<roles {
            var facts = RoleFacts(role: Self.role(number))
            facts.weight = Double(number % 3 + 1)
            self.events.append(.master(Self.peer, .role(facts)))
        }
        for index in 0..<count {
            var facts = FrameworkFacts(
                index: index, id: FrameworkID("F\(index)"), name: "framework", roles: [Self.role(index % roles)])
            facts.minimumOffers = ["cpus:0.01", "mem:32"]
            self.events.append(.master(Self.peer, .framework(facts)))
        }
    }

    mutating func addAgents(_ count: UInt32, ports: Bool) {
        var total: Resources = ports ? "ports:[31000-32000]" : ""
        total += Resources(
            milliCPU: 4000 * Self.slots, milliMB: 16_000_000 * Self.slots, milliMBDisk: 100_000_000 * Self.slots)
        for index in 0..<count {
            let facts = AgentFacts(
                index: index, id: AgentID("A\(index)"), hostname: "host-\(index)", total: total, isOwned: true,
                ownership: 1)
            self.events.append(.master(Self.peer, .agent(facts)))
        }
        self.events.append(.master(Self.peer, .synced))
    }

    /// Lets the frameworks fill the cluster, as far as they do, then an hour pass, so that no filter of that time is left.
    mutating func fill() {
        self.handleAll()
        repeat {
            self.declineOffers()
            self.turn()
            if self.declinesAll { return }
        } while !self.declining.isEmpty || self.state.activeFilters > 0
    }

    /// From here on it counts.
    mutating func startCounting() {
        self.spent = .zero
        self.counts = Counts()
        self.looksBefore = self.state.counters.looks
    }

    /// So much comes free, and is given away.
    mutating func round(_ batch: Int) {
        self.declineOffers()
        while self.events.count < batch, !self.tasks.isEmpty {
            let index = Int(self.random.next() % UInt64(self.tasks.count))
            let ended = self.tasks[index]
            self.tasks[index] = self.tasks[self.tasks.count - 1]
            self.tasks.removeLast()
            self.counts.taskEnds += 1
            self.tell(.recovered(ended))
        }
        self.turn()
    }

    private mutating func tell(_ message: MasterToAllocator) { self.events.append(.master(Self.peer, message)) }

    private mutating func declineOffers() {
        for offer in self.declining {
            let isFiltered = !self.declinesAll && self.random.next() % 2 == 0
            if isFiltered { self.counts.filters += 1 } else { self.counts.declines += 1 }
            self.tell(.filter(offer, remaining: isFiltered ? Self.refusal : .zero))
            self.tell(.recovered(offer))
        }
        self.declining.removeAll(keepingCapacity: true)
    }

    /// What has come free is told, the batching window passes, proposals are made and booked.
    private mutating func turn() {
        self.handleAll()
        self.now = self.now + .milliseconds(5)
        for timer in [AllocatorState.Timer.filters, .batch] {
            guard let due = self.timers[timer], due <= self.now else { continue }
            self.timers[timer] = nil
            self.events.append(.timerFired(timer))
        }
        self.handleAll()
        self.handleAll()
    }

    /// What this process has used: others on the machine do not count.
    private static var processorTime: Duration {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }

    private mutating func handleAll() {
        var events: [AllocatorState.Event] = []
        swap(&events, &self.events)
        let start = Self.processorTime
        events.withUnsafeBufferPointer { events in
            for index in events.indices { self.state.handle(events[index], at: self.now, into: &self.effects) }
        }
        self.spent += Self.processorTime - start
        events.removeAll(keepingCapacity: true)
        swap(&events, &self.events)
        for effect in self.effects { self.perform(effect) }
        self.effects.removeAll(keepingCapacity: true)
    }

    private mutating func perform(_ effect: AllocatorState.Effect) {
        switch effect {
        case .propose(_, .allocation(let allocation)): self.book(allocation.holding)
        case .setTimer(let timer, let instant): self.timers[timer] = instant
        case .cancelTimer(let timer): self.timers[timer] = nil
        case .propose, .close, .observe: break
        }
    }

    private mutating func book(_ holding: AgentHolding) {
        self.counts.allocations += 1
        for number in [UInt64(holding.agent), UInt64(holding.framework), UInt64(holding.resources.cpus)] {
            self.hash = (self.hash ^ number) &* 0x100_0000_01b3
        }
        self.tell(.held(holding))
        // Two of three run tasks, one a slot; the first takes what cannot be divided, such as ports.
        guard !self.declinesAll, self.random.next() % 3 > 0 else {
            self.declining.append(holding)
            return
        }
        var task = holding
        task.resources = Resources(milliCPU: 4000, milliMB: 16_000_000, milliMBDisk: 100_000_000)
        var first = holding
        var left = holding.resources - task.resources
        while left.cpus > 0 {
            left -= task.resources
            self.tasks.append(task)
            first.resources -= task.resources
        }
        self.tasks.append(first)
    }
}

/// Random numbers of a seed, cheap enough not to be seen (SplitMix64).
struct Chance {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
