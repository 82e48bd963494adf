public import Model
internal import Synchronization

/// What has gone over a node's connections with peers of one role, since its start.
///
/// Counted on the node's loop; any thread may read it. Handshakes and heartbeats are not counted as messages.
public final class Traffic: Sendable {
    /// A number that grows on one thread, and is read on any.
    public final class Count: Sendable {
        private let number = Atomic<Int>(0)

        /// How much it is.
        public var value: Int { self.number.load(ordering: .relaxed) }

        /// Nobody else adds, so a load and a store are enough.
        @inline(__always)
        func add(_ amount: Int) { self.number.store(self.value &+ amount, ordering: .relaxed) }
    }

    /// With whom.
    public let peers: PeerRole
    /// Messages that came.
    public let messagesReceived = Count()
    /// Bytes of what came, all of it.
    public let bytesReceived = Count()
    /// Reads that it took.
    public let reads = Count()
    /// Messages that went.
    public let messagesSent = Count()
    /// Bytes of what went, all of it.
    public let bytesSent = Count()
    /// Writes that it took, unless the kernel was too full for one of them.
    public let writes = Count()

    init(with peers: PeerRole) { self.peers = peers }
}
