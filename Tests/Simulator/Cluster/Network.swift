internal import Messages
public import Model

/// Connections between simulated processes: frames arrive in order, after a delay, as bytes that were encoded and are
/// decoded; connections break, processes die, and words on the way are lost with them.
public final class Network {
    /// One side of a connection.
    public final class Endpoint {
        let process: SimulatedProcess
        /// As the process names it.
        public let peer: PeerID
        fileprivate weak var other: Endpoint?
        fileprivate var isOpen = true
        /// Nothing overtakes: the last arrival at the other side.
        fileprivate var lastArrival = Instant(nanoseconds: 0)
        /// A frame arrived.
        var received: (Bytes) -> Void = { _ in }
        /// The connection ended, with the other side's reason if it gave one.
        var closed: (Refusal?) -> Void = { _ in }

        fileprivate init(process: SimulatedProcess) {
            self.process = process
            self.peer = process.nextPeer()
        }
    }

    private let queue: EventQueue
    private var random: SeededGenerator
    private var endpoints: [Endpoint] = []
    /// One-way delay of a frame, in microseconds.
    private let delay: ClosedRange<Int64>
    /// Frames delivered so far.
    public private(set) var frames = 0

    /// A network without connections.
    public init(queue: EventQueue, random: SeededGenerator, delay: ClosedRange<Int64>) {
        self.queue = queue
        self.random = random
        self.delay = delay
    }

    private func drawDelay() -> Duration { .microseconds(Int64.random(in: self.delay, using: &self.random)) }

    /// Calls a process; the outcome comes later.
    ///
    /// - Parameters:
    ///   - then: With the caller's endpoint and the welcome; or with the refusal, nil if nobody listens.
    func dial(
        from caller: SimulatedProcess, to called: SimulatedProcess, hello: Hello,
        then: @escaping (Result<(Endpoint, Welcome), DialFailure>) -> Void
    ) {
        let life = caller.life
        self.queue.schedule(after: self.drawDelay()) {
            let arrival = self.queue.now + self.drawDelay()
            func answer(_ result: Result<(Endpoint, Welcome), DialFailure>) {
                self.queue.schedule(at: arrival) {
                    if caller.isUp, caller.life == life { then(result) }
                }
            }
            guard called.isUp else { return answer(.failure(.unreachable)) }
            switch called.admit(self.transcoded(hello)) {
            case .failure(let refusal): answer(.failure(.refused(refusal)))
            case .success(let welcome):
                let (near, far) = (Endpoint(process: caller), Endpoint(process: called))
                near.other = far
                far.other = near
                // Nothing overtakes the welcome.
                far.lastArrival = arrival
                self.endpoints += [near, far]
                self.queue.schedule(at: arrival) {
                    guard caller.isUp, caller.life == life else { return }
                    then(near.isOpen ? .success((near, welcome)) : .failure(.unreachable))
                }
                called.accepted(far, hello)
            }
        }
    }

    /// The handshake goes through its codec too.
    private func transcoded(_ hello: Hello) -> Hello {
        do { return try Hello(encoded: hello.encoded()) } catch { preconditionFailure("Hello: \(error)") }
    }

    /// Sends a frame to the other side.
    func send(_ message: some WireMessage, from endpoint: Endpoint) {
        guard endpoint.isOpen, let other = endpoint.other else { return }
        let bytes = message.encoded()
        let arrival = max(self.queue.now + self.drawDelay(), endpoint.lastArrival)
        endpoint.lastArrival = arrival
        self.queue.schedule(at: arrival) {
            guard other.isOpen, other.process.isUp else { return }
            self.frames += 1
            other.received(bytes)
        }
    }

    /// Ends a connection from one side; the other side hears of it behind what was sent before.
    func close(_ endpoint: Endpoint, _ refusal: Refusal?) {
        guard endpoint.isOpen else { return }
        endpoint.isOpen = false
        self.endpoints.removeAll { $0 === endpoint }
        guard let other = endpoint.other else { return }
        let arrival = max(self.queue.now + self.drawDelay(), endpoint.lastArrival)
        self.queue.schedule(at: arrival) { self.end(other, refusal) }
    }

    private func end(_ endpoint: Endpoint, _ refusal: Refusal?) {
        guard endpoint.isOpen else { return }
        endpoint.isOpen = false
        self.endpoints.removeAll { $0 === endpoint }
        if endpoint.process.isUp { endpoint.closed(refusal) }
    }

    /// The process died: its connections break, and what it sent last may or may not arrive.
    func processDied(_ process: SimulatedProcess) {
        for endpoint in self.endpoints where endpoint.process === process {
            endpoint.isOpen = false
            guard let other = endpoint.other else { continue }
            let arrival =
                Bool.random(using: &self.random) ? self.queue.now + self.drawDelay() : endpoint.lastArrival
            self.queue.schedule(at: arrival) { self.end(other, nil) }
        }
        self.endpoints.removeAll { $0.process === process }
    }

    /// Breaks one connection at random, as a faulty switch would: both sides hear of it.
    func breakOne() {
        guard let endpoint = self.endpoints.randomElement(using: &self.random) else { return }
        let other = endpoint.other
        self.end(endpoint, nil)
        if let other { self.end(other, nil) }
    }
}

/// Why a call did not lead to a connection.
enum DialFailure: Error {
    /// Nobody listens.
    case unreachable
    case refused(Refusal)
}
