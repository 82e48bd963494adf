import Frames
import Messages
import Model
import NIOCore
import Synchronization
import Testing

extension FramesOnTCP {
    /// Frames in every shape that a network or a stranger can give them.
    @Suite("Frames")
    struct FrameTests {
        private static let limit = 1 << 20

        private func master() -> Station { Station(.master) { $0.maxEntryFrameBytes = Self.limit } }

        @Test("Frames that come byte by byte are the same frames")
        func byteByByte() async throws {
            let master = self.master()
            try await withStations(master) {
                let client = try RawClient(port: try await master.listen())
                for byte in RawClient.framed(Hello(role: .scheduler, name: "slow").encoded()) { client.write([byte]) }
                guard case .welcome = try client.readAnswer() else {
                    Issue.record("no welcome")
                    return
                }
                let messages: [Bytes] = [[8, 1], Bytes(repeating: 9, count: 200), [8, 2]]
                for byte in messages.flatMap(RawClient.framed) { client.write([byte]) }
                try await master.until("messages") { $0.messages == messages }
            }
        }

        @Test("Many frames in one read are handed over in order, as few batches")
        func manyPerRead() async throws {
            let master = self.master()
            try await withStations(master) {
                let client = try RawClient(port: try await master.listen())
                try client.enter()
                let messages = (0..<5000).map { Bytes("message \($0)".utf8) }
                client.write(messages.flatMap(RawClient.framed))
                try await master.until("messages") { $0.messages.count == messages.count }
                #expect(master.now.messages == messages)
                #expect(master.now.batches < messages.count)
            }
        }

        @Test("What is exchanged with peers of each role is counted, without handshakes and heartbeats")
        func traffic() async throws {
            let master = self.master()
            let seen = Mutex<Traffic?>(nil)
            try await withStations(master) {
                master.node.onTraffic = { traffic in seen.withLock { $0 = traffic } }
                let client = try RawClient(port: try await master.listen())
                try client.enter()
                let messages = (0..<50).map { Bytes("message \($0)".utf8) }
                client.write(messages.flatMap(RawClient.framed) + [0])
                try await master.until("messages") { $0.messages.count == messages.count }
                _ = try await master.withPeer { peer in (0..<3).map { _ in peer.send(encoded: [8, 1]) } }
                try await master.onLoop { _ in }
                let traffic = try #require(seen.withLock { $0 })
                #expect(traffic.peers == .scheduler)
                #expect(traffic.messagesReceived.value == messages.count && traffic.messagesSent.value == 3)
                #expect(traffic.bytesReceived.value == messages.flatMap(RawClient.framed).count + 1)
                #expect(traffic.bytesSent.value == 9 && traffic.writes.value == 1)
                #expect((1...messages.count).contains(traffic.reads.value))
            }
        }

        @Test("Frames of every length around the sizes of length prefix, read and limit arrive whole")
        func lengths() async throws {
            let master = self.master()
            try await withStations(master) {
                let client = try RawClient(port: try await master.listen())
                try client.enter()
                let lengths = [1, 127, 128, 129, 16383, 16384, 65530, 65535, 65536, 65537, 200_000, Self.limit]
                let messages = lengths.map { length in
                    Bytes(repeating: UInt8(truncatingIfNeeded: length) | 1, count: length)
                }
                for message in messages { client.write(frame: message) }
                try await master.until("messages") { $0.messages.count == messages.count }
                #expect(master.now.messages == messages)
            }
        }

        @Test("Frames cut into two at every byte are the same frames")
        func everyCut() async throws {
            let master = self.master()
            try await withStations(master) {
                let port = try await master.listen()
                let bytes =
                    RawClient.framed([8, 1]) + RawClient.framed(Bytes(repeating: 5, count: 130)) + [0]
                    + RawClient.framed([8, 2])
                for cut in 1..<bytes.count {
                    let client = try RawClient(port: port)
                    try client.enter()
                    client.write(Bytes(bytes[..<cut]))
                    try await Task.sleep(for: .milliseconds(1))
                    client.write(Bytes(bytes[cut...]))
                    try await master.until("messages") { $0.messages.count == 3 * cut }
                }
                let record = master.now
                #expect(record.messages.count { $0 == [8, 1] } == bytes.count - 1)
                #expect(record.messages.count { $0 == [8, 2] } == bytes.count - 1)
            }
        }

