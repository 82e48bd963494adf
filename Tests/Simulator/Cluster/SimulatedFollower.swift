internal import Messages
internal import Model

/// A process's way to the leading master: it learns where masters are, and keeps a connection to the one that leads.
final class SimulatedFollower {
    /// How it learns of them.
    enum Source {
        /// By a session, which tells every change: relays and allocators.
        case session
        /// By a look when there is no master: schedulers and operators.
        case looks
    }

    private static let patience = Duration.seconds(3)
    private static let pause = Duration.milliseconds(500)

    private let process: SimulatedProcess
    private var masters: [String] = []
    private var group: SimulatedGroup?
    private var isLooking = false
    private var dialer: SimulatedDialer!

    /// The connection to a master; nil while there is none.
    var endpoint: Network.Endpoint? { self.dialer.endpoint }

    init(
        _ process: SimulatedProcess, by source: Source, hello: @escaping () -> Hello,
        happened: @escaping (SimulatedDialer.Event) -> Void
    ) {
        self.process = process
        self.dialer = SimulatedDialer(process, hello: hello, candidates: { [weak self] in self?.masters ?? [] }) {
            [weak self] event in
            happened(event)
            guard source == .looks else { return }
            if case .welcomed = event { return }
            self?.look()
        }
        if process.cluster.settings.isLone {
            self.masters = process.cluster.masters.map(\.address)
        } else if source == .session {
            self.group = SimulatedGroup(process, candidate: nil) { [weak self] change in
                if case .membersChanged(let members) = change { self?.mastersChanged(to: members.map(\.address)) }
            }
            self.group?.start()
        } else {
            self.look()
        }
        self.dialer.start()
    }

    func reachabilityChanged() { self.group?.reachabilityChanged() }

    func hangUp(_ refusal: Refusal? = nil) { self.dialer.hangUp(refusal) }

    @discardableResult
    func stop() -> Network.Endpoint? { self.dialer.stop() }

    private func mastersChanged(to masters: [String]) {
        // With nobody listed, those known before are as good a guess as any.
        guard let leader = masters.first else { return }
        self.masters = masters
        if self.endpoint != nil, self.dialer.address != leader {
            return self.hangUp(Refusal(.stale, "another master leads", leader: leader))
        }
        self.dialer.nudge()
    }

    private func look() {
        guard !self.isLooking, !self.process.cluster.settings.isLone else { return }
        self.isLooking = true
        let cluster = self.process.cluster
        let isReachable = !cluster.zooKeeper.isAway && !cluster.faults.isCutOffFromZooKeeper(self.process)
        self.process.later(after: isReachable ? .milliseconds(10) : Self.patience) { [weak self] in
            guard let self else { return }
            let masters = isReachable ? cluster.zooKeeper.masters : []
            if !masters.isEmpty, masters != self.masters {
                self.masters = masters
                self.dialer.nudge()
            }
            self.process.later(after: Self.pause) { [weak self] in
                self?.isLooking = false
                if self?.masters.isEmpty == true { self?.look() }
            }
        }
    }
}
