import Model

// Why a framework has no offers, or not enough: every agent counted under the first reason that holds, with the agents
// that are nearest to being offered.

extension MasterState.Cluster {
    /// An explanation that is being worked out, some agents at a time.
    struct Inquiry {
        let peer: PeerID
        let id: UInt64
        let framework: FrameworkID
        /// What the framework would like to have of one agent; empty: anything.
        let wanted: Resources
        var next: Row = 0
        /// By role, in the order of the framework's roles.
        var findings: [[OfferObstacle: Finding]]

        struct Finding {
            var agents: UInt32 = 0
            /// Those with the most free, the first three.
            var nearest: [(free: Resources, name: String)] = []
        }
    }

    func explain(_ id: FrameworkID, _ wanted: Resources, _ request: UInt64, _ peer: PeerID) {
        guard let framework = self.frameworkRows[id] else {
            return self.answer(peer, request, .failure("Framework \(Validation.printable(id.rawValue)) is not known"))
        }
        let roles = self.frameworks[framework].info.roles.count
        self.inquiries.append(
            Inquiry(
                peer: peer, id: request, framework: id, wanted: wanted, findings: Array(repeating: [:], count: roles)))
        if self.inquiries.count == 1 { self.continueInquiries() }
    }

    /// Looks at the next agents for the inquiry that was made first.
    func continueInquiries() {
        guard var inquiry = self.inquiries.first else { return }
        guard let framework = self.frameworkRows[inquiry.framework],
            self.frameworks[framework].info.roles.count == inquiry.findings.count
        else {
            self.answer(inquiry.peer, inquiry.id, .failure("Framework \(inquiry.framework) has changed meanwhile"))
            self.inquiries.removeFirst()
            return self.scheduleInquiries()
        }
        let roles = self.frameworks[framework].info.roles
        let end = min(inquiry.next + Row(self.settings.chunk), self.agents.endIndex)
        for agent in inquiry.next..<max(inquiry.next, end) where self.agents.contains(agent) {
            for (index, role) in roles.enumerated() {
                let obstacle = self.obstacle(of: agent, for: framework, role: role, wanted: inquiry.wanted)
                inquiry.findings[index][obstacle, default: .init()].add(self.agents[agent])
            }
        }
        inquiry.next = end
        if end < self.agents.endIndex {
            self.inquiries[0] = inquiry
        } else {
            for (index, role) in roles.enumerated() { self.tell(inquiry, framework, role, inquiry.findings[index]) }
            self.answer(inquiry.peer, inquiry.id, .done)
            self.inquiries.removeFirst()
        }
        self.scheduleInquiries()
    }

    private func scheduleInquiries() {
        if !self.inquiries.isEmpty { self.effects.append(.setTimer(.inquiry, at: self.now)) }
    }

    private func tell(
        _ inquiry: Inquiry, _ framework: Row, _ role: String, _ findings: [OfferObstacle: Inquiry.Finding]
    ) {
        var rows: [ObstacleRow] = []
        if let obstacle = self.obstacle(for: framework, role: role) {
            rows.append(ObstacleRow(role: role, obstacle: obstacle.0, detail: obstacle.1))
        }
        for obstacle in OfferObstacle.allCases {
            guard let finding = findings[obstacle] else { continue }
            var row = ObstacleRow(role: role, obstacle: obstacle, agents: finding.agents)
            row.nearest = finding.nearest.map {
                "\($0.name) (\($0.free.isEmpty ? "nothing" : $0.free.description) free)"
            }
            if obstacle == .othersFirst { (row.ahead, row.detail) = self.ahead(of: framework, role: role) }
            rows.append(row)
        }
        for row in rows { self.answer(inquiry.peer, inquiry.id, .obstacle(row)) }
    }

    /// What keeps every agent from being offered in that role, and why in words; nil if nothing does.
    private func obstacle(for framework: Row, role: String) -> (OfferObstacle, String)? {
        let entry = self.frameworks[framework]
        if entry.isTerminating { return (.removed, "it has been removed, its last tasks are ending") }
        if entry.peer == nil { return (.noScheduler, "no scheduler is connected") }
        if entry.suppressedRoles.contains(role) { return (.suppressed, "it asked for no offers; REVIVE ends that") }
        for account in self.accounts(of: framework, role: role) {
            guard let limit = account.limit, limit.isReached(by: account.held) else { continue }
            return (.limitReached, "\(account.name) holds \(account.held) of its limit \(limit)")
        }
        if !self.allocators.contains(where: { $0.element.isReady }) {
            return (.noAllocator, "no allocator is connected: nobody decides about offers")
        }
        return nil
    }

