internal import Model

/// All faults of a run, in order of their starts.
public struct FaultSchedule: Hashable, Sendable {
    /// What a schedule is drawn from.
    public struct Settings: Sendable {
        /// What chance is drawn from: the same seed and settings give the same schedule.
        public var seed: UInt64
        /// How long faults begin; none lasts beyond it, and it is above zero.
        public var duration: Duration
        /// The mean time between two faults of a kind; each is from half to one and a half of it after the one before.
        public var intervals: [FaultKind: Duration] = [.kill: .seconds(2)]
        /// What faults are done to.
        public var roles: Set<ChaosRole> = Set(ChaosRole.allCases)
        /// How many processes of each role there are.
        public var counts: [ChaosRole: Int] = [:]

        /// A schedule of that length from that seed, of kills only, and nobody to kill yet.
        public init(seed: UInt64, duration: Duration) { (self.seed, self.duration) = (seed, duration) }
    }

    /// Why there is no schedule; what to do about it is in the text.
    public struct Problem: Error, Hashable, CustomStringConvertible, Sendable {
        /// For people.
        public let description: String
        init(_ description: String) { self.description = description }
    }

    /// In order of their starts.
    public private(set) var faults: [Fault] = []

    /// Takes faults as they are given.
    ///
    /// - Throws: `Problem` if one is done to a process that is not there or cannot suffer it, has no length, or begins while the same
    ///   process suffers another.
    public init(_ faults: [Fault], counts: [ChaosRole: Int]) throws(Problem) {
        var busy: [ChaosTarget: Fault] = [:]
        for fault in faults.sorted(by: { $0.start < $1.start }) {
            let count = counts[fault.target.role] ?? 0
            guard fault.target.number <= count else {
                throw Problem(
                    "\(fault.kind.rawValue) of \(fault.target): there is no such process, but \(count) of that role")
            }
            guard fault.kind.roles.contains(fault.target.role) else {
                throw Problem(
                    "\(fault.kind.rawValue) of \(fault.target): it is done to "
                        + ChaosRole.names(fault.kind.roles) + " only")
            }
            guard fault.start >= .zero, fault.length > .zero else {
                throw Problem(
                    "\(fault.kind.rawValue) of \(fault.target): it begins at 0 or later and lasts more than 0")
            }
            if let other = busy[fault.target], other.end > fault.start {
                throw Problem(
                    "\(fault.kind.rawValue) of \(fault.target) begins while it suffers \(other.kind.rawValue): "
                        + "begin it at \(other.end.asSeconds) s or later")
            }
            busy[fault.target] = fault
            self.faults.append(fault)
        }
    }

    /// Draws a schedule.
    ///
    /// Nobody suffers two faults at once, and a majority of the ZooKeeper servers suffers none: without it nothing would be tested but its
    /// absence, which a schedule of one's own can have. A role is drawn first, then one of it, so that each role gets as many.
    ///
    /// - Throws: `Problem` if a kind of fault has nobody to be done to.
    public static func drawn(from settings: Settings) throws(Problem) -> FaultSchedule {
        var chance = SeededGenerator(seed: settings.seed)
        for role in ChaosRole.allCases where settings.roles.contains(role) && (settings.counts[role] ?? 0) == 0 {
            throw Problem("there is no \(role.rawValue) to be a target: start one, or leave it out of --targets")
        }
        var due: [(start: Duration, kind: FaultKind)] = []
        for kind in FaultKind.allCases {
            guard let interval = settings.intervals[kind] else { continue }
            guard interval > .zero else { throw Problem("--faults \(kind.rawValue): the time between two is above 0") }
            guard !kind.roles.isDisjoint(with: settings.roles) else {
                throw Problem(
                    "\(kind.rawValue) has no target: it is done to \(ChaosRole.names(kind.roles)); add one to --targets"
                )
            }
            var start = interval * Double.random(in: 0..<1, using: &chance)
            while start < settings.duration {
                due.append((start, kind))
                start += interval * Double.random(in: 0.5..<1.5, using: &chance)
            }
        }
        var schedule: [Fault] = []
        for (start, kind) in due.sorted(by: { $0.start < $1.start }) {
            let lengths = kind.lengths
            let length =
                lengths.lowerBound
                + (lengths.upperBound - lengths.lowerBound) * Double.random(in: 0...1, using: &chance)
            let running = schedule.filter { $0.end > start }
            let roles = ChaosRole.allCases.filter { settings.roles.contains($0) && kind.roles.contains($0) }
                .filter { !settings.free($0, beside: running).isEmpty }
            guard let role = roles.randomElement(using: &chance),
                let target = settings.free(role, beside: running).randomElement(using: &chance)
            else { continue }
            schedule.append(Fault(at: start, for: min(length, settings.duration - start), kind, target))
        }
        return try FaultSchedule(schedule, counts: settings.counts)
    }
}

extension FaultSchedule.Settings {
    /// Whom of a role another fault can be done to.
    fileprivate func free(_ role: ChaosRole, beside running: [Fault]) -> [ChaosTarget] {
        let count = self.counts[role] ?? 0
        let busy = Set(running.map(\.target).filter { $0.role == role })
        if role == .zooKeeper, busy.count + 1 > max(1, (count - 1) / 2) { return [] }
        return (1...max(1, count)).map { ChaosTarget(role, $0) }.filter { $0.number <= count && !busy.contains($0) }
    }
}

extension ChaosRole {
    /// For people.
    static func names(_ roles: Set<ChaosRole>) -> String {
        Self.allCases.filter { roles.contains($0) }.map(\.rawValue).joined(separator: ", ")
    }
}
