import Frames
import Messages
import Model
import NIOCore
import Testing

extension FramesOnTCP {
    /// Silence, slowness and death on one connection, and what the others notice of it: nothing.
    @Suite("Liveness")
    struct LivenessTests {
        @Test("Two idle processes keep their connection by empty frames alone")
        func heartbeats() async throws {
            let quick: (inout NodeSettings) -> Void = {
                $0.heartbeatInterval = .milliseconds(60)
                $0.silenceLimit = .milliseconds(600)
            }
            let master = Station(.master, change: quick)
            let relay = Station(.relay, change: quick)
            try await withStations(relay, master) {
                let port = try await master.listen()
                try await relay.dial(["127.0.0.1:\(port)"], as: .relay)
                try await relay.until("welcomed") { $0.connected.count == 1 }
                let client = try RawClient(port: port)
                try client.enter(heartbeats: false)
                for _ in 0..<8 { #expect(try client.readFrame().isEmpty) }
                #expect(relay.now.disconnected.isEmpty)
                #expect(master.now.disconnected.isEmpty)
                #expect(master.now.messages.isEmpty)
                #expect(master.now.batches == 0)
            }
        }

        @Test("A caller sends heartbeats as often as the called side asks")
        func callerFollowsWelcome() async throws {
            let master = Station(.master) {
                $0.heartbeatInterval = .milliseconds(100)
                $0.silenceLimit = .milliseconds(900)
            }
            let relay = Station(.relay)
            try await withStations(relay, master) {
                let port = try await master.listen()
                try await relay.dial(["127.0.0.1:\(port)"], as: .relay)
                try await relay.until("welcomed") { $0.connected.count == 1 }
                try await Task.sleep(for: .milliseconds(2000))
                #expect(master.now.disconnected.isEmpty)
                #expect(relay.now.disconnected.isEmpty)
            }
        }

        @Test("With callers of a role heartbeats may be exchanged less often")
        func intervalOfARole() async throws {
            let relay = Station(.relay) {
                $0.heartbeatInterval = .milliseconds(100)
                $0.heartbeatIntervals = [.agent: .milliseconds(400)]
                $0.silenceLimit = .milliseconds(1200)
            }
            let agent = Station(.agent) { $0.heartbeatInterval = .milliseconds(100) }
            try await withStations(agent, relay) {
                let port = try await relay.listen()
                try await agent.dial(["127.0.0.1:\(port)"], as: .agent)
                try await agent.until("welcomed") { $0.connected.count == 1 }
                let raw = try RawClient(port: port)
                #expect(try raw.enter(as: .agent).heartbeatInterval == .milliseconds(400))
                let begin = ContinuousClock.now
                for _ in 0..<3 { #expect(try raw.readFrame().isEmpty) }
                #expect(ContinuousClock.now - begin > .milliseconds(700), "in 300 ms others get as many")
                #expect(relay.now.disconnected.isEmpty && agent.now.disconnected.isEmpty)
            }
        }

        @Test("A caller that promised heartbeats and is silent counts as dead; one that promised nothing does not")
        func silentPeer() async throws {
            let master = Station(.master) {
                $0.heartbeatInterval = .milliseconds(50)
                $0.silenceLimit = .milliseconds(150)
            }
            try await withStations(master) {
                let port = try await master.listen()
                let free = try RawClient(port: port)
                try free.enter(heartbeats: false)
                let silent = try RawClient(port: port)
                try silent.enter(heartbeats: true)
                let frames = try #require(silent.readToEnd())
                #expect(frames.last?.first == 0)
                try await master.until("dead") { $0.disconnected.map(\.kind) == [.silent] }
                free.write(frame: [8, 1])
                try await master.until("the other lives") { $0.messages == [[8, 1]] }
            }
        }

        @Test("A called side that falls silent is given up by its caller, who dials again")
        func silentMaster() async throws {
            let master = Station(.master) {
                $0.heartbeatInterval = .milliseconds(50)
                $0.silenceLimit = .seconds(60)
            }
            let relay = Station(.relay) { $0.heartbeatInterval = .milliseconds(50) }
            try await withStations(relay, master) {
                let port = try await master.listen()
                try await relay.dial(["127.0.0.1:\(port)"], as: .relay)
                try await relay.until("welcomed") { $0.connected.count == 1 }
                let gate = DispatchGate()
                master.node.loop.execute { gate.wait() }
                try await relay.until("given up") { $0.disconnected.first?.kind == .silent }
                gate.open()
                try await relay.until("back") { $0.connected.count > 1 }
            }
        }

        @Test("A reader that does not read is closed with the reason, and the others get everything")
        func slowReader() async throws {
            let master = Station(.master) { $0.queueLimitBytes = 4 << 20 }
            try await withStations(master) {
                let port = try await master.listen()
                let slow = try RawClient(port: port, receiveBuffer: 4096)
                try slow.enter()
                try await master.until("slow one is in") { $0.connected.count == 1 }
                try await master.withPeer { peer in
                    for _ in 0..<64 { peer.send(encoded: Bytes(repeating: 1, count: 1 << 20)) }
                }
                try await master.until("closed") { $0.disconnected.map(\.kind) == [.tooSlow] }
                #expect(master.now.disconnected[0].message.contains("\(4 << 20)"))
                let quick = try RawClient(port: port)
                try quick.enter()
                try await master.until("quick one is in") { $0.connected.count == 2 }
                _ = try await master.withPeer { $0.send(encoded: [8, 1]) }
                #expect(try quick.readFrame() == [8, 1])
            }
        }

        @Test("What waits to be sent is visible, and gone when it has been read")
        func queuedBytes() async throws {
            let master = Station(.master)
            try await withStations(master) {
                let client = try RawClient(port: try await master.listen(), receiveBuffer: 4096)
                try client.enter()
                try await master.until("in") { $0.connected.count == 1 }
                for _ in 0..<16 {
                    _ = try await master.withPeer { $0.send(encoded: Bytes(repeating: 1, count: 1 << 20)) }
                }
                #expect(try await master.withPeer { $0.queuedBytes } > 1 << 20)
                for _ in 0..<16 { #expect(try client.readFrame().count == 1 << 20) }
                #expect(try await master.withPeer { $0.queuedBytes } == 0)
            }
        }

        @Test("A reset is told from an ordinary end")
        func resetOrEnd() async throws {
            let master = Station(.master)
            try await withStations(master) {
                let port = try await master.listen()
                let first = try RawClient(port: port)
                try first.enter()
                first.reset()
                try await master.until("reset") { $0.disconnected.map(\.kind) == [.reset] }
                let second = try RawClient(port: port)
                try second.enter()
                second.endWriting()
                try await master.until("ended") { $0.disconnected.map(\.kind) == [.reset, .ended] }
            }
        }

        @Test("Closing a node tells every peer, and frees its port")
        func closes() async throws {
            let master = Station(.master)
            // An address that no other test uses: the freed port stays free until the end.
            let port = try await master.listen(host: "127.0.0.77")
            let client = try RawClient(port: port, host: 77)
            try client.enter()
            client.write(frame: [8, 1])
            try await master.until("message") { $0.messages.count == 1 }
            async let closed: Void = master.node.close(Refusal(.shuttingDown, "going"))
            let frames = try #require(client.readToEnd())
            client.endWriting()
            await closed
            #expect(
                frames.last.map { try? HandshakeAnswer(encoded: Bytes($0.dropFirst())) }
                    == .refusal(Refusal(.shuttingDown, "going")))
            // A process that another test is just starting has all sockets of this one until it executes its program.
            for _ in 0..<500 where (try? RawClient(port: port, host: 77)) != nil {
                try await Task.sleep(for: .milliseconds(10))
            }
            #expect(throws: RawClient.Problem.self) { try RawClient(port: port, host: 77) }
            #expect(try await master.onLoop { $0.node.openConnections } == 0)
        }
    }
}
