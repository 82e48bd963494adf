import Model
import Testing

@testable import MasterCore

/// Refusals, to the millisecond: against a list of all that was ever refused, and through a whole master.
@Suite("Refusals")
struct FilterTests {
    /// What may happen to a table of refusals.
    private enum Step: CustomStringConvertible {
        case refuse(agent: UInt32, role: String, cpus: Int64, Duration)
        case wait(Duration)
        case revive([String])
        case forget(agent: UInt32)

        var description: String {
            switch self {
            case .refuse(let agent, let role, let cpus, let time): "refuse \(cpus) of A\(agent) in \(role) for \(time)"
            case .wait(let time): "wait \(time)"
            case .revive(let roles): "revive \(roles)"
            case .forget(let agent): "forget A\(agent)"
            }
        }
    }

    private struct Refusal {
        var agent: UInt32
        var role: String
        var cpus: Int64
        var until: Instant
    }

    private static let start = Instant(nanoseconds: 1_700_000_000_000_000_000)

    /// What the table says otherwise than the list of all refusals, at every edge; nil: nothing.
    private static func difference(_ steps: [Step]) -> String? {
        var table = FilterTable()
        var list: [Refusal] = []
        var now = Self.start
        for step in steps {
            switch step {
            case .refuse(let agent, let role, let cpus, let time):
                let filter = FilterTable.Filter(role: role, resources: Resources(milliCPU: cpus), until: now + time)
                guard table.insert(filter, agent: agent, at: now, limit: 1000) else { return "\(step): no room" }
                list.append(Refusal(agent: agent, role: role, cpus: cpus, until: now + time))
            case .wait(let time): now = now + time
            case .revive(let roles):
                table.removeAll(roles: roles)
                list.removeAll { roles.isEmpty || roles.contains($0.role) }
            case .forget(let agent):
                table.remove(agent: agent)
                list.removeAll { $0.agent == agent }
            }
            let edges = list.map(\.until).filter { $0 > now }.flatMap { [$0 + .milliseconds(-1), $0] }
            for instant in [now] + edges where instant >= now {
                for agent in 0..<2 as Range<UInt32> {
                    for (role, cpus) in ["a", "b"].flatMap({ role in (1...3).map { (role, Int64($0)) } }) {
                        let wanted = list.contains {
                            $0.agent == agent && $0.role == role && $0.cpus >= cpus && $0.until > instant
                        }
                        let said = table.blocks(Resources(milliCPU: cpus), of: agent, role: role, at: instant)
                        if said != wanted {
                            return "\(step): \(cpus) of A\(agent) in \(role), \(instant - now) later: \(said)"
                        }
                    }
                }
            }
            if table.live(at: now).count > list.count { return "\(step): more is kept than was refused" }
        }
        return nil
    }

    private static func steps(_ random: inout SeededGenerator) -> [Step] {
        (0..<Int.random(in: 1...7, using: &random)).map { _ in
            let times: [Duration] = [
                .milliseconds(1), .milliseconds(999), .seconds(1), .seconds(5), .seconds(31_536_000),
            ]
            let time = times.randomElement(using: &random)!
            let agent = UInt32.random(in: 0...1, using: &random)
            switch Int.random(in: 0..<10, using: &random) {
            case 0: return .revive([["a"], ["b"], []].randomElement(using: &random)!)
            case 1: return .forget(agent: agent)
            case 2, 3: return .wait(time == .seconds(31_536_000) ? .seconds(4) : time)
            default:
                let role = Bool.random(using: &random) ? "a" : "b"
                return .refuse(agent: agent, role: role, cpus: .random(in: 1...3, using: &random), time)
            }
        }
    }

    @Test("A refusal excludes what it holds until its time is over, to the millisecond, in 5,000 random histories")
    func exact() {
        var random = SeededGenerator(seed: 23)
        for _ in 0..<5000 {
            var steps = Self.steps(&random)
            guard Self.difference(steps) != nil else { continue }
            // The smallest history that still shows it.
            var index = 0
            while index < steps.count {
                var fewer = steps
                fewer.remove(at: index)
                if Self.difference(fewer) != nil { (steps, index) = (fewer, 0) } else { index += 1 }
            }
            Issue.record("\(steps): \(Self.difference(steps) ?? "")")
            return
        }
    }

