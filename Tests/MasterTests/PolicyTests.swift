import Model
import Testing

@testable import MasterCore

@Suite("The operator's policy")
struct PolicyTests {
    private func policy(_ change: (inout ClusterPolicy) -> Void) -> ClusterPolicy {
        var policy = ClusterPolicy()
        change(&policy)
        return policy
    }

    private func role(_ name: String, _ change: (inout RoleFacts) -> Void) -> RoleFacts {
        var facts = RoleFacts(role: name)
        change(&facts)
        return facts
    }

    private func refusal(_ small: Small) -> String {
        for case .allocationRefused(_, _, _, let message) in small.stage.messages(toAllocator: small.allocator) {
            return message
        }
        return ""
    }

    @Test("Allocators hear of a changed policy, of roles that it no longer names, and of nothing that stayed")
    func told() {
        let small = Small {
            $0.policy.roles = [self.role("eng") { $0.weight = 3 }, self.role("web") { $0.weight = 2 }]
        }
        let changed = self.policy {
            $0.sharing = .lottery
            $0.roles = [self.role("web") { $0.weight = 2 }, self.role("ops") { $0.priority = 4 }]
        }
        small.stage.step(.policyRead(changed, source: []))
        #expect(
            small.stage.messages(toAllocator: small.allocator) == [
                .role(RoleFacts(role: "eng")), .role(self.role("ops") { $0.priority = 4 }),
                .policy(PolicyFacts(sharing: .lottery)),
            ])
        small.stage.step(.policyRead(changed, source: []))
        #expect(small.stage.messages(toAllocator: small.allocator) == [])
    }

    @Test("A policy that makes no sense changes nothing")
    func refused() {
        let small = Small()
        let bad = self.policy { $0.roles = [self.role("eng") { $0.weight = 0 }] }
        small.stage.step(.policyRead(bad, source: []))
        #expect(small.stage.facts_ == [.policyRefused("role 'eng': the weight must be above zero")])
        #expect(small.stage.messages(toAllocator: small.allocator) == [])
    }

    @Test("A role holds what the roles below it hold, and is limited with them")
    func treeLimits() {
        let stage = Stage { $0.policy.roles = [self.role("eng") { $0.limit = "cpus:3" }] }
        let (relay, allocator) = (stage.relay(), stage.allocator())
        let agent = stage.attach("h1", via: relay)!
        let (_, first) = stage.scheduler("one") { $0.roles = ["eng/a"] }
        let (_, second) = stage.scheduler("two") { $0.roles = ["eng/b"] }
        #expect(stage.propose(allocator, agent, "cpus:2;mem:1", for: first, role: "eng/a") != nil)
        #expect(stage.propose(allocator, agent, "cpus:2;mem:1", for: second, role: "eng/b") == nil)
        #expect(stage.propose(allocator, agent, "cpus:1;mem:1", for: second, role: "eng/b") != nil)
    }

    @Test("A limit of a framework binds it alone")
    func frameworkLimits() {
        let small = Small {
            var rule = FrameworkRule(framework: "pi")
            rule.limit = "cpus:1"
            $0.policy.frameworks = [rule]
        }
        #expect(small.stage.propose(small.allocator, small.agent, "cpus:2", for: small.framework) == nil)
        #expect(self.refusal(small).contains("framework \(small.framework) holds"))
        #expect(small.stage.propose(small.allocator, small.agent, "cpus:1", for: small.framework) != nil)
        let (_, other) = small.stage.scheduler("other")
        #expect(small.stage.propose(small.allocator, small.agent, "cpus:3", for: other) != nil)
    }

    @Test("A lowered limit takes offers back, the youngest first, and leaves tasks alone")
    func loweredLimit() {
        let small = Small()
        small.run("t1", "cpus:1;mem:10")
        let old = small.offer("cpus:1;mem:10")
        let young = small.offer("cpus:1;mem:10")
        small.stage.step(.policyRead(self.policy { $0.roles = [self.role("*") { $0.limit = "cpus:2" }] }, source: []))
        #expect(small.stage.events(to: small.scheduler) == [.rescind(young)])
        #expect(small.stage.master.status(at: small.stage.now)?.offers == 1)
        #expect(old != young)
    }

    @Test("An agent of which too little is free is not offered; a small one is when it is wholly free")
    func minimumOffer() {
        let small = Small(total: "cpus:4;mem:4096") { $0.policy.minimumOffer = "cpus:3" }
        #expect(small.stage.facts[small.allocator]![small.agent]!.minimumOffer == "cpus:3")
        #expect(small.stage.propose(small.allocator, small.agent, "cpus:2;mem:10", for: small.framework) != nil)
        #expect(small.stage.propose(small.allocator, small.agent, "cpus:1;mem:10", for: small.framework) == nil)
        #expect(self.refusal(small).contains("offered from cpus:3 on"))
        let second = small.stage.attach("h2", "cpus:1;mem:100", via: small.relay, at: 1)!
        #expect(small.stage.propose(small.allocator, second, "cpus:1;mem:10", for: small.framework) != nil)
    }

    @Test("A task larger than the operator allows is an error that says so")
    func taskLimit() {
        let small = Small { $0.policy.taskLimit = "cpus:2" }
        let offer = small.offer()
        let events = small.call(
            launch(
                task("big", on: small.agent, "cpus:3;mem:1"), task("fits", on: small.agent, "cpus:1;mem:4000"),
                from: offer))
        #expect(small.stage.statuses(to: small.scheduler).map(\.line) == ["big TASK_ERROR 14"])
        #expect(events.count == 1)
        #expect(small.stage.orders(small.relay).count == 1)
    }

    @Test("Guarantees that cannot all be met are refused with the arithmetic")
    func shortfall() {
        let small = Small(total: "cpus:4;mem:4096")
        let cli = small.stage.operatorPeer()
        let wanted = self.policy {
            $0.roles = [self.role("a") { $0.guarantee = "cpus:3" }, self.role("b") { $0.guarantee = "cpus:2" }]
        }
        small.stage.step(.operator(cli, OperatorRequest(id: 1, .applyPolicy(wanted, source: [1], isTrial: false))))
        #expect(
            small.stage.answers(to: cli) == [
                .failure(
                    "guarantees of cpus:5 cannot be met by a cluster of cpus:4;mem:4096: role a cpus:3, role b cpus:2")
            ])
        #expect(!small.stage.said.contains { if case .storePolicy = $0 { true } else { false } })
    }

    @Test("What an operator applies is followed, kept, and shown; a trial changes nothing")
    func applied() {
        let small = Small()
        let cli = small.stage.operatorPeer()
        let wanted = self.policy { $0.roles = [self.role("a") { $0.weight = 4 }] }
        small.stage.step(.operator(cli, OperatorRequest(id: 1, .applyPolicy(wanted, source: [1], isTrial: true))))
        #expect(small.stage.said == [.sendToOperator(cli, OperatorResponse(id: 1, .done))])
        small.stage.step(.operator(cli, OperatorRequest(id: 2, .applyPolicy(wanted, source: [1], isTrial: false))))
        #expect(small.stage.said.contains(.storePolicy(wanted, source: [1])))
        small.stage.step(.operator(cli, OperatorRequest(id: 3, .policy)))
        #expect(small.stage.answers(to: cli) == [.policy(wanted, source: [1]), .done])
        // The next leadership of the same process starts with it.
        small.stage.step(.deposed("test"))
        small.stage.step(.elected(9))
        let again = small.stage.operatorPeer()
        small.stage.step(.operator(again, OperatorRequest(id: 4, .policy)))
        #expect(small.stage.answers(to: again).first == .policy(wanted, source: [1]))
    }

    @Test("The tables say what each role and framework has, and what it waits for")
    func shares() {
        let small = Small(total: "cpus:4;mem:4096") {
            $0.policy.roles = [self.role("*") { $0.limit = "cpus:2" }, self.role("eng") { $0.guarantee = "cpus:1" }]
        }
        small.run("t1", "cpus:2;mem:1024")
        let (_, waiting) = small.stage.scheduler("waiting") { $0.roles = ["eng/x"] }
        let cli = small.stage.operatorPeer()
        func rows(_ kind: OperatorRequest.Kind) -> [String] {
            small.stage.step(.operator(cli, OperatorRequest(id: 1, kind)))
            return small.stage.answers(to: cli).compactMap {
                guard case .share(let row) = $0 else { return nil }
                let share = Int(row.dominantShare * 100)
                return "\(row.role) \(row.name) \(row.held) \(share)% \(row.dominantResource): \(row.waitsFor)"
            }
        }
        #expect(
            rows(.roles) == [
                "*  cpus:2;mem:1024 50% cpus: its limit is reached", "eng   0% : cpus:1 of its guarantee",
                "eng/x   0% : ",
            ])
        #expect(
            rows(.shares) == [
                "* pi cpus:2;mem:1024 50% cpus: role *: its limit is reached",
                "eng/x waiting  0% : role eng: cpus:1 of its guarantee",
            ])
        #expect(small.stage.frameworkRows[waiting] != nil)
    }
}

