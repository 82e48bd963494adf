import Model

/// The world as it would be if one watching allocator decided: the books that it is told instead of the real ones.
///
/// It has the same agents and frameworks. What was in use when it began is in use there, too, and ends when it ends; all
/// that comes free it offers as it likes. No scheduler is asked. A framework does in that world as it does in this: if it
/// used all of its last offer it takes whatever it is offered, else as much as it has in the cluster; its tasks have the
/// sizes and the times of those that the cluster saw last. What a framework would have done otherwise in another world
/// - because of where it runs, or because it is done earlier - cannot be known, and is not guessed.
///
/// One object for each watching allocator, changed in place by the master's core. What is to be told is gathered in
/// `messages`; ports and other things of which there is one only are not divided.
final class ShadowLedger {
    /// The watching allocator's name.
    let name: String
    let since: Instant
    /// When the timer that ends its tasks is set for.
    var timer: Instant?
    /// What to tell the allocator, in this order.
    var messages: [MasterToAllocator] = []
    var counters = Counters()

    var agents: [Row: Agent] = [:]
    /// In the order in which they came; of those gone the last so many.
    var frameworks: [Row: Framework] = [:]
    var departed: [ComparisonRow] = []
    var roleWeights: [String: Double] = [:]
    var uses = Slab<Use>()
    var inherited: [Holder: Row] = [:]
    var ends = DeadlineQueue()
    var lastSerial: UInt64 = 0
    /// The four scalars of all agents.
    var total = Resources()

    /// What the watching allocator proposed.
    struct Counters {
        var proposals: UInt64 = 0
        var refusals: UInt64 = 0
        var revocations: UInt64 = 0
    }

    /// Who holds something in the real world.
    enum Holder: Hashable {
        case task(Row)
        case executor(Row)
    }

    struct Agent {
        var facts: AgentFacts
        var free: Resources
        /// Rows of what is in use of it.
        var uses: Set<Row> = []
    }

    /// Something in use in this world.
    struct Use {
        let serial: UInt64
        let holding: AgentHolding
        let started: Instant
        /// Nil: it goes on until its framework's first task has shown how long one takes, or until its real holder ends.
        var end: Instant?
        /// What holds it in the real world, too.
        var holder: Holder?
    }

    init(name: String, at now: Instant) {
        self.name = name
        self.since = now
    }

    /// When the next task of this world ends.
    var nextEnd: Instant? { self.ends.first?.end }

    /// The master tells its allocators something; this one hears what it means in its own world.
    ///
    /// `uses`: who holds what of an agent that comes new.
    func hear(_ message: MasterToAllocator, inheriting uses: [(Holder, AgentHolding)] = [], at now: Instant) {
        switch message {
        case .agent(let facts): self.agentChanged(facts, inheriting: uses, at: now)
        case .agentRemoved(let agent): self.agentRemoved(agent, at: now)
        case .framework(let facts):
            if self.frameworks[facts.index] == nil {
                self.frameworks[facts.index] = Framework(facts, at: now)
            } else {
                self.frameworks[facts.index]?.changed(to: facts, at: now)
            }
            self.messages.append(message)
        case .frameworkRemoved(let framework): self.frameworkRemoved(framework, at: now)
        case .role(let facts):
            self.roleWeights[facts.role] = facts.weight
            self.messages.append(message)
        case .revived(let row, _):
            self.frameworks[row]?.revived(at: now)
            self.messages.append(message)
        case .policy, .synced, .request, .demand: self.messages.append(message)
        // Of the real world; this one has its own.
        case .held, .recovered, .filter, .allocationRefused, .revocationRefused, .revocable: break
        }
    }

    /// The watching allocator proposes, or asks.
    func received(_ message: AllocatorToMaster, at now: Instant) {
        switch message {
        case .allocation(let allocation): self.allocate(allocation, at: now)
        case .tasksWanted(let framework): self.tellRevocable(framework)
        case .revocation(let revocation): self.revoke(revocation, at: now)
        case .ready: break
        }
    }

    /// Ends what is over.
    func advance(to now: Instant) {
        while let entry = self.ends.first, entry.end <= now {
            self.ends.removeFirst()
            if let use = self.uses.row(entry.row), use.serial == entry.serial, use.end == entry.end {
                self.end(entry.row, at: now)
            }
        }
    }

