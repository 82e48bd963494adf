import Model
import Testing

@testable import ChaosCore

@Suite("Bytes under toxics")
struct ToxicStreamTests {
    private var stream = ToxicStream()
    private var chance = SeededGenerator(seed: 1)

    private mutating func arrived(_ count: Int, at now: Duration, _ toxics: Toxic...) -> [ToxicStream.Piece] {
        self.stream.arrived(count, at: now, under: toxics, &self.chance)
    }

    @Test("Without toxics everything goes on at once")
    mutating func none() {
        #expect(self.arrived(10, at: .seconds(1)) == [.init(count: 10, at: .seconds(1))])
    }

    @Test("Latency moves bytes, and nothing that comes later overtakes them")
    mutating func latency() {
        let slow = self.arrived(10, at: .seconds(1), .latency(.seconds(2), jitter: .zero))
        #expect(slow == [.init(count: 10, at: .seconds(3))])
        #expect(self.arrived(5, at: .seconds(2)) == [.init(count: 5, at: .seconds(3))])
    }

    @Test("Bandwidth lets so many bytes pass a second")
    mutating func bandwidth() {
        let pieces = self.arrived(3000, at: .zero, .bandwidth(bytesPerSecond: 1000))
        #expect(pieces.map(\.count).reduce(0, +) == 3000)
        #expect(pieces.last?.at == .seconds(3))
        #expect(pieces.count == 30)
    }

    @Test("A slicer makes small pieces with time between them")
    mutating func slicer() {
        let pieces = self.arrived(5, at: .zero, .slicer(size: 2, delay: .milliseconds(10)))
        #expect(pieces.map(\.count) == [2, 2, 1])
        #expect(pieces.map(\.at) == [.zero, .milliseconds(10), .milliseconds(20)])
    }

    @Test("Under a timeout nothing goes on")
    mutating func timeout() { #expect(self.arrived(5, at: .zero, .timeout(.zero)) == []) }

    @Test("A limit lets so many bytes pass, and then none")
    mutating func limit() {
        let limit = Toxic.limitData(7)
        #expect(self.arrived(5, at: .zero, limit).map(\.count) == [5])
        #expect(!self.stream.isExhausted(under: [limit]))
        #expect(self.arrived(5, at: .zero, limit).map(\.count) == [2])
        #expect(self.stream.isExhausted(under: [limit]))
        #expect(self.arrived(5, at: .zero, limit) == [])
    }

    @Test("An end comes after the last byte, and later under slow-close")
    mutating func ends() {
        _ = self.arrived(1, at: .zero, .latency(.seconds(2), jitter: .zero))
        #expect(self.stream.ends(at: .seconds(1), under: []) == .seconds(2))
        #expect(self.stream.ends(at: .seconds(1), under: [.slowClose(.seconds(3))]) == .seconds(5))
    }

    @Test("Every kind that a proxy does can be drawn", arguments: FaultKind.allCases.filter(\.isToxic))
    mutating func drawn(kind: FaultKind) {
        for _ in 0..<100 {
            let toxic = Toxic.drawn(kind, &self.chance)
            _ = self.stream.arrived(100, at: .zero, under: [toxic], &self.chance)
        }
    }
}
