internal import Foundation

/// A process of the cluster on this machine, known by pid and start time: a pid alone may be somebody else's by now.
struct ChildProcess: Codable, Hashable {
    var pid: Int32
    /// In clock ticks since boot, as `/proc/PID/stat` tells.
    var startTime: UInt64

    /// Starts a program in a session of its own, its output appended to a file.
    ///
    /// In a session of its own a Ctrl-C at the terminal does not reach it: the cluster is ended in order.
    static func start(_ program: String, _ arguments: [String], log: String) throws -> ChildProcess {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        // What this process was given by whoever started it is not for those it starts.
        for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? [] {
            if let descriptor = Int32(name), descriptor > 2 { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var noSignals = sigset_t()
        sigemptyset(&noSignals)
        posix_spawnattr_setsigmask(&attributes, &noSignals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK) | 0x80 /* POSIX_SPAWN_SETSID */)
        var argv: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) }
        argv.append(nil)
        defer { for argument in argv { free(argument) } }
        var pid: pid_t = 0
        let code = posix_spawn(&pid, program, &actions, &attributes, argv, environ)
        guard code == 0 else { throw Complaint("cannot start \(program): \(String(cString: strerror(code)))") }
        return ChildProcess(running: pid)
    }

    /// A process that runs now, whoever started it.
    init(running pid: Int32) {
        self.pid = pid
        self.startTime = Self.startTime(of: pid) ?? 0
    }

    /// The process that asks.
    static var current: ChildProcess { ChildProcess(running: getpid()) }

    /// Whether it still runs (and is no zombie).
    var isAlive: Bool { self.startTime != 0 && Self.startTime(of: self.pid) == self.startTime }

    /// Sends a signal, if it is still the process that was started.
    func signal(_ number: Int32) {
        if self.isAlive { kill(self.pid, number) }
    }

    /// Waits until it is gone.
    ///
    /// - Returns: Whether it is.
    func waitUntilGone(seconds: Double) -> Bool {
        let deadline = Date().addingTimeInterval(seconds)
        while self.isAlive {
            if Date() > deadline { return false }
            usleep(10_000)
        }
        self.reap()
        return true
    }

    /// A child of this process must not stay a zombie; for others this does nothing.
    func reap() {
        var status: Int32 = 0
        waitpid(self.pid, &status, WNOHANG)
    }

    private static func startTime(of pid: pid_t) -> UInt64? {
        guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
            let nameEnd = stat.lastIndex(of: ")")
        else { return nil }
        // After the name: state, ppid, ... the start time is the 20th.
        let fields = stat[stat.index(after: nameEnd)...].split(separator: " ")
        guard fields.count > 19, fields[0] != "Z", fields[0] != "X" else { return nil }
        return UInt64(fields[19])
    }
}

/// Something the user should know, with what to do about it; printed without a stack of type names.
struct Complaint: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
