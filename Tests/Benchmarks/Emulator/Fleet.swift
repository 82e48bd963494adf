import AgentCore
import Frames
import Logging
import Messages
import Model
import NIOCore
import Runtime

/// The emulated agents of one event loop.
///
/// They share the loop, its timers for the ends of tasks, and a `Node`, which gives each a connection of its own. Confined
/// to the loop, but for what says otherwise.
final class Fleet: @unchecked Sendable {  // State is only touched on the loop.
    /// What happened to tasks, since the start.
    struct Counts: Codable, Sendable {
        var accepted = 0
        var refused = 0
        /// Ended, and that acknowledged.
        var removed = 0
        /// Statuses that were sent again.
        var resent = 0

        static func + (left: Counts, right: Counts) -> Counts {
            Counts(
                accepted: left.accepted + right.accepted, refused: left.refused + right.refused,
                removed: left.removed + right.removed, resent: left.resent + right.resent)
        }
    }

    private struct End: Hashable {
        let agent: ObjectIdentifier
        let run: RunID
    }

    let node: Node
    let logger: Logger
    let clock: HostClock
    let codec = ProtobufCodec()
    let room = RoleHost<AgentState>.Room()
    let registrations: Registrations
    var counts = Counts()
    private let lengths: TaskLengths
    /// Of its own: the system's costs a system call for each number.
    private var random: SeededGenerator
    private var agents: [EmulatedAgent] = []
    private var expected: [ObjectIdentifier: EmulatedAgent] = [:]
    private var running: [End: EmulatedAgent] = [:]
    private lazy var ends = Timers<End>(on: self.node.loop, clock: self.clock) { [unowned self] end in
        self.running.removeValue(forKey: end)?.finished(end.run)
    }

    /// Agents that begin at a time, so that the relays' queues of callers do not overflow.
    private static let stride = 100
    /// Between two of those.
    private static let pause = TimeAmount.milliseconds(5)

    init(
        _ settings: NodeSettings, on loop: any EventLoop, lengths: TaskLengths, registrations: Registrations,
        clock: HostClock, logger: Logger
    ) {
        var system = SystemRandomNumberGenerator()
        self.random = SeededGenerator(key: (0..<4).map { _ in system.next() as UInt64 })
        self.node = Node(settings: settings, eventLoop: loop, logger: logger)
        self.lengths = lengths
        self.registrations = registrations
        self.clock = clock
        self.logger = logger
        self.node.onConnected = { [unowned self] peer in self.connected(peer) }
        self.node.onDisconnected = { peer, _ in (peer.attachment as? EmulatedAgent)?.disconnected(peer) }
        self.node.onMessage = { (peer, bytes, arena) throws(MessageError) in
            let message = try RelayToAgent(message: bytes, in: arena)
            (peer.attachment as? EmulatedAgent)?.received(message, from: peer)
        }
    }

    /// Any thread may call it.
    func begin(_ settings: [AgentSettings]) {
        self.node.loop.execute { self.begin(settings[...]) }
    }

    private func begin(_ settings: ArraySlice<AgentSettings>) {
        for one in settings.prefix(Self.stride) {
            let agent = EmulatedAgent(one, in: self)
            self.agents.append(agent)
            agent.begin()
        }
        let rest = settings.dropFirst(Self.stride)
        if !rest.isEmpty { self.node.loop.assumeIsolated().scheduleTask(in: Self.pause) { self.begin(rest) } }
    }

    // MARK: - Relays

    /// What that dialler reaches is the agent's.
    func expect(_ agent: EmulatedAgent, by dialer: Dialer) { self.expected[ObjectIdentifier(dialer)] = agent }

    func forget(_ dialer: Dialer) { self.expected[ObjectIdentifier(dialer)] = nil }

    private func connected(_ peer: Peer) {
        guard let dialer = peer.dialer, let welcome = peer.welcome, let agent = self.expected[ObjectIdentifier(dialer)]
        else { return peer.close() }
        peer.attachment = agent
        agent.connected(peer, welcome)
    }

    /// Somebody looked up which relays there are.
    ///
    /// Any thread may call it.
    func found(relays: [String]) {
        self.node.loop.execute {
            for agent in self.agents where !agent.isRegistered { agent.found(relays: relays) }
        }
    }

    // MARK: - Tasks

    func end(_ run: RunID, of agent: EmulatedAgent, after command: CommandInfo) {
        let length = self.lengths.draw(for: command, using: &self.random)
        guard length > .zero else { return agent.finished(run) }
        let end = End(agent: ObjectIdentifier(agent), run: run)
        self.running[end] = agent
        self.ends.set(end, at: self.clock.now + length)
    }

    func cancelEnd(of run: RunID, of agent: EmulatedAgent) {
        let end = End(agent: ObjectIdentifier(agent), run: run)
        if self.running.removeValue(forKey: end) != nil { self.ends.cancel(end) }
    }

    /// Where it stands.
    ///
    /// Any thread may ask.
    func figures() async throws -> (counts: Counts, running: Int, registered: Int) {
        try await self.node.loop.submit {
            (self.counts, self.running.count, self.agents.count { $0.isRegistered })
        }.get()
    }
}
