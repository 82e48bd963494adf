extension TextPattern {
    /// A part of a pattern, and how many instructions it becomes.
    struct Node {
        indirect enum Kind {
            case empty
            case one(Program.Instruction)
            case sequence([Node])
            case choice([Node])
            /// Nil `most`: without end.
            case repeated(Node, least: Int, most: Int?)
        }

        var kind: Kind
        var size: Int
    }

    /// Reads a pattern from left to right.
    struct Parser {
        fileprivate let scalars: [Unicode.Scalar]
        fileprivate var next = 0
        fileprivate var depth = 0
        fileprivate var flags = Flags()

        /// What `(?i)` and its like change, up to the end of their group.
        struct Flags {
            var ignoresCase = false
            var dotIsAny = false
            var hasLines = false
        }

        init(_ text: String) { self.scalars = Array(text.unicodeScalars) }

        /// The whole pattern.
        mutating func pattern() throws(Problem) -> Node {
            let node = try self.choice()
            if self.peek != nil { throw self.problem("a ')' without its '('") }
            return try self.bounded(node.kind, node.size + 1)
        }

        fileprivate var peek: Unicode.Scalar? { self.next < self.scalars.count ? self.scalars[self.next] : nil }

        /// At the scalar that is read next, unless another place is given.
        fileprivate func problem(_ message: String, at index: Int? = nil) -> Problem {
            Problem(message: message, position: (index ?? self.next) + 1)
        }

        private func bounded(_ kind: Node.Kind, _ size: Int) throws(Problem) -> Node {
            if size > TextPattern.maximumSize {
                throw self.problem(
                    "it becomes larger than \(TextPattern.maximumSize) instructions", at: max(0, self.next - 1))
            }
            return Node(kind: kind, size: size)
        }

        fileprivate mutating func take(_ text: String) -> Bool {
            let wanted = Array(text.unicodeScalars)
            guard self.scalars[self.next...].starts(with: wanted) else { return false }
            self.next += wanted.count
            return true
        }

        // MARK: Choices, sequences, repetitions

        fileprivate mutating func choice() throws(Problem) -> Node {
            var parts = [try self.sequence()]
            while self.take("|") { parts.append(try self.sequence()) }
            if parts.count == 1 { return parts[0] }
            return try self.bounded(.choice(parts), parts.reduce(2 * (parts.count - 1)) { $0 + $1.size })
        }

        private mutating func sequence() throws(Problem) -> Node {
            var parts: [Node] = []
            var size = 0
            while let scalar = self.peek, scalar != "|", scalar != ")" {
                var part: Node?
                if self.take("\\Q") {
                    let literal = try self.quoted()
                    parts += literal.dropLast()
                    size += max(0, literal.count - 1)
                    part = literal.last
                } else {
                    part = try self.atom()
                }
                guard let part else { continue }
                let repeated = try self.repetition(of: part)
                size += repeated.size
                parts.append(repeated)
                _ = try self.bounded(.empty, size)
            }
            return parts.count == 1 ? parts[0] : try self.bounded(parts.isEmpty ? .empty : .sequence(parts), size)
        }

        private mutating func repetition(of part: Node) throws(Problem) -> Node {
            let start = self.next
            guard let (least, most) = try self.count() else { return part }
            _ = self.take("?")
            let after = self.next
            if try self.count() != nil { throw self.problem("a repetition of a repetition", at: after) }
            if part.size == 0 { return part }
            // At most 1000 times 1000: no overflow.
            let size =
                switch most {
                case nil: max(least, 1) * part.size + (least == 0 ? 2 : 1)
                case let most?: least * part.size + (most - least) * (part.size + 1)
                }
            if size > TextPattern.maximumSize {
                throw self.problem("it becomes larger than \(TextPattern.maximumSize) instructions", at: start)
            }
            return Node(kind: .repeated(part, least: least, most: most), size: size)
        }

        /// How often what stands before is repeated; nil: nothing is said of that.
        private mutating func count() throws(Problem) -> (least: Int, most: Int?)? {
            if self.take("*") { return (0, nil) }
            if self.take("+") { return (1, nil) }
            if self.take("?") { return (0, 1) }
            let start = self.next
            // What is not of this form is a brace that means itself.
            guard self.take("{"), let least = self.number() else {
                self.next = start
                return nil
            }
            var most: Int? = least
            if self.take(",") { most = self.number() }
            guard self.take("}") else {
                self.next = start
                return nil
            }
            if max(least, most ?? 0) > 1000 { throw self.problem("a repetition of more than 1000 times", at: start) }
            if let most, most < least { throw self.problem("a repetition that ends before it begins", at: start) }
            return (least, most)
        }

        /// Decimal digits; what is too large becomes 1001.
        private mutating func number() -> Int? {
            var value: Int?
            while let digit = self.peek, digit.value &- 0x30 < 10 {
                value = min(1001, (value ?? 0) * 10 + Int(digit.value - 0x30))
                self.next += 1
            }
            return value
        }
    }
}

