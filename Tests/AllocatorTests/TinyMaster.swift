import AllocatorCore
import Model

/// The least that an allocator needs of a master: books, checks, and answers, in order, on each link.
struct TinyMaster {
    struct Agent {
        var id: AgentID
        var total: Resources
        var holdings: [AgentHolding] = []
        var owner: Int?
        var ownership: Ownership = 0
        var isActive = true
        var hostname = "h"
        var minimumOffer = Resources()
        /// As `name:value` pairs.
        var attributes: [String: String] = [:]

        var free: Resources { self.holdings.reduce(self.total) { $0 - $1.resources } }
    }

    struct Framework {
        var facts: FrameworkFacts
        /// Agent, role and how much, until when.
        var filters: [(holding: AgentHolding, until: Instant)] = []
        var takesGPUs = false
    }

    struct Offer: Hashable {
        var number: Int
        var holding: AgentHolding
    }

    var now = Instant(nanoseconds: 0)
    var agents: [UInt32: Agent] = [:]
    var frameworks: [UInt32: Framework] = [:]
    var roles: [String: RoleFacts] = [:]
    /// Not answered by their frameworks yet, oldest first.
    var offers: [Offer] = []
    var offersMade = 0
    /// What is on its way to each allocator.
    var outbox: [[MasterToAllocator]] = []
    var refusals: [String] = []
    /// Frameworks whose tasks were asked for, and tasks to be taken back.
    var asked: [UInt32] = []
    var revocations: [Revocation] = []
    /// Of the agent given away last.
    ///
    /// One count for all, so that no two lives of an index share a number.
    var lastOwnership: Ownership = 0

    // MARK: Facts

    mutating func connect() -> Int {
        self.outbox.append([])
        let allocator = self.outbox.count - 1
        self.tellAll(allocator)
        return allocator
    }

    mutating func tellAll(_ allocator: Int) {
        for role in self.roles.keys.sorted() { self.outbox[allocator].append(.role(self.roles[role]!)) }
        for index in self.frameworks.keys.sorted() {
            self.outbox[allocator].append(.framework(self.frameworks[index]!.facts))
        }
        for index in self.agents.keys.sorted() {
            self.outbox[allocator].append(.agent(self.facts(index, for: allocator)))
        }
        for index in self.frameworks.keys.sorted() {
            for filter in self.frameworks[index]!.filters where filter.until > self.now {
                self.outbox[allocator].append(.filter(filter.holding, remaining: filter.until - self.now))
            }
        }
        self.outbox[allocator].append(.synced)
    }

    mutating func tell(_ message: MasterToAllocator) {
        for allocator in self.outbox.indices { self.outbox[allocator].append(message) }
    }

    func facts(_ index: UInt32, for allocator: Int) -> AgentFacts {
        let agent = self.agents[index]!
        var facts = AgentFacts(
            index: index, id: agent.id, hostname: agent.hostname, total: agent.total, isOwned: agent.owner == allocator,
            ownership: agent.ownership)
        facts.minimumOffer = agent.minimumOffer
        facts.holdings = agent.holdings
        facts.attributes = Array(agent.attributes.map { "\($0):\($1)" }.sorted().joined(separator: ";").utf8)
        facts.isActive = agent.isActive
        return facts
    }

    mutating func setWeight(_ weight: Double, of role: String) {
        self.changeRole(role) { $0.weight = weight }
    }

    mutating func changeRole(_ role: String, _ body: (inout RoleFacts) -> Void) {
        body(&self.roles[role, default: RoleFacts(role: role)])
        self.tell(.role(self.roles[role]!))
    }

    mutating func addAgent(
        _ index: UInt32, _ total: Resources, owner: Int?, _ body: (inout Agent) -> Void = { _ in }
    ) {
        self.lastOwnership += 1
        var agent = Agent(id: AgentID("A\(index)"), total: total, owner: owner, ownership: self.lastOwnership)
        body(&agent)
        self.agents[index] = agent
        self.tellFacts(index)
    }

    mutating func tellFacts(_ index: UInt32) {
        for allocator in self.outbox.indices {
            self.outbox[allocator].append(.agent(self.facts(index, for: allocator)))
        }
    }

    mutating func give(_ index: UInt32, to allocator: Int?) {
        self.agents[index]!.owner = allocator
        self.lastOwnership += 1
        self.agents[index]!.ownership = self.lastOwnership
        self.tellFacts(index)
    }

    mutating func setActive(_ index: UInt32, _ isActive: Bool) {
        self.agents[index]!.isActive = isActive
        self.tellFacts(index)
    }

    mutating func removeAgent(_ index: UInt32) {
        for holding in self.agents[index]!.holdings { self.free(holding) }
        self.offers.removeAll { $0.holding.agent == index }
        for framework in self.frameworks.keys {
            self.frameworks[framework]!.filters.removeAll { $0.holding.agent == index }
        }
        self.agents[index] = nil
        self.tell(.agentRemoved(index))
    }

    mutating func addFramework(
        _ index: UInt32, roles: [String] = ["*"], minimumOffers: [Resources] = [],
        _ body: (inout FrameworkFacts) -> Void = { _ in }
    ) {
        var facts = FrameworkFacts(index: index, id: FrameworkID("F\(index)"), name: "f", roles: roles)
        facts.minimumOffers = minimumOffers
        body(&facts)
        self.frameworks[index] = Framework(facts: facts)
        self.tell(.framework(facts))
    }

