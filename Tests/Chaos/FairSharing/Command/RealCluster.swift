import FairSharing
import Foundation
import PolicyFile
import Synchronization
import TestSupport

/// A cluster of real processes whose allocators this process kills and starts.
final class RealCluster: Sendable {
    /// What runs as an allocator: what `up` started at first, one of this process's own later.
    private enum Life {
        case first(pid: Int32)
        case later(Process)
        case none
    }

    let cluster: UpCluster
    private let programs: URL
    private let allocators: [UpCluster.Member]
    private let lives: Mutex<[Life]>

    init(plan: SharingPlan, programs: URL) throws {
        self.programs = programs
        self.cluster = try UpCluster(named: "sharing", programs: programs) { directory in
            let policy = directory.appendingPathComponent("policy.yaml")
            try PolicyFile.text(of: plan.policy).write(to: policy, atomically: true, encoding: .utf8)
            return [
                "--agents", "\(plan.agents)", "--relays", "2", "--allocators", "\(plan.allocators)", "--resources",
                "\(plan.agentResources)", "--policy-file", policy.path, "--restart-delay", "never", "--log-level",
                "notice",
            ]
        }
        let allocators = self.cluster.members(.allocator)
        self.allocators = allocators
        self.lives = Mutex(allocators.map { member in member.process.map { .first(pid: $0.pid) } ?? .none })
    }

    /// What schedulers and operators dial.
    var master: String { self.cluster.master }

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
        let process = try UpCluster.start(
            self.programs.appendingPathComponent("meseta-allocator"),
            member.arguments + ["--port", "0", "--side-port", "0"], log: member.log)
        self.lives.withLock { $0[number] = .later(process) }
    }

    func stop(keepingFiles: Bool) {
        for number in self.allocators.indices { self.killAllocator(number) }
        self.cluster.stop(keepingFiles: keepingFiles)
    }

    /// Asks each agent's side port how many thousandths of a CPU its tasks have.
    func askAgents() -> [(name: String, milliCPU: Int64)] {
        self.cluster.members(.agent).compactMap { member in
            guard let port = member.sidePort else { return nil }
            let text = FreePorts.ask(
                "GET /metrics HTTP/1.1\r\nHost: trial\r\nConnection: close\r\n\r\n", port: port)
            let line = text.split(whereSeparator: \.isNewline).first { $0.hasPrefix("meseta_agent_cpus_used ") }
            guard let value = line?.split(separator: " ").last.flatMap({ Double($0) }) else { return nil }
            return (member.name, Int64((value * 1000).rounded()))
        }
    }
}
