internal import Model
internal import TestSupport

/// Lengths that are normally distributed around a mean; none is shorter than a tenth of it.
struct TaskLengths {
    let mean: Double
    let deviation: Double
    var random: SeededGenerator

    /// The next one.
    mutating func draw() -> Duration {
        .seconds(self.mean * max(0.1, 1 + self.deviation * .normal(using: &self.random)))
    }

    /// The next ones.
    mutating func draw(_ count: Int) -> [Duration] { (0..<count).map { _ in self.draw() } }
}
