public import ArgumentParser
public import Frames
public import Logging
public import Model
public import NIOCore
internal import NIOPosix
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// A daemon's command: its flags, and how its parts are wired.
///
/// The rest is the same for all of them.
///
///     @main struct MasterCommand: DaemonCommand {
///         static let configuration = daemonConfiguration("meseta-master", abstract: "Offers a cluster's machines.")
///         static let role = PeerRole.master
///         static let defaultPort = 5050
///         static let defaultSidePort = 5060
///         @OptionGroup var daemon: DaemonOptions
///         func start(_ services: DaemonServices) async throws { ... }
///     }
///
/// `main` reads the flags from command line, environment and file; answers `--check`; opens the side port; calls `start`;
/// prints the ready line; waits for SIGTERM or SIGINT; and stops what was started.
public protocol DaemonCommand: ParsableCommand {
    /// What the process is to the cluster.
    static var role: PeerRole { get }
    /// The port if no flag says so.
    static var defaultPort: Int { get }
    /// The side port if no flag says so.
    static var defaultSidePort: Int { get }
    /// The flags that all daemons have.
    var daemon: DaemonOptions { get }

    /// Wires the parts and begins: sets the node's callbacks, dials, and calls `services.listen()`.
    ///
    /// - Throws: What makes a start impossible: it is printed, and the process exits with 1. A peer that is not there yet is no
    ///   such thing.
    func start(_ services: DaemonServices) async throws
}

extension DaemonCommand {
    /// The usual configuration, with the version.
    public static func daemonConfiguration(_ name: String, abstract: String, discussion: String = "")
        -> CommandConfiguration
    {
        let sources = """
            Each flag may also be given in the environment (--side-port as MESETA_SIDE_PORT) or in the file that --config names \
            (a line 'side-port: 5060'). The command line comes first, then the environment, then the file.
            """
        return CommandConfiguration(
            commandName: name, abstract: abstract,
            discussion: discussion.isEmpty ? sources : discussion + "\n\n" + sources, version: ProgramVersion.current)
    }

    /// Reads flags, environment and file, and runs the daemon until it is told to end.
    public static func main() async {
        let command = Self.parseOrExit()
        if command.daemon.check {
            let port = command.daemon.sidePort ?? Self.defaultSidePort
            let (isReady, text) = HealthCheck.run(host: command.daemon.host, port: port)
            Self.write(text, to: isReady ? 1 : 2)
            endProcess(isReady ? 0 : 1)
        }
        let services: DaemonServices
        do {
            services = try DaemonServices(
                command.daemon, role: Self.role, label: Self._commandName, port: Self.defaultPort,
                sidePort: Self.defaultSidePort)
        } catch {
            Self.write("Error: \(error)\n", to: 2)
            endProcess(1)
        }
        let ending = Task { await Self.waitForEnd(services) }
        do {
            try await services.openSidePort()
            try await command.start(services)
        } catch {
            services.logger.critical("Cannot start", metadata: [LogKey.reason: "\(error)"])
            endProcess(1)
        }
        services.becomeReady()
        await ending.value
    }

    /// Stops at the first signal, also if the start is not done yet; the second one ends the process at once.
    private static func waitForEnd(_ services: DaemonServices) async {
        var isStopping = false
        for await number in Signals.termination() {
            if isStopping { endProcess(1) }
            isStopping = true
            services.logger.notice("Stopping", metadata: [LogKey.signal: "\(Signals.name(number))"])
            Task {
                await services.stop()
                endProcess(0)
            }
        }
    }

    /// The command as command line, environment and file give it; prints what is wrong, or the help, and exits.
    static func parseOrExit() -> Self {
        do {
            let arguments = try Configuration.arguments(
                for: Self.self, commandLine: Array(CommandLine.arguments.dropFirst()),
                environment: Configuration.environment())
            return try Self.parse(arguments)
        } catch let problem as Configuration.Problem {
            Self.write("Error: \(problem)\n", to: 2)
            endProcess(64)
        } catch {
            Self.exit(withError: error)
        }
    }

    private static func write(_ text: String, to descriptor: Int32) {
        DaemonServices.write(text, to: descriptor)
    }
}

/// Ends the process as it stands: `exit` would destroy what threads of libraries may still be using, such as one that waits
/// for a silent ZooKeeper.
///
/// Nothing is lost: what is said is written at once.
private func endProcess(_ status: Int32) -> Never {
    _exit(status)
}

