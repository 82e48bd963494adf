internal import Model
internal import Synchronization

/// Ports for whom they were given to: a container that listens on one of another's is ended.
///
/// `PortsWatch` decides. Nothing keeps a process from listening; it is seen within `interval` and a second. Looked at is
/// TCP in the agent's network: what a container does in a network of its own takes nobody's ports.
final class PortsIsolation: IsolationModule {
    let name = IsolationName.ports.rawValue
    let hierarchies: [CgroupHierarchy]
    private let tracking: CgroupHierarchy
    private let state: Mutex<State>

    private struct State {
        var watch: PortsWatch
        var listeners: [UInt64: UInt16] = [:]
        var readAt: ContinuousClock.Instant?
    }

    /// What the kernel shows serves all containers that are looked at within this time.
    private static let freshness = Duration.milliseconds(200)

    init(tracking: CgroupHierarchy, watch: PortsWatch) {
        self.tracking = tracking
        self.hierarchies = [tracking]
        self.state = Mutex(State(watch: watch))
    }

    func apply(_ resources: Resources, to run: CgroupRun) throws(IsolationError) {
        self.state.withLock { $0.watch.begin(run.runID) }
    }

    func reset(_ run: CgroupRun) -> Bool { true }

    func end(_ run: CgroupRun) { self.state.withLock { $0.watch.end(run.runID) } }

    func breach(of resources: Resources, by usage: ContainerUsage, in run: CgroupRun) -> Limitation? {
        guard let group = run.directory(in: self.tracking) else { return nil }
        let now = ContinuousClock.now
        let listeners = self.state.withLock { state -> [UInt64: UInt16]? in
            guard state.watch.isDue(run.runID, at: now) else { return nil }
            if state.readAt.map({ now - $0 > Self.freshness }) ?? true {
                state.listeners = ListeningSockets.ports().filter { state.watch.isGuarded($0.value) }
                state.readAt = now
            }
            return state.listeners
        }
        guard let listeners else { return nil }
        var ports: Set<UInt16> = []
        if !listeners.isEmpty {
            for process in ListeningSockets.processes(inGroup: group) {
                ports.formUnion(ListeningSockets.inodes(of: process).compactMap { listeners[$0] })
            }
        }
        let held = resources.ranges("ports"), seen = ports
        let port = self.state.withLock { state in
            state.watch.saw(run.runID, listeningOn: seen, holding: held, at: now)
        }
        return port.map { port in
            let own = held.isEmpty ? "it was given no ports" : "it was given \(held)"
            return Limitation(
                cause: .limitation, message: "It listened on port \(port), which is not its own: \(own).")
        }
    }
}
