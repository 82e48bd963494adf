internal import CMessages
internal import CProtobufC
internal import Model

/// Takes values out of a C form, checking what libprotobuf-c does not: that text is UTF-8 and holds no NUL, that names are
/// not empty, that enums are known.
struct MessageReader {
    let arena: MessageArena
    /// The message that errors name.
    let message: String

    init(_ arena: MessageArena, _ message: String) {
        self.arena = arena
        self.message = message
    }

    /// The reader for a sub-message.
    func `in`(_ message: String) -> MessageReader { MessageReader(self.arena, message) }

    func missing(_ field: String) -> MessageError { MessageError(.missing(field: field), in: self.message) }

    func invalid(_ field: String, _ reason: String) -> MessageError {
        MessageError(.invalid(field: field, reason: reason), in: self.message)
    }

    /// A sub-message or other thing that must be there.
    func required<T>(_ value: T?, _ field: @autoclosure () -> String) throws(MessageError) -> T {
        guard let value else { throw self.missing(field()) }
        return value
    }

    // MARK: - Text

    /// A text; absent means empty.
    func text(_ text: UnsafePointer<CChar>?, _ field: @autoclosure () -> String) throws(MessageError) -> String {
        guard let text, text.pointee != 0 || self.arena.holds(text) else { return "" }
        let bytes = self.arena.bytes(ofText: text)
        switch Self.characters(of: bytes) {
        case .ascii:
            return String(decoding: bytes, as: UTF8.self)
        case .others:
            let utf8 = bytes.assumingMemoryBound(to: UInt8.self)
            guard let string = String(validating: utf8, as: UTF8.self) else {
                throw self.invalid(field(), "is not UTF-8")
            }
            return string
        case .nul:
            throw self.invalid(field(), "holds a NUL")
        }
    }

    private enum Characters { case ascii, others, nul }

    /// What a text is made of, eight bytes at a time: nearly all is ASCII, and needs no closer look.
    private static func characters(of bytes: UnsafeRawBufferPointer) -> Characters {
        let (ones, tops): (UInt64, UInt64) = (0x0101_0101_0101_0101, 0x8080_8080_8080_8080)
        var (offset, seen, zeros): (Int, UInt64, UInt64) = (0, 0, 0)
        while offset + 8 <= bytes.count {
            let word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            seen |= word
            // The top bit of each byte that is zero; of some behind one too, which does not matter.
            zeros |= (word &- ones) & ~word & tops
            offset += 8
        }
        while offset < bytes.count {
            seen |= UInt64(bytes[offset])
            if bytes[offset] == 0 { zeros = tops }
            offset += 1
        }
        if zeros != 0 { return .nul }
        return seen & tops == 0 ? .ascii : .others
    }

    /// A text that may be absent, which an empty one is too.
    func nonEmptyText(_ text: UnsafePointer<CChar>?, _ field: String) throws(MessageError) -> String? {
        let string = try self.text(text, field)
        return string.isEmpty ? nil : string
    }

    /// A proto2 text that may be absent, or there and empty.
    ///
    /// Absent includes the default.
    func optionalText(
        _ text: UnsafePointer<CChar>?, _ field: @autoclosure () -> String
    ) throws(MessageError) -> String? {
        guard let text, self.arena.holds(text) else { return nil }
        return try self.text(text, field())
    }

    func texts(
        _ count: Int, _ texts: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, _ field: @autoclosure () -> String
    ) throws(MessageError) -> [String] {
        guard count > 0, let texts else { return [] }
        var result: [String] = []
        result.reserveCapacity(count)
        for index in 0..<count { result.append(try self.text(texts[index], field())) }
        return result
    }

    // MARK: - Names

    /// A name that must be there.
    func id<I: Identifier>(_ text: UnsafePointer<CChar>?, _ field: String) throws(MessageError) -> I {
        let value = try self.text(text, field)
        guard !value.isEmpty else { throw self.invalid(field, "is empty") }
        return I(value)
    }

    /// A name that may be absent, which an empty one is too.
    func optionalID<I: Identifier>(_ text: UnsafePointer<CChar>?, _ field: String) throws(MessageError) -> I? {
        let value = try self.text(text, field)
        return value.isEmpty ? nil : I(value)
    }

    func id<I: Identifier, C: CIdentifier>(_ id: UnsafeMutablePointer<C>?, _ field: String) throws(MessageError) -> I {
        try self.id(try self.required(id, field).pointee.value, field)
    }

    func optionalID<I: Identifier, C: CIdentifier>(
        _ id: UnsafeMutablePointer<C>?, _ field: String
    ) throws(MessageError) -> I? {
        try self.optionalID(id?.pointee.value, field)
    }

    // MARK: - Bytes, lists, numbers

    func bytes(_ data: ProtobufCBinaryData) -> Bytes {
        Bytes(UnsafeRawBufferPointer(start: data.data, count: data.data == nil ? 0 : data.len))
    }

    func optionalBytes(_ isThere: protobuf_c_boolean, _ data: ProtobufCBinaryData) -> Bytes? {
        isThere != 0 ? self.bytes(data) : nil
    }

    /// The uuid of a status.
    func uuid(_ data: ProtobufCBinaryData, _ field: String) throws(MessageError) -> Bytes {
        guard data.len == 16 else { throw self.invalid(field, "must be 16 bytes, not \(data.len)") }
        return self.bytes(data)
    }

    func list<C, T>(
        _ count: Int, _ items: UnsafeMutablePointer<UnsafeMutablePointer<C>?>?,
        _ convert: (UnsafeMutablePointer<C>) throws(MessageError) -> T
    ) throws(MessageError) -> [T] {
        guard count > 0, let items else { return [] }
        var result: [T] = []
        result.reserveCapacity(count)
        for index in 0..<count { result.append(try convert(items[index]!)) }
        return result
    }

    /// The members of a repeated `bytes` field, where they lie.
    func slices(_ count: Int, _ items: UnsafeMutablePointer<ProtobufCBinaryData>?) -> [UnsafeRawBufferPointer] {
        guard count > 0, let items else { return [] }
        return (0..<count).map { UnsafeRawBufferPointer(start: items[$0].data, count: items[$0].len) }
    }

    /// Nanoseconds that may not be negative.
    func duration(_ nanoseconds: Int64, _ field: String) throws(MessageError) -> Duration {
        guard nanoseconds >= 0 else { throw self.invalid(field, "is negative") }
        return .nanoseconds(nanoseconds)
    }

    func finite(_ value: Double, _ field: String) throws(MessageError) -> Double {
        guard value.isFinite else { throw self.invalid(field, "is no finite number") }
        return value
    }

    func taskState(_ value: Int32, _ field: String) throws(MessageError) -> TaskState {
        guard let state = TaskState(rawValue: value) else {
            throw self.invalid(field, "is \(value), which is no TaskState that this version knows")
        }
        return state
    }

    func port(_ value: UInt32, _ field: String) throws(MessageError) -> UInt16 {
        guard let port = UInt16(exactly: value) else { throw self.invalid(field, "is no port: \(value)") }
        return port
    }
}
