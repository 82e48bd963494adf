internal import Model

/// What a run was, and what came of it.
public struct ChaosReport: Codable, Sendable {
    /// A fault that was done.
    public struct Done: Codable, Hashable, Sendable {
        /// From the start of the run, in seconds.
        public var start: Double
        /// From the start of the run, in seconds.
        public var end: Double
        /// As `--faults` names it.
        public var kind: FaultKind
        /// As in `relay-1`.
        public var target: String
        /// Of the target.
        public var role: ChaosRole

        /// What was done, as it was planned.
        public init(_ fault: Fault) {
            (self.start, self.end) = (fault.start.asSeconds, fault.end.asSeconds)
            (self.kind, self.target, self.role) = (fault.kind, "\(fault.target)", fault.target.role)
        }
    }

    /// What happened in one second of the run.
    public struct Second: Codable, Hashable, Sendable {
        /// Tasks that were launched.
        public var launched = 0
        /// Tasks whose end was heard of.
        public var ended = 0
        /// The longest that an update took which came in this second, in seconds.
        public var delay: Double = 0
    }

    /// What chance was drawn from.
    public var seed: UInt64
    /// How long faults went on, in seconds.
    public var seconds: Double
    /// In order of their starts.
    public var faults: [Done]
    /// Second by second, healing included.
    public var course: [Second]
    /// Seconds from the end of faults until all was as it should be; nil: it was not within the time allowed.
    public var settledAfter: Double?
    /// Whether the promises were kept.
    public var verdict: Verdict

    /// Judges a history.
    public init(
        seed: UInt64, seconds: Double, faults: [Fault], history: History, settledAfter: Double?
    ) {
        (self.seed, self.seconds, self.settledAfter) = (seed, seconds, settledAfter)
        self.faults = faults.map { Done($0) }
        self.verdict = history.judged()
        self.course = []
        for line in history.frameworks.sorted(by: { $0.key < $1.key }).flatMap(\.value) where line.at >= 0 {
            let second = Int(line.at)
            while self.course.count <= second { self.course.append(Second()) }
            switch line.entry {
            case .began, .kill: break
            case .launch: self.course[second].launched += 1
            case .status(_, let state, let made):
                if state.isTerminal { self.course[second].ended += 1 }
                if let made { self.course[second].delay = max(self.course[second].delay, line.at - made) }
            }
        }
    }

    /// Names and values, as a table shows them.
    public var rows: [(name: String, value: String)] {
        func seconds(_ value: Double) -> String { "\((value * 1000).rounded() / 1000) s" }
        var rows: [(String, String)] = [("seed", "\(self.seed)"), ("faults went on", seconds(self.seconds))]
        for role in ChaosRole.allCases {
            let done = self.faults.filter { $0.role == role }
            let kinds = FaultKind.allCases.compactMap { kind in
                let count = done.count { $0.kind == kind }
                return count > 0 ? "\(kind.rawValue) \(count)" : nil
            }
            if !kinds.isEmpty { rows.append(("\(role.rawValue)", kinds.joined(separator: ", "))) }
        }
        let verdict = self.verdict
        rows += [
            ("tasks launched", "\(verdict.launched)"), ("started", "\(verdict.started)"),
            ("finished", "\(verdict.finished)"), ("killed as their schedulers wanted", "\(verdict.killed)"),
            ("ended without having begun", "\(verdict.neverRan), \(verdict.toldWhenAsked) of them told when asked"),
            ("started twice", "\(verdict.startedTwice)"), ("lost", "\(verdict.lost)"),
            ("ends not delivered", "\(verdict.undelivered)"), ("over-commitments", "\(verdict.overCommitments)"),
            (
                "delay of updates during faults",
                "median \(seconds(verdict.delays.median)), p99 \(seconds(verdict.delays.p99)), "
                    + "longest \(seconds(verdict.delays.longest))"
            ),
            ("longest time without a launch", seconds(verdict.longestPause)),
            ("as it should be after", self.settledAfter.map(seconds) ?? "never"),
            ("breaches", "\(verdict.breaches.count)"),
        ]
        return rows
    }
}
