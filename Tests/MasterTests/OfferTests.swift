import MasterCore
import Model
import Testing

@Suite("Offers")
struct OfferTests {
    @Test("A proposal becomes an offer, held for the framework until it answers")
    func offerIsHeld() {
        let small = Small()
        let offer = small.stage.propose(small.allocator, small.agent, "cpus:3;mem:1024", for: small.framework)
        #expect(offer?.id == "7-O1")
        #expect(offer?.hostname == "h1")
        #expect(offer?.sidePort == 5051)
        #expect(offer?.resources == "cpus:3;mem:1024")
        #expect(
            small.stage.messages(toAllocator: small.allocator)
                == [.held(AgentHolding(agent: 0, framework: 0, role: "*", resources: "cpus:3;mem:1024"))])
        #expect(small.stage.propose(small.allocator, small.agent, "cpus:2", for: small.framework) == nil)
        #expect(small.stage.propose(small.allocator, small.agent, "cpus:1", for: small.framework) != nil)
    }

    @Test("Offers made at once travel in one event per framework")
    func offersAreBatched() {
        let small = Small()
        let (_, other) = small.stage.scheduler("other")
        var master = small.stage.master
        var effects: [MasterState.Effect] = []
        let facts = small.stage.facts[small.allocator]![small.agent]!
        for (proposal, framework) in [(1, small.framework), (2, other), (3, small.framework)] {
            let holding = AgentHolding(
                agent: facts.index, framework: small.stage.frameworkRows[framework]!, role: "*", resources: "cpus:1")
            let allocation = Allocation(proposal: UInt64(proposal), ownership: facts.ownership, holding: holding)
            effects = master.handle(.allocator(small.allocator, .allocation(allocation)), at: small.stage.now)
            #expect(!effects.contains { if case .sendToScheduler = $0 { true } else { false } })
        }
        effects = master.handle(.timerFired(.offersDue), at: small.stage.now)
        let counts = effects.compactMap { effect -> Int? in
            if case .sendToScheduler(_, .offers(let offers)) = effect { offers.count } else { nil }
        }
        #expect(counts == [2, 1])
    }

    @Test("A declined offer is free at once, and refused for the time that was asked")
    func declineFilters() {
        let small = Small()
        let offer = small.offer("cpus:2;mem:2048")
        _ = small.call(.decline([offer], OfferFilters()))
        let holding = AgentHolding(agent: 0, framework: 0, role: "*", resources: "cpus:2;mem:2048")
        #expect(
            small.stage.messages(toAllocator: small.allocator)
                == [.filter(holding, remaining: .seconds(5)), .recovered(holding)])

        small.stage.wait(.seconds(4))
        #expect(small.stage.propose(small.allocator, small.agent, "cpus:2;mem:1024", for: small.framework) == nil)
        // More than was refused is news.
        #expect(small.stage.propose(small.allocator, small.agent, "cpus:3;mem:2048", for: small.framework) != nil)
    }

    @Test("A refusal ends by itself, and does not bind other frameworks")
    func filtersEnd() {
        let small = Small()
        let (_, other) = small.stage.scheduler("other")
        _ = small.call(.decline([small.offer()], OfferFilters()))
        #expect(small.stage.propose(small.allocator, small.agent, "cpus:1", for: other) != nil)
        small.stage.wait(.seconds(5))
        #expect(small.stage.propose(small.allocator, small.agent, "cpus:1", for: small.framework) != nil)
    }

    @Test("Refusing for zero seconds leaves no refusal")
    func noFilter() {
        let small = Small()
        _ = small.call(.decline([small.offer()], OfferFilters(refuse: .zero)))
        #expect(small.stage.recovered(small.allocator) == ["cpus:4;mem:4096"])
        #expect(small.stage.propose(small.allocator, small.agent, "cpus:4;mem:4096", for: small.framework) != nil)
    }

    @Test("Reviving ends refusals and suppression; allocators hear of it")
    func revive() {
        let small = Small()
        _ = small.call(.decline([small.offer()], OfferFilters(refuse: .seconds(1000))))
        _ = small.call(.suppress(roles: []))
        #expect(small.stage.propose(small.allocator, small.agent, "cpus:1", for: small.framework) == nil)
        _ = small.call(.revive(roles: []))
        let told = small.stage.messages(toAllocator: small.allocator)
        #expect(told.contains(.revived(framework: 0, roles: [])))
        #expect(told.contains { if case .framework(let facts) = $0 { facts.suppressedRoles.isEmpty } else { false } })
        #expect(small.stage.propose(small.allocator, small.agent, "cpus:1", for: small.framework) != nil)
    }

    @Test("Suppressing keeps the offers that are out, and makes no more in that role only")
    func suppress() {
        let stage = Stage()
        let relay = stage.relay()
        let allocator = stage.allocator()
        let agent = stage.attach("h1", via: relay)!
        let (peer, id) = stage.scheduler("two") { $0.roles = ["a", "b"] }
        let offer = stage.propose(allocator, agent, "cpus:1", for: id, role: "a")!
        #expect(stage.call(peer, id, .suppress(roles: ["a"])) == [])
        #expect(stage.propose(allocator, agent, "cpus:1", for: id, role: "a") == nil)
        #expect(stage.propose(allocator, agent, "cpus:1", for: id, role: "b") != nil)
        _ = stage.call(peer, id, launch(task("t1", on: agent, "cpus:1"), from: offer.id))
        #expect(stage.orders(relay).count == 1)
        // A role that it is not in: the call is dropped whole.
        stage.call(peer, id, .suppress(roles: ["b", "c"]))
        #expect(stage.propose(allocator, agent, "cpus:1", for: id, role: "b") != nil)
    }

    @Test("An offer that nobody answers is rescinded after its time, and offered without a refusal")
    func offersTimeOut() {
        let small = Small { $0.offerTimeout = .seconds(30) }
        let offer = small.offer("cpus:1")
        small.stage.wait(.seconds(29))
        let second = small.offer("cpus:2")
        small.stage.wait(.seconds(1))
        #expect(small.stage.events(to: small.scheduler).filter { $0 != .heartbeat } == [.rescind(offer)])
        #expect(small.stage.recovered(small.allocator) == ["cpus:1"])
        #expect(small.stage.propose(small.allocator, small.agent, "cpus:1", for: small.framework) != nil)
        small.stage.wait(.seconds(29))
        #expect(small.stage.events(to: small.scheduler).contains(.rescind(second)))
    }

    @Test("An offer that was accepted or declined in time is not rescinded")
    func answeredOffersAreNotRescinded() {
        let small = Small()
        _ = small.call(launch(task("t1", on: small.agent), from: small.offer("cpus:1;mem:1024")))
        _ = small.call(.decline([small.offer("cpus:1")], OfferFilters()))
        small.stage.wait(.seconds(60))
        #expect(!small.stage.events(to: small.scheduler).contains { if case .rescind = $0 { true } else { false } })
    }

    @Test("Offers of an agent that disconnects are rescinded at once")
    func detachRescinds() {
        let small = Small()
        let offer = small.offer()
        small.stage.step(
            .relay(small.relay, .agentDetached(index: 0, Attachment(starts: 1, connects: 1))))
        #expect(small.stage.events(to: small.scheduler) == [.rescind(offer)])
        #expect(small.stage.facts[small.allocator]![small.agent]!.isActive == false)
        #expect(small.stage.propose(small.allocator, small.agent, "cpus:1", for: small.framework) == nil)
    }

    @Test("Another framework's offer can neither be declined nor used up")
    func offersBelongToOne() {
        let small = Small()
        let (thief, thiefID) = small.stage.scheduler("thief")
        let offer = small.offer()
        small.stage.call(thief, thiefID, .decline([offer], OfferFilters()))
        #expect(small.stage.recovered(small.allocator) == [])
        small.stage.call(thief, thiefID, launch(task("t1", on: small.agent), from: offer))
        #expect(small.stage.statuses(to: thief).map(\.line) == ["t1 TASK_LOST 6"])
        _ = small.call(launch(task("t1", on: small.agent), from: offer))
        #expect(small.stage.orders(small.relay).count == 1)
    }

    @Test("A wish reaches the allocators and is not answered")
    func request() {
        let small = Small()
        #expect(small.call(.request([.init(resources: "cpus:64", agentID: small.agent)])) == [])
        #expect(
            small.stage.messages(toAllocator: small.allocator)
                == [.request(framework: 0, "cpus:64", small.agent)])
    }

    @Test("Offers below the floor are not made, unless the framework has a floor of its own")
    func floors() {
        let small = Small { $0.minimumOffers = ["cpus:0.01", "mem:32"] }
        #expect(small.stage.propose(small.allocator, small.agent, "mem:31", for: small.framework) == nil)
        #expect(small.stage.propose(small.allocator, small.agent, "mem:32", for: small.framework) != nil)
        #expect(small.stage.propose(small.allocator, small.agent, "cpus:0.01", for: small.framework) != nil)
        let (_, modest) = small.stage.scheduler("modest") { $0.minimumOffers = ["*": []] }
        #expect(small.stage.propose(small.allocator, small.agent, "mem:1", for: modest) != nil)
        let (_, picky) = small.stage.scheduler("picky") { $0.minimumOffers = ["*": ["cpus:2"]] }
        #expect(small.stage.propose(small.allocator, small.agent, "cpus:1", for: picky) == nil)
        #expect(small.stage.propose(small.allocator, small.agent, "cpus:2", for: picky) != nil)
    }

    @Test("When a framework has too many refusals, a new one lasts no time")
    func filtersAreBounded() {
        let small = Small { $0.filtersPerFramework = 1 }
        let second = small.stage.attach("h2", via: small.relay, at: 1)!
        _ = small.call(.decline([small.offer()], OfferFilters(refuse: .seconds(100))))
        let offer = small.stage.propose(small.allocator, second, "cpus:1", for: small.framework)!
        _ = small.call(.decline([offer.id], OfferFilters(refuse: .seconds(100))))
        #expect(small.stage.facts_.contains(.filterForgotten(small.framework)))
        #expect(small.stage.propose(small.allocator, second, "cpus:1", for: small.framework) != nil)
        #expect(small.stage.propose(small.allocator, small.agent, "cpus:1", for: small.framework) == nil)
    }

    @Test("Agents that do not meet a framework's constraints are not offered to it, and it is told which do not")
    func constraints() {
        let small = Small()
        let second = small.stage.attach("h2", via: small.relay, at: 1)!
        var info = FrameworkInfo(user: "ann", name: "pi")
        info.id = small.framework
        let onlySecond = ["*": OfferConstraints(groups: [[AttributeConstraint(.hostname, .textEquals("h2"))]])]
        _ = small.call(.updateFramework(info, suppressedRoles: [], constraints: onlySecond))
        guard case .framework(let facts)? = small.stage.messages(toAllocator: small.allocator).first else {
            return #expect(Bool(false), "\(small.stage.said)")
        }
        #expect(facts.constraints == onlySecond)
        #expect(small.stage.propose(small.allocator, small.agent, "cpus:1", for: small.framework) == nil)
        #expect(small.stage.propose(small.allocator, second, "cpus:1", for: small.framework) != nil)
        let cli = small.stage.operatorPeer()
        small.stage.step(.operator(cli, OperatorRequest(id: 1, .explain(small.framework, wanted: .init()))))
        let obstacles = small.stage.answers(to: cli).compactMap {
            if case .obstacle(let row) = $0 { row.obstacle } else { nil }
        }
        #expect(obstacles == [.offered, .constraint])
        let wrong = ["eng": OfferConstraints(groups: [[AttributeConstraint(.hostname, .exists)]])]
        #expect(small.call(.updateFramework(info, suppressedRoles: [], constraints: wrong)).count == 1)
    }

    @Test("Ports are offered once, and an offer names the executors that the framework already has there")
    func portsAndExecutors() {
        let small = Small(total: "cpus:4;mem:4096;ports:[31000-31009]")
        let ports: Resources = "cpus:1;mem:64;ports:[31000-31004]"
        let offer = small.offer(ports)
        #expect(small.stage.propose(small.allocator, small.agent, "ports:[31004-31005]", for: small.framework) == nil)
        let info = task("t1", on: small.agent, "cpus:0.5;ports:[31000-31001]", in: executor("e1"))
        _ = small.call(launch(info, from: offer, refuse: .zero))
        #expect(small.stage.recovered(small.allocator) == ["cpus:0.4;mem:32;ports:[31002-31004]"])
        let next = small.stage.propose(small.allocator, small.agent, "cpus:1", for: small.framework)
        #expect(next?.executorIDs == ["e1"])
    }
}
