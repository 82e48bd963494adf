internal import Model

/// Tasks that wait for a node that has their data: delay scheduling (Zaharia et al., EuroSys 2010).
///
/// As long as a task at its place was begun within the delay, others go without; then the next node takes any. A task at its
/// place ends that.
struct DelayQueue {
    private let delay: Duration
    private var isPending: [Bool]
    private(set) var count: Int
    /// Where each one's data is.
    private let homes: [Set<String>]
    /// Those that may be pending, by the node that has their data.
    private var byHost: [String: [Int]] = [:]
    /// Where to look for one that is pending.
    private var cursor = 0
    /// Since when offers are declined.
    private var waitingSince: Duration?

    /// - Parameter homes: Of each task, the hosts that have its data.
    init(homes: [Set<String>], delay: Duration) {
        self.delay = delay
        self.homes = homes
        self.count = homes.count
        self.isPending = Array(repeating: true, count: homes.count)
        for (item, hosts) in homes.enumerated() {
            for host in hosts.sorted() { self.byHost[host, default: []].append(item) }
        }
    }

    /// A task to begin on a node, and whether its data is there; nil: none, or it waits for other nodes.
    mutating func take(on host: String, at now: Duration) -> (item: Int, isLocal: Bool)? {
        if let item = self.local(to: host) {
            self.waitingSince = nil
            return (item, true)
        }
        guard self.count > 0 else { return nil }
        let since = self.waitingSince ?? now
        self.waitingSince = since
        guard now - since >= self.delay else { return nil }
        while !self.isPending[self.cursor] { self.cursor += 1 }
        self.take(self.cursor)
        return (self.cursor, false)
    }

    /// How long it declines other nodes yet.
    func patience(at now: Duration) -> Duration {
        self.waitingSince.map { max(.zero, $0 + self.delay - now) } ?? self.delay
    }

    /// The next one whose data is on that host.
    private mutating func local(to host: String) -> Int? {
        while let item = self.byHost[host]?.popLast() {
            guard self.isPending[item] else { continue }
            self.take(item)
            return item
        }
        return nil
    }

    /// What was taken waits again.
    mutating func putBack(_ item: Int) {
        self.isPending[item] = true
        self.count += 1
        self.cursor = min(self.cursor, item)
        for host in self.homes[item].sorted() { self.byHost[host, default: []].append(item) }
    }

    private mutating func take(_ item: Int) {
        self.isPending[item] = false
        self.count -= 1
    }
}
