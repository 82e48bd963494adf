import Model

/// A framework in one of its roles.
struct ClientEntry {
    let framework: UInt32
    let role: UInt32
    /// Never used again: tells a client from a later one of the same number.
    let serial: UInt64
    var isEligible = false
    /// Which message of the master was the last that changed it.
    var changed: UInt64 = 0
}

/// A framework as the master tells of it.
struct FrameworkEntry {
    let id: FrameworkID
    /// By role.
    ///
    /// A role that it has left stays while it holds something in it.
    var clients: [(role: UInt32, client: UInt32)] = []
    /// Which list of minimum offers is its.
    var floor: Int
}

/// An agent as the master tells of it, and what is proposed of it.
struct AgentEntry {
    /// Of one agent, held by one client, by the master's word.
    struct Holding {
        let client: UInt32
        let serial: UInt64
        var resources: Resources
    }

    /// Proposed, and neither held nor refused yet.
    struct Proposal {
        let number: UInt64
        let client: UInt32
        let serial: UInt64
        /// As it was sent: the master's answer repeats it, even if the framework's number means another by then.
        let holding: AgentHolding
        /// Which message of the master was the last before it.
        let madeAfter: UInt64
    }

    let id: AgentID
    var total: Resources
    /// By the master's books: what is proposed is free in them until the master has booked it.
    var free: Resources
    var holdings: [Holding] = []
    /// In the order in which the master will answer.
    var proposals: [Proposal] = []
    var isOwned: Bool
    var ownership: Ownership
    var isActive: Bool
    /// Which message of the master was the last about it.
    var changed: UInt64 = 0
    /// It stands in the queue of agents to look at.
    var isDirty = false
    /// Clients that had it offered and gave it back untouched, without asking to be left alone.
    ///
    /// Others go first, until all have had it.
    var declined: [UInt32] = []
    /// Its last message was a refusal: what comes free next is what was refused.
    var isRefused = false

    /// What can be proposed of it.
    var available: Resources {
        guard self.isOwned, self.isActive else { return .init() }
        return self.proposals.reduce(self.free) { $0 - $1.holding.resources }
    }
}

/// A set of agents as bits, gone through in circles.
struct AgentSet {
    private var words: [UInt64] = []

    subscript(agent: UInt32) -> Bool {
        get { agent / 64 < self.words.count && self.words[Int(agent / 64)] >> (agent % 64) & 1 == 1 }
        set {
            while self.words.count <= agent / 64 { self.words.append(0) }
            if newValue {
                self.words[Int(agent / 64)] |= 1 << (agent % 64)
            } else {
                self.words[Int(agent / 64)] &= ~(1 << (agent % 64))
            }
        }
    }

    /// The first at or above an index; nil if there is none.
    ///
    /// - Complexity: O(agents / 64).
    func next(from agent: UInt32) -> UInt32? {
        var word = Int(agent / 64)
        guard word < self.words.count else { return nil }
        var bits = self.words[word] & ~((1 << (agent % 64)) - 1)
        while bits == 0 {
            word += 1
            guard word < self.words.count else { return nil }
            bits = self.words[word]
        }
        return UInt32(word * 64 + bits.trailingZeroBitCount)
    }
}

extension Resources {
    /// Without ports and sets: those of different agents have nothing to do with each other and make no share.
    var scalars: Resources {
        if self.others.isEmpty { return self }
        var scalars = Resources(
            milliCPU: self.cpus, milliMB: self.mem, milliMBDisk: self.disk, milliGPU: self.gpus)
        for other in self.others {
            guard case .scalar(let milli) = other.value else { continue }
            // One that is beyond any limit makes no share.
            try? scalars.add(scalar: milli, named: other.name)
        }
        return scalars
    }
}
