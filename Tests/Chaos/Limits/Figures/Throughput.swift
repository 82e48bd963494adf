/// What the neighbour got done, in windows of a tenth of a second, and what of it came with a hog and what without.
public struct Throughput: Sendable {
    /// A piece of the neighbour's time; instants in nanoseconds of the monotonic clock.
    struct Window: Hashable, Sendable {
        var begin: Int64
        var end: Int64
        var units: Int64

        /// Per second.
        var rate: Double { Double(self.units) * 1e9 / Double(self.end - self.begin) }
    }

    /// One hog: when it was launched, when it ran, when it had ended.
    public struct Visit: Hashable, Sendable {
        var launched: Int64
        var running: Int64
        var ended: Int64

        /// In nanoseconds of the monotonic clock.
        public init(launched: Int64, running: Int64, ended: Int64) {
            self.launched = launched
            self.running = running
            self.ended = ended
        }
    }

    /// Medians, of units a second.
    public struct Comparison: Hashable, Sendable {
        var before: Double
        var during: Double
        var after: Double
        /// The part that was lost while a hog ran; below zero if it was more than without.
        public var loss: Double
    }

    /// In the order of time.
    private let windows: [Window]

    /// Reads what the neighbour reported; a last line that is not whole is left out.
    public init(report text: String) {
        var windows: [Window] = []
        for line in text.split(separator: "\n") {
            let numbers = line.split(separator: " ").compactMap { Int64($0) }
            guard numbers.count == 3, numbers[1] > 0 else { continue }
            windows.append(Window(begin: numbers[0] - numbers[1], end: numbers[0], units: numbers[2]))
        }
        self.windows = windows
    }

    /// How long after a hog's end the neighbour is left alone before it counts again, in nanoseconds.
    private static let settling: Int64 = 200_000_000

    /// Compares each visit with the quiet times on both sides of it, so that what changes slowly (other load on the machine, the
    /// processor's clock) counts on neither side; then takes the median of the visits.
    ///
    /// - Parameters:
    ///   - visits: In the order of time.
    ///   - quiet: How long before and after a visit is quiet, in nanoseconds.
    /// - Returns: Nil if not one visit has a window before, in and after it.
    public func comparison(of visits: [Visit], quiet: Int64) -> Comparison? {
        var (before, during, after, losses) = ([Double](), [Double](), [Double](), [Double]())
        for visit in visits {
            let first = self.rates(from: visit.launched - quiet + Self.settling, to: visit.launched)
            let middle = self.rates(from: visit.running, to: visit.ended)
            let last = self.rates(from: visit.ended + Self.settling, to: visit.ended + quiet)
            guard let a = first.median, let b = middle.median, let c = last.median, a + c > 0 else { continue }
            before += first
            during += middle
            after += last
            losses.append(1 - b / ((a + c) / 2))
        }
        guard let a = before.median, let b = during.median, let c = after.median, let loss = losses.median else {
            return nil
        }
        return Comparison(before: a, during: b, after: c, loss: loss)
    }

    /// Of windows that are in it as a whole.
    private func rates(from begin: Int64, to end: Int64) -> [Double] {
        self.windows.filter { $0.begin >= begin && $0.end <= end }.map(\.rate)
    }
}

extension [Double] {
    /// Nil of none; of an even number the mean of the two in the middle.
    var median: Double? {
        guard !self.isEmpty else { return nil }
        let sorted = self.sorted(), middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
}
