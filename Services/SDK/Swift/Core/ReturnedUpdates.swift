public import Model

/// Updates whose callbacks have returned and that the core has not heard of, in batches, so that many cost one turn of the event loop.
///
/// A batch ends where the user calls: an acknowledgement must not overtake what its callback asked for, or a scheduler that dies
/// between the two has told its agent to forget an update that nothing was done about.
public struct ReturnedUpdates {
    /// One of them.
    public struct Update: Hashable, Sendable {
        /// Whose it is.
        public var task: TaskID
        /// As its status has it.
        public var uuid: Bytes
        /// Behind it comes another life of the id, which may be another agent's.
        public var isEnd: Bool

        /// One that the user has seen.
        public init(_ task: TaskID, uuid: Bytes, isEnd: Bool) {
            self.task = task
            self.uuid = uuid
            self.isEnd = isEnd
        }
    }

    /// By their numbers, from `first` to `last`.
    private var batches: [Int: [Update]] = [:]
    private var first = 1
    private var last = 0
    /// The last batch takes more.
    private var isOpen = false

    /// None.
    public init() {}

    /// Takes an update; of several of one task in a row the last is kept, which acknowledges the others, too.
    ///
    /// - Returns: Whether it began a batch, for which `next` is to be called.
    public mutating func add(_ update: Update) -> Bool {
        let begins = !self.isOpen
        if begins {
            self.last += 1
            self.isOpen = true
        } else if let previous = self.batches[self.last]?.last, previous.task == update.task, !previous.isEnd {
            self.batches[self.last]?.removeLast()
        }
        self.batches[self.last, default: []].append(update)
        return begins
    }

    /// The user calls: what returns from now on comes after that.
    public mutating func close() { self.isOpen = false }

    /// The oldest batch; empty if there is none.
    public mutating func next() -> [Update] {
        guard let batch = self.batches.removeValue(forKey: self.first) else { return [] }
        if self.first == self.last { self.isOpen = false }
        self.first += 1
        return batch
    }
}
