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
        self.usage = UsageMetrics(metrics)
        self.statuses = Dictionary(
            uniqueKeysWithValues: TaskState.allCases.map { state in
                let label = [("state", state.name)]
                return (state, metrics.counter("meseta_agent_statuses_total", "Statuses made.", labels: label))
            })
    }

    func statuses(_ state: TaskState) -> Counter? { self.statuses[state] }
}