    // MARK: Agents and frameworks

    private func agentChanged(_ facts: AgentFacts, inheriting uses: [(Holder, AgentHolding)], at now: Instant) {
        var facts = facts
        facts.isOwned = true
        facts.holdings = []
        let row = facts.index
        if let known = self.agents[row] {
            self.total -= known.facts.total.summable
            self.total += facts.total.summable
            self.agents[row]?.facts = facts
            self.agents[row]?.free = known.uses.reduce(facts.total) { $0 - self.uses[$1].holding.resources }
        } else {
            self.total += facts.total.summable
            self.agents[row] = Agent(facts: facts, free: facts.total)
            for (holder, holding) in uses { self.use(holding, until: nil, holder: holder, at: now) }
        }
        facts.holdings = (self.agents[row]?.uses ?? []).sorted().map { self.uses[$0].holding }
        self.messages.append(.agent(facts))
    }

    private func agentRemoved(_ agent: Row, at now: Instant) {
        guard let known = self.agents[agent] else { return }
        for row in known.uses.sorted() { self.forget(row, at: now) }
        self.agents[agent] = nil
        self.total -= known.facts.total.summable
        self.messages.append(.agentRemoved(agent))
    }

    private func frameworkRemoved(_ framework: Row, at now: Instant) {
        for row in self.uses.indices.filter({ self.uses[$0].holding.framework == framework }) { self.end(row, at: now) }
        if let entry = self.frameworks.removeValue(forKey: framework) {
            self.departed.append(self.row(of: entry, entitled: 0, at: now))
            if self.departed.count > Self.departedLimit { self.departed.removeFirst() }
        }
        self.messages.append(.frameworkRemoved(framework))
    }

    /// How many frameworks that are gone are still reported.
    private static let departedLimit = 100

    // MARK: What is in use

    /// Books something that was free.
    func use(_ holding: AgentHolding, until end: Instant?, holder: Holder? = nil, at now: Instant) {
        self.lastSerial += 1
        let serial = self.lastSerial
        let row = self.uses.insert(
            Use(serial: serial, holding: holding, started: now, end: end, holder: holder))
        self.agents[holding.agent]?.free -= holding.resources
        self.agents[holding.agent]?.uses.insert(row)
        self.frameworks[holding.framework]?.hold(holding.resources, of: self.total, at: now)
        if let holder {
            self.inherited[holder] = row
        } else if let end {
            self.ends.insert(DeadlineQueue.Entry(end: end, serial: serial, row: row))
        } else {
            self.frameworks[holding.framework]?.unmeasured.append((row, serial))
        }
    }

    /// Sets when a use ends.
    func limit(_ row: Row, to end: Instant) {
        self.uses[row].end = end
        self.ends.insert(DeadlineQueue.Entry(end: end, serial: self.uses[row].serial, row: row))
    }

    /// Frees what is in use.
    func end(_ row: Row, at now: Instant) {
        let holding = self.forget(row, at: now)
        self.agents[holding.agent]?.free += holding.resources
        self.messages.append(.recovered(holding))
    }

    @discardableResult
    private func forget(_ row: Row, at now: Instant) -> AgentHolding {
        let use = self.uses.remove(row)
        if let holder = use.holder { self.inherited[holder] = nil }
        self.agents[use.holding.agent]?.uses.remove(row)
        self.frameworks[use.holding.framework]?.release(use.holding.resources, of: self.total, at: now)
        return use.holding
    }
}

// MARK: What the real world does

extension ShadowLedger {
    /// Somebody's resources came free: what was taken over from it ends, too.
    func ended(_ holder: Holder, at now: Instant) {
        if let row = self.inherited[holder] { self.end(row, at: now) }
    }

    /// A framework holds this much from now on.
    func holds(_ framework: Row, used: Resources, offered: Resources, at now: Instant) {
        self.frameworks[framework]?.holds(used: used, offered: offered, of: self.total, at: now)
    }

    /// A framework started a task.
    func launched(_ framework: Row, _ resources: Resources) { self.frameworks[framework]?.size = resources.summable }