        @Test("A connection that ends at any byte of hello or message ends alone")
        func endsAtEveryByte() async throws {
            let master = self.master()
            try await withStations(master) {
                let port = try await master.listen()
                let steady = try RawClient(port: port)
                try steady.enter()
                let bytes =
                    RawClient.framed(Hello(role: .scheduler, name: "cut").encoded()) + RawClient.framed([8, 1, 8, 2])
                for cut in 0..<bytes.count {
                    let client = try RawClient(port: port)
                    client.write(Bytes(bytes[..<cut]))
                    if cut % 2 == 0 { client.endWriting() } else { client.reset() }
                }
                steady.write(frame: [8, 7])
                try await master.until("the steady one's message") { $0.messages.contains([8, 7]) }
                try await master.until("the others are gone") { $0.disconnected.count == $0.connected.count - 1 }
                #expect(!master.now.messages.contains([8, 1, 8, 2]))
            }
        }

        @Test("A claim of 4 GiB is refused at once, before and after the welcome")
        func hugeClaim() async throws {
            let master = self.master()
            try await withStations(master) {
                let port = try await master.listen()
                let claim: Bytes = [0xFF, 0xFF, 0xFF, 0xFF, 0x0F]
                let stranger = try RawClient(port: port)
                stranger.write(claim)
                guard case .refusal(let refusal) = try stranger.readAnswer() else {
                    Issue.record("no refusal")
                    return
                }
                #expect(refusal.code == .malformed)
                #expect(refusal.message.contains("4294967295"))
                #expect(stranger.readToEnd() == [])

                let guest = try RawClient(port: port)
                try guest.enter()
                guest.write(claim)
                let closing = try guest.readFrame()
                #expect(closing.first == 0)
                guard case .refusal(let reason) = try HandshakeAnswer(encoded: Bytes(closing.dropFirst())) else {
                    Issue.record("no refusal")
                    return
                }
                #expect(reason.code == .malformed)
                #expect(guest.readToEnd() == [])
                try await master.until("gone") { $0.disconnected.map(\.kind) == [.malformed] }
                #expect(
                    master.logs.all.contains {
                        $0.hasPrefix("warning") && $0.contains("4294967295") && $0.contains("peer=raw")
                    })
            }
        }

        @Test("A length of six bytes, or of more than 32 bits, is no frame")
        func badLengths() async throws {
            let master = self.master()
            try await withStations(master) {
                let port = try await master.listen()
                for bytes in [
                    Bytes(repeating: 0xFF, count: 10), [0x80, 0x80, 0x80, 0x80, 0x10],
                    [0x80, 0x80, 0x80, 0x80, 0x80, 0],
                ] {
                    let client = try RawClient(port: port)
                    try client.enter()
                    client.write(bytes)
                    #expect(try client.readFrame().first == 0)
                    #expect(client.readToEnd() == [])
                }
            }
        }

        @Test("Before a peer has said who it is, 4 KiB are the limit; one byte more than a role's limit closes too")
        func limits() async throws {
            let master = self.master()
            try await withStations(master) {
                let port = try await master.listen()
                let stranger = try RawClient(port: port)
                stranger.write(frame: Bytes(repeating: 1, count: 4097))
                guard case .refusal(let refusal) = try stranger.readAnswer() else {
                    Issue.record("no refusal")
                    return
                }
                #expect(refusal.code == .malformed)
                let guest = try RawClient(port: port)
                try guest.enter()
                guest.write(frame: Bytes(repeating: 1, count: Self.limit + 1))
                #expect(try guest.readFrame().first == 0)
                #expect(master.now.messages.isEmpty)
            }
        }

