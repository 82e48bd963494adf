internal import NIOCore

/// Why bytes are no frame.
enum FrameProblem: Error, Hashable, CustomStringConvertible {
    /// The length has more than five bytes, or more than 32 bits.
    case badLength
    /// The length is above what this peer may send now.
    case tooLong(Int, limit: Int)

    var description: String {
        switch self {
        case .badLength: "the bytes are no frame: a length has at most 5 bytes and 32 bits"
        case .tooLong(let length, let limit): "a frame of \(length) bytes is longer than the \(limit) allowed"
        }
    }
}

/// Finds frames in what is read, in place: only a frame that is cut by the end of a read is copied.
///
///     | length: varint, 1-5 bytes, at most 2^32 - 1 | message: that many bytes | length | ...
///
/// The length counts the message alone; its lowest seven bits come first, and each byte but the last has its top bit set.
/// A frame of length zero is a heartbeat. This is what `writeDelimitedTo` and `parseDelimitedFrom` of the protobuf
/// libraries speak.
struct FrameReader {
    /// What a place in the bytes turned out to be.
    enum Step: Equatable {
        /// The message occupies these bytes.
        case frame(Range<Int>)
        /// The frame is cut; at least this many more bytes are needed before it makes sense to look again.
        case needs(Int)
    }

    /// The beginning of a frame whose end has not come yet.
    private var partial = ByteBuffer()

    /// A frame has begun and not ended.
    var holdsPartialFrame: Bool { self.partial.readableBytes > 0 }

    /// Looks at one place.
    ///
    /// - Throws: As soon as the length is known to be bad, whether or not the message has come.
    static func step(_ bytes: UnsafeRawBufferPointer, at start: Int, limit: Int) throws(FrameProblem) -> Step {
        var length: UInt64 = 0
        var position = start
        while true {
            guard position < bytes.count else { return .needs(1) }
            let byte = bytes[position]
            length |= UInt64(byte & 0x7F) << UInt64(7 * (position - start))
            position += 1
            if byte < 0x80 { break }
            guard position - start < 5 else { throw .badLength }
        }
        guard length <= UInt64(UInt32.max) else { throw .badLength }
        guard length <= UInt64(limit) else { throw .tooLong(Int(length), limit: limit) }
        let end = position + Int(length)
        return end <= bytes.count ? .frame(position..<end) : .needs(end - bytes.count)
    }

    /// Completes the frame that earlier reads began, as far as these bytes go.
    ///
    /// - Parameters:
    ///   - bytes: What was read now.
    ///   - offset: How much of it has been used; moved on.
    ///   - limit: The longest message allowed.
    /// - Returns: The whole frame's message, or nil if it is not complete, or if none was begun.
    mutating func complete(
        from bytes: UnsafeRawBufferPointer, offset: inout Int, limit: Int
    ) throws(FrameProblem) -> ByteBuffer? {
        while self.holdsPartialFrame {
            switch try self.partialStep(limit: limit) {
            case .frame(let range):
                var frame = self.partial
                self.partial = ByteBuffer()
                frame.moveReaderIndex(forwardBy: range.lowerBound)
                return frame
            case .needs(let missing):
                let taken = min(missing, bytes.count - offset)
                guard taken > 0 else { return nil }
                self.partial.writeBytes(UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + taken]))
                offset += taken
            }
        }
        return nil
    }

    /// Keeps what is left of a read: the beginning of a frame.
    mutating func keep(_ bytes: UnsafeRawBufferPointer) {
        self.partial.writeBytes(bytes)
    }

    /// Forgets the frame that was begun.
    mutating func discard() {
        self.partial = ByteBuffer()
    }

    private func partialStep(limit: Int) throws(FrameProblem) -> Step {
        let result: Result<Step, FrameProblem> = self.partial.withUnsafeReadableBytes { bytes in
            do throws(FrameProblem) { return .success(try Self.step(bytes, at: 0, limit: limit)) } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }
}

extension ByteBuffer {
    /// Bytes that a frame's length takes.
    static func frameLengthBytes(_ length: Int) -> Int {
        length < 1 << 7 ? 1 : length < 1 << 14 ? 2 : length < 1 << 21 ? 3 : length < 1 << 28 ? 4 : 5
    }

    /// Appends a frame: its length, then `length` bytes that `fill` writes.
    mutating func writeFrame(_ length: Int, _ fill: (UnsafeMutableRawPointer) -> Void) {
        let whole = Self.frameLengthBytes(length) + length
        self.writeWithUnsafeMutableBytes(minimumWritableBytes: whole) { target in
            var position = target.baseAddress!
            var rest = UInt32(truncatingIfNeeded: length)
            while rest >= 0x80 {
                position.storeBytes(of: UInt8(truncatingIfNeeded: rest) | 0x80, as: UInt8.self)
                position += 1
                rest >>= 7
            }
            position.storeBytes(of: UInt8(rest), as: UInt8.self)
            if length > 0 { fill(position + 1) }
            return whole
        }
    }
}
