import Model
import Testing

@testable import AllocatorCore

@Suite("Offer constraints")
struct ConstraintTests {
    private let ssd = OfferConstraints(groups: [[.init(.attribute("disk"), .textEquals("ssd"))]])

    @Test("A group holds if all of it does, and one group is enough")
    func groups() {
        let rack = Attribute(name: "rack", value: .text("r1"))
        let disk = Attribute(name: "disk", value: .text("ssd"))
        let level = Attribute(name: "level", value: .scalar(3000))
        func admits(_ groups: [[AttributeConstraint]]) -> Bool {
            OfferConstraints(groups: groups).admits(attributes: [rack, disk, level], hostname: "h1")
        }
        let no = AttributeConstraint(.attribute("rack"), .textEquals("r2"))
        let yes = AttributeConstraint(.attribute("disk"), .exists)
        #expect(admits([]))
        #expect(!admits([[no]]))
        #expect(!admits([[yes, no]]))
        #expect(admits([[no], [yes]]))
        #expect(admits([[.init(.hostname, .textEquals("h1"))]]))
        #expect(!admits([[.init(.hostname, .textNotEquals("h1"))]]))
        #expect(!admits([[.init(.region, .exists)]]))
        #expect(admits([[.init(.zone, .notExists)]]))
        #expect(admits([[.init(.attribute("gone"), .textNotEquals("x"))]]))
        #expect(!admits([[.init(.attribute("gone"), .textEquals("x"))]]))
        #expect(!admits([[.init(.attribute("gone"), .textMatches("x.*"))]]))
        #expect(admits([[.init(.attribute("gone"), .textNotMatches("x.*"))]]))
        #expect(admits([[.init(.attribute("rack"), .textMatches("r[0-9]"))]]))
        #expect(!admits([[.init(.attribute("rack"), .textMatches("r"))]]), "the whole text has to match")
        #expect(!admits([[.init(.attribute("rack"), .textNotMatches("r[0-9]"))]]))
        #expect(admits([[.init(.attribute("rack"), .textNotMatches("r"))]]))
        #expect(admits([[.init(.hostname, .textMatches("h(1|2)"))]]))
        #expect(!admits([[.init(.hostname, .textNotMatches("(?i)H\\d"))]]))
        #expect(!admits([[.init(.zone, .textMatches(".*"))]]))
        #expect(admits([[.init(.zone, .textNotMatches(".*"))]]))
    }

    @Test("Numbers, ranges and sets meet all that is asked of texts, as in Mesos: the scheduler decides")
    func notText() {
        let values: [Attribute.Value] = [.scalar(3000), .ranges(IntegerRanges([1...3])), .set(["x"])]
        let predicates: [AttributeConstraint.Predicate] = [
            .textEquals("x"), .textNotEquals("x"), .textMatches("x"), .textNotMatches("x"), .textNotMatches(".*"),
        ]
        for value in values {
            for predicate in predicates {
                let constraints = OfferConstraints(groups: [[.init(.attribute("level"), predicate)]])
                #expect(constraints.admits(attributes: [.init(name: "level", value: value)], hostname: "h1"))
            }
        }
    }

    @Test("Of several attributes with one name the first is looked at, as in Mesos")
    func sameName() {
        let racks = ["r1", "r2"].map { Attribute(name: "rack", value: .text($0)) }
        func admits(_ predicate: AttributeConstraint.Predicate) -> Bool {
            OfferConstraints(groups: [[.init(.attribute("rack"), predicate)]]).admits(attributes: racks, hostname: "h1")
        }
        #expect(admits(.textEquals("r1")) && !admits(.textEquals("r2")) && admits(.textNotEquals("r2")))
        #expect(admits(.textMatches("r[1]")) && !admits(.textMatches("r[2]")) && admits(.textNotMatches("r[2]")))
    }

    @Test("A framework is offered the agents whose names its pattern describes")
    func byPattern() {
        var cluster = Cluster()
        for agent in 0..<12 as Range<UInt32> {
            cluster.master.addAgent(agent, "cpus:1", owner: 0) { $0.hostname = "host-\(agent)" }
        }
        cluster.master.addFramework(1) {
            $0.constraints = ["*": OfferConstraints(groups: [[.init(.hostname, .textMatches("host-1\\d|.*-[57]"))]])]
        }
        #expect(cluster.pass() == ["F1 <- A5", "F1 <- A7", "F1 <- A10", "F1 <- A11"])
        #expect(cluster.master.refusals == [])
    }

    @Test("A framework is offered the agents that its constraints admit, in each of its roles")
    func byRole() {
        var cluster = Cluster()
        cluster.master.addFramework(1, roles: ["a", "b"]) { $0.constraints = ["a": self.ssd] }
        cluster.master.change(1) { $0.suppressedRoles = ["b"] }
        cluster.master.addAgent(0, "cpus:1", owner: 0) { $0.attributes = ["disk": "hdd"] }
        cluster.master.addAgent(1, "cpus:1", owner: 0) { $0.attributes = ["disk": "ssd"] }
        cluster.master.addAgent(2, "cpus:1", owner: 0)
        #expect(cluster.pass() == ["F1 <- A1"])
        cluster.master.change(1) { $0.suppressedRoles = ["a"] }
        #expect(cluster.pass() == ["F1 <- A0", "F1 <- A2"])
        #expect(cluster.master.offers.map(\.holding.role) == ["a", "b", "b"])
        #expect(cluster.master.refusals == [])
    }

    @Test("Constraints that change, come and go decide at once about what is free")
    func changes() {
        var cluster = Cluster()
        for agent in 0..<4 as Range<UInt32> {
            cluster.master.addAgent(agent, "cpus:1", owner: 0) { $0.hostname = "host-\(agent)" }
        }
        func only(_ host: String) -> OfferConstraints {
            OfferConstraints(groups: [[.init(.hostname, .textEquals(host))]])
        }
        cluster.master.addFramework(1) { $0.constraints = ["*": only("host-2")] }
        #expect(cluster.pass() == ["F1 <- A2"])
        cluster.master.change(1) { $0.constraints = ["*": only("host-0")] }
        #expect(cluster.pass() == ["F1 <- A0"])
        cluster.master.removeFramework(1)
        cluster.master.addFramework(2) { $0.constraints = ["*": only("host-3")] }
        #expect(cluster.pass() == ["F2 <- A3"])
        cluster.master.change(2) { $0.constraints = [:] }
        #expect(cluster.pass() == ["F2 <- A0", "F2 <- A1", "F2 <- A2"])
    }

    @Test("Frameworks that are excluded, by constraints or by their minimum, cost no look")
    func excludedCostNothing() {
        var cluster = Cluster()
        for framework in 0..<200 as Range<UInt32> {
            cluster.master.addFramework(framework) {
                if framework % 2 == 0 {
                    $0.constraints = ["*": OfferConstraints(groups: [[.init(.attribute("none"), .exists)]])]
                } else {
                    $0.minimumOffers = ["cpus:100"]
                }
            }
        }
        // Its share is the largest from its first offer on, so it comes last.
        cluster.master.addFramework(500)
        for agent in 0..<100 as Range<UInt32> { cluster.master.addAgent(agent, "cpus:1;mem:1", owner: 0) }
        #expect(cluster.pass(.seconds(1)).count == 100)
        let counters = cluster.allocators[0].counters
        #expect(counters.looks <= counters.decisions + 100)
    }
}
