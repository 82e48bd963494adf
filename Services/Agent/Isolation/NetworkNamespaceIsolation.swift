internal import Model

/// A network of its own, with a loopback and nothing else; also System V objects and a host name of its own.
///
/// For command tasks. An executor has to reach the agent, so it stays in the machine's network.
struct NetworkNamespaceIsolation: IsolationModule {
    let name = IsolationName.namespaceNetwork.rawValue
    let hierarchies: [CgroupHierarchy] = []

    static func detect() throws(IsolationError) -> Self {
        try Namespaces.require("net", "ipc", "uts")
        return Self()
    }

    func add(to start: inout SupervisorStart, for spec: ContainerSpec) throws(IsolationError) {
        start.namespaces |= Namespaces.ipc | Namespaces.hostName
        if spec.isCommandTask { start.namespaces |= Namespaces.network }
    }
}
