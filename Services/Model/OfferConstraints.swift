/// Which agents a framework wants to be offered in one of its roles, told to the cluster so that it need not decline the others:
/// Mesos' `OfferConstraints.RoleConstraints`.
public struct OfferConstraints: Hashable, Sendable {
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
        /// The agent's attribute of that name; of several with one name, any.
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
        /// It exists. Patterns are not matched by the cluster: the scheduler does that.
        case textMatches(String)
        /// Always met. Patterns are not matched by the cluster: the scheduler does that.
        case textNotMatches(String)
    }

    /// With everything given.
    public init(_ selector: Selector, _ predicate: Predicate) {
        self.selector = selector
        self.predicate = predicate
    }

    fileprivate func holds(attributes: [Attribute], hostname: String) -> Bool {
        switch self.selector {
        case .hostname: self.holds([.text(hostname)])
        case .region, .zone: self.holds([])
        case .attribute(let name): self.holds(attributes.lazy.filter { $0.name == name }.map(\.value))
        }
    }

    private func holds(_ values: some Collection<Attribute.Value>) -> Bool {
        switch self.predicate {
        case .exists, .textMatches: !values.isEmpty
        case .notExists: values.isEmpty
        case .textNotMatches: true
        case .textEquals(let wanted): values.contains { $0.isText ? $0 == .text(wanted) : true }
        case .textNotEquals(let unwanted): !values.contains(.text(unwanted))
        }
    }
}

extension Attribute.Value {
    fileprivate var isText: Bool { if case .text = self { true } else { false } }
}
