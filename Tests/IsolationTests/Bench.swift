import Logging
import Model
import NIOCore
import NIOPosix
import Testing

@testable import Isolation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// An agent's isolation without the agent: a work directory, a containerizer with real supervisors, and what it tells.
final class Bench: Sendable {
    let directory: String
    let isolator: Isolator
    private let fetch: FetchSettings
    let loop: any EventLoop
    private let images: ImageSettings
    private let events: AsyncStream<ContainerEvent>.Continuation
    private let inbox = Inbox()
    private let holder: NIOLoopBoundBox<Containerizer?>

    /// Runs `body` with a bench, then ends every supervisor it started, and looks whether anything was left.
    static func run(
        cgroups: Bool = true, settings: IsolationSettings = .init(), fetch: FetchSettings = .init(),
        images: ImageSettings = .init(), _ body: (Bench) async throws -> Void
    ) async throws {
        let bench = try await Bench(usesCgroups: cgroups, settings: settings, fetch: fetch, images: images)
        do { try await body(bench) } catch {
            await bench.end()
            throw error
        }
        await bench.end()
    }

    private init(
        usesCgroups: Bool, settings: IsolationSettings, fetch: FetchSettings, images: ImageSettings
    ) async throws {
        self.fetch = fetch
        self.images = images
        var template = Array("/tmp/meseta-isolation-XXXXXX".utf8CString)
        self.directory = String(cString: mkdtemp(&template))
        chmod(self.directory, 0o755)
        var settings = settings
        if !usesCgroups { settings.choice = .processes }
        self.isolator = Isolator(
            agent: Isolator.agentToken(name: "test", directory: self.directory), settings: settings)
        self.loop = MultiThreadedEventLoopGroup.singleton.next()
        let (stream, continuation) = AsyncStream.makeStream(of: ContainerEvent.self)
        self.events = continuation
        let inbox = self.inbox
        Task { for await event in stream { await inbox.add(event) } }
        self.holder = .makeBoxSendingValue(nil, eventLoop: self.loop)
        _ = try await self.start()
    }

    /// A new life of the agent: what earlier ones left is found.
    @discardableResult
    func start(
        supervisor: String? = nil, linger: Duration = .seconds(60), patience: Duration = .seconds(300)
    ) async throws -> [RecoveredRun] {
        let program = try #require(ContainerizerSettings.supervisorBesideOwnProgram())
        var settings = ContainerizerSettings(directory: self.directory, supervisorPath: supervisor ?? program)
        settings.supervisorLinger = linger
        settings.supervisorPatience = patience
        settings.fetch = self.fetch
        settings.images = self.images
        let ready = settings
        return try await self.loop.flatSubmit {
            var logger = Logger(label: "test")
            logger.logLevel = .error
            let containerizer = Containerizer(
                settings: ready, isolator: self.isolator, eventLoop: self.loop, logger: logger)
            let events = self.events
            containerizer.onEvent = { events.yield($0) }
            self.holder.value = containerizer
            return containerizer.recover()
        }.get()
    }

    /// The agent dies; its supervisors and containers do not.
    func stop() async throws {
        try await self.loop.flatSubmit { () -> EventLoopFuture<Void> in
            let containerizer = self.holder.value
            self.holder.value = nil
            return containerizer?.shutdown() ?? self.loop.makeSucceededVoidFuture()
        }.get()
    }

    /// Gives an order on the loop.
    @discardableResult
    func order<Answer: Sendable>(_ order: @escaping @Sendable (Containerizer) -> Answer) async throws -> Answer {
        try await self.loop.submit { order(self.holder.value!) }.get()
    }

    func usage(_ run: RunID) async throws -> ContainerUsage {
        try await self.loop.flatSubmit { self.holder.value!.usage(of: run) }.get()
    }

    func report() async throws -> UsageReport {
        try await self.loop.submit { self.holder.value!.usage }.get()
    }

    /// A command task's container.
    func spec(_ run: RunID, _ command: CommandInfo, framework: String = "F", user: String? = nil) -> ContainerSpec {
        ContainerSpec(
            runID: run, frameworkID: FrameworkID(framework), taskID: TaskID("t\(run)"), command: command,
            resources: Resources(milliCPU: 500, milliMB: 64_000), user: user,
            sandbox: ["frameworks", framework, "tasks", "t\(run).\(run)"])
    }

    func launch(_ run: RunID, _ script: String, framework: String = "F") async throws {
        let spec = self.spec(run, CommandInfo(shell: script), framework: framework)
        try await self.order { $0.launch(spec) }
    }

    /// The next thing that is told of a run.
    func next(_ run: RunID) async throws -> ContainerEvent {
        let inbox = self.inbox
        try await eventually { await inbox.has(run) }
        return try #require(await inbox.take(run))
    }

    /// Waits for the start of a run.
    @discardableResult
    func started(_ run: RunID) async throws -> Int32 {
        guard case .started(_, let pid) = try await self.next(run) else {
            Issue.record("run \(run) did not start")
            return 0
        }
        return pid
    }

    /// Waits until the limits of a run have changed; why they have not, if so.
    func updated(_ run: RunID) async throws -> String? {
        let inbox = self.inbox
        try await eventually { await inbox.hasChange(run) }
        return await inbox.takeChange(run)
    }

    /// The group of a run in one tree.
    func group(_ run: RunID, _ controller: String) -> String? {
        CgroupHost.detect().hierarchy(of: controller).flatMap { self.isolator.directories(of: run).directory(in: $0) }
    }

