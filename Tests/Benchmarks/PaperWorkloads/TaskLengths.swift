internal import Foundation
internal import Model

/// Lengths that are normally distributed around a mean; none is shorter than a tenth of it.
struct TaskLengths {
    let mean: Double
    let deviation: Double
    var random: SeededGenerator

    /// The next one.
    mutating func draw() -> Duration {
        let (first, second) = (
            Double.random(in: 0..<1, using: &self.random), Double.random(in: 0..<1, using: &self.random)
        )
        let normal = (-2 * log(1 - first)).squareRoot() * cos(2 * .pi * second)
        return .seconds(self.mean * max(0.1, 1 + self.deviation * normal))
    }

    /// The next ones.
    mutating func draw(_ count: Int) -> [Duration] { (0..<count).map { _ in self.draw() } }
}
