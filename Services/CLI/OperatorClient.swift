internal import Frames
internal import Logging
internal import Messages
internal import Model
internal import NIOCore
internal import NIOPosix
internal import ZooKeeper

/// Asks the leading master, wherever it is.
enum OperatorClient {
    /// How long to look for a leader.
    static let patience: Duration = .seconds(15)
    /// How long one master among several may take, once the leader has answered.
    static let standbyPatience: Duration = .seconds(5)

    /// What one of the masters said to an order that all are given.
    struct MasterAnswer {
        /// Its name; its address, if it did not tell.
        var name: String
        /// host:port.
        var address: String
        /// Why it does not do what was ordered; nil: it does.
        var problem: String?
    }

    /// Sends one request and gathers all answers to it.
    ///
    /// - Throws: `Complaint` if no leader answers in time, or if it refuses.
    static func ask(_ kind: OperatorRequest.Kind, _ options: ClusterOptions) async throws -> [OperatorResponse.Kind] {
        let masters = try await Self.candidates(try options.masterAddress())
        return try await Self.converse(kind, masters.map(\.address), try Self.secret(options)).answers
    }

    /// Gives an order to the leader and, if it takes it, to every other master of the election.
    ///
    /// - Returns: The leader's answer, then the others'.
    /// - Throws: `Complaint` if no leader answers in time, or if it refuses: then nobody else was told.
    static func order(_ kind: OperatorRequest.Kind, _ options: ClusterOptions) async throws -> [MasterAnswer] {
        let listed = try await Self.candidates(try options.masterAddress())
        let secret = try Self.secret(options)
        let leader = try await Self.converse(kind, listed.map(\.address), secret)
        let isElected = try options.masterAddress().hasPrefix("zk://")
        // Of addresses given by hand some may be others' names for the same: then only the leader's own list counts.
        let known = leader.welcome.masters + (isElected ? listed.map(\.address) : [])
        var answers = [MasterAnswer(name: leader.welcome.name, address: leader.address)]
        var told: Set = [leader.address, leader.welcome.masters.first ?? leader.address]
        for address in known where told.insert(address).inserted {
            var answer = MasterAnswer(name: listed.first { $0.address == address }?.name ?? address, address: address)
            do {
                let said = try await Self.converse(
                    kind, [address], secret, acceptsStandby: true, patience: Self.standbyPatience)
                // One that does not know of standbys names the leader, who has answered already.
                if said.address == address {
                    answer.name = said.welcome.name
                } else {
                    answer.problem = "it stands by, and its version takes no policy then"
                }
            } catch { answer.problem = "\(error)" }
            answers.append(answer)
        }
        return answers
    }

    private static func secret(_ options: ClusterOptions) throws -> Secret? {
        try options.secret.map { path in
            do { return try Secret(file: path) } catch { throw Complaint("\(error)") }
        }
    }

    private static func converse(
        _ kind: OperatorRequest.Kind, _ addresses: [String], _ secret: Secret?, acceptsStandby: Bool = false,
        patience: Duration = Self.patience
    ) async throws -> Outcome {
        let group = MultiThreadedEventLoopGroup.singleton
        let loop = group.next()
        let result = loop.makePromise(of: Outcome.self)
        let conversation = try await loop.submit {
            Conversation(
                kind, addresses: addresses, secret: secret, acceptsStandby: acceptsStandby, patience: patience,
                loop: loop, result: result)
        }.get()
        do {
            let outcome = try await result.futureResult.get()
            await conversation.node.close(Refusal(.shuttingDown, "done"))
            return outcome
        } catch {
            await conversation.node.close(Refusal(.shuttingDown, "done"))
            throw error
        }
    }

    /// Who said what.
    private struct Outcome: Sendable {
        var address: String
        var welcome: Welcome
        var answers: [OperatorResponse.Kind]
    }

    /// Each master that is known; one that was given by its address only has that for a name.
    private static func candidates(_ text: String) async throws -> [MemberInfo] {
        guard text.hasPrefix("zk://") else {
            return text.split(separator: ",").map {
                MemberInfo(name: String($0), address: String($0), incarnation: [])
            }
        }
        let url: ElectionURL
        do { url = try ElectionURL(text: text) } catch { throw Complaint("\(error)") }
        guard case .zooKeeper(let servers, let path) = url else { return [] }
        var random = SystemRandomNumberGenerator()
        var logger = Logger(label: "meseta")
        logger.logLevel = .critical
        let found = await Directory.read(
            servers: servers, path: path, guid: String(random.next(), radix: 16), timeout: .seconds(5),
            codec: ProtobufCodec(), logger: logger)
        guard !found.masters.isEmpty else {
            throw Complaint("no master is listed at \(text): is ZooKeeper up, is a master?")
        }
        return found.masters
    }

    /// One connection, one request.
    ///
    /// Confined to its event loop.
    private final class Conversation: @unchecked Sendable {
        let node: Node
        private let result: EventLoopPromise<Outcome>
        private var welcome = Welcome(role: .master, name: "")
        private var address = ""
        private var answers: [OperatorResponse.Kind] = []
        private var problem = "nobody answers"
        private var isDone = false

        init(
            _ kind: OperatorRequest.Kind, addresses: [String], secret: Secret?, acceptsStandby: Bool,
            patience: Duration, loop: any EventLoop, result: EventLoopPromise<Outcome>
        ) {
            var logger = Logger(label: "meseta")
            logger.logLevel = .critical
            self.result = result
            self.node = Node(
                settings: NodeSettings(role: .operator, name: "meseta", secret: secret), eventLoop: loop, logger: logger
            )
            self.node.onConnected = { peer in
                self.answers = []
                peer.send(OperatorRequest(id: 1, kind))
            }
            self.node.onMessage = { (_, bytes, arena) throws(MessageError) in
                self.received(try OperatorResponse(message: bytes, in: arena))
            }
            _ = self.node.dial(
                as: {
                    var hello = Hello(role: .operator, name: "meseta")
                    hello.acceptsStandby = acceptsStandby
                    return hello
                }, candidates: { addresses }, onEvent: { event in self.happened(event, addresses) })
            let who = acceptsStandby ? "no master" : "no leading master"
            loop.assumeIsolatedUnsafeUnchecked().scheduleTask(in: TimeAmount(patience)) {
                self.finish(
                    .failure(Complaint("\(who) at \(addresses.joined(separator: ",")): \(self.problem)")))
            }
        }

        private func happened(_ event: DialEvent, _ addresses: [String]) {
            switch event {
            case .refused(let address, let refusal):
                self.problem = "\(address): \(refusal)"
                if refusal.code == .credentials {
                    self.finish(
                        .failure(Complaint("\(address) refuses: \(refusal); give the secret with --secret-file")))
                }
            case .failed(let address, let failure): self.problem = "\(address): \(failure)"
            case .welcomed(let address, let welcome): (self.address, self.welcome) = (address, welcome)
            case .lost: break
            }
        }

        private func received(_ response: OperatorResponse) {
            switch response.kind {
            case .failure(let message): self.finish(.failure(Complaint(message)))
            case .done:
                self.finish(.success(Outcome(address: self.address, welcome: self.welcome, answers: self.answers)))
            case .status, .agent, .framework, .task, .offer, .policy, .share, .obstacle, .shadow, .comparison:
                self.answers.append(response.kind)
            }
        }

        private func finish(_ outcome: Result<Outcome, any Error>) {
            guard !self.isDone else { return }
            self.isDone = true
            self.result.completeWith(outcome)
        }
    }
}
