internal import ElectionCore
internal import Messages
internal import Model

/// Drives an `ElectionState` against the model of ZooKeeper: the masters' group, as a contender or as one who watches, or the
/// list of relays.
///
/// Requests take time, and are lost with their answers when the service is out of reach; the session is kept as long as it
/// is not silent for its timeout.
final class SimulatedGroup {
    /// What the owner is told.
    enum Change {
        case lead(Epoch)
        case stepDown(reason: String)
        case leaderChanged(MemberInfo?)
        case membersChanged([MemberInfo])
    }

    /// Which of the groups.
    enum Kind { case masters, relays }

    let kind: Kind
    private let process: SimulatedProcess
    private let life: Int
    private let changed: (Change) -> Void
    private var state: ElectionState
    private var session: Int?
    private var isWatching = false
    /// Since when it has not been heard of; a later silence is another one.
    private var silence: Int?
    /// When the last request arrives, and the last answer or watch: the real service keeps the order of both.
    private var lastArrival = Instant(nanoseconds: 0), lastAnswer = Instant(nanoseconds: 0)
    private var isHandling = false
    private var pending: [ElectionState.Event] = []

    private var zooKeeper: ZooKeeperModel { self.process.cluster.zooKeeper }
    /// Whether the process is the one that it was, and runs.
    var isLive: Bool { self.process.isUp && self.process.life == self.life }
    private var isReachable: Bool {
        self.isLive && !self.process.isFrozen && !self.zooKeeper.isAway
            && !self.process.cluster.faults.isCutOffFromZooKeeper(self.process)
    }

    /// - Parameter candidate: What its node says; nil to watch only.
    init(
        _ process: SimulatedProcess, _ kind: Kind = .masters, candidate: MemberInfo?,
        changed: @escaping (Change) -> Void
    ) {
        self.kind = kind
        self.process = process
        self.life = process.life
        self.changed = changed
        self.state = ElectionState(
            candidate: candidate, guid: "\(process.name)#\(process.life)", electsLeader: kind == .masters)
    }

    /// Opens the session; retries for ever.
    func start() {
        self.session = nil
        self.isWatching = false
        self.process.later(after: self.drawDelay() * 2) {
            guard self.isReachable else { return self.retryStart() }
            self.session = self.zooKeeper.openSession(for: self)
            self.handle(.sessionOpened)
        }
    }

    private func retryStart() { self.process.later(after: .milliseconds(500)) { self.start() } }

    func higherEpochSeen(_ epoch: Epoch) { self.handle(.higherEpochSeen(epoch)) }

    func deathWitnessed(_ incarnation: Bytes) { self.handle(.deathWitnessed(incarnation: incarnation)) }

    private func drawDelay() -> Duration {
        .microseconds(Int64.random(in: 200...4000, using: &self.process.cluster.random))
    }

    // MARK: The session

    /// The way to the service is cut or whole again, or the process has stopped, runs again, or died.
    func reachabilityChanged() {
        guard let session else { return }
        if self.isReachable {
            self.silence = nil
            self.process.later(after: .milliseconds(Int64.random(in: 10...400, using: &self.process.cluster.random))) {
                guard self.session == session, self.isReachable else { return }
                if self.zooKeeper.isAlive(session) { return self.handle(.membersChanged) }
                self.session = nil
                self.handle(.sessionExpired)
            }
        } else if self.silence == nil {
            let silence = self.process.cluster.nextNumber()
            self.silence = silence
            self.process.cluster.queue.schedule(after: self.zooKeeper.sessionTimeout) {
                guard self.silence == silence, !self.isReachable else { return }
                self.silence = nil
                // No session ends while nobody counts; when the service is back, its time begins anew.
                guard !self.zooKeeper.isAway else { return }
                self.zooKeeper.expire(session)
                self.process.cluster.coverage.count(.sessionsExpired)
            }
        }
    }

    /// The nodes are others than before.
    func watchFired() {
        guard self.isWatching, self.isReachable else { return }
        self.isWatching = false
        self.answer { self.handle(.membersChanged) }
    }

