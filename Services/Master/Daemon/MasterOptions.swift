import ArgumentParser
import MasterCore
import Model
import Runtime

/// The flags of a master beside those of every daemon: they name the settings of its core.
struct MasterOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("An offer that nobody answers is taken back after this; 0s: never.", valueName: "duration"))
    var offerTimeout = DurationFlag(.seconds(30))

    @Option(
        help: ArgumentHelp(
            "The tasks of an agent that is away for so long are reported unreachable.", valueName: "duration"))
    var agentTimeout = DurationFlag(.seconds(75))

    @Option(
        help: ArgumentHelp(
            "A framework's tasks run on for at least so long without a scheduler.", valueName: "duration"))
    var minFailoverTimeout = DurationFlag(.seconds(10))

    @Option(help: ArgumentHelp("How much of the cluster a role is due; 1 if not named.", valueName: "role=weight,..."))
    var weights = WeightsFlag([:])

    @Option(
        help: ArgumentHelp(
            "The policy: roles, weights, guarantees, limits (see Services/PolicyFile). Read again when it changes.",
            valueName: "path"))
    var policyFile: String?

    @Option(
        help: ArgumentHelp(
            "How a dead leader is succeeded: as soon as a standby has seen its end, or when its session expires.",
            valueName: "witness|session"))
    var takeover = TakeoverFlag.witness

    @Option(
        help: ArgumentHelp(
            "ZooKeeper gives a silent master up after this; at least two of its ticks.", valueName: "duration"))
    var sessionTimeout = DurationFlag(.seconds(4))

    func validate() throws {
        if self.policyFile != nil, !self.weights.weights.isEmpty {
            throw ValidationError("--weights and --policy-file exclude each other: put the weights into the file")
        }
        if let problem = self.settings(heartbeatInterval: .seconds(15)).problem { throw ValidationError(problem) }
        guard self.sessionTimeout.duration >= .milliseconds(100) else {
            throw ValidationError("--session-timeout \(self.sessionTimeout) is too short")
        }
    }

    /// The settings that these flags make.
    func settings(heartbeatInterval: Duration) -> MasterSettings {
        var settings = MasterSettings()
        settings.offerTimeout = self.offerTimeout.duration == .zero ? nil : self.offerTimeout.duration
        settings.agentTimeout = self.agentTimeout.duration
        settings.recoveryTimeout = self.agentTimeout.duration
        settings.minimumFailoverTimeout = self.minFailoverTimeout.duration
        settings.linkHeartbeatInterval = heartbeatInterval
        settings.policy.roles = self.weights.weights.sorted { $0.key < $1.key }.map { role, weight in
            var facts = RoleFacts(role: role)
            facts.weight = weight
            return facts
        }
        return settings
    }
}

/// How a dead leader is succeeded.
enum TakeoverFlag: String, ExpressibleByArgument, CaseIterable {
    /// A standby that saw the leader's connection break and its port refuse deletes its node.
    case witness
    /// ZooKeeper does when the leader's session expires.
    case session
}

/// Weights of roles on the command line: `eng=2,web=0.5`.
struct WeightsFlag: ExpressibleByArgument, Hashable, CustomStringConvertible {
    var weights: [String: Double]

    init(_ weights: [String: Double]) { self.weights = weights }

    init?(argument: String) {
        self.weights = [:]
        for part in argument.split(separator: ",") {
            guard let equals = part.lastIndex(of: "="), let weight = Double(part[part.index(after: equals)...]) else {
                return nil
            }
            guard self.weights.updateValue(weight, forKey: String(part[..<equals])) == nil else { return nil }
        }
    }

    var description: String {
        self.weights.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
    }

    var defaultValueDescription: String { self.weights.isEmpty ? "none" : self.description }
}
