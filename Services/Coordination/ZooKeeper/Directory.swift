public import Logging
public import Model
internal import Synchronization

/// One short look at the cluster's masters and relays, for those who hold no session: agents and schedulers.
public struct Directory: Hashable, Sendable {
    /// The leader first.
    public var masters: [MemberInfo] = []
    /// In no particular order.
    public var relays: [MemberInfo] = []

    private final class Shared: Sendable {
        let value = Mutex(Directory())
    }

    /// Opens a session, reads both groups, and closes it.
    ///
    /// - Parameter timeout: How long to wait for the service and for a first master or relay to be listed.
    /// - Returns: What was found by then; empty if the service was out of reach.
    public static func read(
        servers: String, path: String, guid: String, timeout: Duration, codec: any MemberCodec, logger: Logger
    ) async -> Directory {
        let found = Shared()
        let (signals, signal) = AsyncStream.makeStream(of: Void.self)
        func watcher(_ group: GroupHost.Group, _ keep: @escaping @Sendable ([MemberInfo]) -> Void) -> GroupHost {
            GroupHost(
                servers: servers, path: path, group: group, candidate: nil, guid: guid, codec: codec, logger: logger
            ) { change in
                guard case .membersChanged(let members) = change else { return }
                keep(members)
                signal.yield()
            }
        }
        let masters = watcher(.masters) { members in found.value.withLock { $0.masters = members } }
        let relays = watcher(.relays) { members in found.value.withLock { $0.relays = members } }
        masters.start()
        relays.start()
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                for await _ in signals {
                    if found.value.withLock({ !$0.masters.isEmpty && !$0.relays.isEmpty }) { return }
                }
            }
            group.addTask { try? await Task.sleep(for: timeout) }
            await group.next()
            group.cancelAll()
        }
        signal.finish()
        await GroupHost.stop([masters, relays])
        return found.value.withLock { $0 }
    }
}
