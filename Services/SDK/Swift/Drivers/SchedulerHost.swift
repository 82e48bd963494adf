import Frames
import Logging
import Messages
import Model
import NIOCore
import Runtime
import SDKCore
import Synchronization

/// The two switches between a scheduler's core and its connections.
///
/// `call`, `updateReturned`, `start` and `close` may be called from any thread; everything else happens on the event loop.
final class SchedulerHost: @unchecked Sendable {  // All mutable state is confined to `loop`.
    /// Longer than any look or attempt takes.
    private static let afterlife = TimeAmount.seconds(30)

    let loop: any EventLoop
    private let node: Node
    private let role: RoleHost<SchedulerState>
    private let queue: @Sendable (SchedulerDriver.Item) -> Void
    private let logger: Logger
    private let framework: String
    private let identity: IdentityFile?
    private let patience: Duration?
    private let finder: MasterFinder
    private let returned = Mutex(ReturnedUpdates())

    private var masterDialer: Dialer?
    private var relayDialers: [String: Dialer] = [:]
    private var peers: [PeerID: Peer] = [:]
    /// The master that is asked first, because another one named it.
    private var leaderHint: String?
    /// Why the last attempt at a master failed.
    private var lastProblem = ""
    private var giveUp: Scheduled<Void>?
    private var isStopped = false

    /// - Throws: `configuration` if the secret cannot be read.
    init(
        settings: SchedulerSettings, options: SchedulerDriver.Options, master: MasterAddress,
        queue: @escaping @Sendable (SchedulerDriver.Item) -> Void
    ) throws(MesetaError) {
        var secret: Secret?
        if let path = options.secretFile ?? Environment.value("MESETA_SECRET_FILE") {
            do { secret = try Secret(file: path) } catch { throw MesetaError(.configuration, "\(error)") }
        }
        self.loop = DriverLoops.next()
        self.logger = options.logger
        self.framework = settings.framework.name
        self.node = Node(
            settings: NodeSettings(role: .scheduler, name: settings.framework.name, secret: secret),
            eventLoop: self.loop, logger: options.logger)
        self.role = RoleHost(
            SchedulerState(settings: settings, codec: ProtobufCodec()), on: self.loop, logger: options.logger)
        self.queue = queue
        self.identity = options.frameworkIDFile.map { IdentityFile(path: $0) }
        self.patience = options.registrationPatience
        self.finder = MasterFinder(master, loop: self.loop, logger: options.logger)
    }

    // MARK: From any thread

    func start() {
        self.loop.execute { self.begin() }
    }

    /// The user has called: in order with the callbacks that have returned, on the loop as well, where `post` would not wait.
    func call(_ call: SchedulerState.UserCall) {
        self.returned.withLock { $0.close() }
        self.loop.execute { self.role.post(.called(call)) }
    }

    /// The callback that was given this update has returned.
    func updateReturned(_ update: ReturnedUpdates.Update) {
        guard self.returned.withLock({ $0.add(update) }) else { return }
        self.loop.execute {
            for update in self.returned.withLock({ $0.next() }) {
                self.role.post(.statusUpdateReturned(update.task, uuid: update.uuid))
            }
        }
    }

    /// Returns when everything that was said has been sent.
    func close() async {
        self.finder.stop()
        await self.node.close(Refusal(.shuttingDown, "the scheduler has ended"))
        // The loop goes on, and what is on its way to it (a look at ZooKeeper, an attempt to connect) must find this alive.
        self.loop.scheduleTask(in: Self.afterlife) { withExtendedLifetime(self) {} }
    }

    // MARK: Events

    private func begin() {
        self.role.perform = { [unowned self] in self.perform($0) }
        self.node.onConnected = { [unowned self] in self.connected($0) }
        self.node.onDisconnected = { [unowned self] peer, reason in self.disconnected(peer, reason) }
        self.node.onMessage = { [unowned self] (peer, bytes, arena) throws(MessageError) in
            let event = try SchedulerEvent(message: bytes, in: arena)
            let isMaster = peer.dialer === self.masterDialer
            self.role.post(isMaster ? .masterEvent(event, from: peer.id) : .relayEvent(event, from: peer.id))
        }
        if let patience = self.patience {
            self.giveUp = self.loop.assumeIsolatedUnsafeUnchecked().scheduleTask(in: TimeAmount(patience)) {
                [weak self] in self?.patienceIsOver()
            }
        }
        self.finder.changed = { [unowned self] in self.masterDialer?.nudge() }
        self.finder.start()
        self.masterDialer = self.node.dial(
            as: { [unowned self] in self.hello() },
            candidates: { [unowned self] in self.candidates() },
            onEvent: { [unowned self] in self.dialled($0) })
    }

    private func hello() -> Hello {
        var hello = Hello(role: .scheduler, name: self.framework)
        hello.epoch = self.role.role.epoch
        hello.frameworkID = self.role.role.frameworkID
        return hello
    }

    private func candidates() -> [String] {
        let known = self.finder.candidates
        guard let hint = self.leaderHint else { return known }
        return [hint] + known.filter { $0 != hint }
    }

