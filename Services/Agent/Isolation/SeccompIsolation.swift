internal import Model

/// A filter of system calls: those that no task needs and that would change the machine are refused with EPERM.
///
/// The table is the supervisor's (`filter.c`). Programs of another architecture, 32-bit ones too, cannot run.
struct SeccompIsolation: IsolationModule {
    let name = IsolationName.seccomp.rawValue
    let hierarchies: [CgroupHierarchy] = []

    static func detect() throws(IsolationError) -> Self {
        let actions = Files.text("/proc/sys/kernel/seccomp/actions_avail") ?? ""
        guard actions.split(whereSeparator: \.isWhitespace).contains("errno") else {
            throw IsolationError("this kernel filters no system calls")
        }
        return Self()
    }

    func add(to start: inout SupervisorStart, for spec: ContainerSpec) throws(IsolationError) {
        start.hasNoNewPrivileges = true
        start.isFiltered = true
    }
}
