extension TextPattern {
    /// Which scalars stand at one place of a text.
    struct ScalarSet: Sendable {
        /// Ascending, without gaps of nothing between them.
        private(set) var ranges: [ClosedRange<UInt32>]
        private let isNegated: Bool
        private let ignoresCase: Bool

        /// What is in any of the ranges, or in none of them; with `ignoresCase` in upper, lower, or folded case.
        init(_ ranges: [ClosedRange<UInt32>], isNegated: Bool = false, ignoresCase: Bool = false) {
            self.isNegated = isNegated
            self.ignoresCase = ignoresCase
            self.ranges = []
            for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
                if let last = self.ranges.last, range.lowerBound <= last.upperBound &+ 1 {
                    self.ranges[self.ranges.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
                } else {
                    self.ranges.append(range)
                }
            }
        }

        /// - Complexity: O(log(ranges)).
        func contains(_ scalar: Unicode.Scalar) -> Bool { self.includes(scalar) != self.isNegated }

        private func includes(_ scalar: Unicode.Scalar) -> Bool {
            if self.holds(scalar.value) { return true }
            guard self.ignoresCase else { return false }
            let upper = scalar.upperCase
            return self.holds(upper.value) || self.holds(upper.lowerCase.value) || self.holds(scalar.lowerCase.value)
        }

        private func holds(_ value: UInt32) -> Bool {
            var low = 0
            var high = self.ranges.count
            while low < high {
                let middle = (low + high) / 2
                if self.ranges[middle].upperBound < value { low = middle + 1 } else { high = middle }
            }
            return low < self.ranges.count && self.ranges[low].lowerBound <= value
        }
    }

    /// All that Unicode has.
    static let allScalars: ClosedRange<UInt32> = 0...0x10FFFF

    /// What is in none of these.
    static func complement(_ ranges: [ClosedRange<UInt32>]) -> [ClosedRange<UInt32>] {
        var others: [ClosedRange<UInt32>] = []
        var next: UInt32 = 0
        for range in ScalarSet(ranges).ranges {
            if range.lowerBound > next { others.append(next...range.lowerBound - 1) }
            next = range.upperBound + 1
        }
        if next <= Self.allScalars.upperBound { others.append(next...Self.allScalars.upperBound) }
        return others
    }

    /// What `\d` and its like stand for; nil: no such class.
    static func perlClass(_ letter: Unicode.Scalar) -> [ClosedRange<UInt32>]? {
        switch letter {
        case "d": self.ranges("09")
        case "s": self.ranges("\t\n", "\u{c}\r", "  ")
        case "w": self.ranges("09", "AZ", "__", "az")
        case "D", "S", "W": self.perlClass(letter.lowerCase).map(self.complement)
        default: nil
        }
    }

    /// What `[:alpha:]` and its like stand for, by what is between the colons.
    static let namedClasses: [String: [ClosedRange<UInt32>]] = [
        "alnum": ranges("09", "AZ", "az"),
        "alpha": ranges("AZ", "az"),
        "ascii": ranges("\0\u{7f}"),
        "blank": ranges("\t\t", "  "),
        "cntrl": ranges("\0\u{1f}", "\u{7f}\u{7f}"),
        "digit": ranges("09"),
        "graph": ranges("!~"),
        "lower": ranges("az"),
        "print": ranges(" ~"),
        "punct": ranges("!/", ":@", "[`", "{~"),
        "space": ranges("\t\r", "  "),
        "upper": ranges("AZ"),
        "word": ranges("09", "AZ", "__", "az"),
        "xdigit": ranges("09", "AF", "af"),
    ]

    /// From pairs of a first and a last scalar.
    private static func ranges(_ pairs: String...) -> [ClosedRange<UInt32>] {
        pairs.map { pair in
            let scalars = pair.unicodeScalars.map(\.value)
            return scalars[0]...scalars[1]
        }
    }
}

extension Unicode.Scalar {
    /// In upper case, where that is one scalar.
    var upperCase: Unicode.Scalar {
        if self.isASCII { return self.value &- 0x61 < 26 ? Unicode.Scalar(UInt8(self.value - 0x20)) : self }
        return Self.single(self.properties.uppercaseMapping) ?? self
    }

    /// In lower case, where that is one scalar.
    var lowerCase: Unicode.Scalar {
        if self.isASCII { return self.value &- 0x41 < 26 ? Unicode.Scalar(UInt8(self.value + 0x20)) : self }
        return Self.single(self.properties.lowercaseMapping) ?? self
    }

    /// The same for all that differ in case only.
    var folded: Unicode.Scalar { self.upperCase.lowerCase }

    private static func single(_ text: String) -> Unicode.Scalar? {
        let scalars = text.unicodeScalars
        return scalars.count == 1 ? scalars.first : nil
    }
}
