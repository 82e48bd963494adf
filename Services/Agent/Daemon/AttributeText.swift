import Model

/// `--attributes`: `rack:r1;ports:[80-90];zones:{a,b};speed:2.5`.
struct AttributeText {
    let attributes: [Attribute]

    /// What is wrong with it.
    struct Invalid: Error, CustomStringConvertible {
        let description: String
    }

    init(_ text: String) throws(Invalid) {
        var attributes: [Attribute] = []
        for part in text.split(separator: ";", omittingEmptySubsequences: true) {
            let trimmed = part.drop { $0 == " " }
            guard let colon = trimmed.firstIndex(of: ":"), colon > trimmed.startIndex else {
                throw Invalid(description: "'\(part)' is no attribute: write name:value, as in rack:r1;zone:a")
            }
            let name = String(trimmed[..<colon])
            let value = trimmed[trimmed.index(after: colon)...]
            attributes.append(Attribute(name: name, value: Self.value(value)))
        }
        self.attributes = attributes
    }

    /// A number, ranges or a set if it looks like one, in the way resources are written; else text.
    private static func value(_ text: Substring) -> Attribute.Value {
        if text.hasPrefix("["), let resources = try? Resources(text: "x:\(text)") {
            return .ranges(resources.ranges("x"))
        }
        if text.hasPrefix("{"), text.hasSuffix("}") {
            return .set(Set(text.dropFirst().dropLast().split(separator: ",").map(String.init)).sorted())
        }
        if let resources = try? Resources(text: "x:\(text)") { return .scalar(resources.scalar("x")) }
        return .text(String(text))
    }
}
