import Model
import Testing

@testable import AllocatorCore

@Suite("Guarantees and limits")
struct ClaimTests {
    @Test("What a role is guaranteed is held back, even if nobody is in the role", arguments: SharingPolicy.allCases)
    func absentRole(policy: SharingPolicy) {
        var cluster = Cluster { $0.policy = policy }
        cluster.master.changeRole("quota") { $0.guarantee = "cpus:2;mem:1024" }
        cluster.master.addFramework(1, roles: ["other"])
        // Free 2, unmet 2: nothing is beyond it.
        cluster.master.addAgent(0, "cpus:2;mem:1024", owner: 0)
        #expect(cluster.pass() == [])
        // Free 4, unmet 2: one of the two may go.
        cluster.master.addAgent(1, "cpus:2;mem:1024", owner: 0)
        #expect(cluster.pass().count == 1)
        // Free 2, unmet 2 again; when the role comes it gets the rest.
        cluster.master.addFramework(2, roles: ["quota"])
        #expect(cluster.pass().map { $0.prefix(2) } == ["F2"])
        #expect(cluster.master.refusals == [])
    }

    @Test("A role below its guarantee is offered what comes free first, however others decline and ask again")
    func againstStarvation() {
        var cluster = Cluster()
        cluster.master.changeRole("quota") { $0.guarantee = "cpus:2;mem:1024" }
        cluster.master.addFramework(1, roles: ["quota"])
        cluster.master.addAgent(0, "cpus:1;mem:512", owner: 0)
        #expect(cluster.pass() == ["F1 <- A0"])
        cluster.master.use(cluster.offer(of: 1))
        cluster.master.addFramework(2, roles: ["other"])
        // quota holds 1 of 2: what is free is held back from F2, whose share is 0.
        cluster.master.addAgent(1, "cpus:1;mem:512", owner: 0)
        #expect(cluster.pass() == ["F1 <- A1"])
        cluster.master.use(cluster.offer(of: 1))
        cluster.master.addAgent(2, "cpus:1;mem:512", owner: 0)
        // quota has 2 of 2 now, a share of 2/3; other 0.
        #expect(cluster.pass() == ["F2 <- A2"])
        for _ in 0..<4 {
            cluster.declineAll(of: 2, for: .zero)
            cluster.pass()
        }
        cluster.master.addAgent(3, "cpus:1;mem:512", owner: 0)
        cluster.declineAll(of: 1, for: .zero)
        #expect(cluster.pass().contains { $0.hasPrefix("F2") })
    }

    @Test("An allocation ends exactly at the limit, and the rest goes to another")
    func clipped() {
        var cluster = Cluster()
        cluster.master.changeRole("small") { $0.limit = "cpus:0.5;mem:200" }
        cluster.master.addFramework(1, roles: ["small"])
        cluster.master.addAgent(0, "cpus:1;mem:512;ports:[1-9]", owner: 0)
        #expect(cluster.pass() == ["F1 <- A0"])
        #expect(cluster.offer(of: 1).holding.resources == "cpus:0.5;mem:200;ports:[1-9]")
        cluster.master.addFramework(2, roles: ["other"])
        #expect(cluster.pass() == ["F2 <- A0"])
        #expect(cluster.offer(of: 2).holding.resources == "cpus:0.5;mem:312")
        cluster.master.addAgent(1, "cpus:1;mem:512", owner: 0)
        #expect(cluster.pass() == ["F2 <- A1"])
        #expect(cluster.master.refusals == [])
    }

    @Test("In one turn, too, the rest goes to another")
    func clippedAtOnce() {
        var cluster = Cluster()
        cluster.master.changeRole("small") { $0.limit = "cpus:0.5;mem:200" }
        cluster.master.addFramework(1, roles: ["small"])
        cluster.master.addFramework(2, roles: ["small"])
        cluster.master.addFramework(3, roles: ["other"])
        cluster.master.addAgent(0, "cpus:1;mem:512", owner: 0)
        // small holds all that it may, so F2 is not asked.
        #expect(cluster.pass(.milliseconds(5)) == ["F1 <- A0", "F3 <- A0"])
        #expect(cluster.offer(of: 3).holding.resources == "cpus:0.5;mem:312")
    }

