internal import CMessages
internal import CProtobufC
internal import Model

/// `meseta.v1.Attribute`.
extension Attribute {
    init(_ c: UnsafeMutablePointer<Meseta__V1__Attribute>, _ reader: MessageReader) throws(MessageError) {
        let reader = reader.in("Attribute")
        let name = try reader.text(c.pointee.name, "name")
        guard !name.isEmpty else { throw reader.invalid("name", "is empty") }
        let value: Value
        switch c.pointee.type {
        case MESETA__V1__VALUE__TYPE__SCALAR:
            let scalar = try reader.required(c.pointee.scalar, "scalar").pointee.value
            guard scalar.isFinite, abs(scalar) <= 1e12 else { throw reader.invalid("scalar", "is no amount") }
            value = .scalar(Int64((scalar * 1000).rounded()))
        case MESETA__V1__VALUE__TYPE__RANGES:
            value = .ranges(try reader.ranges(try reader.required(c.pointee.ranges, "ranges"), "ranges"))
        case MESETA__V1__VALUE__TYPE__SET:
            let set = try reader.required(c.pointee.set, "set")
            value = .set(try reader.texts(set.pointee.n_item, set.pointee.item, "set"))
        case MESETA__V1__VALUE__TYPE__TEXT:
            value = .text(try reader.text(try reader.required(c.pointee.text, "text").pointee.value, "text"))
        default:
            throw reader.invalid("type", "is \(c.pointee.type.rawValue), which is no type of value")
        }
        self.init(name: name, value: value)
    }

    func c(in arena: MessageArena) -> UnsafeMutablePointer<Meseta__V1__Attribute> {
        let c = arena.make(Meseta__V1__Attribute.self)
        c.pointee.name = arena.text(self.name)
        switch self.value {
        case .scalar(let milli):
            c.pointee.type = MESETA__V1__VALUE__TYPE__SCALAR
            c.pointee.scalar = arena.scalar(milli)
        case .ranges(let ranges):
            c.pointee.type = MESETA__V1__VALUE__TYPE__RANGES
            c.pointee.ranges = arena.ranges(ranges)
        case .set(let items):
            c.pointee.type = MESETA__V1__VALUE__TYPE__SET
            c.pointee.set = arena.set(items)
        case .text(let text):
            c.pointee.type = MESETA__V1__VALUE__TYPE__TEXT
            c.pointee.text = arena.make()
            c.pointee.text.pointee.value = arena.text(text)
        }
        return c
    }
}

/// A `meseta.v1.AgentInfo` with a hostname and attributes: how attributes travel.
struct AgentAttributes {
    var hostname: String
    var attributes: [Attribute]

    init(hostname: String, attributes: [Attribute]) {
        self.hostname = hostname
        self.attributes = attributes
    }
}

extension AgentAttributes: WireMessage {
    init(message bytes: UnsafeRawBufferPointer, in arena: MessageArena) throws(MessageError) {
        self = try arena.read(bytes) {
            (c: UnsafeMutablePointer<Meseta__V1__AgentInfo>, reader) throws(MessageError) in
            Self(
                hostname: try reader.text(c.pointee.hostname, "hostname"),
                attributes: try reader.list(c.pointee.n_attributes, c.pointee.attributes) {
                    attribute throws(MessageError) in
                    try Attribute(attribute, reader)
                })
        }
    }

    func packed(in arena: MessageArena) -> PackedMessage {
        let c = arena.make(Meseta__V1__AgentInfo.self)
        c.pointee.hostname = arena.text(self.hostname)
        c.pointee.n_attributes = self.attributes.count
        c.pointee.attributes = arena.list(self.attributes) { $0.c(in: arena) }
        return PackedMessage(c)
    }
}
