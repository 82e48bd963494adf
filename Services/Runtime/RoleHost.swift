public import Logging
public import Model
public import NIOCore

/// Keeps one role on one event loop: what happens goes in as events, and what the role orders comes out as effects.
///
/// All effects of an event are carried out, in order, before the next event is handled: an event posted while an effect is
/// carried out waits in a queue. Everything but `post` is confined to the loop.
///
/// What is done for each event can be inlined, so that each role's module has it made for its own events and effects: otherwise
/// they are moved about as values of an unknown type, which costs more than a small role itself.
public final class RoleHost<R: Role & SendableMetatype>: TimedHost, @unchecked Sendable where R.Event: Sendable {
    // Unchecked: state is only touched on `loop`; `post` hops there.

    /// Each event and effect is logged at trace.
    public let logger: Logger

    /// Carries out one effect.
    ///
    /// Set it before the first event, if not at the start.
    public var perform: (R.Effect) -> Void
    /// Called once at the end of each loop turn in which events were handled, before what was sent is flushed: the place
    /// for what is done once for many events, such as one write to disk.
    public var onTurnEnd: (() -> Void)?
    /// The least time between two of those calls, for what need not be done after each turn, such as showing numbers; one comes after
    /// the last turn in any case.
    ///
    /// Default none.
    public var turnEndInterval: Duration = .zero

    /// The role as it is now, for metrics and tests.
    ///
    /// On the loop.
    @inlinable public var role: R { _read { yield self.state } }

    @usableFromInline var state: R
    @usableFromInline let isTracing: Bool
    @usableFromInline let room: Room
    @usableFromInline var waiting: [R.Event] = []
    @usableFromInline var isHandling = false
    @usableFromInline var endsTurn = false
    private var nextTurnEnd = Instant(nanoseconds: 0)

    /// Arrays for the events and effects of the moment, kept between uses, and timers.
    ///
    /// A process that hosts a hundred thousand roles on one loop gives them one, and ends them on that loop.
    public final class Room {
        @usableFromInline var events: [[R.Event]] = []
        @usableFromInline var effects: [[R.Effect]] = []
        let timers = HostTimers()

        /// None yet.
        public init() {}

        /// Longer ones are seldom needed again.
        @usableFromInline static var longest: Int { 1024 }

        @inlinable
        func keep(_ events: inout [R.Event]) {
            events.removeAll(keepingCapacity: events.count <= Self.longest)
            self.events.append(events)
            events = []
        }

        @inlinable
        func keep(_ effects: inout [R.Effect]) {
            effects.removeAll(keepingCapacity: effects.count <= Self.longest)
            self.effects.append(effects)
            effects = []
        }
    }

    @usableFromInline var timerEvents: [AnyHashable: R.Event] = [:]

    /// Any thread may make one.
    ///
    /// - Parameters:
    ///   - role: The role in its first state.
    ///   - loop: Where it will live.
    ///   - logger: Where its events and effects are traced, if its level is trace.
    ///   - clock: Shared by the roles of a process, so that their instants can be compared.
    ///   - room: Shared with other roles of the same kind on the same loop, which have the same clock; nil: one of its own.
    ///   - perform: Carries out one effect.
    public init(
        _ role: R, on loop: any EventLoop, logger: Logger, clock: HostClock = HostClock(), room: Room? = nil,
        perform: @escaping (R.Effect) -> Void = { _ in }
    ) {
        let shared = room
        let room = room ?? Room()
        self.state = role
        self.logger = logger
        self.room = room
        self.perform = perform
        self.isTracing = logger.logLevel <= .trace
        super.init(on: loop, clock: clock, timers: room.timers, areShared: shared != nil)
    }

    deinit {
        // Those that nobody shares end with it, on whichever thread.
        if self.sharesTimers { self.cancelTimers() }
    }

    /// The time now.
    public var now: Instant { self.clock.now }

    /// Tells the role of an event.
    ///
    /// Any thread may call it.
    ///
    /// On the loop the event is handled before this returns, unless an effect of another event is being carried out: then it is
    /// handled after that one. From elsewhere it is handled when the loop comes to it; events of one thread keep their order.
    @inlinable
    public func post(_ event: R.Event) {
        guard self.loop.inEventLoop else {
            self.loop.execute { self.post(event) }
            return
        }
        if self.isHandling {
            self.waiting.append(event)
            return
        }
        self.isHandling = true
        self.waiting = self.room.events.popLast() ?? []
        self.handle(event)
        var next = 0
        while next < self.waiting.count {
            self.handle(self.waiting[next])
            next += 1
        }
        self.room.keep(&self.waiting)
        self.isHandling = false
        if self.onTurnEnd != nil { self.endTurnLater() }
    }

    /// Posts `event` at `instant`, unless the timer of that name is set again or cancelled before.
    ///
    /// On the loop.
    @inlinable
    public func setTimer(_ key: some Hashable, at instant: Instant, _ event: R.Event) {
        let name = AnyHashable(key)
        self.timerEvents[name] = event
        self.setTimer(named: name, at: instant)
    }

    /// Cancels the timer of that name, if it is set.
    ///
    /// On the loop.
    @inlinable
    public func cancelTimer(_ key: some Hashable) {
        let name = AnyHashable(key)
        if self.timerEvents.removeValue(forKey: name) != nil { self.cancelTimer(named: name) }
    }

    /// Cancels every timer, for the end of the process.
    ///
    /// On the loop.
    public func cancelTimers() {
        for name in self.timerEvents.keys { self.cancelTimer(named: name) }
        self.timerEvents.removeAll()
    }

    @inlinable
    override func fired(_ name: AnyHashable) {
        if let event = self.timerEvents.removeValue(forKey: name) { self.post(event) }
    }

    @inlinable
    func handle(_ event: R.Event) {
        if self.isTracing { self.trace("Event", LogKey.event, event) }
        var effects = self.room.effects.popLast() ?? []
        self.state.handle(event, at: self.clock.now, into: &effects)
        for effect in effects {
            if self.isTracing { self.trace("Effect", LogKey.effect, effect) }
            self.perform(effect)
        }
        self.room.keep(&effects)
    }

    @usableFromInline
    func trace(_ what: String, _ key: String, _ value: Any) {
        self.logger.trace("\(what)", metadata: [key: "\(value)"])
    }

    @usableFromInline
    func endTurnLater() {
        if self.endsTurn { return }
        self.endsTurn = true
        let loop = self.loop.assumeIsolatedUnsafeUnchecked()
        guard self.turnEndInterval > .zero else { return loop.execute { self.endTurn() } }
        let now = self.clock.now
        guard now < self.nextTurnEnd else { return loop.execute { self.endTurn() } }
        loop.scheduleTask(deadline: self.clock.deadline(self.nextTurnEnd)) { self.endTurn() }
    }

    private func endTurn() {
        self.endsTurn = false
        if self.turnEndInterval > .zero { self.nextTurnEnd = self.clock.now + self.turnEndInterval }
        self.onTurnEnd?()
    }
}
