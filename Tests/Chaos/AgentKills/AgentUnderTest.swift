import Foundation
import Synchronization
import TestSupport

/// A cluster whose one agent this process starts and kills.
final class AgentUnderTest: Sendable {
    let cluster: UpCluster
    /// Where the programs of each of its lives are, in turn.
    private let builds: [URL]
    private let starts = Atomic(0)
    private let member: UpCluster.Member
    private let life: Mutex<Process?>

    /// - Parameter other: Another build, which takes turns with the first.
    init(programs: URL, other: URL?, isolation: String, resources: String, keepingLogs: Bool) throws {
        self.builds = [programs] + (other.map { [$0] } ?? [])
        self.cluster = try UpCluster(
            named: "agent-kills", programs: programs, environment: ["MESETA_ISOLATION": isolation]
        ) { _ in
            [
                "--agents", "1", "--resources", resources, "--restart-delay", "never", "--log-level",
                keepingLogs ? "debug" : "notice",
            ]
        }
        guard let member = self.cluster.members(.agent).first, let pid = member.process?.pid else {
            throw Failure("the cluster has no agent")
        }
        self.member = member
        self.life = Mutex(nil)
        self.environment = Mutex(["MESETA_ISOLATION": isolation])
        kill(pid, SIGKILL)
    }

    /// What the agent finds in its environment from its next start on.
    let environment: Mutex<[String: String]>

    /// Starts the agent as it was started before: the same directory, name and port.
    func start() throws {
        let number = self.starts.wrappingAdd(1, ordering: .relaxed).oldValue
        let port = self.member.address.split(separator: ":").last.map(String.init) ?? "0"
        var arguments = self.member.arguments
        arguments += ["--port", port, "--side-port", "0"]
        let program = self.builds[number % self.builds.count].appendingPathComponent("meseta-agent")
        let process = try UpCluster.start(
            program, arguments, log: self.member.log, environment: self.environment.withLock { $0 })
        self.life.withLock { $0 = process }
    }

    var isRunning: Bool { self.life.withLock { $0?.isRunning ?? false } }

    /// `kill -9`, and waits until it is gone.
    func kill9() {
        self.life.withLock { process in
            guard let process else { return }
            if process.isRunning { kill(process.processIdentifier, SIGKILL) }
            process.waitUntilExit()
        }
    }

    /// The agent's own directory.
    var directory: String { self.cluster.directory.appendingPathComponent(self.member.name).path }
    var log: String { self.member.log }

    /// Ends the agent with its tasks, then the rest.
    func stop(keepingFiles: Bool) {
        self.life.withLock { process in
            guard let process, process.isRunning else { return }
            kill(process.processIdentifier, SIGTERM)
            process.waitUntilExit()
        }
        self.cluster.stop(keepingFiles: keepingFiles)
    }
}

/// What ends a trial.
struct Failure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
