public import Model

/// What a proxy does to the bytes that pass it, in toxiproxy's words.
public enum Toxic: Hashable, Sendable {
    /// Every byte comes later, by so much and up to `jitter` more.
    case latency(Duration, jitter: Duration)
    /// So many bytes a second; above 0.
    case bandwidth(bytesPerSecond: Int)
    /// The end of a connection comes so much after its last byte.
    case slowClose(Duration)
    /// Nothing comes; after so long the connection is closed, and with zero it never is.
    case timeout(Duration)
    /// After so long the connection is reset.
    case resetPeer(Duration)
    /// Bytes come in pieces of at most this size, above 0, and so much time between two.
    case slicer(size: Int, delay: Duration)
    /// The connection is closed after so many bytes.
    case limitData(Int)

    /// One of a kind, its numbers drawn.
    ///
    /// The kind has to be one that a proxy does.
    public static func drawn(_ kind: FaultKind, _ chance: inout SeededGenerator) -> Toxic {
        func milliseconds(_ range: ClosedRange<Int64>) -> Duration {
            .milliseconds(Int64.random(in: range, using: &chance))
        }
        return switch kind {
        case .latency: .latency(milliseconds(10...500), jitter: milliseconds(0...200))
        case .bandwidth: .bandwidth(bytesPerSecond: .random(in: 2_000...100_000, using: &chance))
        case .slowClose: .slowClose(milliseconds(100...3000))
        case .timeout: .timeout(milliseconds(0...3000))
        case .resetPeer: .resetPeer(milliseconds(0...2000))
        case .slicer: .slicer(size: .random(in: 1...200, using: &chance), delay: milliseconds(0...5))
        case .limitData: .limitData(.random(in: 100...50_000, using: &chance))
        case .kill, .freeze, .partition, .fullDisk: preconditionFailure("\(kind) is nothing that a proxy does")
        }
    }
}

/// A toxic with which connections it is for.
public struct ActiveToxic: Hashable, Sendable {
    /// A way through the proxy.
    public enum Stream: CaseIterable, Hashable, Sendable {
        /// From who dialled.
        case upstream
        /// To who dialled.
        case downstream
    }

    /// What is done.
    public var toxic: Toxic
    /// To which ways.
    public var streams: Set<Stream>
    /// To which part of all connections, 0 to 1.
    public var toxicity: Double

    /// A toxic for those ways of that part of connections.
    public init(_ toxic: Toxic, streams: Set<Stream> = Set(Stream.allCases), toxicity: Double = 1) {
        (self.toxic, self.streams, self.toxicity) = (toxic, streams, toxicity)
    }
}

/// The bytes of one way of a connection: when each goes on under toxics.
///
/// Times are since any fixed instant.
public struct ToxicStream: Sendable {
    /// So many of the bytes, in their order, at that time.
    public struct Piece: Hashable, Sendable {
        /// How many bytes.
        public var count: Int
        /// When they go on.
        public var at: Duration
    }

    /// Nothing goes on before what came before it.
    public private(set) var last: Duration = .zero
    /// How many bytes have passed since a limit was set, if one is.
    private var passed = 0

    /// Nothing has passed.
    public init() {}

    /// Says what becomes of bytes that have come.
    ///
    /// What no piece holds is dropped.
    public mutating func arrived(
        _ count: Int, at now: Duration, under toxics: [Toxic], _ chance: inout SeededGenerator
    ) -> [Piece] {
        var count = count, at = max(now, self.last), isLimited = false
        var size = Int.max, gap = Duration.zero, perByte = Duration.zero
        for toxic in toxics {
            switch toxic {
            case .latency(let delay, let jitter):
                at = max(at, now + delay + jitter * Double.random(in: 0...1, using: &chance))
            case .bandwidth(let bytesPerSecond): perByte += .seconds(1) / bytesPerSecond
            case .slicer(let largest, let delay): (size, gap) = (min(size, largest), gap + delay)
            case .limitData(let limit): (count, isLimited) = (max(0, min(count, limit - self.passed)), true)
            case .timeout: return []
            case .slowClose, .resetPeer: break
            }
        }
        self.passed = isLimited ? self.passed + count : 0
        // A piece at a time that the eye could see, not all of it at the end.
        if perByte > .zero { size = min(size, max(1, Int(.milliseconds(100) / perByte))) }
        var pieces: [Piece] = []
        while count > 0 {
            let part = min(count, size)
            at += perByte * part
            pieces.append(Piece(count: part, at: at))
            self.last = at
            at += gap
            count -= part
        }
        return pieces
    }

    /// Whether a limit has been reached: the connection is to be closed when all has gone on.
    public func isExhausted(under toxics: [Toxic]) -> Bool {
        toxics.contains { if case .limitData(let limit) = $0 { self.passed >= limit } else { false } }
    }

    /// When an end that comes now goes on.
    public func ends(at now: Duration, under toxics: [Toxic]) -> Duration {
        toxics.reduce(max(now, self.last)) { at, toxic in
            if case .slowClose(let delay) = toxic { at + delay } else { at }
        }
    }
}
