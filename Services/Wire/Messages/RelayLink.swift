internal import CMessages
internal import CProtobufC
public import Model

/// `meseta.wire.RelayToMaster`.
extension RelayToMaster: WireMessage {
    /// Reads the message.
    public init(message bytes: UnsafeRawBufferPointer, in arena: MessageArena) throws(MessageError) {
        self = try arena.read(bytes) { c, reader throws(MessageError) in try Self(c, reader) }
    }

    private init(
        _ c: UnsafeMutablePointer<Meseta__Wire__RelayToMaster>, _ reader: MessageReader
    ) throws(MessageError) {
        switch c.pointee.kind_case {
        case MESETA__WIRE__RELAY_TO_MASTER__KIND_AGENT_ATTACHED:
            let attached = c.pointee.agent_attached!.pointee
            self = .agentAttached(
                index: attached.index, try AgentRegistration(attached.registration, reader),
                sent: try reader.list(attached.n_sent, attached.sent) { order throws(MessageError) in
                    try AgentOrder(order, reader)
                },
                issuedEpoch: Epoch(attached.issued_epoch))
        case MESETA__WIRE__RELAY_TO_MASTER__KIND_SNAPSHOT_DONE:
            self = .snapshotDone
        case MESETA__WIRE__RELAY_TO_MASTER__KIND_AGENT_DETACHED:
            let detached = c.pointee.agent_detached!.pointee
            self = .agentDetached(index: detached.index, try reader.attachment(detached.attachment))
        case MESETA__WIRE__RELAY_TO_MASTER__KIND_BOOK:
            let book = c.pointee.book!.pointee
            self = .book(
                index: book.index, try reader.attachment(book.attachment), try BookEntry(book.entry, reader))
        case MESETA__WIRE__RELAY_TO_MASTER__KIND_STATUS:
            let status = c.pointee.status!.pointee
            self = .status(
                index: status.index, try StatusEnvelope(status.status, reader), subscription: status.subscription)
        case MESETA__WIRE__RELAY_TO_MASTER__KIND_MESSAGE:
            let message = c.pointee.message!.pointee
            let (key, data) = try reader.executorMessage(message.message)
            self = .message(index: message.index, key, data)
        default:
            throw reader.unknownKind(of: c)
        }
    }

    /// Gives the message its C form.
    public func packed(in arena: MessageArena) -> PackedMessage {
        let c = arena.make(Meseta__Wire__RelayToMaster.self)
        switch self {
        case .agentAttached(let index, let registration, let sent, let issuedEpoch):
            c.pointee.kind_case = MESETA__WIRE__RELAY_TO_MASTER__KIND_AGENT_ATTACHED
            c.pointee.agent_attached = arena.make()
            c.pointee.agent_attached.pointee.index = index
            c.pointee.agent_attached.pointee.registration = registration.c(in: arena)
            c.pointee.agent_attached.pointee.n_sent = sent.count
            c.pointee.agent_attached.pointee.sent = arena.list(sent) { $0.c(in: arena) }
            c.pointee.agent_attached.pointee.issued_epoch = issuedEpoch.value
        case .snapshotDone:
            c.pointee.kind_case = MESETA__WIRE__RELAY_TO_MASTER__KIND_SNAPSHOT_DONE
            c.pointee.snapshot_done = 1
        case .agentDetached(let index, let attachment):
            c.pointee.kind_case = MESETA__WIRE__RELAY_TO_MASTER__KIND_AGENT_DETACHED
            c.pointee.agent_detached = arena.make()
            c.pointee.agent_detached.pointee.index = index
            c.pointee.agent_detached.pointee.attachment = attachment.c(in: arena)
        case .book(let index, let attachment, let entry):
            c.pointee.kind_case = MESETA__WIRE__RELAY_TO_MASTER__KIND_BOOK
            c.pointee.book = arena.make()
            c.pointee.book.pointee.index = index
            c.pointee.book.pointee.attachment = attachment.c(in: arena)
            c.pointee.book.pointee.entry = entry.c(in: arena)
        case .status(let index, let envelope, let subscription):
            c.pointee.kind_case = MESETA__WIRE__RELAY_TO_MASTER__KIND_STATUS
            c.pointee.status = arena.make()
            c.pointee.status.pointee.index = index
            c.pointee.status.pointee.status = envelope.c(in: arena)
            c.pointee.status.pointee.subscription = subscription
        case .message(let index, let key, let data):
            c.pointee.kind_case = MESETA__WIRE__RELAY_TO_MASTER__KIND_MESSAGE
            c.pointee.message = arena.make()
            c.pointee.message.pointee.index = index
            c.pointee.message.pointee.message = arena.executorMessage(key, data)
        }
        return PackedMessage(c)
    }
}

/// `meseta.wire.MasterToRelay`.
extension MasterToRelay: WireMessage {
    /// Reads the message.
    public init(message bytes: UnsafeRawBufferPointer, in arena: MessageArena) throws(MessageError) {
        self = try arena.read(bytes) { c, reader throws(MessageError) in try Self(c, reader) }
    }

