import Messages
import Model

/// Messages written by hand, also those that no library would write.
enum Raw {
    static func varint(_ value: UInt64) -> Bytes {
        var bytes = Bytes(repeating: 0, count: 10)
        let count = bytes.withUnsafeMutableBytes { Varint.write(value, to: $0.baseAddress!) }
        return Bytes(bytes.prefix(count))
    }

    /// A field that holds a number.
    static func number(_ field: UInt64, _ value: UInt64) -> Bytes { self.varint(field << 3) + self.varint(value) }

    /// A field that holds a text, bytes or a message.
    static func bytes(_ field: UInt64, _ value: Bytes) -> Bytes {
        self.varint(field << 3 | 2) + self.varint(UInt64(value.count)) + value
    }

    static func text(_ field: UInt64, _ value: String) -> Bytes { self.bytes(field, Bytes(value.utf8)) }

    static func double(_ field: UInt64, _ value: Double) -> Bytes {
        self.varint(field << 3 | 1) + withUnsafeBytes(of: value.bitPattern.littleEndian) { Bytes($0) }
    }

    /// An id of the framework API.
    static func id(_ field: UInt64, _ value: String) -> Bytes { self.bytes(field, self.text(1, value)) }

    static func hex(_ text: String) -> Bytes {
        let digits = text.compactMap(\.hexDigitValue).map(UInt8.init)
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    /// `meseta.v1.ContainerID`s within each other, `depth` in all.
    static func nestedContainer(depth: Int) -> Bytes {
        var sizes = [3]
        for _ in 1..<depth { sizes.append(3 + 1 + Varint.size(of: UInt64(sizes.last!)) + sizes.last!) }
        var bytes: Bytes = []
        bytes.reserveCapacity(sizes.last!)
        for level in (0..<depth).reversed() {
            bytes += [0x0a, 1, 0x63]
            if level > 0 { bytes += [0x12] + self.varint(UInt64(sizes[level - 1])) }
        }
        return bytes
    }

    /// A `meseta.v1.TaskStatus` with a container at that depth.
    static func status(containerDepth: Int) -> Bytes {
        self.id(1, "t") + self.number(2, 1) + self.bytes(13, self.bytes(4, self.nestedContainer(depth: containerDepth)))
    }
}
