internal import CProtobufC
public import Model

/// A value of the model with a form on the wire: one protobuf message.
public protocol WireMessage {
    /// Reads the message. Everything that is kept is copied out of `message` and the arena, which is as free afterwards as it
    /// was before.
    ///
    /// - Throws: What is wrong with the bytes; nothing that a peer can send ends in anything else.
    init(message: UnsafeRawBufferPointer, in arena: MessageArena) throws(MessageError)

    /// Gives the message its C form, which lives in the arena until that is reset.
    func packed(in arena: MessageArena) -> PackedMessage
}

/// A message ready to be written: its size is known, its bytes are made by `pack`.
///
/// Lives in the arena it was made in; written at once and forgotten.
public struct PackedMessage {
    private let base: UnsafePointer<ProtobufCMessage>?
    private let baseBytes: Int
    /// Bytes as they came from elsewhere, behind the others.
    private let tail: Bytes

    /// Bytes that `pack` writes.
    public var size: Int { self.baseBytes + self.tail.count }

    init<C: CMessage>(_ message: UnsafeMutablePointer<C>, tail: Bytes = []) {
        let base = UnsafeRawPointer(message).assumingMemoryBound(to: ProtobufCMessage.self)
        self.base = base
        self.baseBytes = protobuf_c_message_get_packed_size(base)
        self.tail = tail
    }

    /// A message that is passed on as it came.
    init(encoded: Bytes) {
        self.base = nil
        self.baseBytes = 0
        self.tail = encoded
    }

    /// Writes exactly `size` bytes.
    public func pack(into target: UnsafeMutableRawPointer) {
        if let base = self.base {
            let written = protobuf_c_message_pack(base, target.assumingMemoryBound(to: UInt8.self))
            precondition(written == self.baseBytes, "packed \(written) bytes of \(self.baseBytes)")
        }
        if !self.tail.isEmpty {
            let end = target + self.baseBytes
            self.tail.withUnsafeBytes { end.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
        }
    }

    /// The bytes in an array of their own.
    public var bytes: Bytes {
        Bytes(unsafeUninitializedCapacity: self.size) { buffer, count in
            if let start = buffer.baseAddress, self.size > 0 { self.pack(into: start) }
            count = self.size
        }
    }
}

extension WireMessage {
    /// The message's bytes, by way of an arena of its own: for tests, logs, and where one message is no matter.
    public func encoded() -> Bytes {
        let arena = MessageArena(firstChunk: 2048)
        return self.packed(in: arena).bytes
    }

    /// Reads a message from an array, by way of an arena of its own.
    ///
    /// - Throws: What is wrong with the bytes.
    public init(encoded: Bytes) throws(MessageError) {
        try self.init(encoded: encoded, in: MessageArena(firstChunk: 2048))
    }

    /// Reads a message from an array.
    ///
    /// - Throws: What is wrong with the bytes.
    public init(encoded: Bytes, in arena: MessageArena) throws(MessageError) {
        self = try encoded.withMessageBytes { bytes throws(MessageError) in
            try Self(message: bytes, in: arena)
        }
    }
}

extension [UInt8] {
    /// `withUnsafeBytes`, with the error's type kept.
    func withMessageBytes<R>(
        _ body: (UnsafeRawBufferPointer) throws(MessageError) -> R
    ) throws(MessageError) -> R {
        let result: Result<R, MessageError> = self.withUnsafeBytes { bytes in
            do throws(MessageError) { return .success(try body(bytes)) } catch { return .failure(error) }
        }
        return try result.get()
    }
}
