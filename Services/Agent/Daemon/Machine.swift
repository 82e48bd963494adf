#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What the agent asks of the machine itself.
enum Machine {
    /// Names the present boot: it changes when the machine, or the sandbox that poses as one, starts again.
    static func boot() -> String {
        let descriptor = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = read(descriptor, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(0, count)).prefix { $0 > 0x20 }, as: UTF8.self)
    }

    /// A path that means the same wherever the process goes.
    static func absolute(_ path: String) -> String {
        if path.hasPrefix("/") { return path }
        guard let directory = getcwd(nil, 0) else { return path }
        defer { free(directory) }
        return String(cString: directory) + "/" + path
    }

    /// Ends the process in order, as if somebody had told it to.
    static func end() { kill(getpid(), SIGTERM) }

    /// Ends the process at once, as if it had been killed: what it promised is on disk.
    static func giveUp() -> Never { exit(1) }
}
