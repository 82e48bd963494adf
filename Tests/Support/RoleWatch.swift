internal import Foundation
internal import LocalZooKeeper

/// What each role of a cluster used in a stretch of time, and what went between them.
public struct RoleFigures: Codable, Sendable {
    /// All processes of one role together.
    public struct Usage: Codable, Sendable {
        /// How many.
        public var processes = 0
        /// Seconds of processor time.
        public var processor = 0.0
        /// Resident at the end.
        public var memoryBytes = 0
        /// Nil if they were not counted.
        public var systemCalls: Double?
        /// Calls of `fdatasync`; nil if they were not counted.
        public var syncs: Double?

        /// Nothing yet.
        public init() {}
    }

    /// What one role said to another.
    public struct Link: Codable, Sendable {
        /// Messages, each a frame.
        public var messages = 0.0
        /// Bytes of them, with what frames add.
        public var bytes = 0.0
        /// System calls that it took, on the side that was called.
        public var calls = 0.0

        /// Nothing yet.
        public init() {}
    }

    /// By role.
    public var roles: [String: Usage] = [:]
    /// By "from > to".
    public var links: [String: Link] = [:]
    /// How long it was.
    public var seconds = 0.0

    /// Nothing yet.
    public init() {}

    /// Messages of all links.
    public var messages: Double { self.links.values.reduce(0) { $0 + $1.messages } }
    /// Bytes of all links.
    public var bytes: Double { self.links.values.reduce(0) { $0 + $1.bytes } }
    /// Seconds of processor time of all roles.
    public var processor: Double { self.roles.values.reduce(0) { $0 + $1.processor } }
    /// How many messages a read or a write took along.
    public var batch: Double { self.messages / max(1, self.links.values.reduce(0) { $0 + $1.calls }) }
}

extension RoleFigures {
    /// Throws if one of `count` things took more messages or bytes than it may; nil: it may take what it takes.
    public func hold(_ thing: String, _ count: Double, toMessages messages: Double?, bytes: Double?) throws {
        for (what, used, bound) in [("messages", self.messages, messages), ("bytes", self.bytes, bytes)] {
            if let bound, used > bound * count {
                throw TestFailure("each \(thing) took \(used / count) \(what), which is more than \(bound)")
            }
        }
    }

    /// Lines of text: what one of `count` things took.
    public func lines(per thing: String, _ count: Double) -> [String] {
        let roles = self.roles.sorted { $0.key < $1.key }.map { role, usage in
            "\(role) " + String(format: "%.1f", usage.processor * 1e6 / count)
        }
        let links = self.links.filter { $0.value.messages * 1000 > count }.sorted { $0.key < $1.key }
        var lines = [
            String(
                format: "  processor time per %@, us: %.1f; ", thing, self.processor * 1e6 / count)
                + roles.joined(separator: ", "),
            String(
                format: "  messages per %@: %.3f, bytes: %.0f, messages per read or write: %.1f", thing,
                self.messages / count, self.bytes / count, self.batch),
        ]
        for (name, link) in links {
            lines.append(
                "    " + name.padding(toLength: 24, withPad: " ", startingAt: 0)
                    + String(
                        format: "%7.3f messages, %6.0f bytes, %6.1f messages per call", link.messages / count,
                        link.bytes / count, link.messages / max(1, link.calls)))
        }
        return lines
    }

    /// A line of text: system calls, if they were counted.
    public func callLine(per thing: String, _ count: Double) -> String {
        let calls = self.roles.sorted { $0.key < $1.key }.compactMap { role, usage in
            usage.systemCalls.map { "\(role) " + String(format: "%.2f", $0 / count) }
        }
        if calls.isEmpty { return "  system calls: not counted, since perf is not there or may not" }
        let syncs = self.roles["agent"]?.syncs.map { String(format: "; syncs: %.4f", $0 / count) } ?? ""
        return "  system calls per \(thing): " + calls.joined(separator: ", ") + syncs
    }
}

/// Watches the processes of a cluster for a while.
public final class RoleWatch {
    /// A process, and what for.
    public struct Part: Sendable {
        /// master, allocator, relay, agent, or something beside them.
        public var role: String
        /// Which process.
        public var pid: Int32
        /// Of its health and metrics; nil: it has none.
        public var sidePort: Int?

        /// A process of that role.
        public init(_ role: String, pid: Int32, sidePort: Int? = nil) {
            self.role = role
            self.pid = pid
            self.sidePort = sidePort
        }
    }

    /// What is counted by the one who is called, so that nothing counts twice.
    private static let callers: [String: Set<String>] = [
        "master": ["scheduler", "allocator", "relay"], "relay": ["scheduler", "agent"], "agent": ["executor"],
    ]

    private let parts: [Part]
    private let accounts: [ProcessAccount?]
    private let metrics: [[String: Double]]
    private let begin = Date()
    private var tracers: [(role: String, process: Process, input: Pipe, file: String)] = []

    /// Begins.
    ///
    /// - Parameter countsCalls: Counts system calls with `perf`, which makes each dearer: for a stretch of its own.
    public init(_ parts: [Part], countsCalls: Bool = false) {
        self.parts = parts
        self.metrics = parts.map(\.metrics)
        self.accounts = parts.map { ProcessAccount(of: $0.pid) }
        if countsCalls { self.startTracers() }
    }

