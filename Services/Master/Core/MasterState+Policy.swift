import Model

// The operator's policy: taken over while the cluster runs, told to allocators, and held against what they propose.

extension MasterState.Cluster {
    /// Follows another policy from now on.
    ///
    /// Offers that are above a lowered limit are rescinded; tasks run on.
    ///
    /// - Complexity: O(agents) if the minimum offer changes, else O(roles + frameworks).
    func adopt(_ policy: ClusterPolicy) {
        let before = self.policy
        self.policy = policy
        self.isLimited = policy.isLimited
        let wasGuaranteed = self.isGuaranteed
        self.isGuaranteed = policy.isGuaranteed
        self.rules = Dictionary(policy.frameworks.map { ($0.framework, $0) }, uniquingKeysWith: { $1 })
        for facts in self.roles.decide(policy.roles) { self.sendToAllocators(.role(facts)) }
        if before.sharing != policy.sharing || before.revocation != policy.revocation {
            self.sendToAllocators(.policy(self.policyFacts))
        }
        if before.frameworks != policy.frameworks {
            for framework in self.frameworks.indices.map({ $0 }) { self.tellFacts(ofFramework: framework) }
        }
        if before.minimumOffer != policy.minimumOffer {
            for agent in self.agents.indices.map({ $0 }) where !self.agents[agent].isUnreachable {
                self.tellFacts(of: agent)
            }
        }
        if self.isGuaranteed, !wasGuaranteed { for message in self.idleDemands { self.sendToAllocators(message) } }
        if before.slots != policy.slots { self.divideAllSlots() }
        for framework in self.frameworks.indices.map({ $0 }) { self.tellGuarantees(of: framework) }
        self.rescindOffersAboveLimits()
        self.observe(.policyAdopted(policy.sharing, roles: policy.roles.count, frameworks: policy.frameworks.count))
        if let shortfall = policy.shortfall(in: self.total) { self.observe(.guaranteesUnmet(shortfall)) }
    }

    /// What allocators hear of the policy beside roles and frameworks.
    var policyFacts: PolicyFacts {
        PolicyFacts(sharing: self.policy.sharing, revocation: self.policy.revocation)
    }

    /// What is decided about a framework: by its id, else by its name; nil if nothing is.
    func rule(of framework: Row) -> FrameworkRule? {
        if self.rules.isEmpty { return nil }
        let entry = self.frameworks[framework]
        return self.rules[entry.id.rawValue] ?? self.rules[entry.info.name]
    }

    /// What must be free of an agent before any of it is offered: never more than it has.
    func minimumOffer(of agent: Row) -> Resources {
        self.policy.minimumOffer(within: self.agents[agent].total)
    }

    func sendToAllocators(_ message: MasterToAllocator) {
        for (row, _) in self.allocators { self.send(message, toAllocator: row) }
    }

    private func rescindOffersAboveLimits() {
        guard self.isLimited else { return }
        let offers = self.offers.indices.sorted { self.offers[$0].serial > self.offers[$1].serial }
        for offer in offers {
            let entry = self.offers[offer]
            if self.excess(of: .init(), for: entry.framework, role: entry.role) != nil { self.rescind(offer) }
        }
    }
}

// MARK: Limits and guarantees

extension MasterState.Cluster {
    /// Something that limits and guarantees are given to, and that holds what its frameworks hold: a role, or a framework.
    struct Account: Hashable {
        var name: String
        var held: Resources
        /// Of that, what tasks hold that were ordered to end.
        var leaving = Resources()
        var guarantee: Resources
        var limit: Resources?

        static func == (left: Account, right: Account) -> Bool { left.name == right.name }
        func hash(into hasher: inout Hasher) { hasher.combine(self.name) }

        /// What it lacks of its guarantee.
        var deficit: Resources { self.guarantee - self.held }
    }

