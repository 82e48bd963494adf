public import Messages
public import Model

/// The other end of a connection whose handshake is done, for as long as it lives.
///
/// Confined to the event loop of its node: every member is used there.
public final class Peer {
    /// The connection's number among those of its node.
    public let id: PeerID
    /// What the other side is.
    public let role: PeerRole
    /// What the other side calls itself.
    public let name: String
    /// How the other side introduced itself; nil if it was this side that called.
    public let hello: Hello?
    /// How the other side answered; nil if it was the other side that called.
    public let welcome: Welcome?
    /// Where it is: an IP address and a port; what was dialled, where this side called.
    public let remoteAddress: String
    /// The dialler that this is the connection of; nil if it was the other side that called.
    public let dialer: Dialer?
    /// Whatever the host wants to find with a peer, without looking it up.
    public var attachment: AnyObject?
    /// How the connection ended; nil while it lives.
    public private(set) var disconnect: Disconnect?

    /// The host has been told of it, so it will be told of its end.
    var isAnnounced = false
    /// Nil when it has ended.
    ///
    /// Not weak: each retain of an object that was once referred to weakly costs several times as much.
    private var connection: Connection?

    init(
        id: PeerID, role: PeerRole, name: String, hello: Hello?, welcome: Welcome?, remoteAddress: String,
        dialer: Dialer?, connection: Connection
    ) {
        self.id = id
        self.role = role
        self.name = name
        self.hello = hello
        self.welcome = welcome
        self.remoteAddress = remoteAddress
        self.dialer = dialer
        self.connection = connection
    }

    /// The connection has ended.
    func disconnected(_ end: Disconnect) {
        self.disconnect = end
        self.connection = nil
    }

    /// False as soon as either side has ended the connection; then nothing more is sent or received.
    public var isOpen: Bool { self.disconnect == nil }

    /// Sends a message: writes it behind the others of this loop turn, which leave together at its end.
    ///
    /// - Returns: Whether it was taken. Not if the connection has ended, and not if the message is longer than the other side
    ///   takes, which is logged; nothing else is affected then.
    @discardableResult
    public func send(_ message: some WireMessage) -> Bool {
        guard self.isOpen, let connection = self.connection else { return false }
        return connection.send(message)
    }

    /// Sends a message that is already encoded.
    ///
    /// - Returns: As for `send(_:)`.
    @discardableResult
    public func send(encoded bytes: Bytes) -> Bool {
        bytes.withUnsafeBytes { self.send(encoded: $0) }
    }

    /// Sends a message that is already encoded, such as one just received.
    ///
    /// - Returns: As for `send(_:)`.
    @discardableResult
    public func send(encoded bytes: UnsafeRawBufferPointer) -> Bool {
        guard self.isOpen, let connection = self.connection else { return false }
        return connection.send(encoded: bytes)
    }

    /// Ends the connection once everything sent so far has left.
    ///
    /// `onDisconnected` follows at the end of this loop turn.
    ///
    /// - Parameter refusal: Why, told to the other side. Nil ends it without a word.
    public func close(_ refusal: Refusal? = nil) {
        guard self.isOpen, let connection = self.connection else { return }
        connection.finish(
            Disconnect(.closedHere, refusal?.description ?? "closed by this side", refusal: refusal), telling: refusal)
    }

    /// Bytes that were sent and that the kernel has not taken yet.
    ///
    /// Above `NodeSettings.queueLimitBytes` the peer is given up.
    ///
    /// - Complexity: O(1).
    public var queuedBytes: Int { self.connection?.queuedBytes ?? 0 }
}

extension Peer: CustomStringConvertible {
    /// Who and where it is, for logs.
    public var description: String { "\(self.role) \(self.name) at \(self.remoteAddress)" }
}

@available(*, unavailable)
extension Peer: Sendable {}

/// Gives connections their numbers: the lowest that was never used, or one that has been free for long.
///
/// Confined to one event loop. Several nodes of one host share one, so that their peers do not share numbers.
public final class PeerIDs {
    /// How many numbers must be free before one is used again.
    ///
    /// 4,096 connections come and go between two uses of one.
    private static let rest = 4096

    private var next: UInt32 = 0
    private var free: [UInt32] = []
    private var firstFree = 0

    /// Begins with zero.
    public init() {}

    /// A number that no living connection has.
    func take() -> PeerID {
        if self.free.count - self.firstFree > Self.rest {
            let index = self.free[self.firstFree]
            self.firstFree += 1
            if self.firstFree > Self.rest {
                self.free.removeFirst(self.firstFree)
                self.firstFree = 0
            }
            return PeerID(index)
        }
        defer { self.next += 1 }
        return PeerID(self.next)
    }

    /// The connection is gone.
    func give(back id: PeerID) {
        self.free.append(id.index)
    }
}
