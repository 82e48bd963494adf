internal import Dispatch
internal import ElectionCore
public import Logging
public import Model

/// Drives one `ElectionState` against ZooKeeper: a group of ephemeral nodes and, for masters, the election of their leader.
///
/// All of it runs on one serial queue; the library's callbacks only post to it. What the role is to know is told to
/// `changed`, on that queue.
public final class GroupHost: @unchecked Sendable {  // All mutable state is confined to `queue`.
    /// What the owner is told.
    public enum Change: Hashable, Sendable {
        case lead(Epoch)
        case stepDown(reason: String)
        case leaderChanged(MemberInfo?)
        /// All members, in the order of joining.
        case membersChanged([MemberInfo])
    }

    /// Which group.
    public enum Group: String, Sendable {
        case masters
        case relays
        case allocators
    }

    private let queue: DispatchQueue
    private let servers: String
    private let root: String
    private let group: Group
    private let sessionTimeout: Duration
    private let codec: any MemberCodec
    private let logger: Logger
    private let clock: @Sendable () -> Instant
    private let changed: @Sendable (Change) -> Void
    private var state: ElectionState
    private var effects: [ElectionState.Effect] = []
    private var session: ZooKeeperSession?
    /// Which session a callback belongs to: those of closed sessions are dropped.
    private var generation = 0
    private var isReady = false
    /// The session has a connection now.
    private var isConnected = false
    /// A second session, tried while this one is out of reach.
    private var probing: ZooKeeperSession?
    private var isStopped = false
    private var isHandling = false
    private var pending: [ElectionState.Event] = []

    private var directory: String { "\(self.root)/\(self.group.rawValue)" }
    private var epochPath: String { "\(self.root)/epoch" }

    /// Prepares; nothing happens before `start`.
    ///
    /// - Parameters:
    ///   - candidate: What our node says; nil to watch only.
    ///   - guid: Unique to this process.
    ///   - sessionTimeout: How long the service waits for a silent owner before it removes its nodes. 2 to 4 s: shorter ones
    ///     expire by themselves on a starved machine, longer ones delay the failover of a hung master.
    ///   - clock: The wall clock, by which epochs begin where the service remembers none; without one they begin with 1.
    ///   - changed: Called on a queue of the host's.
    public init(
        servers: String, path: String, group: Group, candidate: MemberInfo?, guid: String,
        sessionTimeout: Duration = .seconds(4), codec: any MemberCodec, logger: Logger,
        clock: @escaping @Sendable () -> Instant = { Instant(nanoseconds: 0) },
        changed: @escaping @Sendable (Change) -> Void
    ) {
        self.queue = DispatchQueue(label: "meseta.group.\(group.rawValue)")
        self.servers = servers
        self.root = path
        self.group = group
        self.sessionTimeout = sessionTimeout
        self.codec = codec
        self.logger = logger
        self.clock = clock
        self.changed = changed
        self.state = ElectionState(candidate: candidate, guid: guid, electsLeader: group == .masters)
    }

    /// Opens the session; retries for ever.
    public func start() {
        self.queue.async { self.openSession() }
    }

    /// How long the end of a session is waited for.
    ///
    /// Milliseconds if the service answers. One that is silent would take seconds, and the session then ends by its timeout.
    private static let closePatience = DispatchTimeInterval.seconds(1)

    /// How much later than a new session ours may be connected again, and count.
    private static let probeMargin = DispatchTimeInterval.seconds(1)

    /// Gives up the node and the leadership, then ends the session.
    ///
    /// Returns when both are done, or after a second.
    public func stop() async { await Self.stop([self]) }

    /// Stops several at once: for a silent service they wait together, not one after the other.
    static func stop(_ hosts: [GroupHost]) async {
        var open = 0
        let (closings, closing) = AsyncStream.makeStream(of: Void.self)
        for host in hosts {
            guard let session = await host.resign() else { continue }
            open += 1
            session.closeLater { closing.yield() }
        }
        guard open > 0 else { return }
        let timer = DispatchSource.makeTimerSource()
        timer.setEventHandler { closing.finish() }
        timer.schedule(deadline: .now() + Self.closePatience)
        timer.activate()
        defer { timer.cancel() }
        for await _ in closings {
            open -= 1
            if open == 0 { return }
        }
    }

