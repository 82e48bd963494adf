/// Random numbers that follow from their seed alone: the ChaCha20 stream of a key (RFC 8439, with a 64-bit counter).
///
/// The same seed gives the same numbers on every machine. Who sees some of them cannot tell the others, so what is drawn
/// with a key of 256 random bits may serve as a secret.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private let key: [UInt32]
    private var counter: UInt64 = 0
    private var block: [UInt32] = []
    private var position = 16

    /// For simulations and tests: one number is enough to repeat a run.
    public init(seed: UInt64) { self.init(key: [seed, 0, 0, 0]) }

    /// For secrets: four numbers from the system's generator.
    public init(key: [UInt64]) {
        precondition(key.count == 4, "a key has 256 bits, not \(key.count * 64)")
        self.key = key.flatMap { [UInt32(truncatingIfNeeded: $0), UInt32(truncatingIfNeeded: $0 >> 32)] }
    }

    /// The next 64 bits.
    public mutating func next() -> UInt64 {
        if self.position == 16 { self.refill() }
        defer { self.position += 2 }
        return UInt64(self.block[self.position]) | UInt64(self.block[self.position + 1]) << 32
    }

    /// So many bytes.
    public mutating func bytes(_ count: Int) -> Bytes {
        var bytes = Bytes()
        bytes.reserveCapacity(count + 7)
        while bytes.count < count {
            let number = self.next()
            for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }

    private mutating func refill() {
        let counter = [UInt32(truncatingIfNeeded: self.counter), UInt32(truncatingIfNeeded: self.counter >> 32)]
        let start = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574] + self.key + counter + [0, 0]
        var state = start
        for _ in 0..<10 {
            Self.quarterRound(&state, 0, 4, 8, 12)
            Self.quarterRound(&state, 1, 5, 9, 13)
            Self.quarterRound(&state, 2, 6, 10, 14)
            Self.quarterRound(&state, 3, 7, 11, 15)
            Self.quarterRound(&state, 0, 5, 10, 15)
            Self.quarterRound(&state, 1, 6, 11, 12)
            Self.quarterRound(&state, 2, 7, 8, 13)
            Self.quarterRound(&state, 3, 4, 9, 14)
        }
        self.block = zip(state, start).map { $0 &+ $1 }
        self.counter += 1
        self.position = 0
    }

    private static func quarterRound(_ state: inout [UInt32], _ a: Int, _ b: Int, _ c: Int, _ d: Int) {
        func rotate(_ word: UInt32, _ bits: UInt32) -> UInt32 { word << bits | word >> (32 - bits) }
        state[a] &+= state[b]
        state[d] = rotate(state[d] ^ state[a], 16)
        state[c] &+= state[d]
        state[b] = rotate(state[b] ^ state[c], 12)
        state[a] &+= state[b]
        state[d] = rotate(state[d] ^ state[a], 8)
        state[c] &+= state[d]
        state[b] = rotate(state[b] ^ state[c], 7)
    }
}
