#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif
internal import Model
internal import Synchronization

/// Whom a container runs as, looked up in the machine's user database.
struct UserEntry: Hashable, Sendable {
    var name: String
    var home: String
    var user: SupervisorStart.User
}

enum Users {
    /// That of this process.
    static let ownID: UInt32 = geteuid()
    /// Whether this process may let others run as whom it wants.
    static var canSwitch: Bool { self.ownID == 0 }

    /// What was found, and until when it may be used without asking again.
    private static let found = Mutex<[String: (entry: UserEntry, until: ContinuousClock.Instant)]>([:])

    /// How long an answer of the user database is good for: a new user is found at once, a changed one this much later.
    static let memory: Duration = .seconds(10)
    /// Answers kept; beyond that all are forgotten.
    private static let memoryLimit = 1000

    /// The user of that name.
    ///
    /// Asks the network where the machine is set up so; not for an event loop. The answer is remembered for `memory`.
    ///
    /// - Throws: If there is none: a container never runs as somebody else.
    static func find(_ name: String) throws(IsolationError) -> UserEntry {
        let now = ContinuousClock.now
        if let known = self.found.withLock({ $0[name] }), known.until > now { return known.entry }
        let entry = try self.lookUp(name)
        self.found.withLock { found in
            if found.count >= self.memoryLimit { found.removeAll() }
            found[name] = (entry, now + self.memory)
        }
        return entry
    }

    private static func lookUp(_ name: String) throws(IsolationError) -> UserEntry {
        var buffer = [CChar](repeating: 0, count: 16 << 10)
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        let code = getpwnam_r(name, &entry, &buffer, buffer.count, &found)
        guard code == 0 else { throw IsolationError("cannot look up the user \"\(name)\"", errno: code) }
        guard found != nil else { throw IsolationError("there is no user \"\(name)\" on this agent") }
        return UserEntry(
            name: name, home: String(cString: entry.pw_dir),
            user: .init(uid: entry.pw_uid, gid: entry.pw_gid, groups: Self.groups(of: name, entry.pw_gid)))
    }

    /// The user that this process runs as; nil if the machine does not know it.
    static let own: UserEntry? = Self.lookUpOwn()

    private static func lookUpOwn() -> UserEntry? {
        var buffer = [CChar](repeating: 0, count: 16 << 10)
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        guard getpwuid_r(geteuid(), &entry, &buffer, buffer.count, &found) == 0, found != nil else { return nil }
        return UserEntry(
            name: String(cString: entry.pw_name), home: String(cString: entry.pw_dir),
            user: .init(uid: entry.pw_uid, gid: entry.pw_gid, groups: []))
    }

    private static func groups(of name: String, _ gid: gid_t) -> [UInt32] {
        var count: Int32 = 64
        while true {
            var groups = [gid_t](repeating: 0, count: Int(count))
            let former = count
            if getgrouplist(name, gid, &groups, &count) >= 0 { return Array(groups.prefix(Int(count))) }
            // It has said how many there are.
            if count <= former { count = former * 2 }
            if count > 65_536 { return [gid] }
        }
    }
}
