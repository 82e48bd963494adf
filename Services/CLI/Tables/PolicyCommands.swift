internal import ArgumentParser
internal import Foundation
internal import Model
internal import PolicyFile

/// `meseta policy`: shows, checks and changes how the cluster is shared.
struct PolicyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy",
        abstract: "How the cluster is shared: show it, check a file, put it in force, compare it with another.",
        subcommands: [PolicyShowCommand.self, PolicyCheckCommand.self, PolicyApplyCommand.self, CompareCommand.self])
}

/// `meseta policy show`: prints the policy in force.
struct PolicyShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Print the policy in force, as the file that said it.")
    @OptionGroup var cluster: ClusterOptions
    @Flag(help: "As JSON, for programs.") var json = false

    func run() async throws {
        for case .policy(let policy, let source) in try await OperatorClient.ask(.policy, self.cluster) {
            if self.json {
                print(Cell.fields(policy.fields).json)
            } else {
                let text = source.isEmpty ? PolicyFile.text(of: policy) : String(decoding: source, as: UTF8.self)
                print(text, terminator: text.hasSuffix("\n") ? "" : "\n")
            }
        }
    }
}

/// `meseta policy check`: says what is wrong with a file, without changing anything.
struct PolicyCheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Say what is wrong with a policy file, as FILE:LINE: cause; change nothing.",
        discussion: """
            No cluster is asked unless --against-cluster is given: then its master says, too, whether it would take the \
            policy.
            """)
    @OptionGroup var cluster: ClusterOptions
    @Argument(help: "The policy file.") var file: String
    @Flag(help: "Ask the master, too: can this cluster keep the guarantees?") var againstCluster = false

    func run() async throws {
        let file = try PolicySource.read(self.file)
        if self.againstCluster {
            let order = OperatorRequest.Kind.applyPolicy(file.policy, source: file.bytes, isTrial: true)
            _ = try await OperatorClient.ask(order, self.cluster)
        }
        print("\(self.file): \(self.againstCluster ? "the cluster would take it" : "nothing is wrong with it")")
    }
}

/// `meseta policy apply`: puts the policy of a file in force.
struct PolicyApplyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply", abstract: "Put the policy of a file in force, at once, if nothing is wrong with it.",
        discussion: """
            Every master of the election is told: the leader, who may refuse, then those that stand by, so that the next \
            leader follows the same policy. Each keeps it in its policy file, if it has one. If one cannot be told the \
            policy is in force all the same, and the exit code is 1.
            """)
    @OptionGroup var cluster: ClusterOptions
    @Argument(help: "The policy file.") var file: String

    func run() async throws {
        let file = try PolicySource.read(self.file)
        let order = OperatorRequest.Kind.applyPolicy(file.policy, source: file.bytes, isTrial: false)
        let answers = try await OperatorClient.order(order, self.cluster)
        let leader = answers[0]
        print("\(self.file): in force, by the leader \(leader.name) at \(leader.address)")
        var missing: [String] = []
        for answer in answers.dropFirst() {
            if let problem = answer.problem {
                missing.append(answer.name)
                print(
                    "\(self.file): not taken over by \(answer.name) at \(answer.address): \(problem)",
                    to: &standardError)
            } else {
                print("\(self.file): taken over by \(answer.name) at \(answer.address)")
            }
        }
        guard !missing.isEmpty else { return }
        throw Complaint(
            "if \(missing.joined(separator: " or ")) becomes the leader an older policy may come back: when it is up, run "
                + "'meseta policy apply \(self.file)' again, or copy the file to its --policy-file")
    }
}

/// A policy file, read.
struct PolicySource {
    /// What it says.
    let policy: ClusterPolicy
    /// The file as it is.
    let bytes: Bytes

    /// Reads a file, and prints what is wrong with it on standard error.
    ///
    /// - Throws: `Complaint` if it cannot be read, `ExitCode` if something is wrong with it.
    static func read(_ path: String) throws -> PolicySource {
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw Complaint("\(path) cannot be opened: does it exist, may you read it?")
        }
        let bytes: Bytes
        do {
            // One byte more than may be there tells that it is too long, however long it is.
            bytes = Bytes(try handle.read(upToCount: PolicyFile.sizeLimit + 1) ?? Data())
        } catch {
            throw Complaint("\(path) cannot be read: \(error.localizedDescription)")
        }
        switch PolicyFile.read(bytes: bytes) {
        case .success(let policy): return PolicySource(policy: policy, bytes: bytes)
        case .failure(let problems):
            for problem in problems.list { print("\(path):\(problem.line): \(problem.cause)", to: &standardError) }
            throw ExitCode.failure
        }
    }
}

