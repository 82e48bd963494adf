#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif
internal import Model

/// Where a framework's supervisor lives: `supervisors/<framework>` below the agent's work directory, with its
/// `socket`, `lock`, `journal`, its `log`, and the framework's id in `framework`.
struct SupervisorDirectory: Hashable, Sendable {
    let path: String
    private let parent: String
    let frameworkID: FrameworkID

    static func parent(below root: String) -> String { root + "/supervisors" }

    init(of frameworkID: FrameworkID, below root: String) {
        self.frameworkID = frameworkID
        self.parent = Self.parent(below: root)
        self.path = self.parent + "/" + Self.name(frameworkID.rawValue)
    }

    private init?(existing name: String, in parent: String) {
        guard let id = Files.text("\(parent)/\(name)/framework"), !id.isEmpty else { return nil }
        self.parent = parent
        self.path = "\(parent)/\(name)"
        self.frameworkID = FrameworkID(id)
    }

    /// Those that earlier lives of the agent left.
    ///
    /// Those without a journal have nothing to tell, and are removed.
    static func existing(below root: String) -> [SupervisorDirectory] {
        let parent = Self.parent(below: root)
        return Files.names(in: parent).compactMap { name in
            let path = "\(parent)/\(name)"
            guard access(path + "/journal", F_OK) == 0 || Self.isTaken(path),
                let directory = SupervisorDirectory(existing: name, in: parent)
            else {
                Self.remove(path)
                return nil
            }
            return directory
        }
    }

    /// Whether a supervisor lives there.
    private static func isTaken(_ path: String) -> Bool {
        guard let lock = try? Descriptor(opening: path + "/lock", O_RDONLY) else { return false }
        return flock(lock.number, LOCK_EX | LOCK_NB) != 0
    }

    /// Makes it, readable by the agent's user alone.
    func make() throws(SystemError) {
        try Files.makeDirectories(self.parent, mode: 0o700)
        // A disk without room leaves the file empty, or with a part of the id.
        guard
            try Files.makeDirectory(self.path, mode: 0o700)
                || Files.text(self.path + "/framework") != self.frameworkID.rawValue
        else { return }
        let file = try Descriptor(opening: self.path + "/framework", O_WRONLY | O_CREAT | O_TRUNC)
        try file.write(all: Array(self.frameworkID.rawValue.utf8))
    }

    /// Removes it with what a supervisor leaves in it, unless one lives there.
    ///
    /// One that has just ended its connection may hold its lock for a moment longer.
    func remove() {
        for _ in 0..<200 {
            guard Self.isTaken(self.path) else { return Self.remove(self.path) }
            usleep(5000)
        }
    }

    private static func remove(_ path: String) {
        for name in ["socket", "lock", "journal", "journal.new", "log", "framework"] { unlink("\(path)/\(name)") }
        rmdir(path)
    }

    /// Sends a signal to the supervisor that lives there, if one does: it holds the lock that names it.
    func signal(_ number: Int32) {
        guard Self.isTaken(self.path), let text = Files.text(self.path + "/lock"),
            let pid = pid_t(text.prefix { $0.isNumber }), pid > 1
        else { return }
        kill(pid, number)
    }

    /// Waits until no supervisor lives there.
    ///
    /// - Returns: Whether that is so.
    func waitUntilFree(milliseconds: Int) -> Bool {
        for _ in 0..<(milliseconds / 5) {
            if !Self.isTaken(self.path) { return true }
            usleep(5000)
        }
        return !Self.isTaken(self.path)
    }

    /// A framework's id as a file name: what is not plain becomes `%XX`, and a long one ends in a checksum.
    private static func name(_ id: String) -> String {
        var name = ""
        for byte in id.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                name.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                name += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }
        }
        guard name.utf8.count > 200 else { return name }
        return name.prefix(180) + "%" + String(CRC32C.checksum(Array(id.utf8)), radix: 16)
    }

    /// Starts the supervisor and waits until it listens; that it runs already is fine.
    ///
    /// Takes milliseconds; not for an event loop.
    func start(_ executable: String, cgroups: [String], patience: Duration) throws(IsolationError) {
        do throws(SystemError) {
            try self.make()
        } catch {
            throw IsolationError("cannot make the supervisor's directory: \(error)")
        }
        var arguments = [executable, "--dir", self.path, "--patience", "\(patience.components.seconds)"]
        for cgroup in cgroups { arguments += ["--cgroup", cgroup] }
        let status = try Self.run(arguments, log: self.path + "/log")
        guard status == 0 || status == 75 << 8 else {
            throw IsolationError("\(executable) ended with \(status >> 8); see \(self.path)/log")
        }
    }

    /// `POSIX_SPAWN_SETSID`, which the module of the C library does not show.
    private static let spawnInOwnSession: Int16 = 0x80

    private static func run(_ arguments: [String], log: String) throws(IsolationError) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 2, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Out of the agent's session before anything else, so that no Ctrl-C reaches it.
        posix_spawnattr_setflags(&attributes, Self.spawnInOwnSession)
        var vector: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        vector.append(nil)
        defer { for argument in vector { free(argument) } }
        var pid: pid_t = 0
        let code = posix_spawn(&pid, arguments[0], &actions, &attributes, vector, environ)
        guard code == 0 else { throw IsolationError("cannot start \(arguments[0])", errno: code) }
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        return status
    }
}
