/// What an agent tells at `/usage` of its side port.
///
/// What it does not know is nil everywhere, so that an agent of another version is read as far as possible.
struct UsageAnswer: Decodable, Hashable, Sendable {
    /// Who answers.
    struct Agent: Decodable, Hashable, Sendable {
        /// Nil before the cluster has given it one.
        var id: String?
        var name: String?
    }

    /// The machine.
    struct Node: Decodable, Hashable, Sendable {
        /// Cores that the agent shares out.
        var cpus: Double?
        /// Processes that run or want to, on average over a minute.
        var load: Double?
        var memoryTotal: UInt64?
        /// Bytes that could be had without swapping.
        var memoryAvailable: UInt64?
        /// Parts of the last ten seconds, 0 to 1, in which something waited for `cpu`, `memory` or `io`.
        var pressure: [String: Double]?

        enum CodingKeys: String, CodingKey {
            case cpus, load, pressure
            case memoryTotal = "memory_total_bytes"
            case memoryAvailable = "memory_available_bytes"
        }
    }

    /// A command task, or an executor with its tasks.
    struct Container: Decodable, Hashable, Sendable {
        var framework: String
        /// Nil for an executor.
        var task: String?
        /// Nil for a command task.
        var executor: String?
        /// Counted by the agent.
        var run: UInt64?
        /// Cores that it was given.
        var cpus: Double?
        /// Processor time since its start.
        var cpuSeconds: Double?
        /// Cores that it used between the last two looks of its agent, about a second apart; nil before the second.
        var cores: Double?
        /// Those that it has alone, as `1,3-5`; nil if it shares.
        var processors: String?
        var memory: UInt64?
        var memoryLimit: UInt64?
        var memoryPeak: UInt64?
        var processes: UInt64?
        var disk: UInt64?
        var diskQuota: UInt64?

        enum CodingKeys: String, CodingKey {
            case framework, task, executor, run, cpus, processors, processes
            case cpuSeconds = "cpu_seconds"
            case cores = "cpu_cores"
            case memory = "memory_bytes"
            case memoryLimit = "memory_limit_bytes"
            case memoryPeak = "memory_peak_bytes"
            case disk = "disk_bytes"
            case diskQuota = "disk_quota_bytes"
        }

        /// The largest part, of 0 to 1, that it has of a limit at which it ends; nil if it has none.
        var nearness: Double? {
            let parts = [(self.memory, self.memoryLimit), (self.disk, self.diskQuota)].compactMap { held, limit in
                held.flatMap { held in limit.flatMap { $0 > 0 ? Double(held) / Double($0) : nil } }
            }
            return parts.max()
        }
    }

    var agent: Agent
    var node: Node
    var containers: [Container]
}
