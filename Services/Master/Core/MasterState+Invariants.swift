import Model

extension MasterState.Cluster {
    /// What must hold between any two events, and does not.
    func violations() -> [String] {
        self.agentViolations() + self.frameworkViolations() + self.rowViolations() + self.sumViolations()
            + self.shadows.flatMap { $0.violations() }
    }

    /// What must hold of the rows that an event's effects name, of one agent and one framework more, in turn, and of the sums
    /// over frameworks.
    ///
    /// - Complexity: O(what those agents and frameworks hold, and all frameworks).
    func violations(after effects: [MasterState.Effect], turn: Int) -> [String] {
        var agents: Set<Row> = []
        var frameworks: Set<Row> = []
        for case .sendToAllocator(_, let message) in effects {
            switch message {
            case .held(let holding), .recovered(let holding):
                agents.insert(holding.agent)
                frameworks.insert(holding.framework)
            case .agent(let facts): agents.insert(facts.index)
            case .agentRemoved(let row): agents.insert(row)
            default: break
            }
        }
        if turn % 8 == 0 {
            if self.agents.endIndex > 0 { agents.insert(Row(turn / 8 % Int(self.agents.endIndex))) }
            if self.frameworks.endIndex > 0 { frameworks.insert(Row(turn / 8 % Int(self.frameworks.endIndex))) }
        }
        if agents.isEmpty { return [] }
        var problems = self.bookedSumViolations()
        for row in agents.sorted() { problems += self.agentViolations(row) }
        for row in frameworks.sorted() { problems += self.frameworkViolations(row) }
        return problems
    }

    /// Agents with free resources, each with those frameworks that would be offered them if an allocator proposed it now.
    ///
    /// None of them should be seen for long.
    func offerable() -> [AgentID: Set<String>] {
        var found: [AgentID: Set<String>] = [:]
        for (row, agent) in self.agents where agent.isActive && !agent.free.isEmpty {
            guard let owner = agent.owner else {
                found[agent.id] = ["agent \(agent.id) has \(agent.free) free, and no allocator"]
                continue
            }
            for (index, framework) in self.frameworks where framework.peer != nil {
                for role in framework.info.roles {
                    let holding = AgentHolding(agent: row, framework: index, role: role, resources: agent.free)
                    let allocation = Allocation(proposal: 0, ownership: agent.ownership, holding: holding)
                    guard self.problem(with: allocation, by: owner) == nil else { continue }
                    found[agent.id, default: []].insert(
                        "agent \(agent.id) has \(agent.free) free that framework \(framework.id) may have")
                }
            }
        }
        return found
    }

    private func agentViolations() -> [String] {
        self.agents.flatMap { self.agentViolations($0.index) } + self.relayViolations()
    }

    private func agentViolations(_ row: Row) -> [String] {
        var problems: [String] = []
        if let agent = self.agents.row(row) {
            let holdings = self.holdings(of: row)
            let held = holdings.reduce(Resources()) { $0 + $1.resources }
            if held != agent.held { problems.append("agent \(agent.id) is booked for \(agent.held), not \(held)") }
            if !agent.total.contains(held), !agent.offers.isEmpty {
                problems.append("agent \(agent.id) offers something, but holds \(held) of \(agent.total)")
            }
            if !agent.isAttached, !agent.offers.isEmpty {
                problems.append("agent \(agent.id) offers, but is not there")
            }
            if agent.isUnreachable, !held.isEmpty { problems.append("unreachable agent \(agent.id) holds \(held)") }
            if agent.isUnreachable, agent.owner != nil {
                problems.append("unreachable agent \(agent.id) has an owner")
            }
            if let owner = agent.owner, self.allocators.row(owner)?.isReady != true {
                problems.append("agent \(agent.id) belongs to an allocator that is not ready")
            }
            if case .attached(let relay, let index) = agent.condition, self.agent(at: index, of: relay) != row {
                problems.append("agent \(agent.id) is not where its relay has it")
            }
            let open = agent.questions.filter { !agent.isUnreachable || $0.value == nil }
            if agent.isUnreachable || (agent.isAttached && agent.knowsEpoch), !open.isEmpty {
                problems.append("agent \(agent.id) could say what became of \(open.keys.sorted())")
            }
            if self.agentRows[agent.id] != row { problems.append("agent \(agent.id) is not found by its id") }
            for task in agent.tasks { problems += self.taskViolations(task) }
        }
        return problems
    }