    /// Gives up what is held; the session that is to be ended, if there is one.
    private func resign() async -> ZooKeeperSession? {
        await withCheckedContinuation { continuation in
            self.queue.async {
                self.handle(.resigned)
                self.isStopped = true
                self.generation += 1
                self.endProbe()
                let session = self.session
                self.session = nil
                continuation.resume(returning: session)
            }
        }
    }

    /// A peer knows a leadership above ours.
    public func higherEpochSeen(_ epoch: Epoch) {
        self.queue.async { self.handle(.higherEpochSeen(epoch)) }
    }

    /// A neighbour saw this incarnation die.
    public func deathWitnessed(incarnation: Bytes) {
        self.queue.async { self.handle(.deathWitnessed(incarnation: incarnation)) }
    }

    private func openSession() {
        guard !self.isStopped else { return }
        self.generation += 1
        self.isReady = false
        self.isConnected = false
        let generation = self.generation
        self.session?.closeLater()
        do {
            self.session = try ZooKeeperSession(servers: self.servers, timeout: self.sessionTimeout) { change in
                self.queue.async { self.sessionChanged(change, generation: generation) }
            }
        } catch {
            self.logger.error("ZooKeeper cannot be reached; trying again", metadata: ["cause": "\(error)"])
            self.queue.asyncAfter(deadline: .now() + .seconds(1)) { self.openSession() }
        }
    }

    private func sessionChanged(_ change: ZooKeeperSession.Change, generation: Int) {
        guard generation == self.generation, !self.isStopped else { return }
        if change == .connected {
            self.isConnected = true
            self.endProbe()
        }
        switch change {
        case .connected where !self.isReady: self.makeDirectories(generation: generation)
        case .connected:
            // Watches are set again by the library; a request that failed meanwhile is retried by the core's timer.
            self.handle(.membersChanged)
        case .connecting:
            self.logger.info("ZooKeeper is out of reach; the session lives on")
            self.isConnected = false
            let patience = DispatchTimeInterval.nanoseconds(Int(self.sessionTimeout.nanoseconds * 2))
            self.queue.asyncAfter(deadline: .now() + patience) { self.probe(generation: generation) }
        case .expired: self.handle(.sessionExpired)
        case .watchFired: self.handle(.membersChanged)
        }
    }

    /// Looks whether the service is still out of reach for everybody, or for this session only.
    ///
    /// A service that lost its data does not say that a session is gone: it turns away whoever has seen more of its history
    /// than it has, again and again. A new session has seen nothing and is let in, and so tells the two apart.
    private func probe(generation: Int) {
        guard generation == self.generation, !self.isStopped, self.isReady, !self.isConnected, self.probing == nil
        else {
            return
        }
        self.probing = try? ZooKeeperSession(servers: self.servers, timeout: self.sessionTimeout) { change in
            guard change == .connected else { return }
            self.queue.asyncAfter(deadline: .now() + Self.probeMargin) { self.probeConnected(generation: generation) }
        }
    }

    private func probeConnected(generation: Int) {
        guard generation == self.generation, !self.isStopped, self.probing != nil, !self.isConnected else { return }
        self.logger.warning("ZooKeeper answers, and not in this session: it has lost its data, or the session")
        self.endProbe()
        self.handle(.sessionExpired)
    }

    private func endProbe() {
        self.probing?.closeLater()
        self.probing = nil
    }

    /// Makes the persistent nodes that everything else is put under; all of them may exist.
    private func makeDirectories(generation: Int) {
        var paths: [(String, Bytes)] = []
        var prefix = ""
        for part in self.directory.split(separator: "/") {
            prefix += "/\(part)"
            paths.append((prefix, []))
        }
        paths.append((self.epochPath, Bytes("0".utf8)))
        self.make(paths[...], generation: generation)
    }

    private func make(_ paths: ArraySlice<(String, Bytes)>, generation: Int) {
        guard generation == self.generation else { return }
        guard let (path, data) = paths.first else {
            self.isReady = true
            self.handle(.sessionOpened)
            return
        }
        self.session?.create(path, data: data) { result in
            self.queue.async {
                switch result {
                case .success, .failure(.nodeExists): self.make(paths.dropFirst(), generation: generation)
                case .failure(.sessionExpired): break  // The session's own watcher tells.
                case .failure(let error):
                    self.logger.warning(
                        "Cannot make \(path) in ZooKeeper; trying again", metadata: ["cause": "\(error)"])
                    self.queue.asyncAfter(deadline: .now() + .milliseconds(500)) {
                        self.make(paths, generation: generation)
                    }
                }
            }
        }
    }