    /// A framework answered an offer: with so many tasks, and this left.
    func answered(_ framework: Row, tasks: Int, left: Resources, refusing refusal: Duration, at now: Instant) {
        self.frameworks[framework]?.answered(tasks: tasks, left: left, refusing: refusal, at: now)
    }

    /// A task is over after that long.
    func lasted(_ framework: Row, _ resources: Resources, _ duration: Duration, at now: Instant) {
        guard self.frameworks[framework] != nil else { return }
        self.frameworks[framework]?.add(Framework.Sample(size: resources.summable, duration: duration))
        let unmeasured = self.frameworks[framework]?.unmeasured ?? []
        self.frameworks[framework]?.unmeasured = []
        for (row, serial) in unmeasured where self.uses.row(row)?.serial == serial {
            self.limit(row, to: max(now, self.uses[row].started + duration))
        }
    }
}

// MARK: What the watching allocator decides

extension ShadowLedger {
    /// How many tasks one allocation starts at most.
    private static let tasksPerAllocation = 1000

    private func allocate(_ allocation: Allocation, at now: Instant) {
        let holding = allocation.holding
        if let problem = self.problem(with: holding) {
            self.counters.refusals += 1
            self.messages.append(
                .allocationRefused(
                    proposal: allocation.proposal, agent: holding.agent,
                    free: self.agents[holding.agent]?.free ?? .init(), message: problem))
            return
        }
        self.counters.proposals += 1
        self.messages.append(.held(holding))
        var left = holding.resources
        var tasks = 0
        while tasks < Self.tasksPerAllocation,
            let sample = self.frameworks[holding.framework]?.nextTask(fitting: left, at: now)
        {
            var part = holding
            part.resources = sample.size
            self.use(part, until: sample.duration.map { now + $0 }, at: now)
            left -= sample.size
            tasks += 1
        }
        let refusal = self.frameworks[holding.framework]?.served(UInt64(tasks), at: now) ?? .zero
        guard !left.isEmpty else { return }
        var rest = holding
        rest.resources = left
        self.messages.append(.filter(rest, remaining: refusal))
        self.messages.append(.recovered(rest))
    }

    private func problem(with holding: AgentHolding) -> String? {
        guard let agent = self.agents[holding.agent] else { return "no such agent" }
        guard agent.facts.isActive else { return "the agent is not active" }
        guard let framework = self.frameworks[holding.framework]?.facts else { return "no such framework" }
        guard framework.isActive, framework.roles.contains(holding.role) else {
            return "the framework takes no offers in that role"
        }
        if framework.suppressedRoles.contains(holding.role) { return "the framework wants no offers in that role" }
        if holding.resources.isEmpty { return "the allocation is empty" }
        return agent.free.contains(holding.resources) ? nil : "the agent has only \(agent.free) free"
    }

    /// How many tasks are named in one answer.
    private static let revocableLimit = 1000

    private func tellRevocable(_ framework: Row) {
        let rows = self.uses.indices.filter {
            self.uses[$0].holding.framework == framework && self.uses[$0].holder == nil
        }
        let youngest = rows.sorted { self.uses[$0].serial > self.uses[$1].serial }.prefix(Self.revocableLimit)
        let tasks = youngest.map { row in
            let holding = self.uses[row].holding
            return RevocableTask(
                agent: holding.agent, taskID: TaskID("\(row)-\(self.uses[row].serial)"), role: holding.role,
                resources: holding.resources)
        }
        self.messages.append(.revocable(framework: framework, tasks))
    }

    private func revoke(_ revocation: Revocation, at now: Instant) {
        let parts = revocation.taskID.rawValue.split(separator: "-")
        guard parts.count == 2, let row = Row(parts[0]), let use = self.uses.row(row), use.serial == UInt64(parts[1]),
            use.holding.framework == revocation.victim
        else {
            self.messages.append(
                .revocationRefused(proposal: revocation.proposal, message: "the task is not running any more"))
            return
        }
        self.counters.revocations += 1
        let end = now + revocation.grace
        if use.end.map({ $0 > end }) ?? true { self.limit(row, to: end) }
    }
}
