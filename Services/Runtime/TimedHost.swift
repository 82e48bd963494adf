public import Model
public import NIOCore

/// What is woken by name, on a loop and by a clock: a `RoleHost`, whatever its role.
///
/// Of no type parameters, so that timers of all roles are the same code.
public class TimedHost {
    /// Where the role lives.
    public let loop: any EventLoop
    /// What time it is for the role.
    public let clock: HostClock
    private let timers: HostTimers
    /// Others have theirs there, too: those of this host are to be cancelled before it ends.
    let sharesTimers: Bool

    init(on loop: any EventLoop, clock: HostClock, timers: HostTimers, areShared: Bool) {
        self.loop = loop
        self.clock = clock
        self.timers = timers
        self.sharesTimers = areShared
    }

    /// The timer of that name, which is over.
    @usableFromInline
    func fired(_ name: AnyHashable) {}

    @usableFromInline
    func setTimer(named name: AnyHashable, at instant: Instant) {
        self.timers.timers(for: self).set(HostTimers.Key(self, name), at: instant)
    }

    @usableFromInline
    func cancelTimer(named name: AnyHashable) {
        self.timers.timers(for: self).cancel(HostTimers.Key(self, name))
    }
}

/// The timers of one host, or of many on one loop: that is asked to wake up for the earliest of them alone.
final class HostTimers {
    /// A timer of one host.
    struct Key: Hashable {
        /// Ends its timers before it ends itself; entries of ended timers are still compared, by `id`.
        unowned(unsafe) let host: TimedHost
        let id: ObjectIdentifier
        let name: AnyHashable

        init(_ host: TimedHost, _ name: AnyHashable) {
            self.host = host
            self.id = ObjectIdentifier(host)
            self.name = name
        }

        static func == (left: Self, right: Self) -> Bool { left.id == right.id && left.name == right.name }

        func hash(into hasher: inout Hasher) {
            hasher.combine(self.id)
            hasher.combine(self.name)
        }
    }

    private var timers: Timers<Key>?

    func timers(for host: TimedHost) -> Timers<Key> {
        if let timers = self.timers { return timers }
        let timers = Timers<Key>(on: host.loop, clock: host.clock) { $0.host.fired($0.name) }
        self.timers = timers
        return timers
    }
}
