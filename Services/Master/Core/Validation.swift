import Model

/// Checks of what schedulers send, made before anything changes.
///
/// Each gives the first thing that is wrong, in words, or nil.
enum Validation {
    /// An id that a scheduler chooses: it becomes part of paths and of listings.
    static func identifier(_ id: String, of what: String) -> String? {
        if id.isEmpty { return "\(what) is empty" }
        if id.utf8.count > 255 { return "\(what) is \(id.utf8.count) bytes long; the limit is 255" }
        if id == "." || id == ".." { return "\(what) '\(id)' is disallowed" }
        if id.utf8.contains(where: { $0 < 0x20 || $0 == 0x7f || $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") }) {
            return "\(what) '\(printable(id))' contains '/', '\\' or a control character"
        }
        return nil
    }

    /// A role: `*`, or a path of names such as `eng/backend`.
    static func role(_ role: String) -> String? { RoleName.problem(with: role).map { self.printable($0) } }

    /// What a scheduler says of its framework.
    static func framework(
        _ info: FrameworkInfo, suppressedRoles: [String], constraints: [String: OfferConstraints]
    ) -> String? {
        if info.roles.isEmpty { return "a framework needs at least one role" }
        for role in info.roles { if let problem = self.role(role) { return problem } }
        if Set(info.roles).count != info.roles.count { return "the framework's roles contain a role twice" }
        if info.failoverTimeout < .zero { return "the failover timeout is negative" }
        for role in suppressedRoles where !info.roles.contains(role) {
            return "suppressed role '\(self.printable(role))' is none of the framework's"
        }
        for role in constraints.keys.sorted() where !info.roles.contains(role) {
            return "offer constraints are for role '\(self.printable(role))', which is none of the framework's"
        }
        if let problem = self.patterns(of: constraints) { return problem }
        if let id = info.id, let problem = self.identifier(id.rawValue, of: "framework id") { return problem }
        return nil
    }

    /// The patterns of offer constraints: how many constraints there are was checked when they were read.
    private static func patterns(of constraints: [String: OfferConstraints]) -> String? {
        var size = 0
        for (role, constraints) in constraints.sorted(by: { $0.key < $1.key }) {
            for (group, members) in constraints.groups.enumerated() {
                for (index, constraint) in members.enumerated() {
                    guard let pattern = constraint.pattern else { continue }
                    size += pattern.size
                    guard let problem = pattern.problem else { continue }
                    return "offer constraints of role '\(self.printable(role))', group \(group + 1), "
                        + "constraint \(index + 1): pattern '\(self.printable(pattern.text))': "
                        + self.printable(problem.description)
                }
            }
        }
        if size <= OfferConstraints.maximumPatternSize { return nil }
        return "the patterns of the offer constraints become \(size) instructions, the limit is "
            + "\(OfferConstraints.maximumPatternSize) for all together"
    }

    /// What may change when a framework subscribes again or updates itself.
    static func change(of old: FrameworkInfo, to new: FrameworkInfo) -> String? {
        old.principal == new.principal ? nil : "Changing framework's principal is not allowed."
    }

    /// A task by itself, without regard to what is offered.
    ///
    /// `isGrouped`: its executor is that of the group.
    static func task(_ task: TaskInfo, on agent: AgentID, isGrouped: Bool) -> String? {
        if let problem = self.identifier(task.taskID.rawValue, of: "task id") { return problem }
        if task.agentID != agent {
            return "Task uses agent \(self.printable(task.agentID.rawValue)), but the offers are of agent \(agent)"
        }
        if task.resources.isEmpty { return "Task uses no resources" }
        if let problem = self.gpus(task.resources) { return "Task \(problem)" }
        if let grace = task.killGracePeriod, grace < .zero { return "Task's kill grace period is negative" }
        if let time = task.maxCompletionTime, time < .zero { return "Task's maximum completion time is negative" }
        if let problem = task.healthCheck?.problem { return "Task's health check \(self.printable(problem))" }
        if let problem = task.check?.problem { return "Task's check \(self.printable(problem))" }
        if isGrouped { return nil }
        if (task.command == nil) == (task.executor == nil) {
            return "Task should have exactly one of a command or an executor, but has "
                + (task.command == nil ? "neither" : "both")
        }
        if let problem = task.command.flatMap(self.uris) { return "Task's \(problem)" }
        if let executor = task.executor { return self.executor(executor) }
        // With an executor, what that makes of it is its own business.
        if let problem = task.container?.problem { return "Task's container \(self.printable(problem, upTo: 300))" }
        return nil
    }

    /// An executor by itself.
    static func executor(_ executor: ExecutorInfo) -> String? {
        if let problem = self.identifier(executor.executorID.rawValue, of: "executor id") { return problem }
        if executor.command == nil { return "Executor \(executor.executorID) has no command" }
        if let problem = self.gpus(executor.resources) { return "Executor \(problem)" }
        if let grace = executor.shutdownGracePeriod, grace < .zero { return "Executor's shutdown grace is negative" }
        if let problem = executor.command.flatMap(self.uris) { return "Executor's \(problem)" }
        if let problem = executor.container?.problem {
            return "Executor's container \(self.printable(problem, upTo: 300))"
        }
        return nil
    }

    /// What is to be fetched for a command, and cannot be.
    private static func uris(_ command: CommandInfo) -> String? {
        for uri in command.uris {
            if let problem = uri.problem { return "URI \(self.printable(uri.value)) \(problem)" }
        }
        return nil
    }

    /// Devices are given away whole.
    private static func gpus(_ resources: Resources) -> String? {
        resources.gpus % 1000 == 0
            ? nil : "uses \(Double(resources.gpus) / 1000) gpus, and gpus are counted in whole numbers"
    }

    /// Whether two descriptions mean the same executor: what it runs and what it takes.
    static func isCompatible(_ left: ExecutorInfo, _ right: ExecutorInfo) -> Bool {
        left.executorID == right.executorID && left.name == right.name && left.command == right.command
            && left.resources == right.resources && left.data == right.data
            && left.container == right.container
    }

    /// Foreign text without what could disturb a log or a terminal, and not too long: by default at most 80 scalars.
    static func printable(_ text: String, upTo limit: Int = 80) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.prefix(limit).map { $0.value < 0x20 || $0.value == 0x7f ? "?" : $0 }))
    }
}