    /// Waits for the end of a run that has started.
    func exit(_ run: RunID) async throws -> ContainerExit {
        let event = try await self.next(run)
        guard case .exited(_, let exit) = event else {
            Issue.record("run \(run) did not exit: \(event)")
            return ContainerExit(status: -1)
        }
        return exit
    }

    /// Starts a script, waits for its end, and reads what it wrote.
    func result(_ run: RunID, _ script: String) async throws -> (exit: ContainerExit, output: String) {
        try await self.launch(run, script)
        try await self.started(run)
        let exit = try await self.exit(run)
        return (exit, self.file(run, "stdout"))
    }

    func sandbox(_ run: RunID, framework: String = "F") -> String {
        "\(self.directory)/frameworks/\(framework)/tasks/t\(run).\(run)"
    }

    func file(_ run: RunID, _ name: String) -> String { contents("\(self.sandbox(run))/\(name)") ?? "" }

    /// The process that supervises a framework.
    func supervisor(_ framework: String = "F") -> Int32? {
        contents("\(self.directory)/supervisors/\(framework)/lock").flatMap { Int32($0.filter(\.isNumber)) }
    }

    /// Waits until a file of a sandbox has something in it.
    func content(_ run: RunID, _ name: String) async throws -> String {
        try await eventually { self.file(run, name) != "" }
        return self.file(run, name)
    }

    private func end() async {
        try? await self.stop()
        for name in names("\(self.directory)/supervisors") {
            guard let pid = self.supervisor(name) else { continue }
            kill(pid, SIGTERM)
            try? await eventually { !isAlive(pid) }
            #expect(!isAlive(pid), "supervisor \(pid) is left")
        }
        #expect(processes(below: self.directory).isEmpty, "processes are left")
        // The next life of the agent removes what the last one could not.
        _ = try? await self.start(linger: .zero)
        try? await self.stop()
        for name in names("\(self.directory)/supervisors") {
            guard let pid = self.supervisor(name) else { continue }
            kill(pid, SIGTERM)
            try? await eventually { !isAlive(pid) }
        }
        // A group is given free a moment after its last process is gone.
        try? await eventually {
            self.isolator.removeAll()
            return self.cgroups().isEmpty
        }
        #expect(self.cgroups().isEmpty, "control groups are left")
        remove(self.directory)
    }

    /// The agent's own directories of control groups, in all hierarchies.
    func cgroups() -> [String] {
        let token = Isolator.agentToken(name: "test", directory: self.directory)
        return CgroupHost.detect().hierarchies.map { "\($0.mount)/meseta/\(token)" }.filter { access($0, F_OK) == 0 }
    }

    /// The group that a container is tracked by; nil when it has none any more.
    func group(_ run: RunID) -> String? {
        guard let tracking = CgroupHost.detect().tracking else { return nil }
        return self.isolator.directories(of: run).directory(in: tracking).flatMap { access($0, F_OK) == 0 ? $0 : nil }
    }

    func cgroupFile(_ run: RunID, _ controller: String, _ name: String) -> String? {
        self.group(run, controller).flatMap { contents("\($0)/\(name)") }?.filter { !$0.isNewline }
    }
}

/// What was told of each run and not asked for yet.
private actor Inbox {
    private var told: [RunID: [ContainerEvent]] = [:]
    private var changes: [RunID: [String?]] = [:]

    func add(_ event: ContainerEvent) {
        switch event {
        case .started(let run, _), .exited(let run, _), .launchFailed(let run, _):
            self.told[run, default: []].append(event)
        case .updated(let run, let problem): self.changes[run, default: []].append(problem)
        }
    }
    func has(_ run: RunID) -> Bool { self.told[run]?.isEmpty == false }
    func take(_ run: RunID) -> ContainerEvent? { self.told[run]?.removeFirst() }
    func hasChange(_ run: RunID) -> Bool { self.changes[run]?.isEmpty == false }
    func takeChange(_ run: RunID) -> String? { self.changes[run]?.removeFirst() }
}

struct Timeout: Error {}

/// Waits until something is so, ten seconds at most.
func eventually(_ condition: @Sendable () async -> Bool) async throws {
    for _ in 0..<5000 {
        if await condition() { return }
        try await Task.sleep(for: .milliseconds(2))
    }
    throw Timeout()
}

func contents(_ path: String) -> String? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes[..<count], as: UTF8.self)
}

func names(_ path: String) -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != ".", name != ".." { names.append(name) }
    }
    return names
}

func isAlive(_ pid: Int32) -> Bool {
    guard let stat = contents("/proc/\(pid)/stat"), let end = stat.lastIndex(of: ")") else { return false }
    return !stat[end...].hasPrefix(") Z")
}

/// Processes whose environment or working directory names a directory.
func processes(below directory: String) -> [Int32] {
    names("/proc").compactMap { Int32($0) }.filter { pid in
        pid != getpid() && isAlive(pid)
            && contents("/proc/\(pid)/environ")?.contains("MESETA_SANDBOX=\(directory)") == true
    }
}

/// A test's own directory, whole.
func remove(_ path: String) {
    var about = stat()
    guard lstat(path, &about) == 0 else { return }
    if about.st_mode & S_IFMT == S_IFDIR {
        for name in names(path) { remove("\(path)/\(name)") }
        rmdir(path)
    } else {
        unlink(path)
    }
}

let isRoot = geteuid() == 0
