internal import ArgumentParser
internal import Dispatch
internal import Foundation
internal import MesetaSDK
internal import NIOPosix

/// `meseta run`: runs a command as one task or several, and shows what they print.
struct Run: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run a command on the cluster as one task or several, and see what they print.",
        discussion: """
            Standard output and standard error of the tasks come over the network from their agents. Ends with 0 if every task \
            did, else with the exit code of the first that failed (128 + the signal, if one ended it). Ctrl-C kills the tasks.

            EXAMPLES
              meseta run -- hostname
              meseta run --instances 20 -- sh -c 'echo task $MESETA_TASK_ID on $MESETA_AGENT_ID'
              meseta run --cpus 2 --mem 512 --env SEED=7 -- ./simulate --fast
              meseta run --uri https://example.org/tool.tar.gz --cache -- ./tool/bin/tool
              meseta run --image /images/busybox --volume /data/in:/in:ro -- sh -c 'ls /in'
            """)

    @OptionGroup var cluster: ClusterOptions
    @Option(help: "Cores per task.") var cpus = 0.1
    @Option(help: "Megabytes of memory per task.") var mem = 32.0
    @Option(help: "Megabytes of disk per task.") var disk = 0.0
    @Option(help: "How many tasks run the command.") var instances = 1
    @Option(help: "NAME=VALUE in the tasks' environment; may be repeated.") var env: [String] = []
    @Option(
        help: ArgumentHelp(
            """
            What each task finds in its sandbox; may be repeated: a URL, or a path on the agents. Archives are unpacked. With #sha256=HEX \
            behind it the task fails if it has another sum.
            """, valueName: "uri"))
    var uri: [String] = []
    @Option(help: "As --uri, and made executable, not unpacked.") var executable: [String] = []
    @Flag(help: "Let agents keep what they fetch for later tasks.") var cache = false
    @Option(
        help: ArgumentHelp(
            """
            A root file system for the tasks, on their agents' disks: a directory, a tar archive, or an OCI image layout. \
            The agents allow it with --image-dirs. Without a COMMAND the image says what is run.
            """, valueName: "path")) var image: String?
    @Option(help: ArgumentHelp("Which image of an OCI image layout that holds several.", valueName: "name"))
    var imageReference: String?
    @Option(
        help: ArgumentHelp(
            """
            A directory or file made visible to the tasks: SOURCE on their agents' machines, which allow it with \
            --volume-dirs, or, if it has no leading slash, in their sandboxes. TARGET without a leading slash is in the \
            sandbox. May be repeated.
            """, valueName: "source:target[:ro]")) var volume: [VolumeArgument] = []
    @Option(
        help: ArgumentHelp(
            "A limit of each process, such as nofile=1024:2048; may be repeated.", valueName: "name=soft:hard"))
    var ulimit: [String] = []
    @Option(help: ArgumentHelp("A capability more than root keeps in a container, or ALL.", valueName: "name"))
    var capAdd: [String] = []
    @Option(help: ArgumentHelp("A capability less, or ALL but those that are added.", valueName: "name"))
    var capDrop: [String] = []
    @Option(help: "Name of the framework, for listings.") var name = "run"
    @Option(help: "The role whose share the tasks count in.") var role = "*"
    @Option(help: "Seconds to look for the cluster.") var timeout = 30.0
    @Argument(parsing: .postTerminator, help: "The command and its arguments, after --.") var command: [String] = []

    func validate() throws {
        guard !self.command.isEmpty || self.image != nil else {
            throw ValidationError("what is to run? write: meseta run -- COMMAND [ARG ...]")
        }
        if self.imageReference != nil, self.image == nil { throw ValidationError("--image-reference needs --image") }
        guard (1...1_000_000).contains(self.instances) else {
            throw ValidationError("--instances is from 1 to 1000000")
        }
        guard self.cpus >= 0, self.mem >= 0, self.disk >= 0, self.cpus + self.mem > 0, self.cpus < 1e6, self.mem < 1e9,
            self.disk < 1e9
        else { throw ValidationError("--cpus, --mem and --disk are not negative, and not all zero") }
        for uri in self.uris {
            if let problem = uri.problem { throw ValidationError("\(uri.value) \(problem)") }
        }
        for variable in self.env where !variable.contains("=") || variable.hasPrefix("=") {
            throw ValidationError("--env '\(variable)': write NAME=VALUE")
        }
        _ = try self.container()
    }

    /// What the tasks say of their containers; nil: nothing.
    ///
    /// - Throws: What is wrong with the flags.
    func container() throws -> ContainerInfo? {
        var container = ContainerInfo()
        container.image = self.image.map { .init(path: $0, reference: self.imageReference) }
        container.volumes = self.volume.map(\.volume)
        do {
            container.limits = try self.ulimit.map(ContainerInfo.ResourceLimit.init)
        } catch {
            throw ValidationError("--ulimit \(error)")
        }
        if !self.capAdd.isEmpty || !self.capDrop.isEmpty {
            let (added, dropped) = (try Self.capabilities(self.capAdd), try Self.capabilities(self.capDrop))
            let isNew = dropped == Capabilities.all
            container.linux.effectiveCapabilities =
                isNew ? added : (Capabilities.usual | added) & ~dropped
        }
        if let problem = container.problem { throw ValidationError("the container \(problem)") }
        return container == ContainerInfo() ? nil : container
    }

    private static func capabilities(_ names: [String]) throws -> UInt64 {
        try names.reduce(0) { set, name in
            guard let one = Capabilities.set(named: name) else {
                throw ValidationError("'\(name)' is no capability; write a name as in capabilities(7), or ALL")
            }
            return set | one
        }
    }

    private var uris: [CommandInfo.URI] {
        self.uri.map { self.uri($0, executable: false) } + self.executable.map { self.uri($0, executable: true) }
    }

    private func uri(_ text: String, executable: Bool) -> CommandInfo.URI {
        var uri = CommandInfo.URI(value: text, executable: executable, cache: self.cache)
        for algorithm in Checksum.Algorithm.allCases {
            guard let mark = text.range(of: "#\(algorithm.rawValue)=") else { continue }
            uri.value = String(text[..<mark.lowerBound])
            uri.checksum = "\(algorithm.rawValue):\(text[mark.upperBound...])"
        }
        return uri
    }

    func run() async throws {
        var command = CommandInfo()
        // Without one it is the image's.
        command.shell = false
        if let program = self.command.first { command = CommandInfo(program: program, arguments: self.command) }
        for variable in self.env {
            let parts = variable.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            command.environment[String(parts[0])] = String(parts[1])
        }
        command.uris = self.uris
        let tasks = RunScheduler(
            .init(
                command: command, container: try self.container(),
                resources: Resources(cpus: self.cpus, mem: self.mem, disk: self.disk),
                instances: self.instances, group: MultiThreadedEventLoopGroup.singleton,
                secret: try SandboxAccess.secret(self.cluster.secret)))
        var options = SchedulerDriver.Options()
        options.secretFile = self.cluster.secret
        options.registrationPatience = .seconds(self.timeout)
        // The tasks outlive a short absence of this command's connection, not its end.
        var framework = FrameworkInfo(self.name, failoverTimeout: .seconds(60), roles: [self.role])
        framework.capabilities.insert(.partitionAware)
        let driver = SchedulerDriver(
            framework: framework,
            master: try self.cluster.masterAddress(), options: options, scheduler: tasks)
        let signals = Self.onInterrupt { number in Task { await tasks.interrupted(by: number, driver) } }
        defer { for signal in signals { signal.cancel() } }
        do { try await driver.run() } catch { throw Complaint(error.message) }
        let code = await tasks.exitCode()
        if code != 0 { throw ExitCode(code) }
    }

    /// Has a signal call `body` instead of ending the process.
    private static func onInterrupt(_ body: @escaping @Sendable (Int32) -> Void) -> [any DispatchSourceSignal] {
        [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { body(number) }
            source.resume()
            return source
        }
    }
}
