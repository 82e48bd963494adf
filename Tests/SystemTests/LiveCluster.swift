import Foundation
import TestSupport
import Testing

/// The programs that `swift build` made, beside the one that runs the tests.
enum Programs {
    static let directory = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()

    static func path(_ name: String) -> URL { Self.directory.appendingPathComponent(name) }

    /// Copies of some of them, in a directory of their own that the test removes.
    static func copy(_ names: [String]) throws -> URL {
        let copies = FileManager.default.temporaryDirectory.appendingPathComponent("build-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: copies, withIntermediateDirectories: true)
        for name in names {
            try FileManager.default.copyItem(at: Self.path(name), to: copies.appendingPathComponent(name))
        }
        return copies
    }
}

/// What a finished program left.
struct Outcome {
    var status: Int32
    var output: String
    var errors: String

    var lines: [String] { self.output.split(separator: "\n").map(String.init) }
}

/// A program that runs.
final class RunningProgram: @unchecked Sendable {  // Used by one test at a time.
    private let process = Process()
    private let files: URL

    init(_ program: URL, _ arguments: [String], environment: [String: String] = [:]) throws {
        self.files = FileManager.default.temporaryDirectory.appendingPathComponent("run-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: self.files, withIntermediateDirectories: true)
        self.process.executableURL = program
        self.process.arguments = arguments
        self.process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        self.process.standardInput = FileHandle.nullDevice
        self.process.standardOutput = try self.file("out")
        self.process.standardError = try self.file("err")
        try self.process.run()
    }

    deinit {
        self.end()
        try? FileManager.default.removeItem(at: self.files)
    }

    private func file(_ name: String) throws -> FileHandle {
        let url = self.files.appendingPathComponent(name)
        _ = FileManager.default.createFile(atPath: url.path, contents: nil)
        return try FileHandle(forWritingTo: url)
    }

    private func text(_ name: String) -> String {
        (try? String(contentsOf: self.files.appendingPathComponent(name), encoding: .utf8)) ?? ""
    }

    var output: String { self.text("out") }
    var errors: String { self.text("err") }
    var isRunning: Bool { self.process.isRunning }
    var pid: Int32 { self.process.processIdentifier }

    func signal(_ number: Int32) {
        if self.process.isRunning { kill(self.process.processIdentifier, number) }
    }

    /// Waits for its end.
    func wait(seconds: Double) throws -> Outcome {
        let deadline = Date().addingTimeInterval(seconds)
        while self.process.isRunning {
            if Date() > deadline {
                self.end()
                throw TestFailure(
                    "\(self.process.executableURL?.lastPathComponent ?? "") did not end in \(seconds) s\n\(self.output)\n\(self.errors)"
                )
            }
            usleep(5_000)
        }
        let status =
            self.process.terminationReason == .exit
            ? self.process.terminationStatus : 128 + self.process.terminationStatus
        return Outcome(status: status, output: self.output, errors: self.errors)
    }

    /// Ends it, gently first.
    func end() {
        guard self.process.isRunning else { return }
        kill(self.process.processIdentifier, SIGTERM)
        let deadline = Date().addingTimeInterval(30)
        while self.process.isRunning, Date() < deadline { usleep(10_000) }
        if self.process.isRunning { kill(self.process.processIdentifier, SIGKILL) }
        self.process.waitUntilExit()
    }
}

/// A cluster of real processes, started by `meseta up` in a directory of its own, ended with the object.
final class LiveCluster: @unchecked Sendable {  // Used by one test at a time.
    struct Member: Decodable {
        struct Identity: Decodable { var pid: Int32 }
        var role: String
        var name: String
        var process: Identity?
        var address: String
        var side: String
    }

    private struct File: Decodable {
        var isReady: Bool
        var members: [Member]
    }

    let directory: URL
    private let election: String?
    private let keeper: RunningProgram

