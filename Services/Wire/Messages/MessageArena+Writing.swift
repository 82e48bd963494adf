internal import CMessages
internal import CProtobufC
internal import Model

/// What the conversions to the C form are made of. Everything lives in the arena.
extension MessageArena {
    /// An empty message of that type.
    func make<C: CMessage>(_ type: C.Type = C.self) -> UnsafeMutablePointer<C> {
        let message = self.bytes(MemoryLayout<C>.size).assumingMemoryBound(to: C.self)
        C.initialize(message)
        return message
    }

    /// A C string.
    ///
    /// It ends at its first NUL: readers refuse text that holds one.
    func text(_ string: String) -> UnsafeMutablePointer<CChar> {
        if string.isEmpty { return self.emptyText }
        var string = string
        return string.withUTF8 { utf8 in
            let target = self.bytes(utf8.count + 1)
            target.copyMemory(from: utf8.baseAddress!, byteCount: utf8.count)
            target.storeBytes(of: 0, toByteOffset: utf8.count, as: UInt8.self)
            return target.assumingMemoryBound(to: CChar.self)
        }
    }

    /// A C string, or nil for a field that is absent.
    func text(ifAny string: String?) -> UnsafeMutablePointer<CChar>? {
        guard let string else { return nil }
        return self.text(string)
    }

    func texts(_ strings: [String]) -> UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? {
        self.list(strings) { self.text($0) }
    }

    func binary(_ bytes: Bytes) -> ProtobufCBinaryData {
        bytes.withUnsafeBytes { self.binary($0) }
    }

    func binary(_ bytes: UnsafeRawBufferPointer) -> ProtobufCBinaryData {
        guard let start = bytes.baseAddress, bytes.count > 0 else { return ProtobufCBinaryData(len: 0, data: nil) }
        let target = self.bytes(bytes.count)
        target.copyMemory(from: start, byteCount: bytes.count)
        return ProtobufCBinaryData(len: bytes.count, data: target.assumingMemoryBound(to: UInt8.self))
    }

    /// A message as the bytes that stand for it in a twin.
    func binary(of message: some WireMessage) -> ProtobufCBinaryData {
        let packed = message.packed(in: self)
        guard packed.size > 0 else { return ProtobufCBinaryData(len: 0, data: nil) }
        let target = self.bytes(packed.size)
        packed.pack(into: target)
        return ProtobufCBinaryData(len: packed.size, data: target.assumingMemoryBound(to: UInt8.self))
    }

    /// The array of a repeated field of messages or strings.
    func list<T, C>(
        _ items: [T], _ convert: (T) -> UnsafeMutablePointer<C>
    ) -> UnsafeMutablePointer<UnsafeMutablePointer<C>?>? {
        if items.isEmpty { return nil }
        let list = self.array(items.count, of: UnsafeMutablePointer<C>?.self)
        for (index, item) in items.enumerated() { list[index] = convert(item) }
        return list
    }

    /// The array of a repeated `bytes` field.
    func binaries<T>(
        _ items: [T], _ convert: (T) -> ProtobufCBinaryData
    ) -> UnsafeMutablePointer<ProtobufCBinaryData>? {
        if items.isEmpty { return nil }
        let list = self.array(items.count, of: ProtobufCBinaryData.self)
        for (index, item) in items.enumerated() { list[index] = convert(item) }
        return list
    }

    func array<T>(_ count: Int, of type: T.Type) -> UnsafeMutablePointer<T> {
        self.bytes(count * MemoryLayout<T>.stride).assumingMemoryBound(to: T.self)
    }

    /// A name as the message that holds it in the framework API.
    func id<C: CIdentifier>(_ id: some Identifier, _ type: C.Type = C.self) -> UnsafeMutablePointer<C> {
        let message = self.make(C.self)
        message.pointee.value = self.text(id.rawValue)
        return message
    }

    func id<C: CIdentifier>(ifAny id: (some Identifier)?, _ type: C.Type = C.self) -> UnsafeMutablePointer<C>? {
        guard let id else { return nil }
        return self.id(id, type)
    }
}
