import Logging
import Model
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import Runtime

/// A role that counts: each `add` orders a report, a `double` orders two that post again.
private struct CountingRole: Role {
    enum Event: Hashable, Sendable {
        case add(Int)
        case addTwice(Int)
    }

    enum Effect: Hashable, Sendable {
        case report(Int, Instant)
        case post(Event)
    }

    var sum = 0

    mutating func handle(_ event: Event, at now: Instant, into effects: inout [Effect]) {
        switch event {
        case .add(let number):
            self.sum += number
            effects.append(.report(self.sum, now))
        case .addTwice(let number):
            effects.append(.post(.add(number)))
            effects.append(.post(.add(number)))
            effects.append(.report(self.sum, now))
        }
    }
}

/// One role on one loop: order, re-entrancy, timers, the end of a turn.
@Suite("Role host")
struct RoleHostTests {
    private let loop = MultiThreadedEventLoopGroup.singleton.next()

    private func onLoop<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        try await self.loop.submit(body).get()
    }

    private func host(
        _ reported: Reported, level: Logger.Level = .info, clock: HostClock = HostClock(),
        room: RoleHost<CountingRole>.Room? = nil
    ) -> RoleHost<CountingRole> {
        var logger = Logger(label: "host") { _ in reported.handler }
        logger.logLevel = level
        let host = RoleHost(CountingRole(), on: self.loop, logger: logger, clock: clock, room: room)
        host.perform = { [unowned host] effect in
            switch effect {
            case .report(let sum, _): reported.add("\(sum)")
            case .post(let event): host.post(event)
            }
        }
        return host
    }

    @Test("An event on the loop is handled before posting it returns")
    func handlesAtOnce() async throws {
        let reported = Reported()
        let host = self.host(reported)
        try await self.onLoop {
            host.post(.add(2))
            #expect(reported.all == ["2"])
            #expect(host.role.sum == 2)
        }
    }

    @Test("Events posted while effects are carried out wait until all of these are")
    func queuesReentrant() async throws {
        let reported = Reported()
        let host = self.host(reported)
        try await self.onLoop {
            host.post(.add(1))
            host.post(.addTwice(10))
            #expect(reported.all == ["1", "1", "11", "21"])
        }
    }

    @Test("Events of other threads arrive, each thread's in order")
    func hops() async throws {
        let reported = Reported()
        let host = self.host(reported)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 { group.addTask { for _ in 0..<250 { host.post(.add(1)) } } }
        }
        try await self.onLoop {
            #expect(host.role.sum == 1000)
            #expect(reported.all == (1...1000).map { "\($0)" })
        }
    }

    @Test("A turn with many events ends once")
    func turnEnd() async throws {
        let reported = Reported()
        let host = self.host(reported)
        let ends = Reported()
        try await self.onLoop {
            host.onTurnEnd = { ends.add("end after \(reported.all.count)") }
            for _ in 0..<5 { host.post(.add(1)) }
            #expect(ends.all.isEmpty)
        }
        try await self.onLoop { #expect(ends.all == ["end after 5"]) }
        try await self.onLoop { host.post(.add(1)) }
        try await self.onLoop { #expect(ends.all == ["end after 5", "end after 6"]) }
    }

    @Test("With an interval many turns end together, and the last is not forgotten", .timeLimit(.minutes(1)))
    func turnEndInterval() async throws {
        let host = self.host(Reported())
        let ends = Reported()
        let start = ContinuousClock.now
        try await self.onLoop {
            host.turnEndInterval = .milliseconds(50)
            host.onTurnEnd = { ends.add("\(host.role.sum)") }
        }
        for _ in 0..<20 { try await self.onLoop { host.post(.add(1)) } }
        try await self.onLoop { #expect(ends.all.first == "1") }
        while try await self.onLoop({ ends.all.last != "20" }) { try await Task.sleep(for: .milliseconds(5)) }
        let most = (ContinuousClock.now - start) / .milliseconds(50) + 2
        try await self.onLoop { #expect(Double(ends.all.count) <= most) }
    }

    @Test("Time never goes back, and is the wall clock's at the start")
    func clock() async throws {
        let clock = HostClock()
        var last = clock.now
        for _ in 0..<1000 {
            let now = clock.now
            #expect(now >= last)
            last = now
        }
        #expect(last.seconds > 1_700_000_000)
        #expect(clock.deadline(.distantFuture) > .now())
        #expect(clock.deadline(Instant(nanoseconds: 0)) == .uptimeNanoseconds(0))
    }

    @Test("A timer posts its event, not before its instant; a replaced or cancelled one never does")
    func timers() async throws {
        let reported = Reported()
        let host = self.host(reported)
        let due = try await self.onLoop { () -> Instant in
            let start = host.now
            host.setTimer("replaced", at: start + .milliseconds(5), .add(1000))
            host.setTimer("replaced", at: start + .milliseconds(30), .add(1))
            host.setTimer("cancelled", at: start + .milliseconds(5), .add(2000))
            host.cancelTimer("cancelled")
            host.setTimer(7, at: start + .milliseconds(10), .add(5))
            host.setTimer("never", at: .distantFuture, .add(4000))
            return start + .milliseconds(30)
        }
        try await reported.until { $0.count == 2 }
        #expect(reported.all == ["5", "6"])
        #expect(host.now >= due)
        try await self.onLoop { host.cancelTimers() }
    }

    @Test("Hosts in one room have timers of their own, and those of one that has ended do not fire")
    func sharedTimers() async throws {
        let (first, second) = (Reported(), Reported())
        let clock = HostClock()
        let hosts: [RoleHost<CountingRole>] = try await self.onLoop {
            let room = RoleHost<CountingRole>.Room()
            let hosts = [first, second].map { self.host($0, clock: clock, room: room) }
            let now = clock.now
            hosts[0].setTimer("same", at: now + .milliseconds(20), .add(1))
            hosts[1].setTimer("same", at: now + .milliseconds(10), .add(2))
            hosts[0].setTimer("cancelled", at: now + .milliseconds(5), .add(4))
            hosts[1].setTimer("cancelled", at: now + .milliseconds(30), .add(8))
            hosts[0].cancelTimer("cancelled")
            var third: RoleHost<CountingRole>? = self.host(first, clock: clock, room: room)
            third?.setTimer("same", at: now + .milliseconds(5), .add(16))
            third = nil
            return hosts
        }
        try await second.until { $0.count == 2 }
        #expect(first.all == ["1"])
        #expect(second.all == ["2", "10"])
        try await self.onLoop { for host in hosts { host.cancelTimers() } }
    }

    @Test("Events and effects are traced when tracing, and only then")
    func traces() async throws {
        let quiet = Reported()
        let host = self.host(quiet)
        try await self.onLoop { host.post(.add(1)) }
        #expect(quiet.logged.isEmpty)
        let traced = Reported()
        let tracing = self.host(traced, level: .trace)
        try await self.onLoop { tracing.post(.add(1)) }
        #expect(traced.logged.count == 2)
        #expect(traced.logged[0].contains("add(1)"))
        #expect(traced.logged[1].contains("report"))
    }
}

/// Many named timers over one wake-up.
@Suite("Timers")
struct TimerTests {
    private let loop = MultiThreadedEventLoopGroup.singleton.next()

    @Test("Timers fire in the order of their instants, then of their setting")
    func order() async throws {
        let reported = Reported()
        let loop = self.loop
        let box = NIOLoopBoundBox<Timers<Int>?>.makeBoxSendingValue(nil, eventLoop: loop)
        try await loop.submit {
            let clock = HostClock()
            let timers = Timers<Int>(on: loop, clock: clock) { reported.add("\($0)") }
            box.value = timers
            let start = clock.now
            for key in (0..<100).reversed() { timers.set(key, at: start + .milliseconds(Int64(key / 10))) }
            for key in 0..<100 where key % 10 >= 2 { timers.cancel(key) }
            #expect(timers.count == 20)
        }.get()
        try await reported.until { $0.count == 20 }
        let expected = (0..<10).flatMap { ["\($0 * 10 + 1)", "\($0 * 10)"] }
        #expect(reported.all == expected)
        try await loop.submit { box.value = nil }.get()
    }

    @Test("A timer that sets itself again for now does not hold the loop")
    func rearming() async throws {
        let reported = Reported()
        let loop = self.loop
        let box = NIOLoopBoundBox<Timers<String>?>.makeBoxSendingValue(nil, eventLoop: loop)
        try await loop.submit {
            let clock = HostClock()
            let timers = Timers<String>(on: loop, clock: clock) { key in
                reported.add(key)
                if reported.all.count < 50 { box.value?.set(key, at: clock.now) }
            }
            box.value = timers
            timers.set("again", at: clock.now)
        }.get()
        try await reported.until { $0.count == 50 }
        try await loop.submit {
            #expect(box.value?.count == 0)
            box.value = nil
        }.get()
    }

    @Test("Setting one timer a hundred thousand times keeps one")
    func replacing() async throws {
        let loop = self.loop
        try await loop.submit {
            let clock = HostClock()
            let timers = Timers<String>(on: loop, clock: clock) { _ in }
            for step in 0..<100_000 { timers.set("t", at: clock.now + .seconds(60 + step)) }
            #expect(timers.count == 1)
            timers.cancel("t")
        }.get()
    }
}

/// Lines that were told, from any thread.
final class Reported: Sendable {
    private let lines = Mutex<[String]>([])
    private let logs = Mutex<[String]>([])

    var all: [String] { self.lines.withLock { $0 } }
    var logged: [String] { self.logs.withLock { $0 } }

    func add(_ line: String) { self.lines.withLock { $0.append(line) } }

    /// Waits until it is so, ten seconds at most.
    func until(_ isSo: ([String]) -> Bool) async throws {
        for _ in 0..<2000 {
            if isSo(self.all) { return }
            try await Task.sleep(for: .milliseconds(5))
        }
        Issue.record("never happened; \(self.all)")
    }

    var handler: any LogHandler { Handler(reported: self) }

    private struct Handler: LogHandler {
        let reported: Reported
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.info

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { self.metadata[key] }
            set { self.metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let line = "\(event.level) \(event.message) \(event.metadata ?? [:])"
            self.reported.logs.withLock { $0.append(line) }
        }
    }
}
