/// The fields of a message as they lie in its bytes, unread.
struct RawFields {
    /// How a field's value is written; raw values are those of the wire.
    ///
    /// Groups (3 and 4) are refused, as libprotobuf-c does.
    enum Kind: UInt8 {
        case varint = 0
        case eightBytes = 1
        case lengthDelimited = 2
        case fourBytes = 5
    }

    struct Field {
        let number: UInt32
        let kind: Kind
        /// With tag and length.
        let whole: Range<Int>
        /// Without.
        let value: Range<Int>
    }

    let bytes: UnsafeRawBufferPointer
    private(set) var offset: Int
    private let end: Int

    init(_ bytes: UnsafeRawBufferPointer) { self.init(bytes, in: 0..<bytes.count) }

    /// The fields of a message that is part of `bytes`.
    init(_ bytes: UnsafeRawBufferPointer, in range: Range<Int>) {
        self.bytes = bytes
        self.offset = range.lowerBound
        self.end = range.upperBound
    }

    /// The bytes hold no message.
    struct Malformed: Error {}

    /// The next field; nil at the end.
    mutating func next() throws(Malformed) -> Field? {
        guard self.offset < self.end else { return nil }
        let start = self.offset
        let tag = try self.varint()
        guard tag >> 3 > 0, tag >> 3 <= UInt64(Int32.max) >> 2, let kind = Kind(rawValue: UInt8(tag & 7)) else {
            throw Malformed()
        }
        var valueStart = self.offset
        switch kind {
        case .varint: _ = try self.varint()
        case .eightBytes: try self.skip(8)
        case .fourBytes: try self.skip(4)
        case .lengthDelimited:
            let length = try self.varint()
            valueStart = self.offset
            guard length <= UInt64(self.end - self.offset) else { throw Malformed() }
            self.offset += Int(length)
        }
        return Field(
            number: UInt32(tag >> 3), kind: kind, whole: start..<self.offset, value: valueStart..<self.offset)
    }

    private mutating func varint() throws(Malformed) -> UInt64 {
        guard self.offset < self.end else { throw Malformed() }
        let first = self.bytes[self.offset]
        if first < 0x80 {
            self.offset += 1
            return UInt64(first)
        }
        var position = self.offset
        guard let value = Varint.read(self.bytes, at: &position), position <= self.end else { throw Malformed() }
        self.offset = position
        return value
    }

    private mutating func skip(_ count: Int) throws(Malformed) {
        guard count <= self.end - self.offset else { throw Malformed() }
        self.offset += count
    }

    /// The values of all length-delimited fields of that number, one after the other: for a sub-message, which
    /// protobuf merges if it is there twice, that is the whole of it.
    ///
    /// Nil if there is none, or the bytes are malformed.
    static func joined(_ number: UInt32, of bytes: UnsafeRawBufferPointer) -> [UInt8]? {
        var result: [UInt8]?
        var fields = RawFields(bytes)
        while let field = try? fields.next() {
            guard field.number == number, field.kind == .lengthDelimited else { continue }
            result = (result ?? []) + UnsafeRawBufferPointer(rebasing: bytes[field.value])
        }
        return result
    }

    /// All fields but those of these numbers, as they came.
    static func others(than numbers: Set<UInt32>, of bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var result: [UInt8] = []
        var fields = RawFields(bytes)
        while let field = try? fields.next() {
            if !numbers.contains(field.number) {
                result += UnsafeRawBufferPointer(rebasing: bytes[field.whole])
            }
        }
        return result
    }
}
