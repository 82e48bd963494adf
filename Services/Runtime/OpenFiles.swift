#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif

/// How many files this process may have open at a time, connections among them.
enum OpenFiles {
    /// As `ulimit -n` says; nil if the kernel does not tell.
    static var limit: Int? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
        return Int(exactly: limit.rlim_cur)
    }

    /// How many connections may be accepted of `limit` files: a quarter, and 1,024 at most, is kept for everything else.
    static func connections(of limit: Int) -> Int { limit - min(1024, limit / 4) }
}
