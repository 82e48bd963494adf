internal import Model

/// What a value is not, and what to write instead.
struct WrongValue: Error {
    var cause: String
    init(_ cause: String) { self.cause = cause }
}

/// Numbers as a policy file writes them: exact, and each with the unit that it needs.
enum Amounts {
    /// The resources that a policy can speak of: those that every agent has.
    static let resources = ["cpus", "mem", "disk", "gpus"]

    /// The longest duration: a hundred years of 365 days.
    static let longest: Duration = .seconds(36_500 * 86_400)

    /// Thousandths of a number such as 2, 0.5 or 1.125, exactly; nil if it is none, or above 15 digits.
    private static func thousandths(_ text: Substring) -> Int64? {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let isNumber = parts.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy { (48...57).contains($0) } }
        guard isNumber, parts[0].utf8.count <= 15, parts.count == 1 || parts[1].utf8.count <= 3 else { return nil }
        let fraction = parts.count == 1 ? "000" : (parts[1] + "00").prefix(3)
        return Int64(parts[0] + fraction)
    }

    /// A number and what follows it, both without spaces around them.
    private static func split(_ text: String) -> (number: Substring, unit: String) {
        let trimmed = text.trimmed
        let number = trimmed.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        return (number, String(trimmed.dropFirst(number.count).trimmed))
    }

    private static func isNegative(_ text: String) -> Bool {
        let trimmed = text.trimmed
        guard trimmed.first == "-", let next = trimmed.dropFirst().first else { return false }
        return next.isNumber || next == "."
    }

    /// Thousandths of a resource: cores, megabytes or devices.
    ///
    /// - Throws: `WrongValue` if the text is no amount, or has a unit where none or another belongs.
    static func amount(_ text: String, of name: String) throws(WrongValue) -> Int64 {
        let isBytes = name == "mem" || name == "disk"
        let example =
            "a number with at most three decimals, "
            + (isBytes ? "in MB or with MB, GB or TB, such as 16GB" : "such as 0.5")
        if Self.isNegative(text) { throw WrongValue("\(name) \(text.quoted) is negative: write \(example)") }
        let (number, unit) = Self.split(text)
        guard number.contains(where: \.isNumber), !unit.contains(where: \.isNumber) else {
            throw WrongValue("\(name) \(text.quoted) is no amount: write \(example)")
        }
        let factor: Int64
        switch unit {
        case "": factor = 1
        case "MB" where isBytes: factor = 1
        case "GB" where isBytes: factor = 1024
        case "TB" where isBytes: factor = 1024 * 1024
        case _ where isBytes:
            throw WrongValue("\(name) \(text.quoted) has the unit \(unit.quoted): write MB, GB or TB, steps of 1024")
        default: throw WrongValue("\(name) \(text.quoted) has a unit: write \(example)")
        }
        guard let milli = Self.thousandths(number) else {
            throw WrongValue("\(name) \(text.quoted) is no amount: write \(example)")
        }
        let (amount, overflow) = milli.multipliedReportingOverflow(by: factor)
        guard !overflow, amount <= Resources.scalarLimit else {
            let most = Resources.text(thousandths: Resources.scalarLimit)
            throw WrongValue("\(name) \(text.quoted) is too large: write at most \(most)\(isBytes ? "MB" : "")")
        }
        return amount
    }

    /// A part such as 0.25, in thousandths.
    static func part(_ text: String, named name: String) throws(WrongValue) -> Int64 {
        guard let milli = Self.thousandths(text.trimmed), milli <= 1000 else {
            throw WrongValue(
                "\(name) \(text.quoted) is no part: write a number from 0 to 1 with at most three decimals, such as 0.5"
            )
        }
        return milli
    }

    /// A weight: above zero, finite.
    static func weight(_ text: String) throws(WrongValue) -> Double {
        let trimmed = text.trimmed
        // Not everything that Swift reads as a number is one to a reader: 'nan', '0x1p3'.
        guard trimmed.utf8.allSatisfy({ (48...57).contains($0) || "+-.eE".utf8.contains($0) }),
            let weight = Double(trimmed), weight.isFinite, weight > 0
        else { throw WrongValue("weight \(text.quoted) is none: write a number above zero, such as 1 or 2.5") }
        return weight
    }

    /// A priority: any whole number of 32 bits.
    static func priority(_ text: String) throws(WrongValue) -> Int32 {
        guard let priority = Int32(text.trimmed) else {
            throw WrongValue(
                "priority \(text.quoted) is none: write a whole number from \(Int32.min) to \(Int32.max), higher goes first"
            )
        }
        return priority
    }

    /// The units of durations in microseconds, the longest first.
    private static let units: [(name: String, microseconds: Int64)] = [
        ("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1_000),
    ]

    /// A duration such as 500ms, 10s or 2d.
    ///
    /// - Throws: `WrongValue` if the text is none, or longer than `longest`.
    static func duration(_ text: String, named name: String) throws(WrongValue) -> Duration {
        let example = "a number and ms, s, m, h or d, such as 500ms or 10s"
        if Self.isNegative(text) { throw WrongValue("\(name) \(text.quoted) is negative: write \(example)") }
        let (number, unit) = Self.split(text)
        if !number.isEmpty, unit.isEmpty { throw WrongValue("\(name) \(text.quoted) has no unit: write \(example)") }
        guard let step = Self.units.first(where: { $0.name == unit })?.microseconds,
            let milli = Self.thousandths(number)
        else { throw WrongValue("\(name) \(text.quoted) is no duration: write \(example)") }
        let (microseconds, overflow) = milli.multipliedReportingOverflow(by: step / 1000)
        guard !overflow, Duration.microseconds(microseconds) <= Self.longest else {
            throw WrongValue("\(name) \(text.quoted) is too long: write at most 36500d")
        }
        return .microseconds(microseconds)
    }

    /// That duration as text: in the longest unit that counts it in whole numbers, down to whole microseconds.
    static func text(of duration: Duration) -> String {
        let (seconds, attoseconds) = min(duration, Self.longest).components
        let microseconds = seconds * 1_000_000 + attoseconds / 1_000_000_000_000
        guard microseconds != 0 else { return "0s" }
        for unit in Self.units where microseconds % unit.microseconds == 0 {
            return "\(microseconds / unit.microseconds)\(unit.name)"
        }
        return "\(Resources.text(thousandths: microseconds))ms"
    }

    /// That amount of a resource as text, in the largest unit that counts it in whole numbers.
    static func text(thousandths milli: Int64, of name: String) -> String {
        guard name == "mem" || name == "disk" else { return Resources.text(thousandths: milli) }
        if milli % (1024 * 1024 * 1000) == 0 { return "\(milli / (1024 * 1024 * 1000))TB" }
        if milli % (1024 * 1000) == 0 { return "\(milli / (1024 * 1000))GB" }
        return Resources.text(thousandths: milli)
    }
}

extension StringProtocol {
    /// Without the spaces around it.
    var trimmed: Substring {
        var text = Substring(self)
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return text
    }
}
