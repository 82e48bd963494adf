/// What somebody asks of the side port: always a GET; for a HEAD the body is left out on the way back.
public struct SideRequest: Sendable {
    /// As it was asked for, with the query.
    public let target: String
    /// Without the query, percent-encoding undone: `/sandbox/task-1`.
    public let path: String
    /// The names and values behind the question mark, percent-encoding undone, in order.
    public let query: [(name: String, value: String)]
    /// Headers, names in lower case.
    public let headers: [(name: String, value: String)]

    /// The first value of that name in the query; empty if the name stands alone.
    public func parameter(_ name: String) -> String? {
        self.query.first { $0.name == name }?.value
    }

    /// The first header of that name, in any case.
    public func header(_ name: String) -> String? {
        let name = name.lowercased()
        return self.headers.first { $0.name == name }?.value
    }

    /// What `Range` asks for.
    public enum RangeWish: Hashable, Sendable {
        /// All of it: no range is asked for, or in a form that may be ignored.
        case whole
        /// These bytes.
        case part(Range<Int>)
        /// None that are there: 416.
        case unsatisfiable
    }

    /// The bytes asked for, of something of that length: `bytes=0-99`, `bytes=100-`, `bytes=-100`.
    public func range(of length: Int) -> RangeWish {
        guard let header = self.header("range"), header.hasPrefix("bytes="), !header.contains(",") else {
            return .whole
        }
        let ends = header.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, ends.allSatisfy({ $0.utf8.allSatisfy { (48...57).contains($0) } }) else { return .whole }
        switch (Int(ends[0]), Int(ends[1])) {
        case (let first?, let last?):
            guard first <= last else { return .whole }
            return first < length ? .part(first..<min(last, length - 1) + 1) : .unsatisfiable
        case (let first?, nil):
            return first < length ? .part(first..<length) : .unsatisfiable
        case (nil, let count?):
            return count > 0 && length > 0 ? .part(max(0, length - count)..<length) : .unsatisfiable
        case (nil, nil):
            return .whole
        }
    }

    /// Takes a request line's target apart; nil if the percent-encoding or the UTF-8 is broken.
    init?(target: String, headers: [(name: String, value: String)]) {
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        guard let path = Self.decoded(parts[0], plusIsSpace: false), path.hasPrefix("/") else { return nil }
        self.path = path
        self.target = target
        var query: [(name: String, value: String)] = []
        if parts.count == 2 {
            for pair in parts[1].split(separator: "&") {
                let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                guard let name = Self.decoded(sides[0], plusIsSpace: true),
                    let value = sides.count == 2 ? Self.decoded(sides[1], plusIsSpace: true) : ""
                else { return nil }
                query.append((name, value))
            }
        }
        self.query = query
        self.headers = headers.map { ($0.name.lowercased(), $0.value) }
    }

    /// The parts of the path, each with its percent-encoding undone, so that one may hold a slash; none is empty.
    public var parts: [String]? { Self.parts(of: self.target) }

    /// Nil if the percent-encoding or the UTF-8 is broken.
    static func parts(of target: String) -> [String]? {
        var parts: [String] = []
        for part in target.prefix(while: { $0 != "?" }).split(separator: "/") {
            guard let part = Self.decoded(part, plusIsSpace: false) else { return nil }
            parts.append(part)
        }
        return parts
    }

    private static func decoded(_ text: Substring, plusIsSpace: Bool) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%") {
                guard let high = rest.popFirst().flatMap(Self.hex), let low = rest.popFirst().flatMap(Self.hex) else {
                    return nil
                }
                bytes.append(high << 4 | low)
            } else if plusIsSpace, byte == UInt8(ascii: "+") {
                bytes.append(UInt8(ascii: " "))
            } else {
                bytes.append(byte)
            }
        }
        guard !bytes.contains(0) else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func hex(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 48...57: byte - 48
        case 65...70: byte - 55
        case 97...102: byte - 87
        default: nil
        }
    }
}

/// What the side port answers.
public struct SideResponse: Sendable {
    /// Where an answer's bytes come from.
    public enum Body: Sendable {
        /// All at once.
        case bytes([UInt8])
        /// Piece by piece, as a function writes them; it is cancelled when nobody reads any more. Chunked, unless the length
        /// is known.
        case stream(length: Int?, @Sendable (BodyWriter) async throws -> Void)
    }

    /// An HTTP status, 200 to 599.
    public var status: Int
    /// More headers than the length.
    public var headers: [(name: String, value: String)]
    /// The bytes behind the headers.
    public var body: Body

    /// An answer of those parts.
    public init(status: Int = 200, headers: [(name: String, value: String)] = [], body: Body) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// Plain text; a line end is added if there is none.
    public static func text(_ text: String, status: Int = 200) -> SideResponse {
        let line = text.hasSuffix("\n") || text.isEmpty ? text : text + "\n"
        return SideResponse(
            status: status, headers: [("content-type", "text/plain; charset=utf-8")], body: .bytes(Array(line.utf8)))
    }

    /// JSON, already written.
    public static func json(_ json: [UInt8], status: Int = 200) -> SideResponse {
        SideResponse(status: status, headers: [("content-type", "application/json")], body: .bytes(json))
    }

    /// A file, or the part of it that the request's `Range` asks for: 200, 206 or 416.
    ///
    /// It is read as it is sent, 64 KiB at a time, never on the event loop. What is added to it meanwhile is not sent.
    public static func file(
        _ file: OpenFile, for request: SideRequest, contentType: String = "application/octet-stream"
    ) async throws -> SideResponse {
        let size = try await file.size()
        var headers = [("content-type", contentType), ("accept-ranges", "bytes")]
        switch request.range(of: size) {
        case .unsatisfiable:
            headers = [("content-type", "text/plain; charset=utf-8"), ("content-range", "bytes */\(size)")]
            return SideResponse(status: 416, headers: headers, body: .bytes(Array("no such bytes\n".utf8)))
        case .whole:
            return SideResponse(
                headers: headers, body: .stream(length: size) { try await $0.write(file, 0..<size) })
        case .part(let range):
            headers.append(("content-range", "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(size)"))
            return SideResponse(
                status: 206, headers: headers,
                body: .stream(length: range.count) { try await $0.write(file, range) })
        }
    }

    /// A file that may still grow: from `offset` to its end, then what is added, until `isEnded` and all is sent.
    public static func following(
        _ file: OpenFile, from offset: Int, contentType: String = "application/octet-stream",
        isEnded: @escaping @Sendable () async -> Bool
    ) -> SideResponse {
        SideResponse(
            headers: [("content-type", contentType), ("cache-control", "no-store")],
            body: .stream(length: nil) { try await $0.follow(file, from: offset, isEnded: isEnded) })
    }
}
