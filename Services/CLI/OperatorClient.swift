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

    /// Sends one request and gathers all answers to it.
    ///
    /// - Throws: `Complaint` if no leader answers in time, or if it refuses.
    static func ask(_ kind: OperatorRequest.Kind, _ options: ClusterOptions) async throws -> [OperatorResponse.Kind] {
        let addresses = try await Self.candidates(try options.masterAddress())
        let secret = try options.secret.map { path in
            do { return try Secret(file: path) } catch { throw Complaint("\(error)") }
        }
        let group = MultiThreadedEventLoopGroup.singleton
        let loop = group.next()
        let result = loop.makePromise(of: [OperatorResponse.Kind].self)
        let conversation = try await loop.submit {
            Conversation(kind, addresses: addresses, secret: secret, loop: loop, result: result)
        }.get()
        do {
            let answers = try await result.futureResult.get()
            await conversation.node.close(Refusal(.shuttingDown, "done"))
            return answers
        } catch {
            await conversation.node.close(Refusal(.shuttingDown, "done"))
            throw error
        }
    }

    /// host:port of each master that is known.
    private static func candidates(_ text: String) async throws -> [String] {
        guard text.hasPrefix("zk://") else { return text.split(separator: ",").map(String.init) }
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
        return found.masters.map(\.address)
    }

    /// One connection, one request.
    ///
    /// Confined to its event loop.
    private final class Conversation: @unchecked Sendable {
        let node: Node
        private let result: EventLoopPromise<[OperatorResponse.Kind]>
        private var answers: [OperatorResponse.Kind] = []
        private var problem = "nobody answers"
        private var isDone = false

        init(
            _ kind: OperatorRequest.Kind, addresses: [String], secret: Secret?, loop: any EventLoop,
            result: EventLoopPromise<[OperatorResponse.Kind]>
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
                as: { Hello(role: .operator, name: "meseta") }, candidates: { addresses },
                onEvent: { event in self.happened(event, addresses) })
            loop.assumeIsolatedUnsafeUnchecked().scheduleTask(in: TimeAmount(OperatorClient.patience)) {
                self.finish(
                    .failure(Complaint("no leading master at \(addresses.joined(separator: ",")): \(self.problem)")))
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
            case .welcomed, .lost: break
            }
        }

        private func received(_ response: OperatorResponse) {
            switch response.kind {
            case .failure(let message): self.finish(.failure(Complaint(message)))
            case .done: self.finish(.success(self.answers))
            case .status, .agent, .framework, .task, .offer, .policy, .share, .obstacle, .shadow, .comparison:
                self.answers.append(response.kind)
            }
        }

        private func finish(_ outcome: Result<[OperatorResponse.Kind], any Error>) {
            guard !self.isDone else { return }
            self.isDone = true
            self.result.completeWith(outcome)
        }
    }
}
