internal import Model
internal import Simulator

/// What one task uses: the slot of the paper.
let slot: Resources = "cpus:1;mem:1024"

/// How many tasks fit in an offer.
func slots(in offer: Offer) -> Int { Int(offer.resources.cpus / slot.cpus) }

/// For ever, as far as a run is concerned.
let never = Duration.seconds(10_000_000)

/// From when to when the tasks of a framework ran, as its scheduler was told.
struct Ledger {
    private(set) var running: [TaskID: Instant] = [:]
    private var ended: [(from: Instant, to: Instant)] = []

    mutating func update(_ task: TaskID, _ state: TaskState, at now: Instant) {
        if state == .running { self.running[task] = now }
        if state.isTerminal, let from = self.running.removeValue(forKey: task) { self.ended.append((from, now)) }
    }

    /// Slot-seconds within a window that has passed.
    func use(from start: Instant, to end: Instant) -> Double {
        let spans = self.ended + self.running.values.map { (from: $0, to: end) }
        return spans.reduce(0) { $0 + max(0, (min($1.to, end) - max($1.from, start)).asSeconds) }
    }
}

/// Takes every slot that it wants, and would take more: one of those who fill the cluster.
final class Consumer: FrameworkBehaviour {
    private let lengths: TaskLengths
    private let mean: Duration
    private var random: SeededGenerator
    /// So many tasks are cut at a point of chance, so that from then on ends are spread evenly over time.
    private var cut: Int
    private(set) var launched = 0
    private(set) var ledger = Ledger()
    /// Hosts that it takes slots of; nil: any.
    private(set) var wanted: Set<String>?
    private var hosts: [TaskID: String] = [:]
    /// The first instant since the last change of mind at which it had so many tasks on hosts that it wants.
    private(set) var satisfied: Instant?
    var demand = Int.max

    init(_ lengths: TaskLengths, _ mean: Duration, cut: Int, wanted: Set<String>? = nil, random: SeededGenerator) {
        self.lengths = lengths
        self.mean = mean
        self.cut = cut
        self.wanted = wanted
        self.random = random
    }

    func offered(_ offer: Offer, to scheduler: SimulatedScheduler) -> OfferAnswer? {
        var answer = OfferAnswer(refusal: never)
        guard self.wanted?.contains(offer.hostname) ?? true else { return answer }
        for _ in 0..<slots(in: offer) {
            self.launched += 1
            let isCut = self.cut > 0
            if isCut { self.cut -= 1 }
            let length =
                isCut ? self.lengths.remainder(self.mean, &self.random) : self.lengths.draw(self.mean, &self.random)
            let id = TaskID("\(scheduler.name)-\(self.launched)")
            self.hosts[id] = offer.hostname
            answer.tasks.append(.running(for: length, id, slot, on: offer))
        }
        return answer
    }

    func updated(_ status: TaskStatus, of scheduler: SimulatedScheduler) {
        let (task, state) = (status.taskID, status.state)
        self.ledger.update(task, state, at: scheduler.now)
        if state.isTerminal { self.hosts[task] = nil }
        self.noteSatisfaction(at: scheduler.now)
    }

    private func noteSatisfaction(at now: Instant) {
        guard self.satisfied == nil, let wanted, self.demand < .max else { return }
        let placed = self.ledger.running.keys.count { self.hosts[$0].map(wanted.contains) ?? false }
        if placed >= self.demand { self.satisfied = now }
    }

    /// From now on it wants slots of these hosts, so many of them, and no others; what runs goes on running.
    func prefer(_ hosts: Set<String>, demand: Int, _ scheduler: SimulatedScheduler) {
        self.wanted = hosts
        self.demand = demand
        self.satisfied = nil
        self.noteSatisfaction(at: scheduler.now)
        scheduler.revive()
    }
}

/// The framework f of the model: it arrives with one job, is entitled to k slots, and has none.
final class Newcomer: FrameworkBehaviour {
    private let setting: SharingSetting
    private let isRigid: Bool
    /// The hosts whose slots it takes; nil: any.
    private let wanted: Set<String>?
    private var launched = 0
    private var open: [TaskID: (number: Int, taken: Instant)] = [:]
    private(set) var ledger = Ledger()
    /// When it first had all its slots.
    private(set) var rampedUp: Instant?
    private(set) var completed: Instant?
    /// Slot-seconds from when a slot was taken until it was given back.
    private(set) var held = 0.0
    private var tasksOfJobLeft: Int
    /// A rigid job is over; its processes end.
    private var isStopping = false

    init(_ setting: SharingSetting, isRigid: Bool, wanted: Set<String>?) {
        self.setting = setting
        self.isRigid = isRigid
        self.wanted = wanted
        self.tasksOfJobLeft = setting.tasksOfJob
    }

    var isDone: Bool { self.rampedUp != nil && self.completed != nil }

    func offered(_ offer: Offer, to scheduler: SimulatedScheduler) -> OfferAnswer? {
        guard self.wanted?.contains(offer.hostname) ?? true else { return OfferAnswer(refusal: never) }
        // What is too much now is wanted again when a task ends.
        var answer = OfferAnswer(refusal: .seconds(1))
        if self.isStopping { return answer }
        for _ in 0..<min(slots(in: offer), self.setting.entitlement - self.open.count) {
            self.launched += 1
            let id = TaskID("\(scheduler.name)-\(self.launched)")
            self.open[id] = (self.launched, scheduler.now)
            // The processes of a rigid job wait for each other, so they run until the job is over.
            answer.tasks.append(.running(for: self.isRigid ? never : self.setting.grain, id, slot, on: offer))
        }
        return answer
    }

    func updated(_ status: TaskStatus, of scheduler: SimulatedScheduler) {
        let (task, state) = (status.taskID, status.state)
        self.ledger.update(task, state, at: scheduler.now)
        if self.rampedUp == nil, self.ledger.running.count == self.setting.entitlement {
            self.rampedUp = scheduler.now
            if self.isRigid { scheduler.wait(self.setting.mean * self.setting.work) { self.stop(scheduler) } }
        }
        guard state.isTerminal, let (number, taken) = self.open.removeValue(forKey: task) else { return }
        self.held += (scheduler.now - taken).asSeconds
        self.endOfTask(number, at: scheduler.now)
    }

    private func endOfTask(_ number: Int, at now: Instant) {
        if self.isRigid {
            if self.open.isEmpty { self.completed = now }
            return
        }
        // The job is the tasks launched first; those launched when no others were left only keep the slots.
        if number <= self.setting.tasksOfJob { self.tasksOfJobLeft -= 1 }
        if self.tasksOfJobLeft == 0, self.completed == nil { self.completed = now }
    }

    private func stop(_ scheduler: SimulatedScheduler) {
        self.isStopping = true
        for task in self.open.keys.sorted() { scheduler.kill(task) }
    }
}
