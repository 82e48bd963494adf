import Model
import PolicyFile
import Testing

@Suite("What is written of a policy")
struct WritingTests {
    @Test("The default policy is a line")
    func empty() throws {
        #expect(PolicyFile.text(of: ClusterPolicy()) == "policy: fair\n")
    }

    @Test("A bound that names nothing stays one, and a wait without end stays without")
    func edges() throws {
        var said = ClusterPolicy()
        said.taskLimit = .init()
        said.revocation.wait = nil
        said.revocation.grace = .microseconds(1)
        #expect(
            PolicyFile.text(of: said) == "policy: fair\nrevocation: {wait: never, grace: 0.001ms}\ntask_limit: {}\n")
        #expect(try policy(PolicyFile.text(of: said)) == said)
    }

    @Test("Any policy reads back as it was written", arguments: 0..<200 as Range<UInt64>)
    func roundTrip(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let said = Self.anyPolicy(&random)
        let text = PolicyFile.text(of: said)
        #expect(try policy(text) == said, "\(text)")
    }

    /// Any policy that has no problems.
    static func anyPolicy(_ random: inout SeededGenerator) -> ClusterPolicy {
        var policy = ClusterPolicy()
        policy.sharing = SharingPolicy.allCases.randomElement(using: &random) ?? .fair
        var names: Set<String> = []
        for _ in 0..<Int.random(in: 0...6, using: &random) {
            let words = (0..<Int.random(in: 1...3, using: &random)).map { _ in Self.word(&random, spaces: false) }
            let name = Bool.random(using: &random) ? words.joined(separator: "/") : "*"
            guard RoleName.problem(with: name) == nil, names.insert(name).inserted else { continue }
            var role = RoleFacts(role: name)
            (role.weight, role.priority) = (Self.weight(&random), Self.priority(&random))
            // Of guarantees and bounds one only: together they could contradict each other, here or in the tree.
            if policy.sharing != .fair {
                role.guarantee = Self.resources(&random)
            } else {
                role.limit = Self.bound(&random)
            }
            policy.roles.append(role)
        }
        names = []
        for _ in 0..<Int.random(in: 0...6, using: &random) {
            let name = Self.word(&random, spaces: true)
            guard names.insert(name).inserted else { continue }
            var rule = FrameworkRule(framework: name)
            (rule.weight, rule.priority) = (Self.weight(&random), Self.priority(&random))
            rule.guarantee = Self.resources(&random)
            if rule.guarantee.isEmpty { rule.limit = Self.bound(&random) }
            policy.frameworks.append(rule)
        }
        policy.revocation.wait = Bool.random(using: &random) ? nil : Self.duration(&random)
        policy.revocation.grace = Self.duration(&random)
        if Bool.random(using: &random) {
            var slots = SlotRules()
            slots.longThousandths = Int64.random(in: 0...1000, using: &random)
            slots.shortTime = Self.duration(&random) + .microseconds(1)
            policy.slots = slots
        }
        policy.minimumOffer = Self.resources(&random)
        policy.taskLimit = Self.bound(&random)
        names = []
        for _ in 0..<Int.random(in: 0...3, using: &random) {
            let principal = Self.word(&random, spaces: true)
            guard names.insert(principal).inserted else { continue }
            let users = Set((0..<Int.random(in: 0...3, using: &random)).map { _ in Self.word(&random, spaces: true) })
            policy.users.append(UserRule(principal: principal, users: users.sorted()))
        }
        return policy
    }

    private static func word(_ random: inout SeededGenerator, spaces: Bool) -> String {
        let usual = Array("abcXYZ019_.".unicodeScalars)
        let strange = Array(
            "-~*&!|>'\"#%@`{}[],:?\\=+é😀\u{AD}\u{E000}\u{FFFE}\u{10FFFF}".unicodeScalars
                + (spaces ? Array(" \t\n\r\0\u{7F}\u{85}\u{2028}/".unicodeScalars) : []))
        let isUsual = Bool.random(using: &random)
        var word = ""
        for _ in 0..<Int.random(in: 1...8, using: &random) {
            let from = isUsual || Bool.random(using: &random) ? usual : strange
            word.unicodeScalars.append(from.randomElement(using: &random) ?? "a")
        }
        return word
    }

    private static func weight(_ random: inout SeededGenerator) -> Double {
        switch Int.random(in: 0..<4, using: &random) {
        case 0: 1
        case 1: Double(Int.random(in: 1...1000, using: &random))
        case 2: Double.random(in: 0..<10, using: &random).nextUp
        default: Double(sign: .plus, exponent: Int.random(in: -300...300, using: &random), significand: 1.7)
        }
    }

    private static func priority(_ random: inout SeededGenerator) -> Int32 {
        Bool.random(using: &random) ? 0 : Int32.random(in: .min ... .max, using: &random)
    }

    private static func amount(_ random: inout SeededGenerator) -> Int64 {
        switch Int.random(in: 0..<4, using: &random) {
        case 0: 0
        case 1: Int64.random(in: 1...64, using: &random) * 1000
        case 2: Int64.random(in: 1...64, using: &random) * 1000 * 1024
        default: Int64.random(in: 1...1_000_000_000_000, using: &random)
        }
    }

    private static func resources(_ random: inout SeededGenerator) -> Resources {
        guard Bool.random(using: &random) else { return .init() }
        return Resources(
            milliCPU: Self.amount(&random), milliMB: Self.amount(&random), milliMBDisk: Self.amount(&random),
            milliGPU: Self.amount(&random))
    }

    private static func bound(_ random: inout SeededGenerator) -> Resources? {
        Bool.random(using: &random) ? Self.resources(&random) : nil
    }

    private static func duration(_ random: inout SeededGenerator) -> Duration {
        switch Int.random(in: 0..<3, using: &random) {
        case 0: .seconds(Int64.random(in: 0...100_000, using: &random))
        case 1: .milliseconds(Int64.random(in: 0...100_000_000_000, using: &random))
        default: .microseconds(Int64.random(in: 0...3_000_000_000_000_000, using: &random))
        }
    }
}
