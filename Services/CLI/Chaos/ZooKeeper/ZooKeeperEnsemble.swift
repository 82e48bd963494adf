public import Foundation

/// Real ZooKeeper servers on free ports of this machine, in a folder that goes with them.
///
/// Needs Debian's `libzookeeper-java` and a Java runtime, which `Tests/run` installs.
public final class ZooKeeperEnsemble: @unchecked Sendable {  // Used by one test at a time.
    private struct Server {
        let folder: URL
        let clientPort: Int
        var process: Process?
    }

    private var servers: [Server] = []
    private let folder: URL
    private let tickMilliseconds: Int
    private let launcher: (Int) -> [String]

    /// `host:port` of each server, with commas.
    public var connectString: String { self.servers.map { "127.0.0.1:\($0.clientPort)" }.joined(separator: ",") }

    /// Prepares a configuration; `start` runs it.
    ///
    /// - Parameters:
    ///   - tickMilliseconds: ZooKeeper's unit of time; sessions last at least two.
    ///   - folder: Where data and logs go, removed at the end; nil: a new one.
    ///   - launcher: The words before the command line of the server of that index, from 0: a program that becomes it.
    public init(
        count: Int = 1, tickMilliseconds: Int = 500, folder: URL? = nil,
        launcher: @escaping (Int) -> [String] = { _ in [] }
    ) throws {
        self.tickMilliseconds = tickMilliseconds
        self.launcher = launcher
        self.folder = folder ?? FileManager.default.temporaryDirectory.appendingPathComponent("zk-\(UUID().uuidString)")
        let ports = try FreePorts.take(count * 3)
        for index in 0..<count {
            let folder = self.folder.appendingPathComponent("\(index + 1)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let clientPort = ports[index * 3]
            var configuration = """
                tickTime=\(tickMilliseconds)
                initLimit=20
                syncLimit=10
                dataDir=\(folder.path)
                clientPort=\(clientPort)
                clientPortAddress=127.0.0.1
                admin.enableServer=false
                maxClientCnxns=0
                4lw.commands.whitelist=*

                """
            if count > 1 {
                for peer in 0..<count {
                    configuration += "server.\(peer + 1)=127.0.0.1:\(ports[peer * 3 + 1]):\(ports[peer * 3 + 2])\n"
                }
                try "\(index + 1)\n".write(
                    to: folder.appendingPathComponent("myid"), atomically: true, encoding: .utf8)
            }
            try configuration.write(
                to: folder.appendingPathComponent("zoo.cfg"), atomically: true, encoding: .utf8)
            self.servers.append(Server(folder: folder, clientPort: clientPort))
        }
    }

    deinit { self.stop() }

    /// Starts what does not run, and waits until the ensemble serves.
    public func start() throws {
        for index in self.servers.indices where self.servers[index].process == nil { try self.start(index) }
        for server in self.servers { try self.wait(for: server) }
    }

    /// Starts one server.
    public func start(_ index: Int) throws {
        let server = self.servers[index]
        let process = Process()
        let words =
            self.launcher(index) + [
                "/usr/bin/java", "-Xmx128m", "-Dzookeeper.admin.enableServer=false", "-cp",
                "\(server.folder.path):/usr/share/java/slf4j-simple.jar:/usr/share/java/zookeeper.jar",
                "org.apache.zookeeper.server.quorum.QuorumPeerMain",
                server.folder.appendingPathComponent("zoo.cfg").path,
            ]
        process.executableURL = URL(fileURLWithPath: words[0])
        process.arguments = Array(words.dropFirst())
        let log = server.folder.appendingPathComponent("log")
        _ = FileManager.default.createFile(atPath: log.path, contents: nil)
        let output = try FileHandle(forWritingTo: log)
        process.standardOutput = output
        process.standardError = output
        try process.run()
        self.servers[index].process = process
    }

    /// The process of a server, while it runs.
    public func pid(_ index: Int) -> Int32? {
        guard let process = self.servers[index].process, process.isRunning else { return nil }
        return process.processIdentifier
    }

    /// `kill -9` of one server.
    public func kill(_ index: Int) {
        guard let process = self.servers[index].process else { return }
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        self.servers[index].process = nil
    }

    /// Has a server hang: its connections stay, and nobody answers.
    public func pause(_ index: Int) {
        if let process = self.servers[index].process { Foundation.kill(process.processIdentifier, SIGSTOP) }
    }

    /// Ends all servers; what they had stored is gone when they are started again.
    public func wipe() {
        for index in self.servers.indices {
            self.kill(index)
            try? FileManager.default.removeItem(at: self.servers[index].folder.appendingPathComponent("version-2"))
        }
    }

    /// Ends all servers and removes their data.
    public func stop() {
        for index in self.servers.indices { self.kill(index) }
        try? FileManager.default.removeItem(at: self.folder)
    }

    private func wait(for server: Server) throws {
        let deadline = Date().addingTimeInterval(30)
        while Date() < deadline {
            if FreePorts.ask("srvr", port: server.clientPort).contains("Mode:") { return }
            Thread.sleep(forTimeInterval: 0.05)
        }
        let log = try? String(contentsOf: server.folder.appendingPathComponent("log"), encoding: .utf8)
        throw LocalProblem("ZooKeeper did not come up on port \(server.clientPort):\n\(log ?? "")")
    }
}

/// Something that is needed on this machine is not as it should be.
public struct LocalProblem: Error, CustomStringConvertible {
    /// For people: what went wrong, with what was seen.
    public let description: String

    init(_ description: String) { self.description = description }
}