        @Test("Random bytes never disturb the other connections", arguments: [1, 2, 3] as [UInt64])
        func randomBytes(seed: UInt64) async throws {
            let master = self.master()
            var random = SeededGenerator(seed: seed)
            try await withStations(master) {
                let port = try await master.listen()
                let steady = try RawClient(port: port)
                try steady.enter()
                for round in 0..<60 {
                    let client = try RawClient(port: port)
                    if round % 2 == 0 { try client.enter() }
                    client.write(random.bytes(Int(random.next() % 5000)))
                    if round % 3 == 0 { client.reset() }
                    steady.write(frame: [8, UInt8(round + 1)])
                }
                try await master.until("the steady one's messages") { record in
                    (0..<60).allSatisfy { record.messages.contains([8, UInt8($0 + 1)]) }
                }
            }
        }

        @Test("A message that cannot be read is skipped, and the connection stays")
        func undecodable() async throws {
            let master = self.master()
            master.node.onMessage = { [unowned master] peer, bytes, arena throws(MessageError) in
                let proof = try HandshakeProof(message: bytes, in: arena)
                master.record.withLock { $0.messages.append(proof.mac) }
            }
            try await withStations(master) {
                let client = try RawClient(port: try await master.listen())
                try client.enter()
                client.write(frame: HandshakeProof(mac: [1]).encoded())
                for _ in 0..<5 { client.write(frame: [0x0A, 0x50, 1]) }
                client.write(frame: HandshakeProof(mac: [2]).encoded())
                try await master.until("both") { $0.messages == [[1], [2]] }
                #expect(master.now.undecodable == 5)
                #expect(master.now.disconnected.isEmpty)
                // Said the first, second and fourth time.
                #expect(master.logs.all.count { $0.contains("cannot be read") } == 3)
            }
        }

        @Test("A side that ends the connection says why, after everything it had sent")
        func closesWithReason() async throws {
            let master = self.master()
            let relay = Station(.relay)
            try await withStations(relay, master) {
                let port = try await master.listen()
                try await relay.dial(["127.0.0.1:\(port)"], as: .relay)
                try await relay.until("welcomed") { $0.connected.count == 1 }
                let big = Bytes(repeating: 3, count: 3 << 20)
                try await master.withPeer { peer in
                    peer.send(encoded: [8, 1])
                    peer.send(encoded: big)
                    peer.close(Refusal(.stale, "an older life", epoch: 3))
                    #expect(!peer.isOpen)
                    #expect(!peer.send(encoded: [8, 2]))
                }
                try await relay.until("ended") { $0.disconnected.count == 1 }
                #expect(relay.now.messages == [[8, 1], big])
                #expect(relay.now.disconnected[0].kind == .refused)
                #expect(relay.now.disconnected[0].refusal == Refusal(.stale, "an older life", epoch: 3))
                try await master.until("ended here") { $0.disconnected.first?.kind == .closedHere }
            }
        }

        @Test("A message longer than the other side takes is not sent, and harms nothing")
        func tooLongToSend() async throws {
            let master = Station(.master) { $0.maxFrameBytes = 1 << 20 }
            let relay = Station(.relay)
            try await withStations(relay, master) {
                let port = try await master.listen()
                try await relay.dial(["127.0.0.1:\(port)"], as: .relay)
                try await relay.until("welcomed") { $0.connected.count == 1 }
                #expect(
                    try await relay.withPeer { $0.send(encoded: Bytes(repeating: 1, count: (1 << 20) + 1)) } == false)
                #expect(try await relay.withPeer { $0.send(encoded: [8, 1]) })
                try await master.until("message") { $0.messages == [[8, 1]] }
                #expect(relay.logs.all.contains { $0.hasPrefix("error") && $0.contains("1048577") })
            }
        }

        @Test("A browser is told in its own language that it is at the wrong port")
        func browser() async throws {
            let master = self.master()
            try await withStations(master) {
                let client = try RawClient(port: try await master.listen())
                client.write(Bytes("GET / HTTP/1.1\r\nhost: x\r\n\r\n".utf8))
                let answer = String(decoding: client.readBytesToEnd(), as: UTF8.self)
                #expect(answer.hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
                #expect(answer.contains("meseta status"))
                #expect(answer.contains("side port"))
            }
        }
    }
}
