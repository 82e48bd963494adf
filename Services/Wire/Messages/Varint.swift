public import Model

/// Whole numbers as protobuf writes them: seven bits a byte, the lowest first, the top bit set on all but the last.
public enum Varint {
    /// The most bytes that one takes.
    public static let maximumBytes = 10

    /// How many bytes a number takes: 1 to 10.
    public static func size(of value: UInt64) -> Int {
        (70 - (value | 1).leadingZeroBitCount) / 7
    }

    /// Writes a number and returns how many bytes it took.
    public static func write(_ value: UInt64, to target: UnsafeMutableRawPointer) -> Int {
        var (rest, count) = (value, 0)
        while rest >= 0x80 {
            target.storeBytes(of: UInt8(truncatingIfNeeded: rest) | 0x80, toByteOffset: count, as: UInt8.self)
            rest >>= 7
            count += 1
        }
        target.storeBytes(of: UInt8(rest), toByteOffset: count, as: UInt8.self)
        return count + 1
    }

    /// Reads a number at `offset` and moves past it.
    ///
    /// Nil if the bytes end first, or if it takes more than 64 bits.
    public static func read(_ bytes: UnsafeRawBufferPointer, at offset: inout Int) -> UInt64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while offset < bytes.count {
            let byte = bytes[offset]
            offset += 1
            if shift == 63, byte > 1 { return nil }
            value |= UInt64(byte & 0x7f) &<< shift
            if byte < 0x80 { return value }
            shift += 7
            if shift > 63 { return nil }
        }
        return nil
    }
}

/// Messages one after the other in an array, each behind its length: how they travel on connections and lie in logs.
///
///     | length: varint | message: length bytes | length | message ...
public enum Delimited {
    /// Appends one message.
    public static func append(_ message: some WireMessage, to bytes: inout Bytes, in arena: MessageArena) {
        let packed = message.packed(in: arena)
        let prefix = Varint.size(of: UInt64(packed.size))
        let start = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: prefix + packed.size))
        bytes.withUnsafeMutableBytes { buffer in
            let target = buffer.baseAddress! + start
            _ = Varint.write(UInt64(packed.size), to: target)
            if packed.size > 0 { packed.pack(into: target + prefix) }
        }
    }

    /// Where the next message lies in `bytes`, from `offset` on, which is moved past it.
    ///
    /// Nil if it is not all there.
    ///
    /// - Throws: `malformed` if what stands there is no length, `tooLarge` if it is above `limit`.
    public static func next(
        in bytes: UnsafeRawBufferPointer, at offset: inout Int, limit: Int = .max
    ) throws(MessageError) -> Range<Int>? {
        var position = offset
        guard let length = Varint.read(bytes, at: &position) else {
            if bytes.count - offset >= Varint.maximumBytes || position < bytes.count {
                throw MessageError(.malformed, in: "Frame")
            }
            return nil
        }
        guard length <= UInt64(limit) else { throw MessageError(.tooLarge(limit: limit), in: "Frame") }
        guard length <= UInt64(bytes.count - position) else { return nil }
        offset = position + Int(length)
        return position..<offset
    }

    /// All messages of an array.
    ///
    /// - Throws: What is wrong with the bytes; `malformed` also if the last message is not all there.
    public static func read<M: WireMessage>(
        _ type: M.Type, from bytes: Bytes, in arena: MessageArena
    ) throws(MessageError) -> [M] {
        try bytes.withMessageBytes { buffer throws(MessageError) in
            var messages: [M] = []
            var offset = 0
            while offset < buffer.count {
                guard let range = try Self.next(in: buffer, at: &offset) else {
                    throw MessageError(.malformed, in: "Frame")
                }
                messages.append(try M(message: UnsafeRawBufferPointer(rebasing: buffer[range]), in: arena))
            }
            return messages
        }
    }
}
