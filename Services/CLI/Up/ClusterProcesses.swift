internal import Foundation
internal import Runtime

/// The processes of a cluster on this machine: starts them by a plan, starts one again, and ends all.
final class ClusterProcesses {
    let plan: ClusterPlan
    var file: ClusterFile
    private let say: (String) -> Void
    /// Throws what ends a start, if somebody wants it ended.
    private let check: () throws -> Void

    init(plan: ClusterPlan, say: @escaping (String) -> Void, check: @escaping () throws -> Void) {
        self.plan = plan
        self.say = say
        self.check = check
        self.file = ClusterFile(keeper: ChildProcess.current, election: plan.election)
    }

    /// Starts all, and waits for each until it reports its ports.
    func start() throws {
        try FileManager.default.createDirectory(
            atPath: "\(self.plan.directory)/logs", withIntermediateDirectories: true)
        let masters = try self.names("master", self.plan.masters).map { name in
            try self.launch("master", name, self.plan.masterArguments(name)).address
        }
        for name in self.names("allocator", self.plan.allocators) {
            try self.launch("allocator", name, self.plan.allocatorArguments(name, masters: masters))
        }
        let relays = try self.names("relay", self.plan.relays).map { name in
            try self.launch("relay", name, self.plan.relayArguments(name, masters: masters)).address
        }
        for (index, name) in self.names("agent", self.plan.agents).enumerated() {
            try self.launch("agent", name, self.plan.agentArguments(name, index: index, relays: relays))
        }
    }

    /// Waits until each has found its peers; of those that have not after `seconds`, it says what they wait for, and leaves them to it.
    func awaitReadiness(seconds: Double = 30) throws {
        let deadline = Date().addingTimeInterval(seconds)
        for member in self.file.members {
            let port = member.side.split(separator: ":").last.flatMap { Int($0) } ?? 0
            // One that has died is its keeper's business.
            while member.process?.isAlive == true {
                try self.check()
                let (isReady, text) = HealthCheck.run(host: self.plan.host, port: port)
                if isReady { break }
                guard Date() < deadline else {
                    self.say("\(member.name) is not ready yet; its log: \(member.log)\n\(text)")
                    break
                }
                usleep(5_000)
            }
        }
    }

    private func names(_ role: String, _ count: Int) -> [String] { (0..<count).map { "\(role)-\($0 + 1)" } }

    /// Starts a member, waits until it reports its ports, and prints them.
    @discardableResult
    private func launch(_ role: String, _ name: String, _ arguments: [String]) throws -> ClusterFile.Member {
        try FileManager.default.createDirectory(
            atPath: "\(self.plan.directory)/\(name)", withIntermediateDirectories: true)
        self.file.members.append(
            .init(
                role: role, name: name, process: nil, address: "", side: "",
                log: "\(self.plan.directory)/logs/\(name).log", arguments: arguments))
        let index = self.file.members.count - 1
        try self.spawn(index, portArguments: ["--port", "0", "--side-port", "0"])
        let deadline = Date().addingTimeInterval(30)
        while self.file.members[index].address.isEmpty {
            try self.check()
            self.readReport(index)
            let member = self.file.members[index]
            guard member.process?.isAlive == true else {
                throw Complaint("\(name) ended while starting:\n\(self.tail(of: member.log))")
            }
            guard Date() < deadline else {
                throw Complaint("\(name) was not ready within 30 s; its log: \(member.log)")
            }
            usleep(5_000)
        }
        let member = self.file.members[index]
        self.say(
            "\(name.padding(toLength: 12, withPad: " ", startingAt: 0))pid \(member.process?.pid ?? 0)"
                + "  \(member.address == "-" ? "" : member.address)  http://\(member.side)")
        try self.file.write(to: self.plan.directory)
        return member
    }

    private func spawn(_ index: Int, portArguments: [String]) throws {
        let member = self.file.members[index]
        self.reportOffsets[index] = Self.size(of: member.log)
        let program = try Self.executable("meseta-\(member.role)")
        let words = self.plan.launcher(member.name) + [program] + member.arguments + portArguments
        self.file.members[index].process = try ChildProcess.start(words[0], Array(words.dropFirst()), log: member.log)
    }

    /// Where in a member's log its report is looked for.
    private var reportOffsets: [Int: UInt64] = [:]

    private struct Report: Decodable {
        var address: String?
        var side: String
    }

    private func readReport(_ index: Int) {
        guard let handle = FileHandle(forReadingAtPath: self.file.members[index].log) else { return }
        defer { try? handle.close() }
        try? handle.seek(toOffset: self.reportOffsets[index] ?? 0)
        let text = String(decoding: (try? handle.readToEnd()) ?? Data(), as: UTF8.self)
        for line in text.split(separator: "\n") where line.hasPrefix("READY {") {
            guard let report = try? JSONDecoder().decode(Report.self, from: Data(line.dropFirst(6).utf8)) else {
                continue
            }
            self.file.members[index].address = report.address.flatMap { $0.isEmpty ? nil : $0 } ?? "-"
            self.file.members[index].side = report.side
        }
    }

    /// Starts a member again, on the ports it had.
    func restart(_ index: Int) throws {
        try self.spawn(index, portArguments: self.ports(of: self.file.members[index]))
        try self.file.write(to: self.plan.directory)
    }

    private func ports(of member: ClusterFile.Member) -> [String] {
        func port(_ address: String) -> String { address.split(separator: ":").last.map(String.init) ?? "0" }
        return ["--port", member.address == "-" ? "0" : port(member.address), "--side-port", port(member.side)]
    }

    /// Ends all of them with their tasks.
    func end() {
        self.reviveDeadAgents()
        Self.end(self.file.members)
        try? FileManager.default.removeItem(atPath: ClusterFile.path(in: self.plan.directory))
    }

    /// The tasks of an agent outlive it: one that has died is started once more, to end them.
    private func reviveDeadAgents() {
        for (index, member) in self.file.members.enumerated()
        where member.role == "agent" && member.process?.isAlive != true && !member.address.isEmpty {
            self.file.members[index].address = ""
            guard (try? self.spawn(index, portArguments: self.ports(of: member))) != nil else { continue }
            let deadline = Date().addingTimeInterval(5)
            while self.file.members[index].address.isEmpty, Date() < deadline {
                self.readReport(index)
                usleep(5_000)
            }
        }
    }

    /// Ends members in order: agents end their tasks first, then the services.
    static func end(_ members: [ClusterFile.Member]) {
        let agents = members.filter { $0.role == "agent" }.compactMap(\.process)
        for process in agents { process.signal(SIGTERM) }
        for process in agents where !process.waitUntilGone(seconds: 15) { process.signal(SIGKILL) }
        let others = members.filter { $0.role != "agent" }.compactMap(\.process)
        for process in others { process.signal(SIGTERM) }
        for process in others where !process.waitUntilGone(seconds: 5) { process.signal(SIGKILL) }
    }

    /// A program that lies beside this one.
    static func executable(_ name: String) throws -> String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        let own = String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let path = "\((own as NSString).deletingLastPathComponent)/\(name)"
        guard access(path, X_OK) == 0 else {
            throw Complaint("\(path) is missing: build everything with 'swift build', then start \(own) again")
        }
        return path
    }

    private static func size(of path: String) -> UInt64 {
        ((try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? NSNumber)?.uint64Value ?? 0
    }

    private func tail(of log: String) -> String {
        let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").suffix(15).joined(separator: "\n")
    }
}
