internal import CLinux
internal import Model

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Runs programs that do parts of a fetch: with the rights of the task, so that what a URI, a server or an archive says can
/// reach nothing that the task could not.
///
/// Each has a process group of its own, gains no rights, and dies with the agent.
struct FetchProgram: Sendable {
    /// Nil: whoever the agent runs as.
    var user: SupervisorStart.User?
    /// Where it runs.
    var directory: String
    var environment: [String: String]
    /// Asked often.
    var isCancelled: @Sendable () -> Bool
    /// Called again and again while a program runs for long.
    var onProgress: @Sendable () -> Void = {}
    var progressInterval: Duration = .seconds(10)

    struct Result: Sendable {
        /// 128 and the signal's number if a signal ended it.
        var code: Int32
        /// The end of what it printed on both outputs, without the spaces around it.
        var output: String
    }

    /// What it reads as its standard input.
    enum Input {
        case nothing
        /// No more than a pipe holds: 64 KiB.
        case bytes(Bytes)
        case file(Int32)
    }

    /// Bytes of output that are kept.
    private static let outputMax = 8 << 10

    /// What was put there by it, in bytes.
    func size(of name: String) -> Int64 {
        var about = stat()
        return lstat("\(self.directory)/\(name)", &about) == 0 ? Int64(about.st_size) : 0
    }

    func remove(_ name: String) { unlink("\(self.directory)/\(name)") }

    /// Of this process, without what is for agents alone.
    static let ownEnvironment: [String: String] = {
        var result: [String: String] = [:], next = environ
        while let entry = next.pointee {
            let parts = String(cString: entry).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2, !parts[0].hasPrefix("MESETA_") { result[String(parts[0])] = String(parts[1]) }
            next += 1
        }
        return result
    }()

    /// Runs a program to its end.
    ///
    /// - Throws: If it cannot be started, or is cancelled.
    func run(_ arguments: [String], input: Input = .nothing) throws(FetchError) -> Result {
        do throws(SystemError) {
            var ends: [Int32] = [0, 0]
            guard pipe2(&ends, O_CLOEXEC) == 0 else { throw SystemError("pipe") }
            let output = Descriptor(owning: ends[0]), far = Descriptor(owning: ends[1])
            let pid = try self.spawn(arguments, input, output: far.number)
            _ = consume far
            return try self.wait(for: pid, reading: output)
        } catch  where error.code == ECANCELED {
            throw FetchError("It was killed while its URIs were fetched.")
        } catch  where error.code == ENOENT {
            throw FetchError(
                "Nothing can be fetched: \(error.path) is missing on the agent; install the package util-linux.")
        } catch {
            throw FetchError("Nothing can be fetched: \(error).")
        }
    }

    private static let setpriv = "/usr/bin/setpriv"

    /// The program behind those that give up the agent's rights.
    private func vector(_ arguments: [String]) -> [String] {
        var vector = [Self.setpriv, "--pdeathsig=KILL", "--no-new-privs"]
        if let user {
            let groups =
                user.groups.isEmpty
                ? ["--clear-groups"] : ["--groups=" + user.groups.map(String.init).joined(separator: ",")]
            vector += ["--reuid=\(user.uid)", "--regid=\(user.gid)"] + groups
        }
        vector += ["/usr/bin/env", "-i", "-C", self.directory]
        vector += self.environment.map { "\($0.key)=\($0.value)" }.sorted()
        return vector + arguments
    }

    /// `POSIX_SPAWN_SETPGROUP`, `..._SETSIGDEF`, `..._SETSIGMASK`.
    private static let spawnFlags: Int16 = 0x02 | 0x04 | 0x08

    private func spawn(_ arguments: [String], _ input: Input, output: Int32) throws(SystemError) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        var near: Int32 = -1
        defer { if near >= 0 { close(near) } }
        switch input {
        case .nothing: posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        case .file(let number): posix_spawn_file_actions_adddup2(&actions, number, 0)
        case .bytes(let bytes):
            var ends: [Int32] = [0, 0]
            guard pipe2(&ends, O_CLOEXEC) == 0 else { throw SystemError("pipe") }
            near = ends[0]
            let far = Descriptor(owning: ends[1])
            try far.write(all: bytes)
            posix_spawn_file_actions_adddup2(&actions, near, 0)
        }
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_adddup2(&actions, output, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t(), all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Self.spawnFlags)
        let vector = self.vector(arguments)
        var strings: [UnsafeMutablePointer<CChar>?] = vector.map { strdup($0) } + [nil]
        defer { for string in strings { free(string) } }
        var pid: pid_t = 0
        let code = posix_spawn(&pid, vector[0], &actions, &attributes, &strings, environ)
        guard code == 0 else { throw SystemError("posix_spawn", vector[0], code: code) }
        return pid
    }

    private func wait(for pid: pid_t, reading output: borrowing Descriptor) throws(SystemError) -> Result {
        var kept: Bytes = [], status: Int32 = 0, isOpen = true, next = ContinuousClock.now + self.progressInterval
        // Also what it has left running.
        defer { kill(-pid, SIGKILL) }
        while true {
            if self.isCancelled() {
                kill(-pid, SIGKILL)
                while waitpid(pid, &status, 0) < 0, errno == EINTR {}
                throw SystemError("waitpid", code: ECANCELED)
            }
            if ContinuousClock.now >= next {
                self.onProgress()
                next += self.progressInterval
            }
            var poll = pollfd(fd: isOpen ? output.number : -1, events: Int16(POLLIN), revents: 0)
            _ = Glibc.poll(&poll, 1, 100)
            if isOpen, poll.revents != 0 { isOpen = Self.read(output, into: &kept) }
            guard waitpid(pid, &status, isOpen ? WNOHANG : 0) == pid else { continue }
            if isOpen { while Self.isReadable(output), Self.read(output, into: &kept) {} }
            let code = status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
            return Result(code: code, output: String(decoding: kept, as: UTF8.self).trimmed.description)
        }
    }

    private static func isReadable(_ output: borrowing Descriptor) -> Bool {
        var poll = pollfd(fd: output.number, events: Int16(POLLIN), revents: 0)
        return Glibc.poll(&poll, 1, 0) > 0
    }

    /// - Returns: Whether there may be more.
    private static func read(_ output: borrowing Descriptor, into kept: inout Bytes) -> Bool {
        let number = output.number
        var count = 0
        let bytes = Bytes(unsafeUninitializedCapacity: 4096) { buffer, filled in
            count = Glibc.read(number, buffer.baseAddress, 4096)
            filled = max(0, count)
        }
        kept += bytes
        if kept.count > Self.outputMax { kept.removeFirst(kept.count - Self.outputMax) }
        return count > 0 || (count < 0 && errno == EINTR)
    }
}
