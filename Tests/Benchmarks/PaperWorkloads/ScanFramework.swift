public import Model

/// The job of section 6.3: a scan of a file in blocks, each of which is on some nodes of the cluster.
public struct ScanSettings: Codable, Sendable {
    /// Machines of the cluster.
    public var agents = 93
    /// Tasks that a machine runs at a time.
    public var slotsPerAgent = 4
    /// Hadoop instances.
    public var instances = 16
    /// Of the file of each; 100 GB in blocks of 128 MB.
    public var blocks = 800
    /// Nodes that have a block.
    public var replicas = 3
    /// Mean length of a task that reads its own node.
    public var localSeconds = 10.0
    /// A task that reads from another node takes so many times as long.
    public var remoteFactor = 2.0
    /// Standard deviation of a task's length, as a part of its mean.
    public var deviation = 0.2

    /// Those of the paper, and where it leaves them open those of the README.
    public init() {}
}

/// A Hadoop instance that runs one job without reduces, with delay scheduling.
public struct ScanFramework: PaperFramework {
    private let slot: Resources = "cpus:1;mem:2048"
    private let firstHost: Int
    private let remoteFactor: Double
    private let lengths: [Duration]
    private var queue: DelayQueue
    private var running: [TaskID: (block: Int, isLocal: Bool)] = [:]
    private let blocks: Int
    /// Tasks that read their own node.
    public private(set) var local = 0
    /// What it holds, and did.
    public var account: FrameworkAccount

    /// - Parameters:
    ///   - delay: How long it waits for a node that has one of its blocks; zero: not at all.
    ///   - firstHost: The number, among all machines, of the one that its cluster calls `agent-1`.
    public init(_ name: String, _ settings: ScanSettings, delay: Duration, seed: UInt64, firstHost: Int = 1) {
        self.account = FrameworkAccount(name)
        self.firstHost = firstHost
        self.remoteFactor = settings.remoteFactor
        self.blocks = settings.blocks
        var random = SeededGenerator(key: [seed, 0x5343, 0, 0])
        let hosts = (1...settings.agents).map { "agent-\($0)" }
        let homes = (0..<settings.blocks).map { _ in Set(hosts.shuffled(using: &random).prefix(settings.replicas)) }
        self.queue = DelayQueue(homes: homes, delay: delay)
        var lengths = TaskLengths(mean: settings.localSeconds, deviation: settings.deviation, random: random)
        self.lengths = lengths.draw(settings.blocks)
    }

    /// Whether its job is over.
    public var isDone: Bool { self.account.jobs.first?.finished != nil && self.account.isEmpty }

    /// The part of its tasks that read their own node.
    public var locality: Double { Double(self.local) / Double(self.blocks) }

    /// Its job is submitted.
    public mutating func wake(at now: Duration) {
        guard self.account.jobs.isEmpty else { return }
        self.account.jobs.append(JobRecord(kind: "scan", submitted: now.asSeconds))
        self.account.wants(true)
    }

    /// The name among all machines of a host of its cluster.
    private func global(_ host: String) -> String {
        guard self.firstHost > 1, let number = Int(host.dropFirst("agent-".count)) else { return host }
        return "agent-\(number + self.firstHost - 1)"
    }

    /// Blocks that are there; others when it has waited long enough.
    public mutating func answer(_ offer: Offer, at now: Duration) -> PlannedAnswer {
        var answer = PlannedAnswer(refusal: FrameworkAccount.never)
        var rest = offer.resources
        guard !self.account.jobs.isEmpty else {
            self.account.wants(false)
            return answer
        }
        let host = self.global(offer.hostname)
        while rest.contains(self.slot), self.queue.count > 0 {
            guard let (block, isLocal) = self.queue.take(on: host, at: now) else {
                answer.refusal = self.queue.patience(at: now)
                break
            }
            if isLocal { self.local += 1 }
            let length = isLocal ? self.lengths[block] : self.lengths[block] * self.remoteFactor
            let task = self.account.launch(self.slot, for: length, at: now)
            self.running[task.id] = (block, isLocal)
            answer.tasks.append(task)
            rest -= self.slot
        }
        self.account.wants(self.queue.count > 0)
        return answer
    }

    /// The task waits again.
    public mutating func dropped(_ task: TaskID, at now: Duration) {
        guard let (block, isLocal) = self.running.removeValue(forKey: task) else { return }
        if isLocal { self.local -= 1 }
        self.queue.putBack(block)
        self.account.wants(true)
    }

    /// After the last task the job is over.
    public mutating func ended(_ task: TaskID, at now: Duration) {
        self.running[task] = nil
        if self.running.isEmpty, self.queue.count == 0 { self.account.jobs[0].finished = now.asSeconds }
    }
}
