#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// Who listens on TCP ports, as the kernel shows it.
enum ListeningSockets {
    /// The sockets that listen in this process's network: inode to port.
    static func ports() -> [UInt64: UInt16] {
        var found: [UInt64: UInt16] = [:]
        for file in ["tcp", "tcp6"] {
            // Those that listen come first: a megabyte holds 7,000 of them, however many connections follow.
            found.merge(Self.ports(in: Files.text("/proc/self/net/\(file)") ?? "")) { first, _ in first }
        }
        return found
    }

    /// Those in the text of `/proc/net/tcp` or `tcp6`.
    static func ports(in text: String) -> [UInt64: UInt16] {
        var found: [UInt64: UInt16] = [:]
        for line in text.split(separator: "\n").dropFirst() {
            // sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode ...
            let words = line.split(separator: " ", maxSplits: 10)
            guard words.count >= 10, words[3] == "0A" else { continue }
            guard let colon = words[1].lastIndex(of: ":"),
                let port = UInt16(words[1][words[1].index(after: colon)...], radix: 16), let inode = UInt64(words[9])
            else { continue }
            found[inode] = port
        }
        return found
    }

    /// The processes in a control group and those below it.
    static func processes(inGroup directory: String, depth: Int = 8) -> [pid_t] {
        var found = (Files.text(directory + "/cgroup.procs") ?? "").split(separator: "\n").compactMap { pid_t($0) }
        // A directory has two links of itself, and one of each that is in it.
        guard depth > 0, let links = Files.linkCount(directory), links > 2 else { return found }
        for name in Files.names(in: directory) where Files.isDirectory("\(directory)/\(name)") {
            found += Self.processes(inGroup: "\(directory)/\(name)", depth: depth - 1)
        }
        return found
    }

    /// The inodes of the sockets that a process has open; none if it is gone.
    static func inodes(of process: pid_t) -> [UInt64] {
        let directory = "/proc/\(process)/fd"
        return Files.names(in: directory).compactMap { name in
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { buffer in
                // "socket:[12345]"
                let count = buffer.withMemoryRebound(to: CChar.self) {
                    readlink("\(directory)/\(name)", $0.baseAddress!, $0.count)
                }
                guard count > 0 else { return nil }
                let text = String(decoding: buffer[..<count], as: UTF8.self)
                guard text.hasPrefix("socket:["), text.hasSuffix("]") else { return nil }
                return UInt64(text.dropFirst(8).dropLast())
            }
        }
    }
}
