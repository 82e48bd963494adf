internal import Model
internal import Yams

/// Makes a policy of a text that `Screen` let pass, and notes everything that is wrong with it.
///
/// What is wrong is left out of the policy, so that the checks of the whole still say something about the rest.
struct PolicyReader {
    /// What was found, in the order found.
    private(set) var problems: [PolicyFile.Problem] = []
    /// Keys whose first letter was changed so that the parser takes a text in which they come twice, by where they are.
    private var renamed: [Place: String] = [:]
    /// Where roles and frameworks are described, and the sections.
    private var places: [Subject: Place] = [:]

    /// How often a text is parsed again because a key comes twice in it.
    private static let attempts = 16

    private struct Place: Hashable {
        var line: Int
        var column: Int
    }

    private enum Subject: Hashable {
        case section(String)
        case role(String)
        case framework(String)
    }

    /// A key, where it is, and its value.
    private struct Entry {
        var key: String
        var place: Place
        var value: Node
    }

    /// The policy; meaningful only if there are no problems afterwards.
    mutating func read(_ text: SourceText) -> ClusterPolicy {
        var policy = ClusterPolicy()
        guard let root = self.parse(text), !Self.isNothing(root) else { return policy }
        let sections = [
            "policy", "roles", "frameworks", "revocation", "slots", "minimum_offer", "task_limit", "users",
        ]
        let top = Place(line: 1, column: 1)
        for entry in self.entries(of: root, at: top, "the file", known: sections, example: "policy: fair") {
            self.places[.section(entry.key)] = entry.place
            switch entry.key {
            case "policy": policy.sharing = self.sharing(entry) ?? policy.sharing
            case "roles": policy.roles = self.roles(entry)
            case "frameworks": policy.frameworks = self.frameworks(entry)
            case "revocation": policy.revocation = self.revocation(entry)
            case "slots": policy.slots = self.slots(entry)
            case "minimum_offer": policy.minimumOffer = self.resources(entry, isBound: false) ?? .init()
            case "task_limit": policy.taskLimit = self.resources(entry, isBound: true)
            case "users": policy.users = self.users(entry)
            default: break  // Noted by `entries`.
            }
        }
        self.checkWhole(policy)
        return policy
    }

    private mutating func complain(_ place: Place, _ cause: String) {
        self.problems.append(PolicyFile.Problem(line: place.line, column: place.column, cause: cause))
    }

    // MARK: - From text to nodes

    /// The root of the text; nil if there is none, or if it is no YAML, which is noted.
    ///
    /// The parser stops at a key that comes twice. To find all of them, and all else, the first of the two gets another
    /// first letter here, and its name back when it is read.
    private mutating func parse(_ source: SourceText) -> Node? {
        var source = source
        for attempt in 0..<Self.attempts {
            do {
                return try Yams.Parser(yaml: source.text, resolver: .basic, constructor: .default, encoding: .utf8)
                    .singleRoot()
            } catch YamlError.duplicatedKeysInMapping(let names, let context) {
                let place = Place(line: context.mark.line, column: context.mark.column)
                let name = names.first ?? ""
                let mark = Unicode.Scalar(0xE000 + UInt32(attempt))
                guard attempt < Self.attempts - 1, let mark, Self.rename(name, at: place, to: mark, in: &source) else {
                    self.complain(place, "the key \(name.quoted) comes twice in its map: keep one")
                    return nil
                }
                self.renamed[place] = name
            } catch let error as YamlError {
                self.problems.append(Self.problem(error, lines: source.lineCount))
                return nil
            } catch {
                self.complain(Place(line: 1, column: 1), "the file is no YAML: \(error)")
                return nil
            }
        }
        return nil
    }

    /// Gives a key another first letter; false if it is no text.
    private static func rename(
        _ name: String, at place: Place, to mark: Unicode.Scalar, in source: inout SourceText
    ) -> Bool {
        guard let start = source.index(line: place.line, column: place.column) else { return false }
        let first = source.scalars[start]
        guard first != "[", first != "{" else { return false }
        let index = first == "'" || first == "\"" ? start + 1 : start
        if name.isEmpty {
            source.insert(mark, at: index)
        } else if first == "'", source.scalars[index] == "'" {
            // Two quotes, which stand for one.
            source.replace(at: index, with: mark)
            source.replace(at: index + 1, with: mark)
        } else {
            source.replace(at: index, with: mark)
        }
        return true
    }

