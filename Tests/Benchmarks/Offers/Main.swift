import ArgumentParser
import TestSupport

/// `offers`: how many offers a second reach frameworks that decline them.
@main
struct Offers: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "offers", abstract: "Measure how many offers a second reach frameworks that decline them all.",
        subcommands: [OffersCommand.self, DeclineCommand.self], defaultSubcommand: OffersCommand.self)
}
