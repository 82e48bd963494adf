public import Model
internal import Synchronization

/// Reads and writes the messages that travel inside others, for cores.
///
/// One per role: it keeps one arena, which calls from several threads would wait for in turn.
public struct ProtobufCodec: EntityCodec {
    private final class Shared: Sendable {
        let arena = Mutex(ArenaBox())
    }

    /// Made where it is used and lent out under the lock alone.
    private struct ArenaBox {
        var arena = MessageArena()
    }

    private let shared = Shared()

    /// A codec with an arena of its own.
    public init() {}

    private func read<M: WireMessage & Sendable>(_ type: M.Type, _ bytes: Bytes) -> M? {
        self.shared.arena.withLock { box in
            defer { box.arena.reset() }
            return try? M(encoded: bytes, in: box.arena)
        }
    }

    private func write(_ message: some WireMessage & Sendable) -> Bytes {
        self.shared.arena.withLock { box in
            defer { box.arena.reset() }
            return message.packed(in: box.arena).bytes
        }
    }

    /// Reads a task; nil if it is none.
    public func task(_ bytes: Bytes) -> TaskInfo? { self.read(TaskInfo.self, bytes) }

    /// Reads an executor; nil if it is none.
    public func executor(_ bytes: Bytes) -> ExecutorInfo? { self.read(ExecutorInfo.self, bytes) }

    /// Reads a framework; nil if it is none.
    public func framework(_ bytes: Bytes) -> FrameworkInfo? { self.read(FrameworkInfo.self, bytes) }

    /// Reads a status; nil if it is none.
    public func status(_ bytes: Bytes) -> TaskStatus? { self.read(TaskStatus.self, bytes) }

    /// Reads attributes; empty if they are none.
    public func attributes(_ bytes: Bytes) -> [Attribute] {
        if bytes.isEmpty { return [] }
        return self.read(AgentAttributes.self, bytes)?.attributes ?? []
    }

    /// Writes a task, as it came if it came from elsewhere.
    public func encode(_ task: TaskInfo) -> Bytes { task.encoded.isEmpty ? self.write(task) : task.encoded }

    /// Writes an executor, as it came if it came from elsewhere.
    public func encode(_ executor: ExecutorInfo) -> Bytes {
        executor.encoded.isEmpty ? self.write(executor) : executor.encoded
    }

    /// Writes a framework, as it came if it came from elsewhere.
    public func encode(_ framework: FrameworkInfo) -> Bytes {
        framework.encoded.isEmpty ? self.write(framework) : framework.encoded
    }

    /// Writes a status.
    public func encode(_ status: TaskStatus) -> Bytes { self.write(status) }

    /// Writes attributes.
    public func encode(attributes: [Attribute], hostname: String) -> Bytes {
        self.write(AgentAttributes(hostname: hostname, attributes: attributes))
    }
}