    @Test("When a role at its limit gives something back it is offered what lay idle because of the limit")
    func roomAgain() {
        var cluster = Cluster()
        cluster.master.changeRole("small") { $0.limit = "cpus:2" }
        cluster.master.addFramework(1, roles: ["small"])
        cluster.master.addAgent(0, "cpus:2;mem:10", owner: 0)
        #expect(cluster.pass() == ["F1 <- A0"])
        let task = cluster.offer(of: 1)
        cluster.master.addAgent(1, "cpus:2;mem:10", owner: 0)
        #expect(cluster.pass() == [])
        let turns = cluster.allocators[0].counters.turns
        cluster.pass(.seconds(100))
        #expect(cluster.allocators[0].counters.turns == turns, "nothing to do until something changes")
        cluster.master.setActive(0, false)
        cluster.master.decline(task, for: .zero)
        #expect(cluster.pass() == ["F1 <- A1"])
    }

    @Test("A limit that is raised or lifted lets its role have more at once")
    func limitLifted() {
        var cluster = Cluster()
        cluster.master.changeRole("small") { $0.limit = "cpus:1" }
        cluster.master.addFramework(1, roles: ["small"])
        for agent in 0..<3 as Range<UInt32> { cluster.master.addAgent(agent, "cpus:1;mem:1", owner: 0) }
        #expect(cluster.pass() == ["F1 <- A0"])
        cluster.master.changeRole("small") { $0.limit = "cpus:2" }
        #expect(cluster.pass() == ["F1 <- A1"])
        cluster.master.changeRole("small") { $0.limit = nil }
        #expect(cluster.pass() == ["F1 <- A2"])
    }

    @Test("The limit of an inner role holds for all below it, that of a framework for all its roles")
    func nestedLimits() {
        var cluster = Cluster()
        cluster.master.changeRole("a") { $0.limit = "cpus:3" }
        cluster.master.addFramework(1, roles: ["a/x"])
        cluster.master.addFramework(2, roles: ["a/y"])
        cluster.master.addFramework(3, roles: ["b", "c"]) { $0.limit = "cpus:2" }
        for agent in 0..<8 as Range<UInt32> { cluster.master.addAgent(agent, "cpus:1;mem:1", owner: 0) }
        #expect(cluster.pass().count == 5)
        let held = (1...3 as ClosedRange<UInt32>).map { framework in
            cluster.master.offers.filter { $0.holding.framework == framework }.count
        }
        #expect(held[0] + held[1] == 3)
        #expect(held[2] == 2)
    }

