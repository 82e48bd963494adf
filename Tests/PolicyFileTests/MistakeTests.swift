import Model
import PolicyFile
import Testing

@Suite("What is wrong with a policy file")
struct MistakeTests {
    @Test(
        "An unknown key is refused with the nearest known",
        arguments: [
            Mistake("policy: fair\nrole:\n  eng: {}\n", line: 2, "'role'", "'roles'"),
            Mistake("roles:\n  eng:\n    wieght: 2\n", line: 3, "'eng'", "'wieght'", "'weight'"),
            Mistake("frameworks:\n  a: {Limit: {cpus: 1}}\n", line: 2, "'Limit'", "did you mean 'limit'"),
            Mistake("roles:\n  eng:\n    guarantee:\n      cpu: 2\n", line: 4, "guarantee", "'cpu'", "'cpus'"),
            Mistake("task_limit: \"cpus:2;memory:4\"\n", line: 1, "'memory'", "'mem'"),
            Mistake("minimum_offer: {ports: 2}\n", line: 1, "'ports'", "Known are cpus, mem, disk, gpus"),
            Mistake("\nrevocation:\n  grace: 1s\n  waits: 1s\n", line: 4, "'waits'", "'wait'"),
            Mistake("slots: {short-time: 1s}\n", line: 1, "'short-time'", "'short_time'"),
            Mistake("policy: fiar\n", line: 1, "'fiar'", "fair, priority or lottery", "did you mean 'fair'"),
        ])
    func unknown(mistake: Mistake) { mistake.check() }

    @Test(
        "A key that comes twice is refused with both lines",
        arguments: [
            Mistake("policy: fair\n\npolicy: lottery\n", line: 3, "'policy'", "first on line 1"),
            Mistake("roles:\n  eng: {}\n  ops: {}\n  eng: {weight: 2}\n", line: 4, "'eng'", "first on line 2"),
            Mistake("roles:\n  eng: {}\n  'eng': {}\n", line: 3, "'eng'"),
            Mistake("roles:\n  a: {weight: 1, weight: 2}\n", line: 2, "'weight'"),
            Mistake("roles:\n  'x': {}\n  \"x\": {}\n", line: 3, "'x'"),
            Mistake("frameworks:\n  '''a': {}\n  '''a': {}\n", line: 3, "''a'"),
            Mistake("frameworks:\n  'é': {}\n  'e\u{301}': {}\n", line: 3, "first on line 2"),
            Mistake("task_limit: \"cpus:1;cpus:2\"\n", line: 1, "cpus twice"),
        ])
    func twice(mistake: Mistake) { mistake.check() }

    @Test(
        "A value of the wrong kind is refused",
        arguments: [
            Mistake("- policy\n- roles\n", line: 1, "the file is a list", "write a map"),
            Mistake("fair\n", line: 1, "the file is a text", "write a map"),
            Mistake("roles:\n  - eng\n  - ops\n", line: 2, "roles is a list", "write a map"),
            Mistake("roles: eng\n", line: 1, "roles is a text"),
            Mistake("roles:\n  eng: 2\n", line: 2, "'eng' is a text", "{weight: 2}"),
            Mistake("roles:\n  eng: {weight: [1]}\n", line: 2, "weight is a list", "a number above zero"),
            Mistake("roles:\n  eng: {weight: {a: 1}}\n", line: 2, "weight is a map"),
            Mistake("policy: {fair: 1}\n", line: 1, "policy is a map", "fair, priority or lottery"),
            Mistake("policy:\n\nslots: {}\n", line: 1, "policy has no value"),
            Mistake("slots:\n", line: 1, "slots has no value", "remove the key"),
            Mistake("task_limit: [cpus, 1]\n", line: 1, "task_limit is a list", "{cpus: 8, mem: 16GB}"),
            Mistake("roles:\n  eng:\n    limit:\n    weight: 2\n", line: 3, "limit has no value"),
            Mistake("roles:\n  eng: {limit: {cpus: {a: 1}}}\n", line: 2, "cpus is a map"),
            Mistake("[a]: 1\n", line: 1, "no text"),
            Mistake("users:\n", line: 1, "users has no value", "remove the key"),
            Mistake("policy: fair\nusers: {}\n", line: 2, "users names nobody", "remove the key"),
            Mistake("users: [ann]\n", line: 1, "users is a list", "spark: [spark, etl]"),
            Mistake("users:\n  spark: ann\n", line: 2, "'spark' is a text", "[spark, etl]"),
            Mistake("users:\n  spark: {ann: 1}\n", line: 2, "'spark' is a map", "[spark, etl]"),
            Mistake("users:\n  spark:\n    - ann\n    - [bob]\n", line: 4, "a user of 'spark' is no name"),
            Mistake("users:\n  spark: ['']\n", line: 2, "a user of 'spark' is no name", "[] for none"),
            Mistake("users:\n  spark: [ann, bob, ann]\n", line: 2, "the user 'ann' twice", "keep one"),
            Mistake("users:\n  '': [ann]\n", line: 1, "a principal has no name"),
        ])
    func kinds(mistake: Mistake) { mistake.check() }

