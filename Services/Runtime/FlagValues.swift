public import ArgumentParser
internal import Model

/// A length of time on the command line: `500ms`, `30s`, `5m`, `1h`, `2d`, `1h30m`, `1.5s`.
public struct DurationFlag: ExpressibleByArgument, Hashable, Sendable, CustomStringConvertible {
    /// The length itself.
    public var duration: Duration

    private static let units: [(name: String, nanoseconds: Double)] = [
        ("ns", 1), ("us", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9), ("d", 86400e9),
    ]

    /// Wraps a length, for defaults.
    public init(_ duration: Duration) { self.duration = duration }

    /// Reads numbers with units; nil for anything else: no unit, a negative number, longer than 292 years.
    public init?(argument: String) {
        var rest = argument[...]
        var total = 0.0
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            let unit = rest.dropFirst(digits.count).prefix { $0.isASCII && $0.isLetter }
            guard let number = Double(String(digits)),
                let length = Self.units.first(where: { $0.name == unit })?.nanoseconds
            else { return nil }
            total += number * length
            rest = rest.dropFirst(digits.count + unit.count)
        }
        guard total.isFinite, total < 9.2e18 else { return nil }
        self.duration = .nanoseconds(Int64(total.rounded()))
    }

    /// As it would be written: the largest unit that gives a whole number.
    public var description: String {
        let nanoseconds = self.duration.nanoseconds
        if nanoseconds == 0 { return "0s" }
        for unit in Self.units.reversed() where nanoseconds % Int64(unit.nanoseconds) == 0 {
            return "\(nanoseconds / Int64(unit.nanoseconds))\(unit.name)"
        }
        return "\(nanoseconds)ns"
    }

    /// Shown as the default in the help.
    public var defaultValueDescription: String { self.description }
}

/// A number of bytes on the command line: `4096`, `64KiB`, `16MiB`, `2GiB`.
public struct ByteCountFlag: ExpressibleByArgument, Hashable, Sendable, CustomStringConvertible {
    /// The number itself.
    public var bytes: Int

    private static let units: [(name: String, shift: Int)] = [
        ("", 0), ("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40),
    ]

    /// Wraps a number, for defaults.
    public init(_ bytes: Int) { self.bytes = bytes }

    /// Reads a whole number, with or without a unit; nil for anything else.
    public init?(argument: String) {
        let digits = argument.prefix { $0.isASCII && $0.isNumber }
        let unit = argument.dropFirst(digits.count)
        guard let number = Int(digits), let shift = Self.units.first(where: { $0.name == unit })?.shift,
            number <= Int.max >> shift
        else { return nil }
        self.bytes = number << shift
    }

    /// As it would be written.
    public var description: String {
        for unit in Self.units.reversed() where self.bytes > 0 && self.bytes % (1 << unit.shift) == 0 {
            return "\(self.bytes >> unit.shift)\(unit.name)"
        }
        return "\(self.bytes)"
    }

    /// Shown as the default in the help.
    public var defaultValueDescription: String { self.description }
}
