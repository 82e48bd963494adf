internal import Messages
internal import Model

/// Keeps one connection to one of several addresses, as the `Dialer` of production does: candidate after candidate, a
/// growing wait between two rounds, refusals that name a leader followed at once.
final class SimulatedDialer {
    enum Event {
        case welcomed(Network.Endpoint, Welcome)
        /// The connection that was welcomed has ended.
        case lost(Network.Endpoint)
        case failed(address: String, DialFailure)
    }

    private static let mostHops = 4
    private static let backoffMin = Duration.milliseconds(50)
    private let backoffMax: Duration
    private static let answeredBackoffMax = Duration.milliseconds(250)

    /// The connection; nil while there is none.
    private(set) var endpoint: Network.Endpoint?
    /// Where it leads.
    private(set) var address: String?
    private let process: SimulatedProcess
    private let hello: () -> Hello
    private let candidates: () -> [String]
    private let happened: (Event) -> Void
    private var position = 0
    private var tried = 0
    private var hops = 0
    private var wait = SimulatedDialer.backoffMin
    /// Only the latest attempt or wait counts.
    private var round = 0
    private var isWaiting = false

    init(
        _ process: SimulatedProcess, backoffMax: Duration = .seconds(2), hello: @escaping () -> Hello,
        candidates: @escaping () -> [String], happened: @escaping (Event) -> Void
    ) {
        self.process = process
        self.backoffMax = backoffMax
        self.hello = hello
        self.candidates = candidates
        self.happened = happened
    }

    /// Dials, from the first candidate on.
    func start() {
        self.position = 0
        self.tried = 0
        self.hops = 0
        self.wait = Self.backoffMin
        self.tryNext()
    }

    /// The candidates have changed: dials now instead of at the end of the wait.
    func nudge() { if self.endpoint == nil, self.isWaiting { self.start() } }

    /// Ends the connection, tells of the loss, and dials again.
    func hangUp(_ refusal: Refusal? = nil) {
        guard let endpoint else { return self.nudge() }
        self.process.cluster.network.close(endpoint, refusal)
        self.lost(endpoint, nil)
    }

    /// Ends the connection, and dials no more.
    ///
    /// - Returns: The connection that there was.
    @discardableResult
    func stop(_ refusal: Refusal? = nil) -> Network.Endpoint? {
        self.round += 1
        self.isWaiting = false
        defer { self.endpoint = nil }
        if let endpoint { self.process.cluster.network.close(endpoint, refusal) }
        return self.endpoint
    }

    private func tryNext() {
        let candidates = self.candidates()
        guard self.tried < candidates.count else { return self.pause(atMost: self.backoffMax) }
        let address = candidates[self.position % candidates.count]
        self.position += 1
        self.tried += 1
        self.attempt(address)
    }

    private func pause(atMost longest: Duration) {
        let wait = min(self.wait, longest).nanoseconds
        self.wait = min(self.wait * 2, self.backoffMax)
        self.round += 1
        self.isWaiting = true
        let round = self.round
        let drawn = Int64.random(in: wait / 2...wait, using: &self.process.cluster.random)
        self.process.later(after: .nanoseconds(drawn)) {
            guard self.round == round else { return }
            self.tried = 0
            self.hops = 0
            self.tryNext()
        }
    }

    private func attempt(_ address: String) {
        self.round += 1
        self.isWaiting = false
        let round = self.round
        self.process.cluster.network.dial(from: self.process, to: address, hello: self.hello()) { answer in
            guard self.round == round else {
                if case .success((let endpoint, _)) = answer { self.process.cluster.network.close(endpoint, nil) }
                return
            }
            switch answer {
            case .failure(let failure): self.failed(address, failure)
            case .success((let endpoint, let welcome)): self.welcomed(endpoint, welcome, at: address)
            }
        }
    }

    private func failed(_ address: String, _ failure: DialFailure) {
        let round = self.round
        self.happened(.failed(address: address, failure))
        guard self.round == round else { return }
        guard case .refused(let refusal) = failure else { return self.tryNext() }
        if let leader = refusal.leader, leader != address, self.hops < Self.mostHops {
            self.hops += 1
            return self.attempt(leader)
        }
        if self.tried < self.candidates().count { self.tryNext() } else { self.pause(atMost: Self.answeredBackoffMax) }
    }

    private func welcomed(_ endpoint: Network.Endpoint, _ welcome: Welcome, at address: String) {
        self.endpoint = endpoint
        self.address = address
        self.hops = 0
        endpoint.closed = { [weak endpoint] refusal in
            if let endpoint, self.endpoint === endpoint { self.lost(endpoint, refusal) }
        }
        self.happened(.welcomed(endpoint, welcome))
    }

    private func lost(_ endpoint: Network.Endpoint, _ refusal: Refusal?) {
        self.endpoint = nil
        self.position = 0
        self.tried = 0
        self.hops = 0
        let round = self.round
        self.happened(.lost(endpoint))
        guard self.round == round else { return }
        if let leader = refusal?.leader, leader != self.address {
            self.hops = 1
            self.attempt(leader)
        } else {
            self.pause(atMost: self.backoffMax)
        }
    }
}
