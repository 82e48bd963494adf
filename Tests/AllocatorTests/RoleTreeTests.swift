import Model
import Testing

@testable import AllocatorCore

@Suite("The tree of roles and frameworks")
struct RoleTreeTests {
    @Test("Siblings compete at each node: roles, and a framework of an inner role with the roles in it")
    func nestedRoles() {
        var cluster = Cluster()
        cluster.master.setWeight(2, of: "eng")
        cluster.master.addFramework(1, roles: ["eng/web"])
        cluster.master.addFramework(2, roles: ["eng/batch"])
        cluster.master.addFramework(3, roles: ["eng"])
        cluster.master.addFramework(4, roles: ["ops"])
        for agent in 0..<12 as Range<UInt32> { cluster.master.addAgent(agent, "cpus:1;mem:100", owner: 0) }
        cluster.pass()
        // eng : ops is 2 : 1, so 8 and 4 of twelve. In eng three compete: web, batch and F3, 8 / 3 each.
        let counts = (1...4 as ClosedRange<UInt32>).map { framework in
            cluster.master.offers.filter { $0.holding.framework == framework }.count
        }
        #expect(counts[3] == 4)
        #expect(counts[0...2].sorted() == [2, 3, 3])
        #expect(cluster.master.refusals == [])
    }

    @Test("The weight of an inner role counts at its node, whatever roles are below it")
    func innerWeights() {
        var cluster = Cluster()
        cluster.master.setWeight(3, of: "a")
        cluster.master.setWeight(3, of: "a/x")
        cluster.master.addFramework(1, roles: ["a/x"])
        cluster.master.addFramework(2, roles: ["a/y"])
        cluster.master.addFramework(3, roles: ["b/x/y/z"])
        for agent in 0..<16 as Range<UInt32> { cluster.master.addAgent(agent, "cpus:1;mem:100", owner: 0) }
        cluster.pass()
        // a : b is 3 : 1, so 12 and 4 of sixteen; of the twelve a/x : a/y is 3 : 1, so 9 and 3.
        let counts = (1...3 as ClosedRange<UInt32>).map { framework in
            cluster.master.offers.filter { $0.holding.framework == framework }.count
        }
        #expect(counts == [9, 3, 4])
    }

    @Test("The order is that of sorting, whatever changes it at random", arguments: 1...20 as ClosedRange<UInt64>)
    func orderOfSorting(seed: UInt64) {
        var random = SplitMix(state: seed)
        var tree = RoleTree(FairPolicy())
        tree.setTotal("cpus:1000;mem:1000")
        var roles = [RoleTree.root]
        for _ in 0..<12 { roles.append(tree.addRole(below: roles.randomElement(using: &random)!)) }
        var clients: [UInt32] = []
        var eligible: Set<UInt32> = []
        for step in 0..<600 as Range<UInt32> {
            switch random.next() % 8 {
            case 0, 1:
                let role = roles[1...].randomElement(using: &random)!
                clients.append(tree.addClient(in: role, tie: step, kind: UInt32(random.next() % 3)))
            case 2 where !clients.isEmpty && random.next() % 4 == 0:
                let client = clients.remove(at: Int(random.next() % UInt64(clients.count)))
                eligible.remove(client)
                tree.removeClient(client)
            case 3:
                let role = roles[1...].randomElement(using: &random)!
                tree.set(weight: Double(random.next() % 3 + 1), priority: 0, of: role)
            default:
                guard let client = clients.randomElement(using: &random) else { continue }
                let amount = Resources(milliCPU: Int64(random.next() % 4) * 1000)
                switch random.next() % 6 {
                case 0:
                    let isEligible = random.next() % 4 > 0
                    tree.setEligible(client, isEligible)
                    if isEligible { eligible.insert(client) } else { eligible.remove(client) }
                case 1: tree.set(kind: UInt32(random.next() % 3), of: client)
                case 2: tree.served(client)
                case 3: tree.release(amount, by: client)
                default: tree.hold(amount, by: client)
                }
            }
            guard step % 20 == 0 else { continue }
            let order = tree.order()
            #expect(Set(order) == eligible, "seed \(seed)")
            #expect(order.count == eligible.count, "seed \(seed)")
            for (first, second) in zip(order, order.dropFirst()) {
                #expect(self.isOrdered(first, second, in: tree), "seed \(seed)")
            }
            let some = tree.order(kinds: [2, 0])
            #expect(some == order.filter { tree[$0].kind != 1 }, "seed \(seed)")
        }
    }

    /// By the ranks of where their ways down from the root part.
    private func isOrdered(_ first: UInt32, _ second: UInt32, in tree: RoleTree) -> Bool {
        let (left, right) = (self.path(first, in: tree), self.path(second, in: tree))
        guard let fork = zip(left, right).first(where: { $0 != $1 }) else { return false }
        return tree.ranks[Int(fork.0)] < tree.ranks[Int(fork.1)]
    }

    private func path(_ id: UInt32, in tree: RoleTree) -> [UInt32] {
        id == RoleTree.root ? [] : self.path(tree[id].parent, in: tree) + [id]
    }
}
