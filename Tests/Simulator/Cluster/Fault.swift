internal import Model

/// Something that goes wrong at one moment, and for a while.
public struct Fault: Sendable, CustomStringConvertible {
    /// What goes wrong; processes are named.
    public enum Kind: Sendable {
        /// `kill -9`, and a start when the fault is over.
        case kill(String)
        /// The same, after so many effects of the next event that has any.
        case dieInMidEvent(String, effects: Int)
        /// SIGSTOP, then SIGCONT.
        case freeze(String)
        /// Nothing that the first send reaches the others; the other way too, unless it is one-way.
        case cut([String], [String], isOneWay: Bool)
        /// A connection is reset.
        case reset
        /// Each frame from or to it takes so much longer.
        case slow(String, Duration)
        /// Its clock is so much ahead from here on, and runs fast by so many millionths.
        case clock(String, ahead: Duration, drift: Int64)
        /// Nothing can be written on the disk of an agent.
        case diskFull(String)
        case zooKeeperAway
        /// One process does not reach it.
        case zooKeeperCut(String)
        /// It has lost everything.
        case zooKeeperWiped
        /// A master dies, and the file in which it keeps its epoch is gone.
        case epochFileLost(String)
        /// A relay reaches no master, and no master reaches it; with `restarts` it is killed and begins a life in that state.
        case relayCutOff(String, masters: [String], restarts: Bool)
        /// A relay passes on to its agents what earlier leaders ordered, as if it came only now.
        case staleOrders(String)
        /// Every frame takes so much longer.
        case delaySpike(Duration)
        /// The leader, and these with it, do not reach ZooKeeper: it leads on for them when another leads the rest.
        case minority([String])
    }

    /// Since the start.
    public var after: Duration
    /// What goes wrong.
    public var kind: Kind
    /// For how long.
    public var duration: Duration

    /// Something that happens then, and lasts so long.
    public init(after: Duration, kind: Kind, duration: Duration) {
        self.after = after
        self.kind = kind
        self.duration = duration
    }

    /// A line for people.
    public var description: String { "\(self.after): \(self.kind) for \(self.duration)" }
}

extension Fault.Kind {
    /// What can be drawn; the same words name it in a plan.
    public enum Name: CaseIterable, Sendable {
        case kill, dieInMidEvent, freeze, cut, reset, slow, clock, diskFull, zooKeeperAway, zooKeeperCut, zooKeeperWiped
        case longKill, epochFileLost, relayCutOff, staleOrders, delaySpike, minority
    }
}

/// Which faults happen, drawn before the run, so that any of them can be left out.
struct FaultPlan {
    /// Names of processes, by role.
    var masters: [String] = []
    var relays: [String] = []
    var agents: [String] = []
    var schedulers: [String] = []
    /// Whom something may befall.
    var victims: [String] = []
    /// Masters that keep their epoch in a file.
    var loneMasters: [String] = []
    /// Who holds a session of ZooKeeper or looks there.
    var sessions: [String] { self.victims.filter { !self.agents.contains($0) } }
    private var random: SeededGenerator

    init(seed: UInt64, round: UInt64) { self.random = SeededGenerator(key: [seed, 0xFA, 0x17, 0x5 + round]) }

    /// All faults until then, in order of time.
    mutating func draw(_ rates: [Fault.Kind.Name: Duration], until end: Duration) -> [Fault] {
        var faults: [Fault] = []
        for name in Fault.Kind.Name.allCases {
            guard let mean = rates[name] else { continue }
            var after = Duration.zero
            while true {
                after += .nanoseconds(Int64(Double.random(in: 0.1...1.9, using: &self.random) * mean.asSeconds * 1e9))
                guard after < end else { break }
                guard var fault = self.draw(name, after: after) else { break }
                fault.duration = min(fault.duration, end - after)
                faults.append(fault)
            }
        }
        return faults.sorted { $0.after < $1.after }
    }