    private func answer(_ body: @escaping () -> Void) {
        self.lastAnswer = max(self.process.cluster.queue.now + self.drawDelay(), self.lastAnswer)
        self.process.later(after: self.lastAnswer - self.process.cluster.queue.now, body)
    }

    // MARK: Events and effects

    private func handle(_ event: ElectionState.Event) {
        guard self.isLive else { return }
        self.pending.append(event)
        guard !self.isHandling else { return }
        self.isHandling = true
        defer { self.isHandling = false }
        while !self.pending.isEmpty {
            let event = self.pending.removeFirst()
            self.process.cluster.trace(self.process.name, event)
            var effects: [ElectionState.Effect] = []
            self.state.handle(event, at: self.process.now, into: &effects)
            for effect in effects { self.perform(effect) }
        }
    }

    /// Asks the service for something: it arrives after a time, and its answer after another; both need the way to be whole.
    private func request<T>(
        _ body: @escaping (ZooKeeperModel, Int) throws(ZooKeeperModel.Failure) -> T,
        then: @escaping (Result<T, ZooKeeperModel.Failure>) -> Void
    ) {
        guard let session else { return }
        func answer(_ result: Result<T, ZooKeeperModel.Failure>) {
            self.answer {
                guard self.session == session else { return }
                then(self.isReachable ? result : .failure(.connectionLost))
            }
        }
        self.lastArrival = max(self.process.cluster.queue.now + self.drawDelay(), self.lastArrival)
        self.process.cluster.queue.schedule(at: self.lastArrival) {
            guard self.isReachable, self.zooKeeper.isAlive(session) else { return answer(.failure(.connectionLost)) }
            do throws(ZooKeeperModel.Failure) {
                answer(.success(try body(self.zooKeeper, session)))
            } catch { answer(.failure(error)) }
        }
    }

    private func perform(_ effect: ElectionState.Effect) {
        switch effect {
        case .list:
            self.request { zooKeeper, _ in
                self.isWatching = true
                return zooKeeper.nodes(of: self.kind).map(\.name)
            } then: {
                self.answered($0, .requestFailed) { .membersListed($0) }
            }
        case .join(let prefix, let member):
            let data = ProtobufCodec().encode(member)
            self.request {
                $0.create(prefix, data, in: self.kind, session: $1)
            } then: {
                self.answered($0, .joinUncertain) { .joined($0) }
            }
        case .read(let name):
            self.request { zooKeeper, _ in
                zooKeeper.nodes(of: self.kind).first { $0.name == name }.map { ProtobufCodec().member($0.data) }
            } then: {
                self.answered($0, .requestFailed) { $0.map { .memberRead(name, $0) } ?? .membersChanged }
            }
        case .readEpoch:
            self.request { zooKeeper, _ in
                zooKeeper.epoch
            } then: {
                self.answered($0, .requestFailed) { .epochRead($0.value, version: $0.version) }
            }
        case .raiseEpoch(let epoch, let version, let own):
            self.request { zooKeeper, _ throws(ZooKeeperModel.Failure) in
                try zooKeeper.raise(to: epoch, version: version, whileExists: own)
            } then: {
                self.answered($0, .epochRaiseFailed) { .epochRaised(epoch) }
            }
        case .delete(let name):
            self.request { zooKeeper, _ in
                zooKeeper.delete(name, in: self.kind)
            } then: { _ in
                self.handle(.membersChanged)
            }
        case .startRetryTimer(let delay): self.process.later(after: delay) { self.handle(.retryTimerFired) }
        case .openSession: self.start()
        case .lead(let epoch): self.changed(.lead(epoch))
        case .stepDown(let reason): self.changed(.stepDown(reason: reason))
        case .leaderChanged(let leader): self.changed(.leaderChanged(leader))
        case .membersChanged(let members): self.changed(.membersChanged(members))
        }
    }

    private func answered<T>(
        _ result: Result<T, ZooKeeperModel.Failure>, _ failure: ElectionState.Event,
        _ success: (T) -> ElectionState.Event
    ) {
        switch result {
        case .success(let value): self.handle(success(value))
        case .failure: self.handle(failure)
        }
    }
}
