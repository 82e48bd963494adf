internal import ArgumentParser
internal import Model
internal import Runtime

/// `meseta agent`: whether an agent is offered, and whether it is emptied.
struct AgentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agent", abstract: "Take an agent out of service, empty it, or put it back.",
        discussion: """
            The agent keeps what it is told, over restarts of its own and of masters; 'meseta agents' shows it. Each of \
            these commands ends when the agent has it on its disk.
            """,
        subcommands: [DrainCommand.self, DeactivateCommand.self, ReactivateCommand.self])

    /// Which agent is meant.
    struct Target: ParsableArguments {
        @OptionGroup var cluster: ClusterOptions
        @Argument(help: "The agent's id, or how it begins.") var id: String

        /// Tells the agent, and says what it is told.
        func set(_ mode: AgentMode, _ sentence: (AgentRow) -> String) async throws {
            let row = try await self.row()
            _ = try await OperatorClient.ask(.setMode(row.id, mode), self.cluster)
            print(sentence(row))
        }

        private func row() async throws -> AgentRow {
            var rows: [AgentRow] = []
            for case .agent(let row) in try await OperatorClient.ask(.agents, self.cluster) { rows.append(row) }
            if let exact = rows.first(where: { $0.id.rawValue == self.id }) { return exact }
            let found = rows.filter { $0.id.rawValue.hasPrefix(self.id) }
            guard let first = found.first else {
                throw Complaint("no agent's id is or begins with \(self.id); 'meseta agents' lists them")
            }
            guard found.count == 1 else {
                let ids = found.prefix(8).map(\.id.rawValue).joined(separator: ", ")
                throw Complaint("\(found.count) agents' ids begin with \(self.id), say which: \(ids)")
            }
            return first
        }
    }
}

/// `meseta agent drain`: ends what runs there.
struct DrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain", abstract: "No more offers of it; end what runs there.",
        discussion: """
            Each task is killed with the time that its own policy gives it, and its framework is told why \
            (REASON_AGENT_DRAINING); executors are shut down when their last task has ended. When nothing is left the \
            agent is shown as drained, and stays so until it is reactivated.
            """)
    @OptionGroup var target: AgentCommand.Target
    @Option(
        help: ArgumentHelp(
            "When the last task must be gone, whatever its policy says. Default: no bound.", valueName: "duration"))
    var deadline: DurationFlag?

    func run() async throws {
        try await self.target.set(.draining(.init(bound: self.deadline?.duration))) { row in
            "Agent \(row.id) drains: \(row.tasks) task\(row.tasks == 1 ? "" : "s") to end."
        }
    }
}

/// `meseta agent deactivate`: takes it out of the offers.
struct DeactivateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deactivate", abstract: "No more offers of it; what runs there runs on.")
    @OptionGroup var target: AgentCommand.Target

    func run() async throws {
        try await self.target.set(.deactivated) { row in
            "Agent \(row.id) is deactivated; \(row.tasks) task\(row.tasks == 1 ? "" : "s") run on."
        }
    }
}

/// `meseta agent reactivate`: puts it back.
struct ReactivateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reactivate", abstract: "Offer it again; ends a drain.")
    @OptionGroup var target: AgentCommand.Target

    func run() async throws {
        try await self.target.set(.active) { row in "Agent \(row.id) is active." }
    }
}
