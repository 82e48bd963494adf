internal import Messages
public import Model

/// Connections between simulated processes: frames arrive in order, after a delay, as bytes that were encoded and are
/// decoded.
///
/// Connections break, and what was on its way may have arrived or not; processes die; ways between processes are cut in one
/// direction or both, and what is sent there waits until they are whole again, or somebody gives up.
public final class Network {
    /// One side of a connection.
    public final class Endpoint {
        let process: SimulatedProcess
        /// As the process names it.
        public let peer: PeerID
        /// Nil when both sides are closed.
        fileprivate var other: Endpoint?
        /// Who is on the other side; nil when both are closed.
        var remote: SimulatedProcess? { self.other?.process }
        fileprivate var isOpen = true
        /// Nothing overtakes: the last arrival at the other side.
        fileprivate var lastArrival = Instant(nanoseconds: 0)
        /// What waits for a way that is cut.
        fileprivate var held: [(Endpoint) -> Void] = []
        /// Where it is among the open ones.
        fileprivate var position = -1
        /// A frame arrived.
        var received: (Bytes) -> Void = { _ in }
        /// The connection ended, with the other side's reason if it gave one.
        var closed: (Refusal?) -> Void = { _ in }

        /// Nothing is told any more: what it was told by holds whoever would hear it.
        fileprivate func forgetOwner() {
            self.received = { _ in }
            self.closed = { _ in }
        }

        fileprivate init(process: SimulatedProcess) {
            self.process = process
            self.peer = process.nextPeer()
        }
    }

    /// A way that is cut: from one process to another, by their numbers.
    private struct Way: Hashable {
        let from: Int
        let to: Int
    }

    private let queue: EventQueue
    private var random: SeededGenerator
    private var open: [Endpoint] = []
    private var cuts: [Way: Int] = [:]
    /// Who waits for the answer of a process that stands still, by its number.
    private var callers: [Int: [() -> Void]] = [:]
    /// One-way delay of a frame, in microseconds.
    private let delay: ClosedRange<Int64>
    /// Each frame takes so much longer now.
    var slowness: Duration = .zero
    /// How long a side may be silent before the other gives it up; heartbeats themselves are not simulated.
    private let silenceLimit: Duration
    /// Within a machine a frame takes no longer.
    private static let localDelay = Duration.microseconds(200)
    private static let connectTimeout = Duration.seconds(2)
    private static let handshakeTimeout = Duration.seconds(5)
    /// TCP sends again what waited, at the latest after so long.
    private static let resumption: ClosedRange<Int64> = 1000...1_000_000
    /// Where messages take their C form.
    let arena = MessageArena()
    var find: (String) -> SimulatedProcess? = { _ in nil }
    /// Frames delivered so far.
    public private(set) var frames = 0
    /// Bytes in all frames sent so far.
    public private(set) var bytes = 0
    /// Frames that were on their way when their connection broke.
    public private(set) var framesLost = 0
    /// Connections that a side gave up because the other was silent.
    public private(set) var silences = 0

    /// A network without connections.
    public init(
        queue: EventQueue, random: SeededGenerator, delay: ClosedRange<Int64>, silenceLimit: Duration = .seconds(45)
    ) {
        self.queue = queue
        self.random = random
        self.delay = delay
        self.silenceLimit = silenceLimit
    }

    private func drawDelay(_ from: SimulatedProcess, _ to: SimulatedProcess) -> Duration {
        let delay = Duration.microseconds(Int64.random(in: self.delay, using: &self.random))
        return from.machine == to.machine
            ? min(delay, Self.localDelay) : delay + from.slowness + to.slowness + self.slowness
    }

    private func isCut(_ from: SimulatedProcess, _ to: SimulatedProcess) -> Bool {
        !self.cuts.isEmpty && self.cuts[Way(from: from.index, to: to.index)] != nil
    }

    // MARK: Calls

