import ArgumentParser

/// `agent-kills`: shows that tasks do not notice the death of their agent.
@main
struct AgentKills: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agent-kills", abstract: "Kill a slave agent under its tasks, and judge what comes of them.",
        subcommands: [RandomKills.self, CrashPoints.self], defaultSubcommand: RandomKills.self)
}
