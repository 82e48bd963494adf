import FairSharing
import Frames
import Logging
import Messages
import Model
import NIOCore
import NIOPosix

/// An operator who stays connected to the master and looks at its books again and again.
///
/// Confined to its event loop, but for `read` and `close`.
final class BooksReader: @unchecked Sendable {
    private let node: Node
    private let loop: any EventLoop
    private var peer: Peer?
    private var question: UInt64 = 0
    private var books = Books()
    private var waiting: EventLoopPromise<Books>?

    private init(loop: any EventLoop) {
        var logger = Logger(label: "five-frameworks")
        logger.logLevel = .critical
        self.loop = loop
        self.node = Node(
            settings: NodeSettings(role: .operator, name: "five-frameworks"), eventLoop: loop, logger: logger)
    }

    /// A reader that keeps a connection to the master at that address.
    static func dialling(_ address: String) async throws -> BooksReader {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        return try await loop.submit {
            let reader = BooksReader(loop: loop)
            reader.begin(address)
            return reader
        }.get()
    }

    private func begin(_ address: String) {
        self.node.onConnected = { peer in
            self.peer = peer
            if self.waiting != nil { self.ask() }
        }
        self.node.onDisconnected = { _, _ in self.peer = nil }
        self.node.onMessage = { (_, bytes, arena) throws(MessageError) in
            self.received(try OperatorResponse(message: bytes, in: arena))
        }
        _ = self.node.dial(
            as: { Hello(role: .operator, name: "five-frameworks") }, candidates: { [address] })
    }

    /// All agents, then all frameworks.
    func read() async throws -> Books {
        try await self.loop.flatSubmit {
            let promise = self.loop.makePromise(of: Books.self)
            self.waiting = promise
            self.ask()
            return promise.futureResult
        }.get()
    }

    private func ask() {
        guard let peer else { return }
        self.books = Books()
        self.question += 2
        peer.send(OperatorRequest(id: self.question, .agents))
        peer.send(OperatorRequest(id: self.question + 1, .frameworks))
    }

    private func received(_ response: OperatorResponse) {
        guard let waiting, response.id >= self.question else { return }
        switch response.kind {
        case .agent(let row): self.books.agents.append(row)
        case .framework(let row): self.books.frameworks.append(row)
        case .done where response.id == self.question + 1:
            self.waiting = nil
            waiting.succeed(self.books)
        default: break
        }
    }

    func close() async { await self.node.close() }
}
