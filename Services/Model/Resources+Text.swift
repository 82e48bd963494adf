/// The form that flags, tests and tables use: `cpus:2;mem:1024;ports:[31000-32000];zones:{a,b}`.
extension Resources: CustomStringConvertible, ExpressibleByStringLiteral {
    /// Reads the form above.
    ///
    /// Scalars have at most three decimals.
    ///
    /// - Throws: `Invalid` naming the part that is wrong.
    public init(text: String) throws(Invalid) {
        self.init()
        for part in text.split(separator: ";", omittingEmptySubsequences: true) {
            let trimmed = part.drop { $0 == " " }
            guard let colon = trimmed.firstIndex(of: ":") else {
                throw Invalid("'\(part)' is no resource: write name:amount, as in cpus:2;mem:1024")
            }
            let name = String(trimmed[..<colon])
            let amount = trimmed[trimmed.index(after: colon)...]
            try self.add(try Self.value(amount, named: name), named: name)
        }
    }

    /// A literal that is known to be well-formed.
    public init(stringLiteral text: String) {
        do { try self.init(text: text) } catch { preconditionFailure("\(text): \(error)") }
    }

    private static func value(_ text: Substring, named name: String) throws(Invalid) -> Value {
        if text.first == "[", text.last == "]" {
            var ranges: [ClosedRange<UInt64>] = []
            for piece in text.dropFirst().dropLast().split(separator: ",") {
                let bounds = piece.split(separator: "-").map { UInt64($0.filter { $0 != " " }) }
                guard bounds.count == 2, let low = bounds[0], let high = bounds[1], low <= high else {
                    throw Invalid("\(name): '\(piece)' is no range: write first-last")
                }
                ranges.append(low...high)
            }
            return .ranges(IntegerRanges(ranges))
        }
        if text.first == "{", text.last == "}" {
            return .set(Set(text.dropFirst().dropLast().split(separator: ",").map(String.init)).sorted())
        }
        guard let milli = Self.thousandths(text) else {
            throw Invalid("\(name): '\(text)' is no amount: write a number with at most three decimals")
        }
        return .scalar(milli)
    }

    private static func thousandths(_ text: Substring) -> Int64? {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = Int64(parts[0]), whole >= 0, whole <= Self.scalarLimit / 1000 else { return nil }
        guard parts.count == 2 else { return whole * 1000 }
        guard (1...3).contains(parts[1].count), let fraction = Int64(parts[1]), fraction >= 0 else { return nil }
        return whole * 1000 + fraction * [100, 10, 1][parts[1].count - 1]
    }

    /// An amount of thousandths as people write it: 2, 0.5, 1.125.
    public static func text(thousandths milli: Int64) -> String {
        guard milli % 1000 != 0 else { return "\(milli / 1000)" }
        let digits = String(1000 + abs(milli % 1000)).dropFirst()
        return "\(milli < 0 ? "-" : "")\(abs(milli / 1000))." + digits.reversed().drop { $0 == "0" }.reversed()
    }

    /// The form above; whatever is zero is left out, and nothing at all is the empty text.
    public var description: String {
        var parts = [("cpus", self.cpus), ("mem", self.mem), ("disk", self.disk), ("gpus", self.gpus)]
            .filter { $0.1 != 0 }.map { "\($0.0):\(Self.text(thousandths: $0.1))" }
        for other in self.others {
            switch other.value {
            case .scalar(let milli): parts.append("\(other.name):\(Self.text(thousandths: milli))")
            case .ranges(let ranges): parts.append("\(other.name):\(ranges)")
            case .set(let items): parts.append("\(other.name):{\(items.joined(separator: ","))}")
            }
        }
        return parts.joined(separator: ";")
    }
}
