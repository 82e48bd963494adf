internal import ArgumentParser
internal import Foundation
internal import Runtime

/// The `meseta` command.
@main
struct MesetaCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "meseta",
        abstract: "Start, use and look at a Meseta cluster.",
        discussion: """
            The cluster is found by --master, else by MESETA_MASTER, else it is the one that the last 'meseta up' started.

            EXIT CODES
              0    done; for 'run': every task ended with 0
              1    it did not work; what to do next is on standard error
              64   the command line is wrong
              n    for 'run': the exit code of the first task that failed, 128 + the signal if one ended it
            """,
        version: ProgramVersion.current,
        subcommands: [
            Up.self, Down.self, Run.self, StatusCommand.self, AgentsCommand.self, AgentCommand.self,
            FrameworksCommand.self,
            TasksCommand.self, OffersCommand.self, RolesCommand.self, SharesCommand.self, ExplainCommand.self,
            PolicyCommand.self,
            TopCommand.self, KillCommand.self, MasterCommand.self, SandboxCommand.self, TokenCommand.self,
            ChaosCommand.self, ChaosFramework.self, ChaosExecutor.self,
        ])

    static func main() async {
        signal(SIGPIPE, SIG_IGN)
        // Whoever started this may have blocked signals; here they mean what they say.
        var none = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, nil)
        do {
            var command = try Self.parseAsRoot()
            if var command = command as? any AsyncParsableCommand { try await command.run() } else { try command.run() }
        } catch let complaint as Complaint {
            print("meseta: \(complaint)", to: &standardError)
            Foundation.exit(1)
        } catch {
            Self.exit(withError: error)
        }
    }
}

/// Where complaints go.
struct StandardError: TextOutputStream {
    mutating func write(_ string: String) { FileHandle.standardError.write(Data(string.utf8)) }
}

/// Standard error, for `print(_:to:)`.
///
/// Holds nothing.
nonisolated(unsafe) var standardError = StandardError()
