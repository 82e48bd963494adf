import Foundation
import Testing

@testable import Model

@Suite("Patterns")
struct TextPatternTests {
    @Test(
        "The whole text has to match",
        arguments: [
            ("", [""], ["a"]),
            ("abc", ["abc"], ["", "ab", "abcd", "xabc", "ABC"]),
            ("a.c", ["abc", "a.c", "aéc", "a😀c"], ["ac", "a\nc"]),
            ("(?s)a.c", ["a\nc"], ["ac"]),
            ("[a-c]x[^a-c]", ["axd", "cx\n", "bx]"], ["dxd", "axa"]),
            ("[]a-]+", ["]a-", "-"], ["b", ""]),
            ("[^]a]", ["b"], ["]", "a"]),
            ("[a\\-z]", ["a", "-", "z"], ["b"]),
            ("[\\d_]+", ["1_2"], ["a"]),
            ("[[:alpha:][:digit:]]+", ["aZ9"], ["_", ""]),
            ("[[:^alpha:]]", ["1"], ["a"]),
            ("[^\\D5]", ["4"], ["5", "a"]),
            ("\\d\\D\\w\\W\\s\\S", ["1a_- x"], ["aa_- x"]),
            ("\\s*", [" \t\n\r\u{c}", ""], ["\u{b}", "\u{a0}"]),
            ("ab|cd|", ["ab", "cd", ""], ["abcd", "a"]),
            ("a(b|c)*d", ["ad", "abcbd"], ["abc", "aed"]),
            ("(?:a|b)+?c", ["abac"], ["c"]),
            ("(?P<x>a)(?<y>b)", ["ab"], ["a"]),
            ("a?b+c*", ["b", "abbcc"], ["", "ac"]),
            ("a{3}", ["aaa"], ["aa", "aaaa"]),
            ("a{2,}", ["aa", "aaaaa"], ["a"]),
            ("a{1,2}?b", ["ab", "aab"], ["b", "aaab"]),
            ("a{0}b{0,0}", [""], ["a", "b"]),
            ("a{,2}", ["a{,2}"], ["", "a", "aa"]),
            ("a{x}{", ["a{x}{"], ["a"]),
            ("^ab$", ["ab"], ["ab\n", "\nab"]),
            ("a^b|a$b", [], ["ab"]),
            ("(?m)a$\\n^b", ["a\nb"], ["ab"]),
            ("\\Aa\\z", ["a"], ["a\n"]),
            ("\\bab\\b \\Bx?", ["ab "], ["ab x"]),
            ("(?i)r[a-c]é\\.", ["RBÉ.", "rcé."], ["rdé."]),
            ("(?i)kς[^s]", ["KΣa", "\u{212A}σt"], ["kσS", "kσs"]),
            ("a(?i)b(?-i:c)|d", ["aBc", "D"], ["aBC", "Ab"]),
            ("(?i:a)b", ["Ab"], ["AB"]),
            ("((?i)a)b", ["Ab"], ["AB"]),
            ("(?U)a+", ["aa"], [""]),
            ("\\x41\\x{1F600}\\n\\t\\.\\*\\-\\_", ["A😀\n\t.*-_"], ["A"]),
            ("\\Qa.b*\\E+", ["a.b*", "a.b**"], ["a.b", "axb*"]),
            ("\\Q(", ["("], [""]),
            ("(a*)*b", ["b", "aaab"], ["a", "aaa"]),
            ("()*|(^)*a", ["", "a"], ["b"]),
            ("(|a)+", ["", "a", "aa"], ["b"]),
            ("é+", ["éé"], ["e\u{301}"]),
            (
                "192\\.168\\.(1[0-9]|3[4-7]|[1-9]|4[2-9])\\.1", ["192.168.36.1", "192.168.7.1"],
                ["192.168.38.1", "192x168.7.1"]
            ),
        ] as [(String, [String], [String])])
    func table(_ pattern: String, _ matching: [String], _ others: [String]) {
        let compiled = TextPattern(pattern)
        #expect(compiled.problem == nil)
        for text in matching { #expect(compiled.matches(text), "\(pattern) and \(text.debugDescription)") }
        for text in others { #expect(!compiled.matches(text), "\(pattern) and \(text.debugDescription)") }
    }

    @Test(
        "What is no pattern here is refused, with what is wrong and where",
        arguments: [
            ("a(b", "a '(' without its ')', at character 2"),
            ("a)b", "a ')' without its '(', at character 2"),
            ("a[b", "a '[' without its ']', at character 2"),
            ("[b-", "a '[' without its ']', at character 1"),
            ("[", "a '[' without its ']', at character 1"),
            ("[]", "a '[' without its ']', at character 1"),
            ("[^", "a '[' without its ']', at character 1"),
            ("[z-a]", "a range that ends before it begins, at character 2"),
            ("[[:alpa:]]", "no class of that name, such as [:alpha:], at character 2"),
            ("*a", "a repetition of nothing, at character 1"),
            ("a|+", "a repetition of nothing, at character 3"),
            ("(?:?)", "a repetition of nothing, at character 4"),
            ("a**", "a repetition of a repetition, at character 3"),
            ("a*+", "a repetition of a repetition, at character 3"),
            ("a{2}{3}", "a repetition of a repetition, at character 5"),
            ("a{1001}", "a repetition of more than 1000 times, at character 2"),
            ("a{99999999999999999999999}", "a repetition of more than 1000 times, at character 2"),
            ("a{3,2}", "a repetition that ends before it begins, at character 2"),
            ("(a)\\1", "back-references and octal escapes are not supported, at character 4"),
            ("x(?=a)", "look-around is not supported, at character 2"),
            ("(?!a)", "look-around is not supported, at character 1"),
            ("(?<=a)", "look-around is not supported, at character 1"),
            ("(?<!a)", "look-around is not supported, at character 1"),
            ("(?>a)", "atomic groups are not supported, at character 1"),
            ("(?P=x)", "'(?' is followed by ':', 'P<', or flags among i, m, s, U, at character 1"),
            ("(?P<>a)", "a group's name is letters, digits and '_' between '<' and '>', at character 1"),
            ("(?P<<a)", "a group's name is letters, digits and '_' between '<' and '>', at character 1"),
            ("(?x)a", "'(?' is followed by ':', 'P<', or flags among i, m, s, U, at character 1"),
            ("(?)", "'(?' is followed by ':', 'P<', or flags among i, m, s, U, at character 1"),
            ("(?i-)", "'(?' is followed by ':', 'P<', or flags among i, m, s, U, at character 1"),
            ("(?i", "a '(' without its ')', at character 1"),
            ("a\\", "a '\\' with nothing after it, at character 2"),
            ("[\\", "a '\\' with nothing after it, at character 2"),
            ("\\pL", "Unicode properties (\\p) are not supported, at character 1"),
            ("\\C", "'\\C' is not supported, at character 1"),
            ("é\\é", "'\\é' is not supported, at character 2"),
            ("[\\b]", "'\\b' is not supported, at character 2"),
            ("\\x4", "'\\x' is followed by two hexadecimal digits, or by a scalar's in braces, at character 1"),
            ("\\x{110000}", "'\\x' is followed by two hexadecimal digits, or by a scalar's in braces, at character 1"),
            ("\\x{D800}", "'\\x' is followed by two hexadecimal digits, or by a scalar's in braces, at character 1"),
            ("((a{1000}){1000}){1000}", "it becomes larger than 1000 instructions, at character 11"),
            ("a{1000}", "it becomes larger than 1000 instructions, at character 7"),
            ("(a|b){500}", "it becomes larger than 1000 instructions, at character 6"),
        ])
    func refused(_ pattern: String, _ problem: String) {
        let compiled = TextPattern(pattern)
        #expect(compiled.problem?.description == problem)
        #expect(!compiled.matches("") && compiled.size == 0)
    }

    @Test("Size, length and depth are bounded, and a pattern at its bounds works")
    func bounds() {
        #expect(TextPattern("a{999}").size == 1000)
        #expect(TextPattern("a{999}").matches(String(repeating: "a", count: 999)))
        #expect(TextPattern(String(repeating: "()", count: 2048)).matches(""))
        let long = TextPattern(String(repeating: "()", count: 2049)).problem
        #expect(long?.description == "it is 4098 bytes long, the limit is 4096, at character 1")
        let deep = { String(repeating: "(", count: $0) + "a" + String(repeating: ")", count: $0) }
        #expect(TextPattern(deep(100)).matches("a"))
        #expect(TextPattern(deep(101)).problem?.message == "more than 100 groups inside each other")
        // A repetition of nothing is nothing, however often.
        let nothing = (0..<90).reduce("()") { inner, _ in "(\(inner)){1000}" }
        #expect(TextPattern(nothing).size == 1)
    }

    @Test(
        "Time is linear in the text, whatever the pattern",
        arguments: ["(a*)*b", "(a|aa)+$", "(a|a)*b", "(a?){50}a{50}b", "(.*)(.*)(.*)(.*)(.*)x", "((a+)+)+c"])
    func linear(_ pattern: String) {
        let compiled = TextPattern(pattern)
        func steps(_ length: Int) -> Int {
            var steps = 0
            _ = compiled.matches(String(repeating: "a", count: length), steps: &steps)
            return steps
        }
        let (short, long) = (steps(1000), steps(10_000))
        #expect(long <= 11 * short, "\(short) for 1,000, \(long) for 10,000")
        #expect(long <= 2 * 10_001 * compiled.size)
    }

    @Test("Patterns are equal when they are written the same way")
    func equality() {
        #expect(TextPattern("a+") == "a+" && TextPattern("a+") != "aa*")
        #expect(Set([TextPattern("a"), "a", "b"]).count == 2)
    }

    @Test("No pattern is a trap: random texts are patterns or are refused")
    func garbage() {
        var random = SeededGenerator(seed: 7)
        let pieces =
            ["(", ")", "[", "]", "{", "}", "?", "*", "+", "|", "^", "$", "\\", "-", ":", "<", ">", "=", "!", "P"]
            + [
                "a", "i", "x", "Q", "E", "1", "9", ",", "d", "p", "é", "[:", ":]", "(?", "\\Q", "{1000}", "{2,",
                "\u{0}",
            ]
        var good = 0
        for _ in 0..<20_000 {
            let text = (0..<Int.random(in: 0...12, using: &random)).map { _ in pieces.randomElement(using: &random)! }
            let pattern = TextPattern(text.joined())
            _ = pattern.matches("aé1")
            if pattern.problem == nil { good += 1 }
            #expect(pattern.size <= TextPattern.maximumSize)
            if let position = pattern.problem?.position {
                #expect(1...pattern.text.unicodeScalars.count + 1 ~= position)
            }
        }
        #expect(good > 1000 && good < 19_000)
    }
}

/// Patterns made at random, each in two spellings: ours, and Python's where that differs.
@Suite("Patterns, compared with another implementation")
struct PatternOracleTests {
    private struct Case: Codable {
        var ours: String
        var theirs: String
        var texts: [String]
    }

    @Test("Python's re.fullmatch says the same of 4,000 patterns and ten texts each")
    func oracle() throws {
        var random = SeededGenerator(seed: 2026)
        let cases = (0..<4000).map { _ -> Case in
            let (ours, theirs) = Self.pattern(2, &random)
            return Case(ours: ours, theirs: theirs, texts: (0..<10).map { _ in Self.text(&random) })
        }
        let answers = try Self.ask(cases)
        try #require(answers.count == cases.count)
        var matches = 0
        for (sample, answer) in zip(cases, answers) {
            let pattern = TextPattern(sample.ours)
            #expect(pattern.problem == nil, "\(sample.ours)")
            let said = sample.texts.map { pattern.matches($0) ? "1" : "0" }.joined()
            #expect(said == answer, "\(sample.ours) of \(sample.texts)")
            matches += said.count { $0 == "1" }
        }
        #expect(matches > 2000, "a comparison of what never matches says little: \(matches)")
    }

    private static let letters = ["a", "b", "A", "1", "_", " ", "\n", "-"]

    private static func text(_ random: inout SeededGenerator) -> String {
        (0..<Int.random(in: 0...5, using: &random)).map { _ in self.letters.randomElement(using: &random)! }.joined()
    }

    private static func pattern(_ depth: Int, _ random: inout SeededGenerator) -> (String, String) {
        let count = Int.random(in: 1...3, using: &random)
        let parts = (0..<count).map { _ in self.part(depth, &random) }
        return (parts.map(\.0).joined(), parts.map(\.1).joined())
    }

    private static func part(_ depth: Int, _ random: inout SeededGenerator) -> (String, String) {
        let places = [("^", "\\A"), ("$", "\\Z"), ("\\b", "\\b"), ("\\B", "(?:(?<=\\w)(?=\\w)|(?<!\\w)(?!\\w))")]
        if Int.random(in: 0..<16, using: &random) == 0 { return places.randomElement(using: &random)! }
        let atom = depth > 0 && Bool.random(using: &random) ? self.group(depth, &random) : self.atom(&random)
        // Loops within loops take the other implementation exponential time.
        let bounded = ["", "", "", "?", "??", "{2}", "{1,2}", "{0,1}", "{0}"]
        let unbounded = ["*", "+", "*?", "+?", "{1,}"]
        let hasLoop = atom.0.contains("*") || atom.0.contains("+") || atom.0.contains(",}")
        let count = (hasLoop ? bounded : bounded + unbounded).randomElement(using: &random)!
        return (atom.0 + count, atom.1 + count)
    }

    private static func group(_ depth: Int, _ random: inout SeededGenerator) -> (String, String) {
        let open = ["(", "(?:", "(?i:", "(?s:", "(?P<n>"].randomElement(using: &random)!
        var inner = self.pattern(depth - 1, &random)
        if Bool.random(using: &random) {
            let other = self.pattern(depth - 1, &random)
            inner = (inner.0 + "|" + other.0, inner.1 + "|" + other.1)
        }
        // A name may be there once only in Python.
        return (open + inner.0 + ")", (open == "(?P<n>" ? "(" : open) + inner.1 + ")")
    }

    private static func atom(_ random: inout SeededGenerator) -> (String, String) {
        let same = [
            "a", "b", "A", "1", "_", "-", ".", "\\d", "\\D", "\\w", "\\W", "[ab]", "[^a]", "[a-z]", "[^\\d_]", "\\n",
        ]
        let other = [
            ("\\s", "[\\t\\n\\f\\r ]"), ("\\S", "[^\\t\\n\\f\\r ]"), ("[[:upper:]]", "[A-Z]"), ("\\x{62}", "b"),
        ]
        return Int.random(in: 0..<5, using: &random) == 0
            ? other.randomElement(using: &random)! : same.randomElement(using: &random).map { ($0, $0) }!
    }

    /// One digit for each text, 1 for a match.
    private static func ask(_ cases: [Case]) throws -> [String] {
        let file = FileManager.default.temporaryDirectory.appending(path: "patterns-\(UUID().uuidString).json")
        defer { try? FileManager.default.removeItem(at: file) }
        try JSONEncoder().encode(cases).write(to: file)
        let script = """
            import json, re, resource, sys
            resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
            for case in json.load(open(sys.argv[1])):
                pattern = re.compile(case["theirs"], re.ASCII)
                print("".join("1" if pattern.fullmatch(text) else "0" for text in case["texts"]))
            """
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3", "-c", script, file.path]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let said = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return String(decoding: said, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: true).map(
            String.init)
    }
}