    private func relayViolations() -> [String] {
        var problems: [String] = []
        for (row, relay) in self.relays {
            if relay.agents.count(where: { $0 != nil }) != relay.agentCount {
                problems.append("relay \(relay.name) miscounts its agents")
            }
            for case let agent? in relay.agents {
                if case .attached(let present, _)? = self.agents.row(agent)?.condition, present == row { continue }
                problems.append("relay \(relay.name) has agent row \(agent), which is not there")
            }
        }
        return problems
    }

    private func frameworkViolations() -> [String] {
        self.frameworks.flatMap { self.frameworkViolations($0.index) }
    }

    private func frameworkViolations(_ row: Row) -> [String] {
        var problems: [String] = []
        if let framework = self.frameworks.row(row) {
            let offered = framework.offers.reduce(Resources()) { $0 + self.offers[$1].resources.summable }
            let used =
                framework.tasks.filter { self.tasks[$0].isOccupying }
                .reduce(Resources()) { $0 + self.tasks[$1].resources.summable }
                + framework.executors.reduce(Resources()) { $0 + self.executors[$1].resources.summable }
            let leaving = framework.tasks.filter { self.isLeaving($0) }
                .reduce(Resources()) { $0 + self.tasks[$1].resources.summable }
            if leaving != framework.leaving {
                problems.append("framework \(framework.id) is booked to lose \(framework.leaving), not \(leaving)")
            }
            if offered != framework.offered {
                problems.append(
                    "framework \(framework.id) is booked for offers of \(framework.offered), not \(offered)")
            }
            if used != framework.used {
                problems.append("framework \(framework.id) is booked for use of \(framework.used), not \(used)")
            }
            if framework.peer == nil, !framework.offers.isEmpty {
                problems.append("framework \(framework.id) has offers, but no scheduler")
            }
            if let peer = framework.peer, self.peers[peer] != .scheduler(row) {
                problems.append("framework \(framework.id) is not its scheduler's")
            }
            if framework.isTerminating, framework.tasks.isEmpty, framework.executors.isEmpty {
                problems.append("framework \(framework.id) is over and still here")
            }
            for standby in framework.standbys {
                if case .standbyScheduler(row, _) = self.peers[standby.peer] { continue }
                problems.append("framework \(framework.id) has a standby that does not wait for it")
            }
        }
        return problems
    }

    private func taskViolations(_ row: Row) -> [String] {
        var problems: [String] = []
        if let task = self.tasks.row(row) {
            if self.agents.row(task.agent)?.tasks[task.placeInAgent] != row
                || self.frameworks.row(task.framework)?.tasks[task.placeInFramework] != row
            {
                problems.append("task \(task.key) is not in its lists")
            }
            if task.isOccupying, task.state.isTerminal {
                problems.append("task \(task.key) is over and holds resources")
            }
            if !task.isDuplicate, self.frameworks.row(task.framework)?.taskIDs[task.key.task] != row {
                problems.append("task \(task.key) is not found by its id")
            }
            if let launch = task.launch, self.launches.row(launch) == nil {
                problems.append("task \(task.key) has a launch that is gone")
            }
        }
        return problems
    }

    private func rowViolations() -> [String] {
        var problems: [String] = []
        for (row, task) in self.tasks where self.agents.row(task.agent)?.tasks.contains(row) != true {
            problems.append("task \(task.key) is not in its agent's list")
        }
        for (row, offer) in self.offers {
            if self.agents.row(offer.agent)?.offers[offer.placeInAgent] != row
                || self.frameworks.row(offer.framework)?.offers[offer.placeInFramework] != row
            {
                problems.append("offer \(offer.serial) is not in its lists")
            }
            if self.offerRows[offer.serial] != row { problems.append("offer \(offer.serial) is not found") }
        }
        let waiting = self.tasks.count { $0.element.launch != nil }
        let unconfirmed = self.launches.reduce(0) { $0 + $1.element.unconfirmed }
        if waiting != unconfirmed { problems.append("\(waiting) tasks wait for \(unconfirmed) launches") }
        return problems
    }

