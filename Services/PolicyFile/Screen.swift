/// Looks over a text before it goes to the YAML parser, and refuses what a policy has no use for and a parser suffers from.
///
/// The parser resolves aliases as it goes and hashes keys, so a few lines of aliases to aliases would take it for ever;
/// it descends by calling itself, so a text of brackets only would take its stack. Hence aliases, and all else that
/// would make a text hard to follow (tags, block text, directives, explicit keys, quotes over several lines) end here.
/// What passes has at most `PolicyFile.depthLimit` maps and lists in one another.
struct Screen {
    private let scalars: [Unicode.Scalar]
    private var problems: [PolicyFile.Problem] = []
    private var position = 0
    private var line = 1
    private var lineStart = 0
    /// How many brackets are open.
    private var flowDepth = 0
    /// The columns that block maps and lists began at, the innermost last.
    private var indents: [Int] = []
    /// What comes next, outside of brackets, may be the beginning of a map: it is first in its line or after a dash.
    private var mayNest = true
    private var isTooDeep = false

    private init(_ scalars: [Unicode.Scalar]) { self.scalars = scalars }

    /// All that a text may not hold.
    static func problems(in text: SourceText) -> [PolicyFile.Problem] {
        var screen = Screen(text.scalars)
        while !screen.isAtEnd { screen.token() }
        return screen.problems
    }

    private var isAtEnd: Bool { self.position >= self.scalars.count }

    private func scalar(after count: Int) -> Unicode.Scalar {
        let index = self.position + count
        return self.scalars.indices.contains(index) ? self.scalars[index] : "\n"
    }

    /// Notes a problem, the first of each line: what follows it there may be a consequence.
    private mutating func complain(_ cause: String) {
        guard self.problems.last?.line != self.line else { return }
        self.problems.append(
            PolicyFile.Problem(line: self.line, column: self.position - self.lineStart + 1, cause: cause))
    }

    /// What begins here, up to what comes after it.
    private mutating func token() {
        let first = self.scalar(after: 0)
        let isBeforeBlank = [" ", "\t", "\n"].contains(self.scalar(after: 1))
        switch first {
        case "\n": self.endLine()
        case " ": self.position += 1
        case "\t": self.skip(complaining: "a tab: indent and separate with spaces")
        case "#": self.comment()
        case "[", "{":
            self.nest()
            self.flowDepth += 1
            self.checkDepth()
            self.position += 1
        case "]", "}":
            self.flowDepth = max(0, self.flowDepth - 1)
            self.position += 1
        case ",": self.position += 1
        case ":" where self.flowDepth == 0 && isBeforeBlank && self.mayNest:
            self.skip(complaining: "the key before ':' is missing: write 'key: value'")
        case ":" where self.flowDepth > 0 || isBeforeBlank: self.position += 1
        case "-" where self.isDocumentMark("-"), "." where self.isDocumentMark("."): self.position += 3
        case "-" where isBeforeBlank:
            self.nest()
            self.mayNest = true
            self.position += 1
        case "'", "\"":
            self.nest()
            self.quotedText(until: first)
        case "&": self.skip(complaining: "'&' marks a text for repetition, which is not used here: put it in quotes")
        case "*":
            self.skip(
                complaining: "'*' repeats a marked text, which is not used here: the role is written '*', in quotes")
        case "!": self.skip(complaining: "'!' begins a tag, which is not used here: leave it out, or quote the text")
        case "|", ">": self.skip(complaining: "text in blocks is not used here: write it on one line, in quotes")
        case "?" where self.flowDepth > 0 || isBeforeBlank:
            self.skip(complaining: "'?' before a key is not used here: write 'key: value'")
        case "%" where self.position == self.lineStart:
            self.skip(complaining: "directives are not used here: remove the line")
        default:
            self.nest()
            self.plainText()
        }
    }

    /// Whether `---` or `...` stands here, first in its line: the beginning or the end of a document.
    private func isDocumentMark(_ scalar: Unicode.Scalar) -> Bool {
        self.position == self.lineStart && (0..<3).allSatisfy { self.scalar(after: $0) == scalar }
            && [" ", "\t", "\n"].contains(self.scalar(after: 3))
    }

    /// Text without quotes, up to what ends it: a colon, a comment, the end of the line, or punctuation within brackets.
    private mutating func plainText() {
        while !self.isAtEnd {
            let scalar = self.scalar(after: 0)
            let next = self.scalar(after: 1)
            switch scalar {
            case "\n", "\t": return
            case " " where next == "#": return
            case ":" where [" ", "\t", "\n"].contains(next): return
            case ",", "[", "]", "{", "}": if self.flowDepth > 0 { return }
            default: break
            }
            self.checkScalar()
            self.position += 1
        }
    }

    private mutating func quotedText(until quote: Unicode.Scalar) {
        self.position += 1
        let start = self.position
        while !self.isAtEnd, self.scalar(after: 0) != "\n" {
            let scalar = self.scalar(after: 0)
            if scalar == quote {
                guard quote == "'", self.scalar(after: 1) == "'" else {
                    self.position += 1
                    return
                }
                self.position += 2
            } else if scalar == "\\", quote == "\"" {
                guard self.scalar(after: 1) != "\n" else { break }
                self.position += 2
            } else {
                self.checkScalar()
                self.position += 1
            }
        }
        let stop = self.position
        self.position = start - 1
        self.complain("the quote is not closed: close it on the line that it begins on")
        self.position = stop
    }

    private mutating func comment() {
        while !self.isAtEnd, self.scalar(after: 0) != "\n" {
            self.checkScalar()
            self.position += 1
        }
    }

    private mutating func endLine() {
        self.position += 1
        self.line += 1
        self.lineStart = self.position
        self.mayNest = true
    }

    private mutating func skip(complaining cause: String) {
        self.complain(cause)
        self.position += 1
    }

    /// Refuses what no editor shows: it would be a key or a name that looks like another.
    private mutating func checkScalar() {
        let value = self.scalar(after: 0).value
        switch value {
        case 0x09, 0x20...0x7e, 0xa0...0x2027, 0x202a...0xd7ff, 0xe000...0xfefe, 0xff00...0xfffd, 0x10000...: break
        default:
            self.complain(
                "a character that cannot be seen, U+\(String(value, radix: 16, uppercase: true)): remove it")
        }
    }

    /// A map, a list or a text begins here: it lies in those that begin further to the left.
    private mutating func nest() {
        guard self.flowDepth == 0, self.mayNest else { return }
        self.mayNest = false
        let column = self.position - self.lineStart
        while let last = self.indents.last, last >= column { self.indents.removeLast() }
        self.indents.append(column)
        self.checkDepth()
    }

    private mutating func checkDepth() {
        guard !self.isTooDeep, self.flowDepth + self.indents.count > PolicyFile.depthLimit else { return }
        self.isTooDeep = true
        self.complain("more than \(PolicyFile.depthLimit) maps in one another: four are enough for every policy")
    }
}