    private func dialled(_ event: DialEvent) {
        switch event {
        case .welcomed: self.leaderHint = nil
        case .refused(let address, let refusal):
            self.lastProblem = "\(address): \(refusal)"
            self.finder.looked()
            let mayWait = self.role.role.isRegistered || self.patience == nil
            if refusal.code == .credentials, !mayWait { self.fail(.credentials, "\(address) refused: \(refusal)") }
        case .failed(let address, let failure):
            self.lastProblem = "\(address): \(failure)"
            self.leaderHint = nil
            self.finder.looked()
        case .lost: self.finder.lost()
        }
    }

    private func connected(_ peer: Peer) {
        self.peers[peer.id] = peer
        if peer.dialer === self.masterDialer {
            self.role.post(.masterConnected(peer.id, peer.welcome?.epoch ?? .none))
        } else if let name = self.relayDialers.first(where: { $0.value === peer.dialer })?.key {
            self.role.post(.relayConnected(name, peer.id))
        }
    }

    private func disconnected(_ peer: Peer, _ reason: String) {
        self.peers[peer.id] = nil
        guard peer.dialer === self.masterDialer else { return self.role.post(.relayDisconnected(peer.id)) }
        self.lastProblem = "\(peer.remoteAddress): \(reason)"
        self.role.post(.masterDisconnected(peer.id))
    }

    // MARK: Effects

    private func perform(_ effect: SchedulerState.Effect) {
        switch effect {
        case .sendToMaster(let call): self.masterDialer?.peer?.send(call)
        case .sendToRelay(let peer, let call): self.peers[peer]?.send(call)
        case .disconnectMaster(let peer, let leader):
            self.leaderHint = leader
            self.peers[peer]?.close()
        case .connectRelay(let relay, let subscription): self.connect(relay, subscription)
        case .disconnectRelay(let name): self.relayDialers.removeValue(forKey: name)?.stop()
        case .callBack(let callback): self.callBack(callback)
        case .rememberFrameworkID(let id): self.remember(id)
        case .setTimer(let timer, let time): self.role.setTimer(timer, at: time, .timerFired(timer))
        case .cancelTimer(let timer): self.role.cancelTimer(timer)
        case .stopped(let failure): self.stopped(failure.map(MesetaError.init))
        }
    }

    private func connect(_ relay: RelayInfo, _ subscription: Subscription) {
        self.relayDialers[relay.name]?.stop()
        self.relayDialers[relay.name] = self.node.dial(
            as: { [unowned self] in
                var hello = self.hello()
                hello.subscription = subscription
                return hello
            }, candidates: { [relay.address] })
    }

    private func callBack(_ callback: SchedulerState.Callback) {
        switch callback {
        case .registered(let id, let master):
            self.giveUp?.cancel()
            self.logger.info(
                "Registered", metadata: [LogKey.frameworkID: "\(id)", LogKey.address: "\(master.address)"])
        case .reregistered(let master):
            self.logger.info("Registered again", metadata: [LogKey.address: "\(master.address)"])
        case .standby(let standby):
            self.giveUp?.cancel()
            self.logger.info(
                "Waits as a standby",
                metadata: [
                    LogKey.frameworkID: "\(standby.frameworkID)", LogKey.count: "\(standby.place)",
                    LogKey.peer: "\(standby.active ?? "-")",
                ])
        case .disconnected: self.logger.warning("No master", metadata: [LogKey.reason: "\(self.lastProblem)"])
        case .error(let message):
            self.logger.error("The master reports an error", metadata: [LogKey.error: "\(message)"])
        default: break
        }
        self.queue(.callback(callback))
    }

    private func remember(_ id: FrameworkID) {
        do { try self.identity?.write(id) } catch {
            self.logger.error(
                "The framework id was not kept", metadata: [LogKey.frameworkID: "\(id)", LogKey.error: "\(error)"])
        }
    }

    private func patienceIsOver() {
        guard !self.role.role.isRegistered else { return }
        let cause = self.lastProblem.isEmpty ? "it lists no master, or is out of reach" : self.lastProblem
        self.fail(
            .masterNotFound,
            "No master accepted the framework within \((self.patience ?? .zero).asSeconds) s, looking at "
                + "\(self.finder.address) (\(cause)). Is the cluster up? --master or MESETA_MASTER says where it is")
    }

    private func fail(_ code: MesetaError.Code, _ message: String) {
        guard !self.isStopped else { return }
        self.stopped(MesetaError(code, message))
        self.role.post(.called(.stop(failover: true)))
    }

    private func stopped(_ failure: MesetaError?) {
        guard !self.isStopped else { return }
        self.isStopped = true
        self.giveUp?.cancel()
        self.masterDialer?.stop()
        for dialer in self.relayDialers.values { dialer.stop() }
        self.relayDialers = [:]
        self.queue(.stopped(failure))
    }
}

extension MesetaError {
    /// As the user sees why a scheduler ended.
    init(_ failure: SchedulerState.Failure) {
        switch failure {
        case .subscriptionEnded(let message): self.init(.subscriptionEnded, message)
        case .masterNotFound:
            self.init(
                .incomplete,
                "No master was found to end the framework at: it ends when its failover timeout is over")
        }
    }
}
