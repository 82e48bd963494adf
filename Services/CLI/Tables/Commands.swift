internal import ArgumentParser
internal import Model

/// How a listing is printed.
struct OutputOptions: ParsableArguments {
    @Flag(help: "As JSON, for programs.") var json = false
    @Flag(name: .shortAndLong, help: "Only the ids, one a line.") var quiet = false

    /// Prints rows; the first column is the id.
    func print(_ listing: Listing, detailed: Listing? = nil) {
        if self.quiet {
            for row in listing.rows { Swift.print(row[0].shown) }
        } else {
            Swift.print(self.json ? (detailed ?? listing).json : listing.table)
        }
    }
}

/// `meseta status`: prints the cluster in a few numbers.
struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "status", abstract: "The cluster in a few numbers.")
    @OptionGroup var cluster: ClusterOptions
    @Flag(help: "As JSON, for programs.") var json = false

    func run() async throws {
        for case .status(let status) in try await OperatorClient.ask(.status, self.cluster) {
            if self.json {
                print(Cell.fields(status.fields + [("notes", .list(status.notes))]).json)
            } else {
                let width = status.fields.map(\.0.count).max() ?? 0
                for (name, value) in status.fields {
                    let label = name.replacing("_", with: " ")
                    print(label + String(repeating: " ", count: width + 2 - label.count) + value.shown)
                }
                for note in status.notes { print("note: \(note)") }
            }
        }
    }
}

/// `meseta agents`: lists what agents have, and what of it is used or offered.
struct AgentsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agents", abstract: "The agents: what they have, what of it is used (+ offered).")
    @OptionGroup var cluster: ClusterOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        var (short, detailed) = (Listing(AgentRow.columns), Listing(AgentRow.detailedColumns))
        for case .agent(let row) in try await OperatorClient.ask(.agents, self.cluster) {
            short.rows.append(row.cells)
            detailed.rows.append(row.detailedCells)
        }
        self.output.print(short, detailed: detailed)
    }
}

/// `meseta frameworks`: lists what each framework holds and is offered.
struct FrameworksCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "frameworks", abstract: "The frameworks: what each holds and is offered.")
    @OptionGroup var cluster: ClusterOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        var listing = Listing(FrameworkRow.columns)
        for case .framework(let row) in try await OperatorClient.ask(.frameworks, self.cluster) {
            listing.rows.append(row.cells)
        }
        self.output.print(listing)
    }
}

/// `meseta tasks`: lists the tasks that run, and with `--all` those that ended.
struct TasksCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tasks", abstract: "The tasks: those that run, and with --all those that ended, too.")
    @OptionGroup var cluster: ClusterOptions
    @OptionGroup var output: OutputOptions
    @Flag(help: "Also tasks that have ended, as far as the master remembers them.") var all = false

    func run() async throws {
        var listing = Listing(TaskRow.columns)
        for case .task(let row) in try await OperatorClient.ask(.tasks, self.cluster) where self.all || !row.isHistory {
            listing.rows.append(row.cells)
        }
        self.output.print(listing)
    }
}

/// `meseta offers`: lists the offers that are not answered yet.
struct OffersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "offers", abstract: "The offers that frameworks have not answered yet.")
    @OptionGroup var cluster: ClusterOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        var listing = Listing(OfferRow.columns)
        for case .offer(let row) in try await OperatorClient.ask(.offers, self.cluster) {
            listing.rows.append(row.cells)
        }
        self.output.print(listing)
    }
}

/// `meseta kill`: ends a task, as if its framework had asked for it.
struct KillCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kill", abstract: "Kill a task. Its framework is told as if it had asked for it.")
    @OptionGroup var cluster: ClusterOptions
    @Argument(help: "The task's id.") var task: String
    @Option(help: "Its framework's id, if several frameworks have a task of that id.") var framework: String?

    func run() async throws {
        _ = try await OperatorClient.ask(.kill(self.framework.map { FrameworkID($0) }, TaskID(self.task)), self.cluster)
    }
}
