internal import AgentCore
internal import Model

/// The log of a simulated agent: what was synced stays; what was being written when the process died is there whole or not
/// at all, as the checksum of a group has it; a full disk is waited for, and a broken one ends the process, as in production.
final class SimulatedDisk {
    /// On disk, in order.
    private(set) var records: [AgentLogRecord] = []
    /// Why nothing can be written.
    enum Trouble { case full, broken }
    /// What is wrong at present.
    var trouble: Trouble?
    private unowned let agent: SimulatedAgent
    private let logged: (UInt64) -> Void
    private var waiting: [AgentLogRecord] = []
    /// Takes the place of all that is on disk, before what waits.
    private var replacement: [AgentLogRecord]?
    private var written: (replacement: [AgentLogRecord]?, records: [AgentLogRecord])?
    private var appended: UInt64 = 0
    private var isFlushPlanned = false

    /// A write that carries nothing urgent waits for one that does, at most so long.
    private static let lateness = Duration.milliseconds(100)
    /// Between two attempts to write to a full disk.
    private static let fullPause = Duration.seconds(1)

    /// - Parameter logged: Told how many of the records appended in this life are on disk.
    init(of agent: SimulatedAgent, logged: @escaping (UInt64) -> Void) {
        self.agent = agent
        self.logged = logged
    }

    func append(_ record: AgentLogRecord) {
        self.waiting.append(record)
        self.appended += 1
        if !record.canWait { return self.write() }
        guard !self.isFlushPlanned else { return }
        self.isFlushPlanned = true
        self.agent.later(after: Self.lateness) {
            self.isFlushPlanned = false
            self.write()
        }
    }

    /// Puts these in the place of everything appended so far.
    func rewrite(_ records: [AgentLogRecord]) {
        self.replacement = records
        self.waiting = []
        self.write()
    }

    /// One write and one sync for all that is there; what comes meanwhile waits for the next.
    private func write() {
        guard self.written == nil, self.replacement != nil || !self.waiting.isEmpty else { return }
        self.written = (self.replacement, self.waiting)
        self.replacement = nil
        self.waiting = []
        let duration = Int64.random(in: 100...3000, using: &self.agent.cluster.random)
        self.sync(upTo: self.appended, after: .microseconds(duration))
    }

    private func sync(upTo: UInt64, after duration: Duration) {
        self.agent.later(after: duration) { self.synced(upTo: upTo) }
    }

    private func synced(upTo: UInt64) {
        switch self.trouble {
        case .broken: return self.agent.cluster.faults.writeFailed(self.agent)
        case .full:
            self.agent.cluster.coverage.count(.writesRefused)
            return self.sync(upTo: upTo, after: Self.fullPause)
        case nil: break
        }
        self.keep()
        self.logged(upTo)
        self.write()
    }

    private func keep() {
        guard let written else { return }
        self.written = nil
        if let replacement = written.replacement { self.records = replacement }
        self.records += written.records
        self.agent.cluster.promises.onDisk(written.records, of: self.agent)
    }

    /// What was being written is on disk, or torn, or not there; what waited is lost.
    func ownerDied() {
        let coverage = self.agent.cluster.coverage
        if self.written != nil, self.trouble == nil, Bool.random(using: &self.agent.cluster.random) {
            coverage.count(.writesSurvived)
            self.keep()
        } else if self.written != nil {
            coverage.count(.writesTorn)
        }
        if !self.waiting.isEmpty { coverage.count(.writesLost) }
        self.written = nil
        self.replacement = nil
        self.waiting = []
        self.appended = 0
        self.isFlushPlanned = false
    }
}
