/// A process as it lists itself in the coordination service: data of its ephemeral node, `meseta.wire.MemberInfo`.
public struct MemberInfo: Hashable, Sendable {
    /// The name that the process goes by in logs and listings.
    public var name: String
    /// host:port of its protobuf listener.
    public var address: String
    /// Random, drawn at process start.
    public var incarnation: Bytes

    /// With everything given.
    public init(name: String, address: String, incarnation: Bytes) {
        self.name = name
        self.address = address
        self.incarnation = incarnation
    }
}

/// Reads and writes what members put into their nodes.
public protocol MemberCodec: Sendable {
    /// Reads a `meseta.wire.MemberInfo`; nil if it is none.
    func member(_ bytes: Bytes) -> MemberInfo?
    /// Writes a `meseta.wire.MemberInfo`.
    func encode(_ member: MemberInfo) -> Bytes
}
