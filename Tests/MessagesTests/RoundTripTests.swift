import Messages
import Model
import Testing

struct RoundTripTests {
    @Test("What one service writes, another reads: every message, in every form", arguments: allSamples.indices)
    func roundTrip(index: Int) throws {
        try self.roundTrip(allSamples[index], seed: UInt64(index))
    }

    private func roundTrip<M: Sample>(_ type: M.Type, seed: UInt64) throws {
        var random = Random(seed: seed)
        let arena = MessageArena()
        for _ in 0..<400 {
            let message = M.sample(&random)
            let bytes = message.encoded()
            let read = try M(encoded: bytes, in: arena)
            #expect(read.plain == message.plain, "seed \(seed)")
            #expect(read.encoded() == bytes, "seed \(seed)")
            arena.reset()
        }
    }

    @Test("Messages behind each other in a log are read back one by one")
    func delimited() throws {
        var random = Random(seed: 7)
        let messages = (0..<50).map { _ in AgentToRelay.sample(&random) }
        let arena = MessageArena()
        var bytes: Bytes = []
        for message in messages { Delimited.append(message, to: &bytes, in: arena) }
        #expect(try Delimited.read(AgentToRelay.self, from: bytes, in: arena) == messages)
        #expect(throws: MessageError.self) {
            try Delimited.read(AgentToRelay.self, from: Bytes(bytes.dropLast()), in: arena)
        }
    }

    @Test("A length that is not all there yet is waited for; one that is none, or too large, is refused")
    func delimiterEdges() throws {
        func next(_ bytes: Bytes, limit: Int = 1000) throws -> Range<Int>? {
            try bytes.withUnsafeBytes { buffer in
                var offset = 0
                return try Delimited.next(in: buffer, at: &offset, limit: limit)
            }
        }
        #expect(try next([]) == nil)
        #expect(try next([0x80]) == nil)
        #expect(try next([3, 1, 2]) == nil)
        #expect(try next([3, 1, 2, 3, 9]) == 1..<4)
        #expect(try next([0, 5]) == 1..<1)
        #expect(try next([0xe8, 0x07] + Bytes(repeating: 1, count: 1000)) == 2..<1002)
        #expect(throws: MessageError(.tooLarge(limit: 1000), in: "Frame")) { try next([0xe9, 0x07]) }
        #expect(throws: MessageError(.malformed, in: "Frame")) { try next(Bytes(repeating: 0xff, count: 10)) }
        #expect(throws: MessageError(.malformed, in: "Frame")) { try next(Bytes(repeating: 0xff, count: 11)) }
    }

    @Test("Whole numbers of all sizes survive", arguments: [0, 1, 127, 128, 16383, 16384, 1 << 35, .max] as [UInt64])
    func varints(value: UInt64) {
        var bytes = Bytes(repeating: 0, count: 10)
        let written = bytes.withUnsafeMutableBytes { Varint.write(value, to: $0.baseAddress!) }
        #expect(written == Varint.size(of: value))
        bytes.withUnsafeBytes { buffer in
            var offset = 0
            #expect(Varint.read(buffer, at: &offset) == value)
            #expect(offset == written)
        }
    }

    @Test("The codec that cores are given reads what it writes")
    func codec() {
        var random = Random(seed: 3)
        let codec: any EntityCodec = ProtobufCodec()
        for _ in 0..<100 {
            let (task, executor) = (TaskInfo.sample(&random), ExecutorInfo.sample(&random))
            let (framework, status) = (FrameworkInfo.sample(&random), TaskStatus.sample(&random))
            #expect(codec.task(codec.encode(task))?.plain == task)
            #expect(codec.executor(codec.encode(executor))?.plain == executor)
            #expect(codec.framework(codec.encode(framework))?.plain == framework)
            #expect(codec.status(codec.encode(status)) == status)
            let attributes = random.list(upTo: 4) { Attribute.sample(&$0) }
            #expect(codec.attributes(codec.encode(attributes: attributes, hostname: "h")) == attributes)
        }
        #expect(codec.task([1, 2, 3]) == nil)
        #expect(codec.executor([]) == nil)
        #expect(codec.framework([0xff]) == nil)
        #expect(codec.status([0x08]) == nil)
        #expect(codec.attributes([]) == [] && codec.attributes([0x08]) == [])
    }
}