    private init(
        _ c: UnsafeMutablePointer<Meseta__Wire__MasterToRelay>, _ reader: MessageReader
    ) throws(MessageError) {
        switch c.pointee.kind_case {
        case MESETA__WIRE__MASTER_TO_RELAY__KIND_AGENT_ACCEPTED:
            let accepted = c.pointee.agent_accepted!.pointee
            self = .agentAccepted(
                index: accepted.index, try reader.attachment(accepted.attachment),
                try reader.id(accepted.agent_id, "agent_accepted.agent_id"))
        case MESETA__WIRE__MASTER_TO_RELAY__KIND_AGENT_REFUSED:
            let refused = c.pointee.agent_refused!.pointee
            self = .agentRefused(
                index: refused.index, try reader.attachment(refused.attachment),
                message: try reader.text(refused.message, "agent_refused.message"))
        case MESETA__WIRE__MASTER_TO_RELAY__KIND_ORDER:
            let order = c.pointee.order!.pointee
            self = .order(
                index: order.index, try reader.attachment(order.attachment), try AgentOrder(order.order, reader))
        case MESETA__WIRE__MASTER_TO_RELAY__KIND_BOOK_CONFIRMED:
            let confirmed = c.pointee.book_confirmed!.pointee
            self = .bookConfirmed(
                index: confirmed.index, try reader.attachment(confirmed.attachment), confirmed.position)
        case MESETA__WIRE__MASTER_TO_RELAY__KIND_SUBSCRIPTION:
            self = .subscription(try SubscriptionNotice(c.pointee.subscription, reader))
        case MESETA__WIRE__MASTER_TO_RELAY__KIND_FRAMEWORK_REMOVED:
            self = .frameworkRemoved(
                try reader.id(c.pointee.framework_removed.pointee.framework_id, "framework_removed.framework_id"))
        case MESETA__WIRE__MASTER_TO_RELAY__KIND_DIRECTORY:
            let directory = c.pointee.directory!.pointee
            self = .directory(
                relays: try reader.texts(directory.n_relays, directory.relays, "directory.relays"),
                masters: try reader.texts(directory.n_masters, directory.masters, "directory.masters"))
        default:
            throw reader.unknownKind(of: c)
        }
    }

    /// Gives the message its C form.
    public func packed(in arena: MessageArena) -> PackedMessage {
        let c = arena.make(Meseta__Wire__MasterToRelay.self)
        switch self {
        case .agentAccepted(let index, let attachment, let agentID):
            c.pointee.kind_case = MESETA__WIRE__MASTER_TO_RELAY__KIND_AGENT_ACCEPTED
            c.pointee.agent_accepted = arena.make()
            c.pointee.agent_accepted.pointee.index = index
            c.pointee.agent_accepted.pointee.attachment = attachment.c(in: arena)
            c.pointee.agent_accepted.pointee.agent_id = arena.text(agentID.rawValue)
        case .agentRefused(let index, let attachment, let message):
            c.pointee.kind_case = MESETA__WIRE__MASTER_TO_RELAY__KIND_AGENT_REFUSED
            c.pointee.agent_refused = arena.make()
            c.pointee.agent_refused.pointee.index = index
            c.pointee.agent_refused.pointee.attachment = attachment.c(in: arena)
            c.pointee.agent_refused.pointee.message = arena.text(message)
        case .order(let index, let attachment, let order):
            c.pointee.kind_case = MESETA__WIRE__MASTER_TO_RELAY__KIND_ORDER
            c.pointee.order = arena.make()
            c.pointee.order.pointee.index = index
            c.pointee.order.pointee.attachment = attachment.c(in: arena)
            c.pointee.order.pointee.order = order.c(in: arena)
        case .bookConfirmed(let index, let attachment, let position):
            c.pointee.kind_case = MESETA__WIRE__MASTER_TO_RELAY__KIND_BOOK_CONFIRMED
            c.pointee.book_confirmed = arena.make()
            c.pointee.book_confirmed.pointee.index = index
            c.pointee.book_confirmed.pointee.attachment = attachment.c(in: arena)
            c.pointee.book_confirmed.pointee.position = position
        case .subscription(let notice):
            c.pointee.kind_case = MESETA__WIRE__MASTER_TO_RELAY__KIND_SUBSCRIPTION
            c.pointee.subscription = notice.c(in: arena)
        case .frameworkRemoved(let frameworkID):
            c.pointee.kind_case = MESETA__WIRE__MASTER_TO_RELAY__KIND_FRAMEWORK_REMOVED
            c.pointee.framework_removed = arena.make()
            c.pointee.framework_removed.pointee.framework_id = arena.text(frameworkID.rawValue)
        case .directory(let relays, let masters):
            c.pointee.kind_case = MESETA__WIRE__MASTER_TO_RELAY__KIND_DIRECTORY
            c.pointee.directory = arena.make()
            c.pointee.directory.pointee.n_relays = relays.count
            c.pointee.directory.pointee.relays = arena.texts(relays)
            c.pointee.directory.pointee.n_masters = masters.count
            c.pointee.directory.pointee.masters = arena.texts(masters)
        }
        return PackedMessage(c)
    }
}

/// `meseta.wire.SubscriptionNotice`.
extension SubscriptionNotice {
    init(_ c: UnsafeMutablePointer<Meseta__Wire__SubscriptionNotice>, _ reader: MessageReader) throws(MessageError) {
        self.init(
            frameworkID: try reader.in("SubscriptionNotice").id(c.pointee.framework_id, "framework_id"),
            subscription: Subscription(
                epoch: Epoch(c.pointee.epoch), counter: c.pointee.counter, token: reader.bytes(c.pointee.token)),
            usesRelays: c.pointee.relays != 0, isConnected: c.pointee.connected != 0)
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Wire__SubscriptionNotice> {
        let c = arena.make(Meseta__Wire__SubscriptionNotice.self)
        c.pointee.framework_id = arena.text(self.frameworkID.rawValue)
        c.pointee.epoch = self.subscription.epoch.value
        c.pointee.counter = self.subscription.counter
        c.pointee.token = arena.binary(self.subscription.token)
        c.pointee.relays = self.usesRelays ? 1 : 0
        c.pointee.connected = self.isConnected ? 1 : 0
        return c
    }
}