    @Test(
        "A number that is none, or too large, or below zero is refused",
        arguments: [
            Mistake("minimum_offer:\n  cpus: -1\n", line: 2, "cpus '-1' is negative"),
            Mistake("minimum_offer:\n  mem: -.5GB\n", line: 2, "is negative"),
            Mistake("minimum_offer: {cpus: 1.0001}\n", line: 1, "at most three decimals"),
            Mistake("minimum_offer: {cpus: .nan}\n", line: 1, "no amount"),
            Mistake("minimum_offer: {cpus: .inf}\n", line: 1, "no amount"),
            Mistake("minimum_offer: {cpus: 1e3}\n", line: 1, "no amount"),
            Mistake("minimum_offer: {cpus: 0x10}\n", line: 1, "no amount"),
            Mistake("minimum_offer: {cpus: +3}\n", line: 1, "no amount"),
            Mistake("minimum_offer: {cpus: .5}\n", line: 1, "no amount"),
            Mistake("minimum_offer: {cpus: 1.}\n", line: 1, "no amount"),
            Mistake("minimum_offer: {cpus: 1_000}\n", line: 1, "no amount"),
            Mistake("minimum_offer: {cpus: '1,5'}\n", line: 1, "no amount"),
            Mistake("minimum_offer: {cpus: 8GB}\n", line: 1, "cpus '8GB' has a unit"),
            Mistake("minimum_offer: {mem: 8gb}\n", line: 1, "MB, GB or TB"),
            Mistake("minimum_offer: {mem: 8GiB}\n", line: 1, "'GiB'", "MB, GB or TB"),
            Mistake("minimum_offer: {mem: 1000000001}\n", line: 1, "too large", "1000000000MB"),
            Mistake("minimum_offer: {mem: 999999999999999TB}\n", line: 1, "too large"),
            Mistake("minimum_offer: {cpus: 99999999999999999999}\n", line: 1, "no amount"),
            Mistake("minimum_offer: \"cpus:1;mem\"\n", line: 1, "'mem'", "\"cpus:8;mem:16384\""),
            Mistake("minimum_offer: \"cpus:-1\"\n", line: 1, "negative"),
            Mistake("task_limit: {cpus: 0}\n", line: 1, "binds nothing"),
            Mistake("roles:\n  eng:\n    limit: \"cpus:1;gpus:0\"\n", line: 3, "zero gpus"),
            Mistake("roles:\n  eng:\n    weight: 0\n", line: 3, "above zero"),
            Mistake("roles:\n  eng:\n    weight: -1\n", line: 3, "above zero"),
            Mistake("roles:\n  eng: {weight: nan}\n", line: 2, "above zero"),
            Mistake("roles:\n  eng: {weight: 1e999}\n", line: 2, "above zero"),
            Mistake("roles:\n  eng: {weight: heavy}\n", line: 2, "'heavy'"),
            Mistake("roles:\n  eng:\n    priority: 1.5\n", line: 3, "whole number"),
            Mistake("roles:\n  eng:\n    priority: 2147483648\n", line: 3, "2147483647"),
            Mistake("slots: {long: 1.5}\n", line: 1, "from 0 to 1"),
            Mistake("slots: {long: -0.5}\n", line: 1, "from 0 to 1"),
            Mistake("slots: {long: 0.1234}\n", line: 1, "three decimals"),
        ])
    func numbers(mistake: Mistake) { mistake.check() }