    /// Calls whoever listens at an address; the outcome comes later.
    ///
    /// - Parameters:
    ///   - then: With the caller's endpoint and the welcome; or with why there is none.
    func dial(
        from caller: SimulatedProcess, to address: String, hello: Hello,
        then: @escaping (Result<(Endpoint, Welcome), DialFailure>) -> Void
    ) {
        guard let called = self.find(address) else {
            return caller.later(after: .milliseconds(1)) { then(.failure(.portClosed)) }
        }
        // The way there and back is looked at once: a connection is not made over half of it.
        if self.isCut(caller, called) || self.isCut(called, caller) {
            return caller.later(after: Self.connectTimeout) { then(.failure(.noAnswer)) }
        }
        var hello = self.transcoded(hello)
        hello.incarnation = caller.incarnation
        let life = caller.life
        var isAnswered = false
        func answer(after delay: Duration, _ result: Result<(Endpoint, Welcome), DialFailure>) {
            self.queue.schedule(after: delay) {
                guard caller.life == life else { return }
                caller.post {
                    guard !isAnswered else { return }
                    isAnswered = true
                    // The connection may have been reset while the welcome was on its way.
                    if case .success((let endpoint, _)) = result, !endpoint.isOpen { return then(.failure(.noAnswer)) }
                    then(result)
                    // It may have broken on the way here.
                    if case .success(let (near, _)) = result, !near.isOpen { near.closed(nil) }
                }
            }
        }
        self.queue.schedule(after: self.drawDelay(caller, called)) {
            guard called.isUp else { return answer(after: self.drawDelay(called, caller), .failure(.portClosed)) }
            if called.isFrozen {
                answer(after: Self.handshakeTimeout, .failure(.noAnswer))
                // If it dies, its machine says so at once.
                self.callers[called.index, default: []].append {
                    answer(after: self.drawDelay(called, caller), .failure(.portClosed))
                }
            }
            called.post {
                guard !isAnswered, caller.isUp, caller.life == life else { return }
                self.welcome(caller, called, hello) { answer(after: $0, $1) }
            }
        }
    }

    private func welcome(
        _ caller: SimulatedProcess, _ called: SimulatedProcess, _ hello: Hello,
        answer: (Duration, Result<(Endpoint, Welcome), DialFailure>) -> Void
    ) {
        let delay = self.drawDelay(called, caller)
        switch called.admit(hello) {
        case .failure(let refusal): answer(delay, .failure(.refused(refusal)))
        case .success(var welcome):
            welcome.incarnation = called.incarnation
            let (near, far) = (Endpoint(process: caller), Endpoint(process: called))
            near.other = far
            far.other = near
            // Nothing overtakes the welcome.
            far.lastArrival = self.queue.now + delay
            self.add(near)
            self.add(far)
            answer(delay, .success((near, welcome)))
            called.accepted(far, hello)
        }
    }

    /// The handshake goes through its codec too.
    private func transcoded(_ hello: Hello) -> Hello {
        do { return try Hello(encoded: hello.encoded()) } catch { preconditionFailure("Hello: \(error)") }
    }

    private func add(_ endpoint: Endpoint) {
        endpoint.position = self.open.count
        self.open.append(endpoint)
    }

    private func remove(_ endpoint: Endpoint) {
        endpoint.isOpen = false
        if let other = endpoint.other, !other.isOpen {
            other.other = nil
            endpoint.other = nil
        }
        guard endpoint.position >= 0 else { return }
        let last = self.open.removeLast()
        if last !== endpoint {
            self.open[endpoint.position] = last
            last.position = endpoint.position
        }
        endpoint.position = -1
    }

    /// Lets go of all connections, and of who would hear of them.
    func dismantle() {
        for endpoint in self.open {
            endpoint.forgetOwner()
            endpoint.isOpen = false
            endpoint.held = []
            endpoint.other = nil
        }
        self.open = []
        self.callers = [:]
    }

    // MARK: Frames

    /// Sends a frame to the other side.
    func send(_ message: some WireMessage, from endpoint: Endpoint) {
        guard endpoint.isOpen else { return }
        let bytes = self.encode(message)
        self.bytes += bytes.count
        self.deliver(from: endpoint) { other in
            guard other.isOpen else {
                self.framesLost += 1
                return
            }
            self.frames += 1
            other.received(bytes)
        }
    }

    /// A function by itself, as `SimulatedProcess.decode` is: `Benchmarks/costs` tells what is spent in both.
    @inline(never)
    private func encode(_ message: some WireMessage) -> Bytes {
        defer { self.arena.reset() }
        return message.packed(in: self.arena).bytes
    }

    /// Ends a connection from one side; the other side hears of it behind what was sent before.
    func close(_ endpoint: Endpoint, _ refusal: Refusal?) {
        guard endpoint.isOpen else { return }
        self.remove(endpoint)
        endpoint.forgetOwner()
        self.deliver(from: endpoint) { other in self.end(other, refusal) }
    }

    private func end(_ endpoint: Endpoint, _ refusal: Refusal?) {
        guard endpoint.isOpen else { return }
        self.remove(endpoint)
        endpoint.process.post {
            endpoint.closed(refusal)
            endpoint.forgetOwner()
        }
    }

    /// Has something arrive at the other side, behind all that was sent before.
    private func deliver(from endpoint: Endpoint, _ body: @escaping (Endpoint) -> Void) {
        guard let other = endpoint.other else { return }
        if !endpoint.held.isEmpty || self.isCut(endpoint.process, other.process) { return endpoint.held.append(body) }
        self.schedule(body, from: endpoint, to: other, after: self.drawDelay(endpoint.process, other.process))
    }

