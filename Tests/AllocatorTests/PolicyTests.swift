import Model
import Testing

@testable import AllocatorCore

@Suite("Strict priority and the lottery")
struct PolicyTests {
    /// Offers per framework, of those numbered from 1 on.
    private func counts(_ cluster: Cluster, frameworks: UInt32) -> [Int] {
        (1...frameworks).map { framework in
            cluster.master.offers.filter { $0.holding.framework == framework }.count
        }
    }

    @Test("A higher priority gets every free resource that it does not reject before a lower one sees it")
    func strictPriority() {
        var cluster = Cluster { $0.policy = .priority }
        cluster.master.addFramework(1)
        cluster.master.addFramework(2) { $0.priority = 7 }
        for agent in 0..<3 as Range<UInt32> { cluster.master.addAgent(agent, "cpus:1", owner: 0) }
        // F2 holds 1/3, 2/3, all: it is preferred however much it holds.
        #expect(cluster.pass() == ["F2 <- A0", "F2 <- A1", "F2 <- A2"])
        cluster.master.decline(cluster.master.offers[1])
        #expect(cluster.pass() == ["F1 <- A1"])
        cluster.declineAll(of: 1, for: .zero)
        cluster.declineAll(of: 2, for: .zero)
        // F2 refuses A1 for 5 s, and had the others just now.
        #expect(cluster.pass(.milliseconds(5)) == ["F1 <- A1", "F1 <- A0", "F1 <- A2"])
    }

    @Test("Priorities of roles decide before those of frameworks; equals share fairly")
    func priorityOfRoles() {
        var cluster = Cluster { $0.policy = .priority }
        cluster.master.changeRole("low") { $0.priority = -1 }
        cluster.master.addFramework(1, roles: ["low"]) { $0.priority = 100 }
        cluster.master.addFramework(2, roles: ["a"])
        cluster.master.addFramework(3, roles: ["b"])
        for agent in 0..<4 as Range<UInt32> { cluster.master.addAgent(agent, "cpus:1", owner: 0) }
        // Shares of a and b: 1/4 0, 1/4 1/4, 2/4 1/4, 2/4 2/4; low is never its turn.
        #expect(cluster.pass() == ["F2 <- A0", "F3 <- A1", "F2 <- A2", "F3 <- A3"])
        cluster.master.change(2) { $0.suppressedRoles = ["a"] }
        cluster.master.change(3) { $0.suppressedRoles = ["b"] }
        cluster.master.addAgent(4, "cpus:1", owner: 0)
        #expect(cluster.pass() == ["F1 <- A4"])
    }

    @Test("Weights of frameworks divide what their role has")
    func frameworkWeights() {
        var cluster = Cluster()
        cluster.master.addFramework(1) { $0.weight = 3 }
        cluster.master.addFramework(2)
        for agent in 0..<8 as Range<UInt32> { cluster.master.addAgent(agent, "cpus:1", owner: 0) }
        cluster.pass()
        #expect(self.counts(cluster, frameworks: 2) == [6, 2])
    }

    @Test(
        "In a lottery each is first about as often as its part of the weights says",
        arguments: 1...5 as ClosedRange<UInt64>)
    func lottery(seed: UInt64) {
        var tree = RoleTree(LotteryPolicy(random: SeededGenerator(seed: seed)))
        let role = tree.addRole(below: RoleTree.root)
        var clients: [UInt32] = []
        for weight in [1, 2, 5, 2] as [Double] {
            let client = tree.addClient(in: role, tie: 0, kind: 0)
            tree.set(weight: weight, priority: 0, of: client)
            tree.setEligible(client, true)
            clients.append(client)
        }
        func draw(_ count: Int, among wanting: Set<UInt32>) -> [Int] {
            var wins = [Int](repeating: 0, count: clients.count)
            for _ in 0..<count {
                tree.settle()
                tree.walk.kinds = [0]
                tree.startWalk()
                while let client = tree.nextClient() {
                    guard wanting.contains(client) else { continue }
                    tree.served(client)
                    wins[clients.firstIndex(of: client)!] += 1
                    break
                }
            }
            return wins
        }
        // 20,000 draws: four standard deviations are 4 sqrt(20,000 p (1 - p)) = 283 at most.
        for (wins, part) in zip(draw(20_000, among: Set(clients)), [0.1, 0.2, 0.5, 0.2]) {
            #expect(abs(Double(wins) - 20_000 * part) < 283)
        }
        // Two do not want anything: the others share it as 1 : 2, and make up for nothing when they are back.
        let some = draw(20_000, among: [clients[0], clients[1]])
        #expect(some[2] == 0 && some[3] == 0)
        #expect(abs(Double(some[0]) - 20_000 / 3) < 283)
        for (wins, part) in zip(draw(20_000, among: Set(clients)), [0.1, 0.2, 0.5, 0.2]) {
            #expect(abs(Double(wins) - 20_000 * part) < 283)
        }
    }

