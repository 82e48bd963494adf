import MasterCore
import Model
import Testing

@Suite("Allocators")
struct AllocatorTests {
    private func refusals(_ stage: Stage, _ peer: PeerID) -> [String] {
        stage.messages(toAllocator: peer).compactMap { message in
            if case .allocationRefused(_, _, let free, let message) = message { "\(free): \(message)" } else { nil }
        }
    }

    @Test("An allocator is told all facts, and is given agents when it says that it is ready")
    func synchronisation() {
        let small = Small {
            var role = RoleFacts(role: "*")
            role.weight = 2
            $0.policy.roles = [role]
        }
        small.run("t1")
        _ = small.offer("cpus:1")
        _ = small.call(.decline([small.offer("cpus:2")], OfferFilters(refuse: .seconds(60))))
        small.stage.wait(.seconds(10))
        let second = small.stage.connect(Hello(role: .allocator, name: "a2"))
        let told = small.stage.messages(toAllocator: second)
        #expect(told.count == 6)
        #expect(told[0] == .policy(PolicyFacts()))
        guard case .role(let role) = told[1], case .framework(let framework) = told[2], case .agent(let agent) = told[3]
        else { return #expect(Bool(false), "\(told)") }
        #expect(role.weight == 2)
        #expect(framework.id == small.framework && framework.isActive)
        #expect(agent.id == small.agent && !agent.isOwned)
        #expect(agent.holdings.map(\.resources) == ["cpus:2;mem:1024"])
        #expect(
            told[4]
                == .filter(
                    AgentHolding(agent: 0, framework: 0, role: "*", resources: "cpus:2"), remaining: .seconds(50)))
        #expect(told[5] == .synced)
    }

    @Test("A long synchronisation goes out in chunks; changes in between are neither lost nor told twice")
    func chunks() {
        let stage = Stage { $0.chunk = 10 }
        let relay = stage.relay()
        for index in 0..<35 { stage.attach("h\(index)", via: relay, at: UInt32(index)) }
        var master = stage.master
        let peer = PeerID(99)
        var told: [MasterToAllocator] = []
        func take(_ effects: [MasterState.Effect]) {
            told += effects.compactMap { if case .sendToAllocator(peer, let message) = $0 { message } else { nil } }
        }
        take(master.handle(.peerConnected(peer, Hello(role: .allocator, name: "a1")), at: stage.now))
        #expect(told.count == 1 + 10)
        // One agent that was told, and one that was not, go away.
        for index in [3, 30] as [UInt32] {
            let attachment = Attachment(starts: 1, connects: 1)
            take(master.handle(.relay(relay, .agentDetached(index: index, attachment)), at: stage.now))
        }
        #expect(told.count == 1 + 11)
        while told.last != .synced { take(master.handle(.timerFired(.allocatorSync(peer)), at: stage.now)) }
        #expect(told.count == 1 + 37)
        let away = told.compactMap { if case .agent(let facts) = $0, !facts.isActive { facts.index } else { nil } }
        #expect(away == [3, 30])
        take(master.handle(.allocator(peer, .ready), at: stage.now))
        #expect(told.count == 1 + 37 + 35)
    }

    @Test("Two allocators divide the agents; when one goes, only its own change hands")
    func division() {
        let stage = Stage()
        let relay = stage.relay()
        for index in 0..<200 { stage.attach("h\(index)", via: relay, at: UInt32(index)) }
        let first = stage.allocator("a1")
        #expect(stage.facts[first]!.values.allSatisfy { $0.isOwned })
        let second = stage.allocator("a2")
        let owned = stage.facts[second]!.values.filter(\.isOwned)
        #expect((60...140).contains(owned.count))
        for facts in stage.facts[first]!.values {
            let other = stage.facts[second]![facts.id]!
            #expect(facts.isOwned != other.isOwned && facts.ownership == other.ownership)
            #expect(facts.ownership == (other.isOwned ? 2 : 1))
        }
        let before = stage.facts[first]!
        stage.step(.peerDisconnected(second))
        #expect(stage.facts[first]!.values.allSatisfy { $0.isOwned })
        for facts in stage.facts[first]!.values {
            #expect(facts.ownership == before[facts.id]!.ownership + (before[facts.id]!.isOwned ? 0 : 1))
        }
    }

