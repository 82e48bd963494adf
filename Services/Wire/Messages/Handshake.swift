internal import CMessages
internal import CProtobufC
public import Model

/// What the called side says in the handshake: `meseta.wire.Answer`.
public enum HandshakeAnswer: Hashable, Sendable {
    /// 16 random bytes for the caller to prove itself with, and the called side's own proof.
    case challenge(nonce: Bytes, proof: Bytes)
    case welcome(Welcome)
    case refusal(Refusal)
}

/// The caller's answer to a challenge: `meseta.wire.Proof`.
public struct HandshakeProof: Hashable, Sendable {
    /// HMAC-SHA256, as the schema says.
    public var mac: Bytes

    /// A proof of those bytes.
    public init(mac: Bytes) { self.mac = mac }
}

/// `meseta.wire.Hello`.
extension Hello: WireMessage {
    /// Reads the message.
    public init(message bytes: UnsafeRawBufferPointer, in arena: MessageArena) throws(MessageError) {
        self = try arena.read(bytes) { c, reader throws(MessageError) in try Self(c, reader) }
    }

    private init(_ c: UnsafeMutablePointer<Meseta__Wire__Hello>, _ reader: MessageReader) throws(MessageError) {
        let hello = c.pointee
        guard let role = PeerRole(rawValue: hello.role.rawValue) else {
            throw reader.invalid("role", "is \(hello.role.rawValue), which is no PeerRole that this version knows")
        }
        self.init(role: role, name: try reader.text(hello.name, "name"))
        self.version = hello.`protocol`
        self.revision = hello.revision
        self.nonce = reader.bytes(hello.nonce)
        self.epoch = Epoch(hello.epoch)
        self.sendsHeartbeats = hello.heartbeats != 0
        self.address = try reader.text(hello.address, "address")
        self.incarnation = reader.bytes(hello.incarnation)
        self.frameworkID = try reader.optionalID(hello.framework_id, "framework_id")
        if hello.subscription_epoch != 0 || hello.subscription_counter != 0 || hello.token.len > 0 {
            self.subscription = Subscription(
                epoch: Epoch(hello.subscription_epoch), counter: hello.subscription_counter,
                token: reader.bytes(hello.token))
        }
        self.executorID = try reader.optionalID(hello.executor_id, "executor_id")
        self.isShadow = hello.shadow != 0
        self.acceptsStandby = hello.standby_too != 0
    }

    /// Gives the message its C form.
    public func packed(in arena: MessageArena) -> PackedMessage {
        let c = arena.make(Meseta__Wire__Hello.self)
        c.pointee.`protocol` = self.version
        c.pointee.role = Meseta__Wire__PeerRole(rawValue: self.role.rawValue)
        c.pointee.name = arena.text(self.name)
        c.pointee.nonce = arena.binary(self.nonce)
        c.pointee.epoch = self.epoch.value
        c.pointee.heartbeats = self.sendsHeartbeats ? 1 : 0
        c.pointee.address = arena.text(self.address)
        c.pointee.incarnation = arena.binary(self.incarnation)
        if let frameworkID { c.pointee.framework_id = arena.text(frameworkID.rawValue) }
        if let subscription {
            c.pointee.subscription_epoch = subscription.epoch.value
            c.pointee.subscription_counter = subscription.counter
            c.pointee.token = arena.binary(subscription.token)
        }
        if let executorID { c.pointee.executor_id = arena.text(executorID.rawValue) }
        c.pointee.shadow = self.isShadow ? 1 : 0
        c.pointee.standby_too = self.acceptsStandby ? 1 : 0
        c.pointee.revision = self.revision
        return PackedMessage(c)
    }
}

extension HandshakeProof: WireMessage {
    /// Reads the message.
    public init(message bytes: UnsafeRawBufferPointer, in arena: MessageArena) throws(MessageError) {
        self = try arena.read(bytes) { (c: UnsafeMutablePointer<Meseta__Wire__Proof>, reader) throws(MessageError) in
            Self(mac: reader.bytes(c.pointee.mac))
        }
    }

    /// Gives the message its C form.
    public func packed(in arena: MessageArena) -> PackedMessage {
        let c = arena.make(Meseta__Wire__Proof.self)
        c.pointee.mac = arena.binary(self.mac)
        return PackedMessage(c)
    }
}

extension HandshakeAnswer: WireMessage {
    /// Reads the message.
    public init(message bytes: UnsafeRawBufferPointer, in arena: MessageArena) throws(MessageError) {
        self = try arena.read(bytes) { c, reader throws(MessageError) in try Self(c, reader) }
    }

