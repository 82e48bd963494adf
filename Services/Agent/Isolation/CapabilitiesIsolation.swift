internal import Model

/// What root may do in a container: a short list.
///
/// And nobody there becomes more than he is: `su`, `sudo` and the like do not work.
///
/// An agent that is not root has no capabilities to drop; only the second half is left then.
struct CapabilitiesIsolation: IsolationModule {
    let name: String
    let hierarchies: [CgroupHierarchy] = []
    private let isRoot: Bool

    /// By the numbers of linux/capability.h; the same as Docker's default.
    static let kept: UInt64 = [
        0,  // CHOWN
        1,  // DAC_OVERRIDE
        3,  // FOWNER
        4,  // FSETID
        5,  // KILL
        6,  // SETGID
        7,  // SETUID
        8,  // SETPCAP
        10,  // NET_BIND_SERVICE
        13,  // NET_RAW
        18,  // SYS_CHROOT
        27,  // MKNOD
        29,  // AUDIT_WRITE
        31,  // SETFCAP
    ].reduce(0) { $0 | 1 << $1 }

    static func detect() -> Self {
        // CAP_SETPCAP is what it takes.
        let isRoot = Namespaces.ownCapabilities >> 8 & 1 == 1
        let name = IsolationName.capabilities.rawValue
        return Self(name: isRoot ? name : "\(name), no new ones", isRoot: isRoot)
    }

    func add(to start: inout SupervisorStart, for spec: ContainerSpec) throws(IsolationError) {
        start.hasNoNewPrivileges = true
        if self.isRoot { start.capabilities = Self.kept }
    }
}