    /// The accounts that something counts in: the framework's, its role's, and those of the roles above.
    func accounts(of framework: Row, role: String) -> [Account] {
        var accounts: [Account] = []
        if let rule = self.rule(of: framework) {
            let entry = self.frameworks[framework]
            accounts.append(
                Account(
                    name: "framework \(entry.id)", held: entry.used + entry.offered, leaving: entry.leaving,
                    guarantee: rule.guarantee.summable, limit: rule.limit))
        }
        for entry in self.roles.chain(role) {
            accounts.append(
                Account(
                    name: "role \(entry.name)", held: entry.held, leaving: entry.leaving,
                    guarantee: entry.facts.guarantee.summable, limit: entry.facts.limit))
        }
        return accounts
    }

    /// Why holding so much more would take a framework or a role above its limit; nil if it would not.
    ///
    /// What a limit does not name is not limited.
    func excess(of resources: Resources, for framework: Row, role: String) -> String? {
        guard self.isLimited else { return nil }
        for account in self.accounts(of: framework, role: role) {
            guard let limit = account.limit else { continue }
            if (account.held + resources.summable).firstAbove(limit) != nil {
                return "\(account.name) holds \(account.held) of its limit \(limit)"
            }
        }
        return nil
    }

    /// What is guaranteed to a framework: its own, and that of its roles and of those above them.
    func guarantees(of framework: Row) -> Guarantees {
        var guarantees = Guarantees(own: self.rule(of: framework)?.guarantee ?? .init())
        for role in self.frameworks[framework].info.roles {
            for name in [role] + RoleName.ancestors(of: role) {
                guard let guarantee = self.roles.entry(name)?.facts.guarantee, !guarantee.isEmpty else { continue }
                guarantees.roles[name] = guarantee
            }
        }
        return guarantees
    }

    /// Tells a scheduler that follows its guarantees how they have changed, if they have.
    func tellGuarantees(of framework: Row) {
        let entry = self.frameworks[framework]
        guard entry.followsGuarantees, let peer = entry.peer else { return }
        let guarantees = self.guarantees(of: framework)
        guard guarantees != entry.toldGuarantees else { return }
        self.frameworks[framework].toldGuarantees = guarantees
        self.effects.append(.sendToScheduler(peer, .guarantees(guarantees)))
    }

    /// Why a task is larger than the operator allows; nil if it is not.
    func excess(of task: TaskInfo) -> String? {
        guard let limit = self.policy.taskLimit, let excess = task.resources.firstAbove(limit) else { return nil }
        return "Task \(task.taskID) asks for more than the operator allows a task (\(excess)): split it"
    }
}

// MARK: What operators ask

extension MasterState.Cluster {
    /// An operator's policy, if it can be; `isTrial`: says only whether.
    func applyAsked(
        _ policy: ClusterPolicy, source: Bytes, isTrial: Bool, _ request: UInt64, _ peer: PeerID
    ) {
        if let problem = policy.problems.first ?? policy.shortfall(in: self.total) {
            self.observe(.policyRefused(problem))
            return self.answer(peer, request, .failure(problem))
        }
        if !isTrial {
            self.adopt(policy)
            self.policySource = source
            self.effects.append(.storePolicy(policy, source: source))
        }
        self.answer(peer, request, .done)
    }

    /// The roles that are decided about or in use.
    func listRoles(_ request: UInt64, _ peer: PeerID) {
        var inUse: [String: UInt32] = [:]
        for (_, framework) in self.frameworks where framework.peer != nil {
            for role in framework.info.roles {
                for name in [role] + RoleName.ancestors(of: role) { inUse[name, default: 0] += 1 }
            }
        }
        var entries = self.roles.entries.filter {
            !$0.held.isEmpty || inUse[$0.name] != nil || $0.facts != RoleFacts(role: $0.name)
        }
        let known = Set(entries.map(\.name))
        for name in inUse.keys where !known.contains(name) {
            entries.append(RoleTable.Entry(name: name, parent: nil, facts: RoleFacts(role: name)))
        }
        for entry in entries.sorted(by: { $0.name < $1.name }) {
            var row = ShareRow(role: entry.name)
            self.fill(&row, entry.facts.weight, entry.facts.priority, entry.facts.guarantee, entry.facts.limit)
            self.fill(&row, held: entry.held)
            row.frameworks = inUse[entry.name] ?? 0
            let account = Account(
                name: "", held: entry.held, guarantee: entry.facts.guarantee.summable, limit: entry.facts.limit)
            row.waitsFor = row.frameworks == 0 ? "" : self.wants(account)
            self.answer(peer, request, .share(row))
        }
        self.answer(peer, request, .done)
    }

