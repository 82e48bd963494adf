internal import Model

/// The bytes of an agent's log.
///
///     | "MESETALG": 8 | version: 4 | CRC32C: 4 | group | group | ...
///
///     group:   | length: 4 | CRC32C: 4 | synced: 8 | record | record | ...       length: of what follows `synced`
///     record:  | length: 4 | payload: length |
///
/// Numbers have their lowest byte first. The header's checksum is over its first 12 bytes; a group's is over all of
/// it but the checksum itself. A group is what was written at once: it is there whole or not at all. `synced` is how
/// much of the file was known to be on disk when the group was written; so a damaged group before that mark had been
/// promised, and one behind it had not. No group is empty, so zeros behind the last are none: they are written ahead, or
/// left by a crash.
enum LogFormat {
    static let version: UInt32 = 1
    static let headerBytes = 16
    static let groupPrefixBytes = 16
    private static let magic = Array("MESETALG".utf8)

    /// What is wrong with a file.
    enum Problem: Error, Hashable {
        /// It does not begin as a log does.
        case notALog
        /// A later version of this program wrote it.
        case version(UInt32)
        /// A group is damaged that was on disk when a later one was written.
        case damaged(offset: Int)
    }

    /// What a file holds.
    struct Content {
        var records: [Bytes] = []
        /// The header and the whole groups; what follows was being written when the machine or the agent died.
        var validBytes = 0
        /// Those that follow, up to the last that is not zero.
        var tornBytes = 0
    }

    static func header() -> Bytes {
        var bytes = Self.magic
        Self.append(Self.version, to: &bytes)
        Self.append(CRC32C.checksum(bytes), to: &bytes)
        return bytes
    }

    /// Appends a record to the records of a group.
    static func append(record: Bytes, to records: inout Bytes) {
        Self.append(UInt32(record.count), to: &records)
        records.append(contentsOf: record)
    }

    /// A group, given its records.
    static func group(_ records: Bytes, synced: Int) -> Bytes {
        precondition(!records.isEmpty && records.count <= Int(UInt32.max), "a group of \(records.count) bytes")
        var bytes: Bytes = []
        bytes.reserveCapacity(Self.groupPrefixBytes + records.count)
        Self.append(UInt32(records.count), to: &bytes)
        Self.append(UInt32(0), to: &bytes)
        withUnsafeBytes(of: UInt64(synced).littleEndian) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: records)
        let checksum = bytes.withUnsafeBytes { Self.checksum($0) }
        withUnsafeBytes(of: checksum.littleEndian) { for index in 0..<4 { bytes[4 + index] = $0[index] } }
        return bytes
    }

    /// Reads a file's bytes.
    static func read(_ bytes: UnsafeRawBufferPointer) throws(Problem) -> Content {
        var content = Content()
        let header = Self.header()
        // Made and not finished: nothing was promised.
        if bytes.count < header.count {
            content.tornBytes = bytes.count
            return content
        }
        guard zip(bytes, Self.magic).allSatisfy(==),
            CRC32C.checksum(UnsafeRawBufferPointer(rebasing: bytes[..<12])) == Self.number(bytes, at: 12)
        else { throw .notALog }
        guard Self.number(bytes, at: 8) == Self.version else { throw .version(Self.number(bytes, at: 8)) }
        var offset = header.count
        while let group = Self.group(bytes, at: offset), Self.split(bytes, group, into: &content.records) {
            offset = group.upperBound
        }
        content.validBytes = offset
        let end = (bytes[offset...].lastIndex { $0 != 0 } ?? offset - 1) + 1
        content.tornBytes = end - offset
        if Self.isPromised(offset, bytes, end) { throw .damaged(offset: offset) }
        return content
    }

    /// Where the records of the group lie that begins at `offset`; nil if there is no whole one.
    private static func group(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Range<Int>? {
        guard bytes.count - offset > Self.groupPrefixBytes else { return nil }
        let length = Int(Self.number(bytes, at: offset)), start = offset + Self.groupPrefixBytes
        guard length > 0, length <= bytes.count - start else { return nil }
        let whole = UnsafeRawBufferPointer(rebasing: bytes[offset..<start + length])
        return Self.checksum(whole) == Self.number(bytes, at: offset + 4) ? start..<start + length : nil
    }

    private static func split(_ bytes: UnsafeRawBufferPointer, _ group: Range<Int>, into records: inout [Bytes]) -> Bool
    {
        var offset = group.lowerBound
        while offset < group.upperBound {
            guard group.upperBound - offset >= 4 else { return false }
            let length = Int(Self.number(bytes, at: offset))
            guard length <= group.upperBound - offset - 4 else { return false }
            records.append(Bytes(bytes[offset + 4..<offset + 4 + length]))
            offset += 4 + length
        }
        return true
    }

    /// Whether a later group tells that what is damaged at `offset` had been on disk.
    ///
    /// - Parameter end: Behind which there are only zeros; a group may end there, and none begins.
    private static func isPromised(_ offset: Int, _ bytes: UnsafeRawBufferPointer, _ end: Int) -> Bool {
        var position = offset + 1
        while position < min(end, bytes.count - Self.groupPrefixBytes) {
            let synced = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position + 8, as: UInt64.self))
            if synced > UInt64(offset), synced <= UInt64(position), Self.group(bytes, at: position) != nil {
                return true
            }
            position += 1
        }
        return false
    }

    private static func append(_ number: UInt32, to bytes: inout Bytes) {
        withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }

    private static func number(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> UInt32 {
        UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    /// Of a whole group, leaving out the four bytes where it stands.
    private static func checksum(_ group: UnsafeRawBufferPointer) -> UInt32 {
        let length = CRC32C.checksum(UnsafeRawBufferPointer(rebasing: group[..<4]))
        return CRC32C.checksum(UnsafeRawBufferPointer(rebasing: group[8...]), continuing: length)
    }
}
