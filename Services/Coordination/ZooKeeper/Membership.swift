public import Logging
public import Model

/// A process's place in a cluster that uses ZooKeeper: it lists itself for others to find, and learns which masters there are.
///
/// For relays and allocators, which follow the leading master and contend for nothing.
public final class Membership: Sendable {
    private let own: GroupHost
    private let masters: GroupHost

    /// Prepares; nothing happens before `start`.
    ///
    /// - Parameters:
    ///   - group: Where the process lists itself.
    ///   - member: What it says there.
    ///   - groupChanged: Told the addresses of all in the process's own group, itself included. Called on a queue of this
    ///     object's own.
    ///   - mastersChanged: Told the addresses of the masters, the leader first; none if there is none. Called on another.
    public init(
        servers: String, path: String, group: GroupHost.Group, member: MemberInfo, codec: any MemberCodec,
        logger: Logger, groupChanged: @escaping @Sendable ([String]) -> Void = { _ in },
        mastersChanged: @escaping @Sendable ([String]) -> Void
    ) {
        let guid = member.incarnation.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        self.own = GroupHost(
            servers: servers, path: path, group: group, candidate: member, guid: guid, codec: codec, logger: logger
        ) { change in
            if case .membersChanged(let members) = change { groupChanged(members.map(\.address)) }
        }
        self.masters = GroupHost(
            servers: servers, path: path, group: .masters, candidate: nil, guid: guid, codec: codec, logger: logger
        ) { change in
            if case .membersChanged(let members) = change { mastersChanged(members.map(\.address)) }
        }
    }

    /// Opens the sessions; retries for ever.
    public func start() {
        self.own.start()
        self.masters.start()
    }

    /// Takes the process off the list, and ends the sessions.
    ///
    /// Returns when both are done, or after a second.
    public func stop() async { await GroupHost.stop([self.own, self.masters]) }
}
