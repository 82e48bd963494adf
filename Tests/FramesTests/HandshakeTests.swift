import Frames
import Messages
import Model
import Testing

extension FramesOnTCP {
    /// Who gets in, who does not, and what they are told.
    @Suite("Handshake")
    struct HandshakeTests {
        private let secret = try! Secret(Bytes("a secret of some length".utf8))
        private let other = try! Secret(Bytes("another secret of a length".utf8))

        @Test("Without a secret a hello is answered by a welcome that states intervals and limits")
        func welcomesWithoutSecret() async throws {
            let master = Station(.master, name: "m1")
            try await withStations(master) {
                let client = try RawClient(port: try await master.listen())
                let welcome = try client.enter()
                #expect(welcome.role == .master)
                #expect(welcome.name == "m1")
                #expect(welcome.version == Hello.currentProtocol)
                #expect(welcome.heartbeatInterval == .seconds(15))
                #expect(welcome.maxFrameBytes == 8 << 20)
                #expect(welcome.incarnation.count == 16)
                try await master.until("connected") { $0.connected == ["raw"] }
            }
        }

        @Test("Services may send longer frames than schedulers, executors and operators")
        func limitsByRole() async throws {
            let master = Station(.master)
            try await withStations(master) {
                let port = try await master.listen()
                for role in PeerRole.allCases {
                    let welcome = try RawClient(port: port).enter(as: role)
                    let isEntry = [.scheduler, .executor, .operator].contains(role)
                    #expect(welcome.maxFrameBytes == (isEntry ? 8 << 20 : 16 << 20))
                }
            }
        }

        @Test("Two processes with one secret prove it to each other and exchange messages both ways")
        func provesSecret() async throws {
            let master = Station(.master, name: "m1", secret: self.secret)
            let relay = Station(.relay, name: "r1", secret: self.secret)
            try await withStations(relay, master) {
                let port = try await master.listen()
                try await relay.dial(["127.0.0.1:\(port)"], as: .relay)
                try await relay.until("welcomed") { $0.connected == ["m1"] }
                try await master.until("connected") { $0.connected == ["r1"] }
                #expect(try await relay.withPeer { $0.send(HandshakeProof(mac: [1, 2, 3])) })
                try await master.until("message") { $0.messages == [HandshakeProof(mac: [1, 2, 3]).encoded()] }
                #expect(try await master.withPeer { $0.send(encoded: [8, 1]) })
                try await relay.until("message") { $0.messages == [[8, 1]] }
            }
        }

        @Test("A caller with a wrong secret is not fooled into talking, and says so about once")
        func refusesWrongSecret() async throws {
            let master = Station(.master, secret: self.secret)
            let relay = Station(.relay, secret: self.other)
            try await withStations(relay, master) {
                let port = try await master.listen()
                try await relay.dial(["127.0.0.1:\(port)"], as: .relay)
                try await relay.until("several refusals") { record in
                    record.dialEvents.count {
                        if case .refused(_, let refusal) = $0 { refusal.code == .credentials } else { false }
                    } > 2
                }
                #expect(relay.now.connected.isEmpty)
                #expect(master.now.connected.isEmpty)
                #expect(relay.logs.all.count { $0.hasPrefix("error") } == 1)
            }
        }

        @Test("A caller that cannot prove the secret is refused, whatever it sends as proof")
        func refusesBadProof() async throws {
            let master = Station(.master, secret: self.secret)
            try await withStations(master) {
                let port = try await master.listen()
                var hello = Hello(role: .relay, name: "r")
                hello.nonce = Bytes(repeating: 7, count: 16)
                for mac in [[], Bytes(repeating: 0, count: 32), Bytes(repeating: 1, count: 31)] {
                    let client = try RawClient(port: port)
                    client.write(frame: hello.encoded())
                    guard case .challenge(let nonce, let proof) = try client.readAnswer() else {
                        Issue.record("no challenge")
                        return
                    }
                    #expect(nonce.count == 16 && proof.count == 32)
                    client.write(frame: HandshakeProof(mac: mac).encoded())
                    guard case .refusal(let refusal) = try client.readAnswer() else {
                        Issue.record("no refusal")
                        return
                    }
                    #expect(refusal.code == .credentials)
                    #expect(client.readToEnd() == [])
                }
                #expect(master.now.connected.isEmpty)
            }
        }

