import Isolation
import Model
import Runtime

/// What all containers of an agent use together, and how busy its machine is.
final class UsageMetrics: Sendable {
    private let containers: Gauge
    private let cores: Gauge
    private let memory: Gauge
    private let disk: Gauge
    private let processes: Gauge
    private let breaches: [ContainerExit.Cause: Counter]

    init(_ metrics: Metrics) {
        self.containers = metrics.gauge("meseta_agent_containers", "Containers that run.")
        self.cores = metrics.gauge("meseta_agent_containers_cpu_cores", "Cores that containers use.")
        self.memory = metrics.gauge("meseta_agent_containers_memory_bytes", "Memory that containers hold.")
        self.disk = metrics.gauge(
            "meseta_agent_containers_disk_bytes", "Disk that sandboxes of live containers take up.")
        self.processes = metrics.gauge("meseta_agent_containers_processes", "Processes and threads of containers.")
        let causes: [(ContainerExit.Cause, String)] = [
            (.memoryLimit, "memory"), (.diskLimit, "disk"), (.limitation, "other"),
        ]
        self.breaches = Dictionary(
            uniqueKeysWithValues: causes.map { cause, name in
                let counter = metrics.counter(
                    "meseta_agent_breaches_total", "Containers that the agent ended because they broke a limit.",
                    labels: [("limit", name)])
                return (cause, counter)
            })
        metrics.gauge("meseta_agent_node_load", "Processes that run or want to, on average over a minute.") {
            NodePressure.load() ?? .nan
        }
        // A kernel that does not count them has no series.
        for resource in NodePressure.resources where NodePressure.stall(resource) != nil {
            metrics.gauge(
                "meseta_agent_node_pressure_ratio",
                "Part of the last ten seconds in which some process of the machine waited for it.",
                labels: [("resource", resource)]
            ) { NodePressure.stall(resource) ?? .nan }
        }
    }

    func show(_ report: UsageReport) {
        self.containers.set(report.containers.count)
        self.cores.set(report.cores)
        self.memory.set(Double(report.memoryBytes))
        self.disk.set(Double(report.diskBytes))
        self.processes.set(Double(report.processes))
    }

    func count(breach cause: ContainerExit.Cause) { self.breaches[cause]?.add() }
}
