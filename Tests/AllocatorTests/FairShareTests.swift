import Model
import Testing

@testable import AllocatorCore

@Suite("Weighted dominant-resource fairness")
struct FairShareTests {
    /// The order in which clients holding these amounts, each in a role of its own with that weight, are preferred.
    private func order(total: Resources, _ held: [(name: String, Resources, weight: Double)]) -> [String] {
        var tree = RoleTree(FairPolicy())
        tree.setTotal(total)
        for (index, client) in held.enumerated() {
            let role = tree.addRole(below: RoleTree.root)
            tree.set(weight: client.weight, priority: 0, of: role)
            let id = tree.addClient(in: role, tie: UInt32(index), kind: 0)
            tree.hold(client.1, by: id)
            tree.setEligible(id, true)
        }
        return tree.order().map { held[Int(tree[$0].tie)].name }
    }

    @Test("The smallest dominant share goes first: whichever resource it is of")
    func dominantShares() {
        // dominant shares: a 0.05, b 0.06, c 0.01, d 0.03
        #expect(
            self.order(
                total: "cpus:100;mem:100",
                [
                    ("a", "cpus:5;mem:5", 1), ("b", "cpus:6;mem:6", 1), ("c", "cpus:1;mem:1", 1),
                    ("d", "cpus:3;mem:1", 1),
                ]) == ["c", "d", "a", "b"])
        // Half the CPUs: b 0.04, c 0.02, d 0.06, e 0.05 (of memory)
        #expect(
            self.order(
                total: "cpus:50;mem:100",
                [
                    ("b", "cpus:2;mem:2", 1), ("c", "cpus:1;mem:1", 1), ("d", "cpus:3;mem:1", 1),
                    ("e", "cpus:1;mem:5", 1),
                ]) == ["c", "b", "e", "d"])
    }

    @Test("A weight divides the share")
    func weightedShares() {
        // a 0.05 / 1, b 0.06 / 2 = 0.03, c 0.04 / 1, d 0.2 / 10 = 0.02
        #expect(
            self.order(
                total: "cpus:100;mem:100",
                [
                    ("a", "cpus:5;mem:5", 1), ("b", "cpus:6;mem:6", 2), ("c", "cpus:4;mem:4", 1),
                    ("d", "cpus:10;mem:20", 10),
                ]) == ["d", "b", "c", "a"])
    }

    @Test("A free agent goes to the framework without a share, and when that declines, to the other")
    func lowestShareFirst() {
        var cluster = Cluster()
        cluster.master.addFramework(2)
        cluster.master.addAgent(0, "cpus:2;mem:1024", owner: 0)
        #expect(cluster.pass() == ["F2 <- A0"])
        cluster.master.use(cluster.offer(of: 2))
        cluster.master.addFramework(1)
        cluster.master.addAgent(1, "cpus:2;mem:1024", owner: 0)
        #expect(cluster.pass() == ["F1 <- A1"])
        cluster.declineAll(of: 1)
        #expect(cluster.pass() == ["F2 <- A1"])
        #expect(cluster.master.refusals == [])
    }

    @Test("Of two that always decline, and want to be asked again at once, each is asked every other time")
    func equalSharesTakeTurns() {
        var cluster = Cluster()
        cluster.master.addFramework(1)
        cluster.master.addFramework(2)
        cluster.master.addAgent(0, "cpus:2;mem:1024", owner: 0)
        var asked: [String] = []
        for _ in 0..<10 {
            asked += cluster.pass(.milliseconds(5))
            cluster.declineAll(of: 1, for: .zero)
            cluster.declineAll(of: 2, for: .zero)
        }
        #expect(asked.filter { $0 == "F1 <- A0" }.count == 5)
        #expect(asked.filter { $0 == "F2 <- A0" }.count == 5)
    }

    @Test("Who declines for no time at all is asked again, but does not keep the others from being asked")
    func declinersDoNotStarveOthers() {
        var cluster = Cluster()
        for framework in 1...3 as ClosedRange<UInt32> { cluster.master.addFramework(framework) }
        cluster.master.addAgent(0, "cpus:1", owner: 0)
        // F3 holds something already; F1 and F2 have no share and always go before it.
        #expect(cluster.pass() == ["F1 <- A0"])
        cluster.declineAll(of: 1)
        #expect(cluster.pass() == ["F2 <- A0"])
        cluster.declineAll(of: 2)
        #expect(cluster.pass() == ["F3 <- A0"])
        cluster.master.use(cluster.offer(of: 3))
        cluster.master.addAgent(1, "cpus:1", owner: 0)
        var asked: [String] = []
        for _ in 0..<6 {
            asked += cluster.pass(.milliseconds(5))
            for framework in 1...3 as ClosedRange<UInt32> { cluster.declineAll(of: framework, for: .zero) }
        }
        #expect(asked.count == 6)
        #expect(Set(asked.prefix(3)) == ["F1 <- A1", "F2 <- A1", "F3 <- A1"])
        #expect(Set(asked.suffix(3)) == ["F1 <- A1", "F2 <- A1", "F3 <- A1"])
    }

    @Test("A newcomer does not make up for the time before it came")
    func newcomersStartLevel() {
        var cluster = Cluster()
        cluster.master.addFramework(1)
        cluster.master.addAgent(0, "cpus:2", owner: 0)
        for _ in 0..<50 {
            cluster.pass(.milliseconds(5))
            cluster.declineAll(of: 1, for: .zero)
        }
        cluster.master.addFramework(2)
        var asked: [String] = []
        for _ in 0..<6 {
            asked += cluster.pass(.milliseconds(5))
            cluster.declineAll(of: 1, for: .zero)
            cluster.declineAll(of: 2, for: .zero)
        }
        #expect(asked.filter { $0 == "F1 <- A0" }.count == 3)
    }

    @Test("Roles come first, then the frameworks of the role")
    func hierarchy() {
        var cluster = Cluster()
        cluster.master.addFramework(1, roles: ["role1"])
        cluster.master.addAgent(1, "cpus:2;mem:1024", owner: 0)
        #expect(cluster.pass() == ["F1 <- A1"])
        // role1: all of 2 cpus. role2: nothing.
        cluster.master.addFramework(2, roles: ["role2"])
        cluster.master.addAgent(2, "cpus:1;mem:512", owner: 0)
        #expect(cluster.pass() == ["F2 <- A2"])
        // of 6 cpus, 3584 MB: role1 0.33 (F1), role2 0.17 (F2)
        cluster.master.addAgent(3, "cpus:3;mem:2048", owner: 0)
        #expect(cluster.pass() == ["F2 <- A3"])
        // of 10 cpus, 7680 MB: role1 0.20 (F1 0.20, F3 0), role2 0.40 (F2)
        cluster.master.addFramework(3, roles: ["role1"])
        cluster.master.addAgent(4, "cpus:4;mem:4096", owner: 0)
        #expect(cluster.pass() == ["F3 <- A4"])
        // of 11 cpus, 8192 MB: role1 0.63 (F1 0.18, F3 0.50, F4 0), role2 0.36 (F2)
        cluster.master.addFramework(4, roles: ["role1"])
        cluster.master.addAgent(5, "cpus:1;mem:512", owner: 0)
        #expect(cluster.pass() == ["F2 <- A5"])
        #expect(cluster.share(3, in: "role1") == 0.5)
        #expect(cluster.master.refusals == [])
    }

    @Test(
        "Six equal agents are divided by the weights of the roles",
        arguments: [([1, 1], [3, 3]), ([1, 2], [2, 4]), ([1, 2, 3], [1, 2, 3])] as [([Double], [Int])])
    func weightsDivide(weights: [Double], expected: [Int]) {
        var cluster = Cluster()
        for (index, weight) in weights.enumerated() {
            cluster.master.setWeight(weight, of: "role\(index)")
            cluster.master.addFramework(UInt32(index), roles: ["role\(index)"])
        }
        for agent in 0..<6 as Range<UInt32> { cluster.master.addAgent(agent, "cpus:2;mem:1024", owner: 0) }
        cluster.pass()
        let counts = weights.indices.map { index in
            cluster.master.offers.filter { $0.holding.framework == UInt32(index) }.count
        }
        #expect(counts == expected)
    }

    @Test("A changed weight decides about what comes free from then on, and moves nothing that is offered")
    func changedWeight() {
        var cluster = Cluster()
        for index in 0..<2 as Range<UInt32> { cluster.master.addFramework(index, roles: ["role\(index)"]) }
        for agent in 0..<6 as Range<UInt32> { cluster.master.addAgent(agent, "cpus:1", owner: 0) }
        #expect(cluster.pass().count == 6)
        cluster.master.setWeight(2, of: "role1")
        #expect(cluster.pass() == [])
        // Now role0 holds 3 / 6 and role1 3 / 6 / 2.
        cluster.master.addAgent(6, "cpus:1", owner: 0)
        #expect(cluster.pass() == ["F1 <- A6"])
        cluster.master.addAgent(7, "cpus:1", owner: 0)
        #expect(cluster.pass() == ["F1 <- A7"])
    }

    @Test("Of two equal agents each of two frameworks is offered one, whole")
    func coarseGrained() {
        var cluster = Cluster()
        cluster.master.addFramework(1)
        cluster.master.addFramework(2)
        cluster.master.addAgent(0, "cpus:2;mem:1024;ports:[1-5]", owner: 0)
        cluster.master.addAgent(1, "cpus:2;mem:1024;ports:[1-5]", owner: 0)
        #expect(cluster.pass() == ["F1 <- A0", "F2 <- A1"])
        #expect(cluster.master.offers.allSatisfy { $0.holding.resources == "cpus:2;mem:1024;ports:[1-5]" })
    }

    @Test("What holds most of a resource beyond the four has the larger share")
    func otherResources() {
        var cluster = Cluster()
        cluster.master.addFramework(1)
        cluster.master.addAgent(0, "cpus:1;licenses:9", owner: 0)
        #expect(cluster.pass() == ["F1 <- A0"])
        cluster.master.addFramework(2)
        cluster.master.addAgent(1, "cpus:4;licenses:1", owner: 0)
        #expect(cluster.pass() == ["F2 <- A1"])
        #expect(cluster.share(1) == 0.9)
        #expect(cluster.share(2) == 0.8)
    }
}
