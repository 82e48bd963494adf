@_exported public import LocalZooKeeper

/// Something that a test needs is not as it should be.
public struct TestFailure: Error, CustomStringConvertible {
    /// For people: what went wrong, with what was seen.
    public let description: String
    /// With what was seen.
    public init(_ description: String) { self.description = description }
}
