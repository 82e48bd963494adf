internal import CMessages
internal import CProtobufC
public import Model

/// `meseta.wire.AgentToRelay`.
extension AgentToRelay: WireMessage {
    /// Reads the message.
    public init(message bytes: UnsafeRawBufferPointer, in arena: MessageArena) throws(MessageError) {
        self = try arena.read(bytes) { c, reader throws(MessageError) in try Self(c, reader) }
    }

    private init(
        _ c: UnsafeMutablePointer<Meseta__Wire__AgentToRelay>, _ reader: MessageReader
    ) throws(MessageError) {
        switch c.pointee.kind_case {
        case MESETA__WIRE__AGENT_TO_RELAY__KIND_REGISTRATION:
            self = .registration(try AgentRegistration(c.pointee.registration, reader))
        case MESETA__WIRE__AGENT_TO_RELAY__KIND_STATUS:
            self = .status(try StatusEnvelope(c.pointee.status, reader))
        case MESETA__WIRE__AGENT_TO_RELAY__KIND_BOOK:
            self = .book(try BookEntry(c.pointee.book, reader))
        case MESETA__WIRE__AGENT_TO_RELAY__KIND_MESSAGE:
            let (key, data) = try reader.executorMessage(c.pointee.message)
            self = .message(key, data)
        case MESETA__WIRE__AGENT_TO_RELAY__KIND_RESENDING:
            self = .resending(try reader.id(c.pointee.resending.pointee.framework_id, "resending.framework_id"))
        default:
            throw reader.unknownKind(of: c)
        }
    }

    /// Gives the message its C form.
    public func packed(in arena: MessageArena) -> PackedMessage {
        let c = arena.make(Meseta__Wire__AgentToRelay.self)
        switch self {
        case .registration(let registration):
            c.pointee.kind_case = MESETA__WIRE__AGENT_TO_RELAY__KIND_REGISTRATION
            c.pointee.registration = registration.c(in: arena)
        case .status(let envelope):
            c.pointee.kind_case = MESETA__WIRE__AGENT_TO_RELAY__KIND_STATUS
            c.pointee.status = envelope.c(in: arena)
        case .book(let entry):
            c.pointee.kind_case = MESETA__WIRE__AGENT_TO_RELAY__KIND_BOOK
            c.pointee.book = entry.c(in: arena)
        case .message(let key, let data):
            c.pointee.kind_case = MESETA__WIRE__AGENT_TO_RELAY__KIND_MESSAGE
            c.pointee.message = arena.executorMessage(key, data)
        case .resending(let frameworkID):
            c.pointee.kind_case = MESETA__WIRE__AGENT_TO_RELAY__KIND_RESENDING
            c.pointee.resending = arena.make()
            c.pointee.resending.pointee.framework_id = arena.text(frameworkID.rawValue)
        }
        return PackedMessage(c)
    }
}

/// `meseta.wire.RelayToAgent`.
extension RelayToAgent: WireMessage {
    /// Reads the message.
    public init(message bytes: UnsafeRawBufferPointer, in arena: MessageArena) throws(MessageError) {
        self = try arena.read(bytes) { c, reader throws(MessageError) in try Self(c, reader) }
    }

