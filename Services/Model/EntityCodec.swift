/// Reads and writes the messages that travel inside others as bytes.
///
/// Cores are given one, so that they can look into what they mostly carry without knowing the wire format. Its functions are
/// pure: the same bytes, the same value.
public protocol EntityCodec: Sendable {
    /// Reads a `meseta.v1.TaskInfo`; nil if it is none.
    func task(_ bytes: Bytes) -> TaskInfo?
    /// Reads a `meseta.v1.ExecutorInfo`; nil if it is none.
    func executor(_ bytes: Bytes) -> ExecutorInfo?
    /// Reads a `meseta.v1.FrameworkInfo`; nil if it is none.
    func framework(_ bytes: Bytes) -> FrameworkInfo?
    /// Reads a `meseta.v1.TaskStatus`; nil if it is none.
    func status(_ bytes: Bytes) -> TaskStatus?
    /// Reads the attributes of a `meseta.v1.AgentInfo`; empty if it is none.
    func attributes(_ bytes: Bytes) -> [Attribute]
    /// Writes a `meseta.v1.TaskInfo`: its `encoded` if it has one.
    func encode(_ task: TaskInfo) -> Bytes
    /// Writes a `meseta.v1.ExecutorInfo`: its `encoded` if it has one.
    func encode(_ executor: ExecutorInfo) -> Bytes
    /// Writes a `meseta.v1.FrameworkInfo`: its `encoded` if it has one.
    func encode(_ framework: FrameworkInfo) -> Bytes
    /// Writes a `meseta.v1.TaskStatus`.
    func encode(_ status: TaskStatus) -> Bytes
    /// Writes a `meseta.v1.AgentInfo` with these attributes and that hostname.
    func encode(attributes: [Attribute], hostname: String) -> Bytes
}
