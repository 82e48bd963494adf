internal import Foundation
public import Model

/// A Hadoop instance: jobs of map and reduce tasks, each task in any slot; free slots go to the job that has the fewest.
public struct HadoopFramework: PaperFramework {
    private struct Job {
        var lengths: TaskLengths
        /// When it is set up, until it is.
        var begins: Duration?
        /// Maps and reduces of its steps that have not begun, in turn.
        var phases: [Int]
        /// Of this phase, those that have not begun.
        var pending: [Duration] = []
        var running = 0
    }

    private let slot: Resources
    private let setup: Duration
    private let deviation: Double
    private let seed: UInt64
    /// The kinds of jobs to come, in order, and when each is submitted; nil: when the one before is over.
    private var submissions: [(at: Duration?, kind: WorkloadMix.HadoopKind)]
    private var next = 0
    /// By the number of their submission.
    private var active: [Int: Job] = [:]
    /// The job of each task that is not over, and its length.
    private var tasks: [TaskID: (job: Int, length: Duration)] = [:]
    /// What it holds, and did.
    public var account: FrameworkAccount

    /// Jobs in an order that the seed draws, submitted at times that it draws.
    ///
    /// - Parameter deviation: Of a task's length, as a part of the mean.
    public init(_ name: String, _ settings: WorkloadMix.Hadoop, deviation: Double, seed: UInt64) {
        self.account = FrameworkAccount(name)
        self.slot = settings.slot.value
        self.setup = .seconds(settings.setupSeconds)
        self.deviation = deviation
        self.seed = seed
        var random = SeededGenerator(key: [seed, 0x4841, 0, 0])
        var at = Duration.zero
        let kinds = settings.kinds.flatMap { Array(repeating: $0, count: $0.jobs) }.shuffled(using: &random)
        self.submissions = kinds.map { kind in
            guard let gap = settings.gapSeconds else { return (nil, kind) }
            defer { at += .seconds(gap * -log(Double.random(in: .leastNonzeroMagnitude...1, using: &random))) }
            return (at, kind)
        }
    }

    /// Whether all its jobs are over.
    public var isDone: Bool { self.next == self.submissions.count && self.active.isEmpty && self.account.isEmpty }

    /// Jobs whose time has come are submitted, or begin.
    public mutating func wake(at now: Duration) {
        for (number, job) in self.active where job.begins.map({ $0 <= now }) == true {
            self.active[number]!.begins = nil
            self.beginPhase(of: number)
        }
        while self.next < self.submissions.count {
            let (at, kind) = self.submissions[self.next]
            guard let at else {
                if self.active.isEmpty { self.submit(kind, at: now) }
                break
            }
            guard at <= now else {
                self.account.orders.append(.wake(at: at))
                break
            }
            self.submit(kind, at: now)
        }
        self.noteDemand()
    }

    private mutating func submit(_ kind: WorkloadMix.HadoopKind, at now: Duration) {
        let number = self.next
        self.next += 1
        self.account.jobs.append(JobRecord(kind: kind.name, submitted: now.asSeconds))
        let random = SeededGenerator(key: [self.seed, 0x4841, 1, UInt64(number)])
        func share(_ count: Int, _ step: Int) -> Int {
            count * (step + 1) / kind.steps - count * step / kind.steps
        }
        let phases = (0..<kind.steps).flatMap { [share(kind.maps, $0), share(kind.reduces, $0)] }
        let begins = now + self.setup
        self.active[number] = Job(
            lengths: TaskLengths(mean: kind.taskSeconds, deviation: self.deviation, random: random), begins: begins,
            phases: phases.filter { $0 > 0 })
        self.account.orders.append(.wake(at: begins))
    }

    private mutating func beginPhase(of number: Int) {
        let count = self.active[number]!.phases.removeFirst()
        self.active[number]!.pending = self.active[number]!.lengths.draw(count)
    }

    private func noDemand() -> Bool { self.active.values.allSatisfy(\.pending.isEmpty) }

    private mutating func noteDemand() { self.account.wants(!self.noDemand()) }

    /// As many tasks as fit, each of the job that has the fewest running.
    public mutating func answer(_ offer: Offer, at now: Duration) -> PlannedAnswer {
        var answer = PlannedAnswer(refusal: FrameworkAccount.never)
        var rest = offer.resources
        while rest.contains(self.slot) {
            let waiting = self.active.filter { !$0.value.pending.isEmpty }
            guard let number = waiting.min(by: { ($0.value.running, $0.key) < ($1.value.running, $1.key) })?.key else {
                break
            }
            let length = self.active[number]!.pending.removeLast()
            self.active[number]!.running += 1
            let task = self.account.launch(self.slot, for: length, at: now)
            self.tasks[task.id] = (number, length)
            answer.tasks.append(task)
            rest -= self.slot
        }
        self.noteDemand()
        return answer
    }

    /// The task waits again.
    public mutating func dropped(_ task: TaskID, at now: Duration) {
        guard let (number, length) = self.tasks.removeValue(forKey: task) else { return }
        self.active[number]!.running -= 1
        self.active[number]!.pending.append(length)
        self.noteDemand()
    }

    /// When the last task of a phase has ended, the next phase begins, or the job is over.
    public mutating func ended(_ task: TaskID, at now: Duration) {
        guard let number = self.tasks.removeValue(forKey: task)?.job, let job = self.active[number] else { return }
        self.active[number]!.running -= 1
        if job.running == 1, job.pending.isEmpty {
            guard job.phases.isEmpty else {
                self.beginPhase(of: number)
                return self.noteDemand()
            }
            self.active[number] = nil
            self.account.jobs[number].finished = now.asSeconds
            // In a series, the next comes now.
            if self.next < self.submissions.count, self.submissions[self.next].at == nil { self.wake(at: now) }
        }
        self.noteDemand()
    }
}
