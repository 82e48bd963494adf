import Model
import TestSupport

/// How long emulated tasks take: normally distributed, never below zero.
///
/// A task whose command is `wait MEAN [DEVIATION]`, in seconds, says it for itself.
struct TaskLengths: Sendable {
    /// Seconds.
    var mean = 30.0
    /// Seconds.
    var deviation = 10.0
    /// What every drawn length is multiplied by, also that of a task that says its own.
    var scale = 1.0

    func draw(for command: CommandInfo, using random: inout some RandomNumberGenerator) -> Duration {
        var (mean, deviation) = (self.mean, self.deviation)
        let words = command.shell ? (command.value ?? "").split(separator: " ").map(String.init) : command.arguments
        if words.first == "wait", words.count > 1, let own = Double(words[1]) {
            mean = own
            deviation = words.count > 2 ? Double(words[2]) ?? 0 : 0
        }
        return .seconds(max(0, mean + deviation * .normal(using: &random)) * self.scale)
    }
}
