public import FairSharing
internal import Messages
internal import Model

/// Drives a trial of fair sharing on a simulated cluster.
public final class SharingSimulation {
    /// What is simulated.
    public let cluster: SimulatedCluster
    /// Where lines about progress go.
    public var say: (String) -> Void = { _ in }

    private let plan: SharingPlan
    private var trial: SharingTrial
    private var timers: [SharingTrial.Timer: Int] = [:]
    private let reader: SimulatedOperator
    private let frameworks: [SimulatedScheduler]
    private let greedy: [Greedy]
    private let newcomer: SimulatedScheduler
    private var report: SharingReport?

    /// A cluster as the plan wants it, that has not begun.
    public init(plan: SharingPlan) {
        self.plan = plan
        var settings = SimulationSettings()
        settings.masters = 1
        settings.allocators = plan.allocators
        settings.agents = plan.agents
        settings.agentResources = plan.agentResources
        settings.master.policy = plan.policy
        settings.eventsPerCheck = 2000
        settings.checksEachEvent = false
        self.trial = SharingTrial(plan: plan)
        let cluster = SimulatedCluster(settings: settings, seed: plan.seed)
        self.cluster = cluster
        self.reader = SimulatedOperator(name: "operator", in: cluster)
        let executor = ExecutorInfo(executorID: "executor", command: CommandInfo(shell: "executor"))
        let greedy = plan.frameworkNames.indices.map {
            Greedy(GreedyFramework($0, of: plan, executor: executor))
        }
        self.greedy = greedy
        self.frameworks = zip(plan.frameworkNames, greedy).map {
            SimulatedScheduler(name: $0, role: "*", behaviour: $1, in: cluster)
        }
        self.newcomer = SimulatedScheduler(
            name: SharingPlan.newcomerName, role: "*", behaviour: Hoarder(), in: cluster)
    }

    /// Runs it to its end.
    public func run() -> SharingReport {
        for process in self.cluster.processes + [self.reader] + self.frameworks {
            self.cluster.queue.schedule(after: .milliseconds(Int64.random(in: 0...300, using: &self.cluster.random))) {
                process.start()
            }
        }
        self.reader.answered = { books in
            var books = books
            books.counts = self.greedy.map(\.framework.counts)
            self.handle(.books(books))
        }
        self.handle(.started)
        let deadline = self.cluster.queue.now + self.plan.duration + .seconds(300)
        while self.report == nil, self.cluster.violations.isEmpty, self.cluster.queue.step(until: deadline) {}
        var report = self.report ?? SharingReport()
        if self.report == nil, self.cluster.violations.isEmpty { report.problems.append("the trial did not end") }
        report.problems += self.cluster.violations
        return report
    }

    private func handle(_ event: SharingTrial.Event) {
        var effects: [SharingTrial.Effect] = []
        self.trial.handle(event, at: self.cluster.queue.now, into: &effects)
        for effect in effects { self.perform(effect) }
    }

    private func perform(_ effect: SharingTrial.Effect) {
        switch effect {
        case .readBooks: self.reader.read()
        case .killAllocator(let number):
            self.cluster.trace(self.cluster.allocators[number].name, "KILLED")
            self.cluster.allocators[number].kill()
        case .startAllocator(let number):
            self.cluster.trace(self.cluster.allocators[number].name, "STARTED AGAIN")
            self.cluster.allocators[number].start()
        case .suppressFrameworks:
            for (greedy, framework) in zip(self.greedy, self.frameworks) {
                greedy.framework.isHungry = false
                framework.suppress()
            }
        case .endFrameworks: for framework in self.frameworks { framework.end() }
        case .startNewcomer: self.newcomer.start()
        case .setTimer(let timer, let instant):
            let number = self.cluster.nextNumber()
            self.timers[timer] = number
            guard instant < .distantFuture else { return }
            self.cluster.queue.schedule(at: instant) {
                guard self.timers[timer] == number else { return }
                self.timers[timer] = nil
                self.handle(.timerFired(timer))
            }
        case .say(let line): self.say(line)
        case .finish(let report): self.report = report
        }
    }
}

/// An operator who looks at the books of the leading master, over the simulated network.
final class SimulatedOperator: SimulatedProcess {
    /// Books have come that were asked for.
    var answered: (Books) -> Void = { _ in }
    private var follower: SimulatedFollower?
    private var master: Network.Endpoint? { self.follower?.endpoint }
    private var question: UInt64 = 0
    private var isWaiting = false
    private var books = Books()

    override func begin() {
        self.follower = SimulatedFollower(
            self, by: .looks, hello: { [name = self.name] in Hello(role: .operator, name: name) }
        ) { [unowned self] event in
            guard case .welcomed(let endpoint, _) = event else { return }
            endpoint.received = { bytes in self.received(self.decode(OperatorResponse.self, bytes)) }
            if self.isWaiting { self.ask() }
        }
    }

    /// Asks, and asks again if the connection breaks.
    func read() {
        self.isWaiting = true
        if self.master != nil { self.ask() }
    }

    private func ask() {
        guard let master else { return }
        self.books = Books()
        self.question += 2
        self.cluster.network.send(OperatorRequest(id: self.question, .agents), from: master)
        self.cluster.network.send(OperatorRequest(id: self.question + 1, .frameworks), from: master)
    }

    private func received(_ response: OperatorResponse) {
        guard self.isWaiting, response.id >= self.question else { return }
        switch response.kind {
        case .agent(let row): self.books.agents.append(row)
        case .framework(let row): self.books.frameworks.append(row)
        case .done where response.id == self.question + 1:
            self.isWaiting = false
            self.answered(self.books)
        case .failure(let message): self.cluster.check(self.name, ["the master refuses: \(message)"])
        default: break
        }
    }
}

/// A framework of the trial, which always wants more.
private final class Greedy: FrameworkBehaviour {
    var framework: GreedyFramework

    init(_ framework: GreedyFramework) { self.framework = framework }

    func offered(_ offer: Offer, to scheduler: SimulatedScheduler) -> OfferAnswer? {
        var answer = OfferAnswer(refusal: .seconds(5))
        answer.tasks = self.framework.answer(offer)
        return answer
    }

    func updated(_ status: TaskStatus, of scheduler: SimulatedScheduler) { self.framework.updated(status) }
}

/// Keeps every offer and answers none.
private final class Hoarder: FrameworkBehaviour {
    func offered(_ offer: Offer, to scheduler: SimulatedScheduler) -> OfferAnswer? { nil }

    func updated(_ status: TaskStatus, of scheduler: SimulatedScheduler) {}
}
