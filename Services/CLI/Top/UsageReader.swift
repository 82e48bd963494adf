internal import Foundation
internal import NIOCore
internal import NIOPosix

/// Asks agents at their side ports what their containers use.
struct UsageReader {
    /// Shown to the agents; nil where they want none.
    var token: String?
    /// How long one agent may take.
    var patience: Duration = .seconds(5)

    /// How many are asked at once: of many agents all would need a socket and memory.
    private static let width = 32
    /// The longest answer that is read, in bytes: some hundred thousand containers.
    private static let longest = 64 << 20

    /// One answer, or the reason that there is none, for each; in any order.
    func ask(_ agents: [AgentAddress]) async -> [TopTable.Report] {
        await withTaskGroup(of: TopTable.Report.self) { group in
            var waiting = agents[...]
            for agent in waiting.prefix(Self.width) { group.addTask { await self.ask(agent) } }
            waiting = waiting.dropFirst(Self.width)
            var reports: [TopTable.Report] = []
            for await report in group {
                reports.append(report)
                if let next = waiting.popFirst() { group.addTask { await self.ask(next) } }
            }
            return reports
        }
    }

    private func ask(_ agent: AgentAddress) async -> TopTable.Report {
        var report = TopTable.Report(agent: agent.id, hostname: agent.host, outcome: .problem(""))
        guard agent.port > 0, !agent.host.isEmpty else {
            report.outcome = .problem("the master does not know where its side port is")
            return report
        }
        do {
            let bytes = try await self.bounded { try await self.fetch(agent) }
            report.outcome = .answered(try JSONDecoder().decode(UsageAnswer.self, from: bytes))
        } catch let complaint as Complaint {
            report.outcome = .problem("\(complaint)")
        } catch {
            report.outcome = .problem("what \(agent.host):\(agent.port) answers cannot be read: \(error)")
        }
        return report
    }

    private func fetch(_ agent: AgentAddress) async throws -> Data {
        let reader = SandboxReader(
            host: agent.host, port: agent.port, path: "/usage", group: MultiThreadedEventLoopGroup.singleton,
            token: self.token)
        var bytes = Data()
        try await reader.fetch { part in
            bytes += part.readableBytesView
            guard bytes.count <= Self.longest else {
                throw Complaint("\(agent.host):\(agent.port) answers without an end")
            }
        }
        return bytes
    }

    /// What `body` returns, unless that takes too long.
    private func bounded(_ body: @escaping @Sendable () async throws -> Data) async throws -> Data {
        try await withThrowingTaskGroup(of: Data?.self) { group in
            defer { group.cancelAll() }
            let patience = self.patience
            group.addTask { try await body() }
            group.addTask {
                try await Task.sleep(for: patience)
                return nil
            }
            guard let first = try await group.next(), let bytes = first else {
                throw Complaint("it does not answer within \(patience)")
            }
            return bytes
        }
    }
}

/// Where an agent is asked.
struct AgentAddress: Sendable {
    var id: String
    var host: String
    /// 0 if unknown.
    var port: Int
}