    @Test(
        "A duration that is none is refused",
        arguments: [
            Mistake("revocation:\n  wait: 10\n", line: 2, "no unit", "10s"),
            Mistake("revocation:\n  wait: -1s\n", line: 2, "negative"),
            Mistake("revocation:\n  grace: never\n", line: 2, "no duration"),
            Mistake("revocation:\n  grace: 1w\n", line: 2, "ms, s, m, h or d"),
            Mistake("revocation:\n  grace: 1h30m\n", line: 2, "no duration"),
            Mistake("revocation:\n  grace: 36501d\n", line: 2, "too long", "36500d"),
            Mistake("revocation:\n  grace: 999999999999999d\n", line: 2, "too long"),
            Mistake("slots:\n  short_time: 0s\n", line: 2, "zero"),
            Mistake("slots:\n  short_time: s\n", line: 2, "no duration"),
        ])
    func durations(mistake: Mistake) { mistake.check() }

    @Test(
        "What contradicts itself is told where the role or the framework is described",
        arguments: [
            Mistake(
                "roles:\n  a: {}\n  b:\n    guarantee: {cpus: 2}\n    limit: {cpus: 1}\n", line: 3, "role 'b'", "above"),
            Mistake("frameworks:\n  a: {}\n  b: {guarantee: {cpus: 2}, limit: {cpus: 1}}\n", line: 3, "framework 'b'"),
            Mistake("roles:\n  x/y: {guarantee: {cpus: 2}}\n  x: {limit: {cpus: 1}}\n", line: 3, "children", "raise"),
            Mistake("roles:\n  a: {}\n  /b: {}\n", line: 3, "slash", "eng/backend"),
            Mistake("roles:\n  a: {}\n  '': {}\n", line: 3, "empty"),
            Mistake("roles:\n  a: {}\n  a/-b: {}\n", line: 3, "dash"),
            Mistake("roles:\n  a: {}\n  b c: {}\n", line: 3, "whitespace"),
            Mistake("frameworks:\n  a: {}\n\n  '': {}\n", line: 4, "no name"),
        ])
    func contradictions(mistake: Mistake) { mistake.check() }

    @Test(
        "A text that is no YAML is refused where the parser stops",
        arguments: [
            Mistake("roles: {eng: {weight: 1}\nslots: {}\n", line: 2, "close every bracket", "begins on line 1"),
            Mistake("policy: fair: lottery\n", line: 1, "in quotes"),
            Mistake("roles:\n  a: {}\n b: {}\n", line: 3, "indent"),
            Mistake("policy: fair\nroles:\nlottery\n", line: 3, "key: value"),
            Mistake("policy: @fair\n", line: 1, "quotes"),
            Mistake("policy: \"\\q\"\n", line: 1, "backslash"),
            Mistake("policy: fair\n---\npolicy: fair\n", line: 2, "second document"),
            Mistake("roles: {a: {}]\n", line: 1, "bracket"),
        ])
    func noYAML(mistake: Mistake) { mistake.check() }

    @Test(
        "What a policy has no use for is refused before the parser sees it",
        arguments: [
            Mistake("roles:\n\teng: {}\n", line: 2, "tab", "spaces"),
            Mistake("policy:\tfair\n", line: 1, "tab"),
            Mistake("roles:\n  a: &x {weight: 2}\n", line: 2, "'&'"),
            Mistake("roles:\n  a: {}\n  b: *x\n", line: 3, "'*'"),
            Mistake("roles:\n  *: {}\n", line: 2, "'*', in quotes"),
            Mistake("--- &x {}\n", line: 1, "'&'"),
            Mistake("roles: {\"a\":*x }\n", line: 1, "'*'"),
            Mistake("roles: {a: {}\n  ,*x : {}}\n", line: 2, "'*'"),
            Mistake("policy: !!str fair\n", line: 1, "tag"),
            Mistake("policy: |\n  fair\n", line: 1, "on one line"),
            Mistake("? policy\n", line: 1, "key: value"),
            Mistake(": : : x\n", line: 1, "key before ':'"),
            Mistake("%YAML 1.1\n---\npolicy: fair\n", line: 1, "directives"),
            Mistake("policy: fair\nroles:\n  'eng: {}\n", line: 3, "quote"),
            Mistake("policy: \"fair\n", line: 1, "quote"),
            Mistake("policy: fa\u{7}ir\n", line: 1, "U+7"),
            Mistake("policy: fair # \u{2028}\n", line: 1, "U+2028"),
            Mistake(String(repeating: "[", count: 100_000), line: 1, "16 maps"),
            Mistake("\n" + String(repeating: "{a: ", count: 100_000), line: 2, "16 maps"),
            Mistake(String(repeating: "- ", count: 100_000), line: 1, "16 maps"),
            Mistake(
                (0..<20).map { String(repeating: " ", count: $0) + "a:\n" }.joined(), line: 17, "16 maps"),
            Mistake("# " + String(repeating: "x", count: PolicyFile.sizeLimit), line: 1, "1048576"),
        ])
    func screened(mistake: Mistake) { mistake.check() }

