import Foundation
import MesetaSDK
import Synchronization
import TestSupport

/// hpcc with its input, in a directory of its own.
final class MPIProgram: Sendable {
    private let ranks: Int
    private let size: Int
    private let directory: URL
    /// The mpirun that runs; 0: none.
    private let running = Mutex<Int32>(0)
    /// As mpirun calls the one node.
    private static let node = "meseta-node"

    /// - Throws: `TestFailure` if something is not installed.
    init(ranks: Int, size: Int) throws {
        for program in ["mpirun", "orted", "hpcc"] where !Self.isInstalled(program) {
            throw TestFailure("\(program) is missing: apt-get install --no-install-recommends hpcc")
        }
        self.ranks = ranks
        self.size = size
        self.directory = FileManager.default.temporaryDirectory.appendingPathComponent("overhead-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: self.directory, withIntermediateDirectories: true)
        try self.input.write(to: self.file("hpccinf.txt"), atomically: true, encoding: .utf8)
    }

    /// Ends what runs, and removes the directory.
    func stop() {
        // With its daemon and its ranks, which it waits for.
        let pid = self.running.withLock { $0 }
        if pid > 0, kill(pid, SIGTERM) == 0 {
            for _ in 0..<200 where kill(pid, 0) == 0 { usleep(10_000) }
        }
        try? FileManager.default.removeItem(at: self.directory)
    }

    private static func isInstalled(_ program: String) -> Bool {
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").contains {
            FileManager.default.isExecutableFile(atPath: "\($0)/\(program)")
        }
    }

    private func file(_ name: String) -> URL { self.directory.appendingPathComponent(name) }

    /// HPL's input, a value to a line: one matrix, blocks of 80, one row of processes.
    ///
    /// The other tests of hpcc follow from it.
    private var input: String {
        let lines = [
            "HPL", "by overhead", "HPL.out", "8", "1 sizes", "\(self.size)", "1 block sizes", "80", "0 row-major",
            "1 grid",
            "1 P", "\(self.ranks) Q", "16.0 threshold", "1 factorisation", "2 right-looking", "1 stop", "4", "1 panels",
            "2",
            "1 recursive factorisation", "1 Crout", "1 broadcast", "1 modified ring", "1 depth", "0", "2 mixed swap",
            "64",
            "0 transposed L1", "0 transposed U", "1 equilibration", "8 alignment", "-", "0 more sizes of PTRANS", "0",
            "0 more block sizes", "0",
        ]
        return lines.joined(separator: "\n") + "\n"
    }

    /// mpirun starts its daemon by `launcher HOST COMMAND...`, which takes the place of a remote shell.
    private func start(launcher: String) throws -> (process: Process, ends: AsyncStream<Void>) {
        try? FileManager.default.removeItem(at: self.file("hpccoutf.txt"))
        let script = self.file("launcher")
        try "#!/bin/sh\nshift\n\(launcher)\n".write(to: script, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: script.path)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments =
            ["mpirun"] + (geteuid() == 0 ? ["--allow-run-as-root"] : []) + [
                "--host", "\(Self.node):\(self.ranks)", "--mca", "plm_rsh_agent", script.path, "-np", "\(self.ranks)",
                "hpcc",
            ]
        process.currentDirectoryURL = self.directory
        process.standardInput = FileHandle.nullDevice
        let (ends, end) = AsyncStream.makeStream(of: Void.self)
        process.terminationHandler = { _ in end.finish() }
        try process.run()
        self.running.withLock { $0 = process.processIdentifier }
        return (process, ends)
    }

    /// Waits for the end of mpirun, and reads what the program says.
    ///
    /// `waitUntilExit`, and looking now and then, would keep a processor busy that the program could use.
    private func finish(
        _ mpirun: (process: Process, ends: AsyncStream<Void>), since start: ContinuousClock.Instant
    ) async throws -> OverheadReport.Run {
        for await _ in mpirun.ends {}
        let total = (ContinuousClock.now - start) / .seconds(1)
        self.running.withLock { $0 = 0 }
        guard mpirun.process.terminationStatus == 0 else {
            throw TestFailure("mpirun ended with \(mpirun.process.terminationStatus)")
        }
        let text = try String(contentsOf: self.file("hpccoutf.txt"), encoding: .utf8)
        func value(_ key: String) -> Double? {
            text.split(separator: "\n").first { $0.hasPrefix("\(key)=") }
                .flatMap { Double($0.dropFirst(key.count + 1).trimmingCharacters(in: .whitespaces)) }
        }
        guard value("Success") == 1, let solving = value("HPL_time") else {
            throw TestFailure("hpcc does not say that it has succeeded")
        }
        return OverheadReport.Run(total: total, solving: solving)
    }

