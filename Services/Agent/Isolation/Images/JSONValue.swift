internal import Model

/// A value of JSON (RFC 8259), read from bytes that nobody has looked at.
enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([JSONValue])
    /// Of names that are there twice, the last counts.
    case object([String: JSONValue])

    /// So deep arrays and objects may be in one another.
    static let depthLimit = 64

    /// Why bytes are no JSON.
    struct Malformed: Error, Hashable, CustomStringConvertible {
        let description: String
    }

    /// Reads one value, which has to be all that there is.
    init(_ bytes: Bytes) throws(Malformed) {
        var reader = JSONReader(bytes)
        self = try reader.value(depth: 0)
        try reader.end()
    }

    /// A member of an object; nil if it is none, or has none of that name.
    subscript(_ name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members[name]
    }

    var text: String? { if case .string(let text) = self { text } else { nil } }
    var items: [JSONValue]? { if case .array(let items) = self { items } else { nil } }

    /// A whole number that is not negative and exact.
    var count: Int? {
        guard case .number(let number) = self, number >= 0, number <= 9_007_199_254_740_991 else { return nil }
        return Int(exactly: number)
    }

    /// An array of texts, empty for `null`; nil if it is something else.
    var texts: [String]? {
        if case .null = self { return [] }
        guard let items else { return nil }
        let texts = items.compactMap(\.text)
        return texts.count == items.count ? texts : nil
    }
}

private struct JSONReader {
    private let bytes: Bytes
    private var offset = 0

    init(_ bytes: Bytes) { self.bytes = bytes }

    private func malformed(_ what: String) -> JSONValue.Malformed {
        .init(description: "\(what) at byte \(self.offset)")
    }

    private mutating func skipSpace() {
        while self.offset < self.bytes.count, [0x20, 0x09, 0x0a, 0x0d].contains(self.bytes[self.offset]) {
            self.offset += 1
        }
    }

    /// The next byte that is no space, not taken.
    private mutating func peek() throws(JSONValue.Malformed) -> UInt8 {
        self.skipSpace()
        guard self.offset < self.bytes.count else { throw self.malformed("it ends") }
        return self.bytes[self.offset]
    }

    mutating func end() throws(JSONValue.Malformed) {
        self.skipSpace()
        if self.offset < self.bytes.count { throw self.malformed("something follows") }
    }

    mutating func value(depth: Int) throws(JSONValue.Malformed) -> JSONValue {
        if depth > JSONValue.depthLimit { throw self.malformed("too deep") }
        switch try self.peek() {
        case UInt8(ascii: "{"): return try self.object(depth)
        case UInt8(ascii: "["): return try self.array(depth)
        case UInt8(ascii: "\""): return .string(try self.string())
        case UInt8(ascii: "t"): return try self.word("true", .bool(true))
        case UInt8(ascii: "f"): return try self.word("false", .bool(false))
        case UInt8(ascii: "n"): return try self.word("null", .null)
        default: return try self.number()
        }
    }

    private mutating func word(_ word: String, _ value: JSONValue) throws(JSONValue.Malformed) -> JSONValue {
        guard self.bytes[self.offset...].starts(with: word.utf8) else { throw self.malformed("no value") }
        self.offset += word.utf8.count
        return value
    }

    private mutating func number() throws(JSONValue.Malformed) -> JSONValue {
        let digits = self.bytes[self.offset...].prefix { "+-.0123456789eE".utf8.contains($0) }
        guard let number = Double(String(decoding: digits, as: UTF8.self)), number.isFinite else {
            throw self.malformed("no value")
        }
        self.offset += digits.count
        return .number(number)
    }

    private mutating func array(_ depth: Int) throws(JSONValue.Malformed) -> JSONValue {
        var items: [JSONValue] = []
        self.offset += 1
        if try self.takes("]") { return .array(items) }
        repeat { items.append(try self.value(depth: depth + 1)) } while try self.continues(until: "]")
        return .array(items)
    }

    private mutating func object(_ depth: Int) throws(JSONValue.Malformed) -> JSONValue {
        var members: [String: JSONValue] = [:]
        self.offset += 1
        if try self.takes("}") { return .object(members) }
        repeat {
            guard try self.peek() == UInt8(ascii: "\"") else { throw self.malformed("no name") }
            let name = try self.string()
            guard try self.takes(":") else { throw self.malformed("no ':'") }
            members[name] = try self.value(depth: depth + 1)
        } while try self.continues(until: "}")
        return .object(members)
    }

    private mutating func takes(_ character: Unicode.Scalar) throws(JSONValue.Malformed) -> Bool {
        guard try self.peek() == UInt8(ascii: character) else { return false }
        self.offset += 1
        return true
    }

    private mutating func continues(until end: Unicode.Scalar) throws(JSONValue.Malformed) -> Bool {
        if try self.takes(",") { return true }
        guard try self.takes(end) else { throw self.malformed("neither ',' nor '\(end)'") }
        return false
    }

    private mutating func string() throws(JSONValue.Malformed) -> String {
        var utf8: Bytes = []
        self.offset += 1
        while self.offset < self.bytes.count {
            let byte = self.bytes[self.offset]
            self.offset += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let text = String(validating: utf8, as: UTF8.self) else { throw self.malformed("no UTF-8") }
                return text
            case UInt8(ascii: "\\"): utf8 += try self.escaped().utf8
            case 0..<0x20: throw self.malformed("a control character")
            default: utf8.append(byte)
            }
        }
        throw self.malformed("it ends")
    }

    private mutating func escaped() throws(JSONValue.Malformed) -> String {
        guard self.offset < self.bytes.count else { throw self.malformed("it ends") }
        let byte = self.bytes[self.offset]
        self.offset += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return String(Unicode.Scalar(byte))
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            var units = [try self.unit()]
            if UTF16.isLeadSurrogate(units[0]), self.bytes[self.offset...].starts(with: "\\u".utf8) {
                self.offset += 2
                units.append(try self.unit())
            }
            guard let text = String(validating: units, as: UTF16.self) else { throw self.malformed("half a character") }
            return text
        default: throw self.malformed("no escape")
        }
    }

    private mutating func unit() throws(JSONValue.Malformed) -> UInt16 {
        let digits = self.bytes[self.offset...].prefix(4)
        guard digits.count == 4, !digits.contains(UInt8(ascii: "+")), !digits.contains(UInt8(ascii: "-")),
            let unit = UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw self.malformed("no four digits") }
        self.offset += 4
        return unit
    }
}
