internal import Model

/// Clusters worth simulating, by name.
public enum Scenario: String, CaseIterable, Sendable {
    /// Topology, work, and which faults happen how often: all drawn from the seed.
    case swarm
    /// Nothing goes wrong.
    case calm
    /// Masters die.
    case masters
    /// Relays die, and connections break.
    case relays
    /// Allocators die.
    case allocators
    /// One of two allocators proposes nonsense beside what it means, and both die.
    case liar
    /// Agents die; their containers run on.
    case agents
    /// Agents die and come back with more or less to share out.
    case reconfigurations
    /// Agents are emptied and put back, while masters, relays and agents die.
    case drains
    /// Everything dies, and connections break.
    case everything
    /// A framework comes late to a full cluster, and is given what it is guaranteed, while masters and allocators die.
    case guarantees
    /// A cluster with guarantees that is drawn from the seed, too.
    case drawn

    /// What it consists of; only of `drawn` and `swarm` does that depend on the seed.
    public func settings(seed: UInt64) -> SimulationSettings {
        if self == .swarm { return Self.drawnSwarm(seed: seed) }
        if self == .guarantees { return Self.lateGuarantee }
        if self == .drawn { return Self.drawnGuarantees(seed: seed) }
        var settings = SimulationSettings()
        settings.workloads = [
            Workload(tasks: 60, resources: "cpus:1;mem:128", milliseconds: 100...5000),
            Workload(tasks: 60, resources: "cpus:0.5;mem:512", milliseconds: 10...3000, usesExecutor: true),
            Workload(tasks: 40, resources: "cpus:2;mem:64", milliseconds: 500...2000, usesRelays: false),
        ]
        switch self {
        case .calm, .guarantees, .drawn, .swarm: return settings
        case .masters: settings.victims = [.master]
        case .relays: settings.victims = [.relay]
        case .allocators: settings.victims = [.allocator]
        case .liar:
            settings.victims = [.allocator]
            settings.liars = 1
        case .agents: settings.victims = [.agent]
        case .reconfigurations:
            settings.victims = [.agent, .master]
            settings.reconfigures = true
        case .drains:
            settings.victims = [.master, .relay, .agent]
            settings.drains = true
        case .everything: settings.victims = [.master, .allocator, .relay, .agent, .scheduler]
        }
        // Enough work to be in the middle of it whenever something dies.
        for index in settings.workloads.indices { settings.workloads[index].tasks *= 4 }
        settings.faults[.kill] = .seconds(3)
        if self == .relays || self == .everything { settings.faults[.reset] = .seconds(2) }
        return settings
    }

    /// Two frameworks fill 20 cores with long tasks, both with a guarantee of their own; a third one has one, too.
    private static var lateGuarantee: SimulationSettings {
        var settings = SimulationSettings()
        settings.workloads = [
            Workload(tasks: 20, resources: "cpus:1;mem:1024", milliseconds: 60_000...90_000),
            Workload(tasks: 20, resources: "cpus:1;mem:1024", milliseconds: 60_000...90_000, usesExecutor: true),
            Workload(tasks: 16, resources: "cpus:1;mem:1024", milliseconds: 5000...10_000),
        ]
        settings.workloads[0].priorities = -2...2
        for index in settings.workloads.indices {
            settings.workloads[index].refuse = .seconds(5)
            settings.workloads[index].suppresses = true
        }
        settings.workloads[2].startsAfter = .seconds(10)
        settings.master.policy = Self.policy(cpus: [4, 6, 8])
        settings.victims = [.master, .allocator]
        settings.faults[.kill] = .seconds(4)
        settings.patience = .seconds(1500)
        return settings
    }

    /// So many cores guaranteed to each framework, and not much patience.
    private static func policy(cpus: [Int64]) -> ClusterPolicy {
        var policy = ClusterPolicy()
        policy.frameworks = cpus.enumerated().map { index, cpus in
            var rule = FrameworkRule(framework: "framework-\(index + 1)")
            rule.guarantee = Resources(milliCPU: cpus * 1000)
            return rule
        }
        policy.revocation.wait = .seconds(2)
        policy.revocation.grace = .seconds(2)
        return policy
    }

    /// A cluster with guarantees, drawn from a seed: how much, to whom, who comes when, what dies.
    private static func drawnGuarantees(seed: UInt64) -> SimulationSettings {
        var random = SeededGenerator(seed: seed)
        func draw(_ range: ClosedRange<Int64>) -> Int64 { Int64.random(in: range, using: &random) }
        var settings = SimulationSettings()
        settings.agents = Int(draw(2...4))
        settings.allocators = Int(draw(1...3))
        let cores = Int64(settings.agents) * 4
        let parts = [draw(0...(cores / 3)), draw(0...(cores / 3)), draw(1...(cores / 3))]
        settings.workloads = parts.indices.map { index in
            let isLate = index == 2
            var workload = Workload(
                tasks: Int(draw(isLate ? 4...20 : 12...20)),
                resources: draw(0...3) == 0 ? "cpus:2;mem:1024" : "cpus:1;mem:1024",
                milliseconds: isLate ? 1000...8000 : 40_000...70_000, usesExecutor: draw(0...1) == 0)
            workload.refuse = .seconds(5)
            workload.suppresses = true
            workload.priorities = draw(0...1) == 0 ? 0...0 : -3...3
            workload.startsAfter = isLate ? .milliseconds(draw(3000...15_000)) : .milliseconds(draw(0...2000))
            return workload
        }
        // Half of them by role, one role for each framework or one for the first two.
        settings.master.policy = Self.policy(cpus: parts)
        if draw(0...1) == 0 {
            let isShared = draw(0...1) == 0
            let roles = isShared ? ["old", "old", "new"] : ["old", "other", "new"]
            for index in parts.indices { settings.workloads[index].role = roles[index] }
            settings.master.policy.frameworks = []
            settings.master.policy.roles = Set(roles).sorted().map { name in
                var role = RoleFacts(role: name)
                role.guarantee = Resources(
                    milliCPU: 1000 * parts.indices.reduce(0) { roles[$1] == name ? $0 + parts[$1] : $0 })
                return role
            }
        }
        settings.master.policy.revocation.wait = .milliseconds(draw(0...4000))
        settings.master.policy.revocation.grace = .milliseconds(draw(0...5000))
        settings.victims = [.master, .allocator]
        if draw(0...2) > 0 { settings.faults[.kill] = .seconds(draw(2...10)) }
        settings.patience = .seconds(3000)
        return settings
    }
}
