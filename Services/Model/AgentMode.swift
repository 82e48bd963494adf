/// What an operator wants of an agent.
public enum AgentMode: Hashable, Sendable {
    /// It is offered and runs tasks.
    case active
    /// It is not offered; what it runs runs on.
    case deactivated
    /// It is not offered, takes no tasks, and ends those that it runs.
    case draining(Drain)

    /// Until when tasks may take their time.
    public struct Drain: Hashable, Sendable {
        /// At most so long from its beginning, whatever time a task's own policy gives it; nil: that policy alone.
        public var bound: Duration?
        /// When the agent was told; zero in what tells it.
        public var since: Instant

        /// A drain.
        public init(bound: Duration?, since: Instant = Instant(nanoseconds: 0)) {
            self.bound = bound
            self.since = since
        }
    }

    /// Whether both want the same, whenever that was said.
    public func isSame(as other: AgentMode) -> Bool {
        switch (self, other) {
        case (.active, .active), (.deactivated, .deactivated): true
        case (.draining(let own), .draining(let others)): own.bound == others.bound
        case (.active, _), (.deactivated, _), (.draining, _): false
        }
    }

    /// For people.
    public var word: String {
        switch self {
        case .active: "active"
        case .deactivated: "deactivated"
        case .draining: "draining"
        }
    }

    /// Present if it drains.
    public var drain: Drain? { if case .draining(let drain) = self { drain } else { nil } }
}