    /// Ends, and says what was seen.
    public func finish() -> RoleFigures {
        var figures = RoleFigures()
        figures.seconds = Date().timeIntervalSince(self.begin)
        for (index, part) in self.parts.enumerated() {
            guard let before = self.accounts[index], let after = ProcessAccount(of: part.pid) else { continue }
            figures.roles[part.role, default: .init()].processes += 1
            figures.roles[part.role]!.processor += after.own - before.own
            figures.roles[part.role]!.memoryBytes += after.memory
        }
        for (index, part) in self.parts.enumerated() {
            let after = part.metrics
            for peer in Self.callers[part.role] ?? [] {
                func grown(_ name: String) -> Double {
                    let key = "meseta_\(part.role)_frame\(name)_total{peer=\"\(peer)\"}"
                    return (after[key] ?? 0) - (self.metrics[index][key] ?? 0)
                }
                figures.links["\(peer) > \(part.role)", default: .init()].add(
                    grown("s_received"), grown("_bytes_received"), grown("_reads"))
                figures.links["\(part.role) > \(peer)", default: .init()].add(
                    grown("s_sent"), grown("_bytes_sent"), grown("_writes"))
            }
        }
        self.stopTracers(&figures)
        return figures
    }

    // MARK: System calls

    private static let perf = "/usr/bin/perf"
    private static let all = "raw_syscalls:sys_enter", syncs = "syscalls:sys_enter_fdatasync"

    private func startTracers() {
        guard FileManager.default.isExecutableFile(atPath: Self.perf) else { return }
        for (role, parts) in Dictionary(grouping: self.parts, by: \.role) {
            let file = FileManager.default.temporaryDirectory.appendingPathComponent("calls-\(parts[0].pid)").path
            let process = Process(), input = Pipe()
            process.executableURL = URL(fileURLWithPath: Self.perf)
            process.arguments = [
                "stat", "-x", ",", "-e", "\(Self.all),\(Self.syncs)", "-o", file, "-p",
                parts.map { "\($0.pid)" }.joined(separator: ","), "--", "cat",
            ]
            // It counts for as long as the program runs that it is given: until its input ends.
            process.standardInput = input
            process.standardError = FileHandle.nullDevice
            if (try? process.run()) != nil { self.tracers.append((role, process, input, file)) }
        }
    }

    private func stopTracers(_ figures: inout RoleFigures) {
        for (role, process, input, file) in self.tracers {
            try? input.fileHandleForWriting.close()
            process.waitUntilExit()
            defer { try? FileManager.default.removeItem(atPath: file) }
            for line in ((try? String(contentsOfFile: file, encoding: .utf8)) ?? "").split(separator: "\n") {
                let fields = line.split(separator: ",", omittingEmptySubsequences: false)
                guard fields.count > 2, let count = Double(fields[0]) else { continue }
                if fields[2] == Self.all { figures.roles[role]?.systemCalls = count }
                if fields[2] == Self.syncs { figures.roles[role]?.syncs = count }
            }
        }
        self.tracers = []
    }
}

extension RoleFigures.Link {
    fileprivate mutating func add(_ messages: Double, _ bytes: Double, _ calls: Double) {
        self.messages += messages
        self.bytes += bytes
        self.calls += calls
    }
}

extension RoleWatch.Part {
    /// What its side port shows: numbers by name and labels.
    fileprivate var metrics: [String: Double] {
        guard let port = self.sidePort else { return [:] }
        let text = FreePorts.ask("GET /metrics HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n", port: port)
        var numbers: [String: Double] = [:]
        for line in text.split(whereSeparator: \.isNewline) where !line.hasPrefix("#") {
            guard let space = line.lastIndex(of: " "), let value = Double(line[line.index(after: space)...]) else {
                continue
            }
            numbers[String(line[..<space])] = value
        }
        return numbers
    }
}

extension UpCluster {
    /// Processes to be watched, with the side ports of those that are members.
    public func watched(_ processes: [(name: String, pid: Int32)]) -> [RoleWatch.Part] {
        processes.map { process in
            let member = self.members.first { $0.process?.pid == process.pid }
            return .init(process.name, pid: process.pid, sidePort: member?.sidePort)
        }
    }
}

/// The reference for rates of messages: `raw-loopback`, which lies beside this program.
public enum RawLoopback {
    /// Messages a second over TCP at that many connections, messages at a time, and bytes of each.
    public static func rate(connections: Int, batch: Double, bytes: Double, seconds: Double = 2) throws -> Double {
        let figures = try Self.run(connections: connections, batch: batch, bytes: bytes, seconds: seconds)
        return figures.messages / figures.seconds
    }

    /// Seconds of a processor that a message takes at both ends together.
    public static func cost(connections: Int, batch: Double, bytes: Double, seconds: Double = 2) throws -> Double {
        let figures = try Self.run(connections: connections, batch: batch, bytes: bytes, seconds: seconds)
        return figures.processor / figures.messages
    }

    private static func run(
        connections: Int, batch: Double, bytes: Double, seconds: Double
    ) throws -> (messages: Double, seconds: Double, processor: Double) {
        let size = min(max(1, Int(bytes.rounded())), 100_000)
        let messages = min(max(1, Int(batch.rounded())), 100_000 / size)
        let program = UpCluster.ownDirectory.appendingPathComponent("raw-loopback").path
        let text = try output(of: program, ["\(seconds)", "\(connections)", "\(messages)", "\(size)"])
        let numbers = text.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
        guard numbers.count == 3, numbers.allSatisfy({ $0 > 0 }) else {
            throw TestFailure("raw-loopback said \"\(text)\"")
        }
        return (numbers[0], numbers[1], numbers[2])
    }
}
