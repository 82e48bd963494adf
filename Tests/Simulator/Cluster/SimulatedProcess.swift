internal import Messages
public import Model

/// A process of the simulated cluster: it lives, freezes, dies, and starts again; its core is new with each life.
public class SimulatedProcess {
    /// Unique in the cluster; also where others dial it.
    public let name: String
    /// Where others dial it.
    public var address: String { self.name }
    unowned let cluster: SimulatedCluster
    /// Dense, in the order of making.
    let index: Int
    /// Whether it runs now, between a start and a kill.
    public private(set) var isUp = false
    /// It does not run, and does not know: SIGSTOP.
    public private(set) var isFrozen = false
    /// Which life it is; a timer or an answer of an earlier one is dropped.
    private(set) var life = 0
    /// What the incarnation of this life is in production: random bytes.
    private(set) var incarnation: Bytes = []
    /// On which machine it runs; frames between processes of one machine take no part in the network's faults.
    var machine: Int
    /// Each frame to or from it takes so much longer.
    var slowness: Duration = .zero
    /// What happened to it while it was frozen, in order.
    private var inbox: [() -> Void] = []
    private var lastPeer: UInt32 = 0
    /// So many effects are carried out before it dies; nil: it lives on.
    private var effectsLeft: Int?
    /// How wrong its clock is: by a constant, and by so many millionths of the time since the beginning.
    private var clockOffset: Duration = .zero
    private var clockDrift: Int64 = 0

    init(name: String, in cluster: SimulatedCluster) {
        self.name = name
        self.cluster = cluster
        self.index = cluster.nextProcessIndex()
        self.machine = self.index
    }

    func nextPeer() -> PeerID {
        self.lastPeer += 1
        return PeerID(self.lastPeer)
    }

    /// Starts it, if it is not up.
    public func start() {
        guard !self.isUp else { return }
        self.isUp = true
        self.life += 1
        self.effectsLeft = nil
        self.incarnation = [UInt8(truncatingIfNeeded: self.index)] + Bytes("\(self.name)#\(self.life)".utf8)
        self.begin()
    }

    /// `kill -9`.
    public func kill() {
        guard self.isUp else { return }
        self.isUp = false
        self.isFrozen = false
        self.inbox = []
        self.cluster.network.processDied(self)
        self.reachabilityChanged()
        self.died()
    }

    /// The simulation is over: lets go of all that may hold it.
    func dismantle() {
        self.isUp = false
        self.inbox = []
        self.died()
    }

    // MARK: Freezing

    /// SIGSTOP: its connections stay, and nothing is done.
    func freeze() {
        guard self.isUp, !self.isFrozen else { return }
        self.isFrozen = true
        self.cluster.network.fellSilent(self)
        self.reachabilityChanged()
    }

    /// SIGCONT: all that has waited is done, in order.
    func thaw() {
        guard self.isFrozen else { return }
        self.isFrozen = false
        self.reachabilityChanged()
        let waiting = self.inbox
        self.inbox = []
        for body in waiting { self.post(body) }
    }

    /// Has it do something now, or when it runs again.
    func post(_ body: @escaping () -> Void) {
        guard self.isUp else { return }
        if self.isFrozen { self.inbox.append(body) } else { body() }
    }

    // MARK: Death in the middle of an event

    /// The next event of which so many effects are carried out is its last.
    func dieAfter(effects: Int) { self.effectsLeft = effects }

    /// Asked before each effect.
    ///
    /// - Returns: False if the process has died before it could carry it out.
    func survivesEffect() -> Bool {
        guard let left = self.effectsLeft else { return self.isUp }
        guard self.isUp, left > 0 else {
            if self.isUp { self.cluster.faults.died(inMidEvent: self) }
            return false
        }
        self.effectsLeft = left - 1
        return true
    }

    // MARK: For those who are a role

    /// Builds the core of a new life.
    func begin() {}
    /// Drops what only the process held.
    func died() {}
    /// It froze or runs again, or ZooKeeper is out of its reach or back.
    func reachabilityChanged() {}
    /// Whether a caller may connect.
    func admit(_ hello: Hello) -> Result<Welcome, Refusal> { .failure(Refusal(.role, "\(self.name) serves nobody")) }
    /// A caller was admitted.
    func accepted(_ endpoint: Network.Endpoint, _ hello: Hello) {}

    // MARK: Time

    /// What its clock shows.
    public var now: Instant { self.show(self.cluster.queue.now) }

    private func show(_ instant: Instant) -> Instant {
        guard self.clockDrift != 0 || self.clockOffset != .zero else { return instant }
        let elapsed = (instant - SimulatedCluster.epoch).nanoseconds
        return instant + self.clockOffset + .nanoseconds(elapsed / 1_000_000 * self.clockDrift)
    }

    /// Its clock is wrong from here on: by more or less than now, and by so many millionths of what passes.
    ///
    /// It never goes back within a life.
    func setClock(ahead: Duration, drift: Int64) {
        let before = self.now
        self.clockOffset += ahead
        self.clockDrift = drift
        if self.isUp, self.now < before { self.clockOffset += before - self.now }
    }

    /// How long it is until its own clock shows that.
    func wait(until instant: Instant) -> Duration {
        let wait = max(.zero, instant - self.now)
        return wait - .nanoseconds(wait.nanoseconds / 1_000_000 * self.clockDrift)
    }

    /// Runs `body` later, in this life only.
    func later(after delay: Duration, _ body: @escaping () -> Void) {
        let life = self.life
        self.cluster.queue.schedule(after: delay) {
            if self.life == life { self.post(body) }
        }
    }

    /// Decodes what a peer of the simulation sent: it cannot be malformed, so an error is a bug of the codec.
    @inline(never)
    func decode<M: WireMessage>(_ type: M.Type, _ bytes: Bytes) -> M {
        defer { self.cluster.network.arena.reset() }
        do { return try M(encoded: bytes, in: self.cluster.network.arena) } catch {
            preconditionFailure("\(self.name) cannot read a \(type): \(error)")
        }
    }
}
