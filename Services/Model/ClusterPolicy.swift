/// What the operator decided about sharing: the policy file, read.
///
/// The master holds and enforces it; allocators are told of it and decide within it. What is not said has the defaults
/// below, so an empty policy is fair sharing among roles of equal weight.
public struct ClusterPolicy: Hashable, Sendable {
    /// Which policy allocators follow that were not started with one of their own.
    public var sharing: SharingPolicy = .fair
    /// Weights, priorities, guarantees and limits by role, each role once.
    public var roles: [RoleFacts] = []
    /// The same for single frameworks, each once.
    public var frameworks: [FrameworkRule] = []
    /// How guarantees are met when others hold what is wanted.
    public var revocation = RevocationRules()
    /// How much of an agent tasks of unknown length may hold; nil: all of it.
    public var slots: SlotRules?
    /// An agent of which less is free is not offered, so that large tasks find room; default nothing.
    ///
    /// Agents that are smaller are offered when they are wholly free.
    public var minimumOffer: Resources = .init()
    /// A task that asks for more of a named resource is refused; nil: no bound.
    public var taskLimit: Resources?
    /// Who may run tasks as which Unix user, each principal once; empty: all as any.
    ///
    /// Checked when a task is launched: what runs already is left alone when it changes.
    public var users: [UserRule] = []

    /// Fair sharing, and nothing else.
    public init() {}
}

/// The ways to share that allocators know.
public enum SharingPolicy: String, Hashable, Sendable, CaseIterable {
    /// Weighted dominant-resource fairness: among roles, down the tree of roles, then among frameworks.
    case fair
    /// Higher priority first, fair between equals.
    case priority
    /// Drawn by lot, with probability in proportion to weight.
    case lottery
}

/// What the operator decided about one framework.
public struct FrameworkRule: Hashable, Sendable {
    /// Its id, or the name that it gives itself; an id goes before a name.
    public var framework: String
    /// Among the frameworks of its role; above 0.
    public var weight: Double = 1
    /// Higher first, for policies that care.
    public var priority: Int32 = 0
    /// What it is to have before anybody gets more; default nothing.
    public var guarantee: Resources = .init()
    /// What it may hold at most of the resources named; nil: no bound.
    public var limit: Resources?

    /// A framework of weight 1, without guarantee or limit.
    public init(framework: String) { self.framework = framework }
}

/// As which Unix users the frameworks of a principal may run tasks and executors.
public struct UserRule: Hashable, Sendable {
    /// What frameworks say as `FrameworkInfo.principal`.
    ///
    /// `*` is all that no other rule names, and those that say none.
    public var principal: String
    /// Names of users; none: it may run nothing.
    ///
    /// `*` is anybody but root, who is allowed by name only.
    public var users: [String]

    /// The principal or user that stands for those that are not named.
    public static let any = "*"
    /// Who is allowed by name only.
    public static let root = "root"

    /// With everything given.
    public init(principal: String, users: [String]) {
        self.principal = principal
        self.users = users
    }

    /// Whether tasks may run as that user; the empty name is the agent's own user, which counts as root.
    func allows(_ user: String) -> Bool {
        let user = user.isEmpty ? Self.root : user
        return self.users.contains(user) || (user != Self.root && self.users.contains(Self.any))
    }
}

/// How guarantees are met when others hold what is wanted.
public struct RevocationRules: Hashable, Sendable {
    /// How long a framework below its guarantee waits for resources before tasks of others are taken back for it.
    ///
    /// Longer spares tasks that would have ended anyway. Default 10 s; nil: nothing is ever taken back.
    public var wait: Duration?
    /// What a task gets between being told and being killed; default 30 s.
    public var grace: Duration = .seconds(30)

    /// The defaults, or another time to wait.
    public init(wait: Duration? = .seconds(10)) { self.wait = wait }
}

/// How an agent is divided between tasks that say they are short and all others (section 4.3 of the paper).
public struct SlotRules: Hashable, Sendable {
    /// What part of each agent tasks may hold that do not say they are short.
    ///
    /// Thousandths, 0 to 1000. Default 500.
    public var longThousandths: Int64 = 500
    /// A task is short if its `max_completion_time` is at most this; one beyond the long part is taken back after it.
    ///
    /// Default 60 s.
    public var shortTime: Duration = .seconds(60)

