import AllocatorCore
import Model
import Testing

/// One thing that happens to a cluster; numbers stand for whoever is there of that number.
private enum Step: Hashable {
    case addAgent(UInt32, cpus: Int64, mem: Int64)
    case removeAgent(UInt32)
    case addFramework(UInt32, role: Int, weight: Double)
    case removeFramework(UInt32)
    case suppress(UInt32, Bool)
    case request(UInt32, cpus: Int64)
    case rules(role: Int, guarantee: Resources, limit: Resources?)
    /// The so-manieth offer is used, wholly or by half, or declined.
    case use(Int)
    case useHalf(Int)
    case decline(Int, Duration)
    case endTask(Int)
    case pass(Duration)
}

/// A history of a cluster, made from a seed or cut down from another one.
private struct History {
    static let roles = ["a", "a/x", "b", "*"]
    var policy: SharingPolicy
    var steps: [Step] = []
    /// So many steps are taken before the allocator's next turn.
    var stepsPerTurn = 1

    init(seed: UInt64) {
        var random = SplitMix(state: seed)
        func pick(_ bound: UInt64) -> UInt64 { random.next() % bound }
        self.policy = SharingPolicy.allCases[Int(pick(3))]
        self.stepsPerTurn = seed % 2 == 0 ? 1 : 3
        // A third of all histories has no rules, a third one guarantee, a third several and limits.
        let rules = seed % 3
        for _ in 0..<50 {
            let agent = UInt32(pick(6))
            let framework = UInt32(pick(5))
            let offer = Int(pick(10))
            switch pick(20) {
            case 0, 1, 2:
                self.steps.append(
                    .addAgent(agent, cpus: Int64(pick(8) + 1) * 500, mem: Int64(pick(8) + 1) * 1000))
            case 3: self.steps.append(.removeAgent(agent))
            case 4, 5, 6:
                self.steps.append(.addFramework(framework, role: Int(pick(4)), weight: Double(pick(3) + 1)))
            case 7: self.steps.append(.removeFramework(framework))
            case 8: self.steps.append(.suppress(framework, pick(2) == 0))
            case 9: self.steps.append(.request(framework, cpus: Int64(pick(6) + 1) * 500))
            case 10 where rules > 0:
                let limit = rules == 2 && pick(2) == 0 ? Resources(milliCPU: Int64(pick(8) + 1) * 400) : nil
                let guarantee = Resources(milliCPU: Int64(pick(6)) * 300, milliMB: Int64(pick(4)) * 700)
                self.steps.append(.rules(role: rules == 1 ? 2 : Int(pick(4)), guarantee: guarantee, limit: limit))
            case 11, 12: self.steps.append(.use(offer))
            case 13, 14: self.steps.append(.useHalf(offer))
            case 15: self.steps.append(.decline(offer, .nanoseconds(Int64(pick(3_000_000_000)))))
            case 16: self.steps.append(.decline(offer, .zero))
            case 17, 18: self.steps.append(.endTask(offer))
            default: self.steps.append(.pass(.milliseconds(Int64(pick(2000)))))
            }
        }
    }

    /// What goes wrong in it; nil if nothing does.
    func failure() -> String? {
        var problems: [String] = []
        var cluster = Cluster {
            $0.policy = self.policy
            $0.batchWindow = .zero
        }
        let problem = Box()
        cluster.onProposal = { master, allocation in
            if let found = Self.problem(with: allocation.holding, in: master) { problem.found.append(found) }
        }
        for (index, step) in self.steps.enumerated() {
            Self.take(step, in: &cluster)
            if (index + 1) % self.stepsPerTurn != 0 { continue }
            cluster.pass(.milliseconds(1))
            problems += problem.found + cluster.master.refusals.map { "the master refused: \($0)" }
            problems += Self.problems(in: cluster.master)
            if let first = problems.first { return "after \(step): \(first)" }
        }
        return nil
    }

    private final class Box { var found: [String] = [] }

    /// The shortest history that fails, of those that come of leaving out steps.
    func shrunk() -> History {
        var least = self
        var size = max(1, self.steps.count / 2)
        while size > 0 {
            var start = 0
            while start < least.steps.count {
                var shorter = least
                shorter.steps.removeSubrange(start..<min(start + size, least.steps.count))
                if shorter.failure() != nil { least = shorter } else { start += size }
            }
            size /= 2
        }
        return least
    }

