internal import Messages
internal import Model

/// An ensemble of ZooKeeper, seen from outside: sessions that expire, ephemeral sequential nodes, watches, and a number
/// that is raised by compare-and-set.
///
/// It is linear, as the real one is; it can be away, and lose all that it had.
final class ZooKeeperModel {
    /// A member's node.
    struct Node {
        let name: String
        let group: SimulatedGroup.Kind
        let data: Bytes
        let session: Int
    }

    /// Why a request was not answered with what was asked.
    enum Failure: Error {
        /// The connection is down: it may have been carried out or not.
        case connectionLost
        case noNode
        case badVersion
    }

    /// How long the owner of a session may be silent.
    let sessionTimeout: Duration
    private(set) var isAway = false
    /// In the order of making.
    private var nodes: [Node] = []
    private(set) var epoch = (value: Epoch.none, version: Int32(0))
    private unowned let cluster: SimulatedCluster
    private var clients: [Int: SimulatedGroup] = [:]
    /// All who live or have a session: who lost it while the service was away hears of it later.
    private var known: [SimulatedGroup] = []
    private var lastSession = 0
    private var lastSequence = 0

    init(sessionTimeout: Duration, in cluster: SimulatedCluster) {
        self.sessionTimeout = sessionTimeout
        self.cluster = cluster
    }

    /// Addresses of the masters, in the order of joining.
    var masters: [String] { self.nodes(of: .masters).compactMap { ProtobufCodec().member($0.data)?.address } }

    /// The nodes of a group, in the order of making.
    func nodes(of group: SimulatedGroup.Kind) -> [Node] { self.nodes.filter { $0.group == group } }

    func openSession(for client: SimulatedGroup) -> Int {
        self.lastSession += 1
        self.clients[self.lastSession] = client
        let owners = Set(self.clients.values.map { ObjectIdentifier($0) })
        self.known.removeAll { $0 === client || !$0.isLive && !owners.contains(ObjectIdentifier($0)) }
        self.known.append(client)
        return self.lastSession
    }

    func isAlive(_ session: Int) -> Bool { self.clients[session] != nil }

    /// The session ends, and its nodes go with it.
    func expire(_ session: Int) {
        guard self.clients.removeValue(forKey: session) != nil else { return }
        for group in [SimulatedGroup.Kind.masters, .relays] {
            self.change(group) { $0.removeAll { $0.session == session && $0.group == group } }
        }
    }

    func create(_ prefix: String, _ data: Bytes, in group: SimulatedGroup.Kind, session: Int) -> String {
        self.lastSequence += 1
        let digits = String(self.lastSequence)
        let name = prefix + String(repeating: "0", count: 10 - digits.count) + digits
        self.change(group) { $0.append(Node(name: name, group: group, data: data, session: session)) }
        return name
    }

    func delete(_ name: String, in group: SimulatedGroup.Kind) {
        self.change(group) { $0.removeAll { $0.name == name && $0.group == group } }
    }

    func raise(to epoch: Epoch, version: Int32, whileExists node: String) throws(Failure) {
        guard self.nodes.contains(where: { $0.name == node }) else { throw .noNode }
        guard self.epoch.version == version else { throw .badVersion }
        self.epoch = (epoch, version + 1)
    }

    private func change(_ group: SimulatedGroup.Kind, _ body: (inout [Node]) -> Void) {
        let before = self.nodes.count
        body(&self.nodes)
        guard self.nodes.count != before else { return }
        for session in self.clients.keys.sorted() where self.clients[session]?.kind == group {
            self.clients[session]?.watchFired()
        }
    }

    // MARK: Faults

    /// Nobody reaches it, and no time passes for its sessions; or it is back, and every session has its whole time again.
    func set(away isAway: Bool) {
        self.isAway = isAway
        for client in self.known { client.reachabilityChanged() }
    }

    /// Lets go of its clients.
    func dismantle() {
        self.clients = [:]
        self.known = []
    }

    /// All that it had is gone.
    func wipe() {
        let clients = self.clients.keys.sorted().compactMap { self.clients[$0] }
        self.clients = [:]
        self.nodes = []
        self.epoch = (.none, 0)
        for client in clients { client.reachabilityChanged() }
    }
}
