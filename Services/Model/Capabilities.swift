/// Sets of capabilities: bit n is capability n of the kernel (`linux/capability.h`).
public enum Capabilities {
    /// Their names without `CAP_`, by number.
    static let names = [
        "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
        "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
        "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
        "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
        "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
        "CHECKPOINT_RESTORE",
    ]

    /// All that have a name.
    public static let all: UInt64 = (1 << UInt64(Self.names.count)) - 1

    /// What root keeps in a container that asks for nothing; the same as Docker's default.
    public static let usual: UInt64 = [
        "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "NET_BIND_SERVICE",
        "NET_RAW", "SYS_CHROOT", "MKNOD", "AUDIT_WRITE", "SETFCAP",
    ].reduce(0) { $0 | Self.set(named: $1)! }

    /// That of one name, with or without `CAP_`, or `ALL`, in letters of either case; nil if there is none.
    public static func set(named name: some StringProtocol) -> UInt64? {
        let upper = name.uppercased()
        if upper == "ALL" { return Self.all }
        let plain = upper.hasPrefix("CAP_") ? String(upper.dropFirst(4)) : upper
        return Self.names.firstIndex(of: plain).map { 1 << UInt64($0) }
    }

    /// Names divided by commas; those without one by number, and `none`.
    public static func text(_ set: UInt64) -> String {
        if set == 0 { return "none" }
        let numbers = (0..<64).filter { set >> UInt64($0) & 1 == 1 }
        return numbers.map { $0 < Self.names.count ? Self.names[$0] : "\($0)" }.joined(separator: ",")
    }
}
