import AllocatorCore
import Model
import Testing

@Suite("An allocator and its master")
struct AllocationTests {
    @Test("It collects the facts, says that it is ready, and proposes nothing before")
    func sync() {
        var allocator = AllocatorState(settings: AllocatorSettings(name: "a"))
        let peer = PeerID(1)
        let now = Instant(nanoseconds: 0)
        func on(_ event: AllocatorState.Event) -> [AllocatorState.Effect] {
            allocator.handle(event, at: now).filter { if case .observe = $0 { false } else { true } }
        }
        #expect(on(.masterConnected(peer, Cluster.welcome(3))) == [])
        #expect(on(.master(peer, .framework(FrameworkFacts(index: 1, id: "F1", name: "f", roles: ["*"])))) == [])
        var facts = AgentFacts(index: 4, id: "A4", hostname: "h", total: "cpus:4", isOwned: true, ownership: 9)
        facts.holdings = [AgentHolding(agent: 4, framework: 1, role: "*", resources: "cpus:1")]
        #expect(on(.master(peer, .agent(facts))) == [])
        #expect(
            on(.master(peer, .synced)) == [
                .propose(peer, .ready), .setTimer(.batch, at: now),
            ])
        let holding = AgentHolding(agent: 4, framework: 1, role: "*", resources: "cpus:3")
        #expect(
            on(.timerFired(.batch)) == [
                .propose(peer, .allocation(Allocation(proposal: 1, ownership: 9, holding: holding)))
            ])
        #expect(on(.master(peer, .held(holding))) == [], "counted already")
        #expect(allocator.share(of: "F1", role: "*") == 1)
        #expect(allocator.hello.epoch == 3)
    }

    @Test("A master of an older leadership is not followed; with a new one everything is learnt anew")
    func masters() {
        var cluster = Cluster()
        cluster.master.addFramework(1)
        cluster.master.addAgent(0, "cpus:2", owner: 0)
        cluster.pass()
        cluster.send(.masterConnected(PeerID(2), Cluster.welcome(5)), to: 0)
        #expect(cluster.allocators[0].knownAgents == 0)
        #expect(cluster.timers[0].isEmpty)
        let effects = cluster.allocators[0].handle(
            .masterConnected(PeerID(3), Cluster.welcome(4)), at: cluster.master.now)
        #expect(effects.contains { if case .close(PeerID(3), let refusal) = $0 { refusal.epoch == 5 } else { false } })
        cluster.send(.master(PeerID(1), .synced), to: 0)
        #expect(!cluster.allocators[0].isSynced, "that is the old link")
        cluster.send(.masterDisconnected(PeerID(2)), to: 0)
        cluster.send(.masterConnected(PeerID(1), Cluster.welcome(5)), to: 0)
        cluster.master.tellAll(0)
        cluster.declineAll(of: 1, for: .zero)
        #expect(cluster.pass() == ["F1 <- A0"])
        #expect(cluster.master.refusals == [])
    }

    @Test("What little comes free is offered at once, and what comes on top of that at the end of the batching window")
    func batchWindow() {
        var cluster = Cluster()
        cluster.master.addFramework(1)
        cluster.master.addAgent(0, "cpus:2", owner: 0)
        cluster.pass()
        for _ in 1...2 {
            for _ in 1...4 {
                cluster.master.use(cluster.offer(of: 1), "cpus:0.1")
                #expect(cluster.pass(.microseconds(100)) == ["F1 <- A0"])
            }
            cluster.master.use(cluster.offer(of: 1), "cpus:0.1")
            #expect(cluster.pass(.microseconds(4_600) - .nanoseconds(1)) == [])
            #expect(cluster.pass(.nanoseconds(1)) == ["F1 <- A0"])
            cluster.pass(.milliseconds(5))
        }
    }

    @Test("Where much comes free all of it is gathered, until little does")
    func crowdedWindows() {
        var cluster = Cluster()
        cluster.master.addFramework(1)
        for agent in 0..<5 as Range<UInt32> { cluster.master.addAgent(agent, "cpus:4", owner: 0) }
        cluster.pass()
        func use(_ count: Int) {
            for offer in cluster.master.offers.prefix(count) { cluster.master.use(offer, "cpus:0.1") }
        }
        use(5)
        #expect(cluster.pass(.zero).count == 5, "nothing came for long")
        for _ in 1...3 {
            use(5)
            #expect(cluster.pass(.milliseconds(5) - .nanoseconds(1)) == [])
            #expect(cluster.pass(.nanoseconds(1)).count == 5)
        }
        for _ in 1...2 {
            use(1)
            #expect(cluster.pass(.milliseconds(5) - .nanoseconds(1)) == [])
            #expect(cluster.pass(.nanoseconds(1)).count == 1)
        }
        use(1)
        #expect(cluster.pass(.zero).count == 1, "there was one in the window before")
    }

    @Test("A refusal ends exactly when its time has passed, and the agent is offered then")
    func refusalsEndInTime() {
        var cluster = Cluster { $0.batchWindow = .zero }
        cluster.master.addFramework(1)
        cluster.master.addAgent(0, "cpus:2", owner: 0)
        cluster.pass()
        cluster.declineAll(of: 1, for: .seconds(5))
        #expect(cluster.pass(.seconds(5) - .nanoseconds(1)) == [])
        #expect(cluster.pass(.nanoseconds(1)) == ["F1 <- A0"])
        #expect(cluster.allocators[0].activeFilters == 0)
    }

    @Test("A refusal blocks the same or less of that agent, not more")
    func refusalsBlockLess() {
        var cluster = Cluster()
        cluster.master.addFramework(1)
        cluster.master.addAgent(0, "cpus:4", owner: 0)
        cluster.pass()
        let task = AgentHolding(agent: 0, framework: 1, role: "*", resources: "cpus:2")
        cluster.master.use(cluster.offer(of: 1), "cpus:2")
        #expect(cluster.pass() == ["F1 <- A0"])
        cluster.declineAll(of: 1, for: .seconds(1000))
        #expect(cluster.pass() == [])
        cluster.master.addAgent(1, "cpus:1", owner: 0)
        #expect(cluster.pass() == ["F1 <- A1"], "another agent")
        cluster.master.free(task)
        #expect(cluster.pass() == ["F1 <- A0"], "more than it refused")
    }

    @Test("An agent that everybody refuses is not looked at until something changes")
    func noBusyLoop() {
        var cluster = Cluster()
        cluster.master.addFramework(1)
        cluster.master.addAgent(0, "cpus:2", owner: 0)
        cluster.pass()
        cluster.declineAll(of: 1, for: .seconds(1000))
        cluster.pass()
        let turns = cluster.allocators[0].counters.turns
        cluster.pass(.seconds(100))
        #expect(cluster.allocators[0].counters.turns == turns)
        cluster.master.addFramework(2)
        #expect(cluster.pass() == ["F2 <- A0"])
    }

    @Test("A framework that revives is offered at once what it refused for long")
    func revive() {
        var cluster = Cluster()
        cluster.master.addFramework(1)
        for agent in 0..<3 as Range<UInt32> { cluster.master.addAgent(agent, "cpus:2", owner: 0) }
        cluster.pass()
        cluster.declineAll(of: 1, for: .seconds(1000))
        #expect(cluster.pass() == [])
        cluster.master.revive(1)
        #expect(cluster.pass().count == 3)
        #expect(cluster.allocators[0].activeFilters == 0)
    }

    @Test("A suppressed role is offered nothing, the framework's other role is")
    func suppress() {
        var cluster = Cluster()
        cluster.master.addFramework(1, roles: ["a", "b"])
        cluster.master.change(1) { $0.suppressedRoles = ["a", "b"] }
        cluster.master.addAgent(0, "cpus:2", owner: 0)
        #expect(cluster.pass() == [])
        cluster.master.change(1) { $0.suppressedRoles = ["a"] }
        #expect(cluster.pass() == ["F1 <- A0"])
        #expect(cluster.offer(of: 1).holding.role == "b")
        cluster.master.revive(1, roles: ["a"])
        cluster.master.addAgent(1, "cpus:2", owner: 0)
        #expect(cluster.pass() == ["F1 <- A1"])
        #expect(cluster.master.offers.last?.holding.role == "a", "it holds less there")
    }

    @Test(
        "A framework without a scheduler is offered nothing, holds what it holds, and has refused nothing when it is back"
    )
    func inactive() {
        var cluster = Cluster()
        cluster.master.addFramework(1)
        cluster.master.addAgent(0, "cpus:2", owner: 0)
        cluster.master.addAgent(1, "cpus:2", owner: 0)
        cluster.pass()
        cluster.master.use(cluster.master.offers[0])
        cluster.declineAll(of: 1, for: .seconds(1000))
        cluster.master.change(1) { $0.isActive = false }
        #expect(cluster.pass() == [])
        #expect(cluster.share(1) == 0.5)
        cluster.master.change(1) { $0.isActive = true }
        #expect(cluster.pass() == ["F1 <- A1"])
    }

    @Test("Offers hold at least what the framework can use")
    func minimumOffers() {
        var cluster = Cluster()
        cluster.master.addFramework(1, minimumOffers: ["cpus:2", "mem:4096"])
        cluster.master.addAgent(0, "cpus:1;mem:64", owner: 0)
        cluster.master.addAgent(1, "cpus:2;mem:64", owner: 0)
        cluster.master.addAgent(2, "cpus:1;mem:4096", owner: 0)
        cluster.master.addAgent(3, "mem:31;disk:1000", owner: 0)
        cluster.master.addAgent(4, "mem:32", owner: 0)
        #expect(cluster.pass() == ["F1 <- A1", "F1 <- A2"])
        cluster.master.addFramework(2, minimumOffers: ["cpus:0.01", "mem:32"])
        #expect(cluster.pass() == ["F2 <- A0", "F2 <- A4"])
        cluster.master.addFramework(3)
        #expect(cluster.pass() == ["F3 <- A3"], "anything is of use to it")
    }

    @Test("A refused allocation corrects the view, and the rest is proposed")
    func refusedAllocation() {
        var cluster = Cluster()
        cluster.master.addFramework(1)
        cluster.master.addAgent(0, "cpus:4", owner: 0)
        // The master has booked something that it will tell only with its refusal.
        cluster.settle()
        cluster.master.agents[0]!.holdings = [AgentHolding(agent: 0, framework: 9, role: "x", resources: "cpus:3")]
        #expect(cluster.pass() == ["F1 <- A0"])
        #expect(cluster.master.refusals == ["not free"])
        #expect(cluster.offer(of: 1).holding.resources == "cpus:1")
        #expect(cluster.share(1) == 0.25)
    }

    @Test("What only the master forbids is not proposed over and over, and others get it meanwhile")
    func forbiddenByMaster() {
        var cluster = Cluster()
        cluster.master.addFramework(1)
        cluster.master.addFramework(2)
        cluster.master.frameworks[2]!.takesGPUs = true
        cluster.master.addAgent(0, "cpus:1;gpus:1", owner: 0)
        #expect(cluster.pass() == ["F2 <- A0"])
        #expect(cluster.master.refusals == ["no GPUs"])
        cluster.declineAll(of: 2, for: .seconds(60))
        cluster.pass(.seconds(10))
        #expect(cluster.master.refusals.count <= 3)
    }

    @Test("Only the owner proposes, under the present ownership, and both see the same shares")
    func twoAllocators() {
        var cluster = Cluster(allocators: 2)
        for framework in 1...2 as ClosedRange<UInt32> { cluster.master.addFramework(framework) }
        for agent in 0..<8 as Range<UInt32> {
            cluster.master.addAgent(agent, "cpus:2;mem:100", owner: Int(agent % 2))
        }
        #expect(cluster.pass().count == 8)
        #expect(cluster.master.refusals == [])
        #expect(cluster.allocators.map(\.ownedAgents) == [4, 4])
        for framework in 1...2 as ClosedRange<UInt32> {
            #expect(cluster.share(framework, by: 0) == cluster.share(framework, by: 1))
            #expect(cluster.share(framework) == 0.5)
        }
        // One goes away: the other proposes for all.
        for agent in 0..<8 as Range<UInt32> where agent % 2 == 1 { cluster.master.give(agent, to: 0) }
        cluster.declineAll(of: 1, for: .zero)
        cluster.declineAll(of: 2, for: .zero)
        #expect(cluster.pass().count == 8)
        #expect(cluster.master.refusals == [])
    }

    @Test("A deactivated agent is not proposed until it is active again")
    func deactivatedAgent() {
        var cluster = Cluster()
        cluster.master.addFramework(1)
        cluster.master.addAgent(0, "cpus:2", owner: 0)
        cluster.master.setActive(0, false)
        #expect(cluster.pass() == [])
        cluster.master.setActive(0, true)
        #expect(cluster.pass() == ["F1 <- A0"])
    }

    @Test("A removed framework and a removed agent leave no share behind")
    func removals() {
        var cluster = Cluster()
        cluster.master.addFramework(1)
        cluster.master.addFramework(2)
        for agent in 0..<2 as Range<UInt32> { cluster.master.addAgent(agent, "cpus:2", owner: 0) }
        cluster.pass()
        cluster.master.removeAgent(0)
        cluster.pass()
        #expect(cluster.share(1) == 0)
        #expect(cluster.share(2) == 1)
        cluster.master.removeFramework(2)
        #expect(cluster.pass() == ["F1 <- A1"])
        cluster.master.addAgent(0, "cpus:6", owner: 0)
        #expect(cluster.pass() == ["F1 <- A0"])
        #expect(cluster.share(1) == 1)
    }

    @Test("More agents than fit in a turn are gone through in turns, and what comes free meanwhile is not kept waiting")
    func turns() {
        var cluster = Cluster { $0.looksPerTurn = 40 }
        for agent in 0..<500 as Range<UInt32> { cluster.master.addAgent(agent, "cpus:1", owner: 0) }
        cluster.pass()
        cluster.master.addFramework(1)
        cluster.settle()
        cluster.send(.timerFired(.batch), to: 0)
        #expect((10...40).contains(cluster.master.offersMade))
        cluster.settle()
        cluster.master.addAgent(500, "cpus:1", owner: 0)
        cluster.settle()
        cluster.send(.timerFired(.batch), to: 0)
        #expect(cluster.master.offers.contains { $0.holding.agent == 500 })
        #expect(cluster.pass().count + 80 >= 501 - 80)
        #expect(cluster.master.offersMade == 501)
    }

    @Test("An agent that comes while all are gone through does not take the place of one that was there")
    func agentComesDuringWalk() {
        var cluster = Cluster()
        for agent in 0..<3 as Range<UInt32> { cluster.master.addAgent(agent, "cpus:1", owner: 0) }
        cluster.pass()
        cluster.master.addFramework(1)
        #expect(cluster.pass().count == 3)
        cluster.declineAll(of: 1, for: .seconds(3600))
        #expect(cluster.pass() == [])
        // The walk begins where the last one ended, after the third, and goes round.
        cluster.master.addFramework(2)
        cluster.master.addAgent(3, "cpus:1", owner: 0)
        cluster.pass()
        #expect(Set(cluster.master.offers.map(\.holding.agent)) == [0, 1, 2, 3])
    }
}