@Suite("Why a framework has no offers")
struct ExplanationTests {
    private func rows(_ stage: Stage, _ framework: FrameworkID, wanted: Resources = .init()) -> [String] {
        let cli = stage.operatorPeer()
        stage.step(.operator(cli, OperatorRequest(id: 1, .explain(framework, wanted: wanted))))
        return stage.answers(to: cli).compactMap {
            guard case .obstacle(let row) = $0 else { return nil }
            return "\(row.role) \(row.obstacle) \(row.agents)"
        }
    }

    @Test("Where others go first they are named, at most three, the first of all before the others")
    func ahead() {
        let small = Small(total: "cpus:8;mem:8192")
        small.run("t1", "cpus:2;mem:1024")
        func ahead() -> [String] {
            let cli = small.stage.operatorPeer()
            small.stage.step(.operator(cli, OperatorRequest(id: 1, .explain(small.framework, wanted: .init()))))
            return small.stage.answers(to: cli).flatMap { answer -> [String] in
                guard case .obstacle(let row) = answer, row.obstacle == .othersFirst else { return [] }
                return row.ahead.isEmpty
                    ? [row.detail]
                    : row.ahead.map {
                        "\($0.name) \($0.role) \(Int($0.dominantShare * 1000))\($0.isOffered ? " offered" : "")"
                    }
            }
        }
        #expect(ahead() == ["nobody that could take offers does now: it may be next"])
        let schedulers = ["a", "b", "c", "d"].map { small.stage.scheduler($0) }
        let (_, quiet) = small.stage.scheduler("quiet")
        small.stage.call(small.stage.schedulers[quiet]!, quiet, .suppress(roles: []))
        for (cpus, scheduler) in zip(["cpus:1", "cpus:0.8", "cpus:2.5"], schedulers) {
            _ = small.stage.propose(small.allocator, small.agent, Resources(stringLiteral: cpus), for: scheduler.1)
        }
        #expect(ahead() == ["d * 0", "b * 100 offered", "a * 125 offered"])
        // A role below another role's share goes first with all its frameworks.
        _ = small.stage.scheduler("e") { $0.roles = ["eng/x"] }
        #expect(ahead() == ["e eng/x 0", "d * 0", "b * 100 offered"])
    }