    private static func take(_ step: Step, in cluster: inout Cluster) {
        let offers = cluster.master.offers
        func offer(_ number: Int) -> TinyMaster.Offer? { offers.isEmpty ? nil : offers[number % offers.count] }
        switch step {
        case .addAgent(let agent, let cpus, let mem):
            guard cluster.master.agents[agent] == nil else { return }
            cluster.master.addAgent(agent, Resources(milliCPU: cpus, milliMB: mem), owner: 0)
        case .removeAgent(let agent):
            if cluster.master.agents[agent] != nil { cluster.master.removeAgent(agent) }
        case .addFramework(let framework, let role, let weight):
            guard cluster.master.frameworks[framework] == nil else { return }
            cluster.master.addFramework(framework, roles: [Self.roles[role]]) { $0.weight = weight }
        case .removeFramework(let framework):
            if cluster.master.frameworks[framework] != nil { cluster.master.removeFramework(framework) }
        case .suppress(let framework, let isSuppressed):
            guard cluster.master.frameworks[framework] != nil else { return }
            cluster.master.change(framework) { $0.suppressedRoles = isSuppressed ? $0.roles : [] }
        case .request(let framework, let cpus):
            cluster.master.tell(.request(framework: framework, Resources(milliCPU: cpus), nil))
        case .rules(let role, let guarantee, let limit):
            cluster.master.changeRole(Self.roles[role]) {
                $0.guarantee = guarantee
                $0.limit = limit
            }
        case .use(let number):
            if let offer = offer(number) { cluster.master.use(offer) }
        case .useHalf(let number):
            guard let offer = offer(number) else { return }
            let all = offer.holding.resources
            cluster.master.use(offer, Resources(milliCPU: all.cpus / 2, milliMB: all.mem / 2))
        case .decline(let number, let duration):
            if let offer = offer(number) { cluster.master.decline(offer, for: duration) }
        case .endTask(let number):
            let offered = offers.map(\.holding)
            let tasks = cluster.master.agents.keys.sorted()
                .flatMap { cluster.master.agents[$0]!.holdings }.filter { !offered.contains($0) }
            if !tasks.isEmpty { cluster.master.free(tasks[number % tasks.count]) }
        case .pass(let duration): cluster.pass(duration)
        }
    }

    // MARK: What must hold

    private static func held(_ role: String, in master: TinyMaster) -> Resources {
        master.agents.values.flatMap(\.holdings).filter { $0.role == role || $0.role.hasPrefix(role + "/") }
            .reduce(Resources()) { $0 + $1.resources }
    }

    private static func deficit(_ role: String, in master: TinyMaster) -> Resources {
        (master.roles[role]?.guarantee ?? .init()) - self.held(role, in: master)
    }

    private static func unmet(in master: TinyMaster) -> Resources {
        let (a, inner) = (self.deficit("a", in: master), self.deficit("a/x", in: master))
        return a + (inner - a) + self.deficit("b", in: master) + self.deficit("*", in: master)
    }

    /// What is wrong with a proposal by the books of the moment.
    private static func problem(with holding: AgentHolding, in master: TinyMaster) -> String? {
        guard let agent = master.agents[holding.agent], agent.free.contains(holding.resources) else {
            return "\(holding) is more than is free"
        }
        var after = master
        after.agents[holding.agent]!.holdings.append(holding)
        for role in Self.roles {
            guard let limit = master.roles[role]?.limit, holding.role == role || holding.role.hasPrefix(role + "/")
            else { continue }
            let held = self.held(role, in: after)
            if limit.cpus > 0, held.cpus > limit.cpus { return "\(role) is above its limit by \(holding)" }
        }
        // Of what is not for a guarantee, as much as is unmet stays; and nothing is made worse that is short already.
        let (free, unmet) = (master.agents.values.reduce(Resources()) { $0 + $1.free }, self.unmet(in: master))
        let (freeAfter, unmetAfter) = (free - holding.resources, self.unmet(in: after))
        let shortage = unmetAfter - freeAfter
        if !(shortage - (unmet - free)).isEmpty { return "\(holding) takes what is held back: \(unmetAfter) is unmet" }
        return nil
    }

    /// What is wrong with how things lie when nothing more happens.
    private static func problems(in master: TinyMaster) -> [String] {
        let ruled = master.roles.values.filter { !$0.guarantee.isEmpty || $0.limit != nil }
        if ruled.isEmpty {
            return master.agents.keys.sorted().filter { master.isWanted($0) }.map { "A\($0) is free and wanted" }
        }
        guard ruled.count == 1, ruled[0].limit == nil else { return [] }
        let (role, deficit) = (ruled[0].role, self.deficit(ruled[0].role, in: master))
        return master.agents.keys.sorted().filter { index in
            let free = master.agents[index]!.free
            guard free.cpus > 0 && deficit.cpus > 0 || free.mem > 0 && deficit.mem > 0 else { return false }
            return master.frameworks.values.contains { framework in
                let holding = AgentHolding(
                    agent: index, framework: framework.facts.index, role: role, resources: free)
                return framework.facts.roles == [role] && framework.facts.suppressedRoles.isEmpty
                    && !master.blocks(holding)
            }
        }.map { "A\($0) is free, and \(role) lacks \(deficit)" }
    }
}