    @Test("All allocators hear what is held and what is free again, whoever proposed it")
    func everybodyHears() {
        let small = Small()
        let second = small.stage.allocator("a2")
        let owner = small.stage.facts[second]![small.agent]!.isOwned ? second : small.allocator
        let offer = small.stage.propose(owner, small.agent, "cpus:1", for: small.framework)!
        let holding = AgentHolding(agent: 0, framework: 0, role: "*", resources: "cpus:1")
        for peer in [small.allocator, second] {
            #expect(small.stage.messages(toAllocator: peer) == [.held(holding)])
        }
        _ = small.call(.decline([offer.id], OfferFilters(refuse: .zero)))
        for peer in [small.allocator, second] {
            // Declined without a refusal: others that want it go first.
            let filter = MasterToAllocator.filter(holding, remaining: .zero)
            #expect(small.stage.messages(toAllocator: peer) == [filter, .recovered(holding)])
        }
    }

    @Test("A proposal that the books do not allow is refused with what is free")
    func lyingAllocator() {
        let small = Small(total: "cpus:4;mem:4096;gpus:1")
        let second = small.stage.allocator("a2")
        let isSecond = small.stage.facts[second]![small.agent]!.isOwned
        let (owner, other) = isSecond ? (second, small.allocator) : (small.allocator, second)
        let ownership = small.stage.facts[owner]![small.agent]!.ownership
        _ = small.stage.propose(owner, small.agent, "cpus:1", for: small.framework)

        func complaint(
            _ peer: PeerID, _ resources: Resources = "cpus:1", ownership claimed: Ownership? = nil, agent: UInt32 = 0,
            framework: UInt32 = 0, role: String = "*"
        ) -> String {
            let holding = AgentHolding(agent: agent, framework: framework, role: role, resources: resources)
            small.stage.step(
                .allocator(
                    peer,
                    .allocation(Allocation(proposal: 5, ownership: claimed ?? ownership, holding: holding))))
            return self.refusals(small.stage, peer).joined()
        }
        #expect(complaint(owner, "cpus:4").hasPrefix("cpus:3;mem:4096;gpus:1: "))
        #expect(complaint(other).contains("another allocator's"))
        #expect(complaint(owner, ownership: ownership - 1).contains("changed hands"))
        #expect(complaint(owner, agent: 77).contains("no such agent"))
        #expect(complaint(owner, framework: 77).contains("no such framework"))
        #expect(complaint(owner, role: "eng").contains("not in role"))
        #expect(complaint(owner, "").contains("empty"))
        #expect(complaint(owner, "gpus:1").contains("GPUs"))
        #expect(complaint(owner, "cpus:3;mem:4096") == "")
        // A peer that has not said that it is ready owns nothing.
        let third = small.stage.connect(Hello(role: .allocator, name: "a3"))
        #expect(complaint(third).contains("another allocator's"))
    }

    @Test("A role never holds more than its limit, whoever proposes")
    func limits() {
        let stage = Stage {
            var role = RoleFacts(role: "eng")
            role.limit = "cpus:2"
            $0.policy.roles = [role]
        }
        let relay = stage.relay()
        let allocator = stage.allocator()
        let agent = stage.attach("h1", via: relay)!
        let (_, first) = stage.scheduler("one") { $0.roles = ["eng"] }
        let (peer, second) = stage.scheduler("two") { $0.roles = ["eng"] }
        #expect(stage.propose(allocator, agent, "cpus:1.5;mem:1024", for: first, role: "eng") != nil)
        #expect(stage.propose(allocator, agent, "cpus:1", for: second, role: "eng") == nil)
        #expect(self.refusals(stage, allocator).joined().contains("limit"))
        let offer = stage.propose(allocator, agent, "cpus:0.5", for: second, role: "eng")!
        stage.call(peer, second, .decline([offer.id], OfferFilters(refuse: .zero)))
        #expect(stage.propose(allocator, agent, "cpus:0.5;mem:1024", for: second, role: "eng") != nil)
    }

