import Model

// Who holds what. Everything that takes or frees resources of an agent comes through here, so the sums by agent, by
// framework, by role and of the cluster, and what allocators are told, cannot part.

extension MasterState.Cluster {
    /// What resources of an agent are held for.
    enum Holder {
        /// An offer that waits for its answer.
        case offer
        /// A task or an executor.
        case use
    }

    /// Books resources that were free.
    func hold(_ resources: Resources, of agent: Row, for framework: Row, role: String, as holder: Holder) {
        guard !resources.isEmpty else { return }
        if !self.agents[agent].held.isDisjoint(with: resources) { self.agents[agent].overlaps = true }
        self.agents[agent].held += resources
        self.count(resources.summable, for: framework, role: role, as: holder)
        if !self.shadows.isEmpty { self.tellShadows(whatHolds: framework) }
        self.tell(about: agent) {
            .held(AgentHolding(agent: agent, framework: framework, role: role, resources: resources))
        }
    }

    /// Books offered resources as used: they stay held, so allocators hear nothing.
    func use(_ resources: Resources, for framework: Row, role: String) {
        let scalars = resources.summable
        self.frameworks[framework].offered -= scalars
        self.offered -= scalars
        self.frameworks[framework].used += scalars
        self.used += scalars
        if !self.shadows.isEmpty { self.tellShadows(whatHolds: framework) }
    }

    /// Frees resources.
    ///
    /// Whoever held them is out of the tables already.
    func release(_ resources: Resources, of agent: Row, for framework: Row, role: String, as holder: Holder) {
        guard !resources.isEmpty else { return }
        if self.agents[agent].overlaps {
            self.recount(agent)
        } else {
            self.agents[agent].held -= resources
        }
        let scalars = resources.summable
        switch holder {
        case .offer:
            self.frameworks[framework].offered -= scalars
            self.offered -= scalars
        case .use:
            self.frameworks[framework].used -= scalars
            self.used -= scalars
        }
        self.roles.release(scalars, in: role)
        if !self.shadows.isEmpty { self.tellShadows(whatHolds: framework) }
        self.tell(about: agent) {
            .recovered(AgentHolding(agent: agent, framework: framework, role: role, resources: resources))
        }
    }

    private func count(_ scalars: Resources, for framework: Row, role: String, as holder: Holder) {
        switch holder {
        case .offer:
            self.frameworks[framework].offered += scalars
            self.offered += scalars
        case .use:
            self.frameworks[framework].used += scalars
            self.used += scalars
        }
        self.roles.hold(scalars, in: role)
    }

    /// Adds up what is held of an agent, where something that can be had once only was held twice.
    private func recount(_ agent: Row) {
        var held = Resources()
        var overlaps = false
        for holding in self.holdings(of: agent) {
            if !held.isDisjoint(with: holding.resources) { overlaps = true }
            held += holding.resources
        }
        self.agents[agent].held = held
        self.agents[agent].overlaps = overlaps
    }

    /// What each offer, task and executor holds of an agent.
    func holdings(of agent: Row) -> [AgentHolding] {
        let entry = self.agents[agent]
        func holding(_ framework: Row, _ role: String, _ resources: Resources) -> AgentHolding {
            AgentHolding(agent: agent, framework: framework, role: role, resources: resources)
        }
        return entry.offers.map { holding(self.offers[$0].framework, self.offers[$0].role, self.offers[$0].resources) }
            + entry.tasks.filter { self.tasks[$0].isOccupying }
            .map { holding(self.tasks[$0].framework, self.tasks[$0].role, self.tasks[$0].resources) }
            + entry.executors
            .map { holding(self.executors[$0].framework, self.executors[$0].role, self.executors[$0].resources) }
    }

    /// Tells every allocator that knows of this agent, unless all of it is about to be told anew.
    func tell(about agent: Row, _ message: () -> MasterToAllocator) {
        guard self.adopting != agent else { return }
        for (row, allocator) in self.allocators where agent < allocator.told {
            self.send(message(), toAllocator: row)
        }
    }
}

