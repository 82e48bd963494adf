internal import Messages
internal import Model

/// A process of the simulated cluster: it lives, dies, and starts again; its core is new with each life.
public class SimulatedProcess {
    /// Unique in the cluster; also where others dial it.
    public let name: String
    /// Where others dial it.
    public var address: String { self.name }
    let cluster: SimulatedCluster
    /// Whether it runs now, between a start and a kill.
    public private(set) var isUp = false
    /// Which life it is; a timer or an answer of an earlier one is dropped.
    private(set) var life = 0
    private var lastPeer: UInt32 = 0
    private var timers: [AnyHashable: UInt64] = [:]
    private var lastTimer: UInt64 = 0

    init(name: String, in cluster: SimulatedCluster) {
        self.name = name
        self.cluster = cluster
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
        self.timers = [:]
        self.begin()
    }

    /// `kill -9`.
    public func kill() {
        guard self.isUp else { return }
        self.isUp = false
        self.cluster.network.processDied(self)
        self.died()
    }

    /// Builds the core of a new life.
    func begin() {}
    /// Drops what only the process held.
    func died() {}
    /// Whether a caller may connect.
    func admit(_ hello: Hello) -> Result<Welcome, Refusal> { .failure(Refusal(.role, "\(self.name) serves nobody")) }
    /// A caller was admitted.
    func accepted(_ endpoint: Network.Endpoint, _ hello: Hello) {}

    func setTimer(_ key: AnyHashable, at instant: Instant, _ fire: @escaping () -> Void) {
        self.lastTimer += 1
        let number = self.lastTimer
        self.timers[key] = number
        let life = self.life
        self.cluster.queue.schedule(at: instant) {
            guard self.isUp, self.life == life, self.timers[key] == number else { return }
            self.timers[key] = nil
            fire()
        }
    }

    func cancelTimer(_ key: AnyHashable) { self.timers[key] = nil }

    /// Runs `body` later, in this life only.
    func later(after delay: Duration, _ body: @escaping () -> Void) {
        let life = self.life
        self.cluster.queue.schedule(after: delay) {
            if self.isUp, self.life == life { body() }
        }
    }

    /// Decodes what a peer of the simulation sent: it cannot be malformed, so an error is a bug of the codec.
    func decode<M: WireMessage>(_ type: M.Type, _ bytes: Bytes) -> M {
        do { return try M(encoded: bytes) } catch {
            preconditionFailure("\(self.name) cannot read a \(type): \(error)")
        }
    }
}