    /// The defaults.
    public init() {}
}

extension ClusterPolicy {
    /// What is wrong with it, each in a sentence that names where; empty if nothing is.
    public var problems: [String] {
        var problems: [String] = []
        var seen: Set<String> = []
        for role in self.roles {
            let name = "role '\(role.role)'"
            if let problem = RoleName.problem(with: role.role) { problems.append(problem) }
            if !seen.insert(role.role).inserted { problems.append("\(name) is described twice") }
            problems += Self.problems(name, role.weight, role.guarantee, role.limit)
        }
        seen = []
        for rule in self.frameworks {
            let name = "framework '\(rule.framework)'"
            if rule.framework.isEmpty { problems.append("a framework has no name") }
            if !seen.insert(rule.framework).inserted { problems.append("\(name) is described twice") }
            problems += Self.problems(name, rule.weight, rule.guarantee, rule.limit)
        }
        seen = []
        for rule in self.users {
            if rule.principal.isEmpty { problems.append("users: a principal has no name") }
            if !seen.insert(rule.principal).inserted {
                problems.append("users: principal '\(rule.principal)' is described twice")
            }
            if rule.users.contains("") { problems.append("users: a user of '\(rule.principal)' has no name") }
        }
        problems += self.problemsInTree
        if let wait = self.revocation.wait, wait < .zero { problems.append("revocation: wait is negative") }
        if self.revocation.grace < .zero { problems.append("revocation: grace is negative") }
        if let slots = self.slots {
            if !(0...1000).contains(slots.longThousandths) { problems.append("slots: long is not between 0 and 1") }
            if slots.shortTime <= .zero { problems.append("slots: short_time is not above zero") }
        }
        return problems
    }

    private static func problems(
        _ name: String, _ weight: Double, _ guarantee: Resources, _ limit: Resources?
    ) -> [String] {
        var problems: [String] = []
        if !weight.isFinite || weight <= 0 { problems.append("\(name): the weight must be above zero") }
        if let limit, let excess = guarantee.firstAbove(limit) {
            problems.append("\(name): the guarantee of \(excess) is above the limit")
        }
        return problems
    }

    /// A role that says less than its children together cannot keep their guarantees.
    private var problemsInTree: [String] {
        let children = self.children
        return self.roles.compactMap { role in
            let sum = (children[role.role] ?? []).reduce(Resources()) { $0 + $1.guarantee.summable }
            guard let limit = role.limit, let excess = sum.firstAbove(limit) else { return nil }
            return "role '\(role.role)': its children are guaranteed \(excess), which is above its limit \(limit)"
        }
    }

    /// The roles directly below each; roles at the top are below the empty name.
    private var children: [String: [RoleFacts]] {
        Dictionary(grouping: self.roles) { RoleName.parent(of: $0.role) ?? "" }
    }

    /// Why frameworks of that principal may not run a task as that user; nil if they may.
    ///
    /// The empty user is that of the agent, which counts as root.
    public func objection(to user: String, for principal: String?) -> String? {
        guard !self.users.isEmpty else { return nil }
        let own = principal.flatMap { principal in self.users.first { $0.principal == principal } }
        let rule = own ?? self.users.first { $0.principal == UserRule.any }
        if let rule, rule.allows(user) { return nil }
        let who = principal.map { "principal '\($0)'" } ?? "a framework without a principal"
        let whom = user.isEmpty ? "the agent's own user, since it names none" : "user '\(user)'"
        return "\(who) may not run tasks as \(whom): name one that the cluster's policy allows it ("
            + "\(rule.map { $0.users.isEmpty ? "none" : $0.users.joined(separator: ", ") } ?? "none"))"
    }

    /// Whether any role or framework is guaranteed something.
    public var isGuaranteed: Bool {
        self.roles.contains { !$0.guarantee.isEmpty } || self.frameworks.contains { !$0.guarantee.isEmpty }
    }

    /// Whether any role or framework has a limit.
    public var isLimited: Bool {
        self.roles.contains { $0.limit != nil } || self.frameworks.contains { $0.limit != nil }
    }

