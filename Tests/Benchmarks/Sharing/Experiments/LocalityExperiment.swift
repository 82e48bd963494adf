internal import Model
public import PaperWorkloads
internal import TestSupport

/// Section 6.3: Hadoop instances whose data is spread over the cluster.
public enum LocalityExperiment {
    /// How the instances share the cluster.
    public enum Scenario: Hashable, Sendable {
        /// Each has machines of its own.
        case partitions
        /// All share; each waits so long for its own data.
        case shared(delay: Duration)

        /// In words.
        public var name: String {
            switch self {
            case .partitions: "static partitions"
            case .shared(.zero): "shared, no delay"
            case .shared(let delay): "shared, \(delay.asSeconds.formatted) s delay"
            }
        }
    }

    /// What one run showed.
    public struct Outcome: Codable, Sendable {
        /// How the cluster was shared.
        public var scenario: String
        /// What all chance was drawn from.
        public var seed: UInt64
        /// The part of all tasks that read their own node.
        public var locality: Double
        /// Of each instance's job, in seconds.
        public var times: [Double]

        /// Of the jobs, in seconds.
        public var meanTime: Double { self.times.mean }
    }

    /// One run, with all cores and codecs on virtual time.
    public static func run(
        _ scenario: Scenario, _ settings: ScanSettings, seed: UInt64
    ) throws(ExperimentFailure) -> Outcome {
        let resources = Resources(
            milliCPU: 1000 * Int64(settings.slotsPerAgent), milliMB: 15_360_000 * Int64(settings.slotsPerAgent) / 4)
        func framework(_ index: Int, delay: Duration, firstHost: Int) -> ScanFramework {
            ScanFramework(
                "scan-\(index)", settings, delay: delay, seed: seed << 16 | UInt64(index), firstHost: firstHost)
        }
        var ended: [any PaperFramework] = []
        switch scenario {
        case .shared(let delay):
            let frameworks = (0..<settings.instances).map { framework($0, delay: delay, firstHost: 1) }
            ended = try SimulatedRun(agents: settings.agents, resources: resources, seed: seed)
                .run(frameworks, patience: self.patience)
        case .partitions:
            for index in 0..<settings.instances {
                let first = settings.agents * index / settings.instances
                let last = settings.agents * (index + 1) / settings.instances
                let alone = framework(index, delay: .zero, firstHost: first + 1)
                ended += try SimulatedRun(agents: last - first, resources: resources, seed: seed)
                    .run([alone], patience: self.patience)
            }
        }
        let scans = ended.compactMap { $0 as? ScanFramework }
        return Outcome(
            scenario: scenario.name, seed: seed,
            locality: scans.map(\.locality).mean,
            times: scans.compactMap { $0.account.jobs[0].seconds })
    }

    private static let patience = Duration.seconds(100_000)
}

extension Double {
    /// Without a fraction where there is none.
    fileprivate var formatted: String { self == self.rounded() ? "\(Int(self))" : "\(self)" }
}
