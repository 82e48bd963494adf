import Messages
import Model
import Testing

/// Everything that a peer can send ends in a message or an error.
struct HostileBytesTests {
    private static let seeds: [UInt64] = [1, 2, 3, 4]

    @Test("A message cut short anywhere is an error or a shorter message, never a crash", arguments: allSamples.indices)
    func truncation(index: Int) {
        func run<M: Sample>(_ type: M.Type) {
            var random = Random(seed: UInt64(100 + index))
            let arena = MessageArena()
            for _ in 0..<25 {
                let bytes = M.sample(&random).encoded()
                for length in 0..<bytes.count {
                    Self.read(type, Bytes(bytes.prefix(length)), arena)
                    arena.reset()
                }
            }
        }
        run(allSamples[index])
    }

    @Test("A message with flipped bits is an error or another message, never a crash", arguments: allSamples.indices)
    func bitFlips(index: Int) {
        func run<M: Sample>(_ type: M.Type) {
            var random = Random(seed: UInt64(200 + index))
            let arena = MessageArena()
            for _ in 0..<2000 {
                var bytes = M.sample(&random).encoded()
                if bytes.isEmpty { continue }
                for _ in 0...random.below(4) { bytes[random.below(bytes.count)] ^= 1 << UInt8(random.below(8)) }
                Self.read(type, bytes, arena)
                arena.reset()
            }
        }
        run(allSamples[index])
    }

    @Test("Random bytes are refused, never a crash", arguments: seeds)
    func randomBytes(seed: UInt64) {
        var random = Random(seed: seed)
        let arena = MessageArena()
        for round in 0..<2500 {
            let bytes: Bytes = random.list(upTo: 200) { UInt8($0.below(256)) }
            for type in everyMessage { Self.read(type, bytes, arena) }
            if round % 10 == 0 { arena.reset() }
        }
    }

    private static func read<M: WireMessage>(_ type: M.Type, _ bytes: Bytes, _ arena: MessageArena) {
        if let read = try? M(encoded: bytes, in: arena) { _ = read.packed(in: arena).bytes }
    }

    @Test("Containers may be nested 64 deep", arguments: [1, 10, 64])
    func allowedNesting(depth: Int) throws {
        let status = try TaskStatus(encoded: Raw.status(containerDepth: depth))
        #expect(status.encoded() == Raw.status(containerDepth: depth))
    }

    @Test("Containers nested deeper are refused, however deep", arguments: [65, 1000, 1_000_000])
    func refusedNesting(depth: Int) throws {
        let bytes = Raw.status(containerDepth: depth)
        #expect(throws: MessageError(.tooDeep, in: "TaskStatus")) { try TaskStatus(encoded: bytes) }
        let call = Raw.id(1, "e") + Raw.id(2, "f") + Raw.number(3, 2) + Raw.bytes(5, Raw.bytes(1, bytes))
        #expect(throws: MessageError(.tooDeep, in: "TaskStatus")) { try ExecutorCall(encoded: call) }
    }

    @Test("Nesting in what only looks like a container is not counted: bytes are bytes")
    func nestingInBytes() throws {
        let data = Raw.nestedContainer(depth: 1000)
        let status = try TaskStatus(encoded: Raw.id(1, "t") + Raw.number(2, 1) + Raw.bytes(3, data))
        #expect(status.data == data)
    }

    @Test("Groups are refused: nobody writes them, and they nest")
    func groups() {
        let start = Raw.varint(20 << 3 | 3)
        let end = Raw.varint(20 << 3 | 4)
        let status = Raw.id(1, "t") + Raw.number(2, 1)
        for group in [start + end, start, end, Bytes(repeating: 0xa3, count: 1000)] {
            #expect(throws: MessageError(.malformed, in: "TaskStatus")) { try TaskStatus(encoded: status + group) }
            #expect(throws: MessageError(.malformed, in: "Hello")) {
                try Hello(encoded: Raw.number(2, 1) + group)
            }
        }
    }

    @Test("A message that would take more memory than the arena may give is refused, and the next one is read")
    func arenaLimit() throws {
        let arena = MessageArena(limit: 1 << 20)
        // A byte or two on the wire, a struct of a hundred bytes in memory.
        let registration = Raw.bytes(1, Raw.bytes(1, []))
        let many = Raw.bytes(1, Raw.bytes(1, []) + (0..<40_000).flatMap { _ in [0x42, 0] as Bytes })
        #expect(throws: MessageError(.tooLarge(limit: 1 << 20), in: "AgentToRelay")) {
            try AgentToRelay(encoded: many, in: arena)
        }
        _ = try AgentToRelay(encoded: registration, in: arena)
        arena.reset()
        #expect(arena.unpackedBytes == 0)
        var random = Random(seed: 1)
        for _ in 0..<1000 {
            let message = AgentToRelay.sample(&random)
            #expect(try AgentToRelay(encoded: message.encoded(), in: arena) == message)
        }
    }

    @Test("At every limit of memory, reading ends in the message or in a clean refusal")
    func everyArenaLimit() throws {
        var random = Random(seed: 5)
        var messages: [SchedulerCall] = []
        while messages.count < 4 {
            let call = SchedulerCall.sample(&random)
            if case .accept(let accept) = call.kind, accept.operations.count > 1 { messages.append(call) }
        }
        for call in messages {
            let bytes = call.encoded()
            for limit in stride(from: 16, to: 60_000, by: 176) {
                let arena = MessageArena(limit: limit)
                do {
                    _ = try SchedulerCall(encoded: bytes, in: arena)
                } catch {
                    #expect(error.problem == .tooLarge(limit: limit))
                }
            }
        }
    }

    @Test("Reading gives the arena back as it was")
    func readingLeavesNothing() throws {
        var random = Random(seed: 2)
        let arena = MessageArena()
        let bytes = TaskInfo.sample(&random).encoded()
        _ = try TaskInfo(encoded: bytes, in: arena)
        let before = arena.unpackedBytes
        for _ in 0..<10_000 { _ = try TaskInfo(encoded: bytes, in: arena) }
        #expect(arena.unpackedBytes == before)
    }
}
