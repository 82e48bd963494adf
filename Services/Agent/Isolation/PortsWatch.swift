internal import Model

/// Which containers listen where they may not.
///
/// A port that the agent shares out is for whom it was given to; others are for everybody, unless all are guarded. A
/// container that was seen on another's port is looked at again with the next round, and only if it is there still it
/// has to end: it may just be closing what it had.
struct PortsWatch: Hashable, Sendable {
    /// Those that are guarded; nil: all there are.
    let guarded: IntegerRanges?
    /// Between two looks at a container.
    let interval: Duration
    private var subjects: [RunID: Subject] = [:]

    private struct Subject: Hashable {
        /// Nil: at once.
        var nextLook: ContinuousClock.Instant?
        var suspected: Set<UInt16> = []
    }

    init(guarded: IntegerRanges?, interval: Duration) {
        self.guarded = guarded
        self.interval = interval
    }

    /// Whether not everybody may listen there.
    func isGuarded(_ port: UInt16) -> Bool { self.guarded.map { Self.has($0, port) } ?? true }

    /// A container starts, or is found; again if it is there already.
    mutating func begin(_ run: RunID) {
        if self.subjects[run] == nil { self.subjects[run] = Subject() }
    }

    /// A container has ended.
    mutating func end(_ run: RunID) { self.subjects[run] = nil }

    /// Whether it is time to look where it listens; false for a container that has not begun or has ended.
    func isDue(_ run: RunID, at now: ContinuousClock.Instant) -> Bool {
        guard let subject = self.subjects[run] else { return false }
        return subject.nextLook.map { $0 <= now } ?? true
    }

    /// A container was seen listening on these ports.
    ///
    /// - Returns: One for which it has to end; nil if there is none, or none that was seen twice.
    mutating func saw(
        _ run: RunID, listeningOn ports: Set<UInt16>, holding held: IntegerRanges, at now: ContinuousClock.Instant
    ) -> UInt16? {
        guard var subject = self.subjects[run] else { return nil }
        let strange = ports.filter { self.isGuarded($0) && !Self.has(held, $0) }
        let proven = strange.intersection(subject.suspected).min()
        subject.suspected = strange
        subject.nextLook = strange.isEmpty ? now + self.interval : nil
        self.subjects[run] = subject
        return proven
    }

    private static func has(_ ranges: IntegerRanges, _ port: UInt16) -> Bool {
        ranges.ranges.contains { $0.contains(UInt64(port)) }
    }
}
