/// A regular expression that a whole text has to match: what Mesos' offer constraints ask of texts, in a part of RE2's syntax.
///
/// | written | matches |
/// |---|---|
/// | `a` `.` `[a-z]` `[^a-z]` | that scalar; any but a line feed; one of these; one of the others |
/// | `\d` `\w` `\s` `\D` `\W` `\S` `[[:alpha:]]` | of ASCII, as in RE2; also inside brackets |
/// | `xy` `x\|y` `x*` `x+` `x?` `x{2,5}` `x{2,}` `x{3}` | greedy, or lazy with a `?` after it, which makes no difference here |
/// | `(x)` `(?:x)` `(?P<name>x)` `(?i)` `(?i:x)` | groups; the flags i, m, s, U and those after a `-` |
/// | `^` `$` `\A` `\z` `\b` `\B` | nothing, at such a place |
/// | `\n` `\t` `\r` `\f` `\v` `\a` `\x41` `\x{1F600}` `\.` `\Q..\E` | that scalar, or these |
///
/// Not there: what takes more than linear time (back-references, look-around, possessive and atomic groups), octal escapes,
/// Unicode properties (`\pL`), single bytes (`\C`).
/// Matching follows all ways through the pattern at once (Thompson, CACM 1968), so it takes time in proportion to the text's
/// length times the compiled size at most, whatever the pattern is. It is compiled once, when it is made; copies share that.
public struct TextPattern: Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
    /// How large a compiled pattern may be, in instructions.
    ///
    /// Roughly one for each scalar, class, or place, and two for each choice; `{n}` repeats what it stands behind.
    /// Mesos allows RE2 100 by default, after it has joined common beginnings, which is not done here: so this is larger.
    public static let maximumSize = 1000
    /// How long a pattern may be, in bytes.
    public static let maximumLength = 4096
    /// How deep groups may be inside each other.
    public static let maximumDepth = 100

    /// As it was written.
    public let text: String
    private let compiled: Compiled

    /// What is wrong with a pattern, and where.
    public struct Problem: Error, Hashable, Sendable, CustomStringConvertible {
        /// In words.
        public var message: String
        /// Which scalar of the pattern it is at, from 1 on; one more than there are: its end.
        public var position: Int

        /// For people.
        public var description: String { "\(self.message), at character \(self.position)" }
    }

    /// The program, or why there is none.
    private final class Compiled: Sendable {
        let result: Result<Program, Problem>

        init(_ text: String) {
            self.result = Result { () throws(Problem) in try Program(text) }
        }
    }

    /// Compiles a pattern; what is wrong with it is in `problem`.
    public init(_ text: String) {
        self.text = text
        self.compiled = Compiled(text)
    }

    /// Compiles a pattern that stands in the source.
    public init(stringLiteral text: String) { self.init(text) }

    /// Why it is no pattern; nil: it is one.
    public var problem: Problem? {
        if case .failure(let problem) = self.compiled.result { problem } else { nil }
    }

    /// Whether the whole of a text is described; never, if the pattern has a problem.
    ///
    /// - Complexity: O(length of the text × compiled size).
    public func matches(_ text: String) -> Bool {
        var steps = 0
        return self.matches(text, steps: &steps)
    }

    /// The same, and counts the instructions that were looked at.
    func matches(_ text: String, steps: inout Int) -> Bool {
        guard case .success(let program) = self.compiled.result else { return false }
        return program.matches(text, steps: &steps)
    }

    /// How many instructions it has; 0 if it has a problem.
    public var size: Int {
        if case .success(let program) = self.compiled.result { program.instructions.count } else { 0 }
    }

    /// The pattern.
    public var description: String { self.text }

    /// Whether they are written the same way.
    public static func == (left: TextPattern, right: TextPattern) -> Bool { left.text == right.text }

    /// By what is written.
    public func hash(into hasher: inout Hasher) { hasher.combine(self.text) }
}
