internal import Model

/// Clusters worth simulating, by name.
public enum Scenario: String, CaseIterable, Sendable {
    /// Nothing goes wrong.
    case calm
    /// Masters die.
    case masters
    /// Relays die, and connections break.
    case relays
    /// Allocators die.
    case allocators
    /// Agents die; their containers run on.
    case agents
    /// Everything dies, and connections break.
    case everything

    /// What it consists of.
    public var settings: SimulationSettings {
        var settings = SimulationSettings()
        settings.workloads = [
            Workload(tasks: 60, resources: "cpus:1;mem:128", milliseconds: 100...5000),
            Workload(tasks: 60, resources: "cpus:0.5;mem:512", milliseconds: 10...3000, usesExecutor: true),
            Workload(tasks: 40, resources: "cpus:2;mem:64", milliseconds: 500...2000, usesRelays: false),
        ]
        switch self {
        case .calm: return settings
        case .masters: settings.victims = [.master]
        case .relays: settings.victims = [.relay]
        case .allocators: settings.victims = [.allocator]
        case .agents: settings.victims = [.agent]
        case .everything: settings.victims = [.master, .allocator, .relay, .agent, .scheduler]
        }
        // Enough work to be in the middle of it whenever something dies.
        for index in settings.workloads.indices { settings.workloads[index].tasks *= 4 }
        settings.meanTimeToKill = .seconds(3)
        if self == .relays || self == .everything { settings.meanTimeToBreak = .seconds(2) }
        return settings
    }
}
