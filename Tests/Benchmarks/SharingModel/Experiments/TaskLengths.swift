import Foundation
internal import Model

/// How long tasks run: always the mean, or by chance around it.
public enum TaskLengths: String, CaseIterable, Sendable {
    case constant
    case exponential

    /// The length of a task.
    func draw(_ mean: Duration, _ random: inout SeededGenerator) -> Duration {
        switch self {
        case .constant: mean
        case .exponential: mean * -log(Double.random(in: .leastNonzeroMagnitude...1, using: &random))
        }
    }

    /// What is left of a task that is met at an instant of chance.
    func remainder(_ mean: Duration, _ random: inout SeededGenerator) -> Duration {
        switch self {
        case .constant: mean * Double.random(in: 0..<1, using: &random)
        case .exponential: self.draw(mean, &random)  // It has no memory.
        }
    }
}