/// What every daemon has: one event loop, a node on it, a side port beside it, and an orderly end.
public final class DaemonServices: Sendable {
    /// The flags that all daemons have.
    public let options: DaemonOptions
    /// The name of this process among those of its role.
    public let name: String
    /// Writes to standard output.
    public let logger: Logger
    /// The loop that role, node and timers live on.
    public let eventLoop: any EventLoop
    /// What time it is.
    public let clock: HostClock
    /// The process's connections.
    ///
    /// Set its callbacks before `listen`.
    public let node: Node
    /// Shown at `/metrics`.
    public let metrics: Metrics
    /// Shown at `/readyz`.
    public let readiness: Readiness
    /// For routes of the role's own.
    public let sidePort: SidePort
    /// What this process is.
    public let role: PeerRole
    /// The port asked for; `listen` returns the one bound.
    public let port: Int

    /// How long stopping may take before the process exits all the same.
    private static let stopLimit: Duration = .seconds(10)

    private struct State {
        var bound: Int?
        var sideBound = 0
        var stops: [@Sendable () async -> Void] = []
    }

    private let group: MultiThreadedEventLoopGroup
    private let wantedSidePort: Int
    private let state = Mutex(State())

    /// Makes everything, opens nothing.
    ///
    /// - Throws: `Secret.Problem`, or `ListenProblem` if the address is not protected.
    init(_ options: DaemonOptions, role: PeerRole, label: String, port: Int, sidePort: Int) throws {
        self.options = options
        self.role = role
        self.port = options.port ?? port
        self.wantedSidePort = options.sidePort ?? sidePort
        self.name = options.name ?? "\(DaemonOptions.hostname()):\(self.port)"
        self.logger = LineLogHandler.logger(label: label, level: options.level)
        self.clock = HostClock()
        self.group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        self.eventLoop = self.group.next()
        self.metrics = Metrics()
        self.readiness = Readiness()
        self.sidePort = SidePort(metrics: self.metrics, readiness: self.readiness, logger: self.logger)
        let settings = try options.nodeSettings(role: role, name: self.name)
        try settings.checkProtection(host: options.host)
        self.node = Node(settings: settings, eventLoop: self.eventLoop, logger: self.logger)
        self.readiness.set("started", problem: "starting")
        self.node.onTraffic = { [metrics = self.metrics] in metrics.show($0, of: role) }
    }

    /// Accepts connections at `--host` and `--port`.
    ///
    /// - Returns: Where others reach this process: the advertised host and the port bound.
    /// - Throws: `ListenProblem`.
    @discardableResult
    public func listen() async throws -> String {
        let bound = try await self.node.listen(host: self.options.host, port: self.port)
        self.state.withLock { $0.bound = bound }
        return Self.address(self.options.advertisedHost, bound)
    }

    /// Where others reach this process; nil before `listen`.
    public var advertisedAddress: String? {
        self.state.withLock { $0.bound }.map { Self.address(self.options.advertisedHost, $0) }
    }

    /// The side port that is bound; 0 before it is.
    public var boundSidePort: Int { self.state.withLock { $0.sideBound } }

    /// A host for the role, on the process's loop and clock.
    public func host<R: Role & SendableMetatype>(
        _ role: R, perform: @escaping (R.Effect) -> Void = { _ in }
    ) -> RoleHost<R> where R.Event: Sendable {
        RoleHost(role, on: self.eventLoop, logger: self.logger, clock: self.clock, perform: perform)
    }

    /// Adds something to do when the process is told to end.
    ///
    /// Done in the reverse order, then the node is closed.
    public func onStop(_ stop: @escaping @Sendable () async -> Void) {
        self.state.withLock { $0.stops.append(stop) }
    }

    func openSidePort() async throws {
        let bound = try await self.sidePort.listen(host: self.options.host, port: self.wantedSidePort)
        self.state.withLock { $0.sideBound = bound }
    }

    func becomeReady() {
        self.readiness.set("started", problem: nil)
        let (bound, sideBound) = self.state.withLock { ($0.bound, $0.sideBound) }
        let report = ReadyReport(
            role: "\(self.role)", name: self.name, pid: Int(getpid()),
            address: bound.map { Self.address(self.options.advertisedHost, $0) } ?? "",
            side: Self.address(self.options.advertisedHost, sideBound))
        Self.write(report.line + "\n", to: 1)
    }

    func stop() async {
        let limit = Task {
            try await Task.sleep(for: Self.stopLimit)
            self.logger.error("Stopping takes too long, exiting")
            endProcess(1)
        }
        for stop in self.state.withLock({ $0.stops }).reversed() { await stop() }
        await self.node.close()
        await self.sidePort.close()
        limit.cancel()
    }

    private static func address(_ host: String, _ port: Int) -> String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    static func write(_ text: String, to descriptor: Int32) {
        var text = text
        text.withUTF8 { bytes in
            #if canImport(Glibc)
                _ = Glibc.write(descriptor, bytes.baseAddress, bytes.count)
            #else
                _ = Musl.write(descriptor, bytes.baseAddress, bytes.count)
            #endif
        }
    }
}
