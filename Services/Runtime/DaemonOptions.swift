public import ArgumentParser
public import Frames
internal import Logging
public import Model

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// The flags that every daemon has.
///
/// Each may also be given in the environment (`MESETA_SIDE_PORT=5060`) or in a file (`side-port: 5060`): see `Configuration`.
public struct DaemonOptions: ParsableArguments, Sendable {
    /// The address to listen on.
    @Option(help: "Address to listen on. Any but loopback needs --secret-file or --insecure.")
    public var host = "127.0.0.1"

    /// The port to listen on.
    @Option(help: "Port to listen on; 0 for any that is free. Default: the role's own.")
    public var port: Int?

    /// The port for health and metrics.
    @Option(help: "Port for /livez, /readyz and /metrics; 0 for any that is free. Default: the role's own.")
    public var sidePort: Int?

    /// The host by which others reach this process, if it is not `host`.
    @Option(
        help: ArgumentHelp(
            "Host name or address by which others reach this process. Default: --host.", valueName: "host"))
    public var advertise: String?

    /// What the process calls itself.
    @Option(help: "Name in logs and listings, unique in its role. Default: the host's name and the port.")
    public var name: String?

    /// The file with the shared secret.
    @Option(
        help: ArgumentHelp(
            "File with the secret that the cluster's processes share, not readable by others.", valueName: "file"))
    public var secretFile: String?

    /// Listen beyond loopback without a secret.
    @Flag(help: "Listen beyond loopback without a secret: whoever reaches the port may use the cluster.")
    public var insecure = false

    /// Where the leader is elected.
    @Option(help: ArgumentHelp("Where the leader is elected: zk://host:port,.../path, or none.", valueName: "url"))
    public var election = "none"

    /// Where things are kept on disk.
    @Option(help: ArgumentHelp("Directory for what is kept on disk.", valueName: "directory"))
    public var dir: String?

    /// The least important lines logged.
    @Option(
        help: ArgumentHelp(
            "Least important lines logged: trace, debug, info, notice, warning, error.", valueName: "level"))
    public var logLevel = "info"

    /// The longest message between services.
    @Option(
        help: ArgumentHelp(
            "Longest message between services; half of it from schedulers and executors.", valueName: "bytes"))
    public var maxFrame = ByteCountFlag(16 << 20)

    /// How often a connection is used at least.
    @Option(
        help: ArgumentHelp(
            "A connection with nothing to say is used after so long, by both sides; between a relay and its agents after half as long again.",
            valueName: "duration"))
    public var heartbeatInterval = DurationFlag(.seconds(15))

    /// The file with more flags.
    @Option(
        help: ArgumentHelp(
            "File of 'name: value' lines, for flags not given here or in the environment.", valueName: "file"))
    public var config: String?

    /// Ask a running process whether it is ready, instead of starting one.
    @Flag(help: "Ask the process that runs with these flags whether it is ready; exit with 0 if so, else with 1.")
    public var check = false

    /// Nothing given.
    public init() {}

    /// Checks what can be checked without looking at the machine.
    ///
    /// - Throws: `ValidationError`.
    public func validate() throws {
        for port in [self.port, self.sidePort].compactMap({ $0 }) where !(0...65535).contains(port) {
            throw ValidationError("\(port) is no port: between 0 and 65535")
        }
        guard Logger.Level(rawValue: self.logLevel.lowercased()) != nil else {
            throw ValidationError("--log-level \(self.logLevel) is none of trace, debug, info, notice, warning, error")
        }
        guard self.maxFrame.bytes >= 2 << 20, self.maxFrame.bytes <= 1 << 30 else {
            throw ValidationError("--max-frame \(self.maxFrame) is not between 2MiB and 1GiB")
        }
        guard self.heartbeatInterval.duration >= .milliseconds(20), self.heartbeatInterval.duration <= .seconds(3600)
        else {
            throw ValidationError("--heartbeat-interval \(self.heartbeatInterval) is not between 20ms and 1h")
        }
        if let name, name.isEmpty || name.utf8.count > 256 {
            throw ValidationError("--name has between 1 and 256 bytes")
        }
    }

    /// The level that `--log-level` names.
    var level: Logger.Level { Logger.Level(rawValue: self.logLevel.lowercased()) ?? .info }

    /// The node's settings that these flags make.
    ///
    /// - Throws: `Secret.Problem`.
    public func nodeSettings(role: PeerRole, name: String) throws -> NodeSettings {
        let secret = try self.secretFile.map { path throws(Secret.Problem) in try Secret(file: path) }
        var settings = NodeSettings(role: role, name: name, secret: secret)
        settings.isInsecure = self.insecure
        settings.maxFrameBytes = self.maxFrame.bytes
        settings.maxEntryFrameBytes = self.maxFrame.bytes / 2
        settings.heartbeatInterval = self.heartbeatInterval.duration
        settings.silenceLimit = self.heartbeatInterval.duration * 3
        if let files = OpenFiles.limit { settings.maxConnections = OpenFiles.connections(of: files) }
        // A hundred thousand connections that nobody uses. Three of them are less than a master's agent timeout, and two no more than
        // what a relay waits.
        if role == .relay { settings.heartbeatIntervals[.agent] = self.heartbeatInterval.duration * 3 / 2 }
        return settings
    }

    /// The host by which others reach this process: `--advertise`; else `--host`, or this machine's name if that is all
    /// of its addresses.
    public var advertisedHost: String {
        if let advertise { return advertise }
        return self.host == "0.0.0.0" || self.host == "::" ? Self.hostname() : self.host
    }

    /// What this machine calls itself, without asking anybody else.
    public static func hostname() -> String {
        var name = [UInt8](repeating: 0, count: 256)
        let failed = name.withUnsafeMutableBytes {
            gethostname($0.baseAddress!.assumingMemoryBound(to: CChar.self), 255)
        }
        return failed == 0 ? String(decoding: name.prefix { $0 != 0 }, as: UTF8.self) : "localhost"
    }
}

/// The version of all programs.
public enum ProgramVersion {
    /// As `--version` prints it.
    public static let current = "0.1.0"
}
