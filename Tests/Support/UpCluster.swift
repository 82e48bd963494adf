public import Foundation
internal import Synchronization

/// A cluster of real processes on this machine, which `meseta up` started and ends.
public final class UpCluster: Sendable {
    /// A process of it, as its file tells.
    public struct Member: Decodable, Sendable {
        /// What tells a process from others.
        public struct Identity: Decodable, Sendable {
            /// Of its first life.
            public var pid: Int32
        }
        /// master, allocator, relay or agent.
        public var role: String
        /// Its `--name`.
        public var name: String
        /// Nil while it is dead.
        public var process: Identity?
        /// host:port.
        public var address: String
        /// host:port of health and metrics.
        public var side: String
        /// Of its log.
        public var log: String
        /// What it was started with.
        public var arguments: [String]

        /// The port of `side`.
        public var sidePort: Int? { self.side.split(separator: ":").last.flatMap { Int($0) } }
    }

    private struct File: Decodable {
        var isReady: Bool
        var members: [Member]
    }

    /// This program.
    public static let ownProgram = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()

    /// Where this program lies, and the others with it.
    public static let ownDirectory = UpCluster.ownProgram.deletingLastPathComponent()

    /// Holds everything of the cluster; removed at the end.
    public let directory: URL
    /// As they were started first.
    public let members: [Member]
    private let keeper: Process

    /// Starts a cluster and waits until it is ready.
    ///
    /// - Parameters:
    ///   - name: Begins the name of its directory.
    ///   - programs: Where the programs of the cluster are.
    ///   - arguments: Of `meseta up`, beside `--dir`; made when the directory is there.
    ///   - environment: What the daemons find in theirs: any flag of theirs may be said so.
    public init(
        named name: String, programs: URL = UpCluster.ownDirectory, environment: [String: String] = [:],
        arguments: (URL) throws -> [String]
    ) throws {
        self.directory = FileManager.default.temporaryDirectory.appendingPathComponent("\(name)-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: self.directory, withIntermediateDirectories: true)
        let log = self.directory.appendingPathComponent("up.log").path
        let state = ["XDG_STATE_HOME": self.directory.appendingPathComponent("state").path]
        self.keeper = try Self.start(
            programs.appendingPathComponent("meseta"),
            try ["up", "--dir", self.directory.path] + arguments(self.directory), log: log,
            environment: state.merging(environment) { $1 })
        let path = self.directory.appendingPathComponent("cluster.json").path
        let deadline = Date().addingTimeInterval(120)
        while true {
            let file = FileManager.default.contents(atPath: path).flatMap {
                try? JSONDecoder().decode(File.self, from: $0)
            }
            if let file, file.isReady {
                self.members = file.members
                Self.running.withLock { $0.append(self) }
                return
            }
            guard self.keeper.isRunning, Date() < deadline else {
                if self.keeper.isRunning { self.keeper.terminate() }
                throw TestFailure(
                    "the cluster did not start:\n\((try? String(contentsOfFile: log, encoding: .utf8)) ?? "")")
            }
            usleep(20_000)
        }
    }

    /// Starts a program whose output goes to the end of a file.
    public static func start(
        _ program: URL, _ arguments: [String], log: String, environment: [String: String] = [:]
    ) throws -> Process {
        if !FileManager.default.fileExists(atPath: log) {
            _ = FileManager.default.createFile(atPath: log, contents: nil)
        }
        let output = try FileHandle(forUpdating: URL(fileURLWithPath: log))
        try output.seekToEnd()
        let process = Process()
        process.executableURL = program
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = output
        try process.run()
        try output.close()
        return process
    }

    /// As they are now: a member that was started again is another process.
    public var present: [Member] {
        FileManager.default.contents(atPath: self.directory.appendingPathComponent("cluster.json").path)
            .flatMap { try? JSONDecoder().decode(File.self, from: $0) }?.members ?? []
    }

    /// What schedulers and operators dial.
    public var master: String { self.members(.master).map(\.address).joined(separator: ",") }

    /// What a member can be.
    public enum Role: String, Sendable { case master, allocator, relay, agent }

    /// Those that are this.
    public func members(_ role: Role) -> [Member] { self.members.filter { $0.role == role.rawValue } }

    /// Those that run now, for `endAllOnSignals`.
    private static let running = Mutex<[UpCluster]>([])

    /// Has every cluster ended when this process is asked to end; once, at the start of a program.
    ///
    /// - Parameter others: Ends what else the program has started, before that.
    public static func endAllOnSignals(others: @escaping @Sendable () -> Void = {}) {
        for number in [SIGINT, SIGTERM] {
            // A handler, not SIG_IGN, which programs that are started would inherit.
            signal(number) { _ in }
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            // It holds itself: for as long as the program lives.
            source.setEventHandler { [source] in
                withExtendedLifetime(source) {}
                others()
                for cluster in self.running.withLock({ $0 }) { cluster.stop() }
                exit(128 + number)
            }
            source.resume()
        }
    }

    /// Ends it with all its tasks.
    ///
    /// Again, it does nothing.
    public func stop(keepingFiles: Bool = false) {
        Self.running.withLock { $0.removeAll { $0 === self } }
        if self.keeper.isRunning {
            kill(self.keeper.processIdentifier, SIGTERM)
            self.keeper.waitUntilExit()
        }
        let remains = CgroupRemains(ofAgentsIn: self.directory)
        if keepingFiles { return }
        // Supervisors of an agent that was killed end with it.
        try? FileManager.default.removeItem(at: self.directory)
        remains.remove()
    }
}
