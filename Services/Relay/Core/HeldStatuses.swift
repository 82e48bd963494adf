import Model

/// The statuses that no scheduler has acknowledged, in their order of arrival.
///
/// One store for all frameworks and agents. Each status stands in two lists, its framework's and its agent's, and knows
/// the one before it of the same task, so that arrival, acknowledgement and the end of an agent cost the same whatever
/// else is held. Nodes, frameworks and agents are dense integers; `none` ends a list.
struct HeldStatuses {
    static let none = UInt32.max

    private struct Node {
        var envelope: StatusEnvelope
        var framework: UInt32
        var agent: UInt32
        var size: Int
        /// Which status of all that came it is.
        var arrival: UInt64
        var previousInFramework = HeldStatuses.none
        var nextInFramework = HeldStatuses.none
        var previousInAgent = HeldStatuses.none
        var nextInAgent = HeldStatuses.none
        /// The one before it of the same task: acknowledged with it.
        var previousOfTask = HeldStatuses.none
        var nextOfTask = HeldStatuses.none
    }

    private struct Queue {
        var head = HeldStatuses.none
        var tail = HeldStatuses.none
        /// The first that the framework's present target was not given yet; `none`: it was given all.
        var cursor = HeldStatuses.none
        var bytes = 0
        var count = 0
    }

    /// Frameworks choose their uuids for what their executors report, so a uuid counts within its framework only.
    private struct Key: Hashable {
        var framework: UInt32
        var uuid: Bytes
    }

    private var nodes = Slab<Node>()
    private var queues: [Queue] = []
    private var agentHeads: [UInt32] = []
    private var byUUID: [Key: UInt32] = [:]
    private var lastOfTask: [TaskKey: UInt32] = [:]
    private var arrivals: UInt64 = 0

    /// All that is held.
    private(set) var bytes = 0
    var count: Int { self.byUUID.count }

    func bytes(of owner: UInt32) -> Int { owner < self.queues.count ? self.queues[Int(owner)].bytes : 0 }
    func count(of owner: UInt32) -> Int { owner < self.queues.count ? self.queues[Int(owner)].count : 0 }

    /// Whether the framework's target was given all that is held.
    func isDelivered(_ owner: UInt32) -> Bool {
        owner >= self.queues.count || self.queues[Int(owner)].cursor == Self.none
    }

    /// What a status counts for: its bytes, and what it takes to keep them.
    static func size(of envelope: StatusEnvelope) -> Int {
        envelope.status.count + envelope.uuid.count + envelope.key.task.rawValue.utf8.count + 160
    }

    /// Whether the framework's target was given the status before; nil: it is not held.
    ///
    /// One of the same uuid that is another's is forgotten: there is no telling them apart, and its agent sends it again.
    mutating func holdsCopy(of envelope: StatusEnvelope, framework owner: UInt32, agent: UInt32) -> Bool? {
        guard let index = self.byUUID[Key(framework: owner, uuid: envelope.uuid)] else { return nil }
        let node = self.nodes[index]
        guard node.agent == agent, node.envelope.key == envelope.key else {
            self.remove(index)
            return nil
        }
        let cursor = self.queues[Int(owner)].cursor
        return cursor == Self.none || node.arrival < self.nodes[cursor].arrival
    }

    /// Adds a status, of which no copy is held, behind all others.
    mutating func append(_ envelope: StatusEnvelope, framework owner: UInt32, agent: UInt32) {
        let framework = Int(owner)
        while self.queues.count <= framework { self.queues.append(Queue()) }
        while self.agentHeads.count <= agent { self.agentHeads.append(Self.none) }
        self.arrivals += 1
        var node = Node(
            envelope: envelope, framework: owner, agent: agent, size: Self.size(of: envelope), arrival: self.arrivals)
        node.previousInFramework = self.queues[framework].tail
        node.nextInAgent = self.agentHeads[Int(agent)]
        let task = envelope.key
        node.previousOfTask = self.lastOfTask[task] ?? Self.none
        let size = node.size
        let index = self.nodes.insert(node)
        if node.previousOfTask != Self.none { self.nodes[node.previousOfTask].nextOfTask = index }
        self.lastOfTask[task] = index
        self.byUUID[Key(framework: node.framework, uuid: envelope.uuid)] = index
        if node.previousInFramework == Self.none {
            self.queues[framework].head = index
        } else {
            self.nodes[node.previousInFramework].nextInFramework = index
        }
        self.queues[framework].tail = index
        if node.nextInAgent != Self.none { self.nodes[node.nextInAgent].previousInAgent = index }
        self.agentHeads[Int(agent)] = index
        self.queues[framework].bytes += size
        self.queues[framework].count += 1
        self.bytes += size
    }

