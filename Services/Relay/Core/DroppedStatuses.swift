import Model

/// What an agent has sent and its relay had no room for, by task: what comes after it must not overtake it.
///
/// Only uuids are kept. The statuses are in the agent's log; whenever it sends again it sends all of a task that nobody has
/// acknowledged, in order.
struct DroppedStatuses {
    private struct Backlog {
        /// In order.
        var uuids: [Bytes]
        /// So many of them were sent again since the first was, and dropped again.
        var seen: Int
    }

    private var tasks: [TaskKey: Backlog] = [:]
    /// The agent was asked to send again, and nothing of that has come yet.
    var isAwaited = false

    /// Whether all that comes before a status was told, as far as it was dropped here.
    mutating func isDue(_ envelope: StatusEnvelope) -> Bool {
        guard !self.tasks.isEmpty, let backlog = self.tasks[envelope.key] else { return true }
        guard let place = backlog.uuids.firstIndex(of: envelope.uuid) else { return false }
        self.isAwaited = false
        if place == 0 { return true }
        if place == backlog.seen { return false }
        // Sent again without those before it: they were acknowledged meanwhile.
        self.forget(place, of: envelope.key)
        return true
    }

    /// There was no room for it, or for one before it.
    mutating func dropped(_ envelope: StatusEnvelope) {
        var backlog = self.tasks.removeValue(forKey: envelope.key) ?? Backlog(uuids: [], seen: 0)
        if let place = backlog.uuids.firstIndex(of: envelope.uuid) {
            backlog.seen = place + 1
        } else {
            backlog.uuids.append(envelope.uuid)
            backlog.seen = backlog.uuids.count
        }
        self.tasks[envelope.key] = backlog
    }

    /// It is held, or acknowledged: those before it were, too.
    mutating func settled(_ uuid: Bytes, of task: TaskKey) {
        guard !self.tasks.isEmpty, let place = self.tasks[task]?.uuids.firstIndex(of: uuid) else { return }
        self.forget(place + 1, of: task)
    }

    /// The framework is no more.
    mutating func forget(_ framework: FrameworkID) {
        if !self.tasks.isEmpty { self.tasks = self.tasks.filter { $0.key.framework != framework } }
    }

    private mutating func forget(_ count: Int, of task: TaskKey) {
        guard var backlog = self.tasks.removeValue(forKey: task), backlog.uuids.count > count else { return }
        backlog.uuids.removeFirst(count)
        backlog.seen = max(0, backlog.seen - count)
        self.tasks[task] = backlog
    }
}