    /// Without Meseta: the launcher runs the daemon itself.
    func runBare() async throws -> OverheadReport.Run {
        let start = ContinuousClock.now
        let mpirun = try self.start(launcher: "exec /bin/sh -c \"$*\"")
        return try await self.finish(mpirun, since: start)
    }

    /// On a cluster that is up just for that, not counting its start: a framework registers and takes an agent, and the launcher tells
    /// it what to run there.
    func runOnMeseta(isolation: String, programs: URL) async throws -> OverheadReport.Run {
        let cluster = try UpCluster(
            named: "overhead", programs: programs, environment: ["MESETA_ISOLATION": isolation]
        ) { _ in
            [
                "--agents", "1", "--resources", "cpus:\(self.ranks);mem:4096", "--restart-delay", "never",
                "--log-level",
                "warning",
            ]
        }
        defer { cluster.stop() }
        try await Task.sleep(for: .seconds(1))
        let pipe = self.file("orders").path
        unlink(pipe)
        guard mkfifo(pipe, 0o600) == 0 else { throw TestFailure("\(pipe) cannot be made") }
        // Open both ways, so that neither side waits for the other to open it.
        let orders = try FileHandle(forUpdating: URL(fileURLWithPath: pipe))
        defer { try? orders.close() }

        let start = ContinuousClock.now
        let framework = MPIFramework(slots: try Resources(text: "cpus:\(self.ranks);mem:4096"))
        let driver = SchedulerDriver(framework: FrameworkInfo("mpi"), master: cluster.master, scheduler: framework)
        let scheduling = Task { try await driver.run() }
        defer { driver.stop() }
        try await framework.wait("an agent") { await framework.offer != nil }
        let mpirun = try self.start(launcher: "printf '%s\\n' \"$*\" > '\(pipe)'")
        defer { if mpirun.process.isRunning { mpirun.process.terminate() } }
        let command = try await Task.detached { try Self.line(of: orders) }.value
        await framework.launch(command, driver)
        var run = try await self.finish(mpirun, since: start)
        try await framework.wait("the task's end") { await framework.end != nil }
        let (offered, ended) = (await framework.offered - start, await framework.ended - start)
        (run.offered, run.ending) = (offered / .seconds(1), ended / .seconds(1) - run.total)
        run.total = max(run.total, ended / .seconds(1))
        driver.stop()
        try await scheduling.value
        if let end = await framework.end, end.state != .finished {
            throw TestFailure("the task ended as \(end.state.name): \(end.message ?? "")")
        }
        return run
    }

    private static func line(of file: FileHandle) throws -> String {
        var bytes = Data()
        while !bytes.contains(UInt8(ascii: "\n")) { bytes += file.availableData }
        return String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .newlines)
    }
}

/// Takes an agent, and runs one command there.
private actor MPIFramework: Scheduler {
    private let slots: Resources
    /// What it keeps until it knows what to run.
    private(set) var offer: Offer?
    /// When it came.
    private(set) var offered = ContinuousClock.now
    /// The last status of its task.
    private(set) var end: TaskStatus?
    /// When that came.
    private(set) var ended = ContinuousClock.now

    init(slots: Resources) { self.slots = slots }

    func launch(_ command: String, _ driver: SchedulerDriver) {
        guard let offer else { return }
        var task = TaskInfo("orted", on: offer, resources: self.slots)
        task.command = CommandInfo(shell: command)
        driver.launchTasks([task], on: [offer])
    }

    func resourceOffers(_ driver: SchedulerDriver, _ offers: [Offer]) {
        for offer in offers {
            guard self.offer == nil, offer.fits(self.slots) else {
                driver.declineOffers([offer])
                continue
            }
            (self.offer, self.offered) = (offer, .now)
        }
    }

    func statusUpdate(_ driver: SchedulerDriver, _ status: TaskStatus) {
        if status.state.isTerminal { (self.end, self.ended) = (status, .now) }
    }

    /// Waits for something, a minute at most.
    nonisolated func wait(_ what: String, until: () async -> Bool) async throws {
        for _ in 0..<30_000 {
            if await until() { return }
            try await Task.sleep(for: .milliseconds(2))
        }
        throw TestFailure("not within a minute: \(what)")
    }
}