    @Test(
        "What a scheduler asks for holds in the master until then, whatever allocator comes: 5 s by default, none for 0",
        arguments: [
            (nil, 5), (0, 0), (0.001, 0.001), (1.5, 1.5), (1000, 1000), (1e300, 31_536_000), (.infinity, 31_536_000),
            // Mesos takes the default for what is no duration.
            (-1, 5), (-.infinity, 5), (.nan, 5),
        ] as [(Double?, Double)])
    func throughTheMaster(asked: Double?, lasting: Double) {
        let small = Small { $0.offerTimeout = nil }
        _ = small.call(.decline([small.offer("cpus:2")], OfferFilters(foreignSeconds: asked)))
        let time = Duration.milliseconds(Int64(lasting * 1000))
        if time > .seconds(2000) {
            let holding = AgentHolding(agent: 0, framework: 0, role: "*", resources: "cpus:2")
            return #expect(
                small.stage.messages(toAllocator: small.allocator).first == .filter(holding, remaining: time))
        }
        func isOffered(_ allocator: PeerID) -> Bool {
            let offer = small.stage.propose(allocator, small.agent, "cpus:2", for: small.framework)
            return offer != nil
        }
        guard time > .zero else { return #expect(isOffered(small.allocator)) }
        if time > .milliseconds(1) { small.stage.wait(time - .milliseconds(2)) } else { small.stage.wait(.zero) }
        #expect(!isOffered(small.allocator))
        // Another allocator takes over, and is told for how long the refusal still holds.
        small.stage.step(.peerDisconnected(small.allocator))
        let second = small.stage.allocator("a2")
        let left = small.stage.messages(toAllocator: second).compactMap { message -> Duration? in
            if case .filter(_, let remaining) = message { remaining } else { nil }
        }
        #expect(left == [min(time, .milliseconds(2))])
        if time > .milliseconds(1) { small.stage.wait(.milliseconds(1)) }
        #expect(!isOffered(second), "a millisecond earlier")
        small.stage.wait(.milliseconds(1))
        #expect(isOffered(second), "at that time")
    }

    @Test("REVIVE ends a refusal at once, in the roles it names; SUPPRESS does not end it")
    func reviveInBetween() {
        let stage = Stage()
        let (relay, allocator) = (stage.relay(), stage.allocator())
        let agent = stage.attach("h1", via: relay)!
        let (peer, id) = stage.scheduler { $0.roles = ["a", "b"] }
        func offer(_ role: String) -> Offer? { stage.propose(allocator, agent, "cpus:1", for: id, role: role) }
        for role in ["a", "b"] {
            stage.call(peer, id, .decline([offer(role)!.id], OfferFilters(refuse: .seconds(1000))))
            #expect(offer(role) == nil)
        }
        stage.call(peer, id, .suppress(roles: ["a"]))
        stage.call(peer, id, .revive(roles: ["b"]))
        #expect(offer("a") == nil && offer("b") != nil)
        stage.call(peer, id, .revive(roles: []))
        #expect(offer("a") != nil)
    }

    @Test("Refusals take bounded memory: what has run out makes room, and one too many lasts no time")
    func bounded() {
        var table = FilterTable()
        func insert(_ agent: UInt32, _ cpus: Int64, until: Duration, at now: Duration = .zero) -> Bool {
            let filter = FilterTable.Filter(
                role: "a", resources: Resources(milliCPU: cpus), until: Self.start + until)
            return table.insert(filter, agent: agent, at: Self.start + now, limit: 100)
        }
        for agent in 0..<100 as Range<UInt32> { #expect(insert(agent, 1, until: .seconds(5))) }
        #expect(!insert(100, 1, until: .seconds(5)) && table.count == 100)
        #expect(insert(100, 1, until: .seconds(9), at: .seconds(5)) && table.count == 1)
        // Of one agent in one role the eight that end last.
        for cpus in 1...20 as ClosedRange<Int64> {
            #expect(insert(7, cpus, until: .seconds(30 - cpus), at: .seconds(5)))
        }
        #expect(table.count == 1 + FilterTable.perAgent)
        #expect(table.live(at: Self.start + .seconds(5)).count == 1 + FilterTable.perAgent)
    }
}
