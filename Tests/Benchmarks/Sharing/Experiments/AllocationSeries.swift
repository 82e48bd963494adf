public import PaperWorkloads

/// What frameworks hold of a cluster over time, as parts of it.
public struct AllocationSeries: Sendable {
    /// In order of time: seconds, and the parts of processors and memory from then on.
    private let steps: [(at: Double, cpus: Double, memory: Double)]
    /// When the last of it was given back, in seconds.
    public var end: Double { self.steps.last?.at ?? 0 }

    /// What all of these hold together.
    ///
    /// - Parameters:
    ///   - cpus: Processors of the cluster.
    ///   - memory: MB of the cluster.
    public init(_ accounts: [FrameworkAccount], cpus: Double, memory: Double) {
        // As changes, which can be put in order.
        var changes: [(at: Double, cpus: Double, memory: Double)] = []
        for account in accounts {
            var last = (cpus: 0.0, memory: 0.0)
            for step in account.steps {
                changes.append((step.at, step.cpus - last.cpus, step.memory - last.memory))
                last = (step.cpus, step.memory)
            }
        }
        changes.sort { $0.at < $1.at }
        var sum = (cpus: 0.0, memory: 0.0)
        self.steps = changes.map { change in
            sum.cpus += change.cpus / cpus
            sum.memory += change.memory / memory
            return (change.at, sum.cpus, sum.memory)
        }
    }

    /// The mean parts between two moments.
    public func mean(from start: Double, to end: Double) -> (cpus: Double, memory: Double) {
        var (cpus, memory) = (0.0, 0.0)
        for (index, step) in self.steps.enumerated() {
            let until = index + 1 < self.steps.count ? self.steps[index + 1].at : end
            let seconds = max(0, min(until, end) - max(step.at, start))
            cpus += step.cpus * seconds
            memory += step.memory * seconds
        }
        return (cpus / (end - start), memory / (end - start))
    }

    /// Means of so many stretches of equal length, from 0 to `end`; x is the middle of each, in seconds.
    public func points(_ count: Int, to end: Double) -> (
        cpus: [(x: Double, y: Double)], memory: [(x: Double, y: Double)]
    ) {
        let length = end / Double(count)
        let means = (0..<count).map { index in
            let start = Double(index) * length
            return (start + length / 2, self.mean(from: start, to: start + length))
        }
        return (means.map { ($0.0, $0.1.cpus) }, means.map { ($0.0, $0.1.memory) })
    }
}