    @Test("An allocator that connects again replaces itself")
    func replaced() {
        let small = Small()
        let again = small.stage.allocator("a1")
        #expect(small.stage.facts[again]![small.agent]!.isOwned)
        #expect(small.stage.propose(again, small.agent, "cpus:1", for: small.framework) != nil)
        #expect(small.stage.step(.allocator(small.allocator, .ready)) == [])
    }
}

@Suite("Revocation")
struct RevocationTests {
    /// A cluster full of `greedy`'s task, and `poor` with a guarantee.
    private func full(guarantees: [(String, Resources)]) -> (Small, PeerID, FrameworkID, FrameworkID) {
        let small = Small {
            $0.policy.roles = guarantees.map { name, amount in
                var role = RoleFacts(role: name)
                role.guarantee = amount
                return role
            }
        }
        let (greedy, greedyID) = small.stage.scheduler("greedy") { $0.roles = ["greedy"] }
        let (_, poorID) = small.stage.scheduler("poor") { $0.roles = ["poor"] }
        for (number, id) in [(1, "t1"), (2, "t2")] as [(UInt64, TaskID)] {
            let offer = small.stage.propose(
                small.allocator, small.agent, "cpus:2;mem:2048", for: greedyID, role: "greedy")!
            small.stage.call(greedy, greedyID, launch(task(id, on: small.agent, "cpus:2;mem:2048"), from: offer.id))
            var running = record(number, greedyID, id, .running, "cpus:2;mem:2048")
            running.role = "greedy"
            small.stage.book(small.relay, number * 10, .task(running))
        }
        return (small, greedy, greedyID, poorID)
    }

    private func revoke(
        _ small: Small, _ task: TaskID, of victim: FrameworkID, for beneficiary: FrameworkID,
        grace: Duration = .seconds(20)
    ) -> String? {
        let facts = small.stage.facts[small.allocator]![small.agent]!
        small.stage.step(
            .allocator(
                small.allocator,
                .revocation(
                    Revocation(
                        proposal: 3, agent: facts.index, ownership: facts.ownership,
                        victim: small.stage.frameworkRows[victim]!, taskID: task,
                        beneficiary: small.stage.frameworkRows[beneficiary]!, grace: grace))))
        for case .revocationRefused(3, let message) in small.stage.messages(toAllocator: small.allocator) {
            return message
        }
        return nil
    }

    @Test("Without guarantees nothing is revoked")
    func noGuarantees() {
        let (small, _, victim, beneficiary) = self.full(guarantees: [])
        #expect(self.revoke(small, "t1", of: victim, for: beneficiary)?.contains("guaranteed") == true)
    }

    @Test("A task above the guarantee of its role is asked for, then killed")
    func revoked() {
        let (small, greedy, victim, beneficiary) = self.full(guarantees: [("poor", "cpus:2;mem:1024")])
        #expect(self.revoke(small, "t1", of: victim, for: beneficiary) == nil)
        guard case .inverseOffers(let offers)? = small.stage.events(to: greedy).first else {
            return #expect(Bool(false), "\(small.stage.said)")
        }
        #expect(offers[0].resources == "cpus:2;mem:2048" && offers[0].agentID == small.agent)
        small.stage.call(greedy, victim, .declineInverseOffers([offers[0].id]))
        #expect(small.stage.facts_ == [.inverseOfferAnswered(victim, accepted: false)])
        // What is under way makes up for what is missing.
        #expect(self.revoke(small, "t1", of: victim, for: beneficiary)?.contains("already") == true)
        #expect(self.revoke(small, "t2", of: victim, for: beneficiary)?.contains("less than") == true)
        small.stage.wait(.seconds(19))
        #expect(small.stage.orders(small.relay) == [])
        small.stage.wait(.seconds(1))
        #expect(small.stage.orders(small.relay) == [self.order("t1", of: victim, for: beneficiary)])
    }

