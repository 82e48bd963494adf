/// What somebody wants to see of a sandbox: the target of an HTTP request to the side port.
///
///     /sandbox/<framework>/<task or executor>[/<path>][?run=N][&offset=N][&length=N][&follow][&download]
///     /sandbox/<framework>/<task or executor>?runs
///
/// Names are percent-encoded where they hold a slash or the like. A directory is listed, or with `download` sent as a
/// tar archive; of a file, `offset` (negative: from its end) and `length` choose a piece, and with `follow` what is
/// written to it later comes too, until the container has ended. Without `run` the present run is meant, else the
/// latest; `runs` lists those that are kept. `token` is not looked at here.
public struct SandboxRequest: Hashable, Sendable {
    /// The id of a framework.
    public var framework: String
    /// The id of a task or of an executor.
    public var name: String
    /// Within the sandbox; empty: its top.
    public var path: [String]
    /// Nil: the present or the latest.
    public var run: UInt64?
    /// In bytes.
    public var offset: Int64
    /// In bytes; nil: to the end.
    public var length: Int?
    /// Whether what is written later is wanted too.
    public var follows: Bool
    /// Whether it is to be kept as a file.
    public var isDownload = false
    /// Whether the runs are wanted that there are, not what is in one.
    public var listsRuns = false

    /// Whether it is for a file that a task's output goes to.
    public var isOutput: Bool { self.path.count == 1 && OutputBound.files.contains(self.path[0]) }

    /// Reads a request's target; nil if it is none of this kind, or malformed.
    public init?(target: String) {
        let sides = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        var parts: [String] = []
        for part in sides[0].split(separator: "/") {
            guard let part = Self.decoded(part) else { return nil }
            parts.append(part)
        }
        guard parts.count >= 3, parts[0] == "sandbox" else { return nil }
        self.framework = parts[1]
        self.name = parts[2]
        self.path = Array(parts[3...])
        self.offset = 0
        self.length = nil
        self.follows = false
        guard sides.count == 2 else { return }
        for item in sides[1].split(separator: "&") {
            let pair = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            switch (pair[0], pair.count == 2 ? String(pair[1]) : nil) {
            case ("offset", let value?):
                guard let offset = Int64(value) else { return nil }
                self.offset = offset
            case ("length", let value?):
                guard let length = Int(value), length >= 0 else { return nil }
                self.length = length
            case ("run", let value?):
                guard let run = UInt64(value) else { return nil }
                self.run = run
            case ("follow", let value): self.follows = Self.isYes(value)
            case ("download", let value): self.isDownload = Self.isYes(value)
            case ("runs", let value): self.listsRuns = Self.isYes(value)
            case ("token", _): break
            default: return nil
            }
        }
    }

    private static func isYes(_ value: String?) -> Bool { ["true", "1", ""].contains(value ?? "") }

    /// Undoes percent-encoding; nil if it is malformed or the result is no text.
    static func decoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = [], rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            let digits = rest.prefix(2)
            guard digits.count == 2, digits.first != UInt8(ascii: "+"),
                let code = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
            else {
                return nil
            }
            bytes.append(code)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}

extension [SandboxEntry] {
    /// As the side port lists a directory: an array of objects with `name`, `kind`, `size` and `modified`.
    public var json: String {
        let objects = self.map { entry in
            """
            {"name":"\(entry.name.escapedForJSON)","kind":"\(entry.kind.rawValue)","size":\(entry.size),\
            "modified":\(entry.modified)}
            """
        }
        return "[" + objects.joined(separator: ",") + "]\n"
    }
}

extension String {
    /// Between the quotes of a string of JSON.
    var escapedForJSON: String {
        var result = ""
        for scalar in self.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
