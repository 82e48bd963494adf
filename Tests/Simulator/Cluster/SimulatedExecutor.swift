internal import Messages
internal import Model
internal import SDKCore

/// An executor: each task runs for as long as its data says, in milliseconds, then finishes; with a second number it is
/// told to run once more each time so much has passed.
final class SimulatedExecutor: SimulatedProcess {
    private let spec: ContainerSpec
    private let agent: SimulatedAgent
    private let exited: (Int32) -> Void
    private var state: ExecutorState?
    private let timers = SimulatedTimers<ExecutorState.Timer>()
    private var dialer: SimulatedDialer?
    private var tasks: Set<TaskID> = []
    /// Those that have begun, and have not ended.
    var runningTasks: [TaskID] { self.tasks.sorted() }

    init(spec: ContainerSpec, on agent: SimulatedAgent, in cluster: SimulatedCluster, exited: @escaping (Int32) -> Void)
    {
        self.spec = spec
        self.agent = agent
        self.exited = exited
        super.init(name: "\(agent.name)/executor-\(spec.runID)", in: cluster)
        self.machine = agent.machine
    }

    override func begin() {
        self.state = ExecutorState(
            settings: ExecutorSettings(
                frameworkID: self.spec.frameworkID, executorID: self.spec.executorID ?? "none"),
            generator: self.cluster.fork())
        self.handle(.started)
        var hello = Hello(role: .executor, name: self.name)
        hello.frameworkID = self.spec.frameworkID
        hello.executorID = self.spec.executorID
        let token = Array((self.spec.environment["MESETA_EXECUTOR_TOKEN"] ?? "").utf8)
        hello.subscription = Subscription(epoch: .none, counter: 0, token: token)
        let dialer = SimulatedDialer(
            self, backoffMax: .milliseconds(500), hello: { hello }, candidates: { [agent] in [agent.address] }
        ) { [unowned self] event in
            switch event {
            case .welcomed(let endpoint, _):
                endpoint.received = { bytes in
                    self.handle(.agentEvent(self.decode(ExecutorEvent.self, bytes), from: endpoint.peer))
                }
                self.handle(.agentConnected(endpoint.peer))
            case .lost(let endpoint): self.handle(.agentDisconnected(endpoint.peer))
            case .failed: break
            }
        }
        self.dialer = dialer
        dialer.start()
    }

    private func handle(_ event: ExecutorState.Event) {
        guard self.isUp, self.state != nil else { return }
        self.cluster.trace(self.name, event)
        var effects: [ExecutorState.Effect] = []
        self.state?.handle(event, at: self.now, into: &effects)
        for effect in effects {
            switch effect {
            case .send(let call): if let link = self.dialer?.endpoint { self.cluster.network.send(call, from: link) }
            case .callBack(.launchTask(let task)): self.run(task)
            case .callBack(.launchTaskGroup(let tasks)): for task in tasks { self.run(task) }
            case .callBack(.killTask(let task, _)): self.report(task, .killed)
            case .callBack(.shutdown): self.later(after: .zero) { self.handle(.shutdownReturned) }
            case .callBack: break
            case .setTimer(let timer, let instant):
                self.timers.set(timer, of: self, at: instant) { self.handle(.timerFired(timer)) }
            case .cancelTimer(let timer): self.timers.cancel(timer)
            case .stopped: self.exited(0)
            }
        }
    }

    override func died() {
        self.dialer = nil
        for task in self.tasks.sorted() { self.ended(task) }
    }

    private func ended(_ task: TaskID) { self.cluster.promises.ended(TaskKey(self.spec.frameworkID, task)) }

    private func run(_ task: TaskInfo) {
        self.tasks.insert(task.taskID)
        self.cluster.promises.started(TaskKey(self.spec.frameworkID, task.taskID))
        let times = String(decoding: task.data ?? [], as: UTF8.self).split(separator: " ").map { Int64($0) ?? 0 }
        self.report(task.taskID, .running)
        if times.count > 1 { self.repeatReport(of: task.taskID, every: .milliseconds(times[1])) }
        self.later(after: .milliseconds(times.first ?? 0)) { self.report(task.taskID, .finished) }
    }

    private func repeatReport(of task: TaskID, every pause: Duration) {
        self.later(after: pause) {
            guard self.tasks.contains(task) else { return }
            self.report(task, .running)
            self.repeatReport(of: task, every: pause)
        }
    }

    private func report(_ task: TaskID, _ state: TaskState) {
        if state.isTerminal, self.tasks.remove(task) != nil { self.ended(task) }
        self.handle(.called(.update(TaskStatus(taskID: task, state: state))))
    }
}
