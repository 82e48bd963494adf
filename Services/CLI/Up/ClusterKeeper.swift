internal import Foundation
internal import Synchronization

/// Starts the processes of a plan, starts again what dies, and ends all of it.
final class ClusterKeeper {
    private let processes: ClusterProcesses
    private let restartDelay: Double?
    /// When a member that died is due again.
    private var due: [Int: Date] = [:]
    private let say: (String) -> Void

    init(plan: ClusterPlan, restartDelay: Double?, say: @escaping (String) -> Void) {
        self.restartDelay = restartDelay
        self.say = say
        self.processes = ClusterProcesses(plan: plan, say: say) {
            if StopSignals.isRequested { throw Stopped() }
        }
    }

    /// Starts everything and keeps it until SIGINT or SIGTERM, then ends it.
    func run() throws {
        StopSignals.listen()
        do {
            try self.processes.start()
            try self.processes.awaitReadiness()
            self.processes.file.isReady = true
            try self.processes.file.write(to: self.processes.plan.directory)
            try self.keep()
        } catch is Stopped {
            // Asked to end while starting.
        } catch {
            self.end()
            throw error
        }
        self.end()
    }

    private struct Stopped: Error {}

    /// Starts again what dies, on the ports it had, after a delay.
    private func keep() throws {
        while !StopSignals.isRequested {
            for index in self.processes.file.members.indices {
                let member = self.processes.file.members[index]
                if let due = self.due[index] {
                    guard Date() >= due else { continue }
                    self.due[index] = nil
                    try self.processes.restart(index)
                    self.say(
                        "\(member.name) started again, pid \(self.processes.file.members[index].process?.pid ?? 0)")
                } else if let process = member.process, !process.isAlive {
                    process.reap()
                    self.processes.file.members[index].process = nil
                    guard let restartDelay else {
                        self.say("\(member.name) ended; its log: \(member.log)")
                        continue
                    }
                    self.say("\(member.name) ended; starting it again in \(restartDelay) s")
                    self.due[index] = Date().addingTimeInterval(restartDelay)
                }
            }
            usleep(50_000)
        }
    }

    private func end() {
        let directory = self.processes.plan.directory
        self.processes.end()
        ClusterHome.forget(directory)
        self.say("The cluster has ended; logs and sandboxes stay in \(directory)")
    }
}

/// Whether somebody wants this process to end: SIGINT, SIGTERM or SIGHUP.
enum StopSignals {
    private static let requested = Atomic<Bool>(false)

    /// Has these signals be noted instead of ending the process.
    static func listen() {
        for number in [SIGINT, SIGTERM, SIGHUP] {
            signal(number) { _ in StopSignals.requested.store(true, ordering: .relaxed) }
        }
    }

    static var isRequested: Bool { Self.requested.load(ordering: .relaxed) }
}