// MARK: Atoms

extension TextPattern.Parser {
    private typealias Instruction = TextPattern.Program.Instruction

    /// What a repetition would repeat; nil: flags, which are nothing in themselves.
    private mutating func atom() throws(TextPattern.Problem) -> TextPattern.Node? {
        let start = self.next
        let scalar = self.scalars[start]
        self.next += 1
        switch scalar {
        case "(": return try self.group(from: start)
        case "[": return self.one(.set(try self.bracket(from: start)))
        case ".":
            return self.one(
                .set(.init([self.flags.dotIsAny ? TextPattern.allScalars : 10...10], isNegated: !self.flags.dotIsAny)))
        case "^": return self.one(.place(self.flags.hasLines ? .lineStart : .start))
        case "$": return self.one(.place(self.flags.hasLines ? .lineEnd : .end))
        case "*", "+", "?": throw self.problem("a repetition of nothing", at: start)
        case "\\": return self.one(try self.escape(from: start))
        default: return self.one(self.literal(scalar))
        }
    }

    private func one(_ instruction: Instruction) -> TextPattern.Node { .init(kind: .one(instruction), size: 1) }

    private func literal(_ scalar: Unicode.Scalar) -> Instruction {
        self.flags.ignoresCase ? .folded(scalar.folded) : .scalar(scalar)
    }

    /// What stands after `\Q`, up to `\E` or the end.
    private mutating func quoted() throws(TextPattern.Problem) -> [TextPattern.Node] {
        var literal: [TextPattern.Node] = []
        while let scalar = self.peek, !self.take("\\E") {
            literal.append(self.one(self.literal(scalar)))
            self.next += 1
        }
        return literal
    }

    private mutating func escape(from start: Int) throws(TextPattern.Problem) -> Instruction {
        guard let letter = self.peek else { throw self.problem("a '\\' with nothing after it", at: start) }
        switch letter {
        case "A", "z", "b", "B":
            self.next += 1
            return .place(
                letter == "A" ? .start : letter == "z" ? .end : letter == "b" ? .wordBoundary : .noWordBoundary)
        default: break
        }
        if let ranges = TextPattern.perlClass(letter) {
            self.next += 1
            return .set(.init(ranges))
        }
        return self.literal(try self.escapedScalar(from: start))
    }

    /// What stands after a backslash, where it means one scalar; `start` is the backslash.
    private mutating func escapedScalar(from start: Int) throws(TextPattern.Problem) -> Unicode.Scalar {
        guard let letter = self.peek else { throw self.problem("a '\\' with nothing after it", at: start) }
        self.next += 1
        switch letter {
        case "n": return "\n"
        case "t": return "\t"
        case "r": return "\r"
        case "f": return "\u{c}"
        case "v": return "\u{b}"
        case "a": return "\u{7}"
        case "x": return try self.hexadecimal(from: start)
        case "0"..."9": throw self.problem("back-references and octal escapes are not supported", at: start)
        case "p", "P": throw self.problem("Unicode properties (\\\(letter)) are not supported", at: start)
        default: break
        }
        if letter.isASCII, !letter.properties.isAlphabetic { return letter }
        throw self.problem("'\\\(letter)' is not supported", at: start)
    }

    private mutating func hexadecimal(from start: Int) throws(TextPattern.Problem) -> Unicode.Scalar {
        var digits = ""
        let isBraced = self.take("{")
        while let digit = self.peek, digit.properties.isASCIIHexDigit, digits.utf8.count < (isBraced ? 8 : 2) {
            digits.unicodeScalars.append(digit)
            self.next += 1
        }
        let isWhole = isBraced ? !digits.isEmpty && self.take("}") : digits.utf8.count == 2
        guard isWhole, let value = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(value) else {
            throw self.problem("'\\x' is followed by two hexadecimal digits, or by a scalar's in braces", at: start)
        }
        return scalar
    }
}

// MARK: Groups