    /// What the guarantees add up to: of each role at the top of the tree the larger of its own and its children's sum,
    /// and of frameworks.
    public var guaranteed: Resources {
        let names = Set(self.roles.map(\.role))
        let children = self.children
        func sum(of role: RoleFacts) -> Resources {
            let below = (children[role.role] ?? []).reduce(Resources()) { $0 + sum(of: $1) }
            return role.guarantee.summable.union(below)
        }
        let tops = self.roles.filter { role in RoleName.ancestors(of: role.role).allSatisfy { !names.contains($0) } }
        return tops.reduce(Resources()) { $0 + sum(of: $1) }
            + self.frameworks.reduce(Resources()) { $0 + $1.guarantee.summable }
    }

    /// What must be free of an agent that has so much before any of it is offered: never more than it has.
    public func minimumOffer(within total: Resources) -> Resources {
        let least = self.minimumOffer
        return Resources(
            milliCPU: min(least.cpus, total.cpus), milliMB: min(least.mem, total.mem),
            milliMBDisk: min(least.disk, total.disk), milliGPU: min(least.gpus, total.gpus))
    }

    /// Why a cluster of that size cannot keep all guarantees, with the arithmetic; nil if it can.
    public func shortfall(in total: Resources) -> String? {
        let guaranteed = self.guaranteed
        guard !total.contains(guaranteed) else { return nil }
        let parts =
            self.roles.filter { !$0.guarantee.isEmpty }.map { "role \($0.role) \($0.guarantee)" }
            + self.frameworks.filter { !$0.guarantee.isEmpty }.map { "framework \($0.framework) \($0.guarantee)" }
        return "guarantees of \(guaranteed) cannot be met by a cluster of \(total.summable): "
            + parts.joined(separator: ", ")
    }
}

/// Names of roles: `*`, or a path such as `eng/backend`.
public enum RoleName {
    /// The role that a role is part of; nil for one at the top.
    public static func parent(of role: String) -> String? {
        role.lastIndex(of: "/").map { String(role[..<$0]) }
    }

    /// The roles that a role is part of, the nearest first.
    public static func ancestors(of role: String) -> [String] {
        Array(sequence(first: role, next: Self.parent(of:)).dropFirst())
    }

    /// What is wrong with a name, in words; nil if nothing is.
    public static func problem(with role: String) -> String? {
        if role == "*" { return nil }
        if role.isEmpty { return "a role is empty" }
        if role.hasPrefix("/") || role.hasSuffix("/") { return "role '\(role)' begins or ends with a slash" }
        for part in role.split(separator: "/", omittingEmptySubsequences: false) {
            if part.isEmpty { return "role '\(role)' contains two slashes in a row" }
            if part == "." || part == ".." || part == "*" { return "role '\(role)' contains '\(part)'" }
            if part.hasPrefix("-") { return "a part of role '\(role)' begins with a dash" }
            if part.unicodeScalars.contains(where: { $0.properties.isWhitespace || $0.value == 0x7f || $0.value < 0x20 }
            ) {
                return "role '\(role)' contains whitespace or a control character"
            }
        }
        return nil
    }
}

extension Resources {
    /// The four that every agent has: what can be summed over agents and bounded by a policy.
    public var summable: Resources {
        self.others.isEmpty
            ? self : Resources(milliCPU: self.cpus, milliMB: self.mem, milliMBDisk: self.disk, milliGPU: self.gpus)
    }

    /// The larger of both of each of the four.
    func union(_ other: Resources) -> Resources {
        Resources(
            milliCPU: max(self.cpus, other.cpus), milliMB: max(self.mem, other.mem),
            milliMBDisk: max(self.disk, other.disk), milliGPU: max(self.gpus, other.gpus))
    }

    /// The first of the four of which there is more than a bound allows, as `cpus:3 > cpus:2`.
    ///
    /// A bound binds what it names: one of zero is none.
    public func firstAbove(_ bound: Resources) -> String? {
        let kinds: [(String, Int64, Int64)] = [
            ("cpus", self.cpus, bound.cpus), ("mem", self.mem, bound.mem), ("disk", self.disk, bound.disk),
            ("gpus", self.gpus, bound.gpus),
        ]
        return kinds.first { $0.2 > 0 && $0.1 > $0.2 }.map { kind in
            "\(kind.0):\(Resources.text(thousandths: kind.1)) > \(kind.0):\(Resources.text(thousandths: kind.2))"
        }
    }
}
