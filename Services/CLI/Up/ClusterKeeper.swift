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
            StopSignals.wait(until: self.due.values.min())
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
    /// A pipe that the handlers of these signals and of SIGCHLD write to.
    private static let woken: (reading: Int32, writing: Int32) = {
        var ends: [Int32] = [-1, -1]
        precondition(pipe(&ends) == 0, "no pipe: \(String(cString: strerror(errno)))")
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        return (ends[0], ends[1])
    }()

    /// Has these signals be noted instead of ending the process.
    static func listen() {
        // Made here, since a handler may make nothing.
        _ = (Self.woken, Self.isRequested)
        for number in [SIGINT, SIGTERM, SIGHUP] {
            signal(number) { _ in
                StopSignals.requested.store(true, ordering: .relaxed)
                StopSignals.wake()
            }
        }
        signal(SIGCHLD) { _ in StopSignals.wake() }
    }

    static var isRequested: Bool { Self.requested.load(ordering: .relaxed) }

    /// Waits until one of them comes, or a child ends, or until that moment; comes back at once if that was since the last time.
    static func wait(until moment: Date?) {
        var item = pollfd(fd: Self.woken.reading, events: Int16(POLLIN), revents: 0)
        let milliseconds = moment.map { Int32(min(max(0, $0.timeIntervalSinceNow * 1000), 1e9)) + 1 } ?? -1
        guard poll(&item, 1, milliseconds) > 0 else { return }
        var bytes = [UInt8](repeating: 0, count: 64)
        while read(Self.woken.reading, &bytes, bytes.count) == bytes.count {}
    }

    private static func wake() {
        let number = errno
        var byte: UInt8 = 0
        // Where the pipe is full it is going to be looked at.
        _ = write(Self.woken.writing, &byte, 1)
        errno = number
    }
}
