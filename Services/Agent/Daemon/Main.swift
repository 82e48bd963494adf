import AgentCore
import ArgumentParser
import Isolation
import Messages
import Model
import NIOCore
import Runtime

/// `meseta-agent`: flags and wiring.
@main
struct AgentCommand: DaemonCommand {
    static let configuration = daemonConfiguration(
        "meseta-agent", abstract: "Shares out a machine, runs its tasks and answers for them.",
        discussion: "Executors find the agent at its port: start it again with the same one, or they are lost.")
    static let role = PeerRole.agent
    static let defaultPort = 5051
    static let defaultSidePort = 5061
    /// Where a service of the machine keeps what it knows.
    static let defaultDirectory = "/var/lib/meseta/agent"

    @OptionGroup var daemon: DaemonOptions
    @OptionGroup var agent: AgentOptions

    func start(_ services: DaemonServices) async throws {
        let lookup = try DirectoryLookup(self.daemon.election)
        guard let supervisor = self.agent.supervisor ?? ContainerizerSettings.supervisorBesideOwnProgram() else {
            throw Unusable(description: "no meseta-supervisor beside this program: say where it is with --supervisor")
        }
        services.node.admit = { _ in .failure(Refusal(.unknown, "The agent is still recovering; try again.")) }
        let address = try await services.listen()
        let directory = Machine.absolute(self.daemon.dir ?? Self.defaultDirectory)
        let host = try await services.eventLoop.submit {
            try self.host(services, directory, supervisor: Machine.absolute(supervisor), port: Self.port(of: address))
        }.get()
        let endsTasks = self.agent.tasksOnStop == .end
        services.onStop { await host.stop(endingTasks: endsTasks) }
        let access = AccessGuard(secret: services.node.settings.secret)
        host.showUsage(on: services.sidePort, for: access)
        host.showSandboxes(on: services.sidePort, directory: directory, for: access)
        try await host.recover(boot: Machine.boot())
        SandboxKeeper(host: host, directory: directory, options: self.agent).begin(services)
        lookup.begin(for: host, services)
    }

    /// Opens the log, and makes the parts.
    ///
    /// On the loop.
    private func host(
        _ services: DaemonServices, _ directory: String, supervisor: String, port: Int
    ) throws -> AgentHost {
        let loop = services.eventLoop, logger = services.logger
        let (log, bytes) = try AgentLogFile.open(
            directory: directory, sync: self.agent.sync.sync, eventLoop: loop, logger: logger)
        var records = try AgentLogRecords.read(bytes, of: directory)
        if records.isEmpty, let beginning = AgentLogRecords.beginning(below: directory) {
            logger.warning(
                "The log is missing or empty, and there are sandboxes of earlier lives: beginning anew, without their tasks",
                metadata: [LogKey.path: "\(directory)/log"])
            records = [beginning]
        }
        let agentSettings = try self.settings(services, directory, port: port)
        let isolator = Isolator(
            agent: Isolator.agentToken(name: services.name, directory: directory),
            settings: self.agent.isolationSettings(total: agentSettings.total, directory: directory)
        ) { logger.notice("Isolation", metadata: [LogKey.reason: "\($0)"]) }
        guard isolator.missing.isEmpty else {
            isolator.removeAll()
            let reasons = isolator.missing.joined(separator: "; ")
            throw Unusable(description: "--isolation cannot be had on this machine: \(reasons)")
        }
        logger.info("Isolation", metadata: [LogKey.reason: "\(isolator.summary)"])
        for refusal in isolator.refused {
            logger.warning("Isolation is weaker than wanted", metadata: [LogKey.reason: "\(refusal)"])
        }
        var settings = ContainerizerSettings(directory: directory, supervisorPath: supervisor)
        settings.supervisorPatience = self.agent.supervisorPatience.duration
        settings.fetch = self.agent.fetchSettings
        settings.images = self.agent.imageSettings
        if let secret = services.node.settings.secret {
            let duration = self.agent.fileTokenTtl.duration
            settings.fileToken = { framework in
                AccessToken(scope: AccessToken.sandboxes(of: framework.rawValue), for: duration).signed(with: secret)
            }
        }
        let containerizer = Containerizer(
            settings: settings, isolator: isolator, eventLoop: loop, logger: logger)
        let state = AgentState(
            settings: agentSettings, codec: ProtobufCodec(), random: Self.generator())
        return AgentHost(
            state, services, log: log, records: records, containerizer: containerizer)
    }

    private func settings(_ services: DaemonServices, _ directory: String, port: Int) throws -> AgentSettings {
        let total: Resources
        if let text = self.agent.resources {
            total = try Resources(text: text)
        } else {
            let detected = ResourceDetection.detect(directory: directory, gpus: self.agent.gpus.count)
            for line in detected.explanation {
                services.logger.info("Resources", metadata: [LogKey.reason: "\(line)"])
            }
            total = detected.resources
        }
        var settings = try self.agent.settings(
            name: services.name, hostname: self.daemon.advertisedHost, total: total)
        settings.sidePort = UInt16(clamping: services.boundSidePort)
        // Executors run on this machine, whoever else reaches the port.
        let host = ["0.0.0.0", "::"].contains(self.daemon.host) ? "127.0.0.1" : self.daemon.host
        settings.executorEndpoint = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        return settings
    }

    private static func port(of address: String) -> Int {
        address.lastIndex(of: ":").flatMap { Int(address[address.index(after: $0)...]) } ?? Self.defaultPort
    }

    private static func generator() -> SeededGenerator {
        var system = SystemRandomNumberGenerator()
        return SeededGenerator(key: (0..<4).map { _ in system.next() as UInt64 })
    }

    /// What makes a start impossible.
    struct Unusable: Error, CustomStringConvertible {
        let description: String
    }
}