extension TextPattern.Parser {
    private mutating func group(from start: Int) throws(TextPattern.Problem) -> TextPattern.Node? {
        let outer = self.flags
        if self.take("?") {
            if self.take("P<") || (!self.isLookBehind && self.take("<")) {
                try self.name(from: start)
            } else if self.peek == "=" || self.peek == "!" || self.peek == "<" {
                throw self.problem("look-around is not supported", at: start)
            } else if self.peek == ">" {
                throw self.problem("atomic groups are not supported", at: start)
            } else if try !self.readFlags(from: start) {
                return nil
            }
        }
        self.depth += 1
        if self.depth > TextPattern.maximumDepth {
            throw self.problem("more than \(TextPattern.maximumDepth) groups inside each other", at: start)
        }
        let node = try self.choice()
        guard self.take(")") else { throw self.problem("a '(' without its ')'", at: start) }
        self.depth -= 1
        self.flags = outer
        return node
    }

    private var isLookBehind: Bool {
        let after = self.next + 1
        return after < self.scalars.count && (self.scalars[after] == "=" || self.scalars[after] == "!")
    }

    private mutating func name(from start: Int) throws(TextPattern.Problem) {
        let first = self.next
        while let scalar = self.peek, scalar == "_" || (scalar.isASCII && TextPattern.isAlphanumeric(scalar)) {
            self.next += 1
        }
        guard self.next > first, self.take(">") else {
            throw self.problem("a group's name is letters, digits and '_' between '<' and '>'", at: start)
        }
    }

    /// Flags and what ends them; false: they are for the rest of the group that they stand in.
    private mutating func readFlags(from start: Int) throws(TextPattern.Problem) -> Bool {
        var flags = self.flags
        var value = true
        var isEmpty = true
        while let letter = self.peek {
            self.next += 1
            switch letter {
            case "i": flags.ignoresCase = value
            case "s": flags.dotIsAny = value
            case "m": flags.hasLines = value
            case "U": break
            case "-" where value:
                value = false
                isEmpty = true
                continue
            case ":" where !isEmpty || value, ")" where !isEmpty:
                self.flags = flags
                return letter == ":"
            default: throw self.problem("'(?' is followed by ':', 'P<', or flags among i, m, s, U", at: start)
            }
            isEmpty = false
        }
        throw self.problem("a '(' without its ')'", at: start)
    }
}

// MARK: Brackets

extension TextPattern.Parser {
    private mutating func bracket(from start: Int) throws(TextPattern.Problem) -> TextPattern.ScalarSet {
        let isNegated = self.take("^")
        var ranges: [ClosedRange<UInt32>] = []
        var isFirst = true
        while let scalar = self.peek, scalar != "]" || isFirst {
            isFirst = false
            let place = self.next
            if self.take("[:") {
                ranges += try self.namedClass(from: place)
                continue
            }
            if scalar == "\\", self.next + 1 < self.scalars.count,
                let perl = TextPattern.perlClass(self.scalars[self.next + 1])
            {
                self.next += 2
                ranges += perl
                continue
            }
            let low = try self.memberOfBracket()
            var high = low
            if self.peek == "-", self.next + 1 < self.scalars.count, self.scalars[self.next + 1] != "]" {
                self.next += 1
                high = try self.memberOfBracket()
            }
            if high.value < low.value { throw self.problem("a range that ends before it begins", at: place) }
            ranges.append(low.value...high.value)
        }
        guard self.take("]") else { throw self.problem("a '[' without its ']'", at: start) }
        return TextPattern.ScalarSet(ranges, isNegated: isNegated, ignoresCase: self.flags.ignoresCase)
    }

    private mutating func memberOfBracket() throws(TextPattern.Problem) -> Unicode.Scalar {
        let place = self.next
        guard let scalar = self.peek else { throw self.problem("a '[' without its ']'", at: place) }
        self.next += 1
        return scalar == "\\" ? try self.escapedScalar(from: place) : scalar
    }

    private mutating func namedClass(from place: Int) throws(TextPattern.Problem) -> [ClosedRange<UInt32>] {
        let isNegated = self.take("^")
        var name = ""
        while let scalar = self.peek, scalar.isASCII, scalar.properties.isAlphabetic {
            name.unicodeScalars.append(scalar)
            self.next += 1
        }
        guard self.take(":]"), let ranges = TextPattern.namedClasses[name] else {
            throw self.problem("no class of that name, such as [:alpha:]", at: place)
        }
        return isNegated ? TextPattern.complement(ranges) : ranges
    }
}

extension TextPattern {
    fileprivate static func isAlphanumeric(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isAlphabetic || scalar.value &- 0x30 < 10
    }
}