    private func sumViolations() -> [String] {
        var problems: [String] = []
        let total = self.agents.filter { !$0.element.isUnreachable }
            .reduce(Resources()) { $0 + $1.element.total.summable }
        if total != self.total { problems.append("the cluster has \(total), not \(self.total)") }
        problems += self.bookedSumViolations()
        if self.agents.count(where: { $0.element.isUnreachable }) != self.unreachableCount {
            problems.append("the unreachable agents are miscounted")
        }
        let holdings = self.agents.flatMap { self.holdings(of: $0.index) }
        for entry in self.roles.entries {
            let prefix = entry.name + "/"
            let below = holdings.filter { $0.role == entry.name || $0.role.hasPrefix(prefix) }
            let sum = below.reduce(Resources()) { $0 + $1.resources.summable }
            if sum != entry.held { problems.append("role \(entry.name) holds \(sum), not \(entry.held)") }
            let leaving = self.tasks.filter { self.isLeaving($0.index) }
                .filter { $0.element.role == entry.name || $0.element.role.hasPrefix(prefix) }
                .reduce(Resources()) { $0 + $1.element.resources.summable }
            if leaving != entry.leaving {
                problems.append("role \(entry.name) is booked to lose \(entry.leaving), not \(leaving)")
            }
        }
        return problems
    }

    private func bookedSumViolations() -> [String] {
        var problems: [String] = []
        var (used, offered) = (Resources(), Resources())
        for row in 0..<self.frameworks.endIndex where self.frameworks.contains(row) {
            used += self.frameworks[row].used
            offered += self.frameworks[row].offered
        }
        if used != self.used { problems.append("the cluster uses \(used), not \(self.used)") }
        if offered != self.offered { problems.append("the cluster offers \(offered), not \(self.offered)") }
        return problems
    }

    func holdings(without lost: Set<TaskKey>) -> [FrameworkID: [String: Resources]] {
        var holdings: [FrameworkID: [String: Resources]] = [:]
        func add(_ framework: Row, _ role: String, _ resources: Resources) {
            holdings[self.frameworks[framework].id, default: [:]][role, default: .init()] += resources.summable
        }
        for (_, task) in self.tasks where task.isOccupying && !lost.contains(task.key) {
            add(task.framework, task.role, task.resources)
        }
        for (_, executor) in self.executors { add(executor.framework, executor.role, executor.resources) }
        for (_, offer) in self.offers { add(offer.framework, offer.role, offer.resources) }
        return holdings
    }

    private func isLeaving(_ task: Row) -> Bool {
        let entry = self.tasks[task]
        return entry.isOccupying && (entry.kill != nil || entry.isEnding)
    }
}

extension ShadowLedger {
    /// What must hold of a watching allocator's world between any two events, and does not.
    func violations() -> [String] {
        var problems: [String] = []
        for (row, agent) in self.agents.sorted(by: { $0.key < $1.key }) {
            let uses = self.uses.filter { $0.element.holding.agent == row }
            if Set(uses.map(\.index)) != agent.uses { problems.append("\(self.name): agent \(row) has other uses") }
            let held = uses.reduce(Resources()) { $0 + $1.element.holding.resources }
            if agent.facts.total - held != agent.free {
                problems.append("\(self.name): agent \(row) has \(agent.free) free beside \(held) in use")
            }
            if !agent.facts.total.contains(held) { problems.append("\(self.name): agent \(row) is over-committed") }
        }
        for (row, framework) in self.frameworks.sorted(by: { $0.key < $1.key }) {
            let held = self.uses.filter { $0.element.holding.framework == row }
                .reduce(Resources()) { $0 + $1.element.holding.resources.summable }
            if held != framework.shadow.held {
                problems.append("\(self.name): framework \(row) holds \(held), not \(framework.shadow.held)")
            }
        }
        for (holder, row) in self.inherited where self.uses.row(row)?.holder != holder {
            problems.append("\(self.name): \(holder) is not in use")
        }
        return problems
    }
}
