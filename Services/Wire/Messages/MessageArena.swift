internal import CProtobufC
#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Memory in which messages take their C form: taken by moving a pointer, given back all at once.
///
/// It is the allocator that libprotobuf-c unpacks with, so nothing that it made is freed one by one, and it is where the
/// C structs of an outgoing message are built. One per event loop, or one per thread: it is confined to its owner.
///
/// The size of each piece stands in front of it, so a string's length on the wire is known after unpacking:
///
///     | size: 8 bytes | piece, aligned to 16 | padding | size | piece ...
public final class MessageArena {
    /// How much memory reading may take between two resets, unless said otherwise: 64 MiB, four times the longest frame.
    public static let defaultLimit = 64 << 20

    /// The arena's state, at an address that libprotobuf-c can be given.
    struct State {
        /// Where the next piece's size goes: 8 below a multiple of 16.
        var cursor: UnsafeMutableRawPointer?
        var end: UnsafeMutableRawPointer?
        /// The newest chunk; each begins with a `ChunkHeader`.
        var newest: UnsafeMutableRawPointer?
        var nextChunkBytes: Int
        /// Taken by libprotobuf-c since the last reset.
        var unpacked = 0
        let limit: Int
        /// An allocation was refused since this was last cleared.
        var isExhausted = false
    }

    private struct ChunkHeader {
        let previous: UnsafeMutableRawPointer?
        /// The whole chunk, this header included.
        let size: Int
    }

    private static let headerBytes = 24
    private static let largestKeptChunk = 1 << 20

    let state: UnsafeMutablePointer<State>
    private let allocator: UnsafeMutablePointer<ProtobufCAllocator>
    /// The empty C string, for fields that hold nothing.
    let emptyText: UnsafeMutablePointer<CChar>

    /// Memory comes with the first use.
    ///
    /// - Parameter limit: The bytes that reading may take between two resets. What a message takes when unpacked is a
    ///   multiple of its length, and a hostile one's a large multiple: beyond this it is refused as too large. Writing is
    ///   not limited.
    /// - Parameter firstChunk: Bytes of the first piece of memory; later ones double, up to 1 MiB.
    public init(limit: Int = MessageArena.defaultLimit, firstChunk: Int = 16 << 10) {
        precondition(limit > 0 && firstChunk >= 256, "limit \(limit), first chunk \(firstChunk)")
        self.state = .allocate(capacity: 1)
        self.state.initialize(to: State(nextChunkBytes: firstChunk, limit: limit))
        self.emptyText = .allocate(capacity: 1)
        self.emptyText.initialize(to: 0)
        self.allocator = .allocate(capacity: 1)
        self.allocator.initialize(
            to: ProtobufCAllocator(
                alloc: { state, size in
                    MessageArena.unpackingBytes(state!.assumingMemoryBound(to: State.self), size)
                },
                free: { _, _ in },
                allocator_data: UnsafeMutableRawPointer(self.state)))
    }

    deinit {
        Self.freeChunks(from: self.state.pointee.newest)
        self.state.deallocate()
        self.emptyText.deallocate()
        self.allocator.deallocate()
    }

    /// Takes everything back; what lived in the arena must no longer be used.
    ///
    /// Keeps the newest chunk for the next batch.
    public func reset() {
        self.state.pointee.unpacked = 0
        self.state.pointee.isExhausted = false
        guard let newest = self.state.pointee.newest else { return }
        let header = newest.load(as: ChunkHeader.self)
        Self.freeChunks(from: header.previous)
        if header.size > Self.largestKeptChunk {
            free(newest)
            self.state.pointee.newest = nil
            self.state.pointee.cursor = nil
            self.state.pointee.end = nil
        } else {
            newest.storeBytes(of: ChunkHeader(previous: nil, size: header.size), as: ChunkHeader.self)
            self.state.pointee.cursor = newest + Self.headerBytes
        }
    }

    /// How many bytes reading has taken since the last reset.
    public var unpackedBytes: Int { self.state.pointee.unpacked }

    // MARK: - Pieces

    /// Uninitialised memory for what is written, aligned to 16.
    ///
    /// Valid until `reset`.
    func bytes(_ size: Int) -> UnsafeMutableRawPointer {
        guard let piece = Self.piece(self.state, size) else {
            preconditionFailure("out of memory: \(size) bytes for a message")
        }
        return piece
    }

    /// What libprotobuf-c's `alloc` calls.
    private static func unpackingBytes(_ state: UnsafeMutablePointer<State>, _ size: Int) -> UnsafeMutableRawPointer? {
        guard size >= 0, size <= state.pointee.limit - state.pointee.unpacked, let piece = Self.piece(state, size)
        else {
            state.pointee.isExhausted = true
            return nil
        }
        state.pointee.unpacked += size + 8
        if state.pointee.unpacked > state.pointee.limit { state.pointee.unpacked = state.pointee.limit }
        return piece
    }