    @Test("Every agent counts under one reason", arguments: [1, 1000])
    func counts(chunk: Int) {
        let stage = Stage {
            $0.chunk = chunk
            $0.minimumOffers = ["cpus:0.5"]
        }
        let (relay, allocator) = (stage.relay(), stage.allocator())
        let (peer, id) = stage.scheduler("one")
        let (_, other) = stage.scheduler("other")
        let (small, large): (Resources, Resources) = ("cpus:1;mem:64", "cpus:4;mem:64")
        let agents = (0..<7).map { index in
            stage.attach("h\(index)", index == 5 ? small : large, via: relay, at: UInt32(index))!
        }
        _ = stage.propose(allocator, agents[0], "cpus:1", for: id)
        _ = stage.propose(allocator, agents[1], "cpus:4;mem:64", for: other)
        _ = stage.propose(allocator, agents[2], "cpus:3.6", for: other)
        let declined = stage.propose(allocator, agents[3], "cpus:4;mem:64", for: id)!
        stage.call(peer, id, .decline([declined.id], OfferFilters()))
        stage.step(.relay(relay, .agentDetached(index: 6, Attachment(starts: 1, connects: 1))))
        #expect(
            self.rows(stage, id, wanted: "cpus:2") == [
                "* agentAway 1", "* offered 1", "* neverLargeEnough 1", "* offeredToOthers 1", "* tooLittleFree 1",
                "* refused 1", "* othersFirst 1",
            ])
    }

    @Test("What keeps all agents from a framework is said first")
    func ofTheFramework() {
        let stage = Stage()
        _ = stage.attach("h", via: stage.relay())
        let (peer, id) = stage.scheduler("one")
        #expect(self.rows(stage, id) == ["* noAllocator 0", "* othersFirst 1"])
        stage.call(peer, id, .suppress(roles: []))
        #expect(self.rows(stage, id).first == "* suppressed 0")
        stage.step(.peerDisconnected(peer))
        #expect(self.rows(stage, id).first == "* noScheduler 0")
    }

    @Test("The agents with the most free are named")
    func nearest() {
        let small = Small(total: "cpus:2;mem:64")
        for index in 1...4 as ClosedRange<UInt32> {
            _ = small.stage.attach(
                "x\(index)", Resources(milliCPU: Int64(index) * 1000, milliMB: 64_000), via: small.relay, at: index)
        }
        let cli = small.stage.operatorPeer()
        small.stage.step(.operator(cli, OperatorRequest(id: 1, .explain(small.framework, wanted: .init()))))
        guard case .obstacle(let row)? = small.stage.answers(to: cli).first else {
            return #expect(Bool(false), "\(small.stage.said)")
        }
        #expect(row.agents == 5)
        #expect(row.nearest.map { $0.split(separator: " ")[2] } == ["x4", "x3", "h1"])
    }
}