    private func schedule(
        _ body: @escaping (Endpoint) -> Void, from endpoint: Endpoint, to other: Endpoint, after delay: Duration
    ) {
        let arrival = max(self.queue.now + delay, endpoint.lastArrival)
        endpoint.lastArrival = arrival
        self.queue.schedule(at: arrival) { other.process.post { body(other) } }
    }

    // MARK: Faults

    /// The process died: its connections break, and what it sent last may or may not arrive.
    func processDied(_ process: SimulatedProcess) {
        for call in self.callers.removeValue(forKey: process.index) ?? [] { call() }
        for endpoint in self.open where endpoint.process === process {
            self.remove(endpoint)
            endpoint.forgetOwner()
            guard let other = endpoint.other else { continue }
            // A reset overtakes what is on its way, or comes behind it.
            if self.isCut(process, other.process) || Bool.random(using: &self.random) {
                self.deliver(from: endpoint) { self.end($0, nil) }
            } else {
                self.queue.schedule(after: self.drawDelay(process, other.process)) { self.end(other, nil) }
            }
        }
    }

    /// Resets one connection at random: each side hears of it at a moment of its own, and what has not arrived is lost.
    ///
    /// - Returns: Whether there was one.
    func breakOne() -> Bool {
        guard let endpoint = self.open.randomElement(using: &self.random) else { return false }
        for side in [endpoint, endpoint.other].compactMap({ $0 }) {
            let delay = Int64.random(in: 0...self.delay.upperBound, using: &self.random)
            self.queue.schedule(after: .microseconds(delay)) { self.end(side, nil) }
        }
        return true
    }

    /// Nothing that one of the first sends reaches one of the second.
    func cut(_ from: [SimulatedProcess], _ to: [SimulatedProcess]) {
        for one in from {
            for other in to where one !== other { self.cuts[Way(from: one.index, to: other.index), default: 0] += 1 }
        }
        self.giveUpSilent(from: from, to: to)
    }

    /// The ways are whole again; what was sent meanwhile comes soon.
    func mend(_ from: [SimulatedProcess], _ to: [SimulatedProcess]) {
        for one in from {
            for other in to where one !== other {
                let way = Way(from: one.index, to: other.index)
                guard let count = self.cuts[way] else { continue }
                self.cuts[way] = count > 1 ? count - 1 : nil
            }
        }
        for endpoint in self.waiting(from: from, to: to) { self.resume(endpoint) }
        // Those who closed their side while the way was cut are not among the open: their other sides are.
        for endpoint in self.waiting(from: to, to: from) {
            if let other = endpoint.other, !other.isOpen { self.resume(other) }
        }
    }

    private func waiting(from: [SimulatedProcess], to: [SimulatedProcess]) -> [Endpoint] {
        let (senders, receivers) = (Set(from.map(\.index)), Set(to.map(\.index)))
        return self.open.filter { endpoint in
            guard let other = endpoint.other else { return false }
            return senders.contains(endpoint.process.index) && receivers.contains(other.process.index)
        }
    }

    private func resume(_ endpoint: Endpoint) {
        guard let other = endpoint.other, !self.isCut(endpoint.process, other.process) else { return }
        let held = endpoint.held
        endpoint.held = []
        let delay = Duration.microseconds(Int64.random(in: Self.resumption, using: &self.random))
        for body in held { self.schedule(body, from: endpoint, to: other, after: delay) }
    }

    /// Both sides give a connection up when one of them has heard nothing for too long, or nobody has confirmed what it sent.
    private func giveUpSilent(from: [SimulatedProcess], to: [SimulatedProcess]) {
        for endpoint in self.waiting(from: from, to: to) {
            guard let other = endpoint.other else { continue }
            for side in [endpoint, other] { self.giveUp(side) { self.isCut(endpoint.process, other.process) } }
        }
    }

    private func giveUp(_ side: Endpoint, if isSilent: @escaping () -> Bool) {
        let jitter = Int64.random(in: 0...1_000_000, using: &self.random)
        self.queue.schedule(after: self.silenceLimit + .microseconds(jitter)) {
            guard side.isOpen, isSilent() else { return }
            self.silences += 1
            self.remove(side)
            self.deliver(from: side) { self.end($0, nil) }
            side.process.post {
                side.closed(nil)
                side.forgetOwner()
            }
        }
    }

    /// A process has stopped: who waits for its heartbeats gives it up in time.
    func fellSilent(_ process: SimulatedProcess) {
        let life = process.life
        for endpoint in self.open where endpoint.process === process {
            if let other = endpoint.other { self.giveUp(other) { process.isFrozen && process.life == life } }
        }
    }
}

/// Why a call did not lead to a connection.
enum DialFailure: Error {
    /// The machine says that nobody listens.
    case portClosed
    /// Nothing comes back.
    case noAnswer
    case refused(Refusal)
}
