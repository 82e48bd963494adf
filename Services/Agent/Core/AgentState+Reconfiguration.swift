public import Model

/// Which changes of what it shares out an agent starts with.
///
/// Whatever is chosen, what runs has to fit.
public enum ReconfigurationPolicy: String, Hashable, Sendable {
    /// None.
    case equal
    /// More resources, and further attributes.
    case additive
    /// All.
    case any
}

extension AgentState {
    /// What the settings make of it.
    var configuration: AgentConfiguration {
        AgentConfiguration(total: self.settings.total, attributes: self.settings.attributes.map(\.description))
    }

    /// Why this agent must not begin with what its log and its supervisors have; nil if it may.
    ///
    /// To be asked instead of `recovered`, which then must not follow: nothing has been changed yet.
    public func objection(to records: [AgentLogRecord], boot: String, runs: [RecoveredRun]) -> String? {
        guard self.settings.recovery == .reconnect else { return nil }
        var past = self
        for record in records { past.replay(record) }
        let present = self.configuration
        if let former = past.configured, let change = self.settings.reconfigurationPolicy.objection(to: present, former)
        {
            return """
                \(change), which --reconfiguration-policy \(self.settings.reconfigurationPolicy.rawValue) does not allow: start it \
                as before, or with a wider policy; or once with --recover cleanup, which ends what runs and forgets the \
                agent's id; or with another --dir
                """
        }
        let needed = past.boot == boot ? past.needed(by: runs) : .init()
        guard !present.total.contains(needed) else { return nil }
        return """
            what runs here needs \(needed), and this agent is to have \(present.total) alone: start it with at least that and \
            drain it first (meseta agent drain); or once with --recover cleanup, which ends what runs and forgets the \
            agent's id; or with another --dir
            """
    }

    /// What tasks and executors hold that may still run: those whose end no supervisor tells.
    private func needed(by runs: [RecoveredRun]) -> Resources {
        let running = Set(runs.filter { if case .running = $0.fate { true } else { false } }.map(\.runID))
        let ended = Set(runs.map(\.runID)).subtracting(running)
        var needed = Resources()
        for executor in self.executors.values where !ended.contains(executor.runID) {
            needed += executor.info.resources
        }
        for task in self.tasks.values where task.isLive && !task.acceptance.isRefused {
            let run = task.executorKey.flatMap { self.executorRuns[$0] } ?? task.acceptance.runID
            if !ended.contains(run) { needed += task.resources }
        }
        return needed
    }

    /// Logs what it is to share out, if that is new.
    mutating func logConfiguration(into effects: inout [Effect]) {
        let configuration = self.configuration
        guard configuration != self.configured else { return }
        if let former = self.configured { effects.append(.observe(.reconfigured(from: former, to: configuration))) }
        self.configured = configuration
        self.append(.configured(configuration), into: &effects)
    }
}

extension ReconfigurationPolicy {
    /// What is not as it may be; nil if all is.
    func objection(to present: AgentConfiguration, _ former: AgentConfiguration) -> String? {
        guard self != .any else { return nil }
        let isGrown = self == .additive && present.total.contains(former.total)
        if present.total != former.total, !isGrown {
            return "the agent had the resources \(former.total) and now has \(present.total)"
        }
        let isExtended = self == .additive && Set(former.attributes).isSubset(of: present.attributes)
        if present.attributes != former.attributes, !isExtended {
            let lists = [former, present].map { $0.attributes.isEmpty ? "none" : $0.attributes.joined(separator: ";") }
            return "the agent had the attributes \(lists[0]) and now has \(lists[1])"
        }
        return nil
    }
}
