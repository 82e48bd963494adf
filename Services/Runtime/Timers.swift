public import Model
public import NIOCore

/// Timers with names: setting one again replaces it, so there is at most one of each name.
///
/// However many there are, the event loop is asked to wake up for the earliest alone. Timers due at one instant fire in the
/// order in which they were set. Confined to its event loop. Can be inlined, so that it is made for each kind of key.
public final class Timers<Key: Hashable> {
    @usableFromInline
    struct Entry {
        @usableFromInline let at: Instant
        @usableFromInline let number: UInt64
        @usableFromInline let key: Key

        @inlinable
        init(at: Instant, number: UInt64, key: Key) {
            self.at = at
            self.number = number
            self.key = key
        }
    }

    @usableFromInline let loop: any EventLoop
    @usableFromInline let clock: HostClock
    @usableFromInline let fire: (Key) -> Void
    /// A heap, the earliest first.
    ///
    /// An entry whose number is not the key's in `numbers` was replaced or cancelled.
    @usableFromInline var heap: [Entry] = []
    @usableFromInline var numbers: [Key: UInt64] = [:]
    @usableFromInline var next: UInt64 = 0
    @usableFromInline var alarm: (at: Instant, task: Scheduled<Void>)?
    @usableFromInline var isFiring = false

    /// No timers yet.
    ///
    /// - Parameter fire: Called on the loop with the name of each timer that is due, never before its instant. The timer is
    ///   gone then, and may be set again from within.
    @inlinable
    public init(on loop: any EventLoop, clock: HostClock, fire: @escaping (Key) -> Void) {
        self.loop = loop
        self.clock = clock
        self.fire = fire
    }

    deinit { self.alarm?.task.cancel() }

    /// How many are set.
    public var count: Int { self.numbers.count }

    /// Sets or replaces a timer.
    ///
    /// One that is due already fires as soon as the loop comes to it, not from within.
    ///
    /// - Complexity: O(log n).
    @inlinable
    public func set(_ key: Key, at instant: Instant) {
        self.loop.assertInEventLoop()
        self.next += 1
        self.numbers[key] = self.next
        self.push(Entry(at: instant, number: self.next, key: key))
        if self.heap.count > 64, self.heap.count > self.numbers.count * 4 { self.compact() }
        self.wake()
    }

    /// Cancels a timer, if it is set.
    @inlinable
    public func cancel(_ key: Key) {
        self.loop.assertInEventLoop()
        self.numbers[key] = nil
        if self.numbers.isEmpty {
            self.heap.removeAll()
            self.alarm?.task.cancel()
            self.alarm = nil
        }
    }

    @inlinable
    func wake() {
        guard !self.isFiring, let first = self.heap.first else { return }
        if let alarm = self.alarm {
            if alarm.at <= first.at { return }
            alarm.task.cancel()
        }
        let task = self.loop.assumeIsolatedUnsafeUnchecked().scheduleTask(deadline: self.clock.deadline(first.at)) {
            [weak self] () -> Void in self?.fireDue()
        }
        self.alarm = (first.at, task)
    }

    @inlinable
    func fireDue() {
        self.alarm = nil
        self.isFiring = true
        let now = self.clock.now
        // What is set meanwhile waits for the next wake-up, so a timer that sets itself again cannot hold the loop.
        let last = self.next
        var early: [Entry] = []
        while let first = self.heap.first, first.at <= now {
            self.pop()
            guard self.numbers[first.key] == first.number else { continue }
            if first.number > last {
                early.append(first)
                continue
            }
            self.numbers[first.key] = nil
            self.fire(first.key)
        }
        for entry in early { self.push(entry) }
        self.isFiring = false
        self.wake()
    }

    @inlinable
    func compact() {
        let live = self.heap.filter { self.numbers[$0.key] == $0.number }
        self.heap.removeAll(keepingCapacity: true)
        for entry in live { self.push(entry) }
    }

    // MARK: - The heap

    @inlinable
    static func isBefore(_ left: Entry, _ right: Entry) -> Bool {
        left.at == right.at ? left.number < right.number : left.at < right.at
    }

    @inlinable
    func push(_ entry: Entry) {
        self.heap.append(entry)
        var child = self.heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard Self.isBefore(self.heap[child], self.heap[parent]) else { return }
            self.heap.swapAt(child, parent)
            child = parent
        }
    }

    @inlinable
    func pop() {
        self.heap.swapAt(0, self.heap.count - 1)
        self.heap.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < self.heap.count {
                if Self.isBefore(self.heap[child], self.heap[least]) { least = child }
            }
            if least == parent { return }
            self.heap.swapAt(parent, least)
            parent = least
        }
    }
}

@available(*, unavailable)
extension Timers: Sendable {}
