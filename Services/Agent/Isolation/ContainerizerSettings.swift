#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif
public import Model

/// What an agent's containerizer is told.
public struct ContainerizerSettings: Sendable {
    /// The agent's work directory; an absolute path.
    public var directory: String
    /// The program `meseta-supervisor`; an absolute path.
    public var supervisorPath: String
    /// What every container finds in its environment unless its own says otherwise.
    ///
    /// Default: `PATH` of this process, or the usual directories.
    public var environment: [String: String]
    /// What lets the tasks of a framework read its sandboxes on every agent, each time a container starts; nil where
    /// everybody may.
    ///
    /// They find it as `MESETA_FILE_TOKEN`.
    public var fileToken: @Sendable (FrameworkID) -> String? = { _ in nil }
    /// Where root file systems and volumes may come from.
    public var images = ImageSettings()
    /// How long a supervisor stays after the last run of its framework is forgotten.
    ///
    /// Seconds to minutes. It costs a megabyte; starting another costs milliseconds. Default 60 s.
    public var supervisorLinger: Duration = .seconds(60)
    /// How long a supervisor waits for an agent to come back once none of its runs lives, before it ends by itself.
    ///
    /// Whole seconds; zero: for ever. Nothing is lost when it ends: its journal stays, and the next agent starts
    /// another one, which tells what is in it. Default 5 min.
    public var supervisorPatience: Duration = .seconds(300)
    /// The first pause before a supervisor that cannot be reached is started again; doubles up to `retryMax`.
    ///
    /// Default 50 ms.
    public var retryMin: Duration = .milliseconds(50)
    /// Default 5 s.
    public var retryMax: Duration = .seconds(5)

    /// How what commands want is brought into their sandboxes.
    public var fetch = FetchSettings()

    /// The defaults for the rest.
    public init(directory: String, supervisorPath: String, environment: [String: String]? = nil) {
        self.directory = directory
        self.supervisorPath = supervisorPath
        self.environment = environment ?? ["PATH": Self.ownPath ?? Self.usualPath]
    }

    /// The supervisor's program beside that of this process, where it is installed.
    public static func supervisorBesideOwnProgram() -> String? {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        guard readlink("/proc/self/exe", &buffer, Int(PATH_MAX)) > 0 else { return nil }
        let own = buffer.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        guard let slash = own.lastIndex(of: "/") else { return nil }
        let path = own[...slash] + "meseta-supervisor"
        return access(path.description, X_OK) == 0 ? String(path) : nil
    }

    private static var ownPath: String? { getenv("PATH").map { String(cString: $0) } }

    private static let usualPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
}