    private init(_ c: UnsafeMutablePointer<Meseta__Wire__Answer>, _ reader: MessageReader) throws(MessageError) {
        switch c.pointee.kind_case {
        case MESETA__WIRE__ANSWER__KIND_CHALLENGE:
            let challenge = c.pointee.challenge!.pointee
            self = .challenge(nonce: reader.bytes(challenge.nonce), proof: reader.bytes(challenge.proof))
        case MESETA__WIRE__ANSWER__KIND_WELCOME:
            self = .welcome(try Welcome(c.pointee.welcome, reader.in("Welcome")))
        case MESETA__WIRE__ANSWER__KIND_REFUSAL:
            self = .refusal(try Refusal(c.pointee.refusal, reader.in("Refusal")))
        default:
            throw reader.unknownKind(of: c)
        }
    }

    /// Gives the message its C form.
    public func packed(in arena: MessageArena) -> PackedMessage {
        let c = arena.make(Meseta__Wire__Answer.self)
        switch self {
        case .challenge(let nonce, let proof):
            c.pointee.kind_case = MESETA__WIRE__ANSWER__KIND_CHALLENGE
            c.pointee.challenge = arena.make()
            c.pointee.challenge.pointee.nonce = arena.binary(nonce)
            c.pointee.challenge.pointee.proof = arena.binary(proof)
        case .welcome(let welcome):
            c.pointee.kind_case = MESETA__WIRE__ANSWER__KIND_WELCOME
            c.pointee.welcome = welcome.c(in: arena)
        case .refusal(let refusal):
            c.pointee.kind_case = MESETA__WIRE__ANSWER__KIND_REFUSAL
            c.pointee.refusal = refusal.c(in: arena)
        }
        return PackedMessage(c)
    }
}

extension Welcome {
    fileprivate init(
        _ c: UnsafeMutablePointer<Meseta__Wire__Welcome>, _ reader: MessageReader
    ) throws(MessageError) {
        let welcome = c.pointee
        guard let role = PeerRole(rawValue: welcome.role.rawValue) else {
            throw reader.invalid("role", "is \(welcome.role.rawValue), which is no PeerRole that this version knows")
        }
        self.init(role: role, name: try reader.text(welcome.name, "name"))
        self.version = welcome.`protocol`
        self.revision = welcome.revision
        self.epoch = Epoch(welcome.epoch)
        self.incarnation = reader.bytes(welcome.incarnation)
        self.heartbeatInterval = .milliseconds(Int64(welcome.heartbeat_interval_ms))
        self.maxFrameBytes = Int(welcome.max_frame_bytes)
        self.relays = try reader.texts(welcome.n_relays, welcome.relays, "relays")
        self.masters = try reader.texts(welcome.n_masters, welcome.masters, "masters")
    }

    fileprivate func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Wire__Welcome> {
        let c = arena.make(Meseta__Wire__Welcome.self)
        c.pointee.`protocol` = self.version
        c.pointee.role = Meseta__Wire__PeerRole(rawValue: self.role.rawValue)
        c.pointee.name = arena.text(self.name)
        c.pointee.epoch = self.epoch.value
        c.pointee.incarnation = arena.binary(self.incarnation)
        c.pointee.heartbeat_interval_ms = UInt32(clamping: self.heartbeatInterval.nanoseconds / 1_000_000)
        c.pointee.max_frame_bytes = UInt32(clamping: self.maxFrameBytes)
        c.pointee.n_relays = self.relays.count
        c.pointee.relays = arena.texts(self.relays)
        c.pointee.n_masters = self.masters.count
        c.pointee.masters = arena.texts(self.masters)
        c.pointee.revision = self.revision
        return c
    }
}

extension Refusal {
    /// A code that only a later version knows is read as `unknown`: the text says the rest.
    fileprivate init(
        _ c: UnsafeMutablePointer<Meseta__Wire__Refusal>, _ reader: MessageReader
    ) throws(MessageError) {
        self.init(
            Code(rawValue: c.pointee.code.rawValue) ?? .unknown, try reader.text(c.pointee.message, "message"),
            leader: try reader.nonEmptyText(c.pointee.leader, "leader"), epoch: Epoch(c.pointee.epoch))
    }

    fileprivate func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__Wire__Refusal> {
        let c = arena.make(Meseta__Wire__Refusal.self)
        c.pointee.code = Meseta__Wire__RefusalCode(rawValue: self.code.rawValue)
        c.pointee.message = arena.text(self.message)
        c.pointee.leader = arena.text(self.leader ?? "")
        c.pointee.epoch = self.epoch.value
        return c
    }
}