    init(_ arguments: [String] = [], election: String? = nil, environment: [String: String] = [:]) throws {
        self.directory = FileManager.default.temporaryDirectory.appendingPathComponent("cluster-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: self.directory, withIntermediateDirectories: true)
        self.election = election
        self.keeper = try RunningProgram(
            Programs.path("meseta"),
            ["up", "--dir", self.directory.path] + arguments + (election.map { ["--election", $0] } ?? []),
            environment: environment.merging(
                ["XDG_STATE_HOME": self.directory.appendingPathComponent("state").path]
            ) { $1 })
        let deadline = Date().addingTimeInterval(60)
        while self.file?.isReady != true {
            guard self.keeper.isRunning, Date() < deadline else {
                throw TestFailure("the cluster did not start:\n\(self.keeper.errors)")
            }
            usleep(10_000)
        }
    }

    deinit {
        self.stop()
        try? FileManager.default.removeItem(at: self.directory)
    }

    /// Ends it, and looks that its supervisors have ended with it.
    ///
    /// An agent that the test has started itself must have ended before.
    func stop() {
        self.keeper.end()
        let deadline = Date().addingTimeInterval(3)
        while !self.supervisors.isEmpty, Date() < deadline { usleep(20_000) }
        #expect(self.supervisors.isEmpty, "supervisors are left in \(self.directory.path)")
        CgroupRemains(ofAgentsIn: self.directory).remove()
    }

    /// The supervisors of all its agents.
    private var supervisors: [Int32] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap(Int32.init).filter { pid in
            let command = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") ?? Data()
            let words = command.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
            return words.first?.hasSuffix("/meseta-supervisor") == true
                && words.contains { $0.hasPrefix(self.directory.path + "/") }
        }
    }

    private var file: File? {
        FileManager.default.contents(atPath: self.directory.appendingPathComponent("cluster.json").path)
            .flatMap { try? JSONDecoder().decode(File.self, from: $0) }
    }

    var members: [Member] { self.file?.members ?? [] }

    func members(_ role: String) -> [Member] { self.members.filter { $0.role == role } }

    /// What `--master` and `MESETA_MASTER` are given.
    var master: String { self.election ?? self.members("master").map(\.address).joined(separator: ",") }

    /// Starts a `meseta` command against this cluster.
    func start(_ arguments: [String]) throws -> RunningProgram {
        try RunningProgram(
            Programs.path("meseta"), arguments,
            environment: [
                "MESETA_MASTER": self.master, "XDG_STATE_HOME": self.directory.appendingPathComponent("state").path,
            ])
    }

    /// Runs a `meseta` command against this cluster to its end.
    func meseta(_ arguments: [String], seconds: Double = 60) throws -> Outcome {
        try self.start(arguments).wait(seconds: seconds)
    }

    /// Runs another program that knows `MESETA_MASTER`.
    func run(_ program: URL, _ arguments: [String], seconds: Double = 120) throws -> Outcome {
        try RunningProgram(program, arguments, environment: ["MESETA_MASTER": self.master]).wait(seconds: seconds)
    }

    /// `kill -9` of a member, by name; its keeper starts it again after 2 s.
    func killNow(_ name: String) throws { try self.signal(SIGKILL, to: name) }

    /// A signal to a member, by name.
    func signal(_ number: Int32, to name: String) throws {
        guard let pid = self.members.first(where: { $0.name == name })?.process?.pid else {
            throw TestFailure("\(name) does not run")
        }
        kill(pid, number)
    }

    /// The name of the leading master.
    func leader() throws -> String {
        let outcome = try self.meseta(["status", "--json"])
        guard outcome.status == 0,
            let status = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any],
            let name = status["leader"] as? String
        else { throw TestFailure("no leader: \(outcome.output)\(outcome.errors)") }
        return name
    }

    /// All that a member has logged.
    func log(of name: String) -> String {
        let path = self.directory.appendingPathComponent("logs/\(name).log").path
        return (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    }

    /// The logs' last lines, for a failing test.
    var logs: String {
        self.members.map { member in
            "--- \(member.name)\n" + self.log(of: member.name).split(separator: "\n").suffix(12).joined(separator: "\n")
        }.joined(separator: "\n")
    }
}

/// The status of a GET; 0 if nobody answers.
func httpStatus(_ side: String, _ path: String) -> Int {
    guard let port = side.split(separator: ":").last.flatMap({ Int($0) }) else { return 0 }
    let answer = FreePorts.ask("GET \(path) HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n", port: port)
    return answer.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
}
