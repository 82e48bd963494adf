internal import Model

/// What root may do in a container: a short list, or what its task asks for out of what the operator allows.
///
/// And nobody there becomes more than he is: `su`, `sudo` and the like do not work. So what a task could gain at most
/// (its bounding set) is no more than what it starts with, and both are one here.
///
/// An agent that is not root has no capabilities to drop; only the second half is left then.
struct CapabilitiesIsolation: IsolationModule {
    let name: String
    let hierarchies: [CgroupHierarchy] = []
    private let isRoot: Bool
    private let allowed: UInt64

    init(isRoot: Bool, allowed: UInt64) {
        let name = IsolationName.capabilities.rawValue
        self.name = isRoot ? name : "\(name), no new ones"
        self.isRoot = isRoot
        self.allowed = allowed
    }

    static func detect(allowed: UInt64) -> Self {
        // CAP_SETPCAP is what it takes.
        Self(isRoot: Namespaces.ownCapabilities >> 8 & 1 == 1, allowed: allowed)
    }

    func add(to start: inout SupervisorStart, for spec: ContainerSpec) throws(IsolationError) {
        start.hasNoNewPrivileges = true
        let asked = spec.container?.linux ?? .init()
        let excess = ((asked.effectiveCapabilities ?? 0) | (asked.boundingCapabilities ?? 0)) & ~self.allowed
        guard excess == 0 else {
            throw IsolationError(
                "It asks for the capabilities \(Capabilities.text(excess)), which this agent does not allow "
                    + "(--allowed-capabilities \(Capabilities.text(self.allowed))).")
        }
        guard self.isRoot else {
            guard asked.effectiveCapabilities ?? 0 == 0 else {
                throw IsolationError("It asks for capabilities, and the agent is not root and has none to give.")
            }
            return
        }
        let kept = asked.effectiveCapabilities ?? Capabilities.usual & self.allowed
        start.capabilities = kept & (asked.boundingCapabilities ?? .max)
        // Root has them by being root. Another user has what was asked for, and nothing unasked.
        start.hasAmbientCapabilities = start.user != nil && start.user?.uid != 0 && asked.effectiveCapabilities != nil
    }
}
