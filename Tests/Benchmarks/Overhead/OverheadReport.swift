import Foundation
import TestSupport

/// Pairs of runs, and what they say.
struct OverheadReport {
    /// One run, in seconds.
    struct Run: Codable {
        /// All of it.
        var total = 0.0
        /// What HPL says that it took to solve its equations.
        var solving = 0.0
        /// On Meseta: until the framework had an offer.
        var offered: Double?
        /// On Meseta: how long after that of mpirun the end of its task was known; below 0: before.
        var ending: Double?
    }

    /// Two runs, one after the other.
    struct Pair: Codable {
        var number: Int
        var bare = Run()
        var meseta = Run()

        /// Parts of the bare run's time.
        var overhead: Double { self.meseta.total / self.bare.total - 1 }

        var line: String {
            String(
                format: "pair %2d: bare %.2f s (HPL %.2f), on Meseta %.2f s (HPL %.2f): %+.2f %%", self.number,
                self.bare.total, self.bare.solving, self.meseta.total, self.meseta.solving, self.overhead * 100)
        }
    }

    var isolation: String
    var size: Int
    var pairs: [Pair] = []

    /// Where the true median lies, and how surely: the pair of order statistics that is the narrowest with at least 95 %, or
    /// the widest there is.
    static func medianInterval(_ values: [Double]) -> (low: Double, high: Double, confidence: Double) {
        let (sorted, count) = (values.sorted(), values.count)
        // As many values lie below the median as a coin shows heads.
        var (tail, term) = (0.0, pow(0.5, Double(count)))
        var best = (low: sorted[0], high: sorted[count - 1], confidence: 1 - 2 * term)
        for below in 0..<count / 2 {
            tail += term
            guard 1 - 2 * tail >= 0.95 else { break }
            best = (sorted[below], sorted[count - 1 - below], 1 - 2 * tail)
            term *= Double(count - below) / Double(below + 1)
        }
        return best
    }

    private var interval: (low: Double, high: Double, confidence: Double) {
        Self.medianInterval(self.pairs.map(\.overhead))
    }

    var isTooMuch: Bool { self.pairs.map(\.overhead).median >= 0.01 || self.interval.high >= 0.02 }

    var summary: String {
        let (low, high, confidence) = self.interval
        func median(_ value: (Pair) -> Double) -> Double { self.pairs.map(value).median }
        let bare = self.pairs.map(\.bare.total)
        return String(
            format: """
                HPL of order %d, isolation %@, %d pairs
                  bare: median %.2f s (%.2f to %.2f), of it HPL %.2f s
                  on Meseta: median %.2f s, of it HPL %.2f s
                  overhead: median %+.2f %%, %.1f %% interval %+.2f %% to %+.2f %%
                  on Meseta, an offer came after %.1f ms, and the news of the task's end %+.1f ms after mpirun's
                """, self.size, self.isolation, self.pairs.count, bare.median, bare.min() ?? 0, bare.max() ?? 0,
            median(\.bare.solving), median(\.meseta.total), median(\.meseta.solving),
            median(\.overhead) * 100, confidence * 100, low * 100, high * 100,
            median { $0.meseta.offered ?? 0 } * 1000, median { $0.meseta.ending ?? 0 } * 1000)
    }

    var chart: LinePlot {
        LinePlot(
            title: "Overhead of an MPI program on Meseta, pair by pair", xLabel: "pair", yLabel: "%",
            series: [.init("overhead", self.pairs.map { (Double($0.number), $0.overhead * 100) }, target: 1)])
    }
}