    /// Why this agent is not offered to the framework just now.
    private func obstacle(of agent: Row, for framework: Row, role: String, wanted: Resources) -> OfferObstacle {
        let entry = self.agents[agent]
        if !entry.isAttached { return .agentAway }
        if entry.mode != .active { return .agentDeactivated }
        if entry.offers.contains(where: { self.offers[$0].framework == framework }) { return .offered }
        if !self.admits(agent, to: self.frameworks[framework], role: role) { return .constraint }
        if !entry.total.contains(wanted) { return .neverLargeEnough }
        let free = entry.free
        if free.isEmpty { return entry.offers.isEmpty ? .nothingFree : .offeredToOthers }
        if !free.contains(wanted) || !free.contains(self.minimumOffer(of: agent)) { return .tooLittleFree }
        let info = self.frameworks[framework].info
        let floors = self.minimumOffers(of: info, role: role)
        if !floors.isEmpty, !floors.contains(where: free.contains) { return .tooLittleFree }
        if self.frameworks[framework].filters.blocks(free, of: agent, role: role, at: self.now) { return .refused }
        return .othersFirst
    }
}

// MARK: Who goes first

extension MasterState.Cluster {
    /// Where something stands among those that it shares with: a role among roles, or a framework in its role.
    private struct Standing {
        var name: String
        var lacksGuarantee: Bool
        var priority: Int32
        /// Its dominant share by its weight.
        var relativeShare: Double

        func goesBefore(_ other: Standing, heedingPriority: Bool) -> Bool {
            if self.lacksGuarantee != other.lacksGuarantee { return self.lacksGuarantee }
            if heedingPriority, self.priority != other.priority { return self.priority > other.priority }
            return self.relativeShare < other.relativeShare
        }
    }

    /// The frameworks that the policy would give to before this one, as far as the books tell, and why there are none.
    ///
    /// - Complexity: O(frameworks and their roles), and O(what they hold) for those of several roles.
    private func ahead(of framework: Row, role: String) -> ([AheadRow], String) {
        if self.policy.sharing == .lottery { return ([], "the policy draws lots") }
        let own = self.standings(of: framework, role: role)
        var first: [(standings: [Standing], row: AheadRow)] = []
        for (other, entry) in self.frameworks where other != framework && entry.peer != nil {
            for role in entry.info.roles where self.obstacle(for: other, role: role) == nil {
                let standings = self.standings(of: other, role: role)
                guard self.goes(standings, before: own) else { continue }
                let place = first.firstIndex { self.goes(standings, before: $0.standings) } ?? first.count
                if place >= 3 { continue }
                let row = AheadRow(
                    frameworkID: entry.id, name: entry.info.name, role: role,
                    dominantShare: self.dominantShare(of: entry.used + entry.offered).share,
                    isOffered: !entry.offers.isEmpty)
                first.insert((standings, row), at: place)
                if first.count > 3 { first.removeLast() }
            }
        }
        return (first.map(\.row), first.isEmpty ? "nobody that could take offers does now: it may be next" : "")
    }

    /// From the topmost role down to the framework itself.
    private func standings(of framework: Row, role: String) -> [Standing] {
        let names = RoleName.ancestors(of: role).sorted { $0.utf8.count < $1.utf8.count } + [role]
        var standings = names.map { name in
            let entry = self.roles.entry(name)
            let facts = entry?.facts ?? RoleFacts(role: name)
            return self.standing(
                name, entry?.held ?? .init(), facts.guarantee, priority: facts.priority, weight: facts.weight)
        }
        let (entry, rule) = (self.frameworks[framework], self.rule(of: framework))
        standings.append(
            self.standing(
                "framework \(entry.id)", self.held(by: framework, in: role), rule?.guarantee ?? .init(),
                priority: rule?.priority ?? 0, weight: rule?.weight ?? 1))
        return standings
    }

    private func standing(
        _ name: String, _ held: Resources, _ guarantee: Resources, priority: Int32, weight: Double
    ) -> Standing {
        Standing(
            name: name, lacksGuarantee: !(guarantee.summable - held).isEmpty, priority: priority,
            relativeShare: self.dominantShare(of: held).share / weight)
    }

    /// Decided where their ways part.
    private func goes(_ left: [Standing], before right: [Standing]) -> Bool {
        guard let pair = zip(left, right).first(where: { $0.name != $1.name }) else { return false }
        return pair.0.goesBefore(pair.1, heedingPriority: self.policy.sharing == .priority)
    }
}

extension MasterState.Cluster.Inquiry.Finding {
    mutating func add(_ agent: AgentEntry) {
        self.agents += 1
        let free = agent.free
        let place = self.nearest.firstIndex { Self.isNearer(free, than: $0.free) } ?? self.nearest.count
        guard place < 3 else { return }
        self.nearest.insert((free, "\(agent.id) on \(agent.hostname)"), at: place)
        if self.nearest.count > 3 { self.nearest.removeLast() }
    }

    private static func isNearer(_ left: Resources, than right: Resources) -> Bool {
        left.cpus != right.cpus ? left.cpus > right.cpus : left.mem > right.mem
    }
}
