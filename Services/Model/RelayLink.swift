/// What a relay says to the leading master.
///
/// `index` names an agent on this link from its `agentAttached` on.
public enum RelayToMaster: Hashable, Sendable {
    /// An agent under a new attachment, perhaps in pieces. `sent`: launches written to it since, which its books do not
    /// show yet; `issuedEpoch`: of the master that last accepted it.
    case agentAttached(index: UInt32, AgentRegistration, sent: [AgentOrder], issuedEpoch: Epoch)
    /// All agents held at connect time have been told.
    case snapshotDone
    case agentDetached(index: UInt32, Attachment)
    case book(index: UInt32, Attachment, BookEntry)
    /// For a scheduler that this relay cannot reach itself: the one of that subscription under this master; 0: not said.
    case status(index: UInt32, StatusEnvelope, subscription: UInt64 = 0)
    case message(index: UInt32, ExecutorKey, Bytes)

    /// An agent under a new attachment, in as many pieces as its registration and the launches written to it need.
    public static func agentAttached(
        index: UInt32, _ registration: AgentRegistration, sent: [AgentOrder], issuedEpoch: Epoch, pieceBytes: Int
    ) -> [RelayToMaster] {
        var pieces = registration.pieces(of: pieceBytes).map { (registration: $0, sent: [AgentOrder]()) }
        var used = 0
        for order in sent {
            guard case .launch(let launch) = order else { continue }
            if used + launch.approximateBytes > pieceBytes, used > 0 || pieces.last!.registration.approximateBytes > 0 {
                pieces[pieces.count - 1].registration.isContinued = true
                pieces.append(
                    (AgentRegistration(attachment: registration.attachment, hostname: "", total: .init()), []))
                used = 0
            }
            pieces[pieces.count - 1].sent.append(order)
            used += launch.approximateBytes
        }
        return pieces.map { .agentAttached(index: index, $0.registration, sent: $0.sent, issuedEpoch: issuedEpoch) }
    }
}

/// What the leading master says to a relay.
public enum MasterToRelay: Hashable, Sendable {
    case agentAccepted(index: UInt32, Attachment, AgentID)
    case agentRefused(index: UInt32, Attachment, message: String)
    case order(index: UInt32, Attachment, AgentOrder)
    case bookConfirmed(index: UInt32, Attachment, BookPosition)
    case subscription(SubscriptionNotice)
    case frameworkRemoved(FrameworkID)
    case directory(relays: [String], masters: [String])
}

/// Which scheduler a framework obeys now, and how it wants its updates.
public struct SubscriptionNotice: Hashable, Sendable {
    /// The framework whose updates are to be routed.
    public var frameworkID: FrameworkID
    /// The scheduler to obey; a relay turns away those that show a lower one.
    public var subscription: Subscription
    /// It connects to the relays itself.
    public var usesRelays: Bool
    /// False: there is no scheduler at present.
    public var isConnected: Bool

    /// With everything given.
    public init(frameworkID: FrameworkID, subscription: Subscription, usesRelays: Bool, isConnected: Bool) {
        self.frameworkID = frameworkID
        self.subscription = subscription
        self.usesRelays = usesRelays
        self.isConnected = isConnected
    }
}
