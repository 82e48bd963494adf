import Model

/// Who is preferred: all that a policy decides.
///
/// A *client* is a framework in one of its roles. The allocator tells a policy what clients hold and which of them can be
/// given anything at all; the policy keeps them in order. Clients and roles are dense integers.
protocol Policy {
    /// A role, added or changed.
    mutating func setRole(_ role: UInt32, weight: Double)

    /// A client, which holds nothing and wants nothing yet. `tie` decides between clients that are equal in all else,
    /// the lowest first.
    mutating func add(_ client: UInt32, role: UInt32, tie: UInt32)

    /// A client is gone, with all that it held.
    mutating func remove(_ client: UInt32)

    /// Whether a client can be given anything: its framework is active and has not suppressed the role.
    mutating func setEligible(_ client: UInt32, _ isEligible: Bool)

    /// What all agents of the cluster have together. Scalars only.
    mutating func setTotal(_ total: Resources)

    /// A client holds this much more. Scalars only.
    mutating func hold(_ resources: Resources, by client: UInt32)

    /// A client holds this much less. Scalars only.
    mutating func release(_ resources: Resources, by client: UInt32)

    /// A client was given an agent's resources, by this allocator: its turn was used.
    mutating func served(_ client: UInt32)

    /// Brings the order up to date with what was told. Called before `first`.
    mutating func settle()

    /// The client to prefer among the eligible ones that `accepts` takes; it is asked in the policy's order.
    func first(where accepts: (UInt32) -> Bool) -> UInt32?

    /// How large a client's part of the cluster is, for metrics and tests.
    func share(of client: UInt32) -> Double
}
