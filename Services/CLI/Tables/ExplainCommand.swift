internal import ArgumentParser
internal import Model

/// `meseta explain`: why a framework has no offers, or what a task waits for.
struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Why a framework has no offers or not enough; what a task waits for.",
        subcommands: [ExplainFrameworkCommand.self, ExplainTaskCommand.self])
}

/// `meseta explain framework`: counts the agents by what keeps them from being offered.
struct ExplainFrameworkCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "framework",
        abstract: "Count the agents by what keeps them from being offered to a framework just now.",
        discussion: """
            Each agent counts under the first reason that holds, and of each reason the agents with the most free are \
            named. Where others go first, up to three of them are named, with what they hold. With --resources an agent has to have so much free to count as free.
            """)
    @OptionGroup var cluster: ClusterOptions
    @Argument(help: "The framework's id.") var framework: String
    @Option(help: ArgumentHelp("What the framework wants of one agent.", valueName: "cpus:2;mem:1024"))
    var resources: String = ""
    @Flag(help: "As JSON, for programs.") var json = false

    func run() async throws {
        let wanted: Resources
        do throws(Resources.Invalid) { wanted = try Resources(text: self.resources) } catch {
            throw ValidationError("--resources: \(error)")
        }
        var listing = Listing(["role", "reason", "agents", "nearest", "ahead"])
        let request = OperatorRequest.Kind.explain(FrameworkID(self.framework), wanted: wanted)
        for case .obstacle(let row) in try await OperatorClient.ask(request, self.cluster) {
            let reason = row.detail.isEmpty ? row.obstacle.text : "\(row.obstacle.text): \(row.detail)"
            let agents: Cell = row.agents == 0 ? .text("all") : .number(Double(row.agents))
            listing.rows.append([
                .text(row.role), .text(reason), agents, .list(row.nearest), .things(row.ahead.map(\.cells)),
            ])
        }
        print(self.json ? listing.json : listing.table)
    }
}

extension AheadRow {
    /// For people and for programs.
    fileprivate var cells: (shown: String, json: Cell) {
        let permille = Int64((self.dominantShare * 1000).rounded())
        let shown =
            "\(self.name) (\(self.frameworkID)) in role \(self.role) holds \(permille / 10).\(permille % 10)%, "
            + (self.isOffered ? "is offered" : "is not offered")
        let json = Cell.fields([
            ("framework", .text(self.frameworkID.rawValue)), ("name", .text(self.name)), ("role", .text(self.role)),
            ("share", .number((self.dominantShare * 10_000).rounded() / 10_000)), ("offered", .flag(self.isOffered)),
        ])
        return (shown, json)
    }
}

/// `meseta explain task`: what is known of a task, and what it waits for.
struct ExplainTaskCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "task", abstract: "What a task does, or waits for, and where to look next.")
    @OptionGroup var cluster: ClusterOptions
    @Argument(help: "The task's id.") var task: String
    @Option(help: "Its framework's id, if several frameworks have a task of that id.") var framework: String?

    func run() async throws {
        var found: [TaskRow] = []
        for case .task(let row) in try await OperatorClient.ask(.tasks, self.cluster)
        where row.key.task.rawValue == self.task
            && (self.framework == nil || row.key.framework.rawValue == self.framework)
        {
            found.append(row)
        }
        guard let row = found.first(where: { !$0.isHistory }) ?? found.last else {
            throw Complaint(
                "no task \(self.task) was ever launched here, as far as the master remembers: it is still its scheduler's. "
                    + "See why that gets no offers with: meseta explain framework ID")
        }
        if Set(found.map(\.key.framework)).count > 1 {
            let ids = Set(found.map(\.key.framework.rawValue)).sorted().joined(separator: ", ")
            throw Complaint("several frameworks have a task \(self.task), say which with --framework: \(ids)")
        }
        print("\(row.key.task) of framework \(row.key.framework): \(row.state.name)")
        if !row.message.isEmpty { print("said last: \(row.message)") }
        print("holds \(row.resources) of agent \(row.agentID.map(\.rawValue) ?? "unknown") on \(row.hostname)")
        print(Self.next(row))
    }

    private static func next(_ row: TaskRow) -> String {
        switch row.state {
        case .staging: "It was ordered, and its agent has not said yet that it runs: see that agent's log."
        case .starting: "Its executor prepares it."
        case .running: "It runs."
        case .killing: "It was told to end, and has until the end of its grace."
        case .unreachable: "Its agent is out of reach: the task may run on, and is reported when the agent is back."
        case .unknown: "The master does not know what became of it."
        case .finished, .failed, .killed, .error, .lost, .dropped, .gone, .goneByOperator:
            "It has ended; its sandbox is kept by its agent for a time."
        }
    }
}