@Suite("Long and short slots")
struct SlotTests {
    private func small(long: Int64 = 500) -> Small {
        Small(total: "cpus:4;mem:4096") {
            var slots = SlotRules()
            slots.longThousandths = long
            $0.policy.slots = slots
            $0.policy.revocation.grace = .seconds(5)
        }
    }

    private func start(_ small: Small, _ id: TaskID, cpus: Resources = "cpus:1;mem:10", time: Duration? = nil) {
        var info = task(id, on: small.agent, cpus)
        info.maxCompletionTime = time
        small.stage.call(small.scheduler, small.framework, launch(info, from: small.offer(cpus)))
    }

    @Test(
        "Long tasks hold no more than their part: the next runs on a short slot, is told, and is killed after the grace"
    )
    func shortSlotEnds() {
        let small = self.small()
        for id in ["a", "b", "c"] as [TaskID] { self.start(small, id) }
        small.stage.wait(.seconds(59))
        #expect(
            small.stage.events(to: small.scheduler).allSatisfy { if case .inverseOffers = $0 { false } else { true } })
        small.stage.wait(.seconds(1))
        guard case .inverseOffers(let asked)? = small.stage.events(to: small.scheduler).last else {
            return #expect(Bool(false), "\(small.stage.said)")
        }
        #expect(asked.count == 1)
        small.stage.wait(.seconds(5))
        #expect(small.stage.orders(small.relay) == [self.order("c", of: small)])
    }

    private func order(_ task: TaskID, of small: Small) -> AgentOrder {
        .kill(
            TaskKey(small.framework, task), grace: .seconds(5), reason: "its time on a short slot is over",
            endsExecutor: true)
    }

    @Test("A framework that kills its task in vain does not keep the short slot")
    func killedInVain() {
        let small = self.small(long: 0)
        self.start(small, "a")
        small.stage.call(small.scheduler, small.framework, .kill("a", nil, grace: nil))
        small.stage.wait(.seconds(60))
        small.stage.wait(.seconds(5))
        #expect(small.stage.orders(small.relay) == [self.order("a", of: small)])
    }

    @Test("A task that says it is short takes nothing of the long part")
    func shortTasks() {
        let small = self.small()
        for id in ["a", "b"] as [TaskID] { self.start(small, id, time: .seconds(60)) }
        for id in ["c", "d"] as [TaskID] { self.start(small, id, time: .seconds(61)) }
        small.stage.wait(.seconds(300))
        #expect(small.stage.orders(small.relay) == [])
    }

    @Test("A short slot that ends while agents are not divided is given anew when they are again")
    func dividedAgain() {
        let small = self.small(long: 0)
        self.start(small, "a")
        let divided = small.stage.master.settings.policy
        small.stage.step(.policyRead(ClusterPolicy(), source: []))
        small.stage.wait(.seconds(300))
        #expect(small.stage.orders(small.relay) == [])
        small.stage.step(.policyRead(divided, source: []))
        small.stage.wait(.seconds(64))
        #expect(small.stage.orders(small.relay) == [])
        small.stage.wait(.seconds(1))
        #expect(small.stage.orders(small.relay).count == 1)
    }

    @Test("A task on a short slot that ends in time is forgotten")
    func endsInTime() {
        let small = self.small(long: 0)
        self.start(small, "a")
        small.stage.book(small.relay, 10, .task(record(1, small.framework, "a", .finished, "cpus:1;mem:10")))
        small.stage.wait(.seconds(300))
        #expect(small.stage.orders(small.relay) == [])
    }
}
