public import Model

extension PolicyFile {
    /// A text that reads back as that policy, without what has its default.
    ///
    /// Of resources it tells the four that every agent has; durations are whole microseconds, at most a hundred years.
    public static func text(of policy: ClusterPolicy) -> String {
        var lines = ["policy: \(policy.sharing.rawValue)"]
        if !policy.roles.isEmpty { lines.append("roles:") }
        for role in policy.roles {
            lines.append(
                Self.entry(role.role, Self.rule(role.weight, role.priority, role.guarantee, role.limit)))
        }
        if !policy.frameworks.isEmpty { lines.append("frameworks:") }
        for rule in policy.frameworks {
            lines.append(Self.entry(rule.framework, Self.rule(rule.weight, rule.priority, rule.guarantee, rule.limit)))
        }
        let (revocation, usual) = (policy.revocation, RevocationRules())
        var parts: [String] = []
        if revocation.wait != usual.wait {
            parts.append("wait: " + (revocation.wait.map(Amounts.text(of:)) ?? "never"))
        }
        if revocation.grace != usual.grace { parts.append("grace: " + Amounts.text(of: revocation.grace)) }
        if !parts.isEmpty { lines.append("revocation: " + Self.map(parts)) }
        if let slots = policy.slots {
            let long = Resources.text(thousandths: slots.longThousandths)
            lines.append("slots: {long: \(long), short_time: \(Amounts.text(of: slots.shortTime))}")
        }
        if !policy.minimumOffer.isEmpty { lines.append("minimum_offer: " + Self.map(policy.minimumOffer)) }
        if let limit = policy.taskLimit { lines.append("task_limit: " + Self.map(limit)) }
        if !policy.users.isEmpty { lines.append("users:") }
        for rule in policy.users {
            lines.append(Self.entry(rule.principal, "[\(rule.users.map(Self.key).joined(separator: ", "))]"))
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func entry(_ name: String, _ value: String) -> String { "  \(Self.key(name)): \(value)" }

    private static func rule(
        _ weight: Double, _ priority: Int32, _ guarantee: Resources, _ limit: Resources?
    ) -> String {
        var parts: [String] = []
        if weight != 1 {
            let isWhole = weight == weight.rounded() && abs(weight) < 1e15
            parts.append("weight: " + (isWhole ? "\(Int64(weight))" : "\(weight)"))
        }
        if priority != 0 { parts.append("priority: \(priority)") }
        if !guarantee.isEmpty { parts.append("guarantee: " + Self.map(guarantee)) }
        if let limit { parts.append("limit: " + Self.map(limit)) }
        return Self.map(parts)
    }

    private static func map(_ parts: [String]) -> String { "{\(parts.joined(separator: ", "))}" }

    private static func map(_ resources: Resources) -> String {
        Self.map(
            Amounts.resources.filter { resources.scalar($0) != 0 }.map { name in
                "\(name): \(Amounts.text(thousandths: resources.scalar(name), of: name))"
            })
    }

    /// A name as a key: bare where nothing in it means anything to YAML, else in double quotes.
    private static func key(_ name: String) -> String {
        let isPlain = { (byte: UInt8) in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "/"), UInt8(ascii: "."): true
            default: false
            }
        }
        if let first = name.utf8.first, isPlain(first), first != UInt8(ascii: "."),
            name.utf8.allSatisfy({ isPlain($0) || $0 == UInt8(ascii: "-") })
        {
            return name
        }
        var quoted = "\""
        for scalar in name.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case _ where Self.isShown(scalar): quoted.unicodeScalars.append(scalar)
            default:
                let digits = String(scalar.value, radix: 16)
                quoted += "\\U" + String(repeating: "0", count: 8 - digits.count) + digits
            }
        }
        return quoted + "\""
    }

    /// Whether it can be seen, so that a file may hold it as it is.
    private static func isShown(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
        case .spaceSeparator: scalar == " "
        default: true
        }
    }
}