    @Test("Aliases to aliases take no time")
    func bomb() {
        var text = "a0: &a0 {x: 1}\n"
        for level in 1...60 { text += "a\(level): &a\(level) {? *a\(level - 1) : 1, y: *a\(level - 1)}\n" }
        let lines = Set(problems(text).map(\.line))
        #expect(lines == Set(1...61))
    }

    @Test("More roles or frameworks than are checked against each other are refused")
    func tooMany() {
        let roles = "roles:\n" + (0...PolicyFile.roleLimit).map { "  r\($0):\n" }.joined()
        #expect(problems(roles).map(\.line) == [PolicyFile.roleLimit + 2])
        let frameworks = "frameworks:\n" + (0...PolicyFile.frameworkLimit).map { "  f\($0):\n" }.joined()
        #expect(problems(frameworks).map(\.line) == [PolicyFile.frameworkLimit + 2])
    }

    @Test("Everything that is wrong is told at once, by line")
    func allAtOnce() {
        let text = """
            policy: fiar
            roles:
              eng:
                weight: -2
                guarantee: {cpus: -8, mem: 16XB}
                wieght: 1
              ops: {guarantee: {cpus: 2}, limit: {cpus: 1}}
              eng: {}
              bad//name: {priority: x}
            frameworks: [spark]
            revocation: {wait: 10, wait: 11, grace: 1s, grace: 2}
            unknown: 1
            """
        let found = problems(text)
        #expect(found.map(\.line) == [1, 4, 5, 5, 6, 7, 8, 9, 9, 10, 11, 11, 11, 12], "\(found)")
        #expect(found.allSatisfy { $0.column != nil })
        let columns = found.filter { $0.line == 5 }.map(\.column)
        #expect(columns == [23, 32])
    }

    @Test("Keys that come twice in many maps are all told")
    func twiceEverywhere() {
        let text = "roles:\n" + (0..<10).map { "  r\($0): {weight: 1, weight: 1}\n" }.joined()
        #expect(problems(text).map(\.line) == Array(2...11))
        let endless = "roles:\n" + (0..<1000).map { "  r\($0): {weight: 1, weight: 1}\n" }.joined()
        #expect(problems(endless).count == 1)
    }

    @Test("No text, however it is damaged, does more than fail", arguments: 0..<20 as Range<UInt64>)
    func damaged(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let original = Array(ReadingTests.example.unicodeScalars)
        let alphabet = Array("{}[]:,-?*&!|>'\"#% \n\t\\~0a.é\u{1}\u{FEFF}\u{E000}".unicodeScalars)
        for _ in 0..<100 {
            var scalars = original
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                let index = Int.random(in: 0..<scalars.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: scalars.remove(at: index)
                case 1: scalars[index] = alphabet.randomElement(using: &random) ?? " "
                default: scalars.insert(alphabet.randomElement(using: &random) ?? " ", at: index)
                }
            }
            var text = ""
            text.unicodeScalars.append(contentsOf: scalars)
            let lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }.count
            for problem in problems(text) {
                #expect((1...lines).contains(problem.line) && !problem.cause.isEmpty, "\(problem) in \(text)")
            }
        }
    }
}