        @Test("A proof overheard on one connection is worth nothing on the next")
        func refusesReplay() async throws {
            let master = Station(.master, secret: self.secret)
            try await withStations(master) {
                let port = try await master.listen()
                var hello = Hello(role: .relay, name: "r")
                hello.nonce = Bytes(repeating: 7, count: 16)
                var nonces: Set<Bytes> = []
                for _ in 0..<5 {
                    let client = try RawClient(port: port)
                    client.write(frame: hello.encoded())
                    if case .challenge(let nonce, let proof) = try client.readAnswer() {
                        nonces.insert(nonce)
                        // The called side's own proof sent back is no caller's proof.
                        client.write(frame: HandshakeProof(mac: proof).encoded())
                    }
                    if case .refusal(let refusal) = try client.readAnswer() { #expect(refusal.code == .credentials) }
                }
                #expect(nonces.count == 5)
                #expect(master.now.connected.isEmpty)
            }
        }

        @Test("A caller without a secret is told that it needs one")
        func refusesMissingSecret() async throws {
            let master = Station(.master, secret: self.secret)
            let relay = Station(.relay)
            try await withStations(relay, master) {
                let port = try await master.listen()
                let client = try RawClient(port: port)
                client.write(frame: Hello(role: .relay, name: "r").encoded())
                guard case .refusal(let refusal) = try client.readAnswer() else {
                    Issue.record("no refusal")
                    return
                }
                #expect(refusal.code == .credentials)
                #expect(refusal.message.contains("--secret-file"))
                try await relay.dial(["127.0.0.1:\(port)"], as: .relay)
                try await relay.until("refused") { !$0.dialEvents.isEmpty }
                #expect(relay.now.connected.isEmpty)
            }
        }

        @Test("A caller with a secret does not talk to one who cannot prove it")
        func callerRefusesUnproved() async throws {
            let impostor = Station(.master)
            let relay = Station(.relay, secret: self.secret)
            try await withStations(relay, impostor) {
                let port = try await impostor.listen()
                try await relay.dial(["127.0.0.1:\(port)"], as: .relay)
                try await relay.until("distrust") { record in
                    record.dialEvents.contains {
                        if case .refused(_, let refusal) = $0 { refusal.code == .credentials } else { false }
                    }
                }
                #expect(relay.now.connected.isEmpty)
            }
        }

        @Test("An executor shows its token and needs no secret")
        func executorNeedsNoSecret() async throws {
            let agent = Station(.agent, secret: self.secret)
            agent.node.admit = { hello in
                hello.subscription?.token == [1, 2]
                    ? .success(Welcome(role: .agent, name: "a")) : .failure(Refusal(.unknownPeer, ""))
            }
            try await withStations(agent) {
                let port = try await agent.listen()
                var hello = Hello(role: .executor, name: "e")
                for (token, isWelcome) in [([1, 2] as Bytes, true), ([3], false)] {
                    hello.subscription = Subscription(epoch: 1, counter: 1, token: token)
                    let client = try RawClient(port: port)
                    client.write(frame: hello.encoded())
                    if case .welcome = try client.readAnswer() { #expect(isWelcome) } else { #expect(!isWelcome) }
                }
            }
        }

        @Test("A caller of a later protocol is answered in the one that both speak")
        func laterVersion() async throws {
            let master = Station(.master)
            try await withStations(master) {
                let client = try RawClient(port: try await master.listen())
                var hello = Hello(role: .relay, name: "r")
                (hello.version, hello.revision) = (Hello.currentProtocol + 6, 40)
                client.write(frame: hello.encoded())
                guard case .welcome(let welcome) = try client.readAnswer() else {
                    Issue.record("no welcome")
                    return
                }
                #expect(welcome.version == Hello.currentProtocol)
                #expect(welcome.revision == ProtocolRevision.current)
            }
        }

        @Test("A protocol version that is not spoken any more is refused with the numbers")
        func refusesVersion() async throws {
            let master = Station(.master)
            try await withStations(master) {
                let client = try RawClient(port: try await master.listen())
                var hello = Hello(role: .relay, name: "r")
                hello.version = Hello.oldestProtocol - 1
                client.write(frame: hello.encoded())
                guard case .refusal(let refusal) = try client.readAnswer() else {
                    Issue.record("no refusal")
                    return
                }
                #expect(refusal.code == .protocolVersion)
                #expect(refusal.message.contains("0") && refusal.message.contains("1"))
                #expect(client.readToEnd() == [])
            }
        }

        @Test("A role that is not served is told so by the host's decision, with the leader")
        func refusesByAdmission() async throws {
            let standby = Station(.master)
            standby.node.admit = { _ in
                .failure(Refusal(.notLeader, "ask the leader", leader: "10.0.0.1:5050", epoch: 4))
            }
            try await withStations(standby) {
                let client = try RawClient(port: try await standby.listen())
                client.write(frame: Hello(role: .scheduler, name: "s").encoded())
                #expect(
                    try client.readAnswer()
                        == .refusal(Refusal(.notLeader, "ask the leader", leader: "10.0.0.1:5050", epoch: 4)))
                #expect(client.readToEnd() == [])
            }
        }

        @Test("Who does not finish the handshake in time is disconnected")
        func handshakeDeadline() async throws {
            let master = Station(.master) { $0.handshakeTimeout = .milliseconds(100) }
            try await withStations(master) {
                let client = try RawClient(port: try await master.listen())
                let frames = try #require(client.readToEnd())
                #expect(frames.count == 1)
                #expect(master.now.connected.isEmpty)
            }
        }

        @Test("A listener beyond loopback needs a secret or an explicit word")
        func listensOnLoopbackOnly() async throws {
            let open = Station(.master)
            let meant = Station(.master) { $0.isInsecure = true }
            let closed = Station(.master, secret: self.secret)
            try await withStations(open, meant, closed) {
                await #expect(throws: ListenProblem.unprotected(host: "0.0.0.0")) {
                    _ = try await open.node.listen(host: "0.0.0.0", port: 0)
                }
                #expect(try await meant.node.listen(host: "0.0.0.0", port: 0) > 0)
                #expect(try await closed.node.listen(host: "0.0.0.0", port: 0) > 0)
                let taken = try await meant.node.listen(host: "127.0.0.1", port: 0)
                await #expect(throws: ListenProblem.self) {
                    _ = try await closed.node.listen(host: "127.0.0.1", port: taken)
                }
            }
        }

        @Test("Above the connection limit callers are told that it is full, and those inside stay")
        func connectionLimit() async throws {
            let master = Station(.master) { $0.maxConnections = 2 }
            try await withStations(master) {
                let port = try await master.listen()
                let inside = [try RawClient(port: port), try RawClient(port: port)]
                for client in inside { try client.enter() }
                let late = try RawClient(port: port)
                guard case .refusal(let refusal) = try late.readAnswer() else {
                    Issue.record("no refusal")
                    return
                }
                #expect(refusal.code == .full)
                inside[0].write(frame: [8, 1])
                try await master.until("message") { $0.messages.count == 1 }
            }
        }
    }
}
