/// Which agents a framework wants to be offered in one of its roles, told to the cluster so that it need not decline the others:
/// Mesos' `OfferConstraints.RoleConstraints`.
public struct OfferConstraints: Hashable, Sendable {
    /// How many constraints a framework may have in all its roles together.
    ///
    /// Each is held against each agent when it or the agent is new: so this bounds what a framework can cost.
    public static let maximumCount = 1000
    /// How much text a framework's constraints may hold together: names of attributes, values, and patterns.
    public static let maximumBytes = 65_536
    /// How large the patterns of a framework's constraints may be together, in instructions; see `TextPattern`.
    public static let maximumPatternSize = 5000

    /// An agent is offered if all of some group hold; without any group, every agent is.
    public var groups: [[AttributeConstraint]]

    /// Those of any of the groups; none: all agents.
    public init(groups: [[AttributeConstraint]] = []) { self.groups = groups }

    /// Whether an agent with these attributes and that hostname is offered.
    public func admits(attributes: [Attribute], hostname: String) -> Bool {
        self.groups.isEmpty
            || self.groups.contains { $0.allSatisfy { $0.holds(attributes: attributes, hostname: hostname) } }
    }

    /// Whether it matters how an agent is called.
    public var namesHosts: Bool { self.groups.joined().contains { $0.selector == .hostname } }
}

/// Something that an agent's attributes are to be or not to be.
public struct AttributeConstraint: Hashable, Sendable {
    /// Of what.
    public var selector: Selector
    /// What it is to be.
    public var predicate: Predicate

    /// What is looked at.
    public enum Selector: Hashable, Sendable {
        /// The agent's attribute of that name; of several with one name, the first, as in Mesos.
        case attribute(String)
        case hostname
        /// Agents have no regions yet: it does not exist.
        case region
        /// Agents have no zones yet: it does not exist.
        case zone
    }

    /// What is asked of it.
    ///
    /// Text is asked of texts: a number, a range or a set meets every predicate about text, and the scheduler decides.
    public enum Predicate: Hashable, Sendable {
        case exists
        case notExists
        /// It exists, and is this text.
        case textEquals(String)
        /// It does not exist, or is another text.
        case textNotEquals(String)
        /// It exists, and the whole of its text is what the pattern describes.
        case textMatches(TextPattern)
        /// It does not exist, or the pattern does not describe the whole of its text.
        case textNotMatches(TextPattern)
    }

    /// With everything given.
    public init(_ selector: Selector, _ predicate: Predicate) {
        self.selector = selector
        self.predicate = predicate
    }

    /// The pattern that is asked for, if one is.
    public var pattern: TextPattern? {
        switch self.predicate {
        case .textMatches(let pattern), .textNotMatches(let pattern): pattern
        case .exists, .notExists, .textEquals, .textNotEquals: nil
        }
    }

    fileprivate func holds(attributes: [Attribute], hostname: String) -> Bool {
        switch self.selector {
        case .hostname: self.holds(.text(hostname))
        case .region, .zone: self.holds(nil)
        case .attribute(let name): self.holds(attributes.first { $0.name == name }?.value)
        }
    }

    private func holds(_ value: Attribute.Value?) -> Bool {
        switch (self.predicate, value) {
        case (.exists, let value): value != nil
        case (.notExists, let value): value == nil
        case (.textEquals, nil), (.textMatches, nil): false
        case (.textNotEquals, nil), (.textNotMatches, nil): true
        case (.textEquals(let wanted), .text(let text)): text == wanted
        case (.textNotEquals(let unwanted), .text(let text)): text != unwanted
        case (.textMatches(let pattern), .text(let text)): pattern.matches(text)
        case (.textNotMatches(let pattern), .text(let text)): !pattern.matches(text)
        case (.textEquals, _), (.textNotEquals, _), (.textMatches, _), (.textNotMatches, _): true
        }
    }
}
