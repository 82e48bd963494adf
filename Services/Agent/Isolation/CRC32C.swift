/// The Castagnoli checksum of 32 bits (RFC 3720, appendix B.4): finds every burst of up to 32 wrong bits.
enum CRC32C {
    /// Eight tables, so that eight bytes are taken at a step ("slicing by 8").
    private static let tables: [[UInt32]] = {
        var tables = [[UInt32]](repeating: [UInt32](repeating: 0, count: 256), count: 8)
        for index in 0..<256 {
            var value = UInt32(index)
            for _ in 0..<8 { value = value & 1 == 1 ? (value >> 1) ^ 0x82F6_3B78 : value >> 1 }
            tables[0][index] = value
        }
        for index in 0..<256 {
            for table in 1..<8 {
                let former = tables[table - 1][index]
                tables[table][index] = (former >> 8) ^ tables[0][Int(former & 0xff)]
            }
        }
        return tables
    }()

    /// The checksum of some bytes.
    static func checksum(_ bytes: [UInt8]) -> UInt32 {
        bytes.withUnsafeBytes { Self.checksum($0) }
    }

    /// The checksum of some bytes behind those that have the checksum `former`.
    static func checksum(_ bytes: UnsafeRawBufferPointer, continuing former: UInt32 = 0) -> UInt32 {
        var value = ~former
        var index = 0
        Self.tables.withUnsafeBufferPointer { tables in
            while bytes.count - index >= 8 {
                let low = bytes.loadUnaligned(fromByteOffset: index, as: UInt32.self).littleEndian ^ value
                let high = bytes.loadUnaligned(fromByteOffset: index + 4, as: UInt32.self).littleEndian
                value = tables[7][Int(low & 0xff)] ^ tables[6][Int(low >> 8 & 0xff)]
                value ^= tables[5][Int(low >> 16 & 0xff)] ^ tables[4][Int(low >> 24)]
                value ^= tables[3][Int(high & 0xff)] ^ tables[2][Int(high >> 8 & 0xff)]
                value ^= tables[1][Int(high >> 16 & 0xff)] ^ tables[0][Int(high >> 24)]
                index += 8
            }
            while index < bytes.count {
                value = (value >> 8) ^ tables[0][Int((value ^ UInt32(bytes[index])) & 0xff)]
                index += 1
            }
        }
        return ~value
    }
}
