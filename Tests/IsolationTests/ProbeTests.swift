import Isolation
import Model
import NIOCore
import NIOPosix
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Looking whether a container is well: with real processes and sockets.
@Suite(.serialized) struct ProbeTests {
    @Test(
        "A probe runs beside its container: same sandbox, own output, and the container does not end with it",
        arguments: kinds)
    func beside(cgroups: Bool) async throws {
        try await Bench.run(cgroups: cgroups) { bench in
            try await bench.launch(1, "echo task > mine; sleep 100")
            try await bench.started(1)
            try await eventually { bench.file(1, "mine") != "" }
            let seen = try await bench.probe(1, "cat mine; pwd; echo $COLOUR; exit 3")
            #expect(seen == .exited(status: 3 << 8, output: "task\n\(bench.sandbox(1))\ngreen\n"))
            #expect(bench.file(1, "stdout") == "")
            #expect(try await bench.probe(1, "exit 0") == .exited(status: 0, output: ""))
            try await bench.order { $0.destroy(1) }
            #expect(try await bench.exit(1).signal == 9)
        }
    }

    @Test("Of what a probe writes the end is told, however much it is")
    func output() async throws {
        try await Bench.run { bench in
            try await bench.launch(1, "sleep 100")
            try await bench.started(1)
            let seen = try await bench.probe(
                1, "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; echo end")
            guard case .exited(0, let output) = seen else { return #expect(Bool(false), "\(seen)") }
            #expect(output.hasSuffix("line 19999\nend\n"))
            #expect(output.utf8.count == 512)
        }
    }

    @Test("When its time is over a probe is killed with all that it started", arguments: kinds)
    func timeout(cgroups: Bool) async throws {
        try await Bench.run(cgroups: cgroups) { bench in
            try await bench.launch(1, "sleep 100")
            try await bench.started(1)
            let script = "setsid sh -c 'echo $$ > orphan; exec sleep 99' & sleep 0.2; sleep 98"
            #expect(try await bench.probe(1, script, timeout: .milliseconds(500)) == .timedOut)
            let orphan = try #require(Int32(bench.file(1, "orphan").filter(\.isNumber)))
            try await eventually { !isAlive(orphan) }
            // The task is not touched.
            #expect(try await bench.probe(1, "true") == .exited(status: 0, output: ""))
        }
    }

    @Test("A probe ends with its container, which does not wait for it", arguments: kinds)
    func endsWithContainer(cgroups: Bool) async throws {
        try await Bench.run(cgroups: cgroups) { bench in
            try await bench.launch(1, "sleep 0.3; exit 4")
            try await bench.started(1)
            let seen = try await bench.probe(1, "sleep 100")
            #expect(seen == .exited(status: 9, output: ""))
            #expect(try await bench.exit(1).code == 4)
        }
    }

    @Test("What does not run cannot be looked at; a program that is not there is a failure")
    func failures() async throws {
        try await Bench.run { bench in
            #expect(try await bench.probe(1, "true") == .skipped("the container does not run"))
            try await bench.launch(1, "sleep 100")
            try await bench.started(1)
            let spec = bench.spec(1, CommandInfo(program: "/no/such/program", arguments: []))
            guard case .failed(let message) = try await bench.probe(spec) else { return #expect(Bool(false)) }
            #expect(message.hasPrefix("The program could not be executed"))
        }
    }

    @Test("An agent that starts again looks at what an earlier life started; a look under way ends with that life")
    func restart() async throws {
        try await Bench.run { bench in
            try await bench.launch(1, "sleep 100")
            try await bench.started(1)
            let spec = bench.spec(1, CommandInfo(shell: "echo $$ > pid; sleep 97"))
            try await bench.order { $0.probe(spec, timeout: .zero) { _ in } }
            let pid = try #require(Int32(try await bench.content(1, "pid").filter(\.isNumber)))
            try await bench.stop()
            try await eventually { !isAlive(pid) }
            try await bench.start()
            #expect(try await bench.probe(1, "echo again") == .exited(status: 0, output: "again\n"))
        }
    }

    // MARK: - By the network

    @Test(
        "GET is told what is answered, and follows nothing",
        arguments: [
            ("HTTP/1.1 200 OK\r\n\r\n", ProbeResult.answered(200)), ("HTTP/1.0 503 No\r\n", .answered(503)),
            ("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n", .answered(302)),
            ("SSH-2.0-OpenSSH\r\n", .failed("its answer is not HTTP")),
            ("", .failed("it closed the connection without an answer")),
        ])
    func get(answer: String, result: ProbeResult) async throws {
        let server = try await Server(answer)
        let seen = try await NetworkProbe.get(
            .init(port: UInt32(server.port), path: "/health?x=1"), timeout: .seconds(5), on: server.loop
        ).get()
        #expect(seen == result)
        let port = server.port
        #expect(
            try await NetworkProbe.connect(port: port, isIPv6: false, timeout: .seconds(5), on: server.loop).get()
                == .connected)
        try await server.close()
        // A process that another test is just starting has all sockets of this one until it executes its program.
        try await eventually {
            let again = NetworkProbe.connect(port: port, isIPv6: false, timeout: .seconds(5), on: server.loop)
            if case .failed = try? await again.get() { return true }
            return false
        }
    }

    @Test("Who does not answer in time is given up")
    func silence() async throws {
        let server = try await Server(nil)
        let seen = try await NetworkProbe.get(
            .init(port: UInt32(server.port)), timeout: .milliseconds(100), on: server.loop
        )
        .get()
        #expect(seen == .timedOut)
        try await server.close()
    }
}

/// Says the same to everybody who asks, and closes; or says nothing.
private final class Server: Sendable {
    let loop: any EventLoop
    let port: UInt16
    private let channel: any Channel

    init(_ answer: String?) async throws {
        self.loop = MultiThreadedEventLoopGroup.singleton.next()
        self.channel = try await ServerBootstrap(group: self.loop)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Answerer(answer))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        self.port = UInt16(self.channel.localAddress?.port ?? 0)
    }

    func close() async throws { try await self.channel.close().get() }

    private final class Answerer: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private let answer: String?

        init(_ answer: String?) { self.answer = answer }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard let answer else { return }
            context.writeAndFlush(self.wrapOutboundOut(ByteBuffer(string: answer)), promise: nil)
            context.close(promise: nil)
        }
    }
}

extension Bench {
    fileprivate func probe(_ run: RunID, _ script: String, timeout: Duration = .seconds(20)) async throws -> ProbeResult
    {
        var spec = self.spec(run, CommandInfo(shell: script))
        spec.environment["COLOUR"] = "green"
        return try await self.probe(spec, timeout: timeout)
    }

    func probe(_ spec: ContainerSpec, timeout: Duration = .seconds(20)) async throws -> ProbeResult {
        let promise = self.loop.makePromise(of: ProbeResult.self)
        try await self.order { $0.probe(spec, timeout: timeout) { promise.succeed($0) } }
        return try await promise.futureResult.get()
    }
}