    private func handle(_ event: ElectionState.Event) {
        self.pending.append(event)
        guard !self.isHandling else { return }
        self.isHandling = true
        defer { self.isHandling = false }
        while !self.pending.isEmpty {
            let event = self.pending.removeFirst()
            self.logger.trace("event", metadata: ["event": "\(event)"])
            self.state.handle(event, at: self.clock(), into: &self.effects)
            let effects = self.effects
            self.effects.removeAll(keepingCapacity: true)
            for effect in effects { self.perform(effect) }
        }
    }

    /// Posts the outcome of a request of the present session.
    private func reply(
        _ generation: Int, _ error: ZooKeeperError?, _ failure: ElectionState.Event, _ success: ElectionState.Event
    ) {
        self.queue.async {
            guard generation == self.generation, !self.isStopped, error != .sessionExpired else { return }
            self.handle(error == nil ? success : failure)
        }
    }

    private func perform(_ effect: ElectionState.Effect) {
        self.logger.trace("effect", metadata: ["effect": "\(effect)"])
        let generation = self.generation
        switch effect {
        case .list:
            self.session?.children(of: self.directory, watch: true) { result in
                switch result {
                case .success(let names): self.reply(generation, nil, .requestFailed, .membersListed(names))
                case .failure(let error): self.reply(generation, error, .requestFailed, .requestFailed)
                }
            }
        case .join(let nodePrefix, let member):
            self.session?.create(
                "\(self.directory)/\(nodePrefix)", data: self.codec.encode(member), isEphemeral: true,
                isSequential: true
            ) { result in
                switch result {
                case .success(let path):
                    let name = path.split(separator: "/").last.map(String.init) ?? ""
                    self.reply(generation, nil, .joinUncertain, .joined(name))
                case .failure(let error): self.reply(generation, error, .joinUncertain, .joinUncertain)
                }
            }
        case .read(let name): self.read(name, generation: generation)
        case .readEpoch: self.readEpoch(generation: generation)
        case .raiseEpoch(let epoch, let version, let own):
            self.session?.set(
                self.epochPath, to: Bytes("\(epoch)".utf8), version: version, whileExists: "\(self.directory)/\(own)"
            ) { result in
                switch result {
                case .success: self.reply(generation, nil, .epochRaiseFailed, .epochRaised(epoch))
                case .failure(let error): self.reply(generation, error, .epochRaiseFailed, .epochRaiseFailed)
                }
            }
        case .delete(let name):
            // A node that is gone already is what was wanted; whatever else happened, the next list tells.
            self.session?.delete("\(self.directory)/\(name)") { _ in
                self.reply(generation, nil, .membersChanged, .membersChanged)
            }
        case .startRetryTimer(let delay):
            self.queue.asyncAfter(deadline: .now() + .nanoseconds(Int(delay.nanoseconds))) {
                guard generation == self.generation else { return }
                self.handle(.retryTimerFired)
            }
        case .openSession: self.openSession()
        case .lead(let epoch): self.changed(.lead(epoch))
        case .stepDown(let reason): self.changed(.stepDown(reason: reason))
        case .leaderChanged(let leader): self.changed(.leaderChanged(leader))
        case .membersChanged(let members): self.changed(.membersChanged(members))
        }
    }

    private func read(_ name: String, generation: Int) {
        self.session?.read("\(self.directory)/\(name)") { result in
            switch result {
            case .success(let node):
                let member = self.codec.member(node.data)
                self.reply(generation, nil, .requestFailed, .memberRead(name, member))
            case .failure(.noNode): self.reply(generation, nil, .requestFailed, .membersChanged)
            case .failure(let error): self.reply(generation, error, .requestFailed, .requestFailed)
            }
        }
    }

    private func readEpoch(generation: Int) {
        self.session?.read(self.epochPath) { result in
            switch result {
            case .success(let node):
                guard let value = UInt64(String(decoding: node.data, as: UTF8.self)) else {
                    self.logger.error("The epoch in ZooKeeper is no number: write one that is above every epoch used")
                    self.reply(generation, nil, .requestFailed, .requestFailed)
                    return
                }
                self.reply(generation, nil, .requestFailed, .epochRead(Epoch(value), version: node.version))
            case .failure(let error): self.reply(generation, error, .requestFailed, .requestFailed)
            }
        }
    }
}