// MARK: Rows that belong to an agent and a framework

extension MasterState.Cluster {
    /// Adds a task to the tables.
    ///
    /// Its resources are not booked yet.
    func insert(_ entry: TaskEntry) -> Row {
        let task = self.tasks.insert(entry)
        self.tasks[task].placeInAgent = self.agents[entry.agent].tasks.count
        self.agents[entry.agent].tasks.append(task)
        self.tasks[task].placeInFramework = self.frameworks[entry.framework].tasks.count
        self.frameworks[entry.framework].tasks.append(task)
        if !entry.isDuplicate { self.frameworks[entry.framework].taskIDs[entry.key.task] = task }
        if let number = entry.number { self.agents[entry.agent].numbers[number] = task }
        return task
    }

    /// Takes a task out of the tables.
    ///
    /// Its resources are free already.
    @discardableResult
    func remove(task: Row) -> TaskEntry {
        let entry = self.tasks.remove(task)
        if let moved = self.agents[entry.agent].tasks.swapRemove(at: entry.placeInAgent) {
            self.tasks[moved].placeInAgent = entry.placeInAgent
        }
        if let moved = self.frameworks[entry.framework].tasks.swapRemove(at: entry.placeInFramework) {
            self.tasks[moved].placeInFramework = entry.placeInFramework
        }
        if self.frameworks[entry.framework].taskIDs[entry.key.task] == task {
            self.frameworks[entry.framework].taskIDs[entry.key.task] = nil
        }
        if let number = entry.number, self.agents[entry.agent].numbers[number] == task {
            self.agents[entry.agent].numbers[number] = nil
        }
        return entry
    }

    /// Adds an executor to the tables and books its resources.
    @discardableResult
    func insert(_ entry: ExecutorEntry) -> Row {
        let executor = self.executors.insert(entry)
        self.executors[executor].placeInAgent = self.agents[entry.agent].executors.count
        self.agents[entry.agent].executors.append(executor)
        self.executors[executor].placeInFramework = self.frameworks[entry.framework].executors.count
        self.frameworks[entry.framework].executors.append(executor)
        return executor
    }

    /// Takes an executor out of the tables.
    ///
    /// Its resources are still booked.
    func remove(executor: Row) -> ExecutorEntry {
        let entry = self.executors.remove(executor)
        if let moved = self.agents[entry.agent].executors.swapRemove(at: entry.placeInAgent) {
            self.executors[moved].placeInAgent = entry.placeInAgent
        }
        if let moved = self.frameworks[entry.framework].executors.swapRemove(at: entry.placeInFramework) {
            self.executors[moved].placeInFramework = entry.placeInFramework
        }
        return entry
    }

    /// Adds an offer to the tables.
    ///
    /// Its resources are not booked yet.
    func insert(_ entry: OfferEntry) -> Row {
        let offer = self.offers.insert(entry)
        self.offers[offer].placeInAgent = self.agents[entry.agent].offers.count
        self.agents[entry.agent].offers.append(offer)
        self.offers[offer].placeInFramework = self.frameworks[entry.framework].offers.count
        self.frameworks[entry.framework].offers.append(offer)
        self.offerRows[entry.serial] = offer
        return offer
    }

    /// Takes an offer out of the tables.
    ///
    /// Its resources are still booked.
    func remove(offer: Row) -> OfferEntry {
        let entry = self.offers.remove(offer)
        if let moved = self.agents[entry.agent].offers.swapRemove(at: entry.placeInAgent) {
            self.offers[moved].placeInAgent = entry.placeInAgent
        }
        if let moved = self.frameworks[entry.framework].offers.swapRemove(at: entry.placeInFramework) {
            self.offers[moved].placeInFramework = entry.placeInFramework
        }
        self.offerRows[entry.serial] = nil
        return entry
    }
}

extension Array where Element == Row {
    /// Takes out the row at that place and puts the last one there; says which that was, if it is another.
    mutating func swapRemove(at place: Int) -> Row? {
        let last = self.removeLast()
        guard place < self.count else { return nil }
        self[place] = last
        return last
    }
}
