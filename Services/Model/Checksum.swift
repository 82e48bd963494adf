/// What the bytes of a file have to sum up to: `sha256:` or `sha512:`, and 64 or 128 hexadecimal digits.
public struct Checksum: Hashable, Sendable, CustomStringConvertible {
    /// The sums that are known.
    public enum Algorithm: String, Hashable, Sendable, CaseIterable {
        case sha256
        case sha512

        /// How many hexadecimal digits a sum has.
        public var digits: Int { self == .sha256 ? 64 : 128 }
    }

    /// How it is summed up.
    public let algorithm: Algorithm
    /// In lower case.
    public let digits: String

    /// Reads it; nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let algorithm = Algorithm(rawValue: String(parts[0])),
            parts[1].utf8.count == algorithm.digits, parts[1].allSatisfy({ $0.isASCII && $0.isHexDigit })
        else { return nil }
        self.algorithm = algorithm
        self.digits = parts[1].lowercased()
    }

    /// As it is read.
    public var description: String { "\(self.algorithm.rawValue):\(self.digits)" }
}

extension CommandInfo.URI {
    /// The longest that is taken, in bytes.
    public static let longest = 8192

    /// What no agent could do, in words that follow "URI ..."; nil if there is nothing.
    public var problem: String? {
        guard self.value.utf8.count <= Self.longest else { return "is longer than \(Self.longest) bytes" }
        guard !self.value.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7f }) else {
            return "holds a control character"
        }
        if let name = self.outputFile {
            let parts = name.split(separator: "/", omittingEmptySubsequences: false)
            let isPlain = parts.allSatisfy { part in
                !part.isEmpty && part != "." && part != ".." && part.utf8.count <= 255
                    && !part.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7f }
            }
            guard isPlain, name.utf8.count <= 1024 else {
                return "has an output file that is no path within a sandbox"
            }
        }
        if let checksum, Checksum(checksum) == nil {
            return "has a checksum that is none: write sha256: and 64, or sha512: and 128 hexadecimal digits"
        }
        return nil
    }
}