    /// Forgets a status and those of the same task that its agent sent before: their scheduler has them.
    mutating func acknowledge(_ task: TaskKey, uuid: Bytes, framework owner: UInt32, agent: UInt32) {
        guard let index = self.byUUID[Key(framework: owner, uuid: uuid)],
            self.nodes[index].envelope.key == task, self.nodes[index].agent == agent
        else { return }
        var next = index
        while next != Self.none {
            let earlier = self.nodes[next].previousOfTask
            if self.nodes[next].agent == agent { self.remove(next) }
            next = earlier
        }
    }

    /// Forgets what an agent sent: it is gone, or sends all again.
    mutating func removeAll(ofAgent agent: UInt32) {
        guard agent < self.agentHeads.count else { return }
        while self.agentHeads[Int(agent)] != Self.none { self.remove(self.agentHeads[Int(agent)]) }
    }

    mutating func removeAll(ofFramework owner: UInt32) {
        let framework = Int(owner)
        guard framework < self.queues.count else { return }
        while self.queues[framework].head != Self.none { self.remove(self.queues[framework].head) }
    }

    /// A new target was given nothing yet.
    mutating func rewind(_ owner: UInt32) {
        let framework = Int(owner)
        guard framework < self.queues.count else { return }
        self.queues[framework].cursor = self.queues[framework].head
    }

    /// There is no target.
    mutating func stop(_ owner: UInt32) {
        let framework = Int(owner)
        guard framework < self.queues.count else { return }
        self.queues[framework].cursor = Self.none
    }

    /// The next status that the framework's target was not given yet.
    mutating func next(of owner: UInt32) -> (agent: UInt32, envelope: StatusEnvelope)? {
        let framework = Int(owner)
        guard framework < self.queues.count, self.queues[framework].cursor != Self.none else { return nil }
        let node = self.nodes[self.queues[framework].cursor]
        self.queues[framework].cursor = node.nextInFramework
        return (node.agent, node.envelope)
    }

    private mutating func remove(_ index: UInt32) {
        let node = self.nodes[index]
        let framework = Int(node.framework)
        if self.queues[framework].cursor == index { self.queues[framework].cursor = node.nextInFramework }
        if node.previousInFramework == Self.none {
            self.queues[framework].head = node.nextInFramework
        } else {
            self.nodes[node.previousInFramework].nextInFramework = node.nextInFramework
        }
        if node.nextInFramework == Self.none {
            self.queues[framework].tail = node.previousInFramework
        } else {
            self.nodes[node.nextInFramework].previousInFramework = node.previousInFramework
        }
        if node.previousInAgent == Self.none {
            self.agentHeads[Int(node.agent)] = node.nextInAgent
        } else {
            self.nodes[node.previousInAgent].nextInAgent = node.nextInAgent
        }
        if node.nextInAgent != Self.none { self.nodes[node.nextInAgent].previousInAgent = node.previousInAgent }
        if node.previousOfTask != Self.none { self.nodes[node.previousOfTask].nextOfTask = node.nextOfTask }
        if node.nextOfTask != Self.none {
            self.nodes[node.nextOfTask].previousOfTask = node.previousOfTask
        } else if node.previousOfTask != Self.none {
            self.lastOfTask[node.envelope.key] = node.previousOfTask
        } else {
            self.lastOfTask[node.envelope.key] = nil
        }
        self.byUUID[Key(framework: node.framework, uuid: node.envelope.uuid)] = nil
        self.queues[framework].bytes -= node.size
        self.queues[framework].count -= 1
        self.bytes -= node.size
        self.nodes.remove(index)
    }
}
