import Frames
import Messages
import Model
import NIOCore
import Testing

extension FramesOnTCP {
    /// Finding the one to talk to, and finding it again.
    @Suite("Dialler")
    struct DialerTests {
        private func failures(_ station: Station) -> [DialFailure] {
            station.now.dialEvents.compactMap { if case .failed(_, let failure) = $0 { failure } else { nil } }
        }

        /// A port on which nobody listens.
        private func deadPort() async throws -> Int {
            let station = Station(.master)
            let port = try await station.listen()
            await station.close()
            return port
        }

        @Test("It goes through the candidates until one answers")
        func rotates() async throws {
            let master = Station(.master, name: "m")
            let relay = Station(.relay)
            try await withStations(relay, master) {
                let dead = try await self.deadPort()
                let port = try await master.listen()
                try await relay.dial(["127.0.0.1:\(dead)", "no address", "127.0.0.1:\(port)"], as: .relay)
                try await relay.until("welcomed") { $0.connected == ["m"] }
                #expect(self.failures(relay) == [.connectionRefused, .badAddress])
            }
        }

        @Test("Connections come from the address that the settings name")
        func comesFromSource() async throws {
            let relay = Station(.relay)
            let agent = Station(.agent) { $0.sourceAddress = "127.0.0.9" }
            try await withStations(relay, agent) {
                let port = try await relay.listen()
                try await agent.dial(["127.0.0.1:\(port)"], as: .agent)
                try await relay.until("called") { $0.connected.count == 1 }
                let address = try await relay.withPeer { $0.remoteAddress }
                #expect(address.hasPrefix("127.0.0.9:"))
            }
        }

        @Test("It waits for a service that starts later, and comes back after each loss")
        func reconnects() async throws {
            let relay = Station(.relay)
            let first = Station(.master, name: "first")
            let second = Station(.master, name: "second")
            try await withStations(relay, first, second) {
                let port = try await self.deadPort()
                try await relay.dial(["127.0.0.1:\(port)"], as: .relay)
                try await relay.until("tried in vain") { $0.dialEvents.count > 2 }
                _ = try await first.node.listen(host: "127.0.0.1", port: port)
                try await relay.until("found") { $0.connected == ["first"] }
                await first.node.close()
                try await relay.until("lost") { $0.disconnected.count == 1 }
                _ = try await second.node.listen(host: "127.0.0.1", port: port)
                try await relay.until("found again") { $0.connected == ["first", "second"] }
                let lost = relay.now.dialEvents.contains {
                    if case .lost(_, let end) = $0 { end.refusal?.code == .shuttingDown } else { false }
                }
                #expect(lost)
            }
        }