    private func order(
        _ task: TaskID, of victim: FrameworkID, for beneficiary: FrameworkID, grace: Duration = .seconds(20)
    ) -> AgentOrder {
        .kill(
            TaskKey(victim, task), grace: grace, reason: "revoked for framework \(beneficiary)", endsExecutor: true)
    }

    @Test("The agent that attaches anew is told again what has to go, whatever its scheduler asked meanwhile")
    func repeated() {
        let (small, greedy, victim, beneficiary) = self.full(guarantees: [("poor", "cpus:2;mem:1024")])
        #expect(self.revoke(small, "t1", of: victim, for: beneficiary) == nil)
        small.stage.wait(.seconds(20))
        small.stage.call(greedy, victim, .kill("t1", nil, grace: .seconds(600)))
        let expected = self.order("t1", of: victim, for: beneficiary)
        #expect(
            small.stage.orders(small.relay) == [
                .kill(TaskKey(victim, "t1"), grace: .seconds(600), reason: "its scheduler wants it so")
            ])
        let records = [
            record(1, victim, "t1", .running, "cpus:2;mem:2048"), record(2, victim, "t2", .running, "cpus:2;mem:2048"),
        ]
        small.stage.attach("h1", id: small.agent, via: small.relay, connects: 2, tasks: records, position: 30)
        #expect(small.stage.orders(small.relay) == [expected])
    }

    @Test("When the grace is over and the victim has come to need the task itself, it stays")
    func withdrawnForTheVictim() {
        let (small, greedy, victim, beneficiary) = self.full(guarantees: [
            ("poor", "cpus:2;mem:1024"), ("greedy", "cpus:2;mem:2048"),
        ])
        #expect(self.revoke(small, "t1", of: victim, for: beneficiary) == nil)
        var over = record(2, victim, "t2", .finished, "cpus:2;mem:2048")
        over.role = "greedy"
        small.stage.book(small.relay, 30, .task(over))
        small.stage.wait(.seconds(20))
        #expect(small.stage.orders(small.relay) == [])
        #expect(small.stage.events(to: greedy).contains { if case .rescindInverseOffer = $0 { true } else { false } })
        #expect(
            small.stage.facts_.contains(
                .revocationWithdrawn(
                    TaskKey(victim, "t1"), reason: "role greedy would have less than it is guaranteed")))
    }

    @Test("When the grace is over and nothing is missing any more, the task stays")
    func withdrawnForNothing() {
        let (small, _, victim, beneficiary) = self.full(guarantees: [("poor", "cpus:2;mem:1024")])
        #expect(self.revoke(small, "t1", of: victim, for: beneficiary) == nil)
        var over = record(2, victim, "t2", .finished, "cpus:2;mem:2048")
        over.role = "greedy"
        small.stage.book(small.relay, 30, .task(over))
        #expect(
            small.stage.propose(small.allocator, small.agent, "cpus:2;mem:2048", for: beneficiary, role: "poor") != nil)
        small.stage.wait(.seconds(20))
        #expect(small.stage.orders(small.relay) == [])
    }

    @Test("A new master counts what its predecessor had ordered to end, and takes no other in its place")
    func inherited() {
        let (small, _, victim, beneficiary) = self.full(guarantees: [
            ("poor", "cpus:4;mem:1024"), ("greedy", "cpus:2;mem:2048"),
        ])
        var ending = record(1, victim, "t1", .running, "cpus:2;mem:2048")
        ending.role = "greedy"
        ending.isEnding = true
        small.stage.book(small.relay, 30, .task(ending))
        #expect(self.revoke(small, "t1", of: victim, for: beneficiary) == "the task is being ended already")
        #expect(
            self.revoke(small, "t2", of: victim, for: beneficiary)
                == "role greedy would have less than it is guaranteed")
        let framework = small.stage.frameworkRows[victim]!
        small.stage.step(.allocator(small.allocator, .tasksWanted(framework: framework)))
        guard case .revocable(framework, let tasks)? = small.stage.messages(toAllocator: small.allocator).first else {
            return #expect(Bool(false), "\(small.stage.said)")
        }
        #expect(tasks.map(\.taskID) == ["t2"])
    }

    @Test("A task that its scheduler kills in vain can be taken back, and goes first")
    func killedInVain() {
        let (small, greedy, victim, beneficiary) = self.full(guarantees: [("poor", "cpus:2;mem:1024")])
        small.stage.call(greedy, victim, .kill("t1", nil, grace: nil))
        let framework = small.stage.frameworkRows[victim]!
        small.stage.step(.allocator(small.allocator, .tasksWanted(framework: framework)))
        guard case .revocable(framework, let tasks)? = small.stage.messages(toAllocator: small.allocator).first else {
            return #expect(Bool(false), "\(small.stage.said)")
        }
        // The younger one would be first.
        #expect(tasks.map(\.taskID) == ["t1", "t2"])
        #expect(self.revoke(small, "t1", of: victim, for: beneficiary, grace: .seconds(1)) == nil)
        small.stage.wait(.seconds(1))
        #expect(
            small.stage.orders(small.relay)
                == [self.order("t1", of: victim, for: beneficiary, grace: .seconds(1))])
    }

    @Test("A task that ends by itself ends its revocation")
    func endsEarly() {
        let (small, greedy, victim, beneficiary) = self.full(guarantees: [("poor", "cpus:2;mem:1024")])
        _ = self.revoke(small, "t1", of: victim, for: beneficiary)
        var over = record(1, victim, "t1", .finished, "cpus:2;mem:2048")
        over.role = "greedy"
        small.stage.book(small.relay, 30, .task(over))
        #expect(small.stage.events(to: greedy).contains { if case .rescindInverseOffer = $0 { true } else { false } })
        small.stage.wait(.seconds(30))
        #expect(small.stage.orders(small.relay) == [])
    }

    @Test("An allocator that asks is told which tasks go first: the lowest priority, then the youngest")
    func order() {
        let small = Small()
        for (number, id, priority) in [(1, "old", 0), (2, "dear", 5), (3, "young", 0), (4, "cheap", -1)]
            as [(UInt64, TaskID, Int32)]
        {
            small.stage.wait(.seconds(1))
            var info = task(id, on: small.agent, "cpus:0.5;mem:10")
            info.priority = priority
            _ = small.call(launch(info, from: small.offer("cpus:0.5;mem:10")))
            var running = record(number, small.framework, id, .running, "cpus:0.5;mem:10")
            running.priority = priority
            small.stage.book(small.relay, number * 10, .task(running))
        }
        let framework = small.stage.frameworkRows[small.framework]!
        small.stage.step(.allocator(small.allocator, .tasksWanted(framework: framework)))
        guard case .revocable(framework, let tasks)? = small.stage.messages(toAllocator: small.allocator).first else {
            return #expect(Bool(false), "\(small.stage.said)")
        }
        #expect(tasks.map(\.taskID) == ["cheap", "young", "old", "dear"])
        #expect(tasks[0].resources == "cpus:0.5;mem:10" && tasks[0].priority == -1)
        // Of agents that another allocator proposes for, it is told nothing.
        let second = small.stage.allocator("other")
        small.stage.step(.allocator(second, .tasksWanted(framework: framework)))
        let others = small.stage.messages(toAllocator: second)
        small.stage.step(.allocator(small.allocator, .tasksWanted(framework: framework)))
        let own = small.stage.messages(toAllocator: small.allocator)
        #expect([others, own].count { $0 == [.revocable(framework: framework, [])] } == 1)
    }

    @Test("A framework below its own guarantee is given back tasks, too")
    func frameworkGuarantee() {
        let (small, _, victim, beneficiary) = self.full(guarantees: [])
        var policy = ClusterPolicy()
        var rule = FrameworkRule(framework: "poor")
        rule.guarantee = "cpus:1"
        policy.frameworks = [rule]
        small.stage.step(.policyRead(policy, source: []))
        #expect(self.revoke(small, "t1", of: victim, for: beneficiary) == nil)
        #expect(self.revoke(small, "t2", of: victim, for: beneficiary)?.contains("less than") == true)
    }

    @Test("Within one role of the tree, what the whole is guaranteed protects nobody from its own part")
    func sharedAncestor() {
        let small = Small {
            var (whole, part) = (RoleFacts(role: "eng"), RoleFacts(role: "eng/b"))
            whole.guarantee = "cpus:4"
            part.guarantee = "cpus:2"
            $0.policy.roles = [whole, part]
        }
        let (greedy, greedyID) = small.stage.scheduler("greedy") { $0.roles = ["eng/a"] }
        let (_, poorID) = small.stage.scheduler("poor") { $0.roles = ["eng/b"] }
        let offer = small.stage.propose(small.allocator, small.agent, "cpus:4;mem:10", for: greedyID, role: "eng/a")!
        small.stage.call(greedy, greedyID, launch(task("t1", on: small.agent, "cpus:4;mem:10"), from: offer.id))
        #expect(self.revoke(small, "t1", of: greedyID, for: poorID) == nil)
    }

    @Test("Who declines as a whole wants nothing, as allocators hear, and nothing is taken back for it until it asks")
    func demand() {
        let (small, _, victim, beneficiary) = self.full(guarantees: [("poor", "cpus:2;mem:1024")])
        let row = small.stage.frameworkRows[beneficiary]!
        small.stage.step(
            .relay(
                small.relay,
                .agentAttached(
                    index: 1,
                    AgentRegistration(
                        attachment: Attachment(starts: 1, connects: 1), hostname: "h2", total: "cpus:1;mem:64"),
                    sent: [],
                    issuedEpoch: .none)))
        let second = small.stage.facts[small.allocator]!.keys.first { $0 != small.agent }!
        // Declining a part of the agent tells nothing; declining all that it could give does.
        let scrap = small.stage.propose(small.allocator, second, "cpus:0.5;mem:64", for: beneficiary, role: "poor")!
        small.stage.call(
            small.stage.schedulers[beneficiary]!, beneficiary, .decline([scrap.id], OfferFilters(refuse: .zero)))
        #expect(!small.stage.said.contains { if case .sendToAllocator(_, .demand) = $0 { true } else { false } })
        let offer = small.stage.propose(small.allocator, second, "cpus:1;mem:64", for: beneficiary, role: "poor")!
        let peer = small.stage.schedulers[beneficiary]!
        small.stage.call(peer, beneficiary, .decline([offer.id], OfferFilters()))
        let no = MasterToAllocator.demand(framework: row, role: "poor", isWanting: false)
        #expect(small.stage.messages(toAllocator: small.allocator).contains(no))
        #expect(self.revoke(small, "t1", of: victim, for: beneficiary) != nil)
        let late = small.stage.connect(Hello(role: .allocator, name: "late"))
        #expect(small.stage.messages(toAllocator: late).contains(no))
        small.stage.call(peer, beneficiary, .revive(roles: []))
        let yes = MasterToAllocator.demand(framework: row, role: "poor", isWanting: true)
        #expect(small.stage.messages(toAllocator: small.allocator).contains(yes))
        #expect(self.revoke(small, "t1", of: victim, for: beneficiary) == nil)
    }

    @Test("A role at its guarantee is never touched")
    func guaranteed() {
        let (small, _, victim, beneficiary) = self.full(
            guarantees: [("poor", "cpus:2"), ("greedy", "cpus:3")])
        #expect(self.revoke(small, "t1", of: victim, for: beneficiary)?.contains("greedy") == true)
        #expect(self.revoke(small, "t9", of: victim, for: beneficiary)?.contains("no such task") == true)
        #expect(self.revoke(small, "t1", of: beneficiary, for: victim)?.contains("no such task") == true)
    }
}
