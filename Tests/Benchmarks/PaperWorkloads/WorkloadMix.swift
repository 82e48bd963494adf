internal import Foundation
public import Model

/// Resources as text in a file.
public struct ResourceText: Codable, Hashable, Sendable {
    /// What it says.
    public var value: Resources

    /// Reads it.
    public init(from decoder: any Decoder) throws {
        self.value = try Resources(text: decoder.singleValueContainer().decode(String.self))
    }

    /// Writes it.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(self.value.description)
    }
}

/// The four workloads of the paper's macrobenchmark, and the cluster they share; as in `mix.json`.
///
/// Times are in seconds of the paper; `scaled(by:)` makes them shorter.
public struct WorkloadMix: Codable, Sendable {
    /// Jobs of MapReduce of one type and size.
    public struct HadoopKind: Codable, Sendable {
        /// The type, and the number of its bin.
        public var name: String
        /// Map tasks of a job.
        public var maps: Int
        /// Reduce tasks of a job; they begin when the maps of their step have ended.
        public var reduces: Int
        /// MapReduce steps, one after the other, that a job's tasks are divided among.
        public var steps: Int
        /// How many such jobs there are.
        public var jobs: Int
        /// Mean length of a task.
        public var taskSeconds: Double
        /// What such a job took in the paper on the dedicated partition.
        public var paperSeconds: Double
        /// How much shorter it was in the shared cluster of the paper.
        public var paperSpeedup: Double
    }

    /// A Hadoop instance.
    public struct Hadoop: Codable, Sendable {
        /// What a task takes.
        public var slot: ResourceText
        /// Mean time between submissions; nil: each job comes when the last is done.
        public var gapSeconds: Double?
        /// From the submission of a job until its first tasks may begin.
        public var setupSeconds: Double
        /// What it runs.
        public var kinds: [HadoopKind]
    }

    /// The Spark instance: iterations over cached data.
    public struct Spark: Codable, Sendable {
        /// What a task takes, its part of what the node keeps included.
        public var slot: ResourceText
        /// What its jobs are called.
        public var name: String
        /// How many there are.
        public var jobs: Int
        /// From the end of a job until the next is submitted.
        public var waitSeconds: Double
        /// Iterations of a job.
        public var iterations: Int
        /// Tasks of an iteration.
        public var partitions: Int
        /// Between iterations, for the parameters to reach all nodes.
        public var broadcastSeconds: Double
        /// How long a node takes to get the input data, which it then keeps until the job is over.
        public var loadSeconds: Double
        /// Mean length of a task on a node that has the input data.
        public var taskSeconds: Double
        /// What such a job took in the paper on the dedicated partition.
        public var paperSeconds: Double
        /// How much shorter it was in the shared cluster of the paper.
        public var paperSpeedup: Double
    }

    /// Jobs of MPI of one size.
    public struct TorqueKind: Codable, Sendable {
        /// The size.
        public var name: String
        /// How many there are.
        public var jobs: Int
        /// From the start of all ranks to the end of the job; in the paper on the dedicated partition.
        public var seconds: Double
        /// How much shorter it was in the shared cluster of the paper.
        public var paperSpeedup: Double
    }

    /// The Torque instance: rigid jobs.
    public struct Torque: Codable, Sendable {
        /// What a rank takes.
        public var slot: ResourceText
        /// Time between submissions.
        public var gapSeconds: Double
        /// Processes of a job, which run together or not at all.
        public var ranks: Int
        /// It never holds more.
        public var guaranteedSlots: Int
        /// What it runs.
        public var kinds: [TorqueKind]
    }

    /// What the paper saw.
    public struct Paper: Codable, Sendable {
        /// Sum of the times of all jobs, dedicated by shared, for each framework.
        public var speedups: [String: Double]
        /// Processors in use, shared above dedicated.
        public var cpuGain: Double
        /// Memory in use, shared above dedicated.
        public var memoryGain: Double
    }

    /// Where the numbers are from.
    public var source: String
    /// Machines of the shared cluster; each framework's partition is a quarter of them.
    public var agents: Int
    /// What each has.
    public var agentResources: ResourceText
    /// Standard deviation of a task's length, as a part of its mean.
    public var deviation: Double
    /// The mix of small and large jobs.
    public var facebook: Hadoop
    /// The series of large jobs.
    public var large: Hadoop
    /// The iterative jobs.
    public var spark: Spark
    /// The rigid jobs.
    public var torque: Torque
    /// What is to be compared with.
    public var paper: Paper

    /// The paper's.
    public static func ofThePaper() throws -> WorkloadMix {
        try JSONDecoder().decode(WorkloadMix.self, from: Data(PackageResources.mix_json))
    }

    /// The names of the frameworks, in the paper's order.
    public static let names = ["facebook", "large", "spark", "torque"]

    /// The same with all times multiplied.
    public func scaled(by factor: Double) -> WorkloadMix {
        var mix = self
        func scale(_ kinds: inout [HadoopKind]) {
            for index in kinds.indices {
                kinds[index].taskSeconds *= factor
                kinds[index].paperSeconds *= factor
            }
        }
        scale(&mix.facebook.kinds)
        scale(&mix.large.kinds)
        mix.facebook.gapSeconds = self.facebook.gapSeconds.map { $0 * factor }
        mix.large.gapSeconds = self.large.gapSeconds.map { $0 * factor }
        mix.facebook.setupSeconds *= factor
        mix.large.setupSeconds *= factor
        mix.spark.waitSeconds *= factor
        mix.spark.broadcastSeconds *= factor
        mix.spark.loadSeconds *= factor
        mix.spark.taskSeconds *= factor
        mix.spark.paperSeconds *= factor
        mix.torque.gapSeconds *= factor
        for index in mix.torque.kinds.indices { mix.torque.kinds[index].seconds *= factor }
        return mix
    }

    /// The same with fewer agents and tasks: a part of each, at least one.
    ///
    /// Ranks of a rigid job, partitions, and tasks of a job shrink with the agents, so that a job is the same part of a cluster.
    public func shrunk(to agents: Int) -> WorkloadMix {
        var mix = self
        func part(_ count: Int) -> Int {
            count == 0 ? 0 : max(1, Int((Double(count * agents) / Double(self.agents)).rounded()))
        }
        func shrink(_ kinds: inout [HadoopKind]) {
            for index in kinds.indices {
                kinds[index].maps = part(kinds[index].maps)
                kinds[index].reduces = part(kinds[index].reduces)
            }
        }
        shrink(&mix.facebook.kinds)
        shrink(&mix.large.kinds)
        mix.spark.partitions = part(mix.spark.partitions)
        mix.torque.ranks = part(mix.torque.ranks)
        mix.torque.guaranteedSlots = part(mix.torque.guaranteedSlots)
        mix.agents = agents
        return mix
    }

    /// The framework of that name, as a seed draws it.
    ///
    /// The same seed gives the same jobs, submissions and lengths of tasks, wherever they run.
    public func framework(_ name: String, seed: UInt64) -> any PaperFramework {
        switch name {
        case "facebook": HadoopFramework(name, self.facebook, deviation: self.deviation, seed: seed)
        case "large": HadoopFramework(name, self.large, deviation: self.deviation, seed: seed ^ 1 << 32)
        case "spark": SparkFramework(name, self.spark, deviation: self.deviation, seed: seed)
        case "torque": TorqueFramework(name, self.torque, seed: seed)
        default: preconditionFailure("no framework \(name) in the mix")
        }
    }
}
