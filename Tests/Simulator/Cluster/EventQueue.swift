public import Model

/// What is to happen, ordered by instant and then by when it was put in: one history per seed.
public final class EventQueue {
    private var pending = PendingEvents()
    /// The instant of the event at hand.
    public private(set) var now: Instant

    /// An empty queue.
    public init(start: Instant) { self.now = start }

    /// Whether nothing is to come.
    public var isEmpty: Bool { self.pending.isEmpty }

    /// Has `body` run at that instant, or now if it has passed.
    public func schedule(at instant: Instant, _ body: @escaping () -> Void) {
        self.pending.add(body, at: max(instant, self.now))
    }

    /// Has `body` run after so long.
    public func schedule(after delay: Duration, _ body: @escaping () -> Void) {
        self.schedule(at: self.now + delay, body)
    }

    /// Runs the next event, if it is due by `limit`.
    ///
    /// - Returns: Whether there was one.
    public func step(until limit: Instant) -> Bool {
        guard let (instant, body) = self.pending.take(until: limit) else {
            self.now = max(self.now, limit)
            return false
        }
        self.now = instant
        body?()
        return true
    }

    /// Nothing is to come any more.
    func removeAll() { self.pending = PendingEvents() }
}

/// A heap of events; a value, since each access to a part of an object costs as much as the work here.
private struct PendingEvents {
    /// Where an event stands; what it does is kept apart, so that a heap of many moves nothing but numbers.
    struct Entry {
        let instant: Instant
        let sequence: UInt64
        let place: Int

        func comes(before other: Entry) -> Bool {
            self.instant == other.instant ? self.sequence < other.sequence : self.instant < other.instant
        }
    }

    private var heap: [Entry] = []
    private var bodies: [(() -> Void)?] = []
    private var vacant: [Int] = []
    private var sequence: UInt64 = 0

    var isEmpty: Bool { self.heap.isEmpty }

    mutating func add(_ body: @escaping () -> Void, at instant: Instant) {
        self.sequence += 1
        let entry = Entry(instant: instant, sequence: self.sequence, place: self.keep(body))
        self.heap.append(entry)
        var child = self.heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard entry.comes(before: self.heap[parent]) else { break }
            self.heap[child] = self.heap[parent]
            child = parent
        }
        self.heap[child] = entry
    }

    private mutating func keep(_ body: @escaping () -> Void) -> Int {
        guard let place = self.vacant.popLast() else {
            self.bodies.append(body)
            return self.bodies.count - 1
        }
        self.bodies[place] = body
        return place
    }

    /// Takes out the next event, if it is due by `limit`.
    mutating func take(until limit: Instant) -> (instant: Instant, body: (() -> Void)?)? {
        guard let next = self.heap.first, next.instant <= limit else { return nil }
        self.removeFirst()
        let body = self.bodies[next.place]
        self.bodies[next.place] = nil
        self.vacant.append(next.place)
        return (next.instant, body)
    }

    private mutating func removeFirst() {
        let last = self.heap.removeLast()
        guard !self.heap.isEmpty else { return }
        var parent = 0
        while true {
            var child = 2 * parent + 1
            guard child < self.heap.count else { break }
            if child + 1 < self.heap.count, self.heap[child + 1].comes(before: self.heap[child]) { child += 1 }
            guard self.heap[child].comes(before: last) else { break }
            self.heap[parent] = self.heap[child]
            parent = child
        }
        self.heap[parent] = last
    }
}