    mutating func change(_ index: UInt32, _ body: (inout FrameworkFacts) -> Void) {
        body(&self.frameworks[index]!.facts)
        if !self.frameworks[index]!.facts.isActive {
            self.frameworks[index]!.filters = []
            for offer in self.offers where offer.holding.framework == index { self.free(offer.holding) }
            self.offers.removeAll { $0.holding.framework == index }
        }
        self.tell(.framework(self.frameworks[index]!.facts))
    }

    mutating func removeFramework(_ index: UInt32) {
        for agent in self.agents.keys.sorted() {
            for holding in self.agents[agent]!.holdings where holding.framework == index { self.free(holding) }
        }
        self.offers.removeAll { $0.holding.framework == index }
        self.frameworks[index] = nil
        self.tell(.frameworkRemoved(index))
    }

    mutating func revive(_ index: UInt32, roles: [String] = []) {
        self.frameworks[index]!.filters.removeAll { roles.isEmpty || roles.contains($0.holding.role) }
        self.frameworks[index]!.facts.suppressedRoles.removeAll { roles.isEmpty || roles.contains($0) }
        self.tell(.framework(self.frameworks[index]!.facts))
        self.tell(.revived(framework: index, roles: roles))
    }

    // MARK: Who holds what

    mutating func free(_ holding: AgentHolding) {
        guard let index = self.agents[holding.agent]?.holdings.firstIndex(of: holding) else { return }
        self.agents[holding.agent]!.holdings.remove(at: index)
        self.tell(.recovered(holding))
    }

    mutating func hold(_ holding: AgentHolding) {
        self.agents[holding.agent]!.holdings.append(holding)
        self.tell(.held(holding))
    }

    mutating func decline(_ offer: Offer, for refuse: Duration = .seconds(5)) {
        self.offers.removeAll { $0 == offer }
        if refuse > .zero {
            self.frameworks[offer.holding.framework]?.filters.append((offer.holding, self.now + refuse))
        }
        self.tell(.filter(offer.holding, remaining: refuse))
        self.free(offer.holding)
    }

    /// Some of an offer is used, by a task that runs until its holding is freed; the rest comes back.
    mutating func use(_ offer: Offer, _ used: Resources? = nil) {
        self.offers.removeAll { $0 == offer }
        guard let used, used != offer.holding.resources else { return }
        var (task, rest) = (offer.holding, offer.holding)
        task.resources = used
        rest.resources = offer.holding.resources - used
        let index = self.agents[offer.holding.agent]!.holdings.firstIndex(of: offer.holding)!
        self.agents[offer.holding.agent]!.holdings[index] = task
        self.agents[offer.holding.agent]!.holdings.append(rest)
        self.free(rest)
    }

    // MARK: Proposals

    mutating func received(_ message: AllocatorToMaster, from allocator: Int) {
        if case .tasksWanted(let framework) = message { self.asked.append(framework) }
        if case .revocation(let revocation) = message { self.revocations.append(revocation) }
        guard case .allocation(let allocation) = message else { return }
        if let problem = self.problem(with: allocation, by: allocator) {
            self.refusals.append(problem)
            self.outbox[allocator].append(
                .allocationRefused(
                    proposal: allocation.proposal, agent: allocation.holding.agent,
                    free: self.agents[allocation.holding.agent]?.free ?? .init(), message: problem))
            return
        }
        self.offersMade += 1
        self.offers.append(Offer(number: self.offersMade, holding: allocation.holding))
        self.hold(allocation.holding)
    }

    private func problem(with allocation: Allocation, by allocator: Int) -> String? {
        let holding = allocation.holding
        guard let agent = self.agents[holding.agent] else { return "no agent" }
        guard agent.owner == allocator, agent.ownership == allocation.ownership else { return "not the owner" }
        guard agent.isActive else { return "agent inactive" }
        guard let framework = self.frameworks[holding.framework] else { return "no framework" }
        guard framework.facts.isActive else { return "framework inactive" }
        guard framework.facts.roles.contains(holding.role) else { return "not in role" }
        if framework.facts.suppressedRoles.contains(holding.role) { return "suppressed" }
        if !agent.free.contains(holding.resources) { return "not free" }
        if !self.admits(framework.facts, in: holding.role, agent) { return "constraints" }
        if holding.resources.gpus > 0, !framework.takesGPUs { return "no GPUs" }
        return self.blocks(holding) ? "refused for a time" : nil
    }

    func admits(_ facts: FrameworkFacts, in role: String, _ agent: Agent) -> Bool {
        let attributes = agent.attributes.map { Attribute(name: $0, value: .text($1)) }
        return facts.constraints[role]?.admits(attributes: attributes, hostname: agent.hostname) ?? true
    }

    func blocks(_ holding: AgentHolding) -> Bool {
        self.frameworks[holding.framework]!.filters.contains {
            $0.until > self.now && $0.holding.agent == holding.agent && $0.holding.role == holding.role
                && $0.holding.resources.contains(holding.resources)
        }
    }

    /// Whether some framework could be offered what the agent has free now.
    func isWanted(_ index: UInt32) -> Bool {
        guard let agent = self.agents[index], agent.isActive, agent.owner != nil, !agent.free.isEmpty else {
            return false
        }
        return self.frameworks.values.contains { framework in
            let facts = framework.facts
            guard facts.isActive else { return false }
            guard facts.minimumOffers.isEmpty || facts.minimumOffers.contains(where: agent.free.contains) else {
                return false
            }
            if agent.free.gpus > 0, !framework.takesGPUs { return false }
            return facts.roles.contains { role in
                let holding = AgentHolding(agent: index, framework: facts.index, role: role, resources: agent.free)
                return !facts.suppressedRoles.contains(role) && !self.blocks(holding)
                    && self.admits(facts, in: role, agent)
            }
        }
    }
}
