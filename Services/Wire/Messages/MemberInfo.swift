internal import CMessages
internal import CProtobufC
public import Model

/// `meseta.wire.MemberInfo`.
extension MemberInfo: WireMessage {
    /// Reads the message.
    public init(message bytes: UnsafeRawBufferPointer, in arena: MessageArena) throws(MessageError) {
        self = try arena.read(bytes) { c, reader throws(MessageError) in try Self(c, reader) }
    }

    private init(_ c: UnsafeMutablePointer<Meseta__Wire__MemberInfo>, _ reader: MessageReader) throws(MessageError) {
        self.init(
            name: try reader.text(c.pointee.name, "name"), address: try reader.text(c.pointee.address, "address"),
            incarnation: reader.bytes(c.pointee.incarnation))
    }

    /// Gives the message its C form.
    public func packed(in arena: MessageArena) -> PackedMessage {
        let c = arena.make(Meseta__Wire__MemberInfo.self)
        c.pointee.name = arena.text(self.name)
        c.pointee.address = arena.text(self.address)
        c.pointee.incarnation = arena.binary(self.incarnation)
        return PackedMessage(c)
    }
}

extension ProtobufCodec: MemberCodec {
    /// Reads a `meseta.wire.MemberInfo`; nil if it is none.
    public func member(_ bytes: Bytes) -> MemberInfo? { try? MemberInfo(encoded: bytes) }

    /// Writes a `meseta.wire.MemberInfo`.
    public func encode(_ member: MemberInfo) -> Bytes { member.encoded() }
}

extension Meseta__Wire__MemberInfo: TopMessage {
    static let shape = MessageShape(Self.self, named: "MemberInfo")
    static func initialize(_ target: UnsafeMutablePointer<Self>) { meseta__wire__member_info__init(target) }
}