    private init(
        _ c: UnsafeMutablePointer<Meseta__Wire__RelayToAgent>, _ reader: MessageReader
    ) throws(MessageError) {
        switch c.pointee.kind_case {
        case MESETA__WIRE__RELAY_TO_AGENT__KIND_ORDER:
            let order = c.pointee.order!.pointee
            self = .order(
                Epoch(order.epoch), try reader.attachment(order.attachment), try AgentOrder(order.order, reader))
        case MESETA__WIRE__RELAY_TO_AGENT__KIND_REGISTERED:
            let registered = c.pointee.registered!.pointee
            self = .registered(
                try reader.attachment(registered.attachment), try reader.id(registered.agent_id, "registered.agent_id"),
                Epoch(registered.epoch))
        case MESETA__WIRE__RELAY_TO_AGENT__KIND_REFUSED:
            let refused = c.pointee.refused!.pointee
            self = .refused(
                try reader.attachment(refused.attachment), message: try reader.text(refused.message, "refused.message"))
        case MESETA__WIRE__RELAY_TO_AGENT__KIND_BOOK_CONFIRMED:
            let confirmed = c.pointee.book_confirmed!.pointee
            self = .bookConfirmed(try reader.attachment(confirmed.attachment), confirmed.position)
        case MESETA__WIRE__RELAY_TO_AGENT__KIND_RESEND:
            self = .resend(try reader.id(c.pointee.resend.pointee.framework_id, "resend.framework_id"))
        case MESETA__WIRE__RELAY_TO_AGENT__KIND_DIRECTORY:
            let directory = c.pointee.directory!.pointee
            self = .directory(
                relays: try reader.texts(directory.n_relays, directory.relays, "directory.relays"),
                masters: try reader.texts(directory.n_masters, directory.masters, "directory.masters"))
        case MESETA__WIRE__RELAY_TO_AGENT__KIND_GO_ELSEWHERE:
            self = .goElsewhere(
                message: try reader.text(c.pointee.go_elsewhere.pointee.message, "go_elsewhere.message"))
        default:
            throw reader.unknownKind(of: c)
        }
    }

    /// Gives the message its C form.
    public func packed(in arena: MessageArena) -> PackedMessage {
        let c = arena.make(Meseta__Wire__RelayToAgent.self)
        switch self {
        case .order(let epoch, let attachment, let order):
            c.pointee.kind_case = MESETA__WIRE__RELAY_TO_AGENT__KIND_ORDER
            c.pointee.order = arena.make()
            c.pointee.order.pointee.epoch = epoch.value
            c.pointee.order.pointee.attachment = attachment.c(in: arena)
            c.pointee.order.pointee.order = order.c(in: arena)
        case .registered(let attachment, let agentID, let epoch):
            c.pointee.kind_case = MESETA__WIRE__RELAY_TO_AGENT__KIND_REGISTERED
            c.pointee.registered = arena.make()
            c.pointee.registered.pointee.attachment = attachment.c(in: arena)
            c.pointee.registered.pointee.agent_id = arena.text(agentID.rawValue)
            c.pointee.registered.pointee.epoch = epoch.value
        case .refused(let attachment, let message):
            c.pointee.kind_case = MESETA__WIRE__RELAY_TO_AGENT__KIND_REFUSED
            c.pointee.refused = arena.make()
            c.pointee.refused.pointee.attachment = attachment.c(in: arena)
            c.pointee.refused.pointee.message = arena.text(message)
        case .bookConfirmed(let attachment, let position):
            c.pointee.kind_case = MESETA__WIRE__RELAY_TO_AGENT__KIND_BOOK_CONFIRMED
            c.pointee.book_confirmed = arena.make()
            c.pointee.book_confirmed.pointee.attachment = attachment.c(in: arena)
            c.pointee.book_confirmed.pointee.position = position
        case .resend(let frameworkID):
            c.pointee.kind_case = MESETA__WIRE__RELAY_TO_AGENT__KIND_RESEND
            c.pointee.resend = arena.make()
            c.pointee.resend.pointee.framework_id = arena.text(frameworkID.rawValue)
        case .directory(let relays, let masters):
            c.pointee.kind_case = MESETA__WIRE__RELAY_TO_AGENT__KIND_DIRECTORY
            c.pointee.directory = arena.make()
            c.pointee.directory.pointee.n_relays = relays.count
            c.pointee.directory.pointee.relays = arena.texts(relays)
            c.pointee.directory.pointee.n_masters = masters.count
            c.pointee.directory.pointee.masters = arena.texts(masters)
        case .goElsewhere(let message):
            c.pointee.kind_case = MESETA__WIRE__RELAY_TO_AGENT__KIND_GO_ELSEWHERE
            c.pointee.go_elsewhere = arena.make()
            c.pointee.go_elsewhere.pointee.message = arena.text(message)
        }
        return PackedMessage(c)
    }
}