    /// What the parser says, and what to do about it.
    private static func problem(_ error: YamlError, lines: Int) -> PolicyFile.Problem {
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            var cause = "this is no YAML: " + problem
            if let context, context.mark.line > 0, context.mark.line < min(mark.line, lines) {
                cause += ", \(context.text) that begins on line \(context.mark.line)"
            }
            switch problem {
            case _ where problem.contains("another document"):
                cause = "a second document begins: keep the policy in one, without '---' in the middle"
            case _ where problem.contains("mapping values are not allowed"):
                cause += ": write one 'key: value' a line, and text with a colon in quotes"
            case _ where problem.contains("expected ',' or"):
                cause += ": put a comma between entries and close every bracket"
            case _ where problem.contains("could not find expected ':'"): cause += ": write 'key: value'"
            case _ where problem.contains("cannot start any token"): cause += ": put the text in quotes"
            case _ where problem.contains("escape"): cause += ": use single quotes, or write '\\\\' for a backslash"
            default: cause += ": indent the keys of a map alike, by spaces, and close quotes and brackets"
            }
            // The end of the text counts as a line of its own.
            guard mark.line <= lines else { return PolicyFile.Problem(line: lines, cause: cause) }
            return PolicyFile.Problem(line: mark.line, column: mark.column, cause: cause)
        default: return PolicyFile.Problem(line: 1, cause: "the file is no YAML: \(error)")
        }
    }

    // MARK: - Maps and texts

    /// Whether a value was left out.
    private static func isNothing(_ node: Node) -> Bool {
        guard case .scalar(let scalar) = node, scalar.style == .plain || scalar.style == .any else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(scalar.string)
    }

    private static func place(of node: Node, else place: Place) -> Place {
        node.mark.map { Place(line: $0.line, column: $0.column) } ?? place
    }

    /// The entries of a map, each key once; all else is noted.
    ///
    /// `known`: the keys that mean something; nil: every key does.
    private mutating func entries(
        of node: Node, at place: Place, _ what: String, known: [String]?, example: String
    ) -> [Entry] {
        guard case .mapping(let mapping) = node else {
            let kind = if case .sequence = node { "a list" } else { "a text" }
            self.complain(
                kind == "a list" ? Self.place(of: node, else: place) : place,
                "\(what) is \(kind): write a map, such as '\(example)'")
            return []
        }
        var entries: [Entry] = []
        var seen: [String: Int] = [:]
        for (key, value) in mapping {
            let place = Self.place(of: key, else: place)
            guard case .scalar(let scalar) = key else {
                self.complain(place, "a key of \(what) is no text: write a name, as in '\(example)'")
                continue
            }
            let name = self.renamed[place] ?? scalar.string
            if let first = seen[name] {
                self.complain(
                    place, "the key \(name.quoted) comes twice in \(what), first on line \(first): keep one")
                continue
            }
            seen[name] = place.line
            if let known, !known.contains(name) {
                let nearest = Nearest.name(to: name, among: known)
                self.complain(
                    place,
                    "\(what) has no key \(name.quoted): did you mean '\(nearest)'? Known are \(known.joined(separator: ", "))"
                )
                continue
            }
            entries.append(Entry(key: name, place: place, value: value))
        }
        return entries
    }

    /// The text of a value, and where it is; nil if it is none, which is noted.
    private mutating func text(_ entry: Entry, example: String) -> (text: String, place: Place)? {
        guard case .scalar(let scalar) = entry.value else {
            let kind = if case .sequence = entry.value { "a list" } else { "a map" }
            self.complain(
                Self.place(of: entry.value, else: entry.place), "\(entry.key) is \(kind): write \(example)")
            return nil
        }
        guard !Self.isNothing(entry.value) else {
            self.complain(entry.place, "\(entry.key) has no value: write \(example), or remove the key")
            return nil
        }
        return (scalar.string, Self.place(of: entry.value, else: entry.place))
    }

    /// A value made of a text; nil if it cannot be, which is noted.
    private mutating func value<Value>(
        _ entry: Entry, example: String, _ make: (String) throws(WrongValue) -> Value
    ) -> Value? {
        guard let (text, place) = self.text(entry, example: example) else { return nil }
        do throws(WrongValue) {
            return try make(text)
        } catch {
            self.complain(place, error.cause)
            return nil
        }
    }

    // MARK: - The sections

    private mutating func sharing(_ entry: Entry) -> SharingPolicy? {
        let names = SharingPolicy.allCases.map(\.rawValue)
        let example = names.dropLast().joined(separator: ", ") + " or " + (names.last ?? "")
        return self.value(entry, example: example) { text throws(WrongValue) in
            if let sharing = SharingPolicy(rawValue: text) { return sharing }
            throw WrongValue(
                "there is no policy \(text.quoted): write \(example); "
                    + "did you mean '\(Nearest.name(to: text, among: names))'?")
        }
    }

    /// What roles and frameworks have in common.
    private struct Rule {
        var weight: Double = 1
        var priority: Int32 = 0
        var guarantee: Resources = .init()
        var limit: Resources?
    }

    private mutating func rule(_ entry: Entry) -> Rule {
        var rule = Rule()
        guard !Self.isNothing(entry.value) else { return rule }
        let fields = self.entries(
            of: entry.value, at: entry.place, entry.key.quoted, known: ["weight", "priority", "guarantee", "limit"],
            example: "{weight: 2}")
        for field in fields {
            switch field.key {
            case "weight": rule.weight = self.value(field, example: "a number above zero", Amounts.weight) ?? 1
            case "priority": rule.priority = self.value(field, example: "a whole number", Amounts.priority) ?? 0
            case "guarantee": rule.guarantee = self.resources(field, isBound: false) ?? .init()
            case "limit": rule.limit = self.resources(field, isBound: true)
            default: break
            }
        }
        return rule
    }

    /// The entries of a section of which every key is a name; at most so many.
    private mutating func named(_ entry: Entry, _ example: String, limit: Int) -> [Entry] {
        guard !Self.isNothing(entry.value) else { return [] }
        let entries = self.entries(of: entry.value, at: entry.place, entry.key, known: nil, example: example)
        guard entries.count > limit else { return entries }
        self.complain(entries[limit].place, "more than \(limit) \(entry.key): leave out those that have the defaults")
        return Array(entries.prefix(limit))
    }

    private mutating func roles(_ section: Entry) -> [RoleFacts] {
        var roles: [RoleFacts] = []
        for entry in self.named(section, "eng: {weight: 2}", limit: PolicyFile.roleLimit) {
            self.places[.role(entry.key)] = entry.place
            let rule = self.rule(entry)
            var role = RoleFacts(role: entry.key)
            (role.weight, role.priority, role.guarantee, role.limit) =
                (rule.weight, rule.priority, rule.guarantee, rule.limit)
            roles.append(role)
        }
        return roles
    }

    private mutating func frameworks(_ section: Entry) -> [FrameworkRule] {
        var frameworks: [FrameworkRule] = []
        for entry in self.named(section, "spark: {weight: 2}", limit: PolicyFile.frameworkLimit) {
            self.places[.framework(entry.key)] = entry.place
            let rule = self.rule(entry)
            var framework = FrameworkRule(framework: entry.key)
            (framework.weight, framework.priority, framework.guarantee, framework.limit) =
                (rule.weight, rule.priority, rule.guarantee, rule.limit)
            frameworks.append(framework)
        }
        return frameworks
    }

    private mutating func revocation(_ section: Entry) -> RevocationRules {
        var rules = RevocationRules()
        guard !Self.isNothing(section.value) else { return rules }
        let example = "{wait: 10s, grace: 30s}"
        for entry in self.entries(
            of: section.value, at: section.place, "revocation", known: ["wait", "grace"], example: example)
        {
            if entry.key == "wait" {
                let wait = self.value(entry, example: "a duration such as 10s, or never") { text throws(WrongValue) in
                    text == "never" ? Duration?.none : try Amounts.duration(text, named: "wait")
                }
                if let wait { rules.wait = wait }
            } else if let grace = self.duration(entry) {
                rules.grace = grace
            }
        }
        return rules
    }

    private mutating func slots(_ section: Entry) -> SlotRules? {
        var rules = SlotRules()
        let example = "{long: 0.5, short_time: 60s}"
        guard !Self.isNothing(section.value) else {
            self.complain(section.place, "slots has no value: write \(example), or remove the key")
            return nil
        }
        for entry in self.entries(
            of: section.value, at: section.place, "slots", known: ["long", "short_time"], example: example)
        {
            if entry.key == "long" {
                let part = self.value(entry, example: "a number from 0 to 1") { text throws(WrongValue) in
                    try Amounts.part(text, named: "long")
                }
                if let part { rules.longThousandths = part }
            } else if let time = self.duration(entry) {
                if time > .zero {
                    rules.shortTime = time
                } else {
                    self.complain(
                        Self.place(of: entry.value, else: entry.place),
                        "short_time is zero: write a duration above it, such as 60s")
                }
            }
        }
        return rules
    }

    private mutating func users(_ section: Entry) -> [UserRule] {
        let example = "spark: [spark, etl]"
        guard !Self.isNothing(section.value) else {
            self.complain(section.place, "users has no value: write a map, such as '\(example)', or remove the key")
            return []
        }
        let entries = self.named(section, example, limit: PolicyFile.principalLimit)
        if entries.isEmpty, case .mapping = section.value {
            self.complain(section.place, "users names nobody: write a map, such as '\(example)', or remove the key")
        }
        return entries.map { UserRule(principal: $0.key, users: self.names(of: $0)) }
    }

    /// A list of users; what is none is noted.
    private mutating func names(of entry: Entry) -> [String] {
        let example = "a list of users, such as [spark, etl], or [] for none"
        guard case .sequence(let sequence) = entry.value else {
            let kind = if case .mapping = entry.value { "a map" } else { "a text" }
            self.complain(entry.place, "\(entry.key.quoted) is \(kind): write \(example)")
            return []
        }
        var names: [String] = []
        for node in sequence {
            let place = Self.place(of: node, else: entry.place)
            guard case .scalar(let scalar) = node, !scalar.string.isEmpty else {
                self.complain(place, "a user of \(entry.key.quoted) is no name: write \(example)")
                continue
            }
            guard !names.contains(scalar.string) else {
                self.complain(place, "\(entry.key.quoted) has the user \(scalar.string.quoted) twice: keep one")
                continue
            }
            names.append(scalar.string)
        }
        return names
    }

    private mutating func duration(_ entry: Entry) -> Duration? {
        self.value(entry, example: "a duration such as 10s") { text throws(WrongValue) in
            try Amounts.duration(text, named: entry.key)
        }
    }

    // MARK: - Resources

    /// Amounts, as a map or in the text form; nil if there is none.
    ///
    /// `isBound`: a zero would bind nothing, so it is refused.
    private mutating func resources(_ entry: Entry, isBound: Bool) -> Resources? {
        let example = "{cpus: 8, mem: 16GB} or \"cpus:8;mem:16384\""
        var resources = Resources()
        if case .mapping = entry.value {
            for field in self.entries(
                of: entry.value, at: entry.place, entry.key, known: Amounts.resources, example: example)
            {
                let amount = self.value(field, example: "an amount, as in \(example)") { text throws(WrongValue) in
                    try Self.amount(text, of: field.key, isBound: isBound)
                }
                if let amount { self.add(amount, of: field.key, to: &resources, at: field.place) }
            }
            return resources
        }
        guard let (text, place) = self.text(entry, example: example) else { return nil }
        var seen: Set<String> = []
        for part in text.split(separator: ";") where !part.trimmed.isEmpty {
            guard let colon = part.firstIndex(of: ":") else {
                self.complain(place, "\(entry.key) has \(String(part.trimmed).quoted): write \(example)")
                continue
            }
            let name = String(part[..<colon].trimmed)
            guard Amounts.resources.contains(name) else {
                self.complain(
                    place,
                    "\(entry.key) has no resource \(name.quoted): "
                        + "did you mean '\(Nearest.name(to: name, among: Amounts.resources))'? "
                        + "Known are \(Amounts.resources.joined(separator: ", "))")
                continue
            }
            guard seen.insert(name).inserted else {
                self.complain(place, "\(entry.key) has \(name) twice: keep one")
                continue
            }
            do throws(WrongValue) {
                let amount = try Self.amount(String(part[part.index(after: colon)...]), of: name, isBound: isBound)
                self.add(amount, of: name, to: &resources, at: place)
            } catch {
                self.complain(place, error.cause)
            }
        }
        return resources
    }

    private static func amount(_ text: String, of name: String, isBound: Bool) throws(WrongValue) -> Int64 {
        let amount = try Amounts.amount(text, of: name)
        if isBound, amount == 0 {
            throw WrongValue("a bound of zero \(name) binds nothing: write an amount above zero, or remove it")
        }
        return amount
    }

    private mutating func add(_ amount: Int64, of name: String, to resources: inout Resources, at place: Place) {
        do throws(Resources.Invalid) {
            try resources.add(scalar: amount, named: name)
        } catch {
            self.complain(place, "\(error): write a smaller amount")
        }
    }

    // MARK: - The whole

    /// What is wrong though every part is well-formed, each where the role or framework is described.
    private mutating func checkWhole(_ policy: ClusterPolicy) {
        let problems = policy.problems
        guard !problems.isEmpty else { return }
        var badNames: [String: Place] = [:]
        var begins: [(text: String, place: Place)] = []
        for role in policy.roles {
            guard let place = self.places[.role(role.role)] else { continue }
            if let problem = RoleName.problem(with: role.role) { badNames[problem] = place }
            begins.append(("role '\(role.role)'", place))
        }
        for rule in policy.frameworks {
            guard let place = self.places[.framework(rule.framework)] else { continue }
            if rule.framework.isEmpty { badNames["a framework has no name"] = place }
            begins.append(("framework '\(rule.framework)'", place))
        }
        for problem in problems {
            if let place = badNames[problem] {
                self.complain(place, problem + ": write a name such as eng or eng/backend")
                continue
            }
            let section = problem.firstIndex(of: ":").flatMap { self.places[.section(String(problem[..<$0]))] }
            let begin = begins.filter { problem.hasPrefix($0.text) }.max { $0.text.utf8.count < $1.text.utf8.count }
            let advice =
                problem.contains("above") && problem.contains("guarante")
                ? ": guarantee less, or raise the limit" : ""
            self.complain(begin?.place ?? section ?? Place(line: 1, column: 1), problem + advice)
        }
    }
}
