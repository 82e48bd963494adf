/// How much one container may read from and write to the disk of the agent's directory, in each second.
public struct IOLimit: Hashable, Sendable, CustomStringConvertible {
    /// Bytes; nil: no bound, as in all of these.
    public var readBytes: UInt64?
    /// Bytes.
    public var writeBytes: UInt64?
    /// Requests to the disk, of whatever length.
    public var reads: UInt64?
    /// Requests to the disk, of whatever length.
    public var writes: UInt64?

    /// A text was not understood.
    public struct Invalid: Error, Hashable, Sendable, CustomStringConvertible {
        /// For people: the part, and how it should look.
        public let description: String
    }

    private static var parts: [(name: String, path: WritableKeyPath<IOLimit, UInt64?>)] {
        [("read-bps", \.readBytes), ("write-bps", \.writeBytes), ("read-iops", \.reads), ("write-iops", \.writes)]
    }

    private static let units: [(name: String, shift: UInt64)] = [("", 0), ("KiB", 10), ("MiB", 20), ("GiB", 30)]

    /// No bounds.
    public init() {}

    /// Reads `read-bps=20MiB,write-bps=10MiB,read-iops=1000,write-iops=500`, of which any may be missing.
    public init(_ text: String) throws(Invalid) {
        for word in text.split(separator: ",", omittingEmptySubsequences: false) {
            let sides = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard sides.count == 2, let part = Self.parts.first(where: { $0.name == sides[0] }) else {
                let known = Self.parts.map { $0.name + "=N" }.joined(separator: ", ")
                throw Invalid(description: "\"\(word)\" is none of \(known)")
            }
            guard self[keyPath: part.path] == nil else {
                throw Invalid(description: "\(part.name) is there twice")
            }
            guard let number = Self.number(sides[1], isBytes: part.name.hasSuffix("bps")) else {
                throw Invalid(description: "\"\(word)\" is no whole number above 0; bytes may end in KiB, MiB or GiB")
            }
            self[keyPath: part.path] = number
        }
    }

    private static func number(_ text: Substring, isBytes: Bool) -> UInt64? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }, unit = text.dropFirst(digits.count)
        guard let number = UInt64(digits), number > 0, let shift = Self.units.first(where: { $0.name == unit })?.shift,
            isBytes || shift == 0, number <= UInt64(Int64.max) >> shift
        else { return nil }
        return number << shift
    }

    /// As it can be read again.
    public var description: String {
        Self.parts.compactMap { part in self[keyPath: part.path].map { "\(part.name)=\($0)" } }.joined(separator: ",")
    }
}
