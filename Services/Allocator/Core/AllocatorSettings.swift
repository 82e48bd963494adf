public import Model

/// What an allocator is told at its start.
public struct AllocatorSettings: Sendable {
    /// Its name among the allocators; the master divides agents between them by it.
    public var name: String

    /// Which policy decides; nil: the one that the operator's policy names, which the master tells.
    public var policy: SharingPolicy?

    /// It only watches: the master tells it a world of its own, and nothing that it proposes reaches a framework.
    public var isShadow = false

    /// A whole policy that is tried in place of the operator's.
    ///
    /// For allocators that only watch. Default none.
    public var trial: ClusterPolicy?

    /// What policies by chance draw from, together with the name.
    ///
    /// The same seed, name and history give the same proposals. Default 0: nobody gains by knowing the draws.
    public var seed: UInt64 = 0

    /// How long what comes free is gathered before it is given away, where much does.
    ///
    /// Milliseconds. Longer lets more frameworks take part in one decision and sends fewer, larger messages; shorter lets
    /// a framework that waits start sooner. Resources that come free wait for this and for nothing else. Default 5 ms.
    public var batchWindow: Duration = .milliseconds(5)

    /// How many decisions are taken at once within a batching window; then what comes free waits for its end, and where more
    /// were taken in it, for the end of the next.
    ///
    /// More lets a little burst start sooner; but a framework that declines whatever it is offered, for no time, is offered it
    /// again so often. Default 4: in a cluster where tasks end one by one nobody waits.
    public var decisionsAtOnce: UInt64 = 4

    /// How many frameworks are looked at in one turn, over all agents of it.
    ///
    /// What is left goes on in the next turn, after what has come in meanwhile. About a millisecond at the default of
    /// 10,000.
    public var looksPerTurn: Int = 10_000

    /// For how long an allocation is not proposed again that the master refused though the resources are free.
    ///
    /// The master knows rules that a policy need not know: who may have GPUs, limits of roles. Longer wastes fewer
    /// messages where such a rule holds for ever; shorter notices its end sooner. Default 5 s, as a scheduler's refusal.
    public var refusalPause: Duration = .seconds(5)

    /// For how long a request is a hint, if no offer answers it before.
    ///
    /// Longer helps a framework that asks seldom; shorter forgets sooner what it has got elsewhere. Default 60 s.
    public var requestLifetime: Duration = .seconds(60)

    /// Where chance starts.
    var random: SeededGenerator {
        // FNV-1a, so that allocators that share a cluster do not draw the same.
        let hash = self.name.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        return SeededGenerator(key: [self.seed, hash, 0, 0])
    }

    /// The settings of an allocator of that name, all else at its default.
    public init(name: String) {
        self.name = name
    }
}