    @Test("The least satisfied guarantee is met first, then the next; nested ones count once")
    func leastSatisfiedFirst() {
        var cluster = Cluster()
        cluster.master.changeRole("a") { $0.guarantee = "cpus:4" }
        cluster.master.changeRole("a/x") { $0.guarantee = "cpus:2" }
        cluster.master.changeRole("b") { $0.guarantee = "cpus:2" }
        cluster.master.addFramework(1, roles: ["a/x"])
        cluster.master.addFramework(2, roles: ["b"])
        cluster.master.addFramework(3, roles: ["c"]) { $0.weight = 100 }
        for agent in 0..<7 as Range<UInt32> { cluster.master.addAgent(agent, "cpus:1;mem:1", owner: 0) }
        // Unmet 4 + 2 of 7. satisfied: a 0/4 b 0/2 a/x 0/2; a 1/4 b 0/2 a/x 1/2; a 1/4 b 1/2; a 2/4 b 1/2 ...
        #expect(
            Set(cluster.pass()) == [
                "F1 <- A0", "F2 <- A1", "F1 <- A2", "F1 <- A3", "F2 <- A4", "F1 <- A5", "F3 <- A6",
            ])
    }

    @Test("A framework's guarantee goes before the shares in its role, and is held back from the role's others")
    func frameworkGuarantee() {
        var cluster = Cluster()
        cluster.master.addFramework(1)
        cluster.master.addFramework(2) {
            $0.guarantee = "cpus:2"
            $0.suppressedRoles = ["*"]
        }
        for agent in 0..<3 as Range<UInt32> { cluster.master.addAgent(agent, "cpus:1;mem:1", owner: 0) }
        #expect(cluster.pass() == ["F1 <- A0"])
        cluster.declineAll(of: 1)
        cluster.master.change(2) { $0.suppressedRoles = [] }
        #expect(cluster.pass() == ["F2 <- A0", "F2 <- A1", "F1 <- A2"])
        cluster.master.addAgent(3, "cpus:1;mem:1", owner: 0)
        #expect(cluster.pass() == ["F1 <- A3"])
    }

    @Test("A guarantee of something that an agent has not is no reason to go first there")
    func otherResource() {
        var cluster = Cluster()
        cluster.master.changeRole("gpu") { $0.guarantee = "gpus:4" }
        cluster.master.addFramework(1, roles: ["gpu"])
        cluster.master.addFramework(2, roles: ["other"])
        for agent in 0..<4 as Range<UInt32> { cluster.master.addAgent(agent, "cpus:1;mem:1", owner: 0) }
        let offers = cluster.pass()
        #expect(offers.filter { $0.hasPrefix("F1") }.count == 2)
        #expect(offers.filter { $0.hasPrefix("F2") }.count == 2)
    }

    @Test("Several allocators hold back a guarantee once, each its part", arguments: 1...4)
    func dividedHoldBack(allocators: Int) {
        var cluster = Cluster(allocators: allocators)
        cluster.master.changeRole("quota") { $0.guarantee = "cpus:8;mem:8" }
        cluster.master.addFramework(1, roles: ["other"])
        for agent in 0..<24 as Range<UInt32> {
            // The first owns a half, the second a quarter and so on.
            let owner = min(Int(agent + 1).trailingZeroBitCount, allocators - 1)
            cluster.master.addAgent(agent, "cpus:1;mem:1", owner: owner)
        }
        cluster.pass(.seconds(10))
        let free = cluster.master.agents.values.reduce(Resources()) { $0 + $1.free }
        #expect(free.contains("cpus:8;mem:8"))
        // Rounding costs each at most a part of an agent.
        #expect(free.cpus <= 8000 + Int64(allocators) * 1000)
        cluster.master.addFramework(2, roles: ["quota"])
        cluster.pass(.seconds(10))
        let held = cluster.master.offers.filter { $0.holding.framework == 2 }
        #expect(held.reduce(Resources()) { $0 + $1.holding.resources }.contains("cpus:8;mem:8"))
        #expect(cluster.master.refusals == [])
    }

    @Test(
        "Sums for guarantees and limits are those of counting anew, whatever happens",
        arguments: 1...20 as ClosedRange<UInt64>)
    func incrementalSums(seed: UInt64) {
        var random = SplitMix(state: seed)
        var tree = RoleTree(FairPolicy())
        var roles = [RoleTree.root]
        for _ in 0..<6 { roles.append(tree.addRole(below: roles.randomElement(using: &random)!)) }
        var clients: [UInt32] = []
        for tie in 0..<10 as Range<UInt32> {
            clients.append(tree.addClient(in: roles[1...].randomElement(using: &random)!, tie: tie, kind: 0))
        }
        tree.set(primary: clients[0], of: clients[1])
        for contender in roles[1...] + clients where contender != clients[1] && random.next() % 2 == 0 {
            tree.set(guarantee: Resources(milliCPU: Int64(random.next() % 5)), limit: nil, of: contender)
        }
        for _ in 0..<300 {
            let client = clients.randomElement(using: &random)!
            let amount = Resources(milliCPU: Int64(random.next() % 4))
            if random.next() % 2 == 0 {
                tree.hold(amount, by: client)
            } else if tree[client].held.contains(amount) {
                tree.release(amount, by: client)
            }
            #expect(tree.unmet == self.unmet(RoleTree.root, in: tree, roles + clients), "seed \(seed)")
        }
    }

    private func unmet(_ id: UInt32, in tree: RoleTree, _ all: [UInt32]) -> Resources {
        let below = all.filter { $0 != RoleTree.root && tree[$0].parent == id }
            .reduce(Resources()) { $0 + self.unmet($1, in: tree, all) }
        let own = tree.deficit(of: id)
        return Resources(milliCPU: max(own.cpus, below.cpus))
    }
}
