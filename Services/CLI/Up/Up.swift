internal import ArgumentParser
internal import Foundation

/// `meseta up`: starts a cluster on this machine and keeps it going until Ctrl-C.
struct Up: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Start a cluster on this machine, every role a process of its own.",
        discussion: """
            Stays in the foreground until Ctrl-C, and starts again what dies (see --restart-delay), so that single \
            services can be killed to see what happens. The machine's resources are divided among the agents. Two clusters run \
            side by side if each has its own --dir.

            EXAMPLES
              meseta up
              meseta up --agents 5 --relays 2 --allocators 2 --detach
              meseta up --masters 2 --election zk://127.0.0.1:2181/meseta
            """)

    @Option(help: "Masters: one leads, the others stand by. More than one needs --election.") var masters = 1
    @Option(help: "Allocators; they divide the agents.") var allocators = 1
    @Option(help: "Relays; agents and schedulers spread over them.") var relays = 1
    @Option(help: "Agents; they share this machine's resources evenly. With 0, they come from elsewhere.") var agents =
        3
    @Option(help: "none (one master), or zk://host:port[,host:port]/path.") var election = "none"
    @Option(help: "Where logs, state and sandboxes go (default: below ~/.local/state/meseta).") var dir: String?
    @Option(help: "Address to listen on; anything but loopback needs --secret-file or --insecure.") var host =
        "127.0.0.1"
    @Option(help: "File with a secret that all parties share.") var secretFile: String?
    @Flag(help: "Listen on any address without a secret.") var insecure = false
    @Option(help: "How the cluster is shared: a file of roles, weights, guarantees, limits; see 'meseta policy'.")
    var policyFile: String?
    @Option(help: "What each agent offers, as cpus:2;mem:1024 (default: its part of the machine).") var resources:
        String?
    @Option(help: "Seconds before a dead process is started again; 'never' leaves it dead.") var restartDelay = "2"
    @Option(help: "trace, debug, info, notice, warning or error.") var logLevel: String?
    @Flag(help: "Return when the cluster is ready; end it with 'meseta down'.") var detach = false

    func run() throws {
        let directory = Self.absolute(self.dir ?? ClusterHome.defaultCluster)
        if let running = ClusterFile.read(from: directory), running.keeper.isAlive {
            throw Complaint(
                "a cluster runs in \(directory) (pid \(running.keeper.pid)): end it with 'meseta down', or use another --dir"
            )
        }
        var delay: Double?
        if self.restartDelay != "never" {
            guard let seconds = Double(self.restartDelay), seconds >= 0, seconds <= 86_400 else {
                throw Complaint("--restart-delay takes seconds, up to 86400, or 'never'")
            }
            delay = seconds
        }
        var plan = ClusterPlan(directory: directory)
        plan.masters = self.masters
        plan.allocators = self.allocators
        plan.relays = self.relays
        plan.agents = self.agents
        plan.election = self.election
        plan.host = self.host
        plan.secretFile = self.secretFile.map(Self.absolute)
        plan.isInsecure = self.insecure
        plan.policyFile = self.policyFile.map(Self.absolute)
        plan.logLevel = self.logLevel
        plan.resources = self.resources
        try plan.check()
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        // What an earlier cluster left here (its keeper was killed) is ended first.
        if let left = ClusterFile.read(from: directory) { ClusterProcesses.end(left.members) }
        if self.detach { return try self.runDetached(in: directory) }
        try ClusterHome.remember(directory)
        try ClusterKeeper(plan: plan, restartDelay: delay) { print($0, to: &standardError) }.run()
    }

    /// Starts this command again without `--detach`, and waits until it says that the cluster is ready.
    private func runDetached(in directory: String) throws {
        let log = "\(directory)/up.log"
        try? FileManager.default.removeItem(atPath: ClusterFile.path(in: directory))
        try? FileManager.default.removeItem(atPath: log)
        var arguments = Array(CommandLine.arguments.dropFirst()).filter { $0 != "--detach" }
        if self.dir == nil { arguments += ["--dir", directory] }
        let keeper = try ChildProcess.start(ClusterProcesses.executable("meseta"), arguments, log: log)
        while true {
            if let file = ClusterFile.read(from: directory), file.isReady { break }
            guard keeper.isAlive else {
                throw Complaint((try? String(contentsOfFile: log, encoding: .utf8)) ?? "the cluster did not start")
            }
            usleep(10_000)
        }
        print((try? String(contentsOfFile: log, encoding: .utf8)) ?? "", terminator: "", to: &standardError)
        print("The cluster is up in \(directory); 'meseta down' ends it.", to: &standardError)
    }

    static func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : "\(FileManager.default.currentDirectoryPath)/\(path)"
    }
}

/// `meseta down`: ends the cluster that `meseta up` started.
struct Down: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "End the cluster that 'meseta up' started: its tasks, then its processes, and nothing else.")

    @Option(help: "The cluster's directory (default: the last that was started).") var dir: String?

    func run() throws {
        guard let directory = self.dir.map(Up.absolute) ?? ClusterHome.last,
            let file = ClusterFile.read(from: directory)
        else {
            throw Complaint("no cluster is up\(self.dir.map { " in \($0)" } ?? ""); 'meseta up' starts one")
        }
        file.keeper.signal(SIGTERM)
        if !file.keeper.waitUntilGone(seconds: 30) {
            throw Complaint("the cluster's keeper, pid \(file.keeper.pid), does not end; see \(directory)/logs")
        }
        // If the keeper was killed before, its members are still there.
        ClusterProcesses.end(file.members)
        try? FileManager.default.removeItem(atPath: ClusterFile.path(in: directory))
        ClusterHome.forget(directory)
    }
}
