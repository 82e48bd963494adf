public import Model

/// The file in which an operator says how the cluster is shared: YAML to `ClusterPolicy` and back.
///
/// Nothing here touches a disk: the text goes in, a policy or everything that is wrong with it comes out.
public enum PolicyFile {
    /// The longest text that is read, in bytes of UTF-8.
    public static let sizeLimit = 1 << 20
    /// How deep maps and lists may lie in one another; the deepest that mean something are four.
    public static let depthLimit = 16
    /// How many roles a file may describe: checking them against each other costs their number squared.
    public static let roleLimit = 2000
    /// How many frameworks a file may describe.
    public static let frameworkLimit = 10_000
    /// For how many principals a file may say as whom they may run tasks.
    public static let principalLimit = 1000

    /// Something to be changed in a file.
    public struct Problem: Error, Hashable, Sendable, CustomStringConvertible {
        /// Where it is; the first line is 1.
        public var line: Int
        /// Where in the line, counted in Unicode scalars from 1; nil if the line is all that is known.
        public var column: Int?
        /// What is wrong and what to write instead, without the line.
        public var cause: String

        /// With everything given.
        public init(line: Int, column: Int? = nil, cause: String) {
            self.line = line
            self.column = column
            self.cause = cause
        }

        /// `3: cause`, to follow the name of the file and a colon.
        public var description: String { "\(self.line): \(self.cause)" }
    }

    /// All that is to be changed in a file.
    public struct Problems: Error, Hashable, Sendable, CustomStringConvertible {
        /// By line and column; never empty.
        public var list: [Problem]

        /// Sorts them by where they are.
        public init(_ list: [Problem]) {
            precondition(!list.isEmpty, "no problems")
            self.list = list.enumerated().sorted { left, right in
                (left.element.line, left.element.column ?? 0, left.offset)
                    < (right.element.line, right.element.column ?? 0, right.offset)
            }.map(\.element)
        }

        /// One a line.
        public var description: String { self.list.map(\.description).joined(separator: "\n") }
    }

    /// Reads the text of a file; an empty one is the default policy.
    ///
    /// A text that is no YAML fails with what keeps it from being YAML; any other with all that is wrong.
    public static func read(_ text: String) -> Result<ClusterPolicy, Problems> {
        guard text.utf8.count <= Self.sizeLimit else {
            return .failure(
                Problems([
                    Problem(line: 1, cause: "the file is longer than \(Self.sizeLimit) bytes: shorten it")
                ]))
        }
        let lines = SourceText(text)
        let unsafe = Screen.problems(in: lines)
        guard unsafe.isEmpty else { return .failure(Problems(unsafe)) }
        var reader = PolicyReader()
        let policy = reader.read(lines)
        return reader.problems.isEmpty ? .success(policy) : .failure(Problems(reader.problems))
    }

    /// Reads the bytes of a file, which must be UTF-8.
    public static func read(bytes: Bytes) -> Result<ClusterPolicy, Problems> {
        if let text = String(validating: bytes, as: UTF8.self) { return Self.read(text) }
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        let bad = lines.firstIndex { String(validating: $0, as: UTF8.self) == nil } ?? 0
        return .failure(
            Problems([Problem(line: bad + 1, cause: "the text is not UTF-8: save the file in that encoding")]))
    }
}

/// A text as libyaml counts it: lines and columns of Unicode scalars.
struct SourceText {
    /// Without the byte order mark, every line ended by a line feed alone.
    private(set) var scalars: [Unicode.Scalar]
    /// Where each line begins.
    private(set) var lineStarts: [Int]

    /// Carriage returns, alone or before a line feed, end lines, too.
    init(_ text: String) {
        var scalars: [Unicode.Scalar] = []
        scalars.reserveCapacity(text.utf8.count)
        var last: Unicode.Scalar?
        for scalar in text.unicodeScalars {
            defer { last = scalar }
            if last == nil, scalar == "\u{FEFF}" { continue }
            if scalar == "\n", last == "\r" { continue }
            scalars.append(scalar == "\r" ? "\n" : scalar)
        }
        self.scalars = scalars
        self.lineStarts = [0] + scalars.indices.filter { scalars[$0] == "\n" }.map { $0 + 1 }
    }

    /// The text again.
    var text: String {
        var text = ""
        text.unicodeScalars.append(contentsOf: self.scalars)
        return text
    }

    /// How many lines there are, at least one.
    ///
    /// What follows the last line feed is one if it is not empty.
    var lineCount: Int {
        let endsWithLine = self.lineStarts.last == self.scalars.count
        return max(1, self.lineStarts.count - (endsWithLine ? 1 : 0))
    }

    /// Where that line and column are, both from 1; nil if nothing is there.
    func index(line: Int, column: Int) -> Int? {
        guard self.lineStarts.indices.contains(line - 1) else { return nil }
        let index = self.lineStarts[line - 1] + column - 1
        return self.scalars.indices.contains(index) ? index : nil
    }

    /// Changes one scalar, which is no end of a line.
    mutating func replace(at index: Int, with scalar: Unicode.Scalar) { self.scalars[index] = scalar }

    /// Adds a scalar, which is no end of a line.
    mutating func insert(_ scalar: Unicode.Scalar, at index: Int) {
        self.scalars.insert(scalar, at: index)
        for line in self.lineStarts.indices where self.lineStarts[line] > index { self.lineStarts[line] += 1 }
    }
}

extension String {
    /// For messages: in single quotes, at most 60 characters, on one line.
    var quoted: String {
        let short = self.count > 60 ? self.prefix(57) + "..." : self[...]
        var shown = ""
        for scalar in short.unicodeScalars {
            if scalar.value < 0x20 || scalar.value == 0x7f {
                shown += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                shown.unicodeScalars.append(scalar)
            }
        }
        return "'\(shown)'"
    }
}