        @Test("A killed leader shows as a reset followed by a refused connection")
        func witnessesDeath() async throws {
            let relay = Station(.relay)
            try await withStations(relay) {
                let leader = RawServer()
                try await relay.dial(["127.0.0.1:\(leader.port)"], as: .relay)
                let connection = leader.accept()
                connection.welcome()
                try await relay.until("welcomed") { $0.connected.count == 1 }
                leader.close()
                connection.reset()
                try await relay.until("witnessed") { $0.dialEvents.count >= 3 }
                let events = relay.now.dialEvents
                if case .lost(_, let end) = events[1] { #expect(end.kind == .reset) } else { Issue.record("\(events)") }
                if case .failed(_, let failure) = events[2] {
                    #expect(failure == .connectionRefused)
                } else {
                    Issue.record("\(events)")
                }
            }
        }

        @Test("A caller that a dying process still let in, and that was reset with it, calls again at once")
        func dialsAgainAfterReset() async throws {
            let relay = Station(.relay) { ($0.backoffMin, $0.backoffMax) = (.seconds(60), .seconds(60)) }
            try await withStations(relay) {
                let leader = RawServer()
                try await relay.dial(["127.0.0.1:\(leader.port)"], as: .relay)
                let connection = leader.accept()
                connection.welcome()
                try await relay.until("welcomed") { $0.connected.count == 1 }
                try await Task.sleep(for: .milliseconds(1050))
                connection.reset()
                leader.accept().reset()
                leader.accept().reset()
                leader.close()
                try await relay.until("witnessed") { $0.dialEvents.contains { $0.isConnectionRefused } }
                #expect(self.failures(relay).count <= 4)
            }
        }

        @Test("While a standby answers, it is asked again soon, though the leader that it names is gone")
        func asksStandbySoon() async throws {
            let relay = Station(.relay) { $0.backoffMax = .seconds(60) }
            let standby = Station(.master)
            try await withStations(relay, standby) {
                let dead = try await self.deadPort()
                standby.node.admit = { _ in .failure(Refusal(.notLeader, "not I", leader: "127.0.0.1:\(dead)")) }
                let port = try await standby.listen()
                try await relay.dial(["127.0.0.1:\(dead)", "127.0.0.1:\(port)"], as: .relay)
                // Doubling from 10 ms, the fourteenth wait would be more than a minute.
                try await relay.until("asked again and again") {
                    $0.dialEvents.count { if case .refused = $0 { true } else { false } } >= 14
                }
            }
        }

        @Test("A refusal that names the leader is followed at once, with a hello asked for again")
        func followsLeader() async throws {
            let leader = Station(.master, name: "leader")
            let standby = Station(.master, name: "standby")
            let relay = Station(.relay)
            try await withStations(relay, standby, leader) {
                let port = try await leader.listen()
                standby.node.admit = { _ in .failure(Refusal(.notLeader, "not I", leader: "127.0.0.1:\(port)")) }
                let wrong = try await standby.listen()
                try await relay.dial(["127.0.0.1:\(wrong)"], as: .relay)
                try await relay.until("leader found") { $0.connected == ["leader"] }
                #expect(relay.now.dialEvents.count == 2)
            }
        }

        @Test("A leader that steps down sends its peers to the next one")
        func followsFromClosing() async throws {
            let old = Station(.master, name: "old")
            let new = Station(.master, name: "new")
            let relay = Station(.relay)
            try await withStations(relay, old, new) {
                let newPort = try await new.listen()
                let oldPort = try await old.listen()
                try await relay.dial(["127.0.0.1:\(oldPort)"], as: .relay)
                try await relay.until("old") { $0.connected == ["old"] }
                try await old.withPeer { $0.close(Refusal(.notLeader, "stepped down", leader: "127.0.0.1:\(newPort)")) }
                try await relay.until("new") { $0.connected == ["old", "new"] }
            }
        }

        @Test("Two standbys that name each other do not make it spin")
        func boundedHops() async throws {
            let one = Station(.master)
            let two = Station(.master)
            let relay = Station(.relay) { $0.backoffMin = .seconds(30) }
            try await withStations(relay, one, two) {
                let portOne = try await one.listen()
                let portTwo = try await two.listen()
                try await one.onLoop {
                    $0.node.admit = { _ in .failure(Refusal(.notLeader, "", leader: "127.0.0.1:\(portTwo)")) }
                }
                try await two.onLoop {
                    $0.node.admit = { _ in .failure(Refusal(.notLeader, "", leader: "127.0.0.1:\(portOne)")) }
                }
                try await relay.dial(["127.0.0.1:\(portOne)"], as: .relay)
                try await relay.until("refused five times") { $0.dialEvents.count >= 5 }
                try await Task.sleep(for: .milliseconds(50))
                #expect(relay.now.dialEvents.count <= 10)
            }
        }

        @Test("Each attempt introduces itself anew")
        func asksHelloEachTime() async throws {
            let master = Station(.master)
            let relay = Station(.relay)
            master.node.admit = { hello in
                hello.epoch < 3
                    ? .failure(Refusal(.stale, "epoch \(hello.epoch)")) : .success(Welcome(role: .master, name: "m"))
            }
            try await withStations(relay, master) {
                let port = try await master.listen()
                try await relay.onLoop { station in
                    var epoch: UInt64 = 0
                    _ = station.node.dial(
                        as: {
                            epoch += 1
                            var hello = Hello(role: .relay, name: "r")
                            hello.epoch = Epoch(epoch)
                            return hello
                        }, candidates: { ["127.0.0.1:\(port)"] })
                }
                try await relay.until("welcomed") { $0.connected == ["m"] }
            }
        }

        @Test("A nudge ends the wait; a stop ends everything")
        func nudgeAndStop() async throws {
            let master = Station(.master, name: "m")
            let relay = Station(.relay) {
                $0.backoffMin = .seconds(100)
                $0.backoffMax = .seconds(100)
            }
            try await withStations(relay, master) {
                let dead = try await self.deadPort()
                let port = try await master.listen()
                let box = NIOLoopBoundBox<([String], Dialer?)>.makeBoxSendingValue(
                    (["127.0.0.1:\(dead)"], nil), eventLoop: relay.node.loop)
                try await relay.onLoop { station in
                    box.value.1 = station.node.dial(
                        as: { Hello(role: .relay, name: "r") }, candidates: { box.value.0 }
                    ) { [unowned station] event in station.record.withLock { $0.dialEvents.append(event) } }
                }
                try await relay.until("failed") { $0.dialEvents.count == 1 }
                try await relay.onLoop { _ in
                    box.value.0 = ["127.0.0.1:\(port)"]
                    box.value.1?.nudge()
                }
                try await relay.until("welcomed") { $0.connected == ["m"] }
                try await relay.onLoop { _ in box.value.1?.stop() }
                try await relay.until("stopped") { $0.disconnected.count == 1 }
                try await master.until("gone") { $0.disconnected.map(\.kind) == [.ended] }
                #expect(try await relay.onLoop { _ in box.value.1?.peer == nil })
            }
        }

        @Test("Someone who accepts and says nothing, or something else, is not taken for a service")
        func strangeServers() async throws {
            let relay = Station(.relay) { $0.handshakeTimeout = .milliseconds(100) }
            try await withStations(relay) {
                let server = RawServer()
                try await relay.dial(["127.0.0.1:\(server.port)"], as: .relay)
                let silent = server.accept()
                try await relay.until("timed out") { $0.dialEvents.count == 1 }
                let web = server.accept()
                web.write(Bytes("HTTP/1.1 400 Bad Request\r\n\r\n".utf8) + Bytes(repeating: 32, count: 200))
                try await relay.until("no service") { $0.dialEvents.count == 2 }
                let failures = self.failures(relay)
                #expect(failures.first == .timedOut)
                if case .malformed = failures.last {} else { Issue.record("\(failures)") }
                #expect(relay.now.connected.isEmpty)
                silent.close()
                server.close()
            }
        }

        @Test("A name is looked up, and one that nobody knows is one more address that does not answer")
        func names() async throws {
            let master = Station(.master, name: "m")
            let relay = Station(.relay)
            try await withStations(relay, master) {
                let port = try await master.listen()
                try await relay.dial(["no-such-host.invalid:5050", "localhost:\(port)"], as: .relay)
                try await relay.until("welcomed") { $0.connected == ["m"] }
            }
        }
    }
}

extension DialEvent {
    fileprivate var isConnectionRefused: Bool { if case .failed(_, .connectionRefused) = self { true } else { false } }
}