@Suite("Generated histories")
struct HistoryTests {
    @Test(
        "No history proposes more than is free, beyond a limit or out of what is held back; no guarantee and nobody who wants something waits",
        arguments: 0..<20 as Range<UInt64>)
    func histories(block: UInt64) {
        for seed in block * 100..<(block + 1) * 100 {
            let history = History(seed: seed)
            guard history.failure() != nil else { continue }
            let shrunk = history.shrunk()
            Issue.record("seed \(seed): \(shrunk.failure() ?? "") in \(shrunk.policy) \(shrunk.steps)")
            return
        }
    }

    @Test("Refusals end to the nanosecond, whatever else is refused", arguments: 0..<50 as Range<UInt64>)
    func exactRefusals(seed: UInt64) {
        var random = SplitMix(state: seed)
        var cluster = Cluster { $0.batchWindow = .zero }
        cluster.master.addFramework(1)
        for agent in 0..<20 as Range<UInt32> { cluster.master.addAgent(agent, "cpus:1;mem:1", owner: 0) }
        cluster.pass()
        var ends: [(Instant, String)] = []
        for offer in cluster.master.offers {
            let refuse = Duration.nanoseconds(Int64(random.next() % 1_000_000_000 + 1))
            ends.append((cluster.master.now + refuse, "F1 <- A\(offer.holding.agent)"))
            cluster.master.decline(offer, for: refuse)
        }
        ends.sort { $0.0 < $1.0 }
        for (end, offer) in ends {
            let left = end - cluster.master.now
            if left > .nanoseconds(1) { #expect(cluster.pass(left - .nanoseconds(1)) == []) }
            #expect(cluster.pass(.nanoseconds(1)) == [offer])
        }
    }

    @Test(
        "Shares become those of weighted max-min fairness, within a task of each",
        arguments: 0..<30 as Range<UInt64>)
    func maxMin(seed: UInt64) {
        var random = SplitMix(state: seed)
        let total = Resources(milliCPU: 100_000, milliMB: 100_000)
        var cluster = Cluster { $0.batchWindow = .zero }
        var demands: [Demand] = []
        for number in 0..<UInt32(random.next() % 4 + 2) {
            let task = Resources(
                milliCPU: Int64(random.next() % 8 + 1) * 250, milliMB: Int64(random.next() % 8 + 1) * 250)
            let weight = Double(random.next() % 3 + 1)
            demands.append(Demand(task: task, weight: weight, total: total))
            cluster.master.setWeight(weight, of: "role-\(number)")
            cluster.master.addFramework(number, roles: ["role-\(number)"])
        }
        cluster.master.addAgent(0, total, owner: 0)
        var tasks = [Int64](repeating: 0, count: demands.count)
        while !cluster.pass(.milliseconds(1)).isEmpty {
            let offer = cluster.master.offers[0]
            let number = Int(offer.holding.framework)
            if offer.holding.resources.contains(demands[number].task) {
                tasks[number] += 1
                // Its books are one row, however many tasks: what was used joins what it holds.
                cluster.master.use(offer, demands[number].task)
            } else {
                cluster.master.decline(offer, for: .seconds(1_000_000))
            }
        }
        let optimum = Demand.progressiveFilling(demands)
        let coarsest = demands.map { $0.share / $0.weight }.max()!
        for (number, demand) in demands.enumerated() {
            let level = Double(tasks[number]) * demand.share / demand.weight
            #expect(
                abs(level - optimum[number]) <= demand.share / demand.weight + coarsest,
                "seed \(seed): \(number) has \(level), not \(optimum[number])")
        }
    }
}

/// A framework that runs any number of equal tasks.
private struct Demand {
    /// What one task takes of CPUs and memory, as parts of the cluster.
    let parts: [Double]
    let task: Resources
    let weight: Double

    init(task: Resources, weight: Double, total: Resources) {
        self.task = task
        self.weight = weight
        self.parts = [Double(task.cpus) / Double(total.cpus), Double(task.mem) / Double(total.mem)]
    }

    /// The dominant share of one task.
    var share: Double { self.parts.max()! }

    /// Weighted max-min fairness by its definition: all grow alike by weight, until a resource that they need is used up.
    ///
    /// Gives the dominant share by weight of each.
    static func progressiveFilling(_ demands: [Demand]) -> [Double] {
        var levels = [Double](repeating: 0, count: demands.count)
        var growing = Set(demands.indices)
        var free = [1.0, 1.0]
        while !growing.isEmpty {
            // While the level of those that grow rises by one they use so much of each resource.
            let rates = free.indices.map { resource in
                growing.reduce(0) { sum, index in
                    sum + demands[index].parts[resource] / demands[index].share * demands[index].weight
                }
            }
            let rise = free.indices.map { free[$0] / rates[$0] }.min()!
            for index in growing { levels[index] += rise }
            for resource in free.indices { free[resource] -= rise * rates[resource] }
            // Every task takes some of both.
            if free.contains(where: { $0 < 1e-12 }) { growing = [] }
        }
        return levels
    }
}
