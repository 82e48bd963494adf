internal import NIOCore

/// How closely the groups of a log may follow each other.
///
/// A group costs a sync of the disk, two changes of threads, and a wake-up of everybody who hears of what is in it: the
/// relay, the master, the scheduler, supervisors. Where records are few each group is written at once, so that a task
/// waits for nothing but the disk. Where there are many, as with many short tasks at a time, groups are made fewer and
/// larger: none waits longer than `interval`.
struct LogPace {
    /// Of many groups, how far apart they are.
    static let interval = TimeAmount.milliseconds(2)
    /// The same, for this log.
    var interval = Self.interval
    /// Where waiting brings at least so many records together it is worth it: some five tasks at a time, one after the
    /// other.
    static let crowd = 6.0
    /// For how many intervals records are remembered.
    private static let memory = 4.0

    /// Records that were written, those of long ago counting less.
    private var load = 0.0
    private var last = NIODeadline.distantPast

    /// How long the next group waits; nothing, or less, if it may be written now.
    func pause(at now: NIODeadline) -> TimeAmount {
        self.load(at: now) < Self.crowd * Self.memory ? .zero : self.interval - (now - self.last)
    }

    /// A group of so many records is being written.
    mutating func began(at now: NIODeadline, records: UInt64) {
        self.load = self.load(at: now) + Double(records)
        self.last = now
    }

    private func load(at now: NIODeadline) -> Double {
        let passed = Double((now - self.last).nanoseconds) / Double(self.interval.nanoseconds)
        return self.load / (1 + passed / Self.memory)
    }
}
