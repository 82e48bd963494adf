import FairSharing
import Foundation
import PolicyFile
import Synchronization
import TestSupport

/// A cluster of real processes that `meseta up` started, and whose allocators this process kills and starts.
final class RealCluster: Sendable {
    struct Member: Decodable, Sendable {
        struct Identity: Decodable, Sendable { var pid: Int32 }
        var role: String
        var name: String
        var process: Identity?
        var address: String
        var side: String
        var log: String
        var arguments: [String]
    }

    private struct File: Decodable {
        var isReady: Bool
        var members: [Member]
    }

    /// What runs as an allocator: what `up` started at first, one of this process's own later.
    private enum Life {
        case first(pid: Int32)
        case later(Process)
        case none
    }

    /// Where this program lies, and the others with it.
    static let ownDirectory = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent()

    let directory: URL
    let members: [Member]
    private let programs: URL
    private let keeper: Process
    private let allocators: [Member]
    private let lives: Mutex<[Life]>

    init(plan: SharingPlan, programs: URL) throws {
        self.programs = programs
        self.directory = FileManager.default.temporaryDirectory.appendingPathComponent("sharing-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: self.directory, withIntermediateDirectories: true)
        let policy = self.directory.appendingPathComponent("policy.yaml")
        try PolicyFile.text(of: plan.policy).write(to: policy, atomically: true, encoding: .utf8)
        let log = self.directory.appendingPathComponent("up.log").path
        self.keeper = try Self.start(
            programs.appendingPathComponent("meseta"),
            [
                "up", "--dir", self.directory.path, "--agents", "\(plan.agents)", "--relays", "2", "--allocators",
                "\(plan.allocators)", "--resources", "\(plan.agentResources)", "--policy-file", policy.path,
                "--restart-delay", "never", "--log-level", "notice",
            ], log: log, environment: ["XDG_STATE_HOME": self.directory.appendingPathComponent("state").path])
        let deadline = Date().addingTimeInterval(120)
        let path = self.directory.appendingPathComponent("cluster.json").path
        while true {
            let file = FileManager.default.contents(atPath: path).flatMap {
                try? JSONDecoder().decode(File.self, from: $0)
            }
            if let file, file.isReady {
                self.members = file.members
                break
            }
            guard self.keeper.isRunning, Date() < deadline else {
                if self.keeper.isRunning { self.keeper.terminate() }
                throw TestFailure(
                    "the cluster did not start:\n\((try? String(contentsOfFile: log, encoding: .utf8)) ?? "")")
            }
            usleep(20_000)
        }
        let allocators = self.members.filter { $0.role == "allocator" }
        self.allocators = allocators
        self.lives = Mutex(allocators.map { member in member.process.map { .first(pid: $0.pid) } ?? .none })
    }

    private static func start(
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

    /// What schedulers and operators dial.
    var master: String { self.members.filter { $0.role == "master" }.map(\.address).joined(separator: ",") }

    /// `kill -9`.
    func killAllocator(_ number: Int) {
        self.lives.withLock { lives in
            switch lives[number] {
            case .first(let pid): kill(pid, SIGKILL)
            case .later(let process): if process.isRunning { kill(process.processIdentifier, SIGKILL) }
            case .none: break
            }
            lives[number] = .none
        }
    }

    /// Starts an allocator that was killed, as it was started before.
    func startAllocator(_ number: Int) throws {
        let member = self.allocators[number]
        let process = try Self.start(
            self.programs.appendingPathComponent("meseta-allocator"),
            member.arguments + ["--port", "0", "--side-port", "0"], log: member.log)
        self.lives.withLock { $0[number] = .later(process) }
    }

    /// Ends everything when this process is asked to end.
    func endOnSignals() -> [any DispatchSourceSignal] {
        [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                self.stop(keepingFiles: false)
                exit(128 + number)
            }
            source.resume()
            return source
        }
    }

    func stop(keepingFiles: Bool) {
        for number in self.allocators.indices { self.killAllocator(number) }
        if self.keeper.isRunning {
            kill(self.keeper.processIdentifier, SIGTERM)
            self.keeper.waitUntilExit()
        }
        if !keepingFiles { try? FileManager.default.removeItem(at: self.directory) }
    }

    /// Asks each agent's side port how many thousandths of a CPU its tasks have.
    func askAgents() -> [(name: String, milliCPU: Int64)] {
        self.members.filter { $0.role == "agent" }.compactMap { member in
            guard let port = member.side.split(separator: ":").last.flatMap({ Int($0) }) else { return nil }
            let text = FreePorts.ask(
                "GET /metrics HTTP/1.1\r\nHost: trial\r\nConnection: close\r\n\r\n", port: port)
            let line = text.split(whereSeparator: \.isNewline).first { $0.hasPrefix("meseta_agent_cpus_used ") }
            guard let value = line?.split(separator: " ").last.flatMap({ Double($0) }) else { return nil }
            return (member.name, Int64((value * 1000).rounded()))
        }
    }
}
