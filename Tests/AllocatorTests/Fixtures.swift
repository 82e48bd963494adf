import Model

@testable import AllocatorCore

/// A tiny master and its allocators, whose messages arrive at once, and whose time is moved by the test.
struct Cluster {
    var master = TinyMaster()
    var allocators: [AllocatorState] = []
    var timers: [[AllocatorState.Timer: Instant]] = []
    /// Sees each proposal before the master does.
    var onProposal: (TinyMaster, Allocation) -> Void = { _, _ in }

    init(allocators count: Int = 1, _ change: (inout AllocatorSettings) -> Void = { _ in }) {
        for number in 0..<count {
            var settings = AllocatorSettings(name: "allocator-\(number)")
            change(&settings)
            self.allocators.append(AllocatorState(settings: settings, codec: TinyCodec()))
            self.timers.append([:])
            self.send(.masterConnected(PeerID(1), Self.welcome(1)), to: number)
            _ = self.master.connect()
        }
        self.settle()
    }

    static func welcome(_ epoch: Epoch) -> Welcome {
        var welcome = Welcome(role: .master, name: "m")
        welcome.epoch = epoch
        return welcome
    }

    mutating func send(_ event: AllocatorState.Event, to allocator: Int) {
        for effect in self.allocators[allocator].handle(event, at: self.master.now) {
            switch effect {
            case .propose(_, let message):
                if case .allocation(let allocation) = message { self.onProposal(self.master, allocation) }
                self.master.received(message, from: allocator)
            case .setTimer(let timer, let instant): self.timers[allocator][timer] = instant
            case .cancelTimer(let timer): self.timers[allocator][timer] = nil
            case .close, .observe: break
            }
        }
    }

    /// Delivers everything that is on its way.
    mutating func settle() {
        while let allocator = self.master.outbox.firstIndex(where: { !$0.isEmpty }) {
            let messages = self.master.outbox[allocator]
            self.master.outbox[allocator] = []
            for message in messages { self.send(.master(PeerID(1), message), to: allocator) }
        }
    }

    /// Lets time pass, and all that happens in it.
    ///
    /// Tells the offers made: `F1 <- A2`.
    @discardableResult
    mutating func pass(_ duration: Duration = .milliseconds(100)) -> [String] {
        let end = self.master.now + duration
        let before = self.master.offersMade
        var made: [Int: String] = [:]
        self.settle()
        while let (allocator, timer, due) = self.nextTimer(until: end) {
            self.master.now = max(due, self.master.now)
            self.timers[allocator][timer] = nil
            self.send(.timerFired(timer), to: allocator)
            for offer in self.master.offers where made[offer.number] == nil && offer.number > before {
                made[offer.number] = "F\(offer.holding.framework) <- A\(offer.holding.agent)"
            }
            self.settle()
        }
        self.master.now = end
        return made.sorted { $0.key < $1.key }.map(\.value)
    }

    private func nextTimer(until end: Instant) -> (Int, AllocatorState.Timer, Instant)? {
        var first: (Int, AllocatorState.Timer, Instant)?
        for allocator in self.timers.indices {
            for timer in [AllocatorState.Timer.batch, .filters, .revocation] {
                guard let due = self.timers[allocator][timer], due <= end else { continue }
                if first.map({ due < $0.2 }) ?? true { first = (allocator, timer, due) }
            }
        }
        return first
    }

    /// The one offer that a framework has.
    func offer(of framework: UInt32) -> TinyMaster.Offer {
        let offers = self.master.offers.filter { $0.holding.framework == framework }
        precondition(offers.count == 1, "framework \(framework) has \(offers)")
        return offers[0]
    }

    mutating func declineAll(of framework: UInt32, for refuse: Duration = .seconds(5)) {
        for offer in self.master.offers where offer.holding.framework == framework {
            self.master.decline(offer, for: refuse)
        }
    }

    func share(_ framework: UInt32, in role: String = "*", by allocator: Int = 0) -> Double {
        self.allocators[allocator].share(of: FrameworkID("F\(framework)"), role: role)
    }
}

extension RoleTree {
    /// All clients of the first kinds in the policy's order.
    mutating func order(kinds: [UInt32] = [0, 1, 2, 3]) -> [UInt32] {
        self.settle()
        self.walk.kinds = kinds
        self.startWalk()
        var order: [UInt32] = []
        while let client = self.nextClient() { order.append(client) }
        return order
    }
}

/// Reads the attributes that `TinyMaster` writes; nothing else passes here.
struct TinyCodec: EntityCodec {
    func attributes(_ bytes: Bytes) -> [Attribute] {
        String(decoding: bytes, as: UTF8.self).split(separator: ";").map { pair in
            let parts = pair.split(separator: ":").map(String.init)
            return Attribute(name: parts[0], value: .text(parts[1]))
        }
    }

    func task(_ bytes: Bytes) -> TaskInfo? { nil }
    func executor(_ bytes: Bytes) -> ExecutorInfo? { nil }
    func framework(_ bytes: Bytes) -> FrameworkInfo? { nil }
    func status(_ bytes: Bytes) -> TaskStatus? { nil }
    func encode(_ task: TaskInfo) -> Bytes { [] }
    func encode(_ executor: ExecutorInfo) -> Bytes { [] }
    func encode(_ framework: FrameworkInfo) -> Bytes { [] }
    func encode(_ status: TaskStatus) -> Bytes { [] }
    func encode(attributes: [Attribute], hostname: String) -> Bytes { [] }
}

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
