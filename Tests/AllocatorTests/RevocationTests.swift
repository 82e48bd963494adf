import Model
import Testing

@testable import AllocatorCore

@Suite("Taking back for guarantees")
struct RevocationTests {
    /// F1 holds all 4 CPUs of A0, and F2 has just come, in a role that is guaranteed 2; wait 10 s, grace 5 s.
    private func full(_ change: (inout Cluster) -> Void = { _ in }) -> Cluster {
        var cluster = Cluster()
        var rules = RevocationRules(wait: .seconds(10))
        rules.grace = .seconds(5)
        cluster.master.tell(.policy(PolicyFacts(revocation: rules)))
        cluster.master.changeRole("poor") { $0.guarantee = "cpus:2" }
        cluster.master.addFramework(1)
        cluster.master.addAgent(0, "cpus:4;mem:4000", owner: 0) { agent in
            agent.holdings = [AgentHolding(agent: 0, framework: 1, role: "*", resources: "cpus:4;mem:400")]
        }
        change(&cluster)
        cluster.master.addFramework(2, roles: ["poor"])
        return cluster
    }

    private func tasks(_ resources: [Resources]) -> [RevocableTask] {
        resources.enumerated().map { number, amount in
            RevocableTask(agent: 0, taskID: TaskID("t\(number)"), role: "*", resources: amount)
        }
    }

    @Test("Who waits for a guarantee is helped after the time, not before, with as many tasks as make up for it")
    func takesBack() {
        var cluster = self.full()
        cluster.pass(.milliseconds(9_900))
        #expect(cluster.master.asked == [])
        cluster.pass(.milliseconds(200))
        #expect(cluster.master.asked == [1])
        cluster.master.tell(.revocable(framework: 1, self.tasks(["mem:50", "cpus:1.5", "cpus:1", "cpus:1"])))
        cluster.pass(.milliseconds(1))
        #expect(cluster.master.revocations.map(\.taskID) == ["t1", "t2"])
        let first = cluster.master.revocations[0]
        #expect(first.victim == 1 && first.beneficiary == 2 && first.grace == .seconds(5))
        #expect(first.ownership == cluster.master.agents[0]!.ownership)
        // Not again before the tasks have had their grace, and the time has passed once more.
        cluster.pass(.milliseconds(14_700))
        #expect(cluster.master.asked == [1])
        cluster.pass(.milliseconds(300))
        #expect(cluster.master.asked == [1, 1])
    }

    @Test("What comes free in time spares the tasks of others")
    func freeInTime() {
        var cluster = self.full()
        cluster.pass(.seconds(5))
        cluster.master.free(cluster.master.agents[0]!.holdings[0])
        #expect(cluster.pass(.seconds(1)).contains("F2 <- A0"))
        cluster.pass(.seconds(60))
        #expect(cluster.master.asked == [])
    }

    @Test("Nothing is taken back for who declined what it was offered, until it asks again")
    func nobodyWants() {
        var cluster = self.full()
        cluster.pass(.seconds(1))
        cluster.master.tell(.demand(framework: 2, role: "poor", isWanting: false))
        cluster.pass(.seconds(60))
        #expect(cluster.master.asked == [])
        cluster.master.tell(.demand(framework: 2, role: "poor", isWanting: true))
        cluster.pass(.milliseconds(9_900))
        #expect(cluster.master.asked == [])
        cluster.pass(.milliseconds(200))
        #expect(cluster.master.asked == [1])
    }

    @Test("A suppressed framework and one that is away are no reason to take anything back")
    func notEligible() {
        var cluster = self.full()
        cluster.pass(.seconds(1))
        cluster.master.change(2) { $0.suppressedRoles = ["poor"] }
        cluster.pass(.seconds(60))
        #expect(cluster.master.asked == [])
    }

    @Test("The lowest priority is asked first, then who holds most; the next when the first has too little")
    func order() {
        var cluster = self.full { cluster in
            for (framework, priority, cpus) in [(3, 0, 1), (4, -1, 1), (5, 0, 2)] as [(UInt32, Int32, Int64)] {
                cluster.master.addFramework(framework) { $0.priority = priority }
                cluster.master.addAgent(framework, Resources(milliCPU: cpus * 1000), owner: 0) {
                    $0.holdings = [
                        AgentHolding(
                            agent: framework, framework: framework, role: "*",
                            resources: Resources(milliCPU: cpus * 1000))
                    ]
                }
            }
        }
        cluster.pass(.seconds(11))
        for framework in [4, 1, 5] as [UInt32] {
            #expect(cluster.master.asked.last == framework)
            cluster.master.tell(.revocable(framework: framework, []))
            cluster.pass(.milliseconds(1))
        }
        #expect(cluster.master.asked == [4, 1, 5, 3])
    }

    @Test("Tasks on agents that the framework does not take are left alone")
    func constraints() {
        var cluster = self.full()
        cluster.master.change(2) {
            $0.constraints = [
                "poor": OfferConstraints(groups: [[AttributeConstraint(.hostname, .textEquals("other"))]])
            ]
        }
        cluster.pass(.seconds(11))
        cluster.master.tell(.revocable(framework: 1, self.tasks(["cpus:4"])))
        cluster.pass(.milliseconds(1))
        #expect(cluster.master.revocations == [])
    }

    @Test("Where the operator wants nothing taken back, nothing is")
    func never() {
        var cluster = self.full()
        cluster.master.tell(.policy(PolicyFacts(revocation: RevocationRules(wait: nil))))
        cluster.pass(.seconds(600))
        #expect(cluster.master.asked == [])
    }
}