    /// A framework in each of its roles.
    ///
    /// - Complexity: O(what it holds) if it has several roles.
    func shares(of framework: Row) -> [ShareRow] {
        let entry = self.frameworks[framework]
        let rule = self.rule(of: framework)
        return entry.info.roles.map { role in
            var row = ShareRow(role: role, frameworkID: entry.id)
            row.name = entry.info.name
            self.fill(
                &row, rule?.weight ?? 1, rule?.priority ?? 0, rule?.guarantee ?? .init(), rule?.limit)
            self.fill(&row, held: self.held(by: framework, in: role))
            row.frameworks = entry.peer == nil ? 0 : 1
            row.waitsFor = self.whatItWaitsFor(entry, framework, role: role)
            return row
        }
    }

    /// What a framework holds in a role: tasks, executors and offers.
    func held(by framework: Row, in role: String) -> Resources {
        let entry = self.frameworks[framework]
        if entry.info.roles == [role] { return entry.used + entry.offered }
        var held = Resources()
        for task in entry.tasks where self.tasks[task].isOccupying && self.tasks[task].role == role {
            held += self.tasks[task].resources.summable
        }
        for executor in entry.executors where self.executors[executor].role == role {
            held += self.executors[executor].resources.summable
        }
        for offer in entry.offers where self.offers[offer].role == role {
            held += self.offers[offer].resources.summable
        }
        return held
    }

    private func whatItWaitsFor(_ entry: FrameworkEntry, _ framework: Row, role: String) -> String {
        if entry.isTerminating { return "its tasks to end" }
        if entry.peer == nil { return "its scheduler" }
        if entry.suppressedRoles.contains(role) { return "" }
        for account in self.accounts(of: framework, role: role) {
            let wanted = self.wants(account)
            if !wanted.isEmpty { return "\(account.name): \(wanted)" }
        }
        if !self.allocators.contains(where: { $0.element.isReady }) { return "an allocator" }
        return entry.offers.isEmpty ? "free resources" : ""
    }

    private func wants(_ account: Account) -> String {
        if let limit = account.limit, limit.isReached(by: account.held) { return "its limit is reached" }
        return account.deficit.isEmpty ? "" : "\(account.deficit) of its guarantee"
    }

    private func fill(
        _ row: inout ShareRow, _ weight: Double, _ priority: Int32, _ guarantee: Resources, _ limit: Resources?
    ) {
        row.weight = weight
        row.priority = priority
        row.guarantee = guarantee
        row.limit = limit
    }

    private func fill(_ row: inout ShareRow, held: Resources) {
        row.held = held
        (row.dominantResource, row.dominantShare) = self.dominantShare(of: held)
    }

    /// The largest part that this is of the cluster, and of which resource; of none if it is nothing.
    func dominantShare(of held: Resources) -> (resource: String, share: Double) {
        let parts: [(name: String, held: Int64, total: Int64)] = [
            ("cpus", held.cpus, self.total.cpus), ("mem", held.mem, self.total.mem),
            ("disk", held.disk, self.total.disk), ("gpus", held.gpus, self.total.gpus),
        ]
        var largest = (resource: "", share: 0.0)
        for part in parts where part.held > 0 && part.total > 0 {
            let share = min(1, Double(part.held) / Double(part.total))
            if share > largest.share { largest = (part.name, share) }
        }
        return largest
    }
}

extension Resources {
    /// Whether so much leaves nothing of one of the resources that this limit names.
    func isReached(by held: Resources) -> Bool {
        self.cpus > 0 && held.cpus >= self.cpus || self.mem > 0 && held.mem >= self.mem
            || self.disk > 0 && held.disk >= self.disk || self.gpus > 0 && held.gpus >= self.gpus
    }
}