    @inline(__always)
    private static func piece(_ state: UnsafeMutablePointer<State>, _ size: Int) -> UnsafeMutableRawPointer? {
        if let cursor = state.pointee.cursor, let end = state.pointee.end, size <= (end - cursor) - 32 {
            return Self.place(state, cursor, size)
        }
        guard let cursor = Self.addChunk(state, for: size) else { return nil }
        return Self.place(state, cursor, size)
    }

    @inline(__always)
    private static func place(
        _ state: UnsafeMutablePointer<State>, _ cursor: UnsafeMutableRawPointer, _ size: Int
    ) -> UnsafeMutableRawPointer {
        cursor.storeBytes(of: size, as: Int.self)
        // From 8 below a multiple of 16, over the size and the piece, to the next such place.
        state.pointee.cursor = cursor + ((8 + size + 15) & ~15)
        return cursor + 8
    }

    private static func addChunk(_ state: UnsafeMutablePointer<State>, for size: Int) -> UnsafeMutableRawPointer? {
        let bytes = max(state.pointee.nextChunkBytes, size + Self.headerBytes + 64)
        guard let chunk = malloc(bytes) else { return nil }
        state.pointee.nextChunkBytes = min(max(state.pointee.nextChunkBytes * 2, 256), Self.largestKeptChunk)
        chunk.storeBytes(of: ChunkHeader(previous: state.pointee.newest, size: bytes), as: ChunkHeader.self)
        state.pointee.newest = chunk
        state.pointee.end = chunk + bytes
        return chunk + Self.headerBytes
    }

    private static func freeChunks(from newest: UnsafeMutableRawPointer?) {
        var next = newest
        while let chunk = next {
            next = chunk.load(as: ChunkHeader.self).previous
            free(chunk)
        }
    }

    /// The bytes of a C string of this arena without its NUL, or of a default value that lies outside.
    func bytes(ofText text: UnsafePointer<CChar>) -> UnsafeRawBufferPointer {
        let start = UnsafeRawPointer(text)
        let count = self.holds(start) ? start.load(fromByteOffset: -8, as: Int.self) - 1 : strlen(text)
        return UnsafeRawBufferPointer(start: start, count: count)
    }

    /// Whether that lies in the arena: a string that does not is a field's default, so the field is absent.
    func holds(_ address: UnsafeRawPointer) -> Bool {
        var next = self.state.pointee.newest
        while let chunk = next {
            let header = chunk.load(as: ChunkHeader.self)
            if address > UnsafeRawPointer(chunk), address < UnsafeRawPointer(chunk) + header.size { return true }
            next = header.previous
        }
        return false
    }

    // MARK: - Unpacking

    /// A place to return to.
    struct Mark {
        fileprivate let chunk: UnsafeMutableRawPointer?
        fileprivate let cursor: UnsafeMutableRawPointer?
        fileprivate let unpacked: Int
    }

    var mark: Mark {
        Mark(chunk: self.state.pointee.newest, cursor: self.state.pointee.cursor, unpacked: self.state.pointee.unpacked)
    }

    /// Gives back what was taken since, if it is all in one chunk; else that waits for `reset`.
    func rewind(to mark: Mark) {
        guard mark.chunk == self.state.pointee.newest else { return }
        self.state.pointee.cursor = mark.cursor
        self.state.pointee.unpacked = mark.unpacked
    }

    /// Checks the nesting, then unpacks.
    ///
    /// The result lives in the arena.
    ///
    /// - Throws: `malformed`, `tooDeep`, `missing` or `tooLarge`.
    func unpack<C: TopMessage>(
        _ bytes: UnsafeRawBufferPointer, as type: C.Type
    ) throws(MessageError) -> UnsafeMutablePointer<C> {
        let shape = C.shape
        try shape.checkNesting(of: bytes)
        self.state.pointee.isExhausted = false
        let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
        if let message = protobuf_c_message_unpack(shape.descriptor, self.allocator, bytes.count, start) {
            return UnsafeMutableRawPointer(message).assumingMemoryBound(to: C.self)
        }
        if self.state.pointee.isExhausted {
            throw MessageError(.tooLarge(limit: self.state.pointee.limit), in: shape.name)
        }
        throw MessageError(shape.problem(of: bytes), in: shape.name)
    }

    /// Unpacks, converts, and gives the C form back: `convert` copies everything it keeps.
    func read<C: TopMessage, M>(
        _ bytes: UnsafeRawBufferPointer,
        _ convert: (UnsafeMutablePointer<C>, MessageReader) throws(MessageError) -> M
    ) throws(MessageError) -> M {
        let mark = self.mark
        defer { self.rewind(to: mark) }
        return try convert(try self.unpack(bytes, as: C.self), MessageReader(self, C.shape.name))
    }
}

@available(*, unavailable)
extension MessageArena: Sendable {}
