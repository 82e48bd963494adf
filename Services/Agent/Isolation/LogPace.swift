internal import NIOCore

/// How closely the groups of a log may follow each other.
///
/// A group costs a sync of the disk, two changes of threads, and a wake-up of everybody who hears of what is in it: the
/// relay, the master, the scheduler, supervisors. Where groups are rare each is written at once. Where they come one upon
/// the other, as with many short tasks, they are made fewer and larger: none waits longer than `interval`.
struct LogPace {
    /// Of many groups, how far apart they are.
    static let interval = TimeAmount.milliseconds(2)
    /// So many may come at once after a time of rest.
    static let burst: Int64 = 8

    /// When all groups so far would have been written, one in each interval.
    private var due = NIODeadline.distantPast

    /// How long the next group waits; nothing, or less, if it may be written now.
    func pause(at now: NIODeadline) -> TimeAmount { (self.due - now) - Self.interval * Self.burst }

    /// A group is being written.
    mutating func began(at now: NIODeadline) { self.due = max(self.due, now) + Self.interval }
}
