import Model
import PolicyFile
import Testing

@Suite("What a policy file says")
struct ReadingTests {
    static let example = """
        policy: fair            # fair, priority, lottery
        roles:
          eng:
            weight: 2
            guarantee: {cpus: 8, mem: 16GB}     # or the text form "cpus:8;mem:16384"
            limit: {cpus: 64}
          eng/backend: {weight: 3, priority: 10}
        frameworks:              # by name or id
          spark: {weight: 2, priority: 1, guarantee: {cpus: 4}, limit: {cpus: 32}}
        revocation: {wait: 10s, grace: 30s}     # wait: never  -> nil
        slots: {long: 0.5, short_time: 60s}
        minimum_offer: {cpus: 1, mem: 1024}
        task_limit: {cpus: 16, mem: 64GB}
        users:
          spark: [spark, etl]
          admin: ["*", root]
          idle: []
          "*": [nobody]
        """

    static var said: ClusterPolicy {
        var policy = ClusterPolicy()
        var (eng, backend) = (RoleFacts(role: "eng"), RoleFacts(role: "eng/backend"))
        (eng.weight, eng.guarantee, eng.limit) = (2, "cpus:8;mem:16384", "cpus:64")
        (backend.weight, backend.priority) = (3, 10)
        policy.roles = [eng, backend]
        var spark = FrameworkRule(framework: "spark")
        (spark.weight, spark.priority, spark.guarantee, spark.limit) = (2, 1, "cpus:4", "cpus:32")
        policy.frameworks = [spark]
        policy.slots = SlotRules()
        policy.minimumOffer = "cpus:1;mem:1024"
        policy.taskLimit = "cpus:16;mem:65536"
        policy.users = [
            UserRule(principal: "spark", users: ["spark", "etl"]), UserRule(principal: "admin", users: ["*", "root"]),
            UserRule(principal: "idle", users: []), UserRule(principal: "*", users: ["nobody"]),
        ]
        return policy
    }

    @Test("A file with every key says all of it, and is written back so that it says the same")
    func example() throws {
        #expect(try policy(Self.example) == Self.said)
        let text = PolicyFile.text(of: Self.said)
        #expect(
            text == """
                policy: fair
                roles:
                  eng: {weight: 2, guarantee: {cpus: 8, mem: 16GB}, limit: {cpus: 64}}
                  eng/backend: {weight: 3, priority: 10}
                frameworks:
                  spark: {weight: 2, priority: 1, guarantee: {cpus: 4}, limit: {cpus: 32}}
                slots: {long: 0.5, short_time: 1m}
                minimum_offer: {cpus: 1, mem: 1GB}
                task_limit: {cpus: 16, mem: 64GB}
                users:
                  spark: [spark, etl]
                  admin: ["*", root]
                  idle: []
                  "*": [nobody]

                """)
        #expect(try policy(text) == Self.said)
    }

    @Test(
        "A file that says nothing is the default policy",
        arguments: [
            "", "\n\n", "# nothing yet\n", "---\n", "{}", "roles:\nframeworks:\nrevocation:\n", "\u{FEFF}",
            "--- ~\n...\n",
        ])
    func empty(text: String) throws {
        #expect(try policy(text) == ClusterPolicy())
    }

    @Test("A role or a framework of which nothing is said has the defaults, and is named nevertheless")
    func bare() throws {
        let said = try policy("roles:\n  '*':\n  eng: {}\nframeworks: {}\n")
        #expect(said.roles == [RoleFacts(role: "*"), RoleFacts(role: "eng")])
    }

    @Test(
        "Amounts are exact, and units are steps of 1024",
        arguments: [
            ("{cpus: 0.001}", "cpus:0.001"), ("{cpus: 1.25, gpus: 2}", "cpus:1.25;gpus:2"),
            ("{mem: 1.5GB}", "mem:1536"), ("{mem: 16 GB, disk: 2TB}", "mem:16384;disk:2097152"),
            ("{mem: 512MB}", "mem:512"), ("{disk: 0.001TB}", "disk:1048.576"),
            ("\"cpus:8;mem:16GB\"", "cpus:8;mem:16384"),
            ("cpus:8;mem:1024", "cpus:8;mem:1024"), ("{cpus: \"3\"}", "cpus:3"), ("{}", ""), ("''", ""),
            ("{mem: 1000000000}", "mem:1000000000"),
        ])
    func amounts(text: String, meaning: String) throws {
        #expect(try policy("minimum_offer: \(text)").minimumOffer == Resources(text: meaning))
    }

    @Test(
        "Durations have units",
        arguments: [
            ("500ms", Duration.milliseconds(500)), ("10s", .seconds(10)), ("5m", .seconds(300)), ("1h", .seconds(3600)),
            ("2d", .seconds(172_800)), ("1.5h", .seconds(5400)), ("0.25ms", .microseconds(250)), ("0s", .zero),
            ("5000000001ms", .milliseconds(5_000_000_001)), ("36500d", .seconds(36_500 * 86_400)),
        ])
    func durations(text: String, meaning: Duration) throws {
        #expect(try policy("revocation: {wait: \(text), grace: \(text)}").revocation.grace == meaning)
        #expect(try policy("revocation: {wait: \(text)}").revocation.wait == meaning)
    }

    @Test("A guarantee that waits for ever takes nothing back")
    func never() throws {
        let rules = try policy("revocation: {wait: never}").revocation
        #expect(rules.wait == nil)
        #expect(rules.grace == .seconds(30))
    }

    @Test("Slots have their defaults unless they say otherwise, and there are none unless they are named")
    func slots() throws {
        #expect(try policy("policy: fair").slots == nil)
        #expect(try policy("slots: {}").slots == SlotRules())
        #expect(try policy("slots: {long: 0.125}").slots?.longThousandths == 125)
        #expect(try policy("slots: {long: 1}").slots?.longThousandths == 1000)
    }

    @Test("Names may hold what YAML gives a meaning, in quotes")
    func names() throws {
        let text =
            "frameworks:\n  'it''s *all* & {more}: #1': {}\n  \"tab\\tquote\\\"\": {}\n  R & D?: {}\n  größe: {}\n"
        #expect(
            try policy(text).frameworks.map(\.framework) == [
                "it's *all* & {more}: #1", "tab\tquote\"", "R & D?", "größe",
            ])
    }

    @Test("Lines may end as they do elsewhere")
    func lineEnds() throws {
        let text = Self.example.replacing("\n", with: "\r\n")
        #expect(try policy(text) == Self.said)
        #expect(problems("policy: fair\r\n\r\nwieght: 2\r\n").map(\.line) == [3])
        #expect(problems("policy: fair\r\rwieght: 2\r").map(\.line) == [3])
    }

    @Test("Bytes are read as UTF-8, and refused with the line that is none")
    func bytes() throws {
        #expect(try PolicyFile.read(bytes: Array(Self.example.utf8)).get() == Self.said)
        guard case .failure(let problems) = PolicyFile.read(bytes: Array("policy: fair\n# ".utf8) + [0xFF, 0x0A]) else {
            Issue.record("was read")
            return
        }
        #expect(problems.list.map(\.line) == [2])
    }
}