    private mutating func milliseconds(_ range: ClosedRange<Int64>) -> Duration {
        .milliseconds(Int64.random(in: range, using: &self.random))
    }

    private mutating func draw(_ name: Fault.Kind.Name, after: Duration) -> Fault? {
        guard let victim = self.victims.randomElement(using: &self.random) else { return nil }
        let short = self.milliseconds(10...4000), long = self.milliseconds(200...15_000)
        func fault(_ kind: Fault.Kind, _ duration: Duration) -> Fault {
            Fault(after: after, kind: kind, duration: duration)
        }
        switch name {
        case .kill: return fault(.kill(victim), short)
        case .dieInMidEvent:
            return fault(.dieInMidEvent(victim, effects: Int.random(in: 0...6, using: &self.random)), short)
        case .freeze: return fault(.freeze(victim), long)
        case .cut: return fault(self.drawCut(victim), long)
        case .reset: return fault(.reset, .zero)
        case .slow: return fault(.slow(victim, self.milliseconds(1...400)), long)
        case .clock:
            let ahead = Int64.random(in: 0...3, using: &self.random) == 0 ? self.milliseconds(0...5000) : .zero
            return fault(.clock(victim, ahead: ahead, drift: Int64.random(in: -500...500, using: &self.random)), .zero)
        case .diskFull: return self.agents.randomElement(using: &self.random).map { fault(.diskFull($0), short) }
        case .zooKeeperAway: return fault(.zooKeeperAway, long)
        case .zooKeeperCut:
            return self.sessions.randomElement(using: &self.random).map { fault(.zooKeeperCut($0), long) }
        case .zooKeeperWiped: return fault(.zooKeeperWiped, .zero)
        default: return self.drawRare(name, after: after, short)
        }
    }

    private mutating func drawRare(_ name: Fault.Kind.Name, after: Duration, _ short: Duration) -> Fault? {
        func fault(_ kind: Fault.Kind, _ duration: Duration) -> Fault {
            Fault(after: after, kind: kind, duration: duration)
        }
        switch name {
        case .longKill:
            let duration = self.milliseconds(5000...40_000)
            return (self.agents + self.relays).randomElement(using: &self.random).map { fault(.kill($0), duration) }
        case .epochFileLost:
            return self.loneMasters.randomElement(using: &self.random).map { fault(.epochFileLost($0), short) }
        case .relayCutOff:
            let duration = self.milliseconds(10_000...40_000)
            let restarts = Bool.random(using: &self.random)
            return self.relays.randomElement(using: &self.random).map {
                fault(.relayCutOff($0, masters: self.masters, restarts: restarts), duration)
            }
        case .staleOrders: return self.relays.randomElement(using: &self.random).map { fault(.staleOrders($0), .zero) }
        case .minority:
            let others = self.sessions.filter { !self.masters.contains($0) }
            let some = others.filter { _ in Bool.random(using: &self.random) }
            return fault(.minority(some), self.milliseconds(5000...25_000))
        case .delaySpike: return fault(.delaySpike(self.milliseconds(5...500)), self.milliseconds(50...2000))
        default: preconditionFailure("\(name) is drawn elsewhere")
        }
    }

    /// Between one and all others, between one and some, or between two groups.
    private mutating func drawCut(_ victim: String) -> Fault.Kind {
        let isOneWay = Bool.random(using: &self.random)
        var one = [victim]
        if Int.random(in: 0...2, using: &self.random) == 0 {
            one = self.victims.filter { _ in Bool.random(using: &self.random) }
        }
        var others = self.victims.filter { !one.contains($0) }
        if Bool.random(using: &self.random) { others = others.filter { _ in Bool.random(using: &self.random) } }
        return Bool.random(using: &self.random)
            ? .cut(one, others, isOneWay: isOneWay) : .cut(others, one, isOneWay: isOneWay)
    }
}
