internal import NIOCore
internal import NIOHTTP1

/// Writes the body of one answer, as fast as the reader takes it.
public final class BodyWriter: Sendable {
    /// How much of a file is in memory at one time.
    ///
    /// Bytes.
    private static let pieceBytes = 64 << 10

    private let channel: any Channel

    init(channel: any Channel) { self.channel = channel }

    /// Sends bytes; returns when the kernel has taken them, so one piece is in memory at a time.
    ///
    /// - Throws: If the reader is gone, or has taken nothing for a minute.
    public func write(_ bytes: [UInt8]) async throws {
        try Task.checkCancellation()
        if bytes.isEmpty { return }
        try await self.channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(bytes: bytes)))).get()
    }

    /// Sends text.
    ///
    /// - Throws: As `write(_:)`.
    public func write(_ text: String) async throws {
        try await self.write(Array(text.utf8))
    }

    /// Sends a part of a file.
    ///
    /// - Throws: As `write(_:)`; or what reading the file gave; or that the file has become shorter.
    public func write(_ file: OpenFile, _ range: Range<Int>) async throws {
        var offset = range.lowerBound
        while offset < range.upperBound {
            let piece = try await file.read(at: offset, count: min(Self.pieceBytes, range.upperBound - offset))
            guard !piece.isEmpty else { throw SidePortProblem.fileShrank }
            try await self.write(piece)
            offset += piece.count
        }
    }

    /// Sends a file from `offset` to its end, then what is added to it, until `isEnded` says that nothing more will be.
    ///
    /// - Parameter interval: How often it is looked at while nothing is added. Default 200 ms.
    /// - Throws: As `write(_:)`, or what reading the file gave.
    public func follow(
        _ file: OpenFile, from offset: Int, every interval: Duration = .milliseconds(200),
        isEnded: @Sendable () async -> Bool
    ) async throws {
        var offset = offset
        while true {
            let isLast = await isEnded()  // Asked before reading: what came before the end is read after it.
            while true {
                let piece = try await file.read(at: offset, count: Self.pieceBytes)
                if piece.isEmpty { break }
                try await self.write(piece)
                offset += piece.count
            }
            if isLast { return }
            try await Task.sleep(for: interval)
        }
    }
}

/// Why an answer broke off.
enum SidePortProblem: Error {
    /// A file became shorter while it was sent.
    case fileShrank
}
