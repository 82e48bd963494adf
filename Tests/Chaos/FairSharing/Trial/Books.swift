public import Model

/// What the leading master answers an operator, at one moment.
public struct Books: Hashable, Sendable {
    /// Every agent.
    public var agents: [AgentRow] = []
    /// Every framework.
    public var frameworks: [FrameworkRow] = []
    /// What the schedulers know of their tasks, by number.
    public var counts: [GreedyFramework.Counts] = []

    /// Empty books.
    public init() {}

    /// What all agents have.
    var total: Resources { self.agents.reduce(Resources()) { $0 + $1.total } }
    /// What tasks and executors hold.
    var used: Resources { self.agents.reduce(Resources()) { $0 + $1.used } }
    /// What waits for answers of frameworks.
    var offered: Resources { self.agents.reduce(Resources()) { $0 + $1.offered } }
    /// What nobody has and nobody is offered.
    var free: Resources { self.total - self.used - self.offered }
}

/// For how long something has been so, at most, where one can only look from time to time.
struct Spell {
    /// When it was looked at last and not so.
    private var lastWithout: Instant
    private(set) var longest: Duration = .zero
    private(set) var isOpen = false

    init(since now: Instant) { self.lastWithout = now }

    /// Takes a look that was asked for and answered at these instants; what was so may have begun right after the last
    /// look that did not show it, and have ended right before this one.
    mutating func look(_ isSo: Bool, asked: Instant, answered: Instant) {
        if isSo || self.isOpen { self.longest = max(self.longest, answered - self.lastWithout) }
        if !isSo { self.lastWithout = asked }
        self.isOpen = isSo
    }
}
