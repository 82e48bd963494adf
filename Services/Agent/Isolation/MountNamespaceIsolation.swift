#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif
internal import Model

/// A namespace of mounts: what a container mounts nobody else sees, and its `/tmp` and `/dev/shm` are its own.
///
/// `/tmp` is the directory `.tmp` of the sandbox: it goes when the sandbox goes, and counts as its disk space. A
/// sandbox that is itself below `/tmp` is shown there again. All mounts end with the container's last process.
struct MountNamespaceIsolation: IsolationModule {
    let name = IsolationName.namespaceMount.rawValue
    let hierarchies: [CgroupHierarchy] = []

    /// Below the sandbox.
    private static let directory = ".tmp"

    static func detect() throws(IsolationError) -> Self {
        try Namespaces.require("mnt")
        return Self()
    }

    func add(to start: inout SupervisorStart, for spec: ContainerSpec) throws(IsolationError) {
        let own = "\(start.directory)/\(Self.directory)", bind = UInt64(MS_BIND)
        let isHidden = start.directory.hasPrefix("/tmp/")
        do throws(SystemError) {
            try Files.makeDirectory(own)
            // Everybody's, as the machine's is.
            if chmod(own, 0o1777) != 0 { throw SystemError("chmod", own) }
            if isHidden { try Files.makeDirectories(own + start.directory.dropFirst("/tmp".utf8.count)) }
        } catch {
            throw IsolationError("cannot make a directory for /tmp: \(error)")
        }
        start.namespaces |= Namespaces.mounts
        start.mounts.append(.init(source: own, target: "/tmp", flags: bind))
        if isHidden { start.mounts.append(.init(source: ".", target: start.directory, flags: bind)) }
        if access("/dev/shm", F_OK) == 0 {
            let flags = UInt64(MS_NOSUID | MS_NODEV)
            start.mounts.append(
                .init(source: "shm", target: "/dev/shm", type: "tmpfs", flags: flags, data: "mode=1777"))
        }
    }
}