    @Test("A lottery is held at each node of the role tree, and repeats for a seed")
    func lotteryOfRoles() {
        func run(_ seed: UInt64) -> [Int] {
            var cluster = Cluster {
                $0.policy = .lottery
                $0.seed = seed
            }
            cluster.master.setWeight(3, of: "a")
            cluster.master.addFramework(1, roles: ["a/x"])
            cluster.master.addFramework(2, roles: ["a/y"])
            cluster.master.addFramework(3, roles: ["b"])
            for agent in 0..<800 as Range<UInt32> { cluster.master.addAgent(agent, "cpus:1", owner: 0) }
            cluster.pass(.seconds(1))
            return self.counts(cluster, frameworks: 3)
        }
        let counts = run(4)
        #expect(counts == run(4))
        #expect(counts != run(5))
        // 300, 300 and 200 of 800 are expected; four standard deviations are 55.
        #expect(abs(counts[0] - 300) < 55 && abs(counts[1] - 300) < 55 && abs(counts[2] - 200) < 55)
    }

    @Test("The logarithm is right")
    func logarithm() {
        #expect(abs((1.0).naturalLogarithm) < 1e-15)
        #expect(abs((10.0).naturalLogarithm - 2.302_585_092_994_046) < 1e-14)
        #expect(abs((1.9999999).naturalLogarithm - 0.693_147_130_559_944) < 1e-14)
        #expect(abs((1e-15).naturalLogarithm + 34.538_776_394_910_684) < 1e-12)
    }
}

@Suite("The operator's policy in an allocator")
struct OperatorPolicyTests {
    @Test("Without a policy of its own an allocator follows the operator's, from the next decision on")
    func followed() {
        var cluster = Cluster()
        cluster.master.addFramework(1)
        cluster.master.addFramework(2) { $0.priority = 7 }
        cluster.master.addAgent(0, "cpus:1", owner: 0)
        cluster.master.addAgent(1, "cpus:1", owner: 0)
        #expect(cluster.pass() == ["F1 <- A0", "F2 <- A1"])
        cluster.master.tell(.policy(PolicyFacts(sharing: .priority)))
        cluster.master.addAgent(2, "cpus:1", owner: 0)
        cluster.master.addAgent(3, "cpus:1", owner: 0)
        #expect(cluster.pass() == ["F2 <- A2", "F2 <- A3"])
    }

    @Test("An allocator that was started with a policy keeps it")
    func kept() {
        var cluster = Cluster { $0.policy = .fair }
        cluster.master.tell(.policy(PolicyFacts(sharing: .priority)))
        cluster.master.addFramework(1)
        cluster.master.addFramework(2) { $0.priority = 7 }
        cluster.master.addAgent(0, "cpus:1", owner: 0)
        #expect(cluster.pass() == ["F1 <- A0"])
    }

    @Test("A policy on trial takes the place of the operator's: its order, its roles, frameworks and minimum offer")
    func trial() {
        var policy = ClusterPolicy()
        policy.sharing = .priority
        var rule = FrameworkRule(framework: "F2")
        rule.priority = 7
        rule.limit = "cpus:2"
        policy.frameworks = [rule]
        var role = RoleFacts(role: "*")
        role.limit = "cpus:3"
        policy.roles = [role]
        policy.minimumOffer = "cpus:1"
        let trial = policy
        var cluster = Cluster {
            $0.isShadow = true
            $0.trial = trial
        }
        #expect(cluster.allocators[0].hello.isShadow)
        cluster.master.tell(.policy(PolicyFacts(sharing: .fair)))
        var other = RoleFacts(role: "*")
        other.limit = "cpus:1"
        cluster.master.tell(.role(other))
        cluster.master.addFramework(1) { $0.priority = 9 }
        cluster.master.addFramework(2) { $0.limit = "cpus:1" }
        for agent in 0..<4 as Range<UInt32> { cluster.master.addAgent(agent, "cpus:1", owner: 0) }
        #expect(cluster.pass() == ["F2 <- A0", "F2 <- A1", "F1 <- A2"], "two for the one, three for the role")
    }

    @Test("An agent of which less is free than its minimum offer is left alone until more comes free")
    func minimumOffer() {
        var cluster = Cluster()
        cluster.master.addFramework(1)
        cluster.master.addAgent(0, "cpus:4", owner: 0)
        cluster.master.agents[0]!.minimumOffer = "cpus:3"
        cluster.master.agents[0]!.holdings = [
            AgentHolding(agent: 0, framework: 1, role: "*", resources: "cpus:2")
        ]
        cluster.master.tell(.agent(cluster.master.facts(0, for: 0)))
        #expect(cluster.pass() == [])
        cluster.master.agents[0]!.holdings = []
        cluster.master.tell(.agent(cluster.master.facts(0, for: 0)))
        #expect(cluster.pass() == ["F1 <- A0"])
    }
}
