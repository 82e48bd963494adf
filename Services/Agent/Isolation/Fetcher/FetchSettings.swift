/// How an agent fetches what commands want in their sandboxes.
public struct FetchSettings: Sendable {
    /// Fetches at a time; others wait for them.
    ///
    /// A few: each may use all that the network gives. Default 4.
    public var concurrency = 4
    /// Programs for schemes other than `http`, `https` and `file`.
    ///
    /// Default none.
    public var clients: [FetchClient] = []
    /// Bytes of what is kept for others to ask, used or not.
    ///
    /// Default 2 GiB, as in Mesos.
    public var cacheSize: Int64 = 2 << 30
    /// How often something is tried that may work later.
    ///
    /// Default 5.
    public var attempts = 5
    /// Before the second attempt; doubles from one to the next.
    ///
    /// Default 1 s: with 5 attempts, 15 s of pauses.
    public var pause: Duration = .seconds(1)
    /// How long nothing may come before an attempt is given up.
    ///
    /// Default 60 s.
    public var patience: Duration = .seconds(60)
    /// Between two lines in the log about one that takes long.
    ///
    /// Default 10 s.
    public var progressInterval: Duration = .seconds(10)

    /// The defaults.
    public init() {}
}

/// What came of one URI, for numbers.
public enum FetchOutcome: Hashable, Sendable {
    /// So many bytes were fetched.
    case fetched(bytes: Int64)
    /// They were there.
    case cached(bytes: Int64)
    /// They could not be had.
    case failed
}