/// `meseta roles`: lists what each role has, is promised, and waits for.
struct RolesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "roles", abstract: "The roles: what each holds, is promised, and waits for.")
    @OptionGroup var cluster: ClusterOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        var (short, detailed) = (Listing(ShareRow.roleColumns), Listing(ShareRow.roleColumns))
        for case .share(let row) in try await OperatorClient.ask(.roles, self.cluster) {
            short.rows.append([.text(row.role)] + row.shownCells)
            detailed.rows.append([.text(row.role)] + row.cells)
        }
        self.output.print(short, detailed: detailed)
    }
}

/// `meseta shares`: lists the same for each framework in each of its roles.
struct SharesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shares",
        abstract: "The frameworks in each of their roles: what each holds, is promised, and waits for.")
    @OptionGroup var cluster: ClusterOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        var (short, detailed) = (Listing(ShareRow.frameworkColumns), Listing(ShareRow.frameworkColumns))
        for case .share(let row) in try await OperatorClient.ask(.shares, self.cluster) {
            let names: [Cell] = [.text(row.role), .text(row.frameworkID?.rawValue ?? ""), .text(row.name)]
            short.rows.append(names + row.shownCells)
            detailed.rows.append(names + row.cells)
        }
        self.output.print(short, detailed: detailed)
    }
}

extension ShareRow {
    private static let columns = [
        "weight", "priority", "share", "dominant", "held", "guarantee", "limit", "frameworks", "waits_for",
    ]
    /// Of the table of roles.
    static let roleColumns = ["role"] + Self.columns
    /// Of the table of frameworks in roles.
    static let frameworkColumns = ["role", "framework", "name"] + Self.columns

    /// For people, from the weight on: the share in percent.
    var shownCells: [Cell] {
        func text(_ resources: Resources?) -> Cell {
            resources.map { $0.isEmpty ? .text("") : .resources($0) } ?? .text("")
        }
        let permille = Int64((self.dominantShare * 1000).rounded())
        return [
            .number(self.weight), .number(Double(self.priority)), .text("\(permille / 10).\(permille % 10)%"),
            .text(self.dominantResource), text(self.held), text(self.guarantee), text(self.limit),
            .number(Double(self.frameworks)), .text(self.waitsFor),
        ]
    }

    /// For programs, from the weight on: the share from 0 to 1, the limit null if there is none.
    var cells: [Cell] {
        [
            .number(self.weight), .number(Double(self.priority)),
            .number((self.dominantShare * 10_000).rounded() / 10_000), .text(self.dominantResource),
            .resources(self.held), .resources(self.guarantee), self.limit.map { .resources($0) } ?? .null,
            .number(Double(self.frameworks)), .text(self.waitsFor),
        ]
    }
}

extension ClusterPolicy {
    /// The keys of the policy file, with resources in their units and durations in seconds.
    var fields: [(String, Cell)] {
        func rule(_ weight: Double, _ priority: Int32, _ guarantee: Resources, _ limit: Resources?) -> Cell {
            .fields([
                ("weight", .number(weight)), ("priority", .number(Double(priority))),
                ("guarantee", .resources(guarantee)), ("limit", limit.map { .resources($0) } ?? .null),
            ])
        }
        return [
            ("policy", .text(self.sharing.rawValue)),
            ("roles", .fields(self.roles.map { ($0.role, rule($0.weight, $0.priority, $0.guarantee, $0.limit)) })),
            (
                "frameworks",
                .fields(
                    self.frameworks.map { ($0.framework, rule($0.weight, $0.priority, $0.guarantee, $0.limit)) })
            ),
            (
                "revocation",
                .fields([
                    ("wait_seconds", self.revocation.wait.map { .number($0.asSeconds) } ?? .null),
                    ("grace_seconds", .number(self.revocation.grace.asSeconds)),
                ])
            ),
            (
                "slots",
                self.slots.map { slots in
                    .fields([
                        ("long", .number(Double(slots.longThousandths) / 1000)),
                        ("short_time_seconds", .number(slots.shortTime.asSeconds)),
                    ])
                } ?? .null
            ),
            ("minimum_offer", .resources(self.minimumOffer)),
            ("task_limit", self.taskLimit.map { .resources($0) } ?? .null),
            ("users", .fields(self.users.map { ($0.principal, .list($0.users)) })),
        ]
    }
}

extension Cell {
    /// Nothing at all: JSON writes what is no number as null.
    fileprivate static var null: Cell { .number(.nan) }
}
