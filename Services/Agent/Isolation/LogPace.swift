internal import NIOCore

/// How closely the groups of a log may follow each other.
///
/// A group costs a sync of the disk, two changes of threads, and a wake-up of everybody who hears of what is in it: the
/// relay, the master, the scheduler, supervisors. Where records are few each group is written at once, so that a task
/// waits for nothing but the disk. Where there are many, as with many short tasks at a time, groups are made fewer and
/// larger: none waits longer than `interval`.
///
/// Of what a lone record costs, the two changes of threads are up to a half, so those are left out as long as the disk is quick.
struct LogPace {
    /// Of many groups, how far apart they are.
    static let interval = TimeAmount.milliseconds(2)
    /// The same, for this log.
    var interval = Self.interval
    /// Where waiting brings at least so many records together it is worth it.
    ///
    /// A task makes five, and of tasks that an executor ends at once, one after the other, eight come in that time.
    static let crowd = 12.0
    /// For how many intervals records are remembered.
    private static let memory = 4.0

    /// A loop may wait so long for the disk: not longer than handing the work to a thread and getting it back can take, where
    /// processors sleep.
    static let quick = TimeAmount.microseconds(500)
    /// So many groups in turn must have been quick before the next is taken to be.
    static let trust = 16
    /// The same as `Self.quick`, for this log.
    var quick = Self.quick

    private var quickGroups = 0
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

    /// A group is written, and took so long.
    mutating func ended(after duration: TimeAmount) {
        self.quickGroups = duration <= self.quick ? min(self.quickGroups + 1, Self.trust) : 0
    }

    /// Whether the next group may be written on the loop itself.
    ///
    /// One that turns out slow holds everybody up, but only that one.
    var isQuick: Bool { self.quickGroups == Self.trust }

    private func load(at now: NIODeadline) -> Double {
        let passed = Double((now - self.last).nanoseconds) / Double(self.interval.nanoseconds)
        return self.load / (1 + passed / Self.memory)
    }
}
