public import Model

/// What is to happen, ordered by instant and then by when it was put in: one history per seed.
public final class EventQueue {
    private struct Entry {
        let instant: Instant
        let sequence: UInt64
        let body: () -> Void

        func comes(before other: Entry) -> Bool {
            (self.instant, self.sequence) < (other.instant, other.sequence)
        }
    }

    private var heap: [Entry] = []
    private var sequence: UInt64 = 0
    /// The instant of the event at hand.
    public private(set) var now: Instant

    /// An empty queue.
    public init(start: Instant) { self.now = start }

    /// Whether nothing is to come.
    public var isEmpty: Bool { self.heap.isEmpty }

    /// Has `body` run at that instant, or now if it has passed.
    public func schedule(at instant: Instant, _ body: @escaping () -> Void) {
        self.sequence += 1
        self.heap.append(Entry(instant: max(instant, self.now), sequence: self.sequence, body: body))
        var child = self.heap.count - 1
        while child > 0, self.heap[child].comes(before: self.heap[(child - 1) / 2]) {
            self.heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    /// Has `body` run after so long.
    public func schedule(after delay: Duration, _ body: @escaping () -> Void) {
        self.schedule(at: self.now + delay, body)
    }

    /// Runs the next event, if it is due by `limit`.
    ///
    /// - Returns: Whether there was one.
    public func step(until limit: Instant) -> Bool {
        guard let next = self.heap.first, next.instant <= limit else {
            self.now = max(self.now, limit)
            return false
        }
        self.removeFirst()
        self.now = next.instant
        next.body()
        return true
    }

    private func removeFirst() {
        self.heap.swapAt(0, self.heap.count - 1)
        self.heap.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < self.heap.count {
                if self.heap[child].comes(before: self.heap[least]) { least = child }
            }
            if least == parent { return }
            self.heap.swapAt(parent, least)
            parent = least
        }
    }
}
