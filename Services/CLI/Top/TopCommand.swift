internal import ArgumentParser
internal import Foundation
internal import Model
internal import Runtime

/// `meseta top`: what runs on the agents, and what it uses, again and again.
struct TopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top", abstract: "What runs on the agents, and what it uses; on a terminal again and again.",
        discussion: """
            Above, a line for each agent: what all its containers use, the load and free memory of its machine, and the part of \
            the last ten seconds in which something there waited for processors, memory or the disk. Below, a line for each \
            command task, and for each executor with its tasks: cores used of those it was given, memory now, at its peak \
            and at most, disk and quota, processes and threads. What nears the end of its memory or disk stands out.

            The figures are the agents' own, at most a second old. An agent that does not answer has a line that says why. \
            On a cluster with a secret give --secret-file, or a token of 'meseta token create --all' in MESETA_FILE_TOKEN.

            EXAMPLES
              meseta top --sort mem
              meseta top --agent 1-A2 -n 10 --interval 1s
              meseta top -o json | jq '.containers[] | select(.memory_bytes > 1e9) | .task'
            """)

    /// How a round is written.
    enum Form: String, ExpressibleByArgument, CaseIterable {
        case table, wide, json
    }

    @OptionGroup var cluster: ClusterOptions
    @Option(help: "What the containers are ordered by, the largest first.") var sort = TopTable.Order.cpu
    @Option(name: [.customShort("o"), .long], help: "How it is written; json: an object a round, one a line.")
    var output = Form.table
    @Option(
        name: [.customShort("n"), .long],
        help: "How many rounds. Default: on a terminal until it is ended, otherwise 1.")
    var rounds: Int?
    @Option(help: "The time between two rounds.") var interval = DurationFlag(.seconds(2))
    @Option(help: "Only agents whose id begins so.") var agent: String?
    @Option(help: "Only what this framework runs.") var framework: String?

    func validate() throws {
        if let rounds, rounds < 1 { throw ValidationError("--rounds is at least 1") }
        guard self.interval.duration >= .milliseconds(100) else {
            throw ValidationError("--interval is at least 100ms: agents look once a second")
        }
    }

    func run() async throws {
        let secret = try SandboxAccess.secret(self.cluster.secret)
        let reader = UsageReader(token: SandboxAccess.tokenForAll(secret))
        // A list that stays on the terminal is not to be painted over.
        let isLive = self.output != .json && self.rounds != 1 && Terminal.isThere
        let last = self.rounds ?? (isLive ? Int.max : 1)
        var next = ContinuousClock.now
        for round in 1...last {
            let table = TopTable(
                await reader.ask(try await self.agents()), by: self.sort, framework: self.framework)
            try Terminal.write(self.text(table, isLive: isLive, isFirst: round == 1))
            if round == last { break }
            // Rounds that took too long are left out, not made up for.
            next = max(next + self.interval.duration, .now)
            try await Task.sleep(until: next)
        }
    }

    private func agents() async throws -> [AgentAddress] {
        var agents: [AgentAddress] = []
        for case .agent(let row) in try await OperatorClient.ask(.agents, self.cluster)
        where row.id.rawValue.hasPrefix(self.agent ?? "") {
            agents.append(AgentAddress(id: row.id.rawValue, host: row.hostname, port: Int(row.sidePort)))
        }
        guard !agents.isEmpty || self.agent == nil else {
            throw Complaint("no agent's id begins with \(self.agent ?? ""); 'meseta agents' lists them")
        }
        return agents
    }

    private func text(_ table: TopTable, isLive: Bool, isFirst: Bool) -> String {
        if self.output == .json { return table.json + "\n" }
        let screen = TopScreen(
            size: isLive ? Terminal.size : nil, hasColours: Terminal.isThere && Terminal.wantsColours,
            isWide: self.output == .wide)
        let lines = screen.lines(table)
        guard isLive else { return (isFirst ? "" : "\n") + lines.joined(separator: "\n") + "\n" }
        // Painted over, each line to its end, and the rest cleared: an empty screen in between would flicker.
        let (home, endOfLine, endOfScreen) = (isFirst ? "\u{1b}[H\u{1b}[2J" : "\u{1b}[H", "\u{1b}[K\n", "\u{1b}[J")
        return home + lines.map { $0 + endOfLine }.joined() + endOfScreen
    }
}

extension TopTable.Order: ExpressibleByArgument {}

/// What standard output is.
private enum Terminal {
    static var isThere: Bool { isatty(STDOUT_FILENO) == 1 }

    /// See no-color.org.
    static var wantsColours: Bool {
        let environment = ProcessInfo.processInfo.environment
        return environment["NO_COLOR"]?.isEmpty ?? true && environment["TERM"] != "dumb"
    }

    static var size: TopScreen.Size {
        var window = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &window) == 0, window.ws_col > 0, window.ws_row > 0 else {
            return TopScreen.Size(columns: 80, rows: 24)
        }
        return TopScreen.Size(columns: Int(window.ws_col), rows: Int(window.ws_row))
    }

    /// - Throws: `ExitCode` without a word if nobody reads any more.
    static func write(_ text: String) throws {
        do { try FileHandle.standardOutput.write(contentsOf: Data(text.utf8)) } catch { throw ExitCode(0) }
    }
}
