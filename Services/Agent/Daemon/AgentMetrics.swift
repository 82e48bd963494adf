import Isolation
import Model
import Runtime

/// The numbers of an agent.
final class AgentMetrics: Sendable {
    let tasks: Gauge
    let executors: Gauge
    let unacknowledged: Gauge
    let isRegistered: Gauge
    let cpusUsed: Gauge
    let cpusTotal: Gauge
    let memoryUsed: Gauge
    let memoryTotal: Gauge
    let logBytes: Gauge
    let statusesResent: Counter
    let tasksAccepted: Counter
    let tasksRefused: Counter
    let attachments: Counter
    let ordersIgnored: Counter
    let updatesDropped: Counter
    let messagesDropped: Counter
    let executorsExited: Counter
    let executorsDefiant: Counter
    let healthChecksFailed: Counter
    let sandboxesKept: Gauge
    let sandboxesRemoved: Counter
    let sandboxesFailed: Gauge
    let sandboxBytesFreed: Counter
    let outputBytesCut: Counter
    let fetches: Counter
    let fetchesFailed: Counter
    let fetchCacheHits: Counter
    let fetchedBytes: Counter
    let usage: UsageMetrics
    private let statuses: [TaskState: Counter]

    init(_ metrics: Metrics) {
        self.tasks = metrics.gauge("meseta_agent_tasks", "Live tasks.")
        self.executors = metrics.gauge("meseta_agent_executors", "Executors that have not exited.")
        self.unacknowledged = metrics.gauge(
            "meseta_agent_statuses_unacknowledged", "Statuses that wait for their scheduler.")
        self.isRegistered = metrics.gauge("meseta_agent_registered", "1 while a master has accepted the agent.")
        self.cpusUsed = metrics.gauge("meseta_agent_cpus_used", "Cores of live tasks and executors.")
        self.cpusTotal = metrics.gauge("meseta_agent_cpus_total", "Cores shared out.")
        self.memoryUsed = metrics.gauge("meseta_agent_memory_used_bytes", "Memory of live tasks and executors.")
        self.memoryTotal = metrics.gauge("meseta_agent_memory_total_bytes", "Memory shared out.")
        self.logBytes = metrics.gauge("meseta_agent_log_bytes", "Size of the agent's log.")
        self.statusesResent = metrics.counter("meseta_agent_statuses_resent_total", "Statuses sent again.")
        self.tasksAccepted = metrics.counter("meseta_agent_tasks_accepted_total", "Tasks accepted.")
        self.tasksRefused = metrics.counter("meseta_agent_tasks_refused_total", "Tasks that did not run here.")
        self.attachments = metrics.counter("meseta_agent_attachments_total", "Connections to relays.")
        self.ordersIgnored = metrics.counter("meseta_agent_orders_ignored_total", "Orders that came late or twice.")
        self.updatesDropped = metrics.counter("meseta_agent_updates_dropped_total", "Invalid updates of executors.")
        self.messagesDropped = metrics.counter("meseta_agent_messages_dropped_total", "Messages nobody was there for.")
        self.executorsExited = metrics.counter("meseta_agent_executors_exited_total", "Executors that exited.")
        self.executorsDefiant = metrics.counter(
            "meseta_agent_executors_defiant_total", "Executors ended because they did not end a task that had to go.")
        self.healthChecksFailed = metrics.counter(
            "meseta_agent_health_checks_failed_total", "Looks at tasks that were not well.")
        self.sandboxesKept = metrics.gauge("meseta_agent_sandboxes_kept", "Sandboxes of runs that have ended.")
        self.sandboxesRemoved = metrics.counter("meseta_agent_sandboxes_removed_total", "Sandboxes removed.")
        self.sandboxesFailed = metrics.gauge(
            "meseta_agent_sandboxes_unremovable", "Sandboxes that could not be removed as a whole, at the last look.")
        self.sandboxBytesFreed = metrics.counter(
            "meseta_agent_sandbox_freed_bytes_total", "Of the disk, by removing sandboxes.")
        self.outputBytesCut = metrics.counter(
            "meseta_agent_output_cut_bytes_total", "Of tasks' output, that were beyond the limit.")
        self.fetches = metrics.counter("meseta_agent_fetches_total", "URIs brought into sandboxes.")
        self.fetchesFailed = metrics.counter("meseta_agent_fetches_failed_total", "URIs that could not be had.")
        self.fetchCacheHits = metrics.counter(
            "meseta_agent_fetch_cache_hits_total", "URIs that were there from an earlier task.")
        self.fetchedBytes = metrics.counter("meseta_agent_fetched_bytes_total", "Of URIs that were not there.")
        self.usage = UsageMetrics(metrics)
        self.statuses = Dictionary(
            uniqueKeysWithValues: TaskState.allCases.map { state in
                let label = [("state", state.name)]
                return (state, metrics.counter("meseta_agent_statuses_total", "Statuses made.", labels: label))
            })
    }

    func count(fetch outcome: FetchOutcome) {
        switch outcome {
        case .fetched(let bytes):
            self.fetches.add(1)
            self.fetchedBytes.add(Int(bytes))
        case .cached:
            self.fetches.add(1)
            self.fetchCacheHits.add(1)
        case .failed: self.fetchesFailed.add(1)
        }
    }

    func statuses(_ state: TaskState) -> Counter? { self.statuses[state] }
}
