import AgentCore
import ArgumentParser
import Foundation
import Frames
import Logging
import Messages
import Model
import NIOPosix
import Runtime
import TestSupport
import ZooKeeper

/// `emulator`: many agents in one process.
@main
struct Emulator: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "emulator", abstract: "Emulate many agents, each with its own connection to a relay.",
        discussion: """
            Each agent is the core of a real one with real codecs, frames and heartbeats; its tasks only wait, and nothing is written to \
            disk. A command 'wait MEAN [DEVIATION]' (seconds) says how long a task takes; others are as the flags say. What is seen is \
            told as lines of JSON: when all are registered with a leader, and every --report seconds the figures.

            EXAMPLES
              emulator --agents 4000 --election zk://127.0.0.1:2181/meseta
              emulator --agents 12500 --relay 127.0.0.1:5055,127.0.0.1:5056 --name third --source 127.0.0.3
            """)

    @Option(help: "Agents; 20,000 open files per process is a usual bound.") var agents = 1000
    @Option(help: "Event loops that share them.") var threads = 1
    @Option(help: "Begins the name of each agent; unique among emulators of a cluster.") var name = "emulated"
    @Option(help: "What each agent shares out.") var resources = "cpus:2;mem:2048"
    @Option(
        help: ArgumentHelp("Relays to begin with.", valueName: "host:port,..."),
        transform: { $0.split(separator: ",").map(String.init) })
    var relay: [String] = []
    @Option(help: "Where relays are found that --relay does not name: zk://host:port,.../path.") var election = "none"
    @Option(help: "The address that connections come from, as 127.0.0.2: each has its own 28,000 ports to a relay.")
    var source: String?
    @Option(help: "File with the secret that the cluster shares.") var secretFile: String?
    @Option(help: "Mean length of a task in seconds.") var mean = TaskLengths().mean
    @Option(help: "Standard deviation of that.") var deviation = TaskLengths().deviation
    @Option(help: "What all lengths are multiplied by.") var scale = TaskLengths().scale
    @Option(help: "Seconds between two lines of figures; 0: none.") var report = 10.0
    @Option(help: "Least important lines logged: trace, debug, info, notice, warning, error.") var logLevel = "warning"

    func validate() throws {
        guard self.agents >= 1, self.threads >= 1 else {
            throw ValidationError("--agents and --threads are at least 1")
        }
        guard !self.relay.isEmpty || self.election != "none" else {
            throw ValidationError("say where relays are: --relay host:port,..., or --election zk://host:port/path")
        }
        guard Logger.Level(rawValue: self.logLevel) != nil else {
            throw ValidationError("--log-level \(self.logLevel) is none of those")
        }
    }

    func run() async throws {
        let logger = LineLogHandler.logger(label: "emulator", level: Logger.Level(rawValue: self.logLevel) ?? .warning)
        let before = try ProcessFigures.own()
        let registrations = Registrations(agents: self.agents)
        let fleets = try self.fleets(registrations, logger)
        let settings = try self.settings()
        for (index, fleet) in fleets.enumerated() {
            fleet.begin(settings.indices.filter { $0 % fleets.count == index }.map { settings[$0] })
        }
        let lookup = Task { try await self.lookForRelays(fleets, logger) }
        defer { lookup.cancel() }
        var last = before
        while true {
            try await Task.sleep(for: .seconds(self.report > 0 ? self.report : 3600))
            guard self.report > 0 else { continue }
            let now = try ProcessFigures.own()
            try await Output.write(self.figures(of: fleets, before: before, last: last, now: now))
            last = now
        }
    }

    private func fleets(_ registrations: Registrations, _ logger: Logger) throws -> [Fleet] {
        let secret = try self.secretFile.map { path throws(Secret.Problem) in try Secret(file: path) }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: self.threads)
        let lengths = TaskLengths(mean: self.mean, deviation: self.deviation, scale: self.scale)
        var node = NodeSettings(role: .agent, name: self.name, secret: secret)
        node.sourceAddress = self.source
        let clock = HostClock()
        return (0..<self.threads).map { _ in
            Fleet(
                node, on: group.next(), lengths: lengths, registrations: registrations, clock: clock, logger: logger)
        }
    }

    private func settings() throws -> [AgentSettings] {
        let total = try Resources(text: self.resources)
        return (1...self.agents).map { index in
            var settings = AgentSettings(name: "\(self.name)-\(index)", hostname: "\(self.name)-\(index)", total: total)
            settings.relays = self.relay
            settings.idleFrameworkLimit = 4
            return settings
        }
    }

    /// One look for all, as long as some agent is not registered; production agents look each for itself.
    private func lookForRelays(_ fleets: [Fleet], _ logger: Logger) async throws {
        guard case .zooKeeper(let servers, let path) = try ElectionURL(text: self.election) else { return }
        while true {
            var registered = 0
            for fleet in fleets { registered += try await fleet.figures().registered }
            if registered < self.agents {
                let directory = await Directory.read(
                    servers: servers, path: path, guid: "\(self.name)-\(getpid())", timeout: .seconds(5),
                    codec: ProtobufCodec(), logger: logger)
                for fleet in fleets { fleet.found(relays: directory.relays.map(\.address)) }
            }
            try await Task.sleep(for: .seconds(2))
        }
    }

    private func figures(
        of fleets: [Fleet], before: ProcessFigures, last: ProcessFigures, now: ProcessFigures
    ) async throws -> Figures {
        var figures = Figures(agents: self.agents)
        for fleet in fleets {
            let part = try await fleet.figures()
            figures.tasks = figures.tasks + part.counts
            figures.running += part.running
            figures.registered += part.registered
        }
        figures.memoryBytes = now.memoryBytes
        figures.memoryPerAgentBytes = (now.memoryBytes - before.memoryBytes) / self.agents
        let seconds = (now.processorSeconds - last.processorSeconds) / (now.time - last.time)
        figures.cores = seconds
        figures.microsecondsPerAgentAndSecond = seconds * 1e6 / Double(self.agents)
        return figures
    }
}

/// A line on standard output.
private struct Figures: Encodable {
    var event = "figures"
    var agents: Int
    /// Of those, with a master.
    var registered = 0
    /// Tasks that run.
    var running = 0
    var tasks = Fleet.Counts()
    /// Resident.
    var memoryBytes = 0
    /// What has come since before the first agent.
    var memoryPerAgentBytes = 0
    /// Used since the last line.
    var cores = 0.0
    /// Of a processor, the same for one agent.
    var microsecondsPerAgentAndSecond = 0.0

    init(agents: Int) { self.agents = agents }
}

/// What this process uses.
private struct ProcessFigures {
    var time: Double
    var processorSeconds: Double
    var memoryBytes: Int

    static func own() throws -> ProcessFigures {
        var usage = rusage()
        getrusage(__rusage_who_t(0), &usage)  // RUSAGE_SELF
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        let pages = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
        return ProcessFigures(
            time: Date().timeIntervalSince1970,
            processorSeconds: seconds(usage.ru_utime) + seconds(usage.ru_stime),
            memoryBytes: (pages.count > 1 ? Int(pages[1]) ?? 0 : 0) * Int(sysconf(Int32(_SC_PAGESIZE))))
    }
}
