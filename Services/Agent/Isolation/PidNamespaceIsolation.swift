#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif
internal import Model

/// A namespace of processes: a container sees and signals its own alone, and all of them end with its first.
///
/// That first process is an init of the supervisor's, which passes signals on and reaps orphans. `/proc` shows the
/// same processes, so there is a namespace of mounts too.
struct PidNamespaceIsolation: IsolationModule {
    let name = IsolationName.namespacePid.rawValue
    let hierarchies: [CgroupHierarchy] = []

    static func detect() throws(IsolationError) -> Self {
        try Namespaces.require("pid", "mnt")
        return Self()
    }

    func add(to start: inout SupervisorStart, for spec: ContainerSpec) throws(IsolationError) {
        start.namespaces |= Namespaces.pids | Namespaces.mounts
        let flags = UInt64(MS_NOSUID | MS_NODEV | MS_NOEXEC)
        start.mounts.append(.init(source: "proc", target: "/proc", type: "proc", flags: flags))
    }
}
